/* SPDX-License-Identifier: MIT */
/*
 * A sink fills the engine's sink slots one after the other; a full slot is
 * written as one request, so that all requests but the last begin and end at
 * multiples of the request size. On a file opened for direct access the last
 * one is padded with zeros, and the file cut to its true size afterwards.
 */
#include "core/io/engine.h"

#include <assert.h>
#include <string.h>

#include "core/base/codec.h"
#include "core/base/mem.h"

struct ix_sink {
	struct ix_engine *e; /* borrowed */
	struct ix_file *f;   /* borrowed */
	int direct;
	int finished;
	unsigned slot;    /* the one being filled */
	size_t fill;      /* bytes in it */
	uint64_t flushed; /* bytes in slots before it */
	struct ix_sticky failed;
	struct ix_request requests[]; /* sink_slots */
};

static uint8_t *slot_data(struct ix_sink *s, unsigned slot)
{
	return s->e->sink_slots + slot * s->e->request_bytes;
}

/* Wait until a slot is free. */
static void settle(struct ix_sink *s, unsigned slot)
{
	struct ix_request *r = &s->requests[slot];

	if (!r->started)
		return;
	if (ix_sticky_set(&s->failed, ix_request_wait(s->e, r)))
		return;
	if (!s->direct)
		ix_file_write_behind(s->f, r->offset, r->n);
}

/* Start writing the current slot and go on with the next. */
static void flush(struct ix_sink *s)
{
	struct ix_request *r = &s->requests[s->slot];
	size_t n = s->fill;

	if (s->direct) {
		n = (size_t)ix_align_up(n, IX_DIRECT_ALIGN);
		memset(slot_data(s, s->slot) + s->fill, 0, n - s->fill);
	}
	r->file = s->f;
	r->write = 1;
	r->data = slot_data(s, s->slot);
	r->offset = s->flushed;
	r->n = n;
	r->need = n;
	ix_sticky_set(&s->failed, ix_request_start(s->e, r));
	s->flushed += s->fill;
	s->fill = 0;
	s->slot = (s->slot + 1) % s->e->ops->sink_slots;
	settle(s, s->slot);
}

int ix_sink_open(struct ix_engine *e, struct ix_file *f, struct ix_sink **sp)
{
	unsigned slots = e->ops->sink_slots;
	struct ix_sink *s;

	*sp = NULL;
	if (e->sink_busy)
		return ix_fail(-EMFILE, "write \"%s\": a sink is open",
			       ix_file_path(f));
	s = ix_calloc(1, sizeof(*s) + slots * sizeof(s->requests[0]));
	if (!s)
		return ix_fail(-ENOMEM, "write \"%s\": %s", ix_file_path(f),
			       ix_err_name(-ENOMEM));
	s->e = e;
	s->f = f;
	s->direct = ix_file_is_direct(f);
	e->sink_busy = 1;
	*sp = s;
	return 0;
}

void ix_sink_write(struct ix_sink *s, const void *data, size_t n)
{
	const uint8_t *from = data;

	assert(!s->finished);
	while (n && !s->failed.rc) {
		size_t room = s->e->request_bytes - s->fill;
		size_t put = n < room ? n : room;

		memcpy(slot_data(s, s->slot) + s->fill, from, put);
		s->fill += put;
		from += put;
		n -= put;
		if (s->fill == s->e->request_bytes)
			flush(s);
	}
}

int ix_sink_error(const struct ix_sink *s)
{
	return ix_sticky_get(&s->failed);
}

uint64_t ix_sink_tell(const struct ix_sink *s)
{
	return s->flushed + s->fill;
}

int ix_sink_finish(struct ix_sink *s, int sync)
{
	assert(!s->finished);
	s->finished = 1;
	if (s->fill && !s->failed.rc)
		flush(s);
	for (unsigned i = 0; i < s->e->ops->sink_slots; i++)
		settle(s, i);
	/* Also where the size is right: it frees what was reserved beyond. */
	if (!s->failed.rc)
		ix_sticky_set(&s->failed, ix_file_truncate(s->f, s->flushed));
	if (!s->failed.rc && sync)
		ix_sticky_set(&s->failed, ix_file_sync(s->f));
	return ix_sticky_get(&s->failed);
}

void ix_sink_close(struct ix_sink *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->e->ops->sink_slots; i++)
		ix_request_drop(s->e, &s->requests[i]);
	s->e->sink_busy = 0;
	ix_free(s);
}
