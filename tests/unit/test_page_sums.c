/* SPDX-License-Identifier: MIT */
/*
 * Goal: a page hash that is called known is the hash of what the file holds,
 * whatever was written, cut or invalidated before; and the patterns of real
 * writers leave (nearly) all pages known.
 * Method: a file in memory as the model, seeded random operations, comparison
 * of every page after each step; then each writer pattern by itself.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/mem.h"
#include "core/format/page_sums.h"
#include "tests/lib/seed.h"

#define PAGE      IX_PAGE_SUMS_PAGE
#define MODEL_MAX (40 * PAGE)

static struct test_rng rng;

static size_t below(size_t n)
{
	return (size_t)test_rand_below(&rng, n);
}

struct model {
	uint8_t data[MODEL_MAX];
	size_t size;
	struct ix_page_sums sums;
};

static void model_write(struct model *m, size_t at, size_t n)
{
	test_rand_bytes(&rng, m->data + at, n);
	if (at + n > m->size)
		m->size = at + n;
	ix_page_sums_write(&m->sums, at, m->data + at, n);
}

static void model_truncate(struct model *m, size_t size)
{
	if (size < m->size)
		memset(m->data + size, 0, m->size - size);
	m->size = size;
	ix_page_sums_truncate(&m->sums, size);
}

/* Every known page lies wholly inside the file and has the right hash.
 * Returns how many are known. */
static size_t model_check(const struct model *m)
{
	size_t known = 0;

	for (size_t page = 0; page < MODEL_MAX / PAGE + 4; page++) {
		uint64_t sum;

		if (!ix_page_sums_get(&m->sums, page, &sum))
			continue;
		assert_true((page + 1) * PAGE <= m->size);
		assert_true(sum == ix_hash64(m->data + page * PAGE, PAGE));
		known++;
	}
	assert_int_equal(known, m->sums.known_count);
	return known;
}

/* A length as writers choose it: tiny, odd, a page, several pages. */
static size_t some_length(size_t max)
{
	size_t n;

	switch (below(4)) {
	case 0:
		n = 1 + below(64);
		break;
	case 1:
		n = 1 + below(3 * PAGE);
		break;
	case 2:
		n = PAGE;
		break;
	default:
		n = PAGE * (1 + below(4));
		break;
	}
	return n < max ? n : max;
}

static void model_step(struct model *m, size_t *cursorp)
{
	size_t at = *cursorp;
	size_t n;

	switch (below(16)) {
	case 0:
		model_truncate(m, below(MODEL_MAX));
		return;
	case 1:
		at = below(MODEL_MAX);
		n = 1 + below(MODEL_MAX - at);
		for (size_t i = at; i < at + n && i < m->size; i++)
			m->data[i] ^= 1;
		ix_page_sums_invalidate(&m->sums, at, n);
		return;
	case 2:
		at = below(MODEL_MAX);
		break;
	case 3:
		at = below(MODEL_MAX / PAGE) * PAGE;
		break;
	default:
		break;
	}
	if (at >= MODEL_MAX)
		at = 0;
	n = some_length(MODEL_MAX - at);
	model_write(m, at, n);
	*cursorp = at + n;
}

static void known_hashes_are_right_after_random_operations(void **state)
{
	static struct model m;
	size_t cursor = 0;
	size_t best = 0;

	(void)state;
	for (int round = 0; round < 50; round++) {
		memset(&m, 0, sizeof(m));
		ix_page_sums_init(&m.sums);
		cursor = 0;
		for (int step = 0; step < 300; step++) {
			size_t known;

			model_step(&m, &cursor);
			known = model_check(&m);
			if (known > best)
				best = known;
		}
		ix_page_sums_release(&m.sums);
	}
	/* Guards against a table that knows nothing and so is never wrong. */
	assert_true(best > MODEL_MAX / PAGE / 2);
}

static void sequential_writer_leaves_all_full_pages_known(void **state)
{
	static const size_t steps[] = { 1, 7, 512, 4095, 4096, 4097, 131072 };
	static struct model m;

	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		const size_t size = 30 * PAGE + 123;

		memset(&m, 0, sizeof(m));
		ix_page_sums_init(&m.sums);
		for (size_t at = 0; at < size; at += steps[i])
			model_write(&m, at,
				    size - at < steps[i] ? size - at
							 : steps[i]);
		assert_int_equal(model_check(&m), 30);
		ix_page_sums_release(&m.sums);
	}
}

static void page_overwritten_in_part_becomes_unknown(void **state)
{
	static struct model m;
	uint64_t sum;

	(void)state;
	memset(&m, 0, sizeof(m));
	ix_page_sums_init(&m.sums);
	model_write(&m, 0, 4 * PAGE);
	assert_int_equal(model_check(&m), 4);
	model_write(&m, PAGE + 10, 1);
	assert_int_equal(model_check(&m), 3);
	assert_false(ix_page_sums_get(&m.sums, 1, &sum));
	assert_int_equal(sum, 0);
	model_write(&m, PAGE, PAGE);
	assert_int_equal(model_check(&m), 4);
	ix_page_sums_release(&m.sums);
}

static void large_file_is_followed_and_far_page_is_not(void **state)
{
	struct ix_page_sums s;
	static uint8_t chunk[32 * PAGE];
	const uint64_t pages = 1 << 16; /* 256 MiB */
	uint64_t sum;

	(void)state;
	ix_page_sums_init(&s);
	ix_page_sums_write(&s, (uint64_t)1 << 60, chunk, PAGE);
	assert_int_equal(s.cap, 0);
	for (uint64_t page = 0; page < pages; page += 32)
		ix_page_sums_write(&s, page * PAGE, chunk, sizeof(chunk));
	assert_int_equal(s.known_count, pages);
	assert_true(ix_page_sums_get(&s, pages - 1, &sum));
	assert_true(sum == ix_hash64(chunk, PAGE));
	ix_page_sums_invalidate(&s, 1, UINT64_MAX);
	assert_int_equal(s.known_count, 0);
	ix_page_sums_release(&s);
	ix_page_sums_release(&s);
}

static int fail_all(void)
{
	return 1;
}

static void no_memory_means_unknown(void **state)
{
	static struct model m;

	(void)state;
	memset(&m, 0, sizeof(m));
	ix_page_sums_init(&m.sums);
	ix_mem_fail_hook = fail_all;
	model_write(&m, 0, PAGE);
	model_write(&m, PAGE, 100);
	ix_mem_fail_hook = NULL;
	assert_int_equal(model_check(&m), 0);
	model_write(&m, PAGE + 100, PAGE - 100);
	assert_int_equal(model_check(&m), 0);
	model_write(&m, 0, 2 * PAGE);
	assert_int_equal(model_check(&m), 2);
	ix_page_sums_release(&m.sums);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			known_hashes_are_right_after_random_operations),
		cmocka_unit_test(sequential_writer_leaves_all_full_pages_known),
		cmocka_unit_test(page_overwritten_in_part_becomes_unknown),
		cmocka_unit_test(large_file_is_followed_and_far_page_is_not),
		cmocka_unit_test(no_memory_means_unknown),
	};
	test_rng_init(&rng, test_seed());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
