/* SPDX-License-Identifier: MIT */
/*
 * segments: small segments for tests, made by the builder from random
 * documents that use every kind of field.
 *
 *	test_docs_make(&docs, &rng, n);
 *	test_segment_build(vfs, "a.seg", schema, &docs, 0, n, "label");
 *	test_docs_release(&docs);
 *
 * Failures end the test (cmocka). Include after cmocka.h.
 */
#ifndef IX_TESTS_SEGMENTS_H
#define IX_TESTS_SEGMENTS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/io/sim.h"
#include "core/segment/build.h"
#include "tests/lib/seed.h"

/* Every type and option; documents of test_docs_make fit it. */
#define TEST_SCHEMA                                            \
 "{\"key\":\"id\",\"fields\":["                                \
 "{\"name\":\"id\",\"type\":\"keyword\"},"                     \
 "{\"name\":\"body\",\"type\":\"text\"},"                      \
 "{\"name\":\"title\",\"type\":\"text\",\"positions\":false}," \
 "{\"name\":\"notes\",\"type\":\"text\",\"multi\":true},"      \
 "{\"name\":\"tags\",\"type\":\"keyword\",\"multi\":true},"    \
 "{\"name\":\"kind\",\"type\":\"keyword\",\"indexed\":false}," \
 "{\"name\":\"when\",\"type\":\"u64\"},"                       \
 "{\"name\":\"marks\",\"type\":\"u64\",\"multi\":true,"        \
 "\"stored\":false},"                                          \
 "{\"name\":\"plain\",\"type\":\"text\",\"indexed\":false}]}"

struct test_docs {
	struct ix_buf json;
	size_t *ends;
	uint32_t n;
};

static inline struct ix_schema *test_schema(const char *json)
{
	struct ix_schema *s = NULL;

	if (ix_schema_parse(json, strlen(json), NULL, &s))
		fail_msg("schema: %s", ix_fail_text());
	return s;
}

/* A word; low numbers are common, as in language. */
static inline void test_word(struct ix_buf *b, struct test_rng *r)
{
	uint64_t k = test_rand_below(r, 1 + test_rand_below(r, 2000));

	ix_buf_addf(b, "w%llu", (unsigned long long)k);
}

static inline void test_text(struct ix_buf *b, struct test_rng *r, uint64_t n)
{
	ix_buf_add_u8(b, '"');
	for (uint64_t i = 0; i < n; i++) {
		if (i)
			ix_buf_add_u8(b, ' ');
		test_word(b, r);
	}
	ix_buf_add_u8(b, '"');
}

static inline void test_array(struct ix_buf *b, struct test_rng *r,
			      const char *name, int kind)
{
	uint64_t n = test_rand_below(r, 4);

	ix_buf_addf(b, ",\"%s\":[", name);
	for (uint64_t i = 0; i < n; i++) {
		if (i)
			ix_buf_add_u8(b, ',');
		if (kind == 0)
			test_text(b, r, test_rand_below(r, 6));
		else if (kind == 1)
			ix_buf_addf(b, "\"t%llu\"",
				    (unsigned long long)test_rand_below(r, 20));
		else
			ix_buf_addf(b, "%llu",
				    (unsigned long long)(test_rand(r) >>
							 test_rand_below(r,
									 64)));
	}
	ix_buf_add_u8(b, ']');
}

