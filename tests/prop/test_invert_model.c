/* SPDX-License-Identifier: MIT */
/*
 * Goal: what an inverter is given comes out of a term walk, sorted, whatever
 * the terms are and however long their lists.
 *
 * Method: random documents over several vocabularies (few terms with long
 * lists, many with short ones, terms that share long prefixes, terms with
 * zeros at their ends, the longest terms); every occurrence is also put into
 * a plain array, which sorted is the model. The content sum is recomputed from
 * its definition.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/segment/term_walk.h"
#include "tests/lib/seed.h"

#define NAME_HASH 0x1234567890abcdefull

static struct test_rng rng;

struct occurrence {
	char *term; /* owned by the vocabulary */
	size_t len;
	uint32_t doc;
	uint32_t position;
};

struct model {
	struct occurrence *all;
	size_t count, cap;
	struct ix_u128 sum;
};

static uint64_t tie_of(uint32_t doc)
{
	return ix_hash64(&doc, sizeof(doc));
}

static int compare_terms(const struct occurrence *a, const struct occurrence *b)
{
	size_t n = a->len < b->len ? a->len : b->len;
	int c = memcmp(a->term, b->term, n);

	return c ? c : (a->len > b->len) - (a->len < b->len);
}

static int compare(const void *pa, const void *pb)
{
	const struct occurrence *a = pa, *b = pb;
	int c = compare_terms(a, b);

	if (!c)
		c = (a->doc > b->doc) - (a->doc < b->doc);
	return c ? c
		 : (a->position > b->position) - (a->position < b->position);
}

/* ---- vocabularies ---- */

struct vocabulary {
	struct occurrence *terms;
	size_t count;
};

static void random_term(struct occurrence *t, unsigned kind)
{
	static const char *const prefixes[] = { "", "http://example.org/",
						"aaaaaaaaaaaaaaaa" };
	const char *prefix = prefixes[kind % 3];
	size_t plen = strlen(prefix), n;
	char buf[IX_TERM_MAX_BYTES];

	memset(buf, 'x', sizeof(buf));
	memcpy(buf, prefix, plen);
	n = test_rand_one_in(&rng, 200) ? IX_TERM_MAX_BYTES
					: plen + test_rand_in(&rng, 1, 12);
	for (size_t i = plen; i < n && i < plen + 12; i++)
		buf[i] = kind >= 3 ? (char)test_rand_below(&rng, 2)
				   : (char)('a' + test_rand_below(&rng, 26));
	t->term = malloc(n);
	memcpy(t->term, buf, n);
	t->len = n;
}

static void vocabulary_make(struct vocabulary *v, size_t n)
{
	size_t unique = 0;
	unsigned kind = (unsigned)test_rand_below(&rng, 6);

	v->terms = calloc(n, sizeof(*v->terms));
	for (size_t i = 0; i < n; i++)
		random_term(&v->terms[i], kind);
	qsort(v->terms, n, sizeof(*v->terms), compare);
	for (size_t i = 0; i < n; i++) {
		if (unique &&
		    !compare_terms(&v->terms[unique - 1], &v->terms[i]))
			free(v->terms[i].term);
		else
			v->terms[unique++] = v->terms[i];
	}
	v->count = unique;
}

static void vocabulary_free(struct vocabulary *v)
{
	for (size_t i = 0; i < v->count; i++)
		free(v->terms[i].term);
	free(v->terms);
}

/* ---- one round ---- */

static void model_add(struct model *m, const struct occurrence *term,
		      uint32_t doc, uint32_t position)
{
	if (m->count == m->cap) {
		m->cap = m->cap ? 2 * m->cap : 1024;
		m->all = realloc(m->all, m->cap * sizeof(*m->all));
	}
	m->all[m->count] = *term;
	m->all[m->count].doc = doc;
	m->all[m->count++].position = position;
}

static void add_doc(struct ix_inverter *inv, struct model *m,
		    const struct vocabulary *v, uint32_t doc)
{
	uint32_t position = (uint32_t)test_rand_below(&rng, 3);
	size_t n = test_rand_below(&rng, 40);

	ix_inverter_begin_doc(inv, doc, tie_of(doc));
	for (size_t i = 0; i < n; i++) {
		/* Squaring makes the first terms frequent. */
		size_t k = test_rand_below(&rng, v->count);
		const struct occurrence *t;

		k = k * k / v->count;
		t = &v->terms[k];
		assert_int_equal(ix_inverter_add(inv, t->term, t->len,
						 position),
				 0);
		model_add(m, t, doc, position);
		position += (uint32_t)(test_rand_one_in(&rng, 50)
					       ? test_rand_in(&rng, 1, 1u << 20)
					       : test_rand_in(&rng, 1, 3));
	}
	assert_int_equal(ix_inverter_end_doc(inv), 0);
}

static void add_fact(struct model *m, const struct occurrence *o, uint64_t what)
{
	uint64_t fact[3] = { tie_of(o->doc),
			     ix_hash64_seed(o->term, o->len, NAME_HASH), what };

	m->sum = ix_u128_add(m->sum, ix_hash128(fact, sizeof(fact)));
}

