/* SPDX-License-Identifier: MIT */
/*
 * Dispatch to the implementations. What holds for all of them is done here,
 * once: paths are checked, so that no implementation ever sees one that leaves
 * its root; ranges are checked against overflow; failures get their words.
 */
#include "core/io/vfs.h"

#include <limits.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"

#define OFFSET_MAX ((uint64_t)INT64_MAX)

/* ---- checks ---- */

/*
 * Is `path` a chain of names below the root? A name is 1..NAME_MAX bytes, not
 * "." or ".."; "" is the root and allowed for directories only.
 */
static int path_is_safe(const char *path, int may_be_root)
{
	const char *name = path;

	if (!*path)
		return may_be_root;
	if (strlen(path) >= PATH_MAX)
		return 0;
	for (;;) {
		size_t n = strcspn(name, "/");

		if (n == 0 || n > NAME_MAX || (n == 1 && name[0] == '.') ||
		    (n == 2 && name[0] == '.' && name[1] == '.'))
			return 0;
		if (!name[n])
			return 1;
		name += n + 1;
	}
}

static int range_is_valid(uint64_t offset, uint64_t n)
{
	return offset <= OFFSET_MAX && n <= OFFSET_MAX - offset;
}

static int bad_path(const char *what, const char *path)
{
	return ix_fail(-EINVAL, "%s: not a path below the root: \"%.200s\"",
		       what, path);
}

/* Give a failure its words; results that are no failures pass unchanged. */
static int say(int rc, const char *what, const char *path)
{
	if (rc >= 0)
		return rc;
	return ix_fail(rc, "%s \"%s\": %s", what, path, ix_err_name(rc));
}

static int say_file(int rc, const char *what, const struct ix_file *f)
{
	return say(rc, what, f->path);
}

/* ---- paths ---- */

int ix_vfs_open(struct ix_vfs *v, const char *path, unsigned flags,
		struct ix_file **filep)
{
	char *copy;
	int rc;

	*filep = NULL;
	if (!path_is_safe(path, 0))
		return bad_path("open", path);
	if ((flags & IX_OPEN_TRUNC) && !(flags & IX_OPEN_WRITE))
		return say(-EINVAL, "truncate without writing", path);
	/* Before the open, so that no lack of memory leaves a new file. */
	copy = ix_strdup(path);
	if (!copy)
		return say(-ENOMEM, "open", path);
	rc = v->ops->open(v, path, flags, filep);
	if (rc) {
		ix_free(copy);
		return say(rc, "open", path);
	}
	(*filep)->path = copy;
	return 0;
}

int ix_vfs_stat(struct ix_vfs *v, const char *path, struct ix_stat *st)
{
	memset(st, 0, sizeof(*st));
	if (!path_is_safe(path, 1))
		return bad_path("stat", path);
	return say(v->ops->stat(v, path, st), "stat", path);
}

int ix_vfs_mkdir(struct ix_vfs *v, const char *path)
{
	if (!path_is_safe(path, 0))
		return bad_path("mkdir", path);
	return say(v->ops->mkdir(v, path), "mkdir", path);
}

int ix_vfs_rmdir(struct ix_vfs *v, const char *path)
{
	if (!path_is_safe(path, 0))
		return bad_path("rmdir", path);
	return say(v->ops->rmdir(v, path), "rmdir", path);
}

int ix_vfs_unlink(struct ix_vfs *v, const char *path)
{
	if (!path_is_safe(path, 0))
		return bad_path("unlink", path);
	return say(v->ops->unlink(v, path), "unlink", path);
}

static int say_two(int rc, const char *what, const char *from, const char *to)
{
	if (!rc)
		return 0;
	return ix_fail(rc, "%s \"%.180s\" to \"%.180s\": %s", what, from, to,
		       ix_err_name(rc));
}

int ix_vfs_rename(struct ix_vfs *v, const char *from, const char *to)
{
	if (!path_is_safe(from, 0))
		return bad_path("rename", from);
	if (!path_is_safe(to, 0))
		return bad_path("rename", to);
	return say_two(v->ops->rename(v, from, to), "rename", from, to);
}

int ix_vfs_link(struct ix_vfs *v, const char *from, const char *to)
{
	if (!path_is_safe(from, 0))
		return bad_path("link", from);
	if (!path_is_safe(to, 0))
		return bad_path("link", to);
	return say_two(v->ops->link(v, from, to), "link", from, to);
}

int ix_vfs_list(struct ix_vfs *v, const char *dir, ix_list_fn fn, void *ctx)
{
	if (!path_is_safe(dir, 1))
		return bad_path("list", dir);
	/* No words here: the code may be the callback's. */
	return v->ops->list(v, dir, fn, ctx);
}

