/* SPDX-License-Identifier: MIT */
/*
 * A source cuts its range into chunks of one request each; chunk i goes
 * through slot i mod source_slots of its window (engine.h). Chunks begin at
 * multiples of the request size from the beginning of the source, so that a
 * leaf never lies in two of them. On a file opened for direct access the
 * surrounding aligned range is read.
 *
 *	cursor
 *	  |<-- checked -->|<-- raw -->|  end of the current chunk
 *
 * Checked bytes may be handed out, raw ones still have to be shown to the
 * caller's leaf function. Both stay in one piece: what is left of a chunk when
 * more is wanted (less than IX_SOURCE_PEEK_MAX) is copied to the room before
 * the next one.
 */
#include "core/io/engine.h"

#include <assert.h>
#include <string.h>

#include "core/base/codec.h"
#include "core/base/mem.h"

struct ix_source {
	struct ix_engine *e; /* borrowed */
	struct ix_file *f;   /* borrowed */
	uint64_t offset;
	uint64_t n;
	ix_leaf_fn fn;
	void *ctx;

	uint8_t *window; /* borrowed from the engine until close */
	int direct;
	uint64_t chunk_count;
	uint64_t started; /* chunks for which a request was made */
	uint64_t entered; /* chunks whose bytes came to the cursor */

	const uint8_t *p; /* the cursor */
	size_t checked;
	size_t raw;
	uint64_t leaf; /* index of the next to check */
	uint64_t told;
	struct ix_sticky failed;

	struct ix_request requests[]; /* source_slots */
};

static struct ix_request *request_of(struct ix_source *s, uint64_t chunk)
{
	return &s->requests[chunk % s->e->ops->source_slots];
}

static size_t chunk_bytes(const struct ix_source *s, uint64_t chunk)
{
	uint64_t left = s->n - chunk * s->e->request_bytes;

	return left < s->e->request_bytes ? (size_t)left : s->e->request_bytes;
}

/* Bytes between the beginning of a request and the first one wanted. */
static size_t skew(const struct ix_source *s)
{
	return s->direct ? (size_t)(s->offset % IX_DIRECT_ALIGN) : 0;
}

static int start_chunk(struct ix_source *s, uint64_t chunk)
{
	struct ix_request *r = request_of(s, chunk);
	uint64_t slot = chunk % s->e->ops->source_slots;

	r->file = s->f;
	r->data = s->window + slot * ix_engine_slot_bytes(s->e) +
		  IX_SOURCE_PEEK_MAX;
	r->offset = s->offset + chunk * s->e->request_bytes - skew(s);
	r->need = skew(s) + chunk_bytes(s, chunk);
	r->n = s->direct ? ix_align_up(r->need, IX_DIRECT_ALIGN) : r->need;
	return ix_request_start(s->e, r);
}

/* Keep all slots but the current one busy. */
static int read_ahead(struct ix_source *s)
{
	uint64_t end = s->entered + s->e->ops->source_slots;
	int rc = 0;

	/* The chunk at the cursor, if any, still occupies its slot. */
	if (s->entered)
		end--;
	while (!rc && s->started < s->chunk_count && s->started < end) {
		rc = start_chunk(s, s->started);
		if (!rc)
			s->started++;
	}
	return rc;
}

/* Bring the next chunk to the cursor, behind the checked bytes that are left.
 */
static int enter_chunk(struct ix_source *s)
{
	struct ix_request *r = request_of(s, s->entered);
	size_t rest = s->checked;
	uint8_t *data;
	int rc;

	assert(!s->raw && rest < IX_SOURCE_PEEK_MAX);
	rc = ix_request_wait(s->e, r);
	if (rc)
		return rc;
	data = r->data + skew(s);
	if (rest)
		memcpy(data - rest, s->p, rest);
	s->p = data - rest;
	s->raw = chunk_bytes(s, s->entered);
	s->entered++;
	return read_ahead(s);
}

static int check_leaf(struct ix_source *s)
{
	size_t n = s->raw < IX_STREAM_LEAF ? s->raw : IX_STREAM_LEAF;
	int rc = 0;

	if (s->fn)
		rc = s->fn(s->ctx, s->leaf++, s->p + s->checked, n);
	else
		n = s->raw;
	if (rc < 0)
		return rc;
	s->checked += n;
	s->raw -= n;
	return 0;
}

