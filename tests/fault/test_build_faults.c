/* SPDX-License-Identifier: MIT */
/*
 * Goal: a build that fails anywhere says so, leaves the segments that were
 * complete before, and no other file (S-07, S-26).
 *
 * Method: the same build with each allocation failing in turn, then with each
 * operation of a simulated disk failing, once and for ever; afterwards the
 * files on the disk are looked at. Removing files does not fail here: what
 * cannot be removed stays. The same for parts that are spilled and merged.
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
#include "core/base/mem.h"
#include "core/io/sim.h"
#include "core/segment/batch.h"
#include "core/segment/build.h"
#include "core/segment/spill.h"
#include "core/segment/verify.h"
#include "tests/lib/mkseg.h"

#define DOCS     25u
#define PER_FILE 10u
#define FAULTS   (IX_SIM_ALL & ~(unsigned)IX_SIM_UNLINK)

static struct ix_schema *schema;
static struct ix_vfs *disk;

/* ---- faults ---- */

static uint64_t allocations, failing_allocation;

static int fail_allocation(void)
{
	return ++allocations == failing_allocation;
}

/* Count, or fail, the nth allocation from here on. 0 = count only. */
static void allocation_faults(uint64_t nth)
{
	allocations = 0;
	failing_allocation = nth;
	ix_mem_fail_hook = fail_allocation;
}

/* ---- jobs ---- */

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

static char *texts[DOCS];

/* Build three segments; the first error. */
static int build_segments(int one_segment)
{
	struct ix_build_options o = {
		.schema = schema,
		.docs_per_segment = PER_FILE,
		.one_segment = one_segment,
		.vfs = disk,
		.name = put_name,
		.done = note_done,
	};
	struct ix_builder *b;
	int rc, again;

	done_count = 0;
	rc = ix_builder_new(&o, &b);
	if (rc)
		return rc;
	for (uint32_t i = 0; i < DOCS && !rc; i++)
		rc = ix_builder_add(b, texts[i], strlen(texts[i]));
	if (rc) {
		/* It stays that way. */
		again = ix_builder_add(b, texts[0], strlen(texts[0]));
		assert_int_equal(again, rc);
		assert_int_equal(ix_builder_finish(b), rc);
	} else {
		rc = ix_builder_finish(b);
	}
	assert_int_equal(ix_builder_segment_count(b), done_count);
	ix_builder_free(b);
	return rc;
}

static int build_plain(void)
{
	return build_segments(0);
}

static int build_one(void)
{
	return build_segments(1);
}

/* A part of two documents. */
static int add_part(struct ix_spill *s, struct ix_batch *batch,
		    struct ix_engine *e, struct ix_document *d, uint32_t i)
{
	struct ix_id id = { { (uint8_t)i, (uint8_t)(i >> 8) } };
	struct ix_file *f;
	uint64_t bytes;
	int rc;

	rc = ix_spill_add(s, &f);
	if (rc)
		return rc;
	rc = ix_batch_start(batch, e, f);
	for (uint32_t k = 0; k < 2 && !rc; k++) {
		const char *text = texts[(2 * i + k) % DOCS];

		rc = ix_document_parse(d, text, strlen(text), 0);
		if (!rc)
			rc = ix_batch_add(batch, d);
	}
	if (!rc)
		rc = ix_batch_finish(batch, &id, 0, &bytes);
	ix_batch_abort(batch);
	ix_file_close(f);
	return rc;
}

static int merge_parts(struct ix_spill *s, struct ix_output *o, uint32_t parts,
		       struct ix_batch *batch, struct ix_engine *e)
{
	struct ix_id id = { "a segment's id" };
	struct ix_document d;
	uint32_t docs = 0;
	uint64_t bytes;
	int rc;

	rc = ix_document_init(&d, schema);
	for (uint32_t i = 0; i < parts && !rc; i++)
		rc = add_part(s, batch, e, &d, i);
	ix_document_release(&d);
	if (!rc)
		rc = ix_spill_merge(s, &id, &docs, &bytes);
	if (!rc)
		assert_int_equal(docs, 2 * parts);
	return rc ? rc : ix_output_publish(o, o->temp);
}

static int spill_parts(uint32_t parts)
{
	struct ix_engine_options eo = { .fan_in = 1 };
	struct ix_batch *batch = NULL;
	struct ix_engine *e = NULL;
	struct ix_output o;
	struct ix_spill s;
	int rc;

	rc = ix_output_open(&o, disk, "dir/s.seg");
	if (rc)
		return rc;
	ix_spill_init(&s, &o);
	rc = ix_engine_new(&eo, &e);
	if (!rc)
		rc = ix_batch_new(schema, &batch);
	if (!rc)
		rc = merge_parts(&s, &o, parts, batch, e);
	ix_batch_free(batch);
	ix_engine_free(e);
	ix_spill_release(&s);
	ix_output_close(&o);
	return rc;
}

static int spill_three_parts(void)
{
	return spill_parts(3);
}

/* ---- what is left ---- */

