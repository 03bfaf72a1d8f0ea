/* SPDX-License-Identifier: MIT */
/*
 * Goal: payloads are, byte for byte, what docs/format.md section 6 says; codes
 * and impacts bound what they must and no more than need be; damage is
 * refused; misuse of the writer is reported.
 * Method: small payloads written out by hand; impacts against a search of all
 * ways to choose them; single fields of directories changed one by one.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/base/codec.h"
#include "core/base/mem.h"
#include "core/format/chunk.h"
#include "tests/lib/lists.h"
#include "tests/lib/seed.h"

static struct test_rng rng;

/* Write a list of documents first, first + step, ... with `freq` positions 0,
 * 1, ... each. */
static int write_regular(enum ix_postings_codec codec, uint32_t first,
			 uint32_t step, uint32_t n, uint32_t freq,
			 const struct ix_doc_norms *norms, struct ix_buf *out,
			 struct ix_term_info *info)
{
	static uint32_t positions[200000];
	struct ix_list_writer *w;
	int rc;

	for (uint32_t k = 0; k < freq; k++)
		positions[k] = k;
	assert_int_equal(ix_list_writer_new(codec, &w), 0);
	ix_list_begin(w, norms);
	for (uint32_t i = 0; i < n; i++)
		ix_list_add(w, first + i * step, freq, positions);
	rc = ix_list_finish(w, out, info);
	ix_list_writer_free(w);
	return rc;
}

/* ---- codes ---- */

static void length_codes_round_down(void **state)
{
	uint32_t previous = 0;

	(void)state;
	for (unsigned c = 0; c < 256; c++) {
		uint32_t floor = ix_length_floor((uint8_t)c);

		assert_true(c == 0 || floor > previous);
		assert_int_equal(ix_length_code(floor), c);
		if (c > 0)
			assert_int_equal(ix_length_code(floor - 1), c - 1);
		previous = floor;
	}
	assert_int_equal(ix_length_floor(23), 23);
	assert_int_equal(ix_length_floor(24), 24);
	assert_int_equal(ix_length_floor(33), 34);
	assert_int_equal(ix_length_code(UINT32_MAX), 255);
}

/* ---- impacts ---- */

static int bounds_all(const struct ix_impact pairs[IX_IMPACTS],
		      const struct ix_impact *docs, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct ix_impact one[IX_IMPACTS] = { docs[i] };

		if (!ix_impacts_dominate(pairs, one))
			return 0;
	}
	return 1;
}

/* Can no pair be tightened by one step without leaving some document out? */
static int is_tight(const struct ix_impact pairs[IX_IMPACTS],
		    const struct ix_impact *docs, unsigned n)
{
	for (unsigned k = 0; k < IX_IMPACTS && pairs[k].freq; k++) {
		struct ix_impact less[IX_IMPACTS];

		memcpy(less, pairs, sizeof(less));
		less[k].freq--;
		if (bounds_all(less, docs, n))
			return 0;
		memcpy(less, pairs, sizeof(less));
		if (less[k].length++ < 255 && bounds_all(less, docs, n))
			return 0;
	}
	return 1;
}

static void impacts_bound_every_document_tightly(void **state)
{
	(void)state;
	for (int round = 0; round < 3000; round++) {
		struct ix_impact docs[IX_UNIT_DOCS];
		struct ix_impact pairs[IX_IMPACTS];
		unsigned n = 1 + (unsigned)test_rand_below(&rng, 128);
		unsigned range = 1 + (unsigned)test_rand_below(&rng, 255);
		struct ix_impact_set set;

		ix_impact_set_clear(&set);
		for (unsigned i = 0; i < n; i++) {
			docs[i].freq =
				(uint8_t)(1 + test_rand_below(&rng, range));
			docs[i].length = (uint8_t)test_rand(&rng);
			/* Longer documents have higher frequencies: long
			 * frontiers. */
			if (round % 2)
				docs[i].length = docs[i].freq;
			ix_impact_set_add(&set, docs[i].freq, docs[i].length);
		}
		ix_impact_set_finish(&set, pairs);
		assert_true(ix_impacts_valid(pairs));
		assert_true(bounds_all(pairs, docs, n));
		assert_true(is_tight(pairs, docs, n));
		assert_int_equal(set.max_freq, 0); /* ready for the next */
	}
}

