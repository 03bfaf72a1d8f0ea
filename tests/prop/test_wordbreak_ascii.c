/* SPDX-License-Identifier: MIT */
/*
 * Goal: the fast path, the general rules and the wording of UAX #29 agree.
 * Method: random strings over an alphabet that holds several characters of
 * every class, ASCII or not, mixed in changing proportions. The segments with
 * and without the fast path are compared with each other and with a model
 * that states the rules as the annex does: for each position, the first rule
 * that matches the whole text around it, in quadratic time.
 */
#include <stdio.h>
#include <string.h>

#include "core/base/utf8.h"
#include "core/text/unicode.h"
#include "core/text/wordbreak.h"
#include "tests/lib/seed.h"

#define CHARS_MAX 40
#define ROUNDS    60000

static const uint32_t ascii[] = {
	'a', 'b', 'Z', '0', '9', '_',  '\'', '"',  '.',  ':',  ',',
	';', ' ', ' ', '-', '!', '\r', '\n', '\t', '\v', 0x00, 0x7f,
};

static const uint32_t other[] = {
	0xe9,     0x3b1,   0x2139,
	0x24c2,                   /* ALetter; two pictographic */
	0x5d0,    0x5d1,          /* Hebrew_Letter */
	0x661,    0xff10,         /* Numeric */
	0x30a2,   0x3031,         /* Katakana */
	0x203f,   0x202f,         /* ExtendNumLet */
	0xb7,     0x2019,  0x37e, /* middle characters */
	0x300,    0x200d,  0xad,
	0x345,                      /* Extend, ZWJ, Format, alphabetic
				       Extend */
	0x1f1e6,  0x1f1e7,          /* Regional_Indicator */
	0x1f600,  0x2764,  0x1f3fb, /* pictographic; skin tone */
	0x3000,   0x2003,  0x85,
	0x2028, /* WSegSpace, Newline */
	0x4e00,   0x3042,  0xe01,
	0x10ffff,
};

struct model {
	uint32_t cp[CHARS_MAX];
	uint8_t wb[CHARS_MAX];
	size_t offset[CHARS_MAX + 1];
	int n;
	char text[CHARS_MAX * 4];
};

static int is_invisible(uint8_t wb)
{
	return wb == IX_WB_EXTEND || wb == IX_WB_FORMAT || wb == IX_WB_ZWJ;
}

static int is_newline(uint8_t wb)
{
	return wb == IX_WB_CR || wb == IX_WB_LF || wb == IX_WB_NEWLINE;
}

static int is_ahletter(int wb)
{
	return wb == IX_WB_ALETTER || wb == IX_WB_HEBREW_LETTER;
}

static int is_mid_num_let_q(int wb)
{
	return wb == IX_WB_MID_NUM_LET || wb == IX_WB_SINGLE_QUOTE;
}

/* Index of the character that stands for position i under WB4: i itself or
 * the character that its run of invisible ones extends. */
static int base_at(const struct model *m, int i)
{
	while (i > 0 && is_invisible(m->wb[i]) && !is_newline(m->wb[i - 1]))
		i--;
	return i;
}

static int class_at(const struct model *m, int i)
{
	return i >= 0 && i < m->n ? m->wb[i] : -1;
}

/* Is there a boundary before character i (0 < i < n)? */
static int model_breaks(const struct model *m, int i)
{
	int before = m->wb[i - 1], next = m->wb[i], j, run;
	int a, aa, b = next, bb; /* aa a | b bb, invisible ones left out */

	if (before == IX_WB_CR && next == IX_WB_LF)
		return 0; /* WB3 */
	if (is_newline(m->wb[i - 1]) || is_newline(m->wb[i]))
		return 1; /* WB3a, WB3b */
	if (before == IX_WB_ZWJ &&
	    (ix_unicode_props(m->cp[i]) & IX_CHAR_PICTOGRAPHIC))
		return 0; /* WB3c */
	if (before == IX_WB_WSEG_SPACE && next == IX_WB_WSEG_SPACE)
		return 0; /* WB3d */
	if (is_invisible(m->wb[i]))
		return 0; /* WB4 */
	j = base_at(m, i - 1);
	a = class_at(m, j);
	aa = j > 0 ? class_at(m, base_at(m, j - 1)) : -1;
	for (j = i + 1; j < m->n && is_invisible(m->wb[j]); j++)
		;
	bb = class_at(m, j);
	if (is_ahletter(a) && is_ahletter(b))
		return 0; /* WB5 */
	if (is_ahletter(a) && (b == IX_WB_MID_LETTER || is_mid_num_let_q(b)) &&
	    is_ahletter(bb))
		return 0; /* WB6 */
	if (is_ahletter(aa) && (a == IX_WB_MID_LETTER || is_mid_num_let_q(a)) &&
	    is_ahletter(b))
		return 0; /* WB7 */
	if (a == IX_WB_HEBREW_LETTER && b == IX_WB_SINGLE_QUOTE)
		return 0; /* WB7a */
	if (a == IX_WB_HEBREW_LETTER && b == IX_WB_DOUBLE_QUOTE &&
	    bb == IX_WB_HEBREW_LETTER)
		return 0; /* WB7b */
	if (aa == IX_WB_HEBREW_LETTER && a == IX_WB_DOUBLE_QUOTE &&
	    b == IX_WB_HEBREW_LETTER)
		return 0; /* WB7c */
	if ((a == IX_WB_NUMERIC || is_ahletter(a)) && b == IX_WB_NUMERIC)
		return 0; /* WB8, WB9 */
	if (a == IX_WB_NUMERIC && is_ahletter(b))
		return 0; /* WB10 */
	if (aa == IX_WB_NUMERIC &&
	    (a == IX_WB_MID_NUM || is_mid_num_let_q(a)) && b == IX_WB_NUMERIC)
		return 0; /* WB11 */
	if (a == IX_WB_NUMERIC && (b == IX_WB_MID_NUM || is_mid_num_let_q(b)) &&
	    bb == IX_WB_NUMERIC)
		return 0; /* WB12 */
	if (a == IX_WB_KATAKANA && b == IX_WB_KATAKANA)
		return 0; /* WB13 */
	if ((is_ahletter(a) || a == IX_WB_NUMERIC || a == IX_WB_KATAKANA ||
	     a == IX_WB_EXTEND_NUM_LET) &&
	    b == IX_WB_EXTEND_NUM_LET)
		return 0; /* WB13a */
	if (a == IX_WB_EXTEND_NUM_LET &&
	    (is_ahletter(b) || b == IX_WB_NUMERIC || b == IX_WB_KATAKANA))
		return 0; /* WB13b */
	if (a == IX_WB_REGIONAL_INDICATOR && b == IX_WB_REGIONAL_INDICATOR) {
		for (run = 0, j = base_at(m, i - 1);
		     j >= 0 && m->wb[j] == IX_WB_REGIONAL_INDICATOR; run++)
			j = j > 0 ? base_at(m, j - 1) : -1;
		return run % 2 == 0; /* WB15, WB16 */
	}
	return 1; /* WB999 */
}

