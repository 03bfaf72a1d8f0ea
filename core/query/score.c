/* SPDX-License-Identifier: MIT */
#include "core/query/score.h"

#include <errno.h>
#include <string.h>

#include "core/base/mem.h"

/* 2^e * m = x with m in [1, 2); x is normal and positive. */
static double split(double x, int *ep)
{
	uint64_t bits;

	memcpy(&bits, &x, sizeof(bits));
	*ep = (int)(bits >> 52) - 1023;
	bits = (bits & 0x000fffffffffffffull) | 0x3ff0000000000000ull;
	memcpy(&x, &bits, sizeof(bits));
	return x;
}

/*
 * ln x = e ln 2 + ln m, with m moved into [1/sqrt 2, sqrt 2], and
 * ln m = 2 artanh s = 2 (s + s^3/3 + s^5/5 + ...), s = (m - 1) / (m + 1)
 * (Abramowitz and Stegun, 4.1.27). |s| < 0.1716, so the first term left out,
 * s^25/25, is below 2^-68. ln 2 is split so that e * LN2_HIGH is exact.
 */
double ix_ln(double x)
{
	static const double LN2_HIGH = 0x1.62e42feep-1;
	static const double LN2_LOW = 0x1.a39ef35793c76p-33;
	double m, s, s2, sum = 0;
	int e;

	m = split(x, &e);
	if (m > 0x1.6a09e667f3bcdp+0) {
		m *= 0.5;
		e++;
	}
	s = (m - 1.0) / (m + 1.0);
	s2 = s * s;
	for (int i = 23; i >= 3; i -= 2)
		sum = (sum + 1.0 / i) * s2;
	return (double)e * LN2_HIGH +
	       (2.0 * s + (2.0 * s * sum + (double)e * LN2_LOW));
}

double ix_idf(uint64_t doc_count, uint64_t df)
{
	double n = (double)doc_count, d;

	if (df > doc_count)
		df = doc_count;
	d = (double)df;
	return ix_ln(1.0 + (n - d + 0.5) / (d + 0.5));
}

double ix_inverse_norm(const struct ix_field_stats *s, uint32_t length)
{
	double average;

	if (!s->has_norms || !s->doc_count || !s->total_length)
		return 1.0 / IX_BM25_K1;
	average = (double)s->total_length / (double)s->doc_count;
	return 1.0 / (IX_BM25_K1 *
		      (1.0 - IX_BM25_B + IX_BM25_B * (double)length / average));
}

int ix_field_stats_finish(struct ix_field_stats *s)
{
	double *table;

	if (!s->has_norms || !s->doc_count)
		return 0;
	table = ix_calloc(IX_NORM_LENGTHS, sizeof(*table));
	if (!table)
		return -ENOMEM;
	for (uint32_t i = 0; i < IX_NORM_LENGTHS; i++)
		table[i] = ix_inverse_norm(s, i);
	ix_free(s->table);
	s->table = table;
	return 0;
}

void ix_field_stats_release(struct ix_field_stats *s)
{
	ix_free(s->table);
	s->table = NULL;
}
