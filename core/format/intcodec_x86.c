/* SPDX-License-Identifier: MIT */
/*
 * The AVX2 kernel: two rows of a group at a time. Encoding stays with 128
 * bits, since choosing the width costs more than the shifts. (A kernel of
 * four rows with AVX-512 VBMI2 was no faster: what is around the inner loop
 * decides then.)
 */
#include "core/format/intcodec_kernels.h"

#if defined(__x86_64__)

# include <immintrin.h>
# include <string.h>

static void narrow_pack(const uint32_t *values, unsigned width, uint8_t *out)
{
	ix_pack_vec128.pack(values, width, out);
}

/* ---- AVX2 ---- */

# define AVX2 __attribute__((target("avx2")))

/* Words `a` and `a` or `a + 1` of all lanes. */
__attribute__((always_inline)) AVX2 static inline __m256i
load_words(const uint8_t *in, unsigned a, unsigned b)
{
	const uint8_t *p = in + 16 * a;
	__m128i one;

	if (b != a)
		return _mm256_loadu_si256((const __m256i *)(const void *)p);
	one = _mm_loadu_si128((const __m128i *)(const void *)p);
	return _mm256_broadcastsi128_si256(one);
}

__attribute__((always_inline)) AVX2 static inline void
avx2_width(const uint8_t *in, unsigned width, uint32_t *values)
{
	const __m256i mask =
		_mm256_set1_epi32((int)(UINT32_MAX >> (32 - width)));

# pragma GCC unroll 16
	for (unsigned row = 0; row < 32; row += 2) {
		unsigned a = row * width / 32;
		unsigned b = (row + 1) * width / 32;
		unsigned sa = row * width % 32;
		unsigned sb = (row + 1) * width % 32;
		__m256i shift =
			_mm256_set_epi32((int)sb, (int)sb, (int)sb, (int)sb,
					 (int)sa, (int)sa, (int)sa, (int)sa);
		__m256i v = _mm256_srlv_epi32(load_words(in, a, b), shift);

		/* The words behind, where a value goes on in them. When only
		 * one row does, both halves take that row's next word: a left
		 * shift by 32 or more gives zeros for the other. */
		if (sa + width > 32 || sb + width > 32) {
			unsigned na = sa + width > 32 ? a + 1 : b + 1;
			unsigned nb = sb + width > 32 ? b + 1 : a + 1;
			int la = sa + width > 32 ? 32 - (int)sa : 32;
			int lb = sb + width > 32 ? 32 - (int)sb : 32;
			__m256i left = _mm256_set_epi32(lb, lb, lb, lb, la, la,
							la, la);
			v = _mm256_or_si256(v,
					    _mm256_sllv_epi32(load_words(in, na,
									 nb),
							      left));
		}
		_mm256_storeu_si256((__m256i *)(void *)(values + 4 * row),
				    _mm256_and_si256(v, mask));
	}
}

AVX2 static void avx2_unpack(const uint8_t *in, unsigned width,
			     uint32_t *values)
{
# define UNPACK(n)           \
 case n:                     \
  avx2_width(in, n, values); \
  return;
	IX_PACK_WIDTHS(UNPACK)
# undef UNPACK
	memset(values, 0, IX_PACK_VALUES * sizeof(*values));
}

const struct ix_pack_kernel ix_pack_avx2 = {
	"avx2",
	narrow_pack,
	avx2_unpack,
};

#endif
