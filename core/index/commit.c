/* SPDX-License-Identifier: MIT */
/*
 * commit: edits become durable, then visible.
 *
 * Group commit: every thread queues its edit; the first that finds no leader
 * leads. The leader takes the whole queue and
 *
 *  1. syncs segments/ and pending/ if an edit asked for it,
 *  2. appends one batch to the journal and syncs it,
 *  3. applies the edits under ix->lock: now they are visible,
 *  4. calls o.changed for each, in order of generations,
 *  5. wakes the others, and writes a checkpoint when the journal has grown.
 *
 * While it works the next batch gathers. If the sync fails nobody knows what
 * is on the disk, and fsync(2) will not tell: so a checkpoint of the state
 * without the failed edits is written, whose new epoch makes the old journal
 * void; if that fails too the index is read-only until it is opened again.
 */
#include <inttypes.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/index/checkpoint.h"
#include "core/index/internal.h"

#define CHECKPOINT_MIN  ((uint64_t)1 << 20) /* journal bytes */
#define BATCH_BYTES_MAX ((size_t)8 << 20)

struct ix_waiter {
	struct ix_waiter *next;
	struct ix_op *op;    /* NULL: a barrier or a checkpoint */
	struct ix_buf bytes; /* the encoded edit */
	unsigned flags;
	int checkpoint;
	int rc;
	int done;
	char text[IX_FAIL_TEXT_MAX];
};

int ix_commit_init(struct ix_index *ix)
{
	struct ix_commit *c = &ix->commit;
	int rc;

	c->lastp = &c->first;
	rc = ix_mutex_init(&c->lock);
	if (rc)
		return rc;
	rc = ix_cond_init(&c->cond);
	if (rc)
		ix_mutex_release(&c->lock);
	return rc;
}

void ix_commit_release(struct ix_index *ix)
{
	ix_journal_close(&ix->commit.journal);
	ix_cond_release(&ix->commit.cond);
	ix_mutex_release(&ix->commit.lock);
}

static void set_due(struct ix_commit *c)
{
	uint64_t grown = c->checkpoint_bytes * 2;

	/* In proportion to the state: O(1) per commit over time. */
	c->checkpoint_due = c->journal.tail +
			    (grown > CHECKPOINT_MIN ? grown : CHECKPOINT_MIN);
}

void ix_commit_adopt(struct ix_index *ix, struct ix_journal *j,
		     uint64_t checkpoint_bytes)
{
	ix->commit.journal = *j;
	memset(j, 0, sizeof(*j));
	ix->commit.checkpoint_bytes = checkpoint_bytes;
	set_due(&ix->commit);
}

int ix_commit_check(struct ix_index *ix)
{
	if (!atomic_load(&ix->commit.degraded))
		return 0;
	return ix_fail(-IX_EDEGRADED,
		       "the index is read-only until it is opened again: %s",
		       ix->commit.reason);
}

static void degrade(struct ix_index *ix)
{
	struct ix_commit *c = &ix->commit;

	if (atomic_load(&c->degraded))
		return;
	strncpy(c->reason, ix_fail_text(), sizeof(c->reason) - 1);
	atomic_store(&c->degraded, 1);
	ix_mutex_lock(&ix->lock);
	ix_touch_locked(ix);
	ix_manager_wake_locked(ix);
	ix_cond_broadcast(&ix->manager.changed);
	ix_mutex_unlock(&ix->lock);
	ix_log_error("%s; the index is read-only until it is opened again",
		     c->reason);
	ix_event(ix, "degraded", ",\"reason\":\"a metadata write failed\"");
}

/* ---- checkpoint ---- */

/*
 * Everything that can fail harmlessly comes first: both files are written and
 * synced under temporary names. From the first rename on an error leaves open
 * which checkpoint survives a crash; either way all that was acknowledged is
 * there, but nothing more can be promised.
 */
