/* SPDX-License-Identifier: MIT */
/*
 * Goal: what the writer writes is a segment by every rule of docs/format.md 2,
 * whatever the sizes of its extents and of the pieces they come in, and no bit
 * of it can change, nor its end be missing, without being noticed (HAZARDS
 *
 * Method: files put together from random extents and read back; every
 * truncation of one; every bit of header, metadata and trailer and every byte
 * of the rest changed.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/codec.h"
#include "core/io/stream.h"
#include "core/segment/verify.h"
#include "core/segment/writer.h"
#include "tests/lib/corpus.h"
#include "tests/lib/rehash.h"
#include "tests/lib/segments.h"

static struct test_rng rng;
static struct ix_vfs *vfs;

struct output {
	struct ix_engine *engine;
	struct ix_sink *sink;
	struct ix_file *file;
	struct ix_segment_writer *w;
};

static void output_open(struct output *o, const char *path)
{
	struct ix_engine_options eo = { .kind = IX_ENGINE_SYNC };

	o->file = test_open(vfs, path,
			    IX_OPEN_WRITE | IX_OPEN_CREATE | IX_OPEN_TRUNC);
	assert_int_equal(ix_engine_new(&eo, &o->engine), 0);
	assert_int_equal(ix_sink_open(o->engine, o->file, &o->sink), 0);
	assert_int_equal(ix_segment_writer_new(o->sink, &o->w), 0);
}

static void output_close(struct output *o)
{
	ix_segment_writer_free(o->w);
	ix_sink_close(o->sink);
	ix_engine_free(o->engine);
	ix_file_close(o->file);
}

/* ---- files of random extents ---- */

struct blob {
	struct ix_extent e;
	struct ix_buf data;
};

/* Write in pieces of random size. */
static void put(struct ix_segment_writer *w, const struct blob *b)
{
	size_t at = 0;

	ix_segment_extent_begin(w, &b->e);
	while (at < b->data.len) {
		size_t n = (size_t)test_rand_in(
			&rng, 1, test_rand_one_in(&rng, 2) ? 5000 : 200000);

		if (n > b->data.len - at)
			n = b->data.len - at;
		ix_segment_extent_out(w, b->data.data + at, n);
		at += n;
	}
	ix_segment_extent_end(w);
}

static void to_buf(void *ctx, const void *data, size_t n)
{
	ix_buf_add(ctx, data, n);
}

#define DOCS 10u

static void make_store(struct blob *b)
{
	struct ix_store_writer *s;

	b->e = (struct ix_extent){ .part = IX_PART_STORE,
				   .field = IX_NO_FIELD,
				   .codec = 1,
				   .doc_count = DOCS };
	assert_int_equal(ix_store_writer_new(to_buf, &b->data, &s), 0);
	for (uint32_t i = 0; i < DOCS; i++)
		assert_int_equal(ix_store_add(s, "{}", 2), 0);
	assert_int_equal(ix_store_finish(s), 0);
	ix_store_writer_free(s);
}

static void make_tie(struct blob *b)
{
	b->e = (struct ix_extent){ .part = IX_PART_TIE,
				   .field = IX_NO_FIELD,
				   .codec = 1,
				   .doc_count = DOCS };
	for (uint32_t i = 0; i < DOCS; i++)
		ix_buf_add_u64(&b->data, ix_hash64("{}", 2));
}

/* A column extent as far as the table is concerned. */
static void make_blob(struct blob *b, uint32_t doc, size_t n)
{
	uint8_t *p;

	b->e = (struct ix_extent){ .part = IX_PART_COLUMN,
				   .codec = IX_COLUMN_U64,
				   .doc_base = doc,
				   .doc_count = 1 };
	p = ix_buf_extend(&b->data, n);
	test_rand_bytes(&rng, p, n);
}

static int write_file(const char *path, struct blob *blobs, size_t n)
{
	struct ix_schema *schema =
		test_schema("{\"fields\":[{\"name\":\"n\",\"type\":\"u64\"}]}");
	struct ix_id id = { { 1, 2, 3 } };
	struct ix_origin_run run = { 0, DOCS, 0, id };
	struct ix_segment_identity identity = {
		.id = id,
		.doc_count = DOCS,
		.schema = schema,
		.runs = &run,
		.run_count = 1,
		.lineage = &id,
		.lineage_count = 1,
	};
	struct output o;
	int rc;

	output_open(&o, path);
	for (size_t i = 0; i < n; i++)
		put(o.w, &blobs[i]);
	rc = ix_segment_writer_finish(o.w, &identity);
	if (!rc)
		rc = ix_sink_finish(o.sink, 1);
	output_close(&o);
	ix_schema_free(schema);
	return rc;
}

