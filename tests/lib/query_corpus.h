/* SPDX-License-Identifier: MIT */
/*
 * query_corpus: JSON documents as open segments with a searcher.
 *
 *	query_corpus_init(&c, schema);
 *	query_corpus_add(&c, docs, n);		one segment, any number of them
 *	query_corpus_merge(&c);			if wanted: all into one
 *	query_corpus_open(&c);			c.searcher is ready
 *	query_corpus_release(&c);
 *
 * Segments are built in a directory of their own, which release removes. A
 * failure ends the program: there is nothing to test without segments.
 */
#ifndef IX_TESTS_QUERY_CORPUS_H
#define IX_TESTS_QUERY_CORPUS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/io/vfs.h"
#include "core/query/query.h"
#include "core/segment/build.h"
#include "core/segment/merge.h"
#include "core/segment/segment.h"
#include "tests/lib/tmpdir.h"

#define QUERY_CORPUS_SEGMENTS 64

struct query_corpus {
	const struct ix_schema *schema; /* borrowed */
	char dir[TEST_PATH_MAX];
	struct ix_vfs *vfs;
	struct ix_segment *segments[QUERY_CORPUS_SEGMENTS];
	uint32_t count;
	uint32_t files; /* names used */
	struct ix_searcher *searcher;
};

static inline void query_corpus_must(int rc, const char *what)
{
	if (rc < 0) {
		fprintf(stderr, "%s: %s: %s\n", what, ix_err_name(rc),
			ix_fail_text());
		abort();
	}
}

static inline void query_corpus_init(struct query_corpus *c,
				     const struct ix_schema *schema)
{
	memset(c, 0, sizeof(*c));
	c->schema = schema;
	test_tmpdir_make(c->dir);
	query_corpus_must(ix_vfs_posix_new(c->dir, &c->vfs), "vfs");
}

static inline void query_corpus_name(void *ctx, uint32_t number, char *path,
				     size_t n)
{
	struct query_corpus *c = ctx;

	(void)number;
	snprintf(path, n, "%u.seg", c->files);
}

/* Open the newest file as a segment. */
static inline void query_corpus_load(struct query_corpus *c)
{
	struct ix_file *f;
	char name[32];

	if (c->count == QUERY_CORPUS_SEGMENTS)
		abort();
	snprintf(name, sizeof(name), "%u.seg", c->files++);
	query_corpus_must(ix_vfs_open(c->vfs, name, IX_OPEN_READ, &f), name);
	query_corpus_must(ix_segment_open(f, name, &c->segments[c->count++]),
			  name);
	ix_file_close(f);
}

static inline void query_corpus_add(struct query_corpus *c,
				    const char *const *json, uint32_t n)
{
	struct ix_build_options o = { .schema = c->schema,
				      .vfs = c->vfs,
				      .name = query_corpus_name,
				      .ctx = c };
	struct ix_builder *b;

	query_corpus_must(ix_builder_new(&o, &b), "builder");
	for (uint32_t i = 0; i < n; i++)
		query_corpus_must(ix_builder_add(b, json[i], strlen(json[i])),
				  json[i]);
	query_corpus_must(ix_builder_finish(b), "build");
	ix_builder_free(b);
	query_corpus_load(c);
}

/* Replace all segments by their merge. */
static inline void query_corpus_merge(struct query_corpus *c)
{
	struct ix_merge_source sources[QUERY_CORPUS_SEGMENTS] = { 0 };
	char names[QUERY_CORPUS_SEGMENTS][32], name[32];
	struct ix_merge_options o = { .engine = IX_ENGINE_SYNC };
	struct ix_merge_result result;
	struct ix_file *out;

	for (uint32_t i = 0; i < c->count; i++) {
		snprintf(names[i], sizeof(names[i]), "%u.seg", i);
		query_corpus_must(ix_vfs_open(c->vfs, names[i], IX_OPEN_READ,
					      &sources[i].file),
				  names[i]);
		sources[i].name = names[i];
		ix_segment_close(c->segments[i]);
	}
	snprintf(name, sizeof(name), "%u.seg", c->files);
	query_corpus_must(ix_vfs_open(c->vfs, name,
				      IX_OPEN_WRITE | IX_OPEN_CREATE, &out),
			  name);
	query_corpus_must(ix_segment_merge(sources, c->count, out, &o, &result,
					   NULL),
			  "merge");
	ix_file_close(out);
	for (uint32_t i = 0; i < c->count; i++)
		ix_file_close(sources[i].file);
	c->count = 0;
	query_corpus_load(c);
}

static inline void query_corpus_open(struct query_corpus *c)
{
	query_corpus_must(ix_searcher_new(c->segments, c->count, c->schema,
					  &c->searcher),
			  "searcher");
}

static inline void query_corpus_release(struct query_corpus *c)
{
	ix_searcher_free(c->searcher);
	for (uint32_t i = 0; i < c->count; i++)
		ix_segment_close(c->segments[i]);
	ix_vfs_free(c->vfs);
	test_tmpdir_remove(c->dir);
}

#endif
