/* SPDX-License-Identifier: MIT */
/*
 * The file grows in this order: header, large extents, small extents,
 * metadata, trailer. An open extent is held back in `hold` until it is either
 * ended below IX_EXTENT_LARGE (then it waits in `small`) or reaches that size
 * (then it is begun in the file, page-aligned, and streams through).
 *
 * Checksums: bytes of an extent collect in `page`; each full page becomes a
 * page hash, 16 page hashes a leaf.
 */
#include "core/segment/writer.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/codec.h"
#include "core/base/err.h"
#include "core/base/mem.h"

#define PAGES_PER_LEAF (IX_LEAF_SIZE / IX_PAGE_SIZE)

struct row {
	struct ix_extent extent;
	uint64_t small_at; /* offset in the small area, if it is small */
	int small;
};

struct ix_segment_writer {
	struct ix_sink *sink; /* borrowed */
	struct row *rows;     /* owned, in the order of ending */
	size_t row_count, row_cap;
	struct ix_buf leaves;       /* of the large extents, u64 each */
	struct ix_buf small;        /* the small extents, padded to 8 */
	struct ix_buf small_leaves; /* theirs: they follow in the file */
	/* the open extent */
	struct ix_buf hold; /* its bytes while it may turn out small */
	int open;
	int streaming; /* large: its bytes go to the sink */
	uint8_t page[IX_PAGE_SIZE];
	size_t page_fill;
	uint64_t pages[PAGES_PER_LEAF];
	size_t page_count;
	uint64_t last_root;
	int started; /* something is in the sink */
	int error;   /* sticky */
};

int ix_segment_writer_new(struct ix_sink *sink, struct ix_segment_writer **wp)
{
	struct ix_segment_writer *w = ix_calloc(1, sizeof(*w));

	*wp = w;
	if (!w)
		return -ENOMEM;
	w->sink = sink;
	return 0;
}

void ix_segment_writer_free(struct ix_segment_writer *w)
{
	if (!w)
		return;
	ix_free(w->rows);
	ix_buf_release(&w->leaves);
	ix_buf_release(&w->small);
	ix_buf_release(&w->small_leaves);
	ix_buf_release(&w->hold);
	ix_free(w);
}

static void fail(struct ix_segment_writer *w, int rc)
{
	if (!w->error)
		w->error = rc;
}

int ix_segment_writer_error(const struct ix_segment_writer *w)
{
	if (w->error)
		return w->error;
	if (ix_buf_error(&w->leaves) || ix_buf_error(&w->small) ||
	    ix_buf_error(&w->small_leaves) || ix_buf_error(&w->hold))
		return -ENOMEM;
	return ix_sink_error(w->sink);
}

static void put_zeros(struct ix_segment_writer *w, uint64_t n)
{
	static const uint8_t zeros[IX_PAGE_SIZE];

	for (; n; n -= n < sizeof(zeros) ? n : sizeof(zeros))
		ix_sink_write(w->sink, zeros,
			      n < sizeof(zeros) ? (size_t)n : sizeof(zeros));
}

static void start_file(struct ix_segment_writer *w)
{
	uint8_t header[IX_HEADER_SIZE];

	if (w->started)
		return;
	w->started = 1;
	ix_header_encode(header);
	ix_sink_write(w->sink, header, sizeof(header));
}

/* ---- checksums of the open extent ---- */

static void end_leaf(struct ix_segment_writer *w)
{
	ix_buf_add_u64(w->streaming ? &w->leaves : &w->small_leaves,
		       ix_leaf_hash_pages(w->pages, w->page_count));
	w->page_count = 0;
}

static void end_page(struct ix_segment_writer *w, const uint8_t *data, size_t n)
{
	w->pages[w->page_count++] = ix_hash64(data, n);
	if (w->page_count == PAGES_PER_LEAF)
		end_leaf(w);
}

static void sum_bytes(struct ix_segment_writer *w, const uint8_t *p, size_t n)
{
	size_t part;

	if (w->page_fill) {
		part = IX_PAGE_SIZE - w->page_fill;
		part = n < part ? n : part;
		memcpy(w->page + w->page_fill, p, part);
		w->page_fill += part;
		p += part;
		n -= part;
		if (w->page_fill < IX_PAGE_SIZE)
			return;
		end_page(w, w->page, IX_PAGE_SIZE);
		w->page_fill = 0;
	}
	for (; n >= IX_PAGE_SIZE; p += IX_PAGE_SIZE, n -= IX_PAGE_SIZE)
		end_page(w, p, IX_PAGE_SIZE);
	if (n)
		memcpy(w->page, p, n);
	w->page_fill = n;
}

