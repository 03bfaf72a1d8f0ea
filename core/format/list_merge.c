/* SPDX-License-Identifier: MIT */
#include "core/format/list_merge.h"

#include <assert.h>
#include <string.h>

#include "core/base/codec.h"
#include "core/base/err.h"

void ix_list_merge_init(struct ix_list_merge *m, enum ix_postings_codec codec)
{
	memset(m, 0, sizeof(*m));
	m->codec = codec;
	ix_long_writer_init(&m->writer, codec);
}

void ix_list_merge_release(struct ix_list_merge *m)
{
	ix_long_writer_release(&m->writer);
	ix_buf_release(&m->payload);
	ix_buf_release(&m->docs);
}

static int damaged(const char *what)
{
	return ix_fail(-IX_ECORRUPT, "postings: wrong %s", what);
}

/* ---- short lists ---- */

static int view_short(struct ix_list_merge *m, struct ix_merge_cursor *c,
		      struct ix_short_view *v)
{
	return ix_short_parse(v, c->p, &c->info, m->codec,
			      c->source->doc_count);
}

static uint8_t *put_bytes(uint8_t *p, const uint8_t *from, const uint8_t *end)
{
	size_t n = (size_t)(end - from);

	memcpy(p, from, n);
	return p + n;
}

/* A short list alone: only its first document changes. Writes at `p`, returns
 * the end, NULL for damage. */
static uint8_t *copy_short(struct ix_list_merge *m, struct ix_merge_cursor *c,
			   uint8_t *p)
{
	struct ix_short_view *v = &m->views[0];
	const uint8_t *rest = c->p;

	if (view_short(m, c, v))
		return NULL;
	while (*rest++ & 0x80) /* over the first document */
		;
	p = ix_put_varint(p, v->first + c->source->doc_base);
	return put_bytes(p, rest, c->end);
}

/* The docs area of a list that has `gap` to the document before it, if it
 * follows any: its first entry anew, the rest copied. NULL for damage. */
static uint8_t *put_area(enum ix_postings_codec codec,
			 const struct ix_short_view *v, int follows,
			 uint32_t gap, uint8_t *p)
{
	const uint8_t *rest = v->docs;
	uint32_t old;

	if (codec == IX_POSTINGS_DOCS) {
		if (follows)
			p = ix_put_varint(p, gap);
	} else if (v->df == 1) {
		p = ix_short_put_doc(p, codec, gap, (uint32_t)v->ttf);
	} else {
		if (ix_get_varint32(&rest, v->docs_end, &old) || old >> 1) {
			(void)damaged("first document of a short list");
			return NULL;
		}
		p = ix_put_varint(p, (uint64_t)gap << 1 | (old & 1));
	}
	return put_bytes(p, rest, v->docs_end);
}

/* Concatenate short lists at `p`; returns the end, NULL for damage. */
static uint8_t *join_shorts(struct ix_list_merge *m,
			    struct ix_merge_cursor *const *cursors, uint32_t n,
			    uint8_t *p, uint32_t *badp)
{
	uint8_t *area = m->area;
	uint8_t *area_end = area;
	uint32_t first = 0;
	uint32_t last = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t base = cursors[i]->source->doc_base;
		struct ix_short_view *v = &m->views[i];

		*badp = i;
		if (view_short(m, cursors[i], v))
			return NULL;
		/* What a valid area can have at most; a longer one would be
		 * found damaged when it is decoded. */
		if ((size_t)(v->docs_end - v->docs) >
		    v->df * 2u * IX_VARINT32_MAX) {
			(void)damaged("length of documents");
			return NULL;
		}
		area_end = put_area(m->codec, v, i > 0,
				    i ? base + v->first - last : 0, area_end);
		if (!area_end)
			return NULL;
		if (i == 0)
			first = base + v->first;
		last = base + v->last;
	}
	p = ix_put_varint(p, first);
	p = ix_put_varint(p, last - first);
	if (m->codec == IX_POSTINGS_POSITIONS)
		p = ix_put_varint(p, (uint64_t)(area_end - area));
	p = put_bytes(p, area, area_end);
	for (uint32_t i = 0; i < n && m->codec == IX_POSTINGS_POSITIONS; i++)
		p = put_bytes(p, m->views[i].positions,
			      m->views[i].positions_end);
	return p;
}

