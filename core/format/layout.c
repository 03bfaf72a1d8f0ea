/* SPDX-License-Identifier: MIT */
#include "core/format/layout.h"

#include <assert.h>
#include <string.h>

#include "core/base/codec.h"
#include "core/base/err.h"

#define LEAF_PAGES (IX_LEAF_SIZE / IX_PAGE_SIZE)

_Static_assert(IX_LEAF_SIZE % IX_PAGE_SIZE == 0, "a leaf is whole pages");
_Static_assert(IX_EXTENT_LARGE >= IX_PAGE_SIZE, "large extents are pages");
_Static_assert(sizeof(struct ix_id) == 16, "ids are 16 bytes on disk");

static const uint8_t header_magic[8] = { 0x89, 'I',  'X',  'S',
					 0x0d, 0x0a, 0x1a, 0x0a };
static const uint8_t trailer_magic[8] = { 0x0a, 0x1a, 0x0a, 0x0d,
					  'S',  'X',  'I',  0x89 };

static int all_zero(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return 0;
	return 1;
}

/* ---- header ---- */

void ix_header_encode(uint8_t out[IX_HEADER_SIZE])
{
	memset(out, 0, IX_HEADER_SIZE);
	memcpy(out, header_magic, sizeof(header_magic));
	ix_put32(out + 8, IX_FORMAT_VERSION);
	ix_put32(out + 12, IX_HEADER_SIZE);
	ix_put64(out + 56, ix_hash64(out, 56));
}

int ix_header_decode(const uint8_t *p, size_t n)
{
	size_t k = n < sizeof(header_magic) ? n : sizeof(header_magic);

	if (k && memcmp(p, header_magic, k) != 0)
		return ix_fail(-IX_EFORMAT,
			       "not a segment: it does not begin as one");
	if (n < IX_HEADER_SIZE)
		return ix_fail(-IX_EINCOMPLETE,
			       "incomplete: %zu bytes of the header", n);
	if (ix_get64(p + 56) != ix_hash64(p, 56))
		return ix_fail(-IX_ECORRUPT, "header: wrong checksum");
	if (ix_get32(p + 8) != IX_FORMAT_VERSION)
		return ix_fail(-IX_EFORMAT,
			       "segment format %u: this program knows format "
			       "%u only; use a newer one",
			       ix_get32(p + 8), IX_FORMAT_VERSION);
	if (ix_get32(p + 12) != IX_HEADER_SIZE || !all_zero(p + 16, 40))
		return ix_fail(-IX_ECORRUPT, "header: reserved bytes in use");
	return 0;
}

/* ---- trailer ---- */

void ix_trailer_encode(const struct ix_trailer *t, uint8_t out[IX_TRAILER_SIZE])
{
	memset(out, 0, IX_TRAILER_SIZE);
	memcpy(out, t->id.bytes, sizeof(t->id.bytes));
	ix_put64(out + 16, t->content_sum.lo);
	ix_put64(out + 24, t->content_sum.hi);
	ix_put64(out + 32, t->file_length);
	ix_put64(out + 40, t->meta_offset);
	ix_put64(out + 48, t->root);
	ix_put32(out + 56, t->doc_count);
	ix_put32(out + 60, t->generation);
	ix_put32(out + 64, t->schema_bytes);
	ix_put32(out + 68, t->extent_count);
	ix_put32(out + 72, t->run_count);
	ix_put32(out + 76, t->lineage_count);
	ix_put64(out + 80, t->leaf_count);
	ix_put32(out + 88, IX_FORMAT_VERSION);
	ix_put32(out + 92, IX_ENCODER_EPOCH);
	ix_put64(out + 240, ix_hash64(out, 240));
	memcpy(out + 248, trailer_magic, sizeof(trailer_magic));
}

