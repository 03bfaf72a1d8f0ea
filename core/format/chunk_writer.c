/* SPDX-License-Identifier: MIT */
#include "core/format/chunk.h"

#include <assert.h>
#include <string.h>

#include "core/base/codec.h"
#include "core/base/err.h"
#include "core/base/mem.h"

/* What joining needs, made when it is first needed. */
struct ix_chunk_joiner {
	struct ix_unit_encoder encoder;
	struct ix_buf docs; /* joined units */
	struct ix_buf positions;
	struct ix_unit_info units[IX_CHUNK_LOOK_BACK];
	uint32_t count;
	uint32_t doc_ids[IX_UNIT_DOCS];
	uint32_t freqs[IX_UNIT_DOCS];
	struct ix_delta_stream deltas;
};

void ix_chunk_writer_init(struct ix_chunk_writer *w,
			  enum ix_postings_codec codec)
{
	memset(w, 0, sizeof(*w));
	w->codec = codec;
}

void ix_chunk_writer_release(struct ix_chunk_writer *w)
{
	struct ix_chunk_joiner *j = w->joiner;

	if (j) {
		ix_unit_encoder_release(&j->encoder);
		ix_buf_release(&j->docs);
		ix_buf_release(&j->positions);
		ix_free(j);
		w->joiner = NULL;
	}
	ix_buf_release(&w->docs);
	ix_buf_release(&w->positions);
	ix_buf_release(&w->dir);
}

void ix_chunk_begin(struct ix_chunk_writer *w, const struct ix_doc_norms *norms,
		    ix_chunk_write_fn write, void *ctx)
{
	w->norms = norms;
	w->write = write;
	w->ctx = ctx;
	w->count = 0;
	ix_buf_clear(&w->docs);
	ix_buf_clear(&w->positions);
	ix_buf_clear(&w->dir);
	w->offset = 0;
	w->doc_count = 0;
	w->chunk_count = 0;
	w->coded_bytes = 0;
	w->error = 0;
}

static int writer_failed(struct ix_chunk_writer *w)
{
	if (!w->error)
		w->error = w->docs.error;
	if (!w->error)
		w->error = w->positions.error;
	if (!w->error)
		w->error = w->dir.error;
	return w->error != 0;
}

/* ---- chunks ---- */

static void put(struct ix_chunk_writer *w, const void *data, size_t n)
{
	w->write(w->ctx, data, n);
	w->offset += n;
}

/* Header and skip arrays of the first `n` units. */
static void make_head(const struct ix_unit_info *units, uint32_t n,
		      uint8_t head[IX_CHUNK_HEAD_MAX])
{
	uint8_t *p = head + IX_CHUNK_HEADER;
	uint32_t docs = 0;
	uint32_t docs_len = 0;
	uint64_t pos_len = 0;

	for (uint32_t i = 0; i < n; i++) {
		const struct ix_unit_info *u = &units[i];

		ix_put32(p + 4 * i, u->first);
		ix_put32(p + 4 * (n + i), u->last);
		ix_put32(p + 4 * (2 * n + i), docs_len);
		/* A chunk ends with the unit that takes it to 1 MiB. */
		assert(pos_len < IX_CHUNK_POSITION);
		ix_put32(p + 4 * (3 * n + i), (uint32_t)pos_len);
		memcpy(p + 16 * n + 6 * i, u->impacts, 6);
		ix_put32(p + 22 * n + 4 * i, u->min_tie);
		docs += u->count;
		docs_len += u->docs_len;
		pos_len += u->pos_len;
	}
	ix_put16(head, (uint16_t)n);
	ix_put16(head + 2, 0);
	ix_put32(head + 4, docs);
	ix_put32(head + 8, docs_len);
	ix_put64(head + 12, pos_len);
}

/* Note a chunk in the directory. */
static void note_entry(struct ix_chunk_writer *w, const struct ix_chunk_view *v)
{
	struct ix_chunk_entry e;
	uint8_t entry[IX_CHUNK_ENTRY];

	ix_chunk_entry_make(v, w->offset, &e);
	ix_chunk_entry_encode(&e, entry);
	ix_buf_add(&w->dir, entry, sizeof(entry));
	w->chunk_count++;
}

static void drop_front(struct ix_buf *b, size_t n)
{
	b->len -= n;
	if (n && b->len)
		memmove(b->data, b->data + n, b->len);
}

