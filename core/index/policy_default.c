/* SPDX-License-Identifier: MIT */
/*
 * policy_default: tiered by bytes.
 *
 * Level 0 holds segments below `floor_bytes`; level k >= 1 those of
 * floor * fan_in^(k-1) up to floor * fan_in^k. A level with `fan_in` segments
 * or more merges, smallest first: up to fan_in at once, below the floor up to
 * `floor_fan_in`. Rules for every merge:
 *
 *  1. the output has at most max_bytes and max_segment_docs;
 *  2. segments above half of either cap are finished: they neither merge nor
 *     count, so that they cannot push a level over its bound for ever;
 *  3. the output is at least growth_percent of its largest source, so that a
 *     byte is rewritten a logarithmic number of times. Below the floor twice
 *     the largest is preferred.
 *
 * Below the floor rule 3 gives way when no set obeys it (sizes like 1, 3, 9,
 * 27, ...): the two smallest are merged. They are tiny then: at least a factor
 * 3 lies between neighbours.
 *
 * So fewer than fan_in segments stay in each level, and a byte is rewritten at
 * most a few times per level; tests/prop/test_policy_sim.c holds both.
 *
 * Example (floor 16 MiB, 8): eight of 1 MiB become 8 MiB; with seven more of
 * 1 MiB, those seven merge (7 MiB, 15 would not double the 8); with six more
 * all eight merge to 21 MiB, which is level 1.
 */
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/index/policy_internal.h"

struct limits {
	uint64_t bytes;
	uint64_t docs;
};

/* The longest run of 2..width items from `items` on that obeys the caps and
 * grows its largest by `percent`; 0 if there is none. */
static size_t longest_run(const struct ix_policy_item *items, size_t n,
			  size_t width, const struct limits *max,
			  uint32_t percent)
{
	uint64_t bytes = 0, docs = 0;
	size_t best = 0;

	for (size_t i = 0; i < n && i < width; i++) {
		bytes = ix_policy_add(bytes, items[i].size);
		docs = ix_policy_add(docs, items[i].docs);
		if (bytes > max->bytes || docs > max->docs)
			break;
		if (i >= 1 &&
		    (unsigned __int128)bytes * 100 >=
			    (unsigned __int128)items[i].size * percent)
			best = i + 1;
	}
	return best;
}

static int plan_level(const struct ix_policy_item *items, size_t n,
		      uint32_t trigger, uint32_t width, uint32_t percent,
		      const struct limits *max, struct ix_policy_plan *plan)
{
	size_t left = n, start = 0;
	int rc = 0;

	/* A segment that cannot begin a merge is passed over, but counts. */
	while (left >= trigger && start + 1 < n && !rc) {
		size_t count = longest_run(items + start, n - start, width, max,
					   percent);

		if (count) {
			rc = ix_policy_plan_add(plan, items + start, count);
			left -= count;
		}
		start += count ? count : 1;
	}
	return rc;
}

static int plan_floor(const struct ix_policy *p,
		      const struct ix_policy_item *items, size_t n,
		      const struct limits *max, struct ix_policy_plan *plan)
{
	int rc = 0;

	while (n >= p->fan_in && n >= 2 && !rc) {
		uint32_t doubled =
			p->growth_percent > 200 ? p->growth_percent : 200;
		size_t count =
			longest_run(items, n, p->floor_fan_in, max, doubled);

		if (!count)
			count = longest_run(items, n, p->floor_fan_in, max,
					    p->growth_percent);
		if (!count)
			count = longest_run(items, n, 2, max, 0);
		if (!count)
			break; /* documents up to the cap in tiny files */
		rc = ix_policy_plan_add(plan, items, count);
		items += count;
		n -= count;
	}
	return rc;
}

static uint32_t level_of(const struct ix_policy *p, uint64_t size)
{
	if (size < p->floor_bytes)
		return 0;
	if (size == p->floor_bytes)
		return 1;
	return ix_policy_tier(size, p->floor_bytes, p->fan_in);
}

static int plan_levels(const struct ix_policy *p,
		       const struct ix_policy_item *items, size_t n,
		       const struct limits *max, struct ix_policy_plan *plan)
{
	size_t first = 0, end;
	int rc = 0;

	for (; first < n && !rc; first = end) {
		uint32_t level = level_of(p, items[first].size);

		for (end = first + 1; end < n; end++)
			if (level_of(p, items[end].size) != level)
				break;
		if (level == 0)
			rc = plan_floor(p, items, end, max, plan);
		else
			rc = plan_level(items + first, end - first, p->fan_in,
					p->fan_in, p->growth_percent, max,
					plan);
	}
	return rc;
}

int ix_policy_default(const struct ix_policy *p,
		      const struct ix_policy_item *items, size_t n,
		      struct ix_policy_plan *plan)
{
	struct limits max = { p->max_bytes, p->max_segment_docs };
	struct ix_policy_item *mergeable;
	size_t count = 0;
	int rc;

	if (!max.docs)
		max.docs = UINT64_MAX;
	mergeable = ix_calloc(n, sizeof(*mergeable));
	if (!mergeable)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (items[i].size <= max.bytes / 2 &&
		    items[i].docs <= max.docs / 2)
			mergeable[count++] = items[i];
	rc = plan_levels(p, mergeable, count, &max, plan);
	ix_free(mergeable);
	return rc;
}