int ix_commit_rewrite(struct ix_index *ix)
{
	struct ix_commit *c = &ix->commit;
	struct ix_buf text = IX_BUF_INIT;
	struct ix_journal j = { 0 };
	uint64_t epoch = c->journal.epoch + 1;
	struct ix_u128 hash = { 0, 0 };
	int rc, renamed = 0;

	ix_mutex_lock(&ix->lock);
	ix_checkpoint_render(&ix->state, epoch, &text, &hash);
	ix_mutex_unlock(&ix->lock);
	rc = ix_checkpoint_write_tmp(ix->vfs, &text);
	if (rc)
		goto out;
	rc = ix_journal_create_tmp(ix->vfs, epoch, hash, &j);
	if (rc) {
		(void)ix_vfs_unlink(ix->vfs, IX_METADATA_TMP);
		goto out;
	}
	rc = ix_checkpoint_publish(ix->vfs, &renamed);
	if (rc && !renamed) {
		(void)ix_vfs_unlink(ix->vfs, IX_JOURNAL_TMP);
		goto out;
	}
	if (!rc)
		rc = ix_journal_publish(ix->vfs);
	if (rc) {
		degrade(ix);
		goto out;
	}
	ix_journal_close(&c->journal);
	ix_commit_adopt(ix, &j, text.len);
out:
	ix_journal_close(&j);
	ix_buf_release(&text);
	return rc;
}

static void checkpoint_if_due(struct ix_index *ix)
{
	struct ix_commit *c = &ix->commit;

	if (c->journal.tail < c->checkpoint_due || atomic_load(&c->degraded))
		return;
	if (ix_commit_rewrite(ix)) {
		ix_log_warn("checkpoint put off: %s", ix_fail_text());
		set_due(c);
	}
}

/* ---- the leader ---- */

static void fail_waiter(struct ix_waiter *w, int rc)
{
	if (w->rc)
		return;
	w->rc = rc;
	strncpy(w->text, ix_fail_text(), sizeof(w->text) - 1);
}

static void fail_flagged(struct ix_waiter *list, unsigned flag, int rc)
{
	for (struct ix_waiter *w = list; w; w = w->next)
		if (w->flags & flag)
			fail_waiter(w, rc);
}

static int any_flagged(const struct ix_waiter *list, unsigned flag)
{
	for (; list; list = list->next)
		if (list->flags & flag && !list->rc)
			return 1;
	return 0;
}

static void sync_dirs(struct ix_index *ix, struct ix_waiter *list)
{
	atomic_int *changed = &ix->commit.pending_changed;
	int rc;

	if (any_flagged(list, IX_COMMIT_SEGMENTS)) {
		rc = ix_vfs_sync_dir(ix->vfs, IX_SEGMENTS_DIR);
		if (rc) {
			ix_fail(rc, IX_SEGMENTS_DIR ": cannot sync: %s",
				ix_err_name(rc));
			fail_flagged(list, IX_COMMIT_SEGMENTS, rc);
		}
	}
	if (any_flagged(list, IX_COMMIT_PENDING) &&
	    atomic_exchange(changed, 0)) {
		rc = ix_vfs_sync_dir(ix->vfs, IX_PENDING_DIR);
		if (rc) {
			atomic_store(changed, 1);
			ix_fail(rc, IX_PENDING_DIR ": cannot sync: %s",
				ix_err_name(rc));
			fail_flagged(list, IX_COMMIT_PENDING, rc);
		}
	}
}

/* Record more segment numbers ahead while there is a batch to carry it. */
static uint64_t add_seq_edit(struct ix_index *ix, struct ix_buf *payload)
{
	struct ix_edit e = { .type = IX_EDIT_SEQ };

	ix_mutex_lock(&ix->lock);
	if (ix->state.next_seq + IX_SEQ_RANGE / 2 > ix->state.seq_limit)
		e.seq = ix->state.next_seq + IX_SEQ_RANGE;
	ix_mutex_unlock(&ix->lock);
	if (e.seq)
		ix_edit_encode(&e, payload);
	return e.seq;
}

static void gather(struct ix_index *ix, struct ix_waiter *list,
		   struct ix_buf *payload)
{
	struct ix_journal *j = &ix->commit.journal;

