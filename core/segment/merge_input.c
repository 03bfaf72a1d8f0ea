/* SPDX-License-Identifier: MIT */
/*
 * The inputs of a merge: opening them with every refusal that can be known
 * before the first byte is written, and reading their extents.
 *
 * Inputs are read through the engine alone (never through a map, where a bad
 * disk would be a signal instead of an error: HAZARDS S-41), and each checksum
 * leaf is checked before any of its bytes is used.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/codec.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/segment/merge_internal.h"

/* ---- opening ---- */

static int open_input(struct ix_merge *m, uint32_t i,
		      const struct ix_merge_source *source)
{
	struct ix_merge_input *in = &m->inputs[i];
	int rc;

	in->file = source->file;
	in->name = source->name;
	in->registration = source->registration;
	rc = ix_segment_info_read(in->file, in->name, &in->info);
	if (rc) {
		if (ix_err_is_content(rc))
			m->bad_input = i;
		return rc;
	}
	in->doc_base = m->doc_count;
	if (in->info.trailer.doc_count > IX_DOCS_MAX - m->doc_count)
		return ix_fail(
			-IX_ELIMIT,
			"%s: the merge would have more than %u documents",
			in->name, IX_DOCS_MAX);
	if (in->info.trailer.generation == UINT32_MAX)
		return ix_fail(-IX_ELIMIT, "%s: merged too many times",
			       in->name);
	m->doc_count += in->info.trailer.doc_count;
	m->bytes_in += in->info.trailer.file_length;
	return 0;
}

static int join_schemas(struct ix_merge *m)
{
	const struct ix_schema *schemas[IX_MERGE_FAN_IN_MAX];
	int rc;

	for (uint32_t i = 0; i < m->n; i++)
		schemas[i] = m->inputs[i].info.schema;
	rc = ix_schema_union(schemas, m->n, &m->schema);
	if (rc)
		return rc;
	for (uint32_t i = 0; i < m->n; i++) {
		struct ix_merge_input *in = &m->inputs[i];

		in->field_of = ix_calloc(m->schema->field_count,
					 sizeof(*in->field_of));
		if (!in->field_of)
			return -ENOMEM;
		for (uint32_t f = 0; f < m->schema->field_count; f++)
			in->field_of[f] =
				ix_schema_find(in->info.schema,
					       m->schema->fields[f].name,
					       m->schema->fields[f].name_len);
	}
	return 0;
}

static int compare_ids(const void *a, const void *b)
{
	return ix_id_compare(a, b);
}

/* The leaf ids of all inputs, sorted. Two inputs with a common one hold the
 * same documents, which a merge would double for good. */
static int join_lineage(struct ix_merge *m)
{
	char text[IX_ID_HEX + 1];
	uint64_t total = 0;

	for (uint32_t i = 0; i < m->n; i++)
		total += m->inputs[i].info.trailer.lineage_count;
	if (total > UINT32_MAX)
		return ix_fail(-IX_ELIMIT, "the merge would have %llu leaves",
			       (unsigned long long)total);
	m->lineage = ix_calloc(total, sizeof(*m->lineage));
	if (!m->lineage)
		return -ENOMEM;
	for (uint32_t i = 0; i < m->n; i++) {
		const struct ix_segment_info *info = &m->inputs[i].info;

		memcpy(m->lineage + m->lineage_count, info->lineage,
		       info->trailer.lineage_count * sizeof(*m->lineage));
		m->lineage_count += info->trailer.lineage_count;
	}
	qsort(m->lineage, m->lineage_count, sizeof(*m->lineage), compare_ids);
	for (uint32_t i = 1; i < m->lineage_count; i++)
		if (ix_id_equal(&m->lineage[i - 1], &m->lineage[i]))
			return ix_fail(-IX_EOVERLAP,
				       "two sources of the merge contain the "
				       "built segment %s",
				       ix_id_format(&m->lineage[i], text));
	return 0;
}

int ix_merge_open_inputs(struct ix_merge *m,
			 const struct ix_merge_source *sources)
{
	int rc = 0;

	m->inputs = ix_calloc(m->n, sizeof(*m->inputs));
	if (!m->inputs)
		return -ENOMEM;
	for (uint32_t i = 0; i < m->n && !rc; i++)
		rc = open_input(m, i, &sources[i]);
	if (!rc)
		rc = join_lineage(m);
	return rc ? rc : join_schemas(m);
}

/* ---- extents ---- */

int ix_merge_canceled(const struct ix_merge *m)
{
	if (m->options->canceled && m->options->canceled(m->options->ctx))
		return ix_fail(-IX_ECANCELED, "merge cancelled");
	return 0;
}

int ix_merge_check_leaf(void *ctx, uint64_t index, const uint8_t *data,
			size_t n)
{
	struct ix_merge_extent *x = ctx;
	struct ix_merge *m = x->merge;
	const struct ix_merge_input *in = &m->inputs[x->input];

	index += x->leaf;
	if (ix_leaf_hash(data, n) !=
	    in->info.leaves[x->row->first_leaf + index]) {
		m->bad_input = x->input;
		return ix_fail(-IX_ECORRUPT,
			       "%s: part %u, field %u: bytes from %llu on do "
			       "not match their checksum",
			       in->name, x->row->part, x->row->field,
			       (unsigned long long)(x->row->offset +
						    index * IX_LEAF_SIZE));
	}
	m->bytes_done += n;
	if (m->options->progress)
		m->options->progress(m->options->ctx, m->bytes_done,
				     m->bytes_in);
	return 0;
}

