/* SPDX-License-Identifier: MIT */
/*
 * Goal: sources and sinks deliver the same bytes whatever the engine, the
 * kind of file, the sizes and the order of completions. Method: one workload,
 * driven by a seed, runs over every configuration; what it should see is
 * computed from the plain bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/io/engine.h"
#include "core/io/sim.h"
#include "tests/lib/seed.h"
#include "tests/lib/tmpdir.h"

#define LEAF ((size_t)IX_STREAM_LEAF)

static uint64_t seed;

/* ---- configurations ---- */

struct config {
	const char *name;
	int sim;             /* simulated disk, else a real directory */
	int ring;            /* state machine of the ring engine */
	unsigned open_flags; /* beyond reading and writing */
	unsigned completions;
};

static const struct config configs[] = {
	{ "sync, posix", 0, 0, 0, 0 },
	{ "sync, posix direct", 0, 0, IX_OPEN_DIRECT, 0 },
	{ "sync, sim", 1, 0, 0, 0 },
	{ "sync, sim direct", 1, 0, IX_OPEN_DIRECT, 0 },
	{ "uring, posix", 0, 1, 0, 0 },
	{ "uring, posix direct", 0, 1, IX_OPEN_DIRECT, 0 },
	{ "uring, sim", 1, 1, 0, 0 },
	{ "uring, sim short", 1, 1, 0, IX_SIM_SHORT },
	{ "uring, sim reordered", 1, 1, 0, IX_SIM_REORDER },
	{ "uring, sim again", 1, 1, 0, IX_SIM_AGAIN },
	{ "uring, sim all", 1, 1, 0,
	  IX_SIM_SHORT | IX_SIM_REORDER | IX_SIM_AGAIN },
	{ "uring, sim direct all", 1, 1, IX_OPEN_DIRECT,
	  IX_SIM_SHORT | IX_SIM_REORDER | IX_SIM_AGAIN },
};

#define CONFIGS (sizeof(configs) / sizeof(configs[0]))

struct bench {
	const struct config *c;
	struct ix_vfs *v;
	struct ix_engine *e;
	char dir[TEST_PATH_MAX];
	int canceled;
	unsigned polls_left; /* then it is cancelled */
};

static int canceled(void *ctx)
{
	struct bench *b = ctx;

	if (b->polls_left && !--b->polls_left)
		b->canceled = 1;
	return b->canceled;
}

/* 1, or 0 when this machine has no io_uring. */
static int bench_open(struct bench *b, const struct config *c, unsigned fan_in)
{
	struct ix_engine_options o = {
		.kind = c->ring ? IX_ENGINE_URING : IX_ENGINE_SYNC,
		.arena_bytes = 1, /* the smallest requests there are */
		.fan_in = fan_in,
		.canceled = canceled,
		.canceled_ctx = b,
	};
	int rc;

	memset(b, 0, sizeof(*b));
	b->c = c;
	if (c->sim) {
		assert_int_equal(ix_sim_new(&b->v), 0);
		ix_sim_set_completions(ix_sim_of(b->v), seed, c->completions);
	} else {
		test_tmpdir_make(b->dir);
		assert_int_equal(ix_vfs_posix_new(b->dir, &b->v), 0);
	}
	if (c->sim && c->ring)
		rc = ix_engine_new_ops(&o, &ix_engine_simulated_ops, &b->e);
	else
		rc = ix_engine_new(&o, &b->e);
	if (rc == -ENOSYS) {
		print_message("skipped: %s: no io_uring\n", c->name);
		ix_vfs_free(b->v);
		test_tmpdir_remove(b->dir);
		return 0;
	}
	assert_int_equal(rc, 0);
	assert_string_equal(ix_engine_name(b->e), c->ring ? "uring" : "sync");
	return 1;
}

static void bench_close(struct bench *b)
{
	ix_engine_free(b->e);
	ix_vfs_free(b->v);
	if (b->dir[0])
		test_tmpdir_remove(b->dir);
}

static struct ix_file *open_file(struct bench *b, const char *name)
{
	struct ix_file *f;

	assert_int_equal(ix_vfs_open(b->v, name,
				     IX_OPEN_WRITE | IX_OPEN_CREATE |
					     b->c->open_flags,
				     &f),
			 0);
	return f;
}

