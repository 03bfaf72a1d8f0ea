/* SPDX-License-Identifier: MIT */
/*
 * field_merge: merges the postings of one field from K segments into one.
 *
 * Each source is read once, forward, through a bounded window; terms go
 * through a loser tree over their bytes; payloads are concatenated by copy
 * wherever docs/design.md ("what a merge copies") allows. Memory is
 * proportional to K, never to terms. The output depends on the sources'
 * contents and order alone.
 */
#ifndef IX_FORMAT_FIELD_MERGE_H
#define IX_FORMAT_FIELD_MERGE_H

#include <stdint.h>

#include "core/base/buf.h"
#include "core/format/terms.h"
#include "core/io/stream.h"

struct ix_field_source {
	struct ix_source *postings; /* borrowed: the postings extent, at 0 */
	uint64_t postings_len;
	uint32_t doc_base;  /* added to every document of this source */
	uint32_t doc_count; /* documents of this source's segment */
	const char *name;   /* for error texts; borrowed */
};

struct ix_field_merge_stats {
	uint64_t terms_in; /* dictionary entries read */
	uint64_t terms_out;
	uint64_t bytes_copied; /* payload bytes moved without decoding */
	uint64_t bytes_coded;  /* payload bytes decoded and encoded again */
};

/*
 * Merge `n` sources (1..64, ascending disjoint document ranges) of the same
 * codec into `out` (the postings extent) and `index` (the term index).
 * `lengths` and `ties` are those of the *merged* segment, by merged document
 * number, for impacts of lists that must be re-encoded; borrowed. 0,
 * -IX_ECORRUPT naming the source, -IX_ELIMIT, -IX_ECANCELED, -ENOMEM, or an
 * I/O error of a source.
 */
int ix_field_merge(struct ix_field_source *sources, uint32_t n,
		   enum ix_postings_codec codec,
		   const struct ix_doc_norms *norms, struct ix_terms_out out,
		   struct ix_buf *index, struct ix_field_merge_stats *stats);

#endif
