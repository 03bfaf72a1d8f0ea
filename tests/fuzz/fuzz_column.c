/* SPDX-License-Identifier: MIT */
/*
 * A column extent from anywhere: 2 bytes of document count, a byte of codec
 * and multi flag, the extent. Whatever opens can be read without a bad access;
 * what passes the thorough check can be appended to a writer, which makes an
 * extent with the same values.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/codec.h"
#include "core/base/err.h"
#include "core/format/column.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t read_all(const struct ix_column *c)
{
	uint64_t sum = 0;

	for (uint32_t d = 0; d < c->doc_count + 2; d++) {
		uint32_t first, n;

		ix_column_values(c, d, &first, &n);
		if ((uint64_t)first + n > c->value_count)
			abort();
		for (uint32_t i = first; i < first + n; i++) {
			size_t len;
			const uint8_t *p = ix_column_bytes(c, i, &len);

			sum = sum * 31 + ix_hash64(p, len) + len;
			/* Ordinals are no content. */
			if (c->codec == IX_COLUMN_U64)
				sum += ix_column_u64(c, i);
		}
		sum = sum * 31 + n;
	}
	return sum;
}

static void rewrite(const struct ix_column *c, int multi, uint64_t sum)
{
	struct ix_column_writer *w;
	struct ix_buf out = IX_BUF_INIT;
	enum ix_column_codec codec;
	struct ix_column copy;
	uint64_t values;

	if (ix_column_writer_new(c->codec == IX_COLUMN_U64, multi, &w))
		abort();
	ix_column_append(w, c, 0, c->doc_count);
	if (ix_column_finish(w, &out, &codec, &values))
		abort();
	if (values) {
		if (ix_column_open(&copy, out.data, out.len, codec,
				   c->doc_count, multi) ||
		    ix_column_check(&copy) || read_all(&copy) != sum)
			abort();
		ix_column_release(&copy);
	}
	ix_column_writer_free(w);
	ix_buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ix_column c;
	uint8_t *exact;
	uint64_t sum;
	int rc, multi;

	if (size < 3)
		return 0;
	multi = data[2] >> 7;
	exact = malloc(size - 3 ? size - 3 : 1);
	memcpy(exact, data + 3, size - 3);
	rc = ix_column_open(&c, exact, size - 3,
			    (enum ix_column_codec)(data[2] & 3), ix_get16(data),
			    multi);
	if (!rc) {
		sum = read_all(&c);
		if (!ix_column_check(&c))
			rewrite(&c, multi, sum);
		ix_column_release(&c);
	} else if (rc != -IX_ECORRUPT) {
		abort();
	}
	free(exact);
	return 0;
}
