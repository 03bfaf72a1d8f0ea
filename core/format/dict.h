/* SPDX-License-Identifier: MIT */
/*
 * dict: headers and dictionary entries of term blocks (docs/format.md 6).
 * Below terms; used by its readers and by merges.
 */
#ifndef IX_FORMAT_DICT_H
#define IX_FORMAT_DICT_H

#include <stddef.h>
#include <stdint.h>

#include "core/format/terms.h"

#define IX_BLOCK_LARGE 1u /* flag: one term, payload up to the next block */

/* The most bytes that a valid entry can take, and the dictionary of a block.
 * A header that states more is refused before anything is read. */
#define IX_DICT_ENTRY_MAX (IX_TERM_MAX_BYTES + 40u)
#define IX_DICT_MAX       (IX_BLOCK_TERMS * IX_DICT_ENTRY_MAX)

struct ix_block {
	uint32_t dict_len;
	uint32_t payload_len; /* 0 when large */
	uint32_t terms;
	int large;
};

/* Decode and check a header. 0 or -IX_ECORRUPT with a text. */
int ix_block_decode(const uint8_t p[IX_BLOCK_HEADER], struct ix_block *b);

struct ix_dict_entry {
	uint32_t shared; /* bytes in common with the term before */
	uint32_t suffix_len;
	const uint8_t *suffix;
	struct ix_term_info info; /* payload_len 0 in a large block */
};

/*
 * Decode the entry at `*pp` and move on. `last_len` is the length of the term
 * before in this block, 0 for the first. Checks everything but the order of
 * suffixes (ix_dict_apply): lengths, df in 1..doc_count, ttf, and a payload
 * length of 1..payload_left (of a large block: 0, form long). 0 or
 * -IX_ECORRUPT with a text.
 */
int ix_dict_decode(const uint8_t **pp, const uint8_t *end,
		   enum ix_postings_codec codec, uint32_t doc_count,
		   uint32_t last_len, uint32_t payload_left, int large,
		   struct ix_dict_entry *e);

/* Make `term` (room for IX_TERM_MAX_BYTES), which holds the term before, the
 * term of `e`. -1 when it does not come behind it in order. */
int ix_dict_apply(const struct ix_dict_entry *e, uint8_t *term, uint32_t *lenp);

/* The first 8 bytes of a term as a number that compares like them; shorter
 * ones are padded with zeros. */
static inline uint64_t ix_term_prefix(const uint8_t *term, size_t len)
{
	uint64_t v = 0;

	if (len >= 8) {
		__builtin_memcpy(&v, term, 8);
		return __builtin_bswap64(v);
	}
	for (size_t i = 0; i < len; i++)
		v |= (uint64_t)term[i] << (56 - 8 * i);
	return v;
}

/* <0, 0, >0: bytes unsigned, shorter first. */
static inline int ix_term_compare(const uint8_t *a, size_t a_len,
				  const uint8_t *b, size_t b_len)
{
	int c = __builtin_memcmp(a, b, a_len < b_len ? a_len : b_len);

	return c ? c : (a_len > b_len) - (a_len < b_len);
}

#endif
