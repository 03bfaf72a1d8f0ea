/* SPDX-License-Identifier: MIT */
/*
 * Goal: search finds exactly what the definition of the query language and of
 * BM25 says, and says it in the same bytes however documents are spread over
 * segments, skipped over or merged.
 *
 * Method: a naive model keeps every document as lists of analyzed tokens and
 * answers a query by looking at all of them. Random queries are made as trees,
 * so that the model does not depend on the parser. Each query runs on several
 * random segmentations, exhaustively and with skipping.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/err.h"
#include "core/base/hash.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/query/query.h"
#include "core/query/score.h"
#include "core/segment/document.h"
#include "core/text/analyzer.h"
#include "tests/lib/seed.h"
#include "tests/lib/query_corpus.h"

#define QUERY_NODES 64

/* ---- the model's documents ---- */

enum {
	TITLE,
	BODY,
	TAGS,
	LANG,
	NOTES,
	FIELD_COUNT
};

static const struct {
	const char *name, *tokenizer; /* NULL: keyword */
	int positions, in_default;
} FIELDS[FIELD_COUNT] = {
	[TITLE] = { "title", "simple", 1, 1 },
	[BODY] = { "body", "en_stem", 1, 1 },
	[TAGS] = { "tags", NULL, 0, 0 },
	[LANG] = { "lang", NULL, 0, 0 },
	[NOTES] = { "notes", "simple", 0, 0 },
};

#define SCHEMA_FIELDS                                              \
 "\"default_fields\":[\"title\",\"body\"],\"fields\":["            \
 "{\"name\":\"title\",\"type\":\"text\"},"                         \
 "{\"name\":\"body\",\"type\":\"text\",\"tokenizer\":\"en_stem\"," \
 "\"multi\":true},"                                                \
 "{\"name\":\"tags\",\"type\":\"keyword\",\"multi\":true},"        \
 "{\"name\":\"lang\",\"type\":\"keyword\"},"                       \
 "{\"name\":\"key\",\"type\":\"keyword\"},"                        \
 "{\"name\":\"size\",\"type\":\"u64\"},"                           \
 "{\"name\":\"notes\",\"type\":\"text\",\"positions\":false}]"

static const char SCHEMA[] = "{" SCHEMA_FIELDS "}";
static const char SCHEMA_KEY[] = "{\"key\":\"key\"," SCHEMA_FIELDS "}";

struct token {
	uint32_t term; /* interned with its field */
	uint32_t position;
};

struct model_field {
	struct token *tokens;
	size_t count, cap;
};

struct model_doc {
	char *json;
	uint64_t tie;
	struct model_field fields[FIELD_COUNT];
	/* the query being evaluated */
	uint64_t score;
};

struct model {
	struct test_rng rng;
	struct ix_schema *schema;
	struct ix_analyzer *analyzers[FIELD_COUNT];
	struct model_doc *docs;
	uint32_t doc_count;
	/* interned terms: open addressing */
	char **names;
	uint32_t name_count, name_cap;
	uint64_t field_docs[FIELD_COUNT], field_length[FIELD_COUNT];
	uint32_t words; /* size of the vocabulary */
};

static uint32_t intern(struct model *m, int field, const char *term, size_t len)
{
	char key[IX_TERM_MAX + 8];
	int n = snprintf(key, sizeof(key), "%d:%.*s", field, (int)len, term);
	uint64_t h = ix_hash64(key, (size_t)n);

	for (;; h++) {
		uint32_t at = (uint32_t)(h % m->name_cap);

		if (!m->names[at]) {
			assert_true(++m->name_count < m->name_cap / 2);
			m->names[at] = strdup(key);
		}
		if (!strcmp(m->names[at], key))
			return at;
	}
}

/* The terms of a text in a field, positions from `base`. */
static void analyze(struct model *m, int field, const char *text, uint32_t base,
		    struct model_field *out)
{
	struct ix_token t;
	int rc;

