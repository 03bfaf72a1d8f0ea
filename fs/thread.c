/* SPDX-License-Identifier: MIT */
#include "fs/thread.h"

#include <signal.h>
#include <stddef.h>

/* Address space, not memory: verification runs on these stacks. */
#define STACK_BYTES ((size_t)1 << 20)

int ixfs_thread_start(pthread_t *threadp, void *(*run)(void *), void *arg)
{
	pthread_attr_t attr;
	sigset_t all;
	sigset_t old;
	int rc;

	rc = pthread_attr_init(&attr);
	if (rc)
		return -rc;
	rc = pthread_attr_setstacksize(&attr, STACK_BYTES);
	if (!rc) {
		/* A thread inherits the mask of its maker. */
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &old);
		rc = pthread_create(threadp, &attr, run, arg);
		pthread_sigmask(SIG_SETMASK, &old, NULL);
	}
	pthread_attr_destroy(&attr);
	return -rc;
}
