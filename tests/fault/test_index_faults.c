/* SPDX-License-Identifier: MIT */
/*
 * Goal: a failing disk or a lack of memory never makes an operation lie. What
 * was reported as failed is not visible and never becomes visible (S-05), what
 * was reported as done stays, sources of a failed merge are all there (S-01),
 * nothing is left over in segments/ (S-26), and once the disk works again the
 * same operation succeeds (S-06).
 *
 * Method: every script of tests/lib/index_scripts.h runs with the n-th disk
 * operation failing, for every n, with EIO and with ENOSPC, once or from then
 * on; and with the n-th allocation failing. A step that fails must have
 * changed nothing; then the fault is cleared and the step is repeated. When
 * the index became read-only (-IX_EDEGRADED) it is opened again first, which
 * may show the step's effect: that is what the code promises.
 */
#include <stdatomic.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "tests/lib/index_scripts.h"
#include "tests/lib/seed.h"

struct fault {
	unsigned ops; /* 0: allocations */
	uint64_t nth;
	int error;
	int sticky;
};

static atomic_uint_fast64_t allocations;
static atomic_uint_fast64_t fail_at; /* 0 = never */
static atomic_int fail_sticky;
static _Thread_local int immune; /* the test itself is looking */

static int fail_allocation(void)
{
	uint64_t n;
	uint64_t at;

	if (immune)
		return 0;
	n = atomic_fetch_add(&allocations, 1) + 1;
	at = atomic_load(&fail_at);

	return at && (n == at || (n > at && atomic_load(&fail_sticky)));
}

static void arm(struct world *w, const struct fault *f)
{
	if (f->ops) {
		ix_sim_fail(ix_sim_of(w->v), f->ops, f->nth, f->error,
			    f->sticky);
		return;
	}
	atomic_store(&allocations, 0);
	atomic_store(&fail_sticky, f->sticky);
	atomic_store(&fail_at, f->nth);
}

static void disarm(struct world *w)
{
	ix_sim_fail(ix_sim_of(w->v), 0, 0, 0, 0);
	atomic_store(&fail_at, 0);
}

static int was_hit(struct world *w, const struct fault *f)
{
	if (f->ops)
		return ix_sim_fault_hit(ix_sim_of(w->v));
	return atomic_load(&allocations) >= f->nth;
}

static void look(struct ix_index *ix, struct view *out)
{
	immune = 1;
	view_of(ix, out);
	immune = 0;
}

static int same(const struct view *a, const struct view *b)
{
	return !strcmp(a->text, b->text);
}

/* The index became read-only, or could not be opened: open it again, now that
 * the disk works. The threads are started again if the script had started
 * them. */
static void revive(const struct script *s, struct world *w, unsigned step,
		   const char *why)
{
	if (w->ix)
		(void)ix_index_close(w->ix);
	w->ix = NULL;
	TEST_CHECK(!world_open(w), "%s: open: %s", why, ix_fail_text());
	for (unsigned i = 0; i < step; i++)
		if (s->steps[i].run == do_start)
			TEST_OK(ix_index_start(w->ix));
}

/* Wait until the reaper has nothing to do. */
static void settle(struct world *w)
{
	struct ix_index_stats st;

	if (w->ix->tracker.running) {
		/* It may be waiting to try again. */
		ix_mutex_lock(&w->ix->lock);
		w->ix->tracker.retry_at_ns = 0;
		ix_cond_signal(&w->ix->tracker.cond);
		ix_mutex_unlock(&w->ix->lock);
	} else {
		TEST_OK(ix_tracker_reap(w->ix));
	}
	for (int i = 0; i < 5000; i++) {
		ix_index_stats(w->ix, &st);
		if (!st.retired_bytes)
			return;
		usleep(200);
	}
	TEST_CHECK(0, "the reaper does not come");
}

static void check_whole(struct world *w, const char *why)
{
	settle(w);
	TEST_CHECK(test_index_check(w->ix) == test_docs(w->ix), "%s", why);
	/* A file that a fault kept from being removed goes at the next sweep
	 * at the latest. */
	TEST_OK(test_apply(w->ix, "{\"run\":\"sweep\"}"));
	TEST_CHECK(test_count(w->v, "segments") == test_segments(w->ix),
		   "%s: %u files, %u segments", why,
		   test_count(w->v, "segments"), test_segments(w->ix));
}

