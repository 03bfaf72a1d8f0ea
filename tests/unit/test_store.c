/* SPDX-License-Identifier: MIT */
/*
 * Goal: every record comes back byte for byte, whatever its size; a store that
 * lost or gained a record is refused (HAZARDS S-42), a huge record works
 * (H-18), and hostile stores never read out of bounds.
 * Method: round trips against a model; each byte of a small store changed;
 * every allocation made to fail.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "core/base/codec.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/format/layout.h"
#include "core/format/store.h"
#include "tests/lib/corpus.h"
#include "tests/lib/seed.h"

static struct test_rng rng;

static void to_buf(void *ctx, const void *data, size_t n)
{
	ix_buf_add(ctx, data, n);
}

struct model {
	struct ix_buf bytes; /* all records */
	size_t *ends;
	uint32_t n;
};

static void model_add(struct model *m, size_t n)
{
	static const char words[] = "the quick brown fox jumps over a lazy dog";
	uint8_t *p = ix_buf_extend(&m->bytes, n);

	for (size_t i = 0; i < n && i < 100000; i++)
		p[i] = (uint8_t)words[test_rand_below(&rng, 41)];
	for (size_t i = 100000; i < n; i += 100000)
		memcpy(p + i, p, n - i < 100000 ? n - i : 100000);
	m->ends = realloc(m->ends, (m->n + 1) * sizeof(*m->ends));
	m->ends[m->n++] = m->bytes.len;
}

static const uint8_t *model_get(const struct model *m, uint32_t i, size_t *np)
{
	size_t from = i ? m->ends[i - 1] : 0;

	*np = m->ends[i] - from;
	return m->bytes.data + from;
}

static void model_release(struct model *m)
{
	ix_buf_release(&m->bytes);
	free(m->ends);
	memset(m, 0, sizeof(*m));
}

static void write_store(const struct model *m, struct ix_buf *out)
{
	struct ix_store_writer *w;

	assert_int_equal(ix_store_writer_new(to_buf, out, &w), 0);
	for (uint32_t i = 0; i < m->n; i++) {
		size_t n;
		const uint8_t *p = model_get(m, i, &n);

		assert_int_equal(ix_store_add(w, p, n), 0);
	}
	assert_int_equal(ix_store_finish(w), 0);
	ix_store_writer_free(w);
}

static void check_doc(const struct ix_store *s, struct ix_store_cursor *c,
		      const struct model *m, uint32_t doc)
{
	const uint8_t *p, *q;
	size_t n, k;

	if (ix_store_get(s, c, doc, &p, &n))
		fail_msg("%s", ix_fail_text());
	q = model_get(m, doc, &k);
	assert_int_equal(n, k);
	assert_true(!n || !memcmp(p, q, n));
}

static void check_store(const struct model *m, const struct ix_buf *b)
{
	struct ix_store_cursor c;
	struct ix_store s;

	if (ix_store_open(&s, b->data, b->len, m->n))
		fail_msg("%s", ix_fail_text());
	ix_store_cursor_init(&c);
	for (uint32_t i = 0; i < m->n; i++)
		check_doc(&s, &c, m, i);
	for (uint32_t i = 0; i < 200; i++)
		check_doc(&s, &c, m, (uint32_t)test_rand_below(&rng, m->n));
	ix_store_cursor_release(&c);
}

static void records_of_all_sizes_round_trip(void **state)
{
	static const size_t sizes[] = { 0,     1,     127,   128,
					16380, 16381, 16382, 16383,
					16384, 16385, 70000, 2 };
	struct model m = { 0 };

	(void)state;
	for (int round = 0; round < 60; round++) {
		struct ix_buf b = IX_BUF_INIT;
		uint32_t docs = (uint32_t)test_rand_in(&rng, 1, 800);
		size_t bound = (size_t)1 << test_rand_below(&rng, 13);

		for (uint32_t i = 0; i < docs; i++)
			model_add(&m, test_rand_below(&rng, bound));
		for (size_t i = 0; round % 4 == 0 && i < 12; i++)
			model_add(&m, sizes[i]);
		write_store(&m, &b);
		check_store(&m, &b);
		ix_buf_release(&b);
		model_release(&m);
	}
}

