/* SPDX-License-Identifier: MIT */
/*
 * The operations of a simulated disk, as a process sees them. They behave as
 * the real ones do, to the error number: tests/unit/test_vfs.c runs one suite
 * over both.
 */
#include "core/io/sim_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EPOCH_NS       INT64_C(1700000000000000000) /* of every new disk */
#define TICK_NS        INT64_C(1000000)
#define UNBOUNDED_DISK (UINT64_C(1) << 40)

static struct sim_file *file_of(struct ix_file *f)
{
	return (struct sim_file *)(void *)f;
}

/* ---- walking ---- */

struct place {
	struct sim_inode *dir;  /* borrowed */
	const char *name;       /* last component, inside the path */
	struct sim_inode *node; /* what it means, or NULL; borrowed */
};

/* Walk to `path`. 0, or -ENOENT or -ENOTDIR when the parent is not there. */
static int place_find(struct ix_sim *s, const char *path, struct place *p)
{
	struct sim_inode *dir = s->root;
	const char *slash;

	while ((slash = strchr(path, '/'))) {
		dir = sim_dir_get(&dir->now_dir, path, (size_t)(slash - path));
		if (!dir)
			return -ENOENT;
		if (dir->type != IX_TYPE_DIR)
			return -ENOTDIR;
		path = slash + 1;
	}
	assert(dir);
	p->dir = dir;
	p->name = path;
	p->node = s->root;
	if (*path)
		p->node = sim_dir_get(&dir->now_dir, path, strlen(path));
	return 0;
}

/* As place_find, but -ENOENT when the path itself is not there. */
static int place_existing(struct ix_sim *s, const char *path, struct place *p)
{
	int rc = place_find(s, path, p);

	return rc ? rc : p->node ? 0 : -ENOENT;
}

void sim_touch(struct sim_inode *i)
{
	i->mtime_ns = EPOCH_NS + (int64_t)++i->sim->clock * TICK_NS;
}

/* ---- changing names ---- */

static void entry_add(struct sim_inode *dir, const char *name,
		      struct sim_inode *node)
{
	node->nlink++;
	if (node->type == IX_TYPE_DIR)
		node->parent = dir;
	sim_dir_set(&dir->now_dir, name, node);
	sim_touch(dir);
}

static void entry_remove(struct sim_inode *dir, const char *name,
			 struct sim_inode *node)
{
	sim_inode_ref(node);
	sim_dir_set(&dir->now_dir, name, NULL);
	node->nlink--;
	sim_charge(node);
	sim_inode_unref(node);
	sim_touch(dir);
}

/* dir[name] = node, now and in the log. Returns the op's id. */
static uint64_t name_set(struct ix_sim *s, struct sim_inode *dir,
			 const char *name, struct sim_inode *node)
{
	struct sim_oplog *op = sim_log_add(s, SIM_OP_SET, node);

	op->dir = sim_inode_ref(dir);
	op->name = sim_strdup(name);
	entry_add(dir, name, node);
	return s->next_op;
}

/* dir[name] = nothing, now and in the log, not without op `needs`. */
static void name_remove(struct ix_sim *s, struct sim_inode *dir,
			const char *name, struct sim_inode *node,
			uint64_t needs)
{
	struct sim_oplog *op = sim_log_add(s, SIM_OP_REMOVE, node);

	op->dir = sim_inode_ref(dir);
	op->name = sim_strdup(name);
	op->needs = needs;
	entry_remove(dir, name, node);
}

static int disk_remove(struct ix_vfs *v, const char *path, enum ix_sim_op op,
		       int want_dir)
{
	struct ix_sim *s = sim_of_vfs(v);
	struct place at;
	int rc;

	ix_mutex_lock(&s->lock);
	rc = sim_enter(s, op);
	if (!rc)
		rc = place_existing(s, path, &at);
	if (!rc && want_dir && at.node->type != IX_TYPE_DIR)
		rc = -ENOTDIR;
	if (!rc && !want_dir && at.node->type == IX_TYPE_DIR)
		rc = -EISDIR;
	if (!rc && want_dir && at.node->now_dir.n)
		rc = -ENOTEMPTY;
	if (!rc) {
		rc = sim_mutate(s);
		name_remove(s, at.dir, at.name, at.node, 0);
	}
	ix_mutex_unlock(&s->lock);
	return rc;
}

static int disk_unlink(struct ix_vfs *v, const char *path)
{
	return disk_remove(v, path, IX_SIM_UNLINK, 0);
}

