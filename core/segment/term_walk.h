/* SPDX-License-Identifier: MIT */
/*
 * term_walk: the postings of an inverter, sorted.
 *
 *	struct ix_term_walk w;
 *
 *	rc = ix_term_walk_init(&w, inv);
 *	while (!rc && (rc = ix_term_walk_next(&w)) > 0)
 *		while (ix_term_walk_doc(&w) > 0)
 *			use(w.term, w.doc, w.freq, w.positions);
 *	ix_term_walk_release(&w);
 *
 * Terms ascend by bytes, documents within a term by number. The inverter must
 * not change meanwhile.
 */
#ifndef IX_SEGMENT_TERM_WALK_H
#define IX_SEGMENT_TERM_WALK_H

#include "core/base/buf.h"
#include "core/segment/invert.h"

struct ix_term_walk {
	/* The present term. */
	const uint8_t *term; /* a view into the inverter */
	size_t len;
	uint32_t df;
	/* Its present document. */
	uint32_t doc;
	uint32_t freq;
	uint32_t *positions; /* owned; `freq` of them, with positions */
	/* Private. */
	const struct ix_inverter *inv; /* borrowed */
	struct ix_sort_term *terms;    /* owned, sorted */
	size_t term_count, next_term;
	struct ix_buf stream;   /* of the present term, in one piece */
	const uint8_t *p, *end; /* what is left of it */
	uint32_t docs_left;
	size_t position_cap;
};

/* Sort the terms. 0 or -ENOMEM; release in any case. */
int ix_term_walk_init(struct ix_term_walk *w, const struct ix_inverter *inv);
void ix_term_walk_release(struct ix_term_walk *w); /* idempotent */

/* The next term: 1, 0 at the end, -ENOMEM. */
int ix_term_walk_next(struct ix_term_walk *w);
/* The next document of the term: 1, 0 at the end, -ENOMEM. */
int ix_term_walk_doc(struct ix_term_walk *w);

#endif
