/* SPDX-License-Identifier: MIT */
/* Faults, damage and settings of a simulated disk. */
#include "core/io/sim_internal.h"

#include <errno.h>
#include <string.h>

#include "core/base/err.h"

/* splitmix64 (https://prng.di.unimi.it/splitmix64.c). */
uint64_t sim_random(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

int sim_enter(struct ix_sim *s, enum ix_sim_op op)
{
	if (s->crashed)
		return -EIO;
	s->counts[__builtin_ctz((unsigned)op)]++;
	if (!s->fail_nth || !(s->fail_ops & (unsigned)op))
		return 0;
	s->fail_seen++;
	if (s->fail_seen == s->fail_nth ||
	    (s->fail_sticky && s->fail_seen > s->fail_nth)) {
		s->fail_hit = 1;
		return -s->fail_error;
	}
	return 0;
}

int sim_mutate(struct ix_sim *s)
{
	s->mutations++;
	if (!s->crash_in || --s->crash_in)
		return 0;
	s->crashed = 1;
	return -EIO;
}

int ix_sim_new(struct ix_vfs **vp)
{
	*vp = &sim_new()->vfs;
	return 0;
}

struct ix_sim *ix_sim_of(struct ix_vfs *v)
{
	return v && v->ops == &sim_ops ? sim_of_vfs(v) : NULL;
}

void ix_sim_fail(struct ix_sim *s, unsigned ops, uint64_t nth, int error,
		 int sticky)
{
	ix_mutex_lock(&s->lock);
	memset(s->counts, 0, sizeof(s->counts));
	s->fail_ops = ops;
	s->fail_nth = nth;
	s->fail_error = error;
	s->fail_sticky = sticky;
	s->fail_seen = 0;
	s->fail_hit = 0;
	ix_mutex_unlock(&s->lock);
}

uint64_t ix_sim_count(struct ix_sim *s, unsigned ops)
{
	uint64_t n = 0;

	ix_mutex_lock(&s->lock);
	for (unsigned bit = 0; bit < 16; bit++) {
		if (ops & (1u << bit))
			n += s->counts[bit];
	}
	ix_mutex_unlock(&s->lock);
	return n;
}

void ix_sim_count_reset(struct ix_sim *s)
{
	ix_mutex_lock(&s->lock);
	memset(s->counts, 0, sizeof(s->counts));
	ix_mutex_unlock(&s->lock);
}

int ix_sim_fault_hit(struct ix_sim *s)
{
	int hit;

	ix_mutex_lock(&s->lock);
	hit = s->fail_hit;
	ix_mutex_unlock(&s->lock);
	return hit;
}

void ix_sim_set_capacity(struct ix_sim *s, uint64_t bytes)
{
	ix_mutex_lock(&s->lock);
	s->capacity = bytes;
	ix_mutex_unlock(&s->lock);
}

void ix_sim_crash_at(struct ix_sim *s, uint64_t nth)
{
	ix_mutex_lock(&s->lock);
	s->crash_in = nth;
	ix_mutex_unlock(&s->lock);
}

int ix_sim_crashed(struct ix_sim *s)
{
	int crashed;

	ix_mutex_lock(&s->lock);
	crashed = s->crashed;
	ix_mutex_unlock(&s->lock);
	return crashed;
}

uint64_t ix_sim_mutations(struct ix_sim *s)
{
	uint64_t n;

	ix_mutex_lock(&s->lock);
	n = s->mutations;
	ix_mutex_unlock(&s->lock);
	return n;
}

void ix_sim_set_completions(struct ix_sim *s, uint64_t seed, unsigned flags)
{
	ix_mutex_lock(&s->lock);
	s->completion_seed = seed;
	s->completion_flags = flags;
	ix_mutex_unlock(&s->lock);
}

unsigned sim_draw(struct ix_file *f, uint64_t *randomp)
{
	struct ix_sim *s;
	unsigned flags;

	*randomp = 0;
	if (f->ops != &sim_ops)
		return 0;
	s = ((struct sim_file *)(void *)f)->sim;
	ix_mutex_lock(&s->lock);
	*randomp = sim_random(&s->completion_seed);
	flags = s->completion_flags;
	ix_mutex_unlock(&s->lock);
	return flags;
}

static void flip(struct sim_blob *b, uint64_t offset, uint8_t mask)
{
	uint8_t byte;

	if (offset >= b->size)
		return;
	sim_blob_read(b, offset, &byte, 1);
	byte ^= mask;
	sim_blob_write(b, offset, &byte, 1);
}

int ix_sim_flip(struct ix_sim *s, const char *path, uint64_t offset,
		uint8_t mask)
{
	struct sim_inode *i;
	const char *name = path;
	int rc = 0;

	ix_mutex_lock(&s->lock);
	for (i = s->root; i;) {
		size_t n = strcspn(name, "/");

		i = sim_dir_get(&i->now_dir, name, n);
		if (!name[n])
			break;
		name += n + 1;
	}
	if (!i)
		rc = -ENOENT;
	else if (i->type != IX_TYPE_FILE || offset >= i->now.size)
		rc = -EINVAL;
	if (!rc) {
		flip(&i->now, offset, mask);
		flip(&i->durable, offset, mask);
	}
	ix_mutex_unlock(&s->lock);
	return rc ? ix_fail(rc, "damage \"%s\" at %llu: %s", path,
			    (unsigned long long)offset, ix_err_name(rc))
		  : 0;
}
