/* SPDX-License-Identifier: MIT */
/*
 * The rules of UAX #29 section 4.1.1 as a left-to-right scan. A segment grows
 * by one character as long as some rule forbids the boundary before it.
 *
 * WB4 makes Extend, Format and ZWJ invisible to the rules from WB5 on. So two
 * classes are kept: `last` is the class of the character just before the
 * position (for WB3 to WB3d), `base` the class of the last character that was
 * not invisible (for WB5 and later).
 *
 * WB6, WB7b and WB12 join a middle character only if a letter or digit of the
 * right kind follows behind it. The scan looks ahead for it and remembers the
 * answer in `bridge`, which is what WB7, WB7c and WB11 then ask for. If the
 * look-ahead fails, the boundary is before the middle character, and a
 * segment that begins with one never looks ahead: no run is looked at twice.
 *
 * ASCII has no invisible and no Hebrew characters, which leaves runs of
 * [A-Za-z0-9_] with single middle characters between them. The fast path does
 * just these and hands over to the general rules, in mid-segment, wherever a
 * byte that is not ASCII could have a say.
 */
#include "core/text/wordbreak.h"

#include "core/base/utf8.h"
#include "core/text/unicode.h"

struct scan {
	const char *text;
	size_t n;
	size_t pos;     /* end of the segment so far */
	uint8_t last;   /* enum ix_wb, see above */
	uint8_t base;   /* enum ix_wb, see above */
	uint8_t seen;   /* union of the IX_CHAR_* flags of the segment */
	uint8_t ascii;  /* only ASCII so far */
	uint8_t odd;    /* odd number of regional indicators: one may join */
	uint8_t bridge; /* the middle character at `base` joins what follows */
};

#define SET(wb) (1u << (wb))

enum {
	AHLETTER = SET(IX_WB_ALETTER) | SET(IX_WB_HEBREW_LETTER),
	HEBREW = SET(IX_WB_HEBREW_LETTER),
	NUMERIC = SET(IX_WB_NUMERIC),
	/* Joined by ExtendNumLet (WB13a, WB13b). */
	NUM_LET = AHLETTER | NUMERIC | SET(IX_WB_KATAKANA),
	/* Made invisible by WB4. */
	INVISIBLE = SET(IX_WB_EXTEND) | SET(IX_WB_FORMAT) | SET(IX_WB_ZWJ),
	NEWLINES = SET(IX_WB_CR) | SET(IX_WB_LF) | SET(IX_WB_NEWLINE),
	/* Between letters (WB6) and between digits (WB12). */
	MID_OF_LETTERS = SET(IX_WB_MID_LETTER) | SET(IX_WB_MID_NUM_LET) |
			 SET(IX_WB_SINGLE_QUOTE),
	MID_OF_DIGITS = SET(IX_WB_MID_NUM) | SET(IX_WB_MID_NUM_LET) |
			SET(IX_WB_SINGLE_QUOTE),
};

_Static_assert(IX_WB_COUNT <= IX_CHAR_WB + 1, "a class must fit its mask");

static int in(uint8_t wb, unsigned set)
{
	return (SET(wb) & set) != 0;
}

static uint8_t class_of(uint8_t props)
{
	return props & IX_CHAR_WB;
}

/* Is the first visible character at or behind `pos` one of `set`? */
static int followed_by(const struct scan *s, size_t pos, unsigned set)
{
	while (pos < s->n) {
		uint32_t cp;
		uint8_t wb;

		pos += ix_utf8_decode(s->text + pos, s->n - pos, &cp);
		wb = class_of(ix_unicode_props(cp));
		if (!in(wb, INVISIBLE))
			return in(wb, set);
	}
	return 0;
}

/* WB6, WB7a, WB7b, WB12: does the middle character of class `wb`, which ends
 * at `end`, join the word before it? Sets *bridgep if it joins the next visible
 * character too. */
