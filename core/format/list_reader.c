/* SPDX-License-Identifier: MIT */
/*
 * A reader holds one decoded unit (a short list counts as one). Long lists are
 * entered chunk by chunk; a chunk's arrays are checked when it is entered, the
 * documents of a unit when they are decoded, frequencies and positions not
 * before somebody asks.
 */
#include "core/format/postings.h"

#include <string.h>

#include "core/base/codec.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/format/chunk.h"
#include "core/format/short_list.h"
#include "core/format/unit.h"

/* Where a chunk is: its head, and what the cursor knows beside it. */
struct chunk {
	struct ix_chunk_view view;
	uint32_t number;
	uint64_t end; /* offset of the next chunk */
	int valid;
};

struct ix_list_reader {
	enum ix_postings_codec codec;
	const uint8_t *payload; /* borrowed */
	struct ix_term_info info;
	uint32_t doc_count;
	int error; /* sticky */

	/* The current unit. */
	uint32_t count; /* of docs[]; 0 = before the first unit */
	uint32_t at;    /* index of the current document + 1 */
	uint32_t docs[IX_UNIT_DOCS];
	uint32_t freqs[IX_UNIT_DOCS];
	int have_freqs;
	struct ix_unit_docs coded;
	const uint8_t *docs_end; /* of the unit's bytes */
	const uint8_t *positions;
	const uint8_t *positions_end;
	struct ix_delta_stream deltas;
	uint32_t deltas_at; /* the document whose deltas come next */
	int have_deltas;
	uint32_t *out; /* owned: positions handed out */
	size_t out_cap;
	uint32_t out_at; /* the document they are of, + 1; 0 = none */

	/* Long lists. */
	const uint8_t *dir; /* entries, NULL: one chunk */
	uint32_t chunk_count;
	uint64_t chunks_end; /* offset behind the last chunk */
	int ended;           /* a seek went behind the last document */
	uint32_t unit;       /* index of the current unit in `cur` */
	struct chunk cur;    /* chunk of the current unit */
	struct chunk peek;   /* another one, for bounds */
	int have_only;       /* bounds of a single chunk, made when needed: */
	struct ix_chunk_entry only;
};

int ix_list_reader_new(enum ix_postings_codec codec, struct ix_list_reader **rp)
{
	struct ix_list_reader *r = ix_calloc(1, sizeof(*r));

	*rp = NULL;
	if (!r)
		return -ENOMEM;
	r->codec = codec;
	*rp = r;
	return 0;
}

void ix_list_reader_free(struct ix_list_reader *r)
{
	if (!r)
		return;
	ix_free(r->out);
	ix_free(r);
}

static int fail(struct ix_list_reader *r, const char *what)
{
	r->error = ix_fail(-IX_ECORRUPT, "postings: wrong %s", what);
	return r->error;
}

/* ---- opening ---- */

static void enter_unit(struct ix_list_reader *r, uint32_t count)
{
	r->count = count;
	r->at = 0;
	r->have_freqs = 0;
	r->have_deltas = 0;
	r->out_at = 0;
}

static int open_short(struct ix_list_reader *r)
{
	struct ix_short_view v;
	int rc;

	rc = ix_short_parse(&v, r->payload, &r->info, r->codec, r->doc_count);
	if (!rc)
		rc = ix_short_decode(&v, r->codec, r->docs, r->freqs);
	if (rc)
		return r->error = rc;
	enter_unit(r, v.df);
	r->have_freqs = 1;
	r->positions = v.positions;
	r->positions_end = v.positions_end;
	return 0;
}

/* Find the directory: it is there if the first chunk has not all documents. */
static int open_long(struct ix_list_reader *r)
{
	uint64_t len = r->info.payload_len;
	const uint8_t *footer;
	uint32_t first_docs;

	enter_unit(r, 0);
	r->dir = NULL;
	r->chunk_count = 1;
	r->chunks_end = len;
	r->cur.valid = 0;
	r->peek.valid = 0;
	r->have_only = 0;
	r->ended = 0;
	if (len < IX_CHUNK_HEADER || !r->info.df || r->info.df > r->doc_count ||
	    r->info.ttf < r->info.df)
		return fail(r, "length or counts of a long list");
	first_docs = ix_get32(r->payload + 4);
	if (first_docs >= r->info.df)
		return first_docs == r->info.df
			       ? 0
			       : fail(r, "documents of the first chunk");
	if (len < IX_CHUNK_HEADER + IX_CHUNK_FOOTER)
		return fail(r, "length of a long list");
	footer = r->payload + len - IX_CHUNK_FOOTER;
	r->chunk_count = ix_get32(footer);
	if (r->chunk_count < 2 || r->chunk_count > r->info.df ||
	    ix_get32(footer + 4) ||
	    (uint64_t)r->chunk_count * (IX_CHUNK_ENTRY + IX_CHUNK_HEADER) >
		    len - IX_CHUNK_FOOTER)
		return fail(r, "chunk directory");
	r->dir = footer - (uint64_t)r->chunk_count * IX_CHUNK_ENTRY;
	r->chunks_end = (uint64_t)(r->dir - r->payload);
	return 0;
}

