/* SPDX-License-Identifier: MIT */
#include "core/segment/document.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/hash.h"
#include "core/base/mem.h"
#include "core/format/layout.h"
#include "core/segment/scan.h"

#define HINTS       32u /* members whose field is guessed from the last time */
#define KEYWORD_MAX (((size_t)1 << 28) - 1)

/* What the present document says of one field. */
struct ix_doc_field {
	uint64_t generation; /* of the parse that met it; others: absent */
	size_t first;        /* its values in `found` */
	size_t count;
};

/* --- life -------------------------------------------------------------- */

/* The weight of a byte of UTF-8, such that comparing weights is comparing
 * UTF-16 code units: characters above U+FFFF (lead bytes f0 .. f4) become
 * surrogates, which are below U+E000 .. U+FFFF (lead bytes ee, ef). */
static int utf16_weight(uint8_t c)
{
	return c == 0xee || c == 0xef ? c + 0x10 : c;
}

static int compare_utf16(const struct ix_field *a, const struct ix_field *b)
{
	size_t n = a->name_len < b->name_len ? a->name_len : b->name_len;

	for (size_t i = 0; i < n; i++) {
		int x = utf16_weight((uint8_t)a->name[i]);
		int y = utf16_weight((uint8_t)b->name[i]);

		if (x != y)
			return x - y;
	}
	return (a->name_len > b->name_len) - (a->name_len < b->name_len);
}

/* Fields are sorted by bytes, which is the order of RFC 8785 unless names
 * leave the basic plane: insertion sort has next to nothing to do. */
static void sort_order(struct ix_document *d)
{
	const struct ix_field *fields = d->schema->fields;

	for (uint32_t i = 0; i < d->schema->field_count; i++) {
		uint32_t k = i;

		for (; k > 0 &&
		       compare_utf16(&fields[d->order[k - 1]], &fields[i]) > 0;
		     k--)
			d->order[k] = d->order[k - 1];
		d->order[k] = i;
	}
}

int ix_document_init(struct ix_document *d, const struct ix_schema *schema)
{
	memset(d, 0, sizeof(*d));
	d->schema = schema;
	d->fields = ix_calloc(schema->field_count, sizeof(*d->fields));
	d->order = ix_calloc(schema->field_count, sizeof(*d->order));
	d->hints = ix_calloc(HINTS, sizeof(*d->hints));
	if (!d->fields || !d->order || !d->hints)
		return -ENOMEM;
	d->all_stored = 1;
	for (uint32_t i = 0; i < schema->field_count; i++)
		d->all_stored &= schema->fields[i].stored;
	sort_order(d);
	return 0;
}

void ix_document_release(struct ix_document *d)
{
	ix_free(d->values);
	ix_free(d->found);
	ix_free(d->fields);
	ix_free(d->order);
	ix_free(d->hints);
	ix_buf_release(&d->canonical);
	ix_buf_release(&d->text);
	ix_buf_release(&d->stored);
	memset(d, 0, sizeof(*d));
}

/* --- values ------------------------------------------------------------ */

static int refuse(const struct ix_field *field, const char *message)
{
	return ix_fail(-IX_EINPUT, "field \"%s\": %s", field->name, message);
}

/* Put the field's name before the text of a failure of the scanner. */
static int in_field(int rc, const struct ix_field *field)
{
	if (rc != -IX_EINPUT)
		return rc;
	return ix_fail_in(rc, "field \"%s\"", field->name);
}

static struct ix_value *add_value(struct ix_document *d, uint32_t f)
{
	struct ix_value *v;

	if (ix_grow(&d->found, &d->found_cap, d->found_count + 1,
		    sizeof(*d->found)))
		return NULL;
	v = &d->found[d->found_count++];
	*v = (struct ix_value){ .field = f };
	return v;
}

static int check_keyword(const struct ix_document *d, uint32_t f,
			 const struct ix_scan_string *str)
{
	const struct ix_field *field = &d->schema->fields[f];
	size_t max = field->indexed ? IX_TERM_MAX_BYTES : KEYWORD_MAX;

	if (str->has_nul)
		return refuse(field, "U+0000 in a keyword");
	if (str->len > max)
		return ix_fail(-IX_EINPUT,
			       "field \"%s\": a keyword of %zu bytes, at most "
			       "%zu are allowed",
			       field->name, str->len, max);
	if (!str->len && d->schema->key == (int32_t)f)
		return refuse(field, "the key is empty");
	return 0;
}

static int parse_string(struct ix_document *d, struct ix_scan *s, uint32_t f)
{
	const struct ix_field *field = &d->schema->fields[f];
	struct ix_scan_string str;
	struct ix_value *v;
	int rc;

	rc = ix_scan_string(s, &str);
	if (rc)
		return in_field(rc, field);
	if (field->type == IX_FIELD_U64)
		return refuse(field, "a string where an integer belongs");
	if (field->type == IX_FIELD_KEYWORD) {
		rc = check_keyword(d, f, &str);
		if (rc)
			return rc;
	}
	v = add_value(d, f);
	if (!v)
		return -ENOMEM;
	v->text = str.text;
	v->len = str.len;
	if (str.is_canonical) {
		v->json = str.raw;
		v->json_len = str.raw_len;
	}
	return 0;
}

