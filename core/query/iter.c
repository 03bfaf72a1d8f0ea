/* SPDX-License-Identifier: MIT */
#include "core/query/iter_internal.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"

/* ---- construction ---- */

void ix_iter_free(struct ix_iter *it)
{
	if (!it)
		return;
	for (uint32_t i = 0; it->children && i < it->child_count; i++)
		ix_iter_free(it->children[i]);
	ix_free(it->children);
	ix_free(it->docs);
	ix_free(it->cursors);
	ix_list_reader_free(it->reader);
	ix_free(it);
}

/* `weight` is that of the leaf the term belongs to: with it, the bounds of the
 * terms of a phrase are bounds of the phrase. */
static int new_term(const struct ix_plan *p, uint32_t term, double weight,
		    struct ix_iter **itp)
{
	const struct ix_query_term *t = &p->q->terms[term];
	struct ix_iter *it = ix_calloc(1, sizeof(*it));
	int rc;

	if (!it)
		return -ENOMEM;
	it->kind = IX_NODE_TERM;
	it->exact = 1;
	it->term = term;
	it->offset = t->offset;
	it->weight = weight;
	it->stats = ix_plan_stats(p, term);
	rc = ix_list_reader_new(ix_query_codec(&p->q->fields[t->field]),
				&it->reader);
	if (rc) {
		ix_iter_free(it);
		return rc;
	}
	*itp = it;
	return 0;
}

static int new_node(const struct ix_plan *p, const struct ix_node *n,
		    struct ix_iter **itp);

static int new_children(const struct ix_plan *p, struct ix_iter *it)
{
	const struct ix_node *n = it->node, *c;
	uint32_t count = n->kind == IX_NODE_PHRASE ? n->count : n->child_count;
	uint32_t i = 0;
	int rc;

	it->children = ix_calloc(count, sizeof(struct ix_iter *));
	if (!it->children)
		return -ENOMEM;
	it->child_count = count;
	if (n->kind == IX_NODE_PHRASE) {
		for (; i < count; i++) {
			rc = new_term(p, n->first + i, it->weight,
				      &it->children[i]);
			if (rc)
				return rc;
		}
		it->exact = 0;
		it->cursors = ix_calloc(count, sizeof(*it->cursors));
		return it->cursors ? 0 : -ENOMEM;
	}
	if (n->kind == IX_NODE_OR) {
		it->docs = ix_calloc(count, sizeof(*it->docs));
		if (!it->docs)
			return -ENOMEM;
	}
	for (c = n->head; c; c = c->next, i++) {
		rc = new_node(p, c, &it->children[i]);
		if (rc)
			return rc;
		it->exact &= it->children[i]->exact;
	}
	return 0;
}

static int new_node(const struct ix_plan *p, const struct ix_node *n,
		    struct ix_iter **itp)
{
	struct ix_iter *it;
	double weight = 0;
	int rc;

	if (n->kind == IX_NODE_TERM || n->kind == IX_NODE_PHRASE)
		weight = ix_plan_weight(p, n);
	if (n->kind == IX_NODE_TERM) {
		rc = new_term(p, n->first, weight, itp);
		if (!rc)
			(*itp)->node = n;
		return rc;
	}
	it = ix_calloc(1, sizeof(*it));
	if (!it)
		return -ENOMEM;
	it->kind = n->kind;
	it->node = n;
	it->exact = 1;
	it->weight = weight;
	if (n->kind == IX_NODE_PHRASE)
		it->stats = ix_plan_stats(p, n->first);
	if (n->kind != IX_NODE_NONE) {
		rc = new_children(p, it);
		if (rc) {
			ix_iter_free(it);
			return rc;
		}
	}
	*itp = it;
	return 0;
}

int ix_iter_new(const struct ix_plan *p, struct ix_iter **itp)
{
	*itp = NULL;
	return new_node(p, p->q->root, itp);
}

/* ---- all kinds ---- */

int ix_iter_open(struct ix_iter *it, const struct ix_plan *p, size_t segment)
{
	switch (it->kind) {
	case IX_NODE_NONE:
		break;
	case IX_NODE_TERM:
		return ix_iter_term_open(it, p, segment);
	case IX_NODE_PHRASE:
	case IX_NODE_AND:
		return ix_iter_and_open(it, p, segment);
	case IX_NODE_OR:
		return ix_iter_or_open(it, p, segment);
	}
	it->doc = IX_NO_DOC;
	return 0;
}

