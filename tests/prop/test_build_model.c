/* SPDX-License-Identifier: MIT */
/*
 * Goal: a built segment says of its documents exactly what they say: every
 * posting, position, length, column value, record, tie, and the sums and the
 * id that are made of them. (S-43: every entry of every list, not the first of
 * each block.)
 *
 * Method: random schemas and random documents, which are made as values first;
 * the model keeps the values and writes JSON from them, with random blanks,
 * escapes and order. What the segment has to say is computed naively from the
 * values: arrays of facts, sorted. Parts of a segment that are merged, by the
 * builder (which ran out of its budget) or apart from it, have to say the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <inttypes.h>
#include <cmocka.h>

#include "core/base/err.h"
#include "core/base/hash.h"
#include "core/base/utf8.h"
#include "core/io/sim.h"
#include "core/segment/build.h"
#include "core/segment/merge.h"
#include "core/segment/segment.h"
#include "core/segment/verify.h"
#include "core/text/analyzer.h"
#include "tests/lib/seed.h"

#define ASSERT_OK(call)                                                   \
 do {                                                                     \
  int assert_rc = (call);                                                 \
  if (assert_rc)                                                          \
   fail_msg("%s: %s: %s", #call, ix_err_name(assert_rc), ix_fail_text()); \
 } while (0)

static struct test_rng rng;

/* ---- documents as values ---- */

struct value {
	char *text; /* owned */
	size_t len;
	uint64_t number;
};

struct cell { /* the values of one field of one document */
	struct value *values;
	uint32_t count;
};

struct model {
	struct ix_schema *schema;
	uint32_t doc_count;
	uint32_t words;     /* of the vocabulary */
	struct cell *cells; /* doc_count x field_count */
};

static struct cell *cell_of(const struct model *m, uint32_t doc, uint32_t f)
{
	return &m->cells[(size_t)doc * m->schema->field_count + f];
}

static struct ix_schema *random_schema(void)
{
	static const char *const types[] = { "text", "keyword", "u64" };
	static const char *const tokenizers[] = { "simple", "en_stem", "raw" };
	/* In an order that is neither that of bytes nor that of UTF-16. */
	static const char *const names[] = { "\xef\xac\xb3",     "body",  "a",
					     "\xf0\x9f\x98\x80", "title", "z z",
					     "\xc3\xb6" };
	struct ix_buf b = IX_BUF_INIT;
	uint64_t fields = test_rand_in(&rng, 1, 7);
	struct ix_schema *s;

	ix_buf_add_str(&b, "{\"fields\":[");
	for (uint64_t i = 0; i < fields; i++) {
		uint64_t type = test_rand_below(&rng, 4) % 3;

		ix_buf_addf(&b, "%s{\"name\":\"%s\",\"type\":\"%s\"",
			    i ? "," : "", names[i], types[type]);
		if (type == 0)
			ix_buf_addf(&b, ",\"tokenizer\":\"%s\"",
				    tokenizers[test_rand_below(&rng, 3)]);
		if (type == 0 && test_rand_one_in(&rng, 3))
			ix_buf_add_str(&b, ",\"positions\":false");
		if (type != 2 && test_rand_one_in(&rng, 4))
			ix_buf_add_str(&b, ",\"indexed\":false");
		if (test_rand_one_in(&rng, 4))
			ix_buf_add_str(&b, ",\"stored\":false");
		if (test_rand_one_in(&rng, 2))
			ix_buf_add_str(&b, ",\"multi\":true");
		ix_buf_add_str(&b, "}");
	}
	ix_buf_add_str(&b, "]}");
	ASSERT_OK(
		ix_schema_parse((char *)b.data, b.len, ix_analyzer_known, &s));
	ix_buf_release(&b);
	return s;
}

static uint64_t random_word(const struct model *m)
{
	return test_rand_below(&rng, test_rand_in(&rng, 1, m->words));
}

