/* SPDX-License-Identifier: MIT */
/*
 * run: the state of one search, and the ways to walk a segment (search.c tells
 * which is used when).
 */
#ifndef IX_QUERY_RUN_H
#define IX_QUERY_RUN_H

#include "core/query/iter.h"
#include "core/query/top.h"

#define IX_WINDOW_DOCS 4096u

/* Scores of the documents of one window. All zero between windows. */
struct ix_window {
	uint64_t scores[IX_WINDOW_DOCS];
	uint64_t bits[IX_WINDOW_DOCS / 64]; /* documents found */
};

/* A child of an OR within a window. */
struct ix_lane {
	struct ix_iter *it;
	uint64_t max; /* bound in the window */
	uint64_t sum; /* of max up to and including this lane */
};

struct ix_run {
	struct ix_plan plan;
	struct ix_top top;
	struct ix_iter *root;
	int exhaustive; /* count every match */
	uint64_t matches;
	/* the segment being searched */
	const struct ix_segment *seg;
	uint32_t segment;
	uint32_t doc_count;
	/* for a TERM or an OR */
	struct ix_window *window; /* owned; OR */
	struct ix_lane *lanes;    /* owned; the root, or the root's children */
	uint32_t lane_count;
};

/* Take a match into account. 0 or negative. */
int ix_run_collect(struct ix_run *s, uint32_t doc, uint64_t score);

/* May documents below the threshold be passed over already? */
static inline int ix_run_pruning(const struct ix_run *s)
{
	return !s->exhaustive && s->top.threshold;
}

/* Walk the open segment; each returns 0 or negative.
 * AND and phrase, document at a time: */
int ix_run_scan(struct ix_run *s);
/* TERM and OR, by windows (s->lanes is set): */
int ix_run_windows(struct ix_run *s);
/* AND of terms, and of ORs of terms, that are about equally frequent, by
 * windows; ix_run_is_dense says when that is the better way: */
int ix_run_is_dense(const struct ix_run *s);
int ix_run_dense(struct ix_run *s);

/*
 * Move *targetp over blocks that cannot hold a hit (while pruning). *lastp =
 * the last document of the block it stops in. 1, or 0 when no block is left.
 */
int ix_run_skip_blocks(struct ix_run *s, uint32_t *targetp, uint32_t *lastp);

/* ---- windows ---- */

/* Add the scores of an iterator's documents in [low, high), which are at
 * most IX_WINDOW_DOCS, to the window's, and set their bits. */
int ix_window_fill(struct ix_window *w, uint64_t *bits, struct ix_iter *it,
		   uint32_t low, uint32_t high);

#endif
