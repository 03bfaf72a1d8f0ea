/* SPDX-License-Identifier: MIT */
/*
 * Goal: what a caller of search may rely on at the edges: no segments, no
 * hits, schemas that grew, keys, explanations, a lack of memory.
 * Method: a handful of documents whose answers are worked out by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/hash.h"
#include "core/base/mem.h"
#include "core/text/analyzer.h"
#include "tests/lib/query_corpus.h"

static const char SCHEMA[] =
	"{\"key\":\"id\",\"default_fields\":[\"body\"],\"fields\":["
	"{\"name\":\"id\",\"type\":\"keyword\"},"
	"{\"name\":\"body\",\"type\":\"text\"},"
	"{\"name\":\"tags\",\"type\":\"keyword\",\"multi\":true}]}";

static const char SCHEMA_OLD[] = "{\"default_fields\":[\"body\"],\"fields\":["
				 "{\"name\":\"body\",\"type\":\"text\"}]}";

static const char *const DOCS[] = {
	"{\"id\":\"a\\\"1\",\"body\":\"red fox\",\"tags\":[\"x\"]}",
	"{\"id\":\"b\",\"body\":\"red red hen\"}",
	("{\"id\":\"c\",\"body\":\"blue whale of the sea\","
	 "\"tags\":[\"x\",\"y\"]}"),
};

static struct ix_schema *parse_schema(const char *text)
{
	struct ix_schema *s;

	query_corpus_must(ix_schema_parse(text, strlen(text), ix_analyzer_known,
					  &s),
			  "schema");
	return s;
}

static struct ix_query *parse(const struct ix_schema *s, const char *text)
{
	struct ix_query *q;

	query_corpus_must(ix_query_parse(s, text, strlen(text), &q), text);
	return q;
}

/* The lines of all hits. */
static void search(struct query_corpus *c, const char *text, int explain,
		   struct ix_buf *out)
{
	struct ix_query *q = parse(c->schema, text);
	struct ix_hit *hits;
	uint32_t count;

	query_corpus_must(ix_search(c->searcher, q, 10, &hits, &count, NULL),
			  text);
	for (uint32_t i = 0; i < count; i++) {
		query_corpus_must(ix_hit_json(c->searcher, q, &hits[i], i + 1,
					      explain, out),
				  text);
		ix_buf_add_u8(out, '\n');
	}
	ix_free(hits);
	ix_query_free(q);
}

static void expect(struct query_corpus *c, const char *text, int explain,
		   const char *expected)
{
	struct ix_buf out = IX_BUF_INIT;

	search(c, text, explain, &out);
	assert_string_equal(ix_buf_str(&out), expected);
	ix_buf_release(&out);
}

static void no_segments_have_no_hits(void **state)
{
	struct ix_schema *s = parse_schema(SCHEMA);
	struct ix_query *q = parse(s, "red OR \"a b\" AND tags:x");
	struct ix_searcher *searcher;
	struct ix_hit *hits;
	uint32_t count = 7;
	uint64_t matches = 7;

	(void)state;
	assert_int_equal(ix_searcher_new(NULL, 0, s, &searcher), 0);
	assert_int_equal(ix_search(searcher, q, 5, &hits, &count, &matches), 0);
	assert_null(hits);
	assert_int_equal(count, 0);
	assert_true(matches == 0);
	ix_searcher_free(searcher);
	ix_query_free(q);
	ix_schema_free(s);
}

/*
 * N = 3, lengths 2, 3, 5, average 10/3. "red": df 2, idf = ln(1 + 1.5/2.5) =
 * 0.470004. Document b: tf 2, norm = 1.2 (0.25 + 0.75 * 3 / (10/3)) = 1.11,
 * 0.470004 * 2 / 3.11 = 0.302253; a: tf 1, norm 0.84: 0.255437. Times 2^20.
 */
