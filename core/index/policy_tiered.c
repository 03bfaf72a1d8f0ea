/* SPDX-License-Identifier: MIT */
/*
 * policy_tiered: the predecessor's tiered policy, by documents.
 *
 * Tier 0 holds segments of up to `tier_floor` documents, tier k those of
 * floor * factor^(k-1) up to, but not including, floor * factor^k. A tier
 * with at least `segments_per_tier` segments merges its `max_merge_at_once`
 * smallest, if the result has at most `max_merged_docs` documents.
 *
 * Example (4 per tier, 6 at once, floor 1000): 3 5 9 20 700 5000 merges the
 * first five; 1000000 is tier 4, 999999 is tier 3.
 */
#include "core/index/policy_internal.h"

int ix_policy_tiered(const struct ix_policy *p,
		     const struct ix_policy_item *items, size_t n,
		     struct ix_policy_plan *plan)
{
	size_t first = 0, end;
	int rc = 0;

	/* Sorted by size, the members of a tier are neighbours. */
	for (; first < n && !rc; first = end) {
		uint32_t tier = ix_policy_tier(items[first].size, p->tier_floor,
					       p->tier_factor);
		uint64_t sum = 0;
		size_t take;

		for (end = first + 1; end < n; end++)
			if (ix_policy_tier(items[end].size, p->tier_floor,
					   p->tier_factor) != tier)
				break;
		if (end - first < p->segments_per_tier)
			continue;
		take = end - first;
		if (take > p->max_merge_at_once)
			take = p->max_merge_at_once;
		for (size_t i = first; i < first + take; i++)
			sum = ix_policy_add(sum, items[i].size);
		if (take >= 2 && sum <= p->max_merged_docs)
			rc = ix_policy_plan_add(plan, items + first, take);
	}
	return rc;
}
