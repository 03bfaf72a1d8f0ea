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

void ix_long_add_doc(struct ix_long_writer *w, uint32_t doc, uint32_t freq)
{
	/* Closed only when another document comes: its last one's positions
	 * arrive after the document. */
	if (w->open.count == IX_UNIT_DOCS ||
	    w->open.positions.len >= IX_CHUNK_POSITION)
		ix_long_close_unit(w);
	ix_unit_add_doc(&w->open, doc, freq);
}

int ix_long_add_coded(struct ix_long_writer *w, const uint32_t *docs,
		      const uint32_t *freqs, uint32_t n,
		      const uint8_t *positions, const uint8_t *positions_end)
{
	struct ix_delta_stream s;
	uint64_t total = 0;

	if (w->open.codec != IX_POSTINGS_POSITIONS) {
		for (uint32_t i = 0; i < n; i++)
			ix_long_add_doc(w, docs[i], freqs[i]);
		return 0;
	}
	for (uint32_t i = 0; i < n; i++)
		total += freqs[i];
	ix_delta_stream_init(&s, positions, positions_end, total, 0);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t left = freqs[i];

		ix_long_add_doc(w, docs[i], freqs[i]);
		while (left > 0) {
			uint32_t part = s.n - s.i;

			if (!part) {
				if (ix_delta_stream_fill(&s))
					return -1;
				continue;
			}
			part = part < left ? part : left;
			ix_long_add_deltas(w, s.values + s.i, part);
			s.i += part;
			left -= part;
		}
	}
	return ix_delta_stream_done(&s) ? 0 : -1;
}

int ix_long_finish(struct ix_long_writer *w)
{
	ix_long_close_unit(w);
	return ix_chunk_finish(&w->chunks);
}
