/* SPDX-License-Identifier: MIT */
#include "core/format/page_sums.h"

#include <assert.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/mem.h"

#define PAGE      IX_PAGE_SUMS_PAGE
#define FIRST_CAP ((size_t)1024) /* pages: 4 MiB of file, 8 KiB of table */

void ix_page_sums_init(struct ix_page_sums *s)
{
	memset(s, 0, sizeof(*s));
}

void ix_page_sums_release(struct ix_page_sums *s)
{
	ix_free(s->sums);
	ix_free(s->known);
	ix_free(s->tail);
	memset(s, 0, sizeof(*s));
}

/* ---- the table ---- */

/*
 * Make room for page `page`. A table doubles, and only once an eighth of its
 * pages is known: a file written front to back, or in a few streams side by
 * side, is followed, and a page far out is not.
 */
static int make_room(struct ix_page_sums *s, uint64_t page)
{
	size_t cap = s->cap ? s->cap * 2 : FIRST_CAP;
	uint64_t *sums;
	uint64_t *known;

	if (page < s->cap)
		return 1;
	if (page >= cap || (s->cap && s->known_count < s->cap / 8))
		return 0;
	sums = ix_realloc(s->sums, cap, sizeof(*sums));
	if (!sums)
		return 0;
	s->sums = sums;
	known = ix_realloc(s->known, cap / 64, sizeof(*known));
	if (!known)
		return 0;
	s->known = known;
	memset(known + s->cap / 64, 0, (cap - s->cap) / 64 * sizeof(*known));
	s->cap = cap;
	return 1;
}

static void set_known(struct ix_page_sums *s, uint64_t page,
		      const uint8_t *data)
{
	uint64_t bit = (uint64_t)1 << (page % 64);

	if (!make_room(s, page))
		return;
	s->sums[page] = ix_hash64(data, PAGE);
	s->known_count += !(s->known[page / 64] & bit);
	s->known[page / 64] |= bit;
}

static void set_unknown(struct ix_page_sums *s, uint64_t page)
{
	uint64_t bit = (uint64_t)1 << (page % 64);

	if (page >= s->cap || !(s->known[page / 64] & bit))
		return;
	s->known[page / 64] &= ~bit;
	s->known_count--;
}

/* Forget pages [first, end). */
static void set_unknown_range(struct ix_page_sums *s, uint64_t first,
			      uint64_t end)
{
	if (end > s->cap)
		end = s->cap;
	for (uint64_t page = first; page < end;) {
		/* A word without known pages costs one step, not 64. */
		if (page % 64 == 0 && !s->known[page / 64]) {
			page += 64;
			continue;
		}
		set_unknown(s, page++);
	}
}

int ix_page_sums_get(const struct ix_page_sums *s, uint64_t page,
		     uint64_t *sump)
{
	*sump = 0;
	if (page >= s->cap || !(s->known[page / 64] >> (page % 64) & 1))
		return 0;
	*sump = s->sums[page];
	return 1;
}

/* ---- the buffered page ---- */

/* Bytes [at, at + n) of `page`, less than the whole page, are `data`. */
static void write_part(struct ix_page_sums *s, uint64_t page, size_t at,
		       const uint8_t *data, size_t n)
{
	int continues = s->tail_fill && s->tail_page == page;

	assert(n > 0 && n < PAGE && at + n <= PAGE);
	set_unknown(s, page);
	if (continues && at > s->tail_fill)
		return; /* a gap: the bytes behind it cannot be kept */
	if (!continues && at > 0)
		return; /* somewhere else: keep following the present page */
	if (!s->tail) {
		s->tail = ix_malloc(PAGE);
		if (!s->tail)
			return;
	}
	memcpy(s->tail + at, data, n);
	if (!continues) {
		s->tail_page = page;
		s->tail_fill = n;
	} else if (at + n > s->tail_fill) {
		s->tail_fill = at + n;
	}
	if (s->tail_fill == PAGE) {
		set_known(s, page, s->tail);
		s->tail_fill = 0;
	}
}

void ix_page_sums_write(struct ix_page_sums *s, uint64_t offset,
			const void *data, size_t n)
{
	const uint8_t *p = data;

	while (n > 0) {
		uint64_t page = offset / PAGE;
		size_t at = (size_t)(offset % PAGE);
		size_t part = PAGE - at < n ? PAGE - at : n;

		if (part == PAGE) {
			if (s->tail_fill && s->tail_page == page)
				s->tail_fill = 0;
			/* First: an old hash must go even without memory. */
			set_unknown(s, page);
			set_known(s, page, p);
		} else {
			write_part(s, page, at, p, part);
		}
		p += part;
		offset += part;
		n -= part;
	}
}

void ix_page_sums_truncate(struct ix_page_sums *s, uint64_t size)
{
	/* Extending adds zeros behind bytes of which no known page consists,
	 * and cutting takes from the page in which the new end lies. */
	set_unknown_range(s, size / PAGE, UINT64_MAX);
	if (!s->tail_fill || s->tail_page < size / PAGE)
		return;
	if (s->tail_page > size / PAGE)
		s->tail_fill = 0;
	else if (s->tail_fill > size % PAGE)
		s->tail_fill = (size_t)(size % PAGE);
}

void ix_page_sums_invalidate(struct ix_page_sums *s, uint64_t offset,
			     uint64_t n)
{
	uint64_t end = n > UINT64_MAX - offset ? UINT64_MAX : offset + n;
	uint64_t last;

	if (n == 0)
		return;
	last = (end - 1) / PAGE;
	set_unknown_range(s, offset / PAGE, last + 1);
	if (s->tail_fill && s->tail_page >= offset / PAGE &&
	    s->tail_page <= last)
		s->tail_fill = 0;
}
