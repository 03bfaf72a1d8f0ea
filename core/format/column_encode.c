/* SPDX-License-Identifier: MIT */
/*
 * Encoding a column from what its writer collected. Which codec wins, and every
 * byte, depend on the values alone.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/format/column_frame.h"
#include "core/format/column_writer.h"

static void put_header(const struct ix_column_writer *w, uint32_t flags,
		       uint32_t dict_count, struct ix_buf *out)
{
	ix_buf_add_u32(out, w->doc_count);
	ix_buf_add_u32(out, w->value_count);
	ix_buf_add_u32(out, flags);
	ix_buf_add_u32(out, dict_count);
	ix_buf_add_zeros(out, 16);
}

/* Pieces are aligned relative to the start of the extent. */
static void pad(struct ix_buf *out, size_t begin)
{
	ix_buf_add_zeros(out, -(out->len - begin) & 7);
}

static uint32_t choose_flags(const struct ix_column_writer *w)
{
	uint32_t flags = 0, before = 0;

	for (uint32_t d = 0; d < w->doc_count; d++) {
		uint32_t n = w->ends[d] - before;

		if (n > 1)
			return COLUMN_HAS_STARTS;
		if (!n)
			flags = COLUMN_HAS_ABSENT;
		before = w->ends[d];
	}
	return flags;
}

static void put_documents(const struct ix_column_writer *w, uint32_t flags,
			  struct ix_buf *out)
{
	uint32_t before = 0;
	uint8_t *p;

	if (flags & COLUMN_HAS_STARTS) {
		ix_buf_add_u32(out, 0);
		ix_buf_add(out, w->ends, (size_t)w->doc_count * 4);
	} else if (flags & COLUMN_HAS_ABSENT) {
		size_t bytes = ((size_t)w->doc_count + 7) / 8;

		p = ix_buf_extend(out, bytes);
		if (!p)
			return;
		memset(p, 0, bytes);
		for (uint32_t d = 0; d < w->doc_count; d++) {
			if (w->ends[d] != before)
				p[d / 8] |= (uint8_t)(1u << d % 8);
			before = w->ends[d];
		}
	}
}

static unsigned bits_of(uint64_t v)
{
	return v ? 64 - (unsigned)__builtin_clzll(v) : 0;
}

static void pack(const uint64_t *values, uint32_t n, uint64_t base,
		 unsigned width, uint8_t *out)
{
	memset(out, 0, column_frame_bytes(n, width));
	for (uint32_t i = 0; i < n && width; i++) {
		uint64_t bit = (uint64_t)i * width;
		unsigned shift = (unsigned)(bit % 64);
		uint8_t *p = out + bit / 64 * 8;
		uint64_t v = values[i] - base;

		ix_put64(p, ix_get64(p) | v << shift);
		if (shift && shift + width > 64)
			ix_put64(p + 8, v >> (64 - shift));
	}
}

/* Value `i`: a number, or an ordinal through `rank`. */
static uint64_t value_at(const struct ix_column_writer *w, const uint32_t *rank,
			 uint32_t i)
{
	return rank ? rank[w->ids[i]] : w->numbers[i];
}

struct frame {
	uint64_t values[IX_COLUMN_FRAME];
	uint64_t low, high;
	uint32_t n;
};

static void load_frame(const struct ix_column_writer *w, const uint32_t *rank,
		       uint32_t number, struct frame *f)
{
	uint32_t first = number * IX_COLUMN_FRAME;

	f->n = w->value_count - first;
	if (f->n > IX_COLUMN_FRAME)
		f->n = IX_COLUMN_FRAME;
	f->low = UINT64_MAX;
	f->high = 0;
	for (uint32_t i = 0; i < f->n; i++) {
		uint64_t v = value_at(w, rank, first + i);

		f->values[i] = v;
		f->low = v < f->low ? v : f->low;
		f->high = v > f->high ? v : f->high;
	}
}

/* Bytes of all frames with their directory. */
static uint64_t frames_size(const struct ix_column_writer *w,
			    const uint32_t *rank)
{
	uint32_t frames = column_frame_count(w->value_count);
	uint64_t bytes = (uint64_t)frames * COLUMN_FRAME_ENTRY;
	struct frame f;

	for (uint32_t i = 0; i < frames; i++) {
		load_frame(w, rank, i, &f);
		bytes += column_frame_bytes(f.n, bits_of(f.high - f.low));
	}
	return bytes;
}

static int put_frames(const struct ix_column_writer *w, const uint32_t *rank,
		      struct ix_buf *out)
{
	uint32_t frames = column_frame_count(w->value_count);
	size_t dir = out->len;
	uint64_t at = 0;
	struct frame f;

	ix_buf_add_zeros(out, (size_t)frames * COLUMN_FRAME_ENTRY);
	for (uint32_t i = 0; i < frames; i++) {
		unsigned width;
		uint8_t *p;

		load_frame(w, rank, i, &f);
		width = bits_of(f.high - f.low);
		if (at > UINT32_MAX)
			return ix_fail(-IX_ELIMIT,
				       "column: more than 4 GiB in one extent");
		p = ix_buf_extend(out, column_frame_bytes(f.n, width));
		if (!p)
			return -ENOMEM;
		pack(f.values, f.n, f.low, width, p);
		p = out->data + dir + (size_t)i * COLUMN_FRAME_ENTRY;
		ix_put64(p, f.low);
		ix_put64(p + 8, f.high);
		ix_put32(p + 16, (uint32_t)at);
		p[20] = (uint8_t)width;
		at += column_frame_bytes(f.n, width);
	}
	return ix_buf_error(out);
}

