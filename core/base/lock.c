/* SPDX-License-Identifier: MIT */
#include "core/base/lock.h"

#include <assert.h>
#include <errno.h>
#include <time.h>

/* A mutex operation on a live mutex fails only through a bug of ours. */
static void must(int rc)
{
	assert(rc == 0);
	(void)rc;
}

int ix_mutex_init(struct ix_mutex *m)
{
	return -pthread_mutex_init(&m->m, NULL);
}

void ix_mutex_release(struct ix_mutex *m)
{
	must(pthread_mutex_destroy(&m->m));
}

IX_NO_THREAD_SAFETY
void ix_mutex_lock(struct ix_mutex *m)
{
	must(pthread_mutex_lock(&m->m));
}

IX_NO_THREAD_SAFETY
void ix_mutex_unlock(struct ix_mutex *m)
{
	must(pthread_mutex_unlock(&m->m));
}

int ix_cond_init(struct ix_cond *c)
{
	pthread_condattr_t attr;
	int rc = pthread_condattr_init(&attr);

	if (rc)
		return -rc;
	rc = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	if (!rc)
		rc = pthread_cond_init(&c->c, &attr);
	pthread_condattr_destroy(&attr);
	return -rc;
}

void ix_cond_release(struct ix_cond *c)
{
	must(pthread_cond_destroy(&c->c));
}

void ix_cond_wait(struct ix_cond *c, struct ix_mutex *m)
{
	must(pthread_cond_wait(&c->c, &m->m));
}

int ix_cond_wait_until(struct ix_cond *c, struct ix_mutex *m,
		       uint64_t deadline_ns)
{
	struct timespec ts = {
		.tv_sec = (time_t)(deadline_ns / 1000000000),
		.tv_nsec = (long)(deadline_ns % 1000000000),
	};
	int rc = pthread_cond_timedwait(&c->c, &m->m, &ts);

	assert(rc == 0 || rc == ETIMEDOUT);
	return -rc;
}

void ix_cond_signal(struct ix_cond *c)
{
	must(pthread_cond_signal(&c->c));
}

void ix_cond_broadcast(struct ix_cond *c)
{
	must(pthread_cond_broadcast(&c->c));
}

uint64_t ix_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}
