/* SPDX-License-Identifier: MIT */
#include "core/format/long_list.h"

void ix_long_writer_init(struct ix_long_writer *w, enum ix_postings_codec codec)
{
	ix_unit_encoder_init(&w->open, codec);
	ix_chunk_writer_init(&w->chunks, codec);
}

void ix_long_writer_release(struct ix_long_writer *w)
{
	ix_unit_encoder_release(&w->open);
	ix_chunk_writer_release(&w->chunks);
}

void ix_long_begin(struct ix_long_writer *w, const struct ix_doc_norms *norms,
		   ix_chunk_write_fn write, void *ctx)
{
	w->open.norms = norms;
	w->open.count = 0;
	w->open.delta_count = 0;
	ix_buf_clear(&w->open.positions);
	ix_chunk_begin(&w->chunks, norms, write, ctx);
}

void ix_long_close_unit(struct ix_long_writer *w)
{
	struct ix_unit_info info;

	if (!w->open.count)
		return;
	ix_unit_finish(&w->open, &w->chunks.docs, &w->chunks.positions, &info);
	ix_chunk_push(&w->chunks, &info);
}

/* How many of the next `n` documents can go to the open unit at once. A unit is
 * closed by the document that takes its positions to 1 MiB; only near that
 * must one go document by document. `bytes` is a bound of what all `n` add. */
static uint32_t documents_at_once(const struct ix_long_writer *w, uint32_t n,
				  size_t bytes)
{
	uint32_t room = IX_UNIT_DOCS - w->open.count;

	if (w->open.positions.len + bytes >= IX_CHUNK_POSITION)
		return 1;
	return n < room ? n : room;
}

int ix_long_add_coded(struct ix_long_writer *w, const uint32_t *docs,
		      const uint32_t *freqs, uint32_t n,
		      const uint8_t *positions, const uint8_t *positions_end)
{
	int with_positions = w->open.codec == IX_POSTINGS_POSITIONS;
	struct ix_delta_stream s;
	uint64_t total = 0;
	size_t bytes;

	for (uint32_t i = 0; i < n && with_positions; i++)
		total += freqs[i];
	ix_delta_stream_init(&s, positions, positions_end, total, 0);
	/* A group takes at most IX_PACK_MAX bytes for 128 of at least one. */
	bytes = ((size_t)(positions_end - positions) / IX_PACK_VALUES + 2) *
		IX_PACK_MAX;
	for (uint32_t i = 0; i < n;) {
		uint32_t part;
		uint64_t deltas;

		if (ix_long_unit_full(w))
			ix_long_close_unit(w);
		part = documents_at_once(w, n - i, bytes);
		deltas = ix_unit_add_docs(&w->open, docs + i, freqs + i, part);
		if (with_positions &&
		    ix_delta_stream_move(&s, deltas, &w->open))
			return -1;
		i += part;
	}
	return ix_delta_stream_done(&s) ? 0 : -1;
}

int ix_long_finish(struct ix_long_writer *w)
{
	ix_long_close_unit(w);
	return ix_chunk_finish(&w->chunks);
}
