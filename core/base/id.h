/* SPDX-License-Identifier: MIT */
/* id: 128-bit segment ids and their one textual form, 32 of [0-9a-f]. */
#ifndef IX_BASE_ID_H
#define IX_BASE_ID_H

#include <stdint.h>
#include <string.h>

#include "core/base/hash.h"

#define IX_ID_HEX 32 /* characters of the textual form, without NUL */

struct ix_id {
	uint8_t bytes[16];
};

/* Write the textual form and a NUL. Returns `out`. */
char *ix_id_format(const struct ix_id *id, char out[IX_ID_HEX + 1]);

/* Exactly 32 lower-case hexadecimal digits, `n` must be 32; 0 or -EINVAL.
 * Upper case, signs and prefixes are refused: one id has one spelling. */
int ix_id_parse(const char *s, size_t n, struct ix_id *idp);

/* Big-endian bytes of a 128-bit hash, so that text and bytes sort alike. */
struct ix_id ix_id_from_hash(struct ix_u128 h);

static inline int ix_id_compare(const struct ix_id *a, const struct ix_id *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static inline int ix_id_equal(const struct ix_id *a, const struct ix_id *b)
{
	return ix_id_compare(a, b) == 0;
}

#endif
