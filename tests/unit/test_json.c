/* SPDX-License-Identifier: MIT */
/*
 * Goal: ix_json_parse takes RFC 8259 and none of what cJSON takes beyond it,
 * and the readers of members keep types and ranges apart.
 * Method: tables of documents to take and to refuse, each parsed from a block
 * of its exact size.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/json.h"
#include "core/base/mem.h"

static int parse(const char *text, size_t n, cJSON **treep)
{
	char *exact = malloc(n ? n : 1);
	int rc;

	assert_non_null(exact);
	memcpy(exact, text, n);
	ix_fail_clear();
	rc = ix_json_parse(exact, n, treep);
	free(exact);
	return rc;
}

static void good_documents_are_taken(void **state)
{
	static const char *const good[] = {
		"{}",
		"[]",
		"\"\"",
		"0",
		"-0",
		"true",
		"false",
		"null",
		" \t\r\n{ \"a\" : [ 1 , 2 ] } \n",
		"1.5e-3",
		"-12E+2",
		"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud834\\udd1e\"",
		"{\"a\":{\"a\":1},\"A\":2,\"\":3}",
		"\"Stra\303\237e\"",
		"[\"\\\\u0000\"]",
		"9007199254740993",
		"{\"\\u00e4\":1}",
	};
	cJSON *tree;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(parse(good[i], strlen(good[i]), &tree), 0);
		assert_non_null(tree);
		cJSON_Delete(tree);
	}
}

static void bad_documents_are_refused(void **state)
{
	static const char *const bad[] = {
		/* cut off, or more than one document */
		"",
		" ",
		"{",
		"[1",
		"\"a",
		"\"\\",
		"\"\\u00",
		"tru",
		"{\"a\"",
		"{} x",
		"{}{}",
		"1 2",
		"{},",
		"nulll",
		"\"a\"b",
		/* syntax */
		"[1,]",
		"{\"a\":1,}",
		"[,]",
		"[1 2]",
		"{a:1}",
		"{1:1}",
		"'a'",
		"{\"a\" 1}",
		"True",
		"NaN",
		"Infinity",
		"// x\n1",
		"/**/1",
		/* numbers */
		"01",
		"-01",
		"1.",
		".5",
		"+1",
		"-",
		"1e",
		"1e+",
		"1.e5",
		"0x10",
		"1-2",
		"--1",
		"1e999",
		"[-1e999]",
		/* strings */
		"\"a\nb\"",
		"\"\t\"",
		"\"\x1f\"",
		"\"\\x\"",
		"\"\\u12g4\"",
		"\"\\uzzzz\"",
		"\"\\u+123\"",
		"\"\\ud800\"",
		"\"\\udc00\"",
		"\"\\ud800\\u0041\"",
		"\"\\u0000\"",
		"{\"a\\u0000b\":1}",
		/* blanks that are none */
		"\v{}",
		"\f{}",
		"{}\x01",
		"\xef\xbb\xbf{}",
		"\xc2\xa0{}",
		/* not UTF-8 */
		"\"\xff\"",
		"\"\xc0\x80\"",
		"\"\xed\xa0\x80\"",
		"\"\xe2\x82",
		/* duplicate keys, at any level, however they are spelt */
		"{\"a\":1,\"a\":2}",
		"{\"a\":1,\"b\":2,\"\\u0061\":3}",
		"[{\"x\":{\"a\":1,\"a\":1}}]",
		"{\"\":1,\"\":2}",
	};
	cJSON *tree = (void *)&state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (parse(bad[i], strlen(bad[i]), &tree) != -IX_EINPUT)
			fail_msg("taken: %s", bad[i]);
		assert_null(tree);
		assert_memory_equal(ix_fail_text(), "JSON: ", 6);
	}
}

static void nul_bytes_are_refused(void **state)
{
	cJSON *tree;

	(void)state;
	assert_int_equal(parse("{}\0", 3, &tree), -IX_EINPUT);
	assert_int_equal(parse("{}\0{", 4, &tree), -IX_EINPUT);
	assert_int_equal(parse("\"\0\"", 3, &tree), -IX_EINPUT);
	assert_int_equal(parse("\"\\\0\"", 4, &tree), -IX_EINPUT);
	assert_int_equal(ix_json_parse(NULL, 0, &tree), -IX_EINPUT);
}

