/* SPDX-License-Identifier: MIT */
/*
 * Goal: documents become the segments that docs/format.md describes; refused
 * ones leave no trace; cuts, names, ids and files are what build.h promises.
 *
 * Method: small builds on a simulated disk, opened and searched through the
 * segment's own interface. (prop.build_model compares everything with a
 * model; here are the cases one can think of.)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "core/base/err.h"
#include "core/base/hash.h"
#include "core/io/sim.h"
#include "core/segment/batch.h"
#include "core/segment/build.h"
#include "core/segment/merge.h"
#include "core/segment/segment.h"
#include "core/segment/verify.h"
#include "core/text/analyzer.h"
#include "tests/lib/mkseg.h"

static struct ix_vfs *disk;

static int setup(void **state)
{
	(void)state;
	return ix_sim_new(&disk);
}

static int teardown(void **state)
{
	(void)state;
	ix_vfs_free(disk);
	return 0;
}

#define ASSERT_OK(call)                                                   \
 do {                                                                     \
  int assert_rc = (call);                                                 \
  if (assert_rc)                                                          \
   fail_msg("%s: %s: %s", #call, ix_err_name(assert_rc), ix_fail_text()); \
 } while (0)

/* ---- building ---- */

struct made {
	char prefix[32];
	unsigned count;
	struct ix_id ids[64];
	uint32_t docs[64];
	uint64_t bytes[64];
};

static void put_name(void *ctx, uint32_t number, char *path, size_t n)
{
	struct made *m = ctx;

	assert_int_equal(number, m->count);
	snprintf(path, n, "%s%u.seg", m->prefix, number);
}

static void note_done(void *ctx, const char *path, const struct ix_id *id,
		      uint32_t doc_count, uint64_t bytes)
{
	struct made *m = ctx;
	char expected[64];
	struct ix_stat st;

	snprintf(expected, sizeof(expected), "%s%u.seg", m->prefix, m->count);
	assert_string_equal(path, expected);
	ASSERT_OK(ix_vfs_stat(disk, path, &st));
	assert_true(st.size == bytes);
	assert_true(m->count < 64);
	m->ids[m->count] = *id;
	m->docs[m->count] = doc_count;
	m->bytes[m->count++] = bytes;
}

static struct ix_schema *parse_schema(const char *text)
{
	struct ix_schema *s;

	ASSERT_OK(ix_schema_parse(text, strlen(text), ix_analyzer_known, &s));
	return s;
}

static struct ix_build_options options_of(const struct ix_schema *s,
					  struct made *m, const char *prefix)
{
	memset(m, 0, sizeof(*m));
	snprintf(m->prefix, sizeof(m->prefix), "%s", prefix);
	return (struct ix_build_options){
		.schema = s,
		.vfs = disk,
		.name = put_name,
		.done = note_done,
		.ctx = m,
	};
}

/* Build `docs` (NULL-terminated) with these options. */
static void build(const struct ix_build_options *o, const char *const *docs)
{
	struct ix_builder *b;

	ASSERT_OK(ix_builder_new(o, &b));
	for (; *docs; docs++)
		ASSERT_OK(ix_builder_add(b, *docs, strlen(*docs)));
	ASSERT_OK(ix_builder_finish(b));
	ix_builder_free(b);
}

/* ---- looking ---- */

static int count_entry(void *ctx, const char *name, enum ix_file_type type)
{
	(void)name;
	(void)type;
	++*(unsigned *)ctx;
	return 0;
}

static unsigned files_on_disk(void)
{
	unsigned n = 0;

	ASSERT_OK(ix_vfs_list(disk, "", count_entry, &n));
	return n;
}

static struct ix_segment *open_segment(const char *path)
{
	struct ix_verify_options v = { .level = IX_VERIFY_FULL };
	struct ix_segment *s;
	struct ix_file *f;