static void trailer_load(const uint8_t *p, struct ix_trailer *t)
{
	memcpy(t->id.bytes, p, sizeof(t->id.bytes));
	t->content_sum.lo = ix_get64(p + 16);
	t->content_sum.hi = ix_get64(p + 24);
	t->file_length = ix_get64(p + 32);
	t->meta_offset = ix_get64(p + 40);
	t->root = ix_get64(p + 48);
	t->doc_count = ix_get32(p + 56);
	t->generation = ix_get32(p + 60);
	t->schema_bytes = ix_get32(p + 64);
	t->extent_count = ix_get32(p + 68);
	t->run_count = ix_get32(p + 72);
	t->lineage_count = ix_get32(p + 76);
	t->leaf_count = ix_get64(p + 80);
}

/* Everything in the metadata describes bytes in front of it, so a file cannot
 * claim more metadata than its data area accounts for. */
static int trailer_check_counts(const struct ix_trailer *t)
{
	uint64_t area = t->meta_offset;

	if (!t->doc_count || t->doc_count > IX_DOCS_MAX)
		return ix_fail(-IX_ECORRUPT, "trailer: %u documents",
			       t->doc_count);
	if (t->doc_count > area / 8)
		return ix_fail(-IX_ECORRUPT,
			       "trailer: no room for %u documents",
			       t->doc_count);
	if (!t->schema_bytes || !t->extent_count || !t->leaf_count)
		return ix_fail(-IX_ECORRUPT,
			       "trailer: no schema, extents or checksums");
	if (t->extent_count > area / 8)
		return ix_fail(-IX_ECORRUPT, "trailer: no room for %u extents",
			       t->extent_count);
	if (t->leaf_count > t->extent_count + area / IX_LEAF_SIZE)
		return ix_fail(-IX_ECORRUPT,
			       "trailer: too many checksum leaves (%llu)",
			       (unsigned long long)t->leaf_count);
	if (!t->run_count || t->run_count > t->doc_count)
		return ix_fail(-IX_ECORRUPT,
			       "trailer: %u origin runs for %u documents",
			       t->run_count, t->doc_count);
	if (!t->lineage_count)
		return ix_fail(-IX_ECORRUPT, "trailer: no leaf ids");
	return 0;
}

int ix_trailer_decode(const uint8_t p[IX_TRAILER_SIZE], uint64_t file_size,
		      struct ix_trailer *t)
{
	struct ix_meta_layout m;
	int rc;

	memset(t, 0, sizeof(*t));
	if (memcmp(p + 248, trailer_magic, sizeof(trailer_magic)) != 0)
		return ix_fail(-IX_EINCOMPLETE,
			       "incomplete: it does not end in a trailer");
	if (ix_get64(p + 240) != ix_hash64(p, 240))
		return ix_fail(-IX_ECORRUPT, "trailer: wrong checksum");
	if (ix_get32(p + 88) != IX_FORMAT_VERSION)
		return ix_fail(-IX_EFORMAT,
			       "trailer: segment format %u, this program knows "
			       "format %u only; use a newer one",
			       ix_get32(p + 88), IX_FORMAT_VERSION);
	if (ix_get32(p + 92) != IX_ENCODER_EPOCH)
		return ix_fail(-IX_EFORMAT,
			       "trailer: encoder epoch %u, this program knows "
			       "epoch %u only; use a newer one",
			       ix_get32(p + 92), IX_ENCODER_EPOCH);
	if (!all_zero(p + 96, 144))
		return ix_fail(-IX_ECORRUPT, "trailer: reserved bytes in use");
	trailer_load(p, t);
	if (t->file_length != file_size)
		return ix_fail(-IX_ECORRUPT,
			       "trailer: it is of a file of %llu bytes, this "
			       "one has %llu",
			       (unsigned long long)t->file_length,
			       (unsigned long long)file_size);
	if (file_size < IX_HEADER_SIZE + IX_TRAILER_SIZE ||
	    t->meta_offset % 8 || t->meta_offset < IX_HEADER_SIZE ||
	    t->meta_offset > file_size - IX_TRAILER_SIZE)
		return ix_fail(-IX_ECORRUPT,
			       "trailer: metadata at %llu in %llu bytes",
			       (unsigned long long)t->meta_offset,
			       (unsigned long long)file_size);
	rc = trailer_check_counts(t);
	return rc ? rc : ix_meta_layout(t, &m);
}

