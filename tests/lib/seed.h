/* SPDX-License-Identifier: MIT */
/*
 * seed: reproducible randomness for tests.
 *
 * A test calls test_seed() once; it prints the seed, and takes it from the
 * environment variable IX_SEED when that is set, so that a failure can be
 * repeated. Numbers come from xoshiro256** (https://prng.di.unimi.it),
 * seeded by splitmix64. A generator belongs to one thread.
 */
#ifndef IX_TESTS_SEED_H
#define IX_TESTS_SEED_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct test_rng {
	uint64_t s[4];
};

/* The next number of a splitmix64 sequence; `state` is any number. */
static inline uint64_t test_splitmix64(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static inline void test_rng_init(struct test_rng *r, uint64_t seed)
{
	for (int i = 0; i < 4; i++)
		r->s[i] = test_splitmix64(&seed);
}

/* 64 random bits. */
static inline uint64_t test_rand(struct test_rng *r)
{
	uint64_t *s = r->s;
	uint64_t x = s[1] * 5;
	uint64_t result = ((x << 7) | (x >> 57)) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = (s[3] << 45) | (s[3] >> 19);
	return result;
}

/* A number in [0, n); 0 when n is 0. The bias is below n / 2^64. */
static inline uint64_t test_rand_below(struct test_rng *r, uint64_t n)
{
	return n ? test_rand(r) % n : 0;
}

/* A number in [low, high], both included. */
static inline uint64_t test_rand_in(struct test_rng *r, uint64_t low,
				    uint64_t high)
{
	return low + test_rand_below(r, high - low + 1);
}

/* True once in `n` times. */
static inline int test_rand_one_in(struct test_rng *r, uint64_t n)
{
	return test_rand_below(r, n) == 0;
}

static inline void test_rand_bytes(struct test_rng *r, void *data, size_t n)
{
	uint8_t *p = data;

	for (; n >= 8; p += 8, n -= 8) {
		uint64_t v = test_rand(r);
		memcpy(p, &v, 8);
	}
	if (n) {
		uint64_t v = test_rand(r);
		memcpy(p, &v, n);
	}
}

/* The seed of this run: IX_SEED (decimal or 0x...), else one made from time
 * and process. Prints it with the command that repeats the run. */
static inline uint64_t test_seed(void)
{
	const char *env = getenv("IX_SEED");
	struct timespec now;
	uint64_t seed;

	if (env && *env) {
		seed = strtoull(env, NULL, 0);
	} else {
		clock_gettime(CLOCK_REALTIME, &now);
		seed = (uint64_t)now.tv_sec << 30 ^ (uint64_t)now.tv_nsec ^
		       (uint64_t)getpid() << 44;
		seed = test_splitmix64(&seed);
	}
	printf("seed: IX_SEED=%llu\n", (unsigned long long)seed);
	fflush(stdout);
	return seed;
}

#endif
