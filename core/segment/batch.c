/* SPDX-License-Identifier: MIT */
#include "core/segment/batch_internal.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/segment/content_sum.h"

#define POSITION_MAX 0x7fffffffu

/* --- life -------------------------------------------------------------- */

enum ix_postings_codec ix_batch_codec(const struct ix_field *field)
{
	if (field->type != IX_FIELD_TEXT)
		return IX_POSTINGS_DOCS;
	return field->positions ? IX_POSTINGS_POSITIONS : IX_POSTINGS_FREQS;
}

/* The stemmers' caches work best when fields share them. */
static int find_analyzer(struct ix_batch *b, struct ix_batch_field *bf)
{
	const char *name = bf->field->tokenizer;

	for (struct ix_batch_field *other = b->fields; other < bf; other++)
		if (other->analyzer && !strcmp(other->field->tokenizer, name)) {
			bf->analyzer = other->analyzer;
			return 0;
		}
	bf->owns_analyzer = 1;
	return ix_analyzer_new(name, &bf->analyzer);
}

static int init_field(struct ix_batch *b, uint32_t f)
{
	struct ix_batch_field *bf = &b->fields[f];
	const struct ix_field *field = &b->schema->fields[f];

	bf->field = field;
	bf->is_inverted = field->indexed && field->type != IX_FIELD_U64;
	ix_inverter_init(&bf->inverter, &b->pool, ix_batch_codec(field),
			 field->name_hash);
	if (field->type == IX_FIELD_TEXT && bf->is_inverted)
		return find_analyzer(b, bf);
	return 0;
}

int ix_batch_new(const struct ix_schema *schema, struct ix_batch **bp)
{
	struct ix_batch *b = ix_calloc(1, sizeof(*b));
	int rc = 0;

	*bp = NULL;
	if (!b)
		return -ENOMEM;
	b->schema = schema;
	ix_pool_init(&b->pool);
	b->fields = ix_calloc(schema->field_count, sizeof(*b->fields));
	if (!b->fields)
		rc = -ENOMEM;
	for (uint32_t f = 0; f < schema->field_count && !rc; f++)
		rc = init_field(b, f);
	if (rc) {
		ix_batch_free(b);
		return rc;
	}
	*bp = b;
	return 0;
}

static void reset_field(struct ix_batch_field *bf)
{
	ix_inverter_reset(&bf->inverter);
	bf->length_count = 0;
	ix_column_writer_free(bf->column);
	bf->column = NULL;
	bf->value_sum = (struct ix_u128){ 0 };
	bf->memory = 0;
}

void ix_batch_abort(struct ix_batch *b)
{
	ix_store_writer_free(b->store);
	ix_segment_writer_free(b->writer);
	ix_sink_close(b->sink);
	b->store = NULL;
	b->writer = NULL;
	b->sink = NULL;
	for (uint32_t f = 0; f < b->schema->field_count; f++)
		reset_field(&b->fields[f]);
	ix_pool_reset(&b->pool);
	b->doc_count = 0;
	b->field_memory = 0;
	b->record_sum = (struct ix_u128){ 0 };
}

void ix_batch_free(struct ix_batch *b)
{
	if (!b)
		return;
	if (b->fields)
		ix_batch_abort(b);
	for (uint32_t f = 0; b->fields && f < b->schema->field_count; f++) {
		struct ix_batch_field *bf = &b->fields[f];

		ix_inverter_release(&bf->inverter);
		ix_free(bf->lengths);
		if (bf->owns_analyzer)
			ix_analyzer_free(bf->analyzer);
	}
	ix_free(b->fields);
	ix_free(b->ties);
	ix_pool_release(&b->pool);
	ix_free(b);
}

int ix_batch_start(struct ix_batch *b, struct ix_engine *e, struct ix_file *f)
{
	struct ix_extent store = { .part = IX_PART_STORE,
				   .field = IX_NO_FIELD,
				   .codec = 1 };
	int rc;

	rc = ix_sink_open(e, f, &b->sink);
	if (!rc)
		rc = ix_segment_writer_new(b->sink, &b->writer);
	if (!rc) {
		ix_segment_extent_begin(b->writer, &store);
		rc = ix_store_writer_new(ix_segment_extent_out, b->writer,
					 &b->store);
	}
	if (rc)
		ix_batch_abort(b);
	return rc;
}

uint32_t ix_batch_doc_count(const struct ix_batch *b)
{
	return b->doc_count;
}

