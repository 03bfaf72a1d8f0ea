/* SPDX-License-Identifier: MIT */
/*
 * Columns of one field: large extents move as they are, neighbours below
 * IX_MERGE_MOVE_BYTES are decoded and joined, so that generations of merges do
 * not leave generations of crumbs.
 */
#include "core/segment/merge_internal.h"

#define GAP_MAX 65536u /* documents without value a joined extent may span */
#define STEP    65536u /* documents joined between looks at the memory */

struct join {
	struct ix_merge *merge;
	uint32_t field;                  /* of the output */
	struct ix_column_writer *writer; /* owned */
	struct ix_buf data;              /* the extent being joined */
	uint32_t first, next; /* documents [first, next) are in the writer */
};

/* Write out what was joined. */
static int join_flush(struct join *j)
{
	struct ix_extent e = {
		.part = IX_PART_COLUMN,
		.field = (uint16_t)j->field,
		.doc_base = j->first,
		.doc_count = j->next - j->first,
	};
	struct ix_buf out = IX_BUF_INIT;
	enum ix_column_codec codec;
	uint64_t values;
	int rc = 0;

	if (j->next == j->first)
		return 0;
	rc = ix_column_finish(j->writer, &out, &codec, &values);
	if (!rc && values) {
		e.codec = (uint16_t)codec;
		ix_segment_extent_begin(j->merge->writer, &e);
		ix_segment_extent_write(j->merge->writer, out.data, out.len);
		ix_segment_extent_end(j->merge->writer);
		rc = ix_segment_writer_error(j->merge->writer);
		j->merge->result->bytes_coded += out.len;
	}
	j->first = j->next;
	ix_buf_release(&out);
	return rc;
}

/* Bring the join to document `base`, over documents without a value. */
static int join_reach(struct join *j, uint32_t base)
{
	int rc = 0;

	if (j->next == j->first || base - j->next > GAP_MAX) {
		rc = join_flush(j);
		j->first = j->next = base;
	}
	ix_column_skip_docs(j->writer, base - j->next);
	j->next = base;
	return rc;
}

/* An extent of few bytes may have very many documents, so it goes in by steps:
 * memory is looked at after each. */
static int join_values(struct join *j, const struct ix_column *c)
{
	int rc = 0;

	for (uint32_t d = 0, n; d < c->doc_count && !rc; d += n) {
		n = c->doc_count - d < STEP ? c->doc_count - d : STEP;
		ix_column_append(j->writer, c, d, n);
		j->next += n;
		if (ix_column_memory(j->writer) >= IX_MERGE_JOIN_BYTES)
			rc = join_flush(j);
	}
	return rc ? rc : ix_merge_canceled(j->merge);
}

static int join_extent(struct join *j, uint32_t input,
		       const struct ix_extent *row)
{
	struct ix_merge *m = j->merge;
	uint32_t base = m->inputs[input].doc_base + row->doc_base;
	struct ix_column c = { 0 };
	int rc = ix_merge_load(m, input, row, &j->data);

	if (rc)
		return rc;
	rc = ix_column_open(&c, j->data.data, row->length,
			    (enum ix_column_codec)row->codec, row->doc_count,
			    m->schema->fields[j->field].multi);
	if (!rc)
		rc = ix_column_check(&c);
	if (rc)
		rc = ix_merge_blame(m, input, rc, "column");
	if (!rc)
		rc = join_reach(j, base);
	if (!rc)
		rc = join_values(j, &c);
	ix_column_release(&c);
	return rc;
}

static int merge_input(struct join *j, uint32_t input, unsigned own_field)
{
	struct ix_merge *m = j->merge;
	uint32_t count;
	const struct ix_extent *row =
		ix_merge_rows(&m->inputs[input], IX_PART_COLUMN, own_field,
			      &count);
	int rc = 0;

	for (; count-- && !rc; row++) {
		if (row->length < IX_MERGE_MOVE_BYTES) {
			rc = join_extent(j, input, row);
			continue;
		}
		rc = join_flush(j);
		if (!rc)
			rc = ix_merge_move(m, input, row, (uint16_t)j->field);
	}
	return rc;
}

int ix_merge_columns(struct ix_merge *m, uint32_t field)
{
	const struct ix_field *f = &m->schema->fields[field];
	struct join j = { .merge = m, .field = field };
	int rc = ix_column_writer_new(f->type == IX_FIELD_U64, f->multi,
				      &j.writer);

	for (uint32_t i = 0; i < m->n && !rc; i++)
		if (m->inputs[i].field_of[field] >= 0)
			rc = merge_input(
				&j, i, (unsigned)m->inputs[i].field_of[field]);
	if (!rc)
		rc = join_flush(&j);
	ix_column_writer_free(j.writer);
	ix_buf_release(&j.data);
	return rc;
}