static void random_text(const struct model *m, struct ix_buf *b)
{
	static const char *const separators[] = {
		" ", " ", ", ", "\n", "\x01", "/", "\" \\", " \xf0\x9f\x98\x80 "
	};
	static const char *const endings[] = {
		"", "", "ing", "s", "E", "\xc3\x89", "\xce\xa9\xcf\x83"
	};
	uint64_t n = test_rand_one_in(&rng, 30) ? test_rand_below(&rng, 400)
						: test_rand_below(&rng, 20);

	for (uint64_t i = 0; i < n; i++)
		ix_buf_addf(b, "w%" PRIu64 "%s%s", random_word(m),
			    endings[test_rand_below(&rng, 7)],
			    separators[test_rand_below(&rng, 8)]);
	if (test_rand_one_in(&rng, 40))
		ix_buf_add(b, "\0", 1);
	if (test_rand_one_in(&rng, 100))
		for (int i = 0; i < 150; i++)
			ix_buf_add_str(b, "longlonglong");
}

static void random_keyword(const struct model *m, const struct ix_field *f,
			   struct ix_buf *b)
{
	size_t max = f->indexed ? 1024 : 3000;

	if (test_rand_one_in(&rng, 15))
		return;
	ix_buf_addf(b, "k %" PRIu64, random_word(m));
	if (test_rand_one_in(&rng, 50))
		while (b->len < max)
			ix_buf_add_u8(b, 'x');
}

static void random_cell(const struct model *m, const struct ix_field *f,
			struct cell *c)
{
	if (test_rand_one_in(&rng, 4))
		return;
	c->count = f->multi ? (uint32_t)test_rand_below(&rng, 4) : 1;
	c->values = calloc(c->count ? c->count : 1, sizeof(*c->values));
	for (uint32_t i = 0; i < c->count; i++) {
		struct value *v = &c->values[i];
		struct ix_buf b = IX_BUF_INIT;

		if (f->type == IX_FIELD_U64)
			v->number =
				test_rand(&rng) >> test_rand_below(&rng, 64);
		else if (f->type == IX_FIELD_TEXT)
			random_text(m, &b);
		else
			random_keyword(m, f, &b);
		v->len = b.len;
		v->text = malloc(b.len + 1);
		memcpy(v->text, b.data ? (char *)b.data : "", b.len);
		ix_buf_release(&b);
	}
}

static void model_make(struct model *m, uint32_t docs, uint32_t words)
{
	m->schema = random_schema();
	m->doc_count = docs;
	m->words = words;
	m->cells = calloc((size_t)docs * m->schema->field_count,
			  sizeof(*m->cells));
	for (uint32_t d = 0; d < docs; d++)
		for (uint32_t f = 0; f < m->schema->field_count; f++)
			random_cell(m, &m->schema->fields[f], cell_of(m, d, f));
}

static void model_release(struct model *m)
{
	size_t n = (size_t)m->doc_count * m->schema->field_count;

	for (size_t i = 0; i < n; i++) {
		for (uint32_t k = 0; k < m->cells[i].count; k++)
			free(m->cells[i].values[k].text);
		free(m->cells[i].values);
	}
	free(m->cells);
	ix_schema_free(m->schema);
}

/* ---- JSON ---- */

static void blanks(struct ix_buf *b)
{
	while (test_rand_one_in(&rng, 6))
		ix_buf_add_u8(b, (uint8_t) " \t\r\n"[test_rand_below(&rng, 4)]);
}

/* A string, spelled at random. */
static void write_random_string(struct ix_buf *b, const struct value *v)
{
	ix_buf_add_u8(b, '"');
	for (size_t i = 0; i < v->len;) {
		uint32_t cp;
		unsigned n = ix_utf8_decode(v->text + i, v->len - i, &cp);

		if (test_rand_one_in(&rng, 20) && cp > 0xffff)
			ix_buf_addf(b, "\\u%04X\\u%04x", 0xd7c0 + (cp >> 10),
				    0xdc00 + (cp & 0x3ff));
		else if (test_rand_one_in(&rng, 20) && cp <= 0xffff)
			ix_buf_addf(b, "\\u%04X", cp);
		else if (cp == '/' && test_rand_one_in(&rng, 2))
			ix_buf_add_str(b, "\\/");
		else
			ix_buf_add_json(b, v->text + i, n);
		i += n;
	}
	ix_buf_add_u8(b, '"');
}

