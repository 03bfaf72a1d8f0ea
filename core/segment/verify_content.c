/* SPDX-License-Identifier: MIT */
/*
 * The last level of verification: decode everything and recompute the content
 * sum (docs/format.md section 4), the field lengths, the bounds of long lists,
 * and the agreement of keyword postings with their column.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/codec.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/format/chunk.h"
#include "core/segment/content_sum.h"
#include "core/segment/verify_internal.h"

/* A walk over the skip arrays of a long list, beside its reader. */
struct skips {
	const uint8_t *payload;
	uint64_t len; /* 0: a short list, which has none */
	uint64_t at;  /* the next chunk */
	struct ix_chunk_view chunk;
	uint32_t unit; /* in `chunk` */
};

struct content {
	struct ix_verify *v;
	const struct ix_segment *s;
	struct ix_u128 sum;
	uint32_t *counted; /* owned: tokens of each document, current field */
	struct ix_list_reader *list;      /* owned, of the current field */
	struct skips skips;               /* of the current list */
	const struct ix_lengths *lengths; /* of the current field, or NULL */
	struct ix_u128 field_sum; /* docs-only postings of the current field */
};

/* ---- postings ---- */

/* Bring the walk over the skip arrays to the unit of `doc`. The structure of
 * the list has been checked, so that chunks follow each other up to the last
 * document. */
static int reach_unit(struct content *c, const struct ix_terms *t, uint32_t doc)
{
	struct skips *s = &c->skips;
	int rc = 0;

	while (!s->chunk.units ||
	       doc > ix_get32(s->chunk.last + 4 * (size_t)s->unit)) {
		if (s->chunk.units && ++s->unit < s->chunk.units)
			continue;
		if (s->at >= s->len)
			return ix_fail(-IX_ECORRUPT,
				       "document %u is in no unit", doc);
		rc = ix_chunk_parse(&s->chunk, s->payload + s->at,
				    s->len - s->at, t->codec, 0, t->doc_count);
		if (rc)
			return rc;
		s->at += s->chunk.head_len + (uint64_t)s->chunk.docs_len +
			 s->chunk.pos_len;
		s->unit = 0;
	}
	return 0;
}

/* Some impact of the unit must bound this document, and its smallest tie too,
 * or pruning would lose the document. That the chunk directory bounds its
 * units is part of the structure. */
static int check_bounds(struct content *c, const struct ix_terms *t,
			uint32_t doc, uint32_t freq, uint64_t tie)
{
	uint32_t length = c->lengths ? ix_lengths_get(c->lengths, doc) : 0;
	struct ix_impact impacts[IX_IMPACTS];
	struct skips *s = &c->skips;
	int rc = s->len ? reach_unit(c, t, doc) : 0;

	if (rc || !s->len)
		return rc;
	if (ix_get32(s->chunk.min_tie + 4 * (size_t)s->unit) > tie >> 32)
		return ix_fail(-IX_ECORRUPT,
			       "document %u: its tie is below the smallest",
			       doc);
	ix_chunk_impacts(&s->chunk, s->unit, impacts);
	for (unsigned i = 0; i < IX_IMPACTS; i++)
		if (impacts[i].freq &&
		    (impacts[i].freq == 255 || impacts[i].freq >= freq) &&
		    ix_length_floor(impacts[i].length) <= length)
			return 0;
	return ix_fail(-IX_ECORRUPT, "document %u is above its bound", doc);
}

static int add_posting(struct content *c, const struct ix_terms *t,
		       uint64_t term_hash, uint32_t doc)
{
	uint64_t tie = ix_segment_tie(c->s, doc);
	uint32_t freq = ix_list_freq(c->list);
	const uint32_t *positions;
	struct ix_u128 e;
	int rc;

	c->counted[doc] += freq;
	rc = check_bounds(c, t, doc, freq, tie);
	if (rc)
		return rc;
	if (t->codec != IX_POSTINGS_POSITIONS) {
		e = ix_content_posting(tie, term_hash, freq);
		c->sum = ix_u128_add(c->sum, e);
		c->field_sum = ix_u128_add(c->field_sum, e);
		return 0;
	}
	rc = ix_list_positions(c->list, &positions);
	for (uint32_t i = 0; i < freq && rc >= 0; i++)
		c->sum = ix_u128_add(c->sum, ix_content_position(tie, term_hash,
								 positions[i]));
	return rc < 0 ? rc : 0;
}

static int add_list(struct content *c, const struct ix_terms *t,
		    uint64_t term_hash, const struct ix_term_info *info,
		    const uint8_t *payload)
{
	uint32_t doc, docs = 0;
	uint64_t ttf = 0;
	int rc = ix_list_open(c->list, payload, info, t->doc_count);

	if (rc)
		return rc;
	memset(&c->skips, 0, sizeof(c->skips));
	c->skips.payload = payload;
	c->skips.len = info->is_long ? info->payload_len : 0;
	while ((rc = ix_list_next(c->list, &doc)) > 0) {
		docs++;
		ttf += ix_list_freq(c->list);
		rc = add_posting(c, t, term_hash, doc);
		if (rc)
			break;
	}
	if (!rc && (docs != info->df || ttf != info->ttf))
		rc = ix_fail(-IX_ECORRUPT, "list and dictionary disagree");
	return rc;
}

