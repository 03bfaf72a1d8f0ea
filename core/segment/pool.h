/* SPDX-License-Identifier: MIT */
/*
 * pool: small pieces of memory named by 32-bit references.
 *
 * What a builder keeps in memory is millions of small pieces that refer to
 * each other; references of half a pointer's size make it half as large.
 * Pieces never move, so pointers to them stay good until the pool is reset.
 * The figure of ix_pool_used depends on the requests alone, so that a cut by
 * memory falls on the same document on every machine. Belongs to one thread.
 */
#ifndef IX_SEGMENT_POOL_H
#define IX_SEGMENT_POOL_H

#include <stddef.h>
#include <stdint.h>

#define IX_POOL_UNIT        8u /* alignment of pieces; what references count */
#define IX_POOL_BLOCK_BITS  17u
#define IX_POOL_BLOCK_UNITS (1u << IX_POOL_BLOCK_BITS)
/* Largest piece in bytes. */
#define IX_POOL_PIECE_MAX ((size_t)IX_POOL_BLOCK_UNITS * IX_POOL_UNIT)
/* All of it: what references can name, less the block of the last piece. */
#define IX_POOL_MAX \
 ((uint64_t)(UINT32_MAX - IX_POOL_BLOCK_UNITS) * IX_POOL_UNIT)

struct ix_pool {
	uint8_t **blocks; /* owned, and what they point to */
	size_t block_count, block_cap;
	uint64_t next; /* reference of the next piece, if it fits the block */
};

void ix_pool_init(struct ix_pool *p);
void ix_pool_release(struct ix_pool *p); /* idempotent; zeroed allowed */

/* Forget all pieces, keep the memory. */
void ix_pool_reset(struct ix_pool *p);

/* A piece of `n` (1 .. IX_POOL_PIECE_MAX) bytes, uninitialised. The reference
 * is never 0. 0, -ENOMEM, or -IX_ELIMIT beyond IX_POOL_MAX. */
int ix_pool_alloc(struct ix_pool *p, size_t n, uint32_t *refp);

/* The piece of a reference that ix_pool_alloc gave. */
static inline void *ix_pool_at(const struct ix_pool *p, uint32_t ref)
{
	return p->blocks[ref >> IX_POOL_BLOCK_BITS] +
	       (size_t)(ref & (IX_POOL_BLOCK_UNITS - 1)) * IX_POOL_UNIT;
}

/* Bytes in use, with what is lost at the ends of blocks. */
static inline uint64_t ix_pool_used(const struct ix_pool *p)
{
	return (p->next - 1) * IX_POOL_UNIT;
}

#endif
