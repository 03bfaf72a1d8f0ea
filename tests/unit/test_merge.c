/* SPDX-License-Identifier: MIT */
/*
 * Goal: a merge of built segments holds exactly what a build of all their
 * documents holds, in the same order, whatever the sources, the engine and the
 * memory; the same inputs give the same bytes; a damaged source is named and
 * nothing is published; limits are refused before anything is written.
 * Method: random documents, built whole and in pieces; everything decoded and
 * compared; damage and faults put into each part of each source.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/codec.h"
#include "core/segment/merge.h"
#include "core/segment/verify.h"
#include "tests/lib/corpus.h"
#include "tests/lib/rehash.h"
#include "tests/lib/same.h"
#include "tests/lib/segments.h"
#include "tests/lib/tmpdir.h"

static struct test_rng rng;
static struct ix_vfs *vfs;

struct inputs {
	struct ix_merge_source sources[IX_MERGE_FAN_IN_MAX];
	char names[IX_MERGE_FAN_IN_MAX][16];
	uint32_t n;
};

static void inputs_add(struct inputs *in, const char *path)
{
	struct ix_merge_source *s = &in->sources[in->n];

	snprintf(in->names[in->n], sizeof(in->names[0]), "%s", path);
	s->name = in->names[in->n];
	s->file = test_open(vfs, path, IX_OPEN_READ);
	s->registration = 1000 + in->n;
	in->n++;
}

static void inputs_close(struct inputs *in)
{
	for (uint32_t i = 0; i < in->n; i++)
		ix_file_close(in->sources[i].file);
	memset(in, 0, sizeof(*in));
}

static int merge_with(struct inputs *in, const char *path,
		      const struct ix_merge_options *o,
		      struct ix_merge_result *result, uint32_t *badp)
{
	struct ix_file *out =
		test_open(vfs, path,
			  IX_OPEN_WRITE | IX_OPEN_CREATE | IX_OPEN_TRUNC);
	int rc = ix_segment_merge(in->sources, in->n, out, o, result, badp);

	ix_file_close(out);
	return rc;
}

static void merge(struct inputs *in, const char *path)
{
	struct ix_merge_options o = { .engine = IX_ENGINE_SYNC };
	struct ix_merge_result result;
	uint32_t bad;

	if (merge_with(in, path, &o, &result, &bad))
		fail_msg("merge: %s", ix_fail_text());
}

static void verify(const char *path)
{
	struct ix_verify_options o = { .level = IX_VERIFY_FULL };
	struct ix_file *f = test_open(vfs, path, IX_OPEN_READ);

	if (ix_segment_verify(f, path, &o, NULL))
		fail_msg("%s", ix_fail_text());
	ix_file_close(f);
}

static struct ix_segment *open_segment(const char *path)
{
	struct ix_file *f = test_open(vfs, path, IX_OPEN_READ);
	struct ix_segment *s;

	if (ix_segment_open(f, path, &s))
		fail_msg("%s", ix_fail_text());
	ix_file_close(f);
	return s;
}

static void same(const char *a, const char *b)
{
	struct ix_segment *sa = open_segment(a), *sb = open_segment(b);

	test_same_content(sa, sb);
	ix_segment_close(sa);
	ix_segment_close(sb);
}

/* Documents in `pieces` segments p0, p1, ... and, whole, in "whole". */
static void build_split(struct test_docs *d, const struct ix_schema *schema,
			uint32_t pieces, struct inputs *in)
{
	uint32_t from = 0;
	char name[16];

	test_segment_build(vfs, "whole", schema, d, 0, d->n, "");
	for (uint32_t i = 0; i < pieces; i++) {
		uint32_t to = i + 1 == pieces
				      ? d->n
				      : (uint32_t)test_rand_in(&rng, from + 1,
							       d->n - (pieces -
								       1 - i));

		snprintf(name, sizeof(name), "p%u", i);
		test_segment_build(vfs, name, schema, d, from, to, "");
		inputs_add(in, name);
		from = to;
	}
}

static void keep(const char *path, const char *name)
{
	size_t n;
	uint8_t *data = test_slurp(vfs, path, &n);

	test_corpus_keep("segment", name, data, n);
	free(data);
}

/* S-43, S-55, H-1, H-2: every entry of every list, in the order of sources. */
static void merge_equals_build_of_all(void **state)
{
	struct ix_schema *schema = test_schema(TEST_SCHEMA);

	(void)state;
	for (int round = 0; round < 25; round++) {
		uint32_t n = (uint32_t)test_rand_in(&rng, 8,
						    round < 20 ? 300 : 4000);
		struct inputs in = { .n = 0 };
		struct test_docs d;

		test_docs_make(&d, &rng, n);
		build_split(&d, schema, (uint32_t)test_rand_in(&rng, 1, 7),
			    &in);
		merge(&in, "merged");
		verify("merged");
		same("whole", "merged");
		inputs_close(&in);
		test_docs_release(&d);
	}
	ix_schema_free(schema);
}

