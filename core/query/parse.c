/* SPDX-License-Identifier: MIT */
/*
 * parse: the text of a query becomes a tree (grammar: query.h).
 *
 * A recursive descent over the bytes; there is no token list, since what a
 * word means depends on where it stands: AND and OR are operators only when
 * written bare, and ':' ends a field name only once per unit.
 *
 * Words are analyzed on the way. A unit without a field becomes the OR of what
 * it means in each default field, so operators apply to words, not to fields:
 * `a AND b` finds documents with a in one default field and b in another.
 */
#include "core/query/query.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/utf8.h"
#include "core/query/ast.h"
#include "core/text/analyzer.h"

#define NO_SCOPE (-1) /* words go to the default fields */

struct parser {
	const char *text; /* borrowed */
	size_t n;
	size_t pos;
	const struct ix_schema *schema; /* borrowed */
	struct ix_query *q;             /* being built */
	struct ix_analyzer **analyzers; /* owned; by field, made when needed */
	struct ix_buf word;             /* the current word, unquoted */
	unsigned depth;
};

static int parse_or(struct parser *p, int32_t scope, struct ix_node **np);

/* ---- errors ---- */

/* Prefix the failure text with the place: the character, counted from 1. */
static int fail_at(const struct parser *p, size_t pos, int rc)
{
	size_t character = 1;

	if (rc != -IX_EINPUT)
		return rc;
	for (size_t i = 0; i < pos; i++)
		character += ((uint8_t)p->text[i] & 0xc0) != 0x80;
	return ix_fail_in(rc, "query, character %zu", character);
}

/* The names of the fields that can be searched, as far as they fit. */
static void list_fields(const struct ix_schema *s, struct ix_buf *out)
{
	const char *glue = "";

	for (uint32_t i = 0; i < s->field_count; i++) {
		if (!s->fields[i].indexed || s->fields[i].type == IX_FIELD_U64)
			continue;
		ix_buf_add_str(out, glue);
		glue = ", ";
		if (out->len + s->fields[i].name_len > 200) {
			ix_buf_add_str(out, "...");
			return;
		}
		ix_buf_add(out, s->fields[i].name, s->fields[i].name_len);
	}
}

static int fail_unknown_field(const struct parser *p, size_t pos)
{
	struct ix_buf names = IX_BUF_INIT;
	int len = p->word.len < 60 ? (int)p->word.len : 60;
	int rc;

	list_fields(p->schema, &names);
	rc = ix_fail(-IX_EINPUT,
		     "no field \"%.*s\" (there are: %s); for a word that "
		     "contains a colon write \"\\:\" or put it in quotes",
		     len, p->word.data ? (const char *)p->word.data : "",
		     ix_buf_str(&names));
	ix_buf_release(&names);
	return fail_at(p, pos, rc);
}

/* ---- leaves ---- */

static int field_analyzer(struct parser *p, uint32_t field,
			  struct ix_analyzer **ap)
{
	int rc = 0;

	if (!p->analyzers[field])
		rc = ix_analyzer_new(p->schema->fields[field].tokenizer,
				     &p->analyzers[field]);
	*ap = p->analyzers[field];
	return rc;
}

/* Append the terms of the current word in a text field to the query. */
static int analyze_word(struct parser *p, uint32_t field, uint32_t query_field,
			uint32_t *countp)
{
	struct ix_analyzer *a;
	struct ix_token t;
	uint32_t first = 0;
	int rc;

	*countp = 0;
	rc = field_analyzer(p, field, &a);
	if (!rc)
		rc = ix_analyzer_start(a, (const char *)p->word.data,
				       p->word.len);
	if (rc)
		return rc;
	while ((rc = ix_analyzer_next(a, &t)) > 0) {
		if (!t.len)
			continue; /* cannot be in the dictionary */
		if (!*countp)
			first = t.position;
		rc = ix_query_add_term(p->q, query_field, t.term, t.len,
				       t.position - first);
		if (rc)
			return rc;
		++*countp;
	}
	return rc;
}

static int new_leaf(struct parser *p, enum ix_node_kind kind, uint32_t first,
		    uint32_t count, struct ix_node **np)
{
	*np = ix_node_new(p->q, kind);
	if (!*np)
		return -ENOMEM;
	(*np)->first = first;
	(*np)->count = count;
	if (kind != IX_NODE_NONE)
		p->q->leaf_count++;
	return 0;
}

