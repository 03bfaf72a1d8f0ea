/* SPDX-License-Identifier: MIT */
/*
 * Goal: a merge of encoded fields is the encoding of their union, in any
 * grouping, by any engine and window; lists do not fragment over generations;
 * damaged sources are refused and named.
 * Method: seeded random fields as plain arrays; after each merge every record
 * of every list is compared (HAZARDS S-43) and the deep check runs, which
 * compares skip entries with units and parents with children (H-1, H-7).
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/base/codec.h"
#include "tests/lib/corpus.h"
#include "tests/lib/fields.h"
#include "tests/lib/seed.h"

static struct test_rng rng;
static const struct test_merge_how plain = { IX_ENGINE_SYNC, 0, 0 };

/* What random fields look like. */
struct shape {
	enum ix_postings_codec codec;
	uint32_t max_docs;
	uint32_t max_terms; /* of the common vocabulary */
	uint32_t max_freq;
};

static void some_field(struct test_field *f, const struct shape *s)
{
	uint32_t vocabulary = 1 + s->max_terms;

	memset(f, 0, sizeof(*f));
	f->codec = s->codec;
	f->doc_count = 1 + (uint32_t)test_rand_below(&rng, s->max_docs);
	test_norms_random(&rng, &f->norms, f->doc_count);
	f->terms = calloc(vocabulary, sizeof(*f->terms));
	for (uint32_t i = 0; i < vocabulary; i++) {
		struct test_term *t = &f->terms[f->n];
		uint32_t df;

		/* Terms of a common vocabulary, some of one source alone. */
		if (test_rand_one_in(&rng, 4))
			continue;
		if (test_rand_one_in(&rng, 4))
			snprintf(t->text, sizeof(t->text), "term%05u-%08x", i,
				 (unsigned)test_rand(&rng));
		else
			snprintf(t->text, sizeof(t->text), "term%05u", i);
		if (test_rand_one_in(&rng, 3))
			df = 1 + test_skewed(&rng, 12);
		else
			df = 1 + test_skewed(&rng, f->doc_count - 1);
		df = df < f->doc_count ? df : f->doc_count;
		test_list_random(&rng, &t->list, df, f->doc_count, s->max_freq);
		f->n++;
	}
	test_field_encode(f);
}

static void merge_and_compare(const struct test_field *const *in, uint32_t n,
			      struct test_field *out)
{
	struct ix_field_merge_stats stats;

	test_field_union(in, n, out);
	if (test_field_merge(in, n, &out->norms.norms, plain, &out->postings,
			     &out->index, &stats))
		fail_msg("%s", ix_fail_text());
	assert_int_equal(stats.terms_out, out->n);
	test_field_compare(out, &out->postings, &out->index);
}

static void merge_is_the_union(void **state)
{
	(void)state;
	for (int round = 0; round < 60; round++) {
		struct shape s = { (enum ix_postings_codec)(1 + round % 3),
				   1 + test_skewed(&rng, 3000),
				   1 + test_skewed(&rng, 60), 60 };
		struct test_field fields[9];
		const struct test_field *in[9];
		struct test_field out;
		uint32_t n = 1 + (uint32_t)test_rand_below(&rng, 9);

		for (uint32_t i = 0; i < n; i++) {
			some_field(&fields[i], &s);
			in[i] = &fields[i];
		}
		merge_and_compare(in, n, &out);
		test_field_release(&out);
		for (uint32_t i = 0; i < n; i++)
			test_field_release(&fields[i]);
	}
}

static void merge_of_merges_is_the_union(void **state)
{
	(void)state;
	for (int round = 0; round < 12; round++) {
		struct shape s = { (enum ix_postings_codec)(1 + round % 3), 600,
				   30, 20 };
		struct test_field fields[12];
		const struct test_field *in[12];
		struct test_field half[3];
		const struct test_field *halves[3] = { &half[0], &half[1],
						       &half[2] };
		struct test_field out;
		uint32_t cut1 = 1 + (uint32_t)test_rand_below(&rng, 5);
		uint32_t cut2 = 6 + (uint32_t)test_rand_below(&rng, 5);

		for (uint32_t i = 0; i < 12; i++) {
			some_field(&fields[i], &s);
			in[i] = &fields[i];
		}
		merge_and_compare(in, cut1, &half[0]);
		merge_and_compare(in + cut1, cut2 - cut1, &half[1]);
		merge_and_compare(in + cut2, 12 - cut2, &half[2]);
		merge_and_compare(halves, 3, &out);
		test_field_release(&out);
		for (uint32_t i = 0; i < 3; i++)
			test_field_release(&half[i]);
		for (uint32_t i = 0; i < 12; i++)
			test_field_release(&fields[i]);
	}
}

