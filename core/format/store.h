/* SPDX-License-Identifier: MIT */
/*
 * store: stored records in zstd frames (docs/format.md section 10).
 */
#ifndef IX_FORMAT_STORE_H
#define IX_FORMAT_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"

#define IX_STORE_FRAME 16384u /* raw bytes that close a frame */
#define IX_STORE_LEVEL 3      /* zstd level */

typedef void (*ix_store_write_fn)(void *ctx, const void *data, size_t n);

struct ix_store_writer;

/* Writes one store extent through `write` (sticky errors are its business). */
int ix_store_writer_new(ix_store_write_fn write, void *ctx,
			struct ix_store_writer **wp);
void ix_store_writer_free(struct ix_store_writer *w);
/* Append the record of the next document. 0, -IX_ELIMIT above IX_RECORD_MAX,
 * -ENOMEM. */
int ix_store_add(struct ix_store_writer *w, const void *record, size_t n);
/* Flush the last frame, write index and footer. */
int ix_store_finish(struct ix_store_writer *w);

/* One store extent in memory. Thread-safe. */
struct ix_store {
	const uint8_t *data;
	uint64_t len;
	uint32_t doc_count;
	uint32_t frame_count;
	const uint8_t *index;
};

/* Check the footer and the whole index. 0 or -IX_ECORRUPT. */
int ix_store_open(struct ix_store *s, const uint8_t *data, uint64_t len,
		  uint32_t doc_count);

/* A cache of the last frame decompressed; one per thread. */
struct ix_store_cursor {
	struct ix_buf raw;
	const struct ix_store *store; /* of the frame in `raw` */
	uint32_t frame;
	void *zstd; /* owned */
};
void ix_store_cursor_init(struct ix_store_cursor *c);
void ix_store_cursor_release(struct ix_store_cursor *c);
/* The record of document `doc` (relative to the extent): a view good until the
 * next call on the cursor. 0, -IX_ECORRUPT, -ENOMEM. */
int ix_store_get(const struct ix_store *s, struct ix_store_cursor *c,
		 uint32_t doc, const uint8_t **recordp, size_t *np);

/* Share of undersized frames: frames with fewer than half of IX_STORE_FRAME
 * raw bytes, in percent, for the re-pack rule of merges. */
unsigned ix_store_dirty_percent(const struct ix_store *s);

#endif
