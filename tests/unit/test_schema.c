/* SPDX-License-Identifier: MIT */
/*
 * Goal: a schema has one canonical text; everything the format forbids is
 * refused with -IX_ESCHEMA; compatibility and union follow docs/format.md 5.
 * Method: tables of texts with their canonical form, of refused texts, and of
 * pairs; every allocation made to fail once.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/format/schema.h"

#define CANON_TEXT(name)                                           \
 "{\"indexed\":true,\"multi\":false,\"name\":\"" name              \
 "\",\"positions\":true,\"stored\":true,\"tokenizer\":\"simple\"," \
 "\"type\":\"text\"}"

static struct ix_schema *parse(const char *json)
{
	struct ix_schema *s = NULL;
	int rc = ix_schema_parse(json, strlen(json), NULL, &s);

	if (rc)
		fail_msg("%s: %s", json, ix_fail_text());
	return s;
}

static void canonical_text_sorts_fields_and_fills_defaults(void **state)
{
	static const struct {
		const char *json, *canonical;
	} cases[] = {
		{ "{\"fields\":[]}", "{\"default_fields\":[],\"fields\":[]}" },
		{ " { \"fields\" : [ {\"type\":\"text\",\"name\":\"b\"},"
		  "{\"name\":\"a\",\"type\":\"text\"} ] } ",
		  "{\"default_fields\":[\"a\",\"b\"],\"fields\":[" CANON_TEXT(
			  "a") "," CANON_TEXT("b") "]}" },
		{ "{\"key\":\"id\",\"default_fields\":[\"t\",\"id\"],"
		  "\"fields\":[{\"name\":\"t\",\"type\":\"text\"},"
		  "{\"name\":\"n\",\"type\":\"u64\",\"multi\":true,"
		  "\"stored\":false},"
		  "{\"name\":\"id\",\"type\":\"keyword\"}]}",
		  "{\"default_fields\":[\"t\",\"id\"],\"fields\":["
		  "{\"indexed\":true,\"multi\":false,\"name\":\"id\","
		  "\"positions\":false,\"stored\":true,\"type\":\"keyword\"},"
		  "{\"indexed\":false,\"multi\":true,\"name\":\"n\","
		  "\"positions\":false,\"stored\":false,\"type\":\"u64\"}"
		  "," CANON_TEXT("t") "],\"key\":\"id\"}" },
		{ "{\"fields\":[{\"name\":\"x\",\"type\":\"text\","
		  "\"indexed\":false}]}",
		  "{\"default_fields\":[],\"fields\":[{\"indexed\":false,"
		  "\"multi\":false,\"name\":\"x\",\"positions\":false,"
		  "\"stored\":true,\"tokenizer\":\"simple\",\"type\":"
		  "\"text\"}]}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ix_schema *s = parse(cases[i].json);
		struct ix_schema *again = parse(s->canonical);
		struct ix_schema *clone = ix_schema_clone(s);

		assert_string_equal(s->canonical, cases[i].canonical);
		assert_int_equal(s->canonical_len, strlen(s->canonical));
		assert_string_equal(again->canonical, s->canonical);
		assert_string_equal(clone->canonical, s->canonical);
		ix_schema_free(s);
		ix_schema_free(again);
		ix_schema_free(clone);
	}
}

static void names_are_found_by_bytes(void **state)
{
	struct ix_schema *s =
		parse("{\"fields\":[{\"name\":\"ab\",\"type\":\"u64\"},"
		      "{\"name\":\"a\",\"type\":\"u64\"},"
		      "{\"name\":\"\xc3\xa9\",\"type\":\"u64\"}]}");

	(void)state;
	assert_int_equal(ix_schema_find(s, "a", 1), 0);
	assert_int_equal(ix_schema_find(s, "ab", 2), 1);
	assert_int_equal(ix_schema_find(s, "\xc3\xa9", 2), 2);
	assert_int_equal(ix_schema_find(s, "abc", 3), -1);
	assert_int_equal(ix_schema_find(s, "", 0), -1);
	assert_int_equal(ix_schema_find(s, "A", 1), -1);
	ix_schema_free(s);
}

static int knows_simple(const char *name)
{
	return !strcmp(name, "simple");
}

static void forbidden_schemas_are_refused(void **state)
{
#define F(more) "{\"fields\":[{\"name\":\"a\"," more "}]}"
#define KW      "{\"name\":\"k\",\"type\":\"keyword\"}"
	static const char *const bad[] = {
		"",
		"[]",
		"{}",
		"{\"fields\":{}}",
		"{\"fields\":[1]}",
		"{\"fields\":[],\"extra\":1}",
		"{\"fields\":[]} x",
		F("\"type\":\"date\""),
		F("\"type\":1"),
		F("\"stored\":true"),
		F("\"type\":\"text\",\"colour\":1"),
		F("\"type\":\"text\",\"stored\":1"),
		F("\"type\":\"text\",\"tokenizer\":\"nope\""),
		F("\"type\":\"keyword\",\"tokenizer\":\"simple\""),
		F("\"type\":\"keyword\",\"positions\":true"),
		F("\"type\":\"text\",\"indexed\":false,\"positions\":true"),
		F("\"type\":\"u64\",\"indexed\":true"),
		"{\"fields\":[{\"type\":\"u64\"}]}",
		"{\"fields\":[{\"name\":\"\",\"type\":\"u64\"}]}",
		"{\"fields\":[{\"name\":\"a:b\",\"type\":\"u64\"}]}",
		"{\"fields\":[{\"name\":\"a\\\"b\",\"type\":\"u64\"}]}",
		"{\"fields\":[{\"name\":\"a\\\\b\",\"type\":\"u64\"}]}",
		"{\"fields\":[{\"name\":\"a\\nb\",\"type\":\"u64\"}]}",
		"{\"fields\":[{\"name\":\"a\\u007f\",\"type\":\"u64\"}]}",
		"{\"fields\":[{\"name\":\"a\\u0085\",\"type\":\"u64\"}]}",
		"{\"fields\":[" KW "," KW "]}",
		"{\"fields\":[" KW "],\"key\":\"x\"}",
		"{\"fields\":[" KW "],\"key\":1}",
		"{\"fields\":[{\"name\":\"k\",\"type\":\"keyword\","
		"\"multi\":true}],\"key\":\"k\"}",
		"{\"fields\":[{\"name\":\"k\",\"type\":\"keyword\","
		"\"indexed\":false}],\"key\":\"k\"}",
		"{\"fields\":[{\"name\":\"k\",\"type\":\"text\"}],"
		"\"key\":\"k\"}",
		"{\"fields\":[" KW "],\"default_fields\":[\"x\"]}",
		"{\"fields\":[" KW "],\"default_fields\":[\"k\",\"k\"]}",
		"{\"fields\":[" KW "],\"default_fields\":[1]}",
		"{\"fields\":[" KW "],\"default_fields\":\"k\"}",
		"{\"fields\":[{\"name\":\"n\",\"type\":\"u64\"}],"
		"\"default_fields\":[\"n\"]}",
	};
	struct ix_schema *s;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ix_fail_clear();
		if (ix_schema_parse(bad[i], strlen(bad[i]), knows_simple, &s) !=
		    -IX_ESCHEMA)
			fail_msg("accepted or misnamed: %s", bad[i]);
		assert_null(s);
		assert_true(ix_fail_text()[0]);
	}
}

static void limits_are_exact(void **state)
{
	struct ix_buf b = IX_BUF_INIT;
	struct ix_schema *s = NULL;

	(void)state;
	for (int n = 254; n <= 256; n++) {
		ix_buf_clear(&b);
		ix_buf_addf(&b,
			    "{\"fields\":[{\"name\":\"%0*d\","
			    "\"type\":\"u64\"}]}",
			    n, 0);
		assert_int_equal(ix_schema_parse((char *)b.data, b.len, NULL,
						 &s),
				 n <= 255 ? 0 : -IX_ESCHEMA);
		ix_schema_free(s);
	}
	for (int n = 1000; n <= 1001; n++) {
		ix_buf_clear(&b);
		for (int i = 0; i < n; i++)
			ix_buf_addf(&b,
				    "%s{\"name\":\"f%d\",\"type\":\"text\"}",
				    i ? "," : "{\"fields\":[", i);
		ix_buf_add_str(&b, "]}");
		assert_int_equal(ix_schema_parse((char *)b.data, b.len, NULL,
						 &s),
				 n <= 1000 ? 0 : -IX_ESCHEMA);
		ix_schema_free(s);
	}
	ix_buf_release(&b);
}

#define ONE(name, type, more) \
 "{\"fields\":[{\"name\":\"" name "\",\"type\":\"" type "\"" more "}]}"

/* S-47: shapes are compared before anything is copied. */
static void disagreement_in_any_option_is_refused(void **state)
{
	static const char *const others[] = {
		ONE("a", "keyword", ""),
		ONE("a", "text", ",\"indexed\":false"),
		ONE("a", "text", ",\"multi\":true"),
		ONE("a", "text", ",\"positions\":false"),
		ONE("a", "text", ",\"stored\":false"),
		ONE("a", "text", ",\"tokenizer\":\"raw\""),
	};
	struct ix_schema *base = parse(ONE("a", "text", "")), *u;

	(void)state;
	assert_int_equal(ix_schema_accepts(base, base), 0);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct ix_schema *o = parse(others[i]);
		const struct ix_schema *both[] = { base, o };

		assert_int_equal(ix_schema_accepts(base, o), -IX_ESCHEMA);
		assert_int_equal(ix_schema_accepts(o, base), -IX_ESCHEMA);
		assert_int_equal(ix_schema_union(both, 2, &u), -IX_ESCHEMA);
		assert_null(u);
		ix_schema_free(o);
	}
	ix_schema_free(base);
}

