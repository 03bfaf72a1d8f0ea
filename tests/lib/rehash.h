/* SPDX-License-Identifier: MIT */
/*
 * rehash: make the checksums of a damaged segment right again, so that tests
 * and fuzzers reach what lies behind them: a file whose checksums are right
 * may still be hostile.
 */
#ifndef IX_TESTS_REHASH_H
#define IX_TESTS_REHASH_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/codec.h"
#include "core/format/layout.h"

static inline void test_rehash_extent(uint8_t *file, uint8_t *row,
				      uint8_t *leaves, uint64_t leaf_count,
				      uint64_t area)
{
	struct ix_extent e;
	uint64_t padded, n;

	ix_extent_decode(row, &e);
	if (e.offset > area || e.length > area - e.offset)
		return;
	padded = ix_extent_padded(e.length);
	n = ix_extent_leaves(e.length);
	if (padded > area - e.offset || e.first_leaf > leaf_count ||
	    n > leaf_count - e.first_leaf)
		return;
	for (uint64_t i = 0; i < n; i++) {
		uint64_t at = i * IX_LEAF_SIZE;
		uint64_t k =
			padded - at < IX_LEAF_SIZE ? padded - at : IX_LEAF_SIZE;

		ix_put64(leaves + (e.first_leaf + i) * 8,
			 ix_leaf_hash(file + e.offset + at, (size_t)k));
	}
	e.root = ix_hash64(leaves + e.first_leaf * 8, (size_t)n * 8);
	ix_extent_encode(&e, row);
}

/* The file of `n` bytes in memory; what makes no sense is left as it is. */
static inline void test_rehash(uint8_t *file, size_t n)
{
	uint8_t *t, *rows, *leaves, *all;
	uint64_t meta, bytes, leaf_count, rows_at, leaves_at;
	uint32_t extents;

	if (n < IX_HEADER_SIZE + IX_TRAILER_SIZE)
		return;
	t = file + n - IX_TRAILER_SIZE;
	ix_put64(file + 56, ix_hash64(file, 56));
	meta = ix_get64(t + 40);
	if (meta < IX_HEADER_SIZE || meta > n - IX_TRAILER_SIZE)
		goto trailer;
	bytes = n - IX_TRAILER_SIZE - meta;
	extents = ix_get32(t + 68);
	leaf_count = ix_get64(t + 80);
	rows_at = ix_align_up(ix_get32(t + 64), 8);
	leaves_at = rows_at + (uint64_t)extents * IX_ROW_SIZE;
	rows = file + meta + rows_at;
	leaves = file + meta + leaves_at;
	if (leaf_count <= bytes / 8 && leaves_at + leaf_count * 8 <= bytes)
		for (uint32_t i = 0; i < extents; i++)
			test_rehash_extent(file, rows + (size_t)i * IX_ROW_SIZE,
					   leaves, leaf_count, meta);
	all = malloc(IX_HEADER_SIZE + bytes);
	memcpy(all, file, IX_HEADER_SIZE);
	memcpy(all + IX_HEADER_SIZE, file + meta, bytes);
	ix_put64(t + 48, ix_hash64(all, IX_HEADER_SIZE + bytes));
	free(all);
trailer:
	ix_put64(t + 240, ix_hash64(t, 240));
}

#endif
