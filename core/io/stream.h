/* SPDX-License-Identifier: MIT */
/*
 * stream: sequential reading and writing for merges and builds.
 *
 * A merge reads K inputs forward and writes one output forward. An engine
 * carries out the requests: `sync` with pread and pwrite, `uring` with a ring
 * that keeps several requests in flight. Both deliver the same bytes; where
 * io_uring is absent or forbidden, ix_engine_new falls back and says so in
 * ix_engine_name. An engine and its streams belong to one thread.
 *
 * Files may be opened with or without IX_OPEN_DIRECT: a source of a direct file
 * reads the aligned range around its own (best: offsets that are multiples of
 * 4096), a sink pads its last request and cuts the file to its size. Files of
 * simulated disks go through the same state machine (ix_sim_set_completions).
 */
#ifndef IX_IO_STREAM_H
#define IX_IO_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "core/io/vfs.h"

#define IX_STREAM_LEAF ((size_t)65536) /* granule of reads and of checksums */

enum ix_engine_kind {
	IX_ENGINE_AUTO, /* uring if it works for these files, else sync */
	IX_ENGINE_SYNC,
	IX_ENGINE_URING, /* fails with -ENOSYS when it is not there */
};

struct ix_engine_options {
	enum ix_engine_kind kind;
	size_t arena_bytes;         /* memory for all buffers; 0 = 32 MiB */
	unsigned fan_in;            /* sources open at once, 1..64, 0 = 1; sizes
				       requests to arena / (4 x fan_in), 128 KiB at
				       least (the arena grows for it), 1 MiB at most */
	int (*canceled)(void *ctx); /* polled per request; true makes every
				       stream fail with -IX_ECANCELED; may be
				       NULL */
	void *canceled_ctx;
};

struct ix_engine;

/* -ENOSYS: no io_uring (IX_ENGINE_URING only); -ENOMEM; -EINVAL: fan_in. */
int ix_engine_new(const struct ix_engine_options *o, struct ix_engine **ep);
void ix_engine_free(struct ix_engine *e); /* after its streams; NULL allowed */
const char *ix_engine_name(const struct ix_engine *e); /* "sync", "uring" */

/* ---- source ---- */

/*
 * Called for each leaf of IX_STREAM_LEAF bytes (the last may be shorter), in
 * order, before any of its bytes is handed out. `index` counts from the start
 * of the source. A negative return makes the source fail with that code.
 */
typedef int (*ix_leaf_fn)(void *ctx, uint64_t index, const uint8_t *data,
			  size_t n);

struct ix_source;

/* Read [offset, offset + n) of `f` (borrowed); -IX_ECORRUPT, when the cursor
 * gets there, if the file ends before. Reading begins at once. -EMFILE when
 * fan_in sources are open, -EINVAL for a range no file can have. `fn` may be
 * NULL. */
int ix_source_open(struct ix_engine *e, struct ix_file *f, uint64_t offset,
		   uint64_t n, ix_leaf_fn fn, void *ctx, struct ix_source **sp);
void ix_source_close(struct ix_source *s); /* NULL allowed */

/*
 * Bytes at the cursor, without moving it: at least `want` of them, fewer only
 * at the end. `want` is at most IX_SOURCE_PEEK_MAX. Returns 0 with `*p` and
 * `*n` (often more than wanted), good until the next call on this source;
 * or a negative code, then every later call fails alike.
 */
#define IX_SOURCE_PEEK_MAX ((size_t)65536)
int ix_source_peek(struct ix_source *s, size_t want, const uint8_t **p,
		   size_t *n);
/* Move the cursor forward by at most what the last peek returned. */
void ix_source_skip(struct ix_source *s, size_t n);
/* Copy exactly `n` bytes out and move on; -IX_ECORRUPT at a premature end. */
int ix_source_read(struct ix_source *s, void *out, size_t n);
/* Bytes consumed so far. */
uint64_t ix_source_tell(const struct ix_source *s);

/* ---- sink ---- */

struct ix_sink;

/* Write to `f` (borrowed), from offset 0. One sink per engine at a time, else
 * -EMFILE. */
int ix_sink_open(struct ix_engine *e, struct ix_file *f, struct ix_sink **sp);

/* Append (`data` is copied); the error is sticky and reported by
 * ix_sink_finish. */
void ix_sink_write(struct ix_sink *s, const void *data, size_t n);
/* The first error so far, or 0: for leaving long loops early. */
int ix_sink_error(const struct ix_sink *s);
uint64_t ix_sink_tell(const struct ix_sink *s); /* bytes appended */

/* Write everything out, set the file's size, fdatasync when `sync`. Returns 0
 * or the first error. The sink may only be closed afterwards. */
int ix_sink_finish(struct ix_sink *s, int sync);
void ix_sink_close(struct ix_sink *s); /* NULL allowed; aborts if unfinished */

/* ix_source_read of `n` bytes of `from`, appended to `to`, without a copy
 * where the engine can do so. The first error of either. */
int ix_stream_copy(struct ix_source *from, struct ix_sink *to, uint64_t n);

#endif
