/* SPDX-License-Identifier: MIT */
/*
 * query: parse a query and rank documents of a set of open segments.
 *
 * Grammar (OR is the default operator, AND binds tighter):
 *   or    := and (["OR"] and)*
 *   and   := unit ("AND" unit)*
 *   unit  := [field ":"] ( "(" or ")" | '"' words '"' | word )
 * Words go through the field's analyzer; without a field, through each default
 * field (any of them may match). A word that analyses to several terms is a
 * phrase of them; one that analyses to nothing matches nothing and does not
 * restrict an AND. AND and OR are operators in upper case only; "\" quotes the
 * next character.
 *
 * Results do not depend on how documents are spread over segments: statistics
 * are those of the whole set, scores are integers, ties go by tie value.
 */
#ifndef IX_QUERY_QUERY_H
#define IX_QUERY_QUERY_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/segment/segment.h"

#define IX_SCORE_ONE (1u << 20) /* fixed point: score 1.0 */

/* A set of open segments (borrowed) and the statistics over all of them. */
struct ix_searcher;

/* `schema` is the index's (or the union of the segments'): its default fields
 * and key are used. -ENOMEM. */
int ix_searcher_new(struct ix_segment *const *segments, size_t n,
		    const struct ix_schema *schema, struct ix_searcher **sp);
void ix_searcher_free(struct ix_searcher *s); /* NULL allowed */

struct ix_query;
/* -IX_EINPUT with a text that names the place. */
int ix_query_parse(const struct ix_schema *schema, const char *text, size_t n,
		   struct ix_query **qp);
void ix_query_free(struct ix_query *q); /* NULL allowed */
/* A readable form of the parsed query, for --explain. */
void ix_query_describe(const struct ix_query *q, struct ix_buf *out);

struct ix_hit {
	uint64_t score; /* fixed point, IX_SCORE_ONE = 1.0 */
	uint64_t tie;
	uint32_t segment; /* index in the searcher's array */
	uint32_t doc;     /* in that segment */
};

/* The `k` best hits in order: score descending, tie ascending (documents equal
 * in both are equal documents). *hitsp is owned by the caller (ix_free).
 * *matchesp (may be NULL) = number of matching documents, exact. */
int ix_search(struct ix_searcher *s, const struct ix_query *q, uint32_t k,
	      struct ix_hit **hitsp, uint32_t *countp, uint64_t *matchesp);

/* Append one JSON line {"rank":1,"score":"123","id":"...","fields":{...}}
 * (without newline) for a hit; with `explain` also the segment's name and the
 * document number and the contributions of the terms. */
int ix_hit_json(struct ix_searcher *s, const struct ix_query *q,
		const struct ix_hit *hit, uint32_t rank, int explain,
		struct ix_buf *out);

#endif
