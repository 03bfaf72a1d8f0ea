/* SPDX-License-Identifier: MIT */
/* intcodec_kernels: the inner loops by instruction set; see intcodec.h.
 * Private to intcodec*.c. */
#ifndef IX_FORMAT_INTCODEC_KERNELS_H
#define IX_FORMAT_INTCODEC_KERNELS_H

#include "core/format/intcodec.h"

/* Calls F(width) for the `width` at hand with a constant argument, so that an
 * inlined F is compiled once for each width. */
/* Formatting is not stable here. */
/* clang-format off */
#define IX_PACK_WIDTHS(F)                                              \
	switch (width) {                                               \
	F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9) F(10) F(11)       \
	F(12) F(13) F(14) F(15) F(16) F(17) F(18) F(19) F(20) F(21)    \
	F(22) F(23) F(24) F(25) F(26) F(27) F(28) F(29) F(30) F(31)    \
	F(32)                                                          \
	}
/* clang-format on */

/* The width that ix_pack takes for these values, and the number of exceptions
 * it leaves. */
unsigned ix_pack_width(const uint32_t *values, unsigned *exceptionsp);

extern const struct ix_pack_kernel ix_pack_vec128; /* SSE2, NEON */

#if defined(__x86_64__)
extern const struct ix_pack_kernel ix_pack_avx2;
#endif

#endif
