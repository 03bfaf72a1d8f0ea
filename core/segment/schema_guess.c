/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/format/layout.h"
#include "core/segment/build.h"
#include "core/segment/scan.h"

#define NAME_MAX_BYTES 255u

/* What was seen of a field. */
struct seen {
	char *name; /* owned */
	size_t len;
	uint64_t docs;  /* that have a value of it */
	int has_string; /* kinds of values */
	int has_number;
	int has_other;   /* no type can hold */
	int has_array;   /* also an empty one */
	int bad_keyword; /* a string that cannot be a keyword */
	int bad_name;    /* no field can have it */
};

struct ix_schema_guess {
	struct seen *fields; /* owned, in the order of appearance */
	size_t count, cap;
	uint64_t docs;
	struct ix_buf text; /* of the scanner */
};

struct ix_schema_guess *ix_schema_guess_new(void)
{
	return ix_calloc(1, sizeof(struct ix_schema_guess));
}

void ix_schema_guess_free(struct ix_schema_guess *g)
{
	if (!g)
		return;
	for (size_t i = 0; i < g->count; i++)
		ix_free(g->fields[i].name);
	ix_free(g->fields);
	ix_buf_release(&g->text);
	ix_free(g);
}

/* --- looking ----------------------------------------------------------- */

/* Names that schemas allow (docs/format.md section 5), in valid UTF-8. */
static int is_good_name(const char *name, size_t n)
{
	if (!n || n > NAME_MAX_BYTES)
		return 0;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)name[i];

		if (c < 0x20 || c == '"' || c == '\\' || c == ':' || c == 0x7f)
			return 0;
		/* U+0080 .. U+009F are control characters, too. */
		if (c == 0xc2 && (unsigned char)name[i + 1] < 0xa0)
			return 0;
	}
	return 1;
}

/* The field of a name; `k`, its place in the document, is a good guess. */
static int find_field(struct ix_schema_guess *g,
		      const struct ix_scan_string *key, size_t k,
		      struct seen **fp)
{
	struct seen *f;

	for (size_t i = 0; i < g->count; i++) {
		f = &g->fields[(i + k) % g->count];
		if (f->len == key->len && !memcmp(f->name, key->text, f->len)) {
			*fp = f;
			return 0;
		}
	}
	if (g->count == IX_FIELDS_MAX)
		return ix_fail(-IX_EINPUT, "more than %u fields",
			       IX_FIELDS_MAX);
	if (ix_grow(&g->fields, &g->cap, g->count + 1, sizeof(*g->fields)))
		return -ENOMEM;
	f = &g->fields[g->count];
	memset(f, 0, sizeof(*f));
	f->name = ix_strndup(key->text, key->len);
	if (!f->name)
		return -ENOMEM;
	f->len = key->len;
	f->bad_name = !is_good_name(f->name, f->len);
	g->count++;
	*fp = f;
	return 0;
}

/* A value that is no array. *hasp is set unless it is null. */
static int look_at_value(struct seen *f, struct ix_scan *s, int *hasp)
{
	struct ix_scan_string str;
	uint64_t number;
	int c = ix_scan_peek(s), rc;

	*hasp |= c != 'n';
	if (c == '"') {
		rc = ix_scan_string(s, &str);
		f->has_string = 1;
		f->bad_keyword |=
			!str.len || str.len > IX_TERM_MAX_BYTES || str.has_nul;
		return rc;
	}
	if (c == '-' || (c >= '0' && c <= '9')) {
		struct ix_scan number_scan = *s;

		if (ix_scan_u64(&number_scan, &number))
			f->has_other = 1;
		else
			f->has_number = 1;
	} else if (c != 'n') {
		f->has_other = 1;
	}
	return ix_scan_skip(s);
}

