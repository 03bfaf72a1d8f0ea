/* SPDX-License-Identifier: MIT */
/*
 * jobs: threads that carry out what takes long, so that no thread that
 * receives requests ever waits: verdicts, commits, syncs, and requests that
 * must wait for a verdict. The job replies to the request itself.
 *
 * Threads are made as needed, up to a bound, and go away when idle: as many
 * commits as writers must be under way at once, or the journal could not put
 * them into one sync. A job may wait for another job that already runs, never
 * for one that is still queued.
 */
#ifndef IXFS_JOBS_H
#define IXFS_JOBS_H

#include <stddef.h>

struct ixfs;
struct ixfs_jobs;

/* Embedded in the noun's own structure, which owns it; run() frees that. */
struct ixfs_job {
	void (*run)(struct ixfs *fs, struct ixfs_job *job);
	struct ixfs_job *next; /* owned by jobs.c while queued */
};

/* No thread is made before the first job. 0 or -errno. */
int ixfs_jobs_new(struct ixfs *fs, struct ixfs_jobs **jobsp);

/* Queue a job; it runs on one of the threads. If no thread at all can be made
 * it runs here and now, in the caller. Any thread. */
void ixfs_jobs_submit(struct ixfs_jobs *j, struct ixfs_job *job);

/* Run everything that is queued, join the threads, free. NULL allowed. */
void ixfs_jobs_free(struct ixfs_jobs *j);

/* For statistics: threads that exist now. */
size_t ixfs_jobs_threads(struct ixfs_jobs *j);

#endif
