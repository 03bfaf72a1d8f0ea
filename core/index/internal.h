/* SPDX-License-Identifier: MIT */
/*
 * internal: struct ix_index, shared by the files of core/index.
 *
 * Who owns what:
 *
 *	state.c, state_edit.c	what the index is		ix->lock
 *	keys.c			what operations in flight hold	ix->lock
 *	tracker.c		pins, doomed files, the reaper	ix->lock
 *	manager.c, force.c	claims, merges, actions, pause	ix->lock
 *	pending.c		why files are not registered	ix->lock
 *	commit.c		queue, journal, checkpoint	commit.lock,
 *								journal: the
 *leader
 *
 * Lock order: 1. ix->lock, 2. ix->commit.lock. In fact no two are ever held at
 * once, and none is held during I/O or a callback. The commit leader is a
 * role, not a lock: one thread at a time writes the journal, the others wait
 * on commit.cond for their result.
 */
#ifndef IX_INDEX_INTERNAL_H
#define IX_INDEX_INTERNAL_H

#include <stdatomic.h>

#include "core/base/err.h"
#include "core/base/lock.h"
#include "core/index/index.h"
#include "core/index/journal.h"
#include "core/index/state.h"

#define IX_SEGMENTS_DIR "segments"
#define IX_PENDING_DIR  "pending"
#define IX_STAGING_DIR  "staging"
#define IX_TRAINED_DIR  "trained"
#define IX_LOCK_FILE    "LOCK"

#define IX_SEQ_RANGE    1024u /* segment numbers recorded ahead */

/* ---- paths (paths.c) ---- */

#define IX_SEQ_DIGITS 20
/* "segments/<20 digits>.seg", and the same with ".tmp". */
#define IX_SEQ_PATH_MAX 48
char *ix_seq_path(uint64_t seq, int tmp, char out[IX_SEQ_PATH_MAX]);
/* Is `name` (in segments/) one that ix_seq_path makes? 1 with *seqp. */
int ix_seq_parse(const char *name, uint64_t *seqp, int *tmpp);
/* The directory part of a path: "" if it has none. -ENAMETOOLONG. */
int ix_path_dir(const char *path, char *out, size_t n);

/* ---- keys (keys.c) ---- */

struct ix_key {
	struct ix_node node;
	struct ix_u128 hash;
	const struct ix_keyset *set;
};

/*
 * What one operation touches: names, leaves, segments. While it holds them no
 * other operation can change them, so that an edit that was valid when it was
 * prepared is valid when it is applied, whatever is committed in between.
 */
struct ix_keyset {
	struct ix_key *v; /* owned */
	size_t n;
	size_t cap;
	int held;
};

struct ix_keys {
	struct ix_table held;
	struct ix_cond cond; /* some were released */
};

int ix_keyset_name(struct ix_keyset *k, const char *name);
int ix_keyset_seq(struct ix_keyset *k, uint64_t seq);
int ix_keyset_leaf(struct ix_keyset *k, const struct ix_id *id);
void ix_keyset_clear(struct ix_keyset *k); /* not while held */

/* An operation: the edit it commits and the keys it holds. */
struct ix_op {
	struct ix_edit edit;
	struct ix_keyset keys;
};

/* Take all keys or none: 1 if taken. With ix->lock. */
int ix_keys_take_locked(struct ix_index *ix, struct ix_keyset *k);

/*
 * Plan, take keys, prepare. `plan` looks at the state (with the lock held) and
 * fills op->edit and op->keys; it is called again from scratch after waiting
 * for keys. A return other than 0 ends it: negative = error, positive =
 * nothing to commit. On 0 the op is ready for ix_op_commit; in all cases it is
 * to be ended by ix_op_end.
 */
typedef int (*ix_plan_fn)(struct ix_index *ix, struct ix_op *op, void *ctx);
int ix_op_begin(struct ix_index *ix, struct ix_op *op, ix_plan_fn plan,
		void *ctx);