/* Write the first `n` units as a chunk. With `streamed`, the positions of the
 * last of them are left to the caller. */
static void emit_chunk(struct ix_chunk_writer *w, uint32_t n, int streamed)
{
	uint8_t head[IX_CHUNK_HEAD_MAX];
	struct ix_chunk_view v;
	size_t docs_len = 0;
	size_t pos_len = 0;

	if (writer_failed(w))
		return;
	for (uint32_t i = 0; i < n; i++) {
		docs_len += w->units[i].docs_len;
		if (!streamed || i + 1 < n)
			pos_len += w->units[i].pos_len;
	}
	make_head(w->units, n, head);
	ix_chunk_view_init(&v, head, n);
	note_entry(w, &v);
	put(w, head, v.head_len);
	put(w, w->docs.data, docs_len);
	if (pos_len)
		put(w, w->positions.data, pos_len);
	if (streamed)
		w->offset += w->units[n - 1].pos_len;

	w->count -= n;
	memmove(w->units, w->units + n, w->count * sizeof(*w->units));
	drop_front(&w->docs, docs_len);
	drop_front(&w->positions, pos_len);
}

/* Units of the first chunk among those held, 0 while it is not complete. */
static uint32_t first_chunk(const struct ix_chunk_writer *w)
{
	uint64_t positions = 0;

	for (uint32_t i = 0; i < w->count; i++) {
		positions += w->units[i].pos_len;
		if (i + 1 == IX_CHUNK_UNITS || positions >= IX_CHUNK_POSITION)
			return i + 1;
	}
	return 0;
}

/* Write the chunks that joining cannot reach any more. */
static void emit_settled(struct ix_chunk_writer *w)
{
	uint32_t n;

	while ((n = first_chunk(w))) {
		uint64_t positions = 0;

		for (uint32_t i = n; i < w->count; i++)
			positions += w->units[i].pos_len;
		if (w->count - n + 1 < IX_CHUNK_LOOK_BACK &&
		    positions < IX_CHUNK_POSITION)
			return;
		emit_chunk(w, n, 0);
		if (w->error)
			return;
	}
}

/* ---- joining ---- */

static struct ix_chunk_joiner *joiner(struct ix_chunk_writer *w)
{
	struct ix_chunk_joiner *j = w->joiner;

	if (!j) {
		j = ix_calloc(1, sizeof(*j));
		if (!j) {
			w->error = -ENOMEM;
			return NULL;
		}
		ix_unit_encoder_init(&j->encoder, w->codec);
		w->joiner = j;
	}
	ix_buf_clear(&j->docs);
	ix_buf_clear(&j->positions);
	ix_buf_clear(&j->encoder.positions);
	j->encoder.norms = w->norms;
	j->encoder.count = 0;
	j->encoder.delta_count = 0;
	j->count = 0;
	return j;
}

static void close_joined(struct ix_chunk_joiner *j)
{
	assert(j->count < IX_CHUNK_LOOK_BACK);
	ix_unit_finish(&j->encoder, &j->docs, &j->positions,
		       &j->units[j->count++]);
}

/* Decode one unit into the joiner's encoder; `docs` and `positions` are its
 * bytes. 0 or -1. */
static int join_unit(struct ix_chunk_joiner *j, enum ix_postings_codec codec,
		     const struct ix_unit_info *u, const uint8_t *docs,
		     const uint8_t *positions)
{
	struct ix_unit_docs d;
	uint64_t total = 0;

	if (ix_unit_decode_docs(docs, docs + u->docs_len, u->first, u->last,
				j->doc_ids, &d) ||
	    ix_unit_decode_freqs(&d, docs + u->docs_len, codec, j->freqs))
		return -1;
	if (codec == IX_POSTINGS_POSITIONS)
		for (uint32_t i = 0; i < d.count; i++)
			total += j->freqs[i];
	ix_delta_stream_init(&j->deltas, positions, positions + u->pos_len,
			     total, 1);
	for (uint32_t i = 0; i < d.count;) {
		uint32_t n = IX_UNIT_DOCS - j->encoder.count;
		uint64_t deltas;

		n = n < d.count - i ? n : d.count - i;
		deltas = ix_unit_add_docs(&j->encoder, j->doc_ids + i,
					  j->freqs + i, n);
		if (codec == IX_POSTINGS_POSITIONS &&
		    ix_delta_stream_move(&j->deltas, deltas, &j->encoder))
			return -1;
		if (j->encoder.count == IX_UNIT_DOCS)
			close_joined(j);
		i += n;
	}
	return ix_delta_stream_done(&j->deltas) ? 0 : -1;
}