static int joins_middle(const struct scan *s, uint8_t wb, size_t end,
			uint8_t *bridgep)
{
	unsigned far = 0;

	if (in(s->base, AHLETTER) && in(wb, MID_OF_LETTERS))
		far = AHLETTER;
	else if (in(s->base, HEBREW) && wb == IX_WB_DOUBLE_QUOTE)
		far = HEBREW;
	else if (in(s->base, NUMERIC) && in(wb, MID_OF_DIGITS))
		far = NUMERIC;
	if (!far)
		return 0;
	*bridgep = (uint8_t)followed_by(s, end, far);
	return *bridgep ||
	       (in(s->base, HEBREW) && wb == IX_WB_SINGLE_QUOTE); /* WB7a */
}

/* Does a rule forbid the boundary before the character with `props`, which
 * begins at s->pos and is `len` bytes long? */
static int joins(const struct scan *s, uint8_t props, unsigned len,
		 uint8_t *bridgep)
{
	uint8_t wb = class_of(props), base = s->base;

	/* WB3, WB3a, WB3b */
	if (in(s->last, NEWLINES) || in(wb, NEWLINES))
		return s->last == IX_WB_CR && wb == IX_WB_LF;
	/* WB3c */
	if (s->last == IX_WB_ZWJ && (props & IX_CHAR_PICTOGRAPHIC))
		return 1;
	/* WB3d */
	if (s->last == IX_WB_WSEG_SPACE && wb == IX_WB_WSEG_SPACE)
		return 1;
	/* WB4 */
	if (in(wb, INVISIBLE))
		return 1;
	/* WB7, WB7c, WB11 */
	if (s->bridge)
		return 1;
	/* WB5, WB8, WB9, WB10 */
	if (in(base, AHLETTER | NUMERIC) && in(wb, AHLETTER | NUMERIC))
		return 1;
	/* WB13, WB13a, WB13b */
	if (base == IX_WB_KATAKANA && wb == IX_WB_KATAKANA)
		return 1;
	if (wb == IX_WB_EXTEND_NUM_LET)
		return in(base, NUM_LET | SET(IX_WB_EXTEND_NUM_LET));
	if (base == IX_WB_EXTEND_NUM_LET)
		return in(wb, NUM_LET);
	/* WB15, WB16 */
	if (wb == IX_WB_REGIONAL_INDICATOR)
		return base == IX_WB_REGIONAL_INDICATOR && s->odd;
	return joins_middle(s, wb, s->pos + len, bridgep);
}

/* Add the character at s->pos to the segment. */
static void take(struct scan *s, uint8_t props, unsigned len, uint8_t bridge)
{
	uint8_t wb = class_of(props);

	s->pos += len;
	s->seen |= props;
	s->last = wb;
	if (in(wb, INVISIBLE))
		return;
	s->base = wb;
	s->bridge = bridge;
	s->odd = wb == IX_WB_REGIONAL_INDICATOR && !s->odd;
}

/* Take the first character of a segment, whatever it is. */
static void take_first(struct scan *s)
{
	uint32_t cp;
	unsigned len = ix_utf8_decode(s->text + s->pos, s->n - s->pos, &cp);
	uint8_t props = ix_unicode_props(cp);

	s->ascii = !(s->text[s->pos] & 0x80);
	s->base = class_of(props);
	take(s, props, len, 0);
}

/* Take characters for as long as they join. */
static void take_rest(struct scan *s)
{
	while (s->pos < s->n) {
		uint8_t props, bridge = 0;
		uint32_t cp;
		unsigned len;

		len = ix_utf8_decode(s->text + s->pos, s->n - s->pos, &cp);
		props = ix_unicode_props(cp);
		if (!joins(s, props, len, &bridge))
			return;
		s->ascii &= !(s->text[s->pos] & 0x80);
		take(s, props, len, bridge);
	}
}

/* The bytes [0-9A-Za-z_], as a bitmap: the ASCII characters any two of which
 * join (WB5, WB8, WB9, WB10, WB13a, WB13b). */
static const uint64_t run_bytes[4] = { 0x03ff000000000000, 0x07fffffe87fffffe };

static int is_run_byte(char c)
{
	return run_bytes[(uint8_t)c >> 6] >> (c & 63) & 1;
}

