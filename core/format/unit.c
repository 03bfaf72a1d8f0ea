/* SPDX-License-Identifier: MIT */
#include "core/format/unit.h"

#include <assert.h>
#include <string.h>

#include "core/base/codec.h"

/* Form of a unit of fewer than 128 documents. */
#define GAPS_PACKED  1u
#define FREQS_PACKED 2u

/* ---- encoding ---- */

void ix_unit_encoder_init(struct ix_unit_encoder *e,
			  enum ix_postings_codec codec)
{
	memset(e, 0, sizeof(*e));
	e->codec = codec;
}

void ix_unit_encoder_release(struct ix_unit_encoder *e)
{
	ix_buf_release(&e->positions);
}

uint64_t ix_unit_add_docs(struct ix_unit_encoder *e, const uint32_t *docs,
			  const uint32_t *freqs, uint32_t n)
{
	uint64_t sum = 0;

	assert(n <= IX_UNIT_DOCS - e->count);
	memcpy(e->docs + e->count, docs, n * sizeof(*docs));
	memcpy(e->freqs + e->count, freqs, n * sizeof(*freqs));
	e->count += n;
	for (uint32_t i = 0; i < n; i++)
		sum += freqs[i];
	return sum;
}

static void pack_to(struct ix_buf *out, const uint32_t *values)
{
	if (ix_buf_reserve(out, IX_PACK_MAX))
		return;
	out->len += ix_pack(values, out->data + out->len);
}

void ix_unit_add_deltas(struct ix_unit_encoder *e, const uint32_t *deltas,
			size_t n)
{
	while (n > 0) {
		size_t part = IX_PACK_VALUES - e->delta_count;

		/* Whole groups go without a copy. */
		if (part == IX_PACK_VALUES && n >= part) {
			pack_to(&e->positions, deltas);
			deltas += part;
			n -= part;
			continue;
		}
		part = part < n ? part : n;
		memcpy(e->deltas + e->delta_count, deltas,
		       part * sizeof(*deltas));
		e->delta_count += (uint32_t)part;
		deltas += part;
		n -= part;
		if (e->delta_count == IX_PACK_VALUES) {
			pack_to(&e->positions, e->deltas);
			e->delta_count = 0;
		}
	}
}

/* Append `n` values of a unit, packed where that is shorter; all 128 always
 * are. Room for 128 values at `values`. Returns whether they are packed. */
static int put_values(struct ix_buf *out, uint32_t *values, uint32_t n,
		      uint32_t skip)
{
	uint8_t packed[IX_PACK_MAX];
	uint8_t coded[IX_UNIT_DOCS * IX_VARINT32_MAX];
	uint8_t *p = coded;
	size_t len;

	memset(values + n, 0, (IX_UNIT_DOCS - n) * sizeof(*values));
	len = ix_pack(values, packed);
	if (n < IX_UNIT_DOCS) {
		for (uint32_t i = skip; i < n; i++)
			p = ix_put_varint(p, values[i]);
		if ((size_t)(p - coded) <= len) {
			ix_buf_add(out, coded, (size_t)(p - coded));
			return 0;
		}
	}
	ix_buf_add(out, packed, len);
	return 1;
}

static void encode_docs(struct ix_unit_encoder *e, struct ix_buf *out)
{
	uint32_t values[IX_UNIT_DOCS];
	size_t form_at;
	unsigned form;

	ix_buf_add_u8(out, (uint8_t)(e->count - 1));
	form_at = out->len;
	if (e->count < IX_UNIT_DOCS)
		ix_buf_add_u8(out, 0);
	values[0] = 0;
	for (uint32_t i = 1; i < e->count; i++)
		values[i] = e->docs[i] - e->docs[i - 1] - 1;
	form = put_values(out, values, e->count, 1) ? GAPS_PACKED : 0;
	if (e->codec != IX_POSTINGS_DOCS) {
		for (uint32_t i = 0; i < e->count; i++)
			values[i] = e->freqs[i] - 1;
		if (put_values(out, values, e->count, 0))
			form |= FREQS_PACKED;
	}
	if (e->count < IX_UNIT_DOCS && !out->error)
		out->data[form_at] = (uint8_t)form;
}