	for (struct ix_waiter *w = list; w; w = w->next) {
		int rc;

		if (!w->op || w->rc)
			continue;
		rc = ix_journal_room(j, payload->len + w->bytes.len,
				     (w->flags & IX_COMMIT_FREES) != 0);
		if (rc)
			fail_waiter(w, rc);
		else
			ix_buf_add(payload, w->bytes.data, w->bytes.len);
	}
}

static void apply(struct ix_index *ix, struct ix_waiter *list, uint64_t seq)
{
	ix_mutex_lock(&ix->lock);
	if (seq) {
		struct ix_edit e = { .type = IX_EDIT_SEQ, .seq = seq };

		ix_state_apply(&ix->state, &e);
	}
	for (struct ix_waiter *w = list; w; w = w->next)
		if (w->op && !w->rc) {
			ix_state_apply(&ix->state, &w->op->edit);
			ix_manager_applied_locked(ix, &w->op->edit);
		}
	ix_touch_locked(ix);
	ix_tracker_wake_locked(ix);
	ix_manager_wake_locked(ix);
	ix_mutex_unlock(&ix->lock);
}

static void tell_changed(struct ix_index *ix, struct ix_waiter *list)
{
	for (struct ix_waiter *w = list; w; w = w->next) {
		struct ix_index_change change;
		const struct ix_edit *e;

		if (!w->op || w->rc || !ix->o.changed)
			continue;
		e = &w->op->edit;
		if (!e->generation)
			continue;
		change = (struct ix_index_change){
			.generation = e->generation,
			.born = e->born,
			.born_count = e->born_count,
			.died = e->died,
			.died_count = e->died_count,
		};
		ix->o.changed(ix->o.ctx, &change);
	}
}

