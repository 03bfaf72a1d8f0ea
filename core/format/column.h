/* SPDX-License-Identifier: MIT */
/*
 * column: one extent of values of a u64 or keyword field (docs/format.md 9).
 *
 * A writer takes the values of documents 0, 1, ... in order and belongs to one
 * thread. An open column is immutable; any number of threads may read it.
 */
#ifndef IX_FORMAT_COLUMN_H
#define IX_FORMAT_COLUMN_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/format/layout.h"

#define IX_VALUE_MAX_BYTES ((1u << 28) - 1) /* of a keyword */

/* ---- writing ---- */

struct ix_column;
struct ix_column_writer;

/* `is_u64` or keyword; `multi` as the field says. 0, -ENOMEM. */
int ix_column_writer_new(int is_u64, int multi, struct ix_column_writer **wp);
void ix_column_writer_free(struct ix_column_writer *w); /* NULL allowed */
/* Add a value of the document being written; then ix_column_end_doc closes it
 * (a document without a value has none). Errors are sticky and come out of
 * ix_column_finish: -ENOMEM, -IX_ELIMIT, -EINVAL for a second value of a
 * document of a single-valued field or a value of the wrong type. */
void ix_column_add_u64(struct ix_column_writer *w, uint64_t v);
void ix_column_add_bytes(struct ix_column_writer *w, const void *v, size_t n);
void ix_column_end_doc(struct ix_column_writer *w);
/* Add `n` documents without a value. */
void ix_column_skip_docs(struct ix_column_writer *w, uint32_t n);
/* Add documents [first, first + n) of an open extent that was checked
 * (ix_column_check). Faster than value by value. */
void ix_column_append(struct ix_column_writer *w, const struct ix_column *c,
		      uint32_t first, uint32_t n);
/* Documents added since the last finish. */
uint32_t ix_column_doc_count(const struct ix_column_writer *w);
/* Memory it holds, in bytes, deterministic. */
size_t ix_column_memory(const struct ix_column_writer *w);
/*
 * Append the extent to `out` with the smaller of the codecs that fit; empties
 * the writer for the next extent. `*valuesp` = number of values: 0 means that
 * no extent is needed and nothing was appended. 0, or the sticky error,
 * -IX_ELIMIT when no codec can hold the values, -ENOMEM (the writer is emptied
 * all the same).
 */
int ix_column_finish(struct ix_column_writer *w, struct ix_buf *out,
		     enum ix_column_codec *codecp, uint64_t *valuesp);

/* ---- reading one extent in memory ---- */

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

/* Check header, sizes, frame directory and bitmap, in O(documents / 64 +
 * values / 1024): enough that no access below is bad, whatever the payload.
 * `data` is borrowed. 0, -IX_ECORRUPT, -ENOMEM. */
int ix_column_open(struct ix_column *c, const uint8_t *data, uint64_t len,
		   enum ix_column_codec codec, uint32_t doc_count, int multi);
void ix_column_release(struct ix_column *c); /* idempotent */

/* Check the rest, in O(values): starts and dictionary ascending, ordinals in
 * range, frames within the bounds they state. 0, -IX_ECORRUPT. */
int ix_column_check(const struct ix_column *c);

/* Values of a document: [*firstp, *firstp + *np), inside value_count. None for
 * a document beyond the last. */
void ix_column_values(const struct ix_column *c, uint32_t doc, uint32_t *firstp,
		      uint32_t *np);
/* Value by index. Codec 1; in codec 3 the ordinal in the dictionary; 0 for
 * codec 2 or beyond the last value. */
uint64_t ix_column_u64(const struct ix_column *c, uint32_t value);
/* Value by index, codecs 2 and 3: a view into the extent. What a damaged
 * extent points out of range is empty. */
const uint8_t *ix_column_bytes(const struct ix_column *c, uint32_t value,
			       size_t *np);
/* Entry of the dictionary of codec 3, ascending; empty beyond the last. */
const uint8_t *ix_column_entry(const struct ix_column *c, uint32_t ordinal,
			       size_t *np);

/* ---- frames, for scans ---- */

#define IX_COLUMN_FRAME 1024u /* values of a frame, fewer in the last */

/* Bounds of the values in a frame, for skipping. */
void ix_column_frame_range(const struct ix_column *c, uint32_t frame,
			   uint64_t *minp, uint64_t *maxp);
/* Decode a frame (codecs 1 and 3) into `out`; returns the number of values. */
uint32_t ix_column_frame_values(const struct ix_column *c, uint32_t frame,
				uint64_t out[IX_COLUMN_FRAME]);

#endif
