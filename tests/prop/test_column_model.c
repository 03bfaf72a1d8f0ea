/* SPDX-License-Identifier: MIT */
/*
 * Goal: a column gives back exactly the values of each document, for every
 * mixture of absent, single and repeated values, through appending extents
 * into one, and with extreme values (HAZARDS H-19); a damaged column is
 * refused or at least never read out of bounds.
 * Method: random documents in a naive model; encode, open, compare all; split
 * into pieces, append them, compare bytes with the direct encoding.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/codec.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/format/column.h"
#include "tests/lib/corpus.h"
#include "tests/lib/seed.h"

static struct test_rng rng;

struct value {
	uint64_t number;
	uint8_t text[40];
	size_t len;
};

struct model {
	int is_u64, multi;
	uint32_t docs;
	uint32_t *ends;
	struct value *values;
	uint32_t count;
};

/* How a model's values are drawn. */
struct taste {
	unsigned absent;   /* percent of documents without value */
	unsigned repeated; /* percent with several (multi) */
	unsigned shift;    /* numbers: random >> shift */
	uint64_t base;
	uint64_t distinct; /* texts: 0 = any */
};

static void random_value(struct value *v, const struct taste *t)
{
	uint64_t r = t->shift < 64 ? test_rand(&rng) >> t->shift : 0;

	v->number = t->base + r;
	if (t->distinct) {
		uint64_t k = test_rand_below(&rng, t->distinct) *
			     0x9e3779b97f4a7c15ull;

		v->len = k % 9;
		memcpy(v->text, &k, 8);
	} else {
		v->len = test_rand_below(&rng, sizeof(v->text));
		test_rand_bytes(&rng, v->text, v->len);
	}
}

static void model_make(struct model *m, int is_u64, int multi, uint32_t docs,
		       const struct taste *t)
{
	m->is_u64 = is_u64;
	m->multi = multi;
	m->docs = docs;
	m->count = 0;
	m->ends = malloc(docs * sizeof(*m->ends));
	m->values = malloc((size_t)docs * 5 * sizeof(*m->values));
	for (uint32_t d = 0; d < docs; d++) {
		uint64_t n = test_rand_below(&rng, 100) >= t->absent;

		if (n && multi && test_rand_below(&rng, 100) < t->repeated)
			n = test_rand_in(&rng, 2, 5);
		while (n--)
			random_value(&m->values[m->count++], t);
		m->ends[d] = m->count;
	}
}

static void model_release(struct model *m)
{
	free(m->ends);
	free(m->values);
}

static void write_docs(const struct model *m, uint32_t from, uint32_t to,
		       struct ix_column_writer *w)
{
	uint32_t v = from ? m->ends[from - 1] : 0;

	for (uint32_t d = from; d < to; d++) {
		for (; v < m->ends[d]; v++)
			if (m->is_u64)
				ix_column_add_u64(w, m->values[v].number);
			else
				ix_column_add_bytes(w, m->values[v].text,
						    m->values[v].len);
		ix_column_end_doc(w);
	}
}

static uint64_t finish(struct ix_column_writer *w, struct ix_buf *out,
		       enum ix_column_codec *codec)
{
	uint64_t values;

	if (ix_column_finish(w, out, codec, &values))
		fail_msg("%s", ix_fail_text());
	assert_int_equal(ix_column_doc_count(w), 0);
	return values;
}

static void check(const struct model *m, const struct ix_column *c)
{
	uint32_t before = 0;

	assert_int_equal(c->value_count, m->count);
	for (uint32_t d = 0; d < m->docs; d++) {
		uint32_t first, n;

		ix_column_values(c, d, &first, &n);
		assert_int_equal(n, m->ends[d] - before);
		for (uint32_t i = 0; i < n; i++) {
			const struct value *v = &m->values[before + i];

			assert_int_equal(first + i, before + i);
			if (m->is_u64) {
				assert_true(ix_column_u64(c, first + i) ==
					    v->number);
			} else {
				size_t len;
				const uint8_t *p =
					ix_column_bytes(c, first + i, &len);

				assert_int_equal(len, v->len);
				assert_true(!len || !memcmp(p, v->text, len));
			}
		}
		before = m->ends[d];
	}
}

