/* SPDX-License-Identifier: MIT */
#include "core/format/terms.h"

#include <assert.h>
#include <string.h>

#include "core/base/codec.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/format/dict.h"

struct ix_terms_writer {
	enum ix_postings_codec codec;
	struct ix_terms_out out;
	int error; /* sticky */

	/* The open block. */
	uint32_t block_terms;
	struct ix_buf dict;
	struct ix_buf payloads;
	int in_large;

	uint32_t last_len; /* the last term */
	uint8_t last[IX_TERM_MAX_BYTES];

	/* The index so far. */
	struct ix_buf prefixes;
	struct ix_buf offsets;
	uint64_t offset; /* bytes written */
	uint64_t term_count;
	uint64_t sum_df;
	uint64_t sum_ttf;
};

int ix_terms_writer_new(enum ix_postings_codec codec, struct ix_terms_out out,
			struct ix_terms_writer **wp)
{
	struct ix_terms_writer *w = ix_calloc(1, sizeof(*w));

	*wp = NULL;
	if (!w)
		return -ENOMEM;
	w->codec = codec;
	w->out = out;
	*wp = w;
	return 0;
}

void ix_terms_writer_free(struct ix_terms_writer *w)
{
	if (!w)
		return;
	ix_buf_release(&w->dict);
	ix_buf_release(&w->payloads);
	ix_buf_release(&w->prefixes);
	ix_buf_release(&w->offsets);
	ix_free(w);
}

static void put(struct ix_terms_writer *w, const void *data, size_t n)
{
	if (n)
		w->out.write(w->out.ctx, data, n);
	w->offset += n;
}

static int writer_failed(struct ix_terms_writer *w)
{
	if (!w->error)
		w->error = w->dict.error;
	if (!w->error)
		w->error = w->payloads.error;
	return w->error != 0;
}

static void flush_block(struct ix_terms_writer *w, unsigned flags)
{
	uint8_t header[IX_BLOCK_HEADER] = { 0 };

	if (!w->block_terms || writer_failed(w))
		return;
	ix_put32(header, (uint32_t)w->dict.len);
	ix_put32(header + 4, (uint32_t)w->payloads.len);
	ix_put16(header + 8, (uint16_t)w->block_terms);
	ix_put16(header + 10, (uint16_t)flags);
	put(w, header, sizeof(header));
	put(w, w->dict.data, w->dict.len);
	put(w, w->payloads.data, w->payloads.len);
	w->block_terms = 0;
	ix_buf_clear(&w->dict);
	ix_buf_clear(&w->payloads);
}

static size_t shared_prefix(const uint8_t *a, size_t a_len, const uint8_t *b,
			    size_t b_len)
{
	size_t n = a_len < b_len ? a_len : b_len;
	size_t i = 0;

	for (; i + 8 <= n; i += 8) {
		uint64_t diff = ix_get64(a + i) ^ ix_get64(b + i);

		if (diff)
			return i + (size_t)__builtin_ctzll(diff) / 8;
	}
	while (i < n && a[i] == b[i])
		i++;
	return i;
}

/* Check a term against the one before; its length in common, or -1. */
static int follow(struct ix_terms_writer *w, const uint8_t *term, size_t len,
		  size_t *sharedp)
{
	size_t shared = shared_prefix(w->last, w->last_len, term, len);

	if (len < 1 || len > IX_TERM_MAX_BYTES || shared == len ||
	    (shared < w->last_len && term[shared] < w->last[shared])) {
		w->error = ix_fail(-EINVAL,
				   "terms: a term of %zu bytes is too long or "
				   "not above the one before",
				   len);
		return -1;
	}
	*sharedp = shared;
	return 0;
}

