/* SPDX-License-Identifier: MIT */
#include "core/base/json.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/utf8.h"

#define DEPTH_MAX 64

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* O(n log n), so that a hostile document cannot cost quadratic time. */
static int check_duplicates(const cJSON *object)
{
	size_t n = 0, i = 0;
	const char **keys;
	const cJSON *c;
	int rc = 0;

	for (c = object->child; c; c = c->next)
		n++;
	if (n < 2)
		return 0;
	keys = ix_calloc(n, sizeof(*keys));
	if (!keys)
		return -ENOMEM;
	for (c = object->child; c; c = c->next)
		keys[i++] = c->string;
	qsort(keys, n, sizeof(*keys), compare_keys);
	for (i = 1; i < n && !rc; i++)
		if (!strcmp(keys[i - 1], keys[i]))
			rc = ix_fail(-IX_EINPUT,
				     "JSON: duplicate key \"%.100s\"", keys[i]);
	ix_free(keys);
	return rc;
}

/* `depth` containers are open around `node`. */
static int check_tree(const cJSON *node, int depth)
{
	const cJSON *c;
	int rc = 0;

	if (cJSON_IsNumber(node) && !isfinite(node->valuedouble))
		return ix_fail(-IX_EINPUT, "JSON: number out of range");
	if (!cJSON_IsObject(node) && !cJSON_IsArray(node))
		return 0;
	if (depth >= DEPTH_MAX)
		return ix_fail(-IX_EINPUT, "JSON: nested deeper than %d",
			       DEPTH_MAX);
	if (cJSON_IsObject(node))
		rc = check_duplicates(node);
	for (c = node->child; c && !rc; c = c->next)
		rc = check_tree(c, depth + 1);
	return rc;
}

/* Length of the string token at `p` with both quotes; 0 if RFC 8259 does not
 * allow it, or if it has a NUL character. cJSON takes control characters as
 * they are, and reads "\uzzzz" as a NUL. */
static size_t string_token(const char *p, const char *end)
{
	const char *start = p;

	for (p++; p < end; p++) {
		if (*p == '"')
			return (size_t)(p + 1 - start);
		if ((uint8_t)*p < 0x20)
			return 0;
		if (*p != '\\')
			continue;
		if (++p == end || !*p || !strchr("\"\\/bfnrtu", *p))
			return 0;
		if (*p != 'u')
			continue;
		if (end - p < 5 || !memcmp(p + 1, "0000", 4))
			return 0;
		for (int i = 0; i < 4; i++)
			if (!isxdigit((uint8_t) * ++p))
				return 0;
	}
	return 0;
}

static const char *skip_digits(const char *p, const char *end)
{
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p;
}

/* Length of the number token at `p`, or 0. cJSON takes what strtod takes:
 * "01", "1.", "1.e5". */
static size_t number_token(const char *p, const char *end)
{
	const char *start = p, *digits;

	p += *p == '-';
	digits = p;
	p = skip_digits(p, end);
	if (p == digits || (*digits == '0' && p - digits > 1))
		return 0;
	if (p < end && *p == '.') {
		digits = ++p;
		p = skip_digits(p, end);
		if (p == digits)
			return 0;
	}
	if (p < end && (*p == 'e' || *p == 'E')) {
		p++;
		p += p < end && (*p == '+' || *p == '-');
		digits = p;
		p = skip_digits(p, end);
		if (p == digits)
			return 0;
	}
	return (size_t)(p - start);
}

/* Offset of the first token that cJSON would take and RFC 8259 forbids (or
 * that has a NUL character), or `n`. cJSON takes any control character for a
 * blank, and a byte order mark before the document. */
static size_t find_lenient(const char *text, size_t n)
{
	size_t i = 0, len;

	for (; i < n; i += len) {
		const char *p = text + i, *end = text + n;

		if (*p == '"')
			len = string_token(p, end);
		else if (*p == '-' || (*p >= '0' && *p <= '9'))
			len = number_token(p, end);
		else
			len = (*p > 0x20 && *p < 0x7f) || *p == ' ' ||
			      *p == '\t' || *p == '\n' || *p == '\r';
		if (!len)
			return i;
	}
	return n;
}