/* Check the documents of one term: occurrences [i, k) of the model. */
static void check_term(struct ix_term_walk *w, struct model *m, size_t i,
		       size_t k)
{
	enum ix_postings_codec codec = w->inv->codec;
	uint32_t df = 0;
	size_t next;

	for (; i < k; i = next, df++) {
		for (next = i; next < k && m->all[next].doc == m->all[i].doc;
		     next++)
			if (codec == IX_POSTINGS_POSITIONS)
				add_fact(m, &m->all[next],
					 m->all[next].position);
		assert_int_equal(ix_term_walk_doc(w), 1);
		assert_int_equal(w->doc, m->all[i].doc);
		if (codec == IX_POSTINGS_DOCS)
			assert_int_equal(w->freq, 1);
		else
			assert_int_equal(w->freq, next - i);
		if (codec != IX_POSTINGS_POSITIONS)
			add_fact(m, &m->all[i], ((uint64_t)1 << 63) + w->freq);
		for (size_t p = i; codec == IX_POSTINGS_POSITIONS && p < next;
		     p++)
			assert_int_equal(w->positions[p - i],
					 m->all[p].position);
	}
	assert_int_equal(ix_term_walk_doc(w), 0);
	assert_int_equal(w->df, df);
}

static void check_walk(struct ix_inverter *inv, struct model *m)
{
	struct ix_term_walk w;
	size_t i, k;

	qsort(m->all, m->count, sizeof(*m->all), compare);
	assert_int_equal(ix_term_walk_init(&w, inv), 0);
	for (i = 0; i < m->count; i = k) {
		for (k = i;
		     k < m->count && !compare_terms(&m->all[i], &m->all[k]);
		     k++)
			;
		assert_int_equal(ix_term_walk_next(&w), 1);
		assert_int_equal(w.len, m->all[i].len);
		assert_memory_equal(w.term, m->all[i].term, w.len);
		check_term(&w, m, i, k);
	}
	assert_int_equal(ix_term_walk_next(&w), 0);
	assert_true(ix_u128_equal(inv->sum, m->sum));
	ix_term_walk_release(&w);
}

static void walk_returns_what_was_added(void **state)
{
	static const size_t sizes[] = { 1, 5, 200, 5000 };
	struct ix_pool pool;

	(void)state;
	ix_pool_init(&pool);
	for (unsigned round = 0; round < 48; round++) {
		struct vocabulary v;
		struct ix_inverter inv;
		struct model m = { 0 };
		uint32_t doc = 0;

		vocabulary_make(&v, sizes[round / 3 % 4]);
		ix_inverter_init(&inv, &pool, round % 3 + 1, NAME_HASH);
		for (unsigned i = 0; i < (v.count == 1 ? 5000 : 800); i++) {
			add_doc(&inv, &m, &v, doc);
			doc += (uint32_t)(test_rand_one_in(&rng, 20)
						  ? test_rand_in(&rng, 1,
								 1u << 20)
						  : 1);
		}
		check_walk(&inv, &m);
		ix_inverter_release(&inv);
		/* The next round reuses the memory of this one. */
		ix_pool_reset(&pool);
		vocabulary_free(&v);
		free(m.all);
	}
	ix_pool_release(&pool);
}

static void extreme_documents_and_positions_survive(void **state)
{
	static const uint32_t docs[] = { 0, 1, IX_DOCS_MAX - 1 };
	static const uint32_t positions[] = { 0, 0x7ffffffe, 0x7fffffff };
	struct ix_inverter inv;
	struct ix_term_walk w;
	struct ix_pool pool;

	(void)state;
	ix_pool_init(&pool);
	ix_inverter_init(&inv, &pool, IX_POSTINGS_POSITIONS, NAME_HASH);
	for (size_t d = 0; d < 3; d++) {
		ix_inverter_begin_doc(&inv, docs[d], 7);
		for (size_t p = 0; p < 3; p++)
			assert_int_equal(ix_inverter_add(&inv, "t", 1,
							 positions[p]),
					 0);
		assert_int_equal(ix_inverter_end_doc(&inv), 0);
	}
	assert_int_equal(ix_term_walk_init(&w, &inv), 0);
	assert_int_equal(ix_term_walk_next(&w), 1);
	for (size_t d = 0; d < 3; d++) {
		assert_int_equal(ix_term_walk_doc(&w), 1);
		assert_int_equal(w.doc, docs[d]);
		assert_int_equal(w.freq, 3);
		assert_memory_equal(w.positions, positions, sizeof(positions));
	}
	assert_int_equal(ix_term_walk_doc(&w), 0);
	ix_term_walk_release(&w);
	ix_inverter_release(&inv);
	ix_pool_release(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(walk_returns_what_was_added),
		cmocka_unit_test(extreme_documents_and_positions_survive),
	};

	test_rng_init(&rng, test_seed());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
