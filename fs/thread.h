/* SPDX-License-Identifier: MIT */
/*
 * thread: the only way fs/ starts threads.
 *
 * Every signal is blocked in them, so that SIGTERM, SIGINT and SIGHUP reach
 * the main thread, whose sleep in the session's loop they must interrupt.
 */
#ifndef IXFS_THREAD_H
#define IXFS_THREAD_H

#include <pthread.h>

/* 0 or -errno; the thread is joined by pthread_join. */
int ixfs_thread_start(pthread_t *threadp, void *(*run)(void *), void *arg);

#endif
