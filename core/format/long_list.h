/* SPDX-License-Identifier: MIT */
/*
 * long_list: writes long lists from documents, units and short lists in any
 * mixture, in document order. Used by the list writer and by merges.
 *
 * Documents collect in an open unit, which is closed when it is full, when
 * its positions reach 1 MiB, or when a whole unit follows; units become chunks
 * (chunk.h).
 */
#ifndef IX_FORMAT_LONG_LIST_H
#define IX_FORMAT_LONG_LIST_H

#include <stdint.h>

#include "core/format/chunk.h"
#include "core/format/short_list.h"
#include "core/format/unit.h"

struct ix_long_writer {
	struct ix_unit_encoder open;
	struct ix_chunk_writer chunks;
};

void ix_long_writer_init(struct ix_long_writer *w,
			 enum ix_postings_codec codec);
void ix_long_writer_release(struct ix_long_writer *w); /* idempotent */

/* Begin a list whose bytes go to `write`. `norms` is borrowed. */
void ix_long_begin(struct ix_long_writer *w, const struct ix_doc_norms *norms,
		   ix_chunk_write_fn write, void *ctx);

/* Is the open unit full? It is closed only when another document comes, since
 * the positions of its last one arrive after that document. */
static inline int ix_long_unit_full(const struct ix_long_writer *w)
{
	return w->open.count == IX_UNIT_DOCS ||
	       w->open.positions.len >= IX_CHUNK_POSITION;
}

/* Close the open unit, if there is one, so that whole units can be pushed to
 * w->chunks. */
void ix_long_close_unit(struct ix_long_writer *w);

/* Add a document, then all its position deltas (codec 3), then the next. */
static inline void ix_long_add_doc(struct ix_long_writer *w, uint32_t doc,
				   uint32_t freq)
{
	if (ix_long_unit_full(w))
		ix_long_close_unit(w);
	ix_unit_add_doc(&w->open, doc, freq);
}
static inline void ix_long_add_deltas(struct ix_long_writer *w,
				      const uint32_t *deltas, size_t n)
{
	ix_unit_add_deltas(&w->open, deltas, n);
}

/* Add documents with their position deltas from a short list's positions.
 * 0, or -1 when these are damaged. */
int ix_long_add_coded(struct ix_long_writer *w, const uint32_t *docs,
		      const uint32_t *freqs, uint32_t n,
		      const uint8_t *positions, const uint8_t *positions_end);

/* Finish the list: 0 or the first error. Length and documents are then
 * w->chunks.offset and .doc_count. */
int ix_long_finish(struct ix_long_writer *w);

#endif
