/* SPDX-License-Identifier: MIT */
#include "core/base/utf8.h"

#include <string.h>

unsigned ix_utf8_decode(const char *s, size_t n, uint32_t *cp)
{
	const uint8_t *p = (const uint8_t *)s;
	uint32_t c = p[0], min;
	unsigned len;

	if (c < 0x80) {
		*cp = c;
		return 1;
	}
	if (c >= 0xc2 && c < 0xe0) {
		len = 2;
		min = 0x80;
		c &= 0x1f;
	} else if (c >= 0xe0 && c < 0xf0) {
		len = 3;
		min = 0x800;
		c &= 0x0f;
	} else if (c >= 0xf0 && c < 0xf5) {
		len = 4;
		min = 0x10000;
		c &= 0x07;
	} else {
		goto invalid;
	}
	if (n < len)
		goto invalid;
	for (unsigned i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			goto invalid;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < min || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		goto invalid;
	*cp = c;
	return len;
invalid:
	*cp = 0xfffd;
	return 1;
}

/*
 * A shift-based automaton: a state is the position of its bits in the rows, and
 * one row per byte value holds, for each state, the state that follows. So a
 * byte costs a load and a shift, without branches to mispredict; text that
 * mixes scripts would have many. Bits that a row does not name lead to REJECT,
 * which nothing leaves.
 */
enum {
	REJECT = 0,
	ACCEPT = 6,
	NEED_1 = 12, /* one continuation byte */
	NEED_2 = 18,
	AFTER_E0 = 24, /* two, no overlong form */
	AFTER_ED = 30, /* two, no surrogate */
	AFTER_F0 = 36, /* three, no overlong form */
	AFTER_F1 = 42,
	AFTER_F4 = 48, /* three, not above U+10FFFF */
};

#define GO(from, to) ((uint64_t)(to) << (from))
#define ANY_CONTINUATION \
 (GO(NEED_1, ACCEPT) | GO(NEED_2, NEED_1) | GO(AFTER_F1, NEED_2))

static const uint64_t rows[256] = {
	[0x00 ... 0x7f] = GO(ACCEPT, ACCEPT),
	[0x80 ... 0x8f] =
		ANY_CONTINUATION | GO(AFTER_ED, NEED_1) | GO(AFTER_F4, NEED_2),
	[0x90 ... 0x9f] =
		ANY_CONTINUATION | GO(AFTER_ED, NEED_1) | GO(AFTER_F0, NEED_2),
	[0xa0 ... 0xbf] =
		ANY_CONTINUATION | GO(AFTER_E0, NEED_1) | GO(AFTER_F0, NEED_2),
	[0xc2 ... 0xdf] = GO(ACCEPT, NEED_1),
	[0xe0] = GO(ACCEPT, AFTER_E0),
	[0xe1 ... 0xec] = GO(ACCEPT, NEED_2),
	[0xed] = GO(ACCEPT, AFTER_ED),
	[0xee ... 0xef] = GO(ACCEPT, NEED_2),
	[0xf0] = GO(ACCEPT, AFTER_F0),
	[0xf1 ... 0xf3] = GO(ACCEPT, AFTER_F1),
	[0xf4] = GO(ACCEPT, AFTER_F4),
};

int ix_utf8_valid(const char *s, size_t n)
{
	const uint8_t *p = (const uint8_t *)s;
	uint64_t state = ACCEPT;
	size_t i = 0;

	while (n - i >= 16) {
		uint64_t words[2];

		memcpy(words, p + i, 16);
		if ((state & 63) == ACCEPT &&
		    !((words[0] | words[1]) & 0x8080808080808080u)) {
			i += 16;
			continue;
		}
		for (size_t end = i + 16; i < end; i++)
			state = rows[p[i]] >> (state & 63);
	}
	for (; i < n; i++)
		state = rows[p[i]] >> (state & 63);
	return (state & 63) == ACCEPT;
}

void ix_utf8_clean(char *s)
{
	size_t n = strlen(s), i = 0;

	while (i < n) {
		uint32_t cp;
		unsigned len = ix_utf8_decode(s + i, n - i, &cp);

		/* C0 and C1 controls, and bytes that decode to nothing. */
		if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0) ||
		    (len == 1 && cp > 0x7f))
			memset(s + i, '?', len);
		i += len;
	}
}

unsigned ix_utf8_encode(uint32_t cp, char *out)
{
	if (cp < 0x80) {
		out[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (char)(0xc0 | cp >> 6);
		out[1] = (char)(0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp < 0x10000) {
		out[0] = (char)(0xe0 | cp >> 12);
		out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
		out[2] = (char)(0x80 | (cp & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | cp >> 18);
	out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
	out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
	out[3] = (char)(0x80 | (cp & 0x3f));
	return 4;
}
