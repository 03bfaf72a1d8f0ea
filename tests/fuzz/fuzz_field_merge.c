/* SPDX-License-Identifier: MIT */
/*
 * Hostile sources: codec u8, number of sources u8, then for each documents
 * u32, bytes u32, the postings (the last may be cut off). The merge must end,
 * and what it makes must be a dictionary with sound directories; if the
 * sources were sound in depth, so is the result.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/codec.h"
#include "core/base/err.h"
#include "core/format/field_merge.h"
#include "core/io/sim.h"

#define SOURCES 6

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void append(void *ctx, const void *data, size_t n)
{
	ix_buf_add(ctx, data, n);
}

/* Every list of the result: 0, or the first failure. */
static int check(const struct ix_buf *postings, const struct ix_buf *index,
		 enum ix_postings_codec codec, uint32_t doc_count, int deep)
{
	struct ix_terms_cursor c;
	struct ix_term_info info;
	const uint8_t *payload;
	struct ix_terms t;
	int rc;

	if (!index->len)
		return 0;
	rc = ix_terms_open(&t, postings->data, postings->len, index->data,
			   index->len, codec, doc_count);
	if (rc)
		return rc;
	ix_terms_cursor_init(&c, &t);
	while ((rc = ix_terms_cursor_next(&c, &info, &payload)) > 0) {
		rc = ix_list_check(payload, &info, codec, doc_count, deep);
		if (rc)
			return rc;
	}
	return rc;
}

struct run {
	enum ix_postings_codec codec;
	uint32_t n;
	uint32_t doc_count;
	struct ix_field_source sources[SOURCES];
	struct ix_file *files[SOURCES];
	struct ix_doc_norms norms;
	struct ix_buf postings;
	struct ix_buf index;
};

/* Merge `n` of the sources from number `first` on. */
static int merge(struct run *r, struct ix_engine *e, uint32_t first, uint32_t n)
{
	struct ix_terms_out out = { append, &r->postings };
	int rc = 0;

	ix_buf_clear(&r->postings);
	ix_buf_clear(&r->index);
	for (uint32_t i = first; i < first + n && !rc; i++)
		rc = ix_source_open(e, r->files[i], 0,
				    r->sources[i].postings_len, NULL, NULL,
				    &r->sources[i].postings);
	if (!rc)
		rc = ix_field_merge(r->sources + first, n, r->codec, &r->norms,
				    out, &r->index, NULL);
	for (uint32_t i = first; i < first + n; i++) {
		ix_source_close(r->sources[i].postings);
		r->sources[i].postings = NULL;
	}
	return rc;
}

static void run_merges(struct run *r, struct ix_engine *e)
{
	int sound = 1;
	int rc;

	/* Each alone: its structure decides what may come out of all. */
	for (uint32_t i = 0; i < r->n; i++) {
		rc = merge(r, e, i, 1);
		if (rc ||
		    check(&r->postings, &r->index, r->codec, r->doc_count, 1))
			sound = 0;
	}
	rc = merge(r, e, 0, r->n);
	if (sound &&
	    (rc || check(&r->postings, &r->index, r->codec, r->doc_count, 1))) {
		fprintf(stderr, "%s\n", ix_fail_text());
		abort();
	}
	if (!rc)
		(void)check(&r->postings, &r->index, r->codec, r->doc_count, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ix_engine_options o = { .kind = IX_ENGINE_SYNC,
				       .arena_bytes = 1 << 20,
				       .fan_in = SOURCES };
	const uint8_t *end = data + size;
	static uint32_t lengths[SOURCES << 16];
	static uint64_t ties[SOURCES << 16];
	struct run r = { .norms = { lengths, ties } };
	struct ix_engine *e = NULL;
	struct ix_vfs *vfs = NULL;

	if (size < 2)
		return 0;
	r.codec = (enum ix_postings_codec)(1 + data[0] % 3);
	r.n = 1 + data[1] % SOURCES;
	data += 2;
	if (ix_sim_new(&vfs) || ix_engine_new(&o, &e))
		abort();
	for (uint32_t i = 0; i < r.n; i++) {
		struct ix_field_source *s = &r.sources[i];
		char name[2] = { (char)('a' + i), 0 };

		if (ix_vfs_open(vfs, name, IX_OPEN_WRITE | IX_OPEN_CREATE,
				&r.files[i]))
			abort();
		s->doc_base = r.doc_count;
		s->doc_count = 1;
		if (end - data >= 8) {
			size_t left = (size_t)(end - data) - 8;
			uint32_t len = ix_get32(data + 4);

			s->doc_count = ix_get32(data) & 0xffff;
			s->postings_len = len < left ? len : left;
			data += 8;
			if (ix_file_write(r.files[i], data,
					  (size_t)s->postings_len, 0))
				abort();
			data += s->postings_len;
		}
		r.doc_count += s->doc_count;
	}
	run_merges(&r, e);
	for (uint32_t i = 0; i < r.n; i++)
		ix_file_close(r.files[i]);
	ix_buf_release(&r.postings);
	ix_buf_release(&r.index);
	ix_engine_free(e);
	ix_vfs_free(vfs);
	return 0;
}
