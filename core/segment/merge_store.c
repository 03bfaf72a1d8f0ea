/* SPDX-License-Identifier: MIT */
/*
 * Stored records: a large, well-filled extent moves as it is; runs of others
 * are decompressed and packed into one. HAZARDS S-56: tail frames do not pile
 * up, since an extent with more undersized frames than its last one and
 * IX_MERGE_DIRTY percent is packed again.
 *
 * An extent of any size is packed in one pass with the memory of one frame: its
 * index is read first, from its end.
 */
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/segment/merge_internal.h"

/* The largest index that is read at once to look at a large extent; it is of
 * an extent of hundreds of gigabytes. */
#define INDEX_MAX ((uint64_t)1 << 30)

/* A store extent of an input, in output order. */
struct piece {
	const struct ix_extent *row;
	uint32_t input;
	int move;
};

struct packer {
	struct ix_merge *merge;
	struct ix_store_writer *writer; /* owned */
	struct ix_buf index;            /* of the extent being read */
	uint64_t index_offset;
	uint32_t frame_count;
	struct ix_buf frame; /* compressed */
	struct ix_buf raw;
	void *zstd; /* owned */
};

static void packer_release(struct packer *k)
{
	ix_store_writer_free(k->writer);
	ix_buf_release(&k->index);
	ix_buf_release(&k->frame);
	ix_buf_release(&k->raw);
	ix_store_decode_end(&k->zstd);
}

/* Read and check the footer and the index of an extent. */
static int read_index(struct packer *k, uint32_t input,
		      const struct ix_extent *row)
{
	uint8_t footer[IX_STORE_FOOTER], *p;
	uint64_t bytes;
	int rc;

	if (row->length < sizeof(footer))
		return ix_fail(-IX_ECORRUPT, "store of %llu bytes",
			       (unsigned long long)row->length);
	rc = ix_merge_read(k->merge, input, row, row->length - sizeof(footer),
			   footer, sizeof(footer));
	if (!rc)
		rc = ix_store_footer(footer, row->length, row->doc_count,
				     &k->index_offset, &k->frame_count);
	if (rc)
		return rc;
	bytes = (uint64_t)k->frame_count * IX_STORE_ENTRY;
	if (bytes > INDEX_MAX)
		return ix_fail(-IX_ELIMIT, "a store with %u frames",
			       k->frame_count);
	ix_buf_clear(&k->index);
	p = ix_buf_extend(&k->index, (size_t)bytes);
	if (!p)
		return -ENOMEM;
	rc = ix_merge_read(k->merge, input, row, k->index_offset, p,
			   (size_t)bytes);
	if (!rc)
		rc = ix_store_index_check(p, k->frame_count, row->doc_count,
					  k->index_offset);
	return rc;
}

/* ---- what moves ---- */

static int can_move(struct packer *k, struct piece *p)
{
	uint64_t undersized;
	int rc;

	if (p->row->length < IX_MERGE_MOVE_BYTES)
		return 0;
	rc = read_index(k, p->input, p->row);
	if (rc)
		return ix_merge_blame(k->merge, p->input, rc, "store");
	undersized = ix_store_undersized(k->index.data, k->frame_count);
	p->move = undersized <= 1 ||
		  undersized * 100 <= (uint64_t)k->frame_count * IX_MERGE_DIRTY;
	return 0;
}

static int add_pieces(struct packer *k, uint32_t input, struct piece **pp,
		      size_t *np, size_t *capp)
{
	uint32_t count;
	const struct ix_extent *rows =
		ix_merge_rows(&k->merge->inputs[input], IX_PART_STORE,
			      IX_NO_FIELD, &count);
	int rc = 0;

	if (ix_grow(pp, capp, *np + count, sizeof(**pp)))
		return -ENOMEM;
	for (uint32_t i = 0; i < count && !rc; i++) {
		struct piece *p = &(*pp)[(*np)++];

		*p = (struct piece){ .row = &rows[i], .input = input };
		rc = can_move(k, p);
	}
	return rc;
}

/* ---- what is packed ---- */

/* Decompress the next frame of `source` and add its records. */
static int pack_frame(struct packer *k, struct ix_source *source,
		      const struct ix_store_frame *f)
{
	const uint8_t *record;
	size_t n, at = 0;
	uint8_t *p;
	int rc;

	ix_buf_clear(&k->frame);
	p = ix_buf_extend(&k->frame, (size_t)f->length);
	if (!p)
		return -ENOMEM;
	rc = ix_source_read(source, p, (size_t)f->length);
	if (!rc)
		rc = ix_store_decode(&k->zstd, p, f, &k->raw);
	while (!rc && ix_store_record(&k->raw, &at, &record, &n))
		rc = ix_store_add(k->writer, record, n);
	return rc;
}

static int pack_piece(struct packer *k, const struct piece *p)
{
	struct ix_merge *m = k->merge;
	struct ix_merge_extent x = { .merge = m,
				     .input = p->input,
				     .row = p->row };
	struct ix_source *source = NULL;
	struct ix_store_frame f;
	int rc = read_index(k, p->input, p->row);

	if (!rc)
		rc = ix_source_open(m->engine, m->inputs[p->input].file,
				    p->row->offset,
				    ix_extent_padded(p->row->length),
				    ix_merge_check_leaf, &x, &source);
	for (uint32_t i = 0; i < k->frame_count && !rc; i++) {
		ix_store_frame(k->index.data, k->frame_count, p->row->doc_count,
			       k->index_offset, i, &f);
		rc = pack_frame(k, source, &f);
		if (!rc)
			rc = ix_segment_writer_error(m->writer);
	}
	ix_source_close(source);
	m->result->bytes_coded += p->row->length;
	return rc ? ix_merge_blame(m, p->input, rc, "store") : 0;
}

/* Pack `n` neighbouring pieces into one extent. */
static int pack(struct packer *k, const struct piece *p, size_t n)
{
	struct ix_merge *m = k->merge;
	struct ix_extent e = {
		.part = IX_PART_STORE,
		.field = IX_NO_FIELD,
		.codec = 1,
		.doc_base = m->inputs[p->input].doc_base + p->row->doc_base,
	};
	int rc = ix_store_writer_new(ix_segment_extent_out, m->writer,
				     &k->writer);

	if (rc)
		return rc;
	for (size_t i = 0; i < n; i++)
		e.doc_count += p[i].row->doc_count;
	ix_segment_extent_begin(m->writer, &e);
	for (size_t i = 0; i < n && !rc; i++)
		rc = pack_piece(k, &p[i]);
	if (!rc)
		rc = ix_store_finish(k->writer);
	ix_segment_extent_end(m->writer);
	if (!rc)
		rc = ix_segment_writer_error(m->writer);
	ix_store_writer_free(k->writer);
	k->writer = NULL;
	return rc;
}

int ix_merge_store(struct ix_merge *m)
{
	struct packer k = { .merge = m };
	struct piece *pieces = NULL;
	size_t n = 0, cap = 0, run;
	int rc = 0;

	for (uint32_t i = 0; i < m->n && !rc; i++)
		rc = add_pieces(&k, i, &pieces, &n, &cap);
	for (size_t i = 0; i < n && !rc; i += run) {
		for (run = 1;
		     !pieces[i].move && i + run < n && !pieces[i + run].move;
		     run++)
			;
		rc = pieces[i].move ? ix_merge_move(m, pieces[i].input,
						    pieces[i].row, IX_NO_FIELD)
				    : pack(&k, &pieces[i], run);
	}
	ix_free(pieces);
	packer_release(&k);
	return rc;
}
