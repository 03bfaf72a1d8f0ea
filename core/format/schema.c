/* SPDX-License-Identifier: MIT */
#include "core/format/schema.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/hash.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/base/utf8.h"
#include "core/format/layout.h"

#define NAME_MAX_BYTES    255u
#define DEFAULT_TOKENIZER "simple"

static const char *const type_names[] = {
	[IX_FIELD_TEXT] = "text",
	[IX_FIELD_KEYWORD] = "keyword",
	[IX_FIELD_U64] = "u64",
};

/* ---- order and look-up ---- */

static int compare_names(const char *a, size_t an, const char *b, size_t bn)
{
	size_t n = an < bn ? an : bn;
	int c = n ? memcmp(a, b, n) : 0;

	return c ? c : (an > bn) - (an < bn);
}

static int compare_fields(const void *pa, const void *pb)
{
	const struct ix_field *a = pa, *b = pb;

	return compare_names(a->name, a->name_len, b->name, b->name_len);
}

int32_t ix_schema_find(const struct ix_schema *s, const char *name, size_t n)
{
	uint32_t low = 0, high = s->field_count;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		const struct ix_field *f = &s->fields[mid];
		int c = compare_names(f->name, f->name_len, name, n);

		if (!c)
			return (int32_t)mid;
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return -1;
}

/* ---- canonical text ---- */

static void render_string(struct ix_buf *b, const char *s, size_t n)
{
	ix_buf_add_u8(b, '"');
	ix_buf_add_json(b, s, n);
	ix_buf_add_u8(b, '"');
}

static const char *bool_name(int v)
{
	return v ? "true" : "false";
}

static void render_field(struct ix_buf *b, const struct ix_field *f)
{
	ix_buf_addf(b, "{\"indexed\":%s,\"multi\":%s,\"name\":",
		    bool_name(f->indexed), bool_name(f->multi));
	render_string(b, f->name, f->name_len);
	ix_buf_addf(b, ",\"positions\":%s,\"stored\":%s",
		    bool_name(f->positions), bool_name(f->stored));
	if (f->tokenizer) {
		ix_buf_add_str(b, ",\"tokenizer\":");
		render_string(b, f->tokenizer, strlen(f->tokenizer));
	}
	ix_buf_addf(b, ",\"type\":\"%s\"}", type_names[f->type]);
}

/* Keys in RFC 8785 order; the schema must be complete but for its text. */
static int render(struct ix_schema *s)
{
	struct ix_buf b = IX_BUF_INIT;

	ix_buf_add_str(&b, "{\"default_fields\":[");
	for (uint32_t i = 0; i < s->default_count; i++) {
		const struct ix_field *f = &s->fields[s->defaults[i]];

		if (i)
			ix_buf_add_u8(&b, ',');
		render_string(&b, f->name, f->name_len);
	}
	ix_buf_add_str(&b, "],\"fields\":[");
	for (uint32_t i = 0; i < s->field_count; i++) {
		if (i)
			ix_buf_add_u8(&b, ',');
		render_field(&b, &s->fields[i]);
	}
	ix_buf_add_u8(&b, ']');
	if (s->key >= 0) {
		const struct ix_field *f = &s->fields[s->key];

		ix_buf_add_str(&b, ",\"key\":");
		render_string(&b, f->name, f->name_len);
	}
	ix_buf_add_u8(&b, '}');
	ix_buf_str(&b); /* terminate */
	if (ix_buf_error(&b)) {
		ix_buf_release(&b);
		return -ENOMEM;
	}
	s->canonical = (char *)b.data; /* the buffer's memory changes owner */
	s->canonical_len = b.len;
	return 0;
}

/* ---- parsing ---- */

static int check_name(const char *name, size_t n)
{
	if (!n || n > NAME_MAX_BYTES)
		return ix_fail(-IX_ESCHEMA,
			       "schema: field name of %zu bytes, 1 to %u are "
			       "allowed",
			       n, NAME_MAX_BYTES);
	if (!ix_utf8_valid(name, n))
		return ix_fail(-IX_ESCHEMA, "schema: field name not UTF-8");
	for (size_t at = 0; at < n;) {
		uint32_t cp;

		at += ix_utf8_decode(name + at, n - at, &cp);
		if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == '"' ||
		    cp == '\\' || cp == ':')
			return ix_fail(-IX_ESCHEMA,
				       "schema: field name with character "
				       "U+%04X, which is not allowed",
				       cp);
	}
	return 0;
}

/* An optional boolean member into a byte; absent leaves it alone. */
static int get_flag(const cJSON *o, const char *key, uint8_t *vp, int *givenp)
{
	int v = 0;
	int rc = ix_json_get_bool(o, key, &v);

	*givenp = !rc;
	if (!rc)
		*vp = (uint8_t)v;
	return rc == -ENOENT ? 0 : rc;
}