static int parse_number(struct ix_document *d, struct ix_scan *s, uint32_t f)
{
	const struct ix_field *field = &d->schema->fields[f];
	struct ix_value *v;
	uint64_t number;
	int rc;

	if (field->type != IX_FIELD_U64)
		return refuse(field, "a number where a string belongs");
	rc = ix_scan_u64(s, &number);
	if (rc)
		return in_field(rc, field);
	v = add_value(d, f);
	if (!v)
		return -ENOMEM;
	v->number = number;
	return 0;
}

/* A value that is no array; the cursor is at its first byte `c`. */
static int parse_scalar(struct ix_document *d, struct ix_scan *s, uint32_t f,
			int c)
{
	const struct ix_field *field = &d->schema->fields[f];

	switch (c) {
	case '"':
		return parse_string(d, s, f);
	case 'n':
		return in_field(ix_scan_literal(s, "null"), field);
	case '{':
		return refuse(field, "an object where a value belongs");
	case '[':
		return refuse(field, "an array inside an array");
	case 't':
	case 'f':
		return refuse(field, field->type == IX_FIELD_U64
					     ? "not an integer"
					     : "not a string");
	default:
		if (c == '-' || (c >= '0' && c <= '9'))
			return parse_number(d, s, f);
		return in_field(ix_scan_fail(s, "expected a value"), field);
	}
}

static int parse_array(struct ix_document *d, struct ix_scan *s, uint32_t f)
{
	const struct ix_field *field = &d->schema->fields[f];
	int c, rc;

	if (!field->multi)
		return refuse(field, "an array, but the field is not \"multi\" "
				     "in the schema");
	s->p++;
	c = ix_scan_peek(s);
	if (c == ']') {
		s->p++;
		return 0;
	}
	for (;; c = ix_scan_peek(s)) {
		rc = parse_scalar(d, s, f, c);
		if (rc)
			return rc;
		c = ix_scan_peek(s);
		if (c != ',' && c != ']')
			return in_field(ix_scan_fail(s, "expected ',' or ']'"),
					field);
		s->p++;
		if (c == ']')
			return 0;
	}
}

/* --- members ----------------------------------------------------------- */

static int refuse_unknown(const struct ix_scan_string *key)
{
	struct ix_buf name = IX_BUF_INIT;
	int rc;

	ix_buf_add_json(&name, key->text, key->len);
	rc = ix_fail(-IX_EINPUT, "no field \"%.200s\" in the schema",
		     ix_buf_str(&name));
	ix_buf_release(&name);
	return rc;
}

static int is_name(const struct ix_field *field,
		   const struct ix_scan_string *key)
{
	return field->name_len == key->len &&
	       !memcmp(field->name, key->text, key->len);
}

/* The field of the `k`-th member, or -1. Documents resemble each other, so
 * the field that was there in the last one is tried first. */
static int32_t find_field(struct ix_document *d,
			  const struct ix_scan_string *key, uint32_t k)
{
	int32_t f;

	if (k < HINTS && d->hints[k] < d->schema->field_count &&
	    is_name(&d->schema->fields[d->hints[k]], key))
		return (int32_t)d->hints[k];
	f = ix_schema_find(d->schema, key->text, key->len);
	if (f >= 0 && k < HINTS)
		d->hints[k] = (uint32_t)f;
	return f;
}

static int parse_member(struct ix_document *d, struct ix_scan *s, uint32_t k,
			int ignore_unknown)
{
	struct ix_scan_string key;
	struct ix_doc_field *df;
	int32_t f;
	int c, rc;

	if (ix_scan_peek(s) != '"')
		return ix_scan_fail(s, "expected a key");
	rc = ix_scan_string(s, &key);
	if (!rc)
		rc = ix_scan_expect(s, ':', "':' after a key");
	if (rc)
		return rc;
	f = find_field(d, &key, k);
	if (f < 0)
		return ignore_unknown ? ix_scan_skip(s) : refuse_unknown(&key);
	df = &d->fields[f];
	if (df->generation == d->generation)
		return refuse(&d->schema->fields[f], "given twice");
	df->generation = d->generation;
	df->first = d->found_count;
	c = ix_scan_peek(s);
	rc = c == '[' ? parse_array(d, s, (uint32_t)f)
		      : parse_scalar(d, s, (uint32_t)f, c);
	df->count = d->found_count - df->first;
	return rc;
}

