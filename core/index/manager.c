/* SPDX-License-Identifier: MIT */
/*
 * manager: decides which merges run, and runs them.
 *
 * `merges_max` workers pull. A worker under ix->lock: filters the segments that
 * may be merged, asks the policy, claims the sources of one merge; this is one
 * step, so a candidate cannot be stale (S-17), and there are never more merges
 * than workers (S-18). A claim holds the sources (state MERGING, one pin each)
 * and is released on every way out.
 *
 * Workers look again after every completion, commit, resume, backoff and
 * start (S-19): whoever changes something sets `dirty`; a worker that finds
 * nothing clears it. So "idle" is a state that can be waited for without
 * missing it (S-20): nothing running, not dirty, no action under way.
 *
 * Lock order: ix->lock, then commit.lock; never both, see internal.h. Merges,
 * commits and events happen without locks.
 *
 * Failure of a merge: damage is blamed on its source, which is quarantined,
 * durably and visibly; a source that went away costs nothing; anything else
 * puts the sources aside for 30 s, doubling up to 30 min (S-25).
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/index/internal.h"

#define MERGES_DEFAULT   2u
#define BACKOFF_FIRST_NS ((uint64_t)30 * 1000000000)
#define BACKOFF_MAX_NS   ((uint64_t)1800 * 1000000000)
#define POLL_NS          ((uint64_t)100 * 1000000)

static uint64_t now_ns(struct ix_index *ix)
{
	return ix->now_ns(ix->now_ctx);
}

int ix_manager_init(struct ix_index *ix)
{
	struct ix_manager *m = &ix->manager;
	int rc;

	m->retry_at_ns = UINT64_MAX;
	m->dirty = 1;
	rc = ix_cond_init(&m->work);
	if (rc)
		return rc;
	rc = ix_cond_init(&m->changed);
	if (rc)
		ix_cond_release(&m->work);
	return rc;
}

void ix_manager_release(struct ix_index *ix)
{
	ix_free(ix->manager.threads);
	ix_cond_release(&ix->manager.work);
	ix_cond_release(&ix->manager.changed);
}

void ix_manager_wake_locked(struct ix_index *ix)
{
	ix->manager.dirty = 1;
	ix_cond_signal(&ix->manager.work);
}

/* ---- claims ---- */

int ix_seg_mergeable(const struct ix_seg *g, uint64_t now)
{
	return g->state == IX_SEG_LIVE && !g->job && !g->missing &&
	       !g->quarantine && g->retry_at_ns <= now;
}

static int by_registration(const void *va, const void *vb)
{
	const struct ix_seg *a = *(struct ix_seg *const *)va;
	const struct ix_seg *b = *(struct ix_seg *const *)vb;

	if (a->meta.registration != b->meta.registration)
		return a->meta.registration < b->meta.registration ? -1 : 1;
	return a->seq < b->seq ? -1 : a->seq > b->seq;
}

struct ix_job *ix_job_claim_locked(struct ix_index *ix, struct ix_seg **segs,
				   size_t n, uint64_t action)
{
	struct ix_manager *m = &ix->manager;
	struct ix_job *job = ix_calloc(1, sizeof(*job));

	if (job)
		job->seqs = ix_calloc(n, sizeof(*job->seqs));
	if (!job || !job->seqs) {
		ix_free(job);
		m->starved = 1;
		return NULL;
	}
	qsort(segs, n, sizeof(*segs), by_registration);
	job->ix = ix;
	job->id = ++m->next_job;
	job->action = action;
	job->n = n;
	for (size_t i = 0; i < n; i++) {
		struct ix_seg *g = segs[i];

		job->seqs[i] = g->seq;
		job->bytes += g->meta.bytes;
		job->docs += g->meta.doc_count;
		g->job = job->id;
		g->state = IX_SEG_MERGING;
		g->pins++;
	}
	job->next = m->jobs;
	m->jobs = job;
	m->reserved_bytes += job->bytes;
	m->running++;
	if (m->running > m->peak)
		m->peak = m->running;
	ix_touch_locked(ix);
	return job;
}

static void back_off(struct ix_seg *g, int rc, uint64_t now)
{
	uint64_t delay = BACKOFF_FIRST_NS;

	for (uint32_t i = 0; i < g->failures && delay < BACKOFF_MAX_NS; i++)
		delay *= 2;
	/* This set will never fit: do not hurry. */
	if (delay > BACKOFF_MAX_NS || rc == -IX_ELIMIT)
		delay = BACKOFF_MAX_NS;
	g->failures++;
	g->retry_at_ns = now + delay;
}

