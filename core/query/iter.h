/* SPDX-License-Identifier: MIT */
/*
 * iter: walk the matches of a query in one segment, document at a time.
 *
 * A tree of iterators mirrors the tree of the query; it is built once per
 * search and opened on one segment after the other.
 *
 *	rc = ix_iter_open(it, plan, segment);
 *	while (!rc && it->doc != IX_NO_DOC) {
 *		rc = ix_iter_match(it);
 *		if (rc > 0)
 *			score = ix_iter_score(it);
 *		if (rc >= 0)
 *			rc = ix_iter_seek(it, it->doc + 1);
 *	}
 *
 * Two phases: `doc` is an approximation (all terms of a phrase are there) and
 * ix_iter_match decides (they follow each other), so that positions are
 * decoded only for documents that nothing else has ruled out.
 *
 * ix_iter_bounds looks ahead without decoding: no document of the block around
 * `target` scores more than that. Bounds are integers of the same kind as
 * scores and are never below them, so pruning by them loses nothing.
 */
#ifndef IX_QUERY_ITER_H
#define IX_QUERY_ITER_H

#include "core/query/plan.h"

/* What a bound said: no document in [from, last] scores more than max. */
struct ix_iter_bound {
	uint32_t from;
	uint32_t last;
	uint64_t max;
};

/* Positions of one term of a phrase in the current document. */
struct ix_phrase_cursor {
	const uint32_t *positions; /* view */
	uint32_t count;
	uint32_t at;
	uint32_t offset; /* of the term in the phrase */
};

struct ix_iter {
	enum ix_node_kind kind;
	uint8_t exact;   /* nothing below needs ix_iter_match */
	uint8_t matched; /* what ix_iter_match said of `doc` */
	uint32_t doc;    /* current document, IX_NO_DOC at the end */
	uint64_t cost;   /* at most so many documents in this segment */
	const struct ix_node *node; /* borrowed */

	/* TERM, PHRASE */
	double weight;
	const struct ix_field_stats *stats; /* borrowed; NULL: no such field */
	const struct ix_lengths *lengths;   /* of this segment; NULL: keyword */
	uint32_t freq;                      /* PHRASE: occurrences in `doc` */

	/* TERM */
	uint32_t term;                 /* index in the query */
	uint32_t offset;               /* in its phrase */
	struct ix_list_reader *reader; /* owned */
	const uint32_t *unit_docs;     /* views of the reader's current unit */
	const uint32_t *unit_freqs;    /* NULL: all 1 */
	uint32_t unit_count;
	uint32_t unit_at;   /* index of `doc` in it */
	uint8_t have_freqs; /* unit_freqs is of this unit */
	struct ix_iter_bound bounds[2];
	uint64_t list_max; /* bound of the whole list */

	/* AND, OR, PHRASE: the children (of a phrase: its terms). An AND keeps
	 * them by rising cost; an OR keeps the first `active` alive, with their
	 * current documents side by side in `docs`. */
	struct ix_iter **children; /* owned, with what they point to */
	uint32_t child_count;
	uint32_t active;
	uint32_t *docs;                   /* owned; OR */
	struct ix_phrase_cursor *cursors; /* owned; PHRASE */
};

/* The iterators of a plan's query; *itp is owned by the caller. -ENOMEM. */
int ix_iter_new(const struct ix_plan *p, struct ix_iter **itp);
void ix_iter_free(struct ix_iter *it); /* NULL allowed */

/* Go to the first document of a segment. 0 or negative. */
int ix_iter_open(struct ix_iter *it, const struct ix_plan *p, size_t segment);

/* Go to the first document >= target; does nothing if it is there already.
 * 0 or negative. */
int ix_iter_seek(struct ix_iter *it, uint32_t target);

/* Does `doc` match? 1, 0, negative. Call it once per document. */
int ix_iter_match(struct ix_iter *it);

/* Score of `doc`, after ix_iter_match said 1. */
uint64_t ix_iter_score(struct ix_iter *it);

/* For loops over a TERM's current unit (unit_docs and so on): fetch its
 * frequencies; and go to index `at` of it, which is below unit_count. */
static inline void ix_iter_need_freqs(struct ix_iter *it)
{
	if (!it->have_freqs) {
		it->unit_freqs = ix_list_unit_freqs(it->reader);
		it->have_freqs = 1;
	}
}

static inline void ix_iter_unit_move(struct ix_iter *it, uint32_t at)
{
	it->unit_at = at;
	it->doc = it->unit_docs[at];
}

/* The children of an OR were moved by somebody else: take notice. */
void ix_iter_or_refresh(struct ix_iter *it);

/* Score of a leaf in `doc`, with what it was made of. */
uint64_t ix_iter_leaf_score(struct ix_iter *it, uint32_t *freqp,
			    uint32_t *lengthp);

/*
 * Documents below `target` will not be asked for any more: bring the sparse
 * children of an OR up to it. Where they have no document, which is nearly
 * everywhere, they then add nothing to a bound. `doc` may stay behind.
 * 0 or negative.
 */
int ix_iter_catch_up(struct ix_iter *it, uint32_t target);

/* Bound of the documents in [target, b->last], for level 0 (units) or 1
 * (chunks); moves nothing. `target` is not below what was last sought. 0 or
 * negative. */
int ix_iter_bounds(struct ix_iter *it, int level, uint32_t target,
		   struct ix_iter_bound *b);

/* Call `fn` for each leaf that takes part in the match of `doc`, in no
 * particular order. */
void ix_iter_each_leaf(struct ix_iter *it,
		       void (*fn)(void *ctx, struct ix_iter *leaf), void *ctx);

#endif
