/* SPDX-License-Identifier: MIT */
#include "fs/tree.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "fs/ixfs.h"
#include "fs/names.h"
#include "fs/staging.h"

/* ---- paths ---- */

static int prepend(struct ixfs_path *path, const char *component)
{
	size_t n = strlen(component);
	size_t room = (size_t)(path->p - path->text);
	int slash = *path->p != '\0';
	char *p;

	if (room < n + (size_t)slash)
		return -ENAMETOOLONG;
	p = path->text + room;
	if (slash)
		*--p = '/';
	p -= n;
	(void)mempcpy(p, component, n); /* without its NUL */
	path->p = p;
	return 0;
}

int ixfs_tree_path_locked(struct ixfs *fs, struct ixfs_snode *n,
			  const char *child, struct ixfs_path *path)
{
	struct ixfs_tree *t = fs->tree;
	int rc = 0;

	path->text[PATH_MAX - 1] = '\0';
	path->p = path->text + PATH_MAX - 1;
	if (child)
		rc = prepend(path, child);
	for (; !rc; n = n->parent) {
		if (n == t->pending)
			return prepend(path, "pending");
		if (n == t->staging)
			return prepend(path, "staging");
		if (!n->parent)
			return -ENOENT;
		rc = prepend(path, n->name);
	}
	return rc;
}

int ixfs_tree_is_final_locked(struct ixfs *fs, const struct ixfs_snode *n)
{
	return n->parent == fs->tree->pending && n->name &&
	       ixfs_name_is_final(n->name);
}

/* ---- nodes ---- */

struct ixfs_snode *ixfs_snode_of(struct ixfs_node *n)
{
	if (n->ops == &ixfs_sfile_ops || n->ops == &ixfs_sdir_ops)
		return (struct ixfs_snode *)n;
	return NULL;
}

void ixfs_snode_release(struct ixfs *fs, struct ixfs_snode *n)
{
	if (n->parent)
		ixfs_node_unref(fs->inodes, &n->parent->node);
	ix_free(n->name);
	ix_free(n->gone);
}

int ixfs_tree_moved_locked(struct ixfs *fs, struct ixfs_snode *n,
			   struct ixfs_snode *dir, const char *name)
{
	struct ixfs_snode *old = n->parent;
	char *copy;

	if (old == dir && !strcmp(n->name, name))
		return 0;
	copy = ix_strdup(name);
	if (!copy) {
		ixfs_tree_gone_locked(fs, n, NULL);
		return -ENOMEM;
	}
	ix_free(n->name);
	n->name = copy;
	if (old == dir)
		return 0;
	ixfs_node_ref(fs->inodes, &dir->node);
	n->parent = dir;
	/* Cannot be its last reference: the kernel is busy with it, or the
	 * caller is. */
	if (old)
		ixfs_node_unref(fs->inodes, &old->node);
	return 0;
}

void ixfs_tree_gone_locked(struct ixfs *fs, struct ixfs_snode *n,
			   const struct stat *st)
{
	ixfs_node_unkey(fs->inodes, &n->node);
	if (st && !n->gone) {
		n->gone = ix_malloc(sizeof(*n->gone));
		if (n->gone) {
			*n->gone = *st;
			n->gone->st_nlink = 0;
		}
	}
	if (n->parent)
		ixfs_node_unref(fs->inodes, &n->parent->node);
	n->parent = NULL;
	ix_free(n->name);
	n->name = NULL;
}

int ixfs_tree_node_locked(struct ixfs *fs, struct ixfs_snode *dir,
			  const char *name, const struct stat *st,
			  struct ixfs_snode **np)
{
	const struct ixfs_ops *ops =
		S_ISDIR(st->st_mode) ? &ixfs_sdir_ops : &ixfs_sfile_ops;
	struct ixfs_snode *fresh;
	struct ixfs_node *n;
	int rc;

	*np = NULL;
	n = ixfs_node_find_or_add(fs->inodes, ops, st->st_ino, NULL);
	if (!n) {
		fresh = S_ISDIR(st->st_mode) ? ixfs_sdir_new()
					     : ixfs_sfile_new();
		if (!fresh)
			return -ENOMEM;
		/* Nobody else adds one: that happens under this lock. */
		n = ixfs_node_find_or_add(fs->inodes, ops, st->st_ino,
					  &fresh->node);
		assert(n == &fresh->node);
	}
	rc = ixfs_tree_moved_locked(fs, (struct ixfs_snode *)n, dir, name);
	if (rc) {
		ixfs_node_unref(fs->inodes, n);
		return rc;
	}
	*np = (struct ixfs_snode *)n;
	return 0;
}

int ixfs_tree_lookup_locked(struct ixfs *fs, struct ixfs_snode *dir,
			    const char *name, struct ixfs_snode **np)
{
	struct ixfs_path path;
	struct stat st;
	int rc;

	*np = NULL;
	rc = ixfs_tree_path_locked(fs, dir, name, &path);
	if (rc)
		return rc;
	if (fstatat(fs->backing_fd, path.p, &st, AT_SYMLINK_NOFOLLOW))
		return -errno;
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return -ENOENT;
	/* pending/ is flat: directories in the root are kept free. */
	if (S_ISDIR(st.st_mode) && dir == fs->tree->pending)
		return -ENOENT;
	return ixfs_tree_node_locked(fs, dir, name, &st, np);
}

int ixfs_tree_lookup(struct ixfs *fs, struct ixfs_snode *dir, const char *name,
		     struct ixfs_snode **np)
{
	int rc;

	ix_mutex_lock(&fs->tree->lock);
	rc = ixfs_tree_lookup_locked(fs, dir, name, np);
	ix_mutex_unlock(&fs->tree->lock);
	return rc;
}