/* The batch may or may not be on the disk: make sure that it is not. */
static int resolve_failure(struct ix_index *ix, int rc)
{
	char text[IX_FAIL_TEXT_MAX];

	strncpy(text, ix_fail_text(), sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	ix_log_error("%s; writing a checkpoint without it", text);
	if (!ix_commit_rewrite(ix))
		return ix_fail(rc, "%s", text);
	degrade(ix);
	return ix_fail(-IX_EDEGRADED,
		       "%s; whether this change took place is known when the "
		       "index is opened again",
		       text);
}

static void write_batch(struct ix_index *ix, struct ix_waiter *list)
{
	int sync = !(ix->o.flags & IX_INDEX_LAZY), unsure = 0, rc;
	struct ix_buf payload = IX_BUF_INIT;
	uint64_t seq;

	seq = add_seq_edit(ix, &payload);
	/* A number that is given away must not be given away again. */
	sync |= seq || any_flagged(list, IX_COMMIT_SYNC);
	gather(ix, list, &payload);
	rc = ix_buf_error(&payload);
	if (!rc && payload.len)
		rc = ix_journal_append(&ix->commit.journal, payload.data,
				       payload.len, sync, &unsure);
	ix_buf_release(&payload);
	if (unsure)
		rc = resolve_failure(ix, rc);
	if (rc) {
		for (struct ix_waiter *w = list; w; w = w->next)
			if (w->op)
				fail_waiter(w, rc);
		return;
	}
	apply(ix, list, seq);
	tell_changed(ix, list);
}

/* Barriers and checkpoints wait for durability of all before. */
static int settle_durability(struct ix_index *ix, int checkpoint)
{
	int rc = 0;

	if (!checkpoint)
		rc = ix_journal_sync(&ix->commit.journal);
	if (!rc && !checkpoint)
		return 0;
	/* After a failed sync of lazy batches: they are visible already, so
	 * the checkpoint that repairs it contains them. */
	rc = ix_commit_rewrite(ix);
	if (rc && !checkpoint)
		degrade(ix);
	return rc;
}

static void lead(struct ix_index *ix, struct ix_waiter *list)
{
	int rc = ix_commit_check(ix), edits = 0;

	if (rc) {
		for (struct ix_waiter *w = list; w; w = w->next)
			fail_waiter(w, rc);
		return;
	}
	for (struct ix_waiter *w = list; w; w = w->next)
		edits |= w->op != NULL;
	if (edits) {
		sync_dirs(ix, list);
		write_batch(ix, list);
	}
	for (struct ix_waiter *w = list; w; w = w->next) {
		if (w->op)
			continue;
		rc = ix_commit_check(ix);
		if (!rc)
			rc = settle_durability(ix, w->checkpoint);
		if (rc)
			fail_waiter(w, rc);
	}
	checkpoint_if_due(ix);
}

/* ---- the queue ---- */

static struct ix_waiter *take_batch_locked(struct ix_commit *c)
{
	struct ix_waiter *list = c->first, *w = list;
	size_t bytes = w->bytes.len;

	while (w->next && bytes + w->next->bytes.len <= BATCH_BYTES_MAX) {
		w = w->next;
		bytes += w->bytes.len;
	}
	c->first = w->next;
	if (!c->first)
		c->lastp = &c->first;
	w->next = NULL;
	return list;
}

static int submit(struct ix_index *ix, struct ix_waiter *w)
{
	struct ix_commit *c = &ix->commit;
	struct ix_waiter *list, *next;

	ix_mutex_lock(&c->lock);
	*c->lastp = w;
	c->lastp = &w->next;
	while (!w->done) {
		if (c->leading) {
			ix_cond_wait(&c->cond, &c->lock);
			continue;
		}
		c->leading = 1;
		list = take_batch_locked(c);
		ix_mutex_unlock(&c->lock);
		lead(ix, list);
		ix_mutex_lock(&c->lock);
		c->leading = 0;
		for (; list; list = next) {
			next = list->next;
			list->done = 1;
		}
		ix_cond_broadcast(&c->cond);
	}
	ix_mutex_unlock(&c->lock);
	if (w->rc)
		ix_fail(w->rc, "%s", w->text);
	return w->rc;
}

int ix_commit(struct ix_index *ix, struct ix_op *op, unsigned flags)
{
	struct ix_waiter w = { .op = op, .flags = flags };
	int rc = ix_commit_check(ix);

	if (rc)
		return rc;
	ix_edit_encode(&op->edit, &w.bytes);
	rc = ix_buf_error(&w.bytes);
	if (!rc && w.bytes.len > UINT32_MAX / 2)
		rc = -IX_ELIMIT;
	if (!rc)
		rc = submit(ix, &w);
	ix_buf_release(&w.bytes);
	return rc;
}

int ix_commit_barrier(struct ix_index *ix)
{
	struct ix_waiter w = { 0 };

	return submit(ix, &w);
}

int ix_commit_checkpoint(struct ix_index *ix)
{
	struct ix_waiter w = { .checkpoint = 1 };

	return submit(ix, &w);
}

/* ---- segment numbers ---- */

static int plan_seq(struct ix_index *ix, struct ix_op *op, void *ctx)
{
	(void)ctx;
	op->edit.type = IX_EDIT_SEQ;
	op->edit.seq = ix->state.next_seq + IX_SEQ_RANGE;
	return 0;
}

int ix_seq_claim(struct ix_index *ix, struct ix_seq_claim *c)
{
	struct ix_op op;
	int rc;

	c->seq = 0;
	for (;;) {
		ix_mutex_lock(&ix->lock);
		if (ix->state.next_seq < ix->state.seq_limit) {
			c->seq = ix->state.next_seq++;
			ix_ring_add(&ix->claims, &c->link);
		}
		ix_mutex_unlock(&ix->lock);
		if (c->seq)
			return 0;
		rc = ix_op_begin(ix, &op, plan_seq, NULL);
		if (!rc)
			rc = ix_commit(ix, &op, IX_COMMIT_SYNC);
		ix_op_end(ix, &op);
		if (rc)
			return rc;
	}
}

void ix_seq_release(struct ix_index *ix, struct ix_seq_claim *c)
{
	if (!c->seq)
		return;
	ix_mutex_lock(&ix->lock);
	ix_ring_del(&c->link);
	ix_mutex_unlock(&ix->lock);
	c->seq = 0;
}

int ix_seq_in_flight_locked(struct ix_index *ix, uint64_t seq)
{
	const struct ix_ring *at = ix->claims.next;

	for (; at != &ix->claims; at = at->next)
		if (ix_container(at, struct ix_seq_claim, link)->seq == seq)
			return 1;
	return 0;
}
