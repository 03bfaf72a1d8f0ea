/* SPDX-License-Identifier: MIT */
/*
 * The real filesystem below one directory.
 *
 * Nothing is ever looked up by an absolute path: every path is walked from
 * the descriptor of the root, name by name, without following symbolic links,
 * so that nobody who can write below the root can lead us out of it.
 */
#include "core/io/posix_internal.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/lock.h"
#include "core/base/mem.h"

#define LOCK_NAP_MAX_MS 50u /* the longest sleep between two tries */

struct posix_vfs {
	struct ix_vfs vfs;
	int root; /* owned; descriptor of the root directory */
};

static struct posix_vfs *vfs_of(struct ix_vfs *v)
{
	return (struct posix_vfs *)v;
}

/* ---- walking ---- */

/* A place to apply an *at() call to. */
struct place {
	int dir;          /* descriptor of the parent */
	int owned;        /* is it ours to close? */
	const char *name; /* last component, inside the path; "." for the
			     root itself */
};

static void place_release(struct place *p)
{
	if (p->owned)
		close(p->dir);
	p->owned = 0;
}

static int openat_retry(int dir, const char *name, int flags, mode_t mode)
{
	int fd;

	do
		fd = openat(dir, name, flags | O_CLOEXEC, mode);
	while (fd < 0 && errno == EINTR);
	return fd < 0 ? -errno : fd;
}

/* Walk to the parent of `path`. 0 or -errno; release with place_release. */
static int place_find(struct posix_vfs *v, const char *path, struct place *p)
{
	const char *slash;

	p->dir = v->root;
	p->owned = 0;
	p->name = *path ? path : ".";
	while ((slash = strchr(p->name, '/'))) {
		char name[NAME_MAX + 1];
		size_t n = (size_t)(slash - p->name);
		int fd;

		if (n > NAME_MAX) {
			place_release(p);
			return -ENAMETOOLONG;
		}
		memcpy(name, p->name, n);
		name[n] = '\0';
		fd = openat_retry(p->dir, name,
				  O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
		place_release(p);
		if (fd < 0)
			return fd;
		p->dir = fd;
		p->owned = 1;
		p->name = slash + 1;
	}
	return 0;
}

/* ---- opening ---- */

static enum ix_file_type type_of_mode(mode_t mode)
{
	if (S_ISREG(mode))
		return IX_TYPE_FILE;
	return S_ISDIR(mode) ? IX_TYPE_DIR : IX_TYPE_OTHER;
}

void ix_posix_fill_stat(struct ix_stat *out, const struct stat *st)
{
	out->type = type_of_mode(st->st_mode);
	out->ino = st->st_ino;
	out->size = (uint64_t)st->st_size;
	out->blocks = (uint64_t)st->st_blocks;
	out->mtime_ns =
		(int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
	out->mode = st->st_mode & 07777;
	out->uid = st->st_uid;
	out->gid = st->st_gid;
	out->nlink = (uint32_t)st->st_nlink;
}

static int native_flags(unsigned flags)
{
	int native = O_NOFOLLOW | O_NOCTTY;

	native |= flags & IX_OPEN_WRITE ? O_RDWR : O_RDONLY;
	if (flags & IX_OPEN_CREATE)
		native |= O_CREAT;
	if ((flags & IX_OPEN_CREATE) && (flags & IX_OPEN_EXCL))
		native |= O_EXCL;
	if (flags & IX_OPEN_TRUNC)
		native |= O_TRUNC;
	/* A FIFO that somebody put there must not hold us up. */
	return native | O_NONBLOCK;
}

/*
 * Only a regular file is good. O_NONBLOCK goes, since io_uring honours it;
 * O_DIRECT comes, if the filesystem has it: asking here and not in openat()
 * leaves no new file behind when it is refused.
 */
static int settle_flags(int fd, unsigned flags, int *directp)
{
	struct stat st;

	*directp = 0;
	if (fstat(fd, &st))
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode))
		return -ENXIO;
	if ((flags & IX_OPEN_DIRECT) && !fcntl(fd, F_SETFL, O_DIRECT)) {
		*directp = 1;
		return 0;
	}
	return fcntl(fd, F_SETFL, 0) ? -errno : 0;
}

static const struct ix_vfs_ops posix_ops;

static int file_new(int fd, unsigned flags, struct ix_file **filep)
{
	struct posix_file *f;
	int direct;
	int rc;

	rc = settle_flags(fd, flags, &direct);
	if (rc)
		goto out;
	f = ix_calloc(1, sizeof(*f));
	if (!f) {
		rc = -ENOMEM;
		goto out;
	}
	f->file.ops = &posix_ops;
	f->fd = fd;
	f->direct = direct;
	fd = -1;
	*filep = &f->file;
out:
	if (fd >= 0)
		close(fd);
	return rc;
}

static int posix_open(struct ix_vfs *v, const char *path, unsigned flags,
		      struct ix_file **filep)
{
	struct place at;
	int fd;
	int rc;

