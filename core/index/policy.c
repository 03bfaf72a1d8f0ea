/* SPDX-License-Identifier: MIT */
/*
 * policy: presets, and the frame around the policies: sort, split by group,
 * collect the merges.
 */
#include "core/index/policy.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/format/layout.h"
#include "core/index/policy_internal.h"

#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)

/* per tier, at once, factor, floor, largest output; all in documents */
static void set_docs(struct ix_policy *p, enum ix_policy_kind kind,
		     uint32_t per_tier, uint32_t at_once, uint64_t floor,
		     uint64_t max_merged)
{
	p->kind = kind;
	p->segments_per_tier = per_tier;
	p->max_merge_at_once = at_once;
	p->tier_factor = 10;
	p->tier_floor = floor;
	p->max_merged_docs = max_merged;
}

static void set_default(struct ix_policy *p)
{
	p->kind = IX_POLICY_DEFAULT;
	p->floor_bytes = 16 * MIB;
	p->fan_in = 8;
	p->floor_fan_in = 32;
	p->max_bytes = 5 * GIB;
	p->growth_percent = 150;
	p->max_segment_docs = IX_DOCS_MAX;
}

static void set_head(struct ix_policy *p, const char *name)
{
	if (!strcmp(name, "head_default")) {
		set_docs(p, IX_POLICY_SCORED, 10, 10, 1000, 5000000);
		p->max_segment_docs = 10000000;
	} else if (!strcmp(name, "head_aggressive")) {
		set_docs(p, IX_POLICY_SCORED, 3, 10, 500, 10000000);
		p->max_segment_docs = 10000000;
	} else if (!strcmp(name, "large_scale")) {
		set_docs(p, IX_POLICY_SCORED, 10, 24, 50000, 5000000);
		p->min_growth_percent = 50;
		p->score_floor = 50000;
		p->budget = p->scored = 1;
	} else { /* bulk_indexing */
		set_docs(p, IX_POLICY_SCORED, 20, 20, 100000, 50000000);
		p->min_growth_percent = 75;
		p->score_floor = 100000;
		p->budget = p->scored = 1;
	}
}

int ix_policy_preset(const char *name, struct ix_policy *p)
{
	static const char *const head[] = { "head_default", "head_aggressive",
					    "large_scale", "bulk_indexing" };

	/* Every preset carries the byte knobs: force merge uses the cap. */
	memset(p, 0, sizeof(*p));
	set_default(p);
	if (!strcmp(name, "default"))
		return 0;
	p->max_segment_docs = 0;
	if (!strcmp(name, "none")) {
		p->kind = IX_POLICY_NONE;
		return 0;
	}
	if (!strcmp(name, "tiered")) {
		set_docs(p, IX_POLICY_TIERED, 10, 10, 1000, 5000000);
		return 0;
	}
	if (!strcmp(name, "aggressive")) {
		set_docs(p, IX_POLICY_TIERED, 3, 10, 500, 10000000);
		return 0;
	}
	if (!strcmp(name, "spt4_max6")) {
		set_docs(p, IX_POLICY_TIERED, 4, 6, 1000, 5000000);
		return 0;
	}
	for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++)
		if (!strcmp(name, head[i])) {
			set_head(p, name);
			return 0;
		}
	return ix_fail(-IX_EINPUT,
		       "merge policy \"%.60s\" is unknown; known are default, "
		       "none, tiered, aggressive, spt4_max6, head_default, "
		       "head_aggressive, large_scale, bulk_indexing",
		       name);
}

int ix_policy_plan_add(struct ix_policy_plan *plan,
		       const struct ix_policy_item *items, size_t n)
{
	uint32_t *indexes;
	struct ix_policy_merge *merges;

	indexes = ix_realloc(plan->indexes, plan->index_count + n,
			     sizeof(*indexes));
	if (!indexes)
		return -ENOMEM;
	plan->indexes = indexes;
	merges = ix_realloc(plan->merges, plan->merge_count + 1u,
			    sizeof(*merges));
	if (!merges)
		return -ENOMEM;
	plan->merges = merges;
	merges[plan->merge_count].first = plan->index_count;
	merges[plan->merge_count].count = (uint32_t)n;
	for (size_t i = 0; i < n; i++)
		indexes[plan->index_count + i] = items[i].index;
	plan->index_count += (uint32_t)n;
	plan->merge_count++;
	return 0;
}

struct sortable {
	uint64_t group;
	uint64_t seq;
	struct ix_policy_item item;
};

static int compare(const void *va, const void *vb)
{
	const struct sortable *a = va, *b = vb;

	if (a->group != b->group)
		return a->group < b->group ? -1 : 1;
	if (a->item.size != b->item.size)
		return a->item.size < b->item.size ? -1 : 1;
	if (a->seq != b->seq)
		return a->seq < b->seq ? -1 : 1;
	return 0;
}

static int plan_group(const struct ix_policy *p,
		      const struct ix_policy_item *items, size_t n,
		      struct ix_policy_plan *plan)
{
	switch (p->kind) {
	case IX_POLICY_TIERED:
		return ix_policy_tiered(p, items, n, plan);
	case IX_POLICY_SCORED:
		return ix_policy_scored(p, items, n, plan);
	case IX_POLICY_DEFAULT:
		return ix_policy_default(p, items, n, plan);
	case IX_POLICY_NONE:
		break;
	}
	return 0;
}

int ix_policy_plan(const struct ix_policy *p,
		   const struct ix_policy_segment *segments, size_t n,
		   struct ix_policy_plan *plan)
{
	struct ix_policy_item *items = NULL;
	struct sortable *sorted = NULL;
	size_t first = 0, i;
	int rc = 0;

	memset(plan, 0, sizeof(*plan));
	if (p->kind == IX_POLICY_NONE || n < 2)
		return 0;
	if (n > UINT32_MAX)
		return -IX_ELIMIT;
	sorted = ix_calloc(n, sizeof(*sorted));
	items = ix_calloc(n, sizeof(*items));
	if (!sorted || !items) {
		rc = -ENOMEM;
		goto out;
	}
	for (i = 0; i < n; i++) {
		sorted[i].group = segments[i].group;
		sorted[i].seq = segments[i].seq;
		sorted[i].item.index = (uint32_t)i;
		sorted[i].item.docs = segments[i].docs;
		sorted[i].item.size = p->kind == IX_POLICY_DEFAULT
					      ? segments[i].bytes
					      : segments[i].docs;
	}
	qsort(sorted, n, sizeof(*sorted), compare);
	for (i = 0; i < n; i++)
		items[i] = sorted[i].item;
	for (i = 1; i <= n && !rc; i++)
		if (i == n || sorted[i].group != sorted[first].group) {
			rc = plan_group(p, items + first, i - first, plan);
			first = i;
		}
out:
	ix_free(sorted);
	ix_free(items);
	if (rc)
		ix_policy_plan_release(plan);
	return rc;
}

void ix_policy_plan_release(struct ix_policy_plan *plan)
{
	ix_free(plan->merges);
	ix_free(plan->indexes);
	memset(plan, 0, sizeof(*plan));
}
