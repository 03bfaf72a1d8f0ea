/* SPDX-License-Identifier: MIT */
/*
 * Goal: scores are Lucene's BM25, their bounds are bounds, and the k best are
 * the k best.
 * Method: our logarithm against libm's in long double; the formula as books
 * write it against ours; monotony at random points and their neighbours; the
 * heap against sorting.
 */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/query/score.h"
#include "core/query/top.h"
#include "tests/lib/seed.h"

static struct test_rng rng;

static double random_double(void)
{
	return (double)(test_rand(&rng) >> 11) * 0x1p-53;
}

static void logarithm_is_within_4_ulp(void **state)
{
	(void)state;
	assert_true(ix_ln(1.0) == 0.0);
	for (int i = 0; i < 1000000; i++) {
		double x = i % 3 ? ldexp(1.0 + random_double(), i % 40)
				 : 1.0 + ldexp(random_double(), -(i % 50));
		long double want = logl((long double)x);
		double ulp = nextafter((double)want, INFINITY) - (double)want;
		long double error = ((long double)ix_ln(x) - want) / ulp;

		if (fabsl(error) >= 4)
			fail_msg("ln(%a) = %a, off by %Lf ulp", x, ix_ln(x),
				 error);
	}
}

/* These bits must come out on every machine. */
static void logarithm_has_fixed_bits(void **state)
{
	(void)state;
	assert_true(ix_ln(2.0) == 0x1.62e42fefa39efp-1);
	assert_true(ix_ln(3.0) == 0x1.193ea7aad030bp+0);
	assert_true(ix_ln(1000003.0) == 0x1.ba18afe39c37fp+3);
	assert_true(ix_ln(1.0000001) == 0x1.ad7f2847b6491p-24); /* - 1 ulp */
}

static void idf_is_lucenes(void **state)
{
	(void)state;
	for (int i = 0; i < 100000; i++) {
		uint64_t n = 1 + (test_rand(&rng) >> (33 + i % 31));
		uint64_t df = 1 + test_rand_below(&rng, n);
		double want = log(1.0 + ((double)(n - df) + 0.5) /
						((double)df + 0.5));
		double got = ix_idf(n, df);

		assert_true(got > 0);
		assert_true(fabs(got - want) <= 1e-14 * want + 1e-16);
	}
	/* A frequency that lies must not give a negative argument. */
	assert_true(ix_idf(5, 100) == ix_idf(5, 5));
	assert_true(ix_idf(0, 0) > 0);
}

static void random_stats(struct ix_field_stats *s)
{
	memset(s, 0, sizeof(*s));
	s->has_norms = !test_rand_one_in(&rng, 10);
	s->doc_count =
		1 + (test_rand(&rng) >> (33 + test_rand_below(&rng, 31)));
	s->total_length = s->doc_count * (1 + test_rand_below(&rng, 1000));
	assert_int_equal(ix_field_stats_finish(s), 0);
}

static void contribution_is_bm25(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++) {
		struct ix_field_stats s;

		random_stats(&s);
		for (int j = 0; j < 100; j++) {
			uint32_t tf =
				1 + (uint32_t)test_rand_below(&rng,
							      j % 2 ? 5 : 1000);
			uint32_t length =
				tf + (uint32_t)test_rand_below(&rng, 3000);
			double idf = random_double() * 20;
			double b = s.has_norms ? 0.75 : 0;
			double average =
				(double)s.total_length / (double)s.doc_count;
			double want =
				idf * tf /
				(tf + 1.2 * (1 - b + b * length / average));
			double got = (double)ix_contribution(idf * IX_SCORE_ONE,
							     &s, tf, length);

			assert_true(fabs(got / IX_SCORE_ONE - want) <=
				    0.5000001 / IX_SCORE_ONE);
		}
		ix_field_stats_release(&s);
	}
}

/* What pruning rests on, after rounding and with neighbours. */
static void contribution_is_monotone(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++) {
		struct ix_field_stats s;
		double weight = random_double() * 20 * IX_SCORE_ONE;

		random_stats(&s);
		for (int j = 0; j < 300; j++) {
			uint32_t tf = 1 + (uint32_t)(test_rand(&rng) >>
						     (33 + j % 31));
			uint32_t length =
				(uint32_t)(test_rand(&rng) >> (33 + j % 29));
			uint64_t v = ix_contribution(weight, &s, tf, length);

			assert_true(ix_contribution(weight, &s, tf + 1,
						    length) >= v);
			assert_true(ix_contribution(weight, &s, tf,
						    length + 1) <= v);
			assert_true(ix_contribution_max(weight) >= v);
		}
		ix_field_stats_release(&s);
	}
}

static void rounding_is_half_to_even(void **state)
{
	(void)state;
	assert_int_equal(ix_round(0.0), 0);
	assert_int_equal(ix_round(0.5), 0);
	assert_int_equal(ix_round(1.5), 2);
	assert_int_equal(ix_round(2.5), 2);
	assert_int_equal(ix_round(2.5000001), 3);
	assert_int_equal(ix_round(2.4999999), 2);
	for (int i = 0; i < 100000; i++) {
		double v = ldexp(random_double(), i % 50);

		assert_true((double)ix_round(v) == rint(v));
	}
}

static int by_rank(const void *pa, const void *pb)
{
	const struct ix_hit *a = pa, *b = pb;

	if (a->score != b->score)
		return a->score > b->score ? -1 : 1;
	if (a->tie != b->tie)
		return a->tie < b->tie ? -1 : 1;
	return a->doc < b->doc ? -1 : a->doc > b->doc;
}

static void top_keeps_the_best(void **state)
{
	struct ix_hit all[300], *hits;
	struct ix_top top;
	uint32_t count;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		uint32_t n = (uint32_t)test_rand_below(&rng, 300);
		uint32_t k = (uint32_t)test_rand_below(&rng, 50);

		ix_top_init(&top, k);
		for (uint32_t d = 0; d < n; d++) {
			all[d] = (struct ix_hit){
				.score = test_rand_below(&rng, 1 + i % 20),
				.tie = test_rand_below(&rng, 5),
				.doc = d,
			};
			/* The threshold may refuse nothing that belongs. */
			if (all[d].score >= top.threshold)
				assert_int_equal(ix_top_add(&top, &all[d]), 0);
		}
		hits = ix_top_finish(&top, &count);
		qsort(all, n, sizeof(*all), by_rank);
		assert_int_equal(count, n < k ? n : k);
		for (uint32_t d = 0; d < count; d++)
			assert_int_equal(by_rank(&hits[d], &all[d]), 0);
		ix_free(hits);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(logarithm_is_within_4_ulp),
		cmocka_unit_test(logarithm_has_fixed_bits),
		cmocka_unit_test(idf_is_lucenes),
		cmocka_unit_test(contribution_is_bm25),
		cmocka_unit_test(contribution_is_monotone),
		cmocka_unit_test(rounding_is_half_to_even),
		cmocka_unit_test(top_keeps_the_best),
	};

	test_rng_init(&rng, test_seed());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