	rc = place_find(vfs_of(v), path, &at);
	if (rc)
		return rc;
	fd = openat_retry(at.dir, at.name, native_flags(flags),
			  flags & IX_OPEN_PUBLIC ? 0666 : 0600);
	place_release(&at);
	return fd < 0 ? fd : file_new(fd, flags, filep);
}

static int open_dir(struct ix_vfs *v, const char *path)
{
	struct place at;
	int rc;

	rc = place_find(vfs_of(v), path, &at);
	if (rc)
		return rc;
	rc = openat_retry(at.dir, at.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
			  0);
	place_release(&at);
	return rc;
}

/* ---- names ---- */

static int posix_stat(struct ix_vfs *v, const char *path, struct ix_stat *out)
{
	struct place at;
	struct stat st;
	int rc;

	rc = place_find(vfs_of(v), path, &at);
	if (rc)
		return rc;
	rc = fstatat(at.dir, at.name, &st, AT_SYMLINK_NOFOLLOW) ? -errno : 0;
	place_release(&at);
	if (!rc)
		ix_posix_fill_stat(out, &st);
	return rc;
}

static int posix_mkdir(struct ix_vfs *v, const char *path)
{
	struct place at;
	int rc;

	rc = place_find(vfs_of(v), path, &at);
	if (rc)
		return rc;
	rc = mkdirat(at.dir, at.name, 0700) ? -errno : 0;
	place_release(&at);
	return rc;
}

static int remove_at(struct ix_vfs *v, const char *path, int flags)
{
	struct place at;
	int rc;

	rc = place_find(vfs_of(v), path, &at);
	if (rc)
		return rc;
	rc = unlinkat(at.dir, at.name, flags) ? -errno : 0;
	place_release(&at);
	return rc;
}

static int posix_rmdir(struct ix_vfs *v, const char *path)
{
	return remove_at(v, path, AT_REMOVEDIR);
}

static int posix_unlink(struct ix_vfs *v, const char *path)
{
	return remove_at(v, path, 0);
}

static int posix_rename(struct ix_vfs *v, const char *from, const char *to)
{
	struct place a;
	struct place b;
	int rc;

	rc = place_find(vfs_of(v), from, &a);
	if (rc)
		return rc;
	rc = place_find(vfs_of(v), to, &b);
	if (!rc) {
		rc = renameat(a.dir, a.name, b.dir, b.name) ? -errno : 0;
		place_release(&b);
	}
	place_release(&a);
	return rc;
}

static int posix_link(struct ix_vfs *v, const char *from, const char *to)
{
	struct place a;
	struct place b;
	int rc;

	rc = place_find(vfs_of(v), from, &a);
	if (rc)
		return rc;
	rc = place_find(vfs_of(v), to, &b);
	if (!rc) {
		rc = linkat(a.dir, a.name, b.dir, b.name, 0) ? -errno : 0;
		place_release(&b);
	}
	place_release(&a);
	return rc;
}

static enum ix_file_type entry_type(int dir, const struct dirent *e)
{
	struct stat st;

	switch (e->d_type) {
	case DT_REG:
		return IX_TYPE_FILE;
	case DT_DIR:
		return IX_TYPE_DIR;
	case DT_UNKNOWN: /* some filesystems never tell */
		if (!fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW))
			return type_of_mode(st.st_mode);
		return IX_TYPE_OTHER;
	default:
		return IX_TYPE_OTHER;
	}
}

static int posix_list(struct ix_vfs *v, const char *dir, ix_list_fn fn,
		      void *ctx)
{
	struct dirent *e;
	DIR *d;
	int fd;
	int rc;

	fd = open_dir(v, dir);
	if (fd < 0)
		return ix_fail(fd, "list \"%s\": %s", dir, ix_err_name(fd));
	d = fdopendir(fd);
	if (!d) {
		rc = ix_fail(-errno, "list \"%s\": %s", dir,
			     ix_err_name(-errno));
		close(fd);
		return rc;
	}
	for (;;) {
		errno = 0;
		e = readdir(d);
		if (!e) {
			rc = -errno;
			if (rc)
				ix_fail(rc, "list \"%s\": %s", dir,
					ix_err_name(rc));
			break;
		}
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		rc = fn(ctx, e->d_name, entry_type(fd, e));
		if (rc)
			break;
	}
	closedir(d);
	return rc;
}

static int posix_sync_dir(struct ix_vfs *v, const char *dir)
{
	int fd = open_dir(v, dir);
	int rc;

	if (fd < 0)
		return fd;
	do
		rc = fsync(fd) ? -errno : 0;
	while (rc == -EINTR);
	close(fd);
	return rc;
}