void ixfs_tree_remove_pending_locked(struct ixfs *fs, const char *name)
{
	struct ixfs_snode *dir = fs->tree->pending;
	struct ixfs_snode *old;
	struct ixfs_path path;
	struct stat st;

	if (ixfs_tree_lookup_locked(fs, dir, name, &old) || !old)
		return;
	if (!ixfs_tree_path_locked(fs, dir, name, &path) &&
	    !fstatat(fs->backing_fd, path.p, &st, AT_SYMLINK_NOFOLLOW) &&
	    !unlinkat(fs->backing_fd, path.p, 0)) {
		ixfs_tree_count(fs->tree, -st.st_size);
		ixfs_tree_gone_locked(fs, old, &st);
	}
	ixfs_node_unref(fs->inodes, &old->node);
}

/* ---- attributes ---- */

void ixfs_snode_show(struct stat *st)
{
	st->st_ino = ixfs_ino_staging(st->st_ino);
	/* No suid or sgid anywhere; on a file the sticky bit is a mark of
	 * ours (staging.h). */
	st->st_mode &= S_IFMT | 0777 | (S_ISDIR(st->st_mode) ? S_ISVTX : 0);
	/* cp and rsync write in units of this. */
	st->st_blksize = 1 << 20;
}

int ixfs_snode_stat(struct ixfs *fs, struct ixfs_snode *n, struct stat *st)
{
	struct ixfs_path path;
	int rc;

	ix_mutex_lock(&fs->tree->lock);
	if (n->gone) {
		*st = *n->gone;
		rc = 0;
	} else {
		rc = ixfs_tree_path_locked(fs, n, NULL, &path);
		if (!rc &&
		    fstatat(fs->backing_fd, path.p, st, AT_SYMLINK_NOFOLLOW))
			rc = -errno;
	}
	ix_mutex_unlock(&fs->tree->lock);
	if (rc)
		return rc == -ENOENT ? -ESTALE : rc;
	ixfs_snode_show(st);
	if (n == fs->tree->staging)
		st->st_ino = n->node.id;
	return 0;
}

/* ---- the space used ---- */

uint64_t ixfs_tree_bytes(struct ixfs_tree *t)
{
	int64_t bytes = t->bytes;

	return bytes > 0 ? (uint64_t)bytes : 0;
}

void ixfs_tree_count(struct ixfs_tree *t, int64_t delta)
{
	t->bytes += delta;
}

/* Add up the files below directory `fd`, which is closed. */
static int count_below(struct ixfs_tree *t, int fd, int depth)
{
	DIR *dir = fdopendir(fd);
	struct dirent *d;
	struct stat st;
	int rc = 0;

	if (!dir) {
		rc = -errno;
		close(fd);
		return rc;
	}
	while (!rc && (errno = 0, d = readdir(dir))) {
		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, ".."))
			continue;
		if (fstatat(fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		if (S_ISREG(st.st_mode))
			t->bytes += st.st_size;
		if (!S_ISDIR(st.st_mode) || depth == 0)
			continue;
		rc = openat(fd, d->d_name,
			    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		rc = rc < 0 ? -errno : count_below(t, rc, depth - 1);
	}
	closedir(dir);
	return rc;
}

static int open_top(struct ixfs *fs, struct ixfs_tree *t, const char *name)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(fs->backing_fd, name, flags);

	if (fd < 0 && errno == ENOENT && !fs->o->read_only &&
	    !mkdirat(fs->backing_fd, name, 0755))
		fd = openat(fs->backing_fd, name, flags);
	if (fd < 0 && errno == ENOENT && fs->o->read_only)
		return 0; /* nothing was ever put there */
	if (fd < 0)
		return ix_fail(-errno, "%s/%s: %s", fs->backing, name,
			       strerrordesc_np(errno));
	/* An unreadable corner costs accuracy of df, no more. The depth bounds
	 * descriptors and stack. */
	(void)count_below(t, fd, 64);
	return 0;
}

/* ---- life ---- */

static struct ixfs_snode *add_top(struct ixfs *fs, uint64_t id)
{
	struct ixfs_snode *n = ixfs_sdir_new();

	if (n)
		ixfs_node_add_fixed(fs->inodes, &n->node, &ixfs_sdir_ops, id);
	return n;
}

int ixfs_tree_new(struct ixfs *fs, struct ixfs_tree **tp)
{
	struct ixfs_tree *t = ix_calloc(1, sizeof(*t));
	int rc;

	*tp = NULL;
	if (!t)
		return ix_fail(-ENOMEM, "no memory");
	rc = open_top(fs, t, "pending");
	if (!rc)
		rc = open_top(fs, t, "staging");
	if (!rc)
		rc = ix_mutex_init(&t->lock);
	if (rc)
		goto out_free;
	rc = ix_cond_init(&t->settled);
	if (rc)
		goto out_lock;
	t->pending = add_top(fs, IXFS_ID_PENDING);
	t->staging = add_top(fs, IXFS_ID_STAGING);
	*tp = t;
	if (!t->pending || !t->staging) {
		*tp = NULL;
		ixfs_tree_free(fs, t);
		return ix_fail(-ENOMEM, "no memory");
	}
	return 0;

out_lock:
	ix_mutex_release(&t->lock);
out_free:
	ix_free(t);
	return rc;
}

void ixfs_tree_free(struct ixfs *fs, struct ixfs_tree *t)
{
	if (!t)
		return;
	if (t->pending)
		ixfs_node_unref(fs->inodes, &t->pending->node);
	if (t->staging)
		ixfs_node_unref(fs->inodes, &t->staging->node);
	ix_cond_release(&t->settled);
	ix_mutex_release(&t->lock);
	ix_free(t);
}
