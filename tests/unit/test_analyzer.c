/* SPDX-License-Identifier: MIT */
/*
 * Goal: each analyzer gives the terms, positions, offsets and id that
 * analyzer.h promises, for every name, at the limits and without memory.
 * Method: texts small enough to judge by eye. The stems pinned here are part
 * of what the ids stand for: if one changes with a new libstemmer, the
 * language's revision in analyzer.c has to be raised.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <libstemmer.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/utf8.h"
#include "core/text/analyzer.h"
#include "core/text/unicode.h"

/* "term@position[start,end) ..." of a text under an analyzer. */
static void assert_tokens(const char *name, const char *text,
			  const char *expected)
{
	struct ix_buf got = IX_BUF_INIT;
	struct ix_analyzer *a;
	struct ix_token t;
	int rc;

	assert_int_equal(ix_analyzer_new(name, &a), 0);
	assert_int_equal(ix_analyzer_start(a, text, strlen(text)), 0);
	while ((rc = ix_analyzer_next(a, &t)) > 0)
		ix_buf_addf(&got, "%s%.*s@%u[%zu,%zu)", got.len ? " " : "",
			    (int)t.len, t.term, t.position, t.start, t.end);
	assert_int_equal(rc, 0);
	assert_string_equal(ix_buf_str(&got), expected);
	ix_buf_release(&got);
	ix_analyzer_free(a);
}

/* The terms of a text, with blanks between. */
static void assert_terms(const char *name, const char *text,
			 const char *expected)
{
	struct ix_buf got = IX_BUF_INIT;
	struct ix_analyzer *a;
	struct ix_token t;

	assert_int_equal(ix_analyzer_new(name, &a), 0);
	assert_int_equal(ix_analyzer_start(a, text, strlen(text)), 0);
	while (ix_analyzer_next(a, &t) > 0)
		ix_buf_addf(&got, "%s%.*s", got.len ? " " : "", (int)t.len,
			    t.term);
	assert_string_equal(ix_buf_str(&got), expected);
	ix_buf_release(&got);
	ix_analyzer_free(a);
}

static void unicode_tables_are_version_15(void **state)
{
	(void)state;
	assert_string_equal(ix_unicode_version, "15.0.0");
	assert_memory_equal(IX_UNICODE_VERSION, ix_unicode_version,
			    strlen(IX_UNICODE_VERSION));
}

static void folding_maps_one_to_many(void **state)
{
	uint32_t out[IX_FOLD_MAX];

	(void)state;
	assert_int_equal(ix_unicode_fold('A', out), 1);
	assert_int_equal(out[0], 'a');
	assert_int_equal(ix_unicode_fold('a', out), 1);
	assert_int_equal(out[0], 'a');
	assert_int_equal(ix_unicode_fold(0xdf, out), 2); /* sharp s */
	assert_true(out[0] == 's' && out[1] == 's');
	assert_int_equal(ix_unicode_fold(0xfb03, out), 3); /* ffi */
	assert_true(out[0] == 'f' && out[1] == 'f' && out[2] == 'i');
	assert_int_equal(ix_unicode_fold(0x10400, out), 1); /* Deseret */
	assert_int_equal(out[0], 0x10428);
	assert_int_equal(ix_unicode_fold(0x130, out), 2); /* not Turkic */
	assert_true(out[0] == 'i' && out[1] == 0x307);
	assert_int_equal(ix_unicode_fold(0x110000, out), 1);
	assert_int_equal(out[0], 0x110000);
	assert_int_equal(ix_unicode_props(0x110000), IX_WB_OTHER);
	assert_int_equal(ix_unicode_props(UINT32_MAX), IX_WB_OTHER);
}

/* Folding is idempotent, and the flag says exactly where it does something. */
static void folding_is_stable(void **state)
{
	(void)state;
	for (uint32_t cp = 0; cp < 0x110000; cp++) {
		uint32_t out[IX_FOLD_MAX], again[IX_FOLD_MAX];
		unsigned n = ix_unicode_fold(cp, out);
		int folds = n > 1 || out[0] != cp;

		assert_int_equal(folds,
				 !!(ix_unicode_props(cp) & IX_CHAR_FOLDS));
		for (unsigned i = 0; i < n; i++) {
			assert_int_equal(ix_unicode_fold(out[i], again), 1);
			assert_int_equal(again[0], out[i]);
		}
	}
}

static void unknown_name_lists_what_exists(void **state)
{
	static const char *const bad[] = {
		"",         "Simple",   "RAW",     "raw ",     "_stem",
		"xx_stem",  "en",       "english", "en_stem ", "EN_stem",
		"eng_stem", "en_stemm", "e_stem",  "en__stem",
	};
	struct ix_analyzer *a = (void *)&state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(ix_analyzer_known(bad[i]));
		assert_int_equal(ix_analyzer_new(bad[i], &a), -IX_ESCHEMA);
		assert_null(a);
		assert_non_null(strstr(ix_fail_text(), "raw, simple"));
		assert_non_null(strstr(ix_fail_text(), " en_stem"));
		assert_non_null(strstr(ix_fail_text(), " yi_stem"));
	}
}

