/* SPDX-License-Identifier: MIT */
/* The tables of the state, and what a checkpoint loads into them. */
#include "core/index/state.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/codec.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/index/state_internal.h"

static uint64_t hash_seq(uint64_t seq)
{
	return ix_hash64(&seq, sizeof(seq));
}

static uint64_t hash_name(const char *name)
{
	return ix_hash64(name, strlen(name));
}

/* Ids of honest segments are hashes already; those of hostile ones are not. */
static uint64_t hash_id(const struct ix_id *id)
{
	return ix_hash64(id->bytes, sizeof(id->bytes));
}

/* ---- objects ---- */

struct ix_seg *ix_seg_new(uint64_t seq, const struct ix_seg_meta *meta)
{
	struct ix_seg *g = ix_calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->seq = seq;
	g->meta = *meta;
	g->state = IX_SEG_LIVE;
	ix_ring_init(&g->names);
	ix_ring_init(&g->delivered);
	return g;
}

void ix_seg_free(struct ix_seg *g)
{
	struct ix_leaves *next;

	if (!g)
		return;
	for (struct ix_leaves *l = g->leaves; l; l = next) {
		next = l->next;
		ix_free(l);
	}
	ix_free(g->quarantine);
	ix_free(g);
}

struct ix_name *ix_name_new(const char *text, size_t host_count)
{
	size_t len = strlen(text) + 1, size;
	struct ix_name *n;

	if (__builtin_mul_overflow(host_count, sizeof(n->host[0]), &size))
		return NULL;
	n = ix_calloc(1, sizeof(*n) + size + len);
	if (!n)
		return NULL;
	n->host_count = host_count;
	n->text = (char *)&n->host[host_count];
	memcpy(n->text, text, len);
	for (size_t i = 0; i < host_count; i++) {
		n->host[i].name = n;
		ix_ring_init(&n->host[i].link);
	}
	return n;
}

struct ix_leaves *ix_leaves_new(const struct ix_id *ids, size_t n)
{
	struct ix_leaves *l;
	size_t size;

	if (__builtin_mul_overflow(n, sizeof(l->leaf[0]), &size))
		return NULL;
	l = ix_calloc(1, sizeof(*l) + size);
	if (!l)
		return NULL;
	l->count = n;
	for (size_t i = 0; i < n; i++)
		l->leaf[i].id = ids[i];
	return l;
}

/* ---- looking up ---- */

struct ix_seg *ix_state_seg(const struct ix_state *s, uint64_t seq)
{
	struct ix_node *n = ix_table_first(&s->segs, hash_seq(seq));

	for (; n; n = ix_table_next(n)) {
		struct ix_seg *g = ix_container(n, struct ix_seg, node);

		if (g->seq == seq)
			return g;
	}
	return NULL;
}

struct ix_seg *ix_state_id(const struct ix_state *s, const struct ix_id *id)
{
	struct ix_node *n = ix_table_first(&s->ids, hash_id(id));

	for (; n; n = ix_table_next(n)) {
		struct ix_seg *g = ix_container(n, struct ix_seg, id_node);

		if (ix_id_equal(&g->meta.id, id))
			return g;
	}
	return NULL;
}

struct live {
	struct ix_seg **v;
	size_t n;
};

static void add_live(void *ctx, struct ix_node *n)
{
	struct ix_seg *g = ix_container(n, struct ix_seg, node);
	struct live *l = ctx;

	if (ix_seg_is_live(g))
		l->v[l->n++] = g;
}

static int by_id(const void *a, const void *b)
{
	const struct ix_seg *x = *(struct ix_seg *const *)a;
	const struct ix_seg *y = *(struct ix_seg *const *)b;

	return ix_id_compare(&x->meta.id, &y->meta.id);
}

int ix_state_live_by_id(const struct ix_state *s, struct ix_seg ***segsp,
			size_t *np)
{
	struct live l = { ix_calloc(s->segs.count + 1, sizeof(*l.v)), 0 };

	*segsp = l.v;
	*np = 0;
	if (!l.v)
		return -ENOMEM;
	ix_table_each(&s->segs, add_live, &l);
	qsort(l.v, l.n, sizeof(*l.v), by_id);
	*np = l.n;
	return 0;
}

struct ix_name *ix_state_name(const struct ix_state *s, const char *name)
{
	struct ix_node *n = ix_table_first(&s->names, hash_name(name));

	for (; n; n = ix_table_next(n)) {
		struct ix_name *m = ix_container(n, struct ix_name, node);

		if (!strcmp(m->text, name))
			return m;
	}
	return NULL;
}

struct ix_leaf *ix_state_leaf(const struct ix_state *s, const struct ix_id *id)
{
	struct ix_node *n = ix_table_first(&s->leaves, hash_id(id));

