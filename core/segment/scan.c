/* SPDX-License-Identifier: MIT */
#include "core/segment/scan.h"

#include <string.h>
#ifdef __SSE2__
# include <emmintrin.h>
#endif

#include "core/base/err.h"
#include "core/base/utf8.h"

int ix_scan_fail(const struct ix_scan *s, const char *message)
{
	return ix_fail(-IX_EINPUT, "byte %zu: %s", (size_t)(s->p - s->start),
		       message);
}

static int fail_at(struct ix_scan *s, const char *p, const char *message)
{
	s->p = p;
	return ix_scan_fail(s, message);
}

void ix_scan_begin(struct ix_scan *s, struct ix_buf *text, const char *json,
		   size_t n)
{
	*s = (struct ix_scan){ json, json, json + n, text };
	ix_buf_clear(text);
}

int ix_scan_expect(struct ix_scan *s, char c, const char *what)
{
	if (ix_scan_peek(s) != (unsigned char)c)
		return ix_fail(-IX_EINPUT, "byte %zu: expected %s",
			       (size_t)(s->p - s->start), what);
	s->p++;
	return 0;
}

int ix_scan_end(struct ix_scan *s)
{
	if (ix_scan_peek(s) >= 0)
		return ix_scan_fail(s, "text behind the document's end");
	return 0;
}

/* --- strings ----------------------------------------------------------- */

static int is_special(char c)
{
	return c == '"' || c == '\\' || (unsigned char)c < 0x20;
}

/*
 * The first quote, backslash or control character at or behind `p`, or `end`.
 * *highp is set when a byte before it is not ASCII.
 */
static const char *plain_run(const char *p, const char *end, int *highp)
{
	unsigned high = 0;

#ifdef __SSE2__
	const __m128i quote = _mm_set1_epi8('"');
	const __m128i backslash = _mm_set1_epi8('\\');
	const __m128i control = _mm_set1_epi8(0x1f);

	while (end - p >= 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
		__m128i stop =
			_mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, quote),
						  _mm_cmpeq_epi8(v, backslash)),
				     _mm_cmpeq_epi8(_mm_min_epu8(v, control),
						    v));
		unsigned stops = (unsigned)_mm_movemask_epi8(stop);
		unsigned highs = (unsigned)_mm_movemask_epi8(v);

		if (stops) {
			unsigned n = (unsigned)__builtin_ctz(stops);

			high |= highs & ((1u << n) - 1);
			*highp |= high != 0;
			return p + n;
		}
		high |= highs;
		p += 16;
	}
#endif
	for (; p < end && !is_special(*p); p++)
		high |= (unsigned char)*p & 0x80u;
	*highp |= high != 0;
	return p;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four hexadecimal digits at `p`; their value, or -1. */
static int32_t hex4(const char *p, const char *end)
{
	int32_t v = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int d = hex_digit(p[i]);

		if (d < 0)
			return -1;
		v = v << 4 | d;
	}
	return v;
}

/* A \u escape, or two that are a surrogate pair; `p` is behind the 'u'. The
 * code point, or -1 after a failure was stored. */
static int32_t scan_unicode(struct ix_scan *s, const char **pp)
{
	const char *p = *pp;
	int32_t high, low;

	high = hex4(p, s->end);
	if (high < 0) {
		fail_at(s, p, "\\u needs four hexadecimal digits");
		return -1;
	}
	p += 4;
	if (high >= 0xd800 && high < 0xe000) {
		low = high < 0xdc00 && s->end - p >= 2 && p[0] == '\\' &&
				      p[1] == 'u'
			      ? hex4(p + 2, s->end)
			      : -1;
		if (low < 0xdc00 || low >= 0xe000) {
			fail_at(s, p, "a surrogate without its other half");
			return -1;
		}
		high = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
		p += 6;
	}
	*pp = p;
	return high;
}