	if (!FIELDS[field].tokenizer) {
		assert_int_equal(ix_grow(&out->tokens, &out->cap,
					 out->count + 1, sizeof(*out->tokens)),
				 0);
		out->tokens[out->count++] =
			(struct token){ intern(m, field, text, strlen(text)),
					base };
		return;
	}
	assert_int_equal(ix_analyzer_start(m->analyzers[field], text,
					   strlen(text)),
			 0);
	while ((rc = ix_analyzer_next(m->analyzers[field], &t)) > 0) {
		assert_int_equal(ix_grow(&out->tokens, &out->cap,
					 out->count + 1, sizeof(*out->tokens)),
				 0);
		out->tokens[out->count++] =
			(struct token){ intern(m, field, t.term, t.len),
					base + t.position };
	}
	assert_int_equal(rc, 0);
}

/* A word of the vocabulary, small numbers more often. Some analyse to two
 * terms, some to none. */
static void random_word(struct model *m, char out[64])
{
	uint64_t n = m->words;

	for (uint64_t i = test_rand_below(&m->rng, 4); i; i--)
		n = 1 + test_rand_below(&m->rng, n);
	n = test_rand_below(&m->rng, n);
	if (test_rand_one_in(&m->rng, 200))
		strcpy(out, "!!!");
	else if (test_rand_one_in(&m->rng, 30))
		sprintf(out, "w%d-W%d", (int)n, (int)(n / 2));
	else
		sprintf(out, n % 5 ? "w%d" : "w%ding", (int)n);
}

static void add_text(struct model *m, struct ix_buf *json, int field,
		     struct model_field *f, uint64_t max, int multi)
{
	uint64_t values = multi ? 1 + test_rand_one_in(&m->rng, 4) : 1;
	struct ix_buf text = IX_BUF_INIT;
	uint32_t base = 0;
	char word[64];

	ix_buf_addf(json, "\"%s\":%s", FIELDS[field].name,
		    values > 1 ? "[" : "");
	for (uint64_t v = 0; v < values; v++) {
		uint64_t n = 1 + test_rand_below(&m->rng, max);

		if (test_rand_one_in(&m->rng, 50))
			n *= 20;
		ix_buf_clear(&text);
		while (n--) {
			random_word(m, word);
			ix_buf_addf(&text, text.len ? " %s" : "%s", word);
		}
		if (f->count)
			base = f->tokens[f->count - 1].position + 100;
		analyze(m, field, ix_buf_str(&text), base, f);
		ix_buf_addf(json, "%s\"%s\"", v ? "," : "", ix_buf_str(&text));
	}
	ix_buf_addf(json, "%s,", values > 1 ? "]" : "");
	ix_buf_release(&text);
}

static int has_term(const struct model_field *f, uint32_t term)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->tokens[i].term == term)
			return 1;
	return 0;
}

static void random_doc(struct model *m, uint32_t number)
{
	struct model_doc *d = &m->docs[number];
	struct ix_buf json = IX_BUF_INIT;
	struct ix_document parsed;
	struct model_field f;
	char word[64];

	ix_buf_addf(&json, "{\"key\":\"k%u\",\"size\":%u,",
		    m->schema->key >= 0 ? number : number % 50, number % 7);
	if (!test_rand_one_in(&m->rng, 20))
		add_text(m, &json, TITLE, &d->fields[TITLE], 5, 0);
	if (!test_rand_one_in(&m->rng, 10))
		add_text(m, &json, BODY, &d->fields[BODY], 40, 1);
	if (test_rand_one_in(&m->rng, 3))
		add_text(m, &json, NOTES, &d->fields[NOTES], 10, 0);
	ix_buf_add_str(&json, "\"tags\":[");
	for (uint64_t n = test_rand_below(&m->rng, 4), i = 0; i < n; i++) {
		sprintf(word, "t%d", (int)test_rand_below(&m->rng, 30));
		memset(&f, 0, sizeof(f));
		analyze(m, TAGS, word, 0, &f);
		if (!has_term(&d->fields[TAGS], f.tokens[0].term))
			analyze(m, TAGS, word, 0, &d->fields[TAGS]);
		ix_free(f.tokens);
		ix_buf_addf(&json, "%s\"%s\"", i ? "," : "", word);
	}
	sprintf(word, "l%d", (int)test_rand_below(&m->rng, 3));
	analyze(m, LANG, word, 0, &d->fields[LANG]);
	ix_buf_addf(&json, "],\"lang\":\"%s\"}", word);
	d->json = strdup(ix_buf_str(&json));
	assert_int_equal(ix_document_init(&parsed, m->schema), 0);
	assert_int_equal(ix_document_parse(&parsed, d->json, strlen(d->json),
					   0),
			 0);
	d->tie = parsed.tie;
	ix_document_release(&parsed);
	ix_buf_release(&json);
}

