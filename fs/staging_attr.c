/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/ixfs.h"
#include "fs/staging.h"

static void wanted_times(const struct stat *st, int to_set,
			 struct timespec times[2])
{
	times[0] = st->st_atim;
	times[1] = st->st_mtim;
	if (to_set & FUSE_SET_ATTR_ATIME_NOW)
		times[0].tv_nsec = UTIME_NOW;
	else if (!(to_set & FUSE_SET_ATTR_ATIME))
		times[0].tv_nsec = UTIME_OMIT;
	if (to_set & FUSE_SET_ATTR_MTIME_NOW)
		times[1].tv_nsec = UTIME_NOW;
	else if (!(to_set & FUSE_SET_ATTR_MTIME))
		times[1].tv_nsec = UTIME_OMIT;
}

/* No suid and sgid, as everywhere in the mount. A file's mark stays. */
static int set_mode(int dirfd, const char *path, int is_dir, mode_t mode)
{
	struct stat now;

	if (fstatat(dirfd, path, &now, AT_SYMLINK_NOFOLLOW))
		return -errno;
	mode &= is_dir ? 01777 : 0777;
	if (!is_dir)
		mode |= now.st_mode & IXFS_MARK_WITHDRAWN;
	return fchmodat(dirfd, path, mode, 0) ? -errno : 0;
}

static int set_path(int dirfd, const char *path, int is_dir,
		    const struct stat *st, int to_set)
{
	const uid_t uid = to_set & FUSE_SET_ATTR_UID ? st->st_uid : (uid_t)-1;
	const gid_t gid = to_set & FUSE_SET_ATTR_GID ? st->st_gid : (gid_t)-1;
	struct timespec times[2];
	int rc = 0;

	if ((to_set & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID)) &&
	    fchownat(dirfd, path, uid, gid, AT_SYMLINK_NOFOLLOW))
		return -errno;
	if (to_set & FUSE_SET_ATTR_MODE)
		rc = set_mode(dirfd, path, is_dir, st->st_mode);
	if (rc)
		return rc;
	wanted_times(st, to_set, times);
	return utimensat(dirfd, path, times, AT_SYMLINK_NOFOLLOW) ? -errno : 0;
}

int ixfs_snode_setattr(struct ixfs *fs, struct ixfs_snode *n,
		       const struct stat *st, int to_set)
{
	struct ixfs_path path;
	int rc;

	ix_mutex_lock(&fs->tree->lock);
	rc = ixfs_tree_path_locked(fs, n, NULL, &path);
	if (!rc)
		rc = set_path(fs->backing_fd, path.p, n->is_dir, st, to_set);
	else if (rc == -ENOENT)
		rc = 0; /* removed: nobody will see it any more */
	ix_mutex_unlock(&fs->tree->lock);
	return rc;
}
