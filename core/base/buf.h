/* SPDX-License-Identifier: MIT */
/*
 * buf: a growing byte string with a sticky error.
 *
 * Appending never has to be checked: after the first failed allocation every
 * append does nothing, and ix_buf_error() reports -ENOMEM. Zero-initialise
 * with IX_BUF_INIT; release with ix_buf_release. Not thread-safe.
 */
#ifndef IX_BASE_BUF_H
#define IX_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct ix_buf {
	uint8_t *data; /* owned; NULL while empty */
	size_t len;    /* bytes used */
	size_t cap;    /* bytes allocated */
	int error;     /* 0, or the first failure */
};

#define IX_BUF_INIT \
 {                  \
  NULL, 0, 0, 0     \
 }

void ix_buf_release(struct ix_buf *b);

/* Forget the contents (and the error), keep the memory. */
static inline void ix_buf_clear(struct ix_buf *b)
{
	b->len = 0;
	b->error = 0;
}

static inline int ix_buf_error(const struct ix_buf *b)
{
	return b->error;
}

/* One past the contents; NULL when the buffer never held anything. */
static inline const uint8_t *ix_buf_end(const struct ix_buf *b)
{
	return b->len ? b->data + b->len : b->data;
}

/* Make room for `n` more bytes; 0 or the sticky error. */
int ix_buf_reserve(struct ix_buf *b, size_t n);

/* Append `n` bytes that the caller fills in; NULL once the buffer failed.
 * The pointer is good until the next append. */
uint8_t *ix_buf_extend(struct ix_buf *b, size_t n);

void ix_buf_add(struct ix_buf *b, const void *data, size_t n);
void ix_buf_add_u8(struct ix_buf *b, uint8_t v);
void ix_buf_add_u16(struct ix_buf *b, uint16_t v);
void ix_buf_add_u32(struct ix_buf *b, uint32_t v);
void ix_buf_add_u64(struct ix_buf *b, uint64_t v);
void ix_buf_add_varint(struct ix_buf *b, uint64_t v);
void ix_buf_add_zeros(struct ix_buf *b, size_t n);

/* Append a C string without its NUL. */
void ix_buf_add_str(struct ix_buf *b, const char *s);
void ix_buf_addf(struct ix_buf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Append `n` bytes of UTF-8 as the inside of a JSON string: escapes as
 * RFC 8785 section 3.2.2.2 wants them. */
void ix_buf_add_json(struct ix_buf *b, const char *s, size_t n);

/* NUL-terminated view of the contents; "" when empty or failed. Good until
 * the next append. */
const char *ix_buf_str(struct ix_buf *b);

#endif