/* A file with these bytes, made without the code under test. */
static void make_file(struct bench *b, const char *name, const uint8_t *data,
		      size_t n)
{
	struct ix_file *f;

	assert_int_equal(ix_vfs_open(b->v, name,
				     IX_OPEN_WRITE | IX_OPEN_CREATE |
					     IX_OPEN_TRUNC,
				     &f),
			 0);
	assert_int_equal(ix_file_write(f, data, n, 0), 0);
	ix_file_close(f);
}

static void check_file(struct bench *b, const char *name, const uint8_t *data,
		       size_t n)
{
	uint8_t *back = malloc(n + 1);
	struct ix_file *f;
	struct ix_stat st;

	assert_int_equal(ix_vfs_open(b->v, name, IX_OPEN_READ, &f), 0);
	assert_int_equal(ix_file_stat(f, &st), 0);
	assert_int_equal(st.size, n);
	assert_int_equal(ix_file_read(f, back, n + 1, 0), n);
	assert_memory_equal(back, data, n);
	ix_file_close(f);
	free(back);
}

static uint8_t *random_bytes(struct test_rng *r, size_t n)
{
	uint8_t *data = malloc(n + 1);

	test_rand_bytes(r, data, n);
	return data;
}

/* ---- sources ---- */

struct leaves {
	const uint8_t *data; /* of the source */
	size_t n;
	uint64_t next;
	uint64_t fail_at; /* index, or UINT64_MAX */
};

static int on_leaf(void *ctx, uint64_t index, const uint8_t *p, size_t n)
{
	struct leaves *l = ctx;
	size_t at = (size_t)index * LEAF;
	size_t want = l->n - at < LEAF ? l->n - at : LEAF;

	assert_int_equal(index, l->next);
	l->next++;
	assert_int_equal(n, want);
	assert_memory_equal(p, l->data + at, n);
	return index == l->fail_at ? -IX_ECORRUPT : 0;
}

static size_t random_want(struct test_rng *r)
{
	switch (test_rand_below(r, 4)) {
	case 0:
		return (size_t)test_rand_below(r, 20);
	case 1:
		return (size_t)test_rand_below(r, 5000);
	case 2:
		return LEAF;
	default:
		return (size_t)test_rand_below(r, LEAF + 1);
	}
}

/* Walk a source to its end with random peeks, skips and reads. */
static void walk(struct ix_source *s, struct test_rng *r, const uint8_t *data,
		 size_t n, const struct leaves *l)
{
	uint8_t *out = malloc(n + 1);
	size_t at = 0;

	while (at < n) {
		size_t want = random_want(r);
		const uint8_t *p;
		size_t got;

		assert_int_equal(ix_source_tell(s), at);
		if (test_rand_one_in(r, 4)) {
			want = want < n - at ? want : n - at;
			assert_int_equal(ix_source_read(s, out, want), 0);
			assert_memory_equal(out, data + at, want);
			at += want;
			continue;
		}
		assert_int_equal(ix_source_peek(s, want, &p, &got), 0);
		assert_true(got >= want || got == n - at);
		assert_true(got <= n - at);
		assert_memory_equal(p, data + at, got);
		if (l)
			assert_true(l->next * LEAF >= at + got ||
				    at + got == n);
		want = test_rand_one_in(r, 3)
			       ? got
			       : (size_t)test_rand_below(r, got + 1);
		ix_source_skip(s, want);
		at += want;
	}
	free(out);
}

static void expect_end(struct ix_source *s)
{
	const uint8_t *p;
	uint8_t byte;
	size_t got;

	assert_int_equal(ix_source_peek(s, 1, &p, &got), 0);
	assert_int_equal(got, 0);
	assert_int_equal(ix_source_read(s, &byte, 0), 0);
	assert_int_equal(ix_source_read(s, &byte, 1), -IX_ECORRUPT);
	assert_int_equal(ix_source_peek(s, 1, &p, &got), -IX_ECORRUPT);
}