/* The padding is part of the last leaf. */
static void sum_end(struct ix_segment_writer *w, uint64_t padding)
{
	static const uint8_t zeros[IX_PAGE_SIZE];

	sum_bytes(w, zeros, (size_t)padding);
	if (w->page_fill)
		end_page(w, w->page, w->page_fill);
	w->page_fill = 0;
	if (w->page_count)
		end_leaf(w);
}

/* first_leaf is relative to the leaves of its kind until the file is finished.
 */
static void sum_root(struct ix_segment_writer *w, struct ix_extent *e)
{
	const struct ix_buf *b = w->streaming ? &w->leaves : &w->small_leaves;
	uint64_t n = ix_extent_leaves(e->length);

	e->first_leaf = b->len / 8 - n;
	e->root = ix_hash64(b->data + e->first_leaf * 8, (size_t)n * 8);
}

/* ---- extents ---- */

void ix_segment_extent_begin(struct ix_segment_writer *w,
			     const struct ix_extent *e)
{
	struct row *row;

	if (w->open)
		fail(w, ix_fail(-EINVAL, "an extent is open already"));
	if (!w->error &&
	    ix_grow(&w->rows, &w->row_cap, w->row_count + 1, sizeof(*w->rows)))
		fail(w, -ENOMEM);
	if (w->error)
		return;
	row = &w->rows[w->row_count];
	memset(row, 0, sizeof(*row));
	row->extent = *e;
	row->extent.length = 0;
	ix_buf_clear(&w->hold);
	w->open = 1;
	w->streaming = 0;
	w->last_root = 0;
	w->page_fill = 0;
	w->page_count = 0;
}

/* The open extent turned out large: begin it in the file. */
static void begin_large(struct ix_segment_writer *w)
{
	struct row *row = &w->rows[w->row_count];
	uint64_t at;

	start_file(w);
	at = ix_sink_tell(w->sink);
	put_zeros(w, ix_align_up(at, IX_PAGE_SIZE) - at);
	row->extent.offset = ix_sink_tell(w->sink);
	w->streaming = 1;
	ix_sink_write(w->sink, w->hold.data, w->hold.len);
	sum_bytes(w, w->hold.data, w->hold.len);
	ix_buf_clear(&w->hold);
}

void ix_segment_extent_write(struct ix_segment_writer *w, const void *data,
			     size_t n)
{
	struct row *row;

	if (!w->open || !n || ix_segment_writer_error(w))
		return;
	row = &w->rows[w->row_count];
	row->extent.length += n;
	if (!w->streaming && row->extent.length >= IX_EXTENT_LARGE)
		begin_large(w);
	if (!w->streaming) {
		ix_buf_add(&w->hold, data, n);
		return;
	}
	ix_sink_write(w->sink, data, n);
	sum_bytes(w, data, n);
}

void ix_segment_extent_out(void *writer, const void *data, size_t n)
{
	ix_segment_extent_write(writer, data, n);
}

void ix_segment_extent_docs(struct ix_segment_writer *w, uint32_t doc_count)
{
	if (w->open)
		w->rows[w->row_count].extent.doc_count = doc_count;
}

void ix_segment_extent_end(struct ix_segment_writer *w)
{
	struct ix_extent *e;
	uint64_t padding;

	if (!w->open)
		return;
	w->open = 0;
	e = &w->rows[w->row_count].extent;
	/* The next extent clears what `hold` remembers of a failure. */
	fail(w, ix_segment_writer_error(w));
	if (w->error || !e->length)
		return;
	padding = ix_extent_padded(e->length) - e->length;
	if (w->streaming) {
		put_zeros(w, padding);
	} else {
		w->rows[w->row_count].small = 1;
		w->rows[w->row_count].small_at = w->small.len;
		ix_buf_add(&w->small, w->hold.data, w->hold.len);
		ix_buf_add_zeros(&w->small, (size_t)padding);
		sum_bytes(w, w->hold.data, w->hold.len);
	}
	sum_end(w, padding);
	if (ix_segment_writer_error(w))
		return;
	sum_root(w, e);
	w->last_root = e->root;
	w->row_count++;
}

uint64_t ix_segment_extent_root(const struct ix_segment_writer *w)
{
	return w->last_root;
}

/* ---- metadata ---- */

