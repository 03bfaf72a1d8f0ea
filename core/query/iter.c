/* SPDX-License-Identifier: MIT */
#include "core/query/iter.h"

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

/* ---- terms ---- */

/* What the reader said of a move: `doc` is in a new unit, or the end. */
static int term_arrive(struct ix_iter *it, uint32_t target, int rc,
		       uint32_t doc)
{
	if (rc < 0)
		return rc;
	if (rc == 0) {
		it->doc = IX_NO_DOC;
		return 0;
	}
	/* Bytes of the list may lie; a list that goes back must not turn into
	 * an endless loop. */
	if (doc < target)
		return ix_fail(-IX_ECORRUPT,
			       "a postings list is not in ascending order");
	it->doc = doc;
	it->have_freqs = 0;
	ix_list_unit(it->reader, &it->unit_docs, &it->unit_count, &it->unit_at);
	return 0;
}

/* Within the unit the reader is not asked: most steps are short. */
static int term_seek(struct ix_iter *it, uint32_t target)
{
	const uint32_t *docs = it->unit_docs;
	uint32_t at = it->unit_at, n = it->unit_count, step = 1, doc = 0;
	int rc;

	if (docs[n - 1] < target) {
		rc = ix_list_seek(it->reader, target, &doc);
		return term_arrive(it, target, rc, doc);
	}
	/* docs[at] < target <= docs[n - 1]: gallop, then halve. */
	while (at + step < n && docs[at + step] < target) {
		at += step;
		step *= 2;
	}
	while (step > 1) {
		step /= 2;
		if (at + step < n && docs[at + step] < target)
			at += step;
	}
	ix_iter_unit_move(it, at + 1);
	return 0;
}

static int term_open(struct ix_iter *it, const struct ix_plan *p,
		     size_t segment)
{
	const struct ix_term_ref *ref = ix_plan_ref(p, segment, it->term);
	const struct ix_segment *seg = p->s->segments[segment];
	int32_t field = p->fields[p->q->terms[it->term].field];
	uint64_t freq_max;
	uint32_t doc = 0;
	int rc;

	it->doc = IX_NO_DOC;
	it->cost = 0;
	if (!ref->payload || !it->stats)
		return 0;
	it->lengths = ix_segment_lengths(
		seg,
		(uint32_t)ix_searcher_local(p->s, segment, (uint32_t)field));
	it->cost = ref->info.df;
	rc = ix_list_open(it->reader, ref->payload, &ref->info,
			  ix_segment_doc_count(seg));
	if (rc)
		return rc;
	/* Every document but one takes at least one occurrence. */
	freq_max = ref->info.ttf - ref->info.df + 1;
	it->list_max = freq_max <= UINT32_MAX
			       ? ix_contribution(it->weight, it->stats,
						 (uint32_t)freq_max, 0)
			       : ix_contribution_max(it->weight);
	for (int level = 0; level < 2; level++)
		it->bounds[level] = (struct ix_iter_bound){ 1, 0, 0 };
	rc = ix_list_next(it->reader, &doc);
	return term_arrive(it, 0, rc, doc);
}

static uint64_t impacts_max(const struct ix_iter *it,
			    const struct ix_impact impacts[IX_IMPACTS])
{
	uint64_t max = 0, v;

	for (unsigned i = 0; i < IX_IMPACTS; i++) {
		if (!impacts[i].freq)
			continue;
		if (impacts[i].freq == 255)
			v = ix_contribution_max(it->weight);
		else
			v = ix_contribution(it->weight, it->stats,
					    impacts[i].freq,
					    ix_length_floor(impacts[i].length));
		if (v > max)
			max = v;
	}
	/* Without any impact nothing is known but the whole list's bound. */
	return max && max < it->list_max ? max : it->list_max;
}

static int term_bounds(struct ix_iter *it, int level, uint32_t target,
		       struct ix_iter_bound *b)
{
	struct ix_iter_bound *cache = &it->bounds[level];
	struct ix_impact impacts[IX_IMPACTS];
	uint32_t last = 0;
	int rc;

