/* SPDX-License-Identifier: MIT */
/*
 * query: parse a query and rank documents of a set of open segments.
 *
 * Grammar (OR is the default operator, AND binds tighter):
 *   or    := and (["OR"] and)*
 *   and   := unit ("AND" unit)*
 *   unit  := [field ":"] ( "(" or ")" | '"' words '"' | word )
 *
 * A word ends at white space (ASCII, U+3000), "(", ")" or '"'. AND and OR are
 * operators in upper case only. The first ":" of a word ends a field name,
 * which must be an indexed text or keyword field of the schema; the value
 * follows directly and may contain ":" itself (`url:http://x`), or is a group
 * in which that field is the default (`title:(a b)`). "\" quotes the next
 * character: `\AND`, `12\:30`, `my\ field:x`.
 *
 * Words go through the field's analyzer; a keyword field takes them as one
 * term, unchanged. Without a field, a word means the OR of what it means in
 * each default field, their scores are added. A word that analyses to several
 * terms is a phrase of them (in a field without positions: all of them must
 * occur); one that analyses to nothing matches nothing and does not restrict
 * an AND.
 *
 * Results do not depend on how documents are spread over segments: statistics
 * are those of the whole set, scores are integers (score.h), ties go by tie
 * value.
 *
 * Limits: 64 KiB of text, 100 nested parentheses, 1,024 terms (each word
 * counts once per field it is looked up in).
 */
#ifndef IX_QUERY_QUERY_H
#define IX_QUERY_QUERY_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/segment/segment.h"

#define IX_SCORE_ONE (1u << 20) /* fixed point: score 1.0 */

/* A set of open segments (borrowed) and the statistics over all of them.
 * Belongs to one thread at a time. */
struct ix_searcher;

/*
 * `schema` is the index's (or the union of the segments'): its default fields
 * and key are used. It is copied, and so is the array; the segments must stay
 * open. n may be 0. Costs O(segments x fields), reads no postings. -ENOMEM;
 * -IX_ESCHEMA naming the segment whose schema `schema` does not accept.
 */
int ix_searcher_new(struct ix_segment *const *segments, size_t n,
		    const struct ix_schema *schema, struct ix_searcher **sp);
void ix_searcher_free(struct ix_searcher *s); /* NULL allowed */

/* A parsed query: immutable, may be read by many threads, and used with any
 * searcher (fields are kept by name; a field that a searcher's schema has not,
 * or has with another type, matches nothing). */
struct ix_query;

/* Parse `n` bytes. `schema` is not kept. -IX_EINPUT with a text that names the
 * place (the character, counted from 1); -ENOMEM. */
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

/*
 * The `k` best hits in order: score descending, tie ascending (documents equal
 * in both are equal documents). *hitsp is owned by the caller (ix_free), NULL
 * when there are none. *matchesp (may be NULL) = number of matching documents,
 * exact; without it the search may skip what cannot enter the k best, which is
 * much faster and gives the same hits. k = 0 only counts.
 * -IX_ECORRUPT naming the segment, -ENOMEM.
 */
int ix_search(struct ix_searcher *s, const struct ix_query *q, uint32_t k,
	      struct ix_hit **hitsp, uint32_t *countp, uint64_t *matchesp);

/*
 * Append one JSON line (without newline) for a hit of this searcher:
 *   {"rank":1,"score":"123","id":"...","fields":{...}}
 * `fields` is the stored record as it is, `id` the value of the key field, or
 * without one the tie as 16 hexadecimal digits. With `explain` also
 *   "segment":"<name>","doc":7,"terms":[{"field":"body",
 *     "words":[{"term":"x","df":"9"}],"tf":2,"length":80,
 *     "contribution":"123"}]
 * one for each term or phrase that matched (several words: a phrase; no length
 * for a keyword); the contributions add up to the score.
 * On failure nothing is appended: -IX_ECORRUPT, -ENOMEM, -EINVAL when the hit
 * is not of this searcher (or, with `explain`, not of this query).
 */
int ix_hit_json(struct ix_searcher *s, const struct ix_query *q,
		const struct ix_hit *hit, uint32_t rank, int explain,
		struct ix_buf *out);

#endif
