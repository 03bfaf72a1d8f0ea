/* SPDX-License-Identifier: MIT */
/*
 * Preparing and applying edits. For every type there is a pair: prepare_X
 * checks all that apply_X relies on. Replay uses the same pair, so a journal
 * that was forged with right checksums is refused, not believed.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/index/settings.h"
#include "core/index/state_internal.h"

static int contradiction(const struct ix_edit *e, const char *what)
{
	return ix_fail(-IX_ECORRUPT,
		       "edit of type %u for segment %" PRIu64 " (%.100s): %s",
		       e->type, e->seq, e->name_count ? e->names[0] : "no name",
		       what);
}

/* ---- prepare ---- */

static int compare_seqs(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static struct ix_seg *live_seg(const struct ix_state *s, uint64_t seq)
{
	struct ix_seg *g = ix_state_seg(s, seq);

	return g && ix_seg_is_live(g) ? g : NULL;
}

/* Sources are live and different; room for them in `died`, and one more. */
static int prepare_sources(const struct ix_state *s, struct ix_edit *e)
{
	e->died = ix_calloc(e->source_count + 1, sizeof(*e->died));
	if (!e->died)
		return -ENOMEM;
	for (size_t i = 0; i < e->source_count; i++)
		if (!live_seg(s, e->sources[i]))
			return contradiction(e, "a source is not live");
	if (!e->source_count)
		return 0;
	memcpy(e->died, e->sources, e->source_count * sizeof(*e->died));
	qsort(e->died, e->source_count, sizeof(*e->died), compare_seqs);
	for (size_t i = 1; i < e->source_count; i++)
		if (e->died[i - 1] == e->died[i])
			return contradiction(e, "a source twice");
	return 0;
}

/* The name is free, or is delivered and means this content, or is live and to
 * be replaced. */
static int prepare_name(const struct ix_state *s, struct ix_edit *e,
			const char *name)
{
	struct ix_name *n = ix_state_name(s, name);

	if (n && n->kind == IX_NAME_LIVE && !(e->flags & IX_EDIT_REPLACE))
		return contradiction(e, "the name is live");
	if (n && n->kind == IX_NAME_DELIVERED &&
	    !ix_id_equal(&n->id, &e->meta.id))
		return contradiction(e, "the name means another content");
	e->new_name = ix_name_new(name, 1);
	return e->new_name ? 0 : -ENOMEM;
}

static int is_source(const struct ix_edit *e, uint64_t seq)
{
	/* e->died holds the sources, sorted (prepare_sources). */
	return e->source_count &&
	       bsearch(&seq, e->died, e->source_count, sizeof(*e->died),
		       compare_seqs) != NULL;
}

/* The victim goes, and so do sources. */
static int prepare_new_seg(const struct ix_state *s, struct ix_edit *e,
			   const struct ix_seg *victim)
{
	const struct ix_seg *twin = ix_state_id(s, &e->meta.id);

	if (twin && twin != victim && !is_source(e, twin->seq))
		return contradiction(e, "its id is live already");
	if (!e->seq || ix_state_seg(s, e->seq))
		return contradiction(e, "the number is taken");
	e->new_seg = ix_seg_new(e->seq, &e->meta);
	return e->new_seg ? 0 : -ENOMEM;
}

/* The segment that loses its last name to a replacement, or NULL. */
static struct ix_seg *victim_of(const struct ix_state *s,
				const struct ix_edit *e)
{
	struct ix_name *n = ix_state_name(s, e->names[0]);

	if (!n || n->kind != IX_NAME_LIVE || n->host[0].seg->name_count > 1)
		return NULL;
	return n->host[0].seg;
}

static int prepare_add(const struct ix_state *s, struct ix_edit *e)
{
	struct ix_seg *victim = victim_of(s, e);
	uint64_t covered = 0, expected = 0;
	int rc;

	rc = prepare_sources(s, e);
	if (!rc)
		rc = prepare_name(s, e, e->names[0]);
	if (!rc)
		rc = prepare_new_seg(s, e, victim);
	if (rc)
		return rc;
	if (!e->leaf_count)
		return contradiction(e, "no leaves");
	for (size_t i = 0; i < e->leaf_count; i++) {
		struct ix_leaf *l = ix_state_leaf(s, e->leaves + i);

		if (i && ix_id_compare(e->leaves + i - 1, e->leaves + i) >= 0)
			return contradiction(e, "leaves out of order");
		if (l && is_source(e, l->seg->seq))
			covered++;
		else if (l && l->seg != victim)
			return contradiction(e, "a leaf is live already");
	}
	for (size_t i = 0; i < e->source_count; i++)
		expected += live_seg(s, e->sources[i])->leaf_count;
	if (covered != expected)
		return contradiction(e, "a source is not covered");
	e->new_leaves = ix_leaves_new(e->leaves, e->leaf_count);
	return e->new_leaves ? 0 : -ENOMEM;
}

static int prepare_add_name(const struct ix_state *s, struct ix_edit *e)
{
	struct ix_seg *g = live_seg(s, e->seq);
	struct ix_name *n = ix_state_name(s, e->names[0]);

	if (!g)
		return contradiction(e, "the segment is not live");
	if (n && n->kind == IX_NAME_LIVE && n->host[0].seg == g)
		return contradiction(e, "it has this name already");
	e->meta.id = g->meta.id;
	e->died = ix_calloc(1, sizeof(*e->died));
	return e->died ? prepare_name(s, e, e->names[0]) : -ENOMEM;
}

static int prepare_deliver(const struct ix_state *s, struct ix_edit *e)
{
	struct ix_name *n = ix_state_name(s, e->names[0]);

	if (n && (n->kind == IX_NAME_LIVE || !ix_id_equal(&n->id, &e->meta.id)))
		return contradiction(e, "the name means another content");
	if (!e->leaf_count)
		return contradiction(e, "no leaves");
	e->new_name = ix_name_new(e->names[0], e->leaf_count);
	if (!e->new_name)
		return -ENOMEM;
	for (size_t i = 0; i < e->leaf_count; i++)
		if (!ix_state_leaf(s, e->leaves + i))
			return contradiction(e, "a leaf is not live");
	return 0;
}

static int prepare_remove(const struct ix_state *s, struct ix_edit *e)
{
	for (size_t i = 0; i < e->name_count; i++) {
		struct ix_name *n = ix_state_name(s, e->names[i]);

		if (!n || n->kind != IX_NAME_LIVE)
			return contradiction(e, "a name is not live");
	}
	if (!e->name_count)
		return contradiction(e, "no names");
	qsort(e->names, e->name_count, sizeof(*e->names), compare_names);
	for (size_t i = 1; i < e->name_count; i++)
		if (!strcmp(e->names[i - 1], e->names[i]))
			return contradiction(e, "a name twice");
	e->died = ix_calloc(e->name_count, sizeof(*e->died));
	return e->died ? 0 : -ENOMEM;
}

static int prepare_rename(const struct ix_state *s, struct ix_edit *e)
{
	struct ix_name *from = ix_state_name(s, e->names[0]);

	if (!from || from->kind != IX_NAME_LIVE)
		return contradiction(e, "the name is not live");
	if (!strcmp(e->names[0], e->names[1]))
		return contradiction(e, "renamed to itself");
	e->meta.id = from->host[0].seg->meta.id;
	e->died = ix_calloc(1, sizeof(*e->died));
	return e->died ? prepare_name(s, e, e->names[1]) : -ENOMEM;
}

static int prepare_publish(const struct ix_state *s, struct ix_edit *e)
{
	uint64_t docs = 0, registration = UINT64_MAX;
	int rc;

	if (!e->source_count || e->flags)
		return contradiction(e, "no sources");
	rc = prepare_sources(s, e);
	if (rc)
		return rc;
	for (size_t i = 0; i < e->source_count; i++) {
		const struct ix_seg_meta *m = &live_seg(s, e->sources[i])->meta;

		docs += m->doc_count;
		if (m->registration < registration)
			registration = m->registration;
	}
	if (docs != e->meta.doc_count)
		return contradiction(e, "documents do not add up");
	e->meta.registration = registration;
	rc = prepare_name(s, e, e->names[0]);
	return rc ? rc : prepare_new_seg(s, e, NULL);
}

static int prepare_live(const struct ix_state *s, struct ix_edit *e)
{
	return live_seg(s, e->seq) ? 0
				   : contradiction(e, "segment is not live");
}

static int prepare_type(const struct ix_state *s, struct ix_edit *e)
{
	switch (e->type) {
	case IX_EDIT_ADD:
		return prepare_add(s, e);
	case IX_EDIT_ADD_NAME:
		return prepare_add_name(s, e);
	case IX_EDIT_DELIVER:
		return prepare_deliver(s, e);
	case IX_EDIT_REMOVE:
		return prepare_remove(s, e);
	case IX_EDIT_RENAME:
		return prepare_rename(s, e);
	case IX_EDIT_ATTR:
	case IX_EDIT_QUARANTINE:
		return prepare_live(s, e);
	case IX_EDIT_PUBLISH:
		return prepare_publish(s, e);
	case IX_EDIT_CONFIG:
		return ix_settings_check(e->text, e->text2, &e->policy);
	case IX_EDIT_SEQ:
		break;
	}
	return 0;
}

int ix_state_prepare(struct ix_state *s, struct ix_edit *e)
{
	struct ix_listing *l = &s->listing;
	int rc;

	/* One edit adds at most one name; several may be in flight. */
	rc = ix_grow(&l->v, &l->cap, l->n + s->prepared + 1, sizeof(*l->v));
	if (!rc)
		rc = prepare_type(s, e);
	if (!rc) {
		s->prepared++;
		e->prepared = 1;
	}
	return rc;
}

void ix_state_abandon(struct ix_state *s, struct ix_edit *e)
{
	if (e->prepared)
		s->prepared--;
	e->prepared = 0;
}

/* ---- apply ---- */

static void note_died(struct ix_edit *e, const struct ix_seg *g)
{
	e->died[e->died_count++] = g->seq;
}

/* Out of the live ones; names, leaves and delivered names have been dealt
 * with. */
static void retire(struct ix_state *s, struct ix_edit *e, struct ix_seg *g)
{
	ix_table_remove(&s->ids, &g->id_node);
	g->state = IX_SEG_RETIRED;
	g->died = s->generation;
	s->live_count--;
	s->live_docs -= g->meta.doc_count;
	s->live_bytes -= g->meta.bytes;
	s->retired_bytes += g->meta.bytes;
	note_died(e, g);
	ix_state_settle(s, g);
}

static void forget_leaves(struct ix_state *s, struct ix_seg *g)
{
	struct ix_leaves *next;

	for (struct ix_leaves *l = g->leaves; l; l = next) {
		next = l->next;
		for (size_t i = 0; i < l->count; i++)
			ix_table_remove(&s->leaves, &l->leaf[i].node);
		ix_free(l);
	}
	g->leaves = NULL;
	g->leaf_count = 0;
}

/* A live name goes; with the last one its segment, and what was delivered
 * into it is forgotten: it may be delivered again. */
static void remove_live(struct ix_state *s, struct ix_edit *e,
			struct ix_name *n)
{
	struct ix_seg *g = n->host[0].seg;

	ix_state_drop_name(s, n);
	if (g->name_count)
		return;
	while (!ix_ring_empty(&g->delivered)) {
		struct ix_host *h =
			ix_container(g->delivered.next, struct ix_host, link);

		ix_state_drop_name(s, h->name);
	}
	forget_leaves(s, g);
	retire(s, e, g);
}

static void make_name_room(struct ix_state *s, struct ix_edit *e,
			   const char *name)
{
	struct ix_name *n = ix_state_name(s, name);

	if (!n)
		return;
	if (n->kind == IX_NAME_LIVE)
		remove_live(s, e, n);
	else
		ix_state_drop_name(s, n);
}

/* Live names of `g` become delivered ones of `to`, which holds its content. */
static void hand_over_names(struct ix_state *s, struct ix_seg *g,
			    struct ix_seg *to)
{
	while (!ix_ring_empty(&g->names)) {
		struct ix_host *h =
			ix_container(g->names.next, struct ix_host, link);
		struct ix_name *n = h->name;

		ix_listing_remove(s, n);
		ix_ring_del(&h->link);
		n->kind = IX_NAME_DELIVERED;
		n->id = g->meta.id;
		n->bytes = g->meta.bytes;
		n->mtime_ns = g->meta.mtime_ns;
		h->seg = to;
		ix_ring_add(&to->delivered, &h->link);
		s->delivered_count++;
	}
	g->name_count = 0;
	while (!ix_ring_empty(&g->delivered)) {
		struct ix_host *h =
			ix_container(g->delivered.next, struct ix_host, link);

		ix_ring_del(&h->link);
		h->seg = to;
		ix_ring_add(&to->delivered, &h->link);
	}
}

static void hand_over_leaves(struct ix_seg *g, struct ix_seg *to)
{
	struct ix_leaves *last = NULL;

	for (struct ix_leaves *l = g->leaves; l; l = l->next) {
		for (size_t i = 0; i < l->count; i++)
			l->leaf[i].seg = to;
		last = l;
	}
	if (last) {
		last->next = to->leaves;
		to->leaves = g->leaves;
		to->leaf_count += g->leaf_count;
	}
	g->leaves = NULL;
	g->leaf_count = 0;
}

static void note_born(struct ix_state *s, struct ix_edit *e, struct ix_seg *g)
{
	g->born = s->generation;
	e->born[0] = g->seq;
	e->born_count = 1;
	if (e->seq >= s->next_seq)
		s->next_seq = e->seq + 1;
	if (s->next_seq > s->seq_limit)
		s->seq_limit = s->next_seq;
}

static struct ix_seg *take_seg(struct ix_edit *e)
{
	struct ix_seg *g = e->new_seg;

	e->new_seg = NULL;
	return g;
}

static void take_name(struct ix_state *s, struct ix_edit *e, struct ix_seg *g)
{
	struct ix_name *n = e->new_name;

	e->new_name = NULL;
	n->id = g->meta.id;
	ix_state_insert_live(s, n, g);
}

static void apply_add(struct ix_state *s, struct ix_edit *e)
{
	struct ix_seg *g = take_seg(e);

	e->died_count = 0;
	for (size_t i = 0; i < e->source_count; i++) {
		struct ix_seg *from = ix_state_seg(s, e->sources[i]);

		hand_over_names(s, from, g);
		forget_leaves(s, from);
		retire(s, e, from);
	}
	/* Last: it may be the name of a source, which is delivered by now. */
	make_name_room(s, e, e->names[0]);
	ix_state_insert_seg(s, g, e->new_leaves);
	e->new_leaves = NULL;
	take_name(s, e, g);
	note_born(s, e, g);
	if (e->meta.registration >= s->next_registration)
		s->next_registration = e->meta.registration + 1;
}

static void apply_publish(struct ix_state *s, struct ix_edit *e)
{
	struct ix_seg *g = take_seg(e);

	e->died_count = 0;
	g->meta.registration = e->meta.registration;
	g->merged = 1;
	make_name_room(s, e, e->names[0]);
	for (size_t i = 0; i < e->source_count; i++) {
		struct ix_seg *from = ix_state_seg(s, e->sources[i]);

		hand_over_names(s, from, g);
		hand_over_leaves(from, g);
		retire(s, e, from);
	}
	ix_state_insert_seg(s, g, NULL);
	take_name(s, e, g);
	note_born(s, e, g);
}

static void apply_deliver(struct ix_state *s, struct ix_edit *e)
{
	struct ix_name *n = e->new_name;

	e->new_name = NULL;
	make_name_room(s, e, e->names[0]);
	for (size_t i = 0; i < e->leaf_count; i++)
		n->host[i].seg = ix_state_leaf(s, e->leaves + i)->seg;
	n->id = e->meta.id;
	n->bytes = e->meta.bytes;
	n->mtime_ns = e->meta.mtime_ns;
	ix_state_insert_delivered(s, n);
}

static void apply_rename(struct ix_state *s, struct ix_edit *e)
{
	struct ix_name *from = ix_state_name(s, e->names[0]);
	struct ix_seg *g = from->host[0].seg;

	/* The new name first: `g` must not be without one. */
	make_name_room(s, e, e->names[1]);
	take_name(s, e, g);
	ix_state_drop_name(s, from);
}

static void apply_attr(struct ix_state *s, struct ix_edit *e)
{
	struct ix_seg *g = ix_state_seg(s, e->seq);

	g->meta.mtime_ns = e->meta.mtime_ns;
	g->meta.uid = e->meta.uid;
	g->meta.gid = e->meta.gid;
}

static void apply_config(struct ix_state *s, struct ix_edit *e)
{
	s->policy = e->policy;
	ix_free(s->merge_text);
	ix_free(s->user_text);
	s->merge_text = e->text;
	s->user_text = e->text2;
	e->text = e->text2 = NULL;
	s->config_generation++;
}

static void apply_quarantine(struct ix_state *s, struct ix_edit *e)
{
	struct ix_seg *g = ix_state_seg(s, e->seq);

	ix_free(g->quarantine);
	g->quarantine = e->text;
	e->text = NULL;
}

void ix_state_apply(struct ix_state *s, struct ix_edit *e)
{
	ix_state_abandon(s, e);
	if (e->type == IX_EDIT_SEQ) {
		if (e->seq > s->seq_limit)
			s->seq_limit = e->seq;
		return;
	}
	e->generation = ++s->generation;
	switch (e->type) {
	case IX_EDIT_ADD:
		apply_add(s, e);
		break;
	case IX_EDIT_ADD_NAME:
		make_name_room(s, e, e->names[0]);
		take_name(s, e, ix_state_seg(s, e->seq));
		break;
	case IX_EDIT_DELIVER:
		apply_deliver(s, e);
		break;
	case IX_EDIT_REMOVE:
		for (size_t i = 0; i < e->name_count; i++)
			remove_live(s, e, ix_state_name(s, e->names[i]));
		break;
	case IX_EDIT_RENAME:
		apply_rename(s, e);
		break;
	case IX_EDIT_ATTR:
		apply_attr(s, e);
		break;
	case IX_EDIT_PUBLISH:
		apply_publish(s, e);
		break;
	case IX_EDIT_CONFIG:
		apply_config(s, e);
		break;
	case IX_EDIT_QUARANTINE:
		apply_quarantine(s, e);
		break;
	case IX_EDIT_SEQ:
		break;
	}
}