static void write_small_extents(struct ix_segment_writer *w)
{
	uint64_t base;

	start_file(w);
	base = ix_sink_tell(w->sink);
	for (size_t i = 0; i < w->row_count; i++) {
		if (!w->rows[i].small)
			continue;
		w->rows[i].extent.offset = base + w->rows[i].small_at;
		w->rows[i].extent.first_leaf += w->leaves.len / 8;
	}
	ix_sink_write(w->sink, w->small.data, w->small.len);
	ix_buf_add(&w->leaves, w->small_leaves.data, w->small_leaves.len);
}

static int compare_rows(const void *a, const void *b)
{
	const struct ix_extent *x = &((const struct row *)a)->extent;
	const struct ix_extent *y = &((const struct row *)b)->extent;

	if (x->part != y->part)
		return x->part < y->part ? -1 : 1;
	if (x->field != y->field)
		return x->field < y->field ? -1 : 1;
	return (x->doc_base > y->doc_base) - (x->doc_base < y->doc_base);
}

static void pad8(struct ix_buf *b)
{
	ix_buf_add_zeros(b, ix_align_up(b->len, 8) - b->len);
}

/* The header and, behind it, the metadata: what the root is a hash of. */
static void encode_metadata(struct ix_segment_writer *w,
			    const struct ix_segment_identity *identity,
			    struct ix_buf *meta)
{
	uint8_t *p = ix_buf_extend(meta, IX_HEADER_SIZE);

	if (p)
		ix_header_encode(p);
	if (w->row_count)
		qsort(w->rows, w->row_count, sizeof(*w->rows), compare_rows);
	ix_buf_add(meta, identity->schema->canonical,
		   identity->schema->canonical_len);
	pad8(meta);
	for (size_t i = 0; i < w->row_count; i++) {
		p = ix_buf_extend(meta, IX_ROW_SIZE);
		if (p)
			ix_extent_encode(&w->rows[i].extent, p);
	}
	ix_buf_add(meta, w->leaves.data, w->leaves.len);
	for (uint32_t i = 0; i < identity->run_count; i++) {
		p = ix_buf_extend(meta, IX_RUN_SIZE);
		if (p)
			ix_run_encode(&identity->runs[i], p);
	}
	for (uint32_t i = 0; i < identity->lineage_count; i++)
		ix_buf_add(meta, identity->lineage[i].bytes,
			   sizeof(identity->lineage[i].bytes));
}

static int write_metadata(struct ix_segment_writer *w,
			  const struct ix_segment_identity *identity)
{
	struct ix_trailer t = {
		.id = identity->id,
		.content_sum = identity->content_sum,
		.doc_count = identity->doc_count,
		.generation = identity->generation,
		.schema_bytes = (uint32_t)identity->schema->canonical_len,
		.extent_count = (uint32_t)w->row_count,
		.run_count = identity->run_count,
		.lineage_count = identity->lineage_count,
		.leaf_count = w->leaves.len / 8,
		.meta_offset = ix_sink_tell(w->sink),
	};
	uint8_t trailer[IX_TRAILER_SIZE];
	struct ix_buf meta = IX_BUF_INIT;
	int rc;

	encode_metadata(w, identity, &meta);
	rc = ix_buf_error(&meta);
	if (!rc && meta.len - IX_HEADER_SIZE > IX_META_MAX)
		rc = ix_fail(-IX_ELIMIT,
			     "a segment with %zu bytes of metadata, at most %u "
			     "are allowed",
			     meta.len, IX_META_MAX);
	if (!rc) {
		t.root = ix_hash64(meta.data, meta.len);
		t.file_length = t.meta_offset + meta.len - IX_HEADER_SIZE +
				IX_TRAILER_SIZE;
		ix_trailer_encode(&t, trailer);
		ix_sink_write(w->sink, meta.data + IX_HEADER_SIZE,
			      meta.len - IX_HEADER_SIZE);
		ix_sink_write(w->sink, trailer, sizeof(trailer));
	}
	ix_buf_release(&meta);
	return rc;
}

int ix_segment_writer_finish(struct ix_segment_writer *w,
			     const struct ix_segment_identity *identity)
{
	int rc;

	if (w->open)
		fail(w, ix_fail(-EINVAL, "an extent is still open"));
	if (!identity->doc_count || identity->doc_count > IX_DOCS_MAX ||
	    w->row_count > UINT32_MAX)
		fail(w, ix_fail(-IX_ELIMIT, "a segment of %u documents",
				identity->doc_count));
	rc = ix_segment_writer_error(w);
	if (rc)
		return rc;
	write_small_extents(w);
	rc = write_metadata(w, identity);
	return rc ? rc : ix_segment_writer_error(w);
}
