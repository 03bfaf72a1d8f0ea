/* SPDX-License-Identifier: MIT */
/*
 * iter_internal: what each kind of iterator does for the calls of iter.h.
 * Included by iter*.c only. Open, seek, match and bounds have the contracts of
 * the functions of iter.h that dispatch to them.
 */
#ifndef IX_QUERY_ITER_INTERNAL_H
#define IX_QUERY_ITER_INTERNAL_H

#include "core/query/iter.h"

int ix_iter_term_seek(struct ix_iter *it, uint32_t target);
int ix_iter_term_open(struct ix_iter *it, const struct ix_plan *p,
		      size_t segment);
int ix_iter_term_bounds(struct ix_iter *it, int level, uint32_t target,
			struct ix_iter_bound *b);
int ix_iter_and_seek(struct ix_iter *it, uint32_t target);
int ix_iter_and_open(struct ix_iter *it, const struct ix_plan *p,
		     size_t segment);
int ix_iter_phrase_match(struct ix_iter *it);
int ix_iter_or_seek(struct ix_iter *it, uint32_t target);
int ix_iter_or_open(struct ix_iter *it, const struct ix_plan *p,
		    size_t segment);
int ix_iter_or_match(struct ix_iter *it);
uint64_t ix_iter_or_score(const struct ix_iter *it);
int ix_iter_or_catch_up(struct ix_iter *it, uint32_t target);

#endif
