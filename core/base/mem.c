/* SPDX-License-Identifier: MIT */
#include "core/base/mem.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int (*ix_mem_fail_hook)(void);

static int refused(void)
{
	return ix_mem_fail_hook && ix_mem_fail_hook();
}

void *ix_malloc(size_t size)
{
	return refused() ? NULL : malloc(size ? size : 1);
}

void *ix_calloc(size_t count, size_t size)
{
	size_t bytes;

	if (refused() || __builtin_mul_overflow(count, size, &bytes))
		return NULL;
	return calloc(1, bytes ? bytes : 1);
}

void *ix_realloc(void *p, size_t count, size_t size)
{
	size_t bytes;

	if (refused() || __builtin_mul_overflow(count, size, &bytes))
		return NULL;
	return realloc(p, bytes ? bytes : 1);
}

char *ix_strndup(const char *s, size_t n)
{
	char *copy = n == SIZE_MAX ? NULL : ix_malloc(n + 1);

	if (!copy)
		return NULL;
	if (n)
		memcpy(copy, s, n);
	copy[n] = '\0';
	return copy;
}

char *ix_strdup(const char *s)
{
	return ix_strndup(s, strlen(s));
}

void ix_free(void *p)
{
	free(p);
}

int ix_grow(void *arrayp, size_t *capp, size_t need, size_t size)
{
	size_t cap = *capp;
	void *p;

	if (need <= cap)
		return 0;
	cap = cap < 8 ? 8 : cap + cap / 2;
	if (cap < need)
		cap = need;
	memcpy(&p, arrayp, sizeof(p));
	p = ix_realloc(p, cap, size);
	if (!p)
		return -ENOMEM;
	memcpy(arrayp, &p, sizeof(p));
	*capp = cap;
	return 0;
}
