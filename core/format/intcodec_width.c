/* SPDX-License-Identifier: MIT */
/*
 * Choosing the width of a group. One exact algorithm for all machines, in the
 * compiler's vector types: the bit lengths of the 128 values as 128 bytes,
 * then for each width a count of the bytes above it.
 */
#include "core/format/intcodec_kernels.h"

#include <string.h>

typedef uint32_t words __attribute__((vector_size(16)));
typedef int32_t ints __attribute__((vector_size(16)));
typedef float floats __attribute__((vector_size(16)));
typedef uint8_t bytes __attribute__((vector_size(16)));

#define LENGTH_VECTORS (IX_PACK_VALUES / sizeof(bytes))

/* Bit lengths of four values: the exponent of a float is the position of the
 * highest bit, if the bit below that is clear so that rounding cannot carry.
 * Halving first keeps it away from the sign. */
static inline words lengths_of_four(const uint32_t *values)
{
	words v;
	words half;
	words exponent;
	floats f;

	memcpy(&v, values, sizeof(v));
	half = v >> 1;
	half &= ~(half >> 1);
	f = __builtin_convertvector((ints)half, floats);
	memcpy(&exponent, &f, sizeof(exponent));
	exponent >>= 23; /* 0 for half = 0, else 127 + position */
	exponent -= (words)(exponent != 0) & 126;
	return exponent - (words)(v != 0); /* a true comparison is -1 */
}

/* The lengths of all values, in some order; returns the OR of the values. */
static uint32_t measure(const uint32_t *values, bytes *lengths)
{
	words all = { 0 };

	for (unsigned i = 0; i < LENGTH_VECTORS; i++) {
		words sum = { 0 };

		for (unsigned k = 0; k < 4; k++) {
			words v;

			memcpy(&v, values + 16 * i + 4 * k, sizeof(v));
			all |= v;
			sum |= lengths_of_four(values + 16 * i + 4 * k)
			       << (8 * k);
		}
		memcpy(&lengths[i], &sum, sizeof(sum));
	}
	return all[0] | all[1] | all[2] | all[3];
}

static unsigned count_above(const bytes *lengths, unsigned width)
{
	bytes n = { 0 };
	uint64_t half[2];

	for (unsigned i = 0; i < LENGTH_VECTORS; i++)
		n -= (bytes)(lengths[i] > (uint8_t)width);
	memcpy(half, &n, sizeof(half));
	/* At most 8 in a byte, 128 in all: the sums stay below 256. */
	return (unsigned)((half[0] + half[1]) * 0x0101010101010101u >> 56);
}

/*
 * above[x] = values of more than x bits. An exception costs its index and a
 * varint of the bits above the width: one byte, and one more for each further
 * 7 bits.
 */
unsigned ix_pack_width(const uint32_t *values, unsigned *exceptionsp)
{
	bytes lengths[LENGTH_VECTORS];
	uint32_t all = measure(values, lengths);
	unsigned above[33 + 28] = { 0 };
	unsigned width = all ? 32u - (unsigned)__builtin_clz(all) : 0;
	unsigned best = width;
	unsigned best_bytes = 16 * width;

	while (width-- > 0) {
		unsigned size;

		above[width] = count_above(lengths, width);
		if (above[width] > IX_PACK_EXCEPTIONS)
			break;
		size = 16 * width + 1 + 2 * above[width] + above[width + 7] +
		       above[width + 14] + above[width + 21] +
		       above[width + 28];
		if (size < best_bytes) {
			best = width;
			best_bytes = size;
		}
	}
	*exceptionsp = above[best];
	return best;
}
