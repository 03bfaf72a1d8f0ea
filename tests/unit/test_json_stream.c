/* SPDX-License-Identifier: MIT */
/*
 * Goal: the control file's stream finds the end of each document whatever the
 * writes are cut into, and refuses what cannot become JSON at the byte that
 * shows it. Method: every text is fed whole and byte by byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/err.h"
#include "fs/json_stream.h"

/* Feed `text` in pieces of `piece` bytes; the result of the last call, and how
 * many bytes were taken in all. */
static int feed(const char *text, size_t piece, size_t *totalp)
{
	struct ixfs_json_stream s;
	size_t n = strlen(text), at = 0, taken = 0;
	int rc = 0;

	ixfs_json_stream_init(&s);
	while (at < n && !rc) {
		rc = ixfs_json_stream_add(&s, text + at,
					  n - at < piece ? n - at : piece,
					  &taken);
		at += taken;
	}
	if (rc == 1)
		assert_memory_equal(s.doc.data + s.doc.len - 1, "}", 1);
	ixfs_json_stream_release(&s);
	*totalp = at;
	return rc;
}

static void check(const char *text, int want, size_t length)
{
	for (size_t piece = 1; piece <= strlen(text); piece++) {
		size_t total;

		assert_int_equal(feed(text, piece, &total), want);
		if (want == 1)
			assert_int_equal(total, length);
	}
}

static void complete_documents_end_at_their_brace(void **state)
{
	static const char *const texts[] = {
		"{}",
		" \n{ }",
		"{\"a\":1}",
		"{\"a\":[],\"b\":{},\"c\":[1,2,{\"d\":null}]}",
		"{\"a\":\"}\\\"{\",\"b\":-1.5e+3,\"c\":true}",
		"{\"a\":[[],[[\"\"]]]}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		check(texts[i], 1, strlen(texts[i]));
	check("{\"a\":1} {\"b\":2}", 1, 7);
}

static void broken_documents_fail_before_their_end(void **state)
{
	static const char *const texts[] = {
		"[1]",        "x",
		"{broken",    "{\"a\" 1",
		"{\"a\":}",   "{\"a\":1 2",
		"{\"a\":1,}", "{\"a\":[1,]",
		"{\"a\":[}",  "{\"a\":{]",
		"{,",         "{\"a\":1:",
		"{\"a\",",    "{\"a\":[\"b\":",
		"{1",         "{\"a\":'b'",
		"{[",         "{\"a\"\"b\"",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		check(texts[i], -IX_EINPUT, 0);
}

static void unfinished_documents_wait(void **state)
{
	static const char *const texts[] = { "{", "{\"a", "{\"a\":", "{\"a\":1",
					     "{\"a\":[1," };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		check(texts[i], 0, 0);
}

static void nesting_is_bounded(void **state)
{
	char text[IXFS_JSON_STREAM_DEPTH * 5 + 16] = "";

	(void)state;
	for (int i = 0; i < IXFS_JSON_STREAM_DEPTH; i++)
		strcat(text, "{\"a\":");
	check(text, 0, 0);
	strcat(text, "[");
	check(text, -IX_EINPUT, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(complete_documents_end_at_their_brace),
		cmocka_unit_test(broken_documents_fail_before_their_end),
		cmocka_unit_test(unfinished_documents_wait),
		cmocka_unit_test(nesting_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