/* One document; `id` makes its key. Fields other than the key may be absent. */
static inline void test_doc(struct ix_buf *b, struct test_rng *r, uint64_t id)
{
	ix_buf_addf(b, "{\"id\":\"k%llu\"", (unsigned long long)id);
	if (!test_rand_one_in(r, 10)) {
		ix_buf_add_str(b, ",\"body\":");
		test_text(b, r, test_rand_below(r, 60));
	}
	if (!test_rand_one_in(r, 4)) {
		ix_buf_add_str(b, ",\"title\":");
		test_text(b, r, test_rand_below(r, 8));
	}
	if (test_rand_one_in(r, 3))
		test_array(b, r, "notes", 0);
	if (!test_rand_one_in(r, 3))
		test_array(b, r, "tags", 1);
	if (test_rand_one_in(r, 2))
		ix_buf_addf(b, ",\"kind\":\"%s\"",
			    test_rand_one_in(r, 9) ? "" : "plain");
	if (!test_rand_one_in(r, 5))
		ix_buf_addf(b, ",\"when\":%llu",
			    1700000000ull + (unsigned long long)test_rand_below(
						    r, 1000000));
	if (test_rand_one_in(r, 2))
		test_array(b, r, "marks", 2);
	if (test_rand_one_in(r, 8)) {
		ix_buf_add_str(b, ",\"plain\":");
		test_text(b, r, test_rand_below(r, 30));
	}
	ix_buf_add_u8(b, '}');
}

/* `n` documents with keys that no other call makes. */
static inline void test_docs_make(struct test_docs *d, struct test_rng *r,
				  uint32_t n)
{
	memset(d, 0, sizeof(*d));
	d->ends = malloc((n + 1) * sizeof(*d->ends));
	d->n = n;
	for (uint32_t i = 0; i < n; i++) {
		test_doc(&d->json, r, test_rand(r));
		d->ends[i] = d->json.len;
	}
}

static inline const char *test_docs_get(const struct test_docs *d, uint32_t i,
					size_t *np)
{
	size_t from = i ? d->ends[i - 1] : 0;

	*np = d->ends[i] - from;
	return (const char *)d->json.data + from;
}

static inline void test_docs_release(struct test_docs *d)
{
	ix_buf_release(&d->json);
	free(d->ends);
	memset(d, 0, sizeof(*d));
}

static inline void test_build_name(void *ctx, uint32_t number, char *path,
				   size_t n)
{
	snprintf(path, n, "%s", (const char *)ctx);
	if (number)
		fail_msg("a second segment for %s", (const char *)ctx);
}

/* Documents [from, to) become the segment `path`. */
static inline void test_segment_build(struct ix_vfs *v, const char *path,
				      const struct ix_schema *schema,
				      const struct test_docs *d, uint32_t from,
				      uint32_t to, const char *label)
{
	struct ix_build_options o = {
		.schema = schema,
		.batch = label,
		.vfs = v,
		.name = test_build_name,
		.ctx = (void *)(uintptr_t)path,
	};
	struct ix_builder *b = NULL;
	int rc = ix_builder_new(&o, &b);

	for (uint32_t i = from; i < to && !rc; i++) {
		size_t n;
		const char *json = test_docs_get(d, i, &n);

		rc = ix_builder_add(b, json, n);
	}
	if (!rc)
		rc = ix_builder_finish(b);
	ix_builder_free(b);
	if (rc)
		fail_msg("building %s: %d %s", path, rc, ix_fail_text());
}

static inline struct ix_file *test_open(struct ix_vfs *v, const char *path,
					unsigned flags)
{
	struct ix_file *f = NULL;
	int rc = ix_vfs_open(v, path, flags, &f);

	if (rc)
		fail_msg("%s: %d %s", path, rc, ix_fail_text());
	return f;
}

/* A whole file in memory (malloc). */
static inline uint8_t *test_slurp(struct ix_vfs *v, const char *path,
				  size_t *np)
{
	struct ix_file *f = test_open(v, path, IX_OPEN_READ);
	struct ix_stat st;
	uint8_t *data;

	assert_int_equal(ix_file_stat(f, &st), 0);
	data = malloc(st.size ? st.size : 1);
	*np = (size_t)st.size;
	assert_int_equal(ix_file_read(f, data, *np, 0), (ssize_t)*np);
	ix_file_close(f);
	return data;
}

/* A file with these bytes. */
static inline void test_spew(struct ix_vfs *v, const char *path,
			     const void *data, size_t n)
{
	struct ix_file *f =
		test_open(v, path,
			  IX_OPEN_WRITE | IX_OPEN_CREATE | IX_OPEN_TRUNC);

	assert_int_equal(n ? ix_file_write(f, data, n, 0) : 0, 0);
	ix_file_close(f);
}

#endif
