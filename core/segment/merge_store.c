/* SPDX-License-Identifier: MIT */
/*
 * Stored records: a large, well-filled extent moves as it is; runs of others
 * are decompressed and packed into one. HAZARDS S-56: tail frames do not pile
 * up, since an extent with more than IX_MERGE_DIRTY percent of undersized
 * frames is packed again.
 */
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/segment/merge_internal.h"

/* A store extent of an input, in output order. */
struct piece {
	const struct ix_extent *row;
	uint32_t input;
	int move;
};

static int add_pieces(struct ix_merge *m, uint32_t input, struct piece **pp,
		      size_t *np, size_t *capp)
{
	struct ix_merge_input *in = &m->inputs[input];
	const struct ix_extent *row;
	struct ix_store store;
	int rc;

	for (uint32_t nth = 0;; nth++) {
		row = ix_merge_row(in, IX_PART_STORE, IX_NO_FIELD, nth);
		if (!row)
			return 0;
		rc = ix_store_open(&store, in->map.data + row->offset,
				   row->length, row->doc_count);
		if (rc) {
			m->bad_input = input;
			return ix_fail_in(rc, "%s: store", in->name);
		}
		if (ix_grow(pp, capp, *np + 1, sizeof(**pp)))
			return -ENOMEM;
		(*pp)[*np].row = row;
		(*pp)[*np].input = input;
		(*pp)[*np].move =
			row->length >= IX_MERGE_MOVE_BYTES &&
			ix_store_dirty_percent(&store) <= IX_MERGE_DIRTY;
		++*np;
	}
}

static int pack_piece(struct ix_merge *m, const struct piece *p,
		      struct ix_store_writer *w, struct ix_store_cursor *cursor)
{
	const uint8_t *data, *record;
	struct ix_store store;
	size_t n;
	int rc = ix_merge_load(m, p->input, p->row, &data);

	if (!rc)
		rc = ix_store_open(&store, data, p->row->length,
				   p->row->doc_count);
	for (uint32_t d = 0; !rc && d < p->row->doc_count; d++) {
		rc = ix_store_get(&store, cursor, d, &record, &n);
		if (!rc)
			rc = ix_store_add(w, record, n);
		if (!rc && (d & 1023) == 1023)
			rc = ix_merge_canceled(m);
	}
	if (rc == -IX_ECORRUPT) {
		m->bad_input = p->input;
		rc = ix_fail_in(rc, "%s: store", m->inputs[p->input].name);
	}
	m->result->bytes_coded += p->row->length;
	return rc;
}

/* Pack `n` neighbouring pieces into one extent. */
static int pack(struct ix_merge *m, const struct piece *p, size_t n)
{
	struct ix_extent e = {
		.part = IX_PART_STORE,
		.field = IX_NO_FIELD,
		.codec = 1,
		.doc_base = m->inputs[p->input].doc_base + p->row->doc_base,
	};
	struct ix_store_writer *w = NULL;
	struct ix_store_cursor cursor;
	int rc;

	ix_store_cursor_init(&cursor);
	for (size_t i = 0; i < n; i++)
		e.doc_count += p[i].row->doc_count;
	rc = ix_store_writer_new(ix_segment_extent_out, m->writer, &w);
	if (rc)
		return rc;
	ix_segment_extent_begin(m->writer, &e);
	for (size_t i = 0; i < n && !rc; i++)
		rc = pack_piece(m, &p[i], w, &cursor);
	if (!rc)
		rc = ix_store_finish(w);
	ix_segment_extent_end(m->writer);
	if (!rc)
		rc = ix_segment_writer_error(m->writer);
	ix_store_cursor_release(&cursor);
	ix_store_writer_free(w);
	return rc;
}

int ix_merge_store(struct ix_merge *m)
{
	struct piece *pieces = NULL;
	size_t n = 0, cap = 0, run;
	int rc = 0;

	for (uint32_t i = 0; i < m->n && !rc; i++)
		rc = add_pieces(m, i, &pieces, &n, &cap);
	for (size_t i = 0; i < n && !rc; i += run) {
		for (run = 1;
		     !pieces[i].move && i + run < n && !pieces[i + run].move;
		     run++)
			;
		rc = pieces[i].move ? ix_merge_move(m, pieces[i].input,
						    pieces[i].row, IX_NO_FIELD)
				    : pack(m, &pieces[i], run);
	}
	ix_free(pieces);
	return rc;
}
