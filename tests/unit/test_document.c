/* SPDX-License-Identifier: MIT */
/*
 * Goal: a document is what document.h says, or is refused with a text that
 * names the field and the reason; its canonical form is RFC 8785.
 *
 * Method: tables of texts. Vectors of RFC 8785 section 3.2.3 for the order of
 * keys, and of section 3.2.2.2 for strings.
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
#include "core/base/hash.h"
#include "core/base/mem.h"
#include "core/segment/document.h"

static const char schema_text[] =
	"{\"fields\":["
	"{\"name\":\"id\",\"type\":\"keyword\"},"
	"{\"name\":\"title\",\"type\":\"text\"},"
	"{\"name\":\"body\",\"type\":\"text\",\"stored\":false},"
	"{\"name\":\"tags\",\"type\":\"keyword\",\"multi\":true},"
	"{\"name\":\"path\",\"type\":\"keyword\",\"indexed\":false},"
	"{\"name\":\"size\",\"type\":\"u64\"},"
	"{\"name\":\"years\",\"type\":\"u64\",\"multi\":true}]}";

static struct ix_schema *schema;
static struct ix_document doc;

static struct ix_schema *make_schema(const char *text)
{
	struct ix_schema *s;

	if (ix_schema_parse(text, strlen(text), NULL, &s))
		fail_msg("%s", ix_fail_text());
	return s;
}

static int setup(void **state)
{
	(void)state;
	schema = make_schema(schema_text);
	return ix_document_init(&doc, schema);
}

static int teardown(void **state)
{
	(void)state;
	ix_document_release(&doc);
	ix_schema_free(schema);
	return 0;
}

/* Parse a copy of exactly n bytes, so that a sanitizer sees any overread. The
 * copy is kept until the next call, since the document refers to it. */
static int parse_n(struct ix_document *d, const char *json, size_t n,
		   int ignore_unknown)
{
	static char *copy;

	free(copy);
	copy = malloc(n ? n : 1);
	memcpy(copy, json, n);
	return ix_document_parse(d, copy, n, ignore_unknown);
}

static int parse(const char *json)
{
	return parse_n(&doc, json, strlen(json), 0);
}

static void assert_buf(const void *data, size_t n, const char *expected)
{
	if (n != strlen(expected) || memcmp(data, expected, n) != 0)
		fail_msg("got      %.*s\n         expected %s", (int)n,
			 (const char *)data, expected);
}

static void assert_accepted(const char *json, const char *canonical)
{
	if (parse(json))
		fail_msg("%s: %s", json, ix_fail_text());
	assert_buf(doc.canonical.data, doc.canonical.len, canonical);
	assert_int_equal(doc.tie, ix_hash64(canonical, strlen(canonical)));
}

/* Refused, and the text contains `why`. */
static void assert_refused(const char *json, const char *why)
{
	ix_fail_clear();
	if (parse(json) != -IX_EINPUT)
		fail_msg("accepted: %s", json);
	if (!strstr(ix_fail_text(), why))
		fail_msg("%s: the text is \"%s\", without \"%s\"", json,
			 ix_fail_text(), why);
}

/* ---- what is accepted ---- */

static void values_come_by_field_then_order_given(void **state)
{
	(void)state;
	assert_accepted(" { \"title\" : \"A \\u0042\" ,\t\"tags\":[\"x\", \"\","
			"\"a\\nb\"],\r\n\"size\":18446744073709551615, "
			"\"id\":\"7\",\"body\":null,\"years\":[3,0,3]} \n",
			"{\"id\":\"7\",\"size\":18446744073709551615,"
			"\"tags\":[\"x\",\"\",\"a\\nb\"],\"title\":\"A B\","
			"\"years\":[3,0,3]}");
	/* body, id, path, size, tags, title, years */
	assert_int_equal(doc.count, 9);
	assert_int_equal(doc.values[0].field, 1);
	assert_buf(doc.values[0].text, doc.values[0].len, "7");
	assert_int_equal(doc.values[1].field, 3);
	assert_true(doc.values[1].number == UINT64_MAX);
	assert_buf(doc.values[2].text, doc.values[2].len, "x");
	assert_buf(doc.values[3].text, doc.values[3].len, "");
	assert_buf(doc.values[4].text, doc.values[4].len, "a\nb");
	assert_int_equal(doc.values[5].field, 5);
	assert_buf(doc.values[5].text, doc.values[5].len, "A B");
	for (size_t i = 6; i < 9; i++) {
		assert_int_equal(doc.values[i].field, 6);
		assert_int_equal(doc.values[i].number, i == 7 ? 0 : 3);
	}
}

