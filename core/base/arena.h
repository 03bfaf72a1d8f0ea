/* SPDX-License-Identifier: MIT */
/*
 * arena: many small allocations, released together.
 *
 * ix_arena_used() counts requested bytes, rounded up to 8, in the order of
 * requests: the same requests give the same figure on every machine, so that
 * cuts by memory (ixfs build --memory) are deterministic. Not thread-safe.
 */
#ifndef IX_BASE_ARENA_H
#define IX_BASE_ARENA_H

#include <stddef.h>

struct ix_arena {
	struct ix_arena_block *blocks; /* owned, newest first */
	char *next;                    /* free space in the newest block */
	size_t left;                   /* bytes of it */
	size_t used;                   /* accounted bytes */
};

void ix_arena_init(struct ix_arena *a);
void ix_arena_release(struct ix_arena *a);

/* `n` bytes aligned to 8, uninitialised; NULL when there is no memory, and
 * only then (0 bytes give some pointer, which may not be unique). Good until
 * the arena is released or reset. */
void *ix_arena_alloc(struct ix_arena *a, size_t n);

/* Forget all allocations; keeps one block for reuse. */
void ix_arena_reset(struct ix_arena *a);

static inline size_t ix_arena_used(const struct ix_arena *a)
{
	return a->used;
}

#endif
