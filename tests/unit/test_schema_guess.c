/* SPDX-License-Identifier: MIT */
/*
 * Goal: the schema that is proposed for documents follows the rules of
 * build.h, and accepts the documents it was made of.
 *
 * Method: a table of documents and what they make.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/segment/build.h"
#include "core/segment/document.h"

/* Guess from lines of JSON; the schema as "name:type" with '*' for multi and
 * '!' for the key, then " -name" for each field left out. */
static const char *guess(const char *lines)
{
	static const char *const types[] = { "text", "keyword", "u64" };
	static char out[1000];
	struct ix_schema_guess *g = ix_schema_guess_new();
	struct ix_schema *s;
	const char *name, *end;
	size_t n = 0;
	int rc;

	for (const char *p = lines; *p; p = end + 1) {
		end = strchr(p, '\n');
		if (ix_schema_guess_add(g, p, (size_t)(end - p)))
			fail_msg("%s", ix_fail_text());
	}
	rc = ix_schema_guess_finish(g, &s);
	if (rc) {
		assert_int_equal(rc, -IX_EINPUT);
		ix_schema_guess_free(g);
		return "nothing";
	}
	out[0] = '\0';
	for (uint32_t i = 0; i < s->field_count; i++)
		n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%s:%s%s%s",
				      i ? " " : "", s->fields[i].name,
				      types[s->fields[i].type],
				      s->fields[i].multi ? "*" : "",
				      s->key == (int32_t)i ? "!" : "");
	for (uint32_t i = 0; (name = ix_schema_guess_left_out(g, i)); i++)
		n += (size_t)snprintf(out + n, sizeof(out) - n, " -%s", name);
	/* It accepts what it was made of. */
	for (const char *p = lines; *p; p = end + 1) {
		struct ix_document d;

		end = strchr(p, '\n');
		assert_int_equal(ix_document_init(&d, s), 0);
		if (ix_document_parse(&d, p, (size_t)(end - p),
				      ix_schema_guess_left_out(g, 0) != NULL))
			fail_msg("%s", ix_fail_text());
		ix_document_release(&d);
	}
	ix_schema_free(s);
	ix_schema_guess_free(g);
	return out;
}

static void types_follow_the_values(void **state)
{
	(void)state;
	assert_string_equal(guess("{\"id\":\"a\",\"title\":\"t\",\"size\":7}\n"
				  "{\"size\":null,\"id\":\"b\"}\n"),
			    "id:keyword! size:u64 title:text");
	assert_string_equal(guess("{\"tags\":[\"a\"],\"n\":[1,2],\"e\":[],"
				  "\"z\":null}\n"
				  "{\"tags\":\"b\",\"n\":[null]}\n"),
			    "e:text* n:u64* tags:text* z:text");
	assert_string_equal(guess("{\"parent_id\":\"x\",\"_id\":\"y\","
				  "\"ids\":\"z\"}\n"),
			    "_id:keyword ids:text parent_id:keyword");
	assert_string_equal(guess("{\"n\":18446744073709551615}\n"), "n:u64");
}

static void the_key_is_an_id_that_all_documents_have(void **state)
{
	(void)state;
	assert_string_equal(guess("{\"id\":\"a\"}\n{\"t\":\"b\"}\n"),
			    "id:keyword t:text");
	assert_string_equal(guess("{\"id\":\"a\"}\n{\"id\":null}\n"),
			    "id:keyword");
	assert_string_equal(guess("{\"id\":[\"a\"]}\n"), "id:keyword*");
	assert_string_equal(guess("{\"id\":7}\n"), "id:u64");
	assert_string_equal(guess("{\"id\":\"a\"}\n{\"id\":\"\"}\n"),
			    "id:text");
	assert_string_equal(guess("{\"id\":\"a\\u0000\"}\n"), "id:text");
}

static void what_has_no_type_is_left_out(void **state)
{
	(void)state;
	assert_string_equal(
		guess("{\"a\":{\"b\":[1]},\"b\":true,\"c\":1.5,\"d\":-1,"
		      "\"e\":\"x\",\"f\":[[1]],\"g:h\":\"y\",\"i\":1}\n"
		      "{\"i\":\"1\",\"j\":1e3,\"k\\u0001\":1}\n"),
		"e:text -a -b -c -d -f -g:h -i -j -k\x01");
	assert_string_equal(guess("{}\n"), "nothing");
	assert_string_equal(guess("{\"a\":false}\n"), "nothing");
}

static void bad_documents_change_nothing(void **state)
{
	static const char *const bad[] = { "",
					   "[]",
					   "{\"x\":1,}",
					   "{\"x\":1",
					   "{\"x\":1} 2",
					   "{\"x\":01}",
					   "{\"x\":\"\xff\"}" };
	struct ix_schema_guess *g = ix_schema_guess_new();
	struct ix_schema *s;

	(void)state;
	assert_int_equal(ix_schema_guess_add(g, "{\"a\":1}", 7), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(ix_schema_guess_add(g, bad[i], strlen(bad[i])),
				 -IX_EINPUT);
	assert_int_equal(ix_schema_guess_finish(g, &s), 0);
	assert_int_equal(s->field_count, 1);
	ix_schema_free(s);
	ix_schema_guess_free(g);
}

static void a_thousand_fields_are_the_limit(void **state)
{
	struct ix_schema_guess *g = ix_schema_guess_new();
	char json[32];

	(void)state;
	for (int i = 0; i < 1001; i++) {
		snprintf(json, sizeof(json), "{\"f%d\":1}", i);
		assert_int_equal(ix_schema_guess_add(g, json, strlen(json)),
				 i < 1000 ? 0 : -IX_EINPUT);
	}
	ix_schema_guess_free(g);
}

static unsigned allocations_left;

static int fail_allocation(void)
{
	return allocations_left-- == 0;
}

static void lack_of_memory_is_reported(void **state)
{
	unsigned nth = 0;
	int rc;

	(void)state;
	do {
		struct ix_schema_guess *g;
		struct ix_schema *s = NULL;

		allocations_left = nth++;
		ix_mem_fail_hook = fail_allocation;
		g = ix_schema_guess_new();
		rc = g ? ix_schema_guess_add(g, "{\"a\":\"\\n\",\"b\":1}", 16)
		       : -ENOMEM;
		if (!rc)
			rc = ix_schema_guess_finish(g, &s);
		ix_mem_fail_hook = NULL;
		ix_schema_guess_free(g);
		ix_schema_free(s);
		assert_true(rc == 0 || rc == -ENOMEM);
	} while (rc);
	assert_true(nth > 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_follow_the_values),
		cmocka_unit_test(the_key_is_an_id_that_all_documents_have),
		cmocka_unit_test(what_has_no_type_is_left_out),
		cmocka_unit_test(bad_documents_change_nothing),
		cmocka_unit_test(a_thousand_fields_are_the_limit),
		cmocka_unit_test(lack_of_memory_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
