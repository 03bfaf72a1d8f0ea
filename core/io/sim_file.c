/* SPDX-License-Identifier: MIT */
/* Open files of a simulated disk. */
#include "core/io/sim_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DIRECT_ALIGN 4096u

static struct sim_file *file_of(struct ix_file *f)
{
	return (struct sim_file *)(void *)f;
}

static const struct sim_file *const_file_of(const struct ix_file *f)
{
	return (const struct sim_file *)(const void *)f;
}

/* ---- data ---- */

/* The rule of IX_OPEN_DIRECT, stricter than many a disk. */
static int misaligned(const struct sim_file *f, const void *data, size_t n,
		      uint64_t offset)
{
	return (f->flags & IX_OPEN_DIRECT) &&
	       ((uintptr_t)data | n | offset) % DIRECT_ALIGN;
}

static size_t bytes_at(const struct sim_inode *i, uint64_t offset, size_t n)
{
	if (offset >= i->now.size)
		return 0;
	return n < i->now.size - offset ? n : (size_t)(i->now.size - offset);
}

ssize_t sim_file_read(struct ix_file *file, void *data, size_t n,
		      uint64_t offset)
{
	struct sim_file *f = file_of(file);
	ssize_t rc;

	ix_mutex_lock(&f->sim->lock);
	rc = sim_enter(f->sim, IX_SIM_READ);
	if (!rc && misaligned(f, data, n, offset))
		rc = -EINVAL;
	if (!rc) {
		n = bytes_at(f->ino, offset, n);
		sim_blob_read(&f->ino->now, offset, data, n);
		rc = (ssize_t)n;
	}
	ix_mutex_unlock(&f->sim->lock);
	return rc;
}

/* How much of [offset, offset + n) fits on the disk. */
static size_t bytes_that_fit(const struct ix_sim *s, const struct sim_inode *i,
			     uint64_t offset, size_t n)
{
	uint64_t others = s->used - i->charged;
	uint64_t bound;

	if (!s->capacity)
		return n;
	bound = s->capacity > others ? s->capacity - others : 0;
	if (bound < i->charged)
		bound = i->charged;
	if (bound <= offset)
		return 0;
	return n < bound - offset ? n : (size_t)(bound - offset);
}

static void put(struct ix_sim *s, struct sim_inode *node, const void *data,
		size_t n, uint64_t offset)
{
	struct sim_oplog *op;

	if (!n)
		return;
	op = sim_log_add(s, SIM_OP_WRITE, node);
	op->offset = offset;
	op->n = n;
	op->data = sim_alloc(n, 1);
	op->grew = node->now.size < offset + n;
	memcpy(op->data, data, n);
	sim_blob_write(&node->now, offset, data, n);
	sim_charge(node);
	sim_touch(node);
}

static int write_locked(struct sim_file *f, const void *data, size_t n,
			uint64_t offset)
{
	struct ix_sim *s = f->sim;
	int fault = sim_enter(s, IX_SIM_WRITE);
	size_t fits;
	int rc;

	if (fault && s->crashed)
		return fault;
	if (!(f->flags & IX_OPEN_WRITE))
		return -EBADF;
	if (fault) {
		put(s, f->ino, data, (size_t)(sim_random(&s->rng) % (n + 1)),
		    offset);
		return fault;
	}
	if (!n)
		return 0;
	fits = bytes_that_fit(s, f->ino, offset, n);
	rc = fits < n ? -ENOSPC : 0;
	if (fits && sim_mutate(s))
		rc = -EIO;
	put(s, f->ino, data, fits, offset);
	return rc;
}

int sim_file_write(struct ix_file *file, const void *data, size_t n,
		   uint64_t offset)
{
	struct sim_file *f = file_of(file);
	int rc;

	ix_mutex_lock(&f->sim->lock);
	rc = misaligned(f, data, n, offset) ? -EINVAL
					    : write_locked(f, data, n, offset);
	ix_mutex_unlock(&f->sim->lock);
	return rc;
}

int sim_file_sync(struct ix_file *file)
{
	struct sim_file *f = file_of(file);
	int rc;

	ix_mutex_lock(&f->sim->lock);
	rc = sim_enter(f->sim, IX_SIM_SYNC);
	if (rc && !f->sim->crashed)
		sim_log_stuck(f->sim, f->ino);
	if (!rc)
		rc = sim_mutate(f->sim);
	if (!rc)
		sim_log_synced(f->sim, f->ino);
	ix_mutex_unlock(&f->sim->lock);
	return rc;
}