/* A field with one term of `df` documents from 0 on, `freq` times each. */
static void one_term(struct test_field *f, enum ix_postings_codec codec,
		     const char *term, uint32_t df, uint32_t freq)
{
	memset(f, 0, sizeof(*f));
	f->codec = codec;
	f->doc_count = df ? df : 1;
	test_norms_random(&rng, &f->norms, f->doc_count);
	f->terms = calloc(1, sizeof(*f->terms));
	f->n = df > 0;
	strcpy(f->terms[0].text, term);
	for (uint32_t i = 0; i < df; i++) {
		uint32_t *p = test_list_add(&f->terms[0].list, i, freq);

		for (uint32_t k = 0; k < freq; k++)
			p[k] = k + k * (i % 3);
	}
	test_field_encode(f);
}

/* HAZARDS H-5: sums at the border between the forms, on both sides. */
static void short_lists_become_long_at_the_border(void **state)
{
	static const uint32_t pairs[][2] = {
		{ 1, 1 },     { 63, 64 }, { 64, 64 }, { 127, 1 },  { 1, 127 },
		{ 127, 127 }, { 128, 1 }, { 1, 128 }, { 200, 70 }, { 4096, 127 }
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		for (unsigned c = 1; c <= 3; c++) {
			struct test_field a, b, out;
			const struct test_field *in[] = { &a, &b };

			one_term(&a, (enum ix_postings_codec)c, "t",
				 pairs[i][0], 2);
			one_term(&b, (enum ix_postings_codec)c, "t",
				 pairs[i][1], 3);
			merge_and_compare(in, 2, &out);
			test_field_release(&a);
			test_field_release(&b);
			test_field_release(&out);
		}
	}
}

/* Payloads around 64 KiB and 1 MiB, alone and with others. */
static void documents_with_very_many_positions_survive(void **state)
{
	static const uint32_t freqs[] = { 30000, 65530, 65536, 100000,
					  2000000 };

	(void)state;
	for (size_t i = 0; i < sizeof(freqs) / sizeof(freqs[0]); i++) {
		struct test_field a, b, c, out, again;
		const struct test_field *in[] = { &a, &b, &c };
		const struct test_field *all[] = { &b, &out, &a };

		one_term(&a, IX_POSTINGS_POSITIONS, "t", 1, freqs[i]);
		one_term(&b, IX_POSTINGS_POSITIONS, "t", 2, 3);
		one_term(&c, IX_POSTINGS_POSITIONS, "t", 1,
			 freqs[test_rand_below(&rng, 4)]);
		merge_and_compare(in, 3, &out);
		merge_and_compare(all, 3, &again);
		test_field_release(&a);
		test_field_release(&b);
		test_field_release(&c);
		test_field_release(&out);
		test_field_release(&again);
	}
}

