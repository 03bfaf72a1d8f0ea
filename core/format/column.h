/* SPDX-License-Identifier: MIT */
/* column: one extent of values of a u64 or keyword field (docs/format.md 9). */
#ifndef IX_FORMAT_COLUMN_H
#define IX_FORMAT_COLUMN_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/format/layout.h"

/* ---- writing: values of documents 0, 1, ... in order ---- */

struct ix_column_writer;

/* `is_u64` or keyword; `multi` as the field says. */
int ix_column_writer_new(int is_u64, int multi, struct ix_column_writer **wp);
void ix_column_writer_free(struct ix_column_writer *w);
/* Add a value of the document being written; then ix_column_end_doc closes it
 * (a document without a value has none). Errors are sticky. */
void ix_column_add_u64(struct ix_column_writer *w, uint64_t v);
void ix_column_add_bytes(struct ix_column_writer *w, const void *v, size_t n);
void ix_column_end_doc(struct ix_column_writer *w);
/* Memory it holds, in bytes, deterministic. */
size_t ix_column_memory(const struct ix_column_writer *w);
/* Append the extent to `out` with the smaller of the codecs that fit; empties
 * the writer. `*valuesp` = number of values: 0 means that no extent is needed
 * and nothing was appended. */
int ix_column_finish(struct ix_column_writer *w, struct ix_buf *out,
		     enum ix_column_codec *codecp, uint64_t *valuesp);

/* ---- reading one extent in memory; thread-safe ---- */

struct ix_column {
	const uint8_t *data;
	uint64_t len;
	enum ix_column_codec codec;
	uint32_t doc_count;
	uint32_t value_count;
	uint32_t flags;
	uint32_t dict_count;
	const uint8_t *starts;  /* multi-valued, or NULL */
	const uint8_t *present; /* bitmap, or NULL */
	const uint8_t *dict_starts, *bytes, *frames;
	uint64_t bytes_len, frames_len;
	uint32_t *ranks; /* owned: values before each 512 documents */
};

/* Check everything a reader relies on (starts ascending, ordinals in range,
 * dictionary order, frames inside). 0, -IX_ECORRUPT, -ENOMEM. */
int ix_column_open(struct ix_column *c, const uint8_t *data, uint64_t len,
		   enum ix_column_codec codec, uint32_t doc_count, int multi);
void ix_column_release(struct ix_column *c); /* idempotent */

/* Values of a document: [*firstp, *firstp + *np) . */
void ix_column_values(const struct ix_column *c, uint32_t doc, uint32_t *firstp,
		      uint32_t *np);
/* Value by index (< value_count). The bytes are a view into the extent. */
uint64_t ix_column_u64(const struct ix_column *c, uint32_t value);
const uint8_t *ix_column_bytes(const struct ix_column *c, uint32_t value,
			       size_t *np);

#endif