static int disk_rmdir(struct ix_vfs *v, const char *path)
{
	return disk_remove(v, path, IX_SIM_MKDIR, 1);
}

static int disk_mkdir(struct ix_vfs *v, const char *path)
{
	struct ix_sim *s = sim_of_vfs(v);
	struct sim_inode *node;
	struct place at;
	int rc;

	ix_mutex_lock(&s->lock);
	rc = sim_enter(s, IX_SIM_MKDIR);
	if (!rc)
		rc = place_find(s, path, &at);
	if (!rc && at.node)
		rc = -EEXIST;
	if (!rc) {
		rc = sim_mutate(s);
		node = sim_inode_new(s, IX_TYPE_DIR);
		sim_touch(node);
		name_set(s, at.dir, at.name, node);
		sim_inode_unref(node);
	}
	ix_mutex_unlock(&s->lock);
	return rc;
}

static int disk_link(struct ix_vfs *v, const char *from, const char *to)
{
	struct ix_sim *s = sim_of_vfs(v);
	struct place a;
	struct place b;
	int rc;

	ix_mutex_lock(&s->lock);
	rc = sim_enter(s, IX_SIM_LINK);
	if (!rc)
		rc = place_existing(s, from, &a);
	if (!rc)
		rc = place_find(s, to, &b);
	if (!rc && b.node)
		rc = -EEXIST;
	if (!rc && a.node->type == IX_TYPE_DIR)
		rc = -EPERM;
	if (!rc) {
		rc = sim_mutate(s);
		name_set(s, b.dir, b.name, a.node);
	}
	ix_mutex_unlock(&s->lock);
	return rc;
}

static int is_inside(const struct sim_inode *dir, const struct sim_inode *of)
{
	for (; dir; dir = dir->parent) {
		if (dir == of)
			return 1;
	}
	return 0;
}

/* The rules of rename(2): 0 go on, 1 nothing to do, or -errno. */
static int rename_check(const struct place *a, const struct place *b)
{
	if (a->node == b->node)
		return 1;
	if (a->node->type != IX_TYPE_DIR)
		return b->node && b->node->type == IX_TYPE_DIR ? -EISDIR : 0;
	if (is_inside(b->dir, a->node))
		return -EINVAL;
	if (b->node && b->node->type != IX_TYPE_DIR)
		return -ENOTDIR;
	return b->node && b->node->now_dir.n ? -ENOTEMPTY : 0;
}

static void rename_apply(struct ix_sim *s, struct place *a, struct place *b)
{
	struct sim_inode *node = sim_inode_ref(a->node);
	struct sim_oplog *op;
	uint64_t set;

	assert(a->dir && b->dir);
	if (b->node)
		entry_remove(b->dir, b->name, b->node);
	if (a->dir != b->dir && node->type != IX_TYPE_DIR) {
		set = name_set(s, b->dir, b->name, node);
		name_remove(s, a->dir, a->name, node, set);
	} else {
		op = sim_log_add(s, SIM_OP_RENAME, node);
		op->dir = sim_inode_ref(a->dir);
		op->dir2 = sim_inode_ref(b->dir);
		op->name = sim_strdup(a->name);
		op->name2 = sim_strdup(b->name);
		entry_remove(a->dir, a->name, node);
		entry_add(b->dir, b->name, node);
		sim_charge(node);
	}
	sim_inode_unref(node);
}

static int disk_rename(struct ix_vfs *v, const char *from, const char *to)
{
	struct ix_sim *s = sim_of_vfs(v);
	struct place a;
	struct place b;
	int rc;

	ix_mutex_lock(&s->lock);
	rc = sim_enter(s, IX_SIM_RENAME);
	if (!rc)
		rc = place_existing(s, from, &a);
	if (!rc)
		rc = place_find(s, to, &b);
	if (!rc)
		rc = rename_check(&a, &b);
	if (!rc) {
		rc = sim_mutate(s);
		rename_apply(s, &a, &b);
	}
	ix_mutex_unlock(&s->lock);
	return rc < 0 ? rc : 0;
}

static int disk_sync_dir(struct ix_vfs *v, const char *dir)
{
	struct ix_sim *s = sim_of_vfs(v);
	struct place at;
	int fault;
	int rc;

	ix_mutex_lock(&s->lock);
	fault = sim_enter(s, IX_SIM_SYNC_DIR);
	rc = place_existing(s, dir, &at);
	if (!rc && at.node->type != IX_TYPE_DIR)
		rc = -ENOTDIR;
	if (fault) {
		if (!rc && !s->crashed)
			sim_log_stuck(s, at.node);
		rc = fault;
	}
	if (!rc)
		rc = sim_mutate(s);
	if (!rc)
		sim_log_synced(s, at.node);
	ix_mutex_unlock(&s->lock);
	return rc;
}