static void unknown_field_is_refused_and_missing_one_accepted(void **state)
{
	struct ix_schema *a = parse(ONE("a", "u64", ""));
	struct ix_schema *ab =
		parse("{\"fields\":[{\"name\":\"a\",\"type\":\"u64\"},"
		      "{\"name\":\"b\",\"type\":\"u64\"}]}");

	(void)state;
	assert_int_equal(ix_schema_accepts(ab, a), 0);
	assert_int_equal(ix_schema_accepts(a, ab), -IX_ESCHEMA);
	assert_non_null(strstr(ix_fail_text(), "\"b\""));
	ix_schema_free(a);
	ix_schema_free(ab);
}

static void union_has_all_fields_and_first_key_and_defaults(void **state)
{
	struct ix_schema *one = parse(ONE("n", "u64", ""));
	struct ix_schema *two = parse("{\"key\":\"k\",\"fields\":[" KW
				      ",{\"name\":\"z\",\"type\":\"text\"}]}");
	struct ix_schema *three = parse(
		"{\"fields\":[{\"name\":\"a\",\"type\":\"text\"}," KW "]}");
	const struct ix_schema *all[] = { one, two, three };
	struct ix_schema *u = NULL;

	(void)state;
	assert_int_equal(ix_schema_union(all, 3, &u), 0);
	assert_int_equal(u->field_count, 4);
	assert_string_equal(u->fields[0].name, "a");
	assert_string_equal(u->fields[1].name, "k");
	assert_string_equal(u->fields[2].name, "n");
	assert_string_equal(u->fields[3].name, "z");
	assert_int_equal(u->key, 1);
	assert_int_equal(u->default_count, 1);
	assert_int_equal(u->defaults[0], 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(ix_schema_accepts(u, all[i]), 0);
	ix_schema_free(u);
	ix_schema_free(one);
	ix_schema_free(two);
	ix_schema_free(three);
}

static uint64_t countdown;

static int fail_nth(void)
{
	return countdown && !--countdown;
}

static void every_failed_allocation_is_reported(void **state)
{
	static const char json[] = "{\"key\":\"k\",\"fields\":[" KW
				   ",{\"name\":\"z\",\"type\":\"text\"}]}";
	int rc = -ENOMEM;

	(void)state;
	for (uint64_t n = 1; rc; n++) {
		struct ix_schema *s = NULL, *u = NULL;
		const struct ix_schema *both[2];

		countdown = n;
		ix_mem_fail_hook = fail_nth;
		rc = ix_schema_parse(json, strlen(json), NULL, &s);
		if (!rc) {
			both[0] = both[1] = s;
			rc = ix_schema_union(both, 2, &u);
		}
		ix_mem_fail_hook = NULL;
		ix_schema_free(s);
		ix_schema_free(u);
		assert_true(rc == 0 || rc == -ENOMEM);
		assert_true(n < 1000);
	}
	assert_true(countdown > 0); /* the last round met no fault */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			canonical_text_sorts_fields_and_fills_defaults),
		cmocka_unit_test(names_are_found_by_bytes),
		cmocka_unit_test(forbidden_schemas_are_refused),
		cmocka_unit_test(limits_are_exact),
		cmocka_unit_test(disagreement_in_any_option_is_refused),
		cmocka_unit_test(
			unknown_field_is_refused_and_missing_one_accepted),
		cmocka_unit_test(
			union_has_all_fields_and_first_key_and_defaults),
		cmocka_unit_test(every_failed_allocation_is_reported),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
