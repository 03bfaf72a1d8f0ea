/* SPDX-License-Identifier: MIT */
/*
 * short_list: lists of fewer than 128 documents, byte-coded (docs/format.md
 * 6.1). Below the lists; used by postings and merges.
 */
#ifndef IX_FORMAT_SHORT_LIST_H
#define IX_FORMAT_SHORT_LIST_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/format/postings.h"

/* The pieces of a payload: views into it. */
struct ix_short_view {
	uint32_t df;
	uint64_t ttf;
	uint32_t first;
	uint32_t last;
	const uint8_t *docs; /* gaps and frequencies; empty for df = 1 */
	const uint8_t *docs_end;
	const uint8_t *positions; /* codec 3 */
	const uint8_t *positions_end;
};

/* Find the pieces of a payload and check what they say at once: documents
 * first..last below `doc_limit`, lengths, df and ttf within what a short list
 * can have. 0 or -IX_ECORRUPT with a text. */
int ix_short_parse(struct ix_short_view *v, const uint8_t *payload,
		   const struct ix_term_info *info,
		   enum ix_postings_codec codec, uint32_t doc_limit);

/* Decode documents and frequencies of a parsed list (room for df of each).
 * Checks that they ascend from first to last, and that the frequencies sum up
 * to ttf. 0 or -IX_ECORRUPT. */
int ix_short_decode(const struct ix_short_view *v, enum ix_postings_codec codec,
		    uint32_t *docs, uint32_t *freqs);

/* Append the payload of 1..127 documents with `positions` as they are coded
 * (varint deltas) to `out`. `freqs` is not used by codec 1. */
void ix_short_encode(enum ix_postings_codec codec, const uint32_t *docs,
		     const uint32_t *freqs, uint32_t n,
		     const struct ix_buf *positions, struct ix_buf *out);

/* The entry of a document in the docs area: returns the end; room for
 * 2 x IX_VARINT32_MAX bytes. */
uint8_t *ix_short_put_doc(uint8_t *p, enum ix_postings_codec codec,
			  uint32_t gap, uint32_t freq);

#endif
