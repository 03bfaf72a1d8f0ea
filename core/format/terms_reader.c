/* SPDX-License-Identifier: MIT */
#include "core/format/terms.h"

#include <string.h>

#include "core/base/codec.h"
#include "core/base/err.h"
#include "core/format/dict.h"

#define INDEX_HEADER 32u

static int damaged(const char *what)
{
	return ix_fail(-IX_ECORRUPT, "terms: wrong %s", what);
}

int ix_terms_open(struct ix_terms *t, const uint8_t *postings,
		  uint64_t postings_len, const uint8_t *index,
		  uint64_t index_len, enum ix_postings_codec codec,
		  uint32_t doc_count)
{
	const uint8_t *offsets;

	memset(t, 0, sizeof(*t));
	if (index_len < INDEX_HEADER + 8)
		return damaged("length of the term index");
	t->postings = postings;
	t->postings_len = postings_len;
	t->index = index;
	t->index_len = index_len;
	t->codec = codec;
	t->doc_count = doc_count;
	t->block_count = ix_get64(index);
	t->term_count = ix_get64(index + 8);
	t->sum_df = ix_get64(index + 16);
	t->sum_ttf = ix_get64(index + 24);
	if (t->block_count < 1 ||
	    t->block_count != (index_len - INDEX_HEADER - 8) / 16 ||
	    (index_len - INDEX_HEADER - 8) % 16)
		return damaged("length of the term index");
	if (t->term_count < t->block_count ||
	    t->term_count / IX_BLOCK_TERMS > t->block_count ||
	    t->sum_df < t->term_count || t->sum_ttf < t->sum_df ||
	    (codec == IX_POSTINGS_DOCS && t->sum_ttf != t->sum_df))
		return damaged("totals of the term index");
	offsets = index + INDEX_HEADER + 8 * t->block_count;
	if (ix_get64(offsets) != 0 ||
	    ix_get64(offsets + 8 * t->block_count) != postings_len)
		return damaged("offsets of the term index");
	return 0;
}

/* ---- blocks ---- */

static uint64_t block_prefix(const struct ix_terms *t, uint64_t block)
{
	return ix_get64(t->index + INDEX_HEADER + 8 * block);
}

/* An open block: its dictionary and payloads. */
struct view {
	struct ix_block header;
	const uint8_t *dict;
	const uint8_t *dict_end;
	const uint8_t *payload;
	const uint8_t *payload_end;
};

static int open_block(const struct ix_terms *t, uint64_t block, struct view *v)
{
	const uint8_t *offsets = t->index + INDEX_HEADER + 8 * t->block_count;
	uint64_t offset = ix_get64(offsets + 8 * block);
	uint64_t end = ix_get64(offsets + 8 * (block + 1));
	uint64_t len = end - offset;
	int rc;

	if (end > t->postings_len || offset > end || len < IX_BLOCK_HEADER)
		return damaged("offset of a block");
	rc = ix_block_decode(t->postings + offset, &v->header);
	if (rc)
		return rc;
	len -= IX_BLOCK_HEADER;
	if (v->header.dict_len > len ||
	    (!v->header.large &&
	     v->header.dict_len + (uint64_t)v->header.payload_len != len))
		return damaged("length of a block");
	v->dict = t->postings + offset + IX_BLOCK_HEADER;
	v->dict_end = v->dict + v->header.dict_len;
	v->payload = v->dict_end;
	v->payload_end = t->postings + end;
	if (v->header.large && v->payload == v->payload_end)
		return damaged("length of a block");
	return 0;
}

/* ---- finding ---- */

/* Compare the first term of a block with a term. */
static int compare_first(const struct ix_terms *t, uint64_t block,
			 const uint8_t *term, size_t len, int *resultp)
{
	struct ix_dict_entry e;
	struct view v;
	const uint8_t *p;
	int rc = open_block(t, block, &v);

	if (rc)
		return rc;
	p = v.dict;
	rc = ix_dict_decode(&p, v.dict_end, t->codec, t->doc_count, 0,
			    v.header.payload_len, v.header.large, &e);
	if (!rc)
		*resultp = ix_term_compare(e.suffix, e.suffix_len, term, len);
	return rc;
}

/* The last block whose first term is not above `term`: 1, 0 if there is none.
 * The prefixes decide, but among blocks with the very prefix of the term the
 * first terms themselves must. */
static int find_block(const struct ix_terms *t, const uint8_t *term, size_t len,
		      uint64_t *blockp)
{
	uint64_t prefix = ix_term_prefix(term, len);
	uint64_t low = 0;               /* blocks below are not above it */
	uint64_t high = t->block_count; /* blocks from here on are */

	while (low < high) {
		uint64_t mid = low + (high - low) / 2;
		uint64_t have = block_prefix(t, mid);
		int above = have > prefix;

		if (have == prefix) {
			int c;
			int rc = compare_first(t, mid, term, len, &c);

			if (rc)
				return rc;
			above = c > 0;
		}
		if (above)
			high = mid;
		else
			low = mid + 1;
	}
	*blockp = low ? low - 1 : 0;
	return low > 0;
}