static void put_bytes(const struct ix_column_writer *w, struct ix_buf *out,
		      size_t begin)
{
	uint64_t at = 0;
	size_t n;

	ix_buf_add_u32(out, 0);
	for (uint32_t i = 0; i < w->value_count; i++) {
		column_interned(w, w->ids[i], &n);
		at += n;
		ix_buf_add_u32(out, (uint32_t)at);
	}
	pad(out, begin);
	for (uint32_t i = 0; i < w->value_count; i++) {
		const uint8_t *p = column_interned(w, w->ids[i], &n);

		ix_buf_add(out, p, n);
	}
}

static int compare_interned(const void *pa, const void *pb, void *ctx)
{
	const struct ix_column_writer *w = ctx;
	size_t an, bn, n;
	const uint8_t *a = column_interned(w, *(const uint32_t *)pa, &an);
	const uint8_t *b = column_interned(w, *(const uint32_t *)pb, &bn);
	int c;

	n = an < bn ? an : bn;
	c = memcmp(a, b, n);
	return c ? c : (an > bn) - (an < bn);
}

/* Ids by ascending value, and the ordinal of each id; owned by the caller. */
static int sort_dict(struct ix_column_writer *w, uint32_t **orderp,
		     uint32_t **rankp)
{
	uint32_t n = w->dict_count;

	*orderp = ix_calloc(n, sizeof(**orderp));
	*rankp = ix_calloc(n, sizeof(**rankp));
	if (!*orderp || !*rankp)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		(*orderp)[i] = i;
	qsort_r(*orderp, n, sizeof(**orderp), compare_interned, w);
	for (uint32_t i = 0; i < n; i++)
		(*rankp)[(*orderp)[i]] = i;
	return 0;
}

static void put_dict(const struct ix_column_writer *w, const uint32_t *order,
		     struct ix_buf *out, size_t begin)
{
	uint64_t at = 0;
	size_t n;

	ix_buf_add_u32(out, 0);
	for (uint32_t i = 0; i < w->dict_count; i++) {
		column_interned(w, order[i], &n);
		at += n;
		ix_buf_add_u32(out, (uint32_t)at);
	}
	pad(out, begin);
	for (uint32_t i = 0; i < w->dict_count; i++) {
		const uint8_t *p = column_interned(w, order[i], &n);

		ix_buf_add(out, p, n);
	}
	pad(out, begin);
}

/* The smaller of the two keyword codecs that fit. */
static int choose_codec(const struct ix_column_writer *w, const uint32_t *rank,
			enum ix_column_codec *codecp)
{
	uint64_t plain = ix_align_up(((uint64_t)w->value_count + 1) * 4, 8) +
			 w->value_bytes;
	uint64_t dict = ix_align_up(((uint64_t)w->dict_count + 1) * 4, 8) +
			ix_align_up(w->bytes.len, 8) + frames_size(w, rank);
	int plain_fits = w->value_bytes <= UINT32_MAX;

	if (w->bytes.len > UINT32_MAX)
		return ix_fail(-IX_ELIMIT,
			       "column: more than 4 GiB of values in one "
			       "extent");
	*codecp =
		plain_fits && plain <= dict ? IX_COLUMN_BYTES : IX_COLUMN_DICT;
	return 0;
}

static int finish_keywords(struct ix_column_writer *w, uint32_t flags,
			   struct ix_buf *out, enum ix_column_codec *codecp)
{
	size_t begin = out->len;
	uint32_t *order = NULL, *rank = NULL;
	int rc = sort_dict(w, &order, &rank);

	if (!rc)
		rc = choose_codec(w, rank, codecp);
	if (rc)
		goto out;
	put_header(w, flags, *codecp == IX_COLUMN_DICT ? w->dict_count : 0,
		   out);
	put_documents(w, flags, out);
	pad(out, begin);
	if (*codecp == IX_COLUMN_BYTES) {
		put_bytes(w, out, begin);
	} else {
		put_dict(w, order, out, begin);
		rc = put_frames(w, rank, out);
	}
out:
	ix_free(order);
	ix_free(rank);
	return rc;
}

static int finish_numbers(struct ix_column_writer *w, uint32_t flags,
			  struct ix_buf *out)
{
	size_t begin = out->len;

	put_header(w, flags, 0, out);
	put_documents(w, flags, out);
	pad(out, begin);
	return put_frames(w, NULL, out);
}

static void clear(struct ix_column_writer *w)
{
	w->error = 0;
	w->doc_count = 0;
	w->value_count = 0;
	w->dict_count = 0;
	w->value_bytes = 0;
	ix_buf_clear(&w->bytes);
	if (w->slots)
		memset(w->slots, 0, w->slot_count * sizeof(*w->slots));
}

int ix_column_finish(struct ix_column_writer *w, struct ix_buf *out,
		     enum ix_column_codec *codecp, uint64_t *valuesp)
{
	uint32_t flags = 0;
	int rc = w->error;

	*codecp = IX_COLUMN_U64;
	*valuesp = 0;
	if (!rc && w->value_count != column_doc_start(w))
		rc = ix_fail(-EINVAL, "column: the last document is open");
	if (!rc && w->value_count) {
		flags = choose_flags(w);
		rc = w->is_u64 ? finish_numbers(w, flags, out)
			       : finish_keywords(w, flags, out, codecp);
		if (!rc)
			rc = ix_buf_error(out);
		if (!rc)
			*valuesp = w->value_count;
	}
	clear(w);
	return rc;
}
