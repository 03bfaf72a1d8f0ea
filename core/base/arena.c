/* SPDX-License-Identifier: MIT */
#include "core/base/arena.h"

#include <stdint.h>
#include <string.h>

#include "core/base/mem.h"

#define BLOCK_SIZE ((size_t)1 << 20)

struct ix_arena_block {
	struct ix_arena_block *next;
	size_t size; /* bytes of data */
	char data[] __attribute__((aligned(8)));
};

void ix_arena_init(struct ix_arena *a)
{
	memset(a, 0, sizeof(*a));
}

void ix_arena_release(struct ix_arena *a)
{
	struct ix_arena_block *b, *next;

	for (b = a->blocks; b; b = next) {
		next = b->next;
		ix_free(b);
	}
	memset(a, 0, sizeof(*a));
}

void *ix_arena_alloc(struct ix_arena *a, size_t n)
{
	struct ix_arena_block *b;
	size_t size;
	void *p;

	if (n > SIZE_MAX - 7 - sizeof(*b))
		return NULL;
	n = (n + 7) & ~(size_t)7;
	if (n > a->left || !a->blocks) {
		size = n > BLOCK_SIZE / 4 ? n : BLOCK_SIZE;
		b = ix_malloc(sizeof(*b) + size);
		if (!b)
			return NULL;
		b->size = size;
		a->used += n;
		if (size != BLOCK_SIZE && a->blocks) {
			/* A large one of its own; go on filling the newest. */
			b->next = a->blocks->next;
			a->blocks->next = b;
			return b->data;
		}
		b->next = a->blocks;
		a->blocks = b;
		a->next = b->data + n;
		a->left = size - n;
		return b->data;
	}
	p = a->next;
	a->next += n;
	a->left -= n;
	a->used += n;
	return p;
}

void ix_arena_reset(struct ix_arena *a)
{
	struct ix_arena_block *keep = NULL, *b, *next;

	for (b = a->blocks; b; b = next) {
		next = b->next;
		if (!keep && b->size == BLOCK_SIZE)
			keep = b;
		else
			ix_free(b);
	}
	memset(a, 0, sizeof(*a));
	if (keep) {
		keep->next = NULL;
		a->blocks = keep;
		a->next = keep->data;
		a->left = keep->size;
	}
}
