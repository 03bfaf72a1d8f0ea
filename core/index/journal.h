/* SPDX-License-Identifier: MIT */
/*
 * journal: metadata.journal, the edits since the checkpoint.
 *
 *	header   64 B  magic "IXFSJRNL", version u32 = 1, 0 u32, epoch u64,
 *	               checkpoint hash 16 B, zeros, hash u64 of the 56 before
 *	batch*         one per sync, 8-byte aligned:
 *	   0 magic    u32 "IXJB"
 *	   4 length   u32 of the payload
 *	   8 epoch    u64 as in the header
 *	  16 number   u64 1, 2, ...
 *	  24 durable  u64 bytes of the file known durable when it was written
 *	  32 previous u64 hash of the batch (or header) before
 *	  40 payload  edits (edit.h), padded with zeros to 8
 *	     hash     u64 of all before
 *
 * Reading stops at the first batch that is not whole. That is the end if
 * nothing that depends on it follows: if a whole batch of this epoch stands
 * behind it that was written after these bytes were durable, the journal was
 * damaged and is refused. (In lazy mode later batches may reach the disk
 * before earlier ones; `durable` tells these cases apart.)
 *
 * The epoch ties journal and checkpoint: a journal of an older epoch than the
 * checkpoint's belongs to the previous one and is ignored.
 *
 * Belongs to one thread at a time (the commit leader).
 */
#ifndef IX_INDEX_JOURNAL_H
#define IX_INDEX_JOURNAL_H

#include "core/base/buf.h"
#include "core/base/hash.h"
#include "core/io/vfs.h"

#define IX_JOURNAL_FILE     "metadata.journal"
#define IX_JOURNAL_TMP      "metadata.journal.tmp"
#define IX_JOURNAL_PREV     "metadata.journal.prev"

#define IX_JOURNAL_HEADER   64u
#define IX_JOURNAL_RESERVE  (512u << 10) /* bytes set aside at a time */
#define IX_JOURNAL_LAST     (64u << 10)  /* kept for edits that free space */
#define IX_JOURNAL_OVERHEAD 56u          /* of a batch, with padding */

struct ix_journal {
	struct ix_vfs *vfs;   /* borrowed */
	struct ix_file *file; /* owned */
	uint64_t epoch;
	uint64_t tail;     /* where the next batch goes */
	uint64_t durable;  /* known durable up to here */
	uint64_t reserved; /* space set aside up to here */
	uint64_t number;   /* of the last batch */
	uint64_t previous; /* hash of the last batch or header */
};

void ix_journal_close(struct ix_journal *j); /* idempotent; zeroed allowed */

/* Write, reserve and sync an empty journal as metadata.journal.tmp, open it as
 * `j`. On failure the file is removed. */
int ix_journal_create_tmp(struct ix_vfs *v, uint64_t epoch,
			  struct ix_u128 checkpoint, struct ix_journal *j);
/* Keep the present file as metadata.journal.prev, rename the tmp over it, sync
 * the directory. */
int ix_journal_publish(struct ix_vfs *v);

/* One payload, in order; a negative return ends the reading and is handed on.
 */
typedef int (*ix_journal_fn)(void *ctx, const uint8_t *payload, size_t n);

/*
 * Open metadata.journal and hand every batch to `fn` if its epoch is `epoch`.
 * *stalep = 1 if it is older: then nothing was handed out and `j` is closed.
 * Writes nothing; j->tail is where the whole batches end (see
 * ix_journal_cut). -ENOENT, -IX_ECORRUPT, -IX_EFORMAT, -ENOMEM, I/O errors.
 */
int ix_journal_open(struct ix_vfs *v, uint64_t epoch, struct ix_u128 checkpoint,
		    unsigned open_flags, ix_journal_fn fn, void *ctx,
		    struct ix_journal *j, int *stalep);

/* Read batches from memory, the file's bytes: what ix_journal_open does. */
int ix_journal_parse(const uint8_t *data, size_t n, uint64_t epoch,
		     struct ix_u128 checkpoint, ix_journal_fn fn, void *ctx,
		     struct ix_journal *j, int *stalep);

/* Remove what stands behind the tail, durably, and reserve space. */
int ix_journal_cut(struct ix_journal *j);

/* Is there reserved space for `n` more bytes of payload, without touching the
 * last reserve unless `frees`? Tries to reserve more. 0 or -ENOSPC, I/O
 * errors. */
int ix_journal_room(struct ix_journal *j, size_t n, int frees);

/* Append a batch and, if `sync`, make it durable. After a failure the batch is
 * not part of the journal as we see it, but *unsurep tells whether it may
 * still come up after a crash. */
int ix_journal_append(struct ix_journal *j, const void *payload, size_t n,
		      int sync, int *unsurep);

/* Make all batches durable. After a failure nobody knows which are. */
int ix_journal_sync(struct ix_journal *j);

#endif