static void generations_of_merges_hold_the_same(void **state)
{
	struct ix_schema *schema = test_schema(TEST_SCHEMA);

	(void)state;
	for (int round = 0; round < 6; round++) {
		struct inputs in = { .n = 0 };
		struct test_docs d;
		uint32_t left, made = 16;
		char name[16];

		test_docs_make(&d, &rng, 800);
		build_split(&d, schema, 16, &in);
		inputs_close(&in);
		/* Neighbours are merged, two to four at a time, to one. */
		for (left = 16; left > 1;) {
			uint32_t k = (uint32_t)test_rand_in(&rng, 2, 4);
			uint32_t at;

			k = k > left ? left : k;
			at = (uint32_t)test_rand_below(&rng, left - k + 1);
			/* Names p<at>.. hold the present segments. */
			for (uint32_t i = 0; i < k; i++) {
				snprintf(name, sizeof(name), "p%u", at + i);
				inputs_add(&in, name);
			}
			snprintf(name, sizeof(name), "m%u", made++);
			merge(&in, name);
			inputs_close(&in);
			{
				char to[16], from[16];

				snprintf(to, sizeof(to), "p%u", at);
				assert_int_equal(ix_vfs_rename(vfs, name, to),
						 0);
				for (uint32_t i = at + k; i < left; i++) {
					snprintf(from, sizeof(from), "p%u", i);
					snprintf(to, sizeof(to), "p%u",
						 i - k + 1);
					assert_int_equal(ix_vfs_rename(vfs,
								       from,
								       to),
							 0);
				}
			}
			left -= k - 1;
		}
		verify("p0");
		same("whole", "p0");
		test_docs_release(&d);
	}
	ix_schema_free(schema);
}

/* S-44 (d): [has, lacks, has]: a source without a field shifts nothing. */
static void fields_of_some_sources_only(void **state)
{
	static const char *const schemas[] = {
		"{\"fields\":[{\"name\":\"a\",\"type\":\"text\"},"
		"{\"name\":\"n\",\"type\":\"u64\"},"
		"{\"name\":\"k\",\"type\":\"keyword\",\"multi\":true}]}",
		"{\"fields\":[{\"name\":\"b\",\"type\":\"text\"}]}",
		"{\"fields\":[{\"name\":\"a\",\"type\":\"text\"},"
		"{\"name\":\"k\",\"type\":\"keyword\",\"multi\":true},"
		"{\"name\":\"z\",\"type\":\"u64\"}]}",
	};
	static const char *const lines[] = {
		"{\"a\":\"one two two\",\"n\":7,\"k\":[\"x\",\"y\"]}",
		"{\"b\":\"three\"}",
		"{\"a\":\"two\",\"k\":[\"x\"],\"z\":9}",
	};
	struct ix_schema *all[3], *joined;
	struct inputs in = { .n = 0 };
	struct test_docs whole = { .n = 0 }, part[3] = { { .n = 0 } };
	size_t ends[150], part_ends[3][50];
	char name[16];

	(void)state;
	whole.ends = ends;
	for (int i = 0; i < 3; i++) {
		all[i] = test_schema(schemas[i]);
		part[i].ends = part_ends[i];
		for (int k = 0; k < 50; k++) {
			ix_buf_add_str(&whole.json, lines[i]);
			ix_buf_add_str(&part[i].json, lines[i]);
			ends[whole.n++] = whole.json.len;
			part_ends[i][part[i].n++] = part[i].json.len;
		}
		snprintf(name, sizeof(name), "p%d", i);
		test_segment_build(vfs, name, all[i], &part[i], 0, 50, "");
		inputs_add(&in, name);
	}
	assert_int_equal(ix_schema_union((const struct ix_schema *const *)all,
					 3, &joined),
			 0);
	test_segment_build(vfs, "whole", joined, &whole, 0, 150, "");
	merge(&in, "merged");
	verify("merged");
	same("whole", "merged");
	keep("merged", "fields-of-some");
	inputs_close(&in);
	ix_schema_free(joined);
	ix_buf_release(&whole.json);
	for (int i = 0; i < 3; i++) {
		ix_schema_free(all[i]);
		ix_buf_release(&part[i].json);
	}
}

/* ---- identity ---- */

