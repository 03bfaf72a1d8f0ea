/* SPDX-License-Identifier: MIT */
/*
 * Goal: every term written is found, and no other; the cursor gives all of
 * them in order with their payloads; damage is reported.
 * Method: seeded random dictionaries with long shared prefixes, terms of
 * 0x00 and 0xff bytes, and large payloads; neighbours of each term looked up
 * against a binary search in the plain array.
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
#include "core/format/terms.h"
#include "tests/lib/corpus.h"
#include "tests/lib/seed.h"

static struct test_rng rng;

struct term {
	size_t len;
	uint8_t bytes[IX_TERM_MAX_BYTES];
	struct ix_term_info info;
	uint8_t fill; /* byte of the payload */
};

struct dictionary {
	struct term *terms;
	size_t n;
	struct ix_buf postings;
	struct ix_buf index;
	struct ix_terms view;
};

static int compare_bytes(const uint8_t *a, size_t a_len, const uint8_t *b,
			 size_t b_len)
{
	int c = memcmp(a, b, a_len < b_len ? a_len : b_len);

	return c ? c : (a_len > b_len) - (a_len < b_len);
}

static int compare_terms(const void *a, const void *b)
{
	const struct term *x = a;
	const struct term *y = b;

	return compare_bytes(x->bytes, x->len, y->bytes, y->len);
}

static void some_term(struct term *t)
{
	static const uint8_t alphabet[] = { 0, 1, 'a', 'b', 0x7f, 0x80, 0xff };
	size_t max = test_rand_one_in(&rng, 200) ? IX_TERM_MAX_BYTES : 14;
	size_t shared =
		test_rand_one_in(&rng, 2) ? test_rand_below(&rng, 10) : 0;

	t->len = 1 + test_rand_below(&rng, max);
	for (size_t i = 0; i < t->len; i++)
		t->bytes[i] =
			i < shared
				? 's'
				: alphabet[test_rand_below(&rng,
							   sizeof(alphabet))];
	memset(&t->info, 0, sizeof(t->info));
	t->info.df = 1 + (uint32_t)test_rand_below(&rng, 1000);
	t->info.ttf = t->info.df + test_rand_below(&rng, 3) * 1000;
	t->info.is_long = (uint8_t)test_rand_below(&rng, 2);
	t->info.payload_len = 1 + test_rand_below(&rng, 40);
	if (test_rand_one_in(&rng, 60)) {
		t->info.payload_len = 60000 + test_rand_below(&rng, 10000);
		t->info.is_long = 1;
	}
	t->fill = (uint8_t)test_rand(&rng);
}

static void append(void *ctx, const void *data, size_t n)
{
	ix_buf_add(ctx, data, n);
}

static void dictionary_make(struct dictionary *d, size_t n,
			    enum ix_postings_codec codec)
{
	struct ix_terms_writer *w;
	struct ix_terms_out out = { append, &d->postings };
	uint8_t *payload = malloc(70000);
	uint64_t count;
	size_t kept = 0;

	memset(d, 0, sizeof(*d));
	d->terms = calloc(n, sizeof(*d->terms));
	for (size_t i = 0; i < n; i++)
		some_term(&d->terms[i]);
	qsort(d->terms, n, sizeof(*d->terms), compare_terms);
	assert_int_equal(ix_terms_writer_new(codec, out, &w), 0);
	for (size_t i = 0; i < n; i++) {
		struct term *t = &d->terms[kept];

		if (kept && !compare_terms(&d->terms[kept - 1], &d->terms[i]))
			continue;
		*t = d->terms[i];
		if (codec == IX_POSTINGS_DOCS)
			t->info.ttf = t->info.df;
		kept++;
		memset(payload, t->fill, t->info.payload_len);
		ix_terms_add(w, t->bytes, t->len, &t->info, payload);
	}
	d->n = kept;
	assert_int_equal(ix_terms_finish(w, &d->index, &count), 0);
	assert_int_equal(count, kept);
	ix_terms_writer_free(w);
	free(payload);
	/* To the byte, for sanitizers. */
	d->postings.data = realloc(d->postings.data, d->postings.len);
	d->postings.cap = d->postings.len;
	d->index.data = realloc(d->index.data, d->index.len);
	d->index.cap = d->index.len;
	if (ix_terms_open(&d->view, d->postings.data, d->postings.len,
			  d->index.data, d->index.len, codec, 1000))
		fail_msg("%s", ix_fail_text());
}

static void dictionary_release(struct dictionary *d)
{
	free(d->terms);
	ix_buf_release(&d->postings);
	ix_buf_release(&d->index);
}