	ASSERT_OK(ix_vfs_open(disk, path, IX_OPEN_READ, &f));
	ASSERT_OK(ix_segment_verify(f, path, &v, NULL));
	ASSERT_OK(ix_segment_open(f, path, &s));
	ix_file_close(f);
	return s;
}

static uint32_t field(const struct ix_segment *s, const char *name)
{
	int32_t f = ix_schema_find(ix_segment_schema(s), name, strlen(name));

	assert_true(f >= 0);
	return (uint32_t)f;
}

/* The postings of a term as text: "doc:freq[positions] ...". */
static const char *postings(const struct ix_segment *s, const char *name,
			    const char *term)
{
	static char out[4096];
	const struct ix_terms *t = ix_segment_terms(s, field(s, name));
	const uint8_t *payload;
	struct ix_term_info info;
	struct ix_list_reader *r;
	uint32_t doc;
	size_t n = 0;

	out[0] = '\0';
	if (!t || ix_terms_find(t, (const uint8_t *)term, strlen(term), &info,
				&payload) != 1)
		return "none";
	ASSERT_OK(ix_list_reader_new(t->codec, &r));
	ASSERT_OK(ix_list_open(r, payload, &info, t->doc_count));
	while (ix_list_next(r, &doc) == 1) {
		const uint32_t *p;

		n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%u:%u",
				      n ? " " : "", doc, ix_list_freq(r));
		if (t->codec != IX_POSTINGS_POSITIONS)
			continue;
		ASSERT_OK(ix_list_positions(r, &p));
		for (uint32_t i = 0; i < ix_list_freq(r); i++)
			n += (size_t)snprintf(out + n, sizeof(out) - n, "%c%u",
					      i ? ',' : '@', p[i]);
	}
	ix_list_reader_free(r);
	return out;
}

static void assert_record(const struct ix_segment *s, uint32_t doc,
			  const char *expected)
{
	struct ix_store_cursor c;
	const uint8_t *record;
	size_t n;

	ix_store_cursor_init(&c);
	ASSERT_OK(ix_segment_record(s, &c, doc, &record, &n));
	if (n != strlen(expected) || memcmp(record, expected, n) != 0)
		fail_msg("record %u: %.*s, expected %s", doc, (int)n,
			 (const char *)record, expected);
	ix_store_cursor_release(&c);
}

/* ---- content ---- */

static void a_small_segment_can_be_searched(void **state)
{
	static const char *const docs[] = {
		"{\"id\":\"a\",\"title\":\"The red fox\",\"tags\":[\"x\",\"y\","
		"\"x\"],\"size\":5}",
		"{\"id\":\"b\",\"title\":\"Red, RED! red\",\"note\":\"n\"}",
		"{\"id\":\"c\",\"tags\":\"\"}", NULL
	};
	struct ix_schema *schema = test_mkseg_schema();
	const struct ix_column *column;
	struct ix_build_options o;
	struct ix_segment *s;
	struct made m;
	uint32_t doc, first, n;
	size_t len;

	(void)state;
	o = options_of(schema, &m, "s");
	build(&o, docs);
	assert_int_equal(m.count, 1);
	assert_int_equal(files_on_disk(), 1);
	s = open_segment("s0.seg");
	assert_int_equal(ix_segment_doc_count(s), 3);
	assert_true(ix_id_equal(&ix_segment_info(s)->trailer.id, &m.ids[0]));

	assert_string_equal(postings(s, "title", "red"), "0:1@1 1:3@0,1,2");
	assert_string_equal(postings(s, "title", "fox"), "0:1@2");
	assert_string_equal(postings(s, "title", "Red"), "none");
	assert_string_equal(postings(s, "id", "b"), "1:1");
	assert_string_equal(postings(s, "tags", "x"), "0:1");
	/* There is no empty term, but an empty value. */
	assert_string_equal(postings(s, "tags", ""), "none");
	assert_string_equal(postings(s, "note", "n"), "none");

	assert_int_equal(
		ix_lengths_get(ix_segment_lengths(s, field(s, "title")), 1), 3);
	assert_int_equal(
		ix_lengths_get(ix_segment_lengths(s, field(s, "title")), 2), 0);
	column = ix_segment_column(s, field(s, "tags"), 0, &doc);
	assert_non_null(column);
	ix_column_values(column, doc, &first, &n);
	assert_int_equal(n, 3);
	assert_memory_equal(ix_column_bytes(column, first + 2, &len), "x", 1);
	ix_column_values(column, 2, &first, &n);
	assert_int_equal(n, 1);
	ix_column_bytes(column, first, &len);
	assert_int_equal(len, 0);
	column = ix_segment_column(s, field(s, "size"), 0, &doc);
	ix_column_values(column, 0, &first, &n);
	assert_int_equal(n, 1);
	assert_true(ix_column_u64(column, first) == 5);

	assert_record(s, 1,
		      "{\"id\":\"b\",\"note\":\"n\",\"title\":\"Red, RED! "
		      "red\"}");
	assert_record(s, 2, "{\"id\":\"c\",\"tags\":[\"\"]}");
	assert_true(ix_segment_tie(s, 2) ==
		    ix_hash64("{\"id\":\"c\",\"tags\":[\"\"]}", 22));
	/* A field that no document has leaves no part. */
	assert_null(ix_segment_terms(s, field(s, "body")));
	assert_null(ix_segment_lengths(s, field(s, "body")));
	ix_segment_close(s);
	ix_schema_free(schema);
}

