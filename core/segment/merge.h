/* SPDX-License-Identifier: MIT */
/*
 * merge: several segments into one, mostly by copying.
 *
 * Sources are merged in the order given. Every leaf is checked before any of
 * its bytes is written. Same inputs in the same order and the same options
 * give the same bytes, whatever the engine, window or machine.
 */
#ifndef IX_SEGMENT_MERGE_H
#define IX_SEGMENT_MERGE_H

#include "core/io/stream.h"
#include "core/segment/segment.h"
#include "core/segment/writer.h"

#define IX_MERGE_FAN_IN_MAX 64u

struct ix_merge_source {
	struct ix_file *file;  /* borrowed */
	const char *name;      /* for error texts; borrowed */
	uint64_t registration; /* sequence given to its origin runs that have
				  none; 0 = leave */
};

struct ix_merge_options {
	enum ix_engine_kind engine; /* IX_ENGINE_AUTO by default */
	size_t arena_bytes;         /* 0 = 32 MiB */
	int sync;                   /* fdatasync the output */
	/* For a builder that spilled: the result is one built segment with this
	 * id as its only leaf. NULL = an ordinary merge. */
	const struct ix_id *built_id;
	int (*canceled)(void *ctx);
	void (*progress)(void *ctx, uint64_t done_bytes, uint64_t all_bytes);
	void *ctx;
};

struct ix_merge_result {
	struct ix_id id;
	uint32_t doc_count;
	uint64_t bytes_in;
	uint64_t bytes_out;
	uint64_t terms_in;
	uint64_t bytes_copied; /* moved without decoding */
	uint64_t bytes_coded;  /* decoded and encoded again */
};

/*
 * Merge `n` (1 .. IX_MERGE_FAN_IN_MAX) sources into `out` (borrowed, empty,
 * writable). On failure `out` holds rubbish. `o` may be all zeros; `*result` is
 * filled on success. Errors, the first three before anything is written:
 *
 *   -IX_ESCHEMA	sources disagree about a field
 *   -IX_ELIMIT		too many documents together
 *   -IX_EOVERLAP	two sources descend from the same built segment
 *   content errors	of a source: *bad_sourcep is its index, else n (it may
 *			be NULL); trying again cannot help
 *   -IX_ECANCELED, -ENOMEM, I/O errors (-EIO also when the output does not
 *			read back as it was written)
 */
int ix_segment_merge(const struct ix_merge_source *sources, uint32_t n,
		     struct ix_file *out, const struct ix_merge_options *o,
		     struct ix_merge_result *result, uint32_t *bad_sourcep);

/* The id a merge of these source ids has. */
struct ix_id ix_merge_id(const struct ix_id *sources, uint32_t n);

#endif