static void bound_docs(struct ix_unit_encoder *e, struct ix_unit_info *info)
{
	const uint32_t *lengths = e->norms ? e->norms->lengths : NULL;
	const uint64_t *ties = e->norms ? e->norms->ties : NULL;
	uint64_t min_tie = ties ? UINT64_MAX : 0;

	for (uint32_t i = 0; i < e->count; i++) {
		uint32_t doc = e->docs[i];

		if (e->codec != IX_POSTINGS_DOCS)
			ix_impact_set_add(&e->set, ix_freq_code(e->freqs[i]),
					  lengths ? ix_length_code(lengths[doc])
						  : 0);
		if (ties && ties[doc] < min_tie)
			min_tie = ties[doc];
	}
	info->min_tie = (uint32_t)(min_tie >> 32);
	if (e->codec == IX_POSTINGS_DOCS) {
		memset(info->impacts, 0, sizeof(info->impacts));
		info->impacts[0].freq = 1;
	} else {
		ix_impact_set_finish(&e->set, info->impacts);
	}
}

void ix_unit_finish(struct ix_unit_encoder *e, struct ix_buf *docs,
		    struct ix_buf *positions, struct ix_unit_info *info)
{
	size_t docs_before = docs->len;
	size_t before = positions->len;

	assert(e->count > 0);
	info->count = e->count;
	info->first = e->docs[0];
	info->last = e->docs[e->count - 1];
	bound_docs(e, info);
	encode_docs(e, docs);
	info->docs_len = (uint32_t)(docs->len - docs_before);

	ix_buf_add(positions, e->positions.data, e->positions.len);
	for (uint32_t i = 0; i < e->delta_count; i++)
		ix_buf_add_varint(positions, e->deltas[i]);
	info->pos_len = positions->len - before;
	if (e->positions.error && !positions->error)
		positions->error = e->positions.error;
	ix_buf_clear(&e->positions);
	e->count = 0;
	e->delta_count = 0;
}

/* ---- decoding ---- */

/* `n` values, of which the first `skip` are not there when byte-coded (0).
 * Those behind them in a packed group are 0. */
static int get_values(const uint8_t **pp, const uint8_t *end, int packed,
		      uint32_t n, uint32_t skip, uint32_t *values)
{
	uint32_t any = 0;

	if (!packed) {
		values[0] = 0;
		for (uint32_t i = skip; i < n; i++)
			if (ix_get_varint32(pp, end, &values[i]))
				return -1;
		return 0;
	}
	if (ix_unpack(pp, end, values))
		return -1;
	for (uint32_t i = n; i < IX_UNIT_DOCS; i++)
		any |= values[i];
	return any ? -1 : 0;
}

int ix_unit_decode_docs(const uint8_t *p, const uint8_t *end, uint32_t first,
			uint32_t last, uint32_t docs[IX_UNIT_DOCS],
			struct ix_unit_docs *d)
{
	uint32_t doc = first;
	uint32_t any = 0;
	uint64_t sum = first;

	if (p == end || *p >= IX_UNIT_DOCS)
		return -1;
	d->count = *p++ + 1u;
	d->form = GAPS_PACKED | FREQS_PACKED;
	if (d->count < IX_UNIT_DOCS) {
		if (p == end || *p > (GAPS_PACKED | FREQS_PACKED))
			return -1;
		d->form = *p++;
	}
	if (get_values(&p, end, d->form & GAPS_PACKED, d->count, 1, docs) ||
	    docs[0] != 0)
		return -1;
	d->freqs = p;
	docs[0] = first;
	for (uint32_t i = 1; i < d->count; i++) {
		any |= docs[i];
		doc += docs[i] + 1;
		docs[i] = doc;
	}
	if (doc != last)
		return -1;
	/* Gaps below 2^24 cannot take the sum of 128 over 2^32, so that the
	 * right end proves every document. Else look at each. */
	if (any >> 24 == 0)
		return 0;
	for (uint32_t i = 1; i < d->count; i++) {
		if (docs[i] <= docs[i - 1])
			return -1;
		sum += docs[i] - docs[i - 1];
	}
	return sum == last ? 0 : -1;
}

