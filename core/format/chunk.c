/* SPDX-License-Identifier: MIT */
#include "core/format/chunk.h"

#include <string.h>

#include "core/base/codec.h"
#include "core/base/err.h"

/* ---- reading ---- */

uint32_t ix_chunk_units(const uint8_t *p)
{
	uint32_t n = ix_get16(p);

	return n <= IX_CHUNK_UNITS ? n : 0;
}

static const char *check_header(const struct ix_chunk_view *v,
				enum ix_postings_codec codec)
{
	if (ix_get16(v->head + 2))
		return "reserved bytes";
	if (v->docs < v->units || v->docs > v->units * IX_UNIT_DOCS)
		return "number of documents";
	if (v->docs_len < v->units ||
	    v->docs_len > v->units * IX_UNIT_DOCS_BYTES)
		return "length of documents";
	if (codec != IX_POSTINGS_POSITIONS && v->pos_len)
		return "length of positions";
	return NULL;
}

static const char *check_arrays(const struct ix_chunk_view *v,
				enum ix_postings_codec codec, uint64_t min_doc,
				uint32_t doc_limit)
{
	for (uint32_t i = 0; i < v->units; i++) {
		uint32_t first = ix_get32(v->first + 4 * i);
		uint32_t last = ix_get32(v->last + 4 * i);
		uint32_t docs = ix_get32(v->docs_start + 4 * i);
		uint32_t docs_end =
			i + 1 < v->units ? ix_get32(v->docs_start + 4 * i + 4)
					 : v->docs_len;
		uint32_t pos = ix_get32(v->pos_start + 4 * i);
		uint64_t pos_end = i + 1 < v->units
					   ? ix_get32(v->pos_start + 4 * i + 4)
					   : v->pos_len;
		struct ix_impact impacts[IX_IMPACTS];

		if (first < min_doc || last < first || last >= doc_limit)
			return "document range of a unit";
		min_doc = (uint64_t)last + 1;
		if ((i == 0 && docs) || docs_end <= docs ||
		    docs_end - docs > IX_UNIT_DOCS_BYTES)
			return "start of a unit's documents";
		if (codec != IX_POSTINGS_POSITIONS
			    ? pos != 0
			    : (i == 0 && pos) || pos_end <= pos)
			return "start of a unit's positions";
		ix_chunk_impacts(v, i, impacts);
		if (!ix_impacts_valid(impacts))
			return "impacts of a unit";
	}
	return NULL;
}

void ix_chunk_view_init(struct ix_chunk_view *v, const uint8_t *p,
			uint32_t units)
{
	v->units = units;
	v->head = p;
	v->head_len = IX_CHUNK_HEADER + IX_CHUNK_PER_UNIT * units;
	v->docs = ix_get32(p + 4);
	v->docs_len = ix_get32(p + 8);
	v->pos_len = ix_get64(p + 12);
	v->first = p + IX_CHUNK_HEADER;
	v->last = v->first + 4 * units;
	v->docs_start = v->last + 4 * units;
	v->pos_start = v->docs_start + 4 * units;
	v->impacts = v->pos_start + 4 * units;
	v->min_tie = v->impacts + 6 * units;
}

int ix_chunk_parse(struct ix_chunk_view *v, const uint8_t *p, uint64_t n,
		   enum ix_postings_codec codec, uint32_t min_doc,
		   uint32_t doc_limit)
{
	uint32_t units = n >= IX_CHUNK_HEADER ? ix_chunk_units(p) : 0;
	const char *bad;

	if (!units)
		return ix_fail(-IX_ECORRUPT, "postings: bad chunk header");
	if (n < IX_CHUNK_HEADER + IX_CHUNK_PER_UNIT * units)
		return ix_fail(-IX_ECORRUPT, "postings: chunk is cut off");
	ix_chunk_view_init(v, p, units);
	bad = check_header(v, codec);
	if (!bad)
		bad = check_arrays(v, codec, min_doc, doc_limit);
	if (bad)
		return ix_fail(-IX_ECORRUPT, "postings: chunk: wrong %s", bad);
	return 0;
}

void ix_chunk_impacts(const struct ix_chunk_view *v, uint32_t i,
		      struct ix_impact impacts[IX_IMPACTS])
{
	memcpy(impacts, v->impacts + 6 * i, 6);
}

void ix_chunk_unit(const struct ix_chunk_view *v, uint32_t i,
		   struct ix_unit_info *info)
{
	uint32_t docs = ix_get32(v->docs_start + 4 * i);
	uint32_t pos = ix_get32(v->pos_start + 4 * i);
	int is_last = i + 1 == v->units;

	info->count = 0;
	info->first = ix_get32(v->first + 4 * i);
	info->last = ix_get32(v->last + 4 * i);
	info->min_tie = ix_get32(v->min_tie + 4 * i);
	ix_chunk_impacts(v, i, info->impacts);
	info->docs_len =
		(is_last ? v->docs_len : ix_get32(v->docs_start + 4 * i + 4)) -
		docs;
	info->pos_len =
		(is_last ? v->pos_len : ix_get32(v->pos_start + 4 * i + 4)) -
		pos;
}

int ix_chunk_entry_decode(const uint8_t p[IX_CHUNK_ENTRY],
			  struct ix_chunk_entry *e)
{
	e->first = ix_get32(p);
	e->last = ix_get32(p + 4);
	e->offset = ix_get64(p + 8);
	e->docs = ix_get32(p + 16);
	e->min_tie = ix_get32(p + 20);
	memcpy(e->impacts, p + 24, 6);
	if (ix_get16(p + 30) || !ix_impacts_valid(e->impacts))
		return ix_fail(-IX_ECORRUPT,
			       "postings: bad entry of a chunk directory");
	return 0;
}

void ix_chunk_entry_encode(const struct ix_chunk_entry *e,
			   uint8_t p[IX_CHUNK_ENTRY])
{
	ix_put32(p, e->first);
	ix_put32(p + 4, e->last);
	ix_put64(p + 8, e->offset);
	ix_put32(p + 16, e->docs);
	ix_put32(p + 20, e->min_tie);
	memcpy(p + 24, e->impacts, 6);
	ix_put16(p + 30, 0);
}

void ix_chunk_entry_make(const struct ix_chunk_view *v, uint64_t offset,
			 struct ix_chunk_entry *e)
{
	struct ix_impact_set set;

	ix_impact_set_clear(&set);
	e->first = ix_get32(v->first);
	e->last = ix_get32(v->last + 4 * (v->units - 1));
	e->offset = offset;
	e->docs = v->docs;
	e->min_tie = UINT32_MAX;
	for (uint32_t i = 0; i < v->units; i++) {
		struct ix_impact impacts[IX_IMPACTS];
		uint32_t tie = ix_get32(v->min_tie + 4 * i);

		ix_chunk_impacts(v, i, impacts);
		ix_impact_set_add_pairs(&set, impacts);
		e->min_tie = tie < e->min_tie ? tie : e->min_tie;
	}
	ix_impact_set_finish(&set, e->impacts);
}
