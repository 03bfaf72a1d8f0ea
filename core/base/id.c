/* SPDX-License-Identifier: MIT */
#include "core/base/id.h"

#include <errno.h>

#include "core/base/codec.h"

char *ix_id_format(const struct ix_id *id, char out[IX_ID_HEX + 1])
{
	static const char digits[] = "0123456789abcdef";

	for (int i = 0; i < 16; i++) {
		out[2 * i] = digits[id->bytes[i] >> 4];
		out[2 * i + 1] = digits[id->bytes[i] & 15];
	}
	out[IX_ID_HEX] = '\0';
	return out;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

int ix_id_parse(const char *s, size_t n, struct ix_id *idp)
{
	struct ix_id id;

	if (n != IX_ID_HEX)
		return -EINVAL;
	for (int i = 0; i < 16; i++) {
		int high = digit(s[2 * i]);
		int low = digit(s[2 * i + 1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		id.bytes[i] = (uint8_t)(high << 4 | low);
	}
	*idp = id;
	return 0;
}

struct ix_id ix_id_from_hash(struct ix_u128 h)
{
	struct ix_id id;

	ix_put64(id.bytes, __builtin_bswap64(h.hi));
	ix_put64(id.bytes + 8, __builtin_bswap64(h.lo));
	return id;
}