static void sources_deliver_every_byte(void **state)
{
	/* Around leaves and around requests of 128 KiB. */
	static const size_t sizes[] = { 0,      1,      4095,   65535,  65536,
					65537,  131071, 131072, 131073, 262144,
					300001, 393216, 524287, 1000000 };
	static const size_t offsets[] = { 0, 1, 511, 4095, 4096, 70001 };
	struct test_rng r;

	(void)state;
	test_rng_init(&r, seed);
	for (size_t i = 0; i < CONFIGS; i++) {
		uint8_t *data = random_bytes(&r, 1100000);
		struct bench b;
		struct ix_file *f;

		if (!bench_open(&b, &configs[i], 1))
			continue;
		make_file(&b, "f", data, 1100000);
		f = open_file(&b, "f");
		for (size_t k = 0; k < sizeof(sizes) / sizeof(*sizes); k++) {
			for (size_t j = 0; j < 6; j++) {
				const uint8_t *from = data + offsets[j];
				struct leaves l = { from, sizes[k], 0,
						    UINT64_MAX };
				int with_fn = !test_rand_one_in(&r, 4);
				struct ix_source *s;

				assert_int_equal(
					ix_source_open(b.e, f, offsets[j],
						       sizes[k],
						       with_fn ? on_leaf : NULL,
						       &l, &s),
					0);
				walk(s, &r, from, sizes[k],
				     with_fn ? &l : NULL);
				if (with_fn)
					assert_int_equal(l.next,
							 (sizes[k] + LEAF - 1) /
								 LEAF);
				expect_end(s);
				ix_source_close(s);
			}
		}
		ix_file_close(f);
		bench_close(&b);
		free(data);
	}
}

static void many_sources_interleave(void **state)
{
	enum {
		SOURCES = 16,
		SIZE = 400000
	};
	struct test_rng r;

	(void)state;
	test_rng_init(&r, seed + 1);
	for (size_t i = 0; i < CONFIGS; i++) {
		uint8_t *data = random_bytes(&r, SIZE + SOURCES * 1000);
		struct ix_source *s[SOURCES];
		size_t at[SOURCES] = { 0 };
		struct ix_source *extra;
		struct bench b;
		struct ix_file *f;
		unsigned open = SOURCES;

		if (!bench_open(&b, &configs[i], SOURCES))
			continue;
		make_file(&b, "f", data, SIZE + SOURCES * 1000);
		f = open_file(&b, "f");
		for (size_t k = 0; k < SOURCES; k++)
			assert_int_equal(ix_source_open(b.e, f, k * 1000, SIZE,
							NULL, NULL, &s[k]),
					 0);
		assert_int_equal(ix_source_open(b.e, f, 0, 1, NULL, NULL,
						&extra),
				 -EMFILE);
		assert_null(extra);
		while (open) {
			size_t k = (size_t)test_rand_below(&r, SOURCES);
			size_t want = random_want(&r);
			const uint8_t *p;
			size_t got;

			if (!s[k])
				continue;
			assert_int_equal(ix_source_peek(s[k], want, &p, &got),
					 0);
			assert_memory_equal(p, data + k * 1000 + at[k], got);
			at[k] += got;
			ix_source_skip(s[k], got);
			/* Some are closed with reads in flight. */
			if (at[k] == SIZE || test_rand_one_in(&r, 200)) {
				ix_source_close(s[k]);
				s[k] = NULL;
				open--;
			}
		}
		ix_file_close(f);
		bench_close(&b);
		free(data);
	}
}

static void a_short_file_is_reported_at_its_end(void **state)
{
	struct test_rng r;

	(void)state;
	test_rng_init(&r, seed + 2);
	for (size_t i = 0; i < CONFIGS; i++) {
		uint8_t *data = random_bytes(&r, 300000);
		size_t n = (size_t)test_rand_in(&r, 1, 299999);
		struct ix_source *s;
		const uint8_t *p;
		struct bench b;
		struct ix_file *f;
		size_t got;
		size_t at = 0;
		int rc;

		if (!bench_open(&b, &configs[i], 1))
			continue;
		make_file(&b, "f", data, n);
		f = open_file(&b, "f");
		assert_int_equal(ix_source_open(b.e, f, 0, 300000, NULL, NULL,
						&s),
				 0);
		while (!(rc = ix_source_peek(s, 1, &p, &got))) {
			assert_true(got > 0);
			assert_true(at + got <= n);
			assert_memory_equal(p, data + at, got);
			at += got;
			ix_source_skip(s, got);
		}
		assert_int_equal(rc, -IX_ECORRUPT);
		assert_non_null(strstr(ix_fail_text(), "\"f\""));
		ix_fail_clear();
		assert_int_equal(ix_source_peek(s, 1, &p, &got), rc);
		assert_non_null(strstr(ix_fail_text(), "\"f\""));
		ix_source_close(s);
		assert_int_equal(ix_source_open(b.e, f, UINT64_MAX, 1, NULL,
						NULL, &s),
				 -EINVAL);
		ix_file_close(f);
		bench_close(&b);
		free(data);
	}
}