static void up_to_three_frontier_documents_are_exact(void **state)
{
	static const struct ix_impact docs[] = {
		{ 7, 40 }, { 3, 20 }, { 1, 5 }, { 1, 6 }, { 2, 20 }, { 7, 41 }
	};
	static const struct ix_impact want[IX_IMPACTS] = { { 1, 5 },
							   { 3, 20 },
							   { 7, 40 } };
	struct ix_impact pairs[IX_IMPACTS];
	struct ix_impact_set set;

	(void)state;
	ix_impact_set_clear(&set);
	for (size_t i = 0; i < sizeof(docs) / sizeof(docs[0]); i++)
		ix_impact_set_add(&set, docs[i].freq, docs[i].length);
	ix_impact_set_finish(&set, pairs);
	assert_memory_equal(pairs, want, sizeof(want));
}

/* ---- bytes ---- */

static void short_payloads_are_as_specified(void **state)
{
	static const uint32_t p5[] = { 1, 3 };
	static const uint32_t p9[] = { 0 };
	static const uint8_t want3[] = { 5, 4, 3, 0, 0, 9, 1, 2, 0 };
	static const uint8_t want2[] = { 5, 4, 0, 0, 9 };
	static const uint8_t want1[] = { 5, 4, 4 };
	static const uint8_t want_one[] = { 0xac, 2, 1, 2 };
	struct ix_buf out = IX_BUF_INIT;
	struct ix_term_info info;

	(void)state;
	for (unsigned codec = 1; codec <= 3; codec++) {
		const uint8_t *want = codec == 1   ? want1
				      : codec == 2 ? want2
						   : want3;
		size_t n = codec == 1   ? sizeof(want1)
			   : codec == 2 ? sizeof(want2)
					: sizeof(want3);
		struct ix_list_writer *w;

		assert_int_equal(
			ix_list_writer_new((enum ix_postings_codec)codec, &w),
			0);
		ix_list_begin(w, NULL);
		ix_list_add(w, 5, 2, p5);
		ix_list_add(w, 9, 1, p9);
		ix_buf_clear(&out);
		assert_int_equal(ix_list_finish(w, &out, &info), 0);
		assert_int_equal(info.payload_len, n);
		assert_memory_equal(out.data, want, n);
		assert_int_equal(info.ttf, codec == 1 ? 2 : 3);
		assert_int_equal(info.is_long, 0);

		ix_list_begin(w, NULL);
		ix_list_add(w, 300, 2, p5);
		ix_buf_clear(&out);
		assert_int_equal(ix_list_finish(w, &out, &info), 0);
		assert_int_equal(out.len, codec == 3 ? 4 : 2);
		assert_memory_equal(out.data, want_one, out.len);
		ix_list_writer_free(w);
	}
	ix_buf_release(&out);
}

static void long_payload_is_as_specified(void **state)
{
	static const uint8_t want[] = {
		/* units, reserved, documents, docs bytes, position bytes */
		2, 0, 0, 0, 130, 0, 0, 0, 24, 0, 0, 0, 38, 0, 0, 0, 0, 0, 0, 0,
		10, 0, 0, 0, 138, 0, 0, 0,            /* first */
		137, 0, 0, 0, 139, 0, 0, 0,           /* last */
		0, 0, 0, 0, 19, 0, 0, 0,              /* starts of documents */
		0, 0, 0, 0, 34, 0, 0, 0,              /* starts of positions */
		2, 24, 0, 0, 0, 0, 2, 24, 0, 0, 0, 0, /* impacts */
		0xef, 0xbe, 0xad, 0xde, 0xef, 0xbe, 0xad, 0xde, /* ties */
		/* Unit 1: 128 documents, gaps - 1 are 0 (width 0), frequencies
		 * - 1 are 1 (width 1: one word of ones a lane). */
		127, 0, 1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
		255, 255, 255, 255, 255, 255,
		/* Unit 2: two documents, byte-coded. */
		1, 0, 0, 1, 1,
		/* Positions of unit 1: 0, 1, 0, 1, ..., so that lanes 1 and 3
		 * are ones; of unit 2. */
		1, 0, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 0, 255, 255, 255,
		255, 1, 0, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 0, 255, 255,
		255, 255, 0, 1, 0, 1
	};
	struct ix_buf out = IX_BUF_INIT;
	struct ix_term_info info;
	static uint32_t lengths[140];
	static uint64_t ties[140];
	struct ix_doc_norms norms = { lengths, ties };

	(void)state;
	for (int i = 0; i < 140; i++) {
		lengths[i] = 24;
		ties[i] = 0xdeadbeef00000000u + (unsigned)i;
	}
	/* Codec 3, frequency 2, positions 0 and 1: deltas 0, 1, 0, 1, ... */
	assert_int_equal(write_regular(IX_POSTINGS_POSITIONS, 10, 1, 130, 2,
				       &norms, &out, &info),
			 0);
	assert_int_equal(out.len, sizeof(want));
	assert_memory_equal(out.data, want, sizeof(want));
	ix_buf_release(&out);
}