static int parse_type(const cJSON *o, struct ix_field *f)
{
	const char *type = NULL;
	int rc = ix_json_get_str(o, "type", &type);

	if (rc == -ENOENT)
		return ix_fail(-IX_ESCHEMA, "schema: field \"%s\" has no type",
			       f->name);
	if (rc)
		return rc;
	for (size_t i = 0; i < 3; i++)
		if (!strcmp(type, type_names[i])) {
			f->type = (enum ix_field_type)i;
			return 0;
		}
	return ix_fail(-IX_ESCHEMA,
		       "schema: field \"%s\" has unknown type \"%.40s\"; known "
		       "are text, keyword, u64",
		       f->name, type);
}

static int parse_flags(const cJSON *o, struct ix_field *f)
{
	int given, rc;

	f->indexed = f->type != IX_FIELD_U64;
	f->stored = 1;
	rc = get_flag(o, "indexed", &f->indexed, &given);
	if (!rc)
		rc = get_flag(o, "stored", &f->stored, &given);
	if (!rc)
		rc = get_flag(o, "multi", &f->multi, &given);
	f->positions = f->type == IX_FIELD_TEXT && f->indexed;
	if (!rc)
		rc = get_flag(o, "positions", &f->positions, &given);
	if (rc)
		return rc;
	if (f->indexed && f->type == IX_FIELD_U64)
		return ix_fail(-IX_ESCHEMA,
			       "schema: u64 field \"%s\" cannot be indexed",
			       f->name);
	if (f->positions && (f->type != IX_FIELD_TEXT || !f->indexed))
		return ix_fail(-IX_ESCHEMA,
			       "schema: field \"%s\" cannot have positions; "
			       "only indexed text can",
			       f->name);
	return 0;
}

static int parse_tokenizer(const cJSON *o, struct ix_field *f,
			   int (*known)(const char *name))
{
	const char *name = DEFAULT_TOKENIZER;
	int rc = ix_json_get_str(o, "tokenizer", &name);

	if (rc && rc != -ENOENT)
		return rc;
	if (f->type != IX_FIELD_TEXT)
		return rc ? 0
			  : ix_fail(-IX_ESCHEMA,
				    "schema: field \"%s\" cannot have a "
				    "tokenizer; only text can",
				    f->name);
	if (check_name(name, strlen(name)) || (known && !known(name)))
		return ix_fail(-IX_ESCHEMA,
			       "schema: field \"%s\" has unknown tokenizer "
			       "\"%.40s\"",
			       f->name, name);
	f->tokenizer = ix_strdup(name);
	return f->tokenizer ? 0 : -ENOMEM;
}

static int parse_field(const cJSON *o, int (*known)(const char *name),
		       struct ix_field *f)
{
	static const char *const keys[] = { "indexed",   "multi",  "name",
					    "positions", "stored", "tokenizer",
					    "type",      NULL };
	const char *name = NULL;
	int rc = ix_json_only_keys(o, keys, "schema: a field");

	if (!rc)
		rc = ix_json_get_str(o, "name", &name);
	if (rc == -ENOENT)
		return ix_fail(-IX_ESCHEMA, "schema: a field has no name");
	if (!rc)
		rc = check_name(name, strlen(name));
	if (rc)
		return rc;
	f->name_len = strlen(name);
	f->name = ix_strndup(name, f->name_len);
	if (!f->name)
		return -ENOMEM;
	f->name_hash = ix_hash64(f->name, f->name_len);
	rc = parse_type(o, f);
	if (!rc)
		rc = parse_flags(o, f);
	if (!rc)
		rc = parse_tokenizer(o, f, known);
	return rc;
}

static int parse_fields(const cJSON *tree, int (*known)(const char *name),
			struct ix_schema *s)
{
	const cJSON *array = ix_json_get(tree, "fields");
	const cJSON *o;
	uint32_t n = 0;
	int rc = 0;

	if (!cJSON_IsArray(array))
		return ix_fail(
			-IX_ESCHEMA,
			"schema: \"fields\" must be an array of objects");
	for (o = array->child; o; o = o->next)
		if (++n > IX_FIELDS_MAX)
			return ix_fail(-IX_ESCHEMA,
				       "schema: more than %u fields",
				       IX_FIELDS_MAX);
	s->fields = ix_calloc(n, sizeof(*s->fields));
	if (!s->fields)
		return -ENOMEM;
	for (o = array->child; o && !rc; o = o->next)
		rc = parse_field(o, known, &s->fields[s->field_count++]);
	if (rc)
		return rc;
	if (n)
		qsort(s->fields, n, sizeof(*s->fields), compare_fields);
	for (uint32_t i = 1; i < n; i++)
		if (!compare_fields(&s->fields[i - 1], &s->fields[i]))
			return ix_fail(-IX_ESCHEMA,
				       "schema: field \"%s\" twice",
				       s->fields[i].name);
	return 0;
}

