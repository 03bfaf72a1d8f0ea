/* SPDX-License-Identifier: MIT */
/*
 * index_scripts: lists of operations on an index that crash and fault tests
 * run, and what the index should hold after each.
 */
#ifndef IX_TESTS_INDEX_SCRIPTS_H
#define IX_TESTS_INDEX_SCRIPTS_H

#include <unistd.h>

#include "tests/lib/indexes.h"

#define STEPS_MAX 24
#define TEXT_MAX  4096

struct world {
	struct ix_vfs *v;
	struct ix_index *ix; /* NULL while closed */
	unsigned flags;
	uint64_t clock; /* the index's, in ns */
};

struct step {
	int (*run)(struct world *w, const char *a, const char *b, unsigned k);
	const char *a;
	const char *b;
	unsigned k;
};

struct script {
	const char *name;
	unsigned flags;
	struct step steps[STEPS_MAX];
};

/* ---- opening ---- */

static inline uint64_t world_now(void *ctx)
{
	return ((struct world *)ctx)->clock;
}

static inline int world_open(struct world *w)
{
	int rc = test_index_try_open(w->v, w->flags, &w->ix);

	if (rc) {
		w->ix = NULL;
		return rc;
	}
	w->ix->now_ns = world_now;
	w->ix->now_ctx = w;
	return 0;
}

/* ---- steps ---- */

static inline int do_register(struct world *w, const char *a, const char *b,
			      unsigned k)
{
	struct ix_register_result r;

	(void)b;
	return test_try_register(w->ix, a, test_seg(k), &r);
}

/* Segments k and k + 1, merged elsewhere. */
static inline int do_register_merged(struct world *w, const char *a,
				     const char *b, unsigned k)
{
	static struct test_seg merged[TEST_SEGS_MAX];
	const struct test_seg *from[] = { test_seg(k), test_seg(k + 1) };
	struct ix_register_result r;

	(void)b;
	if (!merged[k].data)
		test_seg_merge(from, 2, merged + k);
	return test_try_register(w->ix, a, merged + k, &r);
}

static inline int do_remove(struct world *w, const char *a, const char *b,
			    unsigned k)
{
	const char *names[] = { a, b };

	(void)k;
	return ix_index_remove_names(w->ix, names, b ? 2 : 1);
}

static inline int do_rename(struct world *w, const char *a, const char *b,
			    unsigned k)
{
	(void)k;
	return ix_index_rename(w->ix, a, b);
}

static inline int do_withdraw(struct world *w, const char *a, const char *b,
			      unsigned k)
{
	(void)k;
	return ix_index_withdraw(w->ix, a, b);
}

static inline int do_user(struct world *w, const char *a, const char *b,
			  unsigned k)
{
	(void)b;
	(void)k;
	return test_apply(w->ix, a);
}

/* One force merge, then the threads end: the disk stands still. */
static inline int do_merge(struct world *w, const char *a, const char *b,
			   unsigned k)
{
	struct ix_index_stats before, after;
	int rc;

	(void)a;
	(void)b;
	(void)k;
	ix_index_stats(w->ix, &before);
	rc = ix_index_force_merge(w->ix, NULL);
	if (rc)
		return rc;
	rc = ix_index_wait(w->ix, NULL, NULL);
	if (rc)
		return rc;
	ix_index_stats(w->ix, &after);
	return after.merges_done > before.merges_done ? 0 : -EIO;
}

static inline int do_start(struct world *w, const char *a, const char *b,
			   unsigned k)
{
	(void)a;
	(void)b;
	(void)k;
	return ix_index_start(w->ix);
}

static inline int do_checkpoint(struct world *w, const char *a, const char *b,
				unsigned k)
{
	(void)a;
	(void)b;
	(void)k;
	return ix_commit_checkpoint(w->ix);
}

static inline int do_reopen(struct world *w, const char *a, const char *b,
			    unsigned k)
{
	int rc = ix_index_close(w->ix);

	(void)a;
	(void)b;
	(void)k;
	w->ix = NULL;
	return rc ? rc : world_open(w);
}

/* ---- what an index holds ---- */

struct view {
	char text[TEXT_MAX]; /* "name=id\n" in order of names, and documents */
};

struct lines {
	char *v[256];
	unsigned n;
};

static inline int add_line(void *ctx, const struct ix_index_segment *s,
			   uint64_t cookie)
{
	struct lines *l = ctx;
	char hex[IX_ID_HEX + 1], line[400];

	(void)cookie;
	snprintf(line, sizeof(line), "%s=%s\n", s->name,
		 ix_id_format(&s->id, hex));
	TEST_CHECK(l->n < 256, "lines");
	l->v[l->n++] = strdup(line);
	return 0;
}

static inline int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static inline void view_of(struct ix_index *ix, struct view *out)
{
	struct ix_index_stats st;
	struct lines l = { .n = 0 };
	size_t at = 0;

	TEST_OK(ix_index_list(ix, 0, add_line, &l));
	qsort(l.v, l.n, sizeof(l.v[0]), compare_lines);
	out->text[0] = '\0';
	for (unsigned i = 0; i < l.n; i++) {
		at += (size_t)snprintf(out->text + at, TEXT_MAX - at, "%s",
				       l.v[i]);
		free(l.v[i]);
	}
	ix_index_stats(ix, &st);
	snprintf(out->text + at, TEXT_MAX - at,
		 "%" PRIu64 " documents, settings %" PRIu64 "\n", st.live_docs,
		 st.config_generation);
}

