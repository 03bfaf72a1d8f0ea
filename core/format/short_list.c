/* SPDX-License-Identifier: MIT */
#include "core/format/short_list.h"

#include <assert.h>

#include "core/base/codec.h"
#include "core/base/err.h"

static int damaged(const char *what)
{
	return ix_fail(-IX_ECORRUPT, "postings: short list: wrong %s", what);
}

int ix_short_parse(struct ix_short_view *v, const uint8_t *payload,
		   const struct ix_term_info *info,
		   enum ix_postings_codec codec, uint32_t doc_limit)
{
	const uint8_t *p = payload;
	const uint8_t *end = payload + info->payload_len;
	uint32_t span = 0;
	uint32_t docs_len;

	if (info->df < 1 || info->df >= IX_SHORT_DOCS || info->ttf < info->df ||
	    info->payload_len > IX_SHORT_BYTES ||
	    (codec == IX_POSTINGS_DOCS && info->ttf != info->df))
		return damaged("counts");
	v->df = info->df;
	v->ttf = info->ttf;
	if (ix_get_varint32(&p, end, &v->first) ||
	    (v->df > 1 && ix_get_varint32(&p, end, &span)))
		return damaged("first or last document");
	if (v->first >= doc_limit || span > doc_limit - 1 - v->first ||
	    span < v->df - 1)
		return damaged("document range");
	v->last = v->first + span;

	docs_len = (uint32_t)(end - p);
	if (codec == IX_POSTINGS_POSITIONS) {
		if (v->df == 1)
			docs_len = 0;
		else if (ix_get_varint32(&p, end, &docs_len) ||
			 docs_len > (size_t)(end - p))
			return damaged("length of documents");
	} else if (v->df == 1 && docs_len) {
		return damaged("length");
	}
	v->docs = p;
	v->docs_end = p + docs_len;
	v->positions = v->docs_end;
	v->positions_end = end;
	/* Each document takes a byte (codec 1: but the first) and each position
	 * too, so that counts cannot make anybody allocate or loop more. */
	if (v->df > 1 && docs_len < v->df - (codec == IX_POSTINGS_DOCS))
		return damaged("length of documents");
	if (codec == IX_POSTINGS_POSITIONS &&
	    v->ttf > (uint64_t)(v->positions_end - v->positions))
		return damaged("length of positions");
	if (v->ttf > UINT32_MAX && v->df == 1)
		return damaged("frequency");
	return 0;
}

/* One entry of the docs area: the gap and the frequency. */
static int get_doc(const uint8_t **pp, const uint8_t *end, uint32_t *gapp,
		   uint32_t *freqp)
{
	uint32_t v;

	if (ix_get_varint32(pp, end, &v))
		return -1;
	*gapp = v >> 1;
	*freqp = 1;
	if (v & 1)
		return 0;
	if (ix_get_varint32(pp, end, &v) || v > UINT32_MAX - 2)
		return -1;
	*freqp = v + 2;
	return 0;
}

int ix_short_decode(const struct ix_short_view *v, enum ix_postings_codec codec,
		    uint32_t *docs, uint32_t *freqs)
{
	const uint8_t *p = v->docs;
	uint64_t ttf = 0;
	uint64_t doc = v->first;

	docs[0] = v->first;
	freqs[0] = (uint32_t)v->ttf;
	if (v->df == 1)
		return 0;
	for (uint32_t i = 0; i < v->df; i++) {
		uint32_t gap = 0;

		freqs[i] = 1;
		if (codec != IX_POSTINGS_DOCS) {
			if (get_doc(&p, v->docs_end, &gap, &freqs[i]))
				return damaged("document");
		} else if (i > 0 && ix_get_varint32(&p, v->docs_end, &gap)) {
			return damaged("document");
		}
		doc += gap;
		if ((gap == 0) != (i == 0) || doc > v->last)
			return damaged("order of documents");
		docs[i] = (uint32_t)doc;
		ttf += freqs[i];
	}
	if (doc != v->last || p != v->docs_end)
		return damaged("last document");
	if (ttf != v->ttf)
		return damaged("sum of frequencies");
	return 0;
}

uint8_t *ix_short_put_doc(uint8_t *p, enum ix_postings_codec codec,
			  uint32_t gap, uint32_t freq)
{
	if (codec == IX_POSTINGS_DOCS)
		return ix_put_varint(p, gap);
	p = ix_put_varint(p, (uint64_t)gap << 1 | (freq == 1));
	if (freq != 1)
		p = ix_put_varint(p, freq - 2);
	return p;
}

void ix_short_encode(enum ix_postings_codec codec, const uint32_t *docs,
		     const uint32_t *freqs, uint32_t n,
		     const struct ix_buf *positions, struct ix_buf *out)
{
	uint8_t area[IX_SHORT_DOCS * 2 * IX_VARINT32_MAX];
	uint8_t *p = area;

	assert(n > 0 && n < IX_SHORT_DOCS);
	ix_buf_add_varint(out, docs[0]);
	if (n > 1) {
		ix_buf_add_varint(out, docs[n - 1] - docs[0]);
		for (uint32_t i = codec == IX_POSTINGS_DOCS; i < n; i++)
			p = ix_short_put_doc(p, codec,
					     i ? docs[i] - docs[i - 1] : 0,
					     freqs[i]);
		if (codec == IX_POSTINGS_POSITIONS)
			ix_buf_add_varint(out, (uint64_t)(p - area));
		ix_buf_add(out, area, (size_t)(p - area));
	}
	if (codec == IX_POSTINGS_POSITIONS)
		ix_buf_add(out, positions->data, positions->len);
	if (positions->error && !out->error)
		out->error = positions->error;
}