static int add_default(struct ix_schema *s, const cJSON *item)
{
	const char *name = cJSON_IsString(item) ? item->valuestring : NULL;
	int32_t f = name ? ix_schema_find(s, name, strlen(name)) : -1;

	if (f < 0)
		return ix_fail(-IX_ESCHEMA,
			       "schema: default field \"%.100s\" is not a "
			       "field",
			       name ? name : "?");
	if (!s->fields[f].indexed)
		return ix_fail(-IX_ESCHEMA,
			       "schema: default field \"%s\" is not indexed",
			       name);
	for (uint32_t i = 0; i < s->default_count; i++)
		if (s->defaults[i] == (uint32_t)f)
			return ix_fail(-IX_ESCHEMA,
				       "schema: default field \"%s\" twice",
				       name);
	s->defaults[s->default_count++] = (uint32_t)f;
	return 0;
}

static int parse_defaults(const cJSON *tree, struct ix_schema *s)
{
	const cJSON *array = ix_json_get(tree, "default_fields");
	int rc = 0;

	s->defaults = ix_calloc(s->field_count, sizeof(*s->defaults));
	if (!s->defaults)
		return -ENOMEM;
	if (!array) {
		for (uint32_t i = 0; i < s->field_count; i++)
			if (s->fields[i].type == IX_FIELD_TEXT &&
			    s->fields[i].indexed)
				s->defaults[s->default_count++] = i;
		return 0;
	}
	if (!cJSON_IsArray(array))
		return ix_fail(-IX_ESCHEMA,
			       "schema: \"default_fields\" must be an array");
	/* A field can be there once, so there is room for all that pass. */
	for (const cJSON *i = array->child; i && !rc; i = i->next)
		rc = add_default(s, i);
	return rc;
}

static int parse_key(const cJSON *tree, struct ix_schema *s)
{
	const char *name = NULL;
	const struct ix_field *f;
	int rc = ix_json_get_str(tree, "key", &name);

	s->key = -1;
	if (rc)
		return rc == -ENOENT ? 0 : rc;
	s->key = ix_schema_find(s, name, strlen(name));
	f = s->key >= 0 ? &s->fields[s->key] : NULL;
	if (!f || f->type != IX_FIELD_KEYWORD || !f->indexed || f->multi)
		return ix_fail(-IX_ESCHEMA,
			       "schema: key \"%.100s\" must be an indexed, "
			       "single-valued keyword field",
			       name);
	return 0;
}

static int parse_tree(const cJSON *tree, int (*known)(const char *name),
		      struct ix_schema *s)
{
	static const char *const keys[] = { "default_fields", "fields", "key",
					    NULL };
	int rc = ix_json_only_keys(tree, keys, "schema");

	if (!rc)
		rc = parse_fields(tree, known, s);
	if (!rc)
		rc = parse_defaults(tree, s);
	if (!rc)
		rc = parse_key(tree, s);
	if (!rc)
		rc = render(s);
	return rc;
}

int ix_schema_parse(const char *json, size_t n,
		    int (*known_tokenizer)(const char *name),
		    struct ix_schema **sp)
{
	struct ix_schema *s = NULL;
	cJSON *tree = NULL;
	int rc;

	*sp = NULL;
	rc = ix_json_parse(json, n, &tree);
	if (rc)
		goto out;
	s = ix_calloc(1, sizeof(*s));
	if (!s) {
		rc = -ENOMEM;
		goto out;
	}
	rc = parse_tree(tree, known_tokenizer, s);
	if (rc)
		goto out;
	*sp = s;
	s = NULL;
out:
	ix_schema_free(s);
	cJSON_Delete(tree);
	/* The helpers of json.h speak of input; here it is a schema. */
	return rc == -IX_EINPUT ? -IX_ESCHEMA : rc;
}

/* ---- life ---- */

void ix_schema_free(struct ix_schema *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; i < s->field_count; i++) {
		ix_free(s->fields[i].name);
		ix_free(s->fields[i].tokenizer);
	}
	ix_free(s->fields);
	ix_free(s->defaults);
	ix_free(s->canonical);
	ix_free(s);
}

/* Copy a field, owned strings too. Releasable whatever it returns. */
static int copy_field(struct ix_field *to, const struct ix_field *from)
{
	*to = *from;
	to->tokenizer = NULL;
	to->name = ix_strndup(from->name, from->name_len);
	if (from->tokenizer)
		to->tokenizer = ix_strdup(from->tokenizer);
	return to->name && (to->tokenizer || !from->tokenizer) ? 0 : -ENOMEM;
}

