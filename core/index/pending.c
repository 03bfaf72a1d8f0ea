/* SPDX-License-Identifier: MIT */
/* pending: why files with segment names are not registered. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/index/internal.h"

struct reason {
	struct ix_node node;
	char *text; /* owned */
	char name[];
};

static uint64_t hash_of(const char *name)
{
	return ix_hash64(name, strlen(name));
}

static struct reason *find_locked(struct ix_index *ix, const char *name)
{
	struct ix_node *n = ix_table_first(&ix->pending.reasons, hash_of(name));

	for (; n; n = ix_table_next(n)) {
		struct reason *r = ix_container(n, struct reason, node);

		if (!strcmp(r->name, name))
			return r;
	}
	return NULL;
}

static void free_reason(void *ctx, struct ix_node *n)
{
	struct reason *r = ix_container(n, struct reason, node);

	(void)ctx;
	ix_free(r->text);
	ix_free(r);
}

static void forget_locked(struct ix_index *ix, const char *name)
{
	struct reason *r = find_locked(ix, name);

	if (!r)
		return;
	ix_table_remove(&ix->pending.reasons, &r->node);
	free_reason(NULL, &r->node);
	ix_touch_locked(ix);
}

void ix_index_pending_set(struct ix_index *ix, const char *name,
			  const char *text)
{
	size_t n = strlen(name) + 1;
	struct reason *r = NULL;

	if (text) {
		r = ix_malloc(sizeof(*r) + n);
		if (r) {
			memcpy(r->name, name, n);
			r->text = ix_strdup(text);
		}
		if (r && !r->text) {
			ix_free(r);
			r = NULL; /* nothing is known then */
		}
	}
	ix_mutex_lock(&ix->lock);
	forget_locked(ix, name);
	if (r) {
		ix_table_add(&ix->pending.reasons, &r->node, hash_of(name));
		ix_touch_locked(ix);
	}
	ix_mutex_unlock(&ix->lock);
}

void ix_index_pending_status(struct ix_index *ix, const char *name, char *out,
			     size_t n)
{
	struct reason *r;

	if (!n)
		return;
	out[0] = '\0';
	ix_mutex_lock(&ix->lock);
	r = find_locked(ix, name);
	if (r) {
		strncpy(out, r->text, n - 1);
		out[n - 1] = '\0';
	}
	ix_mutex_unlock(&ix->lock);
}

struct pick {
	struct reason **v;
	size_t n;
};

static void pick(void *ctx, struct ix_node *n)
{
	struct pick *p = ctx;

	p->v[p->n++] = ix_container(n, struct reason, node);
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(struct reason *const *)a)->name,
		      (*(struct reason *const *)b)->name);
}

void ix_pending_render_locked(struct ix_index *ix, struct ix_buf *out)
{
	struct ix_table *t = &ix->pending.reasons;
	struct pick p = { ix_calloc(t->count + 1, sizeof(void *)), 0 };

	if (!p.v) {
		out->error = -ENOMEM;
		return;
	}
	ix_table_each(t, pick, &p);
	qsort(p.v, p.n, sizeof(*p.v), by_name);
	ix_buf_add_u8(out, '{');
	for (size_t i = 0; i < p.n; i++) {
		if (i)
			ix_buf_add_u8(out, ',');
		ix_add_json_string(out, p.v[i]->name);
		ix_buf_add_str(out, ":{");
		ix_add_json_text(out, "reason", p.v[i]->text);
		ix_buf_add_u8(out, '}');
	}
	ix_buf_add_u8(out, '}');
	ix_free(p.v);
}

size_t ix_pending_count_locked(struct ix_index *ix)
{
	return ix->pending.reasons.count;
}

void ix_pending_release(struct ix_index *ix)
{
	ix_table_drain(&ix->pending.reasons, free_reason, NULL);
}
