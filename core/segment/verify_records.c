/* SPDX-License-Identifier: MIT */
/*
 * Stored records, decoded: each must be the canonical form of its stored
 * fields, its keywords and numbers must be those of the columns, and where all
 * fields are stored it must have the tie of its document. So a record under
 * the wrong document does not pass (HAZARDS S-42).
 */
#include <string.h>

#include "core/base/codec.h"
#include "core/base/err.h"
#include "core/segment/content_sum.h"
#include "core/segment/document.h"
#include "core/segment/verify_internal.h"

struct records {
	struct ix_verify *v;
	struct ix_schema *schema; /* owned: the segment's, without its key */
	struct ix_document document;
	int all_stored;
};

static int same_value(const struct ix_value *value, const struct ix_column *c,
		      uint32_t i)
{
	const uint8_t *p;
	size_t n;

	if (c->codec == IX_COLUMN_U64)
		return value->number == ix_column_u64(c, i);
	p = ix_column_bytes(c, i, &n);
	return n == value->len && (!n || !memcmp(p, value->text, n));
}

/* `values` are those of one field of the record. */
static int check_field(const struct records *r, uint32_t doc, uint32_t field,
		       const struct ix_value *values, size_t count)
{
	const struct ix_field *f = &r->schema->fields[field];
	const struct ix_column *c;
	uint32_t local, first = 0, n = 0, same = 0;

	if (f->type == IX_FIELD_TEXT || !f->stored)
		return 0;
	c = ix_segment_column(r->v->segment, field, doc, &local);
	if (c)
		ix_column_values(c, local, &first, &n);
	while (n == count && same < n &&
	       same_value(&values[same], c, first + same))
		same++;
	if (n == count && same == n)
		return 0;
	return ix_fail(-IX_ECORRUPT,
		       "document %u: record and column disagree "
		       "in field %s",
		       doc, f->name);
}

static int check_record(struct records *r, uint32_t doc, const uint8_t *record,
			size_t n)
{
	struct ix_document *d = &r->document;
	size_t at = 0;
	int rc = ix_document_parse(d, (const char *)record, n, 0);

	if (rc == -ENOMEM)
		return rc;
	if (rc)
		return ix_fail_in(-IX_ECORRUPT, "document %u: record", doc);
	/* Both forms of it: no blank, no other order, no unstored field. */
	if (d->canonical.len != n || d->record_len != n ||
	    memcmp(d->canonical.data, record, n) ||
	    memcmp(d->record, record, n) ||
	    (r->all_stored && d->tie != ix_segment_tie(r->v->segment, doc)))
		return ix_fail(-IX_ECORRUPT,
			       "document %u: its record is not its canonical "
			       "form",
			       doc);
	for (uint32_t f = 0; f < r->schema->field_count && !rc; f++) {
		size_t first = at;

		while (at < d->count && d->values[at].field == f)
			at++;
		rc = check_field(r, doc, f, d->values + first, at - first);
	}
	return rc;
}

static int open_records(struct records *r)
{
	r->schema = ix_schema_clone(r->v->info.schema);
	if (!r->schema)
		return -ENOMEM;
	/* In a merge, documents of a segment without the key may lack it; and
	 * it need not be stored. */
	r->schema->key = -1;
	r->all_stored = 1;
	for (uint32_t f = 0; f < r->schema->field_count; f++)
		r->all_stored &= r->schema->fields[f].stored;
	return ix_document_init(&r->document, r->schema);
}

int ix_verify_records(struct ix_verify *v, struct ix_u128 *sump)
{
	struct records r = { .v = v };
	struct ix_store_cursor cursor;
	const uint8_t *record;
	uint64_t bytes = 0;
	size_t n;
	int rc = open_records(&r);

	ix_store_cursor_init(&cursor);
	for (uint32_t d = 0; d < v->info.trailer.doc_count && !rc; d++) {
		rc = ix_segment_record(v->segment, &cursor, d, &record, &n);
		if (!rc)
			rc = check_record(&r, d, record, n);
		if (rc)
			break;
		*sump = ix_u128_add(*sump,
				    ix_content_record(ix_segment_tie(v->segment,
								     d),
						      record, n));
		bytes += n;
		if (bytes >= IX_LEAF_SIZE) {
			rc = ix_verify_step(v, bytes / 4);
			bytes = 0;
		}
	}
	ix_store_cursor_release(&cursor);
	ix_document_release(&r.document);
	ix_schema_free(r.schema);
	return rc ? ix_fail_in(rc, "%s: store", v->name) : 0;
}