static int look_at_field(struct seen *f, struct ix_scan *s)
{
	int has = 0, rc = 0;

	if (ix_scan_peek(s) != '[') {
		rc = look_at_value(f, s, &has);
	} else {
		f->has_array = 1;
		s->p++;
		if (ix_scan_peek(s) == ']')
			s->p++;
		else
			do
				rc = look_at_value(f, s, &has);
			while (!rc && (ix_scan_peek(s), *s->p++) == ',');
	}
	f->docs += (uint64_t)has;
	return rc;
}

/* Everything is well-formed here: the document was passed over once. */
static int look_at_members(struct ix_schema_guess *g, struct ix_scan *s)
{
	struct ix_scan_string key;
	struct seen *f = NULL;
	int rc = 0;

	s->p++;
	if (ix_scan_peek(s) == '}')
		return 0;
	for (size_t k = 0; !rc; k++) {
		ix_scan_peek(s);
		rc = ix_scan_string(s, &key);
		if (!rc)
			rc = ix_scan_expect(s, ':', "':'");
		if (!rc)
			rc = find_field(g, &key, k, &f);
		if (!rc)
			rc = look_at_field(f, s);
		if (!rc && (ix_scan_peek(s), *s->p++) != ',')
			return 0;
	}
	return rc;
}

int ix_schema_guess_add(struct ix_schema_guess *g, const char *json, size_t n)
{
	struct ix_scan s;
	int rc;

	ix_scan_begin(&s, &g->text, json, n);
	if (ix_scan_peek(&s) != '{')
		return ix_scan_fail(&s, "expected an object: '{'");
	rc = ix_scan_skip(&s);
	if (!rc)
		rc = ix_scan_end(&s);
	if (rc)
		return rc;
	ix_scan_begin(&s, &g->text, json, n);
	ix_scan_peek(&s);
	rc = look_at_members(g, &s);
	g->docs += !rc;
	return rc;
}

/* --- deciding ---------------------------------------------------------- */

static int is_left_out(const struct seen *f)
{
	return f->has_other || f->bad_name || (f->has_string && f->has_number);
}

static int is_id(const struct seen *f)
{
	return f->len == 2 && !memcmp(f->name, "id", 2);
}

static int is_keyword(const struct seen *f)
{
	int named = is_id(f) ||
		    (f->len >= 3 && !memcmp(f->name + f->len - 3, "_id", 3));

	return named && f->has_string && !f->bad_keyword;
}

const char *ix_schema_guess_left_out(const struct ix_schema_guess *g,
				     uint32_t i)
{
	for (size_t k = 0; k < g->count; k++)
		if (is_left_out(&g->fields[k]) && !i--)
			return g->fields[k].name;
	return NULL;
}

int ix_schema_guess_finish(struct ix_schema_guess *g, struct ix_schema **sp)
{
	struct ix_buf json = IX_BUF_INIT;
	int has_key = 0, fields = 0, rc;

	*sp = NULL;
	ix_buf_add_str(&json, "{\"fields\":[");
	for (size_t i = 0; i < g->count; i++) {
		const struct seen *f = &g->fields[i];
		const char *type = f->has_number ? "u64" : "text";

		if (is_left_out(f))
			continue;
		if (is_keyword(f))
			type = "keyword";
		if (is_keyword(f) && is_id(f) && !f->has_array)
			has_key = f->docs == g->docs;
		ix_buf_addf(&json, "%s{\"name\":\"", fields++ ? "," : "");
		ix_buf_add_json(&json, f->name, f->len);
		ix_buf_addf(&json, "\",\"type\":\"%s\"%s}", type,
			    f->has_array ? ",\"multi\":true" : "");
	}
	ix_buf_addf(&json, "]%s}", has_key ? ",\"key\":\"id\"" : "");
	rc = ix_buf_error(&json);
	if (!rc && !fields)
		rc = ix_fail(-IX_EINPUT, "no field to make a schema of");
	if (!rc)
		rc = ix_schema_parse((const char *)json.data, json.len, NULL,
				     sp);
	ix_buf_release(&json);
	return rc;
}