static void values_of_a_multi_field_are_100_positions_apart(void **state)
{
	static const char *const docs[] = {
		"{\"t\":[\"a b c\",\"a\",\"\",\"...\",\"b a\"]}",
		"{\"t\":[\"\",\"a\"]}", "{\"t\":\"c\"}", NULL
	};
	struct ix_schema *schema = parse_schema(
		"{\"fields\":[{\"name\":\"t\",\"type\":\"text\",\"multi\":"
		"true}]}");
	struct ix_build_options o;
	struct ix_segment *s;
	struct made m;

	(void)state;
	o = options_of(schema, &m, "s");
	build(&o, docs);
	s = open_segment("s0.seg");
	/* 2 + 100 = 102; values without words have no last position. */
	assert_string_equal(postings(s, "t", "a"), "0:3@0,102,203 1:1@0");
	assert_string_equal(postings(s, "t", "b"), "0:2@1,202");
	assert_int_equal(ix_lengths_get(ix_segment_lengths(s, 0), 0), 6);
	ix_segment_close(s);
	ix_schema_free(schema);
}

static void every_kind_of_text_field_works(void **state)
{
	static const char *const docs[] = {
		"{\"raw\":\"A b\",\"freqs\":\"x y x\",\"stem\":\"running\","
		"\"hidden\":\"z\"}",
		"{\"raw\":\"\",\"freqs\":\"y\"}", NULL
	};
	struct ix_schema *schema = parse_schema(
		"{\"fields\":["
		"{\"name\":\"raw\",\"type\":\"text\",\"tokenizer\":\"raw\"},"
		"{\"name\":\"freqs\",\"type\":\"text\",\"positions\":false},"
		"{\"name\":\"stem\",\"type\":\"text\",\"tokenizer\":\"en_stem\"},"
		"{\"name\":\"hidden\",\"type\":\"text\",\"stored\":false}]}");
	struct ix_build_options o;
	struct ix_segment *s;
	struct made m;

	(void)state;
	o = options_of(schema, &m, "s");
	build(&o, docs);
	s = open_segment("s0.seg");
	assert_string_equal(postings(s, "raw", "A b"), "0:1@0");
	assert_string_equal(postings(s, "freqs", "x"), "0:2");
	assert_string_equal(postings(s, "freqs", "y"), "0:1 1:1");
	assert_string_equal(postings(s, "stem", "run"), "0:1@0");
	assert_string_equal(postings(s, "hidden", "z"), "0:1@0");
	assert_int_equal(ix_lengths_get(ix_segment_lengths(s, field(s, "raw")),
					1),
			 0);
	assert_record(s, 0,
		      "{\"freqs\":\"x y x\",\"raw\":\"A b\",\"stem\":"
		      "\"running\"}");
	ix_segment_close(s);
	ix_schema_free(schema);
}

