/* SPDX-License-Identifier: MIT */
#include "tests/lib/mkseg.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/segment/build.h"
#include "core/text/analyzer.h"
#include "tests/lib/seed.h"

const char test_mkseg_schema_text[] =
	"{\"fields\":["
	"{\"name\":\"id\",\"type\":\"keyword\"},"
	"{\"name\":\"title\",\"type\":\"text\"},"
	"{\"name\":\"body\",\"type\":\"text\",\"tokenizer\":\"en_stem\"},"
	"{\"name\":\"tags\",\"type\":\"keyword\",\"multi\":true},"
	"{\"name\":\"source\",\"type\":\"keyword\"},"
	"{\"name\":\"size\",\"type\":\"u64\"},"
	"{\"name\":\"note\",\"type\":\"text\",\"indexed\":false}"
	"],\"key\":\"id\"}";

#define CHECK(call)                                                     \
 do {                                                                   \
  int check_rc = (call);                                                \
  if (check_rc) {                                                       \
   fprintf(stderr, "mkseg: %s: %s: %s\n", #call, ix_err_name(check_rc), \
	   ix_fail_text());                                             \
   abort();                                                             \
  }                                                                     \
 } while (0)

struct ix_schema *test_mkseg_schema(void)
{
	struct ix_schema *s;

	CHECK(ix_schema_parse(test_mkseg_schema_text,
			      strlen(test_mkseg_schema_text), ix_analyzer_known,
			      &s));
	return s;
}

/* A word; the k-th is about k times rarer than the first. */
static uint32_t random_word(struct test_rng *rng, uint32_t words)
{
	/* 2^u for uniform u below log2(words), in integers: a random number
	 * below a random power of two. */
	unsigned bits = 32u - (unsigned)__builtin_clz(words);
	uint64_t top = 1ull << test_rand_below(rng, bits + 1);

	return (uint32_t)(test_rand_below(rng, top) % words);
}

static void add_words(struct test_rng *rng, const struct test_mkseg *o,
		      uint64_t max, struct ix_buf *out)
{
	static const char *const separators[] = { " ",  " ",  " ",
						  ", ", ". ", "\\n" };
	uint64_t n = test_rand_in(rng, 1, max);
	uint32_t words = o->words ? o->words : 1000;

	for (uint64_t i = 0; i < n; i++) {
		if (i)
			ix_buf_add_str(out,
				       separators[test_rand_below(rng, 6)]);
		ix_buf_addf(out, "%c%" PRIu32,
			    test_rand_one_in(rng, 8) ? 'W' : 'w',
			    random_word(rng, words));
	}
}

static void add_tags(struct test_rng *rng, struct ix_buf *out)
{
	uint64_t n = test_rand_below(rng, 4);

	ix_buf_add_str(out, ",\"tags\":[");
	for (uint64_t i = 0; i < n; i++)
		ix_buf_addf(out, "%s\"tag%" PRIu64 "\"", i ? "," : "",
			    test_rand_below(rng, 20));
	ix_buf_add_u8(out, ']');
}

void test_mkseg_document(const struct test_mkseg *o, uint32_t number,
			 struct ix_buf *out)
{
	struct test_rng rng;

	test_rng_init(&rng, o->seed * 0x9e3779b97f4a7c15u + number);
	ix_buf_clear(out);
	ix_buf_addf(out, "{\"id\":\"%" PRIx64 "-%" PRIu32 "\"", o->seed,
		    number);
	if (!test_rand_one_in(&rng, 20)) {
		ix_buf_add_str(out, ",\"title\":\"");
		add_words(&rng, o, 8, out);
		ix_buf_add_u8(out, '"');
	}
	if (!test_rand_one_in(&rng, 20)) {
		ix_buf_add_str(out, ",\"body\":\"");
		add_words(&rng, o, o->body_words ? o->body_words : 60, out);
		ix_buf_add_u8(out, '"');
	}
	if (!test_rand_one_in(&rng, 3))
		add_tags(&rng, out);
	if (!test_rand_one_in(&rng, 5))
		ix_buf_addf(out, ",\"source\":\"s%" PRIu64 "\"",
			    test_rand_below(&rng, 5));
	if (!test_rand_one_in(&rng, 5))
		ix_buf_addf(out, ",\"size\":%" PRIu64,
			    test_rand(&rng) >> test_rand_below(&rng, 64));
	if (test_rand_one_in(&rng, 10))
		ix_buf_addf(out, ",\"note\":\"caf\\u00e9 %" PRIu64 "\"",
			    test_rand_below(&rng, 100));
	ix_buf_add_u8(out, '}');
	CHECK(ix_buf_error(out));
}

static uint32_t doc_count(const struct test_mkseg *o)
{
	return o->docs ? o->docs : 100;
}

void test_mkseg_jsonl(const struct test_mkseg *o, struct ix_buf *out)
{
	struct ix_buf json = IX_BUF_INIT;

	for (uint32_t i = 0; i < doc_count(o); i++) {
		test_mkseg_document(o, o->first + i, &json);
		ix_buf_add(out, json.data, json.len);
		ix_buf_add_u8(out, '\n');
	}
	ix_buf_release(&json);
	CHECK(ix_buf_error(out));
}

static void put_name(void *ctx, uint32_t number, char *path, size_t n)
{
	(void)number;
	snprintf(path, n, "%s", (const char *)ctx);
}

void test_mkseg(struct ix_vfs *vfs, const char *path,
		const struct test_mkseg *o, struct ix_segment_info *info)
{
	struct ix_schema *schema = test_mkseg_schema();
	char *name = strdup(path);
	struct ix_build_options options = {
		.schema = schema,
		.batch = o->batch,
		.memory_bytes = o->memory_bytes,
		.one_segment = 1,
		.vfs = vfs,
		.name = put_name,
		.ctx = name,
	};
	struct ix_buf json = IX_BUF_INIT;
	struct ix_builder *b;
	struct ix_file *f;

	CHECK(ix_builder_new(&options, &b));
	for (uint32_t i = 0; i < doc_count(o); i++) {
		test_mkseg_document(o, o->first + i, &json);
		CHECK(ix_builder_add(b, (const char *)json.data, json.len));
	}
	CHECK(ix_builder_finish(b));
	ix_builder_free(b);
	if (info) {
		CHECK(ix_vfs_open(vfs, path, IX_OPEN_READ, &f));
		CHECK(ix_segment_info_read(f, path, info));
		ix_file_close(f);
	}
	ix_buf_release(&json);
	ix_schema_free(schema);
	free(name);
}
