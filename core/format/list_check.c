/* SPDX-License-Identifier: MIT */
#include "core/format/postings.h"

#include "core/base/codec.h"
#include "core/base/err.h"
#include "core/format/chunk.h"
#include "core/format/short_list.h"

static int damaged(const char *what)
{
	return ix_fail(-IX_ECORRUPT, "postings: wrong %s", what);
}

/* The directory entry of a chunk: right in everything that queries and merges
 * take from it; its impacts may be looser than need be, never tighter. */
static int check_entry(const uint8_t *entry, const struct ix_chunk_view *v,
		       uint64_t offset)
{
	struct ix_chunk_entry have;
	struct ix_chunk_entry want;
	int rc = ix_chunk_entry_decode(entry, &have);

	if (rc)
		return rc;
	ix_chunk_entry_make(v, offset, &want);
	if (have.first != want.first || have.last != want.last ||
	    have.offset != want.offset || have.docs != want.docs ||
	    have.min_tie != want.min_tie)
		return damaged("entry of a chunk directory");
	for (uint32_t i = 0; i < v->units; i++) {
		struct ix_impact unit[IX_IMPACTS];

		ix_chunk_impacts(v, i, unit);
		if (!ix_impacts_dominate(have.impacts, unit))
			return damaged("impacts in a chunk directory");
	}
	return 0;
}

/* Units state their own number of documents; it must add up. */
static int check_counts(const struct ix_chunk_view *v)
{
	const uint8_t *docs = v->head + v->head_len;
	uint32_t sum = 0;

	for (uint32_t i = 0; i < v->units; i++)
		sum += docs[ix_get32(v->docs_start + 4 * i)] + 1u;
	return sum == v->docs ? 0 : damaged("number of documents of a chunk");
}

static int check_directory(const uint8_t *payload, uint64_t len,
			   const struct ix_term_info *info,
			   enum ix_postings_codec codec, uint32_t doc_count)
{
	struct ix_chunk_view v;
	uint64_t offset = 0;
	uint64_t chunks_end = len;
	uint64_t docs = 0;
	uint32_t min_doc = 0;
	uint32_t chunk_count = 1;
	uint32_t n = 0;
	const uint8_t *dir = NULL;
	int rc;

	if (len >= IX_CHUNK_HEADER + IX_CHUNK_FOOTER &&
	    ix_get32(payload + 4) < info->df) {
		chunk_count = ix_get32(payload + len - IX_CHUNK_FOOTER);
		if (chunk_count > (len - IX_CHUNK_FOOTER) / IX_CHUNK_ENTRY)
			return damaged("number of chunks");
		chunks_end = len - IX_CHUNK_FOOTER -
			     (uint64_t)chunk_count * IX_CHUNK_ENTRY;
		dir = payload + chunks_end;
	}
	for (; n < chunk_count && offset < chunks_end; n++) {
		uint64_t left = chunks_end - offset;

		rc = ix_chunk_parse(&v, payload + offset, left, codec, min_doc,
				    doc_count);
		if (rc)
			return rc;
		left -= v.head_len;
		if (v.docs_len > left || v.pos_len > left - v.docs_len)
			return damaged("length of a chunk");
		rc = check_counts(&v);
		if (!rc && dir)
			rc = check_entry(dir + (uint64_t)n * IX_CHUNK_ENTRY, &v,
					 offset);
		if (rc)
			return rc;
		offset += v.head_len + (uint64_t)v.docs_len + v.pos_len;
		docs += v.docs;
		min_doc = ix_get32(v.last + 4 * (v.units - 1)) + 1;
	}
	if (n != chunk_count || offset != chunks_end)
		return damaged("length of the chunks");
	if (docs != info->df)
		return damaged("number of documents");
	return 0;
}

/* Walk every document and position. */
static int check_deep(struct ix_list_reader *r, const uint8_t *payload,
		      const struct ix_term_info *info,
		      enum ix_postings_codec codec, uint32_t doc_count)
{
	uint64_t df = 0;
	uint64_t ttf = 0;
	uint32_t doc;
	int rc;

	rc = ix_list_open(r, payload, info, doc_count);
	if (rc)
		return rc;
	while ((rc = ix_list_next(r, &doc)) > 0) {
		const uint32_t *positions;

		df++;
		ttf += ix_list_freq(r);
		if (codec == IX_POSTINGS_POSITIONS &&
		    (rc = ix_list_positions(r, &positions)))
			return rc;
	}
	if (rc)
		return rc;
	if (df != info->df)
		return damaged("number of documents");
	return ttf == info->ttf ? 0 : damaged("sum of frequencies");
}

int ix_list_check(const uint8_t *payload, const struct ix_term_info *info,
		  enum ix_postings_codec codec, uint32_t doc_count, int deep)
{
	struct ix_list_reader *r;
	int rc;

	if (info->df < 1 || info->df > doc_count || info->ttf < info->df ||
	    (codec == IX_POSTINGS_DOCS && info->ttf != info->df))
		return damaged("counts of a term");
	if (info->is_long) {
		rc = check_directory(payload, info->payload_len, info, codec,
				     doc_count);
	} else {
		struct ix_short_view v;

		rc = ix_short_parse(&v, payload, info, codec, doc_count);
	}
	if (rc || !deep)
		return rc;
	rc = ix_list_reader_new(codec, &r);
	if (!rc)
		rc = check_deep(r, payload, info, codec, doc_count);
	ix_list_reader_free(r);
	return rc;
}
