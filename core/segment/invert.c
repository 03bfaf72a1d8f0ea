/* SPDX-License-Identifier: MIT */
#include "core/segment/invert.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "core/base/codec.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/segment/content_sum.h"

#define SLOT_BITS_MIN 10u
#define ENTRY_ROOM    10u /* least room of level 0 */
#define SORT_BYTES    40u /* per term, what term_walk.c needs */

/* A term of the document being added (freqs). */
struct ix_inverter_term {
	struct ix_entry *entry;
	uint64_t hash;
	uint32_t gap;
};

/* --- life -------------------------------------------------------------- */

void ix_inverter_init(struct ix_inverter *inv, struct ix_pool *pool,
		      enum ix_postings_codec codec, uint64_t name_hash)
{
	memset(inv, 0, sizeof(*inv));
	inv->pool = pool;
	inv->codec = codec;
	inv->name_hash = name_hash;
}

void ix_inverter_release(struct ix_inverter *inv)
{
	ix_free(inv->slots);
	ix_free(inv->touched);
	memset(inv, 0, sizeof(*inv));
}

/* The table shrinks back to nothing: its size is part of what is accounted,
 * and a new segment must be cut where a new builder would cut it. */
void ix_inverter_reset(struct ix_inverter *inv)
{
	struct ix_inverter fresh;

	ix_inverter_init(&fresh, inv->pool, inv->codec, inv->name_hash);
	ix_inverter_release(inv);
	*inv = fresh;
}

uint64_t ix_inverter_memory(const struct ix_inverter *inv)
{
	uint64_t slots = inv->slot_bits ? (uint64_t)1 << inv->slot_bits : 0;

	return slots * sizeof(*inv->slots) +
	       (uint64_t)inv->term_count * SORT_BYTES;
}

/* --- the table --------------------------------------------------------- */

/* A slot is found by the upper bits of the hash, of which it keeps 32: so the
 * table can grow without looking at the terms. */
static size_t slot_index(uint64_t hash, unsigned bits)
{
	return (size_t)(hash >> (64 - bits));
}

static int grow_table(struct ix_inverter *inv)
{
	unsigned bits = inv->slot_bits ? inv->slot_bits + 1 : SLOT_BITS_MIN;
	size_t count = (size_t)1 << bits;
	uint64_t *slots;

	if (bits > 31)
		return ix_fail(
			-IX_ELIMIT,
			"too many terms in memory; use a smaller budget");
	slots = ix_calloc(count, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; inv->slot_bits && i < count / 2; i++) {
		size_t k;

		if (!inv->slots[i])
			continue;
		k = slot_index(inv->slots[i], bits);
		while (slots[k])
			k = (k + 1) & (count - 1);
		slots[k] = inv->slots[i];
	}
	ix_free(inv->slots);
	inv->slots = slots;
	inv->slot_bits = bits;
	return 0;
}

size_t ix_entry_size(size_t term_len)
{
	return ix_align_up(offsetof(struct ix_entry, term) + term_len +
				   ENTRY_ROOM,
			   IX_POOL_UNIT);
}

static int new_entry(struct ix_inverter *inv, const char *term, size_t len,
		     uint64_t *slot, uint64_t hash, struct ix_entry **ep)
{
	size_t size = ix_entry_size(len);
	struct ix_entry *e;
	uint32_t ref;
	int rc;

	rc = ix_pool_alloc(inv->pool, size, &ref);
	if (rc)
		return rc;
	e = ix_pool_at(inv->pool, ref);
	memset(e, 0, sizeof(*e));
	memcpy(e->term, term, len);
	e->len = (uint16_t)len;
	e->next = (uint8_t *)e->term + len;
	e->end = (uint8_t *)e + size;
	*slot = (hash & ~(uint64_t)UINT32_MAX) | ref;
	inv->term_count++;
	*ep = e;
	return 0;
}

static int find_entry(struct ix_inverter *inv, const char *term, size_t len,
		      uint64_t hash, struct ix_entry **ep)
{
	size_t mask, i;
	int rc;

	/* At most half of the slots are taken. */
	if (!inv->slot_bits ||
	    inv->term_count >= (uint32_t)1 << (inv->slot_bits - 1)) {
		rc = grow_table(inv);
		if (rc)
			return rc;
	}
	mask = ((size_t)1 << inv->slot_bits) - 1;
	i = slot_index(hash, inv->slot_bits);
	for (; inv->slots[i]; i = (i + 1) & mask) {
		struct ix_entry *e;

		if ((inv->slots[i] ^ hash) >> 32)
			continue;
		e = ix_pool_at(inv->pool, (uint32_t)inv->slots[i]);
		if (e->len == len && !memcmp(e->term, term, len)) {
			*ep = e;
			return 0;
		}
	}
	return new_entry(inv, term, len, &inv->slots[i], hash, ep);
}

/* --- streams ----------------------------------------------------------- */

/* Chain a slice to a full one. */
static int add_slice(struct ix_inverter *inv, struct ix_entry *e)
{
	unsigned level = e->level < IX_SLICE_LEVEL ? e->level + 1u : e->level;
	size_t size = ix_slice_size(level);
	uint8_t *slice;
	uint32_t ref;
	int rc;

	rc = ix_pool_alloc(inv->pool, size, &ref);
	if (rc)
		return rc;
	slice = ix_pool_at(inv->pool, ref);
	if (e->level)
		ix_put32(e->end - ix_slice_size(e->level), ref);
	else
		e->slice = ref;
	e->level = (uint8_t)level;
	e->next = slice + IX_SLICE_LINK;
	e->end = slice + size;
	return 0;
}

/* Documents and positions are below 2^31, so all values fit, one bit shifted.
 */