static void identity_follows_from_the_sources(void **state)
{
	struct ix_schema *schema = test_schema(TEST_SCHEMA);
	struct ix_id ids[3], built = { { 7 } };
	struct ix_merge_options o = { .built_id = &built };
	struct ix_merge_result result;
	const struct ix_segment_info *info;
	struct inputs in = { .n = 0 };
	struct ix_segment *s, *p;
	struct test_docs d;
	uint32_t next = 0;

	(void)state;
	test_docs_make(&d, &rng, 60);
	build_split(&d, schema, 3, &in);
	in.sources[1].registration = 0;
	merge(&in, "merged");
	s = open_segment("merged");
	info = ix_segment_info(s);
	assert_int_equal(info->trailer.generation, 1);
	assert_int_equal(info->trailer.run_count, 3);
	assert_int_equal(info->trailer.lineage_count, 3);
	for (uint32_t i = 0; i < 3; i++) {
		const struct ix_origin_run *r = &info->runs[i];

		p = open_segment(in.names[i]);
		ids[i] = ix_segment_info(p)->trailer.id;
		assert_true(ix_id_equal(&r->leaf, &ids[i]));
		assert_int_equal(r->doc_base, next);
		assert_int_equal(r->doc_count, ix_segment_doc_count(p));
		assert_int_equal(r->registration, i == 1 ? 0 : 1000 + i);
		next += r->doc_count;
		ix_segment_close(p);
	}
	{
		struct ix_id id = ix_merge_id(ids, 3), other;

		assert_true(ix_id_equal(&id, &info->trailer.id));
		other = ids[0];
		ids[0] = ids[1];
		ids[1] = other;
		other = ix_merge_id(ids, 3);
		assert_false(ix_id_equal(&id, &other));
	}
	ix_segment_close(s);

	assert_int_equal(merge_with(&in, "built", &o, &result, NULL), 0);
	verify("built");
	same("whole", "built");
	s = open_segment("built");
	info = ix_segment_info(s);
	assert_true(ix_id_equal(&info->trailer.id, &built));
	assert_int_equal(info->trailer.generation, 0);
	assert_int_equal(info->trailer.run_count, 1);
	assert_int_equal(info->runs[0].registration, 0);
	assert_int_equal(info->trailer.lineage_count, 1);
	ix_segment_close(s);
	inputs_close(&in);
	test_docs_release(&d);
	ix_schema_free(schema);
}

static void same_inputs_give_the_same_bytes(void **state)
{
	struct ix_schema *schema = test_schema(TEST_SCHEMA);
	struct inputs in = { .n = 0 };
	struct test_docs d;
	uint8_t *first = NULL, *data;
	size_t n = 0, m;

	(void)state;
	test_docs_make(&d, &rng, 3000);
	build_split(&d, schema, 5, &in);
	for (int i = 0; i < 8; i++) {
		struct ix_merge_options o = {
			.engine = i & 1 ? IX_ENGINE_SYNC : IX_ENGINE_AUTO,
			.arena_bytes = (size_t)(i / 2) << 20,
			.sync = i > 4,
		};
		struct ix_merge_result result;

		ix_sim_set_completions(ix_sim_of(vfs), (uint64_t)i,
				       IX_SIM_REORDER | IX_SIM_AGAIN);
		assert_int_equal(merge_with(&in, "merged", &o, &result, NULL),
				 0);
		data = test_slurp(vfs, "merged", &m);
		assert_int_equal(result.bytes_out, m);
		if (!first) {
			first = data;
			n = m;
			continue;
		}
		assert_int_equal(m, n);
		assert_memory_equal(data, first, n);
		free(data);
	}
	ix_sim_set_completions(ix_sim_of(vfs), 0, 0);
	free(first);
	inputs_close(&in);
	test_docs_release(&d);
	ix_schema_free(schema);
}

/* ---- refusals ---- */

static void refused_before_anything_is_written(void **state)
{
	struct ix_schema *schema = test_schema(TEST_SCHEMA);
	struct ix_schema *other = test_schema(
		"{\"fields\":[{\"name\":\"id\",\"type\":\"text\"}]}");
	struct ix_merge_options o = { 0 };
	struct ix_merge_result result;
	struct inputs in = { .n = 0 };
	struct test_docs d, t = { .n = 1 };
	struct ix_stat st;
	uint32_t bad;
	size_t end;

	(void)state;
	test_docs_make(&d, &rng, 10);
	build_split(&d, schema, 2, &in);

	/* S-47: another shape under the same name. */
	ix_buf_add_str(&t.json, "{\"id\":\"x\"}");
	end = t.json.len;
	t.ends = &end;
	test_segment_build(vfs, "other", other, &t, 0, 1, "");
	inputs_add(&in, "other");
	assert_int_equal(merge_with(&in, "out", &o, &result, &bad),
			 -IX_ESCHEMA);
	assert_int_equal(ix_vfs_stat(vfs, "out", &st), 0);
	assert_int_equal(st.size, 0);
	ix_file_close(in.sources[--in.n].file);

	/* The same documents twice. */
	inputs_add(&in, "p0");
	assert_int_equal(merge_with(&in, "out", &o, &result, &bad),
			 -IX_EOVERLAP);
	assert_int_equal(bad, in.n);
	assert_int_equal(ix_vfs_stat(vfs, "out", &st), 0);
	assert_int_equal(st.size, 0);
	inputs_close(&in);

	assert_int_equal(merge_with(&in, "out", &o, &result, &bad), -EINVAL);
	ix_buf_release(&t.json);
	test_docs_release(&d);
	ix_schema_free(schema);
	ix_schema_free(other);
}

