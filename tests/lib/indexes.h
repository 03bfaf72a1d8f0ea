/* SPDX-License-Identifier: MIT */
/*
 * indexes: an index on a simulated disk, and small segments to put into it.
 *
 *	struct ix_vfs *v = test_index_disk();            an empty index
 *	struct ix_index *ix = test_index_open(v, 0);
 *	test_register(ix, "a.seg", test_seg(1), &result);
 *	test_index_check(ix);
 *	ix_index_close(ix);
 *	ix_vfs_free(v);
 *
 * Segment k has TEST_SEG_DOCS documents that no other k has. Bytes are made
 * once per program. A failure of the helpers ends the program with a message.
 */
#ifndef IX_TESTS_INDEXES_H
#define IX_TESTS_INDEXES_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/json.h"
#include "core/index/index.h"
#include "core/index/internal.h"
#include "core/io/sim.h"
#include "core/segment/merge.h"
#include "core/segment/verify.h"
#include "tests/lib/mkseg.h"

#define TEST_SEG_DOCS 3u
#define TEST_SEGS_MAX 256u

#define TEST_OK(call)                                                \
 do {                                                                \
  int test_rc = (call);                                              \
  if (test_rc < 0) {                                                 \
   fprintf(stderr, "%s:%d: %s: %s: %s\n", __FILE__, __LINE__, #call, \
	   ix_err_name(test_rc), ix_fail_text());                    \
   abort();                                                          \
  }                                                                  \
 } while (0)

#define TEST_CHECK(cond, ...)                                     \
 do {                                                             \
  if (!(cond)) {                                                  \
   fprintf(stderr, "%s:%d: not %s: ", __FILE__, __LINE__, #cond); \
   fprintf(stderr, __VA_ARGS__);                                  \
   fputc('\n', stderr);                                           \
   abort();                                                       \
  }                                                               \
 } while (0)

struct test_seg {
	uint8_t *data;
	size_t n;
	struct ix_id id;
	uint32_t docs;
};

/* ---- bytes of segments ---- */

static inline void test_seg_load(struct ix_vfs *v, const char *path,
				 struct test_seg *s)
{
	struct ix_segment_info info;
	struct ix_file *f;
	struct ix_stat st;

	TEST_OK(ix_vfs_open(v, path, IX_OPEN_READ, &f));
	TEST_OK(ix_file_stat(f, &st));
	TEST_OK(ix_segment_info_read(f, path, &info));
	s->id = info.trailer.id;
	s->docs = info.trailer.doc_count;
	s->n = st.size;
	s->data = malloc(st.size);
	TEST_CHECK(s->data, "memory");
	TEST_CHECK(ix_file_read(f, s->data, s->n, 0) == (ssize_t)s->n, "read");
	ix_segment_info_release(&info);
	ix_file_close(f);
}

/* The k-th segment, 0 <= k < TEST_SEGS_MAX. Not for several threads at once
 * until it was made. */
static inline const struct test_seg *test_seg(unsigned k)
{
	static struct test_seg segs[TEST_SEGS_MAX];
	struct test_mkseg o = { .docs = TEST_SEG_DOCS,
				.seed = 77,
				.first = k * TEST_SEG_DOCS,
				.body_words = 5,
				.words = 50 };
	struct ix_vfs *v;

	TEST_CHECK(k < TEST_SEGS_MAX, "segment %u", k);
	if (segs[k].data)
		return segs + k;
	TEST_OK(ix_sim_new(&v));
	test_mkseg(v, "a", &o, NULL);
	test_seg_load(v, "a", segs + k);
	ix_vfs_free(v);
	return segs + k;
}

static inline void test_put(struct ix_vfs *v, const char *path,
			    const struct test_seg *s)
{
	struct ix_file *f;

	TEST_OK(ix_vfs_open(v, path,
			    IX_OPEN_WRITE | IX_OPEN_CREATE | IX_OPEN_TRUNC,
			    &f));
	TEST_OK(ix_file_write(f, s->data, s->n, 0));
	ix_file_close(f);
}

/* What a merge of these segments, in this order, makes. Free `out->data`. */
static inline void test_seg_merge(const struct test_seg *const *from,
				  uint32_t n, struct test_seg *out)
{
	struct ix_merge_source sources[64];
	struct ix_merge_options o = { .engine = IX_ENGINE_SYNC };
	struct ix_merge_result result;
	struct ix_file *f;
	struct ix_vfs *v;
	char name[20];

	TEST_OK(ix_sim_new(&v));
	for (uint32_t i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "s%u", i);
		test_put(v, name, from[i]);
		TEST_OK(ix_vfs_open(v, name, IX_OPEN_READ, &sources[i].file));
		sources[i].name = "source";
		sources[i].registration = i + 1;
	}
	TEST_OK(ix_vfs_open(v, "out", IX_OPEN_WRITE | IX_OPEN_CREATE, &f));
	TEST_OK(ix_segment_merge(sources, n, f, &o, &result, NULL));
	ix_file_close(f);
	for (uint32_t i = 0; i < n; i++)
		ix_file_close(sources[i].file);
	test_seg_load(v, "out", out);
	ix_vfs_free(v);
}

/* ---- indexes ---- */

static inline void test_index_create(struct ix_vfs *v)
{
	struct ix_schema *schema = test_mkseg_schema();

	TEST_OK(ix_index_create(v, schema));
	ix_schema_free(schema);
}