static void absent_null_and_empty_arrays_are_the_same(void **state)
{
	(void)state;
	assert_accepted("{}", "{}");
	assert_int_equal(doc.count, 0);
	assert_accepted("{\"id\":null,\"tags\":[],\"years\":[null,null],"
			"\"size\":null}",
			"{}");
	assert_accepted("{\"tags\":[null,\"a\",null]}", "{\"tags\":[\"a\"]}");
	/* Empty strings are values. */
	assert_accepted("{\"title\":\"\",\"id\":\"\"}",
			"{\"id\":\"\",\"title\":\"\"}");
	assert_int_equal(doc.count, 2);
}

static void one_value_of_a_multi_field_is_an_array_of_one(void **state)
{
	(void)state;
	assert_accepted("{\"tags\":\"a\",\"years\":7}",
			"{\"tags\":[\"a\"],\"years\":[7]}");
	assert_accepted("{\"tags\":[\"a\"],\"years\":[7]}",
			"{\"tags\":[\"a\"],\"years\":[7]}");
}

static void record_holds_stored_fields_only(void **state)
{
	(void)state;
	assert_accepted("{\"title\":\"t\",\"body\":\"b\",\"size\":1}",
			"{\"body\":\"b\",\"size\":1,\"title\":\"t\"}");
	assert_buf(doc.record, doc.record_len, "{\"size\":1,\"title\":\"t\"}");
	assert_accepted("{\"body\":\"b\"}", "{\"body\":\"b\"}");
	assert_buf(doc.record, doc.record_len, "{}");
}

static void integers_are_exact(void **state)
{
	static const char *const numbers[] = { "0", "9007199254740993",
					       "9223372036854775808",
					       "18446744073709551615" };
	char json[64], canonical[64];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		snprintf(json, sizeof(json), "{ \"size\" : %s }", numbers[i]);
		snprintf(canonical, sizeof(canonical), "{\"size\":%s}",
			 numbers[i]);
		assert_accepted(json, canonical);
		assert_true(doc.values[0].number ==
			    strtoull(numbers[i], NULL, 10));
	}
}

/* RFC 8785, 3.2.2.2: the string of its example; short escapes where there are
 * any, others as \u00xx in lower case, everything else as it is. */
static void strings_are_respelled_as_rfc_8785_says(void **state)
{
	(void)state;
	assert_accepted("{\"title\":\"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022"
			"\\u005c\\\\\\\"\\/\"}",
			"{\"title\":\"\xe2\x82\xac$\\u000f\\nA'B\\\"\\\\\\\\"
			"\\\"/\"}");
	assert_accepted("{\"title\":\"\\b\\f\\n\\r\\t\\u0008\\u000c\\u001F"
			"\x7f\\u007f\\ud83d\\ude00\xf0\x9f\x98\x80\"}",
			"{\"title\":\"\\b\\f\\n\\r\\t\\b\\f\\u001f\x7f\x7f"
			"\xf0\x9f\x98\x80\xf0\x9f\x98\x80\"}");
	/* A key may be spelled with escapes, too. */
	assert_accepted("{\"t\\u0069tle\":\"a\"}", "{\"title\":\"a\"}");
	/* Text may hold U+0000. */
	assert_accepted("{\"title\":\"a\\u0000b\"}",
			"{\"title\":\"a\\u0000b\"}");
	assert_int_equal(doc.values[0].len, 3);
	assert_memory_equal(doc.values[0].text, "a\0b", 3);
}

/* RFC 8785, 3.2.3: the keys of its example, in the order of UTF-16 code
 * units, where the emoji (U+1F600) goes before U+FB33. Control characters
 * cannot be in names of fields; they are left out. */