/* H-18: one record far larger than any frame. S-48: the size limit. */
static void huge_record_works_and_a_larger_one_is_refused(void **state)
{
	struct ix_buf b = IX_BUF_INIT;
	struct model m = { 0 };
	struct ix_store_writer *w;
	uint8_t *big;

	(void)state;
	model_add(&m, 10);
	model_add(&m, 100u << 20);
	model_add(&m, 10);
	write_store(&m, &b);
	check_store(&m, &b);
	ix_buf_release(&b);
	model_release(&m);

	big = calloc(1, (size_t)IX_RECORD_MAX + 1);
	assert_int_equal(ix_store_writer_new(to_buf, &b, &w), 0);
	assert_int_equal(ix_store_add(w, "a", 1), 0);
	assert_int_equal(ix_store_add(w, big, (size_t)IX_RECORD_MAX + 1),
			 -IX_ELIMIT);
	/* The refused record left no trace: its neighbours are in place. */
	assert_int_equal(ix_store_add(w, "b", 1), 0);
	assert_int_equal(ix_store_finish(w), 0);
	ix_store_writer_free(w);
	free(big);
	{
		struct ix_store_cursor c;
		struct ix_store s;
		const uint8_t *p;
		size_t n;

		assert_int_equal(ix_store_open(&s, b.data, b.len, 2), 0);
		ix_store_cursor_init(&c);
		assert_int_equal(ix_store_get(&s, &c, 1, &p, &n), 0);
		assert_true(n == 1 && *p == 'b');
		assert_int_equal(ix_store_get(&s, &c, 2, &p, &n), -EINVAL);
		ix_store_cursor_release(&c);
	}
	ix_buf_release(&b);
}

static void frames_close_at_the_size(void **state)
{
	struct ix_buf b = IX_BUF_INIT;
	struct model m = { 0 };
	struct ix_store s;

	(void)state;
	for (int i = 0; i < 1000; i++)
		model_add(&m, 100);
	write_store(&m, &b);
	assert_int_equal(ix_store_open(&s, b.data, b.len, m.n), 0);
	/* 101 bytes each: 163 fill a frame; the rest is undersized. */
	assert_int_equal(s.frame_count, 7);
	for (uint32_t i = 0; i < 7; i++) {
		struct ix_store_frame f;

		ix_store_frame(s.index, s.frame_count, s.doc_count,
			       s.index_offset, i, &f);
		assert_int_equal(f.first_doc, i * 163);
		assert_int_equal(f.doc_count, i < 6 ? 163 : 22);
		assert_int_equal(f.raw_bytes, f.doc_count * 101);
		assert_int_equal(ZSTD_getFrameContentSize(s.data + f.offset,
							  f.length),
				 f.raw_bytes);
	}
	assert_int_equal(ix_store_undersized(s.index, s.frame_count), 1);
	assert_int_equal(ix_store_dirty_percent(&s), 14);
	ix_buf_release(&b);
	model_release(&m);
}

/* Open and read everything. 1 = all records are as in the model. */
static int reads_as(const uint8_t *data, size_t n, const struct model *m)
{
	struct ix_store_cursor c;
	struct ix_store s;
	int same = 1;

	if (ix_store_open(&s, data, n, m->n)) {
		assert_true(ix_fail_text()[0]);
		return 0;
	}
	ix_store_cursor_init(&c);
	for (uint32_t i = 0; i < m->n; i++) {
		const uint8_t *p;
		const uint8_t *q;
		size_t len, k;
		int rc = ix_store_get(&s, &c, i, &p, &len);

		assert_true(rc == 0 || rc == -IX_ECORRUPT);
		q = model_get(m, i, &k);
		same = same && !rc && len == k && !memcmp(p, q, k);
	}
	ix_store_cursor_release(&c);
	return same;
}

static void damaged_store_never_reads_out_of_bounds(void **state)
{
	struct ix_buf b = IX_BUF_INIT;
	struct model m = { 0 };
	uint8_t *exact;
	size_t index;

	(void)state;
	for (int i = 0; i < 40; i++)
		model_add(&m, 1000);
	write_store(&m, &b);
	{
		struct ix_buf kept = IX_BUF_INIT;

		ix_buf_add_u16(&kept, (uint16_t)m.n);
		ix_buf_add(&kept, b.data, b.len);
		test_corpus_keep("store", "three-frames", kept.data, kept.len);
		ix_buf_release(&kept);
	}
	assert_true(reads_as(b.data, b.len, &m));
	index = b.len - 16 - 16 * 3;
	for (size_t i = 0; i < b.len; i++) {
		uint8_t old = b.data[i];

		b.data[i] ^= (uint8_t)(1 + test_rand_below(&rng, 255));
		/* A change in the index or footer is always noticed. */
		if (reads_as(b.data, b.len, &m))
			assert_true(i < index);
		b.data[i] = old;
	}
	for (size_t n = 0; n < b.len; n += 1 + n / 50) {
		exact = malloc(n + 1);
		memcpy(exact, b.data, n);
		exact = realloc(exact, n ? n : 1);
		assert_false(reads_as(exact, n, &m));
		free(exact);
	}
	ix_buf_release(&b);
	model_release(&m);
}

