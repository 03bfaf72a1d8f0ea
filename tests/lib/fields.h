/* SPDX-License-Identifier: MIT */
/*
 * fields: the postings of one field as a model (terms with plain lists), its
 * encoded form, and merges of encoded forms through the real stream engine on
 * a simulated disk. Include cmocka.h before.
 */
#ifndef IX_TESTS_FIELDS_H
#define IX_TESTS_FIELDS_H

#include "core/base/mem.h"
#include "core/format/field_merge.h"
#include "core/io/sim.h"
#include "tests/lib/lists.h"

struct test_term {
	char text[64];
	struct test_list list;
};

/* A model: terms ascending. And its encoded form. */
struct test_field {
	enum ix_postings_codec codec;
	uint32_t doc_count;
	struct test_term *terms;
	size_t n;
	struct test_norms norms; /* doc_count of them */
	struct ix_buf postings;
	struct ix_buf index;
};

static inline void test_field_release(struct test_field *f)
{
	for (size_t i = 0; i < f->n; i++)
		test_list_release(&f->terms[i].list);
	free(f->terms);
	test_norms_release(&f->norms);
	ix_buf_release(&f->postings);
	ix_buf_release(&f->index);
	memset(f, 0, sizeof(*f));
}

static inline void test_append(void *ctx, const void *data, size_t n)
{
	ix_buf_add(ctx, data, n);
}

/* Encode the model with list and terms writers. */
static inline void test_field_encode(struct test_field *f)
{
	struct ix_terms_out out = { test_append, &f->postings };
	struct ix_buf payload = IX_BUF_INIT;
	struct ix_list_writer *lists;
	struct ix_terms_writer *terms;
	uint64_t count;

	ix_buf_clear(&f->postings);
	ix_buf_clear(&f->index);
	assert_int_equal(ix_list_writer_new(f->codec, &lists), 0);
	assert_int_equal(ix_terms_writer_new(f->codec, out, &terms), 0);
	for (size_t i = 0; i < f->n; i++) {
		struct ix_term_info info;

		ix_buf_clear(&payload);
		if (test_list_write(&f->terms[i].list, lists, &f->norms.norms,
				    &payload, &info))
			fail_msg("%s", ix_fail_text());
		ix_terms_add(terms, (const uint8_t *)f->terms[i].text,
			     strlen(f->terms[i].text), &info, payload.data);
	}
	assert_int_equal(ix_terms_finish(terms, &f->index, &count), 0);
	assert_int_equal(count, f->n);
	ix_list_writer_free(lists);
	ix_terms_writer_free(terms);
	ix_buf_release(&payload);
}

/* The model of several fields one after another. */
static inline void test_field_union(const struct test_field *const *in,
				    uint32_t n, struct test_field *out)
{
	size_t at[64] = { 0 };
	uint32_t docs = 0;

	memset(out, 0, sizeof(*out));
	out->codec = in[0]->codec;
	for (uint32_t i = 0; i < n; i++)
		out->doc_count += in[i]->doc_count;
	out->norms.lengths = malloc((out->doc_count + 1) * sizeof(uint32_t));
	out->norms.ties = malloc((out->doc_count + 1) * sizeof(uint64_t));
	out->norms.norms.lengths = out->norms.lengths;
	out->norms.norms.ties = out->norms.ties;
	for (uint32_t i = 0; i < n; i++) {
		memcpy(out->norms.lengths + docs, in[i]->norms.lengths,
		       in[i]->doc_count * sizeof(uint32_t));
		memcpy(out->norms.ties + docs, in[i]->norms.ties,
		       in[i]->doc_count * sizeof(uint64_t));
		docs += in[i]->doc_count;
	}
	for (;;) {
		const char *least = NULL;
		struct test_term *t;
		uint32_t base = 0;

		for (uint32_t i = 0; i < n; i++) {
			const char *text = at[i] < in[i]->n
						   ? in[i]->terms[at[i]].text
						   : NULL;

			if (text && (!least || strcmp(text, least) < 0))
				least = text;
		}
		if (!least)
			return;
		if (out->n % 1024 == 0)
			out->terms = realloc(out->terms,
					     (out->n + 1024) * sizeof(*t));
		t = &out->terms[out->n++];
		memset(t, 0, sizeof(*t));
		strcpy(t->text, least);
		for (uint32_t i = 0; i < n; i++) {
			if (at[i] < in[i]->n &&
			    !strcmp(in[i]->terms[at[i]].text, t->text))
				test_list_append(&t->list,
						 &in[i]->terms[at[i]++].list,
						 base);
			base += in[i]->doc_count;
		}
	}
}