int ix_unit_decode_freqs(const struct ix_unit_docs *d, const uint8_t *end,
			 enum ix_postings_codec codec,
			 uint32_t freqs[IX_UNIT_DOCS])
{
	const uint8_t *p = d->freqs;

	if (codec == IX_POSTINGS_DOCS) {
		for (uint32_t i = 0; i < d->count; i++)
			freqs[i] = 1;
		return p == end && (d->count == IX_UNIT_DOCS ||
				    !(d->form & FREQS_PACKED))
			       ? 0
			       : -1;
	}
	if (get_values(&p, end, d->form & FREQS_PACKED, d->count, 0, freqs))
		return -1;
	for (uint32_t i = 0; i < d->count; i++)
		if (++freqs[i] == 0)
			return -1;
	return p == end ? 0 : -1;
}

/* ---- position deltas ---- */

void ix_delta_stream_init(struct ix_delta_stream *s, const uint8_t *p,
			  const uint8_t *end, uint64_t total, int packed)
{
	s->p = p;
	s->end = end;
	s->groups = packed ? total / IX_PACK_VALUES : 0;
	s->varints = total - s->groups * IX_PACK_VALUES;
	s->n = 0;
	s->i = 0;
}

/* Four bytes to four values. */
static inline void widen_four(const uint8_t *p, uint32_t *out)
{
	typedef uint8_t bytes __attribute__((vector_size(4)));
	typedef uint32_t words __attribute__((vector_size(16)));
	bytes b;
	words w;

	memcpy(&b, p, sizeof(b));
	w = __builtin_convertvector(b, words);
	memcpy(out, &w, sizeof(w));
}

/* Decode `n` varints; eight bytes at a time where these are runs of one-byte
 * values, which most deltas are. `out` has room for 8 values behind. */
static int get_varints(const uint8_t **pp, const uint8_t *end, uint32_t *out,
		       uint32_t n)
{
	const uint8_t *p = *pp;
	uint32_t i = 0;

	while (i < n && end - p >= 8) {
		uint64_t longer = ix_get64(p) & 0x8080808080808080u;
		uint32_t run =
			longer ? (uint32_t)__builtin_ctzll(longer) / 8 : 8;

		widen_four(p, out + i);
		widen_four(p + 4, out + i + 4);
		run = run < n - i ? run : n - i;
		i += run;
		p += run;
		if (run < 8 && i < n && ix_get_varint32(&p, end, &out[i++]))
			return -1;
	}
	while (i < n)
		if (ix_get_varint32(&p, end, &out[i++]))
			return -1;
	*pp = p;
	return 0;
}

int ix_delta_stream_fill(struct ix_delta_stream *s)
{
	s->i = 0;
	s->n = 0;
	if (s->groups) {
		if (ix_unpack(&s->p, s->end, s->values))
			return -1;
		s->groups--;
		s->n = IX_PACK_VALUES;
		return 0;
	}
	s->n = s->varints < IX_PACK_VALUES ? (uint32_t)s->varints
					   : IX_PACK_VALUES;
	s->varints -= s->n;
	if (get_varints(&s->p, s->end, s->values, s->n))
		s->n = 0;
	return s->n ? 0 : -1;
}

int ix_delta_stream_move(struct ix_delta_stream *s, uint64_t n,
			 struct ix_unit_encoder *to)
{
	while (n > 0) {
		uint32_t part = s->n - s->i;

		if (!part) {
			if (ix_delta_stream_fill(s))
				return -1;
			continue;
		}
		part = part < n ? part : (uint32_t)n;
		ix_unit_add_deltas(to, s->values + s->i, part);
		s->i += part;
		n -= part;
	}
	return 0;
}

int ix_delta_stream_skip(struct ix_delta_stream *s, uint64_t n)
{
	for (;;) {
		uint32_t ready = s->n - s->i;

		if (n <= ready) {
			s->i += (uint32_t)n;
			return 0;
		}
		n -= ready;
		s->i = s->n = 0;
		for (; n >= IX_PACK_VALUES && s->groups; s->groups--) {
			if (ix_pack_skip(&s->p, s->end))
				return -1;
			n -= IX_PACK_VALUES;
		}
		if (n && ix_delta_stream_fill(s))
			return -1;
	}
}

int ix_delta_stream_done(const struct ix_delta_stream *s)
{
	return s->p == s->end && !s->groups && !s->varints && s->i == s->n;
}
