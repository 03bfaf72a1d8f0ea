/* SPDX-License-Identifier: MIT */
#include "core/format/lengths.h"

#include "core/base/codec.h"
#include "core/base/err.h"

#define HEADER      32u
#define ESCAPE_SIZE 8u

/* ---- writing ---- */

static uint32_t count_at_least(const uint32_t *lengths, uint32_t n,
			       uint32_t bound)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < n; i++)
		count += lengths[i] >= bound;
	return count;
}

static void encode_values(const uint32_t *lengths, uint32_t n, unsigned width,
			  uint8_t *out)
{
	const uint32_t escape = width == 1 ? 0xff : 0xffff;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t v = lengths[i] < escape ? lengths[i] : escape;

		if (width == 1)
			out[i] = (uint8_t)v;
		else
			ix_put16(out + 2 * (size_t)i, (uint16_t)v);
	}
}

int ix_lengths_encode(const uint32_t *lengths, uint32_t n, struct ix_buf *out)
{
	uint32_t escapes = count_at_least(lengths, n, 0xff);
	unsigned width = (uint64_t)escapes * 50 > n ? 2 : 1;
	uint64_t total = 0;
	uint8_t *p;

	if (width == 2)
		escapes = count_at_least(lengths, n, 0xffff);
	for (uint32_t i = 0; i < n; i++)
		total += lengths[i];

	ix_buf_add_u64(out, total);
	ix_buf_add_u64(out, count_at_least(lengths, n, 1));
	ix_buf_add_u32(out, escapes);
	ix_buf_add_u8(out, (uint8_t)width);
	ix_buf_add_zeros(out, 11);
	p = ix_buf_extend(out, (size_t)n * width);
	if (p)
		encode_values(lengths, n, width, p);
	ix_buf_add_zeros(out, -(size_t)n * width % 4);
	for (uint32_t i = 0; escapes && i < n; i++) {
		if (lengths[i] < (width == 1 ? 0xffu : 0xffffu))
			continue;
		ix_buf_add_u32(out, i);
		ix_buf_add_u32(out, lengths[i]);
	}
	return ix_buf_error(out);
}

/* ---- reading ---- */

static int check_escapes(const struct ix_lengths *l)
{
	const uint8_t *p = l->escapes;

	for (uint32_t i = 0; i < l->escape_count; i++, p += ESCAPE_SIZE) {
		uint32_t doc = ix_get32(p);

		if (doc >= l->doc_count ||
		    (i && doc <= ix_get32(p - ESCAPE_SIZE)))
			return ix_fail(-IX_ECORRUPT,
				       "field lengths: escape %u out of order",
				       i);
		if (ix_get32(p + 4) < (l->width == 1 ? 0xffu : 0xffffu))
			return ix_fail(-IX_ECORRUPT,
				       "field lengths: escape %u is too small",
				       i);
	}
	return 0;
}

int ix_lengths_open(struct ix_lengths *l, const uint8_t *data, uint64_t len,
		    uint32_t doc_count)
{
	uint64_t bytes;

	memset(l, 0, sizeof(*l));
	if (len < HEADER)
		return ix_fail(-IX_ECORRUPT, "field lengths: %llu bytes",
			       (unsigned long long)len);
	l->total = ix_get64(data);
	l->docs_with_field = ix_get64(data + 8);
	l->escape_count = ix_get32(data + 16);
	l->width = data[20];
	l->doc_count = doc_count;
	for (int i = 21; i < 32; i++)
		if (data[i])
			return ix_fail(-IX_ECORRUPT,
				       "field lengths: reserved bytes in use");
	if (l->width != 1 && l->width != 2)
		return ix_fail(-IX_ECORRUPT, "field lengths: width %u",
			       l->width);
	bytes = (uint64_t)doc_count * l->width;
	if (len != HEADER + ix_align_up(bytes, 4) +
			   (uint64_t)l->escape_count * ESCAPE_SIZE)
		return ix_fail(-IX_ECORRUPT,
			       "field lengths: %llu bytes for %u documents "
			       "and %u escapes",
			       (unsigned long long)len, doc_count,
			       l->escape_count);
	if (l->docs_with_field > doc_count || l->total < l->docs_with_field)
		return ix_fail(-IX_ECORRUPT, "field lengths: wrong sums");
	l->data = data + HEADER;
	l->escapes = l->data + ix_align_up(bytes, 4);
	for (uint64_t i = bytes; l->data + i < l->escapes; i++)
		if (l->data[i])
			return ix_fail(-IX_ECORRUPT,
				       "field lengths: padding in use");
	return check_escapes(l);
}

int ix_lengths_check(const struct ix_lengths *l)
{
	const uint32_t marker = l->width == 1 ? 0xff : 0xffff;
	uint64_t total = 0, docs = 0;
	uint32_t next = 0; /* escape that the next marked document must have */

	for (uint32_t i = 0; i < l->doc_count; i++) {
		uint32_t v = l->width == 1 ? l->data[i]
					   : ix_get16(l->data + 2 * (size_t)i);

		if (v == marker) {
			const uint8_t *e =
				l->escapes + (size_t)next * ESCAPE_SIZE;

			if (next == l->escape_count || ix_get32(e) != i)
				return ix_fail(-IX_ECORRUPT,
					       "field lengths: document %u has "
					       "no escape",
					       i);
			v = ix_get32(e + 4);
			next++;
		}
		total += v;
		docs += v > 0;
	}
	if (next != l->escape_count)
		return ix_fail(-IX_ECORRUPT,
			       "field lengths: escape %u of no document", next);
	if (total != l->total || docs != l->docs_with_field)
		return ix_fail(-IX_ECORRUPT, "field lengths: wrong sums");
	return 0;
}

uint32_t ix_lengths_escaped(const struct ix_lengths *l, uint32_t doc)
{
	uint32_t low = 0, high = l->escape_count;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		const uint8_t *e = l->escapes + (size_t)mid * ESCAPE_SIZE;

		if (ix_get32(e) == doc)
			return ix_get32(e + 4);
		if (ix_get32(e) < doc)
			low = mid + 1;
		else
			high = mid;
	}
	return l->width == 1 ? 0xff : 0xffff;
}
