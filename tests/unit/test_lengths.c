/* SPDX-License-Identifier: MIT */
/*
 * Goal: field lengths read back exactly, in both widths, with any escapes; a
 * damaged extent is refused.
 * Method: arrays around every boundary; each byte of an extent changed.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "core/base/err.h"
#include "core/format/lengths.h"
#include "tests/lib/seed.h"

static struct test_rng rng;

static void round_trip(const uint32_t *lengths, uint32_t n, unsigned width)
{
	struct ix_buf b = IX_BUF_INIT;
	struct ix_lengths l;
	uint64_t total = 0, docs = 0;

	assert_int_equal(ix_lengths_encode(lengths, n, &b), 0);
	assert_int_equal(ix_lengths_open(&l, b.data, b.len, n), 0);
	assert_int_equal(ix_lengths_check(&l), 0);
	assert_int_equal(l.width, width);
	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(ix_lengths_get(&l, i), lengths[i]);
		total += lengths[i];
		docs += lengths[i] > 0;
	}
	assert_true(l.total == total && l.docs_with_field == docs);
	ix_buf_release(&b);
}

static void boundary_values_round_trip(void **state)
{
	static const uint32_t edges[] = { 0,     1,     253,      254,
					  255,   256,   65533,    65534,
					  65535, 65536, 1u << 31, UINT32_MAX };
	uint32_t a[12 * 50];

	(void)state;
	for (size_t i = 0; i < 12; i++)
		round_trip(&edges[i], 1, edges[i] >= 255 ? 2 : 1);
	round_trip(edges, 12, 2);
	/* Few escapes keep the narrow width. */
	memset(a, 0, sizeof(a));
	memcpy(a + 100, edges, sizeof(edges));
	round_trip(a, 600, 1);
	a[50] = 255;
	a[51] = 1000;
	a[52] = 1000;
	a[53] = 1000;
	a[54] = 1000;
	round_trip(a, 600, 2);
}

/* 2 % of the documents are still escapes, one more is not. */
static void width_changes_above_two_percent(void **state)
{
	uint32_t a[1000] = { 0 };

	(void)state;
	for (int i = 0; i < 20; i++)
		a[i * 50] = 300;
	round_trip(a, 1000, 1);
	a[7] = 300;
	round_trip(a, 1000, 2);
}

static void random_lengths_round_trip(void **state)
{
	static uint32_t a[5000];

	(void)state;
	for (int round = 0; round < 200; round++) {
		uint32_t n = (uint32_t)test_rand_in(&rng, 1, 5000);
		uint64_t wide = test_rand_below(&rng, 100);
		uint32_t escapes = 0;

		for (uint32_t i = 0; i < n; i++) {
			a[i] = (uint32_t)test_rand_below(&rng, 255);
			if (test_rand_below(&rng, 100) < wide)
				a[i] = (uint32_t)test_rand(&rng) >>
				       test_rand_below(&rng, 32);
			escapes += a[i] >= 255;
		}
		round_trip(a, n, escapes * 50 > n ? 2 : 1);
	}
}

static int opens(const uint8_t *data, size_t n, uint32_t docs)
{
	struct ix_lengths l;
	int rc = ix_lengths_open(&l, data, n, docs);

	if (!rc) {
		/* Whatever opens is safe to read. */
		for (uint32_t i = 0; i < docs; i++)
			(void)ix_lengths_get(&l, i);
		rc = ix_lengths_check(&l);
	}
	assert_true(rc == 0 || rc == -IX_ECORRUPT);
	return rc == 0;
}

static void every_changed_byte_is_refused(void **state)
{
	uint32_t a[103] = { 0 };
	struct ix_buf b = IX_BUF_INIT;

	(void)state;
	for (uint32_t i = 0; i < 103; i++)
		a[i] = i * 2;
	a[50] = 255;
	a[60] = 70000;
	assert_int_equal(ix_lengths_encode(a, 103, &b), 0);
	assert_true(opens(b.data, b.len, 103));
	for (size_t i = 0; i < b.len; i++) {
		b.data[i] ^= 0x41;
		assert_false(opens(b.data, b.len, 103));
		b.data[i] ^= 0x41;
	}
	for (size_t n = 0; n < b.len; n++)
		assert_false(opens(b.data, n, 103));
	assert_false(opens(b.data, b.len, 102));
	ix_buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(boundary_values_round_trip),
		cmocka_unit_test(width_changes_above_two_percent),
		cmocka_unit_test(random_lengths_round_trip),
		cmocka_unit_test(every_changed_byte_is_refused),
	};
	test_rng_init(&rng, test_seed());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
