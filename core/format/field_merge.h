/* SPDX-License-Identifier: MIT */
/*
 * field_merge: merges the postings of one field from K segments into one, by
 * the rules of docs/format.md 6.3.
 *
 * Each source is read once, forward, through a bounded window; terms go
 * through a loser tree over their bytes. Payloads are copied:
 *
 * - A term of one source: as it is, but for the document numbers in skip data.
 * - Short lists that stay short: one behind the other.
 * - Long lists: unit by unit into new chunks. Units are decoded only where the
 *   last 2 to 8 of them have so few documents that one less would do. Short
 *   lists between long ones, and those that are no longer short together, are
 *   decoded and coded as units.
 *
 * These rules look at the sources' contents and order alone, so the output is
 * the same whatever the engine, the window and the machine. Memory is
 * proportional to K, never to terms or to the length of a list (but for 16
 * bytes of the term index per block, and 32 bytes per chunk of a list).
 *
 * Sources may be hostile: what is not checked here is checked by whoever
 * reads the result (documents and positions inside copied units), and cannot
 * make a merge read or write outside its buffers, nor go on for ever.
 */
#ifndef IX_FORMAT_FIELD_MERGE_H
#define IX_FORMAT_FIELD_MERGE_H

#include <stdint.h>

#include "core/base/buf.h"
#include "core/format/terms.h"
#include "core/io/stream.h"

struct ix_field_source {
	struct ix_source *postings; /* borrowed: the postings extent, at 0;
				       NULL when there is none */
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
	uint32_t bad_source;   /* whose content failed; n = nobody's */
};

/*
 * Merge `n` sources (1..64, ascending disjoint document ranges) of the same
 * codec into `out` (the postings extent) and `index` (the term index is
 * appended; nothing when there is no term at all). A source without terms has
 * postings_len 0. `norms` are those of the *merged* segment, by merged document
 * number, for impacts of lists that must be re-encoded; borrowed. `stats` may
 * be NULL. 0, -IX_ECORRUPT naming the source, -IX_ELIMIT before anything is
 * written when there are too many documents, -EINVAL for ranges that overlap,
 * -IX_ECANCELED, -ENOMEM, or an I/O error of a source. After a failure `out`
 * and `index` hold rubbish.
 */
int ix_field_merge(struct ix_field_source *sources, uint32_t n,
		   enum ix_postings_codec codec,
		   const struct ix_doc_norms *norms, struct ix_terms_out out,
		   struct ix_buf *index, struct ix_field_merge_stats *stats);

#endif
