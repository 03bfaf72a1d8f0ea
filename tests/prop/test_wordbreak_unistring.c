/* SPDX-License-Identifier: MIT */
/*
 * Goal: an independent implementation finds the same word boundaries.
 * Method: random texts through u8_wordbreaks() of GNU libunistring, over the
 * code points to which both give the same class: the library has tables of
 * another Unicode version. Skipped (77) where the library is not installed.
 */
#include <stdio.h>

#ifndef IX_HAVE_UNISTRING
int main(void)
{
	printf("skipped: built without libunistring\n");
	return 77;
}
#else
# include <stdlib.h>
# include <string.h>
# include <uniwbrk.h>

# include "core/base/utf8.h"
# include "core/text/unicode.h"
# include "core/text/wordbreak.h"
# include "tests/lib/seed.h"

# define CHARS_MAX 60
# define ROUNDS    60000

/* Our class in the library's numbers. */
static const int wbp_of[IX_WB_COUNT] = {
	[IX_WB_OTHER] = WBP_OTHER,
	[IX_WB_ALETTER] = WBP_ALETTER,
	[IX_WB_HEBREW_LETTER] = WBP_HL,
	[IX_WB_NUMERIC] = WBP_NUMERIC,
	[IX_WB_KATAKANA] = WBP_KATAKANA,
	[IX_WB_EXTEND_NUM_LET] = WBP_EXTENDNUMLET,
	[IX_WB_MID_LETTER] = WBP_MIDLETTER,
	[IX_WB_MID_NUM] = WBP_MIDNUM,
	[IX_WB_MID_NUM_LET] = WBP_MIDNUMLET,
	[IX_WB_SINGLE_QUOTE] = WBP_SQ,
	[IX_WB_DOUBLE_QUOTE] = WBP_DQ,
	[IX_WB_EXTEND] = WBP_EXTEND,
	[IX_WB_FORMAT] = WBP_FORMAT,
	[IX_WB_ZWJ] = WBP_ZWJ,
	[IX_WB_WSEG_SPACE] = WBP_WSS,
	[IX_WB_CR] = WBP_CR,
	[IX_WB_LF] = WBP_LF,
	[IX_WB_NEWLINE] = WBP_NEWLINE,
	[IX_WB_REGIONAL_INDICATOR] = WBP_RI,
};

static uint32_t *by_class[IX_WB_COUNT]; /* code points that both know */
static uint32_t count[IX_WB_COUNT];

static void collect(void)
{
	uint32_t cp, common = 0, differ = 0;

	for (int wb = 0; wb < IX_WB_COUNT; wb++) {
		by_class[wb] = malloc(0x110000 * sizeof(uint32_t));
		if (!by_class[wb])
			abort();
	}
	for (cp = 0; cp < 0x110000; cp++) {
		int wb = ix_unicode_props(cp) & IX_CHAR_WB;

		if (cp >= 0xd800 && cp < 0xe000)
			continue;
		if (uc_wordbreak_property(cp) != wbp_of[wb]) {
			differ++;
			continue;
		}
		by_class[wb][count[wb]++] = cp;
		common++;
	}
	printf("%u code points in common, %u differ\n", common, differ);
}

static int compare(const char *text, size_t n)
{
	char breaks[CHARS_MAX * 4];
	struct ix_wordbreak w;
	struct ix_segment seg;
	size_t i = 0;

	u8_wordbreaks((const uint8_t *)text, n, breaks);
	ix_wordbreak_init(&w, text, n, 0);
	while (ix_wordbreak_next(&w, &seg) > 0) {
		/* Both agree that there is a boundary at 0. */
		for (i = seg.start ? seg.start : 1; i < seg.end; i++)
			if (!!breaks[i] != (i == seg.start))
				goto differ;
	}
	return 0;
differ:
	printf("FAILED: boundary at byte %zu differs in", i);
	for (i = 0; i < n;) {
		uint32_t cp;

		i += ix_utf8_decode(text + i, n - i, &cp);
		printf(" %04x", cp);
	}
	printf("\n");
	return -1;
}

int main(void)
{
	char text[CHARS_MAX * 4];
	struct test_rng r;

	test_rng_init(&r, test_seed());
	collect();
	for (int round = 0; round < ROUNDS; round++) {
		int chars = (int)test_rand_in(&r, 1, CHARS_MAX), wb = 0;
		size_t n = 0;

		for (int i = 0; i < chars; i++) {
			if (!i || !test_rand_one_in(&r, 3))
				wb = (int)test_rand_below(&r, IX_WB_COUNT);
			if (count[wb])
				n += ix_utf8_encode(
					by_class[wb][test_rand_below(
						&r, count[wb])],
					text + n);
		}
		if (n && compare(text, n))
			return 1;
	}
	for (int wb = 0; wb < IX_WB_COUNT; wb++)
		free(by_class[wb]);
	return 0;
}
#endif