/* docs/format.md section 3, spelled out. */
static void ids_are_the_hash_of_the_canonical_documents(void **state)
{
	static const char *const docs[] = { "{ \"t\" : \"b\\u0061\" }", "{}",
					    NULL };
	struct ix_schema *schema = parse_schema(
		"{\"fields\":[{\"name\":\"t\",\"type\":\"text\"}]}");
	struct ix_buf text = IX_BUF_INIT;
	struct ix_build_options o;
	struct ix_id expected;
	struct made m;

	(void)state;
	o = options_of(schema, &m, "s");
	o.batch = "monday";
	build(&o, docs);
	ix_buf_addf(&text, "ixfs-segment-1\n%s\nmonday\n{\"t\":\"ba\"}\n{}\n",
		    schema->canonical);
	expected = ix_id_from_hash(ix_hash128(text.data, text.len));
	assert_true(ix_id_equal(&expected, &m.ids[0]));
	ix_buf_release(&text);
	ix_schema_free(schema);
}

/* ---- refusals ---- */

static void assert_same_file(const char *a, const char *b)
{
	struct ix_stat st;
	struct ix_file *f;
	uint8_t *data[2];

	for (int i = 0; i < 2; i++) {
		ASSERT_OK(ix_vfs_stat(disk, i ? b : a, &st));
		data[i] = malloc(st.size);
		ASSERT_OK(ix_vfs_open(disk, i ? b : a, IX_OPEN_READ, &f));
		assert_true(ix_file_read(f, data[i], st.size, 0) ==
			    (ssize_t)st.size);
		ix_file_close(f);
	}
	ASSERT_OK(ix_vfs_stat(disk, a, &st));
	assert_memory_equal(data[0], data[1], st.size);
	free(data[0]);
	free(data[1]);
}

/* Build 100 numbered documents, each after a document that is refused, if
 * `with_bad`. */
static void build_hundred(const struct ix_build_options *o, int with_bad)
{
	static const char *const bad[] = {
		"",
		"{\"id\":\"x\",\"title\":\"new words\"",
		"{\"id\":\"x\",\"title\":\"new words\",\"size\":1.5}",
		"{\"id\":\"x\",\"title\":\"new words\",\"nope\":1}",
		"{\"title\":\"a document without its key\"}",
		"{\"id\":\"x\",\"tags\":[\"t1\",\"t2\",7]}",
		"{\"id\":\"x\",\"title\":\"a\",\"title\":\"b\"}",
		"{\"id\":\"x\",\"title\":\"\xff\"}",
	};
	struct test_mkseg dims = { .seed = 42 };
	struct ix_buf json = IX_BUF_INIT;
	struct ix_builder *b;

	ASSERT_OK(ix_builder_new(o, &b));
	for (uint32_t i = 0; i < 100; i++) {
		const char *text = bad[i % 8];

		if (with_bad)
			assert_int_equal(ix_builder_add(b, text, strlen(text)),
					 -IX_EINPUT);
		test_mkseg_document(&dims, i, &json);
		ASSERT_OK(ix_builder_add(b, (char *)json.data, json.len));
		assert_int_equal(ix_builder_doc_count(b), i + 1);
	}
	ASSERT_OK(ix_builder_finish(b));
	ix_builder_free(b);
	ix_buf_release(&json);
}

