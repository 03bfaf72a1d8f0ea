/* SPDX-License-Identifier: MIT */
/*
 * Reading what a segment states about itself: header, trailer, metadata.
 * Nothing is used before the hash over it matched, and nothing is allocated
 * before its size was bounded by the file's.
 */
#include <string.h>

#include "core/base/codec.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/segment/segment.h"

void ix_segment_info_release(struct ix_segment_info *info)
{
	ix_schema_free(info->schema);
	ix_free(info->lineage);
	ix_free(info->runs);
	ix_free(info->extents);
	ix_free(info->leaves);
	memset(info, 0, sizeof(*info));
}

static int read_all(struct ix_file *f, void *data, size_t n, uint64_t offset)
{
	ssize_t got = ix_file_read(f, data, n, offset);

	if (got < 0)
		return ix_fail_in((int)got, "read at %llu failed",
				  (unsigned long long)offset);
	if ((size_t)got != n)
		return ix_fail(-IX_EINCOMPLETE, "ends at byte %llu",
			       (unsigned long long)(offset + (uint64_t)got));
	return 0;
}

/* Header and trailer; `meta` gets the header and, behind it, the metadata.
 * `head` gets the first page of the file. */
static int read_frame(struct ix_file *f, struct ix_trailer *t,
		      uint8_t head[IX_PAGE_SIZE], struct ix_buf *meta)
{
	uint8_t trailer[IX_TRAILER_SIZE], *p;
	struct ix_stat st;
	ssize_t got;
	size_t n;
	int header_rc, rc = ix_file_stat(f, &st);

	if (rc)
		return ix_fail_in(rc, "cannot be examined");
	got = ix_file_read(f, head, IX_PAGE_SIZE, 0);
	if (got < 0)
		return ix_fail_in((int)got, "cannot be read");
	header_rc = ix_header_decode(head, got < (ssize_t)IX_HEADER_SIZE
						   ? (size_t)got
						   : IX_HEADER_SIZE);
	if (header_rc && header_rc != -IX_ECORRUPT)
		return header_rc;
	if (st.size < IX_HEADER_SIZE + IX_TRAILER_SIZE)
		return ix_fail(-IX_EINCOMPLETE, "%llu bytes are no segment yet",
			       (unsigned long long)st.size);
	rc = read_all(f, trailer, sizeof(trailer), st.size - IX_TRAILER_SIZE);
	if (!rc)
		rc = ix_trailer_decode(trailer, st.size, t);
	/* Without a trailer the file may be a hole that is being filled, and a
	 * damaged header just one that is not yet there. */
	if (!rc && header_rc)
		rc = ix_fail(header_rc, "header: wrong checksum");
	if (rc)
		return rc;
	n = (size_t)(t->file_length - IX_TRAILER_SIZE - t->meta_offset);
	ix_buf_add(meta, head, IX_HEADER_SIZE);
	p = ix_buf_extend(meta, n);
	if (!p)
		return -ENOMEM;
	rc = read_all(f, p, n, t->meta_offset);
	if (!rc && ix_hash64(meta->data, meta->len) != t->root)
		rc = ix_fail(-IX_ECORRUPT,
			     "header and metadata do not match their checksum");
	return rc;
}

static int all_zero(const uint8_t *p, uint64_t n)
{
	while (n--)
		if (*p++)
			return 0;
	return 1;
}

