/* SPDX-License-Identifier: MIT */
/*
 * Goal: no bytes make ix_json_parse misbehave, and what it takes is sound.
 * Method: a document that is taken is printed and parsed again; that must
 * succeed and give an equal tree. A refusal must come with a text. Every
 * member is read with every reader.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/json.h"

#define CHECK(x) ((x) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_members(const cJSON *tree)
{
	static const char *const keys[] = { "a", "version", NULL };
	const cJSON *c;

	(void)ix_json_only_keys(tree, keys, "tree");
	if (!cJSON_IsObject(tree))
		return;
	for (c = tree->child; c; c = c->next) {
		const char *s = NULL;
		uint64_t v = 0;
		int b = 0;

		CHECK(ix_json_get(tree, c->string) == c);
		CHECK(!ix_json_get_str(tree, c->string, &s) ==
		      !!cJSON_IsString(c));
		CHECK(!ix_json_get_bool(tree, c->string, &b) ==
		      !!cJSON_IsBool(c));
		(void)ix_json_get_u64(tree, c->string, &v);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cJSON *tree, *again;
	char *printed;
	int rc;

	ix_fail_clear();
	rc = ix_json_parse((const char *)data, size, &tree);
	if (rc) {
		CHECK(rc == -IX_EINPUT && !tree && *ix_fail_text());
		return 0;
	}
	CHECK(tree && !memchr(data, '\0', size));
	read_members(tree);
	printed = cJSON_PrintUnformatted(tree);
	CHECK(printed);
	CHECK(!ix_json_parse(printed, strlen(printed), &again));
	CHECK(cJSON_Compare(tree, again, 1));
	cJSON_free(printed);
	cJSON_Delete(tree);
	cJSON_Delete(again);
	return 0;
}
