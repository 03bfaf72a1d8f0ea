/* SPDX-License-Identifier: MIT */
/*
 * Goal: verification accepts every segment that was built, and at its last
 * level notices any lie about the content, although all checksums are right;
 * what it is told about pages already hashed spares it reading them.
 * Method: segments of random documents; changes made to them and hidden behind
 * new checksums; reads counted on the simulated disk.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/codec.h"
#include "core/segment/verify.h"
#include "tests/lib/corpus.h"
#include "tests/lib/rehash.h"
#include "tests/lib/segments.h"

static struct test_rng rng;
static struct ix_vfs *vfs;

static void build(const char *path, const char *schema_text, uint32_t docs)
{
	struct ix_schema *schema = test_schema(schema_text);
	struct test_docs d;

	test_docs_make(&d, &rng, docs);
	test_segment_build(vfs, path, schema, &d, 0, docs, "");
	test_docs_release(&d);
	ix_schema_free(schema);
}

static int verify_with(const char *path, const struct ix_verify_options *o)
{
	struct ix_file *f = test_open(vfs, path, IX_OPEN_READ);
	int rc = ix_segment_verify(f, path, o, NULL);

	ix_file_close(f);
	return rc;
}

static int verify(const char *path, enum ix_verify_level level)
{
	struct ix_verify_options o = { .level = level };

	return verify_with(path, &o);
}

static int verify_bytes(const uint8_t *data, size_t n,
			enum ix_verify_level level)
{
	int rc;

	test_spew(vfs, "changed.seg", data, n);
	rc = verify("changed.seg", level);
	if (rc && rc != -IX_ECORRUPT)
		fail_msg("%d: %s", rc, ix_fail_text());
	return rc;
}

static void built_segments_verify(void **state)
{
	static const uint32_t counts[] = { 1, 2, 7, 127, 128, 129, 500, 5000 };

	(void)state;
	for (size_t i = 0; i < 8; i++) {
		build("a.seg", TEST_SCHEMA, counts[i]);
		if (counts[i] == 129) {
			size_t n;
			uint8_t *data = test_slurp(vfs, "a.seg", &n);

			test_corpus_keep("segment", "built-129", data, n);
			free(data);
		}
		for (int level = 0; level <= IX_VERIFY_FULL; level++)
			if (verify("a.seg", (enum ix_verify_level)level))
				fail_msg("%u documents, level %d: %s",
					 counts[i], level, ix_fail_text());
	}
}

/* One row of a part in a segment in memory. */
static struct ix_extent find(const uint8_t *data, size_t n, unsigned part)
{
	struct ix_meta_layout m;
	struct ix_trailer t;
	struct ix_extent e;

	assert_int_equal(ix_trailer_decode(data + n - IX_TRAILER_SIZE, n, &t),
			 0);
	assert_int_equal(ix_meta_layout(&t, &m), 0);
	for (uint32_t i = 0; i < t.extent_count; i++) {
		ix_extent_decode(data + t.meta_offset + m.extents +
					 (size_t)i * IX_ROW_SIZE,
				 &e);
		if (e.part == part)
			return e;
	}
	fail_msg("no part %u", part);
	return e;
}

/* S-42: records and documents in another order than the rest says. */
static void exchanged_ties_are_noticed(void **state)
{
	struct ix_extent tie;
	uint8_t *data, swap[8];
	size_t n;

	(void)state;
	build("a.seg", TEST_SCHEMA, 30);
	data = test_slurp(vfs, "a.seg", &n);
	tie = find(data, n, IX_PART_TIE);
	memcpy(swap, data + tie.offset, 8);
	memcpy(data + tie.offset, data + tie.offset + 8, 8);
	memcpy(data + tie.offset + 8, swap, 8);
	test_rehash(data, n);
	assert_int_equal(verify_bytes(data, n, IX_VERIFY_STRUCTURE), 0);
	assert_int_equal(verify_bytes(data, n, IX_VERIFY_FULL), -IX_ECORRUPT);
	free(data);
}