/* Lists of many chunks, with large blocks, merged and merged again. */
static void large_lists_are_streamed(void **state)
{
	(void)state;
	for (unsigned codec = 1; codec <= 3; codec++) {
		static const uint32_t dfs[] = { 30000, 130, 17000, 5, 9000 };
		struct test_field fields[5];
		const struct test_field *in[5];
		struct test_field left, right, out;
		const struct test_field *halves[] = { &left, &right };

		for (uint32_t i = 0; i < 5; i++) {
			struct test_field *f = &fields[i];

			memset(f, 0, sizeof(*f));
			f->codec = (enum ix_postings_codec)codec;
			f->doc_count =
				dfs[i] *
				(1 + (uint32_t)test_rand_below(&rng, 30));
			test_norms_random(&rng, &f->norms, f->doc_count);
			f->terms = calloc(1, sizeof(*f->terms));
			f->n = 1;
			strcpy(f->terms[0].text, "t");
			test_list_random(&rng, &f->terms[0].list, dfs[i],
					 f->doc_count, 40);
			test_field_encode(f);
			in[i] = f;
		}
		merge_and_compare(in, 3, &left);
		merge_and_compare(in + 3, 2, &right);
		merge_and_compare(halves, 2, &out);
		test_field_release(&out);
		merge_and_compare(in, 5, &out);
		assert_true(codec < 3 || out.postings.len > 100000);
		/* A large block alone is copied as it is. */
		halves[0] = &out;
		struct test_field copy;
		merge_and_compare(halves, 1, &copy);
		assert_int_equal(copy.postings.len, out.postings.len);
		assert_memory_equal(copy.postings.data, out.postings.data,
				    out.postings.len);
		test_field_release(&copy);
		test_field_release(&left);
		test_field_release(&right);
		test_field_release(&out);
		for (uint32_t i = 0; i < 5; i++)
			test_field_release(&fields[i]);
	}
}

/* A base that takes the first document to more bytes must not take a short
 * payload over its limit. */
static void short_list_at_its_limit_grows(void **state)
{
	struct test_field a, b, out;
	const struct test_field *in[] = { &a, &b };

	(void)state;
	one_term(&a, IX_POSTINGS_POSITIONS, "a", 300, 1);
	for (uint32_t freq = 65530; freq < 65537; freq++) {
		one_term(&b, IX_POSTINGS_POSITIONS, "b", 1, freq);
		merge_and_compare(in, 2, &out);
		test_field_release(&b);
		test_field_release(&out);
	}
	test_field_release(&a);
}

static void empty_sources_leave_no_trace(void **state)
{
	struct test_field a, b, c, out;
	const struct test_field *in[] = { &a, &b, &c };

	(void)state;
	one_term(&a, IX_POSTINGS_POSITIONS, "t", 0, 1);
	one_term(&b, IX_POSTINGS_POSITIONS, "t", 5, 1);
	one_term(&c, IX_POSTINGS_POSITIONS, "t", 0, 1);
	merge_and_compare(in, 3, &out);
	test_field_release(&out);
	merge_and_compare(in, 1, &out);
	test_field_release(&out);
	in[1] = &c;
	merge_and_compare(in, 2, &out);
	test_field_release(&out);
	test_field_release(&a);
	test_field_release(&b);
	test_field_release(&c);
}

static void bytes_do_not_depend_on_engine_or_window(void **state)
{
	static const struct test_merge_how hows[] = {
		{ IX_ENGINE_SYNC, 1 << 20, 64 },
		{ IX_ENGINE_SYNC, 64 << 20, 8 },
		{ IX_ENGINE_AUTO, 8 << 20, 16 },
	};

	(void)state;
	for (int round = 0; round < 6; round++) {
		struct shape s = { (enum ix_postings_codec)(1 + round % 3),
				   4000, 60, 300 };
		struct test_field fields[6];
		const struct test_field *in[6];
		struct test_field out;

		for (uint32_t i = 0; i < 6; i++) {
			some_field(&fields[i], &s);
			in[i] = &fields[i];
		}
		merge_and_compare(in, 6, &out);
		for (size_t k = 0; k < 3; k++) {
			struct ix_buf postings = IX_BUF_INIT;
			struct ix_buf index = IX_BUF_INIT;

			assert_int_equal(test_field_merge(in, 6,
							  &out.norms.norms,
							  hows[k], &postings,
							  &index, NULL),
					 0);
			assert_int_equal(postings.len, out.postings.len);
			assert_memory_equal(postings.data, out.postings.data,
					    postings.len);
			assert_int_equal(index.len, out.index.len);
			assert_memory_equal(index.data, out.index.data,
					    index.len);
			ix_buf_release(&postings);
			ix_buf_release(&index);
		}
		test_field_release(&out);
		for (uint32_t i = 0; i < 6; i++)
			test_field_release(&fields[i]);
	}
}

/* ---- fragmentation ---- */