static void write_random_cell(struct ix_buf *b, const struct ix_field *f,
			      const struct cell *c)
{
	int array = f->multi && (c->count != 1 || test_rand_one_in(&rng, 2));

	if (!c->count && !array) {
		ix_buf_add_str(b, "null");
		return;
	}
	if (array)
		ix_buf_add_u8(b, '[');
	for (uint32_t i = 0; i < c->count; i++) {
		if (i)
			ix_buf_add_u8(b, ',');
		blanks(b);
		if (array && test_rand_one_in(&rng, 10))
			ix_buf_add_str(b, "null , ");
		if (f->type == IX_FIELD_U64)
			ix_buf_addf(b, "%" PRIu64, c->values[i].number);
		else
			write_random_string(b, &c->values[i]);
		blanks(b);
	}
	if (array)
		ix_buf_add_u8(b, ']');
}

static void write_random_document(const struct model *m, uint32_t doc,
				  struct ix_buf *b)
{
	uint32_t n = m->schema->field_count, written = 0;
	uint32_t start = (uint32_t)test_rand_below(&rng, n);

	ix_buf_clear(b);
	ix_buf_add_u8(b, '{');
	for (uint32_t i = 0; i < n; i++) {
		uint32_t f = (start + i) % n;
		const struct ix_field *field = &m->schema->fields[f];

		if (!cell_of(m, doc, f)->count && test_rand_one_in(&rng, 2))
			continue;
		ix_buf_addf(b, "%s\"%s\"", written++ ? "," : "", field->name);
		blanks(b);
		ix_buf_add_u8(b, ':');
		blanks(b);
		write_random_cell(b, field, cell_of(m, doc, f));
		blanks(b);
	}
	ix_buf_add_u8(b, '}');
}

/* UTF-16 code units of a name, big-endian, so that memcmp is their order. */
static size_t utf16(const char *name, uint8_t *out)
{
	size_t n = 0;

	for (size_t i = 0; name[i];) {
		uint32_t cp;

		i += ix_utf8_decode(name + i, strlen(name + i), &cp);
		if (cp > 0xffff) {
			uint32_t high = 0xd7c0 + (cp >> 10);

			out[n++] = (uint8_t)(high >> 8);
			out[n++] = (uint8_t)high;
			cp = 0xdc00 + (cp & 0x3ff);
		}
		out[n++] = (uint8_t)(cp >> 8);
		out[n++] = (uint8_t)cp;
	}
	return n;
}

static int compare_names(const void *a, const void *b)
{
	uint8_t x[64] = { 0 }, y[64] = { 0 };

	utf16((*(const struct ix_field *const *)a)->name, x);
	utf16((*(const struct ix_field *const *)b)->name, y);
	return memcmp(x, y, 64);
}

static void write_canonical(const struct model *m, uint32_t doc, int stored,
			    struct ix_buf *b)
{
	const struct ix_field *fields[8];
	uint32_t n = m->schema->field_count, written = 0;

	for (uint32_t f = 0; f < n; f++)
		fields[f] = &m->schema->fields[f];
	qsort(fields, n, sizeof(fields[0]), compare_names);
	ix_buf_clear(b);
	ix_buf_add_u8(b, '{');
	for (uint32_t i = 0; i < n; i++) {
		uint32_t f = (uint32_t)(fields[i] - m->schema->fields);
		const struct cell *c = cell_of(m, doc, f);

		if (!c->count || (stored && !fields[i]->stored))
			continue;
		ix_buf_addf(b, "%s\"%s\":%s", written++ ? "," : "",
			    fields[i]->name, fields[i]->multi ? "[" : "");
		for (uint32_t k = 0; k < c->count; k++) {
			if (k)
				ix_buf_add_u8(b, ',');
			if (fields[i]->type == IX_FIELD_U64) {
				ix_buf_addf(b, "%" PRIu64, c->values[k].number);
				continue;
			}
			ix_buf_add_u8(b, '"');
			ix_buf_add_json(b, c->values[k].text, c->values[k].len);
			ix_buf_add_u8(b, '"');
		}
		if (fields[i]->multi)
			ix_buf_add_u8(b, ']');
	}
	ix_buf_add_u8(b, '}');
}