static void check_payload(const struct term *t, const struct ix_term_info *info,
			  const uint8_t *payload)
{
	assert_int_equal(info->df, t->info.df);
	assert_int_equal(info->ttf, t->info.ttf);
	assert_int_equal(info->is_long, t->info.is_long);
	assert_int_equal(info->payload_len, t->info.payload_len);
	for (uint64_t i = 0; i < info->payload_len; i++)
		assert_int_equal(payload[i], t->fill);
}

/* Look up any bytes; right means: as the plain array says. */
static void look_up(const struct dictionary *d, const uint8_t *bytes,
		    size_t len)
{
	struct ix_term_info info;
	const uint8_t *payload;
	const struct term *want;
	struct term key;
	int rc;

	if (len < 1 || len > IX_TERM_MAX_BYTES)
		return;
	memcpy(key.bytes, bytes, len);
	key.len = len;
	want = bsearch(&key, d->terms, d->n, sizeof(key), compare_terms);
	rc = ix_terms_find(&d->view, bytes, len, &info, &payload);
	if (rc < 0)
		fail_msg("%s", ix_fail_text());
	assert_int_equal(rc, want != NULL);
	if (want)
		check_payload(want, &info, payload);
}

static void terms_are_found_and_neighbours_are_not(void **state)
{
	(void)state;
	for (int round = 0; round < 12; round++) {
		struct dictionary d;

		dictionary_make(&d, 1 + test_rand_below(&rng, 1500),
				(enum ix_postings_codec)(1 + round % 3));
		for (size_t i = 0; i < d.n; i++) {
			uint8_t near[IX_TERM_MAX_BYTES + 1];
			size_t len = d.terms[i].len;

			if (len == 0 || len > IX_TERM_MAX_BYTES) {
				fail_msg("a term of %zu bytes", len);
				return;
			}
			memcpy(near, d.terms[i].bytes, len);
			look_up(&d, near, len);
			near[len] = 0;
			look_up(&d, near, len + 1);
			look_up(&d, near, len - 1);
			near[len - 1]++;
			look_up(&d, near, len);
			near[len - 1] -= 2;
			look_up(&d, near, len);
		}
		dictionary_release(&d);
	}
}

static void cursor_gives_all_terms_in_order(void **state)
{
	(void)state;
	for (int round = 0; round < 12; round++) {
		struct ix_terms_cursor c;
		struct ix_term_info info;
		const uint8_t *payload;
		struct dictionary d;
		size_t i = 0;
		int rc;

		dictionary_make(&d, 1 + test_rand_below(&rng, 1500),
				(enum ix_postings_codec)(1 + round % 3));
		ix_terms_cursor_init(&c, &d.view);
		while ((rc = ix_terms_cursor_next(&c, &info, &payload)) > 0) {
			assert_true(i < d.n);
			assert_int_equal(c.term_len, d.terms[i].len);
			assert_memory_equal(c.term, d.terms[i].bytes,
					    c.term_len);
			check_payload(&d.terms[i], &info, payload);
			i++;
		}
		if (rc)
			fail_msg("%s", ix_fail_text());
		assert_int_equal(i, d.n);
		assert_int_equal(d.view.term_count, d.n);
		dictionary_release(&d);
	}
}

/* HAZARDS S-48: lengths beyond 32 bits are told apart before anything is
 * read, and nothing wraps. */
static void index_with_wrong_numbers_is_refused(void **state)
{
	struct dictionary d;
	struct ix_terms t;

	(void)state;
	dictionary_make(&d, 300, IX_POSTINGS_POSITIONS);
	for (size_t at = 0; at < 32; at += 8) {
		static const uint64_t bad[] = { 0, UINT64_MAX, 1ull << 60,
						1ull << 32 };

		for (size_t k = 0; k < 4; k++) {
			uint64_t good = ix_get64(d.index.data + at);
			int rc;

			ix_put64(d.index.data + at, bad[k]);
			rc = ix_terms_open(&t, d.postings.data, d.postings.len,
					   d.index.data, d.index.len,
					   IX_POSTINGS_POSITIONS, 1000);
			/* Too many occurrences cannot be seen here. */
			assert_true(rc == -IX_ECORRUPT ||
				    (at >= 16 && bad[k] > 0));
			ix_put64(d.index.data + at, good);
		}
	}
	for (size_t cut = 0; cut < d.index.len; cut++)
		assert_int_equal(ix_terms_open(&t, d.postings.data,
					       d.postings.len, d.index.data,
					       cut, IX_POSTINGS_POSITIONS,
					       1000),
				 -IX_ECORRUPT);
	assert_int_equal(ix_terms_open(&t, d.postings.data, d.postings.len - 1,
				       d.index.data, d.index.len,
				       IX_POSTINGS_POSITIONS, 1000),
			 -IX_ECORRUPT);
	dictionary_release(&d);
}