static void merge_two(const char *a, const char *b, const char *to)
{
	struct ix_merge_source sources[2] = { { .name = a }, { .name = b } };
	struct ix_merge_options o = { 0 };
	struct ix_merge_result result;
	struct ix_file *out;

	for (int i = 0; i < 2; i++)
		ASSERT_OK(ix_vfs_open(disk, sources[i].name, IX_OPEN_READ,
				      &sources[i].file));
	ASSERT_OK(ix_vfs_open(disk, to,
			      IX_OPEN_WRITE | IX_OPEN_CREATE | IX_OPEN_EXCL,
			      &out));
	ASSERT_OK(ix_segment_merge(sources, 2, out, &o, &result, NULL));
	ix_file_close(out);
	for (int i = 0; i < 2; i++)
		ix_file_close(sources[i].file);
}

/* All records of both segments are the same, and each is its own document's:
 * the ids say so. */
static void assert_same_hundred_records(const char *a, const char *b)
{
	struct ix_segment *s[2] = { open_segment(a), open_segment(b) };
	struct ix_store_cursor c[2];

	for (int k = 0; k < 2; k++) {
		assert_int_equal(ix_segment_doc_count(s[k]), 100);
		ix_store_cursor_init(&c[k]);
	}
	for (uint32_t i = 0; i < 100; i++) {
		const uint8_t *record[2];
		size_t n[2];
		char id[32];

		for (int k = 0; k < 2; k++)
			ASSERT_OK(ix_segment_record(s[k], &c[k], i, &record[k],
						    &n[k]));
		assert_int_equal(n[0], n[1]);
		assert_memory_equal(record[0], record[1], n[0]);
		snprintf(id, sizeof(id), "\"id\":\"2a-%u\"", i);
		assert_non_null(memmem(record[0], n[0], id, strlen(id)));
	}
	for (int k = 0; k < 2; k++) {
		ix_store_cursor_release(&c[k]);
		ix_segment_close(s[k]);
	}
}

/* S-42: a document that is refused in the middle of a batch, for whatever
 * reason, shifts nothing: the file is byte for byte the one without it, and so
 * are all records after three merges. (open_segment verifies that store and
 * metadata count the same documents.) */
static void s42_a_refused_document_leaves_no_trace(void **state)
{
	struct ix_schema *schema = test_mkseg_schema();
	struct ix_build_options o;
	struct made m[3];

	(void)state;
	o = options_of(schema, &m[0], "without");
	build_hundred(&o, 0);
	o = options_of(schema, &m[1], "with");
	build_hundred(&o, 1);
	assert_true(ix_id_equal(&m[0].ids[0], &m[1].ids[0]));
	assert_same_file("with0.seg", "without0.seg");
	assert_same_hundred_records("with0.seg", "without0.seg");

	o = options_of(schema, &m[2], "part");
	o.docs_per_segment = 25;
	build_hundred(&o, 1);
	merge_two("part0.seg", "part1.seg", "merge1.seg");
	merge_two("merge1.seg", "part2.seg", "merge2.seg");
	merge_two("merge2.seg", "part3.seg", "merge3.seg");
	assert_same_hundred_records("merge3.seg", "without0.seg");
	ix_schema_free(schema);
}

static void nothing_is_built_of_no_documents(void **state)
{
	struct ix_schema *schema = test_mkseg_schema();
	struct ix_build_options o;
	struct ix_builder *b;
	struct made m;

	(void)state;
	o = options_of(schema, &m, "s");
	ASSERT_OK(ix_builder_new(&o, &b));
	assert_int_equal(ix_builder_add(b, "{}", 2), -IX_EINPUT);
	assert_int_equal(ix_builder_finish(b), -IX_EINPUT);
	ix_builder_free(b);
	assert_int_equal(files_on_disk(), 0);
	ix_schema_free(schema);
}

static void a_builder_that_is_dropped_leaves_no_files(void **state)
{
	struct ix_schema *schema = test_mkseg_schema();
	struct ix_build_options o;
	struct made m;

	(void)state;
	for (int one = 0; one < 2; one++) {
		struct ix_builder *b;

		o = options_of(schema, &m, "s");
		o.one_segment = one;
		ASSERT_OK(ix_builder_new(&o, &b));
		ASSERT_OK(ix_builder_add(b, "{\"id\":\"a\"}", 10));
		assert_int_equal(files_on_disk(), 1 + one);
		ix_builder_free(b);
		assert_int_equal(files_on_disk(), 0);
	}
	ix_schema_free(schema);
}