/* ---- what the segment has to say ---- */

struct occurrence {
	char *term; /* owned */
	size_t len;
	uint32_t doc;
	uint32_t position;
};

struct facts {
	struct occurrence *all; /* owned */
	size_t count, cap;
	uint32_t *lengths; /* owned, per document */
};

static int compare_terms(const struct occurrence *a, const struct occurrence *b)
{
	size_t n = a->len < b->len ? a->len : b->len;
	int c = memcmp(a->term, b->term, n);

	return c ? c : (a->len > b->len) - (a->len < b->len);
}

static int compare_occurrences(const void *pa, const void *pb)
{
	const struct occurrence *a = pa, *b = pb;
	int c = compare_terms(a, b);

	if (!c)
		c = (a->doc > b->doc) - (a->doc < b->doc);
	return c ? c
		 : (a->position > b->position) - (a->position < b->position);
}

static void add_occurrence(struct facts *x, const char *term, size_t len,
			   uint32_t doc, uint32_t position)
{
	struct occurrence *o;

	if (x->count == x->cap) {
		x->cap = x->cap ? 2 * x->cap : 256;
		x->all = realloc(x->all, x->cap * sizeof(*x->all));
	}
	o = &x->all[x->count++];
	o->term = malloc(len);
	memcpy(o->term, term, len);
	o->len = len;
	o->doc = doc;
	o->position = position;
}

static void add_text_facts(struct facts *x, struct ix_analyzer *a,
			   const struct cell *c, uint32_t doc)
{
	uint32_t last = 0, base = 0;
	struct ix_token t;

	for (uint32_t i = 0; i < c->count; i++) {
		if (x->lengths[doc])
			base = last + 100;
		ASSERT_OK(ix_analyzer_start(a, c->values[i].text,
					    c->values[i].len));
		while (ix_analyzer_next(a, &t) == 1) {
			if (!t.len)
				continue;
			last = base + t.position;
			add_occurrence(x, t.term, t.len, doc, last);
			x->lengths[doc]++;
		}
	}
}

static void facts_make(struct facts *x, const struct model *m, uint32_t f)
{
	const struct ix_field *field = &m->schema->fields[f];
	struct ix_analyzer *a = NULL;

	memset(x, 0, sizeof(*x));
	x->lengths = calloc(m->doc_count, sizeof(*x->lengths));
	if (field->type == IX_FIELD_TEXT)
		ASSERT_OK(ix_analyzer_new(field->tokenizer, &a));
	for (uint32_t d = 0; d < m->doc_count; d++) {
		const struct cell *c = cell_of(m, d, f);

		if (a)
			add_text_facts(x, a, c, d);
		for (uint32_t i = 0; !a && i < c->count; i++)
			if (c->values[i].len)
				add_occurrence(x, c->values[i].text,
					       c->values[i].len, d, 0);
	}
	if (x->count)
		qsort(x->all, x->count, sizeof(*x->all), compare_occurrences);
	ix_analyzer_free(a);
}

static void facts_release(struct facts *x)
{
	for (size_t i = 0; i < x->count; i++)
		free(x->all[i].term);
	free(x->all);
	free(x->lengths);
}

/* ---- comparing ---- */

static struct ix_u128 sum_of_all;
static uint64_t *ties;

static void add_fact(uint32_t doc, uint64_t term, uint64_t what)
{
	uint64_t fact[3] = { ties[doc], term, what };

	sum_of_all = ix_u128_add(sum_of_all, ix_hash128(fact, sizeof(fact)));
}