/* S-42: a frame with a record more or less than the index says. */
static void frame_with_another_record_count_is_refused(void **state)
{
	static const uint8_t raw[] = { 1, 'a', 1, 'b', 1, 'c' };
	struct ix_store_cursor c;
	struct ix_store s;
	const uint8_t *p;
	size_t n;

	(void)state;
	for (uint32_t docs = 1; docs <= 6; docs++) {
		uint8_t data[200];
		size_t z = ZSTD_compress(data, 100, raw, sizeof(raw), 3);
		uint8_t *e = data + z;

		ix_put64(e, 0);
		ix_put32(e + 8, 0);
		ix_put32(e + 12, sizeof(raw));
		ix_put32(e + 16, 1);
		ix_put32(e + 20, docs);
		ix_put64(e + 24, z);
		assert_int_equal(ix_store_open(&s, data, z + 32, docs), 0);
		ix_store_cursor_init(&c);
		assert_int_equal(ix_store_get(&s, &c, 0, &p, &n),
				 docs == 3 ? 0 : -IX_ECORRUPT);
		ix_store_cursor_release(&c);
		assert_int_equal(ix_store_open(&s, data, z + 32, docs + 1),
				 -IX_ECORRUPT);
	}
}

/* A cursor that served a closed store must not answer for the next one, which
 * may well lie at the same address. */
static void cursor_notices_another_store(void **state)
{
	struct ix_store_cursor c;
	uint8_t room[4096];

	(void)state;
	ix_store_cursor_init(&c);
	for (int i = 0; i < 3; i++) {
		struct ix_buf b = IX_BUF_INIT;
		struct ix_store_writer *w;
		struct ix_store s;
		const uint8_t *p;
		size_t n;
		char text[2] = { (char)('a' + i), 0 };

		assert_int_equal(ix_store_writer_new(to_buf, &b, &w), 0);
		assert_int_equal(ix_store_add(w, text, 1), 0);
		assert_int_equal(ix_store_finish(w), 0);
		ix_store_writer_free(w);
		memcpy(room, b.data, b.len);
		assert_int_equal(ix_store_open(&s, room, b.len, 1), 0);
		assert_int_equal(ix_store_get(&s, &c, 0, &p, &n), 0);
		assert_int_equal(*p, text[0]);
		ix_buf_release(&b);
	}
	ix_store_cursor_release(&c);
	ix_store_cursor_release(&c);
}

static uint64_t countdown;

static int fail_nth(void)
{
	return countdown && !--countdown;
}

static void every_failed_allocation_is_reported(void **state)
{
	static uint8_t record[9000];
	int rc = -ENOMEM;

	(void)state;
	for (uint64_t n = 1; rc; n++) {
		struct ix_store_writer *w = NULL;
		struct ix_buf b = IX_BUF_INIT;

		countdown = n;
		ix_mem_fail_hook = fail_nth;
		rc = ix_store_writer_new(to_buf, &b, &w);
		for (int i = 0; i < 5 && !rc; i++)
			rc = ix_store_add(w, record, sizeof(record));
		if (!rc)
			rc = ix_store_finish(w);
		if (!rc)
			rc = ix_buf_error(&b);
		ix_mem_fail_hook = NULL;
		ix_store_writer_free(w);
		ix_buf_release(&b);
		assert_true(rc == 0 || rc == -ENOMEM);
		assert_true(n < 1000);
	}
	assert_true(countdown > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_of_all_sizes_round_trip),
		cmocka_unit_test(huge_record_works_and_a_larger_one_is_refused),
		cmocka_unit_test(frames_close_at_the_size),
		cmocka_unit_test(damaged_store_never_reads_out_of_bounds),
		cmocka_unit_test(frame_with_another_record_count_is_refused),
		cmocka_unit_test(cursor_notices_another_store),
		cmocka_unit_test(every_failed_allocation_is_reported),
	};
	test_rng_init(&rng, test_seed());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