static void a_bad_leaf_stops_the_source(void **state)
{
	struct test_rng r;

	(void)state;
	test_rng_init(&r, seed + 3);
	for (size_t i = 0; i < CONFIGS; i++) {
		uint8_t *data = random_bytes(&r, 700000);
		struct leaves l = { data, 700000, 0, 5 };
		struct ix_source *s;
		uint8_t *out = malloc(700000);
		struct bench b;
		struct ix_file *f;

		if (!bench_open(&b, &configs[i], 1))
			continue;
		make_file(&b, "f", data, 700000);
		f = open_file(&b, "f");
		assert_int_equal(ix_source_open(b.e, f, 0, 700000, on_leaf, &l,
						&s),
				 0);
		/* What was checked may be read, but no byte more. */
		assert_int_equal(ix_source_read(s, out, 5 * LEAF), 0);
		assert_memory_equal(out, data, 5 * LEAF);
		assert_int_equal(ix_source_read(s, out, 1), -IX_ECORRUPT);
		assert_int_equal(ix_source_read(s, out, 1), -IX_ECORRUPT);
		assert_int_equal(l.next, 6);
		ix_source_close(s);
		ix_file_close(f);
		bench_close(&b);
		free(data);
		free(out);
	}
}

/* ---- sinks ---- */

static void sinks_write_every_byte(void **state)
{
	static const size_t sizes[] = { 0,      1,      4095,   4096,
					4097,   131071, 131072, 131073,
					524288, 655361, 2000001 };
	struct test_rng r;

	(void)state;
	test_rng_init(&r, seed + 4);
	for (size_t i = 0; i < CONFIGS; i++) {
		uint8_t *data = random_bytes(&r, 2000001);
		struct ix_sink *s;
		struct ix_sink *second;
		struct bench b;

		if (!bench_open(&b, &configs[i], 1))
			continue;
		for (size_t k = 0; k < sizeof(sizes) / sizeof(*sizes); k++) {
			struct ix_file *f = open_file(&b, "f");
			size_t at = 0;

			/* Longer before, or with space reserved. */
			if (test_rand_one_in(&r, 2))
				assert_int_equal(ix_file_truncate(f, 3000000),
						 0);
			(void)ix_file_reserve(f, 2500000);
			assert_int_equal(ix_sink_open(b.e, f, &s), 0);
			assert_int_equal(ix_sink_open(b.e, f, &second),
					 -EMFILE);
			assert_null(second);
			while (at < sizes[k]) {
				size_t n = random_want(&r);

				if (n > sizes[k] - at)
					n = sizes[k] - at;
				ix_sink_write(s, data + at, n);
				at += n;
				assert_int_equal(ix_sink_tell(s), at);
				assert_int_equal(ix_sink_error(s), 0);
			}
			assert_int_equal(ix_sink_finish(s, k % 2), 0);
			assert_int_equal(ix_sink_tell(s), sizes[k]);
			ix_sink_close(s);
			ix_file_close(f);
			check_file(&b, "f", data, sizes[k]);
		}
		bench_close(&b);
		free(data);
	}
}

static void copies_are_equal(void **state)
{
	struct test_rng r;

	(void)state;
	test_rng_init(&r, seed + 5);
	for (size_t i = 0; i < CONFIGS; i++) {
		size_t n = (size_t)test_rand_in(&r, 1, 3000000);
		uint8_t *data = random_bytes(&r, n);
		struct ix_source *from;
		struct ix_sink *to;
		struct bench b;
		struct ix_file *f;
		struct ix_file *g;

		if (!bench_open(&b, &configs[i], 1))
			continue;
		make_file(&b, "f", data, n);
		f = open_file(&b, "f");
		g = open_file(&b, "g");
		assert_int_equal(ix_source_open(b.e, f, 0, n, NULL, NULL,
						&from),
				 0);
		assert_int_equal(ix_sink_open(b.e, g, &to), 0);
		assert_int_equal(ix_stream_copy(from, to, n / 3), 0);
		assert_int_equal(ix_stream_copy(from, to, n - n / 3), 0);
		assert_int_equal(ix_stream_copy(from, to, 1), -IX_ECORRUPT);
		assert_int_equal(ix_sink_finish(to, 1), 0);
		ix_source_close(from);
		ix_sink_close(to);
		ix_file_close(f);
		ix_file_close(g);
		check_file(&b, "g", data, n);
		bench_close(&b);
		free(data);
	}
}