static int add_terms(struct content *c, const struct ix_field *f,
		     const struct ix_terms *t)
{
	struct ix_terms_cursor *cursor = ix_malloc(sizeof(*cursor));
	struct ix_term_info info;
	const uint8_t *payload;
	uint64_t bytes = 0;
	int rc;

	if (!cursor)
		return -ENOMEM;
	ix_terms_cursor_init(cursor, t);
	while ((rc = ix_terms_cursor_next(cursor, &info, &payload)) > 0) {
		rc = add_list(c, t,
			      ix_content_term(f->name_hash, cursor->term,
					      cursor->term_len),
			      &info, payload);
		if (rc) {
			rc = ix_fail_in(rc, "term \"%.*s\"",
					(int)(cursor->term_len < 100
						      ? cursor->term_len
						      : 100),
					(const char *)cursor->term);
			break;
		}
		bytes += info.payload_len;
		if (bytes >= IX_LEAF_SIZE) {
			rc = ix_verify_step(c->v, bytes);
			bytes = 0;
			if (rc)
				break;
		}
	}
	ix_free(cursor);
	return rc;
}

static int check_lengths(const struct content *c, uint32_t docs)
{
	for (uint32_t d = 0; d < docs; d++)
		if (c->counted[d] !=
		    (c->lengths ? ix_lengths_get(c->lengths, d) : 0))
			return ix_fail(-IX_ECORRUPT,
				       "document %u: its length is not its "
				       "number of tokens",
				       d);
	return 0;
}

/* ---- columns ---- */

static int compare_hashes(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* The values of one document: into the content sum, and the distinct ones into
 * *distinctp as postings, to be compared with the field's lists. */
static int add_values(struct content *c, const struct ix_field *f,
		      const struct ix_column *col, uint32_t local, uint32_t doc,
		      struct ix_buf *hashes, struct ix_u128 *distinctp)
{
	uint64_t tie = ix_segment_tie(c->s, doc), hash, last = 0;
	uint64_t empty = ix_content_term(f->name_hash, "", 0);
	uint32_t first, n;
	uint8_t number[8];
	size_t len = 0;

	ix_column_values(col, local, &first, &n);
	ix_buf_clear(hashes);
	for (uint32_t i = first; i < first + n; i++) {
		if (f->type == IX_FIELD_U64) {
			ix_put64(number, ix_column_u64(col, i));
			hash = ix_content_term(f->name_hash, number, 8);
		} else {
			const uint8_t *p = ix_column_bytes(col, i, &len);
			hash = ix_content_term(f->name_hash, p, len);
		}
		c->sum = ix_u128_add(c->sum, ix_content_value(tie, hash));
		/* The empty keyword is a value without a term. */
		if (f->type == IX_FIELD_U64 || len)
			ix_buf_add_u64(hashes, hash);
	}
	if (ix_buf_error(hashes))
		return ix_buf_error(hashes);
	n = (uint32_t)(hashes->len / 8);
	if (n > 1)
		qsort(hashes->data, n, 8, compare_hashes);
	for (uint32_t i = 0; i < n; i++) {
		hash = ix_get64(hashes->data + 8 * (size_t)i);
		/* There is no empty term, so the empty value has no posting. */
		if ((i && hash == last) || hash == empty)
			continue;
		last = hash;
		*distinctp = ix_u128_add(*distinctp,
					 ix_content_posting(tie, hash, 1));
	}
	return 0;
}

static int add_columns(struct content *c, uint32_t field)
{
	const struct ix_field *f = &c->v->info.schema->fields[field];
	struct ix_buf hashes = IX_BUF_INIT;
	struct ix_u128 distinct = { 0, 0 };
	const struct ix_column *col;
	const struct ix_extent *row;
	int rc = 0;

	for (uint32_t i = 0; !rc; i++) {
		row = ix_segment_column_row(c->s, field, i, &col);
		if (!row)
			break;
		for (uint32_t d = 0; d < row->doc_count && !rc; d++)
			rc = add_values(c, f, col, d, row->doc_base + d,
					&hashes, &distinct);
		if (!rc)
			rc = ix_verify_step(c->v, row->length);
	}
	ix_buf_release(&hashes);
	if (!rc && f->indexed && f->type == IX_FIELD_KEYWORD &&
	    !ix_u128_equal(distinct, c->field_sum))
		rc = ix_fail(-IX_ECORRUPT, "postings and column disagree");
	return rc;
}

static int add_field(struct content *c, uint32_t field)
{
	const struct ix_field *f = &c->v->info.schema->fields[field];
	const struct ix_terms *t = ix_segment_terms(c->s, field);
	uint32_t docs = ix_segment_doc_count(c->s);
	int rc = 0;

	c->lengths = ix_segment_lengths(c->s, field);
	c->field_sum = (struct ix_u128){ 0, 0 };
	c->counted = ix_calloc(docs, sizeof(*c->counted));
	if (!c->counted)
		return -ENOMEM;
	if (t) {
		rc = ix_list_reader_new(t->codec, &c->list);
		if (!rc)
			rc = add_terms(c, f, t);
	}
	if (!rc && f->type == IX_FIELD_TEXT && f->indexed)
		rc = check_lengths(c, docs);
	if (!rc && f->type != IX_FIELD_TEXT)
		rc = add_columns(c, field);
	ix_list_reader_free(c->list);
	c->list = NULL;
	ix_free(c->counted);
	c->counted = NULL;
	return rc ? ix_fail_in(rc, "%s: field %s", c->v->name, f->name) : 0;
}

int ix_verify_content(struct ix_verify *v)
{
	struct content c = { .v = v, .s = v->segment };
	int rc = 0;

	for (uint32_t f = 0; !rc && f < v->info.schema->field_count; f++)
		rc = add_field(&c, f);
	if (!rc)
		rc = ix_verify_records(v, &c.sum);
	if (!rc && !ix_u128_equal(c.sum, v->info.trailer.content_sum))
		rc = ix_fail(-IX_ECORRUPT,
			     "%s: the content sum is not that of the content",
			     v->name);
	return rc;
}
