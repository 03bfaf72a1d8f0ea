/* SPDX-License-Identifier: MIT */
#include "core/format/merge_cursor.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"

static int damaged(const char *what)
{
	return ix_fail(-IX_ECORRUPT, "terms: wrong %s", what);
}

int ix_merge_cursor_init(struct ix_merge_cursor *c,
			 const struct ix_field_source *source,
			 enum ix_postings_codec codec)
{
	memset(c, 0, sizeof(*c));
	c->source = source;
	c->codec = codec;
	c->dict = ix_malloc(IX_DICT_MAX);
	if (!c->dict)
		return -ENOMEM;
	c->entry = c->dict_end = c->dict;
	return 0;
}

void ix_merge_cursor_release(struct ix_merge_cursor *c)
{
	ix_free(c->dict);
	c->dict = NULL;
}

/* Bytes of the extent that have not been read. */
static uint64_t extent_left(const struct ix_merge_cursor *c)
{
	if (!c->source->postings)
		return 0;
	return c->source->postings_len - ix_source_tell(c->source->postings);
}

/* View `n` bytes of the source, which must have them. */
static int source_view(struct ix_merge_cursor *c, size_t n, const uint8_t **pp)
{
	size_t got;
	int rc;

	if (n > extent_left(c))
		return damaged("length of a block");
	rc = ix_source_peek(c->source->postings, n, pp, &got);
	if (!rc && got < n)
		rc = damaged("length of the extent");
	return rc;
}

/* ---- blocks ---- */

static int close_block(struct ix_merge_cursor *c)
{
	if (c->entry != c->dict_end || c->payload != c->payload_end)
		return damaged("length of a block");
	/* Its payloads were only looked at. */
	if (c->block.payload_len)
		ix_source_skip(c->source->postings, c->block.payload_len);
	c->block.payload_len = 0;
	return 0;
}

static int open_block(struct ix_merge_cursor *c)
{
	const uint8_t *p;
	int rc;

	rc = source_view(c, IX_BLOCK_HEADER, &p);
	if (!rc)
		rc = ix_block_decode(p, &c->block);
	if (rc)
		return rc;
	ix_source_skip(c->source->postings, IX_BLOCK_HEADER);
	if (c->block.dict_len + (uint64_t)c->block.payload_len > extent_left(c))
		return damaged("length of a block");
	rc = ix_source_read(c->source->postings, c->dict, c->block.dict_len);
	if (rc)
		return rc;
	c->entry = c->dict;
	c->dict_end = c->dict + c->block.dict_len;
	c->terms_left = c->block.terms;
	c->payload = c->payload_end = NULL;
	if (c->block.payload_len) {
		rc = source_view(c, c->block.payload_len, &c->payload);
		if (rc)
			return rc;
		c->payload_end = c->payload + c->block.payload_len;
	}
	return 0;
}

/* ---- terms ---- */

/* The first entry of a block states its whole term, which must follow the last
 * one of the block before. */
static int apply_first(struct ix_merge_cursor *c, const struct ix_dict_entry *e)
{
	if (c->term_len && ix_term_compare(e->suffix, e->suffix_len, c->term,
					   c->term_len) <= 0)
		return -1;
	memcpy(c->term, e->suffix, e->suffix_len);
	c->term_len = e->suffix_len;
	return 0;
}

int ix_merge_cursor_next(struct ix_merge_cursor *c)
{
	struct ix_dict_entry e;
	int first = !c->terms_left;
	int rc;

	if (first) {
		rc = close_block(c);
		if (rc)
			return rc;
		if (!extent_left(c)) {
			c->done = 1;
			return 0;
		}
		rc = open_block(c);
		if (rc)
			return rc;
	}
	rc = ix_dict_decode(&c->entry, c->dict_end, c->codec,
			    c->source->doc_count, first ? 0 : c->term_len,
			    (uint32_t)(c->payload_end - c->payload),
			    c->block.large, &e);
	if (rc)
		return rc;
	if (first ? apply_first(c, &e)
		  : ix_dict_apply(&e, c->term, &c->term_len))
		return damaged("order of terms");
	c->info = e.info;
	c->p = c->payload;
	c->streamed = c->block.large;
	if (!c->streamed)
		c->payload += e.info.payload_len;
	c->end = c->payload;
	c->terms_left--;
	return 1;
}

/* ---- the payload ---- */

uint64_t ix_payload_left(const struct ix_merge_cursor *c)
{
	return c->streamed ? extent_left(c) : (uint64_t)(c->end - c->p);
}

int ix_payload_view(struct ix_merge_cursor *c, size_t n, const uint8_t **pp)
{
	if (n > ix_payload_left(c))
		return ix_fail(-IX_ECORRUPT, "postings: list is cut off");
	if (c->streamed)
		return source_view(c, n, pp);
	*pp = c->p;
	return 0;
}

void ix_payload_skip(struct ix_merge_cursor *c, size_t n)
{
	if (c->streamed)
		ix_source_skip(c->source->postings, n);
	else
		c->p += n;
}

int ix_payload_copy(struct ix_merge_cursor *c, uint64_t n,
		    void (*write)(void *ctx, const void *data, size_t n),
		    void *ctx)
{
	if (n > ix_payload_left(c))
		return ix_fail(-IX_ECORRUPT, "postings: list is cut off");
	while (n > 0) {
		size_t part =
			n < IX_SOURCE_PEEK_MAX ? (size_t)n : IX_SOURCE_PEEK_MAX;
		const uint8_t *p;
		int rc = ix_payload_view(c, part, &p);

		if (rc)
			return rc;
		write(ctx, p, part);
		ix_payload_skip(c, part);
		n -= part;
	}
	return 0;
}
