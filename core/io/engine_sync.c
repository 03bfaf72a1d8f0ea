/* SPDX-License-Identifier: MIT */
/* The synchronous engine: a request is one pread or pwrite, made when
 * somebody waits for it, so that a dropped one costs nothing. */
#include "core/io/engine.h"

static int sync_init(struct ix_engine *e)
{
	(void)e;
	return 0;
}

static void sync_fini(struct ix_engine *e)
{
	(void)e;
}

static void sync_start(struct ix_engine *e, struct ix_request *r)
{
	(void)e;
	(void)r;
}

static void sync_wait(struct ix_engine *e, struct ix_request *r)
{
	ssize_t got;

	(void)e;
	r->busy = 0;
	if (r->write) {
		r->rc = ix_file_write(r->file, r->data, r->n, r->offset);
		r->done = r->rc ? 0 : r->n;
		return;
	}
	got = ix_file_read(r->file, r->data, r->n, r->offset);
	if (got < 0)
		r->rc = (int)got;
	else
		r->done = (size_t)got;
}

static void sync_drop(struct ix_engine *e, struct ix_request *r)
{
	(void)e;
	r->busy = 0;
}

const struct ix_engine_ops ix_engine_sync_ops = {
	.name = "sync",
	.source_slots = 2,
	.sink_slots = 1,
	.init = sync_init,
	.fini = sync_fini,
	.start = sync_start,
	.wait = sync_wait,
	.drop = sync_drop,
};
