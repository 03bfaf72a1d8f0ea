/* SPDX-License-Identifier: MIT */
/*
 * column_frame: frames of packed integers, shared by the two halves of a
 * column (docs/format.md section 9). Private to core/format.
 */
#ifndef IX_FORMAT_COLUMN_FRAME_H
#define IX_FORMAT_COLUMN_FRAME_H

#include <stdint.h>

#include "core/base/codec.h"

#define COLUMN_HEADER      32u
#define COLUMN_FRAME_ENTRY 24u /* bytes of a directory entry */
#define COLUMN_HAS_ABSENT  1u  /* flags: presence bitmap */
#define COLUMN_HAS_STARTS  2u  /* flags: values per document vary */
#define COLUMN_FLAGS       3u

static inline uint32_t column_frame_count(uint32_t values)
{
	return values / 1024u + (values % 1024u != 0);
}

/* Bytes of `n` values of `width` bits, padded to 8. */
static inline uint64_t column_frame_bytes(uint32_t n, unsigned width)
{
	return ((uint64_t)n * width + 63) / 64 * 8;
}

/* Value `i` of packed bits; touches only the words the value lies in. */
static inline uint64_t column_unpack(const uint8_t *p, uint32_t i,
				     unsigned width)
{
	uint64_t bit = (uint64_t)i * width;
	unsigned shift = (unsigned)(bit % 64);
	uint64_t v;

	if (!width)
		return 0;
	p += bit / 64 * 8;
	v = ix_get64(p) >> shift;
	if (shift && shift + width > 64)
		v |= ix_get64(p + 8) << (64 - shift);
	return width == 64 ? v : v & (((uint64_t)1 << width) - 1);
}

#endif
