/* SPDX-License-Identifier: MIT */
/*
 * document: one JSON document, checked against a schema.
 *
 *	struct ix_document d;
 *
 *	rc = ix_document_init(&d, schema);
 *	for each line: rc = ix_document_parse(&d, json, n, 0); use d.values ...
 *	ix_document_release(&d);
 *
 * Our own scanner (scan.h), since integers must be exact and a document must
 * be refused whole. Values are views into the JSON text or into the document's
 * own buffer. What a document may be:
 *
 * - One JSON object, strictly RFC 8259, in valid UTF-8; \u escapes form no
 *   lone surrogates. Nothing but blanks around it.
 * - Its members are fields of the schema, each at most once. Others are
 *   refused, or with `ignore_unknown` dropped after a check of their syntax
 *   (nesting up to 64; what they contain, and whether they repeat, does not
 *   matter).
 * - text: a string. It may hold U+0000, which separates words as any control
 *   character does.
 * - keyword: a string without U+0000, of at most 1,024 bytes if the field is
 *   indexed, else below 2^28. The empty string is a value that no query for a
 *   term finds, since there is no empty term; a key may not be empty.
 * - u64: an integer of 0 .. 2^64 - 1 written in digits alone: no sign,
 *   fraction or exponent, no string of digits.
 * - An array of such values, for a multi-valued field only; without arrays
 *   inside. A single value of a multi-valued field is an array of one.
 * - null counts as absent, in an array too; so does an array without values.
 * - If the schema has a key, the document has a value of it.
 *
 * The canonical form is RFC 8785 over the fields that are present, multi-valued
 * ones always as arrays, integers as decimal digits.
 */
#ifndef IX_SEGMENT_DOCUMENT_H
#define IX_SEGMENT_DOCUMENT_H

#include "core/base/buf.h"
#include "core/format/schema.h"

/* Longest JSON text of a document in bytes. */
#define IX_DOCUMENT_MAX ((size_t)1 << 30)

struct ix_value {
	uint32_t field;   /* number in the schema */
	const char *text; /* text, keyword: decoded UTF-8 view */
	size_t len;
	uint64_t number; /* u64 */
	/* The same text as RFC 8785 writes it, without the quotes: a view, or
	 * NULL when it has to be written anew. */
	const char *json;
	size_t json_len;
};

struct ix_document {
	const struct ix_schema *schema; /* borrowed until release */
	/* Valid after a successful parse, until the next. */
	/* Owned; by field number, then order given; never NULL. */
	struct ix_value *values;
	size_t count;
	const uint8_t *record; /* RFC 8785, stored fields; a view */
	size_t record_len;
	struct ix_buf canonical; /* RFC 8785, all fields */
	uint64_t tie;            /* hash64(canonical) */
	/* Private. */
	size_t cap;
	struct ix_value *found; /* owned; in the order of the text */
	size_t found_count, found_cap;
	struct ix_buf text;   /* decoded strings */
	struct ix_buf stored; /* record, unless all fields are stored */
	int all_stored;
	struct ix_doc_field *fields; /* owned; per field of the schema */
	uint32_t *order;             /* owned; fields by UTF-16 code units */
	uint32_t *hints;     /* owned; field of the k-th member before */
	uint64_t generation; /* of the present parse */
};

/* Prepare for documents of `schema`. 0, or -ENOMEM (release is still fine). */
int ix_document_init(struct ix_document *d, const struct ix_schema *schema);
void ix_document_release(
	struct ix_document *d); /* idempotent; zeroed allowed */

/*
 * Parse and check `n` bytes of JSON, which the values refer to: borrowed until
 * the next parse. The document's buffers are reused. 0; -IX_EINPUT with a text
 * that names field and place; -ENOMEM.
 */
int ix_document_parse(struct ix_document *d, const char *json, size_t n,
		      int ignore_unknown);

#endif
