/* SPDX-License-Identifier: MIT */
#include "core/segment/build.h"

#include <inttypes.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/hash.h"
#include "core/base/mem.h"
#include "core/format/layout.h"
#include "core/segment/batch.h"
#include "core/segment/document.h"
#include "core/segment/output.h"
#include "core/segment/spill.h"

#define MEMORY_DEFAULT ((uint64_t)256 << 20)
#define MEMORY_MIN     ((uint64_t)8 << 20)
#define MEMORY_MAX     ((uint64_t)2 << 30)
#define STREAM_BYTES   ((size_t)2 << 20) /* buffers of the output */
#define ID_MAGIC       "ixfs-segment-1\n"

struct ix_builder {
	struct ix_build_options o;
	char *batch_label; /* owned */
	struct ix_document doc;
	struct ix_batch *batch;   /* owned */
	struct ix_hasher *hasher; /* owned: the logical id so far */
	struct ix_engine *engine; /* owned */
	/* The present segment. With one_segment its parts are files of their
	 * own, and the output's file waits for their merge. */
	int is_open; /* it has documents */
	uint32_t segment_docs;
	struct ix_output output;
	struct ix_spill spill;
	struct ix_file *part; /* owned: the part being written, or NULL */
	uint64_t doc_count;
	uint32_t segment_count;
	int error; /* sticky; documents refused are none */
};

/* --- life -------------------------------------------------------------- */

static int check_options(struct ix_build_options *o)
{
	if (!o->batch)
		o->batch = "";
	for (const char *p = o->batch; *p; p++)
		if ((unsigned char)*p < 0x20)
			return ix_fail(-IX_EINPUT,
				       "the batch label has a control "
				       "character");
	if (!o->memory_bytes)
		o->memory_bytes = MEMORY_DEFAULT;
	if (o->memory_bytes < MEMORY_MIN || o->memory_bytes > MEMORY_MAX)
		return ix_fail(-IX_EINPUT,
			       "a memory budget of %" PRIu64 " bytes; it must "
			       "be 8 MiB .. 2 GiB",
			       o->memory_bytes);
	if (!o->docs_per_segment || o->docs_per_segment > IX_DOCS_MAX)
		o->docs_per_segment = IX_DOCS_MAX;
	return 0;
}