static void make_text(struct test_rng *r, struct model *m)
{
	/* 0 = all ASCII ... 4 = hardly any, so that both the fast path and
	 * each way out of it are common. */
	uint64_t mix = test_rand_below(r, 5);
	/* Few different characters make the long patterns likely. */
	uint64_t few = test_rand_below(r, 2), pick = 0;

	memset(m, 0, sizeof(*m));
	m->n = (int)test_rand_in(r, 1, CHARS_MAX);
	for (int i = 0; i < m->n; i++) {
		if (!few || !i || test_rand_one_in(r, 3))
			pick = test_rand(r) >> 8;
		if (test_rand_below(r, 5) < mix)
			m->cp[i] = other[(pick + test_rand_below(r, 3)) %
					 (sizeof(other) / sizeof(other[0]))];
		else
			m->cp[i] = ascii[(pick + test_rand_below(r, 3)) %
					 (sizeof(ascii) / sizeof(ascii[0]))];
		m->wb[i] = ix_unicode_props(m->cp[i]) & IX_CHAR_WB;
		m->offset[i + 1] =
			m->offset[i] +
			ix_utf8_encode(m->cp[i], m->text + m->offset[i]);
	}
}

static int fail(const struct model *m, const char *what, size_t at)
{
	printf("FAILED: %s at byte %zu of", what, at);
	for (int i = 0; i < m->n; i++)
		printf(" %04x", m->cp[i]);
	printf("\n");
	return -1;
}

/* The words are the segments that say so. */
static int check_words(const struct model *m)
{
	struct ix_wordbreak fast, slow;
	struct ix_segment f, s;

	ix_wordbreak_init(&fast, m->text, m->offset[m->n], 0);
	ix_wordbreak_init(&slow, m->text, m->offset[m->n],
			  IX_WORDBREAK_NO_FAST_PATH);
	while (ix_wordbreak_next(&slow, &s)) {
		if (!s.is_word)
			continue;
		if (!ix_wordbreak_next_word(&fast, &f))
			return fail(m, "missing word", s.start);
		if (f.start != s.start || f.end != s.end || !f.is_word ||
		    f.is_ascii != s.is_ascii)
			return fail(m, "another word than", s.start);
	}
	return ix_wordbreak_next_word(&fast, &f)
		       ? fail(m, "surplus word", f.start)
		       : 0;
}

static int check(const struct model *m)
{
	struct ix_wordbreak fast, slow;
	struct ix_segment f, s;
	uint8_t seen = 0, high = 0;
	int f_rc, s_rc, i = 0;

	ix_wordbreak_init(&fast, m->text, m->offset[m->n], 0);
	ix_wordbreak_init(&slow, m->text, m->offset[m->n],
			  IX_WORDBREAK_NO_FAST_PATH);
	for (;;) {
		size_t start = m->offset[i];

		f_rc = ix_wordbreak_next(&fast, &f);
		s_rc = ix_wordbreak_next(&slow, &s);
		if (f_rc != s_rc)
			return fail(m, "fast and slow end apart", start);
		if (!f_rc)
			return i == m->n ? 0 : fail(m, "early end", start);
		if (f.start != s.start || f.end != s.end ||
		    f.is_word != s.is_word || f.is_ascii != s.is_ascii)
			return fail(m, "fast and slow differ", start);
		seen = high = 0;
		do {
			seen |= ix_unicode_props(m->cp[i]);
			high |= m->cp[i] >= 0x80;
			i++;
		} while (i < m->n && !model_breaks(m, i));
		if (f.start != start || f.end != m->offset[i])
			return fail(m, "not the model's segment", start);
		if (f.is_word != !!(seen & IX_CHAR_WORD) || f.is_ascii != !high)
			return fail(m, "wrong flags", start);
	}
}

int main(void)
{
	struct test_rng r;
	struct model m;
	size_t bytes = 0;

	test_rng_init(&r, test_seed());
	for (int round = 0; round < ROUNDS; round++) {
		make_text(&r, &m);
		if (check(&m) || check_words(&m))
			return 1;
		bytes += m.offset[m.n];
	}
	printf("%d texts, %zu bytes\n", ROUNDS, bytes);
	return 0;
}
