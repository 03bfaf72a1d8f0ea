/* SPDX-License-Identifier: MIT */
#include "core/segment/batch_internal.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/format/lengths.h"
#include "core/format/postings.h"
#include "core/format/terms.h"
#include "core/segment/term_walk.h"

static struct ix_extent extent_of(const struct ix_batch *b, enum ix_part part,
				  uint32_t field, unsigned codec)
{
	return (struct ix_extent){
		.part = (uint16_t)part,
		.field = (uint16_t)field,
		.codec = (uint16_t)codec,
		.doc_count = b->doc_count,
	};
}

/* An extent from memory. */
static void write_extent(struct ix_batch *b, const struct ix_extent *e,
			 const void *data, size_t n)
{
	ix_segment_extent_begin(b->writer, e);
	ix_segment_extent_write(b->writer, data, n);
	ix_segment_extent_end(b->writer);
}

/* --- postings ---------------------------------------------------------- */

/* What it takes to write the postings of a field. */
struct postings {
	struct ix_term_walk walk;
	struct ix_list_writer *list;
	struct ix_terms_writer *terms;
	struct ix_buf payload; /* of the present term */
	struct ix_buf index;
	struct ix_doc_norms norms;
};

static void postings_release(struct postings *p)
{
	ix_term_walk_release(&p->walk);
	ix_list_writer_free(p->list);
	ix_terms_writer_free(p->terms);
	ix_buf_release(&p->payload);
	ix_buf_release(&p->index);
}

static int postings_init(struct postings *p, struct ix_batch *b,
			 struct ix_batch_field *bf)
{
	struct ix_terms_out out = { ix_segment_extent_out, b->writer };
	enum ix_postings_codec codec = bf->inverter.codec;
	int rc;

	memset(p, 0, sizeof(*p));
	p->norms.ties = b->ties;
	p->norms.lengths = codec == IX_POSTINGS_DOCS ? NULL : bf->lengths;
	rc = ix_term_walk_init(&p->walk, &bf->inverter);
	if (!rc)
		rc = ix_list_writer_new(codec, &p->list);
	if (!rc)
		rc = ix_terms_writer_new(codec, out, &p->terms);
	return rc;
}

static int write_term(struct postings *p)
{
	const struct ix_term_walk *w = &p->walk;
	struct ix_term_info info;
	int rc;

	ix_list_begin(p->list, &p->norms);
	while ((rc = ix_term_walk_doc(&p->walk)) > 0)
		ix_list_add(p->list, w->doc, w->freq, w->positions);
	if (rc)
		return rc;
	ix_buf_clear(&p->payload);
	rc = ix_list_finish(p->list, &p->payload, &info);
	if (rc)
		return rc;
	if (info.payload_len > IX_BLOCK_PAYLOAD) {
		ix_terms_begin_large(p->terms, w->term, w->len, info.df,
				     info.ttf);
		ix_terms_write_large(p->terms, p->payload.data, p->payload.len);
		ix_terms_end_large(p->terms);
	} else {
		ix_terms_add(p->terms, w->term, w->len, &info, p->payload.data);
	}
	return 0;
}

static int write_postings(struct ix_batch *b, uint32_t f)
{
	struct ix_batch_field *bf = &b->fields[f];
	struct ix_extent e =
		extent_of(b, IX_PART_POSTINGS, f, bf->inverter.codec);
	struct postings p;
	uint64_t term_count;
	int rc;

	rc = postings_init(&p, b, bf);
	if (rc)
		goto out;
	ix_segment_extent_begin(b->writer, &e);
	while ((rc = ix_term_walk_next(&p.walk)) > 0) {
		rc = write_term(&p);
		if (!rc)
			rc = ix_segment_writer_error(b->writer);
		if (rc)
			break;
	}
	if (!rc)
		rc = ix_terms_finish(p.terms, &p.index, &term_count);
	ix_segment_extent_end(b->writer);
	if (rc)
		goto out;
	e = extent_of(b, IX_PART_TERM_INDEX, f, 1);
	write_extent(b, &e, p.index.data, p.index.len);
out:
	postings_release(&p);
	return rc;
}

/* --- lengths, columns, ties -------------------------------------------- */

static int write_lengths(struct ix_batch *b, uint32_t f)
{
	struct ix_batch_field *bf = &b->fields[f];
	struct ix_extent e = extent_of(b, IX_PART_LENGTHS, f, 1);
	struct ix_buf out = IX_BUF_INIT;
	int rc;

	rc = ix_lengths_encode(bf->lengths, b->doc_count, &out);
	if (!rc)
		write_extent(b, &e, out.data, out.len);
	ix_buf_release(&out);
	return rc;
}

static int write_column(struct ix_batch *b, uint32_t f)
{
	struct ix_batch_field *bf = &b->fields[f];
	struct ix_buf out = IX_BUF_INIT;
	enum ix_column_codec codec = IX_COLUMN_U64;
	struct ix_extent e;
	uint64_t values;
	int rc;

	ix_batch_close_column(bf, b->doc_count);
	rc = ix_column_finish(bf->column, &out, &codec, &values);
	if (!rc) {
		e = extent_of(b, IX_PART_COLUMN, f, codec);
		write_extent(b, &e, out.data, out.len);
	}
	ix_buf_release(&out);
	return rc;
}

/* The tail of a lengths array that ends before the last document. */
static int pad_lengths(struct ix_batch *b, struct ix_batch_field *bf)
{
	if (ix_grow(&bf->lengths, &bf->length_cap, b->doc_count,
		    sizeof(*bf->lengths)))
		return -ENOMEM;
	memset(bf->lengths + bf->length_count, 0,
	       (b->doc_count - bf->length_count) * sizeof(*bf->lengths));
	bf->length_count = b->doc_count;
	return 0;
}

static int write_field(struct ix_batch *b, uint32_t f)
{
	struct ix_batch_field *bf = &b->fields[f];
	int rc = 0;

	if (bf->inverter.term_count) {
		if (bf->analyzer)
			rc = pad_lengths(b, bf);
		if (!rc)
			rc = write_postings(b, f);
		if (!rc && bf->analyzer)
			rc = write_lengths(b, f);
	}
	if (!rc && bf->column)
		rc = write_column(b, f);
	return rc;
}

int ix_batch_write_parts(struct ix_batch *b)
{
	struct ix_extent e = extent_of(b, IX_PART_TIE, IX_NO_FIELD, 1);
	int rc = 0;

	for (uint32_t f = 0; f < b->schema->field_count && !rc; f++)
		rc = write_field(b, f);
	if (rc)
		return rc;
	write_extent(b, &e, b->ties, (size_t)b->doc_count * sizeof(*b->ties));
	return ix_segment_writer_error(b->writer);
}
