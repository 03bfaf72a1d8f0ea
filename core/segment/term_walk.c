/* SPDX-License-Identifier: MIT */
/*
 * Sorting: terms are compared by eight bytes at a time, as big-endian numbers.
 * One radix sort puts them in order of their first eight; those that agree in
 * these are sorted by the next eight, and so on. Terms beyond their end count
 * as zeros; of terms that differ by zeros at the end alone the shorter comes
 * first, which is their order as bytes.
 */
#include "core/segment/term_walk.h"

#include <assert.h>
#include <string.h>

#include "core/base/codec.h"
#include "core/base/err.h"
#include "core/base/mem.h"

#define SMALL 24u /* terms that insertion sort does faster */

struct ix_sort_term {
	uint64_t key; /* eight bytes of the term */
	const struct ix_entry *entry;
};

static uint64_t key_at(const struct ix_entry *e, size_t depth)
{
	uint64_t key = 0;

	if (depth >= e->len)
		return 0;
	/* Behind a term there is room of its entry: 8 bytes can be read. */
	memcpy(&key, e->term + depth, 8);
	if (e->len - depth < 8)
		key &= UINT64_MAX >> (64 - 8 * (e->len - depth));
	return __builtin_bswap64(key);
}

static int compare(const struct ix_entry *a, const struct ix_entry *b)
{
	size_t n = a->len < b->len ? a->len : b->len;
	int c = memcmp(a->term, b->term, n);

	return c ? c : (int)a->len - (int)b->len;
}

static void insertion_sort(struct ix_sort_term *t, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct ix_sort_term moved = t[i];
		size_t k = i;

		for (; k > 0; k--) {
			const struct ix_sort_term *before = &t[k - 1];

			if (before->key < moved.key ||
			    (before->key == moved.key &&
			     compare(before->entry, moved.entry) < 0))
				break;
			t[k] = t[k - 1];
		}
		t[k] = moved;
	}
}

/* By key, stable; `scratch` has room for n. Bytes that all keys share cost
 * nothing. */
static void radix_sort(struct ix_sort_term *t, struct ix_sort_term *scratch,
		       size_t n)
{
	struct ix_sort_term *from = t, *to = scratch, *swap;
	uint64_t differ = 0;

	for (size_t i = 1; i < n; i++)
		differ |= t[i].key ^ t[0].key;
	for (unsigned shift = 0; shift < 64; shift += 8) {
		size_t starts[257] = { 0 };

		if (!(differ >> shift & 0xff))
			continue;
		for (size_t i = 0; i < n; i++)
			starts[(from[i].key >> shift & 0xff) + 1]++;
		for (unsigned b = 0; b < 256; b++)
			starts[b + 1] += starts[b];
		for (size_t i = 0; i < n; i++)
			to[starts[from[i].key >> shift & 0xff]++] = from[i];
		swap = from;
		from = to;
		to = swap;
	}
	if (from != t)
		memcpy(t, from, n * sizeof(*t));
}

static void sort_terms(struct ix_sort_term *t, struct ix_sort_term *scratch,
		       size_t n, size_t depth);

/* Terms that agree up to depth + 8. Those that end there are few, as they
 * differ in their length alone, and come first. */
static void sort_equal(struct ix_sort_term *t, struct ix_sort_term *scratch,
		       size_t n, size_t depth)
{
	size_t ended = 0;

	for (size_t i = 0; i < n; i++) {
		struct ix_sort_term moved = t[i];

		if (moved.entry->len > depth + 8)
			continue;
		t[i] = t[ended];
		t[ended++] = moved;
	}
	insertion_sort(t, ended);
	for (size_t i = ended; i < n; i++)
		t[i].key = key_at(t[i].entry, depth + 8);
	sort_terms(t + ended, scratch, n - ended, depth + 8);
}

/* Sort terms that agree up to `depth` and whose keys are those at `depth`.
 * Goes as deep as the longest term has eights of bytes: 128. */
static void sort_terms(struct ix_sort_term *t, struct ix_sort_term *scratch,
		       size_t n, size_t depth)
{
	size_t i, k;

	if (n <= SMALL) {
		insertion_sort(t, n);
		return;
	}
	radix_sort(t, scratch, n);
	for (i = 0; i < n; i = k) {
		for (k = i + 1; k < n && t[k].key == t[i].key; k++)
			;
		if (k - i > 1)
			sort_equal(t + i, scratch, k - i, depth);
	}
}

