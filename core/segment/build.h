/* SPDX-License-Identifier: MIT */
/*
 * build: documents become segments.
 *
 * A builder takes JSON documents one by one, keeps them inverted in memory
 * within a budget, and writes a segment when asked, or when a document comes
 * after the budget or the document count is reached. What the budget counts is
 * the memory of postings, columns and per-document figures, by a rule that
 * depends on the documents alone; the writing of a segment takes some more
 * (sorting is counted, the longest list is not). The content decides
 * everything: the same documents, schema, label and options give the same bytes
 * and the same ids. A document that is refused leaves no trace (HAZARDS S-42).
 * Belongs to one thread.
 */
#ifndef IX_SEGMENT_BUILD_H
#define IX_SEGMENT_BUILD_H

#include "core/base/id.h"
#include "core/format/schema.h"
#include "core/io/vfs.h"

struct ix_build_options {
	const struct ix_schema *schema; /* borrowed until free */
	const char *batch;     /* --batch label, part of the id; NULL = "" */
	uint64_t memory_bytes; /* budget; 0 = 256 MiB; 8 MiB .. 2 GiB */
	uint32_t docs_per_segment; /* 0 = as many as a segment can hold */
	int ignore_unknown;        /* drop fields outside the schema instead of
				      refusing the document */
	int one_segment;    /* the budget ends no segment: parts are spilled
			       to temporary files and merged into one built
			       segment, whose id does not depend on it */
	struct ix_vfs *vfs; /* borrowed: where segments are written */
	/* Path below vfs of the next segment: called once per segment, when it
	 * gets its first document, with its number from 0; writes a
	 * NUL-terminated path. A file of that name is replaced. Until it is
	 * complete the segment has hidden names beside it, ".<name>.tmp" and
	 * ".<name>.<number>.tmp". */
	void (*name)(void *ctx, uint32_t number, char *path, size_t n);
	/* A segment is complete and durable under its path. May be NULL. */
	void (*done)(void *ctx, const char *path, const struct ix_id *id,
		     uint32_t doc_count, uint64_t bytes);
	void *ctx;
};

struct ix_builder;

int ix_builder_new(const struct ix_build_options *o, struct ix_builder **bp);
void ix_builder_free(struct ix_builder *b); /* drops unfinished work and its
					       temporary files; NULL allowed */

/*
 * Add one document: JSON text of an object. -IX_EINPUT with a text when it is
 * refused (syntax, unknown field, wrong type, number that is not a 64-bit
 * integer, invalid UTF-8, duplicate key, missing key field, keyword too long):
 * the builder is as before and can go on. Other errors end the build: the
 * unfinished segment and its temporary files are gone, and all later calls
 * fail. document.h says in full what a document may be.
 */
int ix_builder_add(struct ix_builder *b, const char *json, size_t n);

/* Write what is left. The files are durable (synced, directory too) when it
 * returns 0. No document at all: -IX_EINPUT. */
int ix_builder_finish(struct ix_builder *b);

uint64_t ix_builder_doc_count(const struct ix_builder *b); /* accepted so far */
uint32_t ix_builder_segment_count(const struct ix_builder *b); /* finished */

/* ---- a schema from examples ---- */

/*
 * Looks at documents and proposes a schema:
 *
 * - Strings make a text field, with the tokenizer "simple".
 * - A field called "id", or whose name ends with "_id", is a keyword, if all
 *   its strings can be keywords (1 .. 1,024 bytes, no U+0000). "id" is also
 *   the key, if every document has it, as a single string.
 * - Integers of 0 .. 2^64 - 1 make a u64 field.
 * - An array anywhere makes the field multi-valued.
 * - A field that is only ever null or an empty array is text.
 * - A field is left out if some value of it has no type here (objects, true,
 *   false, other numbers), if strings and integers both occur, or if its name
 *   cannot be a field's. Documents that have it then need ignore_unknown.
 *
 * Belongs to one thread.
 */
struct ix_schema_guess;

struct ix_schema_guess *ix_schema_guess_new(void);    /* NULL: no memory */
void ix_schema_guess_free(struct ix_schema_guess *g); /* NULL allowed */

/* Look at a document. -IX_EINPUT with a text if it is no JSON object (it
 * changes nothing then), or has the 1,001st field; -ENOMEM. */
int ix_schema_guess_add(struct ix_schema_guess *g, const char *json, size_t n);

/* The schema so far; owned by the caller. -IX_EINPUT if no field is left. */
int ix_schema_guess_finish(struct ix_schema_guess *g, struct ix_schema **sp);

/* The `i`-th field that is left out, or NULL beyond the last; good until the
 * next call that adds. */
const char *ix_schema_guess_left_out(const struct ix_schema_guess *g,
				     uint32_t i);

#endif