void ix_op_end(struct ix_index *ix, struct ix_op *op);

/* ---- commit (commit.c) ---- */

enum ix_commit_flags {
	IX_COMMIT_FREES = 1 << 0,    /* may use the last reserve */
	IX_COMMIT_SEGMENTS = 1 << 1, /* sync segments/ before */
	IX_COMMIT_PENDING = 1 << 2,  /* sync pending/ before, if it changed: a
					name goes, and must not come back */
	IX_COMMIT_SYNC = 1 << 3,     /* sync even in lazy mode */
};

struct ix_commit {
	struct ix_mutex lock;
	struct ix_cond cond;
	struct ix_waiter *first IX_GUARDED_BY(lock);
	struct ix_waiter **lastp IX_GUARDED_BY(lock);
	int leading IX_GUARDED_BY(lock);
	/* The leader's: */
	struct ix_journal journal;
	uint64_t checkpoint_bytes;  /* size of the last one */
	uint64_t checkpoint_due;    /* journal size that asks for the next */
	atomic_int pending_changed; /* names in pending/ not synced */
	atomic_int degraded;
	char reason[IX_FAIL_TEXT_MAX]; /* written once, before degraded */
};

int ix_commit_init(struct ix_index *ix);
void ix_commit_release(struct ix_index *ix);

/* Make the prepared edit of `op` durable, then visible. Fails with
 * -IX_EDEGRADED when it is not sure whether the edit will come up after a
 * crash: then no file that it names may be removed. */
int ix_commit(struct ix_index *ix, struct ix_op *op, unsigned flags);
/* All that was committed is durable. */
int ix_commit_barrier(struct ix_index *ix);
/* Write a checkpoint and start a new journal. */
int ix_commit_checkpoint(struct ix_index *ix);
/* 0, or -IX_EDEGRADED with the reason. */
int ix_commit_check(struct ix_index *ix);
/* A checkpoint with a new journal, from a thread that leads (or is alone). */
int ix_commit_rewrite(struct ix_index *ix);
/* For recovery: continue with this journal. Takes it over. */
void ix_commit_adopt(struct ix_index *ix, struct ix_journal *j,
		     uint64_t checkpoint_bytes);

/* A segment number in use by an operation in flight: its files are not
 * orphans. */
struct ix_seq_claim {
	struct ix_ring link; /* in ix_index.claims */
	uint64_t seq;        /* 0 = none */
};

/* A new number, recorded so that it is never given away again. */
int ix_seq_claim(struct ix_index *ix, struct ix_seq_claim *c);
void ix_seq_release(struct ix_index *ix, struct ix_seq_claim *c); /* or none */
int ix_seq_in_flight_locked(struct ix_index *ix, uint64_t seq);

/* ---- tracker (tracker.c) ---- */

struct ix_tracker {
	struct ix_cond cond; /* something is doomed, or stop */
	pthread_t thread;
	int running;
	int stop;
	struct ix_leftover *leftovers; /* files outside segments/ to unlink */
	uint64_t retry_at_ns;
	uint32_t failures;
};

int ix_tracker_start(struct ix_index *ix);
void ix_tracker_stop(struct ix_index *ix);
void ix_tracker_release(struct ix_index *ix);
/* Unlink what is doomed, once. 0 or the first error. */
int ix_tracker_reap(struct ix_index *ix);
/* There may be something to unlink: wake the reaper. With ix->lock. */
void ix_tracker_wake_locked(struct ix_index *ix);
/* Unlink `path` later, if it is still the file `ino`. Never fails: without
 * memory the next open finds it. */
void ix_tracker_leftover(struct ix_index *ix, const char *path, uint64_t ino);

/* ---- manager (manager.c, merge_job.c, force.c) ---- */

struct ix_action {
	uint64_t id; /* 0 = none yet */
	char run[24];
	char state[12]; /* queued, running, done, failed */
	char error[IX_FAIL_TEXT_MAX];
	int active;
	int untold; /* its end is still to be told as an event */
	/* force merge: */
	uint64_t max_bytes;
	int packed; /* its segments have been given bins */
};

