/* SPDX-License-Identifier: MIT */
/*
 * The 128-bit kernel: the four lanes of a group are the four elements of a
 * vector. Written with the compiler's vector types, since shifts, masks and
 * unaligned loads are all it takes: SSE2 on x86-64, NEON on arm64, and plain
 * C elsewhere, from the same source. Rows (four values each) are unrolled for
 * each width, so that shifts are constants.
 */
#include "core/format/intcodec_kernels.h"

#include <string.h>

typedef uint32_t vec __attribute__((vector_size(16)));

static inline vec load(const void *p)
{
	vec v;
	memcpy(&v, p, sizeof(v));
	return v;
}

static inline void store(void *p, vec v)
{
	memcpy(p, &v, sizeof(v));
}

__attribute__((always_inline)) static inline void
unpack_width(const uint8_t *in, unsigned width, uint32_t *values)
{
	uint32_t mask = UINT32_MAX >> (32 - width);

#pragma GCC unroll 32
	for (unsigned row = 0; row < 32; row++) {
		unsigned word = row * width / 32;
		unsigned shift = row * width % 32;
		vec v = load(in + 16 * word) >> shift;

		if (shift + width > 32)
			v |= load(in + 16 * (word + 1)) << (32 - shift);
		store(values + 4 * row, v & mask);
	}
}

__attribute__((always_inline)) static inline void
pack_width(const uint32_t *values, unsigned width, uint8_t *out)
{
	uint32_t mask = UINT32_MAX >> (32 - width);
	vec word = { 0 };

#pragma GCC unroll 32
	for (unsigned row = 0; row < 32; row++) {
		unsigned shift = row * width % 32;
		vec v = load(values + 4 * row) & mask;

		word |= v << shift;
		if (shift + width < 32)
			continue;
		store(out + 16 * (row * width / 32), word);
		word ^= word;
		if (shift + width > 32)
			word = v >> (32 - shift);
	}
}

static void vec128_unpack(const uint8_t *in, unsigned width, uint32_t *values)
{
#define UNPACK(n)              \
 case n:                       \
  unpack_width(in, n, values); \
  return;
	IX_PACK_WIDTHS(UNPACK)
#undef UNPACK
	memset(values, 0, IX_PACK_VALUES * sizeof(*values));
}

static void vec128_pack(const uint32_t *values, unsigned width, uint8_t *out)
{
#define PACK(n)               \
 case n:                      \
  pack_width(values, n, out); \
  return;
	IX_PACK_WIDTHS(PACK)
#undef PACK
}

const struct ix_pack_kernel ix_pack_vec128 = {
	"vec128",
	vec128_pack,
	vec128_unpack,
};
