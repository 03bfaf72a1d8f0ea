/* SPDX-License-Identifier: MIT */
#include "core/query/ast.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/query/query.h"

struct ix_node *ix_node_new(struct ix_query *q, enum ix_node_kind kind)
{
	struct ix_node *n = ix_arena_alloc(&q->arena, sizeof(*n));

	if (!n)
		return NULL;
	memset(n, 0, sizeof(*n));
	n->kind = kind;
	return n;
}

void ix_node_append(struct ix_node *parent, struct ix_node *child)
{
	if (child->kind == IX_NODE_NONE)
		return;
	if (child->kind != parent->kind) {
		child->next = NULL;
		if (parent->tail)
			parent->tail->next = child;
		else
			parent->head = child;
		parent->tail = child;
		parent->child_count++;
		return;
	}
	if (parent->tail)
		parent->tail->next = child->head;
	else
		parent->head = child->head;
	parent->tail = child->tail;
	parent->child_count += child->child_count;
}

struct ix_node *ix_node_reduce(struct ix_node *n)
{
	if (n->child_count == 0)
		n->kind = IX_NODE_NONE;
	else if (n->child_count == 1)
		return n->head;
	return n;
}

int ix_query_use_field(struct ix_query *q, const struct ix_field *f)
{
	struct ix_query_field *qf;
	char *name;

	for (size_t i = 0; i < q->field_count; i++) {
		qf = &q->fields[i];
		if (qf->name_len == f->name_len &&
		    !memcmp(qf->name, f->name, f->name_len))
			return (int)i;
	}
	if (ix_grow(&q->fields, &q->field_cap, q->field_count + 1,
		    sizeof(*q->fields)))
		return -ENOMEM;
	name = ix_arena_alloc(&q->arena, f->name_len + 1);
	if (!name)
		return -ENOMEM;
	memcpy(name, f->name, f->name_len);
	name[f->name_len] = '\0';
	qf = &q->fields[q->field_count];
	qf->name = name;
	qf->name_len = f->name_len;
	qf->type = f->type;
	qf->positions = f->type == IX_FIELD_TEXT && f->positions;
	return (int)q->field_count++;
}

int ix_query_add_term(struct ix_query *q, uint32_t field, const char *text,
		      size_t len, uint32_t offset)
{
	struct ix_query_term *t;
	char *copy;

	if (q->term_count >= IX_QUERY_LEAVES)
		return ix_fail(
			-IX_EINPUT,
			"more than %u terms (a word counts once for each "
			"field it is looked up in): name a field, or "
			"shorten the query",
			IX_QUERY_LEAVES);
	if (ix_grow(&q->terms, &q->term_cap, q->term_count + 1,
		    sizeof(*q->terms)))
		return -ENOMEM;
	copy = ix_arena_alloc(&q->arena, len + 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, text, len);
	copy[len] = '\0';
	t = &q->terms[q->term_count++];
	t->text = copy;
	t->len = (uint32_t)len;
	t->offset = offset;
	t->field = field;
	return 0;
}

void ix_query_free(struct ix_query *q)
{
	if (!q)
		return;
	ix_free(q->fields);
	ix_free(q->terms);
	ix_arena_release(&q->arena);
	ix_free(q);
}

static void describe_leaf(const struct ix_query *q, const struct ix_node *n,
			  struct ix_buf *out)
{
	const struct ix_query_term *t = &q->terms[n->first];

	ix_buf_add(out, q->fields[t->field].name, q->fields[t->field].name_len);
	ix_buf_add_str(out, ":\"");
	for (uint32_t i = 0; i < n->count; i++) {
		if (i)
			ix_buf_add_u8(out, ' ');
		ix_buf_add_json(out, t[i].text, t[i].len);
	}
	ix_buf_add_u8(out, '"');
}

/* The depth is bounded: the parser allows IX_QUERY_DEPTH parentheses, each of
 * which adds an OR, an AND and the OR over the fields at most. */
static void describe_node(const struct ix_query *q, const struct ix_node *n,
			  int inner, struct ix_buf *out)
{
	const char *glue = n->kind == IX_NODE_AND ? " AND " : " OR ";

	switch (n->kind) {
	case IX_NODE_NONE:
		ix_buf_add_str(out, "nothing");
		return;
	case IX_NODE_TERM:
	case IX_NODE_PHRASE:
		describe_leaf(q, n, out);
		return;
	case IX_NODE_AND:
	case IX_NODE_OR:
		if (inner)
			ix_buf_add_u8(out, '(');
		for (const struct ix_node *c = n->head; c; c = c->next) {
			if (c != n->head)
				ix_buf_add_str(out, glue);
			describe_node(q, c, 1, out);
		}
		if (inner)
			ix_buf_add_u8(out, ')');
		return;
	}
}

void ix_query_describe(const struct ix_query *q, struct ix_buf *out)
{
	describe_node(q, q->root, 0, out);
}
