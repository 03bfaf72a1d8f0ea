/* SPDX-License-Identifier: MIT */
/*
 * The scanner of the control file against the parser: whatever the parser
 * takes as an object, the scanner takes as one document of the same bytes,
 * in whatever pieces it arrives.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "fs/json_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* 1 if exactly [0, size) is one document, blanks around it allowed. */
static int scan(const char *text, size_t size, size_t piece)
{
	struct ixfs_json_stream s;
	size_t at = 0;
	size_t taken;
	int found = 0;
	int rc = 0;

	ixfs_json_stream_init(&s);
	while (at < size && rc >= 0) {
		size_t n = size - at < piece ? size - at : piece;

		rc = ixfs_json_stream_add(&s, text + at, n, &taken);
		if (taken > n)
			abort();
		found += rc == 1;
		at += taken;
	}
	if (ixfs_json_stream_partial(&s))
		rc = -1;
	ixfs_json_stream_release(&s);
	return rc >= 0 && found == 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	cJSON *tree = NULL;
	int whole = scan(text, size, size ? size : 1);

	if (whole != scan(text, size, 1) || whole != scan(text, size, 3))
		abort();
	if (size <= IXFS_JSON_STREAM_MAX &&
	    ix_json_parse(text, size, &tree) == 0 && cJSON_IsObject(tree) &&
	    !whole)
		abort();
	cJSON_Delete(tree);
	return 0;
}
