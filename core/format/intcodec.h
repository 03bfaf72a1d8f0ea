/* SPDX-License-Identifier: MIT */
/*
 * intcodec: groups of 128 unsigned integers in as few bits as pay off, the
 * "packed" coding of docs/format.md 6.2 (PFOR over four interleaved lanes,
 * the layout of SIMD-BP128).
 *
 * All kernels (plain C, 128-bit vectors, AVX2) give the same bytes and the
 * same values; which one runs is decided once, from what the processor can do.
 * All functions may be called from any thread.
 */
#ifndef IX_FORMAT_INTCODEC_H
#define IX_FORMAT_INTCODEC_H

#include <stddef.h>
#include <stdint.h>

#define IX_PACK_VALUES     128u /* integers of a group */
#define IX_PACK_EXCEPTIONS 31u  /* at most, of a group */
/* The most bytes a group can take, in any valid coding. */
#define IX_PACK_MAX (2u + 16u * 32u + IX_PACK_EXCEPTIONS * 6u)

/*
 * Encode 128 values at `out`, which has room for IX_PACK_MAX bytes. Returns
 * the bytes written. Of all widths that need at most 31 exceptions the one
 * with the fewest bytes is taken, the largest of these if there are several.
 */
size_t ix_pack(const uint32_t values[IX_PACK_VALUES], uint8_t *out);

/*
 * Decode one group at `*pp`, which lies before `end`; nothing at or behind
 * `end` is read. Returns 0 and moves `*pp` behind the group; or -1 when it is
 * malformed or cut off, then `*pp` is unchanged and `values` holds rubbish.
 */
int ix_unpack(const uint8_t **pp, const uint8_t *end,
	      uint32_t values[IX_PACK_VALUES]);

/* Move `*pp` over one group without decoding it; -1 as ix_unpack, except that
 * the contents of exceptions are not checked. */
int ix_pack_skip(const uint8_t **pp, const uint8_t *end);

/* ---- kernels, for tests and benchmarks ---- */

/* The inner loops: `width` bits of each value to and from 16 * width bytes. */
struct ix_pack_kernel {
	const char *name;
	void (*pack)(const uint32_t *values, unsigned width, uint8_t *out);
	void (*unpack)(const uint8_t *in, unsigned width, uint32_t *values);
};

/* Kernels that this processor can run, the plain one first, the one in use by
 * default last. Static storage. */
size_t ix_pack_kernels(const struct ix_pack_kernel *const **listp);

/* Use `k` from now on. Only while no other thread encodes or decodes. */
void ix_pack_use(const struct ix_pack_kernel *k);

#endif
