/* SPDX-License-Identifier: MIT */
/*
 * merge_internal: what the phases of one merge share. Included by merge*.c
 * only. One merge belongs to one thread.
 */
#ifndef IX_SEGMENT_MERGE_INTERNAL_H
#define IX_SEGMENT_MERGE_INTERNAL_H

#include "core/segment/merge.h"

#define IX_MERGE_MOVE_BYTES (1u << 20) /* extents from here on move whole */
#define IX_MERGE_JOIN_BYTES (4u << 20) /* joined columns are cut here */
#define IX_MERGE_DIRTY      2u /* percent of undersized frames that re-packs */

struct ix_merge_input {
	struct ix_file *file; /* borrowed */
	const char *name;     /* borrowed */
	uint64_t registration;
	struct ix_segment_info info; /* owned */
	struct ix_map map;           /* owned: the whole file */
	uint32_t doc_base;           /* of its first document in the output */
	int32_t *field_of;           /* owned: output field -> its own, or -1 */
};

struct ix_merge {
	const struct ix_merge_options *options;
	struct ix_merge_input *inputs; /* owned */
	uint32_t n;
	struct ix_schema *schema; /* owned: the union */
	uint32_t doc_count;
	uint64_t bytes_in, bytes_done;
	uint32_t bad_input;       /* whose content failed; n = nobody's */
	struct ix_engine *engine; /* owned */
	struct ix_sink *sink;     /* owned */
	struct ix_segment_writer *writer; /* owned */
	uint64_t *ties;                   /* owned: by output document */
	uint32_t *lengths;                /* owned: of the field being merged */
	struct ix_merge_result *result;
};

/* One input extent on its way through: the context of ix_merge_check_leaf. */
struct ix_merge_extent {
	struct ix_merge *merge;
	uint32_t input;
	const struct ix_extent *row;
};

/* ix_leaf_fn: check a leaf against its checksum, count progress. */
int ix_merge_check_leaf(void *ctx, uint64_t index, const uint8_t *data,
			size_t n);

/* The extent in memory, every leaf checked: a view into the input's map. */
int ix_merge_load(struct ix_merge *m, uint32_t input,
		  const struct ix_extent *row, const uint8_t **datap);

/* Row of (part, field) of an input, the `nth`; NULL beyond the last. `field` is
 * the input's own field number. */
const struct ix_extent *ix_merge_row(const struct ix_merge_input *in,
				     unsigned part, unsigned field,
				     uint32_t nth);

/* Copy an extent as it is, under its new document base. */
int ix_merge_move(struct ix_merge *m, uint32_t input,
		  const struct ix_extent *row, uint16_t out_field);

/* 0, or -IX_ECANCELED. */
int ix_merge_canceled(const struct ix_merge *m);

/* The phases that have files of their own. */
int ix_merge_columns(struct ix_merge *m, uint32_t field);
int ix_merge_store(struct ix_merge *m);

#endif