static void model_init(struct model *m, uint64_t seed, uint32_t doc_count,
		       int key)
{
	const char *schema = key ? SCHEMA_KEY : SCHEMA;

	memset(m, 0, sizeof(*m));
	test_rng_init(&m->rng, seed);
	m->words = 20u << test_rand_below(&m->rng, 8);
	m->name_cap = 1u << 17;
	m->names = calloc(m->name_cap, sizeof(char *));
	assert_int_equal(ix_schema_parse(schema, strlen(schema),
					 ix_analyzer_known, &m->schema),
			 0);
	for (int f = 0; f < FIELD_COUNT; f++)
		if (FIELDS[f].tokenizer)
			assert_int_equal(ix_analyzer_new(FIELDS[f].tokenizer,
							 &m->analyzers[f]),
					 0);
	m->doc_count = doc_count;
	m->docs = calloc(doc_count, sizeof(*m->docs));
	for (uint32_t i = 0; i < doc_count; i++) {
		random_doc(m, i);
		for (int f = 0; f < FIELD_COUNT; f++) {
			m->field_length[f] += m->docs[i].fields[f].count;
			m->field_docs[f] += m->docs[i].fields[f].count > 0;
		}
	}
	for (int f = 0; f < FIELD_COUNT; f++)
		if (!FIELDS[f].tokenizer)
			m->field_docs[f] = doc_count;
}

static void model_release(struct model *m)
{
	for (uint32_t i = 0; i < m->doc_count; i++) {
		free(m->docs[i].json);
		for (int f = 0; f < FIELD_COUNT; f++)
			ix_free(m->docs[i].fields[f].tokens);
	}
	for (uint32_t i = 0; i < m->name_cap; i++)
		free(m->names[i]);
	for (int f = 0; f < FIELD_COUNT; f++)
		ix_analyzer_free(m->analyzers[f]);
	free(m->docs);
	free(m->names);
	ix_schema_free(m->schema);
}

/* ---- the model's queries ---- */

enum query_kind {
	WORD,
	QUOTED,
	AND,
	OR
};

struct query_node {
	enum query_kind kind;
	int field; /* -1: default fields */
	char text[128];
	int first, second; /* children */
	/* of a WORD or QUOTED, per field: terms and the weight */
	struct model_field terms[FIELD_COUNT];
	double weight[FIELD_COUNT];
	double weights[2]; /* of each term, in a field without positions */
};

struct query {
	struct query_node nodes[QUERY_NODES];
	int count;
};

static int in_scope(const struct query_node *n, int field)
{
	return n->field < 0 ? FIELDS[field].in_default : n->field == field;
}

static double model_weight(const struct model *m, int field,
			   const struct model_field *terms)
{
	double idf = 0, n = (double)m->field_docs[field];

	for (size_t t = 0; t < terms->count; t++) {
		double df = 0;

		for (uint32_t i = 0; i < m->doc_count; i++)
			df += has_term(&m->docs[i].fields[field],
				       terms->tokens[t].term);
		idf += ix_ln(1.0 + (n - df + 0.5) / (df + 0.5));
	}
	return idf * 1048576.0;
}

/* A phrase that occurs: words as they stand in some document. */
static void random_phrase(struct model *m, char out[128])
{
	const struct model_doc *d =
		&m->docs[test_rand_below(&m->rng, m->doc_count)];
	const char *s = strstr(d->json, "\"title\":\"");
	size_t n = 0;
	uint64_t words = 2 + test_rand_below(&m->rng, 2);

	strcpy(out, "w1 w2");
	if (!s)
		return;
	s += 9;
	for (; n < 100 && s[n] != '"'; n++)
		if (s[n] == ' ' && --words == 0)
			break;
	memcpy(out, s, n);
	out[n] = '\0';
}