/* A short result, if it stays short: 1, 0 when it does not, negative. */
static int merge_short(struct ix_list_merge *m,
		       struct ix_merge_cursor *const *cursors, uint32_t n,
		       struct ix_term_info *info, uint64_t bytes,
		       uint32_t *badp)
{
	const struct ix_merge_cursor *c = cursors[0];
	uint8_t *start;
	uint8_t *end;

	/* Each list can grow by a first document with its frequency, all of
	 * them by the three values in front. */
	start = ix_terms_reserve(m->terms, (size_t)bytes +
						   n * 2 * IX_VARINT32_MAX +
						   3 * IX_VARINT32_MAX);
	if (!start)
		return -ENOMEM;
	*badp = 0;
	end = n > 1 ? join_shorts(m, cursors, n, start, badp)
		    : copy_short(m, cursors[0], start);
	if (!end)
		return -IX_ECORRUPT;
	*badp = n;
	info->payload_len = (uint64_t)(end - start);
	if (info->payload_len > IX_SHORT_BYTES)
		return 0;
	m->stats->bytes_copied += info->payload_len;
	ix_terms_add(m->terms, c->term, c->term_len, info, start);
	return 1;
}

/* Code the documents of a short list into the open unit. */
static int code_short(struct ix_list_merge *m, struct ix_merge_cursor *c)
{
	struct ix_short_view v;
	int rc = view_short(m, c, &v);

	if (!rc)
		rc = ix_short_decode(&v, m->codec, m->doc_ids, m->freqs);
	if (rc)
		return rc;
	for (uint32_t i = 0; i < v.df; i++)
		m->doc_ids[i] += c->source->doc_base;
	if (ix_long_add_coded(&m->writer, m->doc_ids, m->freqs, v.df,
			      v.positions, v.positions_end))
		return damaged("positions of a short list");
	m->stats->bytes_coded += c->info.payload_len;
	return 0;
}

/* ---- long lists ---- */

/* A chunk being read: a copy of its head, since the window moves on. */
struct chunk_in {
	struct ix_chunk_view view;
	uint8_t head[IX_CHUNK_HEAD_MAX];
};

static int read_head(struct ix_list_merge *m, struct ix_merge_cursor *c,
		     uint32_t min_doc, struct chunk_in *in)
{
	const uint8_t *p;
	uint32_t units;
	size_t len;
	int rc;

	rc = ix_payload_view(c, IX_CHUNK_HEADER, &p);
	if (rc)
		return rc;
	units = ix_chunk_units(p);
	if (!units)
		return damaged("chunk header");
	len = IX_CHUNK_HEADER + IX_CHUNK_PER_UNIT * units;
	rc = ix_payload_view(c, len, &p);
	if (rc)
		return rc;
	memcpy(in->head, p, len);
	ix_payload_skip(c, len);
	rc = ix_chunk_parse(&in->view, in->head, len, m->codec, min_doc,
			    c->source->doc_count);
	if (!rc && (in->view.docs_len > ix_payload_left(c) ||
		    in->view.pos_len > ix_payload_left(c) - in->view.docs_len))
		rc = damaged("length of a chunk");
	return rc;
}

/* Documents of unit `i`, as it says itself; `docs` is the docs area. */
static uint32_t unit_count(const struct chunk_in *in, const uint8_t *docs,
			   uint32_t i)
{
	return docs[ix_get32(in->view.docs_start + 4 * i)] + 1u;
}

static int check_counts(const struct chunk_in *in, const uint8_t *docs)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < in->view.units; i++) {
		uint32_t count = unit_count(in, docs, i);

		if (count > IX_UNIT_DOCS)
			return damaged("number of documents of a unit");
		sum += count;
	}
	return sum == in->view.docs ? 0
				    : damaged("number of documents of a chunk");
}

static void append_bytes(void *ctx, const void *data, size_t n)
{
	ix_buf_add(ctx, data, n);
}

/* Take a chunk apart and give its units to the chunk writer. */
static int push_units(struct ix_list_merge *m, struct ix_merge_cursor *c,
		      struct chunk_in *in)
{
	struct ix_chunk_writer *w = &m->writer.chunks;
	uint32_t base = c->source->doc_base;
	const uint8_t *docs;
	int rc;