static void sixty_four_sources_merge(void **state)
{
	struct ix_schema *schema = test_schema(TEST_SCHEMA);
	struct inputs in = { .n = 0 };
	struct test_docs d;

	(void)state;
	test_docs_make(&d, &rng, 300);
	build_split(&d, schema, IX_MERGE_FAN_IN_MAX, &in);
	merge(&in, "merged");
	verify("merged");
	same("whole", "merged");
	inputs_close(&in);
	test_docs_release(&d);
	ix_schema_free(schema);
}

/* A file that says it has 2^30 documents: sparse, with a metadata that passes
 * every check of its own. */
static void claim_documents(struct ix_vfs *v, const char *path, uint32_t docs,
			    uint8_t first_id_byte)
{
	struct ix_schema *schema = test_schema("{\"fields\":[]}");
	struct ix_extent e[2] = {
		{ .part = IX_PART_STORE,
		  .field = IX_NO_FIELD,
		  .codec = 1,
		  .doc_count = docs,
		  .length = 65536 },
		{ .part = IX_PART_TIE,
		  .field = IX_NO_FIELD,
		  .codec = 1,
		  .doc_count = docs,
		  .length = 8 * (uint64_t)docs },
	};
	struct ix_trailer t = { .doc_count = docs,
				.id = { { first_id_byte } },
				.extent_count = 2,
				.run_count = 1,
				.lineage_count = 1 };
	struct ix_origin_run run = { 0, docs, 0, t.id };
	struct ix_buf b = IX_BUF_INIT;
	uint8_t trailer[IX_TRAILER_SIZE];
	struct ix_file *f = test_open(v, path, IX_OPEN_WRITE | IX_OPEN_CREATE);
	uint64_t at = IX_PAGE_SIZE;
	uint8_t *zeros;

	ix_header_encode(ix_buf_extend(&b, IX_HEADER_SIZE));
	assert_int_equal(ix_file_write(f, b.data, b.len, 0), 0);
	ix_buf_add(&b, schema->canonical, schema->canonical_len);
	t.schema_bytes = (uint32_t)schema->canonical_len;
	ix_buf_add_zeros(&b, -schema->canonical_len & 7);
	for (int i = 0; i < 2; i++) {
		uint64_t n = ix_extent_leaves(e[i].length);

		e[i].offset = at;
		e[i].first_leaf = t.leaf_count;
		zeros = calloc(n, 8);
		e[i].root = ix_hash64(zeros, n * 8);
		free(zeros);
		at += ix_extent_padded(e[i].length);
		t.leaf_count += n;
		ix_extent_encode(&e[i], ix_buf_extend(&b, IX_ROW_SIZE));
	}
	ix_buf_add_zeros(&b, t.leaf_count * 8);
	ix_run_encode(&run, ix_buf_extend(&b, IX_RUN_SIZE));
	ix_buf_add(&b, t.id.bytes, 16);
	t.meta_offset = at;
	t.file_length = at + b.len - IX_HEADER_SIZE + IX_TRAILER_SIZE;
	t.root = ix_hash64(b.data, b.len);
	ix_trailer_encode(&t, trailer);
	assert_int_equal(ix_file_write(f, b.data + IX_HEADER_SIZE,
				       b.len - IX_HEADER_SIZE, at),
			 0);
	assert_int_equal(ix_file_write(f, trailer, sizeof(trailer),
				       t.file_length - IX_TRAILER_SIZE),
			 0);
	ix_file_close(f);
	ix_buf_release(&b);
	ix_schema_free(schema);
}

