/* SPDX-License-Identifier: MIT */
/*
 * Goal: what is left over by an operation of an earlier life of the index
 * harms nobody in the next: other names of a segment's file, removals that
 * were never synced, writes that a failed sync left in the cache only.
 *
 * Method: each test brings a simulated disk into one such situation, then
 * opens every crash state of it (up to STATES) and looks at what is there.
 */
#include "tests/lib/indexes.h"

#define STATES 64u

typedef void (*check_fn)(struct ix_vfs *v, struct ix_index *ix,
			 const char *why);

static void each_state(const char *test, struct ix_vfs *v, unsigned flags,
		       check_fn check)
{
	uint64_t n = ix_sim_crash_states(ix_sim_of(v), STATES);

	for (uint64_t i = 0; i < n; i++) {
		char kept[4000], why[4200];
		struct ix_index *ix;
		struct ix_vfs *state;
		int rc;

		ix_sim_crash_describe(ix_sim_of(v), STATES, i, 1, kept,
				      sizeof(kept));
		snprintf(why, sizeof(why), "%s, %s", test, kept);
		TEST_OK(ix_sim_crash_state(ix_sim_of(v), STATES, i, 1, &state));
		rc = test_index_try_open(state, flags, &ix);
		TEST_CHECK(!rc, "%s: open: %s", why, ix_fail_text());
		check(state, ix, why);
		TEST_OK(ix_index_close(ix));
		ix_vfs_free(state);
	}
	printf("%s: %" PRIu64 " states\n", test, n);
}

/* A file whose data and name are durable. */
static void put_durable(struct ix_vfs *v, const char *path, unsigned k)
{
	char dir[100];
	struct ix_file *f;

	test_put(v, path, test_seg(k));
	TEST_OK(ix_vfs_open(v, path, IX_OPEN_WRITE, &f));
	TEST_OK(ix_file_sync(f));
	ix_file_close(f);
	TEST_OK(ix_path_dir(path, dir, sizeof(dir)));
	TEST_OK(ix_vfs_sync_dir(v, dir));
}

static int register_at(struct ix_index *ix, const char *path, const char *name)
{
	struct ix_registration r = { .path = path, .name = name };
	struct ix_register_result result;

	return ix_index_register(ix, &r, &result);
}

/* ---- names left over ---- */

static void check_no_alias(struct ix_vfs *v, struct ix_index *ix,
			   const char *why)
{
	struct ix_index_segment s;
	char path[IX_SEQ_PATH_MAX];
	struct ix_stat st;

	TEST_CHECK(!ix_index_lookup(ix, "a.seg", &s), "%s", why);
	TEST_OK(ix_vfs_stat(v, ix_seq_path(s.seq, 0, path), &st));
	TEST_CHECK(st.nlink == 1, "%s: segment has another name", why);
}

/* rsync writes .a.seg.XXXXXX and renames it: a name in pending/ that is no
 * segment's, under which a live segment could be written. */
static void no_second_name_stays(const char *path)
{
	struct ix_vfs *v = test_index_disk();
	struct ix_index *ix = test_index_open(v, 0);

	put_durable(v, path, 1);
	TEST_OK(register_at(ix, path, "a.seg"));
	each_state(path, v, 0, check_no_alias);
	TEST_OK(ix_index_close(ix));
	ix_vfs_free(v);
}

static void check_a_is_gone(struct ix_vfs *v, struct ix_index *ix,
			    const char *why)
{
	(void)v;
	TEST_CHECK(!test_has(ix, "a.seg"), "%s: it is back", why);
}

/* The name in pending/ went without a sync, in another life. */
static void a_removal_after_reopening_lasts(void)
{
	struct ix_vfs *v = test_index_disk();
	struct ix_index *ix = test_index_open(v, 0);

	put_durable(v, "pending/a.seg", 1);
	TEST_OK(register_at(ix, "pending/a.seg", "a.seg"));
	TEST_OK(ix_index_close(ix));
	ix = test_index_open(v, 0);
	TEST_OK(ix_index_remove(ix, "a.seg"));
	each_state(__func__, v, 0, check_a_is_gone);
	TEST_OK(ix_index_close(ix));
	ix_vfs_free(v);
}

/* ---- edits in doubt ---- */

/* Its edit may come up again, so its file must stay, whoever sweeps. */
static void a_sweep_spares_what_is_in_doubt(void)
{
	struct ix_vfs *v = test_index_disk();
	struct ix_index *ix = test_index_open(v, 0);
	struct ix_index_segment s;
	uint64_t count;

	put_durable(v, "pending/a.seg", 1);
	/* Syncs: the file, a range of numbers, the edit, a checkpoint. */
	ix_sim_fail(ix_sim_of(v), IX_SIM_SYNC, 3, EIO, 1);
	TEST_CHECK(register_at(ix, "pending/a.seg", "a.seg") == -IX_EDEGRADED,
		   "%s", ix_fail_text());
	ix_sim_fail(ix_sim_of(v), 0, 0, 0, 0);
	TEST_CHECK(ix_sweep(ix, &count) == -IX_EDEGRADED && !count, "swept");
	TEST_CHECK(test_count(v, "segments") == 1, "the file is gone");
	(void)ix_index_close(ix);
	ix = test_index_open(v, 0);
	TEST_CHECK(!ix_index_lookup(ix, "a.seg", &s) && !s.missing, "a.seg");
	TEST_OK(ix_index_close(ix));
	ix_vfs_free(v);
	printf("%s\n", __func__);
}