/* Any one damaged byte: no crash, no endless loop, order is kept. */
static void damaged_bytes_do_no_harm(void **state)
{
	struct dictionary d;
	uint32_t refused = 0;

	(void)state;
	dictionary_make(&d, 200, IX_POSTINGS_POSITIONS);
	for (int round = 0; round < 4000; round++) {
		int in_index = test_rand_one_in(&rng, 3);
		struct ix_buf *b = in_index ? &d.index : &d.postings;
		size_t at =
			test_rand_below(&rng, b->len < 3000 ? b->len : 3000);
		uint8_t good = b->data[at];
		struct ix_terms_cursor c;
		struct ix_term_info info;
		const uint8_t *payload;
		struct ix_terms t;
		uint32_t seen = 0;
		int rc;

		b->data[at] = (uint8_t)test_rand(&rng);
		rc = ix_terms_open(&t, d.postings.data, d.postings.len,
				   d.index.data, d.index.len,
				   IX_POSTINGS_POSITIONS, 1000);
		if (!rc) {
			ix_terms_cursor_init(&c, &t);
			while ((rc = ix_terms_cursor_next(&c, &info,
							  &payload)) > 0) {
				assert_true(++seen <= 64 * t.block_count);
				assert_true(payload >= d.postings.data &&
					    payload + info.payload_len <=
						    d.postings.data +
							    d.postings.len);
			}
			rc |= ix_terms_find(&t, d.terms[seen / 2].bytes,
					    d.terms[seen / 2].len, &info,
					    &payload) < 0;
		}
		refused += rc < 0;
		b->data[at] = good;
	}
	assert_true(refused > 0);
	dictionary_release(&d);
}

static void writer_refuses_terms_out_of_order(void **state)
{
	static const struct ix_term_info info = { 1, 1, 0, 1 };
	static const char *const pairs[][2] = {
		{ "b", "a" }, { "a", "a" }, { "ab", "a" }, { "a\xff", "a\x7f" }
	};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct ix_buf postings = IX_BUF_INIT;
		struct ix_buf index = IX_BUF_INIT;
		struct ix_terms_out out = { append, &postings };
		struct ix_terms_writer *w;
		uint64_t count;

		assert_int_equal(ix_terms_writer_new(IX_POSTINGS_DOCS, out, &w),
				 0);
		ix_terms_add(w, (const uint8_t *)pairs[i][0],
			     strlen(pairs[i][0]), &info, (const uint8_t *)"x");
		ix_terms_add(w, (const uint8_t *)pairs[i][1],
			     strlen(pairs[i][1]), &info, (const uint8_t *)"x");
		assert_int_equal(ix_terms_finish(w, &index, &count), -EINVAL);
		ix_terms_writer_free(w);
		ix_buf_release(&postings);
		ix_buf_release(&index);
	}
}

/* Inputs for fuzz_terms: codec u8, documents u32, index bytes u32, the index,
 * the postings. */
static void keep_corpus(void **state)
{
	static const size_t sizes[] = { 1, 20, 90 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct ix_buf in = IX_BUF_INIT;
		struct dictionary d;
		char name[32];

		dictionary_make(&d, sizes[i],
				(enum ix_postings_codec)(1 + i % 3));
		ix_buf_add_u8(&in, (uint8_t)(1 + i % 3));
		ix_buf_add_u32(&in, 1000);
		ix_buf_add_u32(&in, (uint32_t)d.index.len);
		ix_buf_add(&in, d.index.data, d.index.len);
		ix_buf_add(&in, d.postings.data, d.postings.len);
		snprintf(name, sizeof(name), "terms-%zu", sizes[i]);
		if (d.postings.len < 100000)
			test_corpus_keep("terms", name, in.data, in.len);
		ix_buf_release(&in);
		dictionary_release(&d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(terms_are_found_and_neighbours_are_not),
		cmocka_unit_test(cursor_gives_all_terms_in_order),
		cmocka_unit_test(index_with_wrong_numbers_is_refused),
		cmocka_unit_test(damaged_bytes_do_no_harm),
		cmocka_unit_test(writer_refuses_terms_out_of_order),
		cmocka_unit_test(keep_corpus),
	};
	test_rng_init(&rng, test_seed());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
