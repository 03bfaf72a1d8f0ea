/* SPDX-License-Identifier: MIT */
#include "core/io/sim_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- memory ---- */

static void no_memory(void)
{
	fputs("ixfs: simulated disk: out of memory\n", stderr);
	abort();
}

void *sim_alloc(size_t count, size_t size)
{
	void *p = calloc(count ? count : 1, size ? size : 1);

	if (!p)
		no_memory();
	return p;
}

char *sim_strdup(const char *s)
{
	char *copy = strdup(s);

	if (!copy)
		no_memory();
	return copy;
}

/* Grow an array of `size`-byte elements to hold `need`. */
static void *grow(void *p, size_t *cap, size_t need, size_t size)
{
	size_t to = *cap + *cap / 2;

	if (need <= *cap)
		return p;
	if (to < need)
		to = need;
	if (to < 16)
		to = 16;
	if (to > SIZE_MAX / size)
		no_memory();
	p = realloc(p, to * size);
	if (!p)
		no_memory();
	*cap = to;
	return p;
}

/* ---- file contents ---- */

static void bytes_unref(struct sim_bytes *bytes)
{
	if (bytes && atomic_fetch_sub(&bytes->refs, 1) == 1)
		free(bytes);
}

/* Have bytes of our own, at least `need` of them. */
static uint8_t *blob_own(struct sim_blob *b, uint64_t need)
{
	struct sim_bytes *old = b->bytes;
	struct sim_bytes *own;
	size_t cap = old ? old->cap : 0;

	if (old && atomic_load(&old->refs) == 1 && cap >= need)
		return old->data;
	if (need > SIZE_MAX / 4)
		no_memory();
	if (cap < need) {
		cap += cap / 2;
		if (cap < need)
			cap = (size_t)need;
	}
	own = sim_alloc(1, sizeof(*own) + cap);
	atomic_init(&own->refs, 1);
	own->cap = cap;
	if (old && b->size)
		memcpy(own->data, old->data, (size_t)b->size);
	bytes_unref(old);
	b->bytes = own;
	return own->data;
}

void sim_blob_release(struct sim_blob *b)
{
	bytes_unref(b->bytes);
	memset(b, 0, sizeof(*b));
}

void sim_blob_resize(struct sim_blob *b, uint64_t size)
{
	if (size == b->size)
		return;
	blob_own(b, size);
	if (size < b->size)
		memset(b->bytes->data + size, 0, (size_t)(b->size - size));
	b->size = size;
}

void sim_blob_write(struct sim_blob *b, uint64_t offset, const void *data,
		    size_t n)
{
	if (!n)
		return;
	if (b->size < offset + n)
		sim_blob_resize(b, offset + n);
	memcpy(blob_own(b, b->size) + offset, data, n);
}

void sim_blob_read(const struct sim_blob *b, uint64_t offset, void *data,
		   size_t n)
{
	if (n)
		memcpy(data, b->bytes->data + offset, n);
}

void sim_blob_share(struct sim_blob *to, const struct sim_blob *from)
{
	if (from->bytes)
		atomic_fetch_add(&from->bytes->refs, 1);
	sim_blob_release(to);
	*to = *from;
}

/* ---- directories ---- */

