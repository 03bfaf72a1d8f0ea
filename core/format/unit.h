/* SPDX-License-Identifier: MIT */
/*
 * unit: up to 128 documents of a long list, with their positions
 * (docs/format.md 6.2), and the stream of position deltas that units and
 * short lists share. Below the lists; used by postings and merges.
 */
#ifndef IX_FORMAT_UNIT_H
#define IX_FORMAT_UNIT_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/format/impacts.h"
#include "core/format/intcodec.h"
#include "core/format/postings.h"

/* The most bytes that the documents of a unit can take in any valid coding:
 * count, form, gaps, frequencies. */
#define IX_UNIT_DOCS_BYTES (2 + 2 * IX_PACK_MAX)

/* What the skip arrays say of a unit. */
struct ix_unit_info {
	uint32_t count; /* documents, 1..128 (from the unit itself) */
	uint32_t first;
	uint32_t last;
	uint32_t min_tie; /* upper 32 bits of the smallest tie */
	struct ix_impact impacts[IX_IMPACTS];
	uint32_t docs_len; /* bytes */
	uint64_t pos_len;  /* bytes */
};

/* ---- encoding ---- */

/* Documents are added, one or several, followed by their position deltas (in as
 * many calls as one likes); then finish. No deltas for the codecs without
 * positions. At most 128 documents. */
struct ix_unit_encoder {
	enum ix_postings_codec codec;
	const struct ix_doc_norms *norms; /* borrowed; NULL: loosest bounds */
	uint32_t count;
	uint32_t docs[IX_UNIT_DOCS];
	uint32_t freqs[IX_UNIT_DOCS];
	uint32_t delta_count; /* not yet packed */
	uint32_t deltas[IX_PACK_VALUES];
	struct ix_buf positions; /* packed so far; sticky error */
	struct ix_impact_set set;
};

void ix_unit_encoder_init(struct ix_unit_encoder *e,
			  enum ix_postings_codec codec);
void ix_unit_encoder_release(struct ix_unit_encoder *e);
static inline void ix_unit_add_doc(struct ix_unit_encoder *e, uint32_t doc,
				   uint32_t freq)
{
	e->docs[e->count] = doc;
	e->freqs[e->count] = freq;
	e->count++;
}
/* Add several, no more than fit; returns the sum of their frequencies: the
 * number of deltas that must follow. */
uint64_t ix_unit_add_docs(struct ix_unit_encoder *e, const uint32_t *docs,
			  const uint32_t *freqs, uint32_t n);
void ix_unit_add_deltas(struct ix_unit_encoder *e, const uint32_t *deltas,
			size_t n);
/* Append the documents to `docs` and the positions to `positions`, fill
 * `info`, and be empty again. The count must not be 0. */
void ix_unit_finish(struct ix_unit_encoder *e, struct ix_buf *docs,
		    struct ix_buf *positions, struct ix_unit_info *info);

/* ---- decoding ---- */

/* Where the frequencies of a unit begin; the count. */
struct ix_unit_docs {
	uint32_t count;
	unsigned form;
	const uint8_t *freqs; /* coded */
};

/*
 * Decode the documents in [p, end): `first` .. `last` are what the skip arrays
 * promise. 0, or -1 when malformed or when a document would lie outside.
 */
int ix_unit_decode_docs(const uint8_t *p, const uint8_t *end, uint32_t first,
			uint32_t last, uint32_t docs[IX_UNIT_DOCS],
			struct ix_unit_docs *d);
/* Decode the frequencies, which must end exactly at `end`; for codec 1 check
 * that nothing is left and set all to 1. 0 or -1. */
int ix_unit_decode_freqs(const struct ix_unit_docs *d, const uint8_t *end,
			 enum ix_postings_codec codec,
			 uint32_t freqs[IX_UNIT_DOCS]);

/* ---- position deltas ---- */

struct ix_delta_stream {
	const uint8_t *p;
	const uint8_t *end;
	uint64_t groups;                     /* packed groups left */
	uint64_t varints;                    /* and varints behind them */
	uint32_t n;                          /* decoded into values[] */
	uint32_t i;                          /* consumed of them */
	uint32_t values[IX_PACK_VALUES + 8]; /* some room behind */
};

/* `total` deltas in [p, end); a unit's are packed in groups, a short list's
 * are not. */
void ix_delta_stream_init(struct ix_delta_stream *s, const uint8_t *p,
			  const uint8_t *end, uint64_t total, int packed);
/* Decode the next 1..128 into values[]; 0, or -1 at the end or for damage. */
int ix_delta_stream_fill(struct ix_delta_stream *s);
/* Move the next `n` deltas to an encoder; 0 or -1. */
int ix_delta_stream_move(struct ix_delta_stream *s, uint64_t n,
			 struct ix_unit_encoder *to);
/* Skip `n` deltas; 0 or -1. */
int ix_delta_stream_skip(struct ix_delta_stream *s, uint64_t n);
/* Has every byte been used, and every delta? */
int ix_delta_stream_done(const struct ix_delta_stream *s);

#endif
