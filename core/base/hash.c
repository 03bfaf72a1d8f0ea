/* SPDX-License-Identifier: MIT */
#include "core/base/hash.h"

#include <xxhash.h>

static struct ix_u128 from_xxh(XXH128_hash_t h)
{
	struct ix_u128 r = { h.low64, h.high64 };
	return r;
}

uint64_t ix_hash64(const void *data, size_t n)
{
	return XXH3_64bits(data, n);
}

uint64_t ix_hash64_seed(const void *data, size_t n, uint64_t seed)
{
	return XXH3_64bits_withSeed(data, n, seed);
}

struct ix_u128 ix_hash128(const void *data, size_t n)
{
	return from_xxh(XXH3_128bits(data, n));
}

struct ix_u128 ix_hash128_seed(const void *data, size_t n, uint64_t seed)
{
	return from_xxh(XXH3_128bits_withSeed(data, n, seed));
}

struct ix_hasher *ix_hasher_new(void)
{
	XXH3_state_t *s = XXH3_createState();

	if (s)
		XXH3_128bits_reset(s);
	return (struct ix_hasher *)s;
}

void ix_hasher_free(struct ix_hasher *h)
{
	XXH3_freeState((XXH3_state_t *)h);
}

void ix_hasher_reset(struct ix_hasher *h)
{
	XXH3_128bits_reset((XXH3_state_t *)h);
}

void ix_hasher_add(struct ix_hasher *h, const void *data, size_t n)
{
	XXH3_128bits_update((XXH3_state_t *)h, data, n);
}

struct ix_u128 ix_hasher_digest128(const struct ix_hasher *h)
{
	return from_xxh(XXH3_128bits_digest((const XXH3_state_t *)h));
}