static int decode_arrays(struct ix_segment_info *info, const uint8_t *meta,
			 const struct ix_meta_layout *m)
{
	const struct ix_trailer *t = &info->trailer;

	info->extents = ix_calloc(t->extent_count, sizeof(*info->extents));
	info->leaves = ix_calloc(t->leaf_count, sizeof(*info->leaves));
	info->runs = ix_calloc(t->run_count, sizeof(*info->runs));
	info->lineage = ix_calloc(t->lineage_count, sizeof(*info->lineage));
	if (!info->extents || !info->leaves || !info->runs || !info->lineage)
		return -ENOMEM;
	for (uint32_t i = 0; i < t->extent_count; i++)
		ix_extent_decode(meta + m->extents + (size_t)i * IX_ROW_SIZE,
				 &info->extents[i]);
	memcpy(info->leaves, meta + m->leaves, (size_t)t->leaf_count * 8);
	for (uint32_t i = 0; i < t->run_count; i++)
		ix_run_decode(meta + m->runs + (size_t)i * IX_RUN_SIZE,
			      &info->runs[i]);
	for (uint32_t i = 0; i < t->lineage_count; i++)
		memcpy(info->lineage[i].bytes,
		       meta + m->lineage + (size_t)i * 16, 16);
	return 0;
}

static int check_roots(const struct ix_segment_info *info)
{
	for (uint32_t i = 0; i < info->trailer.extent_count; i++) {
		const struct ix_extent *e = &info->extents[i];
		uint64_t n = ix_extent_leaves(e->length);

		if (ix_hash64(info->leaves + e->first_leaf, (size_t)n * 8) !=
		    e->root)
			return ix_fail(
				-IX_ECORRUPT,
				"extent %u: leaves do not match its root", i);
	}
	return 0;
}

/* Only this much of a file lies outside of every checksum: the bytes between
 * the header and the first large extent. */
static int check_head(const struct ix_segment_info *info,
		      const uint8_t head[IX_PAGE_SIZE])
{
	for (uint32_t i = 0; i < info->trailer.extent_count; i++)
		if (info->extents[i].offset == IX_HEADER_SIZE)
			return 0;
	return all_zero(head + IX_HEADER_SIZE, IX_PAGE_SIZE - IX_HEADER_SIZE)
		       ? 0
		       : ix_fail(-IX_ECORRUPT,
				 "bytes behind the header in use");
}

/* ---- the table against the schema ---- */

enum {
	HAS_POSTINGS = 1 << 0,
	HAS_LENGTHS = 1 << 1,
	HAS_COLUMN = 1 << 2
};

static int codec_fits(const struct ix_field *f, const struct ix_extent *e)
{
	int text = f->type == IX_FIELD_TEXT;

	switch (e->part) {
	case IX_PART_POSTINGS:
		return f->indexed &&
		       e->codec == (!text          ? IX_POSTINGS_DOCS
				    : f->positions ? IX_POSTINGS_POSITIONS
						   : IX_POSTINGS_FREQS);
	case IX_PART_LENGTHS:
		return text && f->indexed;
	case IX_PART_COLUMN:
		return !text &&
		       (f->type == IX_FIELD_U64) == (e->codec == IX_COLUMN_U64);
	default:
		return 1;
	}
}

/* HAZARDS S-47: every part has the shape its field says, so that whoever
 * copies it later need not ask again. */
static int check_fields(const struct ix_segment_info *info)
{
	uint8_t parts[IX_FIELDS_MAX] = { 0 };

	for (uint32_t i = 0; i < info->trailer.extent_count; i++) {
		const struct ix_extent *e = &info->extents[i];

		if (e->field == IX_NO_FIELD)
			continue;
		if (!codec_fits(&info->schema->fields[e->field], e))
			return ix_fail(-IX_ECORRUPT,
				       "field %s: part %u, codec %u is not "
				       "what the schema says",
				       info->schema->fields[e->field].name,
				       e->part, e->codec);
		if (e->part == IX_PART_POSTINGS)
			parts[e->field] |= HAS_POSTINGS;
		else if (e->part == IX_PART_LENGTHS)
			parts[e->field] |= HAS_LENGTHS;
		else if (e->part == IX_PART_COLUMN)
			parts[e->field] |= HAS_COLUMN;
	}
	for (uint32_t f = 0; f < info->schema->field_count; f++) {
		int text = info->schema->fields[f].type == IX_FIELD_TEXT;

		if ((parts[f] & HAS_POSTINGS) &&
		    !(parts[f] & (text ? HAS_LENGTHS : HAS_COLUMN)))
			return ix_fail(-IX_ECORRUPT,
				       "field %s: postings without %s",
				       info->schema->fields[f].name,
				       text ? "lengths" : "a column");
	}
	return 0;
}