/* The same extent put together from pieces must have the same bytes. */
static void check_appended(const struct model *m, const struct ix_buf *direct)
{
	struct ix_column_writer *whole, *piece;
	struct ix_buf b = IX_BUF_INIT, out = IX_BUF_INIT;
	enum ix_column_codec codec;

	assert_int_equal(ix_column_writer_new(m->is_u64, m->multi, &whole), 0);
	assert_int_equal(ix_column_writer_new(m->is_u64, m->multi, &piece), 0);
	for (uint32_t d = 0; d < m->docs;) {
		uint32_t n = (uint32_t)test_rand_in(&rng, 1, m->docs - d);
		struct ix_column c;

		write_docs(m, d, d + n, piece);
		ix_buf_clear(&b);
		if (!finish(piece, &b, &codec)) {
			ix_column_skip_docs(whole, n);
		} else {
			assert_int_equal(ix_column_open(&c, b.data, b.len,
							codec, n, m->multi),
					 0);
			{
				uint32_t k = (uint32_t)test_rand_below(&rng, n);

				ix_column_append(whole, &c, 0, k);
				ix_column_append(whole, &c, k, n - k);
			}
			ix_column_release(&c);
		}
		d += n;
	}
	assert_int_equal(finish(whole, &out, &codec), m->count);
	assert_int_equal(out.len, direct->len);
	assert_true(!out.len || !memcmp(out.data, direct->data, out.len));
	ix_column_writer_free(whole);
	ix_column_writer_free(piece);
	ix_buf_release(&b);
	ix_buf_release(&out);
}

static void random_columns_read_back(void **state)
{
	static const uint64_t bases[] = { 0, 1, 1ull << 32, 1ull << 63,
					  UINT64_MAX };
	unsigned seen = 0;

	(void)state;
	for (int round = 0; round < 400; round++) {
		struct taste t = {
			.absent = (unsigned)test_rand_below(&rng, 3) * 45,
			.repeated = (unsigned)test_rand_below(&rng, 3) * 20,
			.shift = (unsigned)test_rand_below(&rng, 66),
			.base = bases[test_rand_below(&rng, 5)],
			.distinct = test_rand_below(&rng, 3) * 30,
		};
		struct ix_buf b = IX_BUF_INIT;
		struct ix_column_writer *w;
		enum ix_column_codec codec;
		struct ix_column c;
		struct model m;
		uint8_t *exact;

		model_make(&m, round & 1, round & 2,
			   (uint32_t)test_rand_in(&rng, 1, 3000), &t);
		assert_int_equal(ix_column_writer_new(m.is_u64, m.multi, &w),
				 0);
		/* Leading bytes: alignment is relative to the extent. */
		ix_buf_add_zeros(&b, test_rand_below(&rng, 9));
		write_docs(&m, 0, m.docs, w);
		{
			struct ix_buf out = IX_BUF_INIT;

			assert_int_equal(finish(w, &out, &codec), m.count);
			ix_buf_release(&b);
			b = out;
		}
		check_appended(&m, &b);
		if (m.count) {
			exact = malloc(b.len);
			memcpy(exact, b.data, b.len);
			if (ix_column_open(&c, exact, b.len, codec, m.docs,
					   m.multi) ||
			    ix_column_check(&c))
				fail_msg("%s", ix_fail_text());
			check(&m, &c);
			seen |= 1u << codec << (c.flags * 4);
			ix_column_release(&c);
			ix_column_release(&c);
			free(exact);
		} else {
			assert_int_equal(b.len, 0);
		}
		ix_column_writer_free(w);
		ix_buf_release(&b);
		model_release(&m);
	}
	/* All three codecs met all three shapes, or the test proves little. */
	assert_int_equal(seen, 0xeee);
}

