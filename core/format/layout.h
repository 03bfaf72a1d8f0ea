/* SPDX-License-Identifier: MIT */
/*
 * layout: the fixed structures of a segment file (docs/format.md section 2)
 * and their checks: header, trailer, extents table, origin runs, leaf ids.
 *
 * Encoders write what they are given. Decoders trust nothing: they return
 * -IX_EFORMAT for a foreign file, -IX_EINCOMPLETE for the beginning of one,
 * -IX_ECORRUPT for damage, each with a text. No I/O, no allocation; all
 * functions are thread-safe.
 */
#ifndef IX_FORMAT_LAYOUT_H
#define IX_FORMAT_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/hash.h"
#include "core/base/id.h"

#define IX_PAGE_SIZE      4096u
#define IX_LEAF_SIZE      65536u /* bytes of an extent under one checksum */
#define IX_EXTENT_LARGE   65536u /* from here on, extents are page-aligned */
#define IX_HEADER_SIZE    64u
#define IX_TRAILER_SIZE   256u
#define IX_ROW_SIZE       48u
#define IX_RUN_SIZE       32u
#define IX_FORMAT_VERSION 1u
#define IX_ENCODER_EPOCH  1u
#define IX_DOCS_MAX       0x7fffffffu /* documents of a segment */
#define IX_TERM_MAX_BYTES 1024u
#define IX_RECORD_MAX     (256u << 20) /* bytes of a stored record */
#define IX_FIELDS_MAX     1000u
#define IX_POSITION_GAP   100u /* between values of a multi-valued field */
#define IX_NO_FIELD       0xffffu
#define IX_META_MAX       (1u << 30) /* bytes of the metadata */

enum ix_part {
	IX_PART_POSTINGS = 1,
	IX_PART_TERM_INDEX = 2,
	IX_PART_LENGTHS = 3,
	IX_PART_COLUMN = 4,
	IX_PART_STORE = 5,
	IX_PART_TIE = 6,
};

enum ix_postings_codec { /* of IX_PART_POSTINGS */
	IX_POSTINGS_DOCS = 1,
	IX_POSTINGS_FREQS = 2,
	IX_POSTINGS_POSITIONS = 3,
};

enum ix_column_codec { /* of IX_PART_COLUMN */
	IX_COLUMN_U64 = 1,
	IX_COLUMN_BYTES = 2,
	IX_COLUMN_DICT = 3,
};

/* A row of the extents table. */
struct ix_extent {
	uint16_t part;  /* enum ix_part */
	uint16_t field; /* index in the segment's schema, or IX_NO_FIELD */
	uint16_t codec;
	uint16_t flags;    /* reserved, 0 */
	uint32_t doc_base; /* first document */
	uint32_t doc_count;
	uint64_t offset;     /* in the file, bytes */
	uint64_t length;     /* bytes without padding */
	uint64_t root;       /* hash of its checksum leaves */
	uint64_t first_leaf; /* index in the checksum leaves */
};

struct ix_trailer {
	struct ix_id id;
	struct ix_u128 content_sum;
	uint64_t file_length;
	uint64_t meta_offset;
	uint64_t root;
	uint32_t doc_count;
	uint32_t generation; /* merges above built segments */
	uint32_t schema_bytes;
	uint32_t extent_count;
	uint32_t run_count;
	uint32_t lineage_count; /* leaf ids */
	uint64_t leaf_count;    /* checksum leaves */
};

struct ix_origin_run {
	uint32_t doc_base;
	uint32_t doc_count;
	uint64_t registration; /* sequence, 0 = not registered yet */
	struct ix_id leaf;     /* the built segment it came from */
};

/* Where the pieces of the metadata begin, as offsets from meta_offset. */
struct ix_meta_layout {
	uint64_t schema;
	uint64_t extents;
	uint64_t leaves;
	uint64_t runs;
	uint64_t lineage;
	uint64_t end; /* = file_length - IX_TRAILER_SIZE - meta_offset */
};

void ix_header_encode(uint8_t out[IX_HEADER_SIZE]);
int ix_header_decode(const uint8_t *p, size_t n);

void ix_trailer_encode(const struct ix_trailer *t,
		       uint8_t out[IX_TRAILER_SIZE]);
/* Decode and check the trailer by itself: magic, hash, version, reserved bytes,
 * and that its numbers fit `file_size`. -IX_EINCOMPLETE when the bytes are not
 * a trailer at all. */
int ix_trailer_decode(const uint8_t p[IX_TRAILER_SIZE], uint64_t file_size,
		      struct ix_trailer *t);

/* The metadata layout a trailer implies; -IX_ECORRUPT if it does not end
 * exactly at the trailer. */
int ix_meta_layout(const struct ix_trailer *t, struct ix_meta_layout *m);

void ix_extent_encode(const struct ix_extent *e, uint8_t out[IX_ROW_SIZE]);
void ix_extent_decode(const uint8_t p[IX_ROW_SIZE], struct ix_extent *e);
void ix_run_encode(const struct ix_origin_run *r, uint8_t out[IX_RUN_SIZE]);
void ix_run_decode(const uint8_t p[IX_RUN_SIZE], struct ix_origin_run *r);

/* Bytes of an extent with its padding. */
uint64_t ix_extent_padded(uint64_t length);
/* Checksum leaves of an extent of that length. */
uint64_t ix_extent_leaves(uint64_t length);

/* The hash of one leaf of `n` <= IX_LEAF_SIZE bytes: the hash of the hashes of
 * its pages. */
uint64_t ix_leaf_hash(const uint8_t *data, size_t n);
/* The same from the page hashes, n <= 16. */
uint64_t ix_leaf_hash_pages(const uint64_t *pages, size_t n);

/* Put the numbers 0 .. n - 1 of the rows into `order`, by ascending offset. */
void ix_extents_sort_offset(const struct ix_extent *e, uint32_t n,
			    uint32_t *order);

/*
 * Check all rules of docs/format.md 2 and 2.4 that concern the table as a
 * whole: order, known parts and codecs, fields below `field_count`, document
 * ranges, and that extents, paddings and metadata tile the file without gap
 * or overlap. `scratch` holds `n` pointers' worth of uint32_t. 0 or
 * -IX_ECORRUPT.
 */
int ix_extents_check(const struct ix_extent *e, uint32_t n,
		     const struct ix_trailer *t, uint32_t field_count,
		     uint32_t *scratch);

#endif