/* S-48: 2^30 + 2^30 documents are one too many. */
static void too_many_documents_are_refused(void **state)
{
	struct ix_merge_options o = { 0 };
	struct ix_merge_result result;
	struct ix_merge_source sources[2];
	char dir[TEST_PATH_MAX];
	struct ix_vfs *real;
	struct ix_file *out;
	struct ix_stat st;
	uint32_t bad = 9;

	(void)state;
	test_tmpdir_make(dir);
	assert_int_equal(ix_vfs_posix_new(dir, &real), 0);
	claim_documents(real, "a", 1u << 30, 1);
	claim_documents(real, "b", 1u << 30, 2);
	for (int i = 0; i < 2; i++)
		sources[i] = (struct ix_merge_source){
			.file = test_open(real, i ? "b" : "a", IX_OPEN_READ),
			.name = i ? "b" : "a",
		};
	out = test_open(real, "out", IX_OPEN_WRITE | IX_OPEN_CREATE);
	assert_int_equal(ix_segment_merge(sources, 2, out, &o, &result, &bad),
			 -IX_ELIMIT);
	assert_int_equal(bad, 2);
	assert_int_equal(ix_file_stat(out, &st), 0);
	assert_int_equal(st.size, 0);
	/* Only the number is wrong: one of them alone fails later, on its
	 * bytes. */
	assert_int_equal(ix_segment_merge(sources, 1, out, &o, &result, &bad),
			 -IX_ECORRUPT);
	assert_int_equal(bad, 0);
	ix_file_close(out);
	ix_file_close(sources[0].file);
	ix_file_close(sources[1].file);
	ix_vfs_free(real);
	test_tmpdir_remove(dir);
}

/* ---- damage ---- */

/* S-41, R-1: a changed byte anywhere in a source, but in parts that a merge
 * does not read (term indexes: they are made anew), fails the merge. */
static void damaged_source_is_named(void **state)
{
	struct ix_schema *schema = test_schema(TEST_SCHEMA);
	struct ix_merge_options o = { .engine = IX_ENGINE_SYNC };
	struct ix_merge_result result;
	struct ix_segment_info info;
	struct inputs in = { .n = 0 };
	struct test_docs d;
	uint32_t bad;

	(void)state;
	test_docs_make(&d, &rng, 400);
	build_split(&d, schema, 3, &in);
	for (uint32_t s = 0; s < 3; s++) {
		assert_int_equal(ix_segment_info_read(in.sources[s].file, "x",
						      &info),
				 0);
		for (uint32_t i = 0; i < info.trailer.extent_count; i++) {
			const struct ix_extent *e = &info.extents[i];
			uint64_t at =
				e->offset + test_rand_below(&rng, e->length);

			if (e->part == IX_PART_TERM_INDEX)
				continue;
			ix_sim_flip(ix_sim_of(vfs), in.names[s], at, 0x10);
			bad = 99;
			assert_int_equal(merge_with(&in, "out", &o, &result,
						    &bad),
					 -IX_ECORRUPT);
			assert_int_equal(bad, s);
			assert_non_null(strstr(ix_fail_text(), in.names[s]));
			ix_sim_flip(ix_sim_of(vfs), in.names[s], at, 0x10);
		}
		ix_segment_info_release(&info);
	}
	merge(&in, "merged");
	verify("merged");
	inputs_close(&in);
	test_docs_release(&d);
	ix_schema_free(schema);
}

static void cut_source_is_named(void **state)
{
	struct ix_schema *schema = test_schema(TEST_SCHEMA);
	struct ix_merge_options o = { .engine = IX_ENGINE_SYNC };
	struct ix_merge_result result;
	struct inputs in = { .n = 0 };
	struct test_docs d;
	uint8_t *data;
	uint32_t bad;
	size_t n;

	(void)state;
	test_docs_make(&d, &rng, 100);
	build_split(&d, schema, 2, &in);
	data = test_slurp(vfs, "p1", &n);
	for (size_t k = 0; k < n; k += 1 + n / 100) {
		inputs_close(&in);
		test_spew(vfs, "cut", data, k);
		inputs_add(&in, "p0");
		inputs_add(&in, "cut");
		assert_int_equal(merge_with(&in, "out", &o, &result, &bad),
				 -IX_EINCOMPLETE);
		assert_int_equal(bad, 1);
	}
	free(data);
	inputs_close(&in);
	test_docs_release(&d);
	ix_schema_free(schema);
}

/* Damage that checksums do not show: whatever a merge makes of it, it does
 * not crash, and names the source if it refuses. */
