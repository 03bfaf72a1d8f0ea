/* SPDX-License-Identifier: MIT */
/*
 * Goal: whatever allocation, read, write or sync fails while a segment is
 * opened, verified or merged, the failure is reported as what it is, nothing
 * leaks, nothing crashes, no source is blamed for it, and the next attempt
 * succeeds (HAZARDS S-41: an I/O error is never "this part is absent").
 * Method: count the operations of a run without faults, then fail each in
 * turn. The sanitizers watch for leaks.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/segment/merge.h"
#include "core/segment/verify.h"
#include "tests/lib/segments.h"

#define PIECES 3u

static struct test_rng rng;
static struct ix_vfs *vfs;
static struct ix_sim *sim;

static void build_pieces(uint32_t docs)
{
	struct ix_schema *schema = test_schema(TEST_SCHEMA);
	struct test_docs d;

	test_docs_make(&d, &rng, docs * PIECES);
	for (uint32_t i = 0; i < PIECES; i++) {
		char name[8];

		snprintf(name, sizeof(name), "p%u", i);
		test_segment_build(vfs, name, schema, &d, docs * i,
				   docs * (i + 1), "");
	}
	test_docs_release(&d);
	ix_schema_free(schema);
}

/* ---- what is done under faults; each returns its code ---- */

static int run_info(void)
{
	struct ix_segment_info info;
	struct ix_file *f = test_open(vfs, "p0", IX_OPEN_READ);
	int rc = ix_segment_info_read(f, "p0", &info);

	if (!rc)
		ix_segment_info_release(&info);
	ix_file_close(f);
	return rc;
}

static int run_open(void)
{
	struct ix_file *f = test_open(vfs, "p0", IX_OPEN_READ);
	struct ix_segment *s;
	int rc = ix_segment_open(f, "p0", &s);

	if (rc)
		assert_null(s);
	ix_segment_close(s);
	ix_file_close(f);
	return rc;
}

static int run_verify(void)
{
	struct ix_verify_options o = { .level = IX_VERIFY_FULL };
	struct ix_file *f = test_open(vfs, "p0", IX_OPEN_READ);
	int rc = ix_segment_verify(f, "p0", &o, NULL);

	ix_file_close(f);
	return rc;
}

static enum ix_engine_kind engine;
static uint32_t bad;

static int run_merge(void)
{
	struct ix_merge_options o = { .engine = engine, .sync = 1 };
	struct ix_merge_source sources[PIECES];
	struct ix_merge_result result;
	char names[PIECES][8];
	struct ix_file *out;
	int rc;

	for (uint32_t i = 0; i < PIECES; i++) {
		snprintf(names[i], sizeof(names[i]), "p%u", i);
		sources[i].name = names[i];
		sources[i].registration = 0;
		sources[i].file = test_open(vfs, names[i], IX_OPEN_READ);
	}
	out = test_open(vfs, "out",
			IX_OPEN_WRITE | IX_OPEN_CREATE | IX_OPEN_TRUNC);
	bad = 99;
	rc = ix_segment_merge(sources, PIECES, out, &o, &result, &bad);
	assert_int_equal(bad, PIECES);
	for (uint32_t i = 0; i < PIECES; i++)
		ix_file_close(sources[i].file);
	ix_file_close(out);
	return rc;
}

/* ---- faults ---- */

static uint64_t countdown;

static int fail_nth(void)
{
	return countdown && !--countdown;
}

/* The hook is set inside, so that the files of a run open without faults. */
static int (*running)(void);

static int with_allocation_faults(uint64_t n)
{
	int rc;

	countdown = n;
	ix_mem_fail_hook = fail_nth;
	rc = running();
	ix_mem_fail_hook = NULL;
	return rc;
}

/* test_open allocates too: begin behind what it needs. */
static void each_allocation_fails(int (*run)(void), uint64_t opens)
{
	uint64_t n = opens;
	int rc;

	running = run;
	do {
		n++;
		assert_true(n < 100000);
		rc = with_allocation_faults(n);
		if (rc && rc != -ENOMEM)
			fail_msg("allocation %llu: %d %s",
				 (unsigned long long)n, rc, ix_fail_text());
	} while (rc);
	/* The end is where a run had no fault left to meet. */
	assert_true(countdown > 0);
	assert_true(n > opens + 3);
}

