/* SPDX-License-Identifier: MIT */
/*
 * terms: blocks of the postings extent and the term index of one field
 * (docs/format.md sections 6 and 7).
 */
#ifndef IX_FORMAT_TERMS_H
#define IX_FORMAT_TERMS_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/format/postings.h"

#define IX_BLOCK_TERMS   64u
#define IX_BLOCK_PAYLOAD 65536u
#define IX_BLOCK_HEADER  16u

/* Where a terms writer puts the postings extent; errors are sticky there. */
struct ix_terms_out {
	void (*write)(void *ctx, const void *data, size_t n);
	void *ctx;
};

struct ix_terms_writer;

int ix_terms_writer_new(enum ix_postings_codec codec, struct ix_terms_out out,
			struct ix_terms_writer **wp);
void ix_terms_writer_free(struct ix_terms_writer *w);

/* Append a term with a finished payload (>= 1 byte, any length); terms ascend
 * strictly and have 1..IX_TERM_MAX_BYTES bytes, else -EINVAL sticks. */
void ix_terms_add(struct ix_terms_writer *w, const uint8_t *term, size_t len,
		  const struct ix_term_info *info, const uint8_t *payload);

/* Room for `n` bytes where a payload can be made without a copy: given to
 * ix_terms_add as it is, it stays there. Good until the next call; NULL once
 * the writer failed. */
uint8_t *ix_terms_reserve(struct ix_terms_writer *w, size_t n);

/* A term whose payload is streamed (always long form; meant for lengths above
 * IX_BLOCK_PAYLOAD): begin, any number of writes, end. */
void ix_terms_begin_large(struct ix_terms_writer *w, const uint8_t *term,
			  size_t len, uint32_t df, uint64_t ttf);
void ix_terms_write_large(struct ix_terms_writer *w, const void *data,
			  size_t n);
void ix_terms_end_large(struct ix_terms_writer *w);

/* Flush the last block and append the whole term index to `index`. 0, the
 * sticky error, or -IX_ELIMIT. `*term_countp` = terms written; without any,
 * nothing is appended: neither of the two parts should exist. */
int ix_terms_finish(struct ix_terms_writer *w, struct ix_buf *index,
		    uint64_t *term_countp);

/* ---- reading from memory ---- */

/* The dictionary of one field: views, nothing is loaded at open. Any number of
 * threads may use one. */
struct ix_terms {
	const uint8_t *postings;
	uint64_t postings_len;
	const uint8_t *index;
	uint64_t index_len;
	enum ix_postings_codec codec;
	uint32_t doc_count; /* of the segment */
	uint64_t block_count;
	uint64_t term_count;
	uint64_t sum_df;
	uint64_t sum_ttf;
};

/* Check the index's header and bounds and fill the struct. 0, -IX_ECORRUPT. */
int ix_terms_open(struct ix_terms *t, const uint8_t *postings,
		  uint64_t postings_len, const uint8_t *index,
		  uint64_t index_len, enum ix_postings_codec codec,
		  uint32_t doc_count);

/* Find a term: 1 with its data and payload view, 0 if absent, negative for
 * damage. */
int ix_terms_find(const struct ix_terms *t, const uint8_t *term, size_t len,
		  struct ix_term_info *info, const uint8_t **payloadp);

/* Walk all terms in order. */
struct ix_terms_cursor {
	const struct ix_terms *terms; /* borrowed */
	uint64_t block;               /* next block to open */
	uint32_t left;                /* terms left in the open block */
	const uint8_t *dict;          /* next entry */
	const uint8_t *dict_end;
	const uint8_t *payload; /* of the next term */
	const uint8_t *payload_end;
	uint8_t large;
	uint32_t term_len;
	uint8_t term[IX_TERM_MAX_BYTES]; /* current term */
};
void ix_terms_cursor_init(struct ix_terms_cursor *c, const struct ix_terms *t);
/* 1 with c->term, c->term_len and the payload view; 0; negative for damage
 * (order, bounds, counts are all checked). */
int ix_terms_cursor_next(struct ix_terms_cursor *c, struct ix_term_info *info,
			 const uint8_t **payloadp);

#endif