	if (target >= cache->from && target <= cache->last) {
		*b = *cache;
		return 0;
	}
	rc = ix_list_bounds(it->reader, target, level, impacts, &last);
	if (rc < 0)
		return rc;
	cache->from = target;
	cache->last = IX_NO_DOC - 1;
	cache->max = 0;
	if (rc > 0) {
		if (last < target)
			return ix_fail(-IX_ECORRUPT,
				       "skip data of a postings list are not "
				       "in ascending order");
		cache->last = last;
		cache->max = impacts_max(it, impacts);
	}
	*b = *cache;
	return 0;
}

/* ---- conjunctions ---- */

static void sort_by_cost(struct ix_iter **c, uint32_t n)
{
	/* Insertion sort: short, and nearly sorted from the last segment. */
	for (uint32_t i = 1; i < n; i++) {
		struct ix_iter *it = c[i];
		uint32_t j = i;

		for (; j > 0 && c[j - 1]->cost > it->cost; j--)
			c[j] = c[j - 1];
		c[j] = it;
	}
}

/* Leapfrog: the rarest child proposes, each other either agrees or proposes
 * a later document. */
static int and_seek(struct ix_iter *it, uint32_t target)
{
	struct ix_iter **c = it->children;
	uint32_t n = it->child_count, i;
	int rc;

again:
	rc = ix_iter_seek(c[0], target);
	if (rc)
		return rc;
	target = c[0]->doc;
	for (i = 1; i < n && target != IX_NO_DOC; i++) {
		rc = ix_iter_seek(c[i], target);
		if (rc)
			return rc;
		if (c[i]->doc > target) {
			target = c[i]->doc;
			if (target != IX_NO_DOC)
				goto again;
		}
	}
	it->doc = target;
	return 0;
}

static int and_open(struct ix_iter *it, const struct ix_plan *p, size_t segment)
{
	int rc;

	it->doc = IX_NO_DOC;
	it->cost = 0;
	for (uint32_t i = 0; i < it->child_count; i++) {
		rc = ix_iter_open(it->children[i], p, segment);
		if (rc)
			return rc;
		if (it->children[i]->doc == IX_NO_DOC)
			return 0;
	}
	sort_by_cost(it->children, it->child_count);
	it->cost = it->children[0]->cost;
	it->lengths = it->children[0]->lengths; /* phrase: of its field */
	it->doc = 0;
	return and_seek(it, 0);
}

/* How often do the terms follow each other? Lists are walked along with the
 * one that has the fewest positions. */
static uint32_t phrase_count(struct ix_phrase_cursor *c, uint32_t n)
{
	const struct ix_phrase_cursor *lead = &c[0];
	uint32_t count = 0, i;

	for (i = 1; i < n; i++)
		if (c[i].count < lead->count)
			lead = &c[i];
	for (uint32_t k = 0; k < lead->count; k++) {
		uint64_t base = lead->positions[k];

		if (base < lead->offset)
			continue;
		base -= lead->offset;
		for (i = 0; i < n; i++) {
			uint64_t want = base + c[i].offset;

			if (&c[i] == lead)
				continue;
			while (c[i].at < c[i].count &&
			       c[i].positions[c[i].at] < want)
				c[i].at++;
			if (c[i].at == c[i].count)
				return count;
			if (c[i].positions[c[i].at] != want)
				break;
		}
		count += i == n;
	}
	return count;
}

static int phrase_match(struct ix_iter *it)
{
	int rc;

	for (uint32_t i = 0; i < it->child_count; i++) {
		struct ix_iter *c = it->children[i];
		struct ix_phrase_cursor *cur = &it->cursors[i];

		ix_list_unit_move(c->reader, c->unit_at);
		cur->count = ix_list_freq(c->reader);
		cur->at = 0;
		cur->offset = c->offset;
		rc = ix_list_positions(c->reader, &cur->positions);
		if (rc < 0)
			return rc;
	}
	it->freq = phrase_count(it->cursors, it->child_count);
	return it->freq != 0;
}

/* ---- disjunctions ---- */

/* The documents of the children stand side by side, so that the next one is
 * found at a few per cycle: with a handful of children, the usual case, no heap
 * is as fast. */
