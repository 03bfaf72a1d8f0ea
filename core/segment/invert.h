/* SPDX-License-Identifier: MIT */
/*
 * invert: the postings of one field, while documents are added.
 *
 * A hash table of terms; each term has its postings as a string of varints in
 * a chain of slices that double in size, first inside the term's own entry
 * (most terms of most collections occur once). All of it lies in a pool.
 *
 *	begin_doc(doc, tie); add(term, position) ...; end_doc()   per document
 *	ix_term_walk (term_walk.h)                                at the end
 *
 * The stream of a term, by codec of the field:
 *
 *	positions  per occurrence: (gap << 1 | 1), position   in a new document
 *	                           (position delta << 1)      in the same one
 *	freqs      per document:   (gap << 1 | (freq == 1)), [freq - 2]
 *	docs       per document:   gap
 *
 * where gap is the document less the one before (the first: itself). The
 * inverter also sums up the content sum of the field's postings
 * (docs/format.md section 4). A failure leaves a broken inverter: it may only
 * be released. Belongs to one thread.
 */
#ifndef IX_SEGMENT_INVERT_H
#define IX_SEGMENT_INVERT_H

#include "core/base/hash.h"
#include "core/format/layout.h"
#include "core/segment/pool.h"

/* A term. Private to invert.c and term_walk.c. */
struct ix_entry {
	uint8_t *next;     /* where its stream goes on; in the last slice */
	uint8_t *end;      /* end of the last slice */
	uint32_t last_doc; /* the last document added */
	uint32_t last;     /* positions: the last one; freqs: occurrences in
			      last_doc so far */
	uint32_t df;       /* documents */
	uint32_t slice;    /* the first slice, 0 = all is in the entry */
	uint16_t len;      /* of the term, bytes */
	uint8_t level;     /* of the last slice, 0 = inside the entry */
	char term[];       /* then the room of level 0, up to the piece's end */
};

/* A slice: the reference of the next one, then bytes. */
#define IX_SLICE_LINK  4u
#define IX_SLICE_LEVEL 11u /* highest level: slices of 16 KiB */

/* Bytes of a slice of a level from 1 on, with its link. */
static inline size_t ix_slice_size(unsigned level)
{
	return (size_t)8 << level;
}

/* An occurrence that waits until its entry is in the cache. */
#define IX_INVERTER_WINDOW 16u
#define IX_INVERTER_INLINE 52u /* longer terms do not wait */

struct ix_inverter_wait {
	uint64_t hash;
	uint32_t position;
	uint32_t len;
	char term[IX_INVERTER_INLINE];
};

/* Bytes of a term's entry, with the room of level 0. */
size_t ix_entry_size(size_t term_len);

struct ix_inverter {
	struct ix_pool *pool; /* borrowed */
	enum ix_postings_codec codec;
	uint64_t name_hash;  /* of the field */
	uint64_t *slots;     /* owned; upper half: hash, lower: entry or 0 */
	unsigned slot_bits;  /* log2 of their number; 0 = none yet */
	uint32_t term_count; /* entries */
	uint32_t doc;        /* being added */
	uint64_t tie;        /* of `doc` */
	struct ix_u128 sum;  /* content sum of all postings */
	struct ix_inverter_wait waiting[IX_INVERTER_WINDOW];
	unsigned waiting_count;
	/* freqs: the terms of `doc`. Owned. */
	struct ix_inverter_term *touched;
	size_t touched_count, touched_cap;
};

/* `pool` is borrowed until the release; it may serve several inverters. */
void ix_inverter_init(struct ix_inverter *inv, struct ix_pool *pool,
		      enum ix_postings_codec codec, uint64_t name_hash);
void ix_inverter_release(struct ix_inverter *inv); /* idempotent */

/* Forget all terms; to be called when the pool is reset. */
void ix_inverter_reset(struct ix_inverter *inv);

/* Begin a document above all before. */
void ix_inverter_begin_doc(struct ix_inverter *inv, uint32_t doc, uint64_t tie);

/* An occurrence of a term of 1 .. IX_TERM_MAX_BYTES bytes (copied) in the
 * document. The positions of a term ascend; docs and freqs ignore them. 0,
 * -ENOMEM, -IX_ELIMIT. */
int ix_inverter_add(struct ix_inverter *inv, const char *term, size_t len,
		    uint32_t position);

/* The document is complete. 0, -ENOMEM, -IX_ELIMIT. */
int ix_inverter_end_doc(struct ix_inverter *inv);

/* Bytes held besides the pool, and needed to sort the terms in the end.
 * Depends on what was added alone. */
uint64_t ix_inverter_memory(const struct ix_inverter *inv);

#endif