/*
 * One escape; *pp is at the backslash. Appends what it stands for at `out`
 * (room for 4 bytes) and returns the number of bytes, 0 after a failure.
 * RFC 8785 spells " \ and five control characters by exactly one short escape
 * each, so these may stay as they are; '/' and all \u are spelled otherwise
 * (but for some control characters, which are rare enough to be respelled).
 */
static unsigned scan_escape(struct ix_scan *s, const char **pp, char *out,
			    struct ix_scan_string *str)
{
	static const char from[] = "\"\\bfnrt", to[] = "\"\\\b\f\n\r\t";
	const char *p = *pp + 1, *found;
	int32_t cp;

	if (p < s->end && *p && (found = strchr(from, *p))) {
		*out = to[found - from];
		*pp = p + 1;
		return 1;
	}
	str->is_canonical = 0;
	if (p < s->end && *p == '/') {
		*out = '/';
		*pp = p + 1;
		return 1;
	}
	if (p >= s->end || *p != 'u') {
		fail_at(s, p - 1, "unknown escape in a string");
		return 0;
	}
	p++;
	cp = scan_unicode(s, &p);
	if (cp < 0)
		return 0;
	str->has_nul |= !cp;
	*pp = p;
	return ix_utf8_encode((uint32_t)cp, out);
}

/* The rest of a string from its first backslash at `p` on. Decoding never
 * makes text longer, so the room reserved once serves the whole document. */
static int scan_escaped(struct ix_scan *s, const char *p, int *highp,
			struct ix_scan_string *out)
{
	size_t whole = (size_t)(s->end - s->start);
	const char *run = out->raw;
	char *text, *t;

	if (s->text->cap < whole && ix_buf_reserve(s->text, whole))
		return -ENOMEM;
	text = t = (char *)s->text->data + s->text->len;
	for (;;) {
		unsigned n;

		memcpy(t, run, (size_t)(p - run));
		t += p - run;
		if (p == s->end || *p != '\\')
			break;
		n = scan_escape(s, &p, t, out);
		if (!n)
			return -IX_EINPUT;
		t += n;
		run = p;
		p = plain_run(p, s->end, highp);
	}
	s->text->len += (size_t)(t - text);
	out->text = text;
	out->len = (size_t)(t - text);
	s->p = p;
	return 0;
}

int ix_scan_string(struct ix_scan *s, struct ix_scan_string *out)
{
	const char *p;
	int high = 0, rc;

	*out = (struct ix_scan_string){ .is_canonical = 1 };
	out->raw = s->p + 1;
	p = plain_run(out->raw, s->end, &high);
	if (p < s->end && *p == '\\') {
		rc = scan_escaped(s, p, &high, out);
		if (rc)
			return rc;
		p = s->p;
	} else {
		out->text = out->raw;
		out->len = (size_t)(p - out->raw);
	}
	if (p == s->end)
		return fail_at(s, p, "a string without its closing quote");
	if (*p != '"')
		return fail_at(s, p, "a control character in a string");
	out->raw_len = (size_t)(p - out->raw);
	if (high && !ix_utf8_valid(out->raw, out->raw_len))
		return fail_at(s, out->raw, "a string of invalid UTF-8");
	s->p = p + 1;
	return 0;
}

/* --- other values ------------------------------------------------------ */

static int is_digit(const struct ix_scan *s, const char *p)
{
	return p < s->end && *p >= '0' && *p <= '9';
}

/* One or more digits at `p`; their end, or NULL. */
static const char *digits(const struct ix_scan *s, const char *p)
{
	if (!is_digit(s, p))
		return NULL;
	while (is_digit(s, p))
		p++;
	return p;
}

/* The end of the number at the cursor, or NULL after a failure. *integerp
 * says whether it is digits alone. */
