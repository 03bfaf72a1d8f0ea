/* SPDX-License-Identifier: MIT */
/*
 * state: what the index is at this moment, in memory.
 *
 * Segments by seq, names (live and delivered), live leaves, settings and
 * counters. It changes in one way only: an edit (edit.h) is prepared, made
 * durable by the caller, then applied.
 *
 *	ix_state_prepare   checks the edit against the state and allocates all
 *	                   it will need; changes nothing
 *	ix_state_apply     cannot fail
 *
 * Between the two the state may change by other edits, provided that they
 * touch other names, leaves and segments (keys.h sees to it). Applying costs
 * O(size of the edit), whatever the number of segments; a merge also moves
 * the leaves and delivered names of its sources.
 *
 * Leaves of one segment stay together for ever: a merge takes all of them, a
 * covering segment contains all of them, removal forgets all of them. So a
 * delivered name needs one leaf, or one host segment, of each merge that its
 * content was in when it was delivered.
 *
 * Not thread-safe: guarded by the index's lock.
 */
#ifndef IX_INDEX_STATE_H
#define IX_INDEX_STATE_H

#include "core/index/edit.h"
#include "core/index/index.h"
#include "core/index/policy.h"
#include "core/index/table.h"

struct ix_leaf {
	struct ix_node node; /* in ix_state.leaves */
	struct ix_id id;
	struct ix_seg *seg;
};

/* An allocation of leaves; a segment has one for each built segment or
 * registered file it came from. */
struct ix_leaves {
	struct ix_leaves *next;
	size_t count;
	struct ix_leaf leaf[];
};

struct ix_seg {
	struct ix_node node;    /* in ix_state.segs */
	struct ix_node id_node; /* in ix_state.ids while live */
	uint64_t seq;
	struct ix_seg_meta meta;
	uint8_t merged;
	uint8_t missing;  /* found at open or by a failed merge */
	char *quarantine; /* owned; why it is not merged any more, or NULL */
	enum ix_segment_state state;
	uint32_t pins; /* tracker.c */
	uint64_t born; /* first generation it is in */
	uint64_t died; /* first generation it is not in, or 0 */

	struct ix_leaves *leaves; /* owned; NULL once retired */
	size_t leaf_count;
	struct ix_ring names;     /* of ix_host, live names */
	struct ix_ring delivered; /* of ix_host, delivered names */
	uint32_t name_count;

	/* manager.c: */
	uint64_t job;    /* the merge that claimed it, or 0 */
	uint64_t action; /* the force merge it belongs to, or 0 */
	uint32_t bin;    /* of that action */
	uint64_t retry_at_ns;
	uint32_t failures;
	struct ix_seg *next_doomed; /* tracker.c */
};

/* A name's link to a segment that holds (a part of) its content. */
struct ix_host {
	struct ix_ring link; /* in ix_seg.names or .delivered */
	struct ix_name *name;
	struct ix_seg *seg;
};

enum ix_name_kind {
	IX_NAME_LIVE,      /* host[0] is the segment it names */
	IX_NAME_DELIVERED, /* its content lives inside the hosts */
};

struct ix_name {
	struct ix_node node; /* in ix_state.names */
	enum ix_name_kind kind;
	uint64_t cookie; /* LIVE: place in the listing */
	struct ix_id id; /* of the content that was delivered */
	uint64_t bytes;
	int64_t mtime_ns;
	char *text; /* inside this allocation */
	size_t host_count;
	struct ix_host host[];
};

/* The listing: live names in order of cookie; removed ones leave a hole. */
struct ix_listing {
	struct ix_listed {
		uint64_t cookie;
		struct ix_name *name; /* NULL: a hole */
	} * v;                        /* owned */
	size_t n;
	size_t cap;
	size_t holes;
};

struct ix_state {
	struct ix_table segs;   /* by seq: live, retired and doomed */
	struct ix_table ids;    /* by id: live */
	struct ix_table names;  /* by text */
	struct ix_table leaves; /* of live segments, by id */
	struct ix_listing listing;
	size_t prepared; /* edits: each may add one name to the listing */
	uint64_t next_cookie;
	uint64_t generation;
	uint64_t config_generation;
	uint64_t next_seq;  /* the next to give away (volatile) */
	uint64_t seq_limit; /* recorded: all given away are below */
	uint64_t next_registration;
	char *schema;     /* owned, canonical JSON */
	char *merge_text; /* owned, canonical JSON of the merge settings */
	char *user_text;  /* owned, canonical JSON */
	struct ix_policy policy; /* parsed from merge_text */

	uint32_t live_count;
	uint64_t live_docs;
	uint64_t live_bytes;
	uint64_t retired_bytes; /* RETIRED and DOOMED */
	size_t delivered_count;
	struct ix_seg *doomed; /* to be unlinked, in any order */
};

int ix_state_init(struct ix_state *s);     /* 0 or -ENOMEM */
void ix_state_release(struct ix_state *s); /* idempotent */

/* All live segments, by id: *segsp is owned by the caller (ix_free), the
 * segments are not. 0 or -ENOMEM. The state must not change meanwhile. */
int ix_state_live_by_id(const struct ix_state *s, struct ix_seg ***segsp,
			size_t *np);
struct ix_seg *ix_state_seg(const struct ix_state *s, uint64_t seq);
struct ix_name *ix_state_name(const struct ix_state *s, const char *name);
struct ix_leaf *ix_state_leaf(const struct ix_state *s, const struct ix_id *id);
/* The live segment of this id; there is at most one. */
struct ix_seg *ix_state_id(const struct ix_state *s, const struct ix_id *id);

static inline int ix_seg_is_live(const struct ix_seg *g)
{
	return g->state == IX_SEG_LIVE || g->state == IX_SEG_MERGING;
}

/* 0; -IX_ECORRUPT with a text if the edit contradicts the state; -ENOMEM. */
int ix_state_prepare(struct ix_state *s, struct ix_edit *e);
void ix_state_apply(struct ix_state *s, struct ix_edit *e);
/* Instead of applying a prepared edit. */
void ix_state_abandon(struct ix_state *s, struct ix_edit *e);

/* Copy what callers see. `name` may be NULL: the first one. */
void ix_seg_describe(const struct ix_seg *g, const struct ix_name *name,
		     struct ix_index_segment *out);

/* A pin went or a claim ended: RETIRED without pins becomes DOOMED. */
void ix_state_settle(struct ix_state *s, struct ix_seg *g);
/* Forget a doomed segment whose file is gone. */
void ix_state_forget(struct ix_state *s, struct ix_seg *g);

/* ---- loading a checkpoint ---- */

/* Add a live segment or a delivered name as a checkpoint lists them. Same
 * errors as ix_state_prepare. `leaves` NULL: the segment is its own leaf. */
int ix_state_load_seg(struct ix_state *s, uint64_t seq,
		      const struct ix_seg_meta *meta, int merged,
		      const struct ix_id *leaves, size_t leaf_count,
		      const char *quarantine, struct ix_seg **gp);
int ix_state_load_name(struct ix_state *s, struct ix_seg *g, const char *name);
int ix_state_load_delivered(struct ix_state *s, const char *name,
			    const struct ix_seg_meta *meta,
			    const struct ix_id *leaves, size_t leaf_count);

/* The first listed name above `cookie`: its place in listing.v, or n. */
size_t ix_listing_above(const struct ix_listing *l, uint64_t cookie);

void ix_seg_free(struct ix_seg *g); /* with its leaves; NULL allowed */

#endif
