/* SPDX-License-Identifier: MIT */
#include "core/format/intcodec.h"

#include <string.h>

#include "core/base/codec.h"
#include "core/format/intcodec_kernels.h"

#define HAS_EXCEPTIONS 128u

/* ---- the reference kernel ---- */

static void plain_pack(const uint32_t *values, unsigned width, uint8_t *out)
{
	uint32_t mask = width < 32 ? ((uint32_t)1 << width) - 1 : UINT32_MAX;

	memset(out, 0, 16 * (size_t)width);
	for (unsigned i = 0; i < IX_PACK_VALUES; i++) {
		unsigned bit = i / 4 * width;
		unsigned shift = bit % 32;
		uint8_t *word = out + 16 * (bit / 32) + 4 * (i % 4);
		uint32_t v = values[i] & mask;

		if (!width)
			break;
		ix_put32(word, ix_get32(word) | v << shift);
		if (shift + width > 32)
			ix_put32(word + 16, v >> (32 - shift));
	}
}

static void plain_unpack(const uint8_t *in, unsigned width, uint32_t *values)
{
	uint32_t mask = width < 32 ? ((uint32_t)1 << width) - 1 : UINT32_MAX;

	for (unsigned i = 0; i < IX_PACK_VALUES; i++) {
		unsigned bit = i / 4 * width;
		unsigned shift = bit % 32;
		const uint8_t *word = in + 16 * (bit / 32) + 4 * (i % 4);
		uint32_t v = 0;

		if (width)
			v = ix_get32(word) >> shift;
		if (shift + width > 32)
			v |= ix_get32(word + 16) << (32 - shift);
		values[i] = v & mask;
	}
}

static const struct ix_pack_kernel plain = {
	"plain",
	plain_pack,
	plain_unpack,
};

/* ---- which kernel ---- */

static const struct ix_pack_kernel *usable[3] = { &plain };
static size_t usable_count = 1;
static const struct ix_pack_kernel *kernel = &plain;

__attribute__((constructor)) static void choose_kernel(void)
{
	usable[usable_count++] = &ix_pack_vec128;
#if defined(__x86_64__)
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx2"))
		usable[usable_count++] = &ix_pack_avx2;
#endif
	kernel = usable[usable_count - 1];
}

size_t ix_pack_kernels(const struct ix_pack_kernel *const **listp)
{
	*listp = usable;
	return usable_count;
}

void ix_pack_use(const struct ix_pack_kernel *k)
{
	kernel = k;
}

/* ---- encoding ---- */

size_t ix_pack(const uint32_t values[IX_PACK_VALUES], uint8_t *out)
{
	unsigned exceptions;
	unsigned width = ix_pack_width(values, &exceptions);
	uint8_t *p = out;
	uint8_t *indexes;

	*p++ = (uint8_t)(width | (exceptions ? HAS_EXCEPTIONS : 0));
	if (exceptions)
		*p++ = (uint8_t)exceptions;
	kernel->pack(values, width, p);
	p += 16 * (size_t)width;
	if (!exceptions)
		return (size_t)(p - out);
	/* Without a branch per value. The last, unused write may go one byte
	 * behind the indexes, where the first varint comes. */
	indexes = p;
	for (unsigned i = 0; i < IX_PACK_VALUES; i++) {
		*p = (uint8_t)i;
		p += values[i] >> width != 0;
	}
	for (unsigned k = 0; k < exceptions; k++)
		p = ix_put_varint(p, values[indexes[k]] >> width);
	return (size_t)(p - out);
}

/* ---- decoding ---- */

static unsigned bit_length(uint32_t v)
{
	return v ? 32u - (unsigned)__builtin_clz(v) : 0;
}

struct group {
	unsigned width;
	unsigned exceptions;
	const uint8_t *bits;
	const uint8_t *indexes; /* and the varints behind them */
};

static int parse_group(const uint8_t *p, const uint8_t *end, struct group *g)
{
	size_t left = (size_t)(end - p);
	size_t need;

	if (left < 1)
		return -1;
	g->width = *p & 127u;
	g->exceptions = 0;
	need = 1 + 16 * (size_t)g->width;
	if (g->width > 32)
		return -1;
	if (*p & HAS_EXCEPTIONS) {
		if (left < 2 || g->width == 32)
			return -1;
		g->exceptions = p[1];
		if (g->exceptions < 1 || g->exceptions > IX_PACK_EXCEPTIONS)
			return -1;
		need += 1 + g->exceptions;
		p++;
	}
	if (left < need)
		return -1;
	g->bits = p + 1;
	g->indexes = g->bits + 16 * (size_t)g->width;
	return 0;
}

static int patch_exceptions(const struct group *g, const uint8_t **pp,
			    const uint8_t *end, uint32_t *values)
{
	const uint8_t *p = *pp;
	int previous = -1;

	for (unsigned k = 0; k < g->exceptions; k++) {
		unsigned i = g->indexes[k];
		uint32_t high;

		if ((int)i <= previous || i >= IX_PACK_VALUES)
			return -1;
		previous = (int)i;
		if (ix_get_varint32(&p, end, &high) || !high ||
		    bit_length(high) + g->width > 32)
			return -1;
		values[i] |= high << g->width;
	}
	*pp = p;
	return 0;
}

int ix_unpack(const uint8_t **pp, const uint8_t *end,
	      uint32_t values[IX_PACK_VALUES])
{
	const uint8_t *p;
	struct group g;

	if (parse_group(*pp, end, &g))
		return -1;
	kernel->unpack(g.bits, g.width, values);
	p = g.indexes + g.exceptions;
	if (g.exceptions && patch_exceptions(&g, &p, end, values))
		return -1;
	*pp = p;
	return 0;
}

int ix_pack_skip(const uint8_t **pp, const uint8_t *end)
{
	const uint8_t *p;
	struct group g;

	if (parse_group(*pp, end, &g))
		return -1;
	p = g.indexes + g.exceptions;
	for (unsigned k = 0; k < g.exceptions; k++) {
		while (p < end && *p & 0x80)
			p++;
		if (p == end)
			return -1;
		p++;
	}
	*pp = p;
	return 0;
}
