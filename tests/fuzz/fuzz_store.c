/* SPDX-License-Identifier: MIT */
/*
 * A store extent from anywhere: the first 2 bytes are the number of documents,
 * the rest is the extent. Whatever opens can be read, document by document and
 * frame by frame, without a bad access, and both ways give the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/codec.h"
#include "core/base/err.h"
#include "core/format/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void frame_by_frame(const struct ix_store *s, struct ix_store_cursor *c)
{
	struct ix_buf raw = IX_BUF_INIT;
	void *zstd = NULL;

	for (uint32_t i = 0; i < s->frame_count; i++) {
		struct ix_store_frame f;
		const uint8_t *record, *other;
		size_t at = 0, n, m;
		uint32_t doc;

		ix_store_frame(s->index, s->frame_count, s->doc_count,
			       s->index_offset, i, &f);
		if (f.raw_bytes > 1u << 20)
			continue; /* slow, not interesting */
		doc = f.first_doc;
		if (ix_store_decode(&zstd, s->data + f.offset, &f, &raw))
			continue;
		while (ix_store_record(&raw, &at, &record, &n)) {
			if (ix_store_get(s, c, doc++, &other, &m) || m != n ||
			    (n && memcmp(record, other, n)))
				abort();
		}
		if (doc != f.first_doc + f.doc_count || at != raw.len)
			abort();
	}
	ix_buf_release(&raw);
	ix_store_decode_end(&zstd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ix_store_cursor c;
	struct ix_store s;
	uint8_t *exact;
	int rc;

	if (size < 2)
		return 0;
	/* An allocation of its own, so that reads beyond it are seen. */
	exact = malloc(size - 2 ? size - 2 : 1);
	memcpy(exact, data + 2, size - 2);
	rc = ix_store_open(&s, exact, size - 2, ix_get16(data));
	if (!rc) {
		ix_store_cursor_init(&c);
		frame_by_frame(&s, &c);
		ix_store_cursor_release(&c);
	} else if (rc != -IX_ECORRUPT) {
		abort();
	}
	free(exact);
	return 0;
}