/* ---- origin ---- */

static int in_lineage(const struct ix_segment_info *info,
		      const struct ix_id *leaf)
{
	size_t low = 0, high = info->trailer.lineage_count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int c = ix_id_compare(&info->lineage[mid], leaf);

		if (!c)
			return 1;
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return 0;
}

static int check_origin(const struct ix_segment_info *info)
{
	const struct ix_trailer *t = &info->trailer;
	uint64_t next = 0;

	for (uint32_t i = 1; i < t->lineage_count; i++)
		if (ix_id_compare(&info->lineage[i - 1], &info->lineage[i]) >=
		    0)
			return ix_fail(-IX_ECORRUPT, "leaf ids out of order");
	for (uint32_t i = 0; i < t->run_count; i++) {
		const struct ix_origin_run *r = &info->runs[i];

		if (r->doc_base != next || !r->doc_count ||
		    !in_lineage(info, &r->leaf))
			return ix_fail(-IX_ECORRUPT,
				       "origin run %u: %u documents from %u on",
				       i, r->doc_count, r->doc_base);
		next += r->doc_count;
	}
	if (next != t->doc_count)
		return ix_fail(-IX_ECORRUPT,
			       "origin runs cover %llu documents of %u",
			       (unsigned long long)next, t->doc_count);
	if (!t->generation &&
	    (t->lineage_count != 1 || !ix_id_equal(&info->lineage[0], &t->id)))
		return ix_fail(-IX_ECORRUPT,
			       "a built segment is its own only leaf");
	return 0;
}

static int decode_metadata(struct ix_segment_info *info, const uint8_t *meta)
{
	const struct ix_trailer *t = &info->trailer;
	struct ix_meta_layout m;
	uint32_t *scratch;
	int rc = ix_meta_layout(t, &m);

	if (rc)
		return rc;
	if (!all_zero(meta + m.schema + t->schema_bytes,
		      m.extents - m.schema - t->schema_bytes))
		return ix_fail(-IX_ECORRUPT, "padding behind the schema");
	rc = ix_schema_parse((const char *)meta + m.schema, t->schema_bytes,
			     NULL, &info->schema);
	if (rc)
		return rc == -ENOMEM ? rc : ix_fail_in(-IX_ECORRUPT, "schema");
	if (info->schema->canonical_len != t->schema_bytes ||
	    memcmp(info->schema->canonical, meta + m.schema, t->schema_bytes) !=
		    0)
		return ix_fail(-IX_ECORRUPT, "schema not in canonical form");
	rc = decode_arrays(info, meta, &m);
	if (rc)
		return rc;
	scratch = ix_calloc(t->extent_count, sizeof(*scratch));
	if (!scratch)
		return -ENOMEM;
	rc = ix_extents_check(info->extents, t->extent_count, t,
			      info->schema->field_count, scratch);
	ix_free(scratch);
	if (!rc)
		rc = check_roots(info);
	if (!rc)
		rc = check_fields(info);
	return rc ? rc : check_origin(info);
}

int ix_segment_info_read(struct ix_file *f, const char *name,
			 struct ix_segment_info *info)
{
	struct ix_buf meta = IX_BUF_INIT;
	uint8_t head[IX_PAGE_SIZE];
	int rc;

	memset(info, 0, sizeof(*info));
	rc = read_frame(f, &info->trailer, head, &meta);
	if (!rc)
		rc = decode_metadata(info, meta.data + IX_HEADER_SIZE);
	if (!rc)
		rc = check_head(info, head);
	ix_buf_release(&meta);
	if (!rc)
		return 0;
	ix_segment_info_release(info);
	return ix_fail_in(rc, "%s", name);
}
