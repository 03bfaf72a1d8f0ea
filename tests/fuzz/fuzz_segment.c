/* SPDX-License-Identifier: MIT */
/*
 * A whole segment from anywhere, with its checksums made right, as a hostile
 * sender would: verified to the last level, read in every way a query reads,
 * and merged. What passes the last level must also merge, and the merge must
 * pass in its turn.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/io/sim.h"
#include "core/segment/merge.h"
#include "core/segment/verify.h"
#include "tests/lib/rehash.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t sink;

static void read_lists(const struct ix_terms *t)
{
	static struct ix_terms_cursor cursor;
	struct ix_list_reader *r;
	struct ix_term_info info;
	const uint8_t *payload;
	uint32_t doc;

	if (ix_list_reader_new(t->codec, &r))
		abort();
	ix_terms_cursor_init(&cursor, t);
	while (ix_terms_cursor_next(&cursor, &info, &payload) > 0) {
		struct ix_impact impacts[IX_IMPACTS];
		uint32_t steps = 0, last;

		if (ix_list_open(r, payload, &info, t->doc_count))
			continue;
		while (ix_list_next(r, &doc) > 0) {
			const uint32_t *positions;

			if (doc >= t->doc_count)
				abort();
			if (ix_list_positions(r, &positions) >= 0)
				sink += positions[ix_list_freq(r) - 1];
			/* Now and then as a query goes. */
			if (++steps % 7 == 0) {
				ix_list_bounds(r, doc + 1, 0, impacts, &last);
				ix_list_bounds(r, doc + 1, 1, impacts, &last);
				if (ix_list_seek(r, doc + 20, &doc) <= 0)
					break;
			}
		}
	}
	ix_list_reader_free(r);
	ix_terms_find(t, (const uint8_t *)"w1", 2, &info, &payload);
}

static void read_values(const struct ix_segment *s, uint32_t field,
			uint32_t doc)
{
	uint32_t local, first, n;
	const struct ix_column *c = ix_segment_column(s, field, doc, &local);

	if (!c)
		return;
	ix_column_values(c, local, &first, &n);
	for (uint32_t i = first; i < first + n; i++) {
		size_t len;
		const uint8_t *p = ix_column_bytes(c, i, &len);

		sink += ix_column_u64(c, i) + (len ? p[len - 1] : 0);
	}
}

static void read_all(const struct ix_segment *s)
{
	uint32_t docs = ix_segment_doc_count(s);
	struct ix_store_cursor cursor;
	const uint8_t *record;
	size_t n;

	for (uint32_t f = 0; f < ix_segment_schema(s)->field_count; f++) {
		const struct ix_lengths *l = ix_segment_lengths(s, f);

		if (ix_segment_terms(s, f))
			read_lists(ix_segment_terms(s, f));
		for (uint32_t d = 0; d < docs; d++) {
			sink += l ? ix_lengths_get(l, d) : 0;
			read_values(s, f, d);
		}
	}
	ix_store_cursor_init(&cursor);
	for (uint32_t d = 0; d < docs; d++)
		if (!ix_segment_record(s, &cursor, d, &record, &n))
			sink += n + ix_segment_tie(s, d);
	ix_store_cursor_release(&cursor);
}

static int verify(struct ix_file *f)
{
	struct ix_verify_options o = { .level = IX_VERIFY_FULL };
	int rc = ix_segment_verify(f, "f", &o, NULL);

	if (rc && !ix_err_is_content(rc))
		abort();
	return rc;
}

static void merge(struct ix_vfs *v, struct ix_file *f, int is_good)
{
	struct ix_merge_source source = { .file = f, .name = "f" };
	struct ix_merge_options o = { .engine = IX_ENGINE_SYNC,
				      .arena_bytes = 1 << 20 };
	struct ix_merge_result result;
	struct ix_file *out;
	uint32_t bad;
	int rc;

	if (ix_vfs_open(v, "out", IX_OPEN_WRITE | IX_OPEN_CREATE, &out))
		abort();
	rc = ix_segment_merge(&source, 1, out, &o, &result, &bad);
	if (rc && (is_good || (rc != -IX_ELIMIT && bad != 0)))
		abort();
	if (!rc && is_good && verify(out))
		abort();
	ix_file_close(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ix_segment *s;
	struct ix_vfs *v;
	struct ix_file *f;
	uint8_t *copy = malloc(size ? size : 1);
	int is_good;

	memcpy(copy, data, size);
	test_rehash(copy, size);
	if (ix_sim_new(&v) ||
	    ix_vfs_open(v, "f", IX_OPEN_WRITE | IX_OPEN_CREATE, &f) ||
	    (size && ix_file_write(f, copy, size, 0)))
		abort();
	free(copy);
	is_good = !verify(f);
	if (!ix_segment_open(f, "f", &s)) {
		read_all(s);
		ix_segment_close(s);
		merge(v, f, is_good);
	} else if (is_good) {
		abort();
	}
	ix_file_close(f);
	ix_vfs_free(v);
	return 0;
}
