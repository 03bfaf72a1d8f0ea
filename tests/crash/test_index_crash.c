/* SPDX-License-Identifier: MIT */
/*
 * Goal: whatever moment the machine stops at, the next open finds every
 * acknowledged change, nothing half done, nothing doubled, nothing lost
 * (S-01 .. S-06, DESIGN 2 "kill -9, power loss").
 *
 * Method: a script is a list of steps. For every n the script runs on a new
 * simulated disk that stops at its n-th mutating operation; steps that had
 * returned 0 are acknowledged. Then every crash state of the disk (up to a
 * limit, IX_CRASH_LIMIT) is opened and checked:
 *
 *   - it opens; every live segment verifies and has its id;
 *   - the live names and ids are those after the acknowledged steps, or those
 *     after one more (the step that was cut off);
 *   - segments/ holds the live segments' files and no others;
 *   - opening it once more changes nothing;
 *   - delivering again what is live adds nothing;
 *   - what is withdrawn is whole, and shares its data with no segment.
 *
 * The states "after k steps" come from one run without a crash.
 */
#include "tests/lib/index_scripts.h"
#include "tests/lib/seed.h"

/* ---- checking a crash state ---- */

static void check_withdrawn(const struct script *s, struct ix_vfs *v,
			    const char *why)
{
	for (unsigned i = 0; s->steps[i].run; i++) {
		const struct step *step = s->steps + i;
		struct ix_verify_options o = { .level = IX_VERIFY_CHECKSUMS };
		struct ix_file *f;
		struct ix_stat st;

		if (step->run != do_withdraw || !test_exists(v, step->b))
			continue;
		TEST_OK(ix_vfs_stat(v, step->b, &st));
		TEST_CHECK(st.nlink == 1, "%s: %s is shared", why, step->b);
		TEST_OK(ix_vfs_open(v, step->b, IX_OPEN_READ, &f));
		TEST_OK(ix_segment_verify(f, step->b, &o, NULL));
		ix_file_close(f);
	}
}

/* The content of every withdrawal that is no longer live is in staging. */
static void check_not_lost(const struct script *s, struct ix_index *ix,
			   unsigned acknowledged, const char *why)
{
	for (unsigned i = 0; i <= acknowledged && s->steps[i].run; i++) {
		const struct step *step = s->steps + i;

		if (step->run != do_withdraw)
			continue;
		TEST_CHECK(test_has(ix, step->a) ||
				   test_exists(ix->vfs, step->b),
			   "%s: %s is gone", why, step->a);
	}
}

static void redeliver(const struct script *s, struct ix_index *ix,
		      unsigned acknowledged, const char *why)
{
	uint64_t docs = test_docs(ix);

	for (unsigned i = 0; i < acknowledged; i++) {
		const struct step *step = s->steps + i;
		struct ix_index_segment seg;
		struct ix_register_result r;

		if (step->run != do_register ||
		    ix_index_lookup(ix, step->a, &seg) ||
		    !ix_id_equal(&seg.id, &test_seg(step->k)->id))
			continue;
		TEST_OK(test_try_register(ix, step->a, test_seg(step->k), &r));
		TEST_CHECK(r.outcome == IX_REGISTERED_NAME, "%s: outcome %d",
			   why, r.outcome);
	}
	TEST_CHECK(docs == test_docs(ix), "%s: doubled", why);
}

static void check_state(const struct script *s, struct ix_vfs *v,
			const struct view *views, unsigned acknowledged,
			const char *why)
{
	unsigned last = step_count(s);
	struct view got, again;
	struct ix_index *ix;
	int rc;

	rc = test_index_try_open(v, s->flags, &ix);
	TEST_CHECK(!rc, "%s: open: %s: %s", why, ix_err_name(rc),
		   ix_fail_text());
	view_of(ix, &got);
	if (strcmp(got.text, views[acknowledged].text) != 0 &&
	    (acknowledged == last ||
	     strcmp(got.text, views[acknowledged + 1].text) != 0)) {
		fprintf(stderr, "%s: after %u steps\ngot:\n%sexpected:\n%s",
			why, acknowledged, got.text, views[acknowledged].text);
		if (acknowledged < last)
			fprintf(stderr, "or:\n%s",
				views[acknowledged + 1].text);
		abort();
	}
	TEST_CHECK(test_index_check(ix) == test_docs(ix), "%s", why);
	TEST_CHECK(test_count(v, "segments") == test_segments(ix),
		   "%s: %u files, %u segments", why, test_count(v, "segments"),
		   test_segments(ix));
	check_withdrawn(s, v, why);
	check_not_lost(s, ix, acknowledged, why);
	TEST_OK(ix_index_close(ix));
	ix = test_index_open(v, s->flags);
	view_of(ix, &again);
	TEST_CHECK(!strcmp(got.text, again.text), "%s: changed by reopening",
		   why);
	redeliver(s, ix, acknowledged, why);
	TEST_OK(ix_index_close(ix));
}