static void keys_are_in_the_order_of_utf16(void **state)
{
	static const char *const names[] = { "1", "\xc3\xb6", "\xe2\x82\xac",
					     "\xf0\x9f\x98\x80",
					     "\xef\xac\xb3" };
	char text[1024] = "{\"fields\":[", json[256] = "{", out[256] = "{";
	struct ix_schema *s;
	struct ix_document d;

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		size_t n = strlen(text);

		snprintf(text + n, sizeof(text) - n,
			 "%s{\"name\":\"%s\",\"type\":\"u64\"}", i ? "," : "",
			 names[4 - i]);
		n = strlen(json);
		snprintf(json + n, sizeof(json) - n, "%s\"%s\":1", i ? "," : "",
			 names[4 - i]);
		n = strlen(out);
		snprintf(out + n, sizeof(out) - n, "%s\"%s\":1", i ? "," : "",
			 names[i]);
	}
	strcat(text, "]}");
	strcat(json, "}");
	strcat(out, "}");
	s = make_schema(text);
	assert_int_equal(ix_document_init(&d, s), 0);
	assert_int_equal(ix_document_parse(&d, json, strlen(json), 0), 0);
	assert_buf(d.canonical.data, d.canonical.len, out);
	ix_document_release(&d);
	ix_schema_free(s);
}

static void unknown_fields_are_dropped_when_asked(void **state)
{
	static const char json[] =
		"{\"x\":{\"a\":[1.5e-3,-0,true,false,null,{}],\"a\":[]},"
		"\"title\":\"t\",\"x\":[[[\"\\ud83d\\ude00\"]]],\"y\":\"z\"}";
	char deep[400];
	size_t n = 0;

	(void)state;
	assert_int_equal(parse_n(&doc, json, strlen(json), 1), 0);
	assert_buf(doc.canonical.data, doc.canonical.len, "{\"title\":\"t\"}");
	assert_refused(json, "no field \"x\"");
	/* Nesting: 64 levels, not 65. */
	for (int levels = 64; levels <= 65; levels++) {
		n = (size_t)sprintf(deep, "{\"x\":");
		for (int i = 0; i < levels; i++)
			n += (size_t)sprintf(deep + n, i % 2 ? "{\"a\":" : "[");
		deep[n++] = '1';
		for (int i = levels; i-- > 0;)
			deep[n++] = i % 2 ? '}' : ']';
		deep[n++] = '}';
		assert_int_equal(parse_n(&doc, deep, n, 1),
				 levels == 64 ? 0 : -IX_EINPUT);
	}
	assert_non_null(strstr(ix_fail_text(), "nested too deeply"));
}

/* ---- what is refused ---- */

static void numbers_that_are_no_u64_are_refused(void **state)
{
	static const char *const numbers[] = {
		"1.0",
		"1e3",
		"1E3",
		"1.5",
		"-1",
		"-0",
		"0.0",
		"0e0",
		"18446744073709551616",
		"99999999999999999999999999999999999",
	};
	static const char *const bad[] = { "01",   "00",    "-",   "+1",
					   "1.",   ".5",    "1e",  "1e+",
					   "0x10", "1_000", "NaN", "Infinity",
					   "--1" };
	char json[80];

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		snprintf(json, sizeof(json), "{\"size\":%s}", numbers[i]);
		assert_refused(json, "field \"size\"");
		assert_refused(json, "is not an integer of 0 .. "
				     "18446744073709551615 in plain digits");
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		snprintf(json, sizeof(json), "{\"size\":%s}", bad[i]);
		assert_refused(json, "");
		/* Nor where its value does not matter. */
		snprintf(json, sizeof(json), "{\"unknown\":%s}", bad[i]);
		assert_int_equal(parse_n(&doc, json, strlen(json), 1),
				 -IX_EINPUT);
	}
}

static void values_of_other_types_are_refused(void **state)
{
	(void)state;
	assert_refused("{\"size\":\"7\"}", "a string where an integer");
	assert_refused("{\"title\":7}", "a number where a string");
	assert_refused("{\"title\":true}", "field \"title\": not a string");
	assert_refused("{\"size\":false}", "field \"size\": not an integer");
	assert_refused("{\"title\":{}}", "an object where a value");
	assert_refused("{\"title\":[\"a\"]}", "not \"multi\"");
	assert_refused("{\"tags\":[[\"a\"]]}", "an array inside an array");
	assert_refused("{\"tags\":[1]}", "field \"tags\": a number");
	assert_refused("{\"years\":[1,\"1\"]}", "field \"years\": a string");
	assert_refused("{\"other\":1}", "no field \"other\" in the schema");
	assert_refused("{\"a\\u0001\\u00e9\":1}",
		       "no field \"a\\u0001\xc3\xa9\"");
	assert_refused("{\"title\":\"a\",\"title\":\"a\"}",
		       "field \"title\": given twice");
	assert_refused("{\"title\":null,\"title\":\"a\"}", "given twice");
}