static void scores_are_those_worked_out(void **state)
{
	struct ix_schema *s = parse_schema(SCHEMA);
	struct query_corpus c;

	(void)state;
	query_corpus_init(&c, s);
	query_corpus_add(&c, DOCS, 1);
	query_corpus_add(&c, DOCS + 1, 2);
	query_corpus_open(&c);
	expect(&c, "red", 0,
	       "{\"rank\":1,\"score\":\"316935\",\"id\":\"b\",\"fields\":"
	       "{\"body\":\"red red hen\",\"id\":\"b\"}}\n"
	       "{\"rank\":2,\"score\":\"267845\",\"id\":\"a\\\"1\",\"fields\":"
	       "{\"body\":\"red fox\",\"id\":\"a\\\"1\",\"tags\":[\"x\"]}}\n");
	expect(&c, "tags:y AND \"whale of\"", 1,
	       "{\"rank\":1,\"score\":\"1243695\",\"id\":\"c\",\"fields\":"
	       "{\"body\":\"blue whale of the sea\",\"id\":\"c\",\"tags\":"
	       "[\"x\",\"y\"]},\"segment\":\"1.seg\",\"doc\":1,\"terms\":["
	       "{\"field\":\"tags\",\"words\":[{\"term\":\"y\",\"df\":\"1\"}],"
	       "\"tf\":1,\"contribution\":\"467488\"},"
	       "{\"field\":\"body\",\"words\":[{\"term\":\"whale\",\"df\":"
	       "\"1\"},{\"term\":\"of\",\"df\":\"1\"}],\"tf\":1,\"length\":5,"
	       "\"contribution\":\"776207\"}]}\n");
	expect(&c, "green", 0, "");
	expect(&c, "...", 0, "");
	expect(&c, "tags:X", 0, "");
	query_corpus_release(&c);
	ix_schema_free(s);
}

/* Segments from before a field was added have no values of it, and a query
 * may name fields that a searcher's schema has not. */
static void schemas_may_differ(void **state)
{
	static const char *const old[] = { "{\"body\":\"red sea\"}" };
	struct ix_schema *s = parse_schema(SCHEMA);
	struct ix_schema *before = parse_schema(SCHEMA_OLD);
	struct query_corpus c, o;
	struct ix_searcher *searcher;
	struct ix_segment *segments[2];
	struct ix_hit *hits;
	struct ix_query *q = parse(s, "tags:x OR red");
	uint64_t matches;
	uint32_t count;

	(void)state;
	query_corpus_init(&c, s);
	query_corpus_add(&c, DOCS, 3);
	query_corpus_init(&o, before);
	query_corpus_add(&o, old, 1);
	query_corpus_open(&o);
	segments[0] = c.segments[0];
	segments[1] = o.segments[0];
	assert_int_equal(ix_searcher_new(segments, 2, s, &searcher), 0);
	assert_int_equal(ix_search(searcher, q, 9, &hits, &count, &matches), 0);
	assert_int_equal(count, 4);
	assert_true(matches == 4);
	ix_free(hits);
	ix_searcher_free(searcher);

	/* The old schema has no "tags". */
	assert_int_equal(ix_search(o.searcher, q, 9, &hits, &count, &matches),
			 0);
	assert_int_equal(count, 1);
	ix_free(hits);
	/* It does not accept a segment with more fields either. */
	assert_int_equal(ix_searcher_new(segments, 2, before, &searcher),
			 -IX_ESCHEMA);
	assert_null(searcher);
	assert_non_null(strstr(ix_fail_text(), "0.seg"));
	ix_query_free(q);
	query_corpus_release(&c);
	query_corpus_release(&o);
	ix_schema_free(s);
	ix_schema_free(before);
}

static void without_a_key_the_tie_names_a_hit(void **state)
{
	static const char *const docs[] = { "{\"body\":\"red sea\"}" };
	struct ix_schema *s = parse_schema(SCHEMA_OLD);
	struct ix_buf out = IX_BUF_INIT;
	struct query_corpus c;
	char expected[128];

	(void)state;
	query_corpus_init(&c, s);
	query_corpus_add(&c, docs, 1);
	query_corpus_open(&c);
	search(&c, "sea", 0, &out);
	snprintf(expected, sizeof(expected), "\"id\":\"%016llx\",",
		 (unsigned long long)ix_hash64(docs[0], strlen(docs[0])));
	assert_non_null(strstr(ix_buf_str(&out), expected));
	ix_buf_release(&out);
	query_corpus_release(&c);
	ix_schema_free(s);
}

