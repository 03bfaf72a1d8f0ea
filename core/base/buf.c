/* SPDX-License-Identifier: MIT */
#include "core/base/buf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/base/codec.h"
#include "core/base/mem.h"

void ix_buf_release(struct ix_buf *b)
{
	ix_free(b->data);
	memset(b, 0, sizeof(*b));
}

int ix_buf_reserve(struct ix_buf *b, size_t n)
{
	size_t need;

	if (b->error)
		return b->error;
	if (__builtin_add_overflow(b->len, n, &need) ||
	    ix_grow(&b->data, &b->cap, need, 1))
		b->error = -ENOMEM;
	return b->error;
}

uint8_t *ix_buf_extend(struct ix_buf *b, size_t n)
{
	uint8_t *p;

	if (ix_buf_reserve(b, n ? n : 1))
		return NULL;
	p = b->data + b->len;
	b->len += n;
	return p;
}

void ix_buf_add(struct ix_buf *b, const void *data, size_t n)
{
	uint8_t *p;

	if (!n)
		return;
	p = ix_buf_extend(b, n);
	if (p)
		memcpy(p, data, n);
}

void ix_buf_add_u8(struct ix_buf *b, uint8_t v)
{
	ix_buf_add(b, &v, sizeof(v));
}

void ix_buf_add_u16(struct ix_buf *b, uint16_t v)
{
	ix_buf_add(b, &v, sizeof(v));
}

void ix_buf_add_u32(struct ix_buf *b, uint32_t v)
{
	ix_buf_add(b, &v, sizeof(v));
}

void ix_buf_add_u64(struct ix_buf *b, uint64_t v)
{
	ix_buf_add(b, &v, sizeof(v));
}

void ix_buf_add_varint(struct ix_buf *b, uint64_t v)
{
	if (!ix_buf_reserve(b, IX_VARINT64_MAX))
		b->len = (size_t)(ix_put_varint(b->data + b->len, v) - b->data);
}

void ix_buf_add_zeros(struct ix_buf *b, size_t n)
{
	uint8_t *p = ix_buf_extend(b, n);

	if (p)
		memset(p, 0, n);
}

void ix_buf_add_str(struct ix_buf *b, const char *s)
{
	ix_buf_add(b, s, strlen(s));
}

void ix_buf_addf(struct ix_buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 && !b->error)
		b->error = -ENOMEM; /* the C library needs memory, too */
	if (n < 0 || ix_buf_reserve(b, (size_t)n + 1))
		return;
	va_start(ap, fmt);
	vsnprintf((char *)b->data + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

void ix_buf_add_json(struct ix_buf *b, const char *s, size_t n)
{
	static const char short_escapes[] = "btn\0fr"; /* 0x08..0x0d */
	static const char hex[] = "0123456789abcdef";
	size_t start = 0;

	if (!n)
		return;
	for (size_t i = 0; i < n; i++) {
		uint8_t c = (uint8_t)s[i];

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		ix_buf_add(b, s + start, i - start);
		start = i + 1;
		if (c >= 0x08 && c <= 0x0d && c != 0x0b) {
			char e[2] = { '\\', short_escapes[c - 0x08] };

			ix_buf_add(b, e, sizeof(e));
		} else if (c < 0x20) {
			char e[6] = { '\\', 'u',         '0',
				      '0',  hex[c >> 4], hex[c & 15] };

			ix_buf_add(b, e, sizeof(e));
		} else {
			char e[2] = { '\\', (char)c };

			ix_buf_add(b, e, sizeof(e));
		}
	}
	ix_buf_add(b, s + start, n - start);
}

const char *ix_buf_str(struct ix_buf *b)
{
	if (ix_buf_reserve(b, 1))
		return "";
	b->data[b->len] = '\0';
	return (const char *)b->data;
}