static void wrong_content_sum_is_noticed(void **state)
{
	uint8_t *data;
	size_t n;

	(void)state;
	build("a.seg", TEST_SCHEMA, 30);
	data = test_slurp(vfs, "a.seg", &n);
	data[n - IX_TRAILER_SIZE + 20] ^= 1;
	test_rehash(data, n);
	assert_int_equal(verify_bytes(data, n, IX_VERIFY_STRUCTURE), 0);
	assert_int_equal(verify_bytes(data, n, IX_VERIFY_FULL), -IX_ECORRUPT);
	free(data);
}

static void padding_in_use_is_noticed(void **state)
{
	struct ix_extent e;
	uint8_t *data;
	size_t n;

	(void)state;
	build("a.seg", TEST_SCHEMA, 30);
	data = test_slurp(vfs, "a.seg", &n);
	for (unsigned part = IX_PART_POSTINGS; part <= IX_PART_STORE; part++) {
		e = find(data, n, part);
		if (e.length % 8 == 0)
			continue;
		data[e.offset + e.length] = 1;
		test_rehash(data, n);
		assert_int_equal(verify_bytes(data, n, IX_VERIFY_CHECKSUMS), 0);
		assert_int_equal(verify_bytes(data, n, IX_VERIFY_STRUCTURE),
				 -IX_ECORRUPT);
		data[e.offset + e.length] = 0;
	}
	free(data);
}

/*
 * Every byte of every part changed behind right checksums. Nothing may crash,
 * and what passes must be harmless: looser bounds, or another spelling of the
 * same content (zstd has some). Those are few.
 */
static void hidden_changes_are_noticed(void **state)
{
	uint64_t passed[8] = { 0 }, tried[8] = { 0 };
	uint8_t *data;
	size_t n;

	(void)state;
	build("a.seg", TEST_SCHEMA, 300);
	data = test_slurp(vfs, "a.seg", &n);
	for (unsigned part = IX_PART_POSTINGS; part <= IX_PART_TIE; part++) {
		struct ix_extent e = find(data, n, part);

		for (int i = 0; i < 400; i++) {
			uint64_t at =
				e.offset + test_rand_below(&rng, e.length);
			uint8_t *copy = malloc(n);

			memcpy(copy, data, n);
			copy[at] ^= (uint8_t)(1 + test_rand_below(&rng, 255));
			test_rehash(copy, n);
			tried[part]++;
			passed[part] += !verify_bytes(copy, n, IX_VERIFY_FULL);
			free(copy);
		}
	}
	for (unsigned part = 1; part <= IX_PART_TIE; part++) {
		print_message("part %u: %llu of %llu changes passed\n", part,
			      (unsigned long long)passed[part],
			      (unsigned long long)tried[part]);
		assert_true(passed[part] * 20 <= tried[part]);
	}
	/* All of these parts state nothing but content. */
	assert_int_equal(passed[IX_PART_TERM_INDEX] + passed[IX_PART_LENGTHS] +
				 passed[IX_PART_COLUMN] + passed[IX_PART_TIE],
			 0);
	free(data);
}

/* ---- page sums ---- */

static uint64_t reads_of(const char *path, const struct ix_verify_options *o,
			 int *rcp)
{
	struct ix_sim *sim = ix_sim_of(vfs);

	ix_sim_count_reset(sim);
	*rcp = verify_with(path, o);
	return ix_sim_count(sim, IX_SIM_READ);
}

