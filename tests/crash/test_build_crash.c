/* SPDX-License-Identifier: MIT */
/*
 * Goal: whatever moment the power fails at, a segment that was reported as
 * done is there, whole; any other is there whole or not at all under its name.
 * (S-02, S-03, S-04: data before name, name before the report.)
 *
 * Method: the build runs on a simulated disk that stops at each mutating
 * operation in turn; every legal state of the disk after that (random ones,
 * where there are too many) is opened and verified.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/base/err.h"
#include "core/io/sim.h"
#include "core/segment/build.h"
#include "core/segment/verify.h"
#include "tests/lib/mkseg.h"
#include "tests/lib/seed.h"

#define DOCS        12u
#define PER_SEGMENT 5u
#define SEGMENTS    3u
#define STATES      60u

static struct ix_schema *schema;
static struct ix_vfs *disk;
static uint64_t seed;
static uint32_t done_count;

static void put_name(void *ctx, uint32_t number, char *path, size_t n)
{
	(void)ctx;
	snprintf(path, n, "dir/s%u.seg", number);
}

static void note_done(void *ctx, const char *path, const struct ix_id *id,
		      uint32_t doc_count, uint64_t bytes)
{
	(void)ctx;
	(void)path;
	(void)id;
	(void)doc_count;
	(void)bytes;
	done_count++;
}

static int build(int one_segment)
{
	struct ix_build_options o = {
		.schema = schema,
		.docs_per_segment = PER_SEGMENT,
		.one_segment = one_segment,
		.vfs = disk,
		.name = put_name,
		.done = note_done,
	};
	struct test_mkseg dims = { .seed = 11 };
	struct ix_buf json = IX_BUF_INIT;
	struct ix_builder *b;
	int rc;

	done_count = 0;
	assert_int_equal(ix_builder_new(&o, &b), 0);
	rc = 0;
	for (uint32_t i = 0; i < DOCS && !rc; i++) {
		test_mkseg_document(&dims, i, &json);
		rc = ix_builder_add(b, (char *)json.data, json.len);
	}
	if (!rc)
		rc = ix_builder_finish(b);
	ix_builder_free(b);
	ix_buf_release(&json);
	return rc;
}

/* Is the segment there, and if so, whole? */
static int is_there(struct ix_vfs *after, uint32_t number)
{
	struct ix_verify_options v = { .level = IX_VERIFY_FULL };
	struct ix_file *f;
	char path[32];
	int rc;

	put_name(NULL, number, path, sizeof(path));
	rc = ix_vfs_open(after, path, IX_OPEN_READ, &f);
	if (rc == -ENOENT)
		return 0;
	assert_int_equal(rc, 0);
	if (ix_segment_verify(f, path, &v, NULL))
		fail_msg("%s", ix_fail_text());
	ix_file_close(f);
	return 1;
}

static void check_states(uint64_t nth)
{
	struct ix_sim *sim = ix_sim_of(disk);
	uint64_t states = ix_sim_crash_states(sim, STATES);

	assert_true(states > 0);
	for (uint64_t i = 0; i < states; i++) {
		struct ix_vfs *after;
		char what[400];

		assert_int_equal(ix_sim_crash_state(sim, STATES, i, seed,
						    &after),
				 0);
		for (uint32_t k = 0; k < SEGMENTS; k++)
			if (!is_there(after, k) && k < done_count) {
				ix_sim_crash_describe(sim, STATES, i, seed,
						      what, sizeof(what));
				fail_msg("operation %" PRIu64 ", %s: s%u.seg "
					 "was done and is gone",
					 nth, what, k);
			}
		ix_vfs_free(after);
	}
}

static void sweep(int one_segment)
{
	int rc;

	for (uint64_t nth = 1;; nth++) {
		assert_int_equal(ix_sim_new(&disk), 0);
		assert_int_equal(ix_vfs_mkdir(disk, "dir"), 0);
		assert_int_equal(ix_vfs_sync_dir(disk, ""), 0);
		ix_sim_crash_at(ix_sim_of(disk), nth);
		rc = build(one_segment);
		if (rc)
			assert_int_equal(rc, -EIO);
		check_states(nth);
		ix_vfs_free(disk);
		/* Removing temporary files comes last and fails nothing: when
		 * the build reports success, all is done. */
		if (!rc && done_count == SEGMENTS)
			break;
	}
}

static void done_segments_survive_a_crash(void **state)
{
	(void)state;
	sweep(0);
}

static void done_segments_of_parts_survive_a_crash(void **state)
{
	(void)state;
	sweep(1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(done_segments_survive_a_crash),
		cmocka_unit_test(done_segments_of_parts_survive_a_crash),
	};
	int rc;

	seed = test_seed();
	schema = test_mkseg_schema();
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	ix_schema_free(schema);
	return rc;
}
