/* SPDX-License-Identifier: MIT */
/*
 * force: actions, and the force merge among them.
 *
 * A force merge owns the segments that were live when it was asked for: each
 * carries the action's id, and the policy leaves them alone. It proceeds in
 * the workers, like every merge:
 *
 *  1. wait until merges that had claimed some of them have ended; their
 *     outputs belong to the action, too (ix_manager_applied_locked);
 *  2. pack: best fit, largest first, into bins under the size cap; segments
 *     that cannot be merged are left out and reported;
 *  3. per bin, while it holds two or more segments: merge them, at most 64 at
 *     once; of more the smallest first, so many that full merges remain.
 *
 * A source that is removed meanwhile simply leaves its bin. A failure other
 * than a damaged source ends the action.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/format/layout.h"
#include "core/index/internal.h"
#include "core/segment/merge.h"

/* ---- actions ---- */

struct ix_action *ix_action_new_locked(struct ix_index *ix, const char *run)
{
	struct ix_manager *m = &ix->manager;
	struct ix_action *a =
		m->actions + (m->next_action + 1) % IX_ACTIONS_MAX;

	if (a->active)
		return NULL; /* sixteen are under way */
	memset(a, 0, sizeof(*a));
	a->id = ++m->next_action;
	a->active = 1;
	m->last_action = a->id;
	m->active_actions++;
	snprintf(a->run, sizeof(a->run), "%s", run);
	snprintf(a->state, sizeof(a->state), "queued");
	ix_touch_locked(ix);
	return a;
}

void ix_action_end_locked(struct ix_index *ix, struct ix_action *a,
			  const char *error)
{
	struct ix_manager *m = &ix->manager;

	snprintf(a->state, sizeof(a->state), "%s", error ? "failed" : "done");
	snprintf(a->error, sizeof(a->error), "%s", error ? error : "");
	a->active = 0;
	a->untold = 1;
	m->untold++;
	m->active_actions--;
	ix_touch_locked(ix);
	ix_cond_broadcast(&m->changed);
}

void ix_actions_tell(struct ix_index *ix)
{
	struct ix_manager *m = &ix->manager;
	struct ix_action *list, *a;
	int n = 0;

	ix_mutex_lock(&ix->lock);
	list = ix_calloc(IX_ACTIONS_MAX, sizeof(*list));
	for (size_t i = 0; i < IX_ACTIONS_MAX; i++) {
		a = m->actions + i;
		if (!a->untold)
			continue;
		a->untold = 0;
		if (list)
			list[n++] = *a;
	}
	m->untold = 0;
	ix_mutex_unlock(&ix->lock);
	for (int i = 0; i < n; i++) {
		struct ix_buf b = IX_BUF_INIT;

		a = list + i;
		ix_add_json_string(&b, a->error);
		ix_event(ix, "action",
			 ",\"action\":\"%" PRIu64
			 "\",\"run\":\"%s\",\"state\":\"%s\",\"error\":%s",
			 a->id, a->run, a->state, ix_buf_str(&b));
		ix_buf_release(&b);
	}
	ix_free(list);
}

/* ---- members ---- */

struct members {
	uint64_t action;
	uint64_t now;
	struct ix_seg **v;
	size_t n;       /* unclaimed and mergeable */
	size_t foreign; /* claimed by merges that are not the action's */
	size_t unfit;   /* cannot be merged */
	struct ix_index *ix;
};

static int is_own_job(const struct ix_index *ix, const struct ix_seg *g,
		      uint64_t action)
{
	for (const struct ix_job *j = ix->manager.jobs; j; j = j->next)
		if (j->id == g->job)
			return j->action == action;
	return 0;
}

static void collect(void *ctx, struct ix_node *node)
{
	struct ix_seg *g = ix_container(node, struct ix_seg, node);
	struct members *m = ctx;

	if (g->action != m->action || !ix_seg_is_live(g))
		return;
	if (g->job)
		m->foreign += !is_own_job(m->ix, g, m->action);
	else if (ix_seg_mergeable(g, m->now))
		m->v[m->n++] = g;
	else
		m->unfit++;
}

