/* SPDX-License-Identifier: MIT */
/*
 * Crash states: the durable content plus a choice for each op of the log.
 *
 * An op that is not `must` has some variants: it is lost, or it is kept; a
 * write over several sectors may also be torn, and a write that grew the file
 * may have brought only its size. While the product of the numbers of variants
 * is within the limit, every combination is a state. Beyond, the first states
 * are the telling ones:
 *
 *	0       nothing kept            1  all kept
 *	2       all names, no data      3  all names and sizes, no data
 *	4       all data, no names      5+i  all kept but optional op i
 *
 * and the others are drawn at random, some as an ordered log would leave them,
 * some as chaos would.
 */
#include "core/io/sim_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"

enum variant {
	LOST,
	KEPT,
	HEAD, /* the first half of the sectors */
	TAIL, /* the last sector */
	SIZE, /* the new size, but zeros */
	SOME, /* sectors drawn at random */
};

struct choice {
	enum variant variant;
	uint64_t seed; /* of SOME */
};

static uint64_t op_sectors(const struct sim_oplog *op)
{
	if (op->kind != SIM_OP_WRITE)
		return 1;
	return (op->offset + op->n - 1) / SIM_SECTOR - op->offset / SIM_SECTOR +
	       1;
}

static int op_is_data(const struct sim_oplog *op)
{
	return op->kind == SIM_OP_WRITE || op->kind == SIM_OP_TRUNCATE;
}

/* The variants an exhaustive enumeration tries. Returns their number. */
static unsigned op_variants(const struct sim_oplog *op, enum variant out[5])
{
	unsigned n = 0;

	if (op->must) {
		out[n++] = KEPT;
		return n;
	}
	out[n++] = LOST;
	out[n++] = KEPT;
	if (op_sectors(op) > 1) {
		out[n++] = HEAD;
		out[n++] = TAIL;
	}
	if (op->kind == SIM_OP_WRITE && op->grew)
		out[n++] = SIZE;
	return n;
}

/* The number of combinations, or more than `limit`. */
static uint64_t combinations(const struct ix_sim *s, uint64_t limit)
{
	uint64_t n = 1;
	enum variant v[5];

	for (size_t i = 0; i < s->log_n; i++) {
		if (__builtin_mul_overflow(n, op_variants(&s->log[i], v), &n) ||
		    n > limit)
			return limit + 1;
	}
	return n;
}

/* ---- choosing ---- */

static void choose_exhaustive(const struct ix_sim *s, uint64_t index,
			      struct choice *c)
{
	enum variant v[5];

	for (size_t i = 0; i < s->log_n; i++) {
		unsigned n = op_variants(&s->log[i], v);

		c[i].variant = v[index % n];
		index /= n;
	}
}

static enum variant random_variant(const struct sim_oplog *op, uint64_t *rng,
				   unsigned keep_of_8)
{
	uint64_t r = sim_random(rng);

	if (op->kind == SIM_OP_WRITE && (r >> 8) % 4 == 0) {
		if (op_sectors(op) > 1)
			return SOME;
		if (op->grew)
			return SIZE;
	}
	return r % 8 < keep_of_8 ? KEPT : LOST;
}

static void choose_random(const struct ix_sim *s, uint64_t index, uint64_t seed,
			  struct choice *c)
{
	uint64_t rng = seed ^ (index * 0x9e3779b97f4a7c15u);
	uint64_t mode = sim_random(&rng) % 5;
	uint64_t cut = sim_random(&rng) % (s->log_n + 1);
	uint64_t salt = sim_random(&rng);

	for (size_t i = 0; i < s->log_n; i++) {
		const struct sim_oplog *op = &s->log[i];
		uint64_t node = salt ^ op->node->number;

		c[i].seed = sim_random(&rng);
		switch (mode) {
		case 0: /* chaos */
			c[i].variant = random_variant(op, &rng, 4);
			break;
		case 1: /* in order, up to somewhere */
			c[i].variant = i < cut ? KEPT : LOST;
			if (i == cut)
				c[i].variant = random_variant(op, &rng, 4);
			break;
		case 2: /* the data of some files is late, names are not */
			c[i].variant = KEPT;
			if (op_is_data(op) && sim_random(&node) % 2)
				c[i].variant = random_variant(op, &rng, 2);
			break;
		case 3: /* nearly all */
			c[i].variant = random_variant(op, &rng, 7);
			break;
		default: /* nearly nothing */
			c[i].variant = random_variant(op, &rng, 1);
			break;
		}
	}
}

static enum variant special_variant(const struct sim_oplog *op, uint64_t index)
{
	switch (index) {
	case 0:
		return LOST;
	case 2:
		return op_is_data(op) ? LOST : KEPT;
	case 3:
		return op->kind == SIM_OP_WRITE ? SIZE : KEPT;
	case 4:
		return op_is_data(op) ? KEPT : LOST;
	default:
		return KEPT;
	}
}

