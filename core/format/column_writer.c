/* SPDX-License-Identifier: MIT */
/*
 * Writing a column. Keywords are interned as they come: the writer holds one
 * number per value and each distinct keyword once, whatever codec wins.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/hash.h"
#include "core/base/mem.h"
#include "core/format/column.h"
#include "core/format/column_frame.h"

struct ix_column_writer {
	int is_u64;
	int multi;
	int error;
	uint32_t doc_count;
	uint32_t *ends; /* owned: per document, values up to its last */
	size_t ends_cap;
	uint32_t value_count;
	uint64_t *numbers; /* owned: u64 */
	size_t numbers_cap;
	uint32_t *ids; /* owned: keyword: number of the interned value */
	size_t ids_cap;
	/* Interned keywords, in order of appearance. */
	struct ix_buf bytes;
	uint32_t dict_count;
	uint64_t *starts; /* owned: dict_count + 1 */
	size_t starts_cap;
	uint32_t *tags; /* owned: upper half of the hash of each */
	size_t tags_cap;
	uint32_t *slots;      /* owned: id + 1, 0 = free */
	uint32_t slot_count;  /* a power of two, or 0 */
	uint64_t value_bytes; /* of all values, repeated ones too */
};

int ix_column_writer_new(int is_u64, int multi, struct ix_column_writer **wp)
{
	struct ix_column_writer *w = ix_calloc(1, sizeof(*w));

	*wp = w;
	if (!w)
		return -ENOMEM;
	w->is_u64 = is_u64;
	w->multi = multi;
	return 0;
}

void ix_column_writer_free(struct ix_column_writer *w)
{
	if (!w)
		return;
	ix_free(w->ends);
	ix_free(w->numbers);
	ix_free(w->ids);
	ix_buf_release(&w->bytes);
	ix_free(w->starts);
	ix_free(w->tags);
	ix_free(w->slots);
	ix_free(w);
}

uint32_t ix_column_doc_count(const struct ix_column_writer *w)
{
	return w->doc_count;
}

size_t ix_column_memory(const struct ix_column_writer *w)
{
	return (size_t)w->doc_count * sizeof(*w->ends) +
	       (size_t)w->value_count *
		       (w->is_u64 ? sizeof(*w->numbers) : sizeof(*w->ids)) +
	       (size_t)w->dict_count * (sizeof(*w->starts) + sizeof(*w->tags) +
					2 * sizeof(*w->slots)) +
	       w->bytes.len;
}

/* ---- values ---- */

static uint32_t open_doc_start(const struct ix_column_writer *w)
{
	return w->doc_count ? w->ends[w->doc_count - 1] : 0;
}

/* May one more value be added? */
static int admit_value(struct ix_column_writer *w, int is_u64)
{
	if (w->error)
		return 0;
	if (is_u64 != w->is_u64)
		w->error = ix_fail(-EINVAL, "column: value of another type");
	else if (!w->multi && w->value_count != open_doc_start(w))
		w->error = ix_fail(-EINVAL,
				   "column: second value in a single-valued "
				   "field");
	else if (w->value_count == UINT32_MAX)
		w->error = ix_fail(-IX_ELIMIT,
				   "column: more than %u values in one extent",
				   UINT32_MAX);
	return !w->error;
}

void ix_column_add_u64(struct ix_column_writer *w, uint64_t v)
{
	if (!admit_value(w, 1))
		return;
	if (ix_grow(&w->numbers, &w->numbers_cap, (size_t)w->value_count + 1,
		    sizeof(*w->numbers)))
		w->error = -ENOMEM;
	else
		w->numbers[w->value_count++] = v;
}

static const uint8_t *interned(const struct ix_column_writer *w, uint32_t id,
			       size_t *np)
{
	*np = (size_t)(w->starts[id + 1] - w->starts[id]);
	return w->bytes.data + w->starts[id];
}

