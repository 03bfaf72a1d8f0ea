/* SPDX-License-Identifier: MIT */
/*
 * segment: an open segment file.
 *
 * ix_segment_open maps the file and checks what it costs little to check:
 * magic, trailer, root (header + metadata), the whole of the extents table,
 * schema, origin runs, leaf ids, and the directories of the small parts. It
 * does not read the payload: the leaves are checked by ix_segment_verify
 * (verify.h), which runs once, when a file is registered.
 *
 * An open segment is immutable; any number of threads may read it. All views
 * live until ix_segment_close.
 */
#ifndef IX_SEGMENT_SEGMENT_H
#define IX_SEGMENT_SEGMENT_H

#include "core/format/column.h"
#include "core/format/layout.h"
#include "core/format/lengths.h"
#include "core/format/schema.h"
#include "core/format/store.h"
#include "core/format/terms.h"
#include "core/io/vfs.h"

/* What is known of a segment without opening its parts: read from trailer and
 * metadata alone. */
struct ix_segment_info {
	struct ix_trailer trailer;
	struct ix_schema *schema;   /* owned */
	struct ix_id *lineage;      /* owned: trailer.lineage_count leaf ids */
	struct ix_origin_run *runs; /* owned: trailer.run_count */
	struct ix_extent *extents;  /* owned: trailer.extent_count rows */
	uint64_t *leaves;           /* owned: trailer.leaf_count checksums */
};

/* Read and check header, trailer and metadata of `f` (borrowed). `name` is for
 * error texts. Errors: content errors of layout.h, I/O errors, -ENOMEM. */
int ix_segment_info_read(struct ix_file *f, const char *name,
			 struct ix_segment_info *info);
void ix_segment_info_release(struct ix_segment_info *info); /* idempotent */

struct ix_segment;

/* Open `f` (borrowed, may be closed afterwards). `name` is copied. */
int ix_segment_open(struct ix_file *f, const char *name,
		    struct ix_segment **sp);
void ix_segment_close(struct ix_segment *s); /* NULL allowed */

const char *ix_segment_name(const struct ix_segment *s);
const struct ix_segment_info *ix_segment_info(const struct ix_segment *s);
uint32_t ix_segment_doc_count(const struct ix_segment *s);
const struct ix_schema *ix_segment_schema(const struct ix_segment *s);

/* The whole mapped file, for checks. */
const uint8_t *ix_segment_data(const struct ix_segment *s, uint64_t *np);

/* Parts by field number of the segment's own schema; NULL when there is no
 * such part (no document has the field). */
const struct ix_terms *ix_segment_terms(const struct ix_segment *s,
					uint32_t field);
const struct ix_lengths *ix_segment_lengths(const struct ix_segment *s,
					    uint32_t field);

/* The extent of `field`'s column that holds `doc` and the document's number in
 * it, or NULL: the document has no value. */
const struct ix_column *ix_segment_column(const struct ix_segment *s,
					  uint32_t field, uint32_t doc,
					  uint32_t *docp);
/* Row of the `i`-th column extent of a field, or NULL beyond the last. */
const struct ix_extent *ix_segment_column_row(const struct ix_segment *s,
					      uint32_t field, uint32_t i,
					      const struct ix_column **cp);

uint64_t ix_segment_tie(const struct ix_segment *s, uint32_t doc);

/* The stored record of a document; see ix_store_get. The cursor may serve
 * several segments in turn. */
int ix_segment_record(const struct ix_segment *s, struct ix_store_cursor *c,
		      uint32_t doc, const uint8_t **recordp, size_t *np);
/* Row of the `i`-th store extent, or NULL. */
const struct ix_extent *ix_segment_store_row(const struct ix_segment *s,
					     uint32_t i,
					     const struct ix_store **sp);

#endif