/* What state `index` keeps of each op; the caller frees it. */
static struct choice *choose(const struct ix_sim *s, uint64_t limit,
			     uint64_t index, uint64_t seed)
{
	struct choice *c = sim_alloc(s->log_n, sizeof(*c));
	uint64_t optional = 0;
	int exhaustive = combinations(s, limit) <= limit;

	for (size_t i = 0; i < s->log_n; i++) {
		c[i].variant = special_variant(&s->log[i], index);
		if (!s->log[i].must && index == 5 + optional++)
			c[i].variant = LOST;
	}
	if (exhaustive)
		choose_exhaustive(s, index, c);
	else if (index >= 5 + optional)
		choose_random(s, index, seed, c);
	for (size_t i = 0; i < s->log_n; i++) {
		if (s->log[i].must)
			c[i].variant = KEPT;
	}
	return c;
}

/* ---- making ---- */

/* A disk whose present state is the durable (or the present) one of `s`. Each
 * inode holds one reference of its own until settle(). */
static struct ix_sim *copy_disk(struct ix_sim *s, int durable)
{
	struct ix_sim *t = sim_new();

	t->root->mtime_ns = s->root->mtime_ns;
	t->clock = s->clock;
	s->root->twin = t->root;
	for (struct sim_inode *i = s->inodes; i; i = i->next) {
		if (i != s->root)
			i->twin = sim_inode_new(t, i->type);
		i->twin->number = i->number;
		i->twin->mtime_ns = i->mtime_ns;
		sim_blob_share(&i->twin->now, durable ? &i->durable : &i->now);
	}
	t->next_number = s->next_number;
	for (struct sim_inode *i = s->inodes; i; i = i->next) {
		const struct sim_dir *d =
			durable ? &i->durable_dir : &i->now_dir;

		for (size_t j = 0; j < d->n; j++)
			sim_dir_set(&i->twin->now_dir, d->v[j].name,
				    d->v[j].ino->twin);
	}
	return t;
}

/* Write those sectors of the op that the variant keeps. */
static void apply_write(const struct sim_oplog *op, const struct choice *c)
{
	struct sim_blob *b = &op->node->twin->now;
	uint64_t sectors = op_sectors(op);
	uint64_t first = op->offset / SIM_SECTOR;
	uint64_t end = op->offset + op->n;
	uint64_t rng = c->seed;

	/* A first half is what an append leaves that was cut short: the size
	 * comes with it. Else the size may come before the data. */
	if (b->size < end && c->variant != HEAD &&
	    (c->variant != SOME || sim_random(&rng) % 2))
		sim_blob_resize(b, end);
	for (uint64_t k = 0; k < sectors; k++) {
		uint64_t from = (first + k) * SIM_SECTOR;
		uint64_t to = from + SIM_SECTOR;
		int keep = c->variant == KEPT ||
			   (c->variant == HEAD && k < sectors / 2) ||
			   (c->variant == TAIL && k == sectors - 1) ||
			   (c->variant == SOME && sim_random(&rng) % 2);

		if (from < op->offset)
			from = op->offset;
		if (to > end)
			to = end;
		if (keep)
			sim_blob_write(b, from, op->data + (from - op->offset),
				       (size_t)(to - from));
	}
}

static void apply_op(const struct sim_oplog *op, const struct choice *c)
{
	struct sim_inode *node = op->node->twin;

	switch (op->kind) {
	case SIM_OP_WRITE:
		apply_write(op, c);
		break;
	case SIM_OP_TRUNCATE:
		sim_blob_resize(&node->now, op->offset);
		break;
	case SIM_OP_SET:
		sim_dir_set(&op->dir->twin->now_dir, op->name, node);
		break;
	case SIM_OP_REMOVE:
		sim_dir_set(&op->dir->twin->now_dir, op->name, NULL);
		break;
	case SIM_OP_RENAME:
		sim_dir_set(&op->dir->twin->now_dir, op->name, NULL);
		sim_dir_set(&op->dir2->twin->now_dir, op->name2, node);
		break;
	}
}

/* Was the op with this id lost? Ops no longer in the log are durable. */
static int was_lost(const struct ix_sim *s, const struct choice *c, uint64_t id)
{
	for (size_t i = 0; id && i < s->log_n; i++) {
		if (s->log[i].id == id)
			return c[i].variant == LOST;
	}
	return 0;
}

/*
 * Walk from `dir`, count names, set parents. Lost moves may have left a
 * directory with two names: as a file system check would, the second goes.
 */
static void settle_dir(struct sim_inode *dir)
{
	struct sim_dir *d = &dir->now_dir;

	for (size_t i = 0; i < d->n;) {
		struct sim_inode *node = d->v[i].ino;

		if (node->type == IX_TYPE_DIR && node->nlink) {
			sim_dir_set(d, d->v[i].name, NULL);
			continue;
		}
		i++;
		node->nlink++;
		if (node->type != IX_TYPE_DIR)
			continue;
		node->parent = dir;
		settle_dir(node);
	}
}

