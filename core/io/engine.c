/* SPDX-License-Identifier: MIT */
#include "core/io/engine.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "core/base/codec.h"
#include "core/base/mem.h"

#define ARENA_DEFAULT     ((size_t)32 << 20)
#define REQUEST_BYTES_MIN ((size_t)128 << 10)
#define REQUEST_BYTES_MAX ((size_t)1 << 20) /* more brings nothing */
#define FAN_IN_MAX        64u
#define HUGEPAGE          ((size_t)2 << 20)

/* ---- failures ---- */

int ix_sticky_set(struct ix_sticky *s, int rc)
{
	if (rc >= 0 || s->rc)
		return s->rc;
	s->rc = rc;
	snprintf(s->text, sizeof(s->text), "%s", ix_fail_text());
	return rc;
}

int ix_sticky_get(const struct ix_sticky *s)
{
	return s->rc ? ix_fail(s->rc, "%s", s->text) : 0;
}

/* ---- requests ---- */

int ix_engine_poll(struct ix_engine *e)
{
	if (!e->canceled && e->o.canceled)
		e->canceled = e->o.canceled(e->o.canceled_ctx) != 0;
	return e->canceled ? ix_fail(-IX_ECANCELED, "stopped on request") : 0;
}

int ix_request_start(struct ix_engine *e, struct ix_request *r)
{
	int rc = ix_engine_poll(e);

	assert(!r->started);
	r->done = 0;
	r->rc = rc;
	r->stalls = 0;
	if (rc)
		return rc;
	r->started = 1;
	r->busy = 1;
	e->ops->start(e, r);
	return 0;
}

int ix_request_wait(struct ix_engine *e, struct ix_request *r)
{
	const char *path = ix_file_path(r->file);
	unsigned long long wanted = r->offset + r->need;
	unsigned long long at;

	assert(r->started);
	e->ops->wait(e, r);
	assert(!r->busy);
	r->started = 0;
	at = r->offset + r->done;
	if (r->rc)
		return ix_fail(r->rc, "%s \"%s\" at %llu: %s",
			       r->write ? "write" : "read", path, at,
			       ix_err_name(r->rc));
	if (r->done < r->need)
		return ix_fail(-IX_ECORRUPT,
			       "read \"%s\": ends at byte %llu, %llu expected",
			       path, at, wanted);
	return ix_engine_poll(e);
}

void ix_request_drop(struct ix_engine *e, struct ix_request *r)
{
	if (r->started)
		e->ops->drop(e, r);
	r->started = 0;
}

/* ---- the arena ---- */

static size_t request_bytes(size_t arena, unsigned fan_in)
{
	size_t n = arena / (4 * fan_in);

	n -= n % IX_STREAM_LEAF;
	if (n < REQUEST_BYTES_MIN)
		return REQUEST_BYTES_MIN;
	return n < REQUEST_BYTES_MAX ? n : REQUEST_BYTES_MAX;
}

/*
 * One map for all buffers, in huge pages where the kernel has them: a request
 * of small pages would be split by most block devices. Touched at once, for a
 * page fault costs more than the copy into it.
 */
static int arena_init(struct ix_engine *e)
{
	size_t window = e->ops->source_slots * ix_engine_slot_bytes(e);
	size_t bytes =
		window * e->o.fan_in + e->ops->sink_slots * e->request_bytes;
	uint8_t *p;

	e->windows = ix_calloc(e->o.fan_in, sizeof(*e->windows));
	if (!e->windows || (ix_mem_fail_hook && ix_mem_fail_hook()))
		return -ENOMEM;
	bytes = ix_align_up(bytes, HUGEPAGE);
	p = mmap(NULL, bytes + HUGEPAGE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return -errno;
	e->arena_map = p;
	e->arena_map_bytes = bytes + HUGEPAGE;
	e->arena = p + (ix_align_up((uintptr_t)p, HUGEPAGE) - (uintptr_t)p);
	e->arena_bytes = bytes;
	(void)madvise(e->arena, bytes, MADV_HUGEPAGE);
	if (e->ops->touch_arena)
		memset(e->arena, 0, bytes);
	for (unsigned i = 0; i < e->o.fan_in; i++)
		e->windows[e->free_windows++] = e->arena + i * window;
	e->sink_slots = e->arena + e->o.fan_in * window;
	return 0;
}

/* ---- engines ---- */

int ix_engine_new_ops(const struct ix_engine_options *o,
		      const struct ix_engine_ops *ops, struct ix_engine **ep)
{
	struct ix_engine *e;
	int rc = -ENOMEM;

	e = ix_calloc(1, sizeof(*e));
	if (!e)
		goto out;
	e->ops = ops;
	e->o = *o;
	if (!e->o.arena_bytes)
		e->o.arena_bytes = ARENA_DEFAULT;
	if (!e->o.fan_in)
		e->o.fan_in = 1;
	e->request_bytes = request_bytes(e->o.arena_bytes, e->o.fan_in);
	rc = arena_init(e);
	if (rc)
		goto out;
	rc = ops->init(e);
	if (rc)
		goto out;
	*ep = e;
	return 0;
out:
	ix_engine_free(e);
	return ix_fail(rc, "start the %s engine: %s", ops->name,
		       ix_err_name(rc));
}

int ix_engine_new(const struct ix_engine_options *o, struct ix_engine **ep)
{
	int rc;

	*ep = NULL;
	if (o->fan_in > FAN_IN_MAX)
		return ix_fail(-EINVAL, "%u sources at once, %u are possible",
			       o->fan_in, FAN_IN_MAX);
	if (o->kind == IX_ENGINE_SYNC)
		return ix_engine_new_ops(o, &ix_engine_sync_ops, ep);
	rc = ix_engine_new_ops(o, &ix_engine_uring_ops, ep);
	if (rc == -ENOSYS && o->kind == IX_ENGINE_AUTO)
		rc = ix_engine_new_ops(o, &ix_engine_sync_ops, ep);
	return rc;
}

void ix_engine_free(struct ix_engine *e)
{
	if (!e)
		return;
	if (e->priv)
		e->ops->fini(e);
	if (e->arena_map && !e->arena_lost)
		munmap(e->arena_map, e->arena_map_bytes);
	ix_free(e->windows);
	ix_free(e);
}

const char *ix_engine_name(const struct ix_engine *e)
{
	return e->ops->name;
}