#define IX_ACTIONS_MAX 16

struct ix_job {
	struct ix_job *next;
	uint64_t id;
	uint64_t action;
	uint64_t output; /* seq; 0 until given */
	uint64_t *seqs;  /* owned, in order of registration */
	size_t n;
	uint64_t bytes; /* of the sources: also reserved on the disk */
	uint64_t docs;
	uint64_t bytes_out; /* when it succeeded */
	int blamed;         /* a source was quarantined: the others may go on */
	atomic_int cancel;  /* enum ix_job_cancel */
	struct ix_index *ix;
};

enum ix_job_cancel {
	IX_JOB_GO,
	IX_JOB_STOP,  /* the index stops */
	IX_JOB_STALE, /* a source went away */
};

struct ix_manager {
	struct ix_cond work;    /* for workers */
	struct ix_cond changed; /* for those who wait */
	pthread_t *threads;     /* owned */
	unsigned thread_count;
	int started;
	int stop;
	int dirty; /* something changed since a pick found nothing */
	unsigned paused;
	struct ix_job *jobs; /* running */
	unsigned running;
	uint64_t next_job;
	uint64_t next_action;
	struct ix_action actions[IX_ACTIONS_MAX]; /* by id modulo */
	uint64_t last_action;
	uint64_t done;
	uint64_t failed;
	uint64_t bytes_in;
	uint64_t bytes_out;
	uint64_t reserved_bytes; /* for the outputs of running merges */
	unsigned peak;           /* most running at once, for tests */
	uint64_t retry_at_ns;    /* the next end of a backoff, or UINT64_MAX */
	int starved;             /* no memory to choose: look again soon */
	unsigned active_actions;
	unsigned untold;
};

int ix_manager_init(struct ix_index *ix);
void ix_manager_release(struct ix_index *ix);
int ix_manager_start(struct ix_index *ix);
void ix_manager_stop(struct ix_index *ix);
/* Look again for something to merge. With ix->lock. */
void ix_manager_wake_locked(struct ix_index *ix);
/* An edit was applied: merges whose sources went are canceled, outputs belong
 * to the action of their sources. With ix->lock. */
void ix_manager_applied_locked(struct ix_index *ix, const struct ix_edit *e);

/* Carry out a claimed job; without locks. Returns 0 or what went wrong. */
int ix_job_run(struct ix_index *ix, struct ix_job *job);

/* May it be a source now? With ix->lock. */
int ix_seg_mergeable(const struct ix_seg *g, uint64_t now_ns);
/* Claim sources for a job: states, pins, order. With ix->lock. NULL without
 * memory. */
struct ix_job *ix_job_claim_locked(struct ix_index *ix, struct ix_seg **segs,
				   size_t n, uint64_t action);

/* A job of an action under way, claimed; NULL if none can start now. Ends
 * actions that are done. With ix->lock. */
struct ix_job *ix_force_pick_locked(struct ix_index *ix, uint64_t now_ns);
/* No merge can be done any more. With ix->lock. */
void ix_force_end_all_locked(struct ix_index *ix, const char *error);
/* A job of the action failed for good. With ix->lock. */
void ix_force_failed_locked(struct ix_index *ix, uint64_t action,
			    const char *error);

/* As ix_index_force_merge with a size cap; 0 = the one of the settings. */
int ix_force_start(struct ix_index *ix, uint64_t max_bytes, uint64_t *actionp);

/* Actions: a new one under way, or ended at once (`error` NULL = done). */
struct ix_action *ix_action_new_locked(struct ix_index *ix, const char *run);
void ix_action_end_locked(struct ix_index *ix, struct ix_action *a,
			  const char *error);
/* Emit the events of actions that ended. Without locks. */
void ix_actions_tell(struct ix_index *ix);