static void add_entry(struct ix_terms_writer *w, const uint8_t *term,
		      size_t len, size_t shared,
		      const struct ix_term_info *info)
{
	uint8_t *start;
	uint8_t *p;

	if (!w->block_terms) {
		shared = 0;
		ix_buf_add_u64(&w->prefixes, ix_term_prefix(term, len));
		ix_buf_add_u64(&w->offsets, w->offset);
	}
	if (ix_buf_reserve(&w->dict, len + 5 * IX_VARINT64_MAX))
		return;
	start = p = w->dict.data + w->dict.len;
	p = ix_put_varint(p, shared);
	p = ix_put_varint(p, len - shared);
	memcpy(p, term + shared, len - shared);
	p += len - shared;
	p = ix_put_varint(p, info->df);
	if (w->codec != IX_POSTINGS_DOCS)
		p = ix_put_varint(p, info->ttf - info->df);
	p = ix_put_varint(p, info->payload_len << 1 | (info->is_long != 0));
	w->dict.len += (size_t)(p - start);
	w->block_terms++;

	memcpy(w->last + shared, term + shared, len - shared);
	w->last_len = (uint32_t)len;
	w->term_count++;
	if (__builtin_add_overflow(w->sum_df, info->df, &w->sum_df) ||
	    __builtin_add_overflow(w->sum_ttf, info->ttf, &w->sum_ttf))
		w->error = ix_fail(-IX_ELIMIT, "terms: too many occurrences");
}

uint8_t *ix_terms_reserve(struct ix_terms_writer *w, size_t n)
{
	if (writer_failed(w) || ix_buf_reserve(&w->payloads, n))
		return NULL;
	return w->payloads.data + w->payloads.len;
}

static void add_payload(struct ix_terms_writer *w, const uint8_t *payload,
			size_t n)
{
	/* It may have been made in this buffer, where an end of a block may
	 * have left a gap before it. */
	if (ix_buf_reserve(&w->payloads, n))
		return;
	if (payload != w->payloads.data + w->payloads.len)
		memmove(w->payloads.data + w->payloads.len, payload, n);
	w->payloads.len += n;
}

void ix_terms_add(struct ix_terms_writer *w, const uint8_t *term, size_t len,
		  const struct ix_term_info *info, const uint8_t *payload)
{
	size_t shared;

	if (info->payload_len > IX_BLOCK_PAYLOAD) {
		ix_terms_begin_large(w, term, len, info->df, info->ttf);
		ix_terms_write_large(w, payload, (size_t)info->payload_len);
		ix_terms_end_large(w);
		return;
	}
	assert(!w->in_large);
	if (writer_failed(w) || follow(w, term, len, &shared))
		return;
	if (w->block_terms == IX_BLOCK_TERMS ||
	    w->payloads.len + info->payload_len > IX_BLOCK_PAYLOAD)
		flush_block(w, 0);
	add_entry(w, term, len, shared, info);
	add_payload(w, payload, (size_t)info->payload_len);
}

void ix_terms_begin_large(struct ix_terms_writer *w, const uint8_t *term,
			  size_t len, uint32_t df, uint64_t ttf)
{
	struct ix_term_info info = { .df = df, .ttf = ttf, .is_long = 1 };
	size_t shared;

	assert(!w->in_large);
	if (writer_failed(w) || follow(w, term, len, &shared))
		return;
	flush_block(w, 0);
	add_entry(w, term, len, shared, &info);
	flush_block(w, IX_BLOCK_LARGE);
	w->in_large = 1;
}

void ix_terms_write_large(struct ix_terms_writer *w, const void *data, size_t n)
{
	if (!writer_failed(w))
		put(w, data, n);
}

void ix_terms_end_large(struct ix_terms_writer *w)
{
	w->in_large = 0;
}

int ix_terms_finish(struct ix_terms_writer *w, struct ix_buf *index,
		    uint64_t *term_countp)
{
	assert(!w->in_large);
	*term_countp = 0;
	flush_block(w, 0);
	if (writer_failed(w))
		return w->error;
	if (w->prefixes.error || w->offsets.error)
		return w->error = -ENOMEM;
	if (!w->term_count)
		return 0;
	ix_buf_add_u64(index, w->prefixes.len / 8);
	ix_buf_add_u64(index, w->term_count);
	ix_buf_add_u64(index, w->sum_df);
	ix_buf_add_u64(index, w->sum_ttf);
	ix_buf_add(index, w->prefixes.data, w->prefixes.len);
	ix_buf_add(index, w->offsets.data, w->offsets.len);
	ix_buf_add_u64(index, w->offset);
	*term_countp = w->term_count;
	return index->error;
}
