/* SPDX-License-Identifier: MIT */
/*
 * Writing a column. Keywords are interned as they come: the writer holds one
 * number per value and each distinct keyword once, whatever codec wins.
 */
#include <string.h>

#include "core/base/err.h"
#include "core/base/hash.h"
#include "core/base/mem.h"
#include "core/format/column_writer.h"

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

/* May one more value be added? */
static int admit_value(struct ix_column_writer *w, int is_u64)
{
	if (w->error)
		return 0;
	if (is_u64 != w->is_u64)
		w->error = ix_fail(-EINVAL, "column: value of another type");
	else if (!w->multi && w->value_count != column_doc_start(w))
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
		const uint8_t *p = column_interned(w, id, &len);

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

	if (!w->error && w->value_count != column_doc_start(w))
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