/* ---- pending (pending.c) ---- */

struct ix_pending {
	struct ix_table reasons; /* by name */
};

void ix_pending_release(struct ix_index *ix);
/* Append {"name":{"reason":..},..} sorted by name. With ix->lock. */
void ix_pending_render_locked(struct ix_index *ix, struct ix_buf *out);
size_t ix_pending_count_locked(struct ix_index *ix);

/* ---- recovery (recover.c, sweep.c) ---- */

/* Load checkpoint and journal into ix->state; unless read-only, make the
 * journal ready to continue. Writes nothing before all was read and checked.
 */
int ix_recover(struct ix_index *ix);
/* Mark live segments whose file is missing or has another size. */
int ix_recover_files(struct ix_index *ix);
/* Remove files in staging/ and pending/ that are other names of live segments:
 * an operation between the two was cut off. */
int ix_recover_aliases(struct ix_index *ix);
/* Register what is complete in pending/. */
int ix_recover_pending(struct ix_index *ix);
/* Unlink files in segments/ that nobody owns; *countp = how many. 0 or the
 * first error; the others were tried. */
int ix_sweep(struct ix_index *ix, uint64_t *countp);

/* A copied list of names in a directory. */
struct ix_names {
	char **v; /* owned, each too */
	size_t n;
	size_t cap;
};
int ix_names_list(struct ix_index *ix, const char *dir, enum ix_file_type type,
		  struct ix_names *names);
void ix_names_release(struct ix_names *names);

/* ---- the index ---- */

struct ix_index {
	struct ix_index_options o;
	char *holder;     /* owned */
	int left_unclean; /* by the holder before: it ended in mid-life */
	struct ix_vfs *vfs;
	struct ix_file *lock_file; /* owned */
	struct ix_schema *schema;  /* owned */

	struct ix_mutex lock;
	struct ix_state state IX_GUARDED_BY(lock);
	struct ix_keys keys IX_GUARDED_BY(lock);
	struct ix_tracker tracker IX_GUARDED_BY(lock);
	struct ix_manager manager IX_GUARDED_BY(lock);
	struct ix_pending pending IX_GUARDED_BY(lock);
	struct ix_ring claims IX_GUARDED_BY(lock); /* of ix_seq_claim */
	uint64_t version IX_GUARDED_BY(lock);      /* of what render shows */
	int stopping IX_GUARDED_BY(lock);

	struct ix_commit commit;

	/* Tests replace them. */
	uint64_t (*now_ns)(void *ctx);
	void *now_ctx;
	void (*sync_point)(struct ix_index *ix, const char *where);
};

/* What is shown changed. With ix->lock. */
static inline void ix_touch_locked(struct ix_index *ix)
{
	ix->version++;
}

/* Refuse an operation: stopping, read-only, degraded. 0 or a code. */
int ix_index_writable(struct ix_index *ix);

/* Named places where tests can stop a thread; nothing otherwise. */
static inline void ix_sync_point(struct ix_index *ix, const char *where)
{
	if (ix->sync_point)
		ix->sync_point(ix, where);
}

/* Tell the event callback, if there is one: {"event":"<what>", ...}. `fields`
 * is the rest of the members with a leading comma, or "". Without locks. */
void ix_event(struct ix_index *ix, const char *what, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Append `"text"`, escaped; bytes that are not UTF-8 become '?'. */
void ix_add_json_string(struct ix_buf *b, const char *text);
/* Append `"key":"text"`. */
void ix_add_json_text(struct ix_buf *b, const char *key, const char *text);

/* ---- files (register.c) ---- */

/* A second name for the file, or a synced copy where there are no hard links
 * (*copiedp = 1). -EEXIST if `to` exists. */
int ix_link_or_copy(struct ix_index *ix, const char *from, const char *to,
		    int *copiedp);
/* Copy to a new synced file at `to`; it is removed again on failure. */
int ix_copy_file(struct ix_index *ix, const char *from, const char *to);

#endif
