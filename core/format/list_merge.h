/* SPDX-License-Identifier: MIT */
/*
 * list_merge: the payload of one term out of those of its sources, by the
 * rules of docs/format.md 6.3. Used by field merges only.
 *
 * One source: its payload is copied and document numbers in the skip data are
 * moved up. Several short lists that stay short: concatenated. Everything else
 * goes unit by unit, copied, through a chunk writer, which joins small ones;
 * documents of short lists between long ones are coded anew, once.
 *
 * Memory: a chunk and what joining holds back, a few MiB at most, whatever the
 * lists' length; only the chunk directory grows, by 32 bytes for 4,096
 * documents or 1 MiB.
 */
#ifndef IX_FORMAT_LIST_MERGE_H
#define IX_FORMAT_LIST_MERGE_H

#include <stdint.h>

#include "core/base/codec.h"
#include "core/format/long_list.h"
#include "core/format/merge_cursor.h"

#define IX_MERGE_SOURCES 64u /* at most */

struct ix_list_merge {
	enum ix_postings_codec codec;
	const struct ix_doc_norms *norms; /* borrowed */
	struct ix_terms_writer *terms;    /* borrowed */
	struct ix_field_merge_stats *stats;
	struct ix_long_writer writer;
	struct ix_buf payload; /* of a term that is not streamed */
	struct ix_buf docs;    /* docs area of a chunk being taken apart */
	struct ix_short_view views[IX_MERGE_SOURCES];
	uint8_t area[(IX_SHORT_DOCS + IX_MERGE_SOURCES) * 2 * IX_VARINT32_MAX];
	uint32_t doc_ids[IX_SHORT_DOCS];
	uint32_t freqs[IX_SHORT_DOCS];
};

void ix_list_merge_init(struct ix_list_merge *m, enum ix_postings_codec codec);
void ix_list_merge_release(struct ix_list_merge *m); /* idempotent */

/*
 * Merge the current term of `n` cursors (all at the same term, in document
 * order) and give it to m->terms. 0, or negative with *badp = the index of the
 * cursor whose payload is to blame (n: none).
 */
int ix_list_merge_term(struct ix_list_merge *m,
		       struct ix_merge_cursor *const *cursors, uint32_t n,
		       uint32_t *badp);

#endif
