/* SPDX-License-Identifier: MIT */
/*
 * Verification in levels; each rests on the one before:
 *
 *   metadata   header, trailer, root, table, schema (ix_segment_info_read)
 *   checksums  every byte of every extent
 *   structure  what readers and merges rely on without looking again
 *   content    everything decoded, and compared with what is stated about it
 */
#include "core/segment/verify.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/segment/verify_internal.h"

#define READ_SIZE      (16u * IX_LEAF_SIZE)
#define PAGES_PER_LEAF (IX_LEAF_SIZE / IX_PAGE_SIZE)

int ix_verify_step(struct ix_verify *v, uint64_t n)
{
	const struct ix_verify_options *o = v->options;

	v->done += n;
	if (o->progress)
		o->progress(o->ctx, v->done, v->all);
	if (o->canceled && o->canceled(o->ctx))
		return ix_fail(-IX_ECANCELED, "%s: verification cancelled",
			       v->name);
	return 0;
}

/* ---- checksums ---- */

static int read_exactly(struct ix_verify *v, uint8_t *data, size_t n,
			uint64_t offset)
{
	ssize_t got = ix_file_read(v->file, data, n, offset);

	if (got < 0)
		return ix_fail((int)got, "%s: read at %llu failed", v->name,
			       (unsigned long long)offset);
	if ((size_t)got != n)
		return ix_fail(-IX_EINCOMPLETE, "%s: ends at %llu", v->name,
			       (unsigned long long)(offset + (uint64_t)got));
	return 0;
}

static int mismatch(const struct ix_verify *v, const struct ix_extent *e,
		    uint64_t offset)
{
	return ix_fail(-IX_ECORRUPT,
		       "%s: part %u, field %u: bytes from %llu on do not match "
		       "their checksum: deliver the file again",
		       v->name, e->part, e->field, (unsigned long long)offset);
}

/* The leaf's hash from page sums that were made while it was written; 0 if one
 * of its pages is not known. */
static int leaf_from_sums(const struct ix_verify *v, uint64_t offset, size_t n,
			  uint64_t *hashp)
{
	uint64_t pages[PAGES_PER_LEAF];
	size_t count = n / IX_PAGE_SIZE;

	if (!v->options->sums || offset % IX_PAGE_SIZE || n % IX_PAGE_SIZE)
		return 0;
	for (size_t i = 0; i < count; i++)
		if (!ix_page_sums_get(v->options->sums,
				      offset / IX_PAGE_SIZE + i, &pages[i]))
			return 0;
	*hashp = ix_leaf_hash_pages(pages, count);
	return 1;
}

static int check_extent(struct ix_verify *v, const struct ix_extent *e,
			uint8_t *buffer)
{
	uint64_t padded = ix_extent_padded(e->length), at = 0, hash;
	uint64_t start = 0, have = 0;
	const uint64_t *leaf = v->info.leaves + e->first_leaf;
	size_t n, m;
	int rc = 0;

	/* `buffer` holds the bytes [start, have) of the extent. */
	for (; at < padded && !rc; at += n, leaf++) {
		n = padded - at < IX_LEAF_SIZE ? (size_t)(padded - at)
					       : IX_LEAF_SIZE;
		if (have <= at && leaf_from_sums(v, e->offset + at, n, &hash)) {
			if (hash != *leaf)
				return mismatch(v, e, e->offset + at);
			rc = ix_verify_step(v, n);
			continue;
		}
		if (have <= at) {
			m = padded - at < READ_SIZE ? (size_t)(padded - at)
						    : READ_SIZE;
			rc = read_exactly(v, buffer, m, e->offset + at);
			start = at;
			have = at + m;
			if (rc)
				return rc;
		}
		hash = ix_leaf_hash(buffer + (at - start), n);
		if (hash != *leaf)
			return mismatch(v, e, e->offset + at);
		rc = ix_verify_step(v, n);
	}
	return rc;
}

/* The bytes between the header and the first large extent, which no checksum
 * covers, are zeros. */
static int check_head(struct ix_verify *v, uint8_t *buffer)
{
	uint64_t first = v->info.trailer.meta_offset;
	int rc;

	for (uint32_t i = 0; i < v->info.trailer.extent_count; i++)
		if (v->info.extents[i].offset < first)
			first = v->info.extents[i].offset;
	if (first <= IX_HEADER_SIZE)
		return 0;
	if (first > IX_PAGE_SIZE)
		return ix_fail(-IX_ECORRUPT, "%s: first extent at %llu",
			       v->name, (unsigned long long)first);
	rc = read_exactly(v, buffer, (size_t)first - IX_HEADER_SIZE,
			  IX_HEADER_SIZE);
	for (size_t i = 0; !rc && i < first - IX_HEADER_SIZE; i++)
		if (buffer[i])
			rc = ix_fail(-IX_ECORRUPT,
				     "%s: byte %zu behind the header is not 0",
				     v->name, i + IX_HEADER_SIZE);
	return rc;
}

int ix_verify_checksums(struct ix_verify *v)
{
	uint8_t *buffer = ix_malloc(READ_SIZE);
	int rc;

	if (!buffer)
		return -ENOMEM;
	rc = check_head(v, buffer);
	for (uint32_t i = 0; i < v->info.trailer.extent_count && !rc; i++)
		rc = check_extent(v, &v->info.extents[i], buffer);
	ix_free(buffer);
	return rc;
}