static void an_unfinished_sink_is_aborted(void **state)
{
	(void)state;
	for (size_t i = 0; i < CONFIGS; i++) {
		static const uint8_t zeros[100000];
		struct ix_sink *s;
		struct bench b;
		struct ix_file *f;

		if (!bench_open(&b, &configs[i], 1))
			continue;
		f = open_file(&b, "f");
		for (int k = 0; k < 3; k++) {
			assert_int_equal(ix_sink_open(b.e, f, &s), 0);
			for (int j = 0; j < 8; j++)
				ix_sink_write(s, zeros, sizeof(zeros));
			ix_sink_close(s);
		}
		ix_sink_close(NULL);
		ix_source_close(NULL);
		ix_file_close(f);
		bench_close(&b);
	}
}

/* ---- stopping ---- */

static void cancel_stops_every_stream(void **state)
{
	(void)state;
	for (size_t i = 0; i < CONFIGS; i++) {
		uint8_t *data = calloc(1, 2000000);
		struct ix_source *a;
		struct ix_source *c;
		struct ix_sink *to;
		struct bench b;
		struct ix_file *f;
		struct ix_file *g;
		const uint8_t *p;
		size_t got;

		if (!bench_open(&b, &configs[i], 3))
			continue;
		make_file(&b, "f", data, 2000000);
		f = open_file(&b, "f");
		g = open_file(&b, "g");
		assert_int_equal(ix_source_open(b.e, f, 0, 2000000, NULL, NULL,
						&a),
				 0);
		assert_int_equal(ix_source_open(b.e, f, 0, 2000000, NULL, NULL,
						&c),
				 0);
		assert_int_equal(ix_sink_open(b.e, g, &to), 0);
		b.polls_left = 7;
		assert_int_equal(ix_stream_copy(a, to, 2000000), -IX_ECANCELED);
		assert_true(b.canceled);
		assert_int_equal(ix_source_peek(c, 1, &p, &got), -IX_ECANCELED);
		assert_int_equal(ix_sink_finish(to, 1), -IX_ECANCELED);
		ix_source_close(a);
		ix_source_close(c);
		ix_sink_close(to);
		assert_int_equal(ix_source_open(b.e, f, 0, 2000000, NULL, NULL,
						&a),
				 -IX_ECANCELED);
		ix_file_close(f);
		ix_file_close(g);
		bench_close(&b);
		free(data);
	}
}

/* ---- making engines ---- */

static int allocs_left;

static int fail_after(void)
{
	return allocs_left-- == 0;
}

static void engines_survive_lack_of_memory(void **state)
{
	static const enum ix_engine_kind kinds[] = { IX_ENGINE_SYNC,
						     IX_ENGINE_URING };

	(void)state;
	for (int k = 0; k < 2; k++) {
		struct ix_engine_options o = { .kind = kinds[k] };
		struct ix_engine *e;
		int rc = -ENOMEM;

		for (int n = 0; rc == -ENOMEM; n++) {
			assert_true(n < 20);
			allocs_left = n;
			ix_mem_fail_hook = fail_after;
			rc = ix_engine_new(&o, &e);
			ix_mem_fail_hook = NULL;
			if (rc)
				assert_null(e);
		}
		assert_true(rc == 0 || rc == -ENOSYS);
		ix_engine_free(e);
	}
}

static void engine_kinds_are_kept(void **state)
{
	struct ix_engine_options o = { .kind = IX_ENGINE_AUTO };
	struct ix_engine *e;

	(void)state;
	assert_int_equal(ix_engine_new(&o, &e), 0);
	print_message("auto: %s\n", ix_engine_name(e));
	ix_engine_free(e);
	o.fan_in = 65;
	assert_int_equal(ix_engine_new(&o, &e), -EINVAL);
	assert_null(e);
	ix_engine_free(NULL);
}

