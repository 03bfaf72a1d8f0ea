/* SPDX-License-Identifier: MIT */
/*
 * Reading a column. Open checks sizes and directories only, since it runs for
 * every column whenever a segment is opened; so every access clamps what it
 * reads from the payload.
 */
#include "core/format/column.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/format/column_frame.h"

#define RANK_DOCS 512u

static int fail(const char *what)
{
	return ix_fail(-IX_ECORRUPT, "column: %s", what);
}

/* ---- opening ---- */

/* What is left of the extent while its pieces are found one by one. */
struct pieces {
	const uint8_t *at;
	uint64_t left;
};

/* The next `n` bytes and zeros up to a multiple of 8; NULL if not there. */
static const uint8_t *take(struct pieces *p, uint64_t n)
{
	const uint8_t *piece = p->at;
	uint64_t padded = ix_align_up(n, 8);

	if (n > p->left || padded > p->left)
		return NULL;
	for (uint64_t i = n; i < padded; i++)
		if (piece[i])
			return NULL;
	p->at += padded;
	p->left -= padded;
	return piece;
}

static int open_header(struct ix_column *c, struct pieces *p, int multi)
{
	const uint8_t *h = take(p, COLUMN_HEADER);

	if (!h)
		return fail("too short");
	if (ix_get32(h) != c->doc_count)
		return fail("wrong number of documents");
	c->value_count = ix_get32(h + 4);
	c->flags = ix_get32(h + 8);
	c->dict_count = ix_get32(h + 12);
	if (ix_get64(h + 16) || ix_get64(h + 24))
		return fail("reserved bytes in use");
	if (c->flags >= COLUMN_FLAGS)
		return fail("unknown flags");
	if ((c->flags & COLUMN_HAS_STARTS) && !multi)
		return fail("several values in a single-valued field");
	if (!c->value_count || (!c->flags && c->value_count != c->doc_count) ||
	    (c->flags == COLUMN_HAS_ABSENT && c->value_count >= c->doc_count))
		return fail("wrong number of values");
	if (c->codec == IX_COLUMN_DICT ? !c->dict_count : c->dict_count)
		return fail("wrong number of dictionary entries");
	if (c->dict_count > c->value_count)
		return fail("more dictionary entries than values");
	return 0;
}

/* Count the bitmap into the rank directory. */
static int open_ranks(struct ix_column *c)
{
	uint32_t blocks = c->doc_count / RANK_DOCS + 1;
	uint64_t bytes = ix_align_up(((uint64_t)c->doc_count + 7) / 8, 8);
	uint64_t rank = 0;

	if (c->doc_count % 64 &&
	    ix_get64(c->present + bytes - 8) >> c->doc_count % 64)
		return fail("presence bits beyond the last document");
	c->ranks = ix_calloc(blocks, sizeof(*c->ranks));
	if (!c->ranks)
		return -ENOMEM;
	for (uint64_t i = 0; i < bytes; i += 8) {
		if (i % (RANK_DOCS / 8) == 0)
			c->ranks[i / (RANK_DOCS / 8)] = (uint32_t)rank;
		rank += (unsigned)__builtin_popcountll(
			ix_get64(c->present + i));
	}
	if (rank != c->value_count)
		return fail("presence bits and values disagree");
	return 0;
}

static int open_documents(struct ix_column *c, struct pieces *p)
{
	uint64_t docs = c->doc_count;

	if (c->flags & COLUMN_HAS_STARTS) {
		c->starts = take(p, (docs + 1) * 4);
		if (!c->starts)
			return fail("too short for its documents");
		if (ix_get32(c->starts) ||
		    ix_get32(c->starts + docs * 4) != c->value_count)
			return fail("starts do not span the values");
	} else if (c->flags & COLUMN_HAS_ABSENT) {
		c->present = take(p, (docs + 7) / 8);
		if (!c->present)
			return fail("too short for its documents");
		return open_ranks(c);
	}
	return 0;
}

/* The frames take exactly the rest of the extent. */
static int open_frames(struct ix_column *c, struct pieces *p)
{
	uint32_t frames = column_frame_count(c->value_count);
	const uint8_t *e = take(p, (uint64_t)frames * COLUMN_FRAME_ENTRY);
	uint32_t left = c->value_count;
	uint64_t at = 0;

	if (!e)
		return fail("too short for its frames");
	c->frames = e;
	for (uint32_t i = 0; i < frames; i++, e += COLUMN_FRAME_ENTRY) {
		uint32_t n = left < IX_COLUMN_FRAME ? left : IX_COLUMN_FRAME;

		if (ix_get64(e) > ix_get64(e + 8) || ix_get32(e + 16) != at ||
		    e[20] > 64 || e[21] || e[22] || e[23])
			return fail("frame directory damaged");
		at += column_frame_bytes(n, e[20]);
		left -= n;
	}
	if (at != p->left)
		return fail("frames and length disagree");
	c->frames_len = at;
	return 0;
}