/* H-19: the largest and smallest numbers beside each other. */
static void extreme_numbers_beside_absent_ones(void **state)
{
	static const uint64_t v[] = { 0,          UINT64_MAX,
				      1,          UINT64_MAX - 1,
				      1ull << 63, (1ull << 63) - 1 };
	struct ix_buf b = IX_BUF_INIT;
	struct ix_column_writer *w;
	enum ix_column_codec codec;
	struct ix_column c;

	(void)state;
	assert_int_equal(ix_column_writer_new(1, 0, &w), 0);
	for (int i = 0; i < 6; i++) {
		ix_column_add_u64(w, v[i]);
		ix_column_end_doc(w);
		ix_column_end_doc(w);
	}
	finish(w, &b, &codec);
	assert_int_equal(ix_column_open(&c, b.data, b.len, codec, 12, 0), 0);
	assert_int_equal(ix_column_check(&c), 0);
	for (uint32_t d = 0; d < 12; d++) {
		uint32_t first, n;

		ix_column_values(&c, d, &first, &n);
		assert_int_equal(n, d % 2 ? 0 : 1);
		if (n)
			assert_true(ix_column_u64(&c, first) == v[d / 2]);
	}
	ix_column_release(&c);
	ix_column_writer_free(w);
	ix_buf_release(&b);
}

/* H-5: more values than 16 bits count, in every shape. */
static void columns_beyond_65536_values(void **state)
{
	for (int shape = 0; shape < 4; shape++) {
		struct taste t = { .absent = 10 * (unsigned)(shape & 1),
				   .repeated = 50,
				   .shift = 50,
				   .distinct = 70000 };
		struct ix_buf b = IX_BUF_INIT;
		struct ix_column_writer *w;
		enum ix_column_codec codec;
		struct ix_column c;
		struct model m;

		model_make(&m, shape & 1, shape & 2, 70000, &t);
		assert_int_equal(ix_column_writer_new(m.is_u64, m.multi, &w),
				 0);
		write_docs(&m, 0, m.docs, w);
		finish(w, &b, &codec);
		assert_int_equal(ix_column_open(&c, b.data, b.len, codec,
						m.docs, m.multi),
				 0);
		assert_int_equal(ix_column_check(&c), 0);
		check(&m, &c);
		ix_column_release(&c);
		ix_column_writer_free(w);
		ix_buf_release(&b);
		model_release(&m);
	}
	(void)state;
}

static void misuse_is_reported_by_finish(void **state)
{
	struct ix_buf b = IX_BUF_INIT;
	struct ix_column_writer *w;
	enum ix_column_codec codec;
	uint64_t values;

	(void)state;
	assert_int_equal(ix_column_writer_new(1, 0, &w), 0);
	ix_column_add_u64(w, 1);
	ix_column_add_u64(w, 2);
	ix_column_end_doc(w);
	assert_int_equal(ix_column_finish(w, &b, &codec, &values), -EINVAL);
	ix_column_add_bytes(w, "x", 1);
	assert_int_equal(ix_column_finish(w, &b, &codec, &values), -EINVAL);
	ix_column_add_u64(w, 1);
	assert_int_equal(ix_column_finish(w, &b, &codec, &values), -EINVAL);
	/* And it is usable again after each. */
	ix_column_add_u64(w, 1);
	ix_column_end_doc(w);
	assert_int_equal(ix_column_finish(w, &b, &codec, &values), 0);
	assert_int_equal(values, 1);
	ix_column_writer_free(w);
	ix_buf_release(&b);
}

/* Read all that can be read; the sanitizers watch. */
static int touch(const uint8_t *data, size_t n, enum ix_column_codec codec,
		 uint32_t docs, int multi)
{
	struct ix_column c;
	uint64_t sum = 0;
	int rc = ix_column_open(&c, data, n, codec, docs, multi);

	if (rc) {
		assert_int_equal(rc, -IX_ECORRUPT);
		return 0;
	}
	for (uint32_t d = 0; d < docs + 2; d++) {
		uint32_t first, k;

		ix_column_values(&c, d, &first, &k);
		assert_true((uint64_t)first + k <= c.value_count);
		for (uint32_t i = 0; i < k; i++) {
			size_t len;
			const uint8_t *p = ix_column_bytes(&c, first + i, &len);

			sum += ix_column_u64(&c, first + i);
			for (size_t j = 0; j < len; j++)
				sum += p[j];
		}
	}
	rc = ix_column_check(&c);
	ix_column_release(&c);
	assert_true(rc == 0 || rc == -IX_ECORRUPT);
	return rc == 0 && sum < UINT64_MAX;
}

