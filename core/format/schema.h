/* SPDX-License-Identifier: MIT */
/*
 * schema: the fields of an index or a segment (docs/format.md section 5).
 *
 * Immutable once made; may be read by many threads. Fields are sorted by
 * name, an index into them is a field number of that schema only.
 */
#ifndef IX_FORMAT_SCHEMA_H
#define IX_FORMAT_SCHEMA_H

#include <stddef.h>
#include <stdint.h>

enum ix_field_type {
	IX_FIELD_TEXT,
	IX_FIELD_KEYWORD,
	IX_FIELD_U64
};

struct ix_field {
	char *name; /* owned by the schema */
	size_t name_len;
	enum ix_field_type type;
	char *tokenizer;    /* owned; NULL unless text */
	uint8_t indexed;    /* has postings; u64: never */
	uint8_t stored;     /* in the stored record */
	uint8_t positions;  /* text with positions */
	uint8_t multi;      /* arrays allowed */
	uint64_t name_hash; /* hash64(name), for the content sum */
};

struct ix_schema {
	struct ix_field *fields; /* owned, sorted by name */
	uint32_t field_count;
	uint32_t *defaults; /* owned: field numbers of default_fields */
	uint32_t default_count;
	int32_t key;     /* field number of the key, or -1 */
	char *canonical; /* owned: canonical JSON, NUL-terminated */
	size_t canonical_len;
};

/*
 * From JSON text as the user writes it (defaults: indexed true for text and
 * keyword, stored true, multi false, positions true for text, tokenizer
 * "simple"; default_fields: all indexed text fields) or canonical text.
 * Unknown members, unknown types and tokenizers, duplicate or bad names, a key
 * that is not a single-valued indexed keyword: -IX_ESCHEMA with a text.
 * `known_tokenizer` says whether a tokenizer exists; NULL accepts all. (It is
 * passed in since the analyzers live beside this layer.)
 */
int ix_schema_parse(const char *json, size_t n,
		    int (*known_tokenizer)(const char *name),
		    struct ix_schema **sp);
struct ix_schema *ix_schema_clone(const struct ix_schema *s); /* NULL: no mem */
void ix_schema_free(struct ix_schema *s);                     /* NULL allowed */

/* Field number by name, or -1. O(log fields). */
int32_t ix_schema_find(const struct ix_schema *s, const char *name, size_t n);

/* May a segment of schema `segment` live in an index of schema `index`? Every
 * field of it must be there and agree. 0, or -IX_ESCHEMA naming the field. */
int ix_schema_accepts(const struct ix_schema *index,
		      const struct ix_schema *segment);

/* The union of compatible schemas (for a merge): fields by name; default
 * fields and key of the first that has any. -IX_ESCHEMA if they disagree. */
int ix_schema_union(const struct ix_schema *const *schemas, size_t n,
		    struct ix_schema **sp);

#endif