static int open_bytes(struct ix_column *c, struct pieces *p)
{
	c->dict_starts = take(p, ((uint64_t)c->value_count + 1) * 4);
	if (!c->dict_starts)
		return fail("too short for its values");
	c->bytes = p->at;
	c->bytes_len = p->left;
	if (ix_get32(c->dict_starts) ||
	    ix_get32(c->dict_starts + (uint64_t)c->value_count * 4) != p->left)
		return fail("value starts do not span the bytes");
	return 0;
}

static int open_dict(struct ix_column *c, struct pieces *p)
{
	c->dict_starts = take(p, ((uint64_t)c->dict_count + 1) * 4);
	if (!c->dict_starts || ix_get32(c->dict_starts))
		return fail("too short for its dictionary");
	c->bytes_len = ix_get32(c->dict_starts + (uint64_t)c->dict_count * 4);
	c->bytes = take(p, c->bytes_len);
	if (!c->bytes)
		return fail("too short for its dictionary");
	return open_frames(c, p);
}

int ix_column_open(struct ix_column *c, const uint8_t *data, uint64_t len,
		   enum ix_column_codec codec, uint32_t doc_count, int multi)
{
	struct pieces p = { data, len };
	int rc;

	memset(c, 0, sizeof(*c));
	c->data = data;
	c->len = len;
	c->codec = codec;
	c->doc_count = doc_count;
	rc = open_header(c, &p, multi);
	if (!rc)
		rc = open_documents(c, &p);
	if (!rc && codec == IX_COLUMN_U64)
		rc = open_frames(c, &p);
	else if (!rc && codec == IX_COLUMN_BYTES)
		rc = open_bytes(c, &p);
	else if (!rc && codec == IX_COLUMN_DICT)
		rc = open_dict(c, &p);
	else if (!rc)
		rc = fail("unknown codec");
	if (rc)
		ix_column_release(c);
	return rc;
}

void ix_column_release(struct ix_column *c)
{
	ix_free(c->ranks);
	memset(c, 0, sizeof(*c));
}

/* ---- access ---- */

static void present_values(const struct ix_column *c, uint32_t doc,
			   uint32_t *firstp, uint32_t *np)
{
	uint32_t word = doc / RANK_DOCS * (RANK_DOCS / 64);
	uint32_t rank = c->ranks[doc / RANK_DOCS];
	uint64_t bits;

	for (; word < doc / 64; word++)
		rank += (uint32_t)__builtin_popcountll(
			ix_get64(c->present + (size_t)word * 8));
	bits = ix_get64(c->present + (size_t)word * 8);
	*firstp = rank + (uint32_t)__builtin_popcountll(
				 bits & (((uint64_t)1 << doc % 64) - 1));
	*np = bits >> doc % 64 & 1;
}

void ix_column_values(const struct ix_column *c, uint32_t doc, uint32_t *firstp,
		      uint32_t *np)
{
	*firstp = 0;
	*np = 0;
	if (doc >= c->doc_count)
		return;
	if (c->starts) {
		uint32_t first = ix_get32(c->starts + (size_t)doc * 4);
		uint32_t end = ix_get32(c->starts + ((size_t)doc + 1) * 4);

		if (end > c->value_count || first >= end)
			return;
		*firstp = first;
		*np = end - first;
	} else if (c->present) {
		present_values(c, doc, firstp, np);
	} else {
		*firstp = doc;
		*np = 1;
	}
}

uint64_t ix_column_u64(const struct ix_column *c, uint32_t value)
{
	const uint8_t *e, *packed;

	if (!c->frames || value >= c->value_count)
		return 0;
	e = c->frames + (size_t)(value / IX_COLUMN_FRAME) * COLUMN_FRAME_ENTRY;
	packed = c->frames +
		 (size_t)column_frame_count(c->value_count) *
			 COLUMN_FRAME_ENTRY +
		 ix_get32(e + 16);
	return ix_get64(e) +
	       column_unpack(packed, value % IX_COLUMN_FRAME, e[20]);
}

static const uint8_t *entry(const struct ix_column *c, uint64_t i, size_t *np)
{
	uint32_t first = ix_get32(c->dict_starts + i * 4);
	uint32_t end = ix_get32(c->dict_starts + (i + 1) * 4);

	*np = 0;
	if (end > c->bytes_len || first > end)
		return c->bytes;
	*np = end - first;
	return c->bytes + first;
}

