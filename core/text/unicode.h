/* SPDX-License-Identifier: MIT */
/*
 * unicode: the few character properties that the analyzers need.
 *
 * The tables are our own, generated once from the Unicode Character Database
 * by gen_unicode.py and committed: what a library knows about characters
 * changes with its release, and an upgrade of the system must not change
 * which terms a document has. A new table version is a new analyzer id.
 *
 * Everything here is constant data and pure functions; any thread may use it.
 */
#ifndef IX_TEXT_UNICODE_H
#define IX_TEXT_UNICODE_H

#include <stdint.h>

/* The version of the tables, as analyzer ids spell it. */
#define IX_UNICODE_VERSION "15.0"

/* The same from the generated file, with the update number: "15.0.0". */
extern const char ix_unicode_version[];

/* Word_Break property values (UAX #29, table 3). The generator writes these
 * numbers; keep the order. */
enum ix_wb {
	IX_WB_OTHER,
	IX_WB_ALETTER,
	IX_WB_HEBREW_LETTER,
	IX_WB_NUMERIC,
	IX_WB_KATAKANA,
	IX_WB_EXTEND_NUM_LET,
	IX_WB_MID_LETTER,
	IX_WB_MID_NUM,
	IX_WB_MID_NUM_LET,
	IX_WB_SINGLE_QUOTE,
	IX_WB_DOUBLE_QUOTE,
	IX_WB_EXTEND,
	IX_WB_FORMAT,
	IX_WB_ZWJ,
	IX_WB_WSEG_SPACE,
	IX_WB_CR,
	IX_WB_LF,
	IX_WB_NEWLINE,
	IX_WB_REGIONAL_INDICATOR,
	IX_WB_COUNT
};

enum {
	IX_CHAR_WB = 0x1f,           /* mask of the enum ix_wb value */
	IX_CHAR_PICTOGRAPHIC = 0x20, /* Extended_Pictographic */
	IX_CHAR_WORD = 0x40,         /* Alphabetic, or a number (category N): a
					segment with one of these is a word */
	IX_CHAR_FOLDS = 0x80,        /* ix_unicode_fold changes it */
};

#define IX_UNICODE_BLOCK 128 /* code points per block of the tables */

extern const uint8_t ix_unicode_prop_index[0x110000 / IX_UNICODE_BLOCK];
extern const uint8_t ix_unicode_prop_blocks[];

/* Properties of a code point: an enum ix_wb value and IX_CHAR_* flags. 0 for
 * values above U+10FFFF. */
static inline uint8_t ix_unicode_props(uint32_t cp)
{
	if (cp >= 0x110000)
		return 0;
	return ix_unicode_prop_blocks[ix_unicode_prop_index[cp /
							    IX_UNICODE_BLOCK] *
					      IX_UNICODE_BLOCK +
				      cp % IX_UNICODE_BLOCK];
}

/* The same for c < 0x80; the first block of the table is ASCII. */
static inline uint8_t ix_unicode_props_ascii(uint8_t c)
{
	return ix_unicode_prop_blocks[c];
}

#define IX_FOLD_MAX 3 /* code points that one code point folds to, at most */

/*
 * Full case folding (CaseFolding.txt, statuses C and F; not the Turkic T).
 * Writes the folding of `cp` to `out` and returns its length, 1..IX_FOLD_MAX;
 * a code point without a folding, or above U+10FFFF, folds to itself.
 */
unsigned ix_unicode_fold(uint32_t cp, uint32_t out[IX_FOLD_MAX]);

/* Tables behind ix_unicode_fold. */
struct ix_fold_full {
	uint16_t count;
	uint16_t cp[IX_FOLD_MAX];
};
extern const uint8_t ix_unicode_fold_index[0x110000 / IX_UNICODE_BLOCK];
extern const uint8_t ix_unicode_fold_blocks[];
extern const unsigned ix_unicode_fold_delta_count;
extern const int32_t ix_unicode_fold_deltas[];
extern const struct ix_fold_full ix_unicode_fold_full[];

#endif
