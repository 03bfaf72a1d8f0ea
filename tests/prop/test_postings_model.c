/* SPDX-License-Identifier: MIT */
/*
 * Goal: a list written and read back is the list: documents, frequencies,
 * positions, seeks and bounds, for every codec and form.
 * Method: seeded random lists kept as plain arrays; every record compared
 * (HAZARDS S-43: not just the first of each block), random mixtures of next
 * and seek against a linear search, bounds against every document (H-7).
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/format/postings.h"
#include "tests/lib/corpus.h"
#include "tests/lib/lists.h"
#include "tests/lib/seed.h"

static struct test_rng rng;

static const enum ix_postings_codec codecs[] = { IX_POSTINGS_DOCS,
						 IX_POSTINGS_FREQS,
						 IX_POSTINGS_POSITIONS };

struct subject {
	enum ix_postings_codec codec;
	struct test_list list;
	struct test_norms norms;
	uint32_t doc_count;
	struct ix_buf payload;
	struct ix_term_info info;
	struct ix_list_writer *writer;
	struct ix_list_reader *reader;
};

static void subject_make(struct subject *s, enum ix_postings_codec codec,
			 uint32_t df, uint32_t doc_count, uint32_t max_freq)
{
	memset(s, 0, sizeof(*s));
	s->codec = codec;
	s->doc_count = doc_count;
	test_list_random(&rng, &s->list, df, doc_count, max_freq);
	test_norms_random(&rng, &s->norms, doc_count);
	assert_int_equal(ix_list_writer_new(codec, &s->writer), 0);
	assert_int_equal(ix_list_reader_new(codec, &s->reader), 0);
	if (test_list_write(&s->list, s->writer, &s->norms.norms, &s->payload,
			    &s->info))
		fail_msg("%s", ix_fail_text());
	/* A view to the byte, so that a sanitizer sees an overrun. */
	s->payload.data = realloc(s->payload.data, s->payload.len);
	s->payload.cap = s->payload.len;
	assert_int_equal(s->info.payload_len, s->payload.len);
}

static void subject_release(struct subject *s)
{
	test_list_release(&s->list);
	test_norms_release(&s->norms);
	ix_buf_release(&s->payload);
	ix_list_writer_free(s->writer);
	ix_list_reader_free(s->reader);
}

/* Next and seek in random order, against a linear search. */
static void walk_randomly(struct subject *s)
{
	const struct test_list *l = &s->list;
	uint32_t at = 0; /* index of the next document */
	uint32_t doc;

	assert_int_equal(ix_list_open(s->reader, s->payload.data, &s->info,
				      s->doc_count),
			 0);
	for (;;) {
		const uint32_t *p;
		int rc;

		if (test_rand_one_in(&rng, 3)) {
			rc = ix_list_next(s->reader, &doc);
		} else {
			uint32_t from = at ? l->docs[at - 1] + 1 : 0;
			uint32_t target =
				from + test_skewed(&rng, s->doc_count / 8 + 1);

			rc = ix_list_seek(s->reader, target, &doc);
			while (at < l->df && l->docs[at] < target)
				at++;
		}
		if (at == l->df) {
			assert_int_equal(rc, 0);
			assert_int_equal(ix_list_next(s->reader, &doc), 0);
			return;
		}
		assert_int_equal(rc, 1);
		assert_int_equal(doc, l->docs[at]);
		/* Sometimes only the positions are asked for, sometimes twice,
		 * sometimes nothing. */
		if (s->codec != IX_POSTINGS_DOCS && test_rand_one_in(&rng, 2))
			assert_int_equal(ix_list_freq(s->reader), l->freqs[at]);
		for (int k = (int)test_rand_below(&rng, 3);
		     k > 0 && s->codec == IX_POSTINGS_POSITIONS; k--) {
			assert_int_equal(ix_list_positions(s->reader, &p), 0);
			assert_memory_equal(p, l->positions + l->starts[at],
					    l->freqs[at] * sizeof(*p));
		}
		at++;
	}
}

static void check_subject(struct subject *s)
{
	test_list_compare(&s->list, s->reader, s->codec, s->payload.data,
			  &s->info, s->doc_count);
	for (int k = 0; k < 4; k++)
		walk_randomly(s);
	test_list_bounds(&s->list, s->reader, s->codec, s->payload.data,
			 &s->info, s->doc_count, &s->norms.norms);
	if (ix_list_check(s->payload.data, &s->info, s->codec, s->doc_count, 1))
		fail_msg("%s", ix_fail_text());
}

