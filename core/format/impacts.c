/* SPDX-License-Identifier: MIT */
#include "core/format/impacts.h"

#include <string.h>

#define FRONTIER_MAX 256

uint8_t ix_length_code(uint32_t length)
{
	unsigned shift;

	if (length < 24)
		return (uint8_t)length;
	length -= 16; /* >= 8: four significant bits and a shift */
	shift = 28u - (unsigned)__builtin_clz(length);
	return (uint8_t)(24 + 8 * shift + (length >> shift) - 8);
}

uint32_t ix_length_floor(uint8_t code)
{
	unsigned c = code;

	if (c < 24)
		return c;
	c -= 24;
	return ((8 + (c & 7)) << (c >> 3)) + 16;
}

void ix_impact_set_clear(struct ix_impact_set *s)
{
	memset(s->seen, 0, sizeof(s->seen));
	s->max_freq = 0;
}

void ix_impact_set_add_pairs(struct ix_impact_set *s,
			     const struct ix_impact pairs[IX_IMPACTS])
{
	for (unsigned i = 0; i < IX_IMPACTS && pairs[i].freq; i++)
		ix_impact_set_add(s, pairs[i].freq, pairs[i].length);
}

/* ---- choosing the pairs ---- */

/* 8 * log2, with linear steps inside an octave; 0 counts as 1. */
static uint32_t log_scale(uint32_t v)
{
	unsigned octave;

	if (v < 2)
		return 0;
	octave = 31u - (unsigned)__builtin_clz(v);
	return 8 * octave + (uint32_t)(((uint64_t)v << 3) >> octave & 7);
}

/* Frontier points by ascending frequency; lengths ascend with them. */
struct frontier {
	unsigned n;
	struct ix_impact points[FRONTIER_MAX];
	uint32_t freq_sum[FRONTIER_MAX + 1]; /* running sums of log_scale */
	uint32_t length_sum[FRONTIER_MAX + 1];
};

static void take_frontier(const struct ix_impact_set *s, struct frontier *f)
{
	unsigned lowest = 256;
	unsigned at = FRONTIER_MAX;

	for (unsigned freq = s->max_freq; freq > 0; freq--) {
		if (!s->seen[freq] || s->lowest[freq] >= lowest)
			continue;
		lowest = s->lowest[freq];
		at--;
		f->points[at].freq = (uint8_t)freq;
		f->points[at].length = (uint8_t)lowest;
	}
	f->n = FRONTIER_MAX - at;
	memmove(f->points, f->points + at, f->n * sizeof(*f->points));
}

static void sum_frontier(struct frontier *f)
{
	f->freq_sum[0] = 0;
	f->length_sum[0] = 0;
	for (unsigned i = 0; i < f->n; i++) {
		f->freq_sum[i + 1] =
			f->freq_sum[i] + log_scale(f->points[i].freq);
		f->length_sum[i + 1] =
			f->length_sum[i] +
			log_scale(ix_length_floor(f->points[i].length));
	}
}

/* How far the one pair for points [i, j) exceeds them in sum. */
static uint32_t looseness(const struct frontier *f, unsigned i, unsigned j)
{
	uint32_t freq = f->freq_sum[j] - f->freq_sum[j - 1];
	uint32_t length = f->length_sum[i + 1] - f->length_sum[i];

	return (j - i) * freq - (f->freq_sum[j] - f->freq_sum[i]) +
	       (f->length_sum[j] - f->length_sum[i]) - (j - i) * length;
}

/* The cuts a < b of 0..n into three runs with the least looseness; the first
 * of equals. */
static void choose_cuts(const struct frontier *f, unsigned *ap, unsigned *bp)
{
	uint32_t best = UINT32_MAX;

	for (unsigned a = 1; a + 1 < f->n; a++) {
		uint32_t head = looseness(f, 0, a);

		for (unsigned b = a + 1; b < f->n && head < best; b++) {
			uint32_t sum = head + looseness(f, a, b) +
				       looseness(f, b, f->n);
			if (sum < best) {
				best = sum;
				*ap = a;
				*bp = b;
			}
		}
	}
}

static struct ix_impact cover(const struct frontier *f, unsigned i, unsigned j)
{
	return (struct ix_impact){ f->points[j - 1].freq, f->points[i].length };
}

void ix_impact_set_finish(struct ix_impact_set *s,
			  struct ix_impact pairs[IX_IMPACTS])
{
	struct frontier f;
	unsigned a = 1;
	unsigned b = 2;

	take_frontier(s, &f);
	memset(pairs, 0, IX_IMPACTS * sizeof(*pairs));
	if (f.n <= IX_IMPACTS) {
		memcpy(pairs, f.points, f.n * sizeof(*pairs));
	} else {
		sum_frontier(&f);
		choose_cuts(&f, &a, &b);
		pairs[0] = cover(&f, 0, a);
		pairs[1] = cover(&f, a, b);
		pairs[2] = cover(&f, b, f.n);
	}
	ix_impact_set_clear(s);
}

/* ---- checks ---- */

int ix_impacts_valid(const struct ix_impact pairs[IX_IMPACTS])
{
	if (!pairs[0].freq)
		return 0;
	for (unsigned i = 1; i < IX_IMPACTS; i++) {
		if (!pairs[i].freq && pairs[i].length)
			return 0;
		if (pairs[i].freq && !pairs[i - 1].freq)
			return 0;
	}
	return 1;
}

int ix_impacts_dominate(const struct ix_impact outer[IX_IMPACTS],
			const struct ix_impact inner[IX_IMPACTS])
{
	for (unsigned i = 0; i < IX_IMPACTS && inner[i].freq; i++) {
		unsigned k = 0;

		while (k < IX_IMPACTS && (outer[k].freq < inner[i].freq ||
					  outer[k].length > inner[i].length))
			k++;
		if (k == IX_IMPACTS)
			return 0;
	}
	return 1;
}
