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
		return ix_fail((int)got, "read at %llu failed",
			       (unsigned long long)offset);
	if ((size_t)got != n)
		return ix_fail(-IX_EINCOMPLETE, "ends at byte %llu",
			       (unsigned long long)(offset + (uint64_t)got));
	return 0;
}

/* Header and trailer; `meta` gets the header and, behind it, the metadata. */
static int read_frame(struct ix_file *f, struct ix_trailer *t,
		      struct ix_buf *meta)
{
	uint8_t header[IX_HEADER_SIZE], trailer[IX_TRAILER_SIZE], *p;
	struct ix_stat st;
	ssize_t got;
	size_t n;
	int rc = ix_file_stat(f, &st);

	if (rc)
		return ix_fail(rc, "cannot be examined");
	got = ix_file_read(f, header, sizeof(header), 0);
	if (got < 0)
		return ix_fail((int)got, "cannot be read");
	rc = ix_header_decode(header, (size_t)got);
	if (rc)
		return rc;
	if (st.size < IX_HEADER_SIZE + IX_TRAILER_SIZE)
		return ix_fail(-IX_EINCOMPLETE, "%llu bytes are no segment yet",
			       (unsigned long long)st.size);
	rc = read_all(f, trailer, sizeof(trailer), st.size - IX_TRAILER_SIZE);
	if (!rc)
		rc = ix_trailer_decode(trailer, st.size, t);
	if (rc)
		return rc;
	n = (size_t)(t->file_length - IX_TRAILER_SIZE - t->meta_offset);
	ix_buf_add(meta, header, sizeof(header));
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
	rc = decode_arrays(info, meta, &m);
	if (rc)
		return rc;
	scratch = ix_calloc(t->extent_count, sizeof(*scratch));
	if (!scratch)
		return -ENOMEM;
	rc = ix_extents_check(info->extents, t->extent_count, t,
			      info->schema->field_count, scratch);
	ix_free(scratch);
	return rc ? rc : check_roots(info);
}

int ix_segment_info_read(struct ix_file *f, const char *name,
			 struct ix_segment_info *info)
{
	struct ix_buf meta = IX_BUF_INIT;
	int rc;

	memset(info, 0, sizeof(*info));
	rc = read_frame(f, &info->trailer, &meta);
	if (!rc)
		rc = decode_metadata(info, meta.data + IX_HEADER_SIZE);
	ix_buf_release(&meta);
	if (!rc)
		return 0;
	ix_segment_info_release(info);
	return ix_fail_in(rc, "%s", name);
}
