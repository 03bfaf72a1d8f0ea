/* SPDX-License-Identifier: MIT */
/*
 * store: stored records in zstd frames (docs/format.md section 10).
 *
 * A writer belongs to one thread. An open store is immutable and may be read
 * by any number of threads, each with its own cursor. The frame functions in
 * the middle are for merges, which see a store as a stream.
 */
#ifndef IX_FORMAT_STORE_H
#define IX_FORMAT_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"

#define IX_STORE_FRAME  16384u /* raw bytes that close a frame */
#define IX_STORE_LEVEL  3      /* zstd level */
#define IX_STORE_ENTRY  16u    /* bytes of an index entry */
#define IX_STORE_FOOTER 16u    /* bytes behind the index */

typedef void (*ix_store_write_fn)(void *ctx, const void *data, size_t n);

struct ix_store_writer;

/* Writes one store extent through `write` (sticky errors are its business).
 * `ctx` is handed to it. 0, -ENOMEM. */
int ix_store_writer_new(ix_store_write_fn write, void *ctx,
			struct ix_store_writer **wp);
void ix_store_writer_free(struct ix_store_writer *w); /* NULL allowed */
/* Append the record of the next document; it is copied. 0; -IX_ELIMIT above
 * IX_RECORD_MAX or IX_DOCS_MAX, then the record was not added and the writer
 * can go on; -ENOMEM, then the writer can only be freed. */
int ix_store_add(struct ix_store_writer *w, const void *record, size_t n);
/* Flush the last frame, write index and footer. The writer can only be freed
 * afterwards. A store needs at least one document. 0, -ENOMEM. */
int ix_store_finish(struct ix_store_writer *w);

/* One store extent in memory: views, nothing to release. */
struct ix_store {
	const uint8_t *data;
	uint64_t len;
	uint64_t index_offset; /* the frames end here */
	uint64_t serial;       /* differs for every ix_store_open */
	uint32_t doc_count;
	uint32_t frame_count;
	const uint8_t *index;
};

/* Check the footer and the whole index, O(frames). 0 or -IX_ECORRUPT. */
int ix_store_open(struct ix_store *s, const uint8_t *data, uint64_t len,
		  uint32_t doc_count);

/* A cache of the last frame decompressed; one per thread. Zero-initialised by
 * ix_store_cursor_init. The members belong to store.c. */
struct ix_store_cursor {
	struct ix_buf raw;
	uint64_t serial; /* of the store of the frame in `raw`, 0 = none */
	uint32_t first_doc;
	uint32_t doc_count;
	uint32_t next_doc; /* the document whose record begins at next_at */
	size_t next_at;
	void *zstd; /* owned */
};
void ix_store_cursor_init(struct ix_store_cursor *c);
void ix_store_cursor_release(struct ix_store_cursor *c); /* idempotent */
/* The record of document `doc` (relative to the extent): a view good until the
 * next call on the cursor. Documents in ascending order cost O(1) each beside
 * the decompression. 0, -IX_ECORRUPT, -ENOMEM; -EINVAL beyond the last. */
int ix_store_get(const struct ix_store *s, struct ix_store_cursor *c,
		 uint32_t doc, const uint8_t **recordp, size_t *np);

/* Share of undersized frames: frames with fewer than half of IX_STORE_FRAME
 * raw bytes, in percent, rounded down. */
unsigned ix_store_dirty_percent(const struct ix_store *s);

/* ---- a store as a stream ---- */

/* Where a frame is and what it holds. */
struct ix_store_frame {
	uint64_t offset; /* in the extent */
	uint64_t length; /* bytes, compressed */
	uint32_t first_doc;
	uint32_t doc_count;
	uint32_t raw_bytes;
};

/* Check the last IX_STORE_FOOTER bytes of an extent of `len` bytes; gives the
 * place of the index and its entries. 0 or -IX_ECORRUPT. */
int ix_store_footer(const uint8_t footer[IX_STORE_FOOTER], uint64_t len,
		    uint32_t doc_count, uint64_t *index_offsetp,
		    uint32_t *frame_countp);
/* Check all entries of an index. 0 or -IX_ECORRUPT. */
int ix_store_index_check(const uint8_t *index, uint32_t frame_count,
			 uint32_t doc_count, uint64_t index_offset);
/* Entry `frame` of a checked index. */
void ix_store_frame(const uint8_t *index, uint32_t frame_count,
		    uint32_t doc_count, uint64_t index_offset, uint32_t frame,
		    struct ix_store_frame *f);
/* How many frames of an index are undersized. */
uint32_t ix_store_undersized(const uint8_t *index, uint32_t frame_count);

/* Decompress the frame `data` (f->length bytes) into `raw`, replacing its
 * contents, and check that it holds exactly f->doc_count records. `*zstdp` is
 * a decoder that is made when it is NULL; ix_store_decode_end frees it. 0,
 * -IX_ECORRUPT, -ENOMEM. */
int ix_store_decode(void **zstdp, const uint8_t *data,
		    const struct ix_store_frame *f, struct ix_buf *raw);
void ix_store_decode_end(void **zstdp); /* idempotent */
/* Walk the records of a decompressed frame: `*atp` begins at 0. 1 with a view
 * into `raw`, 0 at the end. */
int ix_store_record(const struct ix_buf *raw, size_t *atp,
		    const uint8_t **recordp, size_t *np);

#endif