static int verify(const char *path, enum ix_verify_level level)
{
	struct ix_verify_options o = { .level = level };
	struct ix_file *f = test_open(vfs, path, IX_OPEN_READ);
	int rc = ix_segment_verify(f, path, &o, NULL);

	ix_file_close(f);
	return rc;
}

static void check_row(const struct ix_segment_info *info, const uint8_t *file,
		      const struct blob *b)
{
	for (uint32_t i = 0; i < info->trailer.extent_count; i++) {
		const struct ix_extent *e = &info->extents[i];

		if (e->part != b->e.part || e->doc_base != b->e.doc_base)
			continue;
		assert_int_equal(e->length, b->data.len);
		assert_memory_equal(file + e->offset, b->data.data,
				    b->data.len);
		return;
	}
	fail_msg("extent of %zu bytes is gone", b->data.len);
}

static void extents_of_all_sizes_read_back(void **state)
{
	static const size_t sizes[] = { 1,     7,      8,      9,      4095,
					4096,  4097,   65535,  65536,  65537,
					69632, 131072, 131073, 1 << 20 };

	(void)state;
	for (int round = 0; round < 60; round++) {
		struct blob blobs[10];
		struct ix_segment_info info;
		struct ix_file *f;
		uint8_t *file;
		size_t n = 2 + test_rand_below(&rng, 9), size;

		memset(blobs, 0, sizeof(blobs));
		make_store(&blobs[0]);
		make_tie(&blobs[1]);
		for (size_t i = 2; i < n; i++)
			make_blob(&blobs[i], (uint32_t)(n - i),
				  round % 2 ? sizes[test_rand_below(&rng, 14)]
					    : (size_t)test_rand_in(&rng, 1,
								   150000));
		assert_int_equal(write_file("a.seg", blobs, n), 0);
		f = test_open(vfs, "a.seg", IX_OPEN_READ);
		if (ix_segment_info_read(f, "a.seg", &info))
			fail_msg("%s", ix_fail_text());
		ix_file_close(f);
		file = test_slurp(vfs, "a.seg", &size);
		assert_int_equal(info.trailer.extent_count, n);
		for (size_t i = 0; i < n; i++) {
			check_row(&info, file, &blobs[i]);
			ix_buf_release(&blobs[i].data);
		}
		if (verify("a.seg", IX_VERIFY_CHECKSUMS))
			fail_msg("%s", ix_fail_text());
		ix_segment_info_release(&info);
		free(file);
	}
}

static void empty_extent_leaves_no_trace(void **state)
{
	struct blob blobs[3] = { 0 };
	uint8_t *with, *without;
	size_t n, m;

	(void)state;
	make_store(&blobs[0]);
	make_tie(&blobs[1]);
	blobs[2].e = (struct ix_extent){ .part = IX_PART_COLUMN,
					 .codec = IX_COLUMN_U64,
					 .doc_count = DOCS };
	assert_int_equal(write_file("a.seg", blobs, 3), 0);
	assert_int_equal(write_file("b.seg", blobs, 2), 0);
	with = test_slurp(vfs, "a.seg", &n);
	without = test_slurp(vfs, "b.seg", &m);
	assert_int_equal(n, m);
	assert_memory_equal(with, without, n);
	/* A small segment stays small. */
	assert_true(n < 1024);
	free(with);
	free(without);
	ix_buf_release(&blobs[0].data);
	ix_buf_release(&blobs[1].data);
}

static void misuse_and_absurd_counts_are_refused(void **state)
{
	struct ix_schema *schema = test_schema("{\"fields\":[]}");
	struct ix_segment_identity identity = { .schema = schema };
	struct ix_extent e = { .part = IX_PART_TIE, .field = IX_NO_FIELD };
	static const uint32_t counts[] = { 0, 0x80000000, UINT32_MAX };
	struct output o;

	(void)state;
	/* S-48: refused, and nothing of the metadata written. */
	for (int i = 0; i < 3; i++) {
		output_open(&o, "a.seg");
		identity.doc_count = counts[i];
		assert_int_equal(ix_segment_writer_finish(o.w, &identity),
				 -IX_ELIMIT);
		assert_int_equal(ix_sink_tell(o.sink), 0);
		output_close(&o);
	}
	identity.doc_count = 1;
	output_open(&o, "a.seg");
	ix_segment_extent_begin(o.w, &e);
	assert_int_equal(ix_segment_writer_finish(o.w, &identity), -EINVAL);
	output_close(&o);
	output_open(&o, "a.seg");
	ix_segment_extent_begin(o.w, &e);
	ix_segment_extent_begin(o.w, &e);
	ix_segment_extent_end(o.w);
	assert_int_equal(ix_segment_writer_error(o.w), -EINVAL);
	assert_int_equal(ix_segment_writer_finish(o.w, &identity), -EINVAL);
	output_close(&o);
	ix_schema_free(schema);
}