int ix_merge_blame(struct ix_merge *m, uint32_t input, int rc, const char *what)
{
	if (!ix_err_is_content(rc))
		return rc;
	/* A failed leaf has said all of it already. */
	if (m->bad_input == input)
		return rc;
	m->bad_input = input;
	return ix_fail_in(rc, "%s: %s", m->inputs[input].name, what);
}

/* A source over the leaves that hold [at, at + n) of an extent; `*skipp` bytes
 * of it come before `at`. `x` must outlive it. */
static int open_range(struct ix_merge_extent *x, uint64_t at, uint64_t n,
		      uint64_t *skipp, struct ix_source **sp)
{
	struct ix_merge *m = x->merge;
	uint64_t start = at / IX_LEAF_SIZE * IX_LEAF_SIZE;
	uint64_t end = ix_align_up(at + n, IX_LEAF_SIZE);
	uint64_t padded = ix_extent_padded(x->row->length);

	*skipp = at - start;
	x->leaf = start / IX_LEAF_SIZE;
	if (end > padded)
		end = padded;
	return ix_source_open(m->engine, m->inputs[x->input].file,
			      x->row->offset + start, end - start,
			      ix_merge_check_leaf, x, sp);
}

static int skip_bytes(struct ix_source *s, uint64_t n)
{
	const uint8_t *p;
	size_t k;
	int rc = 0;

	while (n && !(rc = ix_source_peek(s, 1, &p, &k)) && k) {
		if (k > n)
			k = (size_t)n;
		ix_source_skip(s, k);
		n -= k;
	}
	return rc;
}

int ix_merge_read(struct ix_merge *m, uint32_t input,
		  const struct ix_extent *row, uint64_t at, void *out, size_t n)
{
	struct ix_merge_extent x = { .merge = m, .input = input, .row = row };
	struct ix_source *source = NULL;
	uint64_t skip;
	int rc = ix_merge_canceled(m);

	if (!rc)
		rc = open_range(&x, at, n, &skip, &source);
	if (!rc)
		rc = skip_bytes(source, skip);
	if (!rc)
		rc = ix_source_read(source, out, n);
	/* The range ends inside the last leaf, which is checked even so. */
	ix_source_close(source);
	return rc ? ix_merge_blame(m, input, rc, "reading") : 0;
}

int ix_merge_load(struct ix_merge *m, uint32_t input,
		  const struct ix_extent *row, struct ix_buf *out)
{
	uint8_t *p;

	ix_buf_clear(out);
	p = ix_buf_extend(out, (size_t)row->length);
	if (!p)
		return -ENOMEM;
	return ix_merge_read(m, input, row, 0, p, (size_t)row->length);
}

static int compare_place(const struct ix_extent *e, unsigned part,
			 unsigned field)
{
	if (e->part != part)
		return e->part < part ? -1 : 1;
	return (e->field > field) - (e->field < field);
}

const struct ix_extent *ix_merge_rows(const struct ix_merge_input *in,
				      unsigned part, unsigned field,
				      uint32_t *countp)
{
	const struct ix_extent *rows = in->info.extents;
	uint32_t low = 0, high = in->info.trailer.extent_count, end;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (compare_place(&rows[mid], part, field) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	end = low;
	while (end < in->info.trailer.extent_count &&
	       !compare_place(&rows[end], part, field))
		end++;
	*countp = end - low;
	return rows + low;
}

const struct ix_extent *ix_merge_only_row(const struct ix_merge_input *in,
					  unsigned part, unsigned field)
{
	uint32_t n;
	const struct ix_extent *row = ix_merge_rows(in, part, field, &n);

	return n ? row : NULL;
}

int ix_merge_move(struct ix_merge *m, uint32_t input,
		  const struct ix_extent *row, uint16_t out_field)
{
	struct ix_merge_extent x = { .merge = m, .input = input, .row = row };
	struct ix_extent out = *row;
	struct ix_source *source = NULL;
	uint64_t left = row->length;
	const uint8_t *p;
	size_t n;
	int rc;

	out.field = out_field;
	out.doc_base += m->inputs[input].doc_base;
	rc = ix_source_open(m->engine, m->inputs[input].file, row->offset,
			    ix_extent_padded(row->length), ix_merge_check_leaf,
			    &x, &source);
	if (rc)
		return rc;
	ix_segment_extent_begin(m->writer, &out);
	while (left && !rc) {
		rc = ix_source_peek(source, 1, &p, &n);
		if (!rc && !n)
			rc = ix_fail(-IX_ECORRUPT, "ends early");
		if (rc)
			break;
		if (n > left)
			n = (size_t)left;
		ix_segment_extent_write(m->writer, p, n);
		ix_source_skip(source, n);
		left -= n;
		rc = ix_segment_writer_error(m->writer);
	}
	ix_segment_extent_end(m->writer);
	ix_source_close(source);
	if (!rc)
		rc = ix_segment_writer_error(m->writer);
	/* The same bytes have the same leaves: this is the proof that what was
	 * hashed on its way out is what was checked on its way in. */
	if (!rc && ix_segment_extent_root(m->writer) != row->root)
		rc = ix_fail(-EIO,
			     "%s: bytes changed in memory while they were "
			     "copied: do not trust this machine",
			     m->inputs[input].name);
	m->result->bytes_copied += row->length;
	return rc ? ix_merge_blame(m, input, rc, "copying") : 0;
}
