/* SPDX-License-Identifier: MIT */
/*
 * One merge, in phases:
 *
 *   open      metadata of all inputs, union of the schemas, document bases:
 *             every refusal that can be known happens before the first byte
 *   ties      needed by the postings that must be encoded again
 *   fields    postings (copied, core/format/field_merge), lengths, columns
 *   store     moved or joined
 *   finish    metadata, trailer, sync, and the check of what was written
 *
 * Parts that are decoded are read through a map of the input; the large ones
 * stream through the engine. Either way each checksum leaf is checked before
 * any of its bytes is used.
 */
#include "core/segment/merge.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/codec.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/format/field_merge.h"
#include "core/segment/merge_internal.h"

/* ---- input extents ---- */

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

int ix_merge_load(struct ix_merge *m, uint32_t input,
		  const struct ix_extent *row, const uint8_t **datap)
{
	struct ix_merge_extent x = { m, input, row };
	uint64_t padded = ix_extent_padded(row->length), at = 0, index = 0;
	const uint8_t *data = m->inputs[input].map.data + row->offset;
	int rc = ix_merge_canceled(m);

	for (; at < padded && !rc; at += IX_LEAF_SIZE, index++)
		rc = ix_merge_check_leaf(&x, index, data + at,
					 padded - at < IX_LEAF_SIZE
						 ? (size_t)(padded - at)
						 : IX_LEAF_SIZE);
	*datap = data;
	return rc;
}

const struct ix_extent *ix_merge_row(const struct ix_merge_input *in,
				     unsigned part, unsigned field,
				     uint32_t nth)
{
	for (uint32_t i = 0; i < in->info.trailer.extent_count; i++) {
		const struct ix_extent *e = &in->info.extents[i];

		if (e->part == part && e->field == field && nth-- == 0)
			return e;
	}
	return NULL;
}

int ix_merge_move(struct ix_merge *m, uint32_t input,
		  const struct ix_extent *row, uint16_t out_field)
{
	struct ix_merge_extent x = { m, input, row };
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
		if (rc)
			break;
		if (!n) {
			rc = ix_fail(-IX_ECORRUPT, "%s: ends early",
				     m->inputs[input].name);
			break;
		}
		if (n > left)
			n = (size_t)left;
		ix_segment_extent_write(m->writer, p, n);
		ix_source_skip(source, n);
		left -= n;
		rc = ix_segment_writer_error(m->writer);
	}
	ix_segment_extent_end(m->writer);
	ix_source_close(source);
	m->result->bytes_copied += row->length;
	return rc;
}

/* ---- open ---- */

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
	rc = ix_file_map(in->file, in->info.trailer.file_length, &in->map);
	if (rc)
		return ix_fail(rc, "%s: cannot be mapped", in->name);
	in->doc_base = m->doc_count;
	if (in->info.trailer.doc_count > IX_DOCS_MAX - m->doc_count)
		return ix_fail(
			-IX_ELIMIT,
			"%s: the merge would have more than %u documents",
			in->name, IX_DOCS_MAX);
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

static int open_inputs(struct ix_merge *m,
		       const struct ix_merge_source *sources)
{
	int rc = 0;

	m->inputs = ix_calloc(m->n, sizeof(*m->inputs));
	if (!m->inputs)
		return -ENOMEM;
	for (uint32_t i = 0; i < m->n && !rc; i++)
		rc = open_input(m, i, &sources[i]);
	return rc ? rc : join_schemas(m);
}

static int open_output(struct ix_merge *m, struct ix_file *out)
{
	struct ix_engine_options o = {
		.kind = m->options->engine,
		.arena_bytes = m->options->arena_bytes,
		.fan_in = m->n,
		.canceled = m->options->canceled,
		.canceled_ctx = m->options->ctx,
	};
	int rc = ix_engine_new(&o, &m->engine);

	if (!rc)
		rc = ix_sink_open(m->engine, out, &m->sink);
	return rc ? rc : ix_segment_writer_new(m->sink, &m->writer);
}

/* ---- ties ---- */

static int load_ties(struct ix_merge *m)
{
	const struct ix_extent *row;
	const uint8_t *data;
	int rc;

	m->ties = ix_calloc(m->doc_count, sizeof(*m->ties));
	if (!m->ties)
		return -ENOMEM;
	for (uint32_t i = 0; i < m->n; i++) {
		uint32_t docs = m->inputs[i].info.trailer.doc_count;

		row = ix_merge_row(&m->inputs[i], IX_PART_TIE, IX_NO_FIELD, 0);
		if (!row || row->length != (uint64_t)docs * 8) {
			m->bad_input = i;
			return ix_fail(-IX_ECORRUPT, "%s: no tie part",
				       m->inputs[i].name);
		}
		rc = ix_merge_load(m, i, row, &data);
		if (rc)
			return rc;
		memcpy(m->ties + m->inputs[i].doc_base, data, row->length);
	}
	return 0;
}