static int parse_object(struct ix_document *d, struct ix_scan *s,
			int ignore_unknown)
{
	int c, rc;

	rc = ix_scan_expect(s, '{', "an object: '{'");
	if (rc)
		return rc;
	if (ix_scan_peek(s) == '}') {
		s->p++;
		return ix_scan_end(s);
	}
	for (uint32_t k = 0;; k++) {
		rc = parse_member(d, s, k, ignore_unknown);
		if (rc)
			return rc;
		c = ix_scan_peek(s);
		if (c != ',' && c != '}')
			return ix_scan_fail(s, "expected ',' or '}'");
		s->p++;
		if (c == '}')
			return ix_scan_end(s);
	}
}

/* --- canonical forms --------------------------------------------------- */

static void write_value(struct ix_buf *out, const struct ix_field *field,
			const struct ix_value *v)
{
	char digits[24];

	if (field->type == IX_FIELD_U64) {
		int n = snprintf(digits, sizeof(digits), "%" PRIu64, v->number);

		ix_buf_add(out, digits, (size_t)n);
		return;
	}
	ix_buf_add_u8(out, '"');
	if (v->json)
		ix_buf_add(out, v->json, v->json_len);
	else
		ix_buf_add_json(out, v->text, v->len);
	ix_buf_add_u8(out, '"');
}

/* RFC 8785 of the document; `stored`: of its stored fields only. Names of
 * fields have nothing that needs an escape (docs/format.md section 5). */
static void write_canonical(const struct ix_document *d, int stored,
			    struct ix_buf *out)
{
	const char *before = "";

	ix_buf_clear(out);
	ix_buf_add_u8(out, '{');
	for (uint32_t i = 0; i < d->schema->field_count; i++) {
		const struct ix_field *field = &d->schema->fields[d->order[i]];
		const struct ix_doc_field *df = &d->fields[d->order[i]];

		if (df->generation != d->generation || !df->count ||
		    (stored && !field->stored))
			continue;
		ix_buf_add_str(out, before);
		before = ",";
		ix_buf_add_u8(out, '"');
		ix_buf_add(out, field->name, field->name_len);
		ix_buf_add(out, "\":[", field->multi ? 3 : 2);
		for (size_t k = 0; k < df->count; k++) {
			if (k)
				ix_buf_add_u8(out, ',');
			write_value(out, field, &d->found[df->first + k]);
		}
		if (field->multi)
			ix_buf_add_u8(out, ']');
	}
	ix_buf_add_u8(out, '}');
}

static int make_canonical(struct ix_document *d)
{
	const struct ix_buf *record = &d->canonical;

	write_canonical(d, 0, &d->canonical);
	if (!d->all_stored) {
		record = &d->stored;
		write_canonical(d, 1, &d->stored);
	}
	if (d->canonical.error || d->stored.error)
		return -ENOMEM;
	if (record->len > IX_RECORD_MAX)
		return ix_fail(-IX_EINPUT,
			       "the stored record has %zu bytes, at most %u "
			       "are allowed",
			       record->len, IX_RECORD_MAX);
	d->record = record->data;
	d->record_len = record->len;
	d->tie = ix_hash64(d->canonical.data, d->canonical.len);
	return 0;
}

/* Copy the values by field number; each field has its values together. */
static int sort_values(struct ix_document *d)
{
	/* One more: `values` is not NULL even when there are none. */
	if (ix_grow(&d->values, &d->cap, d->found_count + 1,
		    sizeof(*d->values)))
		return -ENOMEM;
	d->count = 0;
	for (uint32_t f = 0; f < d->schema->field_count; f++) {
		const struct ix_doc_field *df = &d->fields[f];

		if (df->generation != d->generation)
			continue;
		for (size_t k = 0; k < df->count; k++)
			d->values[d->count++] = d->found[df->first + k];
	}
	return 0;
}

static int check_key(const struct ix_document *d)
{
	int32_t key = d->schema->key;

	if (key < 0 || (d->fields[key].generation == d->generation &&
			d->fields[key].count))
		return 0;
	return ix_fail(-IX_EINPUT, "no \"%s\", which is the key",
		       d->schema->fields[key].name);
}

int ix_document_parse(struct ix_document *d, const char *json, size_t n,
		      int ignore_unknown)
{
	struct ix_scan s;
	int rc;

	d->count = 0;
	d->found_count = 0;
	d->record = NULL;
	d->record_len = 0;
	d->generation++;
	if (n > IX_DOCUMENT_MAX)
		return ix_fail(-IX_EINPUT,
			       "a document of %zu bytes, at most %zu are "
			       "allowed",
			       n, IX_DOCUMENT_MAX);
	ix_scan_begin(&s, &d->text, json, n);
	rc = parse_object(d, &s, ignore_unknown);
	if (!rc)
		rc = check_key(d);
	if (!rc)
		rc = sort_values(d);
	if (!rc)
		rc = make_canonical(d);
	return rc;
}
