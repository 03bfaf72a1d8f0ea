/* SPDX-License-Identifier: MIT */
#include "core/format/store.h"

#include <stdatomic.h>
#include <string.h>
#include <zstd.h>

#include "core/base/codec.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/format/layout.h"

#define ENTRY  IX_STORE_ENTRY
#define FOOTER IX_STORE_FOOTER

/* Raw bytes of the largest frame: a frame that lacks one byte of being full,
 * and the largest record with its length. */
#define RAW_MAX (IX_STORE_FRAME - 1 + IX_VARINT32_MAX + (size_t)IX_RECORD_MAX)

_Static_assert(RAW_MAX < UINT32_MAX, "raw bytes of a frame are a u32");

/* ---- writing ---- */

struct ix_store_writer {
	ix_store_write_fn write;
	void *ctx;
	ZSTD_CCtx *zstd;     /* owned */
	struct ix_buf raw;   /* records of the open frame */
	struct ix_buf out;   /* one compressed frame */
	struct ix_buf index; /* entries of the closed frames */
	uint64_t offset;     /* bytes written */
	uint32_t frame_doc;  /* first document of the open frame */
	uint32_t doc_count;
	uint32_t frame_count;
};

int ix_store_writer_new(ix_store_write_fn write, void *ctx,
			struct ix_store_writer **wp)
{
	struct ix_store_writer *w = ix_calloc(1, sizeof(*w));

	*wp = NULL;
	if (!w)
		return -ENOMEM;
	w->write = write;
	w->ctx = ctx;
	w->zstd = ZSTD_createCCtx();
	if (!w->zstd ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(w->zstd,
						ZSTD_c_compressionLevel,
						IX_STORE_LEVEL))) {
		ix_store_writer_free(w);
		return -ENOMEM;
	}
	*wp = w;
	return 0;
}

void ix_store_writer_free(struct ix_store_writer *w)
{
	if (!w)
		return;
	ZSTD_freeCCtx(w->zstd);
	ix_buf_release(&w->raw);
	ix_buf_release(&w->out);
	ix_buf_release(&w->index);
	ix_free(w);
}

static int close_frame(struct ix_store_writer *w)
{
	size_t bound = ZSTD_compressBound(w->raw.len);
	uint8_t *out;
	size_t n;

	ix_buf_clear(&w->out);
	out = ix_buf_extend(&w->out, bound);
	if (!out || ix_buf_reserve(&w->index, ENTRY + FOOTER))
		return -ENOMEM;
	n = ZSTD_compress2(w->zstd, out, bound, w->raw.data, w->raw.len);
	if (ZSTD_isError(n)) /* the output has room, so it is memory */
		return ix_fail(-ENOMEM, "store: zstd: %s",
			       ZSTD_getErrorName(n));
	ix_buf_add_u64(&w->index, w->offset);
	ix_buf_add_u32(&w->index, w->frame_doc);
	ix_buf_add_u32(&w->index, (uint32_t)w->raw.len);
	w->write(w->ctx, out, n);
	w->offset += n;
	w->frame_doc = w->doc_count;
	w->frame_count++;
	ix_buf_clear(&w->raw);
	/* One huge record must not hold its memory until the end. */
	if (w->raw.cap > 4u << 20) {
		ix_buf_release(&w->raw);
		ix_buf_release(&w->out);
	}
	return 0;
}

int ix_store_add(struct ix_store_writer *w, const void *record, size_t n)
{
	if (n > IX_RECORD_MAX)
		return ix_fail(-IX_ELIMIT,
			       "store: a record of %zu bytes, at most %u are "
			       "allowed",
			       n, IX_RECORD_MAX);
	if (w->doc_count >= IX_DOCS_MAX)
		return ix_fail(-IX_ELIMIT, "store: more than %u documents",
			       IX_DOCS_MAX);
	/* All or nothing: a record that does not fit leaves no trace. */
	if (ix_buf_reserve(&w->raw, n + IX_VARINT32_MAX)) {
		w->raw.error = 0;
		return -ENOMEM;
	}
	ix_buf_add_varint(&w->raw, n);
	ix_buf_add(&w->raw, record, n);
	w->doc_count++;
	return w->raw.len >= IX_STORE_FRAME ? close_frame(w) : 0;
}

int ix_store_finish(struct ix_store_writer *w)
{
	int rc = w->raw.len ? close_frame(w) : 0;

	if (rc)
		return rc;
	ix_buf_add_u32(&w->index, w->frame_count);
	ix_buf_add_u32(&w->index, w->doc_count);
	ix_buf_add_u64(&w->index, w->offset);
	if (ix_buf_error(&w->index))
		return -ENOMEM;
	w->write(w->ctx, w->index.data, w->index.len);
	return 0;
}