/* ---- damage ---- */

static void make_built(const char *path, uint32_t docs)
{
	struct ix_schema *schema = test_schema(TEST_SCHEMA);
	struct test_docs d;

	test_docs_make(&d, &rng, docs);
	test_segment_build(vfs, path, schema, &d, 0, docs, "x");
	test_docs_release(&d);
	ix_schema_free(schema);
}

static int verify_bytes_at(const uint8_t *data, size_t n,
			   enum ix_verify_level level)
{
	int rc;

	test_spew(vfs, "damaged.seg", data, n);
	rc = verify("damaged.seg", level);
	if (rc && !ix_err_is_content(rc))
		fail_msg("%d is not about the content", rc);
	return rc;
}

static int verify_bytes(const uint8_t *data, size_t n)
{
	return verify_bytes_at(data, n, IX_VERIFY_CHECKSUMS);
}

static void every_changed_bit_is_noticed(void **state)
{
	uint64_t meta;
	uint8_t *data;
	size_t n;

	(void)state;
	make_built("a.seg", 40);
	data = test_slurp(vfs, "a.seg", &n);
	assert_true(n > 10000 && n < 40000);
	assert_int_equal(verify_bytes(data, n), 0);
	meta = ix_get64(data + n - IX_TRAILER_SIZE + 40);
	for (size_t i = 0; i < n; i++) {
		/* All bits of what describes, one bit of what is described:
		 * the checksums treat the bits of a byte alike. */
		int all = i < IX_HEADER_SIZE || i >= meta;

		for (unsigned bit = all ? 0 : i % 8; bit < 8; bit++) {
			data[i] ^= (uint8_t)(1u << bit);
			if (!verify_bytes(data, n))
				fail_msg("byte %zu, bit %u", i, bit);
			data[i] ^= (uint8_t)(1u << bit);
			if (!all)
				break;
		}
	}
	free(data);
}

/* The page behind the header is under no checksum, but must be zero. */
static void every_byte_behind_the_header_counts(void **state)
{
	struct blob blobs[3] = { 0 };
	uint8_t *data;
	size_t n;

	(void)state;
	make_store(&blobs[0]);
	make_tie(&blobs[1]);
	make_blob(&blobs[2], 0, 70000);
	assert_int_equal(write_file("a.seg", blobs, 3), 0);
	data = test_slurp(vfs, "a.seg", &n);
	assert_int_equal(verify_bytes(data, n), 0);
	for (size_t i = IX_HEADER_SIZE; i < IX_PAGE_SIZE; i++) {
		data[i] = 1;
		assert_int_equal(verify_bytes(data, n), -IX_ECORRUPT);
		data[i] = 0;
	}
	/* The padding behind a large extent is under its checksum. */
	for (size_t i = 4096 + 70000; i < 4096 + 73728; i += 500) {
		data[i] = 1;
		assert_int_equal(verify_bytes(data, n), -IX_ECORRUPT);
		data[i] = 0;
	}
	free(data);
	for (int i = 0; i < 3; i++)
		ix_buf_release(&blobs[i].data);
}

static void every_truncation_is_incomplete(void **state)
{
	uint8_t *data;
	size_t n;

	(void)state;
	make_built("a.seg", 10);
	data = test_slurp(vfs, "a.seg", &n);
	test_corpus_keep("segment", "built-10", data, n);
	test_corpus_keep("layout", "built-10", data, n);
	for (size_t k = 0; k < n; k++)
		assert_int_equal(verify_bytes(data, k), -IX_EINCOMPLETE);
	/* Made long before it was filled, as some tools do. */
	for (size_t k = 8; k < n; k += 97) {
		uint8_t *sparse = calloc(1, n);

		memcpy(sparse, data, k);
		assert_int_equal(verify_bytes(sparse, n), -IX_EINCOMPLETE);
		free(sparse);
	}
	data = realloc(data, 2 * n);
	memcpy(data + n, data, n);
	assert_int_equal(verify_bytes(data, 2 * n), -IX_ECORRUPT);
	assert_int_equal(verify_bytes(data, n + 1), -IX_EINCOMPLETE);
	assert_int_equal(verify_bytes((const uint8_t *)"PK\3\4", 4),
			 -IX_EFORMAT);
	free(data);
}

