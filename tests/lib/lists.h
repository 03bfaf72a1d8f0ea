/* SPDX-License-Identifier: MIT */
/*
 * lists: random postings lists as plain arrays (the naive model), written by
 * ix_list_writer and compared with what a reader gives. Failures end the test
 * program through cmocka's asserts; include cmocka.h before.
 */
#ifndef IX_TESTS_LISTS_H
#define IX_TESTS_LISTS_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/format/impacts.h"
#include "core/format/postings.h"
#include "tests/lib/seed.h"

/* A list: position k of document i is positions[starts[i] + k]. */
struct test_list {
	uint32_t df;
	uint64_t ttf;
	uint32_t *docs;
	uint32_t *freqs;
	uint64_t *starts;
	uint32_t *positions;
	size_t cap;     /* documents */
	size_t pos_cap; /* positions */
};

static inline void test_list_clear(struct test_list *l)
{
	l->df = 0;
	l->ttf = 0;
}

static inline void test_list_release(struct test_list *l)
{
	free(l->docs);
	free(l->freqs);
	free(l->starts);
	free(l->positions);
	memset(l, 0, sizeof(*l));
}

/* Add a document; the caller fills the positions returned. */
static inline uint32_t *test_list_add(struct test_list *l, uint32_t doc,
				      uint32_t freq)
{
	if (l->df == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 64;
		l->docs = realloc(l->docs, l->cap * sizeof(*l->docs));
		l->freqs = realloc(l->freqs, l->cap * sizeof(*l->freqs));
		l->starts = realloc(l->starts, l->cap * sizeof(*l->starts));
	}
	if (l->ttf + freq > l->pos_cap) {
		l->pos_cap = 2 * (size_t)(l->ttf + freq);
		l->positions = realloc(l->positions,
				       l->pos_cap * sizeof(*l->positions));
	}
	l->docs[l->df] = doc;
	l->freqs[l->df] = freq;
	l->starts[l->df] = l->ttf;
	l->df++;
	l->ttf += freq;
	return l->positions + l->starts[l->df - 1];
}

/* Add all of `from`, documents moved up by `base`. */
static inline void test_list_append(struct test_list *l,
				    const struct test_list *from, uint32_t base)
{
	for (uint32_t i = 0; i < from->df; i++)
		memcpy(test_list_add(l, base + from->docs[i], from->freqs[i]),
		       from->positions + from->starts[i],
		       from->freqs[i] * sizeof(uint32_t));
}

static inline uint32_t test_skewed(struct test_rng *rng, uint32_t max)
{
	uint32_t bits = (uint32_t)test_rand_below(rng, 33);
	uint64_t v = bits ? test_rand(rng) >> (64 - bits) : 0;

	return (uint32_t)(v <= max ? v : v % ((uint64_t)max + 1));
}

/* A random list of `df` documents below doc_count (>= df): runs and gaps of all
 * sizes, mostly small frequencies. */
static inline void test_list_random(struct test_rng *rng, struct test_list *l,
				    uint32_t df, uint32_t doc_count,
				    uint32_t max_freq)
{
	uint32_t slack = doc_count - df;
	uint64_t doc = 0;

	test_list_clear(l);
	for (uint32_t i = 0; i < df; i++) {
		uint32_t skip = 0;
		uint32_t freq = 1;
		uint32_t *p;
		uint32_t at = 0;

		if (slack && !test_rand_one_in(rng, 3))
			skip = test_skewed(rng, slack);
		/* Leave some room for the documents behind. */
		if (skip > 8 && skip > 4 * (slack / (df - i)))
			skip = (uint32_t)test_rand_below(
				rng, 4 * (uint64_t)(slack / (df - i)) + 1);
		slack -= skip;
		doc += skip;
		if (!test_rand_one_in(rng, 2))
			freq = 1 + (uint32_t)test_rand_below(rng, 4);
		if (test_rand_one_in(rng, 50))
			freq = 1 + (uint32_t)test_rand_below(rng, max_freq);
		p = test_list_add(l, (uint32_t)doc++, freq);
		for (uint32_t k = 0; k < freq; k++) {
			uint32_t most = test_rand_one_in(rng, 20) ? 100000 : 60;

			at += (k > 0) + (uint32_t)test_rand_below(rng, most);
			p[k] = at;
		}
	}
}

