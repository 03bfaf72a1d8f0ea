/* SPDX-License-Identifier: MIT */
/*
 * plan: a query looked up in the segments of a searcher.
 *
 * Every term is found in every dictionary once, which gives its list in each
 * segment and its document frequency over all of them; the weights of the
 * leaves follow. After that no statistic depends on a segment any more.
 */
#ifndef IX_QUERY_PLAN_H
#define IX_QUERY_PLAN_H

#include "core/query/ast.h"
#include "core/query/searcher.h"

/* A term in one segment. */
struct ix_term_ref {
	struct ix_term_info info;
	const uint8_t *payload; /* view into the segment; NULL: not there */
};

struct ix_plan {
	struct ix_searcher *s;    /* borrowed */
	const struct ix_query *q; /* borrowed */
	/* segment_count x q->term_count */
	struct ix_term_ref *refs; /* owned */
	uint64_t *dfs;            /* owned; per term, over all segments */
	int32_t *fields;          /* owned; q->fields -> s->schema, or -1 */
};

/* 0, -IX_ECORRUPT, -ENOMEM. Release in any case. */
int ix_plan_init(struct ix_plan *p, struct ix_searcher *s,
		 const struct ix_query *q);
void ix_plan_release(struct ix_plan *p); /* idempotent */

/* The codec a field's postings have by its type (docs/format.md 5). */
enum ix_postings_codec ix_query_codec(const struct ix_query_field *f);

/* idf * IX_SCORE_ONE of a leaf: the sum over its terms. */
double ix_plan_weight(const struct ix_plan *p, const struct ix_node *leaf);

/* Statistics of the field of a term; NULL when the index does not have it. */
static inline const struct ix_field_stats *
ix_plan_stats(const struct ix_plan *p, uint32_t term)
{
	int32_t field = p->fields[p->q->terms[term].field];

	return field < 0 ? NULL : &p->s->stats[field];
}

static inline const struct ix_term_ref *
ix_plan_ref(const struct ix_plan *p, size_t segment, uint32_t term)
{
	return &p->refs[segment * p->q->term_count + term];
}

#endif