int ix_builder_new(const struct ix_build_options *o, struct ix_builder **bp)
{
	struct ix_engine_options engine = { .arena_bytes = STREAM_BYTES,
					    .fan_in = 1 };
	struct ix_builder *b;
	int rc;

	*bp = NULL;
	b = ix_calloc(1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	b->o = *o;
	ix_spill_init(&b->spill, &b->output);
	rc = check_options(&b->o);
	if (rc)
		goto out;
	b->batch_label = ix_strdup(b->o.batch);
	b->o.batch = b->batch_label;
	b->hasher = ix_hasher_new();
	if (!b->batch_label || !b->hasher)
		rc = -ENOMEM;
	if (!rc)
		rc = ix_document_init(&b->doc, o->schema);
	if (!rc)
		rc = ix_batch_new(o->schema, &b->batch);
	if (!rc)
		rc = ix_engine_new(&engine, &b->engine);
out:
	if (rc)
		ix_builder_free(b);
	else
		*bp = b;
	return rc;
}

/* Drop what is unfinished, with its files. */
static void drop(struct ix_builder *b)
{
	if (b->batch)
		ix_batch_abort(b->batch);
	ix_file_close(b->part);
	b->part = NULL;
	ix_spill_release(&b->spill);
	ix_output_close(&b->output);
	b->is_open = 0;
}

void ix_builder_free(struct ix_builder *b)
{
	if (!b)
		return;
	drop(b);
	ix_batch_free(b->batch);
	ix_engine_free(b->engine);
	ix_document_release(&b->doc);
	ix_hasher_free(b->hasher);
	ix_free(b->batch_label);
	ix_free(b);
}

/* --- segments ---------------------------------------------------------- */

static void hash_str(struct ix_builder *b, const char *s, size_t n)
{
	ix_hasher_add(b->hasher, s, n);
	ix_hasher_add(b->hasher, "\n", 1);
}

static struct ix_id id_so_far(const struct ix_builder *b)
{
	return ix_id_from_hash(ix_hasher_digest128(b->hasher));
}

static int start_part(struct ix_builder *b)
{
	int rc;

	if (!b->o.one_segment)
		return ix_batch_start(b->batch, b->engine, b->output.file);
	rc = ix_spill_add(&b->spill, &b->part);
	return rc ? rc : ix_batch_start(b->batch, b->engine, b->part);
}

static int finish_part(struct ix_builder *b, int sync, uint64_t *bytesp)
{
	/* A part that is not the whole segment gets the id of the segment that
	 * would end here. */
	struct ix_id id = id_so_far(b);
	int rc = ix_batch_finish(b->batch, &id, sync, bytesp);

	ix_file_close(b->part);
	b->part = NULL;
	return rc;
}

static int open_segment(struct ix_builder *b)
{
	char path[IX_OUTPUT_PATH_MAX] = "";
	int rc;

	b->o.name(b->o.ctx, b->segment_count, path, sizeof(path));
	rc = ix_output_open(&b->output, b->o.vfs, path);
	if (rc)
		return rc;
	b->is_open = 1;
	b->segment_docs = 0;
	ix_hasher_reset(b->hasher);
	ix_hasher_add(b->hasher, ID_MAGIC, strlen(ID_MAGIC));
	hash_str(b, b->o.schema->canonical, b->o.schema->canonical_len);
	hash_str(b, b->o.batch, strlen(b->o.batch));
	return start_part(b);
}

/* Complete the file of the present segment; *tempp = its temporary name. */
static int complete_segment(struct ix_builder *b, const struct ix_id *id,
			    const char **tempp, uint64_t *bytesp)
{
	uint32_t doc_count;
	int is_whole = b->spill.count < 2, rc;

	*tempp = b->spill.count == 1 ? b->spill.parts[0] : b->output.temp;
	rc = finish_part(b, is_whole, bytesp);
	if (rc || is_whole)
		return rc;
	rc = ix_spill_merge(&b->spill, id, &doc_count, bytesp);
	if (!rc && doc_count != b->segment_docs)
		rc = ix_fail(-IX_ECORRUPT,
			     "\"%s\": %u of %u documents came out of the "
			     "merge of its parts",
			     b->output.path, doc_count, b->segment_docs);
	return rc;
}

static int finish_segment(struct ix_builder *b)
{
	struct ix_id id = id_so_far(b);
	const char *temp;
	uint64_t bytes;
	int rc;

	rc = complete_segment(b, &id, &temp, &bytes);
	if (!rc)
		rc = ix_output_publish(&b->output, temp);
	if (rc)
		return rc;
	b->segment_count++;
	drop(b);
	if (b->o.done)
		b->o.done(b->o.ctx, b->output.path, &id, b->segment_docs,
			  bytes);
	return 0;
}

/* Make room for one more document: a segment ends, or a part of it, when the
 * document that does not belong to it any more has come. */
static int make_room(struct ix_builder *b)
{
	uint64_t bytes;
	int is_full, rc;

	if (!b->is_open)
		return open_segment(b);
	is_full = ix_batch_memory(b->batch) >= b->o.memory_bytes;
	if (b->segment_docs >= b->o.docs_per_segment ||
	    (is_full && !b->o.one_segment)) {
		rc = finish_segment(b);
		return rc ? rc : open_segment(b);
	}
	if (!is_full)
		return 0;
	rc = finish_part(b, 0, &bytes);
	return rc ? rc : start_part(b);
}

/* --- documents --------------------------------------------------------- */

/* Nothing can be done any more: leave no files behind, now. */
static int give_up(struct ix_builder *b, int rc)
{
	b->error = rc;
	drop(b);
	return rc;
}

int ix_builder_add(struct ix_builder *b, const char *json, size_t n)
{
	int rc;

	if (b->error)
		return ix_fail(b->error, "the build has failed before");
	/* All that can be wrong with a document is found out here, before
	 * anything has changed. */
	rc = ix_document_parse(&b->doc, json, n, b->o.ignore_unknown);
	if (!rc)
		rc = ix_batch_check(b->batch, &b->doc);
	if (rc == -IX_EINPUT)
		return rc;
	if (!rc)
		rc = make_room(b);
	if (!rc)
		rc = ix_batch_add(b->batch, &b->doc);
	if (rc)
		return give_up(b, rc);
	hash_str(b, (const char *)b->doc.canonical.data, b->doc.canonical.len);
	b->segment_docs++;
	b->doc_count++;
	return 0;
}

int ix_builder_finish(struct ix_builder *b)
{
	int rc;

	if (b->error)
		return ix_fail(b->error, "the build has failed before");
	if (!b->doc_count)
		return ix_fail(-IX_EINPUT, "there are no documents to build a "
					   "segment from");
	if (!b->is_open)
		return 0;
	rc = finish_segment(b);
	return rc ? give_up(b, rc) : 0;
}

uint64_t ix_builder_doc_count(const struct ix_builder *b)
{
	return b->doc_count;
}

uint32_t ix_builder_segment_count(const struct ix_builder *b)
{
	return b->segment_count;
}