static int is_backoff(int rc)
{
	return rc && rc != -IX_ESTALE && rc != -IX_ECANCELED &&
	       rc != -IX_EDEGRADED;
}

static void release_job_locked(struct ix_index *ix, struct ix_job *job, int rc)
{
	struct ix_manager *m = &ix->manager;
	uint64_t now = now_ns(ix);
	struct ix_job **p;

	for (size_t i = 0; i < job->n; i++) {
		/* The claim's pin has kept it in the table. */
		struct ix_seg *g = ix_state_seg(&ix->state, job->seqs[i]);

		g->job = 0;
		g->pins--;
		if (g->state == IX_SEG_MERGING)
			g->state = IX_SEG_LIVE;
		if (is_backoff(rc) && !job->blamed && g->state == IX_SEG_LIVE &&
		    !g->quarantine && !g->missing)
			back_off(g, rc, now);
		ix_state_settle(&ix->state, g);
	}
	for (p = &m->jobs; *p != job; p = &(*p)->next)
		;
	*p = job->next;
	m->reserved_bytes -= job->bytes;
	m->running--;
	if (rc) {
		m->failed += rc != -IX_ESTALE && rc != -IX_ECANCELED;
	} else {
		m->done++;
		m->bytes_in += job->bytes;
		m->bytes_out += job->bytes_out;
	}
	ix_touch_locked(ix);
	ix_tracker_wake_locked(ix);
}

void ix_manager_applied_locked(struct ix_index *ix, const struct ix_edit *e)
{
	struct ix_seg *out = NULL;

	if (e->type == IX_EDIT_PUBLISH)
		out = ix_state_seg(&ix->state, e->seq);
	for (size_t i = 0; i < e->died_count; i++) {
		struct ix_seg *g = ix_state_seg(&ix->state, e->died[i]);

		if (!g)
			continue;
		if (out) {
			if (g->action > out->action) {
				out->action = g->action;
				out->bin = g->bin;
			}
			continue;
		}
		for (struct ix_job *j = ix->manager.jobs; j && g->job;
		     j = j->next)
			if (j->id == g->job)
				atomic_store(&j->cancel, IX_JOB_STALE);
	}
}

/* ---- choosing ---- */

struct choice {
	uint64_t now;
	struct ix_seg **segs;
	struct ix_policy_segment *view;
	size_t n;
	uint64_t retry_at;
};

static void consider(void *ctx, struct ix_node *node)
{
	struct ix_seg *g = ix_container(node, struct ix_seg, node);
	struct choice *c = ctx;
	struct ix_policy_segment *v;

	if (g->state == IX_SEG_LIVE && g->retry_at_ns > c->now &&
	    g->retry_at_ns < c->retry_at)
		c->retry_at = g->retry_at_ns;
	if (g->action || !ix_seg_mergeable(g, c->now))
		return;
	v = c->view + c->n;
	memset(v, 0, sizeof(*v));
	v->seq = g->seq;
	v->registration = g->meta.registration;
	v->docs = g->meta.doc_count;
	v->bytes = g->meta.bytes;
	c->segs[c->n++] = g;
}

/* The merge with the least to do: it brings the count down soonest. */
static const struct ix_policy_merge *smallest(const struct ix_policy_plan *plan,
					      const struct ix_policy_segment *v)
{
	const struct ix_policy_merge *best = NULL;
	uint64_t least = UINT64_MAX;

	for (uint32_t i = 0; i < plan->merge_count; i++) {
		const struct ix_policy_merge *m = plan->merges + i;
		uint64_t bytes = 0;

		for (uint32_t k = 0; k < m->count; k++)
			bytes += v[plan->indexes[m->first + k]].bytes;
		if (bytes < least) {
			least = bytes;
			best = m;
		}
	}
	return best;
}

static struct ix_job *claim_plan(struct ix_index *ix, struct choice *c,
				 const struct ix_policy_plan *plan)
{
	const struct ix_policy_merge *m = smallest(plan, c->view);
	struct ix_seg **sources;
	struct ix_job *job = NULL;

	if (!m)
		return NULL;
	sources = ix_calloc(m->count, sizeof(*sources));
	if (!sources) {
		ix->manager.starved = 1;
		return NULL;
	}
	for (uint32_t i = 0; i < m->count; i++)
		sources[i] = c->segs[plan->indexes[m->first + i]];
	job = ix_job_claim_locked(ix, sources, m->count, 0);
	ix_free(sources);
	return job;
}

