/* SPDX-License-Identifier: MIT */
/*
 * A checkpoint without its checksum member; the right one is put in. What
 * loads must render to a text that loads again and renders the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/index/checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int load(const struct ix_buf *text, struct ix_state *s)
{
	struct ix_u128 hash;
	uint64_t epoch;

	if (ix_state_init(s))
		abort();
	return ix_checkpoint_parse((const char *)text->data, text->len, s,
				   &epoch, &hash);
}

static void round_trip(const struct ix_state *s)
{
	struct ix_buf a = IX_BUF_INIT, b = IX_BUF_INIT;
	struct ix_u128 hash;
	struct ix_state t;

	ix_checkpoint_render(s, 1, &a, &hash);
	if (load(&a, &t))
		abort();
	ix_checkpoint_render(&t, 1, &b, &hash);
	if (a.len != b.len || memcmp(a.data, b.data, a.len) != 0)
		abort();
	ix_state_release(&t);
	ix_buf_release(&a);
	ix_buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ix_buf text = IX_BUF_INIT;
	char hex[IX_ID_HEX + 1];
	struct ix_state s;
	struct ix_id sum;

	if (!size || data[0] != '{')
		return 0;
	sum = ix_id_from_hash(ix_hash128(data, size));
	ix_buf_addf(&text, "{\"checksum\":\"%s\",", ix_id_format(&sum, hex));
	ix_buf_add(&text, data + 1, size - 1);
	if (!load(&text, &s))
		round_trip(&s);
	ix_state_release(&s);
	ix_buf_release(&text);
	return 0;
}
