/* SPDX-License-Identifier: MIT */
/*
 * ast: a parsed query.
 *
 * Leaves are terms and phrases of one field, already analyzed; inner nodes are
 * AND and OR. The tree is normal: an inner node has at least two children, no
 * child of an OR is an OR, no child of an AND is an AND, and IX_NODE_NONE
 * (matches nothing) appears only as the root. Since scores are sums of
 * integers, flattening changes no score.
 *
 * Everything lives in the query's arena; a query is immutable once parsed and
 * may be read by any number of threads.
 */
#ifndef IX_QUERY_AST_H
#define IX_QUERY_AST_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/format/schema.h"

#define IX_QUERY_BYTES  65536u /* of the text */
#define IX_QUERY_DEPTH  100u   /* nested parentheses */
#define IX_QUERY_LEAVES 1024u  /* terms, after expansion over the fields */

enum ix_node_kind {
	IX_NODE_NONE,
	IX_NODE_TERM,
	IX_NODE_PHRASE,
	IX_NODE_AND,
	IX_NODE_OR,
};

/* A field that the query names, as the schema had it. */
struct ix_query_field {
	const char *name;
	size_t name_len;
	enum ix_field_type type; /* text or keyword */
	uint8_t positions;
};

struct ix_query_term {
	const char *text; /* bytes, not NUL-terminated */
	uint32_t len;
	uint32_t offset; /* in a phrase: position relative to its first term */
	uint32_t field;  /* index in ix_query.fields */
};

struct ix_node {
	enum ix_node_kind kind;
	/* TERM, PHRASE: its terms, ix_query.terms[first ...] */
	uint32_t first;
	uint32_t count;
	/* AND, OR: a list of children; `next` links the siblings */
	struct ix_node *head, *tail, *next;
	uint32_t child_count;
};

struct ix_query {
	struct ix_arena arena;
	struct ix_node *root;
	struct ix_query_field *fields; /* owned */
	size_t field_count, field_cap;
	struct ix_query_term *terms; /* owned; of all leaves, in order */
	size_t term_count, term_cap;
	uint32_t leaf_count; /* TERM and PHRASE nodes */
};

/* A node of the query's arena; NULL when there is no memory. */
struct ix_node *ix_node_new(struct ix_query *q, enum ix_node_kind kind);

/* Append a child: NONE disappears, a child of the same kind is spliced in. */
void ix_node_append(struct ix_node *parent, struct ix_node *child);

/* An inner node whose children are complete, reduced: itself, its only child,
 * or NONE. */
struct ix_node *ix_node_reduce(struct ix_node *n);

/* The field, added if it is new: its index in q->fields, or -ENOMEM. */
int ix_query_use_field(struct ix_query *q, const struct ix_field *f);

/* Append a term (copied). 0, -ENOMEM, or -IX_EINPUT above IX_QUERY_LEAVES. */
int ix_query_add_term(struct ix_query *q, uint32_t field, const char *text,
		      size_t len, uint32_t offset);

#endif