static void random_lists_read_back(void **state)
{
	(void)state;
	for (int round = 0; round < 300; round++) {
		struct subject s;
		uint32_t df = 1 + test_skewed(&rng, 3000);
		uint32_t doc_count = df + test_skewed(&rng, 20000);

		subject_make(&s, codecs[round % 3], df, doc_count, 300);
		check_subject(&s);
		subject_release(&s);
	}
}

/* HAZARDS H-5: counts at the edges of units, forms and chunks. */
static void edges_of_units_and_chunks_read_back(void **state)
{
	static const uint32_t edges[] = { 1,    2,    126,  127,  128,  129,
					  255,  256,  257,  4095, 4096, 4097,
					  8191, 8192, 8193, 8320 };

	(void)state;
	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
		for (unsigned c = 0; c < 3; c++) {
			struct subject s;

			subject_make(&s, codecs[c], edges[i], edges[i] * 3, 20);
			assert_int_equal(s.info.is_long, edges[i] >= 128);
			check_subject(&s);
			subject_release(&s);
		}
	}
}

static void few_documents_with_many_positions_are_long(void **state)
{
	struct subject s;

	(void)state;
	/* One document alone crosses 64 KiB, 1 MiB. */
	for (uint32_t freq = 30000; freq < 2000000; freq *= 4) {
		uint32_t *p;

		subject_make(&s, IX_POSTINGS_POSITIONS, 5, 100, 3);
		p = test_list_add(&s.list, 99, freq);
		for (uint32_t k = 0; k < freq; k++)
			p[k] = 3 * k + 1;
		if (s.list.docs[4] < 99) {
			ix_buf_clear(&s.payload);
			assert_int_equal(test_list_write(&s.list, s.writer,
							 &s.norms.norms,
							 &s.payload, &s.info),
					 0);
			assert_int_equal(s.info.is_long, freq > 65536);
			check_subject(&s);
		}
		subject_release(&s);
	}
}

static void extreme_documents_and_positions_read_back(void **state)
{
	static const uint32_t docs[] = { 0, 1, 0x7ffffffd, 0x7ffffffe };
	static const uint32_t positions[] = { 0, 1, 0x80000000, 0xfffffffe,
					      0xffffffff };
	struct ix_list_writer *w;
	struct ix_list_reader *r;
	struct ix_term_info info;
	struct ix_buf out = IX_BUF_INIT;
	struct test_list l = { 0 };

	(void)state;
	for (int i = 0; i < 4; i++)
		memcpy(test_list_add(&l, docs[i], 5), positions,
		       sizeof(positions));
	assert_int_equal(ix_list_writer_new(IX_POSTINGS_POSITIONS, &w), 0);
	assert_int_equal(ix_list_reader_new(IX_POSTINGS_POSITIONS, &r), 0);
	assert_int_equal(test_list_write(&l, w, NULL, &out, &info), 0);
	test_list_compare(&l, r, IX_POSTINGS_POSITIONS, out.data, &info,
			  IX_DOCS_MAX);
	ix_list_writer_free(w);
	ix_list_reader_free(r);
	ix_buf_release(&out);
	test_list_release(&l);
}

/* Inputs for fuzz_postings: codec u8, form u8, df u32, ttf u64, documents u32,
 * payload. */
static void keep_corpus(void **state)
{
	static const uint32_t sizes[] = { 1, 20, 200, 5000 };

	(void)state;
	for (int i = 0; i < 12; i++) {
		struct ix_buf in = IX_BUF_INIT;
		struct subject s;
		char name[32];

		subject_make(&s, codecs[i % 3], sizes[i / 3], sizes[i / 3] * 5,
			     9);
		ix_buf_add_u8(&in, (uint8_t)(i % 3));
		ix_buf_add_u8(&in, s.info.is_long);
		ix_buf_add_u32(&in, s.info.df);
		ix_buf_add_u64(&in, s.info.ttf);
		ix_buf_add_u32(&in, s.doc_count);
		ix_buf_add(&in, s.payload.data, s.payload.len);
		snprintf(name, sizeof(name), "codec%d-df%u", 1 + i % 3,
			 s.info.df);
		test_corpus_keep("postings", name, in.data, in.len);
		ix_buf_release(&in);
		subject_release(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_lists_read_back),
		cmocka_unit_test(edges_of_units_and_chunks_read_back),
		cmocka_unit_test(few_documents_with_many_positions_are_long),
		cmocka_unit_test(extreme_documents_and_positions_read_back),
		cmocka_unit_test(keep_corpus),
	};
	test_rng_init(&rng, test_seed());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