static int check_entry(void *ctx, const char *name, enum ix_file_type type)
{
	struct ix_verify_options v = { .level = IX_VERIFY_FULL };
	char path[64];
	struct ix_file *f;

	assert_int_equal(type, IX_TYPE_FILE);
	if (name[0] == '.')
		fail_msg("%s is left over", name);
	snprintf(path, sizeof(path), "dir/%s", name);
	assert_int_equal(ix_vfs_open(disk, path, IX_OPEN_READ, &f), 0);
	if (ix_segment_verify(f, path, &v, NULL))
		fail_msg("%s", ix_fail_text());
	ix_file_close(f);
	++*(uint32_t *)ctx;
	return 0;
}

/* All files are whole segments; their number. */
static uint32_t segments_left(void)
{
	uint32_t n = 0;

	assert_int_equal(ix_vfs_list(disk, "dir", check_entry, &n), 0);
	return n;
}

static void new_disk(void)
{
	assert_int_equal(ix_sim_new(&disk), 0);
	assert_int_equal(ix_vfs_mkdir(disk, "dir"), 0);
}

/* Fail every operation of `job`, which makes `segments`. `every`: of those
 * that can fail, only each so-manieth is tried. */
static void sweep_disk(int (*job)(void), uint32_t segments)
{
	for (int sticky = 0; sticky < 2; sticky++)
		for (uint64_t nth = 1;; nth++) {
			struct ix_sim *sim;
			int rc, hit;

			new_disk();
			sim = ix_sim_of(disk);
			ix_sim_fail(sim, FAULTS, nth, EIO, sticky);
			rc = job();
			hit = ix_sim_fault_hit(sim);
			ix_sim_fail(sim, 0, 0, 0, 0);
			/* A fault is reported, and nothing but a fault. */
			assert_int_equal(rc, hit ? -EIO : 0);
			if (!hit)
				assert_int_equal(segments_left(), segments);
			else
				assert_true(segments_left() <= segments);
			ix_vfs_free(disk);
			if (!hit) {
				assert_true(nth > 5);
				break;
			}
		}
}

static void sweep_memory(int (*job)(void), uint32_t segments)
{
	uint64_t total, step;

	new_disk();
	allocation_faults(0);
	assert_int_equal(job(), 0);
	ix_mem_fail_hook = NULL;
	total = allocations;
	assert_int_equal(segments_left(), segments);
	ix_vfs_free(disk);
	step = total / 1500 + 1;
	for (uint64_t nth = 1; nth <= total; nth += step) {
		int rc;

		new_disk();
		allocation_faults(nth);
		rc = job();
		ix_mem_fail_hook = NULL;
		/* Some lacks of memory can be lived with. */
		if (rc && rc != -ENOMEM)
			fail_msg("allocation %" PRIu64 ": %s: %s", nth,
				 ix_err_name(rc), ix_fail_text());
		assert_true(segments_left() <= segments);
		ix_vfs_free(disk);
	}
}

static void a_failing_disk_fails_the_build(void **state)
{
	(void)state;
	sweep_disk(build_plain, 3);
	sweep_disk(build_one, 3);
}

static void a_failing_disk_fails_the_merge_of_parts(void **state)
{
	(void)state;
	sweep_disk(spill_three_parts, 1);
}

static void lack_of_memory_fails_the_build(void **state)
{
	(void)state;
	sweep_memory(build_plain, 3);
	sweep_memory(build_one, 3);
}

static void lack_of_memory_fails_the_merge_of_parts(void **state)
{
	(void)state;
	sweep_memory(spill_three_parts, 1);
}

/* More parts than a merge takes at once. */
static void any_number_of_parts_can_be_merged(void **state)
{
	static const uint32_t counts[] = { 1, 2, 64, 65, 130 };

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		new_disk();
		if (spill_parts(counts[i]))
			fail_msg("%u parts: %s", counts[i], ix_fail_text());
		assert_int_equal(segments_left(), 1);
		ix_vfs_free(disk);
	}
}

/* The disk is full: the same, with another error. */
static void a_full_disk_fails_the_build(void **state)
{
	(void)state;
	for (uint64_t bytes = 0;; bytes += 4096) {
		int rc;

		new_disk();
		ix_sim_set_capacity(ix_sim_of(disk), bytes + 1);
		rc = build_plain();
		assert_true(rc == 0 || rc == -ENOSPC);
		assert_true(segments_left() == done_count);
		ix_vfs_free(disk);
		if (!rc)
			break;
	}
}

static int setup(void **state)
{
	struct test_mkseg dims = { .seed = 5 };
	struct ix_buf json = IX_BUF_INIT;

	(void)state;
	schema = test_mkseg_schema();
	for (uint32_t i = 0; i < DOCS; i++) {
		test_mkseg_document(&dims, i, &json);
		texts[i] = strdup(ix_buf_str(&json));
	}
	ix_buf_release(&json);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < DOCS; i++)
		free(texts[i]);
	ix_schema_free(schema);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_failing_disk_fails_the_build),
		cmocka_unit_test(a_full_disk_fails_the_build),
		cmocka_unit_test(lack_of_memory_fails_the_build),
		cmocka_unit_test(any_number_of_parts_can_be_merged),
		cmocka_unit_test(a_failing_disk_fails_the_merge_of_parts),
		cmocka_unit_test(lack_of_memory_fails_the_merge_of_parts),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
