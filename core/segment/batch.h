/* SPDX-License-Identifier: MIT */
/*
 * batch: documents on their way into one segment file.
 *
 *	start(file); add(document) ...; finish(id)     or abort
 *
 * Stored records go to the file as they come; postings, columns, lengths and
 * ties are kept in memory until the finish, which writes them. What is kept is
 * accounted deterministically. A batch is used for one file after another.
 * Belongs to one thread; borrows engine and file while it is started.
 */
#ifndef IX_SEGMENT_BATCH_H
#define IX_SEGMENT_BATCH_H

#include "core/base/id.h"
#include "core/format/schema.h"
#include "core/io/stream.h"
#include "core/segment/document.h"

struct ix_batch;

/* A batch of documents of `schema` (borrowed until free). 0; -IX_ESCHEMA for a
 * tokenizer that does not exist; -ENOMEM. */
int ix_batch_new(const struct ix_schema *schema, struct ix_batch **bp);
void ix_batch_free(struct ix_batch *b); /* NULL allowed */

/* Begin a segment in the empty file `f`. 0, -ENOMEM, or a failure of the
 * engine. */
int ix_batch_start(struct ix_batch *b, struct ix_engine *e, struct ix_file *f);

/* Can the document be indexed? -IX_EINPUT if its positions pass 2^31; 0. To be
 * called, and heeded, before add. */
int ix_batch_check(struct ix_batch *b, const struct ix_document *d);

/* Add a document that was checked. A failure (-ENOMEM, -IX_ELIMIT, I/O) ends
 * the segment: only abort remains. */
int ix_batch_add(struct ix_batch *b, const struct ix_document *d);

uint32_t ix_batch_doc_count(const struct ix_batch *b);

/* Bytes that the documents since start hold in memory; depends on them
 * alone. */
uint64_t ix_batch_memory(const struct ix_batch *b);

/* Write the rest of the file, with `id` as its id and only leaf; fdatasync it
 * if `sync`. At least one document was added. The batch can start anew, also
 * after a failure. *bytesp = length of the file. */
int ix_batch_finish(struct ix_batch *b, const struct ix_id *id, int sync,
		    uint64_t *bytesp);

/* Drop the documents; the file holds rubbish. Idempotent. */
void ix_batch_abort(struct ix_batch *b);

#endif