/* Descriptors run out: one more than are open now cannot be had. */
static void no_ring_means_synchronous(void **state)
{
	struct ix_engine_options o = { .kind = IX_ENGINE_AUTO };
	struct rlimit limit;
	struct rlimit none;
	struct ix_engine *e;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(ix_engine_new(&o, &e), 0);
	assert_string_equal(ix_engine_name(e), "sync");
	ix_engine_free(e);
	o.kind = IX_ENGINE_URING;
	assert_int_equal(ix_engine_new(&o, &e), -ENOSYS);
	assert_null(e);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static const struct config real_ring = { "uring, posix", 0, 1, 0, 0 };

/* Copy 2 MB from "f" to "g"; the first error. */
static int copy_job(struct bench *b, const uint8_t *data, size_t n)
{
	struct ix_source *from = NULL;
	struct ix_sink *to = NULL;
	struct ix_file *f;
	struct ix_file *g;
	int rc;

	make_file(b, "f", data, n);
	f = open_file(b, "f");
	g = open_file(b, "g");
	rc = ix_source_open(b->e, f, 0, n, NULL, NULL, &from);
	if (!rc)
		rc = ix_sink_open(b->e, g, &to);
	if (!rc)
		rc = ix_stream_copy(from, to, n);
	if (!rc)
		rc = ix_sink_finish(to, 0);
	ix_source_close(from);
	ix_sink_close(to);
	ix_file_close(f);
	ix_file_close(g);
	return rc;
}

/* Without CAP_IPC_LOCK, RLIMIT_MEMLOCK bounds what can be registered. */
static void unregistered_buffers_do_as_well(void **state)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct caps[2];
	struct __user_cap_data_struct less[2];
	struct rlimit limit;
	struct rlimit none;
	struct test_rng r;
	struct bench b;
	uint8_t *data;
	int there;

	(void)state;
	test_rng_init(&r, seed + 6);
	data = random_bytes(&r, 2000000);
	assert_int_equal(getrlimit(RLIMIT_MEMLOCK, &limit), 0);
	assert_int_equal(syscall(SYS_capget, &head, caps), 0);
	memcpy(less, caps, sizeof(caps));
	less[0].effective &= ~(1u << CAP_IPC_LOCK);
	none = limit;
	none.rlim_cur = 1 << 20; /* for the ring, not for the arena */
	assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &none), 0);
	assert_int_equal(syscall(SYS_capset, &head, less), 0);
	there = bench_open(&b, &real_ring, 1);
	assert_int_equal(syscall(SYS_capset, &head, caps), 0);
	assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
	if (there) {
		assert_int_equal(b.e->registered, 0);
		assert_int_equal(copy_job(&b, data, 2000000), 0);
		check_file(&b, "g", data, 2000000);
		bench_close(&b);
	}
	free(data);
}

/* Put another file under the descriptor of the ring. */
static int break_ring(void)
{
	char link[64];
	char target[64];
	int broken = 0;

	for (int fd = 3; fd < 64; fd++) {
		int null;
		ssize_t n;

		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		n = readlink(link, target, sizeof(target) - 1);
		if (n <= 0)
			continue;
		target[n] = '\0';
		if (!strstr(target, "io_uring"))
			continue;
		null = open("/dev/null", O_RDWR | O_CLOEXEC);
		broken += dup2(null, fd) == fd;
		close(null);
	}
	return broken;
}

static void a_broken_ring_fails_every_stream(void **state)
{
	static const uint8_t zeros[2000000];
	struct ix_source *s;
	struct ix_file *f;
	struct bench b;
	const uint8_t *p;
	size_t n;
	int rc;

	(void)state;
	if (!bench_open(&b, &real_ring, 1))
		return;
	make_file(&b, "f", zeros, sizeof(zeros));
	f = open_file(&b, "f");
	/* With a read in flight: it can be neither waited for nor undone. */
	assert_int_equal(ix_source_open(b.e, f, 0, sizeof(zeros), NULL, NULL,
					&s),
			 0);
	assert_int_equal(break_ring(), 1);
	do {
		rc = ix_source_peek(s, 1, &p, &n);
		ix_source_skip(s, n);
	} while (!rc && n);
	assert_true(rc < 0);
	ix_source_close(s);
	ix_file_close(f);
	assert_true(copy_job(&b, zeros, sizeof(zeros)) < 0);
	assert_int_equal(b.e->arena_lost, 1);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sources_deliver_every_byte),
		cmocka_unit_test(many_sources_interleave),
		cmocka_unit_test(a_short_file_is_reported_at_its_end),
		cmocka_unit_test(a_bad_leaf_stops_the_source),
		cmocka_unit_test(sinks_write_every_byte),
		cmocka_unit_test(copies_are_equal),
		cmocka_unit_test(an_unfinished_sink_is_aborted),
		cmocka_unit_test(cancel_stops_every_stream),
		cmocka_unit_test(engines_survive_lack_of_memory),
		cmocka_unit_test(engine_kinds_are_kept),
		cmocka_unit_test(no_ring_means_synchronous),
		cmocka_unit_test(unregistered_buffers_do_as_well),
		cmocka_unit_test(a_broken_ring_fails_every_stream),
	};

	seed = test_seed();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