const uint8_t *ix_column_bytes(const struct ix_column *c, uint32_t value,
			       size_t *np)
{
	if (c->codec == IX_COLUMN_DICT && value < c->value_count) {
		uint64_t ordinal = ix_column_u64(c, value);

		if (ordinal < c->dict_count)
			return entry(c, ordinal, np);
	} else if (c->codec == IX_COLUMN_BYTES && value < c->value_count) {
		return entry(c, value, np);
	}
	*np = 0;
	return c->data;
}

const uint8_t *ix_column_entry(const struct ix_column *c, uint32_t ordinal,
			       size_t *np)
{
	if (ordinal < c->dict_count)
		return entry(c, ordinal, np);
	*np = 0;
	return c->data;
}

void ix_column_frame_range(const struct ix_column *c, uint32_t frame,
			   uint64_t *minp, uint64_t *maxp)
{
	const uint8_t *e = c->frames + (size_t)frame * COLUMN_FRAME_ENTRY;

	*minp = ix_get64(e);
	*maxp = ix_get64(e + 8);
}

uint32_t ix_column_frame_values(const struct ix_column *c, uint32_t frame,
				uint64_t out[IX_COLUMN_FRAME])
{
	uint32_t frames = column_frame_count(c->value_count);
	const uint8_t *e, *packed;
	uint64_t base;
	uint32_t n;

	if (!c->frames || frame >= frames)
		return 0;
	e = c->frames + (size_t)frame * COLUMN_FRAME_ENTRY;
	packed = c->frames + (size_t)frames * COLUMN_FRAME_ENTRY +
		 ix_get32(e + 16);
	base = ix_get64(e);
	n = c->value_count - frame * IX_COLUMN_FRAME;
	if (n > IX_COLUMN_FRAME)
		n = IX_COLUMN_FRAME;
	for (uint32_t i = 0; i < n; i++)
		out[i] = base + column_unpack(packed, i, e[20]);
	return n;
}

/* ---- the thorough check ---- */

/* `n` + 1 starts that ascend up to the last, which open has checked. */
static int check_starts(const uint8_t *starts, uint64_t n, uint32_t longest)
{
	uint32_t before = 0;

	for (uint64_t i = 1; i <= n; i++) {
		uint32_t at = ix_get32(starts + i * 4);

		if (at < before || at - before > longest)
			return fail("starts do not ascend");
		before = at;
	}
	return 0;
}

static int check_dict(const struct ix_column *c)
{
	size_t an, bn;
	const uint8_t *a = entry(c, 0, &an);

	for (uint32_t i = 1; i < c->dict_count; i++) {
		const uint8_t *b = entry(c, i, &bn);
		size_t n = an < bn ? an : bn;
		int order = n ? memcmp(a, b, n) : 0;

		if (order > 0 || (!order && an >= bn))
			return fail("dictionary out of order");
		a = b;
		an = bn;
	}
	return 0;
}

static int check_frames(const struct ix_column *c)
{
	uint32_t frames = column_frame_count(c->value_count);
	uint64_t values[IX_COLUMN_FRAME];

	for (uint32_t f = 0; f < frames; f++) {
		uint32_t n = ix_column_frame_values(c, f, values);
		uint64_t low = values[0], high = values[0], min, max;

		for (uint32_t i = 1; i < n; i++) {
			low = values[i] < low ? values[i] : low;
			high = values[i] > high ? values[i] : high;
		}
		ix_column_frame_range(c, f, &min, &max);
		if (low != min || high != max)
			return fail("values beyond the bounds of their frame");
		if (c->codec == IX_COLUMN_DICT && high >= c->dict_count)
			return fail("ordinal beyond the dictionary");
	}
	return 0;
}

int ix_column_check(const struct ix_column *c)
{
	int rc = 0;

	if (c->starts)
		rc = check_starts(c->starts, c->doc_count, UINT32_MAX);
	if (!rc && c->codec == IX_COLUMN_BYTES)
		rc = check_starts(c->dict_starts, c->value_count,
				  IX_VALUE_MAX_BYTES);
	if (!rc && c->codec == IX_COLUMN_DICT)
		rc = check_starts(c->dict_starts, c->dict_count,
				  IX_VALUE_MAX_BYTES);
	if (!rc && c->codec == IX_COLUMN_DICT)
		rc = check_dict(c);
	if (!rc && c->frames)
		rc = check_frames(c);
	return rc;
}