static int is_ascii_at(const struct scan *s, size_t pos)
{
	return pos < s->n && !(s->text[pos] & 0x80);
}

static uint8_t class_at(const struct scan *s, size_t pos)
{
	return class_of(ix_unicode_props_ascii((uint8_t)s->text[pos]));
}

/* Take letters, digits and underscores. */
static void take_ascii_run(struct scan *s)
{
	const char *p = s->text + s->pos, *end = s->text + s->n;
	int is_word = 0;

	for (; p < end && is_run_byte(*p); p++)
		is_word |= *p != '_';
	s->pos = (size_t)(p - s->text);
	if (is_word)
		s->seen |= IX_CHAR_WORD;
	s->last = s->base = class_at(s, s->pos - 1);
}

/*
 * Take the rest of a segment whose first character is ASCII, by the rules
 * that can apply among ASCII characters. Returns 1 if the segment ends at
 * s->pos, 0 if the general rules have to go on from there: always when a byte
 * that is not ASCII decides.
 */
static int take_ascii(struct scan *s)
{
	if (!is_run_byte(s->text[s->pos - 1]))
		return s->pos == s->n ||
		       (is_ascii_at(s, s->pos) && s->base != IX_WB_WSEG_SPACE &&
			s->base != IX_WB_CR);
	for (;;) {
		uint8_t middle, next;

		take_ascii_run(s);
		if (s->pos == s->n)
			return 1;
		if (!is_ascii_at(s, s->pos))
			return 0;
		middle = class_at(s, s->pos);
		if (!in(middle, MID_OF_LETTERS | MID_OF_DIGITS) ||
		    s->pos + 1 == s->n)
			return 1;
		if (!is_ascii_at(s, s->pos + 1))
			return 0;
		next = class_at(s, s->pos + 1);
		if (next != s->base ||
		    !((next == IX_WB_ALETTER && in(middle, MID_OF_LETTERS)) ||
		      (next == IX_WB_NUMERIC && in(middle, MID_OF_DIGITS))))
			return 1;
		s->pos += 2;
	}
}

void ix_wordbreak_init(struct ix_wordbreak *w, const char *text, size_t n,
		       unsigned flags)
{
	w->text = text;
	w->n = n;
	w->pos = 0;
	w->flags = flags;
}

int ix_wordbreak_next(struct ix_wordbreak *w, struct ix_segment *seg)
{
	struct scan s = { .text = w->text, .n = w->n, .pos = w->pos };

	if (w->pos >= w->n)
		return 0;
	take_first(&s);
	if (!s.ascii || (w->flags & IX_WORDBREAK_NO_FAST_PATH) ||
	    !take_ascii(&s))
		take_rest(&s);
	seg->start = w->pos;
	seg->end = s.pos;
	seg->is_word = (s.seen & IX_CHAR_WORD) != 0;
	seg->is_ascii = s.ascii;
	w->pos = s.pos;
	return 1;
}

/*
 * Pass over ASCII characters that are in no word. None of them joins a letter,
 * digit or underscore behind it. But what is not ASCII may join the last of
 * them, or a run of spaces at the end, and that segment can be a word (a zero
 * width joiner and a letter that is a pictograph): it is left for the rules.
 */
static void skip_separators(struct ix_wordbreak *w)
{
	const char *text = w->text;
	size_t pos = w->pos, n = w->n;

	while (pos < n && !(text[pos] & 0x80) && !is_run_byte(text[pos]))
		pos++;
	if (pos < n && (text[pos] & 0x80) && pos > w->pos) {
		pos--;
		while (pos > w->pos && text[pos] == ' ' && text[pos - 1] == ' ')
			pos--;
	}
	w->pos = pos;
}

int ix_wordbreak_next_word(struct ix_wordbreak *w, struct ix_segment *seg)
{
	do {
		if (!(w->flags & IX_WORDBREAK_NO_FAST_PATH))
			skip_separators(w);
		if (!ix_wordbreak_next(w, seg))
			return 0;
	} while (!seg->is_word);
	return 1;
}