	/* Positions follow the documents of all units: keep these. */
	ix_buf_clear(&m->docs);
	rc = ix_payload_copy(c, in->view.docs_len, append_bytes, &m->docs);
	if (!rc)
		rc = m->docs.error;
	if (!rc)
		rc = check_counts(in, m->docs.data);
	docs = m->docs.data;
	for (uint32_t i = 0; i < in->view.units && !rc && !w->error; i++) {
		struct ix_unit_info u;

		ix_chunk_unit(&in->view, i, &u);
		u.count = unit_count(in, docs, i);
		if (u.last - u.first < u.count - 1)
			return damaged("document range of a unit");
		u.first += base;
		u.last += base;
		ix_buf_add(&w->docs,
			   docs + ix_get32(in->view.docs_start + 4 * i),
			   u.docs_len);
		if (u.pos_len < IX_CHUNK_POSITION) {
			rc = ix_payload_copy(c, u.pos_len, append_bytes,
					     &w->positions);
			ix_chunk_push(w, &u);
		} else {
			ix_chunk_push_streamed(w, &u);
			rc = ix_payload_copy(c, u.pos_len, w->write, w->ctx);
		}
		m->stats->bytes_copied += u.docs_len + u.pos_len;
	}
	return rc ? rc : w->error;
}

/* Copy a chunk as it is, but for its document numbers. */
static int copy_chunk(struct ix_list_merge *m, struct ix_merge_cursor *c,
		      struct chunk_in *in)
{
	struct ix_chunk_writer *w = &m->writer.chunks;
	struct ix_chunk_view *v = &in->view;
	const uint8_t *docs;
	int rc;

	rc = ix_payload_view(c, v->docs_len, &docs);
	if (!rc)
		rc = check_counts(in, docs);
	if (rc)
		return rc;
	for (uint32_t i = 0; i < 2 * v->units; i++) {
		uint8_t *doc = in->head + IX_CHUNK_HEADER + 4 * i;

		ix_put32(doc, ix_get32(doc) + c->source->doc_base);
	}
	ix_chunk_copied(w, v);
	m->stats->bytes_copied += v->docs_len + v->pos_len;
	return ix_payload_copy(c, v->docs_len + v->pos_len, w->write, w->ctx);
}

/* The directory says what the chunks said; a merge makes its own. */
static int skip_directory(struct ix_merge_cursor *c, uint32_t chunks)
{
	uint64_t entries = (uint64_t)chunks * IX_CHUNK_ENTRY;
	const uint8_t *p;
	int rc = 0;

	while (entries > 0 && !rc) {
		size_t part = entries < 65536 ? (size_t)entries : 65536;

		rc = ix_payload_view(c, part, &p);
		if (!rc)
			ix_payload_skip(c, part);
		entries -= part;
	}
	if (!rc)
		rc = ix_payload_view(c, IX_CHUNK_FOOTER, &p);
	if (rc)
		return rc;
	if (ix_get32(p) != chunks || ix_get32(p + 4))
		return damaged("chunk directory");
	ix_payload_skip(c, IX_CHUNK_FOOTER);
	return 0;
}

/* A whole long list, chunk by chunk; `alone`: nothing else is in the result. */
static int read_long(struct ix_list_merge *m, struct ix_merge_cursor *c,
		     int alone)
{
	struct chunk_in in;
	uint64_t docs = 0;
	uint32_t chunks = 0;
	uint32_t min_doc = 0;
	int rc;

	while (docs < c->info.df) {
		rc = read_head(m, c, min_doc, &in);
		if (rc)
			return rc;
		docs += in.view.docs;
		chunks++;
		min_doc = ix_get32(in.view.last + 4 * (in.view.units - 1)) + 1;
		if (docs > c->info.df)
			return damaged("number of documents of a list");
		rc = alone ? copy_chunk(m, c, &in) : push_units(m, c, &in);
		if (rc)
			return rc;
	}
	if (chunks > 1) {
		rc = skip_directory(c, chunks);
		if (rc)
			return rc;
	}
	if (!c->streamed && ix_payload_left(c))
		return damaged("length of a list");
	return 0;
}

/* ---- long results ---- */

static void write_large(void *ctx, const void *data, size_t n)
{
	ix_terms_write_large(ctx, data, n);
}

