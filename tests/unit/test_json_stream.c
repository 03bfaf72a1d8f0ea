/* SPDX-License-Identifier: MIT */
/*
 * Goal: a document is found complete at its last byte and not before, in
 * whatever pieces it arrives; what can never become a document is refused at
 * the byte that makes it so.
 * Method: a table of documents and of beginnings, fed whole, byte by byte, and
 * cut in two at every place.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "fs/json_stream.h"

static const char *const documents[] = {
	"{}",
	"{ }",
	"{\"a\":1}",
	"{\"a\":[]}",
	"{\"a\":[1,-2.5e+7,true,false,null,\"x\",{},[[]]]}",
	"{\"}\":\"{[\\\"\\\\\\u00e9\\n\"}",
	"{\"a\" : { \"b\" : { \"c\" : [ { } ] } } , \"d\" : 1 }",
	"{\"run\":\"remove\",\"names\":[\"a.seg\",\"b.seg\"]}",
};

#define DOCUMENTS (sizeof(documents) / sizeof(documents[0]))

static void found_at_its_last_byte(void **state)
{
	(void)state;
	for (size_t d = 0; d < DOCUMENTS; d++) {
		const char *doc = documents[d];
		size_t n = strlen(doc);
		struct ixfs_json_stream s;
		size_t taken;

		ixfs_json_stream_init(&s);
		for (size_t cut = 0; cut < n; cut++) {
			assert_int_equal(ixfs_json_stream_add(&s, doc, cut,
							      &taken),
					 0);
			assert_int_equal(taken, cut);
			assert_int_equal(ixfs_json_stream_partial(&s), cut > 0);
			/* More than the document: the rest is not taken. */
			char rest[256];
			size_t m = n - cut;

			memcpy(rest, doc + cut, m);
			rest[m] = '{';
			assert_int_equal(ixfs_json_stream_add(&s, rest, m + 1,
							      &taken),
					 1);
			assert_int_equal(taken, m);
			assert_int_equal(s.doc.len, n);
			assert_memory_equal(s.doc.data, doc, n);
			assert_false(ixfs_json_stream_partial(&s));
		}
		ixfs_json_stream_release(&s);
	}
}

static void blanks_and_documents_follow_each_other(void **state)
{
	static const char text[] = " \n{\"a\":1} \t {\"b\":2}\n";
	struct ixfs_json_stream s;
	size_t at = 0;
	size_t taken;

	(void)state;
	ixfs_json_stream_init(&s);
	assert_int_equal(ixfs_json_stream_add(&s, text, sizeof(text) - 1,
					      &taken),
			 1);
	assert_string_equal(ix_buf_str(&s.doc), "{\"a\":1}");
	at += taken;
	assert_int_equal(ixfs_json_stream_add(&s, text + at,
					      sizeof(text) - 1 - at, &taken),
			 1);
	assert_string_equal(ix_buf_str(&s.doc), "{\"b\":2}");
	at += taken;
	assert_int_equal(ixfs_json_stream_add(&s, text + at,
					      sizeof(text) - 1 - at, &taken),
			 0);
	assert_int_equal(at + taken, sizeof(text) - 1);
	assert_false(ixfs_json_stream_partial(&s));
	ixfs_json_stream_release(&s);
}

static void nonsense_is_refused_at_once(void **state)
{
	/* The last byte is the one that must be refused. */
	static const char *const beginnings[] = {
		"[",
		"x",
		"}",
		"\"",
		"{b",
		"{,",
		"{1",
		"{\"a\",",
		"{\"a\"}",
		"{\"a\":}",
		"{\"a\":x",
		"{\"a\":1,}",
		"{\"a\":1]",
		"{\"a\":[}",
		"{\"a\":[,",
		"{\"a\":[1}",
		"{\"a\":tr1",
		"{\"a\":nul}",
		"{\"a\":\"\\x",
		"{\"a\":\"\\u12g",
		"{\"a\":\"\n",
		"{\"a\" 1",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]);
	     i++) {
		const char *text = beginnings[i];
		size_t n = strlen(text);
		struct ixfs_json_stream s;
		size_t taken;

		ixfs_json_stream_init(&s);
		assert_int_equal(ixfs_json_stream_add(&s, text, n - 1, &taken),
				 0);
		assert_int_equal(ixfs_json_stream_add(&s, text + n - 1, 1,
						      &taken),
				 -IX_EINPUT);
		/* And the stream begins anew. */
		assert_false(ixfs_json_stream_partial(&s));
		assert_int_equal(ixfs_json_stream_add(&s, "{}", 2, &taken), 1);
		ixfs_json_stream_release(&s);
	}
}

static void size_and_depth_are_bounded(void **state)
{
	const size_t n = IXFS_JSON_STREAM_MAX + 16;
	struct ixfs_json_stream s;
	char *text = malloc(n);
	size_t taken;
	int rc = 0;

	(void)state;
	assert_non_null(text);
	ixfs_json_stream_init(&s);
	memset(text, 'a', n);
	memcpy(text, "{\"", 2);
	assert_int_equal(ixfs_json_stream_add(&s, text, n, &taken), -EFBIG);
	/* In pieces as well. */
	for (size_t at = 0; at < n && !rc; at += 4096)
		rc = ixfs_json_stream_add(&s, text + at,
					  n - at < 4096 ? n - at : 4096,
					  &taken);
	assert_int_equal(rc, -EFBIG);
	memset(text, '[', n);
	memcpy(text, "{\"a\":", 5);
	assert_int_equal(ixfs_json_stream_add(&s, text,
					      5 + IXFS_JSON_STREAM_DEPTH,
					      &taken),
			 -IX_EINPUT);
	assert_int_equal(ixfs_json_stream_add(&s, text,
					      4 + IXFS_JSON_STREAM_DEPTH,
					      &taken),
			 0);
	ixfs_json_stream_release(&s);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found_at_its_last_byte),
		cmocka_unit_test(blanks_and_documents_follow_each_other),
		cmocka_unit_test(nonsense_is_refused_at_once),
		cmocka_unit_test(size_and_depth_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
