/* SPDX-License-Identifier: MIT */
/*
 * Goal: the segmentation of everyday text, its flags, its behaviour on bytes
 * that are not UTF-8, and linear time on hostile text.
 * Method: literal texts with the expected segments between bars; for time,
 * the CPU time of a text and of one 16 times as long, where quadratic work
 * would take 256 times as long.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "core/text/wordbreak.h"

/* Segments joined by bars; words in brackets. */
static void segments(const char *text, size_t n, unsigned flags, char *out)
{
	struct ix_wordbreak w;
	struct ix_segment seg;

	*out = '\0';
	ix_wordbreak_init(&w, text, n, flags);
	while (ix_wordbreak_next(&w, &seg) > 0)
		out += sprintf(out, seg.is_word ? "%s[%.*s]" : "%s%.*s",
			       seg.start ? "|" : "", (int)(seg.end - seg.start),
			       text + seg.start);
}

static void segments_of_everyday_text(void **state)
{
	static const char *const cases[][2] = {
		{ "", "" },
		{ "Hello, World!", "[Hello]|,| |[World]|!" },
		{ "can't 'tis dogs'", "[can't]| |'|[tis]| |[dogs]|'" },
		{ "can’t", "[can’t]" },
		{ "32.3 1,234.5 1, a,b",
		  "[32.3]| |[1,234.5]| |[1]|,| |[a]|,|[b]" },
		{ "a.b a. .a 1.a a.1",
		  "[a.b]| |[a]|.| |.|[a]| |[1]|.|[a]| |[a]|.|[1]" },
		{ "a:b 1:2 a::b", "[a:b]| |[1]|:|[2]| |[a]|:|:|[b]" },
		{ "x-ray C++ C#", "[x]|-|[ray]| |[C]|+|+| |[C]|#" },
		{ "foo_bar _ _1 __", "[foo_bar]| |_| |[_1]| |__" },
		{ "a  b\r\n\r\n\tc", "[a]|  |[b]|\r\n|\r\n|\t|[c]" },
		{ "naïve e\xcc\x81t\xc2\xad\xc3\xa9",
		  "[naïve]| |[e\xcc\x81t\xc2\xad\xc3\xa9]" },
		{ "日本語", "[日]|[本]|[語]" },
		{ "ひらカタカナー", "[ひ]|[ら]|[カタカナー]" },
		{ "한국어", "[한국어]" },
		{ "צה\"ל ג'ירפה א\"", "[צה\"ל]| |[ג'ירפה]| |[א]|\"" },
		{ "🇩🇪🇫🇷🇬", "🇩🇪|🇫🇷|🇬" },
		{ "👨‍👩‍👧 👍🏽",
		  "👨‍👩‍👧| |👍🏽" },
		{ "٣٫١٤", "[٣٫١٤]" },
	};
	char out[512];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		segments(cases[i][0], strlen(cases[i][0]), 0, out);
		assert_string_equal(out, cases[i][1]);
		segments(cases[i][0], strlen(cases[i][0]),
			 IX_WORDBREAK_NO_FAST_PATH, out);
		assert_string_equal(out, cases[i][1]);
	}
}

/* A segment that begins with blanks can be a word: U+24C2 is a letter and a
 * pictograph, and a joiner ties it to what is before. */
static void word_behind_joiner_begins_with_blanks(void **state)
{
	static const char text[] = "a,  \xe2\x80\x8d\xe2\x93\x82"
				   "b ";
	struct ix_wordbreak w;
	struct ix_segment seg;

	(void)state;
	ix_wordbreak_init(&w, text, strlen(text), 0);
	assert_int_equal(ix_wordbreak_next_word(&w, &seg), 1);
	assert_true(seg.start == 0 && seg.end == 1 && seg.is_ascii);
	assert_int_equal(ix_wordbreak_next_word(&w, &seg), 1);
	assert_true(seg.start == 2 && seg.end == 11 && !seg.is_ascii);
	assert_int_equal(ix_wordbreak_next_word(&w, &seg), 0);
	assert_int_equal(ix_wordbreak_next(&w, &seg), 0);
}

/* Each invalid byte is one character without a class; nothing beyond the end
 * is read (the texts lie in blocks of their exact size). */
static void invalid_bytes_are_walked_safely(void **state)
{
	static const char *const texts[] = {
		"\xff",     "\xc3",   "a\xe2\x82",  "ab\xf0\x9f\x98",
		"\x80\x80", "1.\xc3", "a'\xf0\x90", "\xed\xa0\x80z",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		size_t n = strlen(texts[i]), end = 0;
		char *exact = malloc(n);
		struct ix_wordbreak w;
		struct ix_segment seg;

		assert_non_null(exact);
		memcpy(exact, texts[i], n);
		ix_wordbreak_init(&w, exact, n, 0);
		while (ix_wordbreak_next(&w, &seg)) {
			assert_int_equal(seg.start, end);
			end = seg.end;
		}
		assert_int_equal(end, n);
		free(exact);
	}
}

static double seconds_for(const char *unit, const char *lead, size_t n,
			  int words_only)
{
	size_t unit_len = strlen(unit), lead_len = strlen(lead), count = 0;
	size_t len = lead_len + n / unit_len * unit_len;
	char *text = malloc(len);
	struct ix_wordbreak w;
	struct ix_segment seg;
	clock_t start;

	assert_non_null(text);
	for (size_t i = 0; i < len; i++)
		text[i] = i < lead_len ? lead[i]
				       : unit[(i - lead_len) % unit_len];
	start = clock();
	for (int round = 0; round < 3; round++) {
		ix_wordbreak_init(&w, text, len, 0);
		while ((words_only ? ix_wordbreak_next_word
				   : ix_wordbreak_next)(&w, &seg) > 0)
			count++;
	}
	free(text);
	assert_true(words_only || count > 0);
	return (double)(clock() - start) / CLOCKS_PER_SEC;
}

static void time_is_linear_in_the_text(void **state)
{
	static const char *const hostile[][2] = {
		/* unit, lead */
		{ "\xcc\x88", "a:" },         /* look-ahead to the end */
		{ "\xe2\x80\x8d", "1," },     /* the same over joiners */
		{ "\xc2\xad", "\xd7\x90\"" }, /* Hebrew and a quote */
		{ "a:\xcc\x88\xcc\x88", "" }, /* many short ones */
		{ "'", "a" },
		{ ":", "a" },
		{ "a'", "" },
		{ "1,", "" },
		{ "\xf0\x9f\x87\xa9", "" }, /* regional indicators */
		{ "\xf0\x9f\x91\xa8\xe2\x80\x8d", "" }, /* joined emoji */
		{ " ", "" },
		{ " \xcc\x88", "" },
		{ "  \xe3\x80\x80", "" },
		{ "\r", "" },
		{ "_", "" },
		{ "a", "" },
		{ "\xcc\x88", "" },
		{ "\xd7\x90\"", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++)
		for (int words = 0; words < 2; words++) {
			const char *unit = hostile[i][0], *lead = hostile[i][1];
			double small = seconds_for(unit, lead, 1 << 16, words);
			double big = seconds_for(unit, lead, 1 << 20, words);

			/* A floor, since a clock tick is not a measure. */
			if (small < 0.0005)
				small = 0.0005;
			if (big > 100 * small)
				print_error("unit %zu: %f s, then %f s\n", i,
					    small, big);
			assert_true(big <= 100 * small);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segments_of_everyday_text),
		cmocka_unit_test(word_behind_joiner_begins_with_blanks),
		cmocka_unit_test(invalid_bytes_are_walked_safely),
		cmocka_unit_test(time_is_linear_in_the_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