int ix_meta_layout(const struct ix_trailer *t, struct ix_meta_layout *m)
{
	uint64_t bytes = t->file_length - IX_TRAILER_SIZE - t->meta_offset;

	memset(m, 0, sizeof(*m));
	/* Bounds the one product that could wrap; the others are of u32. */
	if (t->leaf_count > bytes / 8)
		return ix_fail(-IX_ECORRUPT,
			       "trailer: metadata has no room for %llu leaves",
			       (unsigned long long)t->leaf_count);
	m->extents = ix_align_up(t->schema_bytes, 8);
	m->leaves = m->extents + (uint64_t)t->extent_count * IX_ROW_SIZE;
	m->runs = m->leaves + t->leaf_count * 8;
	m->lineage = m->runs + (uint64_t)t->run_count * IX_RUN_SIZE;
	m->end = m->lineage + (uint64_t)t->lineage_count * 16;
	if (m->end != bytes)
		return ix_fail(-IX_ECORRUPT,
			       "trailer: %llu bytes of metadata, its counts "
			       "make %llu",
			       (unsigned long long)bytes,
			       (unsigned long long)m->end);
	if (m->end > IX_META_MAX)
		return ix_fail(-IX_ECORRUPT,
			       "trailer: %llu bytes of metadata, at most %u "
			       "are allowed",
			       (unsigned long long)m->end, IX_META_MAX);
	return 0;
}

/* ---- rows ---- */

void ix_extent_encode(const struct ix_extent *e, uint8_t out[IX_ROW_SIZE])
{
	ix_put16(out, e->part);
	ix_put16(out + 2, e->field);
	ix_put16(out + 4, e->codec);
	ix_put16(out + 6, e->flags);
	ix_put32(out + 8, e->doc_base);
	ix_put32(out + 12, e->doc_count);
	ix_put64(out + 16, e->offset);
	ix_put64(out + 24, e->length);
	ix_put64(out + 32, e->root);
	ix_put64(out + 40, e->first_leaf);
}

void ix_extent_decode(const uint8_t p[IX_ROW_SIZE], struct ix_extent *e)
{
	e->part = ix_get16(p);
	e->field = ix_get16(p + 2);
	e->codec = ix_get16(p + 4);
	e->flags = ix_get16(p + 6);
	e->doc_base = ix_get32(p + 8);
	e->doc_count = ix_get32(p + 12);
	e->offset = ix_get64(p + 16);
	e->length = ix_get64(p + 24);
	e->root = ix_get64(p + 32);
	e->first_leaf = ix_get64(p + 40);
}

void ix_run_encode(const struct ix_origin_run *r, uint8_t out[IX_RUN_SIZE])
{
	ix_put32(out, r->doc_base);
	ix_put32(out + 4, r->doc_count);
	ix_put64(out + 8, r->registration);
	memcpy(out + 16, r->leaf.bytes, 16);
}

void ix_run_decode(const uint8_t p[IX_RUN_SIZE], struct ix_origin_run *r)
{
	r->doc_base = ix_get32(p);
	r->doc_count = ix_get32(p + 4);
	r->registration = ix_get64(p + 8);
	memcpy(r->leaf.bytes, p + 16, 16);
}

uint64_t ix_extent_padded(uint64_t length)
{
	return ix_align_up(length,
			   length >= IX_EXTENT_LARGE ? IX_PAGE_SIZE : 8);
}

uint64_t ix_extent_leaves(uint64_t length)
{
	return (ix_extent_padded(length) + IX_LEAF_SIZE - 1) / IX_LEAF_SIZE;
}

/* ---- checksums ---- */