static void bad_options_are_refused(void **state)
{
	struct ix_schema *schema = test_mkseg_schema();
	struct ix_build_options o;
	struct ix_builder *b;
	struct made m;

	(void)state;
	o = options_of(schema, &m, "s");
	o.memory_bytes = 1;
	assert_int_equal(ix_builder_new(&o, &b), -IX_EINPUT);
	o.memory_bytes = UINT64_MAX;
	assert_int_equal(ix_builder_new(&o, &b), -IX_EINPUT);
	o.memory_bytes = 0;
	o.batch = "two\nlines";
	assert_int_equal(ix_builder_new(&o, &b), -IX_EINPUT);
	ix_schema_free(schema);
}

/* Positions end at 2^31 - 1. A document that comes so far is larger than this
 * test wants to be: the same page of values is mapped again and again. */
static void positions_beyond_the_limit_are_refused(void **state)
{
	enum {
		TILE = 4096 * 256,
	};
	struct ix_schema *schema = parse_schema(
		"{\"fields\":[{\"name\":\"t\",\"type\":\"text\",\"multi\":"
		"true,\"tokenizer\":\"raw\"}]}");
	size_t tile_bytes = TILE * sizeof(struct ix_value);
	/* The k-th value has position 100 k; this many fit. */
	size_t fit = 0x7fffffff / 100 + 1;
	size_t bytes = (fit / TILE + 1) * tile_bytes;
	int fd = memfd_create("values", MFD_CLOEXEC);
	struct ix_value *values;
	struct ix_batch *batch;
	struct ix_document d;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)tile_bytes), 0);
	values = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		      0);
	assert_true(values != MAP_FAILED);
	for (size_t at = 0; at < bytes; at += tile_bytes)
		assert_true(mmap((char *)values + at, tile_bytes,
				 PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
				 fd, 0) != MAP_FAILED);
	for (size_t i = 0; i < TILE; i++)
		values[i] = (struct ix_value){ .text = "a", .len = 1 };
	ASSERT_OK(ix_document_init(&d, schema));
	ASSERT_OK(ix_batch_new(schema, &batch));
	d.values = values;
	d.count = fit;
	ASSERT_OK(ix_batch_check(batch, &d));
	d.count = fit + 1;
	assert_int_equal(ix_batch_check(batch, &d), -IX_EINPUT);
	assert_non_null(strstr(ix_fail_text(), "field \"t\""));
	d.values = NULL;
	ix_document_release(&d);
	ix_batch_free(batch);
	munmap(values, bytes);
	close(fd);
	ix_schema_free(schema);
}

/* ---- files and cuts ---- */

static void add_numbered(struct ix_builder *b, uint32_t from, uint32_t to)
{
	struct test_mkseg dims = { .seed = 1 };
	struct ix_buf json = IX_BUF_INIT;

	for (uint32_t i = from; i < to; i++) {
		test_mkseg_document(&dims, i, &json);
		ASSERT_OK(ix_builder_add(b, (char *)json.data, json.len));
	}
	ix_buf_release(&json);
}