static void every_language_is_known_by_two_names(void **state)
{
	static const char *const pairs[][2] = {
		{ "ar", "arabic" },     { "hy", "armenian" },
		{ "eu", "basque" },     { "ca", "catalan" },
		{ "da", "danish" },     { "nl", "dutch" },
		{ "en", "english" },    { "fi", "finnish" },
		{ "fr", "french" },     { "de", "german" },
		{ "el", "greek" },      { "hi", "hindi" },
		{ "hu", "hungarian" },  { "id", "indonesian" },
		{ "ga", "irish" },      { "it", "italian" },
		{ "lt", "lithuanian" }, { "ne", "nepali" },
		{ "no", "norwegian" },  { "pt", "portuguese" },
		{ "ro", "romanian" },   { "ru", "russian" },
		{ "sr", "serbian" },    { "es", "spanish" },
		{ "sv", "swedish" },    { "ta", "tamil" },
		{ "tr", "turkish" },    { "yi", "yiddish" },
	};
	struct ix_analyzer *by_code, *by_name;
	char name[64], id[96];

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		snprintf(name, sizeof(name), "%s_stem", pairs[i][0]);
		assert_true(ix_analyzer_known(name));
		assert_int_equal(ix_analyzer_new(name, &by_code), 0);
		snprintf(name, sizeof(name), "%s_stem", pairs[i][1]);
		assert_int_equal(ix_analyzer_new(name, &by_name), 0);
		snprintf(id, sizeof(id), "%s_stem/uax29-15.0/snowball-%s/1",
			 pairs[i][0], pairs[i][1]);
		assert_string_equal(ix_analyzer_id(by_code), id);
		assert_string_equal(ix_analyzer_id(by_name), id);
		ix_analyzer_free(by_code);
		ix_analyzer_free(by_name);
	}
	/* Whatever else the library has goes by its full name. */
	for (const char **p = sb_stemmer_list(); *p; p++) {
		snprintf(name, sizeof(name), "%s_stem", *p);
		assert_true(ix_analyzer_known(name));
	}
}

static void ids_are_stable(void **state)
{
	static const char *const ids[][2] = {
		{ "raw", "raw/1" },
		{ "simple", "simple/uax29-15.0/1" },
		{ "en_stem", "en_stem/uax29-15.0/snowball-english/1" },
		{ "porter_stem", "porter_stem/uax29-15.0/snowball-porter/1" },
	};
	struct ix_analyzer *a;

	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		assert_int_equal(ix_analyzer_new(ids[i][0], &a), 0);
		assert_string_equal(ix_analyzer_id(a), ids[i][1]);
		ix_analyzer_free(a);
	}
	ix_analyzer_free(NULL);
}

static void raw_keeps_the_whole_value(void **state)
{
	(void)state;
	assert_tokens("raw", "Main St. 7, Straße",
		      "Main St. 7, Straße@0[0,19)");
	assert_tokens("raw", "", "@0[0,0)");
	assert_tokens("raw", " ", " @0[0,1)");
}

static void simple_gives_folded_words(void **state)
{
	(void)state;
	assert_tokens("simple", "", "");
	assert_tokens("simple", " .,- \t\r\n", "");
	assert_tokens("simple", "Hello, World!", "hello@0[0,5) world@1[7,12)");
	assert_terms("simple", "The quick (\"brown\") fox can't jump 32.3 feet",
		     "the quick brown fox can't jump 32.3 feet");
	assert_terms("simple", "foo_bar __init__ _ a.b.c U.S.A. 1,234;5 x--y",
		     "foo_bar __init__ a.b.c u.s.a 1,234;5 x y");
	assert_terms("simple", "STRASSE straße STRAẞE",
		     "strasse strasse strasse");
	assert_terms("simple", "ΟΔΟΣ οδος ﬃ", "οδοσ οδοσ ffi");
	assert_terms("simple", "日本語 カタカナ ひら ½ ⅷ ٣",
		     "日 本 語 カタカナ ひ ら ½ ⅷ ٣");
	/* Positions count words only; signs and emoji are none. */
	assert_tokens("simple", "a 😀 🇩🇪 © b", "a@0[0,1) b@1[19,20)");
}

