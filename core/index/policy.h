/* SPDX-License-Identifier: MIT */
/*
 * policy: which segments to merge. A pure function of its arguments: no I/O,
 * no clock, no lock, integers only.
 */
#ifndef IX_INDEX_POLICY_H
#define IX_INDEX_POLICY_H

#include <stddef.h>
#include <stdint.h>

struct ix_policy_segment {
	uint64_t seq;
	uint64_t registration;
	uint64_t docs;
	uint64_t bytes;
	uint64_t group; /* 0; only segments of one group are merged */
};

enum ix_policy_kind {
	IX_POLICY_DEFAULT, /* by bytes */
	IX_POLICY_NONE,
	IX_POLICY_TIERED, /* the predecessor's, by documents */
	IX_POLICY_SCORED, /* the predecessor's newer ones */
};

struct ix_policy {
	enum ix_policy_kind kind;
	/* IX_POLICY_DEFAULT */
	uint64_t floor_bytes;    /* smaller segments count as this; 16 MiB */
	uint32_t fan_in;         /* 8: merge when a level has as many */
	uint32_t floor_fan_in;   /* 32: at most so many below the floor */
	uint64_t max_bytes;      /* output cap; 5 GiB */
	uint32_t growth_percent; /* 150: output >= 1.5 x largest input */
	/* the predecessor's knobs, in documents */
	uint32_t segments_per_tier;
	uint32_t max_merge_at_once;
	uint32_t tier_factor;
	uint64_t tier_floor;
	uint64_t max_merged_docs;
	uint64_t max_segment_docs;
	uint32_t min_growth_percent;
	uint64_t score_floor;
	uint8_t budget; /* no merge while the segment count is within budget */
	uint8_t scored;
};

/* Fill in a named preset: "default", "none", "tiered" (the seed's default),
 * "aggressive", "spt4_max6" (seed); "head_default", "head_aggressive",
 * "large_scale", "bulk_indexing". -IX_EINPUT for another name. */
int ix_policy_preset(const char *name, struct ix_policy *p);

/* One merge: indexes into the input array, in no order. */
struct ix_policy_merge {
	uint32_t first; /* into the shared index array */
	uint32_t count;
};

struct ix_policy_plan {
	struct ix_policy_merge *merges; /* owned */
	uint32_t merge_count;
	uint32_t *indexes; /* owned */
	uint32_t index_count;
	uint8_t severe_backlog;
};

/* 0 or -ENOMEM. The plan's merges are disjoint and have at least 2 sources.
 * Release with ix_policy_plan_release. */
int ix_policy_plan(const struct ix_policy *p,
		   const struct ix_policy_segment *segments, size_t n,
		   struct ix_policy_plan *plan);
void ix_policy_plan_release(struct ix_policy_plan *plan);

#endif