/* ---- looking ---- */

void sim_fill_stat(struct ix_stat *st, const struct sim_inode *i)
{
	st->type = i->type;
	st->ino = i->number;
	st->size = i->type == IX_TYPE_DIR ? 4096 : i->now.size;
	st->blocks = (i->charged + SIM_SECTOR - 1) / SIM_SECTOR;
	st->mtime_ns = i->mtime_ns;
	st->mode = i->type == IX_TYPE_DIR ? 0700 : 0600;
	st->uid = geteuid();
	st->gid = getegid();
	st->nlink = i->type == IX_TYPE_DIR ? 2 : i->nlink;
}

static int disk_stat(struct ix_vfs *v, const char *path, struct ix_stat *st)
{
	struct ix_sim *s = sim_of_vfs(v);
	struct place at;
	int rc;

	ix_mutex_lock(&s->lock);
	rc = sim_enter(s, IX_SIM_STAT);
	if (!rc)
		rc = place_existing(s, path, &at);
	if (!rc)
		sim_fill_stat(st, at.node);
	ix_mutex_unlock(&s->lock);
	return rc;
}

struct listing {
	char *name; /* owned */
	enum ix_file_type type;
};

/* Copy the entries in another order than that of the names or of their
 * making: nobody may rely on one. */
static struct listing *list_copy(const struct sim_inode *dir, size_t *np)
{
	const struct sim_dir *d = &dir->now_dir;
	struct listing *v = sim_alloc(d->n, sizeof(*v));
	uint64_t rng = dir->number + d->n;

	for (size_t i = 0; i < d->n; i++) {
		size_t j = (size_t)(sim_random(&rng) % (i + 1));

		v[i] = v[j];
		v[j].name = sim_strdup(d->v[i].name);
		v[j].type = d->v[i].ino->type;
	}
	*np = d->n;
	return v;
}

static int disk_list(struct ix_vfs *v, const char *dir, ix_list_fn fn,
		     void *ctx)
{
	struct ix_sim *s = sim_of_vfs(v);
	struct listing *list = NULL;
	struct place at;
	size_t n = 0;
	int rc;

	ix_mutex_lock(&s->lock);
	rc = sim_enter(s, IX_SIM_LIST);
	if (!rc)
		rc = place_existing(s, dir, &at);
	if (!rc && at.node->type != IX_TYPE_DIR)
		rc = -ENOTDIR;
	if (!rc)
		list = list_copy(at.node, &n);
	ix_mutex_unlock(&s->lock);
	for (size_t i = 0; i < n; i++) {
		if (!rc)
			rc = fn(ctx, list[i].name, list[i].type);
		free(list[i].name);
	}
	free(list);
	return rc;
}

static int disk_space(struct ix_vfs *v, struct ix_space *sp)
{
	struct ix_sim *s = sim_of_vfs(v);
	int rc;

	ix_mutex_lock(&s->lock);
	rc = sim_enter(s, IX_SIM_STAT);
	if (!rc) {
		sp->total_bytes = s->capacity ? s->capacity : UNBOUNDED_DISK;
		sp->free_bytes = sp->total_bytes > s->used
					 ? sp->total_bytes - s->used
					 : 0;
		sp->files = UINT32_MAX;
		sp->files_free = UINT32_MAX - s->inode_count;
	}
	ix_mutex_unlock(&s->lock);
	return rc;
}

/* ---- opening ---- */

static struct ix_file *handle_new(struct ix_sim *s, struct sim_inode *node,
				  unsigned flags)
{
	struct sim_file *f = sim_alloc(1, sizeof(*f));

	f->file.ops = &sim_ops;
	f->sim = s;
	f->ino = sim_inode_ref(node);
	f->flags = flags;
	node->opens++;
	return &f->file;
}

/* Change a file's size, now and in the log. */
void sim_set_size(struct ix_sim *s, struct sim_inode *node, uint64_t size)
{
	struct sim_oplog *op = sim_log_add(s, SIM_OP_TRUNCATE, node);

	op->offset = size;
	sim_blob_resize(&node->now, size);
	node->reserved = 0;
	sim_charge(node);
	sim_touch(node);
}

static int open_locked(struct ix_sim *s, const char *path, unsigned flags,
		       struct ix_file **filep)
{
	struct sim_inode *node;
	struct place at;
	int rc;