/* One list against the occurrences [i, k). */
static void check_list(struct ix_list_reader *r, const struct ix_terms *t,
		       const struct ix_field *field, const struct facts *x,
		       size_t i, size_t k)
{
	uint64_t hash = ix_hash64_seed(x->all[i].term, x->all[i].len,
				       ix_hash64(field->name, field->name_len));
	size_t next;
	uint32_t doc;

	for (; i < k; i = next) {
		const uint32_t *positions = NULL;
		uint32_t freq;

		for (next = i; next < k && x->all[next].doc == x->all[i].doc;
		     next++)
			;
		assert_int_equal(ix_list_next(r, &doc), 1);
		assert_int_equal(doc, x->all[i].doc);
		freq = ix_list_freq(r);
		assert_int_equal(freq,
				 t->codec == IX_POSTINGS_DOCS ? 1 : next - i);
		if (t->codec != IX_POSTINGS_POSITIONS) {
			add_fact(doc, hash, ((uint64_t)1 << 63) + freq);
			continue;
		}
		ASSERT_OK(ix_list_positions(r, &positions));
		for (size_t p = i; p < next; p++) {
			assert_int_equal(positions[p - i], x->all[p].position);
			add_fact(doc, hash, x->all[p].position);
		}
	}
	assert_int_equal(ix_list_next(r, &doc), 0);
}

static void check_terms(const struct ix_segment *s, uint32_t f,
			const struct facts *x)
{
	const struct ix_terms *t = ix_segment_terms(s, f);
	struct ix_terms_cursor c;
	struct ix_term_info info;
	const uint8_t *payload;
	struct ix_list_reader *r;
	size_t i, k;

	if (!x->count) {
		assert_null(t);
		return;
	}
	assert_non_null(t);
	ASSERT_OK(ix_list_reader_new(t->codec, &r));
	ix_terms_cursor_init(&c, t);
	for (i = 0; i < x->count; i = k) {
		const struct occurrence *o = &x->all[i];

		for (k = i; k < x->count && !compare_terms(o, &x->all[k]); k++)
			;
		assert_int_equal(ix_terms_cursor_next(&c, &info, &payload), 1);
		assert_int_equal(c.term_len, o->len);
		assert_memory_equal(c.term, o->term, o->len);
		assert_int_equal(ix_terms_find(t, (uint8_t *)o->term, o->len,
					       &info, &payload),
				 1);
		ASSERT_OK(ix_list_open(r, payload, &info, t->doc_count));
		check_list(r, t, &ix_segment_schema(s)->fields[f], x, i, k);
	}
	assert_int_equal(ix_terms_cursor_next(&c, &info, &payload), 0);
	ix_list_reader_free(r);
}

static void check_field_lengths(const struct ix_segment *s, uint32_t f,
				const struct facts *x)
{
	const struct ix_lengths *l = ix_segment_lengths(s, f);

	if (!x->count) {
		assert_null(l);
		return;
	}
	for (uint32_t d = 0; d < ix_segment_doc_count(s); d++)
		assert_int_equal(ix_lengths_get(l, d), x->lengths[d]);
}

static void check_column(const struct ix_segment *s, const struct model *m,
			 uint32_t f)
{
	const struct ix_field *field = &m->schema->fields[f];
	uint64_t name = ix_hash64(field->name, field->name_len);

	for (uint32_t d = 0; d < m->doc_count; d++) {
		const struct cell *cell = cell_of(m, d, f);
		const struct ix_column *c;
		uint32_t doc, first = 0, n = 0;

		c = ix_segment_column(s, f, d, &doc);
		if (c)
			ix_column_values(c, doc, &first, &n);
		assert_int_equal(n, cell->count);
		for (uint32_t i = 0; i < n; i++) {
			const struct value *v = &cell->values[i];
			const void *bytes = &v->number;
			size_t len = 8;

			if (field->type == IX_FIELD_U64) {
				assert_true(ix_column_u64(c, first + i) ==
					    v->number);
			} else {
				bytes = ix_column_bytes(c, first + i, &len);
				assert_int_equal(len, v->len);
				assert_memory_equal(bytes, v->text, len);
			}
			add_fact(d, ix_hash64_seed(bytes, len, name),
				 (uint64_t)1 << 62);
		}
	}
}