static void set_free(void *ctx, struct ix_node *node)
{
	struct ix_seg *g = ix_container(node, struct ix_seg, node);

	if (g->action == *(uint64_t *)ctx)
		g->action = 0;
}

static void end_force(struct ix_index *ix, struct ix_action *a,
		      const char *error)
{
	ix_table_each(&ix->state.segs, set_free, &a->id);
	ix_action_end_locked(ix, a, error);
	ix->manager.dirty = 1; /* they are the policy's again */
}

/* ---- packing ---- */

static int by_size_down(const void *va, const void *vb)
{
	const struct ix_seg *a = *(struct ix_seg *const *)va;
	const struct ix_seg *b = *(struct ix_seg *const *)vb;

	if (a->meta.bytes != b->meta.bytes)
		return a->meta.bytes > b->meta.bytes ? -1 : 1;
	return a->seq < b->seq ? -1 : a->seq > b->seq;
}

struct bin {
	uint64_t bytes;
	uint64_t docs;
};

static int pack(struct members *m, uint64_t max_bytes)
{
	struct bin *bins = ix_calloc(m->n + 1, sizeof(*bins));
	size_t bin_count = 0;

	if (!bins)
		return -ENOMEM;
	qsort(m->v, m->n, sizeof(*m->v), by_size_down);
	for (size_t i = 0; i < m->n; i++) {
		struct ix_seg *g = m->v[i];
		size_t best = bin_count;

		for (size_t k = 0; k < bin_count; k++)
			if (bins[k].bytes <= max_bytes &&
			    g->meta.bytes <= max_bytes - bins[k].bytes &&
			    bins[k].docs + g->meta.doc_count <= IX_DOCS_MAX &&
			    (best == bin_count ||
			     bins[k].bytes > bins[best].bytes))
				best = k;
		bin_count += best == bin_count;
		bins[best].bytes += g->meta.bytes;
		bins[best].docs += g->meta.doc_count;
		g->bin = (uint32_t)best;
	}
	ix_free(bins);
	return 0;
}

/* ---- picking ---- */

/* Of `n` segments in a bin, how many to merge now: all if they fit one merge,
 * else so many that every later merge can be full. */
static size_t merge_width(size_t n)
{
	size_t width;

	if (n <= IX_MERGE_FAN_IN_MAX)
		return n;
	width = (n - 1) % (IX_MERGE_FAN_IN_MAX - 1) + 1;
	return width < 2 ? IX_MERGE_FAN_IN_MAX : width;
}

static int by_bin_and_size(const void *va, const void *vb)
{
	const struct ix_seg *a = *(struct ix_seg *const *)va;
	const struct ix_seg *b = *(struct ix_seg *const *)vb;

	if (a->bin != b->bin)
		return a->bin < b->bin ? -1 : 1;
	return by_size_down(vb, va);
}

static int bin_is_busy(struct ix_index *ix, uint64_t action, uint32_t bin)
{
	for (const struct ix_job *j = ix->manager.jobs; j; j = j->next) {
		const struct ix_seg *g;

		if (j->action != action)
			continue;
		g = ix_state_seg(&ix->state, j->seqs[0]);
		if (g->bin == bin)
			return 1;
	}
	return 0;
}

static struct ix_job *pick_bin(struct ix_index *ix, struct members *m,
			       int *leftp)
{
	size_t first = 0, end;

	*leftp = 0;
	qsort(m->v, m->n, sizeof(*m->v), by_bin_and_size);
	for (; first < m->n; first = end) {
		for (end = first + 1; end < m->n; end++)
			if (m->v[end]->bin != m->v[first]->bin)
				break;
		if (bin_is_busy(ix, m->action, m->v[first]->bin)) {
			*leftp = 1;
			continue;
		}
		if (end - first < 2)
			continue;
		*leftp = 1;
		return ix_job_claim_locked(ix, m->v + first,
					   merge_width(end - first), m->action);
	}
	return NULL;
}