static struct ix_job *pick_by_policy_locked(struct ix_index *ix, uint64_t now)
{
	struct choice c = { .now = now, .retry_at = UINT64_MAX };
	size_t count = ix->state.segs.count;
	struct ix_policy_plan plan;
	struct ix_job *job = NULL;
	int ok = 0;

	if (ix->state.policy.kind == IX_POLICY_NONE)
		return NULL;
	c.segs = ix_calloc(count + 1, sizeof(*c.segs));
	c.view = ix_calloc(count + 1, sizeof(*c.view));
	if (!c.segs || !c.view)
		goto out;
	ix_table_each(&ix->state.segs, consider, &c);
	ix->manager.retry_at_ns = c.retry_at;
	if (ix_policy_plan(&ix->state.policy, c.view, c.n, &plan))
		goto out;
	job = claim_plan(ix, &c, &plan);
	ix_policy_plan_release(&plan);
	ok = 1;
out:
	if (!ok)
		ix->manager.starved = 1;
	ix_free(c.segs);
	ix_free(c.view);
	return job;
}

static struct ix_job *pick_locked(struct ix_index *ix)
{
	struct ix_manager *m = &ix->manager;
	uint64_t now = now_ns(ix);
	struct ix_job *job;

	if (atomic_load(&ix->commit.degraded)) {
		ix_force_end_all_locked(ix, "the index is read-only");
		return NULL;
	}
	if (m->paused)
		return NULL;
	job = ix_force_pick_locked(ix, now);
	if (!job && m->dirty && !(ix->o.flags & IX_INDEX_NO_MERGES))
		job = pick_by_policy_locked(ix, now);
	if (!job && m->dirty && !m->starved) {
		m->dirty = 0;
		ix_cond_broadcast(&m->changed);
	}
	return job;
}

/* ---- workers ---- */

static void wait_for_work_locked(struct ix_index *ix)
{
	struct ix_manager *m = &ix->manager;

	if (m->retry_at_ns == UINT64_MAX && !m->starved) {
		ix_cond_wait(&m->work, &ix->lock);
		return;
	}
	/* The clock may be a test's: do not sleep by it for long. */
	(void)ix_cond_wait_until(&m->work, &ix->lock, ix_now_ns() + POLL_NS);
	if (m->starved || now_ns(ix) >= m->retry_at_ns) {
		m->retry_at_ns = UINT64_MAX;
		m->starved = 0;
		m->dirty = 1;
	}
}

static void tell_end(struct ix_index *ix, const struct ix_job *job, int rc)
{
	struct ix_buf b = IX_BUF_INIT;

	if (rc && rc != -IX_ECANCELED)
		ix_log_warn("merge %" PRIu64 " of %zu segments: %s", job->id,
			    job->n, ix_fail_text());
	if (!ix->o.event)
		return;
	if (rc)
		ix_add_json_string(&b, ix_fail_text());
	ix_event(ix, rc ? "merge_failed" : "merge_done",
		 ",\"merge\":\"%" PRIu64 "\",\"sources\":%zu,\"output\":"
		 "\"%" PRIu64 "\"%s%s",
		 job->id, job->n, job->output, rc ? ",\"error\":" : "",
		 rc ? ix_buf_str(&b) : "");
	ix_buf_release(&b);
}

static void run_job(struct ix_index *ix, struct ix_job *job)
{
	char error[IX_FAIL_TEXT_MAX];
	int rc;

	ix_event(ix, "merge_started",
		 ",\"merge\":\"%" PRIu64 "\",\"sources\":%zu,\"bytes\":"
		 "\"%" PRIu64 "\"",
		 job->id, job->n, job->bytes);
	ix_fail_clear();
	rc = ix_job_run(ix, job);
	strncpy(error, ix_fail_text(), sizeof(error) - 1);
	error[sizeof(error) - 1] = '\0';
	tell_end(ix, job, rc);
	ix_mutex_lock(&ix->lock);
	release_job_locked(ix, job, rc);
	if (is_backoff(rc) && !job->blamed && job->action)
		ix_force_failed_locked(ix, job->action,
				       *error ? error : ix_err_name(rc));
	ix_mutex_unlock(&ix->lock);
	ix_free(job->seqs);
	ix_free(job);
}

