/* SPDX-License-Identifier: MIT */
#include "fs/jobs.h"

#include <errno.h>
#include <stdint.h>

#include "core/base/lock.h"
#include "core/base/mem.h"
#include "fs/thread.h"

#define THREADS_MAX ((size_t)64)
#define IDLE_NS     ((uint64_t)10 * 1000000000)

struct ixfs_jobs {
	struct ixfs *fs; /* borrowed; handed to the jobs */
	struct ix_mutex lock;
	struct ix_cond work; /* a job was queued, or stopping */
	struct ix_cond left; /* a thread ended */
	struct ixfs_job *first IX_GUARDED_BY(lock);
	struct ixfs_job **last IX_GUARDED_BY(lock);
	size_t queued IX_GUARDED_BY(lock);
	size_t threads IX_GUARDED_BY(lock);
	size_t idle IX_GUARDED_BY(lock); /* of them waiting for work */
	/* The thread that ended last; the next one to end joins it, so that
	 * at most one is left over. */
	pthread_t ended IX_GUARDED_BY(lock);
	int have_ended IX_GUARDED_BY(lock);
	int stopping IX_GUARDED_BY(lock);
};

static struct ixfs_job *take_locked(struct ixfs_jobs *j)
{
	struct ixfs_job *job = j->first;

	if (!job)
		return NULL;
	j->first = job->next;
	if (!j->first)
		j->last = &j->first;
	j->queued--;
	job->next = NULL;
	return job;
}

/* Wait for a job; NULL when the thread should end. */
static struct ixfs_job *wait_locked(struct ixfs_jobs *j)
{
	uint64_t deadline = ix_now_ns() + IDLE_NS;
	struct ixfs_job *job;
	int rc = 0;

	j->idle++;
	while (!(job = take_locked(j)) && !j->stopping && rc != -ETIMEDOUT)
		rc = ix_cond_wait_until(&j->work, &j->lock, deadline);
	j->idle--;
	return job;
}

static void *work(void *arg)
{
	struct ixfs_jobs *j = arg;
	struct ixfs_job *job;
	pthread_t other = pthread_self();
	int join;

	ix_mutex_lock(&j->lock);
	while ((job = wait_locked(j))) {
		ix_mutex_unlock(&j->lock);
		job->run(j->fs, job);
		ix_mutex_lock(&j->lock);
	}
	join = j->have_ended;
	if (join)
		other = j->ended;
	j->ended = pthread_self();
	j->have_ended = 1;
	j->threads--;
	ix_cond_broadcast(&j->left);
	ix_mutex_unlock(&j->lock);
	if (join)
		pthread_join(other, NULL);
	return NULL;
}

int ixfs_jobs_new(struct ixfs *fs, struct ixfs_jobs **jobsp)
{
	struct ixfs_jobs *j = ix_calloc(1, sizeof(*j));
	int rc;

	*jobsp = NULL;
	if (!j)
		return -ENOMEM;
	j->fs = fs;
	j->last = &j->first;
	rc = ix_mutex_init(&j->lock);
	if (rc)
		goto out_free;
	rc = ix_cond_init(&j->work);
	if (rc)
		goto out_lock;
	rc = ix_cond_init(&j->left);
	if (rc)
		goto out_work;
	*jobsp = j;
	return 0;

out_work:
	ix_cond_release(&j->work);
out_lock:
	ix_mutex_release(&j->lock);
out_free:
	ix_free(j);
	return rc;
}

void ixfs_jobs_submit(struct ixfs_jobs *j, struct ixfs_job *job)
{
	pthread_t thread;
	int spawn;
	int alone = 0;

	ix_mutex_lock(&j->lock);
	job->next = NULL;
	*j->last = job;
	j->last = &job->next;
	j->queued++;
	spawn = j->queued > j->idle && j->threads < THREADS_MAX;
	j->threads += (size_t)spawn;
	ix_cond_signal(&j->work);
	ix_mutex_unlock(&j->lock);
	if (!spawn || !ixfs_thread_start(&thread, work, j))
		return;
	/* No thread to be had. Others will do it, unless there are none. */
	ix_mutex_lock(&j->lock);
	alone = --j->threads == 0;
	job = alone ? take_locked(j) : NULL;
	ix_mutex_unlock(&j->lock);
	if (job)
		job->run(j->fs, job);
}

void ixfs_jobs_free(struct ixfs_jobs *j)
{
	if (!j)
		return;
	ix_mutex_lock(&j->lock);
	j->stopping = 1;
	ix_cond_broadcast(&j->work);
	while (j->threads)
		ix_cond_wait(&j->left, &j->lock);
	ix_mutex_unlock(&j->lock);
	/* It joins the one before it, and so on. */
	if (j->have_ended)
		pthread_join(j->ended, NULL);
	ix_cond_release(&j->left);
	ix_cond_release(&j->work);
	ix_mutex_release(&j->lock);
	ix_free(j);
}

size_t ixfs_jobs_threads(struct ixfs_jobs *j)
{
	size_t n;

	ix_mutex_lock(&j->lock);
	n = j->threads;
	ix_mutex_unlock(&j->lock);
	return n;
}