static uint64_t allocations;

static int count_allocations(void)
{
	allocations++;
	return 0;
}

/* Allocations that opening `files` files costs. */
static uint64_t cost_of_opening(uint32_t files)
{
	struct ix_file *f[PIECES + 1];

	allocations = 0;
	ix_mem_fail_hook = count_allocations;
	for (uint32_t i = 0; i < files; i++)
		f[i] = test_open(vfs, "p0", IX_OPEN_READ);
	ix_mem_fail_hook = NULL;
	for (uint32_t i = 0; i < files; i++)
		ix_file_close(f[i]);
	return allocations;
}

static void memory_runs_out_anywhere(void **state)
{
	(void)state;
	build_pieces(60);
	engine = IX_ENGINE_SYNC;
	assert_int_equal(run_merge(), 0); /* "out" exists from here on */
	each_allocation_fails(run_info, cost_of_opening(1));
	each_allocation_fails(run_open, cost_of_opening(1));
	each_allocation_fails(run_verify, cost_of_opening(1));
	each_allocation_fails(run_merge, cost_of_opening(PIECES + 1));
}

/* Fail each operation of `ops` in turn with `error`. */
static void each_operation_fails(int (*run)(void), unsigned ops, int error)
{
	uint64_t all;

	ix_sim_count_reset(sim);
	assert_int_equal(run(), 0);
	all = ix_sim_count(sim, ops);
	assert_true(all > 0);
	for (uint64_t n = 1; n <= all; n++) {
		int rc;

		ix_sim_fail(sim, ops, n, error, 0);
		rc = run();
		if (!ix_sim_fault_hit(sim))
			fail_msg("operation %llu was not met",
				 (unsigned long long)n);
		if (rc != -error)
			fail_msg("operation %llu of %llu: %d %s",
				 (unsigned long long)n, (unsigned long long)all,
				 rc, ix_fail_text());
		ix_sim_fail(sim, ops, 0, 0, 0);
	}
	assert_int_equal(run(), 0);
}

static void reads_fail_anywhere(void **state)
{
	(void)state;
	build_pieces(200);
	each_operation_fails(run_info, IX_SIM_READ, EIO);
	each_operation_fails(run_open, IX_SIM_READ, EIO);
	each_operation_fails(run_verify, IX_SIM_READ, EIO);
	engine = IX_ENGINE_SYNC;
	each_operation_fails(run_merge, IX_SIM_READ, EIO);
	engine = IX_ENGINE_AUTO;
	each_operation_fails(run_merge, IX_SIM_READ, EIO);
}

static void stats_fail_anywhere(void **state)
{
	(void)state;
	build_pieces(20);
	each_operation_fails(run_info, IX_SIM_STAT, EACCES);
	each_operation_fails(run_merge, IX_SIM_STAT, EACCES);
}

static void writes_and_syncs_fail_anywhere(void **state)
{
	(void)state;
	build_pieces(3000);
	engine = IX_ENGINE_SYNC;
	each_operation_fails(run_merge, IX_SIM_WRITE, ENOSPC);
	each_operation_fails(run_merge, IX_SIM_SYNC, EIO);
	each_operation_fails(run_merge, IX_SIM_TRUNCATE, EIO);
	engine = IX_ENGINE_AUTO;
	each_operation_fails(run_merge, IX_SIM_WRITE, ENOSPC);
	each_operation_fails(run_merge, IX_SIM_SYNC, EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_runs_out_anywhere),
		cmocka_unit_test(reads_fail_anywhere),
		cmocka_unit_test(stats_fail_anywhere),
		cmocka_unit_test(writes_and_syncs_fail_anywhere),
	};
	int rc;

	test_rng_init(&rng, test_seed());
	if (ix_sim_new(&vfs))
		return 1;
	sim = ix_sim_of(vfs);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	ix_vfs_free(vfs);
	return rc;
}
