/* SPDX-License-Identifier: MIT */
/* state_internal: shared by state.c (tables) and state_edit.c (edits). */
#ifndef IX_INDEX_STATE_INTERNAL_H
#define IX_INDEX_STATE_INTERNAL_H

#include "core/index/state.h"

/* Allocate; NULL without memory. Nothing is inserted. */
struct ix_seg *ix_seg_new(uint64_t seq, const struct ix_seg_meta *meta);
struct ix_name *ix_name_new(const char *text, size_t host_count);
struct ix_leaves *ix_leaves_new(const struct ix_id *ids, size_t n);

/* Insert; none can fail. The state owns the objects from now on. */
void ix_state_insert_seg(struct ix_state *s, struct ix_seg *g,
			 struct ix_leaves *leaves);
void ix_state_insert_live(struct ix_state *s, struct ix_name *n,
			  struct ix_seg *g);
void ix_state_insert_delivered(struct ix_state *s, struct ix_name *n);

/* Forget a delivered name, or a live one without looking at its segment. */
void ix_state_drop_name(struct ix_state *s, struct ix_name *n);

void ix_listing_add(struct ix_state *s, struct ix_name *n);
void ix_listing_remove(struct ix_state *s, struct ix_name *n);

#endif