/* Norms for documents 0..n-1. */
struct test_norms {
	struct ix_doc_norms norms;
	uint32_t *lengths;
	uint64_t *ties;
};

static inline void test_norms_random(struct test_rng *rng, struct test_norms *n,
				     uint32_t count)
{
	n->lengths = malloc((count + 1) * sizeof(*n->lengths));
	n->ties = malloc((count + 1) * sizeof(*n->ties));
	for (uint32_t i = 0; i < count; i++) {
		n->lengths[i] = test_skewed(rng, 100000);
		n->ties[i] = test_rand(rng);
	}
	n->norms.lengths = n->lengths;
	n->norms.ties = n->ties;
}

static inline void test_norms_release(struct test_norms *n)
{
	free(n->lengths);
	free(n->ties);
}

/* Write a list; the payload is appended to `out`. */
static inline int test_list_write(const struct test_list *l,
				  struct ix_list_writer *w,
				  const struct ix_doc_norms *norms,
				  struct ix_buf *out, struct ix_term_info *info)
{
	ix_list_begin(w, norms);
	for (uint32_t i = 0; i < l->df; i++)
		ix_list_add(w, l->docs[i], l->freqs[i],
			    l->positions + l->starts[i]);
	return ix_list_finish(w, out, info);
}

/* Every record of the payload is that of the model (HAZARDS S-43). */
static inline void
test_list_compare(const struct test_list *l, struct ix_list_reader *r,
		  enum ix_postings_codec codec, const uint8_t *payload,
		  const struct ix_term_info *info, uint32_t doc_count)
{
	uint32_t doc = 0;
	uint32_t i = 0;
	int rc;

	assert_int_equal(info->df, l->df);
	assert_int_equal(info->ttf, codec == IX_POSTINGS_DOCS ? l->df : l->ttf);
	rc = ix_list_open(r, payload, info, doc_count);
	if (rc)
		fail_msg("%s", ix_fail_text());
	while ((rc = ix_list_next(r, &doc)) > 0) {
		assert_true(i < l->df);
		assert_int_equal(doc, l->docs[i]);
		assert_int_equal(ix_list_freq(r),
				 codec == IX_POSTINGS_DOCS ? 1 : l->freqs[i]);
		if (codec == IX_POSTINGS_POSITIONS) {
			const uint32_t *p;

			rc = ix_list_positions(r, &p);
			if (rc)
				fail_msg("%s", ix_fail_text());
			assert_memory_equal(p, l->positions + l->starts[i],
					    l->freqs[i] * sizeof(*p));
		}
		i++;
	}
	if (rc)
		fail_msg("%s", ix_fail_text());
	assert_int_equal(i, l->df);
}

/* The bounds of both levels hold for every document (HAZARDS H-7). */
static inline void
test_list_bounds(const struct test_list *l, struct ix_list_reader *r,
		 enum ix_postings_codec codec, const uint8_t *payload,
		 const struct ix_term_info *info, uint32_t doc_count,
		 const struct ix_doc_norms *norms)
{
	assert_int_equal(ix_list_open(r, payload, info, doc_count), 0);
	for (int level = 0; level < 2; level++) {
		uint32_t i = 0;

		while (i < l->df) {
			struct ix_impact b[IX_IMPACTS];
			uint32_t last;

			assert_int_equal(ix_list_bounds(r, l->docs[i], level, b,
							&last),
					 1);
			assert_true(last >= l->docs[i]);
			for (; i < l->df && l->docs[i] <= last; i++) {
				struct ix_impact doc[IX_IMPACTS] = { { 1, 0 } };

				if (!info->is_long)
					continue;
				if (codec != IX_POSTINGS_DOCS) {
					doc[0].freq = ix_freq_code(l->freqs[i]);
					doc[0].length = ix_length_code(
						norms->lengths[l->docs[i]]);
				}
				assert_true(ix_impacts_dominate(b, doc));
			}
		}
	}
}

#endif
