/* SPDX-License-Identifier: MIT */
/*
 * codec: little-endian integers and variable-length integers in memory.
 *
 * Fixed-width values of the format are little-endian. A varint is LEB128:
 * seven bits a byte, least significant first, high bit = more follows; at
 * most 10 bytes. Readers take a cursor `*pp` and an end and never read at or
 * beyond the end; a varint that would, or that is longer than its type, is an
 * error (-1) and leaves the cursor where it was.
 */
#ifndef IX_BASE_CODEC_H
#define IX_BASE_CODEC_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "big-endian machines need byte swaps here");

#define IX_VARINT32_MAX 5 /* bytes of the longest 32-bit varint */
#define IX_VARINT64_MAX 10

static inline uint16_t ix_get16(const void *p)
{
	uint16_t v;
	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint32_t ix_get32(const void *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64_t ix_get64(const void *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64_t ix_get64be(const void *p)
{
	return __builtin_bswap64(ix_get64(p));
}

static inline void ix_put16(void *p, uint16_t v)
{
	memcpy(p, &v, sizeof(v));
}

static inline void ix_put32(void *p, uint32_t v)
{
	memcpy(p, &v, sizeof(v));
}

static inline void ix_put64(void *p, uint64_t v)
{
	memcpy(p, &v, sizeof(v));
}

/* Write `v` at `p` (room for IX_VARINT64_MAX); returns the end. */
static inline uint8_t *ix_put_varint(uint8_t *p, uint64_t v)
{
	while (v >= 0x80) {
		*p++ = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	*p++ = (uint8_t)v;
	return p;
}

/* Bytes that ix_put_varint would write: 1..10. */
static inline unsigned ix_varint_size(uint64_t v)
{
	return (unsigned)(70 - __builtin_clzll(v | 1)) / 7;
}

/* Read a varint of up to 64 bits; 0, or -1 when malformed or cut off. */
static inline int ix_get_varint64(const uint8_t **pp, const uint8_t *end,
				  uint64_t *vp)
{
	const uint8_t *p = *pp;
	uint64_t v = 0;

	for (unsigned shift = 0; p < end && shift < 70; shift += 7) {
		uint8_t b = *p++;
		if (shift == 63 && b > 1)
			return -1;
		v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80)) {
			*vp = v;
			*pp = p;
			return 0;
		}
	}
	return -1;
}

/* As ix_get_varint64, but a value above 2^32-1 or more than IX_VARINT32_MAX
 * bytes are malformed. */
static inline int ix_get_varint32(const uint8_t **pp, const uint8_t *end,
				  uint32_t *vp)
{
	const uint8_t *p = *pp;
	uint64_t v;

	if (p < end && *p < 0x80) {
		*vp = *p;
		*pp = p + 1;
		return 0;
	}
	if (end - p >= 2 && p[1] < 0x80) {
		*vp = (p[0] & 0x7fu) | (uint32_t)p[1] << 7;
		*pp = p + 2;
		return 0;
	}
	if (ix_get_varint64(&p, end, &v) || v > UINT32_MAX ||
	    p - *pp > IX_VARINT32_MAX)
		return -1;
	*vp = (uint32_t)v;
	*pp = p;
	return 0;
}

static inline uint64_t ix_align_up(uint64_t v, uint64_t power_of_two)
{
	return (v + power_of_two - 1) & ~(power_of_two - 1);
}

#endif
