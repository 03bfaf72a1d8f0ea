/* SPDX-License-Identifier: MIT */
/*
 * Every byte of every extent against its checksum leaf, in the order of the
 * file. Leaves whose pages were hashed while the file was written are compared
 * without reading them. The rest is read in large sequential pieces: a file of
 * up to a mebibyte takes one read, however many extents it has.
 */
#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/segment/verify_internal.h"

#define READ_SIZE      (16u * IX_LEAF_SIZE)
#define PAGES_PER_LEAF (IX_LEAF_SIZE / IX_PAGE_SIZE)

/* A piece of the file in memory: bytes [start, end). */
struct window {
	uint8_t *data; /* owned; [size] */
	size_t size;
	uint64_t start, end;
};

/* The leaf's hash from page sums that were made while it was written; 0 if one
 * of its pages is not known. `offset` is that of the file. */
static int leaf_from_sums(const struct ix_verify *v, uint64_t offset, size_t n,
			  uint64_t *hashp)
{
	uint64_t pages[PAGES_PER_LEAF];
	size_t count = n / IX_PAGE_SIZE;

	if (!v->options->sums || offset % IX_PAGE_SIZE || n % IX_PAGE_SIZE)
		return 0;
	for (size_t i = 0; i < count; i++)
		if (!ix_page_sums_get(v->options->sums,
				      offset / IX_PAGE_SIZE + i, &pages[i]))
			return 0;
	*hashp = ix_leaf_hash_pages(pages, count);
	return 1;
}

static size_t leaf_size(uint64_t at, uint64_t padded)
{
	return padded - at < IX_LEAF_SIZE ? (size_t)(padded - at)
					  : IX_LEAF_SIZE;
}

/* Where a read that begins at byte `at` of the extent should end, as an offset
 * of the file: with page sums, before the next leaf that need not be read. */
static uint64_t read_end(const struct ix_verify *v, const struct ix_extent *e,
			 uint64_t at)
{
	uint64_t padded = ix_extent_padded(e->length), hash;
	uint64_t end = v->info.trailer.meta_offset;

	if (end - (e->offset + at) > READ_SIZE)
		end = e->offset + at + READ_SIZE;
	if (!v->options->sums || e->length < IX_EXTENT_LARGE)
		return end;
	do {
		at += leaf_size(at, padded);
		if (at >= padded || e->offset + at >= end)
			return end < e->offset + padded ? end
							: e->offset + padded;
	} while (!leaf_from_sums(v, e->offset + at, leaf_size(at, padded),
				 &hash));
	return e->offset + at;
}

static int fill(struct ix_verify *v, struct window *w, uint64_t offset,
		uint64_t end)
{
	size_t n = (size_t)(end - offset);
	ssize_t got = ix_file_read(v->file, w->data, n, offset);

	w->start = w->end = 0;
	if (got < 0)
		return ix_fail_in((int)got, "%s: read at %llu failed", v->name,
				  (unsigned long long)offset);
	if ((size_t)got != n)
		return ix_fail(-IX_EINCOMPLETE, "%s: ends at %llu", v->name,
			       (unsigned long long)(offset + (uint64_t)got));
	w->start = offset;
	w->end = end;
	return 0;
}

static int check_leaf(struct ix_verify *v, const struct ix_extent *e,
		      uint64_t at, struct window *w)
{
	uint64_t offset = e->offset + at, hash;
	size_t n = leaf_size(at, ix_extent_padded(e->length));
	int rc;

	if (offset >= w->start && offset + n <= w->end) {
		hash = ix_leaf_hash(w->data + (offset - w->start), n);
	} else if (!leaf_from_sums(v, offset, n, &hash)) {
		rc = fill(v, w, offset, read_end(v, e, at));
		if (rc)
			return rc;
		hash = ix_leaf_hash(w->data, n);
	}
	if (hash != v->info.leaves[e->first_leaf + at / IX_LEAF_SIZE])
		return ix_fail(-IX_ECORRUPT,
			       "%s: part %u, field %u: bytes from %llu on do "
			       "not match their checksum; deliver the file "
			       "again",
			       v->name, e->part, e->field,
			       (unsigned long long)offset);
	return ix_verify_step(v, n);
}

int ix_verify_checksums(struct ix_verify *v)
{
	const struct ix_trailer *t = &v->info.trailer;
	struct window w = { .size = READ_SIZE };
	uint32_t *order = ix_calloc(t->extent_count, sizeof(*order));
	int rc = 0;

	if (t->meta_offset < w.size)
		w.size = (size_t)t->meta_offset;
	w.data = ix_malloc(w.size);
	if (!order || !w.data)
		rc = -ENOMEM;
	else
		ix_extents_sort_offset(v->info.extents, t->extent_count, order);
	for (uint32_t i = 0; i < t->extent_count && !rc; i++) {
		const struct ix_extent *e = &v->info.extents[order[i]];
		uint64_t padded = ix_extent_padded(e->length);

		for (uint64_t at = 0; at < padded && !rc; at += IX_LEAF_SIZE)
			rc = check_leaf(v, e, at, &w);
	}
	ix_free(order);
	ix_free(w.data);
	return rc;
}
