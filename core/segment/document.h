/* SPDX-License-Identifier: MIT */
/*
 * document: one JSON document, checked against a schema.
 *
 * Our own scanner, since integers must be exact and a document must be refused
 * whole. Values are views into the text or into the document's own buffer.
 */
#ifndef IX_SEGMENT_DOCUMENT_H
#define IX_SEGMENT_DOCUMENT_H

#include "core/base/buf.h"
#include "core/format/schema.h"

struct ix_value {
	uint32_t field;   /* number in the schema */
	const char *text; /* text, keyword: decoded UTF-8 view */
	size_t len;
	uint64_t number; /* u64 */
};

struct ix_document {
	struct ix_value *values; /* owned; by field number, then order given */
	size_t count;
	size_t cap;
	struct ix_buf text;      /* decoded strings */
	struct ix_buf canonical; /* RFC 8785, all fields */
	struct ix_buf stored;    /* RFC 8785, stored fields */
	uint64_t tie;            /* hash64(canonical) */
};

void ix_document_init(struct ix_document *d);
void ix_document_release(struct ix_document *d);

/* Parse and check; the document's buffers are reused. null counts as absent;
 * an empty array too. 0, -IX_EINPUT with a text, -ENOMEM. */
int ix_document_parse(struct ix_document *d, const struct ix_schema *schema,
		      const char *json, size_t n, int ignore_unknown);

#endif