static void hostile_sources_never_crash(void **state)
{
	struct ix_schema *schema = test_schema(TEST_SCHEMA);
	struct ix_merge_options o = { .engine = IX_ENGINE_SYNC };
	struct ix_merge_result result;
	struct inputs in = { .n = 0 };
	uint32_t bad, refused = 0;
	struct test_docs d;
	uint8_t *data, *copy;
	uint64_t meta;
	size_t n;

	(void)state;
	test_docs_make(&d, &rng, 400);
	build_split(&d, schema, 2, &in);
	data = test_slurp(vfs, "p1", &n);
	copy = malloc(n);
	meta = ix_get64(data + n - IX_TRAILER_SIZE + 40);
	for (int i = 0; i < 1500; i++) {
		int rc;

		memcpy(copy, data, n);
		for (uint64_t k = test_rand_in(&rng, 1, 3); k; k--)
			copy[test_rand_below(&rng, meta)] =
				(uint8_t)test_rand(&rng);
		test_rehash(copy, n);
		inputs_close(&in);
		test_spew(vfs, "p1", copy, n);
		inputs_add(&in, "p0");
		inputs_add(&in, "p1");
		rc = merge_with(&in, "out", &o, &result, &bad);
		if (!rc)
			continue;
		refused++;
		if (rc != -IX_ECORRUPT && rc != -IX_EFORMAT && rc != -IX_ELIMIT)
			fail_msg("%d: %s", rc, ix_fail_text());
		if (rc != -IX_ELIMIT && bad != 1)
			fail_msg("blames %u: %s", bad, ix_fail_text());
	}
	assert_true(refused > 100);
	free(copy);
	free(data);
	inputs_close(&in);
	test_docs_release(&d);
	ix_schema_free(schema);
}

/* ---- large parts ---- */

/* Documents whose records do not compress, about `bytes` each. */
static void big_docs(struct test_docs *d, uint32_t n, size_t bytes)
{
	memset(d, 0, sizeof(*d));
	d->ends = malloc(n * sizeof(*d->ends));
	d->n = n;
	for (uint32_t i = 0; i < n; i++) {
		ix_buf_addf(&d->json, "{\"x\":\"");
		for (size_t k = 0; k < bytes; k += 16)
			ix_buf_addf(&d->json, "%016llx",
				    (unsigned long long)test_rand(&rng));
		ix_buf_addf(&d->json, "\",\"n\":%llu}",
			    (unsigned long long)test_rand(&rng));
		d->ends[i] = d->json.len;
	}
}

#define BIG_SCHEMA                                             \
 "{\"fields\":[{\"name\":\"x\",\"type\":\"text\",\"indexed\":" \
 "false},{\"name\":\"n\",\"type\":\"u64\"}]}"

static void large_extents_move_as_they_are(void **state)
{
	struct ix_schema *schema = test_schema(BIG_SCHEMA);
	struct ix_merge_options o = { .engine = IX_ENGINE_SYNC };
	struct ix_merge_result result;
	struct inputs in = { .n = 0 };
	const struct ix_extent *row;
	const struct ix_store *store;
	struct ix_segment *a, *m;
	struct test_docs d;
	uint32_t found = 0;

	(void)state;
	big_docs(&d, 4000, 1000);
	test_segment_build(vfs, "whole", schema, &d, 0, 4000, "");
	test_segment_build(vfs, "p0", schema, &d, 0, 2000, "");
	test_segment_build(vfs, "p1", schema, &d, 2000, 2010, "");
	test_segment_build(vfs, "p2", schema, &d, 2010, 4000, "");
	for (int i = 0; i < 3; i++)
		inputs_add(&in, i == 0 ? "p0" : i == 1 ? "p1" : "p2");
	assert_int_equal(merge_with(&in, "merged", &o, &result, NULL), 0);
	verify("merged");
	same("whole", "merged");
	a = open_segment("p2");
	m = open_segment("merged");
	for (uint32_t i = 0; (row = ix_segment_store_row(m, i, &store)); i++)
		found += row->doc_base == 2010 &&
			 row->root == ix_segment_store_row(a, 0, &store)->root;
	assert_int_equal(found, 1);
	assert_true(result.bytes_copied > result.bytes_in * 8 / 10);
	ix_segment_close(a);
	ix_segment_close(m);
	inputs_close(&in);
	test_docs_release(&d);
	ix_schema_free(schema);
}

/* S-56: tails do not pile up over generations. */
static void store_stays_well_filled_over_generations(void **state)
{
	struct ix_schema *schema = test_schema(BIG_SCHEMA);
	struct inputs in = { .n = 0 };
	const struct ix_store *s;
	struct ix_segment *m;
	struct test_docs d;
	uint32_t frames = 0, undersized = 0, extents = 0;
	char name[16];

	(void)state;
	big_docs(&d, 3000, 700);
	test_segment_build(vfs, "p", schema, &d, 0, 100, "");
	for (uint32_t g = 0; g < 29; g++) {
		snprintf(name, sizeof(name), "g%u", g);
		test_segment_build(vfs, name, schema, &d, 100 * (g + 1),
				   100 * (g + 2), "");
		inputs_add(&in, "p");
		inputs_add(&in, name);
		merge(&in, "next");
		inputs_close(&in);
		assert_int_equal(ix_vfs_rename(vfs, "next", "p"), 0);
	}
	test_segment_build(vfs, "whole", schema, &d, 0, 3000, "");
	same("whole", "p");
	m = open_segment("p");
	for (; ix_segment_store_row(m, extents, &s); extents++) {
		frames += s->frame_count;
		undersized += ix_store_undersized(s->index, s->frame_count);
	}
	/* 2.1 MB of records: 29 tails would be a fifth of all frames. */
	print_message("%u extents, %u frames, %u undersized\n", extents, frames,
		      undersized);
	assert_true(extents <= 3);
	assert_true(undersized <= extents);
	ix_segment_close(m);
	test_docs_release(&d);
	ix_schema_free(schema);
}