/* Joining may find damage in a unit of an earlier source. */
static uint32_t owner_of(struct ix_merge_cursor *const *cursors, uint32_t n,
			 uint32_t doc)
{
	while (n > 1 && cursors[n - 1]->source->doc_base > doc)
		n--;
	return n - 1;
}

static int write_long(struct ix_list_merge *m,
		      struct ix_merge_cursor *const *cursors, uint32_t n,
		      uint32_t df, uint32_t *badp)
{
	uint64_t coded;
	int rc = 0;

	for (uint32_t i = 0; i < n && !rc; i++) {
		*badp = i;
		if (!cursors[i]->info.is_long) {
			rc = code_short(m, cursors[i]);
			continue;
		}
		ix_long_close_unit(&m->writer);
		rc = read_long(m, cursors[i], n == 1);
	}
	if (!rc) {
		*badp = n;
		rc = ix_long_finish(&m->writer);
	}
	if (rc && m->writer.chunks.error == -IX_ECORRUPT)
		*badp = owner_of(cursors, n, m->writer.chunks.bad_doc);
	if (rc)
		return rc;
	assert(m->writer.chunks.doc_count == df);
	(void)df;
	coded = m->writer.chunks.coded_bytes;
	m->stats->bytes_coded += coded;
	m->stats->bytes_copied -=
		coded < m->stats->bytes_copied ? coded : m->stats->bytes_copied;
	return 0;
}

static int merge_long(struct ix_list_merge *m,
		      struct ix_merge_cursor *const *cursors, uint32_t n,
		      struct ix_term_info *info, int large, uint32_t *badp)
{
	const struct ix_merge_cursor *c = cursors[0];
	int rc;

	info->is_long = 1;
	if (large) {
		ix_terms_begin_large(m->terms, c->term, c->term_len, info->df,
				     info->ttf);
		ix_long_begin(&m->writer, m->norms, write_large, m->terms);
		rc = write_long(m, cursors, n, info->df, badp);
		ix_terms_end_large(m->terms);
		return rc;
	}
	ix_buf_clear(&m->payload);
	ix_long_begin(&m->writer, m->norms, append_bytes, &m->payload);
	rc = write_long(m, cursors, n, info->df, badp);
	if (!rc)
		rc = m->payload.error;
	if (rc)
		return rc;
	info->payload_len = m->payload.len;
	ix_terms_add(m->terms, c->term, c->term_len, info, m->payload.data);
	return 0;
}

/* ---- the term ---- */

/* Sum up what the dictionaries say. `*largep`: the payloads together are above
 * the block limit. */
static int sum_up(struct ix_merge_cursor *const *cursors, uint32_t n,
		  struct ix_term_info *info, int *all_shortp, uint64_t *bytesp,
		  int *largep)
{
	uint64_t df = 0;
	uint64_t bytes = 0;

	memset(info, 0, sizeof(*info));
	*all_shortp = 1;
	*bytesp = 0;
	*largep = 0;
	for (uint32_t i = 0; i < n; i++) {
		const struct ix_term_info *t = &cursors[i]->info;

		df += t->df;
		bytes += t->payload_len;
		*all_shortp &= !t->is_long;
		*largep |= cursors[i]->streamed;
		if (__builtin_add_overflow(info->ttf, t->ttf, &info->ttf))
			return ix_fail(-IX_ELIMIT,
				       "terms: too many occurrences of a term");
	}
	if (df > IX_DOCS_MAX)
		return ix_fail(-IX_ELIMIT, "terms: too many documents");
	info->df = (uint32_t)df;
	*bytesp = bytes;
	*largep |= bytes > IX_BLOCK_PAYLOAD;
	return 0;
}

int ix_list_merge_term(struct ix_list_merge *m,
		       struct ix_merge_cursor *const *cursors, uint32_t n,
		       uint32_t *badp)
{
	struct ix_term_info info;
	uint64_t bytes;
	int all_short;
	int large;
	int rc;

	*badp = n;
	rc = sum_up(cursors, n, &info, &all_short, &bytes, &large);
	if (rc)
		return rc;
	if (all_short && info.df < IX_SHORT_DOCS && !large) {
		rc = merge_short(m, cursors, n, &info, bytes, badp);
		if (rc)
			return rc < 0 ? rc : 0;
	}
	return merge_long(m, cursors, n, &info, large, badp);
}
