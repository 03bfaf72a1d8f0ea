/* SPDX-License-Identifier: MIT */
/*
 * tracker: pins, and the removal of files nobody needs any more.
 *
 * Pins count by seq, never by id or name, so that an id that comes back cannot
 * be hit by an old deletion. A retired segment whose last pin goes is DOOMED
 * and handed to the reaper, a thread that unlinks without a lock. The commit
 * that dropped the segment is durable by then: edits are applied after their
 * sync, and in lazy mode the reaper asks for a barrier first. A failed unlink
 * is reported and tried again (S-34), at growing intervals; what is left when
 * the index is closed is swept at the next open.
 */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/index/internal.h"

#define RETRY_FIRST_NS ((uint64_t)1000000000)
#define RETRY_MAX_NS   ((uint64_t)300000000000)
#define LAZY_SYNC_NS   ((uint64_t)5000000000)

struct ix_leftover {
	struct ix_leftover *next;
	uint64_t ino;
	char path[];
};

/* ---- pins ---- */

int ix_index_pin(struct ix_index *ix, uint64_t seq)
{
	struct ix_seg *g;
	int rc = -ESTALE;

	ix_mutex_lock(&ix->lock);
	g = ix_state_seg(&ix->state, seq);
	if (g &&
	    (ix_seg_is_live(g) || (g->state == IX_SEG_RETIRED && g->pins))) {
		g->pins++;
		rc = 0;
	}
	ix_mutex_unlock(&ix->lock);
	return rc;
}

void ix_index_unpin(struct ix_index *ix, uint64_t seq)
{
	struct ix_seg *g;

	ix_mutex_lock(&ix->lock);
	g = ix_state_seg(&ix->state, seq);
	/* A pin too few would free a file under a reader (S-36). */
	assert(g && g->pins > 0);
	g->pins--;
	ix_state_settle(&ix->state, g);
	if (g->state == IX_SEG_DOOMED)
		ix_tracker_wake_locked(ix);
	ix_mutex_unlock(&ix->lock);
}

int ix_index_open_file(struct ix_index *ix, uint64_t seq,
		       struct ix_file **filep)
{
	char path[IX_SEQ_PATH_MAX];
	int rc;

	*filep = NULL;
	rc = ix_vfs_open(ix->vfs, ix_seq_path(seq, 0, path), IX_OPEN_READ,
			 filep);
	if (rc == -ENOENT)
		/* The name exists, the data does not (S-37). */
		rc = -EIO;
	if (rc)
		ix_fail(rc, "%s: cannot open: %s", path, ix_err_name(rc));
	return rc;
}

/* ---- the reaper ---- */

void ix_tracker_wake_locked(struct ix_index *ix)
{
	if (ix->state.doomed || ix->tracker.leftovers)
		ix_cond_signal(&ix->tracker.cond);
}

void ix_tracker_leftover(struct ix_index *ix, const char *path, uint64_t ino)
{
	size_t n = strlen(path) + 1;
	struct ix_leftover *l = ix_malloc(sizeof(*l) + n);

	if (!l)
		return;
	l->ino = ino;
	memcpy(l->path, path, n);
	ix_mutex_lock(&ix->lock);
	l->next = ix->tracker.leftovers;
	ix->tracker.leftovers = l;
	ix_cond_signal(&ix->tracker.cond);
	ix_mutex_unlock(&ix->lock);
}

/* Take one off the list; DOOMED ones are touched by nobody else. */
static struct ix_seg *take_doomed(struct ix_index *ix)
{
	struct ix_seg *g;

	ix_mutex_lock(&ix->lock);
	g = ix->state.doomed;
	if (g)
		ix->state.doomed = g->next_doomed;
	ix_mutex_unlock(&ix->lock);
	return g;
}

static int reap_segments(struct ix_index *ix)
{
	struct ix_seg *failed = NULL, *g, *next;
	char path[IX_SEQ_PATH_MAX];
	int first = 0, rc;

	while ((g = take_doomed(ix))) {
		rc = ix_vfs_unlink(ix->vfs, ix_seq_path(g->seq, 0, path));
		if (rc && rc != -ENOENT) {
			ix_log_warn("%s: cannot remove: %s; will try again",
				    path, ix_err_name(rc));
			g->next_doomed = failed;
			failed = g;
			first = first ? first : rc;
			continue;
		}
		ix_event(ix, "removed", ",\"seq\":\"%" PRIu64 "\"", g->seq);
		ix_mutex_lock(&ix->lock);
		ix_state_forget(&ix->state, g);
		ix_mutex_unlock(&ix->lock);
	}
	ix_mutex_lock(&ix->lock);
	for (; failed; failed = next) {
		next = failed->next_doomed;
		failed->next_doomed = ix->state.doomed;
		ix->state.doomed = failed;
	}
	ix_mutex_unlock(&ix->lock);
	return first;
}