/* A new disk with an empty index, all of it durable. */
static inline struct ix_vfs *test_index_disk(void)
{
	struct ix_vfs *v;

	TEST_OK(ix_sim_new(&v));
	test_index_create(v);
	return v;
}

static inline int test_index_try_open(struct ix_vfs *v, unsigned flags,
				      struct ix_index **ip)
{
	struct ix_index_options o = { .vfs = v,
				      .flags = flags,
				      .engine = IX_ENGINE_SYNC };

	return ix_index_open(&o, ip);
}

static inline struct ix_index *test_index_open(struct ix_vfs *v, unsigned flags)
{
	struct ix_index *ix;

	TEST_OK(test_index_try_open(v, flags, &ix));
	return ix;
}

/* Write pending/<name> and register it. */
static inline int test_try_register(struct ix_index *ix, const char *name,
				    const struct test_seg *s,
				    struct ix_register_result *result)
{
	struct ix_registration r = { .name = name, .mtime_ns = 1000 };
	char path[300];
	struct ix_file *f;
	int rc;

	snprintf(path, sizeof(path), "pending/%s", name);
	rc = ix_vfs_open(ix->vfs, path,
			 IX_OPEN_WRITE | IX_OPEN_CREATE | IX_OPEN_TRUNC, &f);
	if (rc)
		return rc;
	rc = ix_file_write(f, s->data, s->n, 0);
	ix_file_close(f);
	if (rc)
		return rc;
	r.path = path;
	return ix_index_register(ix, &r, result);
}

static inline uint64_t test_register(struct ix_index *ix, const char *name,
				     const struct test_seg *s)
{
	struct ix_register_result result;

	TEST_OK(test_try_register(ix, name, s, &result));
	return result.seq;
}

static inline int test_exists(struct ix_vfs *v, const char *path)
{
	struct ix_stat st;
	int rc = ix_vfs_stat(v, path, &st);

	TEST_CHECK(!rc || rc == -ENOENT, "stat %s: %s", path, ix_err_name(rc));
	return !rc;
}

static inline int test_count_one(void *ctx, const char *name,
				 enum ix_file_type type)
{
	(void)name;
	(void)type;
	++*(unsigned *)ctx;
	return 0;
}

/* Entries of a directory. */
static inline unsigned test_count(struct ix_vfs *v, const char *dir)
{
	unsigned n = 0;

	TEST_OK(ix_vfs_list(v, dir, test_count_one, &n));
	return n;
}

static inline uint64_t test_docs(struct ix_index *ix)
{
	struct ix_index_stats st;

	ix_index_stats(ix, &st);
	return st.live_docs;
}

static inline uint32_t test_segments(struct ix_index *ix)
{
	struct ix_index_stats st;

	ix_index_stats(ix, &st);
	return st.live_segments;
}

struct test_sums {
	struct ix_index *ix;
	uint64_t last_cookie;
	uint64_t seqs[4096];
	unsigned n;
	uint64_t docs;
};

static inline int test_check_one(void *ctx, const struct ix_index_segment *s,
				 uint64_t cookie)
{
	struct ix_verify_options o = { .level = IX_VERIFY_STRUCTURE };
	struct test_sums *sums = ctx;
	struct ix_segment_info info;
	struct ix_index_segment again;
	struct ix_file *f;

	TEST_CHECK(cookie > sums->last_cookie, "cookie order");
	sums->last_cookie = cookie;
	if (ix_index_pin(sums->ix, s->seq))
		return 0; /* gone meanwhile */
	for (unsigned i = 0; i < sums->n; i++)
		if (sums->seqs[i] == s->seq) {
			ix_index_unpin(sums->ix, s->seq);
			return 0;
		}
	TEST_CHECK(sums->n < 4096, "too many");
	sums->seqs[sums->n++] = s->seq;
	sums->docs += s->doc_count;
	if (!s->missing) {
		TEST_OK(ix_index_open_file(sums->ix, s->seq, &f));
		TEST_OK(ix_segment_verify(f, s->name, &o, &info));
		TEST_CHECK(ix_id_equal(&info.trailer.id, &s->id), "id");
		TEST_CHECK(info.trailer.doc_count == s->doc_count, "docs");
		ix_segment_info_release(&info);
		ix_file_close(f);
	}
	TEST_OK(ix_index_get(sums->ix, s->seq, &again));
	ix_index_unpin(sums->ix, s->seq);
	return 0;
}

/* Every live segment verifies and has the id the index says; counts agree
 * (when nothing changes meanwhile). Returns the documents. */
static inline uint64_t test_index_check(struct ix_index *ix)
{
	static _Thread_local struct test_sums sums;

	memset(&sums, 0, sizeof(sums));
	sums.ix = ix;
	TEST_OK(ix_index_list(ix, 0, test_check_one, &sums));
	return sums.docs;
}

static inline int test_has(struct ix_index *ix, const char *name)
{
	struct ix_index_segment s;

	return !ix_index_lookup(ix, name, &s);
}

/* The rendered control file, parsed; cJSON_Delete it. */
static inline cJSON *test_render(struct ix_index *ix)
{
	struct ix_buf b = IX_BUF_INIT;
	uint64_t version;
	cJSON *tree;

	TEST_OK(ix_index_render(ix, &b, &version));
	TEST_OK(ix_json_parse(ix_buf_str(&b), b.len, &tree));
	ix_buf_release(&b);
	return tree;
}

static inline int test_apply(struct ix_index *ix, const char *json)
{
	return ix_index_apply(ix, json, strlen(json), NULL);
}

#endif
