/* SPDX-License-Identifier: MIT */
/*
 * Goal: operations on the same few names and contents from many threads, with
 * merges and pins in between, leave an index whose every segment is whole, in
 * which nothing is doubled, and which memory and disk tell alike (S-15 .. S-17,
 * S-32). Under TSan it also shows that nothing is shared without a lock.
 *
 * Method: THREADS threads do random operations for IX_STRESS_MS on CONTENTS
 * contents and NAMES names. At any time no content may be live twice: leaves
 * are unique, so that the documents never exceed those of all contents. At the
 * end the index is opened again and compared.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "tests/lib/indexes.h"
#include "tests/lib/seed.h"

#define THREADS  6u
#define CONTENTS 12u
#define NAMES    16u

static struct ix_index *ix;
static atomic_int stop;
static atomic_ulong done[8];

static void name_of(uint64_t k, char out[16])
{
	snprintf(out, 16, "n%u.seg", (unsigned)(k % NAMES));
}

static int is_expected(int rc)
{
	return !rc || rc == -ENOENT || rc == -EPERM || rc == -IX_EEXISTS ||
	       rc == -IX_EOVERLAP || rc == -ESTALE || rc == -EEXIST;
}

/* Every thread writes to a file of its own: the daemon freezes what it
 * registers, too. */
static int deliver(struct test_rng *r, unsigned thread)
{
	struct ix_register_result result;
	struct ix_registration g = { .mtime_ns = 5 };
	char path[40], name[16];

	snprintf(path, sizeof(path), "staging/t%u", thread);
	name_of(test_rand(r), name);
	test_put(ix->vfs, path,
		 test_seg((unsigned)test_rand_below(r, CONTENTS)));
	g.path = path;
	g.name = name;
	return ix_index_register(ix, &g, &result);
}

static int withdraw(struct test_rng *r, unsigned thread)
{
	char path[40], name[16];
	int rc;

	snprintf(path, sizeof(path), "staging/w%u", thread);
	name_of(test_rand(r), name);
	rc = ix_index_withdraw(ix, name, path);
	if (!rc)
		TEST_OK(ix_vfs_unlink(ix->vfs, path));
	return rc;
}

static int read_one(struct test_rng *r)
{
	struct ix_index_segment s;
	struct ix_file *f;
	char name[16], byte;

	name_of(test_rand(r), name);
	if (ix_index_lookup(ix, name, &s) || ix_index_pin(ix, s.seq))
		return 0;
	TEST_OK(ix_index_open_file(ix, s.seq, &f));
	TEST_CHECK(ix_file_read(f, &byte, 1, s.bytes - 1) == 1, "%s", name);
	ix_file_close(f);
	TEST_OK(ix_index_get(ix, s.seq, &s));
	ix_index_unpin(ix, s.seq);
	return 0;
}

static int act(struct test_rng *r, unsigned thread, unsigned what)
{
	struct ix_buf b = IX_BUF_INIT;
	char a[16], c[16];
	uint64_t version;
	int rc;

	name_of(test_rand(r), a);
	name_of(test_rand(r), c);
	switch (what) {
	case 0:
		return deliver(r, thread);
	case 1:
		return ix_index_remove(ix, a);
	case 2:
		return ix_index_rename(ix, a, c);
	case 3:
		return withdraw(r, thread);
	case 4:
		return test_rand_one_in(r, 8) ? ix_index_force_merge(ix, NULL)
					      : 0;
	case 5:
		return test_rand_one_in(r, 16) ? test_apply(ix, "{\"run\":"
								"\"sweep\"}")
					       : 0;
	case 6:
		rc = ix_index_render(ix, &b, &version);
		ix_buf_release(&b);
		return rc;
	default:
		return read_one(r);
	}
}

static void *thread_main(void *arg)
{
	unsigned thread = (unsigned)(uintptr_t)arg;
	struct test_rng r;

	test_rng_init(&r, test_seed() + thread);
	while (!atomic_load(&stop)) {
		unsigned what = (unsigned)test_rand_below(&r, 12);
		int rc;

		what = what >= 8 ? 0 : what;
		rc = act(&r, thread, what);
		/* Sixteen actions may be under way. */
		TEST_CHECK(is_expected(rc) || (what == 4 && rc == -IX_EINPUT),
			   "operation %u: %s: %s", what, ix_err_name(rc),
			   ix_fail_text());
		if (!rc)
			atomic_fetch_add(&done[what], 1);
		TEST_CHECK(test_docs(ix) <= CONTENTS * TEST_SEG_DOCS,
			   "doubled");
	}
	return NULL;
}

int main(void)
{
	const char *env = getenv("IX_STRESS_MS");
	useconds_t ms = env ? (useconds_t)atoi(env) : 2000;
	struct ix_vfs *v = test_index_disk();
	pthread_t threads[THREADS];
	uint64_t docs, segments;

	(void)test_seed();
	for (unsigned k = 0; k < CONTENTS; k++)
		(void)test_seg(k);
	ix = test_index_open(v, IX_INDEX_RM_MERGED | IX_INDEX_REPLACE);
	TEST_OK(ix_index_start(ix));
	for (unsigned i = 0; i < THREADS; i++)
		TEST_CHECK(!pthread_create(threads + i, NULL, thread_main,
					   (void *)(uintptr_t)i),
			   "thread");
	usleep(ms * 1000);
	atomic_store(&stop, 1);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	TEST_OK(ix_index_wait(ix, NULL, NULL));
	docs = test_index_check(ix);
	segments = test_segments(ix);
	TEST_CHECK(docs == test_docs(ix), "documents");
	TEST_OK(ix_index_close(ix));
	ix = test_index_open(v, 0);
	TEST_CHECK(test_index_check(ix) == docs && test_docs(ix) == docs &&
			   test_segments(ix) == segments,
		   "another index after opening again");
	TEST_CHECK(test_count(v, "segments") == segments, "%u files",
		   test_count(v, "segments"));
	TEST_OK(ix_index_close(ix));
	for (unsigned i = 0; i < 8; i++)
		printf("operation %u: %lu times\n", i, atomic_load(&done[i]));
	ix_vfs_free(v);
	return 0;
}