static void check_records(const struct ix_segment *s, const struct model *m)
{
	struct ix_buf b = IX_BUF_INIT;
	struct ix_store_cursor c;

	ix_store_cursor_init(&c);
	for (uint32_t d = 0; d < m->doc_count; d++) {
		const uint8_t *record;
		size_t n;

		write_canonical(m, d, 0, &b);
		ties[d] = ix_hash64(b.data, b.len);
		assert_true(ix_segment_tie(s, d) == ties[d]);
		write_canonical(m, d, 1, &b);
		ASSERT_OK(ix_segment_record(s, &c, d, &record, &n));
		assert_int_equal(n, b.len);
		assert_memory_equal(record, b.data, n);
		sum_of_all = ix_u128_add(sum_of_all,
					 ix_hash128_seed(record, n, ties[d]));
	}
	ix_store_cursor_release(&c);
	ix_buf_release(&b);
}

static void check_identity(const struct ix_segment *s, const struct model *m)
{
	const struct ix_segment_info *info = ix_segment_info(s);
	struct ix_hasher *h = ix_hasher_new();
	struct ix_buf b = IX_BUF_INIT;
	struct ix_id id;

	ix_hasher_add(h, "ixfs-segment-1\n", 15);
	ix_hasher_add(h, m->schema->canonical, m->schema->canonical_len);
	ix_hasher_add(h, "\nlabel\n", 7);
	for (uint32_t d = 0; d < m->doc_count; d++) {
		write_canonical(m, d, 0, &b);
		ix_hasher_add(h, b.data, b.len);
		ix_hasher_add(h, "\n", 1);
	}
	id = ix_id_from_hash(ix_hasher_digest128(h));
	assert_true(ix_id_equal(&info->trailer.id, &id));
	assert_int_equal(info->trailer.generation, 0);
	assert_int_equal(info->trailer.doc_count, m->doc_count);
	assert_int_equal(info->trailer.lineage_count, 1);
	assert_true(ix_id_equal(&info->lineage[0], &id));
	assert_int_equal(info->trailer.run_count, 1);
	assert_int_equal(info->runs[0].doc_base, 0);
	assert_int_equal(info->runs[0].doc_count, m->doc_count);
	assert_true(info->runs[0].registration == 0);
	assert_true(ix_id_equal(&info->runs[0].leaf, &id));
	ix_hasher_free(h);
	ix_buf_release(&b);
}

/* `is_built`: it is the segment of all documents of `m`, else a merge. */
static void check_segment(const struct ix_segment *s, const struct model *m,
			  int is_built)
{
	assert_int_equal(ix_segment_doc_count(s), m->doc_count);
	sum_of_all = (struct ix_u128){ 0, 0 };
	ties = calloc(m->doc_count, sizeof(*ties));
	check_records(s, m);
	for (uint32_t f = 0; f < m->schema->field_count; f++) {
		const struct ix_field *field = &m->schema->fields[f];
		struct facts x;

		if (field->type != IX_FIELD_TEXT)
			check_column(s, m, f);
		if (!field->indexed || field->type == IX_FIELD_U64) {
			assert_null(ix_segment_terms(s, f));
			continue;
		}
		facts_make(&x, m, f);
		check_terms(s, f, &x);
		if (field->type == IX_FIELD_TEXT)
			check_field_lengths(s, f, &x);
		facts_release(&x);
	}
	if (is_built)
		check_identity(s, m);
	assert_true(ix_u128_equal(ix_segment_info(s)->trailer.content_sum,
				  sum_of_all));
	free(ties);
}

/* ---- rounds ---- */

static void put_name(void *ctx, uint32_t number, char *path, size_t n)
{
	snprintf(path, n, "%s%" PRIu32 ".seg", (const char *)ctx, number);
}

