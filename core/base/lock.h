/* SPDX-License-Identifier: MIT */
/*
 * lock: a mutex and a condition variable that cannot fail, with clang's
 * thread-safety annotations
 * (https://clang.llvm.org/docs/ThreadSafetyAnalysis.html).
 *
 * A field guarded by a lock is declared with IX_GUARDED_BY(lock) (checked by
 * clang 19 with -fexperimental-late-parse-attributes; documentation
 * elsewhere); a function that needs the lock ends in _locked and carries
 * IX_REQUIRES(lock).
 */
#ifndef IX_BASE_LOCK_H
#define IX_BASE_LOCK_H

#include <pthread.h>
#include <stdint.h>

#if defined(__clang__)
# define IX_CAPABILITY(x)    __attribute__((capability(x)))
# define IX_ACQUIRES(...)    __attribute__((acquire_capability(__VA_ARGS__)))
# define IX_RELEASES(...)    __attribute__((release_capability(__VA_ARGS__)))
# define IX_REQUIRES(...)    __attribute__((requires_capability(__VA_ARGS__)))
# define IX_NO_THREAD_SAFETY __attribute__((no_thread_safety_analysis))
#else
# define IX_CAPABILITY(x)
# define IX_ACQUIRES(...)
# define IX_RELEASES(...)
# define IX_REQUIRES(...)
# define IX_NO_THREAD_SAFETY
#endif
#if defined(IX_LATE_PARSED_ATTRIBUTES)
# define IX_GUARDED_BY(lock) __attribute__((guarded_by(lock)))
#else
# define IX_GUARDED_BY(lock)
#endif

struct IX_CAPABILITY("mutex") ix_mutex {
	pthread_mutex_t m;
};

struct ix_cond {
	pthread_cond_t c; /* on CLOCK_MONOTONIC */
};

/* Initialise; 0 or -errno (only for lack of resources). */
int ix_mutex_init(struct ix_mutex *m);
void ix_mutex_release(struct ix_mutex *m);
void ix_mutex_lock(struct ix_mutex *m) IX_ACQUIRES(m);
void ix_mutex_unlock(struct ix_mutex *m) IX_RELEASES(m);

int ix_cond_init(struct ix_cond *c);
void ix_cond_release(struct ix_cond *c);
void ix_cond_wait(struct ix_cond *c, struct ix_mutex *m) IX_REQUIRES(m);

/* Wait until signalled or until the monotonic time `deadline_ns`
 * (ix_now_ns); returns 0, or -ETIMEDOUT. */
int ix_cond_wait_until(struct ix_cond *c, struct ix_mutex *m,
		       uint64_t deadline_ns) IX_REQUIRES(m);
void ix_cond_signal(struct ix_cond *c);
void ix_cond_broadcast(struct ix_cond *c);

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t ix_now_ns(void);

#endif