static void known_pages_are_not_read_again(void **state)
{
	struct ix_verify_options o = { .level = IX_VERIFY_CHECKSUMS };
	struct ix_page_sums sums;
	struct ix_extent e;
	uint64_t reads, all;
	uint8_t *data;
	size_t n;
	int rc;

	(void)state;
	build("a.seg", TEST_SCHEMA, 30000);
	data = test_slurp(vfs, "a.seg", &n);
	assert_true(n > 4 << 20);
	all = reads_of("a.seg", &o, &rc);
	assert_int_equal(rc, 0);

	ix_page_sums_init(&sums);
	for (size_t at = 0; at < n; at += 1000)
		ix_page_sums_write(&sums, at, data + at,
				   n - at < 1000 ? n - at : 1000);
	o.sums = &sums;
	reads = reads_of("a.seg", &o, &rc);
	assert_int_equal(rc, 0);
	/* Head, trailer, metadata, and the small extents in one piece. */
	assert_true(reads <= 5);
	assert_true(all >= n >> 20);

	/* A few pages unknown: a read for each leaf of theirs. */
	e = find(data, n, IX_PART_STORE);
	ix_page_sums_invalidate(&sums, e.offset + 5000, 1);
	ix_page_sums_invalidate(&sums, e.offset + 300000, 1);
	assert_int_equal(reads_of("a.seg", &o, &rc), reads + 2);
	assert_int_equal(rc, 0);

	/* A page that was written wrong is noticed by its sum alone. */
	data[e.offset + 200000] ^= 1;
	ix_page_sums_write(&sums, (e.offset + 200000) & ~(uint64_t)4095,
			   data + ((e.offset + 200000) & ~(uint64_t)4095),
			   4096);
	assert_int_equal(verify_with("a.seg", &o), -IX_ECORRUPT);
	ix_page_sums_release(&sums);
	free(data);
}

/* ---- options ---- */

struct seen {
	uint64_t done, all, calls, stop_after;
};

static void progress(void *ctx, uint64_t done, uint64_t all)
{
	struct seen *s = ctx;

	assert_true(done >= s->done);
	s->done = done;
	s->all = all;
	s->calls++;
}

static int canceled(void *ctx)
{
	struct seen *s = ctx;

	return s->stop_after && s->calls >= s->stop_after;
}

static void progress_is_told_and_cancel_obeyed(void **state)
{
	struct seen seen = { 0 };
	struct ix_verify_options o = { .level = IX_VERIFY_FULL,
				       .progress = progress,
				       .canceled = canceled,
				       .ctx = &seen };
	uint64_t calls;

	(void)state;
	build("a.seg", TEST_SCHEMA, 3000);
	assert_int_equal(verify_with("a.seg", &o), 0);
	assert_true(seen.calls > 20 && seen.done > 0);
	calls = seen.calls;
	for (uint64_t i = 1; i < calls; i += 1 + calls / 30) {
		seen = (struct seen){ .stop_after = i };
		assert_int_equal(verify_with("a.seg", &o), -IX_ECANCELED);
		assert_true(seen.calls <= i + 1);
	}
}

static void index_schema_decides(void **state)
{
	struct ix_schema *same = test_schema(TEST_SCHEMA);
	struct ix_schema *other = test_schema(
		"{\"fields\":[{\"name\":\"id\",\"type\":\"keyword\"}]}");
	struct ix_verify_options o = { .level = IX_VERIFY_STRUCTURE };
	struct ix_segment_info info;
	struct ix_file *f;

	(void)state;
	build("a.seg", TEST_SCHEMA, 3);
	o.index_schema = same;
	assert_int_equal(verify_with("a.seg", &o), 0);
	o.index_schema = other;
	assert_int_equal(verify_with("a.seg", &o), -IX_ESCHEMA);
	o.index_schema = NULL;
	f = test_open(vfs, "a.seg", IX_OPEN_READ);
	assert_int_equal(ix_segment_verify(f, "a.seg", &o, &info), 0);
	assert_int_equal(info.trailer.doc_count, 3);
	assert_string_equal(info.schema->canonical, same->canonical);
	ix_segment_info_release(&info);
	ix_segment_info_release(&info);
	ix_file_close(f);
	ix_schema_free(same);
	ix_schema_free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(built_segments_verify),
		cmocka_unit_test(exchanged_ties_are_noticed),
		cmocka_unit_test(wrong_content_sum_is_noticed),
		cmocka_unit_test(padding_in_use_is_noticed),
		cmocka_unit_test(hidden_changes_are_noticed),
		cmocka_unit_test(known_pages_are_not_read_again),
		cmocka_unit_test(progress_is_told_and_cancel_obeyed),
		cmocka_unit_test(index_schema_decides),
	};
	int rc;

	test_rng_init(&rng, test_seed());
	if (ix_sim_new(&vfs))
		return 1;
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	ix_vfs_free(vfs);
	return rc;
}