static void build(struct ix_vfs *disk, const struct model *m,
		  const char *prefix, const struct ix_build_options *more)
{
	struct ix_build_options o = *more;
	struct ix_buf json = IX_BUF_INIT;
	struct ix_builder *b;

	o.schema = m->schema;
	o.batch = "label";
	o.vfs = disk;
	o.name = put_name;
	o.ctx = (void *)(uintptr_t)prefix;
	ASSERT_OK(ix_builder_new(&o, &b));
	for (uint32_t d = 0; d < m->doc_count; d++) {
		write_random_document(m, d, &json);
		if (ix_builder_add(b, (char *)json.data, json.len))
			fail_msg("%.*s: %s", (int)json.len, (char *)json.data,
				 ix_fail_text());
	}
	ASSERT_OK(ix_builder_finish(b));
	ix_builder_free(b);
	ix_buf_release(&json);
}

static struct ix_segment *open_segment(struct ix_vfs *disk, const char *path)
{
	struct ix_verify_options v = { .level = IX_VERIFY_FULL };
	struct ix_segment *s;
	struct ix_file *f;

	ASSERT_OK(ix_vfs_open(disk, path, IX_OPEN_READ, &f));
	ASSERT_OK(ix_segment_verify(f, path, &v, NULL));
	ASSERT_OK(ix_segment_open(f, path, &s));
	ix_file_close(f);
	return s;
}

static void assert_same_bytes(const struct ix_segment *a,
			      const struct ix_segment *b)
{
	uint64_t n, k;
	const uint8_t *x = ix_segment_data(a, &n), *y = ix_segment_data(b, &k);

	assert_true(n == k);
	assert_memory_equal(x, y, n);
}

static void segments_say_what_documents_say(void **state)
{
	static const struct {
		uint32_t docs, words, rounds;
	} sizes[] = { { 1, 10, 30 },
		      { 20, 30, 60 },
		      { 300, 2, 10 },
		      { 700, 500, 10 },
		      { 9000, 4, 1 } };

	(void)state;
	for (size_t k = 0; k < sizeof(sizes) / sizeof(*sizes); k++)
		for (uint32_t i = 0; i < sizes[k].rounds; i++) {
			const struct ix_build_options plain = { 0 };
			struct ix_segment *a, *b;
			struct ix_vfs *disk;
			struct model m;

			model_make(&m, sizes[k].docs, sizes[k].words);
			ASSERT_OK(ix_sim_new(&disk));
			build(disk, &m, "a", &plain);
			a = open_segment(disk, "a0.seg");
			check_segment(a, &m, 1);
			/* The spelling of the documents is another one now,
			 * the segment is not. */
			build(disk, &m, "b", &plain);
			b = open_segment(disk, "b0.seg");
			assert_same_bytes(a, b);
			ix_segment_close(a);
			ix_segment_close(b);
			ix_vfs_free(disk);
			model_release(&m);
		}
}

/* Merge `n` segments "<prefix>0.seg" ... into "merged.seg". */
static void merge_all(struct ix_vfs *disk, const char *prefix, uint32_t n)
{
	struct ix_merge_source sources[16] = { 0 };
	struct ix_merge_options o = { 0 };
	struct ix_merge_result result;
	struct ix_file *out;
	char path[32];

	for (uint32_t i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s%u.seg", prefix, i);
		ASSERT_OK(ix_vfs_open(disk, path, IX_OPEN_READ,
				      &sources[i].file));
		sources[i].name = "source";
	}
	ASSERT_OK(ix_vfs_open(disk, "merged.seg",
			      IX_OPEN_WRITE | IX_OPEN_CREATE | IX_OPEN_EXCL,
			      &out));
	ASSERT_OK(ix_segment_merge(sources, n, out, &o, &result, NULL));
	ix_file_close(out);
	for (uint32_t i = 0; i < n; i++)
		ix_file_close(sources[i].file);
}