/* Units of a long payload, by walking its chunks. */
static uint64_t count_units(const uint8_t *payload, uint32_t df)
{
	uint64_t units = 0;
	uint64_t docs = 0;
	uint64_t at = 0;

	while (docs < df) {
		uint32_t n = ix_get16(payload + at);

		units += n;
		docs += ix_get32(payload + at + 4);
		at += 20 + 26 * (uint64_t)n + ix_get32(payload + at + 8) +
		      ix_get64(payload + at + 12);
	}
	return units;
}

static void check_fill(const struct test_field *f)
{
	struct ix_terms_cursor c;
	struct ix_term_info info;
	const uint8_t *payload;
	struct ix_terms t;

	assert_int_equal(ix_terms_open(&t, f->postings.data, f->postings.len,
				       f->index.data, f->index.len, f->codec,
				       f->doc_count),
			 0);
	ix_terms_cursor_init(&c, &t);
	while (ix_terms_cursor_next(&c, &info, &payload) > 0) {
		uint64_t units;

		if (!info.is_long || info.df < 512)
			continue;
		units = count_units(payload, info.df);
		assert_true(info.df * 100ull >= units * 128 * 75);
	}
}

/* Lists stay compact however often they are merged (as HAZARDS S-56 asks of
 * the store): small segments are merged into a growing one. */
static void lists_do_not_fragment_over_generations(void **state)
{
	(void)state;
	for (unsigned codec = 1; codec <= 3; codec++) {
		struct shape s = { (enum ix_postings_codec)codec, 500, 25, 12 };
		struct test_field all;

		some_field(&all, &s);
		for (int generation = 0; generation < 20; generation++) {
			uint32_t n = 2 + (uint32_t)test_rand_below(&rng, 4);
			uint32_t place = (uint32_t)test_rand_below(&rng, n);
			struct test_field fields[6];
			const struct test_field *in[6];
			struct test_field next;

			for (uint32_t i = 0; i < n; i++) {
				in[i] = i == place ? &all : &fields[i];
				if (i != place)
					some_field(&fields[i], &s);
			}
			merge_and_compare(in, n, &next);
			check_fill(&next);
			for (uint32_t i = 0; i < n; i++)
				if (i != place)
					test_field_release(&fields[i]);
			test_field_release(&all);
			all = next;
		}
		/* Against the same documents built in one go. */
		size_t merged = all.postings.len;
		test_field_encode(&all);
		print_message("codec %u: %u documents, %zu bytes after 20 "
			      "generations, %zu built in one go (%+.2f %%)\n",
			      codec, all.doc_count, merged, all.postings.len,
			      100.0 * (double)merged /
					      (double)all.postings.len -
				      100.0);
		assert_true(merged * 100 <= all.postings.len * 105);
		test_field_release(&all);
	}
}

/* ---- limits and damage ---- */

/* HAZARDS S-48: too many documents are refused before the first byte. */
static void too_many_documents_are_refused_first(void **state)
{
	struct ix_field_source sources[2] = { 0 };
	struct ix_buf out = IX_BUF_INIT;
	struct ix_buf index = IX_BUF_INIT;
	struct ix_terms_out to = { test_append, &out };

	(void)state;
	sources[0].doc_count = 0x7fffffff;
	sources[1].doc_base = 0x7fffffff;
	sources[1].doc_count = 1;
	assert_int_equal(ix_field_merge(sources, 2, IX_POSTINGS_DOCS, NULL, to,
					&index, NULL),
			 -IX_ELIMIT);
	sources[1].doc_base = 0x7ffffffe;
	assert_int_equal(ix_field_merge(sources, 2, IX_POSTINGS_DOCS, NULL, to,
					&index, NULL),
			 -EINVAL);
	sources[0].doc_count = 0x7ffffffe;
	assert_int_equal(ix_field_merge(sources, 2, IX_POSTINGS_DOCS, NULL, to,
					&index, NULL),
			 0);
	assert_int_equal(out.len, 0);
	ix_buf_release(&out);
	ix_buf_release(&index);
}

/* HAZARDS H-2: the highest document number there is survives being moved, and
 * none is mistaken for a sentinel. */