static void or_settle(struct ix_iter *it)
{
	uint32_t doc = IX_NO_DOC;

	for (uint32_t i = 0; i < it->active; i++)
		doc = it->docs[i] < doc ? it->docs[i] : doc;
	it->doc = doc;
}

static void or_swap(struct ix_iter *it, uint32_t a, uint32_t b)
{
	struct ix_iter *child = it->children[a];

	it->children[a] = it->children[b];
	it->children[b] = child;
	it->docs[a] = it->docs[b];
}

void ix_iter_or_refresh(struct ix_iter *it)
{
	for (uint32_t i = 0; i < it->active;) {
		it->docs[i] = it->children[i]->doc;
		if (it->docs[i] == IX_NO_DOC)
			or_swap(it, i, --it->active);
		else
			i++;
	}
	or_settle(it);
}

static int or_seek(struct ix_iter *it, uint32_t target)
{
	int rc;

	for (uint32_t i = 0; i < it->active;) {
		if (it->docs[i] < target) {
			rc = ix_iter_seek(it->children[i], target);
			if (rc)
				return rc;
			it->docs[i] = it->children[i]->doc;
			if (it->docs[i] == IX_NO_DOC) {
				or_swap(it, i, --it->active);
				continue;
			}
		}
		i++;
	}
	or_settle(it);
	return 0;
}

static int or_open(struct ix_iter *it, const struct ix_plan *p, size_t segment)
{
	struct ix_iter **c = it->children, *child;
	int rc;

	it->active = 0;
	it->cost = 0;
	for (uint32_t i = 0; i < it->child_count; i++) {
		child = c[i];
		rc = ix_iter_open(child, p, segment);
		if (rc)
			return rc;
		if (child->doc == IX_NO_DOC)
			continue;
		it->cost += child->cost;
		c[i] = c[it->active];
		c[it->active] = child;
		it->docs[it->active++] = child->doc;
	}
	or_settle(it);
	return 0;
}

static int or_match(struct ix_iter *it)
{
	int rc, any = 0;

	for (uint32_t i = 0; i < it->active; i++) {
		if (it->docs[i] != it->doc)
			continue;
		rc = ix_iter_match(it->children[i]);
		if (rc < 0)
			return rc;
		any |= rc;
	}
	return any;
}

static uint64_t or_score(const struct ix_iter *it)
{
	struct ix_iter *c;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < it->active; i++) {
		c = it->children[i];
		if (it->docs[i] == it->doc && (c->exact || c->matched))
			sum += ix_iter_score(c);
	}
	return sum;
}

/* ---- all kinds ---- */

int ix_iter_open(struct ix_iter *it, const struct ix_plan *p, size_t segment)
{
	switch (it->kind) {
	case IX_NODE_NONE:
		break;
	case IX_NODE_TERM:
		return term_open(it, p, segment);
	case IX_NODE_PHRASE:
	case IX_NODE_AND:
		return and_open(it, p, segment);
	case IX_NODE_OR:
		return or_open(it, p, segment);
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
		return term_seek(it, target);
	case IX_NODE_PHRASE:
	case IX_NODE_AND:
		return and_seek(it, target);
	case IX_NODE_OR:
		return or_seek(it, target);
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
		rc = or_match(it);
		break;
	case IX_NODE_PHRASE:
		rc = phrase_match(it);
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
		return or_score(it);
	case IX_NODE_NONE:
		break;
	}
	return sum;
}

static int or_catch_up(struct ix_iter *it, uint32_t target)
{
	struct ix_iter *c;
	int rc;

	for (uint32_t i = 0; i < it->active; i++) {
		c = it->children[i];
		if (it->docs[i] >= target || c->cost > it->cost / 8)
			continue;
		rc = ix_iter_seek(c, target);
		if (rc)
			return rc;
		it->docs[i] = c->doc;
	}
	or_settle(it);
	return 0;
}

int ix_iter_catch_up(struct ix_iter *it, uint32_t target)
{
	int rc = 0;

	if (it->kind == IX_NODE_OR)
		return or_catch_up(it, target);
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
		return term_bounds(it, level, target, b);
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