/* Where `name` is, or would be inserted. */
static size_t dir_find(const struct sim_dir *d, const char *name, size_t n,
		       int *found)
{
	size_t low = 0;
	size_t high = d->n;

	*found = 0;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int c = strncmp(d->v[mid].name, name, n);

		if (!c && d->v[mid].name[n])
			c = 1;
		if (!c) {
			*found = 1;
			return mid;
		}
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct sim_inode *sim_dir_get(const struct sim_dir *d, const char *name,
			      size_t n)
{
	int found;
	size_t at = dir_find(d, name, n, &found);

	return found ? d->v[at].ino : NULL;
}

void sim_dir_set(struct sim_dir *d, const char *name, struct sim_inode *ino)
{
	int found;
	size_t at = dir_find(d, name, strlen(name), &found);
	struct sim_inode *old;

	if (!found && !ino)
		return;
	if (found) {
		old = d->v[at].ino;
		if (ino) {
			d->v[at].ino = sim_inode_ref(ino);
		} else {
			free(d->v[at].name);
			d->n--;
			memmove(d->v + at, d->v + at + 1,
				(d->n - at) * sizeof(*d->v));
		}
		sim_inode_unref(old);
		return;
	}
	d->v = grow(d->v, &d->cap, d->n + 1, sizeof(*d->v));
	memmove(d->v + at + 1, d->v + at, (d->n - at) * sizeof(*d->v));
	d->v[at].name = sim_strdup(name);
	d->v[at].ino = sim_inode_ref(ino);
	d->n++;
}

void sim_dir_release(struct sim_dir *d)
{
	/* Emptied first: releasing an entry may come back to this inode. */
	struct sim_dir old = *d;

	memset(d, 0, sizeof(*d));
	for (size_t i = 0; i < old.n; i++) {
		free(old.v[i].name);
		sim_inode_unref(old.v[i].ino);
	}
	free(old.v);
}

/* ---- inodes ---- */

struct sim_inode *sim_inode_new(struct ix_sim *s, enum ix_file_type type)
{
	struct sim_inode *i = sim_alloc(1, sizeof(*i));

	i->sim = s;
	i->number = ++s->next_number;
	i->type = type;
	i->refs = 1;
	i->next = s->inodes;
	if (s->inodes)
		s->inodes->prev = i;
	s->inodes = i;
	s->inode_count++;
	return i;
}

struct sim_inode *sim_inode_ref(struct sim_inode *i)
{
	i->refs++;
	return i;
}

void sim_inode_unref(struct sim_inode *i)
{
	struct ix_sim *s;

	if (!i || --i->refs)
		return;
	s = i->sim;
	if (i->prev)
		i->prev->next = i->next;
	else
		s->inodes = i->next;
	if (i->next)
		i->next->prev = i->prev;
	s->inode_count--;
	sim_dir_release(&i->now_dir);
	sim_dir_release(&i->durable_dir);
	sim_blob_release(&i->now);
	sim_blob_release(&i->durable);
	free(i);
}

static uint64_t footprint(const struct sim_inode *i)
{
	if (!i->nlink && !i->opens)
		return 0;
	return i->now.size > i->reserved ? i->now.size : i->reserved;
}

void sim_charge(struct sim_inode *i)
{
	uint64_t bytes = footprint(i);

	i->sim->used += bytes - i->charged;
	i->charged = bytes;
}

/* ---- the log ---- */

struct sim_oplog *sim_log_add(struct ix_sim *s, enum sim_op_kind kind,
			      struct sim_inode *node)
{
	struct sim_oplog *op;

	s->log = grow(s->log, &s->log_cap, s->log_n + 1, sizeof(*s->log));
	op = &s->log[s->log_n++];
	memset(op, 0, sizeof(*op));
	op->kind = kind;
	op->id = ++s->next_op;
	op->node = sim_inode_ref(node);
	return op;
}

static void op_release(struct sim_oplog *op)
{
	sim_inode_unref(op->node);
	sim_inode_unref(op->dir);
	sim_inode_unref(op->dir2);
	free(op->name);
	free(op->name2);
	free(op->data);
}

void sim_log_release(struct ix_sim *s)
{
	for (size_t i = 0; i < s->log_n; i++)
		op_release(&s->log[i]);
	free(s->log);
	s->log = NULL;
	s->log_n = s->log_cap = 0;
}

/* Is this op made durable by a sync of `i`? */
static int op_belongs(const struct sim_oplog *op, const struct sim_inode *i)
{
	if (op->kind == SIM_OP_WRITE || op->kind == SIM_OP_TRUNCATE)
		return op->node == i;
	return op->dir == i || op->dir2 == i;
}

/* May the op at `at` be applied to the durable content before those that
 * stand ahead of it in the log? Not if one of them touches the same inode. */
static int op_is_first(const struct ix_sim *s, size_t at)
{
	const struct sim_oplog *op = &s->log[at];

	for (size_t j = 0; j < at; j++) {
		const struct sim_oplog *p = &s->log[j];

		if (op->kind == SIM_OP_WRITE || op->kind == SIM_OP_TRUNCATE) {
			if (op_belongs(p, op->node))
				return 0;
		} else if (op_belongs(p, op->dir) ||
			   (op->dir2 && op_belongs(p, op->dir2))) {
			return 0;
		}
	}
	return 1;
}

static void op_fold(struct sim_oplog *op)
{
	switch (op->kind) {
	case SIM_OP_WRITE:
		sim_blob_write(&op->node->durable, op->offset, op->data, op->n);
		break;
	case SIM_OP_TRUNCATE:
		sim_blob_resize(&op->node->durable, op->offset);
		break;
	case SIM_OP_SET:
		sim_dir_set(&op->dir->durable_dir, op->name, op->node);
		break;
	case SIM_OP_REMOVE:
		sim_dir_set(&op->dir->durable_dir, op->name, NULL);
		break;
	case SIM_OP_RENAME:
		sim_dir_set(&op->dir->durable_dir, op->name, NULL);
		sim_dir_set(&op->dir2->durable_dir, op->name2, op->node);
		break;
	}
}

/* Fold what can be folded, keep the rest in order. Ops that were kept count
 * as standing ahead, ops that were folded do not. */
static void fold(struct ix_sim *s)
{
	size_t kept = 0;
	size_t total = s->log_n;

	for (size_t j = 0; j < total; j++) {
		struct sim_oplog op = s->log[j];

		s->log[kept] = op;
		if (op.must && op_is_first(s, kept)) {
			op_fold(&op);
			op_release(&op);
		} else {
			kept++;
		}
	}
	s->log_n = kept;
}

/* The inodes an op works on. Only `*b` may be NULL. */
static void op_subjects(const struct sim_oplog *op, struct sim_inode **a,
			struct sim_inode **b)
{
	int data = op->kind == SIM_OP_WRITE || op->kind == SIM_OP_TRUNCATE;

	*a = data ? op->node : op->dir;
	*b = op->dir2 == op->dir ? NULL : op->dir2;
}

/* Does nothing but open files and ops like this one hold the inode? */
static int is_lost(const struct sim_inode *i)
{
	return !i || i->refs == i->uses + i->opens;
}

/* One pass of prune(); returns how many ops it dropped. */
static size_t prune_once(struct ix_sim *s)
{
	struct sim_inode *a;
	struct sim_inode *b;
	size_t total = s->log_n;
	size_t kept = 0;

	for (size_t j = 0; j < total; j++) {
		op_subjects(&s->log[j], &a, &b);
		a->uses = 0;
		if (b)
			b->uses = 0;
		s->log[j].node->uses = 0;
	}
	for (size_t j = 0; j < total; j++) {
		const struct sim_oplog *op = &s->log[j];

		if (op->kind != SIM_OP_SET && op->kind != SIM_OP_RENAME)
			op->node->uses++;
		if (op->dir)
			op->dir->uses++;
		if (op->dir2)
			op->dir2->uses++;
	}
	for (size_t j = 0; j < total; j++) {
		op_subjects(&s->log[j], &a, &b);
		s->log[j].useless = is_lost(a) && is_lost(b);
	}
	for (size_t j = 0; j < total; j++) {
		struct sim_oplog op = s->log[j];

		if (op.useless)
			op_release(&op);
		else
			s->log[kept++] = op;
	}
	s->log_n = kept;
	return total - kept;
}

/*
 * Drop the ops on files and directories that have no name, neither now nor in
 * the durable state nor in the log: they make no difference after a crash, and
 * would only multiply equal states.
 */
static void prune(struct ix_sim *s)
{
	while (prune_once(s)) {
		/* what an op named may have lost its last name */
	}
}

static struct sim_oplog *log_find(struct ix_sim *s, uint64_t id)
{
	for (size_t j = 0; j < s->log_n; j++) {
		if (s->log[j].id == id)
			return &s->log[j];
	}
	return NULL;
}

/*
 * The move of a directory at `at`, now a `must`, becomes two ops: both are in
 * every state, so they need no longer be one, and each can be folded without
 * waiting for the other's directory, which may never be synced.
 */
static void split_move(struct ix_sim *s, size_t at)
{
	struct sim_oplog *op;
	struct sim_oplog half;

	half = *sim_log_add(s, SIM_OP_REMOVE, s->log[at].node);
	op = &s->log[at];
	half.must = 1;
	half.dir = op->dir;
	half.name = op->name;
	op->kind = SIM_OP_SET;
	op->dir = op->dir2;
	op->name = op->name2;
	op->dir2 = NULL;
	op->name2 = NULL;
	memmove(op + 1, op, (s->log_n - at - 1) * sizeof(*op));
	*op = half;
}

static void split_moves(struct ix_sim *s)
{
	for (size_t j = 0; j < s->log_n; j++) {
		const struct sim_oplog *op = &s->log[j];

		if (op->must && op->kind == SIM_OP_RENAME &&
		    op->dir != op->dir2)
			split_move(s, j);
	}
}

void sim_log_synced(struct ix_sim *s, struct sim_inode *i)
{
	for (size_t j = 0; j < s->log_n; j++) {
		struct sim_oplog *op = &s->log[j];
		struct sim_oplog *needed;

		if (op->stuck || !op_belongs(op, i))
			continue;
		needed = op->needs ? log_find(s, op->needs) : NULL;
		if (needed && needed->stuck)
			continue;
		op->must = 1;
		if (needed)
			needed->must = 1;
	}
	split_moves(s);
	fold(s);
	prune(s);
}

void sim_log_stuck(struct ix_sim *s, struct sim_inode *i)
{
	for (size_t j = 0; j < s->log_n; j++) {
		if (!s->log[j].must && op_belongs(&s->log[j], i))
			s->log[j].stuck = 1;
	}
}

/* ---- a disk ---- */

void sim_free(struct ix_sim *s)
{
	struct sim_inode *next;

	sim_log_release(s);
	/* Directories that moved may hold each other, one by its present, one
	 * by its durable entries: so first all entries go, then all inodes. */
	for (struct sim_inode *i = s->inodes; i; i = i->next)
		sim_inode_ref(i);
	for (struct sim_inode *i = s->inodes; i; i = i->next) {
		sim_dir_release(&i->now_dir);
		sim_dir_release(&i->durable_dir);
	}
	sim_inode_unref(s->root);
	for (struct sim_inode *i = s->inodes; i; i = next) {
		next = i->next;
		sim_inode_unref(i);
	}
	ix_cond_release(&s->unlocked);
	ix_mutex_release(&s->lock);
	free(s);
}

struct ix_sim *sim_new(void)
{
	struct ix_sim *s = sim_alloc(1, sizeof(*s));

	if (ix_mutex_init(&s->lock) || ix_cond_init(&s->unlocked))
		no_memory();
	s->vfs.ops = &sim_ops;
	s->root = sim_inode_new(s, IX_TYPE_DIR);
	s->rng = 1;
	return s;
}