static void *worker_main(void *arg)
{
	struct ix_index *ix = arg;
	struct ix_manager *m = &ix->manager;
	struct ix_job *job;

	ix_mutex_lock(&ix->lock);
	while (!m->stop) {
		job = pick_locked(ix);
		if (m->untold) {
			ix_mutex_unlock(&ix->lock);
			ix_actions_tell(ix);
			ix_mutex_lock(&ix->lock);
			if (!job)
				continue; /* a wake-up may have passed by */
		}
		if (!job) {
			wait_for_work_locked(ix);
			continue;
		}
		/* There may be more for the others. */
		ix_cond_signal(&m->work);
		ix_mutex_unlock(&ix->lock);
		run_job(ix, job);
		ix_mutex_lock(&ix->lock);
		ix_manager_wake_locked(ix);
		ix_cond_broadcast(&m->changed);
	}
	ix_mutex_unlock(&ix->lock);
	return NULL;
}

int ix_manager_start(struct ix_index *ix)
{
	struct ix_manager *m = &ix->manager;
	unsigned n = ix->o.merges_max ? ix->o.merges_max : MERGES_DEFAULT;

	if (!m->threads)
		m->threads = ix_calloc(n, sizeof(*m->threads));
	if (!m->threads)
		return -ENOMEM;
	ix_mutex_lock(&ix->lock);
	m->started = 1;
	ix_mutex_unlock(&ix->lock);
	for (; m->thread_count < n; m->thread_count++) {
		int rc = pthread_create(m->threads + m->thread_count, NULL,
					worker_main, ix);

		if (rc)
			return ix_fail(-rc, "cannot start a thread: %s",
				       ix_err_name(-rc));
	}
	return 0;
}

void ix_manager_stop(struct ix_index *ix)
{
	struct ix_manager *m = &ix->manager;

	ix_mutex_lock(&ix->lock);
	m->stop = 1;
	for (struct ix_job *j = m->jobs; j; j = j->next) {
		int go = IX_JOB_GO;

		(void)atomic_compare_exchange_strong(&j->cancel, &go,
						     IX_JOB_STOP);
	}
	ix_cond_broadcast(&m->work);
	ix_cond_broadcast(&m->changed);
	ix_mutex_unlock(&ix->lock);
	for (unsigned i = 0; i < m->thread_count; i++)
		pthread_join(m->threads[i], NULL);
	m->thread_count = 0;
}

/* ---- pause and wait ---- */

void ix_index_pause(struct ix_index *ix)
{
	ix_mutex_lock(&ix->lock);
	/* Picking happens under this lock: from here on nothing starts. */
	ix->manager.paused++;
	ix_touch_locked(ix);
	ix_cond_broadcast(&ix->manager.changed);
	ix_mutex_unlock(&ix->lock);
}

void ix_index_resume(struct ix_index *ix)
{
	ix_mutex_lock(&ix->lock);
	if (ix->manager.paused)
		ix->manager.paused--;
	ix_touch_locked(ix);
	ix_manager_wake_locked(ix);
	ix_mutex_unlock(&ix->lock);
}

static int is_idle_locked(struct ix_index *ix)
{
	struct ix_manager *m = &ix->manager;
	int startable = m->dirty && !m->paused && m->started &&
			!atomic_load(&ix->commit.degraded) &&
			!(ix->o.flags & IX_INDEX_READ_ONLY);

	return !m->running && !startable && !m->active_actions;
}

int ix_index_wait(struct ix_index *ix, int (*canceled)(void *), void *ctx)
{
	struct ix_manager *m = &ix->manager;
	int rc = 0;

	ix_mutex_lock(&ix->lock);
	while (!rc && !is_idle_locked(ix)) {
		if (m->stop) {
			rc = ix_fail(-IX_ECANCELED, "the index is closing");
			break;
		}
		if (!canceled) {
			ix_cond_wait(&m->changed, &ix->lock);
			continue;
		}
		(void)ix_cond_wait_until(&m->changed, &ix->lock,
					 ix_now_ns() + POLL_NS);
		ix_mutex_unlock(&ix->lock);
		if (canceled(ctx))
			rc = -EINTR;
		ix_mutex_lock(&ix->lock);
	}
	ix_mutex_unlock(&ix->lock);
	return rc;
}