/* How a merge is carried out; nothing of it may show in the result. */
struct test_merge_how {
	enum ix_engine_kind kind;
	size_t arena_bytes; /* 0 = default */
	unsigned fan_in;    /* 0 = as many as sources */
};

/*
 * Merge encoded fields; the code of ix_field_merge. Bytes are appended to
 * `postings` and `index`.
 */
static inline int test_field_merge(const struct test_field *const *in,
				   uint32_t n, const struct ix_doc_norms *norms,
				   struct test_merge_how how,
				   struct ix_buf *postings,
				   struct ix_buf *index,
				   struct ix_field_merge_stats *stats)
{
	struct ix_terms_out out = { test_append, postings };
	struct ix_field_source sources[64] = { 0 };
	struct ix_engine_options o = { .kind = how.kind,
				       .arena_bytes = how.arena_bytes,
				       .fan_in = how.fan_in ? how.fan_in : n };
	struct ix_file *files[64] = { NULL };
	struct ix_engine *e;
	struct ix_vfs *vfs;
	uint32_t docs = 0;
	char name[16];
	int rc;

	assert_int_equal(ix_sim_new(&vfs), 0);
	assert_int_equal(ix_engine_new(&o, &e), 0);
	for (uint32_t i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "s%u", i);
		assert_int_equal(ix_vfs_open(vfs, name,
					     IX_OPEN_WRITE | IX_OPEN_CREATE,
					     &files[i]),
				 0);
		sources[i].postings_len = in[i]->postings.len;
		sources[i].doc_base = docs;
		sources[i].doc_count = in[i]->doc_count;
		sources[i].name = "source";
		docs += in[i]->doc_count;
		if (!in[i]->postings.len)
			continue;
		assert_int_equal(ix_file_write(files[i], in[i]->postings.data,
					       in[i]->postings.len, 0),
				 0);
		assert_int_equal(ix_source_open(e, files[i], 0,
						in[i]->postings.len, NULL, NULL,
						&sources[i].postings),
				 0);
	}
	rc = ix_field_merge(sources, n, in[0]->codec, norms, out, index, stats);
	for (uint32_t i = 0; i < n; i++) {
		ix_source_close(sources[i].postings);
		ix_file_close(files[i]);
	}
	ix_engine_free(e);
	ix_vfs_free(vfs);
	return rc;
}

/* Everything in the encoded form is what the model says, and passes the deep
 * check. */
static inline void test_field_compare(const struct test_field *model,
				      const struct ix_buf *postings,
				      const struct ix_buf *index)
{
	struct ix_terms_cursor c;
	struct ix_term_info info;
	struct ix_list_reader *r;
	const uint8_t *payload;
	struct ix_terms t;
	size_t i = 0;
	int rc;

	if (!model->n) {
		assert_int_equal(postings->len, 0);
		assert_int_equal(index->len, 0);
		return;
	}
	if (ix_terms_open(&t, postings->data, postings->len, index->data,
			  index->len, model->codec, model->doc_count))
		fail_msg("%s", ix_fail_text());
	assert_int_equal(t.term_count, model->n);
	assert_int_equal(ix_list_reader_new(model->codec, &r), 0);
	ix_terms_cursor_init(&c, &t);
	while ((rc = ix_terms_cursor_next(&c, &info, &payload)) > 0) {
		const struct test_term *want = &model->terms[i++];

		assert_true(i <= model->n);
		assert_int_equal(c.term_len, strlen(want->text));
		assert_memory_equal(c.term, want->text, c.term_len);
		/* A view to the byte shows overruns to a sanitizer. */
		uint8_t *exact = malloc(info.payload_len);
		memcpy(exact, payload, info.payload_len);
		if (ix_list_check(exact, &info, model->codec, model->doc_count,
				  1))
			fail_msg("%s: %s", want->text, ix_fail_text());
		test_list_compare(&want->list, r, model->codec, exact, &info,
				  model->doc_count);
		test_list_bounds(&want->list, r, model->codec, exact, &info,
				 model->doc_count, &model->norms.norms);
		free(exact);
	}
	if (rc)
		fail_msg("%s", ix_fail_text());
	assert_int_equal(i, model->n);
	ix_list_reader_free(r);
}

#endif