/* ---- footer and index ---- */

int ix_store_footer(const uint8_t footer[IX_STORE_FOOTER], uint64_t len,
		    uint32_t doc_count, uint64_t *index_offsetp,
		    uint32_t *frame_countp)
{
	uint32_t frames = ix_get32(footer);
	uint32_t docs = ix_get32(footer + 4);
	uint64_t offset = ix_get64(footer + 8);

	*index_offsetp = 0;
	*frame_countp = 0;
	if (docs != doc_count)
		return ix_fail(-IX_ECORRUPT, "store: %u documents, not %u",
			       docs, doc_count);
	if (!frames || frames > docs || len < FOOTER || offset > len - FOOTER ||
	    (len - FOOTER - offset) != (uint64_t)frames * ENTRY)
		return ix_fail(-IX_ECORRUPT,
			       "store: index of %u frames at %llu in %llu "
			       "bytes",
			       frames, (unsigned long long)offset,
			       (unsigned long long)len);
	*index_offsetp = offset;
	*frame_countp = frames;
	return 0;
}

int ix_store_index_check(const uint8_t *index, uint32_t frame_count,
			 uint32_t doc_count, uint64_t index_offset)
{
	const uint8_t *p = index;

	if (ix_get64(p) || ix_get32(p + 8))
		return ix_fail(-IX_ECORRUPT,
			       "store: the first frame is not at the start");
	for (uint32_t i = 0; i < frame_count; i++, p += ENTRY) {
		int last = i + 1 == frame_count;
		uint64_t end = last ? index_offset : ix_get64(p + ENTRY);
		uint32_t doc_end = last ? doc_count : ix_get32(p + ENTRY + 8);
		uint32_t raw = ix_get32(p + 12);

		/* Every record has at least the byte of its length, and zstd
		 * never grows what it compresses by much. */
		if (end <= ix_get64(p) || doc_end <= ix_get32(p + 8) ||
		    raw > RAW_MAX || raw < doc_end - ix_get32(p + 8) ||
		    end - ix_get64(p) > raw + raw / 128 + 1024u)
			return ix_fail(-IX_ECORRUPT,
				       "store: index entry %u is out of order "
				       "or range",
				       i);
	}
	return 0;
}

int ix_store_open(struct ix_store *s, const uint8_t *data, uint64_t len,
		  uint32_t doc_count)
{
	static _Atomic uint64_t serials;
	uint64_t offset = 0;
	int rc;

	memset(s, 0, sizeof(*s));
	if (len < FOOTER)
		return ix_fail(-IX_ECORRUPT, "store: %llu bytes",
			       (unsigned long long)len);
	rc = ix_store_footer(data + len - FOOTER, len, doc_count, &offset,
			     &s->frame_count);
	if (!rc)
		rc = ix_store_index_check(data + offset, s->frame_count,
					  doc_count, offset);
	if (rc)
		return rc;
	s->data = data;
	s->len = len;
	s->index_offset = offset;
	s->index = data + offset;
	s->doc_count = doc_count;
	s->serial = atomic_fetch_add(&serials, 1) + 1;
	return 0;
}

void ix_store_frame(const uint8_t *index, uint32_t frame_count,
		    uint32_t doc_count, uint64_t index_offset, uint32_t frame,
		    struct ix_store_frame *f)
{
	const uint8_t *p = index + (size_t)frame * ENTRY;
	int last = frame + 1 == frame_count;

	f->offset = ix_get64(p);
	f->length = (last ? index_offset : ix_get64(p + ENTRY)) - f->offset;
	f->first_doc = ix_get32(p + 8);
	f->doc_count =
		(last ? doc_count : ix_get32(p + ENTRY + 8)) - f->first_doc;
	f->raw_bytes = ix_get32(p + 12);
}

uint32_t ix_store_undersized(const uint8_t *index, uint32_t frame_count)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < frame_count; i++)
		count += ix_get32(index + (size_t)i * ENTRY + 12) <
			 IX_STORE_FRAME / 2;
	return count;
}

unsigned ix_store_dirty_percent(const struct ix_store *s)
{
	return (unsigned)((uint64_t)ix_store_undersized(s->index,
							s->frame_count) *
			  100 / s->frame_count);
}

/* ---- frames ---- */

/* Do `docs` records end exactly at the end of the raw bytes? Otherwise every
 * document behind the bad one would read as its neighbour. */
