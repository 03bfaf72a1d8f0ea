/* SPDX-License-Identifier: MIT */
/*
 * Goal: a copy job through sources and a sink reports every fault, and never
 * claims success for bytes that are not there. Method: the job runs over a
 * simulated disk; the Nth open, read, write, truncate or sync fails, for every
 * N until the job ends without meeting the fault; on both engines, with whole,
 * and with short, reordered and repeated completions. Then the same for a full
 * disk, for lack of memory, and for a machine that stops.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/io/engine.h"
#include "core/io/sim.h"
#include "tests/lib/seed.h"

#define SOURCES     3
#define FILE_BYTES  ((size_t)300001)
#define TOTAL_BYTES (SOURCES * FILE_BYTES)

static uint64_t seed;
static uint8_t *bytes; /* of all sources, one behind the other */

static const struct job_config {
	const char *name;
	const struct ix_engine_ops *ops;
	unsigned completions;
	unsigned open_flags;
} configs[] = {
	{ "sync", &ix_engine_sync_ops, 0, 0 },
	{ "sync direct", &ix_engine_sync_ops, 0, IX_OPEN_DIRECT },
	{ "uring", &ix_engine_simulated_ops, 0, 0 },
	{ "uring, hostile", &ix_engine_simulated_ops,
	  IX_SIM_SHORT | IX_SIM_REORDER | IX_SIM_AGAIN, 0 },
	{ "uring direct, hostile", &ix_engine_simulated_ops,
	  IX_SIM_SHORT | IX_SIM_REORDER | IX_SIM_AGAIN, IX_OPEN_DIRECT },
};

#define CONFIGS (sizeof(configs) / sizeof(configs[0]))

static void make_sources(struct ix_vfs *v)
{
	for (size_t i = 0; i < SOURCES; i++) {
		struct ix_file *f;
		char name[32];

		snprintf(name, sizeof(name), "in%zu", i);
		assert_int_equal(ix_vfs_open(v, name,
					     IX_OPEN_WRITE | IX_OPEN_CREATE,
					     &f),
				 0);
		assert_int_equal(ix_file_write(f, bytes + i * FILE_BYTES,
					       FILE_BYTES, 0),
				 0);
		assert_int_equal(ix_file_sync(f), 0);
		ix_file_close(f);
	}
	assert_int_equal(ix_vfs_sync_dir(v, ""), 0);
}

/* Copy all inputs into "out", in pieces from each in turn, as a merge does
 * section by section. */
static int copy_pieces(struct ix_source *s[SOURCES], struct ix_sink *to)
{
	for (size_t i = 0; i < SOURCES; i++) {
		size_t left = FILE_BYTES;

		while (left) {
			size_t n = left < 70003 ? left : 70003;
			int rc = ix_stream_copy(s[i], to, n);

			if (rc)
				return rc;
			left -= n;
		}
	}
	return 0;
}

static int job(struct ix_vfs *v, const struct job_config *c)
{
	struct ix_engine_options o = { .arena_bytes = 1, .fan_in = SOURCES };
	struct ix_source *s[SOURCES] = { NULL };
	struct ix_file *in[SOURCES] = { NULL };
	struct ix_engine *e = NULL;
	struct ix_file *out = NULL;
	struct ix_sink *to = NULL;
	int rc;

	rc = ix_engine_new_ops(&o, c->ops, &e);
	if (rc)
		goto out;
	for (size_t i = 0; i < SOURCES; i++) {
		char name[32];

		snprintf(name, sizeof(name), "in%zu", i);
		rc = ix_vfs_open(v, name, IX_OPEN_READ | c->open_flags, &in[i]);
		if (!rc)
			rc = ix_source_open(e, in[i], 0, FILE_BYTES, NULL, NULL,
					    &s[i]);
		if (rc)
			goto out;
	}
	rc = ix_vfs_open(v, "out",
			 IX_OPEN_WRITE | IX_OPEN_CREATE | c->open_flags, &out);
	if (!rc)
		rc = ix_sink_open(e, out, &to);
	if (!rc)
		rc = copy_pieces(s, to);
	if (!rc)
		rc = ix_sink_finish(to, 1);
	if (!rc)
		rc = ix_vfs_sync_dir(v, "");
out:
	for (size_t i = 0; i < SOURCES; i++) {
		ix_source_close(s[i]);
		ix_file_close(in[i]);
	}
	ix_sink_close(to);
	ix_file_close(out);
	ix_engine_free(e);
	return rc;
}

static int output_is_right(struct ix_vfs *v)
{
	uint8_t *back = malloc(TOTAL_BYTES + 1);
	struct ix_file *f;
	int right = 0;

	if (!ix_vfs_open(v, "out", IX_OPEN_READ, &f)) {
		right = ix_file_read(f, back, TOTAL_BYTES + 1, 0) ==
				(ssize_t)TOTAL_BYTES &&
			!memcmp(back, bytes, TOTAL_BYTES);
		ix_file_close(f);
	}
	free(back);
	return right;
}

