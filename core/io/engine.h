/* SPDX-License-Identifier: MIT */
/*
 * engine: what an engine must do for the streams, private to core/io.
 *
 * A stream (source.c, sink.c) cuts its work into requests, one per slot of the
 * engine's arena, and knows nothing of how they are carried out:
 *
 *	IDLE --start--> STARTED --wait--> IDLE (done, or rc < 0)
 *	                        --drop--> IDLE (nobody wants to know)
 *
 * An engine may work at any time between start and wait, in any order, in
 * pieces. Only the thread of the engine calls these.
 */
#ifndef IX_IO_ENGINE_H
#define IX_IO_ENGINE_H

#include "core/base/err.h"
#include "core/io/stream.h"

#define IX_DIRECT_ALIGN ((size_t)4096)

struct ix_request {
	struct ix_file *file; /* borrowed */
	int write;
	int started;     /* of the stream: start was called, wait was not */
	int busy;        /* of the engine: still to be carried out */
	uint8_t *data;   /* borrowed from the arena */
	uint64_t offset; /* in the file */
	size_t n;        /* bytes to transfer */
	size_t need;     /* a read may end here: n was rounded up; <= n */
	size_t done;     /* bytes transferred */
	int rc;          /* when done: 0 or negative */

	/* of the ring engine */
	unsigned stalls;         /* tries in a row without progress */
	struct ix_request *next; /* in its queue */
};

struct ix_engine_ops {
	const char *name;
	unsigned source_slots; /* 2 or more, by reads worth having ahead */
	unsigned sink_slots;   /* 1 or more */
	int touch_arena;       /* have its pages before the first request? */
	int (*init)(struct ix_engine *e); /* the arena is there */
	void (*fini)(struct ix_engine *e);
	void (*start)(struct ix_engine *e, struct ix_request *r);
	void (*wait)(struct ix_engine *e, struct ix_request *r);
	void (*drop)(struct ix_engine *e, struct ix_request *r);
};

struct ix_engine {
	const struct ix_engine_ops *ops;
	struct ix_engine_options o;
	int canceled; /* sticky */
	size_t request_bytes;

	uint8_t *arena; /* owned; IX_DIRECT_ALIGN-aligned slices of it below */
	size_t arena_bytes;
	void *arena_map;
	size_t arena_map_bytes;
	int arena_lost; /* the kernel may still write to it: never unmap */

	uint8_t **windows; /* owned; stack of free source windows */
	unsigned free_windows;
	uint8_t *sink_slots; /* in the arena */
	int sink_busy;

	int registered; /* does the kernel know the arena, as buffer 0? */
	void *priv;     /* of the ops */
};

/*
 * A source window is `source_slots` slots:
 *
 *	| room for the rest of the slot before | data ... | pad |
 *	  IX_SOURCE_PEEK_MAX                     request    IX_DIRECT_ALIGN
 *
 * so that bytes on both sides of a slot's beginning can be handed out in one
 * piece. The pad takes what rounding to IX_DIRECT_ALIGN adds.
 */
static inline size_t ix_engine_slot_bytes(const struct ix_engine *e)
{
	return IX_SOURCE_PEEK_MAX + e->request_bytes + IX_DIRECT_ALIGN;
}

/* Poll the caller's `canceled`; 0 or -IX_ECANCELED with a text. */
int ix_engine_poll(struct ix_engine *e);

/* Start, and wait for, one request; 0 or negative with a text. A read that
 * ends before `need` is -IX_ECORRUPT. */
int ix_request_start(struct ix_engine *e, struct ix_request *r);
int ix_request_wait(struct ix_engine *e, struct ix_request *r);
void ix_request_drop(struct ix_engine *e, struct ix_request *r);

/* A first failure and its words, kept for every later call. */
struct ix_sticky {
	int rc;
	char text[IX_FAIL_TEXT_MAX];
};

/* Remember the thread's failure text under `rc`, if this is the first; returns
 * the first. */
int ix_sticky_set(struct ix_sticky *s, int rc);
/* 0, or the first failure again, text included. */
int ix_sticky_get(const struct ix_sticky *s);

extern const struct ix_engine_ops ix_engine_sync_ops;
extern const struct ix_engine_ops ix_engine_uring_ops;
/* The state machine of the ring engine without a ring: for files of simulated
 * disks only, for tests that must run where io_uring is forbidden. */
extern const struct ix_engine_ops ix_engine_simulated_ops;

/* Make an engine; ix_engine_new chooses the ops. */
int ix_engine_new_ops(const struct ix_engine_options *o,
		      const struct ix_engine_ops *ops, struct ix_engine **ep);

#endif