static void highest_documents_survive(void **state)
{
	struct test_field a, b;
	const struct test_field *in[] = { &a, &b };
	struct ix_buf out = IX_BUF_INIT;
	struct ix_buf index = IX_BUF_INIT;
	struct ix_terms_cursor c;
	struct ix_term_info info;
	struct ix_list_reader *r;
	const uint8_t *payload;
	struct ix_terms t;
	uint32_t doc;
	uint32_t last = 0;

	(void)state;
	one_term(&a, IX_POSTINGS_FREQS, "t", 200, 2);
	one_term(&b, IX_POSTINGS_FREQS, "t", 300, 2);
	a.doc_count = 0x7fffffff - 300;
	assert_int_equal(test_field_merge(in, 2, NULL, plain, &out, &index,
					  NULL),
			 0);
	assert_int_equal(ix_terms_open(&t, out.data, out.len, index.data,
				       index.len, IX_POSTINGS_FREQS,
				       IX_DOCS_MAX),
			 0);
	ix_terms_cursor_init(&c, &t);
	assert_int_equal(ix_terms_cursor_next(&c, &info, &payload), 1);
	assert_int_equal(ix_list_check(payload, &info, IX_POSTINGS_FREQS,
				       IX_DOCS_MAX, 1),
			 0);
	assert_int_equal(ix_list_reader_new(IX_POSTINGS_FREQS, &r), 0);
	assert_int_equal(ix_list_open(r, payload, &info, IX_DOCS_MAX), 0);
	while (ix_list_next(r, &doc) > 0)
		last = doc;
	assert_int_equal(last, 0x7ffffffe);
	ix_list_reader_free(r);
	ix_buf_release(&out);
	ix_buf_release(&index);
	test_field_release(&a);
	test_field_release(&b);
}

/* HAZARDS S-41: a source that is cut off or damaged fails the merge with a
 * content error that names it, or (damage inside copied units) gives a result
 * that a deep check refuses or that is another valid list; never a crash. */
static void damaged_sources_are_refused_or_harmless(void **state)
{
	struct shape s = { IX_POSTINGS_POSITIONS, 900, 20, 20 };
	struct test_field fields[3];
	const struct test_field *in[3];
	struct test_field out;
	uint32_t refused = 0;

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		some_field(&fields[i], &s);
		in[i] = &fields[i];
	}
	merge_and_compare(in, 3, &out);
	for (int round = 0; round < 1500; round++) {
		struct ix_buf *b = &fields[round % 3].postings;
		struct ix_buf postings = IX_BUF_INIT;
		struct ix_buf index = IX_BUF_INIT;
		size_t at = test_rand_below(&rng, b->len);
		uint8_t good = b->data[at];
		size_t len = b->len;
		int rc;

		if (round % 5 == 0)
			b->len = at;
		else
			b->data[at] ^=
				(uint8_t)(1 + test_rand_below(&rng, 255));
		rc = test_field_merge(in, 3, &out.norms.norms, plain, &postings,
				      &index, NULL);
		if (rc) {
			assert_int_equal(rc, -IX_ECORRUPT);
			assert_memory_equal(ix_fail_text(), "source", 6);
			refused++;
		}
		b->len = len;
		b->data[at] = good;
		ix_buf_release(&postings);
		ix_buf_release(&index);
	}
	assert_true(refused > 200);
	test_field_release(&out);
	for (uint32_t i = 0; i < 3; i++)
		test_field_release(&fields[i]);
}

/* Every allocation that fails leaves no leak and gives -ENOMEM. */
static int allocations_left;

static int fail_after(void)
{
	return allocations_left-- <= 0;
}