int ix_source_open(struct ix_engine *e, struct ix_file *f, uint64_t offset,
		   uint64_t n, ix_leaf_fn fn, void *ctx, struct ix_source **sp)
{
	unsigned slots = e->ops->source_slots;
	struct ix_source *s;
	int rc;

	*sp = NULL;
	if (offset > INT64_MAX || n > INT64_MAX - offset)
		return ix_fail(-EINVAL, "read \"%s\": no such range",
			       ix_file_path(f));
	if (!e->free_windows)
		return ix_fail(-EMFILE, "read \"%s\": %u sources are open",
			       ix_file_path(f), e->o.fan_in);
	s = ix_calloc(1, sizeof(*s) + slots * sizeof(s->requests[0]));
	if (!s)
		return ix_fail(-ENOMEM, "read \"%s\": %s", ix_file_path(f),
			       ix_err_name(-ENOMEM));
	s->e = e;
	s->f = f;
	s->offset = offset;
	s->n = n;
	s->fn = fn;
	s->ctx = ctx;
	s->direct = ix_file_is_direct(f);
	s->chunk_count = n / e->request_bytes + (n % e->request_bytes != 0);
	s->window = e->windows[--e->free_windows];
	rc = read_ahead(s);
	if (rc) {
		ix_source_close(s);
		return rc;
	}
	*sp = s;
	return 0;
}

void ix_source_close(struct ix_source *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->e->ops->source_slots; i++)
		ix_request_drop(s->e, &s->requests[i]);
	s->e->windows[s->e->free_windows++] = s->window;
	ix_free(s);
}

int ix_source_peek(struct ix_source *s, size_t want, const uint8_t **p,
		   size_t *n)
{
	int rc = ix_sticky_get(&s->failed);

	*p = NULL;
	*n = 0;
	if (want > IX_SOURCE_PEEK_MAX)
		want = IX_SOURCE_PEEK_MAX;
	while (!rc && s->checked < want) {
		if (s->raw)
			rc = check_leaf(s);
		else if (s->entered < s->chunk_count)
			rc = enter_chunk(s);
		else
			break;
	}
	if (rc)
		return ix_sticky_set(&s->failed, rc);
	*p = s->p;
	*n = s->checked;
	return 0;
}

void ix_source_skip(struct ix_source *s, size_t n)
{
	assert(n <= s->checked);
	if (!n)
		return; /* there may be no buffer yet */
	s->p += n;
	s->checked -= n;
	s->told += n;
}

static int ended(struct ix_source *s, uint64_t missing)
{
	unsigned long long end = s->offset + s->n;
	int rc = ix_fail(-IX_ECORRUPT,
			 "read \"%s\": %llu bytes at %llu are missing",
			 ix_file_path(s->f), (unsigned long long)missing, end);

	return ix_sticky_set(&s->failed, rc);
}

int ix_source_read(struct ix_source *s, void *out, size_t n)
{
	uint8_t *to = out;

	while (n) {
		const uint8_t *p;
		size_t got;
		int rc = ix_source_peek(s, 1, &p, &got);

		if (rc)
			return rc;
		if (!got)
			return ended(s, n);
		if (got > n)
			got = n;
		memcpy(to, p, got);
		ix_source_skip(s, got);
		to += got;
		n -= got;
	}
	return ix_sticky_get(&s->failed);
}

uint64_t ix_source_tell(const struct ix_source *s)
{
	return s->told;
}

int ix_stream_copy(struct ix_source *from, struct ix_sink *to, uint64_t n)
{
	while (n) {
		const uint8_t *p;
		size_t got;
		int rc = ix_source_peek(from, 1, &p, &got);

		if (rc)
			return rc;
		if (!got)
			return ended(from, n);
		if (got > n)
			got = (size_t)n;
		ix_sink_write(to, p, got);
		ix_source_skip(from, got);
		n -= got;
		rc = ix_sink_error(to);
		if (rc)
			return rc;
	}
	return 0;
}