void sim_file_write_behind(struct ix_file *f, uint64_t offset, uint64_t n)
{
	(void)f;
	(void)offset;
	(void)n;
}

int sim_file_truncate(struct ix_file *file, uint64_t size)
{
	struct sim_file *f = file_of(file);
	struct ix_sim *s = f->sim;
	int rc;

	ix_mutex_lock(&s->lock);
	rc = sim_enter(s, IX_SIM_TRUNCATE);
	if (!rc && !(f->flags & IX_OPEN_WRITE))
		rc = -EINVAL;
	if (!rc && size > f->ino->now.size &&
	    bytes_that_fit(s, f->ino, 0, (size_t)size) < size)
		rc = -ENOSPC;
	if (!rc && size != f->ino->now.size) {
		rc = sim_mutate(s);
		sim_set_size(s, f->ino, size);
	} else if (!rc) {
		f->ino->reserved = 0;
		sim_charge(f->ino);
	}
	ix_mutex_unlock(&s->lock);
	return rc;
}

int sim_file_reserve(struct ix_file *file, uint64_t size)
{
	struct sim_file *f = file_of(file);
	struct ix_sim *s = f->sim;
	int rc;

	ix_mutex_lock(&s->lock);
	rc = sim_enter(s, IX_SIM_TRUNCATE);
	if (!rc && !(f->flags & IX_OPEN_WRITE))
		rc = -EBADF;
	if (!rc && bytes_that_fit(s, f->ino, 0, (size_t)size) < size)
		rc = -ENOSPC;
	if (!rc && f->ino->reserved < size) {
		f->ino->reserved = size;
		sim_charge(f->ino);
	}
	ix_mutex_unlock(&s->lock);
	return rc;
}

int sim_file_stat(struct ix_file *file, struct ix_stat *st)
{
	struct sim_file *f = file_of(file);
	int rc;

	ix_mutex_lock(&f->sim->lock);
	rc = sim_enter(f->sim, IX_SIM_STAT);
	if (!rc)
		sim_fill_stat(st, f->ino);
	ix_mutex_unlock(&f->sim->lock);
	return rc;
}

/* ---- copying and mapping ---- */

int sim_file_copy_range(struct ix_file *from, uint64_t from_offset,
			struct ix_file *to, uint64_t to_offset, uint64_t n)
{
	struct sim_file *a = file_of(from);
	struct sim_file *b = file_of(to);
	uint8_t *copy = NULL;
	int rc = 0;

	if (a->sim != b->sim)
		return -EOPNOTSUPP;
	ix_mutex_lock(&a->sim->lock);
	if (a->ino->now.size < from_offset + n)
		rc = -EINVAL;
	if (!rc) {
		copy = sim_alloc((size_t)n, 1);
		sim_blob_read(&a->ino->now, from_offset, copy, (size_t)n);
		rc = write_locked(b, copy, (size_t)n, to_offset);
	}
	ix_mutex_unlock(&a->sim->lock);
	free(copy);
	return rc;
}

static void map_release(struct ix_map *m)
{
	free(m->priv);
}

/* A copy: a real map would show later writes, but nobody maps a file that is
 * still written. */
int sim_file_map(struct ix_file *file, uint64_t size, struct ix_map *m)
{
	struct sim_file *f = file_of(file);
	int rc;

	ix_mutex_lock(&f->sim->lock);
	rc = sim_enter(f->sim, IX_SIM_READ);
	if (!rc && f->ino->now.size < size)
		rc = -EINVAL;
	if (!rc) {
		m->priv = sim_alloc((size_t)size, 1);
		sim_blob_read(&f->ino->now, 0, m->priv, (size_t)size);
		m->data = m->priv;
		m->size = (size_t)size;
		m->release = map_release;
	}
	ix_mutex_unlock(&f->sim->lock);
	return rc;
}

int sim_file_fd(const struct ix_file *f)
{
	(void)f;
	return -1;
}

int sim_file_is_direct(const struct ix_file *f)
{
	return (const_file_of(f)->flags & IX_OPEN_DIRECT) != 0;
}