int ix_vfs_sync_dir(struct ix_vfs *v, const char *dir)
{
	if (!path_is_safe(dir, 1))
		return bad_path("fsync", dir);
	return say(v->ops->sync_dir(v, dir), "fsync directory", dir);
}

int ix_vfs_space(struct ix_vfs *v, struct ix_space *sp)
{
	memset(sp, 0, sizeof(*sp));
	return say(v->ops->space(v, sp), "statfs", "");
}

int ix_vfs_lock(struct ix_vfs *v, const char *path, enum ix_lock_mode mode,
		unsigned timeout_ms, struct ix_file **filep)
{
	char *copy;
	int rc;

	*filep = NULL;
	if (!path_is_safe(path, 0))
		return bad_path("lock", path);
	copy = ix_strdup(path);
	if (!copy)
		return say(-ENOMEM, "lock", path);
	rc = v->ops->lock(v, path, mode, timeout_ms, filep);
	if (rc) {
		ix_free(copy);
		return say(rc, "lock", path);
	}
	(*filep)->path = copy;
	return 0;
}

void ix_vfs_free(struct ix_vfs *v)
{
	if (v)
		v->ops->free(v);
}

/* ---- files ---- */

void ix_file_close(struct ix_file *f)
{
	char *path;

	if (!f)
		return;
	path = f->path;
	f->ops->file_close(f);
	ix_free(path);
}

ssize_t ix_file_read(struct ix_file *f, void *data, size_t n, uint64_t offset)
{
	ssize_t got;

	if (n > SSIZE_MAX || !range_is_valid(offset, n))
		return say_file(-EINVAL, "read", f);
	got = f->ops->file_read(f, data, n, offset);
	if (got < 0)
		return say_file((int)got, "read", f);
	return got;
}

int ix_file_write(struct ix_file *f, const void *data, size_t n,
		  uint64_t offset)
{
	if (!range_is_valid(offset, n))
		return say_file(-EFBIG, "write", f);
	return say_file(f->ops->file_write(f, data, n, offset), "write", f);
}

int ix_file_sync(struct ix_file *f)
{
	return say_file(f->ops->file_sync(f), "fdatasync", f);
}

void ix_file_write_behind(struct ix_file *f, uint64_t offset, uint64_t n)
{
	if (range_is_valid(offset, n))
		f->ops->file_write_behind(f, offset, n);
}

int ix_file_truncate(struct ix_file *f, uint64_t size)
{
	if (size > OFFSET_MAX)
		return say_file(-EFBIG, "truncate", f);
	return say_file(f->ops->file_truncate(f, size), "truncate", f);
}

int ix_file_reserve(struct ix_file *f, uint64_t size)
{
	if (size > OFFSET_MAX)
		return say_file(-EFBIG, "reserve space for", f);
	return say_file(f->ops->file_reserve(f, size), "reserve space for", f);
}

int ix_file_stat(struct ix_file *f, struct ix_stat *st)
{
	memset(st, 0, sizeof(*st));
	return say_file(f->ops->file_stat(f, st), "stat", f);
}

int ix_file_copy_range(struct ix_file *from, uint64_t from_offset,
		       struct ix_file *to, uint64_t to_offset, uint64_t n)
{
	int rc = -EOPNOTSUPP;

	if (!range_is_valid(from_offset, n))
		rc = -EINVAL;
	else if (!range_is_valid(to_offset, n))
		rc = -EFBIG;
	else if (from->ops == to->ops)
		rc = from->ops->file_copy_range(from, from_offset, to,
						to_offset, n);
	return say_two(rc, "copy", from->path, to->path);
}

static const uint8_t empty_map;

int ix_file_map(struct ix_file *f, uint64_t size, struct ix_map *m)
{
	memset(m, 0, sizeof(*m));
	if (size > OFFSET_MAX || size > SIZE_MAX)
		return say_file(-EINVAL, "map", f);
	if (!size) {
		m->data = &empty_map;
		return 0;
	}
	return say_file(f->ops->file_map(f, size, m), "map", f);
}

void ix_map_release(struct ix_map *m)
{
	if (m->release)
		m->release(m);
	memset(m, 0, sizeof(*m));
}

int ix_file_fd(const struct ix_file *f)
{
	return f->ops->file_fd(f);
}

int ix_file_is_direct(const struct ix_file *f)
{
	return f->ops->file_is_direct(f);
}

const char *ix_file_path(const struct ix_file *f)
{
	return f->path;
}