int ix_term_walk_init(struct ix_term_walk *w, const struct ix_inverter *inv)
{
	struct ix_sort_term *scratch;
	size_t n = 0;

	memset(w, 0, sizeof(*w));
	w->inv = inv;
	w->term_count = inv->term_count;
	w->terms = ix_calloc(w->term_count, sizeof(*w->terms));
	scratch = ix_calloc(w->term_count, sizeof(*scratch));
	if (!w->terms || !scratch) {
		ix_free(scratch);
		return -ENOMEM;
	}
	for (size_t i = 0; inv->slot_bits && i >> inv->slot_bits == 0; i++) {
		if (!inv->slots[i])
			continue;
		w->terms[n].entry =
			ix_pool_at(inv->pool, (uint32_t)inv->slots[i]);
		w->terms[n].key = key_at(w->terms[n].entry, 0);
		n++;
	}
	assert(n == w->term_count);
	sort_terms(w->terms, scratch, n, 0);
	ix_free(scratch);
	return 0;
}

void ix_term_walk_release(struct ix_term_walk *w)
{
	ix_free(w->terms);
	ix_free(w->positions);
	ix_buf_release(&w->stream);
	memset(w, 0, sizeof(*w));
}

/* Join the slices of a term. */
static void gather(struct ix_term_walk *w, const struct ix_entry *e)
{
	const uint8_t *start = (const uint8_t *)e->term + e->len;
	uint32_t next = e->slice;

	/* A stream that fits the entry is read where it is. */
	if (!e->level) {
		w->p = start;
		w->end = e->next;
		return;
	}
	ix_buf_clear(&w->stream);
	ix_buf_add(&w->stream, start,
		   (size_t)((const uint8_t *)e + ix_entry_size(e->len) -
			    start));
	for (unsigned level = 1;; level += level < IX_SLICE_LEVEL) {
		const uint8_t *slice = ix_pool_at(w->inv->pool, next);
		size_t size = ix_slice_size(level);

		start = slice + IX_SLICE_LINK;
		if (slice + size == e->end) {
			ix_buf_add(&w->stream, start,
				   (size_t)(e->next - start));
			break;
		}
		ix_buf_add(&w->stream, start, size - IX_SLICE_LINK);
		next = ix_get32(slice);
	}
	w->p = w->stream.data;
	w->end = ix_buf_end(&w->stream);
}

int ix_term_walk_next(struct ix_term_walk *w)
{
	const struct ix_entry *e;

	if (w->next_term == w->term_count)
		return 0;
	e = w->terms[w->next_term++].entry;
	w->term = (const uint8_t *)e->term;
	w->len = e->len;
	w->df = e->df;
	w->docs_left = e->df;
	w->doc = 0;
	gather(w, e);
	return w->stream.error ? w->stream.error : 1;
}

static uint32_t get(struct ix_term_walk *w)
{
	uint32_t v = 0;
	int rc = ix_get_varint32(&w->p, w->end, &v);

	/* These are our own bytes. */
	assert(!rc);
	(void)rc;
	return v;
}

static int add_position(struct ix_term_walk *w, uint32_t position)
{
	if (ix_grow(&w->positions, &w->position_cap, (size_t)w->freq + 1,
		    sizeof(*w->positions)))
		return -ENOMEM;
	w->positions[w->freq++] = position;
	return 0;
}

static int get_positions(struct ix_term_walk *w)
{
	uint32_t position;
	int rc;

	w->doc += get(w) >> 1;
	w->freq = 0;
	position = get(w);
	rc = add_position(w, position);
	/* Deltas within the document are even. (One byte shows it: the lowest
	 * bits of a varint come first.) */
	while (!rc && w->p < w->end && !(*w->p & 1)) {
		position += get(w) >> 1;
		rc = add_position(w, position);
	}
	return rc ? rc : 1;
}

int ix_term_walk_doc(struct ix_term_walk *w)
{
	uint32_t v;

	if (!w->docs_left)
		return 0;
	w->docs_left--;
	switch (w->inv->codec) {
	case IX_POSTINGS_POSITIONS:
		return get_positions(w);
	case IX_POSTINGS_FREQS:
		v = get(w);
		w->doc += v >> 1;
		w->freq = v & 1 ? 1 : get(w) + 2;
		return 1;
	case IX_POSTINGS_DOCS:
		w->doc += get(w);
		w->freq = 1;
		return 1;
	}
	return 0;
}