static int check_records(const uint8_t *raw, size_t n, uint32_t docs)
{
	const uint8_t *p = raw, *end = raw + n;

	for (uint32_t i = 0; i < docs; i++) {
		uint32_t len;

		if (ix_get_varint32(&p, end, &len) || len > (size_t)(end - p) ||
		    len > IX_RECORD_MAX)
			return -1;
		p += len;
	}
	return p == end ? 0 : -1;
}

int ix_store_decode(void **zstdp, const uint8_t *data,
		    const struct ix_store_frame *f, struct ix_buf *raw)
{
	unsigned long long content;
	uint8_t *out;
	size_t n;

	ix_buf_clear(raw);
	if (!*zstdp && !(*zstdp = ZSTD_createDCtx()))
		return -ENOMEM;
	/* Believe the index only as far as the frame agrees: a hostile index
	 * must not ask for memory that the data does not account for. */
	content = ZSTD_getFrameContentSize(data, f->length);
	if (content != f->raw_bytes ||
	    ZSTD_findFrameCompressedSize(data, f->length) != f->length)
		return ix_fail(-IX_ECORRUPT,
			       "store: frame at %llu is not a frame of %u raw "
			       "bytes",
			       (unsigned long long)f->offset, f->raw_bytes);
	out = ix_buf_extend(raw, f->raw_bytes);
	if (!out)
		return -ENOMEM;
	n = ZSTD_decompressDCtx(*zstdp, out, f->raw_bytes, data, f->length);
	if (ZSTD_isError(n) || n != f->raw_bytes ||
	    check_records(out, n, f->doc_count)) {
		ix_buf_clear(raw);
		return ix_fail(-IX_ECORRUPT,
			       "store: frame at %llu does not hold %u records",
			       (unsigned long long)f->offset, f->doc_count);
	}
	return 0;
}

void ix_store_decode_end(void **zstdp)
{
	ZSTD_freeDCtx(*zstdp);
	*zstdp = NULL;
}

int ix_store_record(const struct ix_buf *raw, size_t *atp,
		    const uint8_t **recordp, size_t *np)
{
	const uint8_t *p = raw->data + *atp;
	const uint8_t *end = raw->data + raw->len;
	uint32_t n;

	if (p == end || ix_get_varint32(&p, end, &n) || n > (size_t)(end - p))
		return 0;
	*recordp = p;
	*np = n;
	*atp = (size_t)(p - raw->data) + n;
	return 1;
}

/* ---- random access ---- */

void ix_store_cursor_init(struct ix_store_cursor *c)
{
	memset(c, 0, sizeof(*c));
}

void ix_store_cursor_release(struct ix_store_cursor *c)
{
	ix_buf_release(&c->raw);
	ix_store_decode_end(&c->zstd);
	memset(c, 0, sizeof(*c));
}

/* The frame of a document: the last one that begins at or before it. */
static uint32_t find_frame(const struct ix_store *s, uint32_t doc)
{
	uint32_t low = 0, high = s->frame_count;

	while (high - low > 1) {
		uint32_t mid = low + (high - low) / 2;

		if (ix_get32(s->index + (size_t)mid * ENTRY + 8) <= doc)
			low = mid;
		else
			high = mid;
	}
	return low;
}

static int load_frame(const struct ix_store *s, struct ix_store_cursor *c,
		      uint32_t doc)
{
	struct ix_store_frame f;
	int rc;

	c->serial = 0;
	ix_store_frame(s->index, s->frame_count, s->doc_count, s->index_offset,
		       find_frame(s, doc), &f);
	rc = ix_store_decode(&c->zstd, s->data + f.offset, &f, &c->raw);
	if (rc)
		return rc;
	c->serial = s->serial;
	c->first_doc = f.first_doc;
	c->doc_count = f.doc_count;
	c->next_doc = f.first_doc;
	c->next_at = 0;
	return 0;
}

int ix_store_get(const struct ix_store *s, struct ix_store_cursor *c,
		 uint32_t doc, const uint8_t **recordp, size_t *np)
{
	*recordp = NULL;
	*np = 0;
	if (doc >= s->doc_count)
		return ix_fail(-EINVAL, "store: document %u of %u", doc,
			       s->doc_count);
	if (c->serial != s->serial || doc < c->first_doc ||
	    doc - c->first_doc >= c->doc_count) {
		int rc = load_frame(s, c, doc);

		if (rc)
			return rc;
	}
	if (doc < c->next_doc) {
		c->next_doc = c->first_doc;
		c->next_at = 0;
	}
	for (; c->next_doc <= doc; c->next_doc++)
		if (!ix_store_record(&c->raw, &c->next_at, recordp, np))
			return ix_fail(-IX_ECORRUPT,
				       "store: document %u has no record", doc);
	return 0;
}
