/* SPDX-License-Identifier: MIT */
/*
 * corpus: tests that make good inputs for a fuzzer keep them when the
 * environment variable IX_CORPUS names a directory (tests/fuzz/corpus): one
 * file for each noun and name.
 */
#ifndef IX_TESTS_CORPUS_H
#define IX_TESTS_CORPUS_H

#include <stdio.h>
#include <stdlib.h>

static inline void test_corpus_keep(const char *noun, const char *name,
				    const void *data, size_t n)
{
	const char *dir = getenv("IX_CORPUS");
	char path[4096];
	FILE *f;

	if (!dir || !*dir)
		return;
	snprintf(path, sizeof(path), "%s/%s/%s", dir, noun, name);
	f = fopen(path, "wb");
	if (!f || fwrite(data, 1, n, f) != n || fclose(f)) {
		perror(path);
		abort();
	}
}

#endif