static void random_leaf(struct model *m, struct query_node *n)
{
	static const int choices[] = { -1,   -1,   -1,   TITLE, BODY,
				       BODY, TAGS, LANG, NOTES };

	n->field = choices[test_rand_below(&m->rng, 9)];
	n->kind = test_rand_one_in(&m->rng, 4) && n->field != NOTES ? QUOTED
								    : WORD;
	if (n->field == TAGS)
		sprintf(n->text, "t%d", (int)test_rand_below(&m->rng, 31));
	else if (n->field == LANG)
		sprintf(n->text, "l%d", (int)test_rand_below(&m->rng, 4));
	else if (n->kind == QUOTED)
		random_phrase(m, n->text);
	else
		random_word(m, n->text);
	for (int f = 0; f < FIELD_COUNT; f++) {
		if (!in_scope(n, f))
			continue;
		analyze(m, f, n->text, 0, &n->terms[f]);
		n->weight[f] = model_weight(m, f, &n->terms[f]);
		for (size_t t = 0; f == NOTES && t < n->terms[f].count; t++) {
			struct model_field one = { &n->terms[f].tokens[t], 1,
						   1 };
			assert_true(t < 2);
			n->weights[t] = model_weight(m, f, &one);
		}
	}
}

static int random_query(struct model *m, struct query *q, int depth)
{
	struct query_node *n = &q->nodes[q->count];
	int self = q->count++, wide;

	memset(n, 0, sizeof(*n));
	if (depth == 0 || q->count > QUERY_NODES - 8 ||
	    (depth <= 3 && test_rand_one_in(&m->rng, 3))) {
		random_leaf(m, n);
		return self;
	}
	/* At times a wide OR: one side is a leaf, the other goes on. Now and
	 * then it is below an AND. */
	wide = depth > 3;
	n->kind = (wide ? depth % 10 == 9 : test_rand_one_in(&m->rng, 2)) ? AND
									  : OR;
	n->first = random_query(m, q, wide ? 0 : depth - 1);
	n->second = random_query(m, q, depth - 1);
	return self;
}

static void query_release(struct query *q)
{
	for (int i = 0; i < q->count; i++)
		for (int f = 0; f < FIELD_COUNT; f++)
			ix_free(q->nodes[i].terms[f].tokens);
}

static void query_text(struct model *m, const struct query *q, int at,
		       struct ix_buf *out)
{
	const struct query_node *n = &q->nodes[at];
	const char *glue = n->kind == AND                 ? " AND "
			   : test_rand_one_in(&m->rng, 2) ? " OR "
							  : " ";

	if (n->kind == WORD || n->kind == QUOTED) {
		if (n->field >= 0)
			ix_buf_addf(out, "%s:", FIELDS[n->field].name);
		ix_buf_addf(out, n->kind == QUOTED ? "\"%s\"" : "%s", n->text);
		return;
	}
	ix_buf_add_u8(out, '(');
	query_text(m, q, n->first, out);
	ix_buf_add_str(out, glue);
	query_text(m, q, n->second, out);
	ix_buf_add_u8(out, ')');
}

/* Occurrences of the terms one after the other. */
static uint32_t occurrences(const struct model_field *f,
			    const struct model_field *terms)
{
	uint32_t count = 0;

	for (size_t i = 0; i < f->count; i++) {
		uint32_t base = f->tokens[i].position;
		size_t t, k;

		if (f->tokens[i].term != terms->tokens[0].term)
			continue;
		for (t = 1; t < terms->count; t++) {
			for (k = i + 1; k < f->count; k++)
				if (f->tokens[k].term ==
					    terms->tokens[t].term &&
				    f->tokens[k].position ==
					    base + terms->tokens[t].position -
						    terms->tokens[0].position)
					break;
			if (k == f->count)
				break;
		}
		count += t == terms->count;
	}
	return count;
}

static uint64_t contribution(const struct model *m, int field, double weight,
			     uint32_t tf, size_t length)
{
	double average =
		(double)m->field_length[field] / (double)m->field_docs[field];
	double k = FIELDS[field].tokenizer
			   ? 1.2 * (0.25 + 0.75 * (double)length / average)
			   : 1.2;

	return (uint64_t)rint(weight - weight / (1.0 + (double)tf * (1.0 / k)));
}

