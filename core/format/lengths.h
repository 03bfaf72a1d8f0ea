/* SPDX-License-Identifier: MIT */
/* lengths: exact field lengths, O(1) (docs/format.md section 8). */
#ifndef IX_FORMAT_LENGTHS_H
#define IX_FORMAT_LENGTHS_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"

/* Append the encoded lengths of `n` documents to `out`. Width 2 is chosen when
 * more than 2 % of the documents would be escapes of width 1. 0, -ENOMEM. */
int ix_lengths_encode(const uint32_t *lengths, uint32_t n, struct ix_buf *out);

/* Views into the extent; any number of threads may read it. */
struct ix_lengths {
	const uint8_t *data; /* per document */
	const uint8_t *escapes;
	uint32_t escape_count;
	uint32_t doc_count;
	uint8_t width;
	uint64_t total;           /* sum of lengths */
	uint64_t docs_with_field; /* documents with a length above 0 */
};

/* Check header, sizes and the escapes, in O(escapes): enough that no access is
 * bad. `data` is borrowed. 0, -IX_ECORRUPT. */
int ix_lengths_open(struct ix_lengths *l, const uint8_t *data, uint64_t len,
		    uint32_t doc_count);

/* Check the rest, in O(documents): that marked documents and escapes agree and
 * that both sums are right. 0, -IX_ECORRUPT. */
int ix_lengths_check(const struct ix_lengths *l);

/* The length of a document whose value is the escape mark (the mark itself, if
 * a damaged extent has no escape for it). For ix_lengths_get. */
uint32_t ix_lengths_escaped(const struct ix_lengths *l, uint32_t doc);

/* Length of document `doc` < doc_count. */
static inline uint32_t ix_lengths_get(const struct ix_lengths *l, uint32_t doc)
{
	if (l->width == 1) {
		uint8_t v = l->data[doc];
		return v != 0xff ? v : ix_lengths_escaped(l, doc);
	} else {
		uint16_t v;
		__builtin_memcpy(&v, l->data + 2 * (size_t)doc, 2);
		return v != 0xffff ? v : ix_lengths_escaped(l, doc);
	}
}

#endif