struct ix_schema *ix_schema_clone(const struct ix_schema *s)
{
	struct ix_schema *copy = NULL;

	return ix_schema_union(&s, 1, &copy) ? NULL : copy;
}

/* ---- agreement ---- */

static int fields_agree(const struct ix_field *a, const struct ix_field *b)
{
	const char *what = NULL;

	if (a->type != b->type)
		what = "type";
	else if (a->indexed != b->indexed)
		what = "indexed";
	else if (a->multi != b->multi)
		what = "multi";
	else if (a->positions != b->positions)
		what = "positions";
	else if (a->stored != b->stored)
		what = "stored";
	else if (a->tokenizer && strcmp(a->tokenizer, b->tokenizer) != 0)
		what = "tokenizer";
	if (!what)
		return 0;
	return ix_fail(-IX_ESCHEMA,
		       "schema: field \"%s\" disagrees in \"%s\"; segments of "
		       "one index must agree on it",
		       a->name, what);
}

int ix_schema_accepts(const struct ix_schema *index,
		      const struct ix_schema *segment)
{
	for (uint32_t i = 0; i < segment->field_count; i++) {
		const struct ix_field *f = &segment->fields[i];
		int32_t k = ix_schema_find(index, f->name, f->name_len);
		int rc;

		if (k < 0)
			return ix_fail(-IX_ESCHEMA,
				       "schema: field \"%s\" is not in the "
				       "index; add it to the index's schema "
				       "first",
				       f->name);
		rc = fields_agree(&index->fields[k], f);
		if (rc)
			return rc;
	}
	return 0;
}

/* Merge the sorted fields of `from` into the sorted fields of `s`. */
static int union_fields(struct ix_schema *s, const struct ix_schema *from)
{
	uint32_t old = s->field_count;
	struct ix_field *grown;
	int rc = 0;

	grown = ix_realloc(s->fields, (size_t)old + from->field_count + 1,
			   sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	s->fields = grown;
	for (uint32_t i = 0, k = 0; i < from->field_count && !rc; i++) {
		const struct ix_field *f = &from->fields[i];
		int c = 1;

		while (k < old && (c = compare_fields(&grown[k], f)) < 0)
			k++;
		if (k < old && !c)
			rc = fields_agree(&grown[k], f);
		else if (s->field_count >= IX_FIELDS_MAX)
			rc = ix_fail(-IX_ESCHEMA,
				     "schema: together more than %u fields",
				     IX_FIELDS_MAX);
		else
			rc = copy_field(&grown[s->field_count++], f);
	}
	if (!rc && s->field_count)
		qsort(grown, s->field_count, sizeof(*grown), compare_fields);
	return rc;
}

/* The field of `s` that has the name of field `f` of `from`. */
static uint32_t same_field(const struct ix_schema *s,
			   const struct ix_schema *from, uint32_t f)
{
	const struct ix_field *field = &from->fields[f];

	return (uint32_t)ix_schema_find(s, field->name, field->name_len);
}

static int union_defaults(struct ix_schema *s,
			  const struct ix_schema *const *schemas, size_t n)
{
	const struct ix_schema *with_defaults = NULL, *with_key = NULL;

	for (size_t i = n; i-- > 0;) {
		if (schemas[i]->default_count)
			with_defaults = schemas[i];
		if (schemas[i]->key >= 0)
			with_key = schemas[i];
	}
	s->key = -1;
	if (with_key)
		s->key = (int32_t)same_field(s, with_key,
					     (uint32_t)with_key->key);
	if (!with_defaults)
		return 0;
	s->defaults =
		ix_calloc(with_defaults->default_count, sizeof(*s->defaults));
	if (!s->defaults)
		return -ENOMEM;
	for (uint32_t i = 0; i < with_defaults->default_count; i++)
		s->defaults[s->default_count++] =
			same_field(s, with_defaults,
				   with_defaults->defaults[i]);
	return 0;
}

int ix_schema_union(const struct ix_schema *const *schemas, size_t n,
		    struct ix_schema **sp)
{
	struct ix_schema *s = ix_calloc(1, sizeof(*s));
	int rc = s ? 0 : -ENOMEM;

	*sp = NULL;
	for (size_t i = 0; i < n && !rc; i++)
		rc = union_fields(s, schemas[i]);
	if (!rc)
		rc = union_defaults(s, schemas, n);
	if (!rc)
		rc = render(s);
	if (rc) {
		ix_schema_free(s);
		return rc;
	}
	*sp = s;
	return 0;
}