static void keywords_have_limits(void **state)
{
	char *json = malloc(3000);

	(void)state;
	for (int n = 1024; n <= 1025; n++) {
		sprintf(json, "{\"id\":\"%0*d\"}", n, 0);
		assert_int_equal(parse(json), n == 1024 ? 0 : -IX_EINPUT);
		/* Without postings there is room. */
		sprintf(json, "{\"path\":\"%0*d\"}", n, 0);
		assert_int_equal(parse(json), 0);
	}
	assert_refused("{\"id\":\"a\\u0000\"}", "U+0000 in a keyword");
	assert_refused("{\"path\":\"\\u0000\"}", "U+0000 in a keyword");
	free(json);
}

static void the_key_is_needed(void **state)
{
	static const char text[] = "{\"fields\":[{\"name\":\"id\",\"type\":"
				   "\"keyword\"}],\"key\":\"id\"}";
	static const char *const bad[] = { "{}", "{\"id\":null}",
					   "{\"id\":\"\"}" };
	struct ix_schema *s = make_schema(text);
	struct ix_document d;

	(void)state;
	assert_int_equal(ix_document_init(&d, s), 0);
	assert_int_equal(parse_n(&d, "{\"id\":\"a\"}", 10, 0), 0);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(parse_n(&d, bad[i], strlen(bad[i]), 0),
				 -IX_EINPUT);
		assert_non_null(strstr(ix_fail_text(), "key"));
	}
	ix_document_release(&d);
	ix_schema_free(s);
}

static void malformed_json_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		" ",
		"null",
		"[]",
		"\"a\"",
		"7",
		"{",
		"{\"title\"",
		"{\"title\":",
		"{\"title\":}",
		"{\"title\":\"a\"",
		"{\"title\":\"a\",}",
		"{,}",
		"{\"title\" \"a\"}",
		"{\"title\":\"a\" \"id\":\"b\"}",
		"{title:\"a\"}",
		"{'title':'a'}",
		"{\"title\":\"a\"} x",
		"{} {}",
		"{}}",
		"{\"title\":\"a}",
		"{\"title\":\"\\\"}",
		"{\"title\":\"\\",
		"{\"title\":\"\\x\"}",
		"{\"title\":\"\\u12\"}",
		"{\"title\":\"\\u12g4\"}",
		"{\"title\":\"\\u",
		"{\"title\":nul}",
		"{\"title\":nulL}",
		"{\"tags\":[\"a\",]}",
		"{\"tags\":[,]}",
		"{\"tags\":[\"a\"",
		"{\"tags\":[\"a\" \"b\"]}",
		"{\"tags\":[\"a\"}",
		"{\"title\":\"a\nb\"}",
		"{\"title\":\"\x01\"}",
		"\xef\xbb\xbf{}",
		"{}\v",
		"/* */{}",
		"{\"size\":1 2}",
		"{\"\\u00zz\":1}",
		/* surrogates */
		"{\"title\":\"\\ud800\"}",
		"{\"title\":\"\\udc00\"}",
		"{\"title\":\"\\ud83d\\u0041\"}",
		"{\"title\":\"\\ud83d\\\"}",
		"{\"title\":\"\\ud83d\\ud83d\"}",
		"{\"title\":\"\\ud83dx\"}",
		"{\"title\":\"\\ude00\\ud83d\"}",
		/* UTF-8 */
		"{\"title\":\"\x80\"}",
		"{\"title\":\"\xc3\"}",
		"{\"title\":\"\xc0\xaf\"}",
		"{\"title\":\"\xed\xa0\x80\"}",
		"{\"title\":\"\xf5\x80\x80\x80\"}",
		"{\"title\":\"\xe2\x82\"}",
		"{\"title\":\"\\n\xff\"}",
		"{\"ti\xfftle\":1}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		assert_refused(texts[i], "byte ");
		/* As an ignored value the same text is no better. */
		if (strncmp(texts[i], "{\"t", 3) == 0) {
			char json[128];

			snprintf(json, sizeof(json), "{\"unknown\":%s}",
				 texts[i]);
			assert_int_equal(parse_n(&doc, json, strlen(json), 1),
					 -IX_EINPUT);
		}
	}
	/* A NUL byte is no end of the text. */
	assert_int_equal(parse_n(&doc, "{}\0", 3, 0), -IX_EINPUT);
}