static void chunk_directory_follows_the_second_chunk(void **state)
{
	struct ix_buf out = IX_BUF_INIT;
	struct ix_chunk_entry e;
	struct ix_term_info info;
	const uint8_t *dir;

	(void)state;
	assert_int_equal(write_regular(IX_POSTINGS_DOCS, 7, 3, 4096, 1, NULL,
				       &out, &info),
			 0);
	assert_int_equal(ix_get16(out.data), 32);
	assert_int_equal(out.len, 20 + 26 * 32 + ix_get32(out.data + 8));
	ix_buf_clear(&out);
	assert_int_equal(write_regular(IX_POSTINGS_DOCS, 7, 3, 4100, 1, NULL,
				       &out, &info),
			 0);
	assert_int_equal(ix_get32(out.data + out.len - 8), 2);
	dir = out.data + out.len - 8 - 64;
	assert_int_equal(ix_chunk_entry_decode(dir + 32, &e), 0);
	assert_int_equal(e.first, 7 + 3 * 4096);
	assert_int_equal(e.last, 7 + 3 * 4099);
	assert_int_equal(e.docs, 4);
	assert_int_equal(ix_get32(out.data + e.offset + 4), 4);
	ix_buf_release(&out);
}

/* ---- damage ---- */

/* HAZARDS H-1, H-5, H-7: every field of skip arrays and directory that
 * disagrees with what it describes is found by the check of registration, and
 * nothing that passes it makes a walk leave its range. */
static void every_damaged_byte_of_directories_is_handled(void **state)
{
	struct ix_buf out = IX_BUF_INIT;
	struct ix_list_reader *r;
	struct ix_term_info info;
	uint32_t head;
	uint32_t unseen = 0;

	(void)state;
	assert_int_equal(write_regular(IX_POSTINGS_FREQS, 7, 3, 4500, 3, NULL,
				       &out, &info),
			 0);
	assert_int_equal(ix_list_reader_new(IX_POSTINGS_FREQS, &r), 0);
	head = 20 + 26 * 32;
	for (size_t i = 0; i < head + 72; i++) {
		/* The first chunk's head, then directory and footer. */
		size_t at = i < head ? i : out.len - 72 + (i - head);

		for (int k = 0; k < 3; k++) {
			uint8_t good = out.data[at];
			uint32_t doc = 0;
			uint32_t last = 0;
			uint32_t n = 0;
			int rc;

			out.data[at] ^=
				(uint8_t)(1 + test_rand_below(&rng, 255));
			rc = ix_list_check(out.data, &info, IX_POSTINGS_FREQS,
					   20000, 1);
			unseen += rc == 0;
			if (rc)
				assert_int_equal(rc, -IX_ECORRUPT);
			rc = ix_list_open(r, out.data, &info, 20000);
			while (rc >= 0 && (rc = ix_list_next(r, &doc)) > 0) {
				assert_true(n == 0 || doc > last);
				assert_true(doc < 20000 && n++ < 20000);
				last = doc;
			}
			out.data[at] = good;
		}
	}
	/* Impacts and ties alone may be other valid ones: 6 + 4 bytes of each
	 * unit, 10 of each entry; most of them are not even valid. */
	assert_true(unseen < 3 * (10 * 32 + 20) * 3 / 4);
	ix_list_reader_free(r);
	ix_buf_release(&out);
}

/* A directory whose bounds are tighter than those of a unit is unsafe to prune
 * with (HAZARDS H-7). */
static void directory_below_its_units_is_refused(void **state)
{
	struct ix_buf out = IX_BUF_INIT;
	struct ix_term_info info;
	uint8_t *impacts;

	(void)state;
	assert_int_equal(write_regular(IX_POSTINGS_FREQS, 7, 3, 4500, 3, NULL,
				       &out, &info),
			 0);
	impacts = out.data + out.len - 8 - 64 + 24;
	assert_int_equal(impacts[0], 3);
	impacts[0] = 2;
	assert_int_equal(ix_list_check(out.data, &info, IX_POSTINGS_FREQS,
				       20000, 0),
			 -IX_ECORRUPT);
	impacts[0] = 4; /* looser is allowed */
	assert_int_equal(ix_list_check(out.data, &info, IX_POSTINGS_FREQS,
				       20000, 0),
			 0);
	ix_buf_release(&out);
}

