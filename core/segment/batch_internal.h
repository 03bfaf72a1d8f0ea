/* SPDX-License-Identifier: MIT */
/* Shared by batch.c, which adds documents, and batch_write.c, which writes
 * them. */
#ifndef IX_SEGMENT_BATCH_INTERNAL_H
#define IX_SEGMENT_BATCH_INTERNAL_H

#include "core/format/column.h"
#include "core/format/store.h"
#include "core/segment/batch.h"
#include "core/segment/invert.h"
#include "core/segment/writer.h"
#include "core/text/analyzer.h"

struct ix_batch_field {
	const struct ix_field *field; /* borrowed */
	/* Text that is indexed: borrowed from the first field that has the
	 * same tokenizer, which owns it. */
	struct ix_analyzer *analyzer;
	int owns_analyzer;
	int is_inverted; /* has postings */
	struct ix_inverter inverter;
	uint32_t *lengths; /* owned; text: per document */
	size_t length_count, length_cap;
	struct ix_column_writer
		*column;          /* owned; NULL before the first value */
	uint32_t column_docs;     /* documents closed in it */
	struct ix_u128 value_sum; /* content sum of the column */
	uint64_t memory;          /* as of its last document */
};

struct ix_batch {
	const struct ix_schema *schema; /* borrowed */
	struct ix_batch_field *fields;  /* owned; per field of the schema */
	struct ix_pool pool;
	uint64_t *ties; /* owned; per document */
	size_t tie_cap;
	uint32_t doc_count;
	uint64_t field_memory;     /* sum over the fields */
	struct ix_u128 record_sum; /* content sum of the records */
	/* While started. */
	struct ix_sink *sink;             /* owned */
	struct ix_segment_writer *writer; /* owned */
	struct ix_store_writer *store;    /* owned */
};

/* The codec of the postings of a field that has any. */
enum ix_postings_codec ix_batch_codec(const struct ix_field *field);

/* Bring the open column of a field up to document `docs`, without values. */
void ix_batch_close_column(struct ix_batch_field *bf, uint32_t docs);

/* Write everything after the store into b->writer. 0 or the first error. */
int ix_batch_write_parts(struct ix_batch *b);

#endif