/* `depth` containers inside each other, arrays and objects by turns, the
 * innermost with `inside` in it. */
static int parse_nested(int depth, const char *inside)
{
	struct ix_buf text = IX_BUF_INIT;
	cJSON *tree;
	int rc;

	for (int i = 0; i < depth; i++)
		ix_buf_add_str(&text, i % 2 ? "{\"a\":" : "[");
	ix_buf_add_str(&text, inside);
	for (int i = depth; i-- > 0;)
		ix_buf_add_str(&text, i % 2 ? "}" : "]");
	rc = parse(ix_buf_str(&text), text.len, &tree);
	cJSON_Delete(tree);
	ix_buf_release(&text);
	return rc;
}

static void depth_is_limited(void **state)
{
	(void)state;
	/* 65 is odd: its innermost container is an array and may be empty. */
	assert_int_equal(parse_nested(63, ""), 0);
	assert_int_equal(parse_nested(64, "1"), 0);
	assert_int_equal(parse_nested(65, ""), -IX_EINPUT);
	assert_int_equal(parse_nested(65, "1"), -IX_EINPUT);
	assert_int_equal(parse_nested(66, "1"), -IX_EINPUT);
	assert_int_equal(parse_nested(100000, "1"), -IX_EINPUT);
}

static void error_names_the_place(void **state)
{
	cJSON *tree;

	(void)state;
	assert_int_equal(parse("{\"a\":01}", 8, &tree), -IX_EINPUT);
	assert_non_null(strstr(ix_fail_text(), "byte 5"));
	assert_int_equal(parse("{\"a\":1 2}", 9, &tree), -IX_EINPUT);
	assert_non_null(strstr(ix_fail_text(), "byte 7"));
	assert_int_equal(parse("{\"k\":1,\"k\":2}", 13, &tree), -IX_EINPUT);
	assert_non_null(strstr(ix_fail_text(), "\"k\""));
}

static void keys_are_compared_with_case(void **state)
{
	cJSON *tree;

	(void)state;
	assert_int_equal(parse("{\"A\":1,\"a\":2}", 13, &tree), 0);
	assert_int_equal(ix_json_get(tree, "a")->valueint, 2);
	assert_int_equal(ix_json_get(tree, "A")->valueint, 1);
	assert_null(ix_json_get(tree, "b"));
	assert_null(ix_json_get(NULL, "a"));
	assert_null(ix_json_get(ix_json_get(tree, "a"), "a"));
	cJSON_Delete(tree);
}

static void members_have_types(void **state)
{
	static const char text[] =
		"{\"s\":\"x\",\"n\":7,\"t\":true,\"f\":false,\"z\":null}";
	const char *s = "kept";
	uint64_t v = 99;
	cJSON *tree;
	int b = -5;

	(void)state;
	assert_int_equal(parse(text, strlen(text), &tree), 0);
	assert_int_equal(ix_json_get_str(tree, "none", &s), -ENOENT);
	assert_int_equal(ix_json_get_str(tree, "n", &s), -IX_EINPUT);
	assert_int_equal(ix_json_get_str(tree, "z", &s), -IX_EINPUT);
	assert_string_equal(s, "kept");
	assert_int_equal(ix_json_get_str(tree, "s", &s), 0);
	assert_string_equal(s, "x");
	assert_int_equal(ix_json_get_bool(tree, "none", &b), -ENOENT);
	assert_int_equal(ix_json_get_bool(tree, "n", &b), -IX_EINPUT);
	assert_int_equal(b, -5);
	assert_int_equal(ix_json_get_bool(tree, "t", &b), 0);
	assert_int_equal(b, 1);
	assert_int_equal(ix_json_get_bool(tree, "f", &b), 0);
	assert_int_equal(b, 0);
	assert_int_equal(ix_json_get_u64(tree, "none", &v), -ENOENT);
	assert_int_equal(ix_json_get_u64(tree, "s", &v), -IX_EINPUT);
	assert_int_equal(ix_json_get_u64(tree, "t", &v), -IX_EINPUT);
	assert_int_equal(v, 99);
	assert_int_equal(ix_json_get_u64(tree, "n", &v), 0);
	assert_int_equal(v, 7);
	cJSON_Delete(tree);
}

