/* SPDX-License-Identifier: MIT */
#include "fs/unshare.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "core/base/err.h"
#include "fs/ixfs.h"
#include "fs/verdict.h"

static int copy_bytes(int from, int to, off_t left)
{
	while (left > 0) {
		ssize_t n =
			copy_file_range(from, NULL, to, NULL, (size_t)left, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		left -= n;
	}
	return 0;
}

static int copy_attributes(int to, const struct stat *st)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };

	if (fchown(to, st->st_uid, st->st_gid) ||
	    fchmod(to, st->st_mode & 0777) || futimens(to, times))
		return -errno;
	return 0;
}

/* A nameless copy of the frozen file; its descriptor or a negative code. */
static int make_copy(struct ixfs *fs, const struct ixfs_frozen *z)
{
	int from = openat(fs->backing_fd, z->path.p,
			  O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	int to;
	int rc;

	if (from < 0)
		return -errno;
	to = openat(fs->backing_fd, "staging", O_TMPFILE | O_RDWR | O_CLOEXEC,
		    0600);
	rc = to < 0 ? -errno : copy_bytes(from, to, z->st.st_size);
	if (!rc)
		rc = copy_attributes(to, &z->st);
	close(from);
	if (rc && to >= 0)
		close(to);
	return rc ? rc : to;
}

/* Put the copy in the place of the file. A name is needed for an instant: the
 * rename is what replaces atomically. */
static int take_place_locked(struct ixfs *fs, struct ixfs_sfile *f,
			     const struct ixfs_frozen *z, int copy)
{
	char self[64];
	char temp[64];
	struct stat st;

	snprintf(self, sizeof(self), "/proc/self/fd/%d", copy);
	snprintf(temp, sizeof(temp), "staging/.ixfs-unshare-%llu",
		 (unsigned long long)f->s.node.id);
	if (fstat(copy, &st) ||
	    linkat(AT_FDCWD, self, fs->backing_fd, temp, AT_SYMLINK_FOLLOW))
		return -errno;
	if (renameat(fs->backing_fd, temp, fs->backing_fd, z->path.p)) {
		int rc = -errno;

		(void)unlinkat(fs->backing_fd, temp, 0);
		return rc;
	}
	ixfs_node_rekey(fs->inodes, &f->s.node, st.st_ino);
	/* Handles opened for reading go on with the copy. */
	if (f->fd >= 0)
		(void)dup3(copy, f->fd, O_CLOEXEC);
	return 0;
}

int ixfs_unshare(struct ixfs *fs, struct ixfs_sfile *f)
{
	struct ixfs_frozen z;
	int copy;
	int rc;

	ixfs_sfile_lock_thawed(fs, f);
	rc = f->sealed ? -ENOENT : ixfs_sfile_freeze_locked(fs, f, &z);
	ixfs_sfile_unlock(fs, f);
	if (rc)
		return rc == -ENOENT ? -ESTALE : rc;
	ixfs_sfile_drain(f);
	copy = z.st.st_mode & IXFS_MARK_WITHDRAWN ? make_copy(fs, &z) : -1;
	if (z.st.st_mode & IXFS_MARK_WITHDRAWN)
		rc = copy < 0 ? copy : 0;
	ix_mutex_lock(&fs->tree->lock);
	ix_mutex_lock(&f->lock);
	if (copy >= 0)
		rc = take_place_locked(fs, f, &z, copy);
	ixfs_sfile_thaw_locked(fs, f, &z);
	ixfs_sfile_unlock(fs, f);
	if (copy >= 0)
		close(copy);
	return rc;
}