static int posix_space(struct ix_vfs *v, struct ix_space *sp)
{
	struct statvfs st;

	while (fstatvfs(vfs_of(v)->root, &st)) {
		if (errno != EINTR)
			return -errno;
	}
	sp->total_bytes = (uint64_t)st.f_blocks * st.f_frsize;
	sp->free_bytes = (uint64_t)st.f_bavail * st.f_frsize;
	sp->files = st.f_files;
	sp->files_free = st.f_favail;
	return 0;
}

/* ---- locks ---- */

static void nap(unsigned ms)
{
	struct timespec ts = { .tv_sec = 0, .tv_nsec = (long)ms * 1000000 };

	nanosleep(&ts, NULL);
}

/* flock() with a deadline: it has no time-out of its own, and a signal would
 * be needed to end it, so it is polled. */
static int flock_until(int fd, int op, uint64_t deadline_ns)
{
	unsigned nap_ms = 1;

	for (;;) {
		uint64_t now;
		uint64_t left_ms;

		if (!flock(fd, op | LOCK_NB))
			return 0;
		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK)
			return -errno;
		now = ix_now_ns();
		if (now >= deadline_ns)
			return -EWOULDBLOCK;
		left_ms = (deadline_ns - now) / 1000000 + 1;
		nap(nap_ms < left_ms ? nap_ms : (unsigned)left_ms);
		nap_ms = nap_ms * 2 < LOCK_NAP_MAX_MS ? nap_ms * 2
						      : LOCK_NAP_MAX_MS;
	}
}

/* Is `fd` still the file called `at`? Else its lock excludes nobody. */
static int still_named(int fd, const struct place *at)
{
	struct stat a;
	struct stat b;

	return !fstat(fd, &a) &&
	       !fstatat(at->dir, at->name, &b, AT_SYMLINK_NOFOLLOW) &&
	       a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

static int lock_open(const struct place *at, enum ix_lock_mode mode)
{
	int fd = openat_retry(at->dir, at->name,
			      native_flags(IX_OPEN_WRITE | IX_OPEN_CREATE),
			      0600);

	/* Readers may lock what they may not write. */
	if ((fd == -EACCES || fd == -EROFS) && mode == IX_LOCK_SHARED)
		fd = openat_retry(at->dir, at->name, native_flags(IX_OPEN_READ),
				  0);
	return fd;
}

static int posix_lock(struct ix_vfs *v, const char *path,
		      enum ix_lock_mode mode, unsigned timeout_ms,
		      struct ix_file **filep)
{
	uint64_t deadline_ns = ix_now_ns() + (uint64_t)timeout_ms * 1000000;
	int op = mode == IX_LOCK_SHARED ? LOCK_SH : LOCK_EX;
	struct place at;
	int fd = -1;
	int rc;

	rc = place_find(vfs_of(v), path, &at);
	if (rc)
		return rc;
	for (;;) {
		fd = lock_open(&at, mode);
		if (fd < 0) {
			rc = fd;
			break;
		}
		rc = flock_until(fd, op, deadline_ns);
		if (rc || still_named(fd, &at))
			break;
		close(fd);
	}
	place_release(&at);
	if (!rc)
		return file_new(fd, IX_OPEN_WRITE, filep);
	if (fd >= 0)
		close(fd);
	return rc;
}

/* ---- the table ---- */

static void posix_free(struct ix_vfs *v)
{
	close(vfs_of(v)->root);
	ix_free(v);
}

static const struct ix_vfs_ops posix_ops = {
	.open = posix_open,
	.stat = posix_stat,
	.mkdir = posix_mkdir,
	.rmdir = posix_rmdir,
	.unlink = posix_unlink,
	.rename = posix_rename,
	.link = posix_link,
	.list = posix_list,
	.sync_dir = posix_sync_dir,
	.space = posix_space,
	.lock = posix_lock,
	.free = posix_free,
	.file_close = ix_posix_file_close,
	.file_read = ix_posix_file_read,
	.file_write = ix_posix_file_write,
	.file_sync = ix_posix_file_sync,
	.file_write_behind = ix_posix_file_write_behind,
	.file_truncate = ix_posix_file_truncate,
	.file_reserve = ix_posix_file_reserve,
	.file_stat = ix_posix_file_stat,
	.file_copy_range = ix_posix_file_copy_range,
	.file_map = ix_posix_file_map,
	.file_fd = ix_posix_file_fd,
	.file_is_direct = ix_posix_file_is_direct,
};

int ix_vfs_posix_new(const char *root, struct ix_vfs **vp)
{
	struct posix_vfs *v;
	int fd;

	*vp = NULL;
	fd = openat_retry(AT_FDCWD, root, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return ix_fail(fd, "open directory \"%s\": %s", root,
			       ix_err_name(fd));
	v = ix_calloc(1, sizeof(*v));
	if (!v) {
		close(fd);
		return ix_fail(-ENOMEM, "open directory \"%s\": %s", root,
			       ix_err_name(-ENOMEM));
	}
	v->vfs.ops = &posix_ops;
	v->root = fd;
	*vp = &v->vfs;
	return 0;
}
