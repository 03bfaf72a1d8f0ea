/* SPDX-License-Identifier: MIT */
/*
 * The ring engine: several requests in flight on one io_uring.
 *
 * A request goes to one of two transports, by its file: the ring, or, for a
 * file of a simulated disk, a queue whose entries complete as the test asks
 * (ix_sim_set_completions). What happens to a completion is the same code for
 * both:
 *
 *	all bytes there, or as many as needed        done
 *	some bytes                                   go on behind them
 *	no bytes: end of the file                    done, for a read
 *	-EINTR, -EAGAIN                              again; after many in a row
 *	                                             by pread or pwrite
 *	-EINVAL, -EOPNOTSUPP                         by pread or pwrite
 *	another error                                done
 *
 * No requests are linked: a short read would break the link, and a link
 * serialises what may run in parallel.
 *
 * When the ring itself fails (io_uring_enter, which has no benign reason to),
 * requests in flight cannot be waited for. Then the engine is broken, all its
 * requests fail, and its arena is never unmapped: the kernel may write to it.
 */
#include "core/io/engine.h"

#include <liburing.h>
#include <string.h>
#include <sys/uio.h>

#include "core/base/mem.h"
#include "core/io/sim_internal.h"

#define STALLS_MAX 16u /* tries in a row without progress */

struct uring {
	struct io_uring ring;
	int has_ring;
	int broken; /* 0, or what io_uring_enter said */
	unsigned in_flight;
	struct ix_request *queue; /* of the simulated transport, a list */
};

static struct uring *uring_of(struct ix_engine *e)
{
	return e->priv;
}

/* ---- what a completion means ---- */

static void submit(struct ix_engine *e, struct ix_request *r);

static void finish(struct ix_request *r, int rc)
{
	r->rc = rc;
	r->busy = 0;
}

/* The ring cannot do it: once more, as the synchronous engine does. */
static void fall_back(struct ix_request *r)
{
	uint64_t at = r->offset + r->done;
	ssize_t got;

	if (r->write) {
		got = ix_file_write(r->file, r->data + r->done, r->n - r->done,
				    at);
		if (!got)
			r->done = r->n;
	} else {
		got = ix_file_read(r->file, r->data + r->done, r->n - r->done,
				   at);
		if (got > 0)
			r->done += (size_t)got;
	}
	finish(r, got < 0 ? (int)got : 0);
}

static void complete(struct ix_engine *e, struct ix_request *r, int res)
{
	size_t done = r->done;

	if (res == -EINTR || res == -EAGAIN) {
		if (++r->stalls >= STALLS_MAX)
			fall_back(r);
		else
			submit(e, r);
		return;
	}
	/* What an old kernel's ring, or an odd filesystem, cannot do. If it is
	 * an error of ours, the call says so again. */
	if (res == -EINVAL || res == -EOPNOTSUPP) {
		fall_back(r);
		return;
	}
	if (res < 0) {
		finish(r, res);
		return;
	}
	if ((size_t)res > r->n - r->done)
		res = (int)(r->n - r->done); /* cannot be; must not overflow */
	r->done += (size_t)res;
	if (r->done >= r->need) {
		finish(r, 0);
		return;
	}
	/* A direct transfer goes on from the grid. One that ended off it, at
	 * the end of the file, makes no progress there the next time. */
	if (ix_file_is_direct(r->file)) {
		size_t on_grid = r->done - r->done % IX_DIRECT_ALIGN;

		if (on_grid > done)
			r->done = on_grid;
		else
			res = 0;
	}
	if (res == 0) {
		finish(r, r->write ? -EIO : 0);
		return;
	}
	r->stalls = 0;
	submit(e, r);
}

/* ---- the ring ---- */

static void ring_broke(struct ix_engine *e, int rc)
{
	uring_of(e)->broken = rc;
	e->arena_lost = 1;
}

/* Hand over what was prepared and, with `wait`, wait for a completion. */
static void ring_enter(struct ix_engine *e, unsigned wait)
{
	struct uring *u = uring_of(e);
	int rc;

	do
		rc = io_uring_submit_and_wait(&u->ring, wait);
	while (rc == -EINTR);
	/* Too much in flight: completions will make room. Without any there
	 * would be nothing to wait for. */
	if ((rc == -EAGAIN || rc == -EBUSY) && u->in_flight > 1)
		return;
	if (rc < 0)
		ring_broke(e, rc);
}

static void ring_submit(struct ix_engine *e, struct ix_request *r)
{
	struct uring *u = uring_of(e);
	struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);
	unsigned n = (unsigned)(r->n - r->done);
	uint64_t at = r->offset + r->done;
	uint8_t *data = r->data + r->done;
	int fd = ix_file_fd(r->file);

	if (!sqe) { /* cannot be: the ring has room for all slots */
		fall_back(r);
		return;
	}
	if (r->write && e->registered)
		io_uring_prep_write_fixed(sqe, fd, data, n, at, 0);
	else if (r->write)
		io_uring_prep_write(sqe, fd, data, n, at);
	else if (e->registered)
		io_uring_prep_read_fixed(sqe, fd, data, n, at, 0);
	else
		io_uring_prep_read(sqe, fd, data, n, at);
	io_uring_sqe_set_data(sqe, r);
	u->in_flight++;
	ring_enter(e, 0);
}

static void ring_reap(struct ix_engine *e)
{
	struct uring *u = uring_of(e);
	struct io_uring_cqe *cqe;

	ring_enter(e, 1);
	while (!u->broken && !io_uring_peek_cqe(&u->ring, &cqe)) {
		struct ix_request *r = io_uring_cqe_get_data(cqe);
		int res = cqe->res;

		io_uring_cqe_seen(&u->ring, cqe);
		u->in_flight--;
		complete(e, r, res);
	}
}