/* ---- well-checksummed lies in the metadata ---- */

static void lies_about_origin_and_schema_are_refused(void **state)
{
	uint8_t *data, *bad, *t, *meta;
	struct ix_meta_layout m;
	struct ix_trailer trailer;
	size_t n;

	(void)state;
	make_built("a.seg", 10);
	data = test_slurp(vfs, "a.seg", &n);
	bad = malloc(n);
	assert_int_equal(ix_trailer_decode(data + n - IX_TRAILER_SIZE, n,
					   &trailer),
			 0);
	assert_int_equal(ix_meta_layout(&trailer, &m), 0);
	for (int lie = 0; lie < 9; lie++) {
		memcpy(bad, data, n);
		t = bad + n - IX_TRAILER_SIZE;
		meta = bad + trailer.meta_offset;
		switch (lie) {
		case 0: /* none: the method itself */
			break;
		case 1: /* a run that begins late */
			meta[m.runs] = 1;
			break;
		case 2: /* a run that ends early */
			meta[m.runs + 4]--;
			break;
		case 3: /* a run of an unknown leaf */
			meta[m.runs + 16] ^= 1;
			break;
		case 4: /* another only leaf, and the run agrees */
			meta[m.runs + 16] ^= 1;
			meta[m.lineage] ^= 1;
			break;
		case 5: /* a run without documents */
			memset(meta + m.runs + 4, 0, 4);
			break;
		case 6: /* not canonical: another order of members */
			memcpy(meta + m.schema + 2, "eDfault", 7);
			break;
		case 7: /* fewer documents than all parts have */
			ix_put32(t + 56, 9);
			ix_put32(meta + m.runs + 4, 9);
			break;
		case 8: /* a row of another field */
			ix_put16(meta + m.extents + 2, 1);
			break;
		}
		test_rehash(bad, n);
		assert_int_equal(verify_bytes(bad, n), lie ? -IX_ECORRUPT : 0);
	}
	free(bad);
	free(data);
}

/* H-5, S-48: rows whose numbers wrap. Whatever a row is set to, checks alone
 * decide, and nothing outside the file is touched. */
static void hostile_rows_never_crash(void **state)
{
	static const uint64_t values[] = { 0,          1,
					   0x7fffffff, 0xffffffff,
					   1ull << 32, 1ull << 63,
					   UINT64_MAX, UINT64_MAX - 4095 };
	struct ix_meta_layout m;
	struct ix_trailer trailer;
	uint8_t *data, *bad;
	size_t n;

	(void)state;
	make_built("a.seg", 10);
	data = test_slurp(vfs, "a.seg", &n);
	bad = malloc(n);
	assert_int_equal(ix_trailer_decode(data + n - IX_TRAILER_SIZE, n,
					   &trailer),
			 0);
	assert_int_equal(ix_meta_layout(&trailer, &m), 0);
	for (uint32_t row = 0; row < trailer.extent_count; row++) {
		for (size_t at = 0; at < 48; at += at < 8    ? 2
						   : at < 16 ? 4
							     : 8) {
			for (int v = 0; v < 8; v++) {
				uint8_t *p = bad + trailer.meta_offset +
					     m.extents + row * 48 + at;
				size_t k = at < 8 ? 2 : at < 16 ? 4 : 8;

				memcpy(bad, data, n);
				memcpy(p, &values[v], k);
				/* Changed rows are refused; the root is what
				 * rehashing sets right. */
				if (!memcmp(bad, data, n))
					continue;
				test_rehash(bad, n);
				if (at == 32)
					continue;
				if (!verify_bytes_at(bad, n,
						     IX_VERIFY_STRUCTURE))
					fail_msg("row %u, byte %zu, value %d",
						 row, at, v);
			}
		}
	}
	free(bad);
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(extents_of_all_sizes_read_back),
		cmocka_unit_test(empty_extent_leaves_no_trace),
		cmocka_unit_test(misuse_and_absurd_counts_are_refused),
		cmocka_unit_test(every_changed_bit_is_noticed),
		cmocka_unit_test(every_byte_behind_the_header_counts),
		cmocka_unit_test(every_truncation_is_incomplete),
		cmocka_unit_test(lies_about_origin_and_schema_are_refused),
		cmocka_unit_test(hostile_rows_never_crash),
	};
	int rc;

	test_rng_init(&rng, test_seed());
	if (ix_sim_new(&vfs))
		return 1;
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	ix_vfs_free(vfs);
	return rc;
}