/* A run of documents without a value between two columns, longer and shorter
 * than what a joined extent spans. */
static void columns_join_over_gaps(void **state)
{
	struct ix_schema *schema =
		test_schema("{\"fields\":[{\"name\":\"n\",\"type\":\"u64\"}]}");
	static const uint32_t gaps[] = { 10, 70000 };

	(void)state;
	for (int i = 0; i < 2; i++) {
		uint32_t n = gaps[i] + 40;
		struct inputs in = { .n = 0 };
		const struct ix_column *c;
		struct ix_segment *m;
		struct test_docs d = { .n = n };

		d.ends = malloc(n * sizeof(*d.ends));
		for (uint32_t k = 0; k < n; k++) {
			if (k < 20 || k >= n - 20)
				ix_buf_addf(&d.json, "{\"n\":%u}", k);
			else
				ix_buf_add_str(&d.json, "{}");
			d.ends[k] = d.json.len;
		}
		test_segment_build(vfs, "whole", schema, &d, 0, n, "");
		test_segment_build(vfs, "p0", schema, &d, 0, 20, "");
		test_segment_build(vfs, "p1", schema, &d, 20, n - 20, "");
		test_segment_build(vfs, "p2", schema, &d, n - 20, n, "");
		inputs_add(&in, "p0");
		inputs_add(&in, "p1");
		inputs_add(&in, "p2");
		merge(&in, "merged");
		verify("merged");
		same("whole", "merged");
		m = open_segment("merged");
		assert_non_null(ix_segment_column_row(m, 0, 0, &c));
		if (i)
			assert_non_null(ix_segment_column_row(m, 0, 1, &c));
		else
			assert_null(ix_segment_column_row(m, 0, 1, &c));
		ix_segment_close(m);
		inputs_close(&in);
		test_docs_release(&d);
	}
	ix_schema_free(schema);
}

/* ---- extents of few bytes and very many documents ---- */

static void put_buf(void *ctx, const void *data, size_t n)
{
	ix_buf_add(ctx, data, n);
}

static void put_extent(struct ix_segment_writer *w, struct ix_extent e,
		       const struct ix_buf *b)
{
	ix_segment_extent_begin(w, &e);
	ix_segment_extent_write(w, b->data, b->len);
	ix_segment_extent_end(w);
}

/* `docs` documents that all have the number `n`, and nothing else. */
static void write_constant(const char *path, const struct ix_schema *schema,
			   uint32_t docs, uint64_t n)
{
	struct ix_engine_options eo = { .kind = IX_ENGINE_SYNC };
	struct ix_file *f =
		test_open(vfs, path, IX_OPEN_WRITE | IX_OPEN_CREATE);
	struct ix_id id = { { (uint8_t)n } };
	struct ix_origin_run run = { 0, docs, 0, id };
	struct ix_segment_identity identity = {
		.id = id,
		.doc_count = docs,
		.schema = schema,
		.runs = &run,
		.run_count = 1,
		.lineage = &id,
		.lineage_count = 1,
	};
	struct ix_extent e = { .doc_count = docs, .codec = 1 };
	struct ix_buf b = IX_BUF_INIT;
	struct ix_store_writer *store;
	struct ix_column_writer *column;
	struct ix_segment_writer *w;
	enum ix_column_codec codec;
	struct ix_engine *engine;
	struct ix_sink *sink;
	uint64_t values;

	assert_int_equal(ix_engine_new(&eo, &engine), 0);
	assert_int_equal(ix_sink_open(engine, f, &sink), 0);
	assert_int_equal(ix_segment_writer_new(sink, &w), 0);
	assert_int_equal(ix_column_writer_new(1, 0, &column), 0);
	assert_int_equal(ix_store_writer_new(put_buf, &b, &store), 0);
	for (uint32_t i = 0; i < docs; i++) {
		ix_column_add_u64(column, n);
		ix_column_end_doc(column);
		assert_int_equal(ix_store_add(store, "{}", 2), 0);
	}
	assert_int_equal(ix_store_finish(store), 0);
	e.part = IX_PART_STORE;
	e.field = IX_NO_FIELD;
	put_extent(w, e, &b);
	ix_buf_clear(&b);
	ix_buf_add_zeros(&b, (size_t)docs * 8);
	e.part = IX_PART_TIE;
	put_extent(w, e, &b);
	ix_buf_clear(&b);
	assert_int_equal(ix_column_finish(column, &b, &codec, &values), 0);
	assert_true(b.len < 100000);
	e.part = IX_PART_COLUMN;
	e.field = 0;
	put_extent(w, e, &b);
	assert_int_equal(ix_segment_writer_finish(w, &identity), 0);
	assert_int_equal(ix_sink_finish(sink, 0), 0);
	ix_store_writer_free(store);
	ix_column_writer_free(column);
	ix_segment_writer_free(w);
	ix_sink_close(sink);
	ix_engine_free(engine);
	ix_file_close(f);
	ix_buf_release(&b);
}