/* Several terms in a field without positions: nothing can tell whether they
 * follow each other. */
static int terms_without_positions(struct parser *p, uint32_t field,
				   uint32_t first, uint32_t count, int quoted,
				   struct ix_node **np)
{
	struct ix_node *all, *leaf;
	int rc;

	if (quoted)
		return ix_fail(-IX_EINPUT,
			       "field \"%.60s\" has no positions, so it cannot "
			       "be searched for a phrase: join the words with "
			       "AND",
			       p->schema->fields[field].name);
	all = ix_node_new(p->q, IX_NODE_AND);
	if (!all)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		p->q->terms[first + i].offset = 0;
		rc = new_leaf(p, IX_NODE_TERM, first + i, 1, &leaf);
		if (rc)
			return rc;
		ix_node_append(all, leaf);
	}
	*np = all;
	return 0;
}

/* What the current word means in one field. */
static int field_leaf(struct parser *p, uint32_t field, int quoted,
		      struct ix_node **np)
{
	const struct ix_field *f = &p->schema->fields[field];
	uint32_t first = (uint32_t)p->q->term_count, count = 0;
	int rc, qf;

	if (f->type == IX_FIELD_U64)
		return ix_fail(-IX_EINPUT,
			       "field \"%.60s\" holds numbers, which are not "
			       "indexed: it cannot be searched",
			       f->name);
	if (!f->indexed)
		return ix_fail(-IX_EINPUT,
			       "field \"%.60s\" is not indexed: it cannot be "
			       "searched",
			       f->name);
	qf = ix_query_use_field(p->q, f);
	if (qf < 0)
		return qf;
	if (f->type == IX_FIELD_TEXT) {
		rc = analyze_word(p, field, (uint32_t)qf, &count);
		if (rc)
			return rc;
	} else if (p->word.len) {
		rc = ix_query_add_term(p->q, (uint32_t)qf,
				       (const char *)p->word.data, p->word.len,
				       0);
		if (rc)
			return rc;
		count = 1;
	}
	if (count > 1 && !f->positions)
		return terms_without_positions(p, field, first, count, quoted,
					       np);
	return new_leaf(p,
			count > 1 ? IX_NODE_PHRASE
			: count   ? IX_NODE_TERM
				  : IX_NODE_NONE,
			first, count, np);
}

/* What the current word means: in the field of the scope, or in any of the
 * default fields. */
static int word_node(struct parser *p, int32_t scope, int quoted,
		     struct ix_node **np)
{
	struct ix_node *any, *leaf;
	int rc;

	if (ix_buf_error(&p->word))
		return ix_buf_error(&p->word);
	if (scope != NO_SCOPE)
		return field_leaf(p, (uint32_t)scope, quoted, np);
	if (!p->schema->default_count)
		return ix_fail(-IX_EINPUT, "the schema has no default fields: "
					   "write FIELD:word");
	any = ix_node_new(p->q, IX_NODE_OR);
	if (!any)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->schema->default_count; i++) {
		rc = field_leaf(p, p->schema->defaults[i], quoted, &leaf);
		if (rc)
			return rc;
		ix_node_append(any, leaf);
	}
	*np = ix_node_reduce(any);
	return 0;
}

/* ---- scanning ---- */

/* Bytes of white space at `pos`: ASCII, or U+3000 as CJK keyboards type it. */
static size_t space_at(const struct parser *p, size_t pos)
{
	const char *s = p->text + pos;
	size_t left = p->n - pos;

	if (!left)
		return 0;
	if (*s == ' ' || (*s >= '\t' && *s <= '\r'))
		return 1;
	if (left >= 3 && !memcmp(s, "\xe3\x80\x80", 3))
		return 3;
	return 0;
}

static void skip_space(struct parser *p)
{
	size_t n;

	while ((n = space_at(p, p->pos)))
		p->pos += n;
}

static int at_word_end(const struct parser *p, size_t pos)
{
	char c;

	if (pos >= p->n || space_at(p, pos))
		return 1;
	c = p->text[pos];
	return c == '(' || c == ')' || c == '"';
}