int ix_list_open(struct ix_list_reader *r, const uint8_t *payload,
		 const struct ix_term_info *info, uint32_t doc_count)
{
	r->payload = payload;
	r->info = *info;
	r->doc_count = doc_count;
	r->error = 0;
	return info->is_long ? open_long(r) : open_short(r);
}

/* ---- chunks and units ---- */

static uint32_t dir_last(const struct ix_list_reader *r, uint32_t chunk)
{
	return ix_get32(r->dir + (uint64_t)chunk * IX_CHUNK_ENTRY + 4);
}

static uint64_t dir_offset(const struct ix_list_reader *r, uint32_t chunk)
{
	return ix_get64(r->dir + (uint64_t)chunk * IX_CHUNK_ENTRY + 8);
}

/* Parse chunk `number` into `c`, and compare it with the directory. */
static int load_chunk(struct ix_list_reader *r, uint32_t number,
		      struct chunk *c)
{
	uint64_t offset = 0;
	uint32_t min_doc = 0;
	struct ix_chunk_view *v = &c->view;
	int rc;

	c->valid = 0;
	c->number = number;
	c->end = r->chunks_end;
	if (r->dir) {
		offset = dir_offset(r, number);
		if (number + 1 < r->chunk_count)
			c->end = dir_offset(r, number + 1);
		if (number > 0)
			min_doc = dir_last(r, number - 1) + 1;
		if (c->end > r->chunks_end || offset >= c->end ||
		    (number == 0 && offset))
			return fail(r, "offset in a chunk directory");
	}
	rc = ix_chunk_parse(v, r->payload + offset, c->end - offset, r->codec,
			    min_doc, r->doc_count);
	if (rc)
		return r->error = rc;
	if (v->pos_len > c->end - offset ||
	    v->head_len + (uint64_t)v->docs_len + v->pos_len != c->end - offset)
		return fail(r, "length of a chunk");
	if (r->dir &&
	    (ix_get32(v->last + 4 * (v->units - 1)) != dir_last(r, number) ||
	     ix_get32(v->first) !=
		     ix_get32(r->dir + (uint64_t)number * IX_CHUNK_ENTRY) ||
	     v->docs !=
		     ix_get32(r->dir + (uint64_t)number * IX_CHUNK_ENTRY + 16)))
		return fail(r, "entry of a chunk directory");
	c->valid = 1;
	return 0;
}

/* Decode unit `unit` of the current chunk. */
static int load_unit(struct ix_list_reader *r, uint32_t unit)
{
	const struct ix_chunk_view *v = &r->cur.view;
	const uint8_t *area = v->head + v->head_len;
	struct ix_unit_info info;
	const uint8_t *docs;

	ix_chunk_unit(v, unit, &info);
	docs = area + ix_get32(v->docs_start + 4 * unit);
	r->docs_end = docs + info.docs_len;
	if (ix_unit_decode_docs(docs, r->docs_end, info.first, info.last,
				r->docs, &r->coded))
		return fail(r, "documents of a unit");
	enter_unit(r, r->coded.count);
	r->unit = unit;
	r->positions = area + v->docs_len + ix_get32(v->pos_start + 4 * unit);
	r->positions_end = r->positions + info.pos_len;
	return 0;
}

/* Enter the unit behind the current one: 1, 0 at the end. */
static int next_unit(struct ix_list_reader *r)
{
	uint32_t chunk = 0;
	int rc;

	if (!r->info.is_long || r->ended)
		return 0;
	if (r->cur.valid) {
		if (r->unit + 1 < r->cur.view.units)
			return (rc = load_unit(r, r->unit + 1)) ? rc : 1;
		chunk = r->cur.number + 1;
		if (chunk == r->chunk_count)
			return 0;
	}
	rc = load_chunk(r, chunk, &r->cur);
	if (!rc)
		rc = load_unit(r, 0);
	return rc ? rc : 1;
}

/* ---- documents ---- */

int ix_list_next(struct ix_list_reader *r, uint32_t *docp)
{
	if (r->error)
		return r->error;
	if (r->at >= r->count) {
		int rc = next_unit(r);

		if (rc <= 0)
			return rc;
	}
	*docp = r->docs[r->at++];
	return 1;
}