static int has_jobs(const struct ix_index *ix, uint64_t action)
{
	for (const struct ix_job *j = ix->manager.jobs; j; j = j->next)
		if (j->action == action)
			return 1;
	return 0;
}

static struct ix_job *advance(struct ix_index *ix, struct ix_action *a,
			      struct members *m)
{
	char text[80];
	struct ix_job *job;
	int left;

	if (!a->packed) {
		if (m->foreign)
			return NULL;
		if (pack(m, a->max_bytes)) {
			ix->manager.starved = 1;
			return NULL;
		}
		a->packed = 1;
		snprintf(a->state, sizeof(a->state), "running");
		ix_touch_locked(ix);
	}
	job = pick_bin(ix, m, &left);
	if (job || left || has_jobs(ix, a->id))
		return job;
	snprintf(text, sizeof(text), "%zu segments cannot be merged now",
		 m->unfit);
	end_force(ix, a, m->unfit ? text : NULL);
	return NULL;
}

struct ix_job *ix_force_pick_locked(struct ix_index *ix, uint64_t now)
{
	struct ix_manager *m = &ix->manager;
	struct ix_job *job = NULL;

	if (!m->active_actions)
		return NULL;
	for (uint64_t id = m->next_action < IX_ACTIONS_MAX
				   ? 1
				   : m->next_action - IX_ACTIONS_MAX + 1;
	     id <= m->next_action && !job; id++) {
		struct ix_action *a = m->actions + id % IX_ACTIONS_MAX;
		struct members who = { .action = id, .now = now, .ix = ix };

		if (!a->active || strcmp(a->run, "force_merge") != 0)
			continue;
		who.v = ix_calloc(ix->state.segs.count + 1, sizeof(*who.v));
		if (!who.v) {
			ix->manager.starved = 1;
			return NULL;
		}
		ix_table_each(&ix->state.segs, collect, &who);
		job = advance(ix, a, &who);
		ix_free(who.v);
	}
	return job;
}

void ix_force_failed_locked(struct ix_index *ix, uint64_t action,
			    const char *error)
{
	struct ix_action *a = ix->manager.actions + action % IX_ACTIONS_MAX;

	if (a->id == action && a->active)
		end_force(ix, a, error);
}

void ix_force_end_all_locked(struct ix_index *ix, const char *error)
{
	for (size_t i = 0; i < IX_ACTIONS_MAX; i++)
		if (ix->manager.actions[i].active)
			end_force(ix, ix->manager.actions + i, error);
}

/* ---- starting ---- */

static void enlist(void *ctx, struct ix_node *node)
{
	struct ix_seg *g = ix_container(node, struct ix_seg, node);

	if (ix_seg_is_live(g) && !g->action)
		g->action = *(uint64_t *)ctx;
}

int ix_force_start(struct ix_index *ix, uint64_t max_bytes, uint64_t *actionp)
{
	struct ix_action *a;
	int rc = ix_index_writable(ix);

	if (rc)
		return rc;
	ix_mutex_lock(&ix->lock);
	a = ix_action_new_locked(ix, "force_merge");
	if (a) {
		a->max_bytes =
			max_bytes ? max_bytes : ix->state.policy.max_bytes;
		ix_table_each(&ix->state.segs, enlist, &a->id);
		if (actionp)
			*actionp = a->id;
		ix_manager_wake_locked(ix);
	} else {
		rc = ix_fail(-IX_EINPUT, "too many actions are under way");
	}
	ix_mutex_unlock(&ix->lock);
	return rc;
}

int ix_index_force_merge(struct ix_index *ix, uint64_t *actionp)
{
	return ix_force_start(ix, 0, actionp);
}