int ix_json_parse(const char *text, size_t n, cJSON **treep)
{
	const char *end = NULL;
	char *copy;
	cJSON *tree;
	size_t at;
	int rc;

	*treep = NULL;
	if (!ix_utf8_valid(text, n))
		return ix_fail(-IX_EINPUT, "JSON: not valid UTF-8");
	at = find_lenient(text, n);
	if (at < n)
		return ix_fail(
			-IX_EINPUT,
			"JSON: forbidden or unfinished token at byte %zu", at);
	copy = ix_strndup(text, n);
	if (!copy)
		return -ENOMEM;
	tree = cJSON_ParseWithOpts(copy, &end, 1);
	if (!tree) {
		rc = ix_fail(-IX_EINPUT, "JSON: syntax error at byte %zu",
			     end ? (size_t)(end - copy) : 0);
		ix_free(copy);
		return rc;
	}
	ix_free(copy);
	rc = check_tree(tree, 0);
	if (rc) {
		cJSON_Delete(tree);
		return rc;
	}
	*treep = tree;
	return 0;
}

cJSON *ix_json_get(const cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

int ix_json_get_str(const cJSON *object, const char *key, const char **sp)
{
	const cJSON *v = ix_json_get(object, key);

	if (!v)
		return -ENOENT;
	if (!cJSON_IsString(v))
		return ix_fail(-IX_EINPUT, "\"%s\" must be a string", key);
	*sp = v->valuestring;
	return 0;
}

int ix_json_get_bool(const cJSON *object, const char *key, int *vp)
{
	const cJSON *v = ix_json_get(object, key);

	if (!v)
		return -ENOENT;
	if (!cJSON_IsBool(v))
		return ix_fail(-IX_EINPUT, "\"%s\" must be true or false", key);
	*vp = cJSON_IsTrue(v) ? 1 : 0;
	return 0;
}

int ix_json_parse_u64(const char *s, uint64_t *vp)
{
	uint64_t v = 0;

	if (!*s)
		return -EINVAL;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return -EINVAL;
		if (__builtin_mul_overflow(v, 10u, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*s - '0'), &v))
			return -ERANGE;
	}
	*vp = v;
	return 0;
}

int ix_json_get_u64(const cJSON *object, const char *key, uint64_t *vp)
{
	const cJSON *v = ix_json_get(object, key);

	if (!v)
		return -ENOENT;
	if (cJSON_IsString(v) && !ix_json_parse_u64(v->valuestring, vp))
		return 0;
	if (cJSON_IsNumber(v) && v->valuedouble >= 0 &&
	    v->valuedouble < 9007199254740992.0 &&
	    v->valuedouble == (double)(uint64_t)v->valuedouble) {
		*vp = (uint64_t)v->valuedouble;
		return 0;
	}
	return ix_fail(-IX_EINPUT,
		       "\"%s\" must be a whole number (as a string above 2^53)",
		       key);
}

int ix_json_only_keys(const cJSON *object, const char *const *keys,
		      const char *what)
{
	const cJSON *c;
	size_t i;

	if (!cJSON_IsObject(object))
		return ix_fail(-IX_EINPUT, "%s must be a JSON object", what);
	for (c = object->child; c; c = c->next) {
		for (i = 0; keys[i] && strcmp(keys[i], c->string) != 0; i++)
			;
		if (!keys[i])
			return ix_fail(-IX_EINPUT, "%s: unknown key \"%.100s\"",
				       what, c->string);
	}
	return 0;
}

int ix_json_add_u64(cJSON *object, const char *key, uint64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, v);
	return cJSON_AddStringToObject(object, key, text) ? 0 : -ENOMEM;
}