uint64_t ix_leaf_hash(const uint8_t *data, size_t n)
{
	uint64_t pages[LEAF_PAGES];
	size_t count = 0;

	assert(n <= IX_LEAF_SIZE);
	for (size_t at = 0; at < n; at += IX_PAGE_SIZE) {
		size_t k = n - at < IX_PAGE_SIZE ? n - at : IX_PAGE_SIZE;

		pages[count++] = ix_hash64(data + at, k);
	}
	return ix_leaf_hash_pages(pages, count);
}

uint64_t ix_leaf_hash_pages(const uint64_t *pages, size_t n)
{
	assert(n <= LEAF_PAGES);
	return ix_hash64(pages, n * sizeof(*pages));
}

/* ---- the extents table ---- */

static int extent_fail(const struct ix_extent *e, const char *what)
{
	return ix_fail(-IX_ECORRUPT,
		       "extents table: part %u, field %u, documents %u + %u, "
		       "%llu bytes at %llu: %s",
		       e->part, e->field, e->doc_base, e->doc_count,
		       (unsigned long long)e->length,
		       (unsigned long long)e->offset, what);
}

static int part_is_of_field(unsigned part)
{
	return part >= IX_PART_POSTINGS && part <= IX_PART_COLUMN;
}

static unsigned part_codecs(unsigned part)
{
	switch (part) {
	case IX_PART_POSTINGS:
		return IX_POSTINGS_POSITIONS;
	case IX_PART_COLUMN:
		return IX_COLUMN_DICT;
	default:
		return 1;
	}
}

/* The rules that one row must keep by itself. */
static int extent_check(const struct ix_extent *e, const struct ix_trailer *t,
			uint32_t field_count)
{
	if (e->part < IX_PART_POSTINGS || e->part > IX_PART_TIE)
		return extent_fail(e, "unknown part; a newer program may know "
				      "it");
	if (!e->codec || e->codec > part_codecs(e->part))
		return extent_fail(e, "unknown codec");
	if (e->flags)
		return extent_fail(e, "reserved flags in use");
	if (part_is_of_field(e->part) ? e->field >= field_count
				      : e->field != IX_NO_FIELD)
		return extent_fail(e, "no such field");
	if (!e->doc_count || e->doc_base >= t->doc_count ||
	    e->doc_count > t->doc_count - e->doc_base)
		return extent_fail(e, "documents out of range");
	if (e->part != IX_PART_COLUMN && e->part != IX_PART_STORE &&
	    e->doc_count != t->doc_count)
		return extent_fail(e, "must cover all documents");
	if (!e->length || e->length > t->meta_offset)
		return extent_fail(e, "length out of range");
	if (e->part == IX_PART_TIE && e->length != 8 * (uint64_t)t->doc_count)
		return extent_fail(e, "wrong length for its documents");
	return 0;
}

static int same_part(const struct ix_extent *a, const struct ix_extent *b)
{
	return a->part == b->part && a->field == b->field;
}

/* Order, disjoint document ranges, and a store without gaps. */
static int extents_check_order(const struct ix_extent *e, uint32_t n,
			       const struct ix_trailer *t)
{
	uint32_t stored = 0; /* documents the store covers so far */
	int ties = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (i && same_part(&e[i - 1], &e[i])) {
			if (e[i].doc_base <
			    e[i - 1].doc_base + e[i - 1].doc_count)
				return extent_fail(&e[i],
						   "documents out of order");
		} else if (i && (e[i].part < e[i - 1].part ||
				 (e[i].part == e[i - 1].part &&
				  e[i].field < e[i - 1].field))) {
			return extent_fail(&e[i], "rows out of order");
		}
		if (e[i].part == IX_PART_STORE) {
			if (e[i].doc_base != stored)
				return extent_fail(&e[i],
						   "the store has a gap");
			stored += e[i].doc_count;
		}
		ties += e[i].part == IX_PART_TIE;
	}
	if (stored != t->doc_count)
		return ix_fail(
			-IX_ECORRUPT,
			"extents table: the store has %u documents of %u",
			stored, t->doc_count);
	if (ties != 1)
		return ix_fail(-IX_ECORRUPT, "extents table: no tie extent");
	return 0;
}