static unsigned round_up_to_power(unsigned n)
{
	unsigned p = 1;

	while (p < n)
		p *= 2;
	return p;
}

/* The best ring this kernel has: completions are worked off by our own calls
 * only (6.1), else without inter-processor interrupts (5.19), else any. */
static int ring_open(struct uring *u, unsigned entries)
{
	static const unsigned flags[] = {
		IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
		IORING_SETUP_COOP_TASKRUN,
		0,
	};
	int rc = -ENOSYS;

	for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		rc = io_uring_queue_init(entries, &u->ring, flags[i]);
		if (rc != -EINVAL)
			break;
	}
	/* Absent, switched off (io_uring_disabled), forbidden (seccomp), short
	 * of lockable memory or of descriptors: it is not there for us. */
	return rc ? -ENOSYS : 0;
}

/* ---- the simulated transport ---- */

static void sim_submit(struct ix_engine *e, struct ix_request *r)
{
	struct ix_request **pp = &uring_of(e)->queue;

	while (*pp)
		pp = &(*pp)->next;
	r->next = NULL;
	*pp = r;
}

/* Take the request that completes next out of the queue. */
static struct ix_request *sim_take(struct uring *u, unsigned flags,
				   uint64_t random)
{
	struct ix_request **pp = &u->queue;
	struct ix_request *r;
	uint64_t n = 0;

	for (r = u->queue; r; r = r->next)
		n++;
	if (flags & IX_SIM_REORDER) {
		for (uint64_t skip = random % n; skip; skip--)
			pp = &(*pp)->next;
	}
	r = *pp;
	*pp = r->next;
	return r;
}

/* How many of the `left` bytes come this time. */
static size_t sim_short(const struct ix_request *r, size_t left,
			uint64_t random)
{
	size_t n = left ? (size_t)(random % left) + 1 : 0;

	if (ix_file_is_direct(r->file) && n < left) {
		n -= n % IX_DIRECT_ALIGN;
		if (!n)
			n = left < IX_DIRECT_ALIGN ? left : IX_DIRECT_ALIGN;
	}
	return n;
}

static void sim_reap(struct ix_engine *e)
{
	struct uring *u = uring_of(e);
	uint64_t random = 0;
	unsigned flags = sim_draw(u->queue->file, &random);
	struct ix_request *r = sim_take(u, flags, random >> 32);
	size_t n = r->n - r->done;
	uint64_t at = r->offset + r->done;
	ssize_t res;

	if ((flags & IX_SIM_AGAIN) && random % 4 == 0) {
		complete(e, r, random & 4 ? -EAGAIN : -EINTR);
		return;
	}
	if (flags & IX_SIM_SHORT)
		n = sim_short(r, n, random >> 8);
	if (r->write) {
		res = ix_file_write(r->file, r->data + r->done, n, at);
		if (!res)
			res = (ssize_t)n;
	} else {
		res = ix_file_read(r->file, r->data + r->done, n, at);
	}
	complete(e, r, (int)res);
}

/* ---- the engine ---- */

static int is_simulated(const struct ix_request *r)
{
	return ix_file_fd(r->file) < 0;
}

static void submit(struct ix_engine *e, struct ix_request *r)
{
	struct uring *u = uring_of(e);

	if (is_simulated(r))
		sim_submit(e, r);
	else if (u->broken)
		finish(r, u->broken);
	else
		ring_submit(e, r);
}

static void uring_wait(struct ix_engine *e, struct ix_request *r)
{
	struct uring *u = uring_of(e);

	while (r->busy) {
		if (is_simulated(r))
			sim_reap(e);
		else if (u->broken)
			finish(r, u->broken);
		else
			ring_reap(e);
	}
}

static int uring_init(struct ix_engine *e)
{
	unsigned slots =
		e->o.fan_in * e->ops->source_slots + e->ops->sink_slots;
	struct iovec arena = { e->arena, e->arena_bytes };
	struct uring *u = ix_calloc(1, sizeof(*u));
	int rc;

	if (!u)
		return -ENOMEM;
	rc = ring_open(u, round_up_to_power(slots));
	if (rc) {
		ix_free(u);
		return rc;
	}
	u->has_ring = 1;
	/* Without it (RLIMIT_MEMLOCK) requests map their pages one by one. */
	e->registered = !io_uring_register_buffers(&u->ring, &arena, 1);
	e->priv = u;
	return 0;
}

static void uring_fini(struct ix_engine *e)
{
	struct uring *u = uring_of(e);

	if (u->has_ring)
		io_uring_queue_exit(&u->ring);
	ix_free(u);
	e->priv = NULL;
}

const struct ix_engine_ops ix_engine_uring_ops = {
	.name = "uring",
	.source_slots = 2,
	.sink_slots = 4,
	.touch_arena = 1,
	.init = uring_init,
	.fini = uring_fini,
	.start = submit,
	.wait = uring_wait,
	.drop = uring_wait, /* a buffer in flight cannot be used again */
};

static int simulated_init(struct ix_engine *e)
{
	e->priv = ix_calloc(1, sizeof(struct uring));
	return e->priv ? 0 : -ENOMEM;
}

const struct ix_engine_ops ix_engine_simulated_ops = {
	.name = "uring",
	.source_slots = 2,
	.sink_slots = 4,
	.init = simulated_init,
	.fini = uring_fini,
	.start = submit,
	.wait = uring_wait,
	.drop = uring_wait,
};
