/* SPDX-License-Identifier: MIT */
/*
 * writer: writes a segment file forward (docs/format.md section 2).
 *
 *   new -> (extent_begin -> extent_write ... -> extent_end)* -> finish -> free
 *
 * One extent is open at a time. The writer keeps the first 64 KiB of the open
 * extent back: an extent that ends below that goes to the small area, which is
 * written behind the large ones. It hashes every page before it is written and
 * owns the extents table and the checksum leaves. Errors are sticky and come
 * out of finish. Belongs to one thread.
 */
#ifndef IX_SEGMENT_WRITER_H
#define IX_SEGMENT_WRITER_H

#include "core/format/layout.h"
#include "core/format/schema.h"
#include "core/io/stream.h"

struct ix_segment_writer;

/* Writes through `sink` (borrowed), which must be at offset 0. */
int ix_segment_writer_new(struct ix_sink *sink, struct ix_segment_writer **wp);
void ix_segment_writer_free(struct ix_segment_writer *w); /* NULL allowed */

/* Begin an extent; offset, length, root and first_leaf of `e` are ignored. */
void ix_segment_extent_begin(struct ix_segment_writer *w,
			     const struct ix_extent *e);
void ix_segment_extent_write(struct ix_segment_writer *w, const void *data,
			     size_t n);
/* As ix_segment_extent_write with ctx = the writer; fits ix_terms_out and
 * ix_store_write_fn. */
void ix_segment_extent_out(void *writer, const void *data, size_t n);
/* The documents of the open extent, where they were not known at its
 * beginning (a store that is written while documents arrive). */
void ix_segment_extent_docs(struct ix_segment_writer *w, uint32_t doc_count);
/* End it. An extent of length 0 leaves no trace. */
void ix_segment_extent_end(struct ix_segment_writer *w);

/* The root (hash of the checksum leaves) of the extent that ended last; 0 if it
 * was empty or failed. */
uint64_t ix_segment_extent_root(const struct ix_segment_writer *w);

/* Sticky error so far. */
int ix_segment_writer_error(const struct ix_segment_writer *w);

struct ix_segment_identity {
	struct ix_id id;
	struct ix_u128 content_sum;
	uint32_t doc_count;
	uint32_t generation;
	const struct ix_schema *schema;   /* borrowed */
	const struct ix_origin_run *runs; /* in order, covering */
	uint32_t run_count;
	const struct ix_id *lineage; /* sorted, unique */
	uint32_t lineage_count;
};

/* Write small extents, metadata and trailer. The caller finishes the sink. */
int ix_segment_writer_finish(struct ix_segment_writer *w,
			     const struct ix_segment_identity *identity);

#endif
