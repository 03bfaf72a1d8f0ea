/* SPDX-License-Identifier: MIT */
/*
 * policy_scored: the predecessor's newer policies, by documents.
 *
 * Candidates are runs of neighbours in order of size. A run begins anywhere
 * and takes the next segment while it has fewer than `max_merge_at_once`, the
 * sum stays within the cap, and the next is not more than `tier_factor` times
 * the sum so far. It is valid with `segments_per_tier` members and when it
 * grows enough: sum >= (1 + growth) * largest. Segments above half the cap
 * take no part.
 *
 * Greedy (scored = 0): from the smallest on, the longest valid run.
 * Scored: all valid prefixes of all runs, ranked by skew: L^20 / T^19, L the
 * largest and T the sum (sizes raised to `score_floor`), which is
 * (L/T) * T^0.05 without the root; the best first, disjoint ones only.
 * Budget: nothing while there are at most
 *   ideal = segments_per_tier * max(1, ceil(log10(all documents /
 * score_floor))) of them; more than twice that is a severe backlog.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/index/policy_internal.h"

#define NUMERATOR_POWER   20
#define DENOMINATOR_POWER 19

/* L^20 * T^19 has at most 39 factors of 64 bits. */
#define BIG_LIMBS 80

struct candidate {
	uint64_t mantissa; /* of L^20 / T^19, top bit set */
	int32_t exponent;
	uint32_t start;
	uint32_t count;
	uint64_t largest;
	uint64_t total;
};

/* A number of 64 significant bits: value ~ mantissa * 2^exponent, rounded
 * down at each step. */
struct rough {
	uint64_t mantissa;
	int32_t exponent;
};

static struct rough rough_of(uint64_t v)
{
	int shift = __builtin_clzll(v | 1);
	struct rough r = { (v | !v) << shift, -shift };

	return r;
}

static struct rough rough_mul(struct rough a, struct rough b)
{
	unsigned __int128 m = (unsigned __int128)a.mantissa * b.mantissa;
	int shift = !(m >> 127);
	struct rough r = { (uint64_t)(m >> (64 - shift)),
			   a.exponent + b.exponent + 64 - shift };

	return r;
}

static struct rough rough_power(uint64_t v, unsigned power)
{
	struct rough base = rough_of(v), r = base;

	while (--power)
		r = rough_mul(r, base);
	return r;
}

static void set_score(struct candidate *c)
{
	struct rough l = rough_power(c->largest, NUMERATOR_POWER);
	struct rough t = rough_power(c->total, DENOMINATOR_POWER);
	unsigned __int128 q;

	/* One bit less in the dividend keeps the quotient within 64 bits. */
	q = ((unsigned __int128)l.mantissa << 63) / t.mantissa;
	c->exponent = l.exponent - t.exponent - 63;
	if (!(q >> 63)) {
		q <<= 1;
		c->exponent--;
	}
	c->mantissa = (uint64_t)q;
}

/* ---- exact comparison, for scores that are nearly equal ---- */

struct big {
	uint32_t limb[BIG_LIMBS + 2];
	unsigned n;
};

static void big_mul(struct big *b, uint64_t factor)
{
	unsigned __int128 carry = 0;

	for (unsigned i = 0; i < b->n; i++) {
		carry += (unsigned __int128)b->limb[i] * factor;
		b->limb[i] = (uint32_t)carry;
		carry >>= 32;
	}
	for (; carry; carry >>= 32)
		b->limb[b->n++] = (uint32_t)carry;
}

/* l^20 * t^19 */
static void big_product(struct big *b, uint64_t l, uint64_t t)
{
	memset(b, 0, sizeof(*b));
	b->limb[0] = 1;
	b->n = 1;
	for (int i = 0; i < NUMERATOR_POWER; i++)
		big_mul(b, l);
	for (int i = 0; i < DENOMINATOR_POWER; i++)
		big_mul(b, t);
}

static int compare_exact(const struct candidate *a, const struct candidate *b)
{
	struct big x, y;

	big_product(&x, a->largest, b->total);
	big_product(&y, b->largest, a->total);
	if (x.n != y.n)
		return x.n < y.n ? -1 : 1;
	for (unsigned i = x.n; i-- > 0;)
		if (x.limb[i] != y.limb[i])
			return x.limb[i] < y.limb[i] ? -1 : 1;
	return 0;
}

/* By score, then start, then length: a total order. */
static int compare_candidates(const void *va, const void *vb)
{
	const struct candidate *a = va, *b = vb;
	/* The 40 roundings lose less than 2 units of 2^-63 each; scores further
	 * apart than this are told by their rough values. */
	const unsigned __int128 slack = 4096;
	int rc = 0;

	if (a->exponent != b->exponent || a->mantissa != b->mantissa) {
		const struct candidate *high = a, *low = b;
		unsigned __int128 h, l;

		if (a->exponent < b->exponent ||
		    (a->exponent == b->exponent && a->mantissa < b->mantissa)) {
			high = b;
			low = a;
		}
		h = (unsigned __int128)high->mantissa
		    << (high->exponent > low->exponent);
		l = low->mantissa;
		if (high->exponent > low->exponent + 1 || h - l > slack)
			return high == a ? 1 : -1;
	}
	if (a->largest != b->largest || a->total != b->total)
		rc = compare_exact(a, b);
	if (rc)
		return rc;
	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return a->count < b->count ? -1 : a->count > b->count;
}

