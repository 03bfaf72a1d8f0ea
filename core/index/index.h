/* SPDX-License-Identifier: MIT */
/*
 * index: the facade of core/index: one index directory, its live segments,
 * their registration, background merges, deferred deletion and recovery.
 *
 * Calling sequence: ix_index_create once; ix_index_open (lock, recovery,
 * sweep; no threads yet), ix_index_start (merge workers; after a daemon has
 * forked), ... , ix_index_stop (no new work, merges cancelled or finished
 * within a bound), ix_index_close (checkpoint, unlock).
 *
 * All functions may be called from any thread after ix_index_open. None holds
 * a lock while it does I/O, but the commit lock of the journal. An edit is
 * durable before it is visible: when a call returns 0, its effect survives a
 * crash.
 *
 * Backing directory: metadata.json (checkpoint), metadata.journal (commits
 * since), segments/<seq>.seg, pending/<name> (root-level files not registered),
 * staging/, LOCK. See docs/architecture.md.
 */
#ifndef IX_INDEX_INDEX_H
#define IX_INDEX_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/id.h"
#include "core/format/page_sums.h"
#include "core/format/schema.h"
#include "core/io/stream.h"
#include "core/io/vfs.h"

#define IX_NAME_MAX 255u /* bytes of a segment's name */

struct ix_index;

/* ---- life ---- */

/* Make an empty index in directory "" of `v`, which must exist and be empty
 * (-ENOTEMPTY; HAZARDS S-08). */
int ix_index_create(struct ix_vfs *v, const struct ix_schema *schema);

enum ix_index_flags {
	IX_INDEX_READ_ONLY = 1 << 0, /* shared lock, replays in memory, writes
					nothing, no merges */
	IX_INDEX_LAZY = 1 << 1,      /* defer syncs of what removes no file:
					see docs/design.md */
	IX_INDEX_NO_MERGES = 1 << 2, /* never start a merge by policy */
	IX_INDEX_REPLACE = 1 << 3,   /* a rename onto a live name replaces it */
	IX_INDEX_RM_MERGED = 1 << 4, /* merge outputs may be removed by name */
};

/* Something visible changed; called without locks, from the thread that made
 * the change, in order of generations. */
struct ix_index_change {
	uint64_t generation;
	const uint64_t *born; /* seqs that became live */
	size_t born_count;
	const uint64_t *died; /* seqs that were retired */
	size_t died_count;
};

struct ix_index_options {
	struct ix_vfs *vfs;         /* borrowed until close */
	unsigned flags;             /* enum ix_index_flags */
	unsigned lock_timeout_ms;   /* 0 = do not wait */
	unsigned merges_max;        /* at once; 0 = 2 */
	enum ix_engine_kind engine; /* for merges */
	uint32_t mode; /* permission bits every segment shows; 0 = 0444 */
	void (*changed)(void *ctx, const struct ix_index_change *change);
	/* One JSON object per state change, without newline; may be NULL. */
	void (*event)(void *ctx, const char *json);
	void *ctx;
	const char *holder; /* written into LOCK, told to those who wait:
			       e.g. the mount point; may be NULL */
};

/* -IX_EBUSYINDEX with the holder in the text; -IX_ECORRUPT / -IX_EFORMAT for
 * metadata that cannot be trusted (then nothing was written). */
int ix_index_open(const struct ix_index_options *o, struct ix_index **ip);
/* After a failure (-ENOMEM, -EAGAIN) some threads run already: try again, which
 * starts the others, or close. */
int ix_index_start(struct ix_index *ix);

/* Refuse new work (-IX_ECANCELED), cancel merges, join the threads. Returns
 * when they ended; bounded by one I/O request and one checksum leaf. */
void ix_index_stop(struct ix_index *ix);

/* Checkpoint, empty the journal, release the lock, free. Stops first if that
 * has not been done. 0, or the error of the checkpoint (the journal still has
 * everything then). */
int ix_index_close(struct ix_index *ix);

/* ---- looking ---- */

enum ix_segment_state { /* docs/design.md, DESIGN 3 */
	IX_SEG_LIVE,
	IX_SEG_MERGING,
	IX_SEG_RETIRED,
	IX_SEG_DOOMED,
};

struct ix_index_segment {
	uint64_t seq;          /* never reused; segments/<seq>.seg */
	uint64_t registration; /* order of documents; 0 for merges: the lowest
				  of their sources */
	struct ix_id id;
	uint32_t doc_count;
	uint32_t generation; /* merges above built segments */
	uint64_t bytes;      /* of the file */
	int64_t mtime_ns;
	uint32_t uid, gid;
	uint8_t merged;  /* made by a merge */
	uint8_t missing; /* its file is gone or unreadable: shown, reported */
	uint8_t quarantined; /* damaged: not merged any more */
	enum ix_segment_state state;
	uint32_t name_count;        /* names: nlink */
	char name[IX_NAME_MAX + 1]; /* the first (or looked up) name */
};

/* By live name: 0 or -ENOENT. */
int ix_index_lookup(struct ix_index *ix, const char *name,
		    struct ix_index_segment *out);
/* By seq, live or retired while pinned: 0 or -ESTALE. */
int ix_index_get(struct ix_index *ix, uint64_t seq,
		 struct ix_index_segment *out);

/* List live names in order of a stable cookie that is never reused, from above
 * `cookie` (0 = start). `fn` returns non-zero to stop. No lock is held during
 * fn; names born or dying meanwhile may or may not appear. */
typedef int (*ix_index_list_fn)(void *ctx, const struct ix_index_segment *s,
				uint64_t cookie);
int ix_index_list(struct ix_index *ix, uint64_t cookie, ix_index_list_fn fn,
		  void *ctx);