/* 1 match, 0 none, -1 the node means nothing. */
static int eval_field(const struct model *m, const struct query_node *n,
		      int field, const struct model_doc *d, uint64_t *scorep)
{
	const struct model_field *terms = &n->terms[field];
	const struct model_field *f = &d->fields[field];
	uint64_t sum = 0;

	if (!terms->count)
		return -1;
	if (FIELDS[field].positions || terms->count == 1) {
		uint32_t tf = occurrences(f, terms);

		if (tf)
			*scorep += contribution(m, field, n->weight[field], tf,
						f->count);
		return tf > 0;
	}
	for (size_t t = 0; t < terms->count; t++) {
		struct model_field one = { &terms->tokens[t], 1, 1 };
		uint32_t tf = occurrences(f, &one);

		if (!tf)
			return 0;
		sum += contribution(m, field, n->weights[t], tf, f->count);
	}
	*scorep += sum;
	return 1;
}

static int eval(const struct model *m, const struct query *q, int at,
		const struct model_doc *d, uint64_t *scorep)
{
	const struct query_node *n = &q->nodes[at];
	uint64_t score = 0;
	int rc = -1, a, b;

	if (n->kind == WORD || n->kind == QUOTED) {
		for (int f = 0; f < FIELD_COUNT; f++) {
			if (!in_scope(n, f))
				continue;
			a = eval_field(m, n, f, d, &score);
			rc = a > rc ? a : rc;
		}
	} else {
		a = eval(m, q, n->first, d, &score);
		b = eval(m, q, n->second, d, &score);
		if (a < 0 || b < 0)
			rc = a > b ? a : b;
		else
			rc = n->kind == AND ? a && b : a || b;
	}
	if (rc > 0)
		*scorep += score;
	return rc;
}

static int compare_docs(const void *pa, const void *pb)
{
	const struct model_doc *a = *(struct model_doc *const *)pa;
	const struct model_doc *b = *(struct model_doc *const *)pb;

	if (a->score != b->score)
		return a->score > b->score ? -1 : 1;
	return a->tie < b->tie ? -1 : a->tie > b->tie;
}

static uint32_t model_search(struct model *m, const struct query *q,
			     struct model_doc **hits)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < m->doc_count; i++) {
		m->docs[i].score = 0;
		if (eval(m, q, 0, &m->docs[i], &m->docs[i].score) > 0)
			hits[n++] = &m->docs[i];
	}
	qsort(hits, n, sizeof(*hits), compare_docs);
	return n;
}

/* ---- the comparison ---- */

static void check_explanation(struct ix_searcher *s, const struct ix_query *q,
			      const struct ix_hit *hit)
{
	struct ix_buf line = IX_BUF_INIT;
	uint64_t sum = 0, v;
	cJSON *tree, *term;

	assert_int_equal(ix_hit_json(s, q, hit, 1, 1, &line), 0);
	assert_int_equal(ix_json_parse((char *)line.data, line.len, &tree), 0);
	cJSON_ArrayForEach(term, ix_json_get(tree, "terms"))
	{
		assert_int_equal(ix_json_get_u64(term, "contribution", &v), 0);
		sum += v;
	}
	assert_true(sum == hit->score);
	cJSON_Delete(tree);
	ix_buf_release(&line);
}

static void check_hits(const char *text, struct model_doc **expected,
		       uint32_t n, const struct ix_hit *hits, uint32_t count)
{
	if (count != n)
		fail_msg("%s: %u hits, not %u", text, count, n);
	for (uint32_t i = 0; i < n; i++)
		if (hits[i].score != expected[i]->score ||
		    hits[i].tie != expected[i]->tie)
			fail_msg("%s: hit %u is %llu/%llx, not %llu/%llx", text,
				 i, (unsigned long long)hits[i].score,
				 (unsigned long long)hits[i].tie,
				 (unsigned long long)expected[i]->score,
				 (unsigned long long)expected[i]->tie);
}

static void hit_lines(struct ix_searcher *s, const struct ix_query *q,
		      const struct ix_hit *hits, uint32_t n, struct ix_buf *out)
{
	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(ix_hit_json(s, q, &hits[i], i + 1, 0, out), 0);
		ix_buf_add_u8(out, '\n');
	}
}

/* One query on one segmentation; `lines` are those of the first one. */
static void check_search(struct model *m, struct ix_searcher *s,
			 const struct ix_query *q, const char *text,
			 struct model_doc **expected, uint32_t n, uint32_t k,
			 struct ix_buf *lines)
{
	struct ix_buf mine = IX_BUF_INIT;
	uint32_t count, want = n < k ? n : k;
	struct ix_hit *hits;
	uint64_t matches;