/* ---- runs ---- */

static uint64_t output_cap(const struct ix_policy *p)
{
	uint64_t cap = p->max_merged_docs;

	if (p->max_segment_docs && p->max_segment_docs < cap)
		cap = p->max_segment_docs;
	return cap;
}

static int may_take(const struct ix_policy *p, uint64_t cap, size_t count,
		    uint64_t sum, uint64_t next)
{
	return count < p->max_merge_at_once &&
	       ix_policy_add(sum, next) <= cap &&
	       next <= ix_policy_mul(sum ? sum : 1, p->tier_factor);
}

static int is_valid(const struct ix_policy *p, size_t count, uint64_t sum,
		    uint64_t largest)
{
	return count >= 2 && count >= p->segments_per_tier &&
	       (unsigned __int128)sum * 100 >=
		       (unsigned __int128)largest *
			       (100 + p->min_growth_percent);
}

static int plan_greedy(const struct ix_policy *p,
		       const struct ix_policy_item *items, size_t n,
		       struct ix_policy_plan *plan)
{
	uint64_t cap = output_cap(p);
	size_t start = 0;
	int rc = 0;

	while (start < n && !rc) {
		uint64_t sum = items[start].size;
		size_t best = 0, count = 1;

		while (start + count < n &&
		       may_take(p, cap, count, sum,
				items[start + count].size)) {
			sum += items[start + count].size;
			count++;
			if (is_valid(p, count, sum,
				     items[start + count - 1].size))
				best = count;
		}
		if (best)
			rc = ix_policy_plan_add(plan, items + start, best);
		start += best ? best : 1;
	}
	return rc;
}

static uint64_t raised(uint64_t size, uint64_t floor)
{
	return size > floor ? size : floor;
}

static int collect(const struct ix_policy *p,
		   const struct ix_policy_item *items, size_t n,
		   struct candidate **listp, size_t *countp)
{
	uint64_t cap = output_cap(p);
	size_t room = 0;

	for (size_t start = 0; start < n; start++) {
		uint64_t sum = items[start].size;
		uint64_t total = raised(sum, p->score_floor);

		for (size_t k = 1; start + k < n; k++) {
			uint64_t next = items[start + k].size;
			struct candidate *c;

			if (!may_take(p, cap, k, sum, next))
				break;
			sum += next;
			total = ix_policy_add(total,
					      raised(next, p->score_floor));
			if (!is_valid(p, k + 1, sum, next))
				continue;
			if (ix_grow(listp, &room, *countp + 1, sizeof(*c)))
				return -ENOMEM;
			c = *listp + (*countp)++;
			c->start = (uint32_t)start;
			c->count = (uint32_t)k + 1;
			c->largest = raised(next, p->score_floor);
			c->total = total;
			set_score(c);
		}
	}
	return 0;
}

static int plan_best(const struct ix_policy *p,
		     const struct ix_policy_item *items, size_t n,
		     struct ix_policy_plan *plan)
{
	struct candidate *list = NULL;
	uint8_t *used = NULL;
	size_t count = 0;
	int rc;

	rc = collect(p, items, n, &list, &count);
	if (rc || !count)
		goto out;
	used = ix_calloc(n, 1);
	if (!used) {
		rc = -ENOMEM;
		goto out;
	}
	qsort(list, count, sizeof(*list), compare_candidates);
	for (size_t i = 0; i < count && !rc; i++) {
		const struct candidate *c = list + i;

		if (memchr(used + c->start, 1, c->count))
			continue;
		memset(used + c->start, 1, c->count);
		rc = ix_policy_plan_add(plan, items + c->start, c->count);
	}
out:
	ix_free(list);
	ix_free(used);
	return rc;
}

static uint64_t ideal_count(const struct ix_policy *p, uint64_t docs)
{
	uint64_t bound = p->score_floor ? p->score_floor : 1;
	uint64_t tiers = 1;

	bound = ix_policy_mul(bound, 10);
	for (; bound < docs; tiers++)
		bound = ix_policy_mul(bound, 10);
	return tiers * p->segments_per_tier;
}

int ix_policy_scored(const struct ix_policy *p,
		     const struct ix_policy_item *items, size_t n,
		     struct ix_policy_plan *plan)
{
	uint64_t docs = 0, half = output_cap(p) / 2;
	size_t eligible = 0;

	for (size_t i = 0; i < n; i++)
		docs = ix_policy_add(docs, items[i].size);
	while (eligible < n && items[eligible].size <= half)
		eligible++;
	if (p->budget) {
		uint64_t ideal = ideal_count(p, docs);

		if (eligible <= ideal)
			return 0;
		if (eligible > 2 * ideal)
			plan->severe_backlog = 1;
	}
	if (p->scored)
		return plan_best(p, items, eligible, plan);
	return plan_greedy(p, items, eligible, plan);
}