static int grow_slots(struct ix_column_writer *w)
{
	uint32_t count = w->slot_count ? w->slot_count * 2 : 64;
	uint32_t *slots;

	if (w->dict_count < w->slot_count / 2)
		return 0;
	if (!count)
		return ix_fail(-IX_ELIMIT, "column: too many distinct values");
	slots = ix_calloc(count, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	for (uint32_t id = 0; id < w->dict_count; id++) {
		uint32_t at = w->tags[id] & (count - 1);

		while (slots[at])
			at = (at + 1) & (count - 1);
		slots[at] = id + 1;
	}
	ix_free(w->slots);
	w->slots = slots;
	w->slot_count = count;
	return 0;
}

static int add_interned(struct ix_column_writer *w, const void *v, size_t n,
			uint32_t tag)
{
	if (ix_grow(&w->starts, &w->starts_cap, (size_t)w->dict_count + 2,
		    sizeof(*w->starts)) ||
	    ix_grow(&w->tags, &w->tags_cap, (size_t)w->dict_count + 1,
		    sizeof(*w->tags)) ||
	    ix_buf_reserve(&w->bytes, n + 1))
		return -ENOMEM;
	ix_buf_add(&w->bytes, v, n);
	w->starts[0] = 0;
	w->tags[w->dict_count] = tag;
	w->starts[++w->dict_count] = w->bytes.len;
	return 0;
}

static int intern(struct ix_column_writer *w, const void *v, size_t n,
		  uint32_t *idp)
{
	uint32_t tag = (uint32_t)(ix_hash64(v, n) >> 32);
	uint32_t at;
	int rc = grow_slots(w);

	if (rc)
		return rc;
	at = tag & (w->slot_count - 1);
	for (; w->slots[at]; at = (at + 1) & (w->slot_count - 1)) {
		uint32_t id = w->slots[at] - 1;
		size_t len;
		const uint8_t *p = interned(w, id, &len);

		if (w->tags[id] == tag && len == n && !memcmp(p, v, n)) {
			*idp = id;
			return 0;
		}
	}
	rc = add_interned(w, v, n, tag);
	if (rc)
		return rc;
	*idp = w->dict_count - 1;
	w->slots[at] = w->dict_count;
	return 0;
}

static void add_id(struct ix_column_writer *w, uint32_t id)
{
	if (ix_grow(&w->ids, &w->ids_cap, (size_t)w->value_count + 1,
		    sizeof(*w->ids))) {
		w->error = -ENOMEM;
		return;
	}
	w->ids[w->value_count++] = id;
	w->value_bytes += w->starts[id + 1] - w->starts[id];
}

void ix_column_add_bytes(struct ix_column_writer *w, const void *v, size_t n)
{
	uint32_t id = 0;

	if (!admit_value(w, 0))
		return;
	if (n > IX_VALUE_MAX_BYTES)
		w->error = ix_fail(-IX_ELIMIT,
				   "column: a value of %zu bytes, at most %u "
				   "are allowed",
				   n, IX_VALUE_MAX_BYTES);
	else
		w->error = intern(w, n ? v : "", n, &id);
	if (!w->error)
		add_id(w, id);
}

void ix_column_end_doc(struct ix_column_writer *w)
{
	if (w->error)
		return;
	if (w->doc_count >= IX_DOCS_MAX)
		w->error = ix_fail(-IX_ELIMIT, "column: more than %u documents",
				   IX_DOCS_MAX);
	else if (ix_grow(&w->ends, &w->ends_cap, (size_t)w->doc_count + 1,
			 sizeof(*w->ends)))
		w->error = -ENOMEM;
	else
		w->ends[w->doc_count++] = w->value_count;
}

void ix_column_skip_docs(struct ix_column_writer *w, uint32_t n)
{
	while (n-- && !w->error)
		ix_column_end_doc(w);
}

/* ---- appending a whole extent ---- */

/* Cursor over the decoded values of an extent, in order. */
struct values {
	const struct ix_column *column;
	uint32_t *ids;  /* owned: id + 1 of each entry met so far, or 0 */
	uint32_t frame; /* in `buffer`, UINT32_MAX = none */
	uint64_t buffer[IX_COLUMN_FRAME];
};

static void append_ordinal(struct ix_column_writer *w, struct values *v,
			   uint64_t ordinal)
{
	uint32_t id = 0;

	if (!admit_value(w, 0))
		return;
	if (!v->ids[ordinal]) {
		size_t n;
		const uint8_t *p =
			ix_column_entry(v->column, (uint32_t)ordinal, &n);

		w->error = intern(w, p, n, &id);
		if (w->error)
			return;
		v->ids[ordinal] = id + 1;
	}
	add_id(w, v->ids[ordinal] - 1);
}

static void append_value(struct ix_column_writer *w, struct values *v,
			 uint32_t value)
{
	const struct ix_column *c = v->column;

	if (c->codec == IX_COLUMN_BYTES) {
		size_t n;
		const uint8_t *p = ix_column_bytes(c, value, &n);

		ix_column_add_bytes(w, p, n);
		return;
	}
	if (v->frame != value / IX_COLUMN_FRAME) {
		v->frame = value / IX_COLUMN_FRAME;
		ix_column_frame_values(c, v->frame, v->buffer);
	}
	if (c->codec == IX_COLUMN_U64)
		ix_column_add_u64(w, v->buffer[value % IX_COLUMN_FRAME]);
	else
		append_ordinal(w, v, v->buffer[value % IX_COLUMN_FRAME]);
}

void ix_column_append(struct ix_column_writer *w, const struct ix_column *c,
		      uint32_t first, uint32_t n)
{
	struct values v = { .column = c, .frame = UINT32_MAX };

	if (!w->error && w->value_count != open_doc_start(w))
		w->error = ix_fail(-EINVAL, "column: a document is open");
	if (c->codec == IX_COLUMN_DICT && !w->error) {
		v.ids = ix_calloc(c->dict_count, sizeof(*v.ids));
		if (!v.ids)
			w->error = -ENOMEM;
	}
	for (uint32_t d = first; d < first + n && !w->error; d++) {
		uint32_t value, count;

		ix_column_values(c, d, &value, &count);
		for (; count-- && !w->error; value++)
			append_value(w, &v, value);
		ix_column_end_doc(w);
	}
	ix_free(v.ids);
}

/* ---- encoding ---- */

static void put_header(const struct ix_column_writer *w, uint32_t flags,
		       uint32_t dict_count, struct ix_buf *out)
{
	ix_buf_add_u32(out, w->doc_count);
	ix_buf_add_u32(out, w->value_count);
	ix_buf_add_u32(out, flags);
	ix_buf_add_u32(out, dict_count);
	ix_buf_add_zeros(out, 16);
}

/* Pieces are aligned relative to the start of the extent. */
static void pad(struct ix_buf *out, size_t begin)
{
	ix_buf_add_zeros(out, -(out->len - begin) & 7);
}

static uint32_t choose_flags(const struct ix_column_writer *w)
{
	uint32_t flags = 0, before = 0;

	for (uint32_t d = 0; d < w->doc_count; d++) {
		uint32_t n = w->ends[d] - before;

		if (n > 1)
			return COLUMN_HAS_STARTS;
		if (!n)
			flags = COLUMN_HAS_ABSENT;
		before = w->ends[d];
	}
	return flags;
}

static void put_documents(const struct ix_column_writer *w, uint32_t flags,
			  struct ix_buf *out)
{
	uint32_t before = 0;
	uint8_t *p;

	if (flags & COLUMN_HAS_STARTS) {
		ix_buf_add_u32(out, 0);
		ix_buf_add(out, w->ends, (size_t)w->doc_count * 4);
	} else if (flags & COLUMN_HAS_ABSENT) {
		size_t bytes = ((size_t)w->doc_count + 7) / 8;

		p = ix_buf_extend(out, bytes);
		if (!p)
			return;
		memset(p, 0, bytes);
		for (uint32_t d = 0; d < w->doc_count; d++) {
			if (w->ends[d] != before)
				p[d / 8] |= (uint8_t)(1u << d % 8);
			before = w->ends[d];
		}
	}
}

static unsigned bits_of(uint64_t v)
{
	return v ? 64 - (unsigned)__builtin_clzll(v) : 0;
}

static void pack(const uint64_t *values, uint32_t n, uint64_t base,
		 unsigned width, uint8_t *out)
{
	memset(out, 0, column_frame_bytes(n, width));
	for (uint32_t i = 0; i < n && width; i++) {
		uint64_t bit = (uint64_t)i * width;
		unsigned shift = (unsigned)(bit % 64);
		uint8_t *p = out + bit / 64 * 8;
		uint64_t v = values[i] - base;

		ix_put64(p, ix_get64(p) | v << shift);
		if (shift + width > 64)
			ix_put64(p + 8, v >> (64 - shift));
	}
}

/* Value `i`: a number, or an ordinal through `rank`. */
static uint64_t value_at(const struct ix_column_writer *w, const uint32_t *rank,
			 uint32_t i)
{
	return rank ? rank[w->ids[i]] : w->numbers[i];
}

struct frame {
	uint64_t values[IX_COLUMN_FRAME];
	uint64_t low, high;
	uint32_t n;
};

static void load_frame(const struct ix_column_writer *w, const uint32_t *rank,
		       uint32_t number, struct frame *f)
{
	uint32_t first = number * IX_COLUMN_FRAME;

	f->n = w->value_count - first;
	if (f->n > IX_COLUMN_FRAME)
		f->n = IX_COLUMN_FRAME;
	f->low = UINT64_MAX;
	f->high = 0;
	for (uint32_t i = 0; i < f->n; i++) {
		uint64_t v = value_at(w, rank, first + i);

		f->values[i] = v;
		f->low = v < f->low ? v : f->low;
		f->high = v > f->high ? v : f->high;
	}
}

/* Bytes of all frames with their directory. */
static uint64_t frames_size(const struct ix_column_writer *w,
			    const uint32_t *rank)
{
	uint32_t frames = column_frame_count(w->value_count);
	uint64_t bytes = (uint64_t)frames * COLUMN_FRAME_ENTRY;
	struct frame f;

	for (uint32_t i = 0; i < frames; i++) {
		load_frame(w, rank, i, &f);
		bytes += column_frame_bytes(f.n, bits_of(f.high - f.low));
	}
	return bytes;
}

static int put_frames(const struct ix_column_writer *w, const uint32_t *rank,
		      struct ix_buf *out)
{
	uint32_t frames = column_frame_count(w->value_count);
	size_t dir = out->len;
	uint64_t at = 0;
	struct frame f;

	ix_buf_add_zeros(out, (size_t)frames * COLUMN_FRAME_ENTRY);
	for (uint32_t i = 0; i < frames; i++) {
		unsigned width;
		uint8_t *p;

		load_frame(w, rank, i, &f);
		width = bits_of(f.high - f.low);
		if (at > UINT32_MAX)
			return ix_fail(-IX_ELIMIT,
				       "column: more than 4 GiB in one extent");
		p = ix_buf_extend(out, column_frame_bytes(f.n, width));
		if (!p)
			return -ENOMEM;
		pack(f.values, f.n, f.low, width, p);
		p = out->data + dir + (size_t)i * COLUMN_FRAME_ENTRY;
		ix_put64(p, f.low);
		ix_put64(p + 8, f.high);
		ix_put32(p + 16, (uint32_t)at);
		p[20] = (uint8_t)width;
		at += column_frame_bytes(f.n, width);
	}
	return ix_buf_error(out);
}

static void put_bytes(const struct ix_column_writer *w, struct ix_buf *out,
		      size_t begin)
{
	uint64_t at = 0;
	size_t n;

	ix_buf_add_u32(out, 0);
	for (uint32_t i = 0; i < w->value_count; i++) {
		interned(w, w->ids[i], &n);
		at += n;
		ix_buf_add_u32(out, (uint32_t)at);
	}
	pad(out, begin);
	for (uint32_t i = 0; i < w->value_count; i++) {
		const uint8_t *p = interned(w, w->ids[i], &n);

		ix_buf_add(out, p, n);
	}
}

static int compare_interned(const void *pa, const void *pb, void *ctx)
{
	const struct ix_column_writer *w = ctx;
	size_t an, bn, n;
	const uint8_t *a = interned(w, *(const uint32_t *)pa, &an);
	const uint8_t *b = interned(w, *(const uint32_t *)pb, &bn);
	int c;

	n = an < bn ? an : bn;
	c = memcmp(a, b, n);
	return c ? c : (an > bn) - (an < bn);
}

/* Ids by ascending value, and the ordinal of each id; owned by the caller. */
static int sort_dict(struct ix_column_writer *w, uint32_t **orderp,
		     uint32_t **rankp)
{
	uint32_t n = w->dict_count;

	*orderp = ix_calloc(n, sizeof(**orderp));
	*rankp = ix_calloc(n, sizeof(**rankp));
	if (!*orderp || !*rankp)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		(*orderp)[i] = i;
	qsort_r(*orderp, n, sizeof(**orderp), compare_interned, w);
	for (uint32_t i = 0; i < n; i++)
		(*rankp)[(*orderp)[i]] = i;
	return 0;
}

static void put_dict(const struct ix_column_writer *w, const uint32_t *order,
		     struct ix_buf *out, size_t begin)
{
	uint64_t at = 0;
	size_t n;

	ix_buf_add_u32(out, 0);
	for (uint32_t i = 0; i < w->dict_count; i++) {
		interned(w, order[i], &n);
		at += n;
		ix_buf_add_u32(out, (uint32_t)at);
	}
	pad(out, begin);
	for (uint32_t i = 0; i < w->dict_count; i++) {
		const uint8_t *p = interned(w, order[i], &n);

		ix_buf_add(out, p, n);
	}
	pad(out, begin);
}

/* The smaller of the two keyword codecs that fit. */
static int choose_codec(const struct ix_column_writer *w, const uint32_t *rank,
			enum ix_column_codec *codecp)
{
	uint64_t plain = ix_align_up(((uint64_t)w->value_count + 1) * 4, 8) +
			 w->value_bytes;
	uint64_t dict = ix_align_up(((uint64_t)w->dict_count + 1) * 4, 8) +
			ix_align_up(w->bytes.len, 8) + frames_size(w, rank);
	int plain_fits = w->value_bytes <= UINT32_MAX;

	if (w->bytes.len > UINT32_MAX)
		return ix_fail(-IX_ELIMIT,
			       "column: more than 4 GiB of values in one "
			       "extent");
	*codecp =
		plain_fits && plain <= dict ? IX_COLUMN_BYTES : IX_COLUMN_DICT;
	return 0;
}

static int finish_keywords(struct ix_column_writer *w, uint32_t flags,
			   struct ix_buf *out, enum ix_column_codec *codecp)
{
	size_t begin = out->len;
	uint32_t *order = NULL, *rank = NULL;
	int rc = sort_dict(w, &order, &rank);

	if (!rc)
		rc = choose_codec(w, rank, codecp);
	if (rc)
		goto out;
	put_header(w, flags, *codecp == IX_COLUMN_DICT ? w->dict_count : 0,
		   out);
	put_documents(w, flags, out);
	pad(out, begin);
	if (*codecp == IX_COLUMN_BYTES) {
		put_bytes(w, out, begin);
	} else {
		put_dict(w, order, out, begin);
		rc = put_frames(w, rank, out);
	}
out:
	ix_free(order);
	ix_free(rank);
	return rc;
}

static int finish_numbers(struct ix_column_writer *w, uint32_t flags,
			  struct ix_buf *out)
{
	size_t begin = out->len;

	put_header(w, flags, 0, out);
	put_documents(w, flags, out);
	pad(out, begin);
	return put_frames(w, NULL, out);
}

static void clear(struct ix_column_writer *w)
{
	w->error = 0;
	w->doc_count = 0;
	w->value_count = 0;
	w->dict_count = 0;
	w->value_bytes = 0;
	ix_buf_clear(&w->bytes);
	if (w->slots)
		memset(w->slots, 0, w->slot_count * sizeof(*w->slots));
}

int ix_column_finish(struct ix_column_writer *w, struct ix_buf *out,
		     enum ix_column_codec *codecp, uint64_t *valuesp)
{
	uint32_t flags = 0;
	int rc = w->error;

	*codecp = IX_COLUMN_U64;
	*valuesp = 0;
	if (!rc && w->value_count != open_doc_start(w))
		rc = ix_fail(-EINVAL, "column: the last document is open");
	if (!rc && w->value_count) {
		flags = choose_flags(w);
		rc = w->is_u64 ? finish_numbers(w, flags, out)
			       : finish_keywords(w, flags, out, codecp);
		if (!rc)
			rc = ix_buf_error(out);
		if (!rc)
			*valuesp = w->value_count;
	}
	clear(w);
	return rc;
}
