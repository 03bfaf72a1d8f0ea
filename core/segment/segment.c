/* SPDX-License-Identifier: MIT */
#include "core/segment/segment.h"

#include <string.h>

#include "core/base/codec.h"
#include "core/base/err.h"
#include "core/base/mem.h"

/* The opened parts of one field. */
struct field_parts {
	const struct ix_extent *postings; /* in info.extents, or NULL */
	struct ix_terms terms;
	struct ix_lengths lengths;
	int has_terms, has_lengths;
	uint32_t first_column; /* in ix_segment.columns and .column_rows */
	uint32_t column_count;
};

struct ix_segment {
	char *name;                           /* owned */
	struct ix_map map;                    /* owned */
	struct ix_segment_info info;          /* owned */
	struct field_parts *fields;           /* owned, by field number */
	struct ix_column *columns;            /* owned, in row order */
	const struct ix_extent **column_rows; /* owned array */
	uint32_t column_count;
	struct ix_store *stores;             /* owned, in row order */
	const struct ix_extent **store_rows; /* owned array */
	uint32_t store_count;
	const uint8_t *ties;
};

static const uint8_t *row_data(const struct ix_segment *s,
			       const struct ix_extent *e)
{
	return s->map.data + e->offset;
}

/* ---- opening ---- */

/* The table is sorted, so a field's postings come before its term index; that
 * both are there has been checked. */
static int open_terms(struct ix_segment *s, const struct ix_extent *index)
{
	struct field_parts *parts = &s->fields[index->field];
	const struct ix_extent *p = parts->postings;
	int rc;

	if (!p)
		return ix_fail(-IX_ECORRUPT, "term index without postings");
	rc = ix_terms_open(&parts->terms, row_data(s, p), p->length,
			   row_data(s, index), index->length,
			   (enum ix_postings_codec)p->codec,
			   s->info.trailer.doc_count);
	parts->has_terms = !rc;
	return rc;
}

static int open_lengths(struct ix_segment *s, const struct ix_extent *e)
{
	struct field_parts *parts = &s->fields[e->field];
	int rc = ix_lengths_open(&parts->lengths, row_data(s, e), e->length,
				 s->info.trailer.doc_count);

	parts->has_lengths = !rc;
	return rc;
}

static int open_column(struct ix_segment *s, const struct ix_extent *e)
{
	struct field_parts *parts = &s->fields[e->field];
	const struct ix_field *f = &s->info.schema->fields[e->field];
	int rc;

	rc = ix_column_open(&s->columns[s->column_count], row_data(s, e),
			    e->length, (enum ix_column_codec)e->codec,
			    e->doc_count, f->multi);
	if (rc)
		return rc;
	/* Rows are sorted by (part, field, base): a field's are neighbours. */
	if (!parts->column_count++)
		parts->first_column = s->column_count;
	s->column_rows[s->column_count++] = e;
	return 0;
}

static int open_store(struct ix_segment *s, const struct ix_extent *e)
{
	int rc = ix_store_open(&s->stores[s->store_count], row_data(s, e),
			       e->length, e->doc_count);

	if (!rc)
		s->store_rows[s->store_count++] = e;
	return rc;
}

static int open_part(struct ix_segment *s, const struct ix_extent *e)
{
	switch (e->part) {
	case IX_PART_POSTINGS:
		s->fields[e->field].postings = e;
		return 0;
	case IX_PART_TERM_INDEX:
		return open_terms(s, e);
	case IX_PART_LENGTHS:
		return open_lengths(s, e);
	case IX_PART_COLUMN:
		return open_column(s, e);
	case IX_PART_STORE:
		return open_store(s, e);
	default: /* the tie part: nothing else passed ix_extents_check */
		s->ties = row_data(s, e);
		return 0;
	}
}

static int open_parts(struct ix_segment *s)
{
	uint32_t n = s->info.trailer.extent_count, columns = 0, stores = 0;
	int rc = 0;

	for (uint32_t i = 0; i < n; i++) {
		columns += s->info.extents[i].part == IX_PART_COLUMN;
		stores += s->info.extents[i].part == IX_PART_STORE;
	}
	s->fields = ix_calloc(s->info.schema->field_count, sizeof(*s->fields));
	s->columns = ix_calloc(columns, sizeof(*s->columns));
	s->column_rows = ix_calloc(columns, sizeof(void *));
	s->stores = ix_calloc(stores, sizeof(*s->stores));
	s->store_rows = ix_calloc(stores, sizeof(void *));
	if (!s->fields || !s->columns || !s->column_rows || !s->stores ||
	    !s->store_rows)
		return -ENOMEM;
	for (uint32_t i = 0; i < n && !rc; i++) {
		const struct ix_extent *e = &s->info.extents[i];

		rc = open_part(s, e);
		if (rc)
			rc = ix_fail_in(rc, "part %u, field %u at %llu",
					e->part, e->field,
					(unsigned long long)e->offset);
	}
	return rc;
}