static int write_ties(struct ix_merge *m)
{
	struct ix_extent e = {
		.part = IX_PART_TIE,
		.field = IX_NO_FIELD,
		.codec = 1,
		.doc_count = m->doc_count,
	};

	ix_segment_extent_begin(m->writer, &e);
	ix_segment_extent_write(m->writer, m->ties,
				(size_t)m->doc_count * sizeof(*m->ties));
	ix_segment_extent_end(m->writer);
	return ix_segment_writer_error(m->writer);
}

/* ---- lengths ---- */

static int load_lengths(struct ix_merge *m, uint32_t field, int *anyp)
{
	const struct ix_extent *row;
	struct ix_lengths lengths;
	const uint8_t *data;
	int rc;

	*anyp = 0;
	memset(m->lengths, 0, (size_t)m->doc_count * sizeof(*m->lengths));
	for (uint32_t i = 0; i < m->n; i++) {
		struct ix_merge_input *in = &m->inputs[i];
		uint32_t docs = in->info.trailer.doc_count;

		if (in->field_of[field] < 0)
			continue;
		row = ix_merge_row(in, IX_PART_LENGTHS,
				   (unsigned)in->field_of[field], 0);
		if (!row)
			continue;
		rc = ix_merge_load(m, i, row, &data);
		if (!rc)
			rc = ix_lengths_open(&lengths, data, row->length, docs);
		if (rc) {
			m->bad_input = i;
			return ix_fail_in(rc, "%s", in->name);
		}
		*anyp = 1;
		for (uint32_t d = 0; d < docs; d++)
			m->lengths[in->doc_base + d] =
				ix_lengths_get(&lengths, d);
	}
	return 0;
}

static int write_lengths(struct ix_merge *m, uint32_t field)
{
	struct ix_extent e = {
		.part = IX_PART_LENGTHS,
		.field = (uint16_t)field,
		.codec = 1,
		.doc_count = m->doc_count,
	};
	struct ix_buf out = IX_BUF_INIT;
	int rc = ix_lengths_encode(m->lengths, m->doc_count, &out);

	if (!rc) {
		ix_segment_extent_begin(m->writer, &e);
		ix_segment_extent_write(m->writer, out.data, out.len);
		ix_segment_extent_end(m->writer);
		rc = ix_segment_writer_error(m->writer);
	}
	ix_buf_release(&out);
	return rc;
}

/* ---- postings ---- */

struct postings_inputs {
	struct ix_field_source sources[IX_MERGE_FAN_IN_MAX];
	struct ix_merge_extent extents[IX_MERGE_FAN_IN_MAX];
	uint32_t n;
};

static int open_postings(struct ix_merge *m, uint32_t field,
			 struct postings_inputs *p, uint16_t *codecp)
{
	for (uint32_t i = 0; i < m->n; i++) {
		struct ix_merge_input *in = &m->inputs[i];
		const struct ix_extent *row = NULL;
		struct ix_field_source *s;
		int rc;

		if (in->field_of[field] >= 0)
			row = ix_merge_row(in, IX_PART_POSTINGS,
					   (unsigned)in->field_of[field], 0);
		if (!row)
			continue;
		if (p->n && row->codec != *codecp) {
			m->bad_input = i;
			return ix_fail(-IX_ECORRUPT,
				       "%s: field %s: codec %u beside %u",
				       in->name, m->schema->fields[field].name,
				       row->codec, *codecp);
		}
		*codecp = row->codec;
		p->extents[p->n] = (struct ix_merge_extent){ m, i, row };
		s = &p->sources[p->n];
		s->postings_len = row->length;
		s->doc_base = in->doc_base;
		s->doc_count = in->info.trailer.doc_count;
		s->name = in->name;
		rc = ix_source_open(m->engine, in->file, row->offset,
				    ix_extent_padded(row->length),
				    ix_merge_check_leaf, &p->extents[p->n],
				    &s->postings);
		if (rc)
			return rc;
		p->n++;
	}
	return 0;
}

static int write_term_index(struct ix_merge *m, uint32_t field,
			    const struct ix_buf *index)
{
	struct ix_extent e = {
		.part = IX_PART_TERM_INDEX,
		.field = (uint16_t)field,
		.codec = 1,
		.doc_count = m->doc_count,
	};

	ix_segment_extent_begin(m->writer, &e);
	ix_segment_extent_write(m->writer, index->data, index->len);
	ix_segment_extent_end(m->writer);
	return ix_segment_writer_error(m->writer);
}