static struct ix_vfs *new_disk(const struct job_config *c)
{
	struct ix_vfs *v;

	assert_int_equal(ix_sim_new(&v), 0);
	make_sources(v);
	ix_sim_set_completions(ix_sim_of(v), seed, c->completions);
	return v;
}

static void every_fault_is_reported(void **state)
{
	static const unsigned ops[] = { IX_SIM_OPEN,  IX_SIM_READ,
					IX_SIM_WRITE, IX_SIM_TRUNCATE,
					IX_SIM_SYNC,  IX_SIM_SYNC_DIR };
	static const int errors[] = { EIO, ENOSPC, EDQUOT };

	(void)state;
	for (size_t i = 0; i < CONFIGS; i++) {
		struct ix_vfs *v = new_disk(&configs[i]);
		struct ix_sim *s = ix_sim_of(v);
		unsigned faults = 0;

		for (size_t k = 0; k < sizeof(ops) / sizeof(*ops); k++) {
			for (uint64_t nth = 1;; nth++) {
				int error = errors[(k + nth) % 3];
				int rc;

				ix_sim_fail(s, ops[k], nth, error, nth % 2);
				ix_fail_clear();
				rc = job(v, &configs[i]);
				if (!ix_sim_fault_hit(s)) {
					ix_sim_fail(s, 0, 0, 0, 0);
					assert_int_equal(rc, 0);
					assert_true(output_is_right(v));
					assert_true(nth > 1);
					break;
				}
				faults++;
				assert_int_equal(rc, -error);
				assert_non_null(strstr(ix_fail_text(), "\""));
				ix_sim_fail(s, 0, 0, 0, 0);
				/* Nothing sticks: the next try succeeds. */
				if (nth % 8 == 1) {
					assert_int_equal(job(v, &configs[i]),
							 0);
					assert_true(output_is_right(v));
				}
			}
		}
		print_message("%s: %u faults\n", configs[i].name, faults);
		ix_vfs_free(v);
	}
}

static void a_full_disk_is_reported(void **state)
{
	(void)state;
	for (size_t i = 0; i < CONFIGS; i++) {
		for (uint64_t room = 0; room < 2; room++) {
			struct ix_vfs *v = new_disk(&configs[i]);
			/* One byte too few, or enough for a padded end. */
			uint64_t bound = 2 * TOTAL_BYTES + 4096 * room - !room;

			ix_sim_set_capacity(ix_sim_of(v), bound);
			assert_int_equal(job(v, &configs[i]),
					 room ? 0 : -ENOSPC);
			assert_int_equal(output_is_right(v), room);
			ix_vfs_free(v);
		}
	}
}

static uint64_t allocs_left;

static int fail_after(void)
{
	return allocs_left-- == 0;
}

static void lack_of_memory_is_reported(void **state)
{
	(void)state;
	for (size_t i = 0; i < CONFIGS; i++) {
		struct ix_vfs *v = new_disk(&configs[i]);
		int rc = -ENOMEM;

		for (uint64_t n = 0; rc == -ENOMEM; n++) {
			assert_true(n < 100);
			allocs_left = n;
			ix_mem_fail_hook = fail_after;
			rc = job(v, &configs[i]);
			ix_mem_fail_hook = NULL;
		}
		assert_int_equal(rc, 0);
		assert_true(output_is_right(v));
		ix_vfs_free(v);
	}
}

/* What was acknowledged is there after a crash, whenever it comes. */
static void a_finished_job_is_durable(void **state)
{
	(void)state;
	for (size_t i = 0; i < CONFIGS; i++) {
		unsigned crashes = 0;
		int crashed = 1;

		for (uint64_t nth = 1; crashed; nth++) {
			struct ix_vfs *v = new_disk(&configs[i]);
			struct ix_sim *s = ix_sim_of(v);
			uint64_t states;
			int rc;

			ix_sim_crash_at(s, nth);
			rc = job(v, &configs[i]);
			crashed = ix_sim_crashed(s);
			crashes += crashed;
			assert_int_equal(rc, crashed ? -EIO : 0);
			states = ix_sim_crash_states(s, 4);
			if (!crashed)
				assert_int_equal(states, 1);
			for (uint64_t k = 0; k < states; k++) {
				struct ix_vfs *w;

				assert_int_equal(ix_sim_crash_state(s, 4, k,
								    seed, &w),
						 0);
				assert_true(rc || output_is_right(w));
				ix_vfs_free(w);
			}
			ix_vfs_free(v);
		}
		assert_true(crashes > 3);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_fault_is_reported),
		cmocka_unit_test(a_full_disk_is_reported),
		cmocka_unit_test(lack_of_memory_is_reported),
		cmocka_unit_test(a_finished_job_is_durable),
	};
	struct test_rng r;
	int rc;

	seed = test_seed();
	test_rng_init(&r, seed);
	bytes = malloc(TOTAL_BYTES);
	test_rand_bytes(&r, bytes, TOTAL_BYTES);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	free(bytes);
	return rc;
}