static const char *number_end(struct ix_scan *s, int *integerp)
{
	const char *p = s->p, *q;

	*integerp = *p != '-';
	p += *p == '-';
	q = p < s->end && *p == '0' ? p + 1 : digits(s, p);
	if (q && q < s->end && *q == '.') {
		*integerp = 0;
		q = digits(s, q + 1);
	}
	if (q && q < s->end && (*q == 'e' || *q == 'E')) {
		*integerp = 0;
		q++;
		q += q < s->end && (*q == '+' || *q == '-');
		q = digits(s, q);
	}
	/* Another digit: a leading zero. */
	if (!q || is_digit(s, q)) {
		fail_at(s, s->p, "not a number");
		return NULL;
	}
	return q;
}

int ix_scan_u64(struct ix_scan *s, uint64_t *vp)
{
	const char *end;
	int integer;
	uint64_t v = 0;

	*vp = 0;
	end = number_end(s, &integer);
	if (!end)
		return -IX_EINPUT;
	for (const char *p = s->p; integer && p < end; p++)
		integer = !__builtin_mul_overflow(v, 10u, &v) &&
			  !__builtin_add_overflow(v, (unsigned)(*p - '0'), &v);
	if (!integer) {
		size_t n = (size_t)(end - s->p);

		return ix_fail(-IX_EINPUT,
			       "byte %zu: %.*s%s is not an integer of 0 .. "
			       "18446744073709551615 in plain digits",
			       (size_t)(s->p - s->start),
			       (int)(n < 32 ? n : 32), s->p,
			       n < 32 ? "" : "...");
	}
	s->p = end;
	*vp = v;
	return 0;
}

int ix_scan_literal(struct ix_scan *s, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0)
		return ix_scan_fail(s, "not a JSON value");
	s->p += n;
	return 0;
}

/* A value that has no others inside; `c` is its first byte. */
static int skip_scalar(struct ix_scan *s, int c)
{
	struct ix_scan_string str;
	int integer;

	switch (c) {
	case '"':
		return ix_scan_string(s, &str);
	case 't':
		return ix_scan_literal(s, "true");
	case 'f':
		return ix_scan_literal(s, "false");
	case 'n':
		return ix_scan_literal(s, "null");
	default:
		if (c != '-' && (c < '0' || c > '9'))
			return ix_scan_fail(s, "expected a value");
		s->p = number_end(s, &integer);
		return s->p ? 0 : -IX_EINPUT;
	}
}

/* A key and its colon. */
static int skip_key(struct ix_scan *s)
{
	struct ix_scan_string key;
	int rc;

	if (ix_scan_peek(s) != '"')
		return ix_scan_fail(s, "expected a key");
	rc = ix_scan_string(s, &key);
	return rc ? rc : ix_scan_expect(s, ':', "':'");
}

int ix_scan_skip(struct ix_scan *s)
{
	uint64_t objects = 0; /* a bit per open level: is it an object? */
	unsigned depth = 0;
	int c, rc;

	do {
		/* A value begins here. */
		c = ix_scan_peek(s);
		if (c == '{' || c == '[') {
			if (depth == IX_SCAN_DEPTH_MAX)
				return ix_scan_fail(s, "nested too deeply");
			objects = objects << 1 | (c == '{');
			depth++;
			s->p++;
			if (ix_scan_peek(s) != (c == '{' ? '}' : ']')) {
				rc = c == '{' ? skip_key(s) : 0;
				if (rc)
					return rc;
				continue;
			}
		} else {
			rc = skip_scalar(s, c);
			if (rc)
				return rc;
		}
		/* It has ended: close levels, up to one that goes on. */
		while (depth) {
			c = ix_scan_peek(s);
			if (c == ',')
				break;
			if (c != (objects & 1 ? '}' : ']'))
				return ix_scan_fail(s, "expected ',' or the "
						       "end of the value");
			objects >>= 1;
			depth--;
			s->p++;
		}
		if (depth) {
			s->p++;
			rc = objects & 1 ? skip_key(s) : 0;
			if (rc)
				return rc;
		}
	} while (depth);
	return 0;
}

_Static_assert(IX_SCAN_DEPTH_MAX <= 64, "levels are bits of a uint64_t");
