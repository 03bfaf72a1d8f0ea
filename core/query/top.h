/* SPDX-License-Identifier: MIT */
/*
 * top: the k best hits seen so far.
 *
 * A heap with the worst hit at its root. The order is total: score descending,
 * tie ascending, and for documents equal in both (which are equal documents)
 * segment and document ascending.
 */
#ifndef IX_QUERY_TOP_H
#define IX_QUERY_TOP_H

#include <stddef.h>

#include "core/query/query.h"

struct ix_top {
	struct ix_hit *hits; /* owned */
	size_t count, cap;
	uint32_t k;
	/* A document that scores less cannot enter; one that scores as much
	 * may, by its tie. 0 until there are k hits. */
	uint64_t threshold;
};

void ix_top_init(struct ix_top *t, uint32_t k);
void ix_top_release(struct ix_top *t); /* idempotent */

/* Take a hit if it is among the k best so far. 0 or -ENOMEM. */
int ix_top_add(struct ix_top *t, const struct ix_hit *hit);

/* Sort; the caller gets t->hits (ix_free; NULL when there are none). */
struct ix_hit *ix_top_finish(struct ix_top *t, uint32_t *countp);

#endif