/* ---- running ---- */

static inline unsigned step_count(const struct script *s)
{
	unsigned n = 0;

	while (s->steps[n].run)
		n++;
	return n;
}

/* Run until a step fails. Returns the steps that returned 0; `views` (may be
 * NULL) gets the state after each. */
static inline unsigned run_script(const struct script *s, struct world *w,
				  struct view *views)
{
	unsigned i = 0;

	w->flags = s->flags;
	if (world_open(w))
		return 0;
	if (views)
		view_of(w->ix, views);
	for (; s->steps[i].run; i++) {
		const struct step *step = s->steps + i;

		if (step->run(w, step->a, step->b, step->k))
			break;
		if (views)
			view_of(w->ix, views + i + 1);
	}
	if (w->ix)
		ix_index_stop(w->ix);
	return i;
}

/* ---- scripts ---- */

static const struct script test_scripts[] = {
	{ "register",
	  0,
	  { { do_register, "a.seg", NULL, 1 },
	    { do_register, "b.seg", NULL, 2 },
	    { do_register, "b2.seg", NULL, 2 },
	    { do_register, "a.seg", NULL, 1 } } },
	{ "remove",
	  0,
	  { { do_register, "a.seg", NULL, 1 },
	    { do_remove, "a.seg", NULL, 0 },
	    { do_register, "a.seg", NULL, 1 },
	    { do_register, "b.seg", NULL, 2 },
	    { do_remove, "a.seg", "b.seg", 0 } } },
	{ "remove, reaping",
	  0,
	  { { do_start, NULL, NULL, 0 },
	    { do_register, "a.seg", NULL, 1 },
	    { do_remove, "a.seg", NULL, 0 },
	    { do_register, "b.seg", NULL, 2 },
	    { do_remove, "b.seg", NULL, 0 } } },
	{ "rename",
	  0,
	  { { do_register, "a.seg", NULL, 1 },
	    { do_rename, "a.seg", "b.seg", 0 },
	    { do_register, "a.seg", NULL, 2 },
	    { do_rename, "b.seg", "c.seg", 0 } } },
	{ "replace",
	  IX_INDEX_REPLACE,
	  { { do_register, "a.seg", NULL, 1 },
	    { do_register, "a.seg", NULL, 2 },
	    { do_register, "b.seg", NULL, 3 },
	    { do_rename, "b.seg", "a.seg", 0 } } },
	{ "cover",
	  0,
	  { { do_register, "a.seg", NULL, 1 },
	    { do_register_merged, "ab.seg", NULL, 1 },
	    { do_register, "a.seg", NULL, 1 },
	    { do_register, "b.seg", NULL, 2 } } },
	{ "withdraw",
	  0,
	  { { do_register, "a.seg", NULL, 1 },
	    { do_register, "b.seg", NULL, 2 },
	    { do_withdraw, "a.seg", "staging/a", 0 },
	    { do_register, "c.seg", NULL, 3 },
	    { do_withdraw, "c.seg", "staging/c", 0 } } },
	{ "settings",
	  0,
	  { { do_user, "{\"user\":{\"a\":1}}", NULL, 0 },
	    { do_register, "a.seg", NULL, 1 },
	    { do_user, "{\"merge\":{\"policy\":\"none\"}}", NULL, 0 } } },
	{ "merge",
	  IX_INDEX_NO_MERGES,
	  { { do_start, NULL, NULL, 0 },
	    { do_register, "a.seg", NULL, 1 },
	    { do_register, "b.seg", NULL, 2 },
	    { do_register, "c.seg", NULL, 3 },
	    { do_merge, NULL, NULL, 0 },
	    { do_register, "a.seg", NULL, 1 } } },
	{ "merge twice",
	  IX_INDEX_NO_MERGES | IX_INDEX_RM_MERGED,
	  { { do_start, NULL, NULL, 0 },
	    { do_register, "a.seg", NULL, 1 },
	    { do_register, "b.seg", NULL, 2 },
	    { do_merge, NULL, NULL, 0 },
	    { do_register, "c.seg", NULL, 3 },
	    { do_merge, NULL, NULL, 0 } } },
	{ "checkpoint",
	  0,
	  { { do_register, "a.seg", NULL, 1 },
	    { do_checkpoint, NULL, NULL, 0 },
	    { do_register, "b.seg", NULL, 2 },
	    { do_remove, "a.seg", NULL, 0 },
	    { do_checkpoint, NULL, NULL, 0 },
	    { do_checkpoint, NULL, NULL, 0 } } },
	{ "clean close",
	  0,
	  { { do_register, "a.seg", NULL, 1 },
	    { do_reopen, NULL, NULL, 0 },
	    { do_remove, "a.seg", NULL, 0 },
	    { do_register, "b.seg", NULL, 2 },
	    { do_reopen, NULL, NULL, 0 } } },
};

#define TEST_SCRIPTS (sizeof(test_scripts) / sizeof(test_scripts[0]))

#endif