uint64_t ix_batch_memory(const struct ix_batch *b)
{
	return ix_pool_used(&b->pool) + b->field_memory +
	       (uint64_t)b->doc_count * sizeof(*b->ties);
}

/* --- text -------------------------------------------------------------- */

/*
 * Walk the tokens of the values [v, end) of one field, and add them to the
 * inverter unless `dry`. Positions count from 0, and from IX_POSITION_GAP
 * behind the last word in each further value. *tokensp = their number.
 */
static int walk_tokens(struct ix_batch_field *bf, const struct ix_value *v,
		       const struct ix_value *end, int dry, uint32_t *tokensp)
{
	uint64_t base = 0, position = 0, tokens = 0;
	struct ix_token t;
	int rc = 0;

	*tokensp = 0;
	for (; v < end && rc >= 0; v++) {
		rc = ix_analyzer_start(bf->analyzer, v->text, v->len);
		while (!rc && (rc = ix_analyzer_next(bf->analyzer, &t)) > 0) {
			/* There is no empty term. */
			rc = 0;
			if (!t.len)
				continue;
			position = base + t.position;
			if (position > POSITION_MAX)
				return ix_fail(-IX_EINPUT,
					       "field \"%s\": positions of "
					       "words pass 2^31",
					       bf->field->name);
			tokens++;
			if (!dry)
				rc = ix_inverter_add(&bf->inverter, t.term,
						     t.len, (uint32_t)position);
		}
		base = tokens ? position + IX_POSITION_GAP : 0;
	}
	*tokensp = (uint32_t)tokens;
	return rc;
}

/* The values of the field of *v, up to *vp = the next field's. */
static const struct ix_value *next_field(const struct ix_value *v,
					 const struct ix_value *end)
{
	const struct ix_value *next = v + 1;

	while (next < end && next->field == v->field)
		next++;
	return next;
}

int ix_batch_check(struct ix_batch *b, const struct ix_document *d)
{
	const struct ix_value *v = d->values, *end = v + d->count, *next;

	for (; v < end; v = next) {
		struct ix_batch_field *bf = &b->fields[v->field];
		uint64_t bound = 0;
		uint32_t tokens;
		int rc;

		next = next_field(v, end);
		if (!bf->analyzer)
			continue;
		/* A word has a byte at least; nearly all documents are far from
		 * the limit. */
		for (const struct ix_value *w = v; w < next; w++)
			bound += w->len + IX_POSITION_GAP;
		if (bound <= POSITION_MAX)
			continue;
		rc = walk_tokens(bf, v, next, 1, &tokens);
		if (rc)
			return rc;
	}
	return 0;
}

/* Documents before the first one that has the field have the length 0. */
static int set_length(struct ix_batch_field *bf, uint32_t doc, uint32_t length)
{
	if (ix_grow(&bf->lengths, &bf->length_cap, (size_t)doc + 1,
		    sizeof(*bf->lengths)))
		return -ENOMEM;
	memset(bf->lengths + bf->length_count, 0,
	       (doc - bf->length_count) * sizeof(*bf->lengths));
	bf->lengths[doc] = length;
	bf->length_count = (size_t)doc + 1;
	return 0;
}

static int add_text(struct ix_batch *b, struct ix_batch_field *bf,
		    const struct ix_value *v, const struct ix_value *end,
		    uint64_t tie)
{
	uint32_t tokens;
	int rc;

	ix_inverter_begin_doc(&bf->inverter, b->doc_count, tie);
	rc = walk_tokens(bf, v, end, 0, &tokens);
	if (!rc)
		rc = ix_inverter_end_doc(&bf->inverter);
	if (!rc && tokens)
		rc = set_length(bf, b->doc_count, tokens);
	return rc;
}

/* --- columns ----------------------------------------------------------- */

void ix_batch_close_column(struct ix_batch_field *bf, uint32_t docs)
{
	ix_column_skip_docs(bf->column, docs - ix_column_doc_count(bf->column));
}

static void add_value(struct ix_batch_field *bf, const struct ix_value *v,
		      uint64_t tie)
{
	uint64_t hash, name = bf->field->name_hash;

	if (bf->field->type == IX_FIELD_U64) {
		hash = ix_content_term(name, &v->number, sizeof(v->number));
		ix_column_add_u64(bf->column, v->number);
	} else {
		hash = ix_content_term(name, v->text, v->len);
		ix_column_add_bytes(bf->column, v->text, v->len);
	}
	bf->value_sum = ix_u128_add(bf->value_sum, ix_content_value(tie, hash));
}