	for (; n; n = ix_table_next(n)) {
		struct ix_leaf *l = ix_container(n, struct ix_leaf, node);

		if (ix_id_equal(&l->id, id))
			return l;
	}
	return NULL;
}

/* ---- listing ---- */

size_t ix_listing_above(const struct ix_listing *l, uint64_t cookie)
{
	size_t low = 0, high = l->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (l->v[mid].cookie > cookie)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

static void listing_compact(struct ix_listing *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].name)
			l->v[n++] = l->v[i];
	l->n = n;
	l->holes = 0;
}

/* Room was made by ix_state_prepare (listing_room). */
void ix_listing_add(struct ix_state *s, struct ix_name *n)
{
	struct ix_listing *l = &s->listing;

	assert(l->n < l->cap);
	n->cookie = s->next_cookie++;
	l->v[l->n].cookie = n->cookie;
	l->v[l->n].name = n;
	l->n++;
}

void ix_listing_remove(struct ix_state *s, struct ix_name *n)
{
	struct ix_listing *l = &s->listing;
	size_t i = ix_listing_above(l, n->cookie - 1);

	assert(i < l->n && l->v[i].name == n);
	l->v[i].name = NULL;
	if (++l->holes > 64 && l->holes > l->n / 2)
		listing_compact(l);
}

/* ---- inserting ---- */

void ix_state_insert_seg(struct ix_state *s, struct ix_seg *g,
			 struct ix_leaves *leaves)
{
	ix_table_add(&s->segs, &g->node, hash_seq(g->seq));
	ix_table_add(&s->ids, &g->id_node, hash_id(&g->meta.id));
	if (leaves) {
		leaves->next = g->leaves;
		g->leaves = leaves;
		g->leaf_count += leaves->count;
		for (size_t i = 0; i < leaves->count; i++) {
			leaves->leaf[i].seg = g;
			ix_table_add(&s->leaves, &leaves->leaf[i].node,
				     hash_id(&leaves->leaf[i].id));
		}
	}
	s->live_count++;
	s->live_docs += g->meta.doc_count;
	s->live_bytes += g->meta.bytes;
}

void ix_state_insert_live(struct ix_state *s, struct ix_name *n,
			  struct ix_seg *g)
{
	n->kind = IX_NAME_LIVE;
	n->host[0].seg = g;
	ix_ring_add(&g->names, &n->host[0].link);
	g->name_count++;
	ix_table_add(&s->names, &n->node, hash_name(n->text));
	ix_listing_add(s, n);
}

void ix_state_insert_delivered(struct ix_state *s, struct ix_name *n)
{
	n->kind = IX_NAME_DELIVERED;
	for (size_t i = 0; i < n->host_count; i++)
		ix_ring_add(&n->host[i].seg->delivered, &n->host[i].link);
	ix_table_add(&s->names, &n->node, hash_name(n->text));
	s->delivered_count++;
}

void ix_state_drop_name(struct ix_state *s, struct ix_name *n)
{
	for (size_t i = 0; i < n->host_count; i++)
		ix_ring_del(&n->host[i].link);
	if (n->kind == IX_NAME_LIVE) {
		n->host[0].seg->name_count--;
		ix_listing_remove(s, n);
	} else {
		s->delivered_count--;
	}
	ix_table_remove(&s->names, &n->node);
	ix_free(n);
}

/* ---- life of the state ---- */

int ix_state_init(struct ix_state *s)
{
	memset(s, 0, sizeof(*s));
	s->next_seq = s->seq_limit = 1;
	s->next_registration = 1;
	s->next_cookie = 1;
	s->merge_text = ix_strdup("{}");
	s->user_text = ix_strdup("{}");
	s->schema = ix_strdup("{}");
	return s->merge_text && s->user_text && s->schema ? 0 : -ENOMEM;
}

static void free_seg(void *ctx, struct ix_node *n)
{
	(void)ctx;
	ix_seg_free(ix_container(n, struct ix_seg, node));
}

static void free_name(void *ctx, struct ix_node *n)
{
	(void)ctx;
	ix_free(ix_container(n, struct ix_name, node));
}

void ix_state_release(struct ix_state *s)
{
	ix_table_drain(&s->leaves, NULL, NULL);
	ix_table_drain(&s->ids, NULL, NULL);
	ix_table_drain(&s->names, free_name, NULL);
	ix_table_drain(&s->segs, free_seg, NULL);
	ix_free(s->listing.v);
	ix_free(s->merge_text);
	ix_free(s->user_text);
	ix_free(s->schema);
	memset(s, 0, sizeof(*s));
}

