/* SPDX-License-Identifier: MIT */
/*
 * Goal: groups of 128 integers come back as they were, with the same bytes
 * from every kernel, in the fewest bytes, and no byte outside is ever read.
 * Method: random groups of all shapes through all kernels, against the
 * definition of the coding in docs/format.md 6.2 written down once more here;
 * every truncation; random damage. Buffers are allocated to the byte so that
 * an address sanitizer sees an overrun.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/codec.h"
#include "core/format/intcodec.h"
#include "tests/lib/corpus.h"
#include "tests/lib/seed.h"

#define N IX_PACK_VALUES

static struct test_rng rng;

/* The definition, bit by bit. Returns bytes used. */
static size_t define_unpack(const uint8_t *p, const uint8_t *end, uint32_t *v)
{
	const uint8_t *start = p;
	unsigned width = *p & 127;
	unsigned e = *p++ & 128 ? *p++ : 0;
	const uint8_t *bits = p;
	const uint8_t *indexes = p + 16 * width;

	for (unsigned i = 0; i < N; i++) {
		v[i] = 0;
		for (unsigned b = 0; b < width; b++) {
			unsigned bit = i / 4 * width + b;
			const uint8_t *word =
				bits + 16 * (bit / 32) + 4 * (i % 4);

			v[i] |= (ix_get32(word) >> (bit % 32) & 1) << b;
		}
	}
	p = indexes + e;
	for (unsigned k = 0; k < e; k++) {
		uint32_t high = 0;

		assert_int_equal(ix_get_varint32(&p, end, &high), 0);
		v[indexes[k]] |= high << width;
	}
	return (size_t)(p - start);
}

/* The fewest bytes any width gives. */
static size_t define_size(const uint32_t *v)
{
	size_t best = SIZE_MAX;

	for (unsigned width = 0; width <= 32; width++) {
		size_t size = 1 + 16 * width;
		unsigned e = 0;

		for (unsigned i = 0; i < N && width < 32; i++) {
			if (v[i] >> width) {
				size += 1 + ix_varint_size(v[i] >> width);
				e++;
			}
		}
		size += e > 0;
		if (e <= IX_PACK_EXCEPTIONS && size < best)
			best = size;
	}
	return best;
}

static void some_group(uint32_t *v)
{
	unsigned bits = (unsigned)test_rand_below(&rng, 33);
	unsigned outliers = (unsigned)test_rand_below(&rng, 60);

	for (unsigned i = 0; i < N; i++)
		v[i] = bits ? (uint32_t)(test_rand(&rng) >> (64 - bits)) : 0;
	if (test_rand_one_in(&rng, 3))
		return;
	for (unsigned k = 0; k < outliers; k++)
		v[test_rand_below(&rng, N)] =
			(uint32_t)(test_rand(&rng) >>
				   (32 + test_rand_below(&rng, 32)));
}

static void check_group(const uint32_t *v)
{
	const struct ix_pack_kernel *const *kernels;
	size_t count = ix_pack_kernels(&kernels);
	uint8_t out[IX_PACK_MAX + 64];
	uint8_t first[IX_PACK_MAX];
	uint32_t back[N];
	size_t size = 0;

	for (size_t k = 0; k < count; k++) {
		uint8_t *exact;
		const uint8_t *p;
		size_t n;

		ix_pack_use(kernels[k]);
		memset(out, 0xa5, sizeof(out));
		n = ix_pack(v, out);
		assert_true(n <= IX_PACK_MAX);
		assert_int_equal(out[IX_PACK_MAX], 0xa5);
		if (k == 0) {
			size = n;
			memcpy(first, out, n);
			assert_int_equal(n, define_size(v));
			assert_int_equal(define_unpack(out, out + n, back), n);
			assert_memory_equal(back, v, sizeof(back));
		}
		assert_int_equal(n, size);
		assert_memory_equal(out, first, n);

		exact = malloc(n);
		memcpy(exact, out, n);
		p = exact;
		memset(back, 0x5a, sizeof(back));
		assert_int_equal(ix_unpack(&p, exact + n, back), 0);
		assert_ptr_equal(p, exact + n);
		assert_memory_equal(back, v, sizeof(back));
		p = exact;
		assert_int_equal(ix_pack_skip(&p, exact + n), 0);
		assert_ptr_equal(p, exact + n);
		free(exact);
	}
}

static void groups_come_back_from_every_kernel(void **state)
{
	uint32_t v[N];

	(void)state;
	for (int round = 0; round < 3000; round++) {
		some_group(v);
		check_group(v);
	}
}

