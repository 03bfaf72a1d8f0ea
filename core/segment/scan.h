/* SPDX-License-Identifier: MIT */
/*
 * scan: reads the JSON text of a document, strictly as RFC 8259 has it.
 *
 * A cursor over text in memory. It accepts nothing that the grammar does not
 * allow: no trailing commas, no comments, no byte order mark, no control
 * characters or invalid UTF-8 inside strings, no lone surrogates in \u
 * escapes. Integers are exact to 64 bits; other numbers can be passed over,
 * but have no value here.
 *
 * Every function that can fail returns 0, -ENOMEM, or -IX_EINPUT with a text
 * that begins with the byte the scan stopped at; after a failure the cursor
 * must not be used. A cursor belongs to one thread.
 */
#ifndef IX_SEGMENT_SCAN_H
#define IX_SEGMENT_SCAN_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"

#define IX_SCAN_DEPTH_MAX 64u /* nesting that ix_scan_skip goes along with */

struct ix_scan {
	const char *start; /* borrowed */
	const char *p;     /* next byte */
	const char *end;
	struct ix_buf *text; /* borrowed: where strings with escapes are
				decoded to */
};

struct ix_scan_string {
	const char *text; /* decoded: a view into the JSON text or scan->text */
	size_t len;
	const char *raw; /* what stands between the quotes */
	size_t raw_len;
	int is_canonical; /* raw is spelled as RFC 8785 wants it */
	int has_nul;      /* U+0000 is in it */
};

/*
 * Begin with `n` bytes at `json`, both borrowed until the last use of the
 * cursor and its strings. `text` is emptied, and filled with the strings
 * that have escapes; it never moves while the text is scanned.
 */
void ix_scan_begin(struct ix_scan *s, struct ix_buf *text, const char *json,
		   size_t n);

/* Pass blanks; the byte behind them, or -1 at the end of the text. */
static inline int ix_scan_peek(struct ix_scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' ||
				 *s->p == '\r' || *s->p == '\t'))
		s->p++;
	return s->p < s->end ? (unsigned char)*s->p : -1;
}

/* Pass blanks and then exactly the byte `c`. `what` names it in the text of a
 * failure: "expected `what`". */
int ix_scan_expect(struct ix_scan *s, char c, const char *what);

/* A string; the cursor is at its opening quote. */
int ix_scan_string(struct ix_scan *s, struct ix_scan_string *out);

/* A number that is an integer of 0 .. 2^64 - 1 written in digits alone; the
 * cursor is at its first byte, a digit or '-'. 1.0, 1e3 and -1 are refused. */
int ix_scan_u64(struct ix_scan *s, uint64_t *vp);

/* The literal `word` ("null", "true", "false"); the cursor is at its first
 * byte. */
int ix_scan_literal(struct ix_scan *s, const char *word);

/* Any value, checked and dropped; the cursor is before it. Keys of objects
 * may repeat. Nesting beyond IX_SCAN_DEPTH_MAX is refused. */
int ix_scan_skip(struct ix_scan *s);

/* Nothing but blanks may follow. */
int ix_scan_end(struct ix_scan *s);

/* Fail at the cursor: -IX_EINPUT with the text "byte N: <message>". */
int ix_scan_fail(const struct ix_scan *s, const char *message);

#endif