/* ---- structure ---- */

static int check_terms(struct ix_verify *v, uint32_t field,
		       const struct ix_terms *t)
{
	const char *field_name = v->info.schema->fields[field].name;
	struct ix_terms_cursor *c = ix_malloc(sizeof(*c));
	uint64_t terms = 0, df = 0, ttf = 0;
	struct ix_term_info info;
	const uint8_t *payload;
	int rc;

	if (!c)
		return -ENOMEM;
	ix_terms_cursor_init(c, t);
	while ((rc = ix_terms_cursor_next(c, &info, &payload)) > 0) {
		rc = ix_list_check(payload, &info, t->codec, t->doc_count, 0);
		if (rc)
			break;
		terms++;
		df += info.df;
		ttf += info.ttf;
		rc = terms % 1024 ? 0 : ix_verify_step(v, 0);
		if (rc)
			break;
	}
	ix_free(c);
	if (!rc &&
	    (terms != t->term_count || df != t->sum_df || ttf != t->sum_ttf))
		rc = ix_fail(-IX_ECORRUPT, "term index: wrong totals");
	return rc ? ix_fail_in(rc, "%s: field %s", v->name, field_name) : 0;
}

static int compare_lineage(const struct ix_segment_info *info,
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

static int check_origin(const struct ix_verify *v)
{
	const struct ix_segment_info *info = &v->info;
	const struct ix_trailer *t = &info->trailer;
	uint64_t next = 0;

	for (uint32_t i = 0; i < t->run_count; i++) {
		const struct ix_origin_run *r = &info->runs[i];

		if (r->doc_base != next || !r->doc_count ||
		    !compare_lineage(info, &r->leaf))
			return ix_fail(-IX_ECORRUPT, "%s: origin run %u",
				       v->name, i);
		next += r->doc_count;
	}
	if (next != t->doc_count)
		return ix_fail(-IX_ECORRUPT, "%s: origin runs end at %llu",
			       v->name, (unsigned long long)next);
	for (uint32_t i = 1; i < t->lineage_count; i++)
		if (ix_id_compare(&info->lineage[i - 1], &info->lineage[i]) >=
		    0)
			return ix_fail(-IX_ECORRUPT, "%s: leaf ids not sorted",
				       v->name);
	if (!t->generation &&
	    (t->lineage_count != 1 || !ix_id_equal(&info->lineage[0], &t->id)))
		return ix_fail(-IX_ECORRUPT,
			       "%s: a built segment is its only leaf", v->name);
	return 0;
}

/* Parts that must be there together. */
static int check_parts(const struct ix_verify *v, uint32_t field)
{
	const struct ix_field *f = &v->info.schema->fields[field];
	const struct ix_terms *t = ix_segment_terms(v->segment, field);
	const struct ix_lengths *l = ix_segment_lengths(v->segment, field);
	unsigned codec = f->type != IX_FIELD_TEXT ? IX_POSTINGS_DOCS
			 : f->positions           ? IX_POSTINGS_POSITIONS
						  : IX_POSTINGS_FREQS;

	if (t && (!f->indexed || f->type == IX_FIELD_U64 || t->codec != codec))
		return ix_fail(-IX_ECORRUPT, "%s: field %s: wrong postings",
			       v->name, f->name);
	if (l && f->type != IX_FIELD_TEXT)
		return ix_fail(-IX_ECORRUPT, "%s: field %s: has lengths",
			       v->name, f->name);
	if (t && f->type == IX_FIELD_TEXT && (!l || l->total != t->sum_ttf))
		return ix_fail(-IX_ECORRUPT,
			       "%s: field %s: lengths and postings disagree",
			       v->name, f->name);
	return 0;
}

int ix_verify_structure(struct ix_verify *v)
{
	const struct ix_terms *t;
	int rc = check_origin(v);

	if (!rc)
		rc = ix_segment_open(v->file, v->name, &v->segment);
	for (uint32_t f = 0; !rc && f < v->info.schema->field_count; f++) {
		rc = check_parts(v, f);
		t = ix_segment_terms(v->segment, f);
		if (!rc && t)
			rc = check_terms(v, f, t);
	}
	return rc;
}

/* ---- the verification ---- */

int ix_segment_verify(struct ix_file *f, const char *name,
		      const struct ix_verify_options *o,
		      struct ix_segment_info *infop)
{
	struct ix_verify v = { .file = f, .name = name, .options = o };
	int rc = ix_segment_info_read(f, name, &v.info);

	if (!rc && o->index_schema) {
		rc = ix_schema_accepts(o->index_schema, v.info.schema);
		if (rc)
			rc = ix_fail_in(rc, "%s", name);
	}
	v.all = v.info.trailer.file_length;
	if (o->level >= IX_VERIFY_FULL)
		v.all *= 2;
	if (!rc)
		rc = ix_verify_checksums(&v);
	if (!rc && o->level >= IX_VERIFY_STRUCTURE)
		rc = ix_verify_structure(&v);
	if (!rc && o->level >= IX_VERIFY_FULL)
		rc = ix_verify_content(&v);
	ix_segment_close(v.segment);
	if (!rc && infop) {
		*infop = v.info;
		return 0;
	}
	ix_segment_info_release(&v.info);
	return rc;
}