void ix_state_settle(struct ix_state *s, struct ix_seg *g)
{
	if (g->state != IX_SEG_RETIRED || g->pins)
		return;
	g->state = IX_SEG_DOOMED;
	g->next_doomed = s->doomed;
	s->doomed = g;
}

void ix_state_forget(struct ix_state *s, struct ix_seg *g)
{
	assert(g->state == IX_SEG_DOOMED && !g->pins);
	s->retired_bytes -= g->meta.bytes;
	ix_table_remove(&s->segs, &g->node);
	ix_seg_free(g);
}

void ix_seg_describe(const struct ix_seg *g, const struct ix_name *name,
		     struct ix_index_segment *out)
{
	memset(out, 0, sizeof(*out));
	out->seq = g->seq;
	out->registration = g->meta.registration;
	out->id = g->meta.id;
	out->doc_count = g->meta.doc_count;
	out->generation = g->meta.generation;
	out->bytes = g->meta.bytes;
	out->mtime_ns = g->meta.mtime_ns;
	out->uid = g->meta.uid;
	out->gid = g->meta.gid;
	out->merged = g->merged;
	out->missing = g->missing;
	out->quarantined = g->quarantine != NULL;
	out->state = g->state;
	out->name_count = g->name_count;
	if (!name && !ix_ring_empty(&g->names))
		name = ix_container(g->names.next, struct ix_host, link)->name;
	if (name)
		strncpy(out->name, name->text, IX_NAME_MAX);
}

/* ---- loading ---- */

int ix_state_load_seg(struct ix_state *s, uint64_t seq,
		      const struct ix_seg_meta *meta, int merged,
		      const struct ix_id *leaves, size_t leaf_count,
		      const char *quarantine, struct ix_seg **gp)
{
	struct ix_leaves *l = NULL;
	struct ix_seg *g = NULL;
	int rc = -ENOMEM;

	if (!leaves) {
		leaves = &meta->id;
		leaf_count = 1;
	}
	if (ix_state_seg(s, seq) || ix_state_id(s, &meta->id))
		return ix_fail(-IX_ECORRUPT,
			       "segment number %" PRIu64 " or its id twice",
			       seq);
	for (size_t i = 0; i < leaf_count; i++)
		if (ix_state_leaf(s, leaves + i) ||
		    (i && ix_id_compare(leaves + i - 1, leaves + i) >= 0))
			return ix_fail(-IX_ECORRUPT,
				       "segment %" PRIu64 ": leaf %zu is out "
				       "of order or in two segments",
				       seq, i);
	g = ix_seg_new(seq, meta);
	l = ix_leaves_new(leaves, leaf_count);
	if (!g || !l)
		goto out;
	if (quarantine && !(g->quarantine = ix_strdup(quarantine)))
		goto out;
	g->merged = merged != 0;
	g->born = s->generation;
	ix_state_insert_seg(s, g, l);
	*gp = g;
	return 0;
out:
	ix_seg_free(g);
	ix_free(l);
	return rc;
}

int ix_state_load_name(struct ix_state *s, struct ix_seg *g, const char *name)
{
	struct ix_name *n;

	if (!ix_segment_name_valid(name) || ix_state_name(s, name))
		return ix_fail(-IX_ECORRUPT,
			       "segment name \"%.100s\" is not valid or twice",
			       name);
	if (ix_grow(&s->listing.v, &s->listing.cap, s->listing.n + 1,
		    sizeof(*s->listing.v)))
		return -ENOMEM;
	n = ix_name_new(name, 1);
	if (!n)
		return -ENOMEM;
	n->id = g->meta.id;
	ix_state_insert_live(s, n, g);
	return 0;
}

int ix_state_load_delivered(struct ix_state *s, const char *name,
			    const struct ix_seg_meta *meta,
			    const struct ix_id *leaves, size_t leaf_count)
{
	struct ix_name *n;

	if (!ix_segment_name_valid(name) || ix_state_name(s, name) ||
	    !leaf_count)
		return ix_fail(
			-IX_ECORRUPT,
			"delivered name \"%.100s\" is not valid or twice",
			name);
	n = ix_name_new(name, leaf_count);
	if (!n)
		return -ENOMEM;
	for (size_t i = 0; i < leaf_count; i++) {
		struct ix_leaf *l = ix_state_leaf(s, leaves + i);

		if (!l) {
			ix_free(n);
			return ix_fail(-IX_ECORRUPT,
				       "delivered name \"%.100s\": its content "
				       "is in no segment",
				       name);
		}
		n->host[i].seg = l->seg;
	}
	n->id = meta->id;
	n->bytes = meta->bytes;
	n->mtime_ns = meta->mtime_ns;
	ix_state_insert_delivered(s, n);
	return 0;
}
