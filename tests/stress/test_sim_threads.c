/* SPDX-License-Identifier: MIT */
/*
 * Goal: a simulated disk may be used by many threads at once. Method: threads
 * work on shared and on own files while one looks at crash states; at the end
 * each own file must hold what its thread wrote last, and the disk's space must
 * add up. Run it under ThreadSanitizer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "core/base/err.h"
#include "core/io/sim.h"
#include "tests/lib/seed.h"

#define THREADS 4
#define ROUNDS  400

static uint64_t seed;

struct worker {
	pthread_t thread;
	struct ix_vfs *v;
	int number;
	uint64_t last;
	int failed;
};

/* Steps on files everybody touches: any of these results is right. */
static int shared_step(struct ix_vfs *v, struct test_rng *r)
{
	uint64_t value = test_rand(r);
	struct ix_file *f;
	struct ix_stat st;
	int rc;

	switch (test_rand_below(r, 6)) {
	case 0:
		rc = ix_vfs_open(v, "s0", IX_OPEN_WRITE | IX_OPEN_CREATE, &f);
		if (rc)
			return rc;
		rc = ix_file_write(f, &value, 8, value % 2000);
		ix_file_close(f);
		return rc;
	case 1:
		rc = ix_vfs_rename(v, "s0", "s1");
		break;
	case 2:
		rc = ix_vfs_unlink(v, "s1");
		break;
	case 3:
		rc = ix_vfs_sync_dir(v, "");
		break;
	case 4:
		rc = ix_vfs_stat(v, "s1", &st);
		break;
	default:
		rc = ix_vfs_lock(v, "L", IX_LOCK_EXCLUSIVE, 1, &f);
		if (!rc)
			ix_file_close(f);
		return rc == -EWOULDBLOCK ? 0 : rc;
	}
	return rc == -ENOENT ? 0 : rc;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct test_rng r;
	char own[32];
	char tmp[32];

	test_rng_init(&r, seed + (uint64_t)w->number);
	snprintf(own, sizeof(own), "own%d", w->number);
	snprintf(tmp, sizeof(tmp), "tmp%d", w->number);
	for (int i = 0; i < ROUNDS && !w->failed; i++) {
		struct ix_file *f;

		w->last = test_rand(&r);
		w->failed |= ix_vfs_open(w->v, tmp,
					 IX_OPEN_WRITE | IX_OPEN_CREATE, &f) ||
			     ix_file_write(f, &w->last, 8, 0) ||
			     ix_file_sync(f);
		ix_file_close(f);
		w->failed |= ix_vfs_rename(w->v, tmp, own);
		w->failed |= shared_step(w->v, &r);
	}
	return NULL;
}

static void *look(void *arg)
{
	struct worker *w = arg;

	for (uint64_t i = 0; i < 60; i++) {
		struct ix_sim *s = ix_sim_of(w->v);
		struct ix_vfs *copy;
		struct ix_space sp;

		if (ix_sim_crash_states(s, 20) == 0 ||
		    ix_sim_crash_state(s, 20, i % 20, seed, &copy))
			w->failed = 1;
		else if (ix_vfs_space(copy, &sp))
			w->failed = 1;
		else
			ix_vfs_free(copy);
	}
	return NULL;
}

static void threads_share_a_disk(void **state)
{
	struct worker w[THREADS + 1] = { 0 };
	uint64_t bytes = 0;
	struct ix_stat st;
	struct ix_space sp;
	struct ix_vfs *v;

	(void)state;
	assert_int_equal(ix_sim_new(&v), 0);
	for (int i = 0; i <= THREADS; i++) {
		w[i].v = v;
		w[i].number = i;
		assert_int_equal(pthread_create(&w[i].thread, NULL,
						i < THREADS ? work : look,
						&w[i]),
				 0);
	}
	for (int i = 0; i <= THREADS; i++) {
		assert_int_equal(pthread_join(w[i].thread, NULL), 0);
		assert_int_equal(w[i].failed, 0);
	}
	for (int i = 0; i < THREADS; i++) {
		struct ix_file *f;
		uint64_t value;
		char own[32];

		snprintf(own, sizeof(own), "own%d", i);
		assert_int_equal(ix_vfs_open(v, own, IX_OPEN_READ, &f), 0);
		assert_int_equal(ix_file_read(f, &value, 8, 0), 8);
		assert_true(value == w[i].last);
		ix_file_close(f);
		bytes += 8;
	}
	if (!ix_vfs_stat(v, "s0", &st))
		bytes += st.size;
	if (!ix_vfs_stat(v, "s1", &st))
		bytes += st.size;
	assert_int_equal(ix_vfs_space(v, &sp), 0);
	assert_int_equal(sp.total_bytes - sp.free_bytes, bytes);
	ix_vfs_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_share_a_disk),
	};

	seed = test_seed();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