static void every_width_and_exception_count(void **state)
{
	uint32_t v[N];

	(void)state;
	for (unsigned width = 0; width <= 32; width++) {
		for (unsigned e = 0; e <= 40; e++) {
			for (unsigned i = 0; i < N; i++) {
				unsigned bits = i < e ? 32 : width;

				v[i] = bits ? UINT32_MAX >> (32 - bits) : 0;
			}
			check_group(v);
		}
	}
}

static void width_is_the_largest_of_the_cheapest(void **state)
{
	uint32_t v[N] = { 0 };
	uint8_t out[IX_PACK_MAX];

	(void)state;
	assert_int_equal(ix_pack(v, out), 1);
	/* 7 values of one bit: 16 bytes either way (1 + 2 x 7 + 1 and 16). */
	for (unsigned i = 0; i < 7; i++)
		v[i] = 1;
	assert_int_equal(ix_pack(v, out), 16);
	assert_int_equal(out[0], 128);
	v[7] = 1; /* now one bit for all costs less */
	assert_int_equal(ix_pack(v, out), 17);
	assert_int_equal(out[0], 1);
}

/* HAZARDS S-41: what is cut off is noticed, not read beyond. */
static void every_truncation_is_refused(void **state)
{
	const struct ix_pack_kernel *const *kernels;
	size_t count = ix_pack_kernels(&kernels);
	uint32_t v[N];
	uint32_t back[N];
	uint8_t out[IX_PACK_MAX];

	(void)state;
	for (int round = 0; round < 60; round++) {
		size_t n;

		some_group(v);
		ix_pack_use(kernels[(size_t)round % count]);
		n = ix_pack(v, out);
		for (size_t cut = 0; cut < n; cut++) {
			uint8_t *exact = malloc(cut ? cut : 1);
			const uint8_t *p = exact;

			memcpy(exact, out, cut);
			assert_int_equal(ix_unpack(&p, exact + cut, back), -1);
			assert_ptr_equal(p, exact);
			assert_int_equal(ix_pack_skip(&p, exact + cut), -1);
			assert_ptr_equal(p, exact);
			free(exact);
		}
	}
}

static void malformed_groups_are_refused(void **state)
{
	static const uint8_t zeros[600];
	uint8_t g[700];
	uint32_t back[N];
	const uint8_t *p;

	(void)state;
#define REFUSED(...)                                        \
 do {                                                       \
  static const uint8_t head[] = { __VA_ARGS__ };            \
  memcpy(g, zeros, sizeof(zeros));                          \
  memcpy(g, head, sizeof(head));                            \
  p = g;                                                    \
  assert_int_equal(ix_unpack(&p, g + sizeof(g), back), -1); \
  assert_ptr_equal(p, g);                                   \
 } while (0)
	REFUSED(33);                 /* width */
	REFUSED(127);                /* width */
	REFUSED(128, 0);             /* no exceptions though said so */
	REFUSED(128, 32);            /* too many */
	REFUSED(128 + 32, 1);        /* nothing can be above 32 bits */
	REFUSED(128, 1, 128, 1);     /* index */
	REFUSED(128, 2, 5, 5, 1, 1); /* indexes do not ascend */
	REFUSED(128, 2, 5, 4, 1, 1); /* indexes do not ascend */
	REFUSED(128, 1, 5, 0);       /* an exception that is none */
	REFUSED(128, 1, 5, 0xff, 0xff, 0xff, 0xff, 0x1f); /* 33 bits */
#undef REFUSED
	/* The greatest exception above width 31 is 1. */
	memset(g, 0, sizeof(g));
	g[0] = 128 + 31;
	g[1] = 1;
	g[2 + 16 * 31] = 5;
	g[3 + 16 * 31] = 2;
	p = g;
	assert_int_equal(ix_unpack(&p, g + sizeof(g), back), -1);
	g[3 + 16 * 31] = 1;
	assert_int_equal(ix_unpack(&p, g + sizeof(g), back), 0);
	assert_true(back[5] == (uint32_t)1 << 31);
}

/* Inputs for fuzz_intcodec: groups one after another. */
static void keep_corpus(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		uint8_t out[4 * IX_PACK_MAX];
		uint32_t v[N];
		char name[32];
		size_t n = 0;

		for (int k = 0; k <= i; k++) {
			some_group(v);
			n += ix_pack(v, out + n);
		}
		snprintf(name, sizeof(name), "groups-%d", i + 1);
		test_corpus_keep("intcodec", name, out, n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_come_back_from_every_kernel),
		cmocka_unit_test(every_width_and_exception_count),
		cmocka_unit_test(width_is_the_largest_of_the_cheapest),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(malformed_groups_are_refused),
		cmocka_unit_test(keep_corpus),
	};
	test_rng_init(&rng, test_seed());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
