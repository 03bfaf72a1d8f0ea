/* SPDX-License-Identifier: MIT */
/*
 * mem: the only way core/ allocates memory.
 *
 * Thin wrappers over malloc with overflow-checked sizes. Tests set a hook
 * that makes the Nth allocation fail, so that every error path for a lack of
 * memory can be walked. All functions may be called from any thread.
 */
#ifndef IX_BASE_MEM_H
#define IX_BASE_MEM_H

#include <stddef.h>

/* `size` bytes, uninitialised; NULL when there are none. Size 0 gives a
 * valid unique pointer. The caller owns the result (ix_free). */
void *ix_malloc(size_t size) __attribute__((malloc, warn_unused_result));

/* `count` zeroed elements of `size` bytes; NULL on overflow or no memory. */
void *ix_calloc(size_t count, size_t size)
	__attribute__((malloc, warn_unused_result));

/* Resize to `count` elements of `size` bytes; NULL leaves `p` untouched. */
void *ix_realloc(void *p, size_t count, size_t size)
	__attribute__((warn_unused_result));

/* A copy of `n` bytes with a NUL behind it; NULL when there is no memory. `s`
 * may be NULL when `n` is 0. */
char *ix_strndup(const char *s, size_t n)
	__attribute__((malloc, warn_unused_result));
char *ix_strdup(const char *s) __attribute__((malloc, warn_unused_result));

/* Release; NULL is allowed. */
void ix_free(void *p);

/*
 * Grow an array to hold at least `need` elements, at least by half, so that
 * appending is amortised O(1). `*arrayp` and `*capp` (elements) are updated.
 * Returns 0 or -ENOMEM (nothing changed).
 */
int ix_grow(void *arrayp, size_t *capp, size_t need, size_t size);

/* For tests: called before each allocation; true makes it fail. NULL = off.
 * Set it while no other thread allocates. */
extern int (*ix_mem_fail_hook)(void);

#endif