/* Replace the last `n` units by fewer, fuller ones. */
static void join_last(struct ix_chunk_writer *w, uint32_t n)
{
	struct ix_unit_info *units = w->units + w->count - n;
	struct ix_chunk_joiner *j = joiner(w);
	size_t docs_at = w->docs.len;
	size_t pos_at = w->positions.len;
	const uint8_t *docs;
	const uint8_t *positions;

	if (!j || writer_failed(w))
		return;
	for (uint32_t i = 0; i < n; i++) {
		docs_at -= units[i].docs_len;
		pos_at -= (size_t)units[i].pos_len;
	}
	/* Without positions there may be no buffer to point into. */
	docs = w->docs.data + docs_at;
	positions = w->positions.data ? w->positions.data + pos_at : docs;
	for (uint32_t i = 0; i < n; i++) {
		if (join_unit(j, w->codec, &units[i], docs, positions)) {
			w->bad_doc = units[i].first;
			w->error = ix_fail(-IX_ECORRUPT,
					   "postings: damaged unit of documents"
					   " %u to %u",
					   units[i].first, units[i].last);
			return;
		}
		docs += units[i].docs_len;
		positions += units[i].pos_len;
		w->coded_bytes += units[i].docs_len + units[i].pos_len;
	}
	if (j->encoder.count)
		close_joined(j);
	assert(j->count < n);

	w->docs.len = docs_at;
	w->positions.len = pos_at;
	ix_buf_add(&w->docs, j->docs.data, j->docs.len);
	ix_buf_add(&w->positions, j->positions.data, j->positions.len);
	if (j->docs.error || j->positions.error)
		w->error = -ENOMEM;
	memcpy(units, j->units, j->count * sizeof(*units));
	w->count -= n - j->count;
}

/* How many of the last units are to be joined; 0 = none. */
static uint32_t units_to_join(const struct ix_chunk_writer *w)
{
	uint64_t positions = 0;
	uint32_t docs = 0;

	for (uint32_t n = 1; n <= IX_CHUNK_LOOK_BACK && n <= w->count; n++) {
		const struct ix_unit_info *u = &w->units[w->count - n];

		positions += u->pos_len;
		docs += u->count;
		if (positions >= IX_CHUNK_POSITION)
			return 0;
		if (n > 1 && docs <= IX_UNIT_DOCS * (n - 1))
			return n;
	}
	return 0;
}

/* ---- the list ---- */

void ix_chunk_push(struct ix_chunk_writer *w, const struct ix_unit_info *info)
{
	uint32_t n;

	if (writer_failed(w))
		return;
	assert(w->count < IX_CHUNK_UNITS + IX_CHUNK_LOOK_BACK);
	w->units[w->count++] = *info;
	w->doc_count += info->count;
	while (!w->error && (n = units_to_join(w)))
		join_last(w, n);
	emit_settled(w);
}

void ix_chunk_push_streamed(struct ix_chunk_writer *w,
			    const struct ix_unit_info *info)
{
	uint32_t n;

	if (writer_failed(w))
		return;
	/* Joining ends here: what precedes is settled. */
	while ((n = first_chunk(w)) && !w->error)
		emit_chunk(w, n, 0);
	if (w->error)
		return;
	w->units[w->count++] = *info;
	w->doc_count += info->count;
	emit_chunk(w, w->count, 1);
}

void ix_chunk_copied(struct ix_chunk_writer *w, const struct ix_chunk_view *v)
{
	assert(!w->count);
	if (writer_failed(w))
		return;
	note_entry(w, v);
	put(w, v->head, v->head_len);
	w->offset += v->docs_len + v->pos_len;
	w->doc_count += v->docs;
}

int ix_chunk_finish(struct ix_chunk_writer *w)
{
	uint8_t footer[IX_CHUNK_FOOTER];
	uint32_t n;

	while (w->count && !writer_failed(w)) {
		n = first_chunk(w);
		emit_chunk(w, n ? n : w->count, 0);
	}
	if (writer_failed(w))
		return w->error;
	if (w->chunk_count > 1) {
		put(w, w->dir.data, w->dir.len);
		ix_put32(footer, w->chunk_count);
		ix_put32(footer + 4, 0);
		put(w, footer, sizeof(footer));
	}
	return 0;
}