/* HAZARDS S-48: a frequency that the bytes cannot hold costs no memory. */
static void absurd_frequency_is_refused_cheaply(void **state)
{
	static const uint8_t payload[] = { 5, 1, 1, 1 };
	struct ix_term_info info = { 1, 0xffffffff, 0, sizeof(payload) };
	struct ix_list_reader *r;

	(void)state;
	assert_int_equal(ix_list_reader_new(IX_POSTINGS_POSITIONS, &r), 0);
	assert_int_equal(ix_list_open(r, payload, &info, 10), -IX_ECORRUPT);
	info.ttf = 1ull << 32;
	assert_int_equal(ix_list_open(r, payload, &info, 10), -IX_ECORRUPT);
	info.ttf = 3;
	assert_int_equal(ix_list_open(r, payload, &info, 10), 0);
	assert_int_equal(ix_list_open(r, payload, &info, 5), -IX_ECORRUPT);
	ix_list_reader_free(r);
}

/* ---- the writer ---- */

static void writer_reports_misuse_and_recovers(void **state)
{
	static const uint32_t up[] = { 1, 2 };
	static const uint32_t same[] = { 2, 2 };
	struct ix_buf out = IX_BUF_INIT;
	struct ix_list_writer *w;
	struct ix_term_info info;

	(void)state;
	assert_int_equal(ix_list_writer_new(IX_POSTINGS_POSITIONS, &w), 0);
	ix_list_begin(w, NULL);
	assert_int_equal(ix_list_finish(w, &out, &info), -EINVAL);
	ix_list_begin(w, NULL);
	ix_list_add(w, 5, 2, up);
	ix_list_add(w, 5, 2, up);
	assert_int_equal(ix_list_finish(w, &out, &info), -EINVAL);
	ix_list_begin(w, NULL);
	ix_list_add(w, 5, 2, same);
	assert_int_equal(ix_list_finish(w, &out, &info), -EINVAL);
	ix_list_begin(w, NULL);
	ix_list_add(w, IX_DOCS_MAX, 2, up);
	assert_int_equal(ix_list_finish(w, &out, &info), -EINVAL);
	ix_list_begin(w, NULL);
	ix_list_add(w, IX_DOCS_MAX - 1, 2, up);
	assert_int_equal(ix_list_finish(w, &out, &info), 0);
	ix_list_writer_free(w);
	ix_buf_release(&out);
}

static int allocations_left;

static int fail_after(void)
{
	return allocations_left-- <= 0;
}

static void writer_reports_lack_of_memory(void **state)
{
	int rc = -ENOMEM;

	(void)state;
	for (int n = 0; rc; n++) {
		struct ix_buf out = IX_BUF_INIT;
		struct ix_list_writer *w = NULL;
		struct ix_term_info info;
		uint32_t p[3] = { 1, 9, 300 };

		allocations_left = n;
		ix_mem_fail_hook = fail_after;
		rc = ix_list_writer_new(IX_POSTINGS_POSITIONS, &w);
		if (!rc) {
			ix_list_begin(w, NULL);
			for (uint32_t i = 0; i < 5000; i++)
				ix_list_add(w, i, 3, p);
			rc = ix_list_finish(w, &out, &info);
		}
		ix_mem_fail_hook = NULL;
		assert_true(rc == 0 || rc == -ENOMEM);
		ix_list_writer_free(w);
		ix_buf_release(&out);
		assert_true(n < 1000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(length_codes_round_down),
		cmocka_unit_test(impacts_bound_every_document_tightly),
		cmocka_unit_test(up_to_three_frontier_documents_are_exact),
		cmocka_unit_test(short_payloads_are_as_specified),
		cmocka_unit_test(long_payload_is_as_specified),
		cmocka_unit_test(chunk_directory_follows_the_second_chunk),
		cmocka_unit_test(every_damaged_byte_of_directories_is_handled),
		cmocka_unit_test(directory_below_its_units_is_refused),
		cmocka_unit_test(absurd_frequency_is_refused_cheaply),
		cmocka_unit_test(writer_reports_misuse_and_recovers),
		cmocka_unit_test(writer_reports_lack_of_memory),
	};
	test_rng_init(&rng, test_seed());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
