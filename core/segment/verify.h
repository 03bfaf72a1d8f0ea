/* SPDX-License-Identifier: MIT */
/*
 * verify: is this file a whole, undamaged, well-formed segment?
 */
#ifndef IX_SEGMENT_VERIFY_H
#define IX_SEGMENT_VERIFY_H

#include "core/format/page_sums.h"
#include "core/segment/segment.h"

enum ix_verify_level {
	IX_VERIFY_CHECKSUMS, /* every byte against its checksum */
	IX_VERIFY_STRUCTURE, /* and every directory, skip array and
				cross-reference: what registration asks for */
	IX_VERIFY_FULL,      /* and decode every posting, position, value and
				record; recompute lengths, impacts' bounds and the
				content sum: what `ixfs verify` asks for */
};

struct ix_verify_options {
	enum ix_verify_level level;
	/* Page hashes computed while the file was written (borrowed, may be
	 * NULL): known pages of large extents are not read again. */
	const struct ix_page_sums *sums;
	const struct ix_schema *index_schema; /* must accept it; NULL = any */
	int (*canceled)(void *ctx);           /* polled; NULL = never */
	void (*progress)(void *ctx, uint64_t done_bytes, uint64_t all_bytes);
	void *ctx;
};

/* Check the file `f` (borrowed). On success *infop (if not NULL) is filled and
 * owned by the caller. Content errors (ix_err_is_content), -IX_ECANCELED, I/O
 * errors, -ENOMEM; the text names extent and offset. */
int ix_segment_verify(struct ix_file *f, const char *name,
		      const struct ix_verify_options *o,
		      struct ix_segment_info *infop);

#endif