struct ix_index_stats {
	uint64_t generation;
	uint64_t config_generation;
	uint32_t live_segments;
	uint64_t live_docs;
	uint64_t live_bytes;
	uint64_t retired_bytes; /* pinned or not unlinked yet */
	uint32_t merges_running;
	uint64_t merges_done;
	uint64_t merges_failed;
	uint64_t merge_bytes_in;
	uint64_t merge_bytes_out;
	uint32_t pending; /* complete or incomplete files with .seg names */
	uint8_t degraded; /* read-only after a failed metadata write */
	uint8_t paused;
};
void ix_index_stats(struct ix_index *ix, struct ix_index_stats *out);

/* The index's schema: borrowed, good until close (schema additions make a new
 * one and keep the old). */
const struct ix_schema *ix_index_schema(struct ix_index *ix);

/* Render the control file for the present generation into `out`: valid JSON,
 * one generation. *versionp identifies the text: equal versions, equal bytes.
 */
int ix_index_render(struct ix_index *ix, struct ix_buf *out,
		    uint64_t *versionp);
/* The version a render would have now; cheap. */
uint64_t ix_index_version(struct ix_index *ix);

/* ---- pins ---- */

/* Hold a segment's file against deletion, by seq: 0, or -ESTALE when it is
 * neither live nor already pinned. Every pin is released once. */
int ix_index_pin(struct ix_index *ix, uint64_t seq);
void ix_index_unpin(struct ix_index *ix, uint64_t seq);

/* Open the file of a pinned segment for reading; caller closes. */
int ix_index_open_file(struct ix_index *ix, uint64_t seq,
		       struct ix_file **filep);

/* ---- changing ---- */

enum ix_register_outcome {
	IX_REGISTERED,           /* a new live segment */
	IX_REGISTERED_NAME,      /* one more name of a live segment */
	IX_REGISTERED_DELIVERED, /* all its leaves are live inside merges: the
				    name is remembered, nothing is added */
	IX_REGISTERED_REPLACED,  /* it took the place of segments it covers */
};

struct ix_registration {
	const char *path; /* below the vfs, e.g. "pending/a.seg"; on success the
			     file is no longer there */
	const char *name; /* the name in the root; ends in .seg */
	const struct ix_page_sums *sums; /* may be NULL */
	int64_t mtime_ns;
	uint32_t uid, gid;
};

struct ix_register_result {
	enum ix_register_outcome outcome;
	uint64_t seq; /* of the live segment, 0 for DELIVERED */
};

/*
 * Validate a complete file and commit it: the exactly-once rules of DESIGN 2.
 * Nobody may write the file meanwhile. Content errors (ix_err_is_content),
 * -IX_EEXISTS (the name means another content), -IX_EOVERLAP, -ENOSPC,
 * -IX_EDEGRADED; then the file is where it was and nothing changed.
 */
int ix_index_register(struct ix_index *ix, const struct ix_registration *r,
		      struct ix_register_result *result);

/* Retire one name (the segment with its last name), durable. -ENOENT; -EPERM
 * for a merge output unless IX_INDEX_RM_MERGED. */
int ix_index_remove(struct ix_index *ix, const char *name);
/* Retire several names of any kind in one commit: all or none. */
int ix_index_remove_names(struct ix_index *ix, const char *const *names,
			  size_t n);

/* Rename a live segment, durable. -ENOENT; -IX_EEXISTS unless `to` is a name of
 * the same segment or IX_INDEX_REPLACE is set (then `to` is retired). */
int ix_index_rename(struct ix_index *ix, const char *from, const char *to);

/* Take a live segment out of the index and leave its file under `to_path`
 * (below the vfs, e.g. "staging/a.seg"; -EEXIST if there). Durable. Readers of
 * the old handle keep it. */
int ix_index_withdraw(struct ix_index *ix, const char *name,
		      const char *to_path);

/* Change the recorded times and owner of a live segment, durable. Unchanged
 * fields: mtime_ns = INT64_MIN, uid/gid = UINT32_MAX. */
int ix_index_set_attr(struct ix_index *ix, uint64_t seq, int64_t mtime_ns,
		      uint32_t uid, uint32_t gid);

/*
 * Apply one JSON document of the control file: a merge patch (RFC 7396) of
 * settable keys or an action {"run": ...}. -IX_EINPUT with a text, -ESTALE for
 * a config_generation that is not the present one; nothing half-applied.
 * Actions return at once; *actionp (may be NULL) = their id, 0 for a patch.
 */
int ix_index_apply(struct ix_index *ix, const char *json, size_t n,
		   uint64_t *actionp);

/* Why the pending file `name` is not registered; "" if nothing is known. */
void ix_index_pending_status(struct ix_index *ix, const char *name, char *out,
			     size_t n);
/* Tell (text) or forget (NULL) it: for files refused outside of registration,
 * e.g. incomplete at close. */
void ix_index_pending_set(struct ix_index *ix, const char *name,
			  const char *text);

/* ---- merging ---- */

/* Merge everything there is now into as few segments as the size cap allows;
 * returns at once with the action's id. */
int ix_index_force_merge(struct ix_index *ix, uint64_t *actionp);

/* Block until no merge is running or startable and no action is under way, or
 * `canceled` (polled at least every 100 ms, may be NULL) returns true
 * (-EINTR), or the index stops (-IX_ECANCELED). */
int ix_index_wait(struct ix_index *ix, int (*canceled)(void *), void *ctx);

/* Pause is counted; returns when no merge can start any more (running ones go
 * on). Resume re-evaluates the policy. */
void ix_index_pause(struct ix_index *ix);
void ix_index_resume(struct ix_index *ix);

/* Everything acknowledged is durable when it returns 0 (it already is, unless
 * lazy). */
int ix_index_barrier(struct ix_index *ix);

#endif
