/* SPDX-License-Identifier: MIT */
/* utf8: decoding and checking of UTF-8 (RFC 3629: no surrogates, no overlong
 * forms, nothing above U+10FFFF). */
#ifndef IX_BASE_UTF8_H
#define IX_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Are these `n` bytes valid UTF-8? */
int ix_utf8_valid(const char *s, size_t n);

/* Decode one character of valid UTF-8 at `s` (n > 0 bytes left); writes the
 * code point, returns its length 1..4. Invalid bytes decode as U+FFFD, length
 * 1, so that the function always advances and never reads beyond `n`. */
unsigned ix_utf8_decode(const char *s, size_t n, uint32_t *cp);

/* Make a NUL-terminated text fit for a log line or a JSON string: in place,
 * each control character and each byte of no valid character becomes '?'. */
void ix_utf8_clean(char *s);

/* Encode; room for 4 bytes. Returns the length 1..4. */
unsigned ix_utf8_encode(uint32_t cp, char *out);

#endif
