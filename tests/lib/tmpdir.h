/* SPDX-License-Identifier: MIT */
/*
 * tmpdir: a private directory for one test.
 *
 *	char dir[TEST_PATH_MAX];
 *	test_tmpdir_make(dir);
 *	...
 *	test_tmpdir_remove(dir);
 *
 * It lies below $IX_TMPDIR, else $TMPDIR, else /tmp. Failures end the test
 * program: no test can go on without its directory. With IX_KEEP set in the
 * environment the directory is kept and its name printed.
 */
#ifndef IX_TESTS_TMPDIR_H
#define IX_TESTS_TMPDIR_H

#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEST_PATH_MAX 4096

/* Make a new empty directory, mode 0700; its absolute name goes to `dir`. */
static inline void test_tmpdir_make(char dir[TEST_PATH_MAX])
{
	const char *base = getenv("IX_TMPDIR");
	char real[PATH_MAX];

	if (!base || !*base)
		base = getenv("TMPDIR");
	if (!base || !*base)
		base = "/tmp";
	if (!realpath(base, real) ||
	    snprintf(dir, TEST_PATH_MAX, "%.4000s/ixfs-test-XXXXXX", real) <
		    0 ||
	    !mkdtemp(dir)) {
		perror(base);
		abort();
	}
}

static inline int test_tmpdir_entry(const char *path, const struct stat *st,
				    int type, struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	if (type == FTW_DNR)
		(void)chmod(path, 0700);
	if (remove(path))
		perror(path);
	return 0;
}

/* Remove it with everything inside; never crosses a mount point. */
static inline void test_tmpdir_remove(const char *dir)
{
	if (getenv("IX_KEEP")) {
		printf("kept: %s\n", dir);
		return;
	}
	nftw(dir, test_tmpdir_entry, 32, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* "dir/name" into `out`. Returns `out`. */
static inline char *test_path(char out[TEST_PATH_MAX], const char *dir,
			      const char *name)
{
	int n = snprintf(out, TEST_PATH_MAX, "%s/%s", dir, name);

	if (n < 0 || n >= TEST_PATH_MAX)
		abort();
	return out;
}

#endif