static int merge_postings(struct ix_merge *m, uint32_t field)
{
	struct ix_extent e = {
		.part = IX_PART_POSTINGS,
		.field = (uint16_t)field,
		.doc_count = m->doc_count,
	};
	struct ix_doc_norms norms = { m->lengths, m->ties };
	struct ix_terms_out out = { ix_segment_extent_out, m->writer };
	struct ix_field_merge_stats stats = { 0 };
	struct postings_inputs p = { .n = 0 };
	struct ix_buf index = IX_BUF_INIT;
	int rc = open_postings(m, field, &p, &e.codec);

	if (rc || !p.n)
		goto out;
	ix_segment_extent_begin(m->writer, &e);
	rc = ix_field_merge(p.sources, p.n, (enum ix_postings_codec)e.codec,
			    &norms, out, &index, &stats);
	ix_segment_extent_end(m->writer);
	if (!rc)
		rc = ix_segment_writer_error(m->writer);
	if (!rc)
		rc = write_term_index(m, field, &index);
	m->result->terms_in += stats.terms_in;
	m->result->bytes_copied += stats.bytes_copied;
	m->result->bytes_coded += stats.bytes_coded;
out:
	for (uint32_t i = 0; i < p.n; i++)
		ix_source_close(p.sources[i].postings);
	ix_buf_release(&index);
	return rc;
}

static int merge_field(struct ix_merge *m, uint32_t field)
{
	const struct ix_field *f = &m->schema->fields[field];
	int rc = 0, any = 0;

	if (f->type == IX_FIELD_TEXT)
		rc = load_lengths(m, field, &any);
	else
		memset(m->lengths, 0,
		       (size_t)m->doc_count * sizeof(*m->lengths));
	if (!rc && f->indexed)
		rc = merge_postings(m, field);
	if (!rc && any)
		rc = write_lengths(m, field);
	if (!rc && f->type != IX_FIELD_TEXT)
		rc = ix_merge_columns(m, field);
	return rc ? rc : ix_merge_canceled(m);
}

/* ---- finish ---- */

static int compare_ids(const void *a, const void *b)
{
	return ix_id_compare(a, b);
}

static int join_lineage(const struct ix_merge *m, struct ix_id **lineagep,
			uint32_t *countp)
{
	struct ix_id *all;
	size_t total = 0, kept = 0;

	for (uint32_t i = 0; i < m->n; i++)
		total += m->inputs[i].info.trailer.lineage_count;
	all = ix_calloc(total, sizeof(*all));
	if (!all)
		return -ENOMEM;
	total = 0;
	for (uint32_t i = 0; i < m->n; i++) {
		const struct ix_segment_info *info = &m->inputs[i].info;

		memcpy(all + total, info->lineage,
		       info->trailer.lineage_count * sizeof(*all));
		total += info->trailer.lineage_count;
	}
	qsort(all, total, sizeof(*all), compare_ids);
	for (size_t i = 0; i < total; i++)
		if (!kept || !ix_id_equal(&all[kept - 1], &all[i]))
			all[kept++] = all[i];
	*lineagep = all;
	*countp = (uint32_t)kept;
	return kept > UINT32_MAX ? ix_fail(-IX_ELIMIT, "too many leaves") : 0;
}

static int join_runs(const struct ix_merge *m, struct ix_origin_run **runsp,
		     uint32_t *countp)
{
	struct ix_origin_run *runs;
	size_t total = 0;

	for (uint32_t i = 0; i < m->n; i++)
		total += m->inputs[i].info.trailer.run_count;
	runs = ix_calloc(total, sizeof(*runs));
	if (!runs)
		return -ENOMEM;
	total = 0;
	for (uint32_t i = 0; i < m->n; i++) {
		const struct ix_merge_input *in = &m->inputs[i];

		for (uint32_t r = 0; r < in->info.trailer.run_count; r++) {
			runs[total] = in->info.runs[r];
			runs[total].doc_base += in->doc_base;
			if (!runs[total].registration)
				runs[total].registration = in->registration;
			total++;
		}
	}
	*runsp = runs;
	*countp = (uint32_t)total;
	return 0;
}

static void identify(struct ix_merge *m, struct ix_segment_identity *identity)
{
	struct ix_id ids[IX_MERGE_FAN_IN_MAX];

	identity->doc_count = m->doc_count;
	identity->schema = m->schema;
	for (uint32_t i = 0; i < m->n; i++) {
		const struct ix_trailer *t = &m->inputs[i].info.trailer;

		ids[i] = t->id;
		identity->content_sum =
			ix_u128_add(identity->content_sum, t->content_sum);
		if (t->generation >= identity->generation)
			identity->generation = t->generation + 1;
	}
	identity->id = ix_merge_id(ids, m->n);
}

static int write_metadata(struct ix_merge *m,
			  struct ix_segment_identity *identity)
{
	const struct ix_id *built = m->options->built_id;
	struct ix_origin_run *runs = NULL, built_run = { 0 };
	struct ix_id *lineage = NULL;
	int rc;

