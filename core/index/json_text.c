/* SPDX-License-Identifier: MIT */
#include "core/index/json_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"

static int compare_members(const void *a, const void *b)
{
	return strcmp((*(const cJSON *const *)a)->string,
		      (*(const cJSON *const *)b)->string);
}

static void add_string(struct ix_buf *out, const char *s)
{
	ix_buf_add_u8(out, '"');
	ix_buf_add_json(out, s, strlen(s));
	ix_buf_add_u8(out, '"');
}

static void add_object(const cJSON *tree, struct ix_buf *out)
{
	size_t n = 0, i = 0;
	const cJSON **members, *c;

	for (c = tree->child; c; c = c->next)
		n++;
	members = ix_calloc(n ? n : 1, sizeof(*members));
	if (!members) {
		out->error = -ENOMEM;
		return;
	}
	for (c = tree->child; c; c = c->next)
		members[i++] = c;
	qsort(members, n, sizeof(*members), compare_members);
	ix_buf_add_u8(out, '{');
	for (i = 0; i < n; i++) {
		if (i)
			ix_buf_add_u8(out, ',');
		add_string(out, members[i]->string);
		ix_buf_add_u8(out, ':');
		ix_json_canonical(members[i], out);
	}
	ix_buf_add_u8(out, '}');
	ix_free(members);
}

static void add_number(double v, struct ix_buf *out)
{
	if (v == floor(v) && fabs(v) < 9007199254740992.0)
		ix_buf_addf(out, "%lld", (long long)v);
	else if (isfinite(v))
		ix_buf_addf(out, "%.17g", v);
	else
		ix_buf_add_str(out, "null");
}

void ix_json_canonical(const cJSON *tree, struct ix_buf *out)
{
	if (cJSON_IsObject(tree)) {
		add_object(tree, out);
	} else if (cJSON_IsArray(tree)) {
		ix_buf_add_u8(out, '[');
		for (const cJSON *c = tree->child; c; c = c->next) {
			ix_json_canonical(c, out);
			if (c->next)
				ix_buf_add_u8(out, ',');
		}
		ix_buf_add_u8(out, ']');
	} else if (cJSON_IsString(tree)) {
		add_string(out, tree->valuestring);
	} else if (cJSON_IsNumber(tree)) {
		add_number(tree->valuedouble, out);
	} else {
		ix_buf_add_str(out, cJSON_IsTrue(tree)    ? "true"
				    : cJSON_IsFalse(tree) ? "false"
							  : "null");
	}
}

static int patch_member(cJSON *target, const cJSON *patch)
{
	cJSON *value =
		cJSON_DetachItemFromObjectCaseSensitive(target, patch->string);
	int rc;

	if (cJSON_IsNull(patch)) {
		cJSON_Delete(value);
		return 0;
	}
	rc = ix_json_merge_patch(&value, patch);
	if (!rc && !cJSON_AddItemToObject(target, patch->string, value))
		rc = -ENOMEM;
	if (rc)
		cJSON_Delete(value);
	return rc;
}

int ix_json_merge_patch(cJSON **targetp, const cJSON *patch)
{
	int rc = 0;

	if (!cJSON_IsObject(patch)) {
		cJSON_Delete(*targetp);
		*targetp = cJSON_Duplicate(patch, 1);
		return *targetp ? 0 : -ENOMEM;
	}
	if (!cJSON_IsObject(*targetp)) {
		cJSON_Delete(*targetp);
		*targetp = cJSON_CreateObject();
		if (!*targetp)
			return -ENOMEM;
	}
	for (const cJSON *c = patch->child; c && !rc; c = c->next)
		rc = patch_member(*targetp, c);
	return rc;
}