static int put(struct ix_inverter *inv, struct ix_entry *e, uint32_t v)
{
	uint8_t bytes[IX_VARINT64_MAX];
	size_t n;

	if (e->end - e->next >= IX_VARINT32_MAX) {
		e->next = ix_put_varint(e->next, v);
		return 0;
	}
	n = (size_t)(ix_put_varint(bytes, v) - bytes);
	for (size_t i = 0; i < n; i++) {
		if (e->next == e->end) {
			int rc = add_slice(inv, e);

			if (rc)
				return rc;
		}
		*e->next++ = bytes[i];
	}
	return 0;
}

/* --- adding ------------------------------------------------------------ */

static void add_fact(struct ix_inverter *inv, struct ix_u128 fact)
{
	inv->sum = ix_u128_add(inv->sum, fact);
}

static uint32_t gap(const struct ix_inverter *inv, const struct ix_entry *e)
{
	return inv->doc - e->last_doc;
}

static int add_position(struct ix_inverter *inv, struct ix_entry *e, int is_new,
			uint32_t position)
{
	int rc;

	if (is_new) {
		rc = put(inv, e, gap(inv, e) << 1 | 1);
		if (!rc)
			rc = put(inv, e, position);
	} else {
		assert(position > e->last);
		rc = put(inv, e, (position - e->last) << 1);
	}
	e->last = position;
	return rc;
}

/* The frequency is known when the document ends; the gap waits till then. */
static int touch(struct ix_inverter *inv, struct ix_entry *e, int is_new,
		 uint64_t hash)
{
	if (!is_new) {
		e->last++;
		return 0;
	}
	if (ix_grow(&inv->touched, &inv->touched_cap, inv->touched_count + 1,
		    sizeof(*inv->touched)))
		return -ENOMEM;
	inv->touched[inv->touched_count++] =
		(struct ix_inverter_term){ e, hash, gap(inv, e) };
	e->last = 1;
	return 0;
}

void ix_inverter_begin_doc(struct ix_inverter *inv, uint32_t doc, uint64_t tie)
{
	inv->doc = doc;
	inv->tie = tie;
	inv->waiting_count = 0;
	inv->touched_count = 0;
}

static int apply(struct ix_inverter *inv, const char *term, size_t len,
		 uint64_t hash, uint32_t position)
{
	struct ix_entry *e;
	int is_new, rc;

	rc = find_entry(inv, term, len, hash, &e);
	if (rc)
		return rc;
	is_new = !e->df || e->last_doc != inv->doc;
	switch (inv->codec) {
	case IX_POSTINGS_POSITIONS:
		add_fact(inv, ix_content_position(inv->tie, hash, position));
		rc = add_position(inv, e, is_new, position);
		break;
	case IX_POSTINGS_FREQS:
		rc = touch(inv, e, is_new, hash);
		break;
	case IX_POSTINGS_DOCS:
		if (!is_new)
			return 0;
		add_fact(inv, ix_content_posting(inv->tie, hash, 1));
		rc = put(inv, e, gap(inv, e));
		break;
	}
	e->df += (uint32_t)is_new;
	e->last_doc = inv->doc;
	return rc;
}

/*
 * A term is three cache misses: its slot, its entry, the end of its stream; in
 * a large table nearly every one is. So occurrences wait in a small window, in
 * which the misses of all go on at the same time.
 */
static int apply_waiting(struct ix_inverter *inv)
{
	struct ix_entry *entries[IX_INVERTER_WINDOW];
	unsigned n = inv->waiting_count, found = 0;
	int rc = 0;

	inv->waiting_count = 0;
	for (unsigned i = 0; inv->slot_bits && i < n; i++) {
		uint64_t hash = inv->waiting[i].hash;
		uint64_t slot = inv->slots[slot_index(hash, inv->slot_bits)];

		if (!slot)
			continue;
		entries[found] = ix_pool_at(inv->pool, (uint32_t)slot);
		__builtin_prefetch(entries[found++], 1);
	}
	for (unsigned i = 0; i < found; i++)
		__builtin_prefetch(entries[i]->next, 1);
	for (unsigned i = 0; i < n && !rc; i++) {
		const struct ix_inverter_wait *w = &inv->waiting[i];

		rc = apply(inv, w->term, w->len, w->hash, w->position);
	}
	return rc;
}

int ix_inverter_add(struct ix_inverter *inv, const char *term, size_t len,
		    uint32_t position)
{
	uint64_t hash = ix_content_term(inv->name_hash, term, len);
	struct ix_inverter_wait *w;
	int rc;

	assert(len && len <= IX_TERM_MAX_BYTES);
	if (len > IX_INVERTER_INLINE) {
		rc = apply_waiting(inv);
		return rc ? rc : apply(inv, term, len, hash, position);
	}
	if (inv->slot_bits)
		__builtin_prefetch(
			&inv->slots[slot_index(hash, inv->slot_bits)], 1);
	w = &inv->waiting[inv->waiting_count++];
	w->hash = hash;
	w->position = position;
	w->len = (uint32_t)len;
	memcpy(w->term, term, len);
	return inv->waiting_count == IX_INVERTER_WINDOW ? apply_waiting(inv)
							: 0;
}

int ix_inverter_end_doc(struct ix_inverter *inv)
{
	int rc = apply_waiting(inv);

	for (size_t i = 0; i < inv->touched_count && !rc; i++) {
		const struct ix_inverter_term *t = &inv->touched[i];
		uint32_t freq = t->entry->last;

		add_fact(inv, ix_content_posting(inv->tie, t->hash, freq));
		rc = put(inv, t->entry, t->gap << 1 | (freq == 1));
		if (!rc && freq > 1)
			rc = put(inv, t->entry, freq - 2);
	}
	inv->touched_count = 0;
	return rc;
}
