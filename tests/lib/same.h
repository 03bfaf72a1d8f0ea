/* SPDX-License-Identifier: MIT */
/*
 * same: do two segments hold the same documents in the same order, with the
 * same postings, positions, lengths, values and records? Everything is decoded
 * and compared one by one; how it is laid out does not matter. A difference
 * ends the test (cmocka).
 */
#ifndef IX_TESTS_SAME_H
#define IX_TESTS_SAME_H

#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/segment/segment.h"

static inline void
test_same_list(const struct ix_terms *a, const struct ix_terms *b,
	       const struct ix_term_info *ai, const uint8_t *ap,
	       const struct ix_term_info *bi, const uint8_t *bp)
{
	struct ix_list_reader *ra, *rb;
	uint32_t ad, bd;
	int more;

	assert_int_equal(ai->df, bi->df);
	assert_true(ai->ttf == bi->ttf);
	assert_int_equal(ix_list_reader_new(a->codec, &ra), 0);
	assert_int_equal(ix_list_reader_new(b->codec, &rb), 0);
	assert_int_equal(ix_list_open(ra, ap, ai, a->doc_count), 0);
	assert_int_equal(ix_list_open(rb, bp, bi, b->doc_count), 0);
	while ((more = ix_list_next(ra, &ad)) > 0) {
		const uint32_t *apos, *bpos;
		uint32_t freq = ix_list_freq(ra);

		assert_int_equal(ix_list_next(rb, &bd), 1);
		assert_int_equal(ad, bd);
		assert_int_equal(freq, ix_list_freq(rb));
		if (a->codec != IX_POSTINGS_POSITIONS)
			continue;
		assert_int_equal(ix_list_positions(ra, &apos), 0);
		assert_int_equal(ix_list_positions(rb, &bpos), 0);
		assert_memory_equal(apos, bpos, freq * sizeof(*apos));
	}
	assert_int_equal(more, 0);
	assert_int_equal(ix_list_next(rb, &bd), 0);
	ix_list_reader_free(ra);
	ix_list_reader_free(rb);
}

static inline void test_same_terms(const struct ix_terms *a,
				   const struct ix_terms *b)
{
	struct ix_terms_cursor *ca, *cb;
	int rc;

	assert_true(!a == !b);
	if (!a)
		return;
	assert_int_equal(a->codec, b->codec);
	assert_true(a->term_count == b->term_count);
	assert_true(a->sum_df == b->sum_df && a->sum_ttf == b->sum_ttf);
	ca = malloc(sizeof(*ca));
	cb = malloc(sizeof(*cb));
	ix_terms_cursor_init(ca, a);
	ix_terms_cursor_init(cb, b);
	for (;;) {
		struct ix_term_info ai, bi;
		const uint8_t *ap, *bp;

		rc = ix_terms_cursor_next(ca, &ai, &ap);
		assert_int_equal(rc, ix_terms_cursor_next(cb, &bi, &bp));
		if (rc <= 0)
			break;
		assert_int_equal(ca->term_len, cb->term_len);
		assert_memory_equal(ca->term, cb->term, ca->term_len);
		test_same_list(a, b, &ai, ap, &bi, bp);
	}
	assert_int_equal(rc, 0);
	free(ca);
	free(cb);
}

static inline void test_same_values(const struct ix_segment *a, uint32_t af,
				    const struct ix_segment *b, uint32_t bf,
				    uint32_t doc)
{
	uint32_t al, bl, afirst = 0, bfirst = 0, an = 0, bn = 0;
	const struct ix_column *ac = ix_segment_column(a, af, doc, &al);
	const struct ix_column *bc = ix_segment_column(b, bf, doc, &bl);

	if (ac)
		ix_column_values(ac, al, &afirst, &an);
	if (bc)
		ix_column_values(bc, bl, &bfirst, &bn);
	if (an != bn)
		fail_msg("document %u: %u values, not %u", doc, an, bn);
	for (uint32_t i = 0; i < an; i++) {
		const uint8_t *ap, *bp;
		size_t alen, blen;

		if (ac->codec == IX_COLUMN_U64) {
			assert_true(ix_column_u64(ac, afirst + i) ==
				    ix_column_u64(bc, bfirst + i));
			continue;
		}
		ap = ix_column_bytes(ac, afirst + i, &alen);
		bp = ix_column_bytes(bc, bfirst + i, &blen);
		assert_int_equal(alen, blen);
		assert_true(!alen || !memcmp(ap, bp, alen));
	}
}

static inline void test_same_records(const struct ix_segment *a,
				     const struct ix_segment *b)
{
	struct ix_store_cursor ca, cb;

	ix_store_cursor_init(&ca);
	ix_store_cursor_init(&cb);
	for (uint32_t d = 0; d < ix_segment_doc_count(a); d++) {
		const uint8_t *ap, *bp;
		size_t an, bn;

		assert_true(ix_segment_tie(a, d) == ix_segment_tie(b, d));
		assert_int_equal(ix_segment_record(a, &ca, d, &ap, &an), 0);
		assert_int_equal(ix_segment_record(b, &cb, d, &bp, &bn), 0);
		if (an != bn || memcmp(ap, bp, an))
			fail_msg("document %u: another record", d);
	}
	ix_store_cursor_release(&ca);
	ix_store_cursor_release(&cb);
}

/* The schemas must be the same too. */
static inline void test_same_content(const struct ix_segment *a,
				     const struct ix_segment *b)
{
	const struct ix_schema *s = ix_segment_schema(a);

	assert_string_equal(s->canonical, ix_segment_schema(b)->canonical);
	assert_int_equal(ix_segment_doc_count(a), ix_segment_doc_count(b));
	for (uint32_t f = 0; f < s->field_count; f++) {
		const struct ix_lengths *al = ix_segment_lengths(a, f);
		const struct ix_lengths *bl = ix_segment_lengths(b, f);

		test_same_terms(ix_segment_terms(a, f), ix_segment_terms(b, f));
		for (uint32_t d = 0; d < ix_segment_doc_count(a); d++) {
			assert_int_equal(al ? ix_lengths_get(al, d) : 0,
					 bl ? ix_lengths_get(bl, d) : 0);
			test_same_values(a, f, b, f, d);
		}
	}
	test_same_records(a, b);
	assert_true(ix_u128_equal(ix_segment_info(a)->trailer.content_sum,
				  ix_segment_info(b)->trailer.content_sum));
}

#endif