static void lack_of_memory_is_reported(void **state)
{
	struct shape s = { IX_POSTINGS_POSITIONS, 400, 6, 20 };
	struct test_field fields[3];
	const struct test_field *in[3];
	struct ix_field_source sources[3] = { 0 };
	struct ix_file *file[3];
	struct ix_engine_options o = { .kind = IX_ENGINE_SYNC, .fan_in = 3 };
	struct ix_engine *e;
	struct ix_vfs *vfs;
	struct test_field model;
	int rc = -ENOMEM;

	(void)state;
	assert_int_equal(ix_sim_new(&vfs), 0);
	assert_int_equal(ix_engine_new(&o, &e), 0);
	for (uint32_t i = 0; i < 3; i++) {
		char name[2] = { (char)('a' + i), 0 };

		some_field(&fields[i], &s);
		in[i] = &fields[i];
		assert_int_equal(ix_vfs_open(vfs, name,
					     IX_OPEN_WRITE | IX_OPEN_CREATE,
					     &file[i]),
				 0);
		assert_int_equal(ix_file_write(file[i], in[i]->postings.data,
					       in[i]->postings.len, 0),
				 0);
	}
	test_field_union(in, 3, &model);
	for (int n = 0; rc; n++) {
		struct ix_buf out = IX_BUF_INIT;
		struct ix_buf index = IX_BUF_INIT;
		struct ix_terms_out to = { test_append, &out };
		uint32_t docs = 0;

		for (uint32_t i = 0; i < 3; i++) {
			sources[i].postings_len = in[i]->postings.len;
			sources[i].doc_base = docs;
			sources[i].doc_count = in[i]->doc_count;
			docs += in[i]->doc_count;
			assert_int_equal(ix_source_open(e, file[i], 0,
							in[i]->postings.len,
							NULL, NULL,
							&sources[i].postings),
					 0);
		}
		assert_int_equal(ix_buf_reserve(&out, 1 << 20), 0);
		allocations_left = n;
		ix_mem_fail_hook = fail_after;
		rc = ix_field_merge(sources, 3, IX_POSTINGS_POSITIONS,
				    &model.norms.norms, to, &index, NULL);
		ix_mem_fail_hook = NULL;
		assert_true(rc == 0 || rc == -ENOMEM);
		if (!rc)
			test_field_compare(&model, &out, &index);
		for (uint32_t i = 0; i < 3; i++)
			ix_source_close(sources[i].postings);
		ix_buf_release(&out);
		ix_buf_release(&index);
		assert_true(n < 10000);
	}
	test_field_release(&model);
	for (uint32_t i = 0; i < 3; i++) {
		ix_file_close(file[i]);
		test_field_release(&fields[i]);
	}
	ix_engine_free(e);
	ix_vfs_free(vfs);
}

/* Inputs for fuzz_field_merge: codec u8, number of sources u8, then for each
 * documents u32, bytes u32, and the postings. */
static void keep_corpus(void **state)
{
	(void)state;
	for (int i = 0; i < 6; i++) {
		struct shape s = { (enum ix_postings_codec)(1 + i % 3),
				   i < 3 ? 30 : 700, 5, 6 };
		struct ix_buf in = IX_BUF_INIT;
		char name[32];

		ix_buf_add_u8(&in, (uint8_t)(i % 3));
		ix_buf_add_u8(&in, 3);
		for (int k = 0; k < 3; k++) {
			struct test_field f;

			some_field(&f, &s);
			ix_buf_add_u32(&in, f.doc_count);
			ix_buf_add_u32(&in, (uint32_t)f.postings.len);
			ix_buf_add(&in, f.postings.data, f.postings.len);
			test_field_release(&f);
		}
		snprintf(name, sizeof(name), "merge-codec%d-%u", 1 + i % 3,
			 s.max_docs);
		test_corpus_keep("field_merge", name, in.data, in.len);
		ix_buf_release(&in);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(merge_is_the_union),
		cmocka_unit_test(merge_of_merges_is_the_union),
		cmocka_unit_test(short_lists_become_long_at_the_border),
		cmocka_unit_test(documents_with_very_many_positions_survive),
		cmocka_unit_test(large_lists_are_streamed),
		cmocka_unit_test(short_list_at_its_limit_grows),
		cmocka_unit_test(empty_sources_leave_no_trace),
		cmocka_unit_test(bytes_do_not_depend_on_engine_or_window),
		cmocka_unit_test(lists_do_not_fragment_over_generations),
		cmocka_unit_test(too_many_documents_are_refused_first),
		cmocka_unit_test(highest_documents_survive),
		cmocka_unit_test(damaged_sources_are_refused_or_harmless),
		cmocka_unit_test(lack_of_memory_is_reported),
		cmocka_unit_test(keep_corpus),
	};
	test_rng_init(&rng, test_seed());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