int ix_segment_open(struct ix_file *f, const char *name, struct ix_segment **sp)
{
	struct ix_segment *s = ix_calloc(1, sizeof(*s));
	int rc;

	*sp = NULL;
	if (!s)
		return -ENOMEM;
	s->name = ix_strdup(name);
	rc = s->name ? ix_segment_info_read(f, name, &s->info) : -ENOMEM;
	if (!rc)
		rc = ix_file_map(f, s->info.trailer.file_length, &s->map);
	if (!rc) {
		rc = open_parts(s);
		if (rc)
			rc = ix_fail_in(rc, "%s", name);
	}
	if (rc) {
		ix_segment_close(s);
		return rc;
	}
	*sp = s;
	return 0;
}

void ix_segment_close(struct ix_segment *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; i < s->column_count; i++)
		ix_column_release(&s->columns[i]);
	ix_free(s->fields);
	ix_free(s->columns);
	ix_free(s->column_rows);
	ix_free(s->stores);
	ix_free(s->store_rows);
	ix_segment_info_release(&s->info);
	ix_map_release(&s->map);
	ix_free(s->name);
	ix_free(s);
}

/* ---- reading ---- */

const char *ix_segment_name(const struct ix_segment *s)
{
	return s->name;
}

const struct ix_segment_info *ix_segment_info(const struct ix_segment *s)
{
	return &s->info;
}

uint32_t ix_segment_doc_count(const struct ix_segment *s)
{
	return s->info.trailer.doc_count;
}

const struct ix_schema *ix_segment_schema(const struct ix_segment *s)
{
	return s->info.schema;
}

const uint8_t *ix_segment_data(const struct ix_segment *s, uint64_t *np)
{
	*np = s->map.size;
	return s->map.data;
}

const struct ix_terms *ix_segment_terms(const struct ix_segment *s,
					uint32_t field)
{
	return s->fields[field].has_terms ? &s->fields[field].terms : NULL;
}

const struct ix_lengths *ix_segment_lengths(const struct ix_segment *s,
					    uint32_t field)
{
	return s->fields[field].has_lengths ? &s->fields[field].lengths : NULL;
}

/* The row among `n` in ascending ranges that holds `doc`, or n. */
static uint32_t find_range(const struct ix_extent *const *rows, uint32_t n,
			   uint32_t doc)
{
	uint32_t low = 0, high = n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (rows[mid]->doc_base + rows[mid]->doc_count <= doc)
			low = mid + 1;
		else
			high = mid;
	}
	return low < n && rows[low]->doc_base <= doc ? low : n;
}

const struct ix_column *ix_segment_column(const struct ix_segment *s,
					  uint32_t field, uint32_t doc,
					  uint32_t *docp)
{
	const struct field_parts *p = &s->fields[field];
	uint32_t i = find_range(s->column_rows + p->first_column,
				p->column_count, doc);

	if (i == p->column_count)
		return NULL;
	i += p->first_column;
	*docp = doc - s->column_rows[i]->doc_base;
	return &s->columns[i];
}

const struct ix_extent *ix_segment_column_row(const struct ix_segment *s,
					      uint32_t field, uint32_t i,
					      const struct ix_column **cp)
{
	const struct field_parts *p = &s->fields[field];

	if (i >= p->column_count)
		return NULL;
	*cp = &s->columns[p->first_column + i];
	return s->column_rows[p->first_column + i];
}

uint64_t ix_segment_tie(const struct ix_segment *s, uint32_t doc)
{
	return ix_get64(s->ties + (size_t)doc * 8);
}

int ix_segment_record(const struct ix_segment *s, struct ix_store_cursor *c,
		      uint32_t doc, const uint8_t **recordp, size_t *np)
{
	uint32_t i = find_range(s->store_rows, s->store_count, doc);

	if (i == s->store_count)
		return ix_fail(-IX_ECORRUPT, "%s: document %u has no record",
			       s->name, doc);
	return ix_store_get(&s->stores[i], c, doc - s->store_rows[i]->doc_base,
			    recordp, np);
}

const struct ix_extent *ix_segment_store_row(const struct ix_segment *s,
					     uint32_t i,
					     const struct ix_store **sp)
{
	if (i >= s->store_count)
		return NULL;
	*sp = &s->stores[i];
	return s->store_rows[i];
}