static void stems_are_pinned(void **state)
{
	static const char *const pins[][3] = {
		{ "ar_stem", "المكتبات", "مكتب" },
		{ "hy_stem", "գրադարաններում", "գրադար" },
		{ "eu_stem", "liburutegietan", "liburu" },
		{ "ca_stem", "biblioteques", "bibliot" },
		{ "da_stem", "bibliotekerne", "bibliotek" },
		{ "nl_stem", "bibliotheken", "bibliothek" },
		{ "fi_stem", "kirjastoissa", "kirjasto" },
		{ "fr_stem", "Bibliothèques", "bibliothequ" },
		{ "de_stem", "Bibliotheken Häuser Straßen",
		  "bibliothek haus strass" },
		{ "el_stem", "βιβλιοθήκες", "βιβλιοθηκ" },
		{ "hi_stem", "पुस्तकालयों", "पुस्तकालय" },
		{ "hu_stem", "könyvtárakban", "könyvtár" },
		{ "id_stem", "perpustakaannya", "pustaka" },
		{ "ga_stem", "gcapall", "capall" },
		{ "it_stem", "biblioteche", "bibliotec" },
		{ "lt_stem", "bibliotekose", "bibliotek" },
		{ "ne_stem", "पुस्तकालयहरु", "पुस्तकालय" },
		{ "no_stem", "bibliotekene", "bibliotek" },
		{ "porter_stem", "libraries", "librari" },
		{ "pt_stem", "bibliotecas", "bibliotec" },
		{ "ro_stem", "bibliotecilor", "bibliotec" },
		{ "ru_stem", "Библиотеками", "библиотек" },
		{ "sr_stem", "bibliotekama", "bibliotek" },
		{ "es_stem", "bibliotecas", "bibliotec" },
		{ "sv_stem", "biblioteken", "bibliotek" },
		{ "ta_stem", "நூலகங்கள்", "நூலகம்" },
		{ "tr_stem", "kütüphanelerde", "kütüphane" },
		{ "yi_stem", "ביבליאָטעקן", "ביבליאטעק" },
		{ "en_stem", "Libraries running ran consistency consignment",
		  "librari run ran consist consign" },
		{ "en_stem", "happily don't DOGS' generously skis dying news",
		  "happili don't dog generous ski die news" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pins) / sizeof(pins[0]); i++)
		assert_terms(pins[i][0], pins[i][1], pins[i][2]);
	assert_tokens("en_stem", "Running dogs", "run@0[0,7) dog@1[8,12)");
}

/* Bad text is refused and leaves nothing to iterate over; the analyzer works
 * on. */
static void bad_text_is_refused(void **state)
{
	static const char *const names[] = { "raw", "simple", "en_stem" };
	struct ix_analyzer *a;
	struct ix_token t;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(ix_analyzer_new(names[i], &a), 0);
		assert_int_equal(ix_analyzer_next(a, &t), 0);
		assert_int_equal(ix_analyzer_start(a, "good", 4), 0);
		assert_int_equal(ix_analyzer_start(a, "b\xff", 2), -IX_EINPUT);
		assert_int_equal(ix_analyzer_next(a, &t), 0);
		/* The size is refused before the text is touched. */
		assert_int_equal(ix_analyzer_start(a, "b",
						   (size_t)UINT32_MAX + 1),
				 -IX_ELIMIT);
		assert_int_equal(ix_analyzer_next(a, &t), 0);
		assert_int_equal(ix_analyzer_start(a, NULL, 0), 0);
		assert_int_equal(ix_analyzer_next(a, &t), i == 0);
		assert_int_equal(ix_analyzer_start(a, "good day", 8), 0);
		assert_int_equal(ix_analyzer_next(a, &t), 1);
		assert_int_equal(ix_analyzer_start(a, "good", 4), 0);
		assert_int_equal(ix_analyzer_next(a, &t), 1);
		assert_int_equal(t.position, 0);
		assert_memory_equal(t.term, "good", 4);
		assert_int_equal(ix_analyzer_next(a, &t), 0);
		assert_int_equal(ix_analyzer_next(a, &t), 0);
		ix_analyzer_free(a);
	}
}

/* One word of `count` times `unit` after `lead`: length of the term. */
static size_t cut_length(const char *name, const char *lead, const char *unit,
			 size_t count, int *is_cut)
{
	struct ix_buf text = IX_BUF_INIT;
	struct ix_analyzer *a;
	struct ix_token t;
	size_t len;

	ix_buf_add_str(&text, lead);
	while (count--)
		ix_buf_add_str(&text, unit);
	assert_int_equal(ix_analyzer_new(name, &a), 0);
	assert_int_equal(ix_analyzer_start(a, ix_buf_str(&text), text.len), 0);
	assert_int_equal(ix_analyzer_next(a, &t), 1);
	assert_int_equal(t.start, 0);
	assert_int_equal(t.end, text.len);
	assert_true(ix_utf8_valid(t.term, t.len));
	len = t.len;
	*is_cut = t.is_cut;
	assert_int_equal(ix_analyzer_next(a, &t), 0);
	ix_analyzer_free(a);
	ix_buf_release(&text);
	return len;
}