/* One step, repeated until it succeeds. */
static void run_step(const struct script *s, struct world *w, unsigned i,
		     const struct view *views, const struct fault *f,
		     const char *why)
{
	const struct step *step = s->steps + i;
	struct view got;
	int rc;

	for (int tries = 0;; tries++) {
		int degraded;

		TEST_CHECK(tries < 4, "%s: step %u does not recover: %s", why,
			   i, ix_fail_text());
		rc = step->run(w, step->a, step->b, step->k);
		if (!rc)
			break;
		TEST_CHECK(was_hit(w, f), "%s: step %u without a fault: %s: %s",
			   why, i, ix_err_name(rc), ix_fail_text());
		disarm(w);
		degraded = !w->ix || ix_commit_check(w->ix);
		if (w->ix) {
			look(w->ix, &got);
			TEST_CHECK(same(&got, views + i),
				   "%s: step %u failed and changed:\n%s", why,
				   i, got.text);
		}
		if (degraded) {
			revive(s, w, i, why);
			look(w->ix, &got);
			if (same(&got, views + i + 1) &&
			    !same(views + i, views + i + 1))
				break; /* it had happened */
			TEST_CHECK(same(&got, views + i),
				   "%s: step %u after opening again:\n%s", why,
				   i, got.text);
		}
		w->clock += (uint64_t)3600 * 1000000000;
	}
	look(w->ix, &got);
	TEST_CHECK(same(&got, views + i + 1), "%s: step %u:\n%sexpected:\n%s",
		   why, i, got.text, views[i + 1].text);
}

/* 1 if the fault happened. */
static int run_fault(const struct script *s, struct ix_vfs *fresh,
		     const struct view *views, const struct fault *f)
{
	struct world w = { .flags = s->flags, .clock = 1 };
	struct view before, after;
	char why[200];
	int hit;

	snprintf(why, sizeof(why), "%s, %s %#x, n %" PRIu64 ", %s%s", s->name,
		 f->ops ? "operations" : "allocation", f->ops, f->nth,
		 strerror(f->error), f->sticky ? ", from then on" : "");
	TEST_OK(ix_sim_clone(ix_sim_of(fresh), &w.v));
	arm(&w, f);
	if (world_open(&w)) {
		TEST_CHECK(was_hit(&w, f), "%s: open: %s", why, ix_fail_text());
		disarm(&w);
		revive(s, &w, 0, why);
	}
	for (unsigned i = 0; s->steps[i].run; i++)
		run_step(s, &w, i, views, f, why);
	hit = was_hit(&w, f);
	disarm(&w);
	if (ix_commit_check(w.ix))
		revive(s, &w, step_count(s), why);
	check_whole(&w, why);
	view_of(w.ix, &before);
	TEST_CHECK(!ix_index_close(w.ix), "%s: close: %s", why, ix_fail_text());
	TEST_CHECK(!world_open(&w), "%s: %s", why, ix_fail_text());
	view_of(w.ix, &after);
	TEST_CHECK(same(&before, &after), "%s: after opening again:\n%s", why,
		   after.text);
	TEST_OK(ix_index_close(w.ix));
	ix_vfs_free(w.v);
	return hit;
}

static uint64_t sweep(const struct script *s, struct ix_vfs *fresh,
		      const struct view *views, struct fault f)
{
	uint64_t runs = 0;

	for (f.nth = 1; run_fault(s, fresh, views, &f); f.nth++)
		runs++;
	return runs;
}

static void run(const struct script *s)
{
	static const unsigned writes =
		IX_SIM_WRITE | IX_SIM_SYNC | IX_SIM_TRUNCATE | IX_SIM_RENAME |
		IX_SIM_LINK | IX_SIM_UNLINK | IX_SIM_SYNC_DIR | IX_SIM_MKDIR |
		IX_SIM_OPEN;
	static struct view views[STEPS_MAX + 1];
	struct ix_vfs *fresh = test_index_disk();
	struct world w = { .flags = s->flags, .clock = 1 };
	uint64_t runs = 0;
	unsigned steps;

	TEST_OK(ix_sim_clone(ix_sim_of(fresh), &w.v));
	steps = run_script(s, &w, views);
	TEST_CHECK(steps == step_count(s), "%s: step %u: %s", s->name, steps,
		   ix_fail_text());
	TEST_OK(ix_index_close(w.ix));
	ix_vfs_free(w.v);
	runs += sweep(s, fresh, views,
		      (struct fault){ .ops = IX_SIM_ALL, .error = EIO });
	runs += sweep(s, fresh, views,
		      (struct fault){
			      .ops = writes, .error = EIO, .sticky = 1 });
	runs += sweep(s, fresh, views,
		      (struct fault){
			      .ops = writes, .error = ENOSPC, .sticky = 1 });
	runs += sweep(s, fresh, views,
		      (struct fault){ .ops = IX_SIM_SYNC, .error = EIO });
	runs += sweep(s, fresh, views, (struct fault){ .error = ENOMEM });
	printf("%-16s %" PRIu64 " faults\n", s->name, runs);
	ix_vfs_free(fresh);
}

int main(int argc, char **argv)
{
	(void)test_seed();
	setvbuf(stdout, NULL, _IOLBF, 0);
	ix_log_set_level(getenv("IX_VERBOSE") ? IX_LOG_WARN
					      : (enum ix_log_level) - 1);
	for (unsigned k = 0; k < 5; k++)
		(void)test_seg(k);
	ix_mem_fail_hook = fail_allocation;
	for (size_t i = 0; i < TEST_SCRIPTS; i++)
		if (argc < 2 || !strcmp(argv[1], test_scripts[i].name))
			run(test_scripts + i);
	return 0;
}
