/* SPDX-License-Identifier: MIT */
/*
 * searcher: the segments of a search and what holds for all of them.
 *
 * Field numbers differ between segments: a searcher counts the fields of the
 * index's schema and knows for each segment what they are called there.
 */
#ifndef IX_QUERY_SEARCHER_H
#define IX_QUERY_SEARCHER_H

#include "core/query/query.h"
#include "core/query/score.h"

struct ix_query;
struct ix_query_field;

struct ix_searcher {
	struct ix_segment **segments; /* owned array of borrowed segments */
	size_t segment_count;
	struct ix_schema *schema; /* owned copy */
	uint64_t doc_count;       /* of all segments */
	/* segment_count x field_count: the number of a field in a segment's
	 * own schema, or -1 */
	int32_t *field_map;           /* owned */
	struct ix_field_stats *stats; /* owned; per field */
	struct ix_store_cursor store; /* for ix_hit_json */
};

/* The number in s->schema of a field of a query, or -1 when the index has no
 * such field, or another kind of field. */
int32_t ix_searcher_field(const struct ix_searcher *s,
			  const struct ix_query_field *f);

/* The number of field `field` in segment `segment`, or -1. */
static inline int32_t ix_searcher_local(const struct ix_searcher *s,
					size_t segment, uint32_t field)
{
	return s->field_map[segment * s->schema->field_count + field];
}

#endif