/* ---- syncs that failed ---- */

static int a_is_there;

static void check_a_as_before(struct ix_vfs *v, struct ix_index *ix,
			      const char *why)
{
	struct ix_index_segment s;
	int rc = ix_index_lookup(ix, "a.seg", &s);

	(void)v;
	TEST_CHECK((rc == 0) == a_is_there, "%s: it came or went", why);
	TEST_CHECK(rc || !s.missing, "%s: its file is gone", why);
}

static void check_b_is_there(struct ix_vfs *v, struct ix_index *ix,
			     const char *why)
{
	struct ix_index_segment s;

	(void)v;
	TEST_CHECK(!ix_index_lookup(ix, "b.seg", &s) && !s.missing, "%s", why);
}

/*
 * The removal of a.seg could not be synced, nor a checkpoint be written. The
 * next process finds it in the journal, thanks to the cache, and believes it:
 * only if it is durable may it remove the file, or write behind it.
 */
static void what_a_failed_sync_left_is_made_durable(int more)
{
	struct ix_vfs *v = test_index_disk();
	struct ix_index *ix = test_index_open(v, 0);

	put_durable(v, "pending/a.seg", 1);
	TEST_OK(register_at(ix, "pending/a.seg", "a.seg"));
	ix_sim_fail(ix_sim_of(v), IX_SIM_SYNC, 1, EIO, 1);
	TEST_CHECK(ix_index_remove(ix, "a.seg") == -IX_EDEGRADED, "%s",
		   ix_fail_text());
	ix_sim_fail(ix_sim_of(v), 0, 0, 0, 0);
	(void)ix_index_close(ix);
	ix = test_index_open(v, 0);
	a_is_there = test_has(ix, "a.seg");
	if (more) {
		put_durable(v, "pending/b.seg", 2);
		TEST_OK(register_at(ix, "pending/b.seg", "b.seg"));
	}
	each_state(__func__, v, 0, more ? check_b_is_there : check_a_as_before);
	TEST_OK(ix_index_close(ix));
	ix_vfs_free(v);
}

/* The same with the names of checkpoint and journal: which of the two pairs
 * the disk has is not known. */
static void what_a_failed_directory_sync_left_is_made_durable(unsigned nth)
{
	struct ix_vfs *v = test_index_disk();
	struct ix_index *ix = test_index_open(v, 0);

	put_durable(v, "pending/a.seg", 1);
	TEST_OK(register_at(ix, "pending/a.seg", "a.seg"));
	ix_sim_fail(ix_sim_of(v), IX_SIM_SYNC_DIR, nth, EIO, 0);
	TEST_CHECK(ix_commit_checkpoint(ix) == -EIO, "%s", ix_fail_text());
	ix_sim_fail(ix_sim_of(v), 0, 0, 0, 0);
	(void)ix_index_close(ix);
	ix = test_index_open(v, 0);
	put_durable(v, "pending/b.seg", 2);
	TEST_OK(register_at(ix, "pending/b.seg", "b.seg"));
	each_state(__func__, v, 0, check_b_is_there);
	TEST_OK(ix_index_close(ix));
	ix_vfs_free(v);
}

/* ---- lazy mode ---- */

static void check_somewhere(struct ix_vfs *v, struct ix_index *ix,
			    const char *why)
{
	TEST_CHECK(test_has(ix, "a.seg") || test_exists(v, "staging/x"),
		   "%s: lost", why);
}

/* A barrier precedes every unlink (DESIGN 2). */
static void a_lazy_registration_loses_nothing(void)
{
	struct ix_vfs *v = test_index_disk();
	struct ix_index *ix = test_index_open(v, IX_INDEX_LAZY);

	put_durable(v, "staging/x", 1);
	TEST_OK(register_at(ix, "staging/x", "a.seg"));
	each_state(__func__, v, IX_INDEX_LAZY, check_somewhere);
	TEST_OK(ix_index_close(ix));
	ix_vfs_free(v);
}

static void check_next(struct ix_vfs *v, struct ix_index *ix, const char *why)
{
	put_durable(v, "pending/b.seg", 2);
	TEST_CHECK(!register_at(ix, "pending/b.seg", "b.seg"), "%s: %s", why,
		   ix_fail_text());
}

/* Not even if no edit with the number in it was ever written. */
static void numbers_given_away_lazily_are_not_reused(void)
{
	struct ix_vfs *v = test_index_disk();
	struct ix_index *ix = test_index_open(v, IX_INDEX_LAZY);
	struct ix_seq_claim c;
	char path[IX_SEQ_PATH_MAX];

	TEST_OK(ix_seq_claim(ix, &c));
	put_durable(v, ix_seq_path(c.seq, 0, path), 1);
	each_state(__func__, v, IX_INDEX_LAZY, check_next);
	ix_seq_release(ix, &c);
	TEST_OK(ix_index_close(ix));
	ix_vfs_free(v);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	no_second_name_stays("pending/.a.seg.x1y2z3");
	no_second_name_stays("staging/x");
	no_second_name_stays("pending/b.seg");
	a_removal_after_reopening_lasts();
	a_sweep_spares_what_is_in_doubt();
	what_a_failed_sync_left_is_made_durable(0);
	what_a_failed_sync_left_is_made_durable(1);
	what_a_failed_directory_sync_left_is_made_durable(1);
	what_a_failed_directory_sync_left_is_made_durable(2);
	a_lazy_registration_loses_nothing();
	numbers_given_away_lazily_are_not_reused();
	return 0;
}