/* Drop what no name leads to, and make the rest durable. */
static void settle(struct ix_sim *t)
{
	struct sim_inode *next;

	settle_dir(t->root);
	for (struct sim_inode *i = t->inodes; i; i = i->next) {
		/* Unreachable directories may hold each other. */
		if (i != t->root && !i->nlink)
			sim_dir_release(&i->now_dir);
	}
	/* Nobody's last reference goes while a later one in the list could
	 * vanish with it: only files and empty directories are unreachable. */
	for (struct sim_inode *i = t->inodes; i; i = next) {
		next = i->next;
		if (i != t->root)
			sim_inode_unref(i);
	}
	for (struct sim_inode *i = t->inodes; i; i = i->next) {
		sim_charge(i);
		sim_blob_share(&i->durable, &i->now);
		for (size_t j = 0; j < i->now_dir.n; j++)
			sim_dir_set(&i->durable_dir, i->now_dir.v[j].name,
				    i->now_dir.v[j].ino);
	}
}

uint64_t ix_sim_crash_states(struct ix_sim *s, uint64_t limit)
{
	uint64_t n;

	if (!limit)
		return 0;
	if (limit == UINT64_MAX)
		limit--;
	ix_mutex_lock(&s->lock);
	n = combinations(s, limit);
	ix_mutex_unlock(&s->lock);
	return n <= limit ? n : limit;
}

int ix_sim_crash_state(struct ix_sim *s, uint64_t limit, uint64_t index,
		       uint64_t seed, struct ix_vfs **vp)
{
	struct choice *c;
	struct ix_sim *t;

	ix_mutex_lock(&s->lock);
	c = choose(s, limit, index, seed);
	t = copy_disk(s, 1);
	for (size_t i = 0; i < s->log_n; i++) {
		if (c[i].variant != LOST && !was_lost(s, c, s->log[i].needs))
			apply_op(&s->log[i], &c[i]);
	}
	settle(t);
	ix_mutex_unlock(&s->lock);
	free(c);
	*vp = &t->vfs;
	return 0;
}

int ix_sim_clone(struct ix_sim *s, struct ix_vfs **vp)
{
	struct ix_sim *t;

	ix_mutex_lock(&s->lock);
	t = copy_disk(s, 0);
	settle(t);
	ix_mutex_unlock(&s->lock);
	*vp = &t->vfs;
	return 0;
}

/* ---- describing ---- */

/* Some name of a file, for messages: the present one, else one of the log. */
static const char *name_of(const struct ix_sim *s, const struct sim_inode *node)
{
	for (const struct sim_inode *i = s->inodes; i; i = i->next) {
		for (size_t j = 0; j < i->now_dir.n; j++) {
			if (i->now_dir.v[j].ino == node)
				return i->now_dir.v[j].name;
		}
	}
	for (size_t i = 0; i < s->log_n; i++) {
		if (s->log[i].node == node && s->log[i].name)
			return s->log[i].name;
	}
	return "?";
}

static void describe_op(const struct ix_sim *s, const struct sim_oplog *op,
			struct ix_buf *b)
{
	switch (op->kind) {
	case SIM_OP_WRITE:
		ix_buf_addf(b, "write %s %llu+%zu", name_of(s, op->node),
			    (unsigned long long)op->offset, op->n);
		break;
	case SIM_OP_TRUNCATE:
		ix_buf_addf(b, "truncate %s %llu", name_of(s, op->node),
			    (unsigned long long)op->offset);
		break;
	case SIM_OP_SET:
		ix_buf_addf(b, "add name %s", op->name);
		break;
	case SIM_OP_REMOVE:
		ix_buf_addf(b, "remove name %s", op->name);
		break;
	case SIM_OP_RENAME:
		ix_buf_addf(b, "rename %s %s", op->name, op->name2);
		break;
	}
}

void ix_sim_crash_describe(struct ix_sim *s, uint64_t limit, uint64_t index,
			   uint64_t seed, char *out, size_t n)
{
	static const char *const words[] = {
		[LOST] = "LOST",       [KEPT] = "kept",
		[HEAD] = "first half", [TAIL] = "last sector",
		[SIZE] = "size only",  [SOME] = "some sectors",
	};
	struct ix_buf b = IX_BUF_INIT;
	struct choice *c;

	ix_mutex_lock(&s->lock);
	c = choose(s, limit, index, seed);
	ix_buf_addf(&b, "crash state %llu (limit %llu, seed %llu):",
		    (unsigned long long)index, (unsigned long long)limit,
		    (unsigned long long)seed);
	for (size_t i = 0; i < s->log_n; i++) {
		int needy = was_lost(s, c, s->log[i].needs);

		ix_buf_add_str(&b, i ? "; " : " ");
		describe_op(s, &s->log[i], &b);
		ix_buf_addf(&b, ": %s", words[needy ? LOST : c[i].variant]);
	}
	ix_mutex_unlock(&s->lock);
	free(c);
	snprintf(out, n, "%s", ix_buf_str(&b));
	ix_buf_release(&b);
}
