/* SPDX-License-Identifier: MIT */
/* policy_internal: what the policies share. Not for use outside policy*.c. */
#ifndef IX_INDEX_POLICY_INTERNAL_H
#define IX_INDEX_POLICY_INTERNAL_H

#include "core/index/policy.h"

/* A segment as a policy sees it. */
struct ix_policy_item {
	uint64_t size;  /* what the policy goes by: documents or bytes */
	uint64_t docs;  /* documents */
	uint32_t index; /* in the caller's array */
};

/* Append one merge of `n` items. 0 or -ENOMEM. */
int ix_policy_plan_add(struct ix_policy_plan *plan,
		       const struct ix_policy_item *items, size_t n);

/* The policies: `items` are the segments of one group, sorted by (size, seq).
 */
int ix_policy_default(const struct ix_policy *p,
		      const struct ix_policy_item *items, size_t n,
		      struct ix_policy_plan *plan);
int ix_policy_tiered(const struct ix_policy *p,
		     const struct ix_policy_item *items, size_t n,
		     struct ix_policy_plan *plan);
int ix_policy_scored(const struct ix_policy *p,
		     const struct ix_policy_item *items, size_t n,
		     struct ix_policy_plan *plan);

/* a + b and a * b, stuck at the largest number instead of wrapping. */
static inline uint64_t ix_policy_add(uint64_t a, uint64_t b)
{
	uint64_t r;

	return __builtin_add_overflow(a, b, &r) ? UINT64_MAX : r;
}

static inline uint64_t ix_policy_mul(uint64_t a, uint64_t b)
{
	uint64_t r;

	return __builtin_mul_overflow(a, b, &r) ? UINT64_MAX : r;
}

/* 0 if size <= floor, else 1 + the largest k with floor * factor^k <= size:
 * the tier of a size, in exact integers. factor >= 2. */
static inline uint32_t ix_policy_tier(uint64_t size, uint64_t floor,
				      uint32_t factor)
{
	uint64_t bound = floor ? floor : 1;
	uint32_t tier = 1;

	if (size <= floor)
		return 0;
	while (!__builtin_mul_overflow(bound, (uint64_t)factor, &bound) &&
	       bound <= size)
		tier++;
	return tier;
}

#endif
