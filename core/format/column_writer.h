/* SPDX-License-Identifier: MIT */
/*
 * column_writer: what a column's writer collects, shared by the half that
 * collects and the half that encodes. Private to core/format.
 */
#ifndef IX_FORMAT_COLUMN_WRITER_H
#define IX_FORMAT_COLUMN_WRITER_H

#include "core/format/column.h"

struct ix_column_writer {
	int is_u64;
	int multi;
	int error;
	uint32_t doc_count;
	uint32_t *ends; /* owned: per document, values up to its last */
	size_t ends_cap;
	uint32_t value_count;
	uint64_t *numbers; /* owned: u64 */
	size_t numbers_cap;
	uint32_t *ids; /* owned: keyword: number of the interned value */
	size_t ids_cap;
	/* Interned keywords, in order of appearance. */
	struct ix_buf bytes;
	uint32_t dict_count;
	uint64_t *starts; /* owned: dict_count + 1 */
	size_t starts_cap;
	uint32_t *tags; /* owned: upper half of the hash of each */
	size_t tags_cap;
	uint32_t *slots;      /* owned: id + 1, 0 = free */
	uint32_t slot_count;  /* a power of two, or 0 */
	uint64_t value_bytes; /* of all values, repeated ones too */
};

/* Values up to the open document. */
static inline uint32_t column_doc_start(const struct ix_column_writer *w)
{
	return w->doc_count ? w->ends[w->doc_count - 1] : 0;
}

/* The interned keyword `id`. */
static inline const uint8_t *column_interned(const struct ix_column_writer *w,
					     uint32_t id, size_t *np)
{
	*np = (size_t)(w->starts[id + 1] - w->starts[id]);
	return w->bytes.data + w->starts[id];
}

#endif
