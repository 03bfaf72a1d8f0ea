/* SPDX-License-Identifier: MIT */
#include "core/base/json.h"

#include <inttypes.h>
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

static int check_tree(const cJSON *node, int depth)
{
	const cJSON *c;
	int rc = 0;

	if (depth > DEPTH_MAX)
		return ix_fail(-IX_EINPUT, "JSON: nested deeper than %d",
			       DEPTH_MAX);
	if (cJSON_IsObject(node))
		rc = check_duplicates(node);
	if (!cJSON_IsObject(node) && !cJSON_IsArray(node))
		return 0;
	for (c = node->child; c && !rc; c = c->next)
		rc = check_tree(c, depth + 1);
	return rc;
}

static int has_nul(const char *text, size_t n)
{
	for (size_t i = 0; i + 5 < n; i++)
		if (text[i] == '\\') {
			if (!memcmp(text + i + 1, "u0000", 5))
				return 1;
			i++;
		}
	return memchr(text, '\0', n) != NULL;
}

int ix_json_parse(const char *text, size_t n, cJSON **treep)
{
	const char *end = NULL;
	char *copy;
	cJSON *tree;
	int rc;

	*treep = NULL;
	if (!ix_utf8_valid(text, n) || has_nul(text, n))
		return ix_fail(-IX_EINPUT,
			       "JSON: not UTF-8, or a NUL inside a string");
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
		for (i = 0; keys[i] && strcmp(keys[i], c->string); i++)
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
