/* SPDX-License-Identifier: MIT */
#include "core/format/dict.h"

#include <string.h>

#include "core/base/codec.h"
#include "core/base/err.h"

static int damaged(const char *what)
{
	return ix_fail(-IX_ECORRUPT, "terms: wrong %s", what);
}

int ix_block_decode(const uint8_t p[IX_BLOCK_HEADER], struct ix_block *b)
{
	uint32_t flags = ix_get16(p + 10);

	b->dict_len = ix_get32(p);
	b->payload_len = ix_get32(p + 4);
	b->terms = ix_get16(p + 8);
	b->large = flags == IX_BLOCK_LARGE;
	if (flags > IX_BLOCK_LARGE || ix_get32(p + 12))
		return damaged("flags of a block");
	if (b->terms < 1 || b->terms > IX_BLOCK_TERMS ||
	    (b->large && (b->terms != 1 || b->payload_len)))
		return damaged("number of terms of a block");
	if (b->dict_len > IX_DICT_MAX || b->payload_len > IX_BLOCK_PAYLOAD)
		return damaged("length of a block");
	return 0;
}

int ix_dict_decode(const uint8_t **pp, const uint8_t *end,
		   enum ix_postings_codec codec, uint32_t doc_count,
		   uint32_t last_len, uint32_t payload_left, int large,
		   struct ix_dict_entry *e)
{
	const uint8_t *p = *pp;
	uint64_t more = 0;
	uint64_t payload;

	if (ix_get_varint32(&p, end, &e->shared) ||
	    ix_get_varint32(&p, end, &e->suffix_len))
		return damaged("dictionary entry");
	if (e->shared > last_len || e->suffix_len < 1 ||
	    e->suffix_len > IX_TERM_MAX_BYTES - e->shared ||
	    e->suffix_len > (size_t)(end - p))
		return damaged("length of a term");
	e->suffix = p;
	p += e->suffix_len;
	if (ix_get_varint32(&p, end, &e->info.df) ||
	    (codec != IX_POSTINGS_DOCS && ix_get_varint64(&p, end, &more)) ||
	    ix_get_varint64(&p, end, &payload))
		return damaged("dictionary entry");
	if (e->info.df < 1 || e->info.df > doc_count ||
	    __builtin_add_overflow(more, e->info.df, &e->info.ttf))
		return damaged("document count of a term");
	e->info.is_long = payload & 1;
	e->info.payload_len = payload >> 1;
	if (large ? payload != 1
		  : e->info.payload_len < 1 ||
			    e->info.payload_len > payload_left)
		return damaged("payload length of a term");
	*pp = p;
	return 0;
}

int ix_dict_apply(const struct ix_dict_entry *e, uint8_t *term, uint32_t *lenp)
{
	/* The shared prefix is all that both have in common, so the byte behind
	 * it decides. */
	if (e->shared < *lenp && e->suffix[0] <= term[e->shared])
		return -1;
	memcpy(term + e->shared, e->suffix, e->suffix_len);
	*lenp = e->shared + e->suffix_len;
	return 0;
}