/* A keyword's or a number's values: column, and terms if it is indexed. */
static int add_values(struct ix_batch *b, struct ix_batch_field *bf,
		      const struct ix_value *v, const struct ix_value *end,
		      uint64_t tie)
{
	int rc = 0;

	if (!bf->column)
		rc = ix_column_writer_new(bf->field->type == IX_FIELD_U64,
					  bf->field->multi, &bf->column);
	if (rc)
		return rc;
	ix_batch_close_column(bf, b->doc_count);
	ix_inverter_begin_doc(&bf->inverter, b->doc_count, tie);
	for (; v < end && !rc; v++) {
		add_value(bf, v, tie);
		if (bf->is_inverted && v->len)
			rc = ix_inverter_add(&bf->inverter, v->text, v->len, 0);
	}
	ix_column_end_doc(bf->column);
	return rc ? rc : ix_inverter_end_doc(&bf->inverter);
}

/* --- documents --------------------------------------------------------- */

static void account(struct ix_batch *b, struct ix_batch_field *bf)
{
	uint64_t memory = ix_inverter_memory(&bf->inverter);

	memory += bf->length_count * sizeof(*bf->lengths);
	if (bf->column)
		memory += ix_column_memory(bf->column);
	b->field_memory += memory - bf->memory;
	bf->memory = memory;
}

static int add_fields(struct ix_batch *b, const struct ix_document *d)
{
	const struct ix_value *v = d->values, *end = v + d->count, *next;
	int rc = 0;

	for (; v < end && !rc; v = next) {
		struct ix_batch_field *bf = &b->fields[v->field];

		next = next_field(v, end);
		if (bf->field->type != IX_FIELD_TEXT)
			rc = add_values(b, bf, v, next, d->tie);
		else if (bf->analyzer)
			rc = add_text(b, bf, v, next, d->tie);
		account(b, bf);
	}
	return rc;
}

int ix_batch_add(struct ix_batch *b, const struct ix_document *d)
{
	int rc;

	if (ix_grow(&b->ties, &b->tie_cap, (size_t)b->doc_count + 1,
		    sizeof(*b->ties)))
		return -ENOMEM;
	rc = add_fields(b, d);
	if (!rc)
		rc = ix_store_add(b->store, d->record, d->record_len);
	if (!rc)
		rc = ix_segment_writer_error(b->writer);
	if (rc)
		return rc;
	b->record_sum =
		ix_u128_add(b->record_sum, ix_content_record(d->tie, d->record,
							     d->record_len));
	b->ties[b->doc_count++] = d->tie;
	return 0;
}

/* --- finish ------------------------------------------------------------ */

static struct ix_u128 content_sum(const struct ix_batch *b)
{
	struct ix_u128 sum = b->record_sum;

	for (uint32_t f = 0; f < b->schema->field_count; f++) {
		sum = ix_u128_add(sum, b->fields[f].inverter.sum);
		sum = ix_u128_add(sum, b->fields[f].value_sum);
	}
	return sum;
}

static int finish_file(struct ix_batch *b, const struct ix_id *id, int sync,
		       uint64_t *bytesp)
{
	struct ix_origin_run run = { .doc_count = b->doc_count, .leaf = *id };
	struct ix_segment_identity identity = {
		.id = *id,
		.content_sum = content_sum(b),
		.doc_count = b->doc_count,
		.schema = b->schema,
		.runs = &run,
		.run_count = 1,
		.lineage = id,
		.lineage_count = 1,
	};
	int rc;

	rc = ix_store_finish(b->store);
	if (rc)
		return rc;
	ix_segment_extent_docs(b->writer, b->doc_count);
	ix_segment_extent_end(b->writer);
	rc = ix_batch_write_parts(b);
	if (!rc)
		rc = ix_segment_writer_finish(b->writer, &identity);
	if (rc)
		return rc;
	*bytesp = ix_sink_tell(b->sink);
	return ix_sink_finish(b->sink, sync);
}

int ix_batch_finish(struct ix_batch *b, const struct ix_id *id, int sync,
		    uint64_t *bytesp)
{
	int rc = finish_file(b, id, sync, bytesp);

	ix_batch_abort(b);
	return rc;
}