/* Every beginning of a good document is refused, for the right reason. */
static void every_prefix_is_refused(void **state)
{
	static const char json[] =
		"{\"title\":\"a\\u00e9\\n\xc3\xa9\",\"tags\":[\"a\",null],"
		"\"years\":[1,22],\"x\":{\"a\":[1.5e3,true]}}";

	(void)state;
	for (size_t n = 0; n + 1 < sizeof(json); n++)
		assert_int_equal(parse_n(&doc, json, n, 1), -IX_EINPUT);
	assert_int_equal(parse_n(&doc, json, sizeof(json) - 1, 1), 0);
}

/* Strings whose ends and specials fall on all sides of the 16-byte steps. */
static void strings_of_all_lengths(void **state)
{
	static const char *const specials[] = { "", "\\n", "\xc3\xa9",
						"\\u0041", "\xf0\x9f\x98\x80" };
	static const char *const canonical[] = { "", "\\n", "\xc3\xa9", "A",
						 "\xf0\x9f\x98\x80" };
	char json[200], out[200];

	(void)state;
	for (int before = 0; before < 40; before++)
		for (int after = 0; after < 20; after++)
			for (size_t k = 0; k < 5; k++) {
				snprintf(
					json, sizeof(json),
					"{\"title\":\"%.*s%s%.*s\"}", before,
					"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
					"aaaaaa",
					specials[k], after,
					"bbbbbbbbbbbbbbbbbbbbbbbbb");
				snprintf(
					out, sizeof(out),
					"{\"title\":\"%.*s%s%.*s\"}", before,
					"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
					"aaaaaa",
					canonical[k], after,
					"bbbbbbbbbbbbbbbbbbbbbbbbb");
				assert_accepted(json, out);
			}
}

static unsigned allocations_left;

static int fail_allocation(void)
{
	return allocations_left-- == 0;
}

static void lack_of_memory_is_reported(void **state)
{
	static const char json[] = "{\"title\":\"a\\u00e9\",\"body\":\"b\","
				   "\"tags\":[\"a\",\"b\",\"c\"]}";
	unsigned nth = 0;
	int rc;

	(void)state;
	do {
		struct ix_document d;

		allocations_left = nth++;
		ix_mem_fail_hook = fail_allocation;
		rc = ix_document_init(&d, schema);
		if (!rc)
			rc = ix_document_parse(&d, json, strlen(json), 0);
		ix_mem_fail_hook = NULL;
		assert_true(rc == 0 || rc == -ENOMEM);
		ix_document_release(&d);
	} while (rc);
	assert_true(nth > 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_come_by_field_then_order_given),
		cmocka_unit_test(absent_null_and_empty_arrays_are_the_same),
		cmocka_unit_test(one_value_of_a_multi_field_is_an_array_of_one),
		cmocka_unit_test(record_holds_stored_fields_only),
		cmocka_unit_test(integers_are_exact),
		cmocka_unit_test(strings_are_respelled_as_rfc_8785_says),
		cmocka_unit_test(keys_are_in_the_order_of_utf16),
		cmocka_unit_test(unknown_fields_are_dropped_when_asked),
		cmocka_unit_test(numbers_that_are_no_u64_are_refused),
		cmocka_unit_test(values_of_other_types_are_refused),
		cmocka_unit_test(keywords_have_limits),
		cmocka_unit_test(the_key_is_needed),
		cmocka_unit_test(malformed_json_is_refused),
		cmocka_unit_test(every_prefix_is_refused),
		cmocka_unit_test(strings_of_all_lengths),
		cmocka_unit_test(lack_of_memory_is_reported),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
