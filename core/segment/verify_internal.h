/* SPDX-License-Identifier: MIT */
/* verify_internal: the levels of a verification. Included by verify*.c only. */
#ifndef IX_SEGMENT_VERIFY_INTERNAL_H
#define IX_SEGMENT_VERIFY_INTERNAL_H

#include "core/segment/verify.h"

struct ix_verify {
	struct ix_file *file;                    /* borrowed */
	const char *name;                        /* borrowed */
	const struct ix_verify_options *options; /* borrowed */
	struct ix_segment_info info;             /* owned */
	struct ix_segment *segment; /* owned; from the level STRUCTURE on */
	uint64_t done, all;         /* bytes, for progress */
};

/* Count `n` bytes as done; 0 or -IX_ECANCELED. */
int ix_verify_step(struct ix_verify *v, uint64_t n);

/* Every page against the checksum leaves. */
int ix_verify_checksums(struct ix_verify *v);
/* Every directory, skip array and cross-reference. */
int ix_verify_structure(struct ix_verify *v);
/* Every record: is it the canonical form of its stored fields, do the columns
 * say the same? Adds the records to the content sum. */
int ix_verify_records(struct ix_verify *v, struct ix_u128 *sump);
/* Every posting, position, value and record; lengths, bounds, content sum. */
int ix_verify_content(struct ix_verify *v);

#endif
