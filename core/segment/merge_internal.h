/* SPDX-License-Identifier: MIT */
/*
 * merge_internal: what the phases of one merge share. Included by merge*.c
 * only. One merge belongs to one thread.
 */
#ifndef IX_SEGMENT_MERGE_INTERNAL_H
#define IX_SEGMENT_MERGE_INTERNAL_H

#include "core/segment/merge.h"

#define IX_MERGE_MOVE_BYTES (1u << 20)  /* extents from here on move whole */
#define IX_MERGE_JOIN_BYTES (16u << 20) /* memory of a column being joined */
#define IX_MERGE_DIRTY      2u /* percent of undersized frames that re-packs */

struct ix_merge_input {
	struct ix_file *file; /* borrowed */
	const char *name;     /* borrowed */
	uint64_t registration;
	struct ix_segment_info info; /* owned */
	uint32_t doc_base;           /* of its first document in the output */
	int32_t *field_of;           /* owned: output field -> its own, or -1 */
};

struct ix_merge {
	const struct ix_merge_options *options;
	struct ix_merge_input *inputs; /* owned */
	uint32_t n;
	struct ix_schema *schema; /* owned: the union */
	struct ix_id *lineage;    /* owned: all leaf ids, sorted */
	uint32_t lineage_count;
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

/* Leaves of an input extent on their way through: the context of
 * ix_merge_check_leaf. */
struct ix_merge_extent {
	struct ix_merge *merge;
	uint32_t input;
	const struct ix_extent *row;
	uint64_t leaf; /* of the extent, where the source begins */
};

/* ix_leaf_fn: check a leaf against its checksum, count progress. */
int ix_merge_check_leaf(void *ctx, uint64_t index, const uint8_t *data,
			size_t n);

/* Copy bytes [at, at + n) of an extent to `out`, every leaf checked. */
int ix_merge_read(struct ix_merge *m, uint32_t input,
		  const struct ix_extent *row, uint64_t at, void *out,
		  size_t n);

/* Replace the contents of `out` by a whole extent that is not large. */
int ix_merge_load(struct ix_merge *m, uint32_t input,
		  const struct ix_extent *row, struct ix_buf *out);

/* The rows of (part, field) of an input, `*countp` of them; `field` is the
 * input's own field number. */
const struct ix_extent *ix_merge_rows(const struct ix_merge_input *in,
				      unsigned part, unsigned field,
				      uint32_t *countp);

/* The one row of (part, field), or NULL. */
const struct ix_extent *ix_merge_only_row(const struct ix_merge_input *in,
					  unsigned part, unsigned field);

/* Copy an extent as it is, under its new document base. */
int ix_merge_move(struct ix_merge *m, uint32_t input,
		  const struct ix_extent *row, uint16_t out_field);

/* Remember input `input` as the one whose content failed with `rc`, if it is
 * about content, and put its name in front of the text. */
int ix_merge_blame(struct ix_merge *m, uint32_t input, int rc,
		   const char *what);

/* 0, or -IX_ECANCELED. */
int ix_merge_canceled(const struct ix_merge *m);

/* Read and check the metadata of all inputs, join schemas and lineage, give out
 * document bases; m->inputs may be released whatever it returns. */
int ix_merge_open_inputs(struct ix_merge *m,
			 const struct ix_merge_source *sources);

/* The phases that have files of their own. */
int ix_merge_columns(struct ix_merge *m, uint32_t field);
int ix_merge_store(struct ix_merge *m);

#endif