/* Is the bare word at the cursor this operator? */
static int at_operator(const struct parser *p, const char *op)
{
	size_t n = strlen(op);

	return p->n - p->pos >= n && !memcmp(p->text + p->pos, op, n) &&
	       at_word_end(p, p->pos + n);
}

/* Take the character behind a "\" into the word. */
static int take_escaped(struct parser *p)
{
	uint32_t cp;
	unsigned len;

	if (p->pos + 1 >= p->n)
		return fail_at(p, p->pos,
			       ix_fail(-IX_EINPUT,
				       "nothing follows the \"\\\""));
	len = ix_utf8_decode(p->text + p->pos + 1, p->n - p->pos - 1, &cp);
	ix_buf_add(&p->word, p->text + p->pos + 1, len);
	p->pos += 1 + len;
	return 0;
}

/* Read a bare word up to its end, or to the first ':' if `stop_at_colon`. */
static int scan_word(struct parser *p, int stop_at_colon)
{
	int rc;

	ix_buf_clear(&p->word);
	while (!at_word_end(p, p->pos)) {
		if (p->text[p->pos] == '\\') {
			rc = take_escaped(p);
			if (rc)
				return rc;
			continue;
		}
		if (stop_at_colon && p->text[p->pos] == ':')
			break;
		ix_buf_add_u8(&p->word, (uint8_t)p->text[p->pos++]);
	}
	return 0;
}

/* Read a quoted text; the cursor is at the opening quote. */
static int scan_quoted(struct parser *p)
{
	size_t start = p->pos++;
	int rc;

	ix_buf_clear(&p->word);
	while (p->pos < p->n && p->text[p->pos] != '"') {
		if (p->text[p->pos] == '\\') {
			rc = take_escaped(p);
			if (rc)
				return rc;
			continue;
		}
		ix_buf_add_u8(&p->word, (uint8_t)p->text[p->pos++]);
	}
	if (p->pos >= p->n)
		return fail_at(p, start,
			       ix_fail(-IX_EINPUT,
				       "the quotation mark is never closed"));
	p->pos++;
	return 0;
}

/* ---- grammar ---- */

static int parse_group(struct parser *p, int32_t scope, struct ix_node **np)
{
	size_t start = p->pos++;
	int rc;

	if (++p->depth > IX_QUERY_DEPTH)
		return fail_at(p, start,
			       ix_fail(-IX_EINPUT,
				       "parentheses are nested deeper than %u",
				       IX_QUERY_DEPTH));
	rc = parse_or(p, scope, np);
	if (rc)
		return rc;
	if (p->pos >= p->n)
		return fail_at(p, start,
			       ix_fail(-IX_EINPUT,
				       "the parenthesis is never closed"));
	p->pos++; /* parse_or stops at ')' or at the end */
	p->depth--;
	return 0;
}

/* A unit behind its field, if it has one. */
static int parse_value(struct parser *p, int32_t scope, struct ix_node **np)
{
	size_t start = p->pos;
	int rc, quoted = 0;

	if (p->pos < p->n && p->text[p->pos] == '(')
		return parse_group(p, scope, np);
	if (p->pos < p->n && p->text[p->pos] == '"') {
		rc = scan_quoted(p);
		quoted = 1;
	} else if (at_word_end(p, p->pos)) {
		return fail_at(p, start,
			       ix_fail(-IX_EINPUT,
				       "a word, a quoted text or a parenthesis "
				       "must follow the colon directly"));
	} else {
		rc = scan_word(p, 0);
	}
	if (rc)
		return rc;
	rc = word_node(p, scope, quoted, np);
	return rc ? fail_at(p, start, rc) : 0;
}

static int parse_unit(struct parser *p, int32_t scope, struct ix_node **np)
{
	size_t start = p->pos;
	int32_t field;
	int rc;

	if (p->text[p->pos] == '(' || p->text[p->pos] == '"')
		return parse_value(p, scope, np);
	rc = scan_word(p, 1);
	if (rc)
		return rc;
	if (p->pos >= p->n || p->text[p->pos] != ':') {
		rc = word_node(p, scope, 0, np);
		return rc ? fail_at(p, start, rc) : 0;
	}
	if (ix_buf_error(&p->word))
		return ix_buf_error(&p->word);
	field = p->word.len
			? ix_schema_find(p->schema, (const char *)p->word.data,
					 p->word.len)
			: -1;
	if (field < 0)
		return fail_unknown_field(p, start);
	p->pos++;
	return parse_value(p, field, np);
}