/* First chunk, from `from` on, that may have a document >= target;
 * chunk_count if none. */
static uint32_t find_chunk(const struct ix_list_reader *r, uint32_t from,
			   uint32_t target)
{
	uint32_t low = from;
	uint32_t high = r->chunk_count;

	if (!r->dir)
		return low;
	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (dir_last(r, mid) < target)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* First unit of a chunk with last >= target; units if none. */
static uint32_t find_unit(const struct ix_chunk_view *v, uint32_t from,
			  uint32_t target)
{
	uint32_t i = from;

	while (i < v->units && ix_get32(v->last + 4 * i) < target)
		i++;
	return i;
}

static int end_list(struct ix_list_reader *r)
{
	enter_unit(r, 0);
	r->ended = 1;
	return 0;
}

/* Enter the first unit with a document >= target, behind the current one: 1,
 * 0 at the end. */
static int seek_unit(struct ix_list_reader *r, uint32_t target)
{
	uint32_t from = 0;
	uint32_t unit = 0;
	uint32_t chunk;
	int rc;

	if (!r->info.is_long || r->ended)
		return 0;
	if (r->cur.valid) {
		const struct ix_chunk_view *v = &r->cur.view;

		unit = find_unit(v, r->unit + 1, target);
		if (unit < v->units)
			return (rc = load_unit(r, unit)) ? rc : 1;
		from = r->cur.number + 1;
	}
	chunk = find_chunk(r, from, target);
	if (chunk == r->chunk_count)
		return end_list(r);
	rc = load_chunk(r, chunk, &r->cur);
	if (rc)
		return rc;
	unit = find_unit(&r->cur.view, 0, target);
	if (unit == r->cur.view.units)
		return end_list(r); /* of a list without directory */
	return (rc = load_unit(r, unit)) ? rc : 1;
}

int ix_list_seek(struct ix_list_reader *r, uint32_t target, uint32_t *docp)
{
	uint32_t low = r->at;
	uint32_t high = r->count;

	if (r->error)
		return r->error;
	if (r->count == 0 || r->docs[r->count - 1] < target) {
		int rc = seek_unit(r, target);

		if (rc <= 0) {
			r->at = r->count;
			return rc;
		}
		low = 0;
		high = r->count;
	}
	while (low < high) {
		uint32_t mid = (low + high) / 2;

		if (r->docs[mid] < target)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == r->count)
		return fail(r, "documents of a unit");
	*docp = r->docs[low];
	r->at = low + 1;
	return 1;
}

/* ---- frequencies and positions ---- */

static int need_freqs(struct ix_list_reader *r)
{
	if (r->have_freqs)
		return 0;
	if (ix_unit_decode_freqs(&r->coded, r->docs_end, r->codec, r->freqs))
		return fail(r, "frequencies of a unit");
	r->have_freqs = 1;
	return 0;
}

uint32_t ix_list_freq(struct ix_list_reader *r)
{
	if (r->codec == IX_POSTINGS_DOCS || !r->at || r->error || need_freqs(r))
		return 1;
	return r->freqs[r->at - 1];
}

void ix_list_unit(const struct ix_list_reader *r, const uint32_t **docsp,
		  uint32_t *countp, uint32_t *atp)
{
	*docsp = r->docs;
	*countp = r->count;
	*atp = r->at - 1;
}

const uint32_t *ix_list_unit_freqs(struct ix_list_reader *r)
{
	if (r->codec == IX_POSTINGS_DOCS || r->error || need_freqs(r))
		return NULL;
	return r->freqs;
}

void ix_list_unit_move(struct ix_list_reader *r, uint32_t at)
{
	r->at = at + 1;
}

/* Bring the delta stream to the current document. */
static int find_deltas(struct ix_list_reader *r)
{
	uint32_t doc = r->at - 1;
	uint64_t skip = 0;

	if (!r->have_deltas || r->deltas_at > doc) {
		uint64_t total = 0;

		for (uint32_t i = 0; i < r->count; i++)
			total += r->freqs[i];
		ix_delta_stream_init(&r->deltas, r->positions, r->positions_end,
				     total, r->info.is_long);
		r->deltas_at = 0;
		r->have_deltas = 1;
	}
	for (; r->deltas_at < doc; r->deltas_at++)
		skip += r->freqs[r->deltas_at];
	return ix_delta_stream_skip(&r->deltas, skip);
}

/* Sum up `n` deltas behind the `have` positions in out[]; -1 unless they
 * ascend. */
static int sum_deltas(struct ix_list_reader *r, uint32_t have, uint32_t n)
{
	const uint32_t *deltas = r->deltas.values + r->deltas.i;
	uint32_t *out = r->out + have;
	uint64_t p = have ? r->out[have - 1] : 0;
	uint32_t zeros = 0;

	for (uint32_t k = 0; k < n; k++) {
		p += deltas[k];
		zeros += deltas[k] == 0;
		out[k] = (uint32_t)p;
	}
	if (!have && deltas[0] == 0)
		zeros--;
	return p > UINT32_MAX || zeros ? -1 : 0;
}

int ix_list_positions(struct ix_list_reader *r, const uint32_t **positionsp)
{
	uint32_t have = 0;
	uint32_t freq;

	*positionsp = NULL;
	if (r->error)
		return r->error;
	if (r->codec != IX_POSTINGS_POSITIONS || !r->at)
		return ix_fail(-EINVAL, "postings: no positions here");
	if (r->out_at != r->at) {
		if (need_freqs(r))
			return r->error;
		if (find_deltas(r))
			return fail(r, "positions");
		freq = r->freqs[r->at - 1];
		/* The buffer grows with what was really decoded: a hostile
		 * frequency costs no more memory than the bytes behind it
		 * can stand for. */
		while (have < freq) {
			uint32_t part = r->deltas.n - r->deltas.i;

			if (!part) {
				if (ix_delta_stream_fill(&r->deltas))
					return fail(r, "positions");
				continue;
			}
			part = part < freq - have ? part : freq - have;
			if (ix_grow(&r->out, &r->out_cap, have + (size_t)part,
				    sizeof(*r->out)))
				return r->error = -ENOMEM;
			if (sum_deltas(r, have, part))
				return fail(r, "positions");
			r->deltas.i += part;
			have += part;
		}
		r->deltas_at = r->at;
		r->out_at = r->at;
	}
	*positionsp = r->out;
	return 0;
}

/* ---- bounds ---- */

/* Is `c` the first chunk that may have a document >= target? */
static int chunk_serves(const struct ix_list_reader *r, const struct chunk *c,
			uint32_t target)
{
	const struct ix_chunk_view *v = &c->view;

	return c->valid && target <= ix_get32(v->last + 4 * (v->units - 1)) &&
	       (c->number == 0 || dir_last(r, c->number - 1) < target);
}

static int unit_bounds(struct ix_list_reader *r, uint32_t target,
		       struct ix_impact impacts[IX_IMPACTS], uint32_t *lastp)
{
	struct chunk *c = &r->cur;
	uint32_t unit;

	if (!chunk_serves(r, c, target)) {
		c = &r->peek;
		if (!chunk_serves(r, c, target)) {
			uint32_t number = find_chunk(r, 0, target);
			int rc;

			if (number == r->chunk_count)
				return 0;
			rc = load_chunk(r, number, c);
			if (rc)
				return rc;
		}
	}
	unit = find_unit(&c->view, 0, target);
	if (unit == c->view.units)
		return 0;
	ix_chunk_impacts(&c->view, unit, impacts);
	*lastp = ix_get32(c->view.last + 4 * unit);
	return 1;
}

static int chunk_bounds(struct ix_list_reader *r, uint32_t target,
			struct ix_impact impacts[IX_IMPACTS], uint32_t *lastp)
{
	struct ix_chunk_entry e;
	uint32_t number;
	int rc;

	if (r->dir) {
		number = find_chunk(r, 0, target);
		if (number == r->chunk_count)
			return 0;
		rc = ix_chunk_entry_decode(r->dir + (uint64_t)number *
							    IX_CHUNK_ENTRY,
					   &e);
		if (rc)
			return r->error = rc;
	} else {
		if (!r->have_only) {
			struct chunk *c = r->cur.valid ? &r->cur : &r->peek;

			rc = c->valid ? 0 : load_chunk(r, 0, c);
			if (rc)
				return rc;
			ix_chunk_entry_make(&c->view, 0, &r->only);
			r->have_only = 1;
		}
		e = r->only;
		if (e.last < target)
			return 0;
	}
	memcpy(impacts, e.impacts, sizeof(e.impacts));
	*lastp = e.last;
	return 1;
}

int ix_list_bounds(struct ix_list_reader *r, uint32_t target, int level,
		   struct ix_impact impacts[IX_IMPACTS], uint32_t *lastp)
{
	memset(impacts, 0, IX_IMPACTS * sizeof(*impacts));
	*lastp = IX_NO_DOC - 1;
	if (r->error)
		return r->error;
	if (!r->info.is_long)
		return target <= r->docs[r->count - 1];
	return level == 0 ? unit_bounds(r, target, impacts, lastp)
			  : chunk_bounds(r, target, impacts, lastp);
}