int ix_iter_seek(struct ix_iter *it, uint32_t target)
{
	if (it->doc >= target)
		return 0;
	switch (it->kind) {
	case IX_NODE_TERM:
		return ix_iter_term_seek(it, target);
	case IX_NODE_PHRASE:
	case IX_NODE_AND:
		return ix_iter_and_seek(it, target);
	case IX_NODE_OR:
		return ix_iter_or_seek(it, target);
	case IX_NODE_NONE:
		break;
	}
	return 0;
}

int ix_iter_match(struct ix_iter *it)
{
	int rc = 1;

	if (it->exact)
		return 1;
	it->matched = 0;
	switch (it->kind) {
	case IX_NODE_AND:
		for (uint32_t i = 0; i < it->child_count && rc > 0; i++)
			rc = ix_iter_match(it->children[i]);
		break;
	case IX_NODE_OR:
		rc = ix_iter_or_match(it);
		break;
	case IX_NODE_PHRASE:
		rc = ix_iter_phrase_match(it);
		break;
	case IX_NODE_NONE:
	case IX_NODE_TERM:
		break;
	}
	it->matched = rc > 0;
	return rc;
}

uint64_t ix_iter_leaf_score(struct ix_iter *it, uint32_t *freqp,
			    uint32_t *lengthp)
{
	if (it->kind == IX_NODE_TERM) {
		ix_iter_need_freqs(it);
		*freqp = it->unit_freqs ? it->unit_freqs[it->unit_at] : 1;
	} else {
		*freqp = it->freq;
	}
	*lengthp = it->lengths ? ix_lengths_get(it->lengths, it->doc) : 0;
	return ix_contribution(it->weight, it->stats, *freqp, *lengthp);
}

uint64_t ix_iter_score(struct ix_iter *it)
{
	uint32_t freq, length;
	uint64_t sum = 0;

	switch (it->kind) {
	case IX_NODE_TERM:
	case IX_NODE_PHRASE:
		return ix_iter_leaf_score(it, &freq, &length);
	case IX_NODE_AND:
		for (uint32_t i = 0; i < it->child_count; i++)
			sum += ix_iter_score(it->children[i]);
		break;
	case IX_NODE_OR:
		return ix_iter_or_score(it);
	case IX_NODE_NONE:
		break;
	}
	return sum;
}

int ix_iter_catch_up(struct ix_iter *it, uint32_t target)
{
	int rc = 0;

	if (it->kind == IX_NODE_OR)
		return ix_iter_or_catch_up(it, target);
	if (it->kind == IX_NODE_AND)
		for (uint32_t i = 0; !rc && i < it->child_count; i++)
			rc = ix_iter_catch_up(it->children[i], target);
	return rc;
}

/* Sum of the children's bounds, or for a phrase the smallest: it cannot occur
 * more often than the rarest of its terms. */
static int children_bounds(struct ix_iter *it, int level, uint32_t target,
			   struct ix_iter_bound *b)
{
	uint32_t n = it->kind == IX_NODE_OR ? it->active : it->child_count;
	struct ix_iter_bound c;
	int rc;

	*b = (struct ix_iter_bound){ target, IX_NO_DOC - 1, 0 };
	for (uint32_t i = 0; i < n; i++) {
		rc = ix_iter_bounds(it->children[i], level, target, &c);
		if (rc)
			return rc;
		if (c.last < b->last)
			b->last = c.last;
		if (it->kind != IX_NODE_PHRASE)
			b->max += c.max;
		else if (i == 0 || c.max < b->max)
			b->max = c.max;
	}
	return 0;
}

int ix_iter_bounds(struct ix_iter *it, int level, uint32_t target,
		   struct ix_iter_bound *b)
{
	if (it->doc > target) {
		*b = (struct ix_iter_bound){ target, it->doc - 1, 0 };
		return 0;
	}
	if (it->kind == IX_NODE_TERM)
		return ix_iter_term_bounds(it, level, target, b);
	return children_bounds(it, level, target, b);
}

void ix_iter_each_leaf(struct ix_iter *it,
		       void (*fn)(void *ctx, struct ix_iter *leaf), void *ctx)
{
	struct ix_iter *c;

	if (it->kind == IX_NODE_TERM || it->kind == IX_NODE_PHRASE) {
		fn(ctx, it);
		return;
	}
	for (uint32_t i = 0; i < it->child_count; i++) {
		c = it->children[i];
		if (c->doc == it->doc && (c->exact || c->matched))
			ix_iter_each_leaf(c, fn, ctx);
	}
}