/* Is there a unit at the cursor (after white space)? */
static int at_unit(struct parser *p)
{
	skip_space(p);
	return p->pos < p->n && p->text[p->pos] != ')' &&
	       !at_operator(p, "AND") && !at_operator(p, "OR");
}

static int fail_operand(struct parser *p, const char *op, const char *side)
{
	return fail_at(p, p->pos,
		       ix_fail(-IX_EINPUT,
			       "%s needs something to find on its %s; to find "
			       "the word itself write \"\\%s\"",
			       op, side, op));
}

static int parse_and(struct parser *p, int32_t scope, struct ix_node **np)
{
	struct ix_node *all = ix_node_new(p->q, IX_NODE_AND), *unit;
	int rc;

	if (!all)
		return -ENOMEM;
	for (;;) {
		rc = parse_unit(p, scope, &unit);
		if (rc)
			return rc;
		ix_node_append(all, unit);
		skip_space(p);
		if (!at_operator(p, "AND"))
			break;
		p->pos += 3;
		if (!at_unit(p))
			return fail_operand(p, "AND", "right");
	}
	*np = ix_node_reduce(all);
	return 0;
}

/* Up to the end of the text or a ')'. */
static int parse_or(struct parser *p, int32_t scope, struct ix_node **np)
{
	struct ix_node *any = ix_node_new(p->q, IX_NODE_OR), *all = NULL;
	int rc;

	if (!any)
		return -ENOMEM;
	if (!at_unit(p)) {
		if (at_operator(p, "AND"))
			return fail_operand(p, "AND", "left");
		if (at_operator(p, "OR"))
			return fail_operand(p, "OR", "left");
		return fail_at(p, p->pos,
			       ix_fail(-IX_EINPUT, "there is nothing to find"));
	}
	for (;;) {
		rc = parse_and(p, scope, &all);
		if (rc)
			return rc;
		ix_node_append(any, all);
		skip_space(p);
		if (p->pos >= p->n || p->text[p->pos] == ')')
			break;
		if (at_operator(p, "OR")) {
			p->pos += 2;
			if (!at_unit(p))
				return fail_operand(p, "OR", "right");
		}
	}
	*np = ix_node_reduce(any);
	return 0;
}

static int check_text(const char *text, size_t n)
{
	if (n > IX_QUERY_BYTES)
		return ix_fail(-IX_EINPUT,
			       "query: %zu bytes are more than the %u allowed",
			       n, IX_QUERY_BYTES);
	if (!ix_utf8_valid(text, n))
		return ix_fail(-IX_EINPUT, "query: not valid UTF-8");
	return 0;
}

int ix_query_parse(const struct ix_schema *schema, const char *text, size_t n,
		   struct ix_query **qp)
{
	struct parser p = { .text = text, .n = n, .schema = schema };
	int rc;

	*qp = NULL;
	rc = check_text(text, n);
	if (rc)
		return rc;
	p.q = ix_calloc(1, sizeof(*p.q));
	p.analyzers = ix_calloc(schema->field_count, sizeof(*p.analyzers));
	if (!p.q || !p.analyzers) {
		rc = -ENOMEM;
		goto out;
	}
	ix_arena_init(&p.q->arena);
	rc = parse_or(&p, NO_SCOPE, &p.q->root);
	if (rc)
		goto out;
	if (p.pos < p.n) {
		rc = fail_at(&p, p.pos,
			     ix_fail(-IX_EINPUT,
				     "a parenthesis is closed that was never "
				     "opened"));
		goto out;
	}
	*qp = p.q;
	p.q = NULL;
out:
	for (uint32_t i = 0; p.analyzers && i < schema->field_count; i++)
		ix_analyzer_free(p.analyzers[i]);
	ix_free(p.analyzers);
	ix_buf_release(&p.word);
	ix_query_free(p.q);
	return rc;
}