static uint64_t check_crash(const struct script *s, struct ix_vfs *v,
			    const struct view *views, unsigned acknowledged,
			    uint64_t nth, uint64_t limit, uint64_t seed)
{
	struct ix_sim *sim = ix_sim_of(v);
	uint64_t n = ix_sim_crash_states(sim, limit);

	for (uint64_t i = 0; i < n; i++) {
		char why[8192], kept[8000];
		struct ix_vfs *state;

		ix_sim_crash_describe(sim, limit, i, seed, kept, sizeof(kept));
		snprintf(why, sizeof(why), "%s, operation %" PRIu64 ", %s",
			 s->name, nth, kept);
		TEST_OK(ix_sim_crash_state(sim, limit, i, seed, &state));
		check_state(s, state, views, acknowledged, why);
		ix_vfs_free(state);
	}
	return n;
}

static void run(const struct script *s, uint64_t limit, uint64_t seed)
{
	static struct view views[STEPS_MAX + 1];
	struct ix_vfs *fresh = test_index_disk();
	struct world w = { .flags = s->flags };
	uint64_t nth = 0, states = 0, crashed = 1;
	unsigned steps;

	TEST_OK(ix_sim_clone(ix_sim_of(fresh), &w.v));
	steps = run_script(s, &w, views);
	TEST_CHECK(steps == step_count(s), "%s: step %u: %s", s->name, steps,
		   ix_fail_text());
	TEST_OK(ix_index_close(w.ix));
	ix_vfs_free(w.v);
	while (crashed) {
		unsigned acknowledged;

		TEST_OK(ix_sim_clone(ix_sim_of(fresh), &w.v));
		w.ix = NULL;
		ix_sim_crash_at(ix_sim_of(w.v), ++nth);
		acknowledged = run_script(s, &w, NULL);
		if (w.ix)
			(void)ix_index_close(w.ix);
		/* When nothing stopped it, this was the whole of it, and the
		 * disk after the close is one more state. */
		crashed = (uint64_t)ix_sim_crashed(ix_sim_of(w.v));
		states += check_crash(s, w.v, views, acknowledged, nth, limit,
				      seed + nth);
		ix_vfs_free(w.v);
	}
	printf("%-12s %" PRIu64 " operations, %" PRIu64 " crash states\n",
	       s->name, nth, states);
	ix_vfs_free(fresh);
}

/* ---- create ---- */

/* A create that was cut off leaves no index, or a whole one. */
static void run_create(uint64_t limit, uint64_t seed)
{
	struct ix_schema *schema = test_mkseg_schema();
	uint64_t nth = 0, states = 0, crashed = 1;

	while (crashed) {
		struct ix_vfs *v, *state;
		struct ix_index *ix;
		int created;
		uint64_t n;

		TEST_OK(ix_sim_new(&v));
		ix_sim_crash_at(ix_sim_of(v), ++nth);
		created = !ix_index_create(v, schema);
		crashed = (uint64_t)ix_sim_crashed(ix_sim_of(v));
		n = ix_sim_crash_states(ix_sim_of(v), limit);
		for (uint64_t i = 0; i < n; i++) {
			int rc;

			TEST_OK(ix_sim_crash_state(ix_sim_of(v), limit, i, seed,
						   &state));
			rc = test_index_try_open(state, 0, &ix);
			TEST_CHECK(!rc || (!created && rc == -ENOENT),
				   "create, operation %" PRIu64 ": %s: %s", nth,
				   ix_err_name(rc), ix_fail_text());
			if (!rc)
				TEST_OK(ix_index_close(ix));
			ix_vfs_free(state);
		}
		states += n;
		ix_vfs_free(v);
	}
	printf("%-12s %" PRIu64 " operations, %" PRIu64 " crash states\n",
	       "create", nth, states);
	ix_schema_free(schema);
}

int main(int argc, char **argv)
{
	const char *env = getenv("IX_CRASH_LIMIT");
	uint64_t limit = env ? strtoull(env, NULL, 0) : 24;
	uint64_t seed = test_seed();

	setvbuf(stdout, NULL, _IOLBF, 0);
	run_create(limit, seed);
	for (size_t i = 0; i < TEST_SCRIPTS; i++)
		if (argc < 2 || !strcmp(argv[1], test_scripts[i].name))
			run(test_scripts + i, limit, seed);
	return 0;
}