	identify(m, identity);
	if (built) {
		built_run.doc_count = m->doc_count;
		built_run.leaf = *built;
		identity->id = *built;
		identity->generation = 0;
		identity->runs = &built_run;
		identity->run_count = 1;
		identity->lineage = built;
		identity->lineage_count = 1;
		return ix_segment_writer_finish(m->writer, identity);
	}
	rc = join_runs(m, &runs, &identity->run_count);
	if (!rc)
		rc = join_lineage(m, &lineage, &identity->lineage_count);
	if (!rc) {
		identity->runs = runs;
		identity->lineage = lineage;
		rc = ix_segment_writer_finish(m->writer, identity);
	}
	identity->runs = NULL;
	identity->lineage = NULL;
	ix_free(runs);
	ix_free(lineage);
	return rc;
}

/* Read back what a reader would trust first: header, metadata, trailer, and
 * the algebra of counts and sums. The payload was hashed before it was
 * written; reading all of it again is the scrub's job. */
static int check_output(struct ix_merge *m, struct ix_file *out,
			const struct ix_segment_identity *identity)
{
	struct ix_segment_info info = { 0 };
	int rc = ix_segment_info_read(out, "merge output", &info);

	if (!rc &&
	    (!ix_id_equal(&info.trailer.id, &identity->id) ||
	     info.trailer.doc_count != m->doc_count ||
	     !ix_u128_equal(info.trailer.content_sum, identity->content_sum)))
		rc = ix_fail(-IX_ECORRUPT,
			     "merge output is not what was written: do not "
			     "trust this disk");
	m->result->bytes_out = info.trailer.file_length;
	ix_segment_info_release(&info);
	return rc;
}

static int finish(struct ix_merge *m, struct ix_file *out)
{
	struct ix_segment_identity identity = { 0 };
	int rc = write_metadata(m, &identity);

	if (!rc)
		rc = ix_sink_finish(m->sink, m->options->sync);
	if (!rc)
		rc = check_output(m, out, &identity);
	m->result->id = identity.id;
	m->result->doc_count = m->doc_count;
	m->result->bytes_in = m->bytes_in;
	return rc;
}

/* ---- the merge ---- */

static int merge_parts(struct ix_merge *m)
{
	int rc = load_ties(m);

	m->lengths = ix_calloc(m->doc_count, sizeof(*m->lengths));
	if (!rc && !m->lengths)
		rc = -ENOMEM;
	for (uint32_t f = 0; f < m->schema->field_count && !rc; f++)
		rc = merge_field(m, f);
	if (!rc)
		rc = ix_merge_store(m);
	return rc ? rc : write_ties(m);
}

static void release(struct ix_merge *m)
{
	ix_segment_writer_free(m->writer);
	ix_sink_close(m->sink);
	ix_engine_free(m->engine);
	for (uint32_t i = 0; m->inputs && i < m->n; i++) {
		ix_map_release(&m->inputs[i].map);
		ix_segment_info_release(&m->inputs[i].info);
		ix_free(m->inputs[i].field_of);
	}
	ix_free(m->inputs);
	ix_schema_free(m->schema);
	ix_free(m->ties);
	ix_free(m->lengths);
}

int ix_segment_merge(const struct ix_merge_source *sources, uint32_t n,
		     struct ix_file *out, const struct ix_merge_options *o,
		     struct ix_merge_result *result, uint32_t *bad_sourcep)
{
	struct ix_merge m = {
		.options = o,
		.n = n,
		.bad_input = n,
		.result = result,
	};
	int rc;

	memset(result, 0, sizeof(*result));
	if (bad_sourcep)
		*bad_sourcep = n;
	if (!n || n > IX_MERGE_FAN_IN_MAX)
		return ix_fail(-EINVAL, "a merge takes 1 to %u segments",
			       IX_MERGE_FAN_IN_MAX);
	rc = open_inputs(&m, sources);
	if (!rc)
		rc = open_output(&m, out);
	if (!rc)
		rc = merge_parts(&m);
	if (!rc)
		rc = finish(&m, out);
	if (rc && bad_sourcep && ix_err_is_content(rc))
		*bad_sourcep = m.bad_input;
	release(&m);
	return rc;
}

struct ix_id ix_merge_id(const struct ix_id *sources, uint32_t n)
{
	uint8_t text[14 + IX_MERGE_FAN_IN_MAX * 24];
	size_t len = 13;

	memcpy(text, "ixfs-merge-1\n", 13);
	for (uint32_t i = 0; i < n && i < IX_MERGE_FAN_IN_MAX; i++) {
		memcpy(text + len, sources[i].bytes, 16);
		ix_put64(text + len + 16, 0); /* tombstone generation */
		len += 24;
	}
	return ix_id_from_hash(ix_hash128(text, len));
}
