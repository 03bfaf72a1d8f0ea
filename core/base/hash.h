/* SPDX-License-Identifier: MIT */
/*
 * hash: XXH3 as ixfs uses it (https://github.com/Cyan4973/xxHash, the XXH3
 * variant is frozen since 0.8.0), and 128-bit sums.
 *
 * These detect damage and name contents; they are no defence against forgery.
 */
#ifndef IX_BASE_HASH_H
#define IX_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct ix_u128 {
	uint64_t lo;
	uint64_t hi;
};

/* XXH3-64 of `n` bytes. */
uint64_t ix_hash64(const void *data, size_t n);
uint64_t ix_hash64_seed(const void *data, size_t n, uint64_t seed);

/* XXH3-128 of `n` bytes. */
struct ix_u128 ix_hash128(const void *data, size_t n);
struct ix_u128 ix_hash128_seed(const void *data, size_t n, uint64_t seed);

/* A streaming XXH3 state; 64- and 128-bit digests come from separate states.
 * NULL when there is no memory. */
struct ix_hasher;
struct ix_hasher *ix_hasher_new(void);
void ix_hasher_free(struct ix_hasher *h);
void ix_hasher_reset(struct ix_hasher *h);
void ix_hasher_add(struct ix_hasher *h, const void *data, size_t n);
struct ix_u128 ix_hasher_digest128(const struct ix_hasher *h);

/* a + b and a - b modulo 2^128; equality. */
static inline struct ix_u128 ix_u128_add(struct ix_u128 a, struct ix_u128 b)
{
	struct ix_u128 r = { a.lo + b.lo, a.hi + b.hi };

	r.hi += r.lo < a.lo;
	return r;
}

static inline struct ix_u128 ix_u128_sub(struct ix_u128 a, struct ix_u128 b)
{
	struct ix_u128 r = { a.lo - b.lo, a.hi - b.hi };

	r.hi -= a.lo < b.lo;
	return r;
}

static inline int ix_u128_equal(struct ix_u128 a, struct ix_u128 b)
{
	return a.lo == b.lo && a.hi == b.hi;
}

#endif
