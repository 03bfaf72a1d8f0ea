/* SPDX-License-Identifier: MIT */
/*
 * Goal: the grammar of query.h, its limits, and errors that name the place.
 * Method: a query is compared by its description; a wrong one by its error.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/query/query.h"
#include "core/text/analyzer.h"

static const char SCHEMA[] =
	"{\"default_fields\":[\"title\",\"body\"],\"fields\":["
	"{\"name\":\"title\",\"type\":\"text\"},"
	"{\"name\":\"body\",\"type\":\"text\",\"tokenizer\":\"en_stem\"},"
	"{\"name\":\"raw\",\"type\":\"text\",\"tokenizer\":\"raw\"},"
	"{\"name\":\"flat\",\"type\":\"text\",\"positions\":false},"
	"{\"name\":\"url\",\"type\":\"keyword\"},"
	"{\"name\":\"my key\",\"type\":\"keyword\"},"
	"{\"name\":\"AND\",\"type\":\"keyword\"},"
	"{\"name\":\"dark\",\"type\":\"keyword\",\"indexed\":false},"
	"{\"name\":\"size\",\"type\":\"u64\"}]}";

static struct ix_schema *schema;

static int setup(void **state)
{
	(void)state;
	return ix_schema_parse(SCHEMA, strlen(SCHEMA), ix_analyzer_known,
			       &schema);
}

static int teardown(void **state)
{
	(void)state;
	ix_schema_free(schema);
	return 0;
}

static void same(const char *text, const char *expected)
{
	struct ix_buf out = IX_BUF_INIT;
	struct ix_query *q;

	if (ix_query_parse(schema, text, strlen(text), &q))
		fail_msg("%s: %s", text, ix_fail_text());
	ix_query_describe(q, &out);
	assert_string_equal(ix_buf_str(&out), expected);
	ix_buf_release(&out);
	ix_query_free(q);
}

/* `part` must be in the error text. */
static void refused(const char *text, size_t n, const char *part)
{
	struct ix_query *q;

	assert_int_equal(ix_query_parse(schema, text, n, &q), -IX_EINPUT);
	assert_null(q);
	if (!strstr(ix_fail_text(), part))
		fail_msg("%.60s: \"%s\" does not say \"%s\"", text,
			 ix_fail_text(), part);
}

static void wrong(const char *text, const char *part)
{
	refused(text, strlen(text), part);
}

static void words_go_to_the_default_fields(void **state)
{
	(void)state;
	same("Running", "title:\"running\" OR body:\"run\"");
	same("a b", "title:\"a\" OR body:\"a\" OR title:\"b\" OR body:\"b\"");
	same("a OR title:b", "title:\"a\" OR body:\"a\" OR title:\"b\"");
	same("title:a\xe3\x80\x80title:b", "title:\"a\" OR title:\"b\"");
}

static void and_binds_tighter_than_or(void **state)
{
	(void)state;
	same("title:a AND title:b title:c AND title:d",
	     "(title:\"a\" AND title:\"b\") OR (title:\"c\" AND title:\"d\")");
	same("title:a AND (title:b OR title:c)",
	     "title:\"a\" AND (title:\"b\" OR title:\"c\")");
	same("a AND b", "(title:\"a\" OR body:\"a\") AND "
			"(title:\"b\" OR body:\"b\")");
}

static void equal_operators_are_flattened(void **state)
{
	(void)state;
	same("((title:a) (title:b (title:c)))",
	     "title:\"a\" OR title:\"b\" OR title:\"c\"");
	same("title:a AND (title:b AND (title:c AND title:d))",
	     "title:\"a\" AND title:\"b\" AND title:\"c\" AND title:\"d\"");
}

static void a_field_holds_for_its_group(void **state)
{
	(void)state;
	same("title:(a AND url:b c)",
	     "(title:\"a\" AND url:\"b\") OR title:\"c\"");
}

static void keywords_are_taken_as_they_are(void **state)
{
	(void)state;
	same("url:http://X.org/a:b", "url:\"http://X.org/a:b\"");
	same("url:\"New York\"", "url:\"New York\"");
	same("my\\ key:v", "my key:\"v\"");
	same("AND:x", "AND:\"x\"");
	same("url:AND", "url:\"AND\"");
	same("url:a\\\"\\\\b", "url:\"a\\\"\\\\b\"");
}

