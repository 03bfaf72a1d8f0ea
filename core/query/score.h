/* SPDX-License-Identifier: MIT */
/*
 * score: BM25 as Lucene computes it since version 8, in fixed point.
 *
 *	idf  = ln(1 + (N - df + 0.5) / (df + 0.5))
 *	norm = k1 * (1 - b + b * length / average length)
 *	contribution = idf - idf / (1 + tf / norm)         (= idf tf/(tf +
 *norm))
 *
 * with k1 = 1.2 and b = 0.75. N is the number of documents that have the field
 * (for a keyword field: of all documents), df and the average are over the
 * same set, lengths are exact. A keyword has tf = 1 and b = 0. A phrase has
 * the sum of its terms' idf, and tf = number of its occurrences.
 *
 * A contribution is computed in double by one expression, scaled by
 * IX_SCORE_ONE and rounded to an integer; a score is a sum of integers, so it
 * does not depend on the order of addition. Everything uses + - * / only,
 * which IEEE 754 defines exactly (no libm: its logarithm differs between
 * versions and processors), so scores are equal on every machine.
 *
 * The expression is monotone in each of its inputs after rounding too (that is
 * why it is written with a single occurrence of tf): the contribution of a
 * bound on (tf, length) is a bound on contributions, without a margin.
 */
#ifndef IX_QUERY_SCORE_H
#define IX_QUERY_SCORE_H

#include <float.h>
#include <math.h>
#include <stdint.h>

#include "core/query/query.h"

_Static_assert(FLT_EVAL_METHOD == 0, "double arithmetic must be IEEE double");

#define IX_BM25_K1      1.2
#define IX_BM25_B       0.75

#define IX_NORM_LENGTHS 512u /* lengths with a tabulated norm */

/* Natural logarithm of x >= 1, the same bits everywhere; error < 4 ulp. */
double ix_ln(double x);

/* df is taken as at most doc_count. > 0. */
double ix_idf(uint64_t doc_count, uint64_t df);

/* Statistics of one field over a whole set of segments. */
struct ix_field_stats {
	uint64_t doc_count;    /* N above */
	uint64_t total_length; /* of a text field, tokens */
	int has_norms;         /* text; otherwise b = 0 */
	double *table;         /* owned: 1 / norm of lengths < IX_NORM_LENGTHS;
				  NULL unless has_norms and doc_count > 0 */
};

/* Fill the table from the sums. 0 or -ENOMEM. */
int ix_field_stats_finish(struct ix_field_stats *s);
void ix_field_stats_release(struct ix_field_stats *s); /* idempotent */

/* 1 / norm of a field length. */
double ix_inverse_norm(const struct ix_field_stats *s, uint32_t length);

static inline double ix_inverse_norm_fast(const struct ix_field_stats *s,
					  uint32_t length)
{
	if (s->table && length < IX_NORM_LENGTHS)
		return s->table[length];
	return ix_inverse_norm(s, length);
}

/* Round half to even; 0 <= v < 2^52. */
static inline uint64_t ix_round(double v)
{
	int64_t n = (int64_t)v;
	double rest = v - (double)n;

	/* Without branches: they would be mispredicted half of the time. */
	n += (rest > 0.5) | ((rest == 0.5) & (n & 1));
	return (uint64_t)n;
}

/* The contribution for x = tf / norm; `weight` = idf * IX_SCORE_ONE. */
static inline uint64_t ix_contribution_x(double weight, double x)
{
	return ix_round(weight - weight / (1.0 + x));
}

static inline uint64_t ix_contribution(double weight,
				       const struct ix_field_stats *s,
				       uint32_t freq, uint32_t length)
{
	return ix_contribution_x(weight,
				 (double)freq *
					 ix_inverse_norm_fast(s, length));
}

/*
 * A value that x reaches whenever the contribution reaches `score`: tells
 * without a division that a document cannot. It lies a whole unit of score
 * below the exact one, far more than rounding can do.
 */
static inline double ix_contribution_least_x(double weight, uint64_t score)
{
	double y = (double)score - 1.0;

	if (y <= 0)
		return 0;
	return y < weight ? y / (weight - y) : HUGE_VAL;
}

/* The limit for unbounded freq. */
static inline uint64_t ix_contribution_max(double weight)
{
	return ix_round(weight);
}

#endif