	assert_int_equal(ix_search(s, q, k, &hits, &count, &matches), 0);
	check_hits(text, expected, want, hits, count);
	if (matches != n)
		fail_msg("%s: %llu matches, not %u", text,
			 (unsigned long long)matches, n);
	ix_free(hits);
	assert_int_equal(ix_search(s, q, k, &hits, &count, NULL), 0);
	check_hits(text, expected, want, hits, count);
	if (want > 20)
		want = 20;
	hit_lines(s, q, hits, want, &mine);
	if (!lines->len)
		ix_buf_add(lines, mine.data, mine.len);
	assert_int_equal(lines->len, mine.len);
	if (mine.len)
		assert_memory_equal(lines->data, mine.data, mine.len);
	if (count)
		check_explanation(s, q, &hits[test_rand_below(&m->rng, count)]);
	ix_free(hits);
	ix_buf_release(&mine);
}

static void check_query(struct model *m, struct query_corpus *corpora,
			size_t corpus_count, struct model_doc **hits)
{
	struct ix_buf text = IX_BUF_INIT, lines = IX_BUF_INIT;
	uint32_t n, k;
	struct ix_query *parsed;
	struct query q = { .count = 0 };

	random_query(m, &q,
		     (int)test_rand_below(&m->rng, test_rand_one_in(&m->rng, 10)
							   ? 30
							   : 4));
	query_text(m, &q, 0, &text);
	n = model_search(m, &q, hits);
	k = 1 + (uint32_t)test_rand_below(&m->rng, test_rand_one_in(&m->rng, 10)
							   ? n + 2
							   : 20);
	if (ix_query_parse(m->schema, (char *)text.data, text.len, &parsed))
		fail_msg("%s: %s", ix_buf_str(&text), ix_fail_text());
	for (size_t i = 0; i < corpus_count; i++)
		check_search(m, corpora[i].searcher, parsed, ix_buf_str(&text),
			     hits, n, k, &lines);
	ix_query_free(parsed);
	query_release(&q);
	ix_buf_release(&text);
	ix_buf_release(&lines);
}

/* Spread the documents over `n` segments at random; some may stay empty and
 * then do not exist. */
static void make_corpus(struct model *m, uint32_t n, int merged,
			struct query_corpus *c)
{
	const char **json = calloc(m->doc_count, sizeof(*json));
	uint32_t *where = calloc(m->doc_count, sizeof(*where));

	for (uint32_t i = 0; i < m->doc_count; i++)
		where[i] = (uint32_t)test_rand_below(&m->rng, n);
	query_corpus_init(c, m->schema);
	for (uint32_t s = 0; s < n; s++) {
		uint32_t count = 0;

		for (uint32_t i = 0; i < m->doc_count; i++)
			if (where[i] == s)
				json[count++] = m->docs[i].json;
		if (count)
			query_corpus_add(c, json, count);
	}
	if (merged)
		query_corpus_merge(c);
	query_corpus_open(c);
	free(json);
	free(where);
}

static void compare_with_model(uint64_t seed, uint32_t docs, int queries,
			       int key)
{
	static const uint32_t spread[] = { 1, 2, 7, 16, 9 };
	struct query_corpus corpora[5];
	struct model_doc **hits;
	struct model m;

	model_init(&m, seed, docs, key);
	hits = calloc(docs, sizeof(*hits));
	for (int i = 0; i < 5; i++)
		make_corpus(&m, spread[i], i == 4, &corpora[i]);
	for (int i = 0; i < queries; i++)
		check_query(&m, corpora, 5, hits);
	for (int i = 0; i < 5; i++)
		query_corpus_release(&corpora[i]);
	free(hits);
	model_release(&m);
}

static uint64_t seed;

static void search_equals_model_on_small_sets(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 12; i++)
		compare_with_model(seed + i, 1 + (i * i * 7) % 200, 150, i & 1);
}

static void search_equals_model_on_larger_sets(void **state)
{
	(void)state;
	compare_with_model(seed + 100, 3000, 300, 0);
	compare_with_model(seed + 101, 9000, 100, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(search_equals_model_on_small_sets),
		cmocka_unit_test(search_equals_model_on_larger_sets),
	};

	seed = test_seed();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