static void counting_needs_no_hits(void **state)
{
	static const struct {
		const char *text;
		uint64_t matches;
	} cases[] = {
		{ "red", 2 },         { "red OR sea", 3 }, { "red AND fox", 1 },
		{ "\"red hen\"", 1 }, { "sea OR ...", 1 }, { "green", 0 },
	};
	struct ix_schema *s = parse_schema(SCHEMA);
	struct query_corpus c;

	(void)state;
	query_corpus_init(&c, s);
	query_corpus_add(&c, DOCS, 3);
	query_corpus_open(&c);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct ix_query *q = parse(s, cases[i].text);
		struct ix_hit *hits;
		uint64_t matches;
		uint32_t count;

		assert_int_equal(ix_search(c.searcher, q, 0, &hits, &count,
					   &matches),
				 0);
		assert_null(hits);
		assert_int_equal(count, 0);
		assert_true(matches == cases[i].matches);
		assert_int_equal(ix_search(c.searcher, q, 0, &hits, &count,
					   NULL),
				 0);
		assert_int_equal(count, 0);
		ix_query_free(q);
	}
	query_corpus_release(&c);
	ix_schema_free(s);
}

static void foreign_hits_are_refused(void **state)
{
	struct ix_schema *s = parse_schema(SCHEMA);
	struct ix_hit hit = { .segment = 1 };
	struct ix_buf out = IX_BUF_INIT;
	struct query_corpus c;
	struct ix_query *q = parse(s, "whale");

	(void)state;
	query_corpus_init(&c, s);
	query_corpus_add(&c, DOCS, 3);
	query_corpus_open(&c);
	ix_buf_add_str(&out, "kept");
	assert_int_equal(ix_hit_json(c.searcher, q, &hit, 1, 0, &out), -EINVAL);
	hit.segment = 0;
	hit.doc = 3;
	assert_int_equal(ix_hit_json(c.searcher, q, &hit, 1, 0, &out), -EINVAL);
	hit.doc = 0; /* "red fox" */
	assert_int_equal(ix_hit_json(c.searcher, q, &hit, 1, 1, &out), -EINVAL);
	assert_string_equal(ix_buf_str(&out), "kept");
	ix_buf_release(&out);
	ix_query_free(q);
	query_corpus_release(&c);
	ix_schema_free(s);
}

static int fail_at, calls;

static int fail_nth(void)
{
	return ++calls == fail_at;
}

static int search_once(struct query_corpus *c, const struct ix_query *q)
{
	struct ix_searcher *s = NULL;
	struct ix_buf out = IX_BUF_INIT;
	struct ix_hit *hits = NULL;
	uint32_t count;
	int rc;

	rc = ix_searcher_new(c->segments, c->count, c->schema, &s);
	if (!rc)
		rc = ix_search(s, q, 3, &hits, &count, NULL);
	if (!rc)
		rc = ix_hit_json(s, q, &hits[0], 1, 1, &out);
	ix_free(hits);
	ix_buf_release(&out);
	ix_searcher_free(s);
	return rc;
}

static void a_lack_of_memory_is_reported(void **state)
{
	struct ix_schema *s = parse_schema(SCHEMA);
	struct query_corpus c;
	struct ix_query *q = parse(s, "red (tags:x AND (blue OR \"the sea\"))");
	int rc = -ENOMEM;

	(void)state;
	query_corpus_init(&c, s);
	query_corpus_add(&c, DOCS, 3);
	for (fail_at = 1; rc; fail_at++) {
		calls = 0;
		ix_mem_fail_hook = fail_nth;
		rc = search_once(&c, q);
		ix_mem_fail_hook = NULL;
		assert_true(rc == 0 || rc == -ENOMEM);
	}
	assert_true(fail_at > 30);
	ix_query_free(q);
	query_corpus_release(&c);
	ix_schema_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_segments_have_no_hits),
		cmocka_unit_test(scores_are_those_worked_out),
		cmocka_unit_test(schemas_may_differ),
		cmocka_unit_test(without_a_key_the_tie_names_a_hit),
		cmocka_unit_test(counting_needs_no_hits),
		cmocka_unit_test(foreign_hits_are_refused),
		cmocka_unit_test(a_lack_of_memory_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