/* Bytes that `a` and `b` begin with in common. */
static uint32_t common(const uint8_t *a, size_t a_len, const uint8_t *b,
		       size_t b_len)
{
	size_t n = a_len < b_len ? a_len : b_len;
	size_t i = 0;

	while (i < n && a[i] == b[i])
		i++;
	return (uint32_t)i;
}

static int find_in_block(const struct ix_terms *t, const struct view *v,
			 const uint8_t *term, size_t len,
			 struct ix_term_info *info, const uint8_t **payloadp)
{
	const uint8_t *p = v->dict;
	const uint8_t *payload = v->payload;
	uint32_t last_len = 0;
	uint32_t matched =
		0; /* bytes the entry before has in common with term */

	for (uint32_t i = 0; i < v->header.terms; i++) {
		uint32_t left = v->header.large
					? 0
					: (uint32_t)(v->payload_end - payload);
		struct ix_dict_entry e;
		int rc = ix_dict_decode(&p, v->dict_end, t->codec, t->doc_count,
					last_len, left, v->header.large, &e);

		if (rc)
			return rc;
		last_len = e.shared + e.suffix_len;
		/* The entry before is below the term and agrees with it in
		 * `matched` bytes. An entry that shares more with it is below
		 * the term as well; one that shares less is above. */
		if (e.shared < matched)
			return 0;
		if (e.shared == matched) {
			uint32_t n = common(e.suffix, e.suffix_len,
					    term + matched, len - matched);
			int ends = n == e.suffix_len;

			if (ends && matched + n == len) {
				*info = e.info;
				if (v->header.large)
					info->payload_len =
						(uint64_t)(v->payload_end -
							   payload);
				*payloadp = payload;
				return 1;
			}
			if (!ends && (matched + n == len ||
				      e.suffix[n] > term[matched + n]))
				return 0;
			matched += n;
		}
		payload += e.info.payload_len;
	}
	return 0;
}

int ix_terms_find(const struct ix_terms *t, const uint8_t *term, size_t len,
		  struct ix_term_info *info, const uint8_t **payloadp)
{
	struct view v;
	uint64_t block = 0;
	int rc;

	*payloadp = NULL;
	memset(info, 0, sizeof(*info));
	if (len < 1 || len > IX_TERM_MAX_BYTES)
		return 0;
	rc = find_block(t, term, len, &block);
	if (rc <= 0)
		return rc;
	rc = open_block(t, block, &v);
	if (rc)
		return rc;
	return find_in_block(t, &v, term, len, info, payloadp);
}

/* ---- walking ---- */

void ix_terms_cursor_init(struct ix_terms_cursor *c, const struct ix_terms *t)
{
	memset(c, 0, offsetof(struct ix_terms_cursor, term));
	c->terms = t;
}

static int cursor_open(struct ix_terms_cursor *c)
{
	struct view v;
	int rc;

	if (c->dict != c->dict_end ||
	    (!c->large && c->payload != c->payload_end))
		return damaged("length of a block");
	rc = open_block(c->terms, c->block, &v);
	if (rc)
		return rc;
	c->block++;
	c->left = v.header.terms;
	c->large = (uint8_t)v.header.large;
	c->dict = v.dict;
	c->dict_end = v.dict_end;
	c->payload = v.payload;
	c->payload_end = v.payload_end;
	return 0;
}

/* The first entry of a block: it shares nothing in the block, but must follow
 * the term before, and be what the index says. */
static int apply_first(struct ix_terms_cursor *c, const struct ix_dict_entry *e)
{
	if (c->term_len && ix_term_compare(e->suffix, e->suffix_len, c->term,
					   c->term_len) <= 0)
		return damaged("order of terms");
	if (ix_term_prefix(e->suffix, e->suffix_len) !=
	    block_prefix(c->terms, c->block - 1))
		return damaged("prefix in the term index");
	memcpy(c->term, e->suffix, e->suffix_len);
	c->term_len = e->suffix_len;
	return 0;
}

int ix_terms_cursor_next(struct ix_terms_cursor *c, struct ix_term_info *info,
			 const uint8_t **payloadp)
{
	const struct ix_terms *t = c->terms;
	struct ix_dict_entry e;
	uint32_t left;
	int first = 0;
	int rc;

	*payloadp = NULL;
	if (!c->left) {
		if (c->block == t->block_count)
			return c->dict == c->dict_end &&
					       (c->large ||
						c->payload == c->payload_end)
				       ? 0
				       : damaged("length of a block");
		rc = cursor_open(c);
		if (rc)
			return rc;
		first = 1;
	}
	left = c->large ? 0 : (uint32_t)(c->payload_end - c->payload);
	rc = ix_dict_decode(&c->dict, c->dict_end, t->codec, t->doc_count,
			    first ? 0 : c->term_len, left, c->large, &e);
	if (rc)
		return rc;
	if (first)
		rc = apply_first(c, &e);
	else if (ix_dict_apply(&e, c->term, &c->term_len))
		rc = damaged("order of terms");
	if (rc)
		return rc;
	*info = e.info;
	if (c->large)
		info->payload_len = (uint64_t)(c->payload_end - c->payload);
	*payloadp = c->payload;
	c->payload += info->payload_len;
	c->left--;
	return 1;
}