static void segments_are_cut_by_document_count(void **state)
{
	struct ix_schema *schema = test_mkseg_schema();
	struct test_mkseg dims = { .seed = 1, .docs = 10, .first = 10 };
	struct ix_segment_info info;
	struct ix_build_options o;
	struct ix_builder *b;
	struct made m;

	(void)state;
	o = options_of(schema, &m, "s");
	o.docs_per_segment = 10;
	ASSERT_OK(ix_builder_new(&o, &b));
	add_numbered(b, 0, 25);
	assert_int_equal(ix_builder_segment_count(b), 2);
	ASSERT_OK(ix_builder_finish(b));
	assert_int_equal(ix_builder_segment_count(b), 3);
	ix_builder_free(b);
	assert_int_equal(m.docs[0], 10);
	assert_int_equal(m.docs[1], 10);
	assert_int_equal(m.docs[2], 5);
	assert_int_equal(files_on_disk(), 3);
	/* Each is what a builder makes of its documents alone. */
	test_mkseg(disk, "alone.seg", &dims, &info);
	assert_true(ix_id_equal(&info.trailer.id, &m.ids[1]));
	ix_segment_info_release(&info);
	assert_same_file("alone.seg", "s1.seg");
	ix_schema_free(schema);
}

static void a_full_last_segment_is_followed_by_no_empty_one(void **state)
{
	struct ix_schema *schema = test_mkseg_schema();
	struct ix_build_options o;
	struct ix_builder *b;
	struct made m;

	(void)state;
	o = options_of(schema, &m, "s");
	o.docs_per_segment = 10;
	ASSERT_OK(ix_builder_new(&o, &b));
	add_numbered(b, 0, 20);
	ASSERT_OK(ix_builder_finish(b));
	ix_builder_free(b);
	assert_int_equal(m.count, 2);
	ix_schema_free(schema);
}

static void two_builders_cannot_make_the_same_file(void **state)
{
	struct ix_schema *schema = test_mkseg_schema();
	struct ix_builder *a, *b;
	struct ix_build_options o;
	struct made ma, mb;

	(void)state;
	o = options_of(schema, &ma, "s");
	ASSERT_OK(ix_builder_new(&o, &a));
	o = options_of(schema, &mb, "s");
	ASSERT_OK(ix_builder_new(&o, &b));
	add_numbered(a, 0, 1);
	assert_int_equal(ix_builder_add(b, "{\"id\":\"a\"}", 10), -EWOULDBLOCK);
	assert_int_equal(ix_builder_finish(b), -EWOULDBLOCK);
	ix_builder_free(b);
	ASSERT_OK(ix_builder_finish(a));
	ix_builder_free(a);
	ix_segment_close(open_segment("s0.seg"));
	assert_int_equal(files_on_disk(), 1);
	ix_schema_free(schema);
}

static void leftovers_of_a_killed_builder_are_used_again(void **state)
{
	struct ix_schema *schema = test_mkseg_schema();
	struct ix_build_options o;
	struct ix_builder *b;
	struct ix_file *f;
	struct made m;

	(void)state;
	ASSERT_OK(ix_vfs_open(disk, ".s0.seg.tmp",
			      IX_OPEN_WRITE | IX_OPEN_CREATE, &f));
	ASSERT_OK(ix_file_write(f, "rubbish", 7, 100000));
	ix_file_close(f);
	o = options_of(schema, &m, "s");
	ASSERT_OK(ix_builder_new(&o, &b));
	add_numbered(b, 0, 3);
	ASSERT_OK(ix_builder_finish(b));
	ix_builder_free(b);
	ix_segment_close(open_segment("s0.seg"));
	assert_int_equal(files_on_disk(), 1);
	ix_schema_free(schema);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(a_small_segment_can_be_searched),
		TEST(values_of_a_multi_field_are_100_positions_apart),
		TEST(every_kind_of_text_field_works),
		TEST(ids_are_the_hash_of_the_canonical_documents),
		TEST(s42_a_refused_document_leaves_no_trace),
		TEST(positions_beyond_the_limit_are_refused),
		TEST(nothing_is_built_of_no_documents),
		TEST(a_builder_that_is_dropped_leaves_no_files),
		TEST(bad_options_are_refused),
		TEST(segments_are_cut_by_document_count),
		TEST(a_full_last_segment_is_followed_by_no_empty_one),
		TEST(two_builders_cannot_make_the_same_file),
		TEST(leftovers_of_a_killed_builder_are_used_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