/* S-52: joining takes memory by the document, not by the byte, so an extent is
 * cut by what it costs in memory. */
static void join_of_many_documents_is_cut(void **state)
{
	const uint32_t docs = 1000000;
	struct ix_schema *schema = test_schema(
		"{\"fields\":[{\"name\":\"n\",\"type\":\"u64\",\"stored\":"
		"false}]}");
	struct ix_verify_options o = { .level = IX_VERIFY_STRUCTURE };
	struct inputs in = { .n = 0 };
	const struct ix_column *c;
	struct ix_segment *m;
	struct ix_file *f;
	uint32_t rows = 0;

	(void)state;
	write_constant("a", schema, docs, 7);
	write_constant("b", schema, docs, 8);
	inputs_add(&in, "a");
	inputs_add(&in, "b");
	merge(&in, "merged");
	f = test_open(vfs, "merged", IX_OPEN_READ);
	if (ix_segment_verify(f, "merged", &o, NULL))
		fail_msg("%s", ix_fail_text());
	ix_file_close(f);
	m = open_segment("merged");
	for (uint32_t d = 0; d < 2 * docs; d += 99991) {
		uint32_t local, first, n;

		c = ix_segment_column(m, 0, d, &local);
		ix_column_values(c, local, &first, &n);
		assert_int_equal(n, 1);
		assert_int_equal(ix_column_u64(c, first), d < docs ? 7 : 8);
	}
	while (ix_segment_column_row(m, 0, rows, &c))
		rows++;
	assert_int_equal(rows, 2); /* 12 bytes a document, cut at 16 MiB */
	ix_segment_close(m);
	inputs_close(&in);
	ix_vfs_unlink(vfs, "a");
	ix_vfs_unlink(vfs, "b");
	ix_schema_free(schema);
}

static uint64_t polls, stop_at;

static int stop(void *ctx)
{
	(void)ctx;
	return ++polls >= stop_at;
}

static void cancel_is_obeyed_everywhere(void **state)
{
	struct ix_schema *schema = test_schema(TEST_SCHEMA);
	struct ix_merge_options o = { .canceled = stop };
	struct ix_merge_result result;
	struct inputs in = { .n = 0 };
	struct test_docs d;
	uint64_t all;

	(void)state;
	test_docs_make(&d, &rng, 500);
	build_split(&d, schema, 3, &in);
	polls = 0;
	stop_at = UINT64_MAX;
	assert_int_equal(merge_with(&in, "out", &o, &result, NULL), 0);
	all = polls;
	assert_true(all > 10);
	for (stop_at = 1; stop_at <= all; stop_at += 1 + all / 40) {
		uint32_t bad = 0;

		polls = 0;
		assert_int_equal(merge_with(&in, "out", &o, &result, &bad),
				 -IX_ECANCELED);
		assert_int_equal(bad, in.n);
	}
	inputs_close(&in);
	test_docs_release(&d);
	ix_schema_free(schema);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(merge_equals_build_of_all),
		cmocka_unit_test(generations_of_merges_hold_the_same),
		cmocka_unit_test(fields_of_some_sources_only),
		cmocka_unit_test(identity_follows_from_the_sources),
		cmocka_unit_test(same_inputs_give_the_same_bytes),
		cmocka_unit_test(refused_before_anything_is_written),
		cmocka_unit_test(sixty_four_sources_merge),
		cmocka_unit_test(too_many_documents_are_refused),
		cmocka_unit_test(damaged_source_is_named),
		cmocka_unit_test(cut_source_is_named),
		cmocka_unit_test(hostile_sources_never_crash),
		cmocka_unit_test(large_extents_move_as_they_are),
		cmocka_unit_test(store_stays_well_filled_over_generations),
		cmocka_unit_test(columns_join_over_gaps),
		cmocka_unit_test(join_of_many_documents_is_cut),
		cmocka_unit_test(cancel_is_obeyed_everywhere),
	};
	int rc;

	test_rng_init(&rng, test_seed());
	if (ix_sim_new(&vfs))
		return 1;
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	ix_vfs_free(vfs);
	return rc;
}