static void keep(int number, const struct ix_buf *b, enum ix_column_codec codec,
		 int multi)
{
	struct ix_buf kept = IX_BUF_INIT;
	char name[24];

	snprintf(name, sizeof(name), "column-%d", number);
	ix_buf_add_u16(&kept, 60);
	ix_buf_add_u8(&kept, (uint8_t)(codec | (multi ? 0x80 : 0)));
	ix_buf_add(&kept, b->data, b->len);
	test_corpus_keep("column", name, kept.data, kept.len);
	ix_buf_release(&kept);
}

static void damaged_columns_never_read_out_of_bounds(void **state)
{
	(void)state;
	for (int round = 0; round < 12; round++) {
		struct taste t = { .absent = 30 * (unsigned)(round % 3 == 0),
				   .repeated = 30 * (unsigned)(round % 3 == 1),
				   .shift = 56,
				   .distinct = round < 6 ? 20 : 0 };
		struct ix_buf b = IX_BUF_INIT;
		struct ix_column_writer *w;
		enum ix_column_codec codec;
		struct model m;

		model_make(&m, round & 1, round % 3 == 1, 60, &t);
		assert_int_equal(ix_column_writer_new(m.is_u64, m.multi, &w),
				 0);
		write_docs(&m, 0, m.docs, w);
		finish(w, &b, &codec);
		assert_true(touch(b.data, b.len, codec, 60, m.multi));
		keep(round, &b, codec, m.multi);
		for (size_t i = 0; i < b.len; i++) {
			uint8_t old = b.data[i];

			b.data[i] ^= (uint8_t)(1 + test_rand_below(&rng, 255));
			/* Header changes are always seen. */
			assert_true(!touch(b.data, b.len, codec, 60, m.multi) ||
				    i >= 32);
			b.data[i] = old;
		}
		for (size_t n = 0; n < b.len; n++) {
			uint8_t *exact = malloc(n + 1);

			memcpy(exact, b.data, n);
			exact = realloc(exact, n ? n : 1);
			assert_false(touch(exact, n, codec, 60, m.multi));
			free(exact);
		}
		assert_false(touch(b.data, b.len, codec, 61, m.multi));
		ix_column_writer_free(w);
		ix_buf_release(&b);
		model_release(&m);
	}
}

static uint64_t countdown;

static int fail_nth(void)
{
	return countdown && !--countdown;
}

static void every_failed_allocation_is_reported(void **state)
{
	struct taste t = { .absent = 20, .repeated = 20, .distinct = 100 };
	struct model m;

	(void)state;
	for (int is_u64 = 0; is_u64 < 2; is_u64++) {
		int rc = -ENOMEM;

		model_make(&m, is_u64, 1, 300, &t);
		for (uint64_t n = 1; rc; n++) {
			struct ix_column_writer *w = NULL;
			struct ix_buf b = IX_BUF_INIT;
			enum ix_column_codec codec;
			struct ix_column c;
			uint64_t values;

			memset(&c, 0, sizeof(c));
			countdown = n;
			ix_mem_fail_hook = fail_nth;
			rc = ix_column_writer_new(is_u64, 1, &w);
			if (!rc) {
				write_docs(&m, 0, m.docs, w);
				rc = ix_column_finish(w, &b, &codec, &values);
			}
			if (!rc)
				rc = ix_column_open(&c, b.data, b.len, codec,
						    m.docs, 1);
			if (!rc) {
				ix_column_append(w, &c, 0, m.docs);
				rc = ix_column_finish(w, &b, &codec, &values);
			}
			ix_mem_fail_hook = NULL;
			ix_column_release(&c);
			ix_column_writer_free(w);
			ix_buf_release(&b);
			assert_true(rc == 0 || rc == -ENOMEM);
			assert_true(n < 1000);
		}
		assert_true(countdown > 0);
		model_release(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_columns_read_back),
		cmocka_unit_test(extreme_numbers_beside_absent_ones),
		cmocka_unit_test(columns_beyond_65536_values),
		cmocka_unit_test(misuse_is_reported_by_finish),
		cmocka_unit_test(damaged_columns_never_read_out_of_bounds),
		cmocka_unit_test(every_failed_allocation_is_reported),
	};
	test_rng_init(&rng, test_seed());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
