/* SPDX-License-Identifier: MIT */
/*
 * wordbreak: the segments of a text by the default word boundaries of UAX #29
 * (https://www.unicode.org/reports/tr29/#Word_Boundaries), Unicode 15.0.
 *
 *	struct ix_wordbreak w;
 *	struct ix_segment seg;
 *
 *	ix_wordbreak_init(&w, text, n, 0);
 *	while (ix_wordbreak_next(&w, &seg) > 0)
 *		use(text + seg.start, seg.end - seg.start);
 *
 * The segments follow each other without gaps and cover the text. No memory
 * is allocated, and the whole iteration is linear in `n` whatever the text
 * is: rules that look ahead (WB6, WB7b, WB12) walk over a run of combining
 * characters at most once, and the run is then passed at once.
 *
 * Nothing can fail, so the iterator returns only 1 and 0. One thread at a time
 * per iterator; the text is borrowed and must stay until the last call.
 */
#ifndef IX_TEXT_WORDBREAK_H
#define IX_TEXT_WORDBREAK_H

#include <stddef.h>
#include <stdint.h>

enum ix_wordbreak_flags {
	/* Use the general rules for ASCII too. Gives the same segments more
	 * slowly; for tests of the fast path. */
	IX_WORDBREAK_NO_FAST_PATH = 1 << 0,
};

struct ix_wordbreak {
	const char *text; /* borrowed */
	size_t n;
	size_t pos; /* start of the next segment */
	unsigned flags;
};

struct ix_segment {
	size_t start, end; /* byte offsets; start < end */
	uint8_t is_word;   /* holds a letter, ideograph, kana or number */
	uint8_t is_ascii;  /* holds bytes below 0x80 only */
};

/* Begin at the start of `n` bytes of valid UTF-8. Invalid bytes are not an
 * error here: each counts as one character of class Other. `flags` is a set
 * of enum ix_wordbreak_flags. */
void ix_wordbreak_init(struct ix_wordbreak *w, const char *text, size_t n,
		       unsigned flags);

/* The next segment: 1 with *seg filled in, or 0 at the end of the text. */
int ix_wordbreak_next(struct ix_wordbreak *w, struct ix_segment *seg);

/* The next segment with is_word set; the others are passed over. 1 or 0. */
int ix_wordbreak_next_word(struct ix_wordbreak *w, struct ix_segment *seg);

#endif
