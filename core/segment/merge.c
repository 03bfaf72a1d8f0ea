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
 */
#include "core/segment/merge.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/codec.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/format/field_merge.h"
#include "core/segment/merge_internal.h"

/* ---- output ---- */

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
	int rc = 0;

	m->ties = ix_calloc(m->doc_count, sizeof(*m->ties));
	if (!m->ties)
		return -ENOMEM;
	for (uint32_t i = 0; i < m->n && !rc; i++) {
		const struct ix_merge_input *in = &m->inputs[i];
		const struct ix_extent *row =
			ix_merge_only_row(in, IX_PART_TIE, IX_NO_FIELD);

		/* Its presence and size are part of the table's rules. */
		rc = ix_merge_read(m, i, row, 0, m->ties + in->doc_base,
				   (size_t)row->length);
	}
	return rc;
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

static int add_lengths(struct ix_merge *m, uint32_t input,
		       const struct ix_extent *row, struct ix_buf *data)
{
	uint32_t *out = m->lengths + m->inputs[input].doc_base;
	struct ix_lengths lengths;
	int rc = ix_merge_load(m, input, row, data);

	if (rc)
		return rc;
	rc = ix_lengths_open(&lengths, data->data, row->length, row->doc_count);
	if (!rc)
		rc = ix_lengths_check(&lengths);
	if (rc)
		return ix_merge_blame(m, input, rc, "field lengths");
	for (uint32_t d = 0; d < row->doc_count; d++)
		out[d] = ix_lengths_get(&lengths, d);
	return 0;
}

/* `*anyp`: is there an input that has lengths of the field? */
static int load_lengths(struct ix_merge *m, uint32_t field, int *anyp)
{
	struct ix_buf data = IX_BUF_INIT;
	int rc = 0;

	*anyp = 0;
	memset(m->lengths, 0, (size_t)m->doc_count * sizeof(*m->lengths));
	for (uint32_t i = 0; i < m->n && !rc; i++) {
		const struct ix_merge_input *in = &m->inputs[i];
		const struct ix_extent *row = NULL;

		if (in->field_of[field] >= 0)
			row = ix_merge_only_row(in, IX_PART_LENGTHS,
						(unsigned)in->field_of[field]);
		if (!row)
			continue;
		*anyp = 1;
		rc = add_lengths(m, i, row, &data);
	}
	ix_buf_release(&data);
	return rc;
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
			row = ix_merge_only_row(in, IX_PART_POSTINGS,
						(unsigned)in->field_of[field]);
		if (!row)
			continue;
		/* The same in all: schemas agree, and tables with them. */
		*codecp = row->codec;
		p->extents[p->n] = (struct ix_merge_extent){ m, i, row, 0 };
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
	if (ix_err_is_content(rc) && stats.bad_source < p.n)
		m->bad_input = p.extents[stats.bad_source].input;
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
	int rc = 0;

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
	} else {
		rc = join_runs(m, &runs, &identity->run_count);
		identity->runs = runs;
		identity->lineage = m->lineage;
		identity->lineage_count = m->lineage_count;
	}
	if (!rc)
		rc = ix_segment_writer_finish(m->writer, identity);
	identity->runs = NULL;
	identity->lineage = NULL;
	ix_free(runs);
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
	     info.trailer.generation != identity->generation ||
	     !ix_u128_equal(info.trailer.content_sum, identity->content_sum)))
		rc = -IX_ECORRUPT;
	/* Whatever is wrong, it is no source's fault. */
	if (rc && ix_err_is_content(rc))
		rc = ix_fail_in(-EIO, "the merge output is not what was "
				      "written: do not trust this disk");
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
		ix_segment_info_release(&m->inputs[i].info);
		ix_free(m->inputs[i].field_of);
	}
	ix_free(m->inputs);
	ix_schema_free(m->schema);
	ix_free(m->lineage);
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
	rc = ix_merge_open_inputs(&m, sources);
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
