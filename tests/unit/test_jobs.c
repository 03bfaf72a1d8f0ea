/* SPDX-License-Identifier: MIT */
/*
 * Goal: every job runs once; jobs that wait for a running job do not keep
 * others from running; what is queued at the end is still run.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "fs/jobs.h"

static atomic_int ran;
static pthread_barrier_t barrier;

struct job {
	struct ixfs_job head;
	atomic_int runs;
};

static void run_once(struct ixfs *fs, struct ixfs_job *job)
{
	assert_null(fs);
	assert_int_equal(atomic_fetch_add(&((struct job *)job)->runs, 1), 0);
	atomic_fetch_add(&ran, 1);
}

static void run_together(struct ixfs *fs, struct ixfs_job *job)
{
	(void)fs;
	(void)job;
	/* Passes only if that many run at the same time. */
	pthread_barrier_wait(&barrier);
	atomic_fetch_add(&ran, 1);
}

#define SUBMITTERS 4
#define EACH       2000

static struct ixfs_jobs *jobs;
static struct job all[SUBMITTERS][EACH];

static void *submit(void *arg)
{
	struct job *mine = arg;

	for (int i = 0; i < EACH; i++) {
		mine[i].head.run = run_once;
		ixfs_jobs_submit(jobs, &mine[i].head);
	}
	return NULL;
}

static void every_job_runs_once(void **state)
{
	pthread_t threads[SUBMITTERS];

	(void)state;
	ran = 0;
	assert_int_equal(ixfs_jobs_new(NULL, &jobs), 0);
	assert_int_equal(ixfs_jobs_threads(jobs), 0);
	for (int i = 0; i < SUBMITTERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, submit,
						all[i]),
				 0);
	for (int i = 0; i < SUBMITTERS; i++)
		pthread_join(threads[i], NULL);
	ixfs_jobs_free(jobs); /* runs what is left */
	assert_int_equal(ran, SUBMITTERS * EACH);
}

static void jobs_run_side_by_side(void **state)
{
	enum {
		N = 16
	};
	struct job together[N] = { 0 };

	(void)state;
	ran = 0;
	pthread_barrier_init(&barrier, NULL, N);
	assert_int_equal(ixfs_jobs_new(NULL, &jobs), 0);
	for (int i = 0; i < N; i++) {
		together[i].head.run = run_together;
		ixfs_jobs_submit(jobs, &together[i].head);
	}
	ixfs_jobs_free(jobs);
	assert_int_equal(ran, N);
	pthread_barrier_destroy(&barrier);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_job_runs_once),
		cmocka_unit_test(jobs_run_side_by_side),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