static void long_terms_are_cut_between_characters(void **state)
{
	static const char *const names[] = { "raw", "simple", "sr_stem" };
	int is_cut;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		const char *name = names[i];

		assert_int_equal(cut_length(name, "", "x", 1024, &is_cut),
				 1024);
		assert_false(is_cut);
		assert_int_equal(cut_length(name, "", "x", 1025, &is_cut),
				 1024);
		assert_true(is_cut);
		assert_int_equal(cut_length(name, "", "x", 99999, &is_cut),
				 1024);
		assert_int_equal(cut_length(name, "", "é", 512, &is_cut), 1024);
		assert_false(is_cut);
		assert_int_equal(cut_length(name, "", "é", 513, &is_cut), 1024);
		assert_true(is_cut);
		assert_int_equal(cut_length(name, "x", "é", 512, &is_cut),
				 1023);
		assert_true(is_cut);
		/* 4-byte letters: 1023 = 3 + 255 * 4, 3 bytes over. */
		assert_int_equal(cut_length(name, "xyz", "𐐨", 300, &is_cut),
				 1023);
		assert_true(is_cut);
	}
	/* The limit is on the folded form: U+0390 grows from 2 to 6 bytes. */
	assert_int_equal(cut_length("simple", "", "ΐ", 170, &is_cut), 1020);
	assert_false(is_cut);
	assert_int_equal(cut_length("simple", "", "ΐ", 171, &is_cut), 1024);
	assert_true(is_cut);
}

/* What was analyzed before must not show: one analyzer for many words, with
 * collisions in the stem cache, against a fresh one for each. */
static void cache_does_not_change_terms(void **state)
{
	static const char *const ends[] = { "s",    "ing", "ed",  "ation",
					    "ness", "ies", "ly",  "ingly",
					    "e",    "'s",  "ize", "" };
	struct ix_analyzer *reused, *fresh;
	struct ix_token r, f;
	char word[64];

	(void)state;
	assert_int_equal(ix_analyzer_new("en_stem", &reused), 0);
	for (unsigned i = 0; i < 30000; i++) {
		unsigned v = i * 2654435761u, stem = v >> 16;
		int n = snprintf(word, sizeof(word), "%c%c%c%c%s",
				 'a' + stem % 26, 'a' + stem / 26 % 26,
				 "aeiouy"[stem / 676 % 6],
				 'a' + stem / 4056 % 26, ends[i % 12]);

		assert_int_equal(ix_analyzer_start(reused, word, (size_t)n), 0);
		assert_int_equal(ix_analyzer_next(reused, &r), 1);
		if (i % 100) /* a fresh one is expensive; compare samples */
			continue;
		assert_int_equal(ix_analyzer_new("en_stem", &fresh), 0);
		assert_int_equal(ix_analyzer_start(fresh, word, (size_t)n), 0);
		assert_int_equal(ix_analyzer_next(fresh, &f), 1);
		assert_int_equal(r.len, f.len);
		assert_memory_equal(r.term, f.term, f.len);
		/* And the same word again, now from the cache. */
		assert_int_equal(ix_analyzer_start(reused, word, (size_t)n), 0);
		assert_int_equal(ix_analyzer_next(reused, &r), 1);
		assert_int_equal(r.len, f.len);
		assert_memory_equal(r.term, f.term, f.len);
		ix_analyzer_free(fresh);
	}
	ix_analyzer_free(reused);
}

static int allocations_left;

static int fail_nth(void)
{
	return allocations_left-- <= 0;
}

static void no_memory_is_reported(void **state)
{
	struct ix_analyzer *a = (void *)&state;
	int n, rc = -ENOMEM;

	for (n = 0; rc; n++) {
		allocations_left = n;
		ix_mem_fail_hook = fail_nth;
		rc = ix_analyzer_new("en_stem", &a);
		ix_mem_fail_hook = NULL;
		if (rc) {
			assert_int_equal(rc, -ENOMEM);
			assert_null(a);
		}
		assert_true(n < 100);
	}
	assert_true(n > 1);
	ix_analyzer_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unicode_tables_are_version_15),
		cmocka_unit_test(folding_maps_one_to_many),
		cmocka_unit_test(folding_is_stable),
		cmocka_unit_test(unknown_name_lists_what_exists),
		cmocka_unit_test(every_language_is_known_by_two_names),
		cmocka_unit_test(ids_are_stable),
		cmocka_unit_test(raw_keeps_the_whole_value),
		cmocka_unit_test(simple_gives_folded_words),
		cmocka_unit_test(stems_are_pinned),
		cmocka_unit_test(bad_text_is_refused),
		cmocka_unit_test(long_terms_are_cut_between_characters),
		cmocka_unit_test(cache_does_not_change_terms),
		cmocka_unit_test(no_memory_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