/* build(A + B + ...) and merge(build A, build B, ...) say the same. */
static void merged_builds_say_what_one_build_says(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 40; i++) {
		const struct ix_build_options plain = { 0 };
		struct ix_build_options cut = { 0 };
		struct ix_segment *s, *all;
		struct ix_vfs *disk;
		struct model m;

		model_make(&m, i % 8 ? 60 : 700, i % 8 ? 40 : 6);
		cut.docs_per_segment =
			(uint32_t)test_rand_in(&rng, (m.doc_count + 14) / 15,
					       m.doc_count);
		ASSERT_OK(ix_sim_new(&disk));
		build(disk, &m, "part", &cut);
		merge_all(disk, "part",
			  (m.doc_count - 1) / cut.docs_per_segment + 1);
		s = open_segment(disk, "merged.seg");
		check_segment(s, &m, 0);
		build(disk, &m, "all", &plain);
		all = open_segment(disk, "all0.seg");
		assert_true(ix_u128_equal(
			ix_segment_info(s)->trailer.content_sum,
			ix_segment_info(all)->trailer.content_sum));
		ix_segment_close(s);
		ix_segment_close(all);
		ix_vfs_free(disk);
		model_release(&m);
	}
}

/* Give the documents long values that all differ, so that a small budget is
 * passed. The bytes of the values. */
static size_t make_bulky(struct model *m, size_t bytes)
{
	size_t all = 0;
	uint32_t f = 0;

	while (f < m->schema->field_count &&
	       (m->schema->fields[f].type != IX_FIELD_KEYWORD ||
		m->schema->fields[f].indexed))
		f++;
	for (uint32_t d = 0; f < m->schema->field_count && d < m->doc_count;
	     d++) {
		struct cell *c = cell_of(m, d, f);

		if (!c->count)
			continue;
		free(c->values[0].text);
		c->values[0].text = malloc(bytes + 1);
		snprintf(c->values[0].text, bytes + 1, "%0*u", (int)bytes, d);
		c->values[0].len = bytes;
		all += bytes;
	}
	return all;
}

static int count_entry(void *ctx, const char *name, enum ix_file_type type)
{
	(void)name;
	(void)type;
	++*(unsigned *)ctx;
	return 0;
}

/* The id and what the segment says do not depend on the budget, and no part
 * is left over. */
static void one_segment_is_built_with_any_budget(void **state)
{
	unsigned rounds = 0;

	(void)state;
	while (rounds < 2) {
		const struct ix_build_options plain = { 0 };
		const struct ix_build_options small = { .memory_bytes = 8u
									<< 20,
							.one_segment = 1 };
		struct ix_segment *a, *b;
		struct ix_vfs *disk;
		unsigned files = 0;
		struct model m;

		model_make(&m, 400, 50);
		/* Three times the budget, or another schema. */
		if (make_bulky(&m, 100000) < (24u << 20)) {
			model_release(&m);
			continue;
		}
		ASSERT_OK(ix_sim_new(&disk));
		build(disk, &m, "a", &plain);
		ix_sim_count_reset(ix_sim_of(disk));
		build(disk, &m, "b", &small);
		/* Output, parts, and the parts again to be merged. */
		assert_true(ix_sim_count(ix_sim_of(disk), IX_SIM_OPEN) > 4);
		ASSERT_OK(ix_vfs_list(disk, "", count_entry, &files));
		assert_int_equal(files, 2);
		a = open_segment(disk, "a0.seg");
		b = open_segment(disk, "b0.seg");
		check_segment(b, &m, 1);
		assert_true(ix_id_equal(&ix_segment_info(a)->trailer.id,
					&ix_segment_info(b)->trailer.id));
		rounds++;
		ix_segment_close(a);
		ix_segment_close(b);
		ix_vfs_free(disk);
		model_release(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segments_say_what_documents_say),
		cmocka_unit_test(merged_builds_say_what_one_build_says),
		cmocka_unit_test(one_segment_is_built_with_any_budget),
	};

	test_rng_init(&rng, test_seed());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