static int get_u64(const char *value, uint64_t *vp)
{
	struct ix_buf text = IX_BUF_INIT;
	cJSON *tree;
	int rc;

	ix_buf_addf(&text, "{\"v\":%s}", value);
	assert_int_equal(parse(ix_buf_str(&text), text.len, &tree), 0);
	rc = ix_json_get_u64(tree, "v", vp);
	cJSON_Delete(tree);
	ix_buf_release(&text);
	return rc;
}

static void large_numbers_must_be_strings(void **state)
{
	static const char *const bad[] = {
		"9007199254740992",
		"9007199254740993",
		"1e30",
		"-1",
		"1.5",
		"\"-1\"",
		"\"+1\"",
		"\" 1\"",
		"\"1 \"",
		"\"\"",
		"\"0x1\"",
		"\"1.0\"",
		"\"18446744073709551616\"",
		"\"99999999999999999999999\"",
		"[]",
		"null",
	};
	uint64_t v = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		v = 42;
		if (get_u64(bad[i], &v) != -IX_EINPUT || v != 42)
			fail_msg("taken: %s", bad[i]);
	}
	assert_int_equal(get_u64("9007199254740991", &v), 0);
	assert_true(v == 9007199254740991u);
	assert_int_equal(get_u64("\"9007199254740993\"", &v), 0);
	assert_true(v == 9007199254740993u);
	assert_int_equal(get_u64("\"18446744073709551615\"", &v), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(get_u64("1e3", &v), 0);
	assert_int_equal(v, 1000);
	assert_int_equal(get_u64("0", &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal(ix_json_parse_u64("18446744073709551616", &v),
			 -ERANGE);
	assert_int_equal(ix_json_parse_u64("1x", &v), -EINVAL);
}

static void added_numbers_come_back(void **state)
{
	cJSON *object = cJSON_CreateObject();
	uint64_t v = 0;

	(void)state;
	assert_int_equal(ix_json_add_u64(object, "v", UINT64_MAX), 0);
	assert_true(cJSON_IsString(ix_json_get(object, "v")));
	assert_int_equal(ix_json_get_u64(object, "v", &v), 0);
	assert_true(v == UINT64_MAX);
	cJSON_Delete(object);
}

static void unknown_keys_are_refused(void **state)
{
	static const char *const keys[] = { "a", "b", NULL };
	cJSON *tree;

	(void)state;
	assert_int_equal(parse("{\"b\":1,\"a\":2}", 13, &tree), 0);
	assert_int_equal(ix_json_only_keys(tree, keys, "thing"), 0);
	cJSON_Delete(tree);
	assert_int_equal(parse("{\"b\":1,\"B\":2}", 13, &tree), 0);
	assert_int_equal(ix_json_only_keys(tree, keys, "thing"), -IX_EINPUT);
	assert_string_equal(ix_fail_text(), "thing: unknown key \"B\"");
	cJSON_Delete(tree);
	assert_int_equal(parse("[]", 2, &tree), 0);
	assert_int_equal(ix_json_only_keys(tree, keys, "thing"), -IX_EINPUT);
	cJSON_Delete(tree);
}

static int allocations_left;

static int fail_nth(void)
{
	return allocations_left-- <= 0;
}

static void no_memory_is_reported(void **state)
{
	static const char text[] = "{\"a\":{\"b\":1,\"c\":2},\"d\":3}";
	int rc = -ENOMEM, n;
	cJSON *tree;

	(void)state;
	for (n = 0; rc; n++) {
		allocations_left = n;
		ix_mem_fail_hook = fail_nth;
		rc = ix_json_parse(text, strlen(text), &tree);
		ix_mem_fail_hook = NULL;
		if (rc) {
			assert_int_equal(rc, -ENOMEM);
			assert_null(tree);
		}
		assert_true(n < 100);
	}
	assert_true(n > 2);
	cJSON_Delete(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_documents_are_taken),
		cmocka_unit_test(bad_documents_are_refused),
		cmocka_unit_test(nul_bytes_are_refused),
		cmocka_unit_test(depth_is_limited),
		cmocka_unit_test(error_names_the_place),
		cmocka_unit_test(keys_are_compared_with_case),
		cmocka_unit_test(members_have_types),
		cmocka_unit_test(large_numbers_must_be_strings),
		cmocka_unit_test(added_numbers_come_back),
		cmocka_unit_test(unknown_keys_are_refused),
		cmocka_unit_test(no_memory_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