static int reap_leftovers(struct ix_index *ix)
{
	struct ix_leftover *list, *next, *failed = NULL;
	struct ix_stat st;
	int first = 0, rc;

	ix_mutex_lock(&ix->lock);
	list = ix->tracker.leftovers;
	ix->tracker.leftovers = NULL;
	ix_mutex_unlock(&ix->lock);
	for (; list; list = next) {
		next = list->next;
		rc = ix_vfs_stat(ix->vfs, list->path, &st);
		if (!rc && st.ino == list->ino)
			rc = ix_vfs_unlink(ix->vfs, list->path);
		if (!rc)
			atomic_store(&ix->commit.pending_changed, 1);
		if (!rc || rc == -ENOENT) {
			ix_free(list);
			continue;
		}
		first = first ? first : rc;
		list->next = failed;
		failed = list;
	}
	ix_mutex_lock(&ix->lock);
	for (; failed; failed = next) {
		next = failed->next;
		failed->next = ix->tracker.leftovers;
		ix->tracker.leftovers = failed;
	}
	ix_mutex_unlock(&ix->lock);
	return first;
}

int ix_tracker_reap(struct ix_index *ix)
{
	int rc = 0, rc2;

	if (ix_commit_check(ix))
		return 0; /* removes nothing, ever again */
	if (ix->o.flags & IX_INDEX_LAZY)
		rc = ix_commit_barrier(ix);
	if (rc)
		return rc;
	rc = reap_segments(ix);
	rc2 = reap_leftovers(ix);
	return rc ? rc : rc2;
}

static uint64_t next_wake(const struct ix_index *ix, uint64_t now)
{
	const struct ix_tracker *t = &ix->tracker;
	int any = ix->state.doomed || t->leftovers;
	uint64_t at = UINT64_MAX;

	if (any && t->retry_at_ns > now)
		at = t->retry_at_ns;
	else if (any)
		return 0;
	if (ix->o.flags & IX_INDEX_LAZY && now + LAZY_SYNC_NS < at)
		at = now + LAZY_SYNC_NS;
	return at;
}

static void wait_for_work_locked(struct ix_index *ix)
{
	struct ix_tracker *t = &ix->tracker;
	uint64_t at = next_wake(ix, ix_now_ns());

	if (at == UINT64_MAX)
		ix_cond_wait(&t->cond, &ix->lock);
	else if (at)
		(void)ix_cond_wait_until(&t->cond, &ix->lock, at);
}

static void note_result_locked(struct ix_tracker *t, int rc)
{
	uint64_t delay = RETRY_FIRST_NS;

	if (!rc) {
		t->failures = 0;
		t->retry_at_ns = 0;
		return;
	}
	for (uint32_t i = 0; i < t->failures && delay < RETRY_MAX_NS; i++)
		delay *= 2;
	t->failures++;
	t->retry_at_ns =
		ix_now_ns() + (delay < RETRY_MAX_NS ? delay : RETRY_MAX_NS);
}

static void *reaper_main(void *arg)
{
	struct ix_index *ix = arg;
	struct ix_tracker *t = &ix->tracker;
	int rc, lazy = (ix->o.flags & IX_INDEX_LAZY) != 0;

	ix_mutex_lock(&ix->lock);
	while (!t->stop) {
		int due = (ix->state.doomed || t->leftovers) &&
			  t->retry_at_ns <= ix_now_ns();

		if (!due) {
			wait_for_work_locked(ix);
			if (!lazy || t->stop)
				continue;
		}
		ix_mutex_unlock(&ix->lock);
		rc = ix_tracker_reap(ix);
		ix_mutex_lock(&ix->lock);
		note_result_locked(t, rc);
		/* In degraded mode nothing is removed: do not spin. */
		if (!t->stop && atomic_load(&ix->commit.degraded))
			ix_cond_wait(&t->cond, &ix->lock);
	}
	ix_mutex_unlock(&ix->lock);
	return NULL;
}

int ix_tracker_start(struct ix_index *ix)
{
	struct ix_tracker *t = &ix->tracker;
	int rc;

	if (t->running)
		return 0;
	rc = pthread_create(&t->thread, NULL, reaper_main, ix);
	if (rc)
		return ix_fail(-rc, "cannot start a thread: %s",
			       ix_err_name(-rc));
	t->running = 1;
	return 0;
}

void ix_tracker_stop(struct ix_index *ix)
{
	struct ix_tracker *t = &ix->tracker;

	if (!t->running)
		return;
	ix_mutex_lock(&ix->lock);
	t->stop = 1;
	ix_cond_broadcast(&t->cond);
	ix_mutex_unlock(&ix->lock);
	pthread_join(t->thread, NULL);
	t->running = 0;
}

void ix_tracker_release(struct ix_index *ix)
{
	struct ix_leftover *next;

	for (struct ix_leftover *l = ix->tracker.leftovers; l; l = next) {
		next = l->next;
		ix_free(l);
	}
	ix->tracker.leftovers = NULL;
}