/* Every postings extent has its term index, and the other way round. */
static int extents_check_pairs(const struct ix_extent *e, uint32_t n)
{
	uint32_t k = 0, postings = 0;

	while (postings < n && e[postings].part == IX_PART_POSTINGS)
		postings++;
	for (uint32_t i = postings; i < n && e[i].part == IX_PART_TERM_INDEX;
	     i++, k++)
		if (k >= postings || e[k].field != e[i].field)
			return extent_fail(&e[i],
					   "term index without postings");
	if (k < postings)
		return extent_fail(&e[k], "postings without a term index");
	return 0;
}

/* Heap sort of row numbers by offset: no memory, no quadratic case. */
static void sift_down(const struct ix_extent *e, uint32_t *s, uint32_t at,
		      uint32_t n)
{
	uint32_t row = s[at];

	for (;;) {
		uint64_t child = 2 * (uint64_t)at + 1;

		if (child >= n)
			break;
		if (child + 1 < n &&
		    e[s[child + 1]].offset > e[s[child]].offset)
			child++;
		if (e[s[child]].offset <= e[row].offset)
			break;
		s[at] = s[child];
		at = (uint32_t)child;
	}
	s[at] = row;
}

void ix_extents_sort_offset(const struct ix_extent *e, uint32_t n,
			    uint32_t *order)
{
	for (uint32_t i = 0; i < n; i++)
		order[i] = i;
	for (uint32_t i = n / 2; i-- > 0;)
		sift_down(e, order, i, n);
	for (uint32_t i = n; i-- > 1;) {
		uint32_t last = order[i];

		order[i] = order[0];
		order[0] = last;
		sift_down(e, order, 0, i);
	}
}

/* Header, extents with their padding and metadata tile the file, large
 * extents first; the checksum leaves follow the same order. */
static int extents_check_tiling(const struct ix_extent *e, uint32_t n,
				const struct ix_trailer *t, uint32_t *order)
{
	uint64_t at = IX_HEADER_SIZE, leaf = 0;
	int small = 0;

	ix_extents_sort_offset(e, n, order);
	if (n && e[order[0]].length >= IX_EXTENT_LARGE)
		at = IX_PAGE_SIZE;
	for (uint32_t i = 0; i < n; i++) {
		const struct ix_extent *x = &e[order[i]];

		if (x->offset != at)
			return extent_fail(x, "gap or overlap before it");
		if (x->length < IX_EXTENT_LARGE)
			small = 1;
		else if (small)
			return extent_fail(x, "large behind a small one");
		if (x->first_leaf != leaf)
			return extent_fail(x, "its leaves are out of order");
		/* No overflow: one length is below the file's, and the next
		 * round refuses an offset beyond it. */
		at += ix_extent_padded(x->length);
		leaf += ix_extent_leaves(x->length);
		if (at > t->meta_offset || leaf > t->leaf_count)
			return extent_fail(x, "reaches into the metadata");
	}
	if (at != t->meta_offset || leaf != t->leaf_count)
		return ix_fail(-IX_ECORRUPT,
			       "extents table: extents end at %llu, metadata "
			       "begins at %llu",
			       (unsigned long long)at,
			       (unsigned long long)t->meta_offset);
	return 0;
}

int ix_extents_check(const struct ix_extent *e, uint32_t n,
		     const struct ix_trailer *t, uint32_t field_count,
		     uint32_t *scratch)
{
	int rc = 0;

	for (uint32_t i = 0; i < n && !rc; i++)
		rc = extent_check(&e[i], t, field_count);
	if (!rc)
		rc = extents_check_order(e, n, t);
	if (!rc)
		rc = extents_check_pairs(e, n);
	if (!rc)
		rc = extents_check_tiling(e, n, t, scratch);
	return rc;
}
