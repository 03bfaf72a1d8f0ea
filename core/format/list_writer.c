/* SPDX-License-Identifier: MIT */
/*
 * A list begins short: documents in arrays, positions as varints. With the
 * 128th document, or positions above 64 KiB, it becomes long: what was
 * collected is given to a long writer, and further documents follow directly.
 */
#include "core/format/postings.h"

#include <string.h>

#include "core/base/codec.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/format/long_list.h"

struct ix_list_writer {
	enum ix_postings_codec codec;
	const struct ix_doc_norms *norms; /* borrowed */
	int error;                        /* sticky */
	int is_long;
	uint32_t df;
	uint64_t ttf;
	uint32_t last; /* document */
	/* Short: */
	uint32_t docs[IX_SHORT_DOCS];
	uint32_t freqs[IX_SHORT_DOCS];
	struct ix_buf positions;
	/* Long: */
	struct ix_long_writer writer;
	struct ix_buf payload;
};

int ix_list_writer_new(enum ix_postings_codec codec, struct ix_list_writer **wp)
{
	struct ix_list_writer *w = ix_calloc(1, sizeof(*w));

	*wp = NULL;
	if (!w)
		return -ENOMEM;
	w->codec = codec;
	ix_long_writer_init(&w->writer, codec);
	*wp = w;
	return 0;
}

void ix_list_writer_free(struct ix_list_writer *w)
{
	if (!w)
		return;
	ix_long_writer_release(&w->writer);
	ix_buf_release(&w->positions);
	ix_buf_release(&w->payload);
	ix_free(w);
}

void ix_list_begin(struct ix_list_writer *w, const struct ix_doc_norms *norms)
{
	w->norms = norms;
	w->error = 0;
	w->is_long = 0;
	w->df = 0;
	w->ttf = 0;
	ix_buf_clear(&w->positions);
}

static void write_payload(void *ctx, const void *data, size_t n)
{
	ix_buf_add(ctx, data, n);
}

/* From short to long: hand the documents collected so far on. */
static void become_long(struct ix_list_writer *w)
{
	ix_buf_clear(&w->payload);
	ix_long_begin(&w->writer, w->norms, write_payload, &w->payload);
	w->is_long = 1;
	if (w->positions.error)
		w->error = w->positions.error;
	else if (ix_long_add_coded(&w->writer, w->docs, w->freqs, w->df,
				   w->positions.data,
				   ix_buf_end(&w->positions)))
		w->error =
			ix_fail(-EINVAL, "postings: list writer is confused");
}

/* Deltas of a document's positions, a group at a time; 0, or -1 when they do
 * not ascend. */
static int add_positions(struct ix_list_writer *w, const uint32_t *positions,
			 uint32_t n)
{
	uint32_t deltas[IX_PACK_VALUES];
	uint32_t previous = 0;

	for (uint32_t i = 0; i < n;) {
		uint32_t k = 0;

		for (; k < IX_PACK_VALUES && i < n; k++, i++) {
			if (i && positions[i] <= previous)
				return -1;
			deltas[k] = positions[i] - previous;
			previous = positions[i];
		}
		if (w->is_long) {
			ix_long_add_deltas(&w->writer, deltas, k);
			continue;
		}
		if (ix_buf_reserve(&w->positions, (size_t)k * IX_VARINT32_MAX))
			continue;
		for (uint32_t j = 0; j < k; j++) {
			uint8_t *end = w->positions.data + w->positions.len;

			w->positions.len +=
				(size_t)(ix_put_varint(end, deltas[j]) - end);
		}
	}
	return 0;
}

void ix_list_add(struct ix_list_writer *w, uint32_t doc, uint32_t freq,
		 const uint32_t *positions)
{
	if (w->error)
		return;
	if (doc >= IX_DOCS_MAX || (w->df && doc <= w->last) || !freq) {
		w->error = ix_fail(-EINVAL,
				   "postings: document %u (frequency %u) after "
				   "document %u cannot be added",
				   doc, freq, w->df ? w->last : 0);
		return;
	}
	if (w->codec == IX_POSTINGS_DOCS)
		freq = 1;
	if (w->is_long) {
		ix_long_add_doc(&w->writer, doc, freq);
	} else {
		w->docs[w->df] = doc;
		w->freqs[w->df] = freq;
	}
	w->df++;
	w->ttf += freq;
	w->last = doc;
	if (w->codec == IX_POSTINGS_POSITIONS &&
	    add_positions(w, positions, freq)) {
		w->error = ix_fail(-EINVAL,
				   "postings: positions in document %u do not "
				   "ascend",
				   doc);
		return;
	}
	if (!w->is_long &&
	    (w->df == IX_SHORT_DOCS || w->positions.len > IX_SHORT_BYTES))
		become_long(w);
}

int ix_list_finish(struct ix_list_writer *w, struct ix_buf *out,
		   struct ix_term_info *info)
{
	size_t before = out->len;

	memset(info, 0, sizeof(*info));
	if (!w->error && !w->df)
		w->error = ix_fail(-EINVAL, "postings: list without documents");
	if (w->error)
		return w->error;
	if (!w->is_long) {
		ix_short_encode(w->codec, w->docs, w->freqs, w->df,
				&w->positions, out);
		if (!out->error && out->len - before > IX_SHORT_BYTES) {
			out->len = before;
			become_long(w);
		}
	}
	if (w->is_long && !w->error) {
		w->error = ix_long_finish(&w->writer);
		if (!w->error)
			w->error = w->payload.error;
		ix_buf_add(out, w->payload.data, w->payload.len);
	}
	if (w->error)
		return w->error;
	if (out->error)
		return out->error;
	info->df = w->df;
	info->ttf = w->ttf;
	info->is_long = (uint8_t)w->is_long;
	info->payload_len = out->len - before;
	return 0;
}