static void several_terms_make_a_phrase(void **state)
{
	(void)state;
	same("title:\"New York City\"", "title:\"new york city\"");
	same("title:foo-bar", "title:\"foo bar\"");
	same("flat:foo-bar", "flat:\"foo\" AND flat:\"bar\"");
	same("raw:\"a b\"", "raw:\"a b\"");
	same("title:12\\:30", "title:\"12 30\"");
	wrong("flat:\"foo bar\"", "has no positions");
}

static void words_without_terms_do_not_restrict(void **state)
{
	(void)state;
	same("!!!", "nothing");
	same("\"\"", "nothing");
	same("url:\"\"", "nothing");
	same("title:a AND !!!", "title:\"a\"");
	same("title:a AND (!!! OR ...)", "title:\"a\"");
	same("!!! title:a", "title:\"a\"");
	same("!!! AND ...", "nothing");
}

static void operators_can_be_quoted(void **state)
{
	(void)state;
	same("title:and", "title:\"and\"");
	same("title:(\\AND)", "title:\"and\"");
	same("title:(\"OR\")", "title:\"or\"");
	same("title:(ANDx)", "title:\"andx\"");
	same("title:\\(a\\)", "title:\"a\"");
}

static void errors_name_the_place(void **state)
{
	(void)state;
	wrong("", "character 1: there is nothing to find");
	wrong("  ", "nothing to find");
	wrong("a ()", "character 4");
	wrong("AND a", "character 1: AND needs something to find on its left");
	wrong("a AND", "AND needs something to find on its right");
	wrong("a OR OR b", "character 6: OR needs something to find on its "
			   "right");
	wrong("(a", "character 1: the parenthesis is never closed");
	wrong("a)", "character 2: a parenthesis is closed");
	wrong("\xc3\xa4 \"b", "character 3: the quotation mark");
	wrong("a\\", "character 2: nothing follows");
	wrong("title:", "must follow the colon");
	wrong("title: a", "must follow the colon");
	refused("\xff", 1, "UTF-8");
}

static void unknown_fields_name_the_known(void **state)
{
	(void)state;
	wrong("x http://a", "character 3: no field \"http\" (there are: AND, "
			    "body, flat, my key, raw, title, url); for");
	wrong(":a", "no field \"\"");
	wrong("size:12", "holds numbers");
	wrong("dark:x", "not indexed");
}

static void limits_are_errors(void **state)
{
	char text[70000];
	size_t n;

	(void)state;
	memset(text, '(', 101);
	memcpy(text + 101, "a", 1);
	memset(text + 102, ')', 101);
	refused(text, 203, "deeper than 100");
	text[0] = ' ';
	text[202] = ' ';
	text[203] = '\0';
	same(text, "title:\"a\" OR body:\"a\"");

	for (n = 0; n < 1025; n++)
		memcpy(text + 8 * n, "title:a ", 8);
	refused(text, 8 * 1025, "more than 1024 terms");
	memset(text, 'a', sizeof(text));
	refused(text, 65537, "65536");
}

static int fail_at, calls;

static int fail_nth(void)
{
	return ++calls == fail_at;
}

static void a_lack_of_memory_is_reported(void **state)
{
	static const char text[] =
		"a AND title:\"b c\" OR (flat:d-e AND url:x)";
	struct ix_query *q;
	int rc = -ENOMEM;

	(void)state;
	for (fail_at = 1; rc; fail_at++) {
		calls = 0;
		ix_mem_fail_hook = fail_nth;
		rc = ix_query_parse(schema, text, strlen(text), &q);
		ix_mem_fail_hook = NULL;
		assert_true(rc == 0 || rc == -ENOMEM);
		assert_true(!rc == !!q);
		ix_query_free(q);
	}
	assert_true(fail_at > 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_go_to_the_default_fields),
		cmocka_unit_test(and_binds_tighter_than_or),
		cmocka_unit_test(equal_operators_are_flattened),
		cmocka_unit_test(a_field_holds_for_its_group),
		cmocka_unit_test(keywords_are_taken_as_they_are),
		cmocka_unit_test(several_terms_make_a_phrase),
		cmocka_unit_test(words_without_terms_do_not_restrict),
		cmocka_unit_test(operators_can_be_quoted),
		cmocka_unit_test(errors_name_the_place),
		cmocka_unit_test(unknown_fields_name_the_known),
		cmocka_unit_test(limits_are_errors),
		cmocka_unit_test(a_lack_of_memory_is_reported),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