	rc = sim_enter(s, IX_SIM_OPEN);
	if (!rc)
		rc = place_find(s, path, &at);
	if (rc)
		return rc;
	node = at.node;
	if (node && (flags & IX_OPEN_CREATE) && (flags & IX_OPEN_EXCL))
		return -EEXIST;
	if (node && node->type == IX_TYPE_DIR)
		return -EISDIR;
	if (!node && !(flags & IX_OPEN_CREATE))
		return -ENOENT;
	if (!node) {
		rc = sim_mutate(s);
		node = sim_inode_new(s, IX_TYPE_FILE);
		sim_touch(node);
		name_set(s, at.dir, at.name, node);
		sim_inode_unref(node);
	} else if ((flags & IX_OPEN_TRUNC) && node->now.size) {
		rc = sim_mutate(s);
		sim_set_size(s, node, 0);
	}
	if (!rc)
		*filep = handle_new(s, node, flags);
	return rc;
}

static int disk_open(struct ix_vfs *v, const char *path, unsigned flags,
		     struct ix_file **filep)
{
	struct ix_sim *s = sim_of_vfs(v);
	int rc;

	ix_mutex_lock(&s->lock);
	rc = open_locked(s, path, flags, filep);
	ix_mutex_unlock(&s->lock);
	return rc;
}

static int lock_try(struct sim_file *f, enum ix_lock_mode mode)
{
	struct sim_inode *i = f->ino;

	if (i->lock_exclusive || (mode == IX_LOCK_EXCLUSIVE && i->lock_shared))
		return -EWOULDBLOCK;
	if (mode == IX_LOCK_EXCLUSIVE)
		i->lock_exclusive = 1;
	else
		i->lock_shared++;
	f->locked = (int)mode + 1;
	return 0;
}

static void handle_free(struct sim_file *f)
{
	struct ix_sim *s = f->sim;

	if (f->locked) {
		if (f->locked == IX_LOCK_EXCLUSIVE + 1)
			f->ino->lock_exclusive = 0;
		else
			f->ino->lock_shared--;
		ix_cond_broadcast(&s->unlocked);
	}
	f->ino->opens--;
	sim_charge(f->ino);
	sim_inode_unref(f->ino);
	free(f);
}

static int disk_lock(struct ix_vfs *v, const char *path, enum ix_lock_mode mode,
		     unsigned timeout_ms, struct ix_file **filep)
{
	struct ix_sim *s = sim_of_vfs(v);
	uint64_t deadline_ns = ix_now_ns() + (uint64_t)timeout_ms * 1000000;
	int rc;

	ix_mutex_lock(&s->lock);
	rc = open_locked(s, path, IX_OPEN_WRITE | IX_OPEN_CREATE, filep);
	while (!rc) {
		rc = lock_try(file_of(*filep), mode);
		if (!rc || ix_now_ns() >= deadline_ns)
			break;
		ix_cond_wait_until(&s->unlocked, &s->lock, deadline_ns);
		rc = 0;
	}
	if (rc && *filep) {
		handle_free(file_of(*filep));
		*filep = NULL;
	}
	ix_mutex_unlock(&s->lock);
	return rc;
}

static void disk_file_close(struct ix_file *file)
{
	struct ix_sim *s = file_of(file)->sim;

	ix_mutex_lock(&s->lock);
	handle_free(file_of(file));
	ix_mutex_unlock(&s->lock);
}

/* ---- the table ---- */

static void disk_free(struct ix_vfs *v)
{
	sim_free(sim_of_vfs(v));
}

const struct ix_vfs_ops sim_ops = {
	.open = disk_open,
	.stat = disk_stat,
	.mkdir = disk_mkdir,
	.rmdir = disk_rmdir,
	.unlink = disk_unlink,
	.rename = disk_rename,
	.link = disk_link,
	.list = disk_list,
	.sync_dir = disk_sync_dir,
	.space = disk_space,
	.lock = disk_lock,
	.free = disk_free,
	.file_close = disk_file_close,
	.file_read = sim_file_read,
	.file_write = sim_file_write,
	.file_sync = sim_file_sync,
	.file_write_behind = sim_file_write_behind,
	.file_truncate = sim_file_truncate,
	.file_reserve = sim_file_reserve,
	.file_stat = sim_file_stat,
	.file_copy_range = sim_file_copy_range,
	.file_map = sim_file_map,
	.file_fd = sim_file_fd,
	.file_is_direct = sim_file_is_direct,
};
