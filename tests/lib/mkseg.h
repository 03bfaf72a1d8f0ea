/* SPDX-License-Identifier: MIT */
/*
 * mkseg: segments and documents for tests, the same for the same seed.
 *
 *	struct test_mkseg o = { .docs = 100, .seed = 7 };
 *	struct ix_segment_info info;
 *
 *	test_mkseg(vfs, "a.seg", &o, &info);
 *	...
 *	ix_segment_info_release(&info);
 *
 * The documents are of test_mkseg_schema(): "id", the key, unique per (seed,
 * number); "title" and "body", text of Zipf-distributed words "w0", "w1", ...;
 * "tags", a multi-valued keyword; "source", a keyword of few values; "size",
 * u64; "note", text that is not indexed. Any but "id" may be missing. A
 * failure ends the test program with a message: no test can go on without its
 * data.
 */
#ifndef IX_TESTS_MKSEG_H
#define IX_TESTS_MKSEG_H

#include "core/base/buf.h"
#include "core/io/vfs.h"
#include "core/segment/segment.h"

struct test_mkseg {
	uint32_t docs;         /* 0 = 100 */
	uint64_t seed;         /* other seeds, other documents */
	uint32_t first;        /* number of the first document: the documents
				  [first, first + docs) of a seed */
	uint32_t words;        /* of the vocabulary; 0 = 1000 */
	uint32_t body_words;   /* at most, per document; 0 = 60 */
	const char *batch;     /* label; NULL = "" */
	uint64_t memory_bytes; /* budget with one_segment; 0 = default */
};

/* The schema's JSON text. */
extern const char test_mkseg_schema_text[];

/* The schema; owned by the caller (ix_schema_free). */
struct ix_schema *test_mkseg_schema(void);

/* The JSON text of document `number` of a seed, in o's dimensions, replacing
 * the contents of `out`. NUL-terminated by ix_buf_str. */
void test_mkseg_document(const struct test_mkseg *o, uint32_t number,
			 struct ix_buf *out);

/* Append the documents of `o` to `out`, one a line (JSONL). */
void test_mkseg_jsonl(const struct test_mkseg *o, struct ix_buf *out);

/* Build one segment of the documents of `o` at `path` of `vfs`; its directory
 * exists. `info`, if not NULL, is filled and owned by the caller. */
void test_mkseg(struct ix_vfs *vfs, const char *path,
		const struct test_mkseg *o, struct ix_segment_info *info);

#endif
