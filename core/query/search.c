/* SPDX-License-Identifier: MIT */
/*
 * search: the k best documents of a query.
 *
 * Segments are searched one after the other into one heap; the score of its
 * worst hit is the threshold below which nothing needs to be looked at. When
 * the exact number of matches is not asked for, parts of lists are skipped
 * whose bound is below the threshold:
 *
 * - A query that is a phrase or an AND is walked document at a time;
 *   before it enters a block (what its lists' current units have in common),
 *   the sum of the units' bounds must reach the threshold.
 *
 * - A term or an OR is walked by windows of documents, as MaxScore does (Turtle
 * and Flood 1995; in windows of block bounds as Lucene since 9.8): with its
 *   children sorted by their bound in the window, those at the low end whose
 *   bounds together stay below the threshold are not essential: a document
 *   found only there cannot enter. Only the others are walked; a document
 *   found there is looked up in the rest as long as it can still enter.
 *
 * A document is skipped only when its bound is *below* the threshold: one that
 * reaches it exactly may still win by its tie. So the hits are those of the
 * exhaustive search, whatever was skipped.
 */
#include "core/query/query.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/query/iter.h"
#include "core/query/top.h"

#define WINDOW_DOCS     4096u /* of the accumulator */
#define WINDOW_MIN_DOCS 512u  /* of a window with several children */
#define UNIT_STEPS      8u /* units looked at for a bound before chunks are */

/* Scores of the documents of one window. All zero between windows. */
struct window {
	uint64_t scores[WINDOW_DOCS];
	uint64_t bits[WINDOW_DOCS / 64]; /* documents found */
};

/* A child of an OR within a window. */
struct lane {
	struct ix_iter *it;
	uint64_t max; /* bound in the window */
	uint64_t sum; /* of max up to and including this lane */
};

struct search {
	struct ix_plan plan;
	struct ix_top top;
	struct ix_iter *root;
	int exhaustive; /* count every match */
	uint64_t matches;
	/* the segment being searched */
	const struct ix_segment *seg;
	uint32_t segment;
	uint32_t doc_count;
	/* for a TERM or an OR */
	struct window *window; /* owned; OR */
	struct lane *lanes;    /* owned; the root, or the root's children */
	uint32_t lane_count;
};

static int collect(struct search *s, uint32_t doc, uint64_t score)
{
	struct ix_hit hit;

	if (score < s->top.threshold)
		return 0;
	hit.score = score;
	hit.tie = ix_segment_tie(s->seg, doc);
	hit.segment = s->segment;
	hit.doc = doc;
	return ix_top_add(&s->top, &hit);
}

/* May blocks be skipped already? */
static int pruning(const struct search *s)
{
	return !s->exhaustive && s->top.threshold;
}

/* ---- phrase, AND ---- */

/*
 * Move *targetp over blocks that cannot hold a hit. *lastp = the last document
 * of the block it stops in. 1, or 0 when no block is left.
 */
static int skip_blocks(struct search *s, uint32_t *targetp, uint32_t *lastp)
{
	struct ix_iter_bound b;
	int rc, level = 1;

	while (*targetp < s->doc_count) {
		rc = ix_iter_catch_up(s->root, *targetp);
		if (!rc)
			rc = ix_iter_bounds(s->root, level, *targetp, &b);
		if (rc)
			return rc;
		if (b.max < s->top.threshold) {
			*targetp = b.last + 1;
			level = 1;
		} else if (level == 0) {
			*lastp = b.last;
			return 1;
		} else {
			level = 0;
		}
	}
	return 0;
}

static int scan(struct search *s)
{
	struct ix_iter *it = s->root;
	uint32_t target = 0, last = 0;
	int rc, checked = 0; /* documents up to `last` may be hits */

	for (;;) {
		if (pruning(s) && (!checked || target > last)) {
			rc = skip_blocks(s, &target, &last);
			if (rc <= 0)
				return rc;
			checked = 1;
		}
		rc = ix_iter_seek(it, target);
		if (rc || it->doc == IX_NO_DOC)
			return rc;
		target = it->doc;
		if (checked && target > last)
			continue;
		rc = ix_iter_match(it);
		if (rc > 0) {
			s->matches++;
			rc = collect(s, target, ix_iter_score(it));
		}
		if (rc < 0)
			return rc;
		target++;
	}
}

/* ---- term, OR ---- */

/* The highest bound of a lane in [low, high). Looks at a few units; what is
 * left then is bounded by chunks. */
static int lane_bound(struct lane *l, uint32_t low, uint32_t high)
{
	struct ix_iter_bound b;
	int rc;

	l->max = 0;
	if (low < l->it->doc)
		low = l->it->doc;
	for (unsigned steps = 0; low < high; steps++) {
		rc = ix_iter_bounds(l->it, steps >= UNIT_STEPS, low, &b);
		if (rc)
			return rc;
		if (b.max > l->max)
			l->max = b.max;
		low = b.last + 1;
	}
	return 0;
}

/* Where the window that begins at `low` ends: with the first of the current
 * blocks of the lanes from `essential` on. */
static int window_end(struct search *s, uint32_t low, uint32_t essential,
		      uint32_t *highp)
{
	uint32_t last = s->doc_count - 1, at;
	struct ix_iter_bound b;
	int rc;

	for (uint32_t i = essential; i < s->lane_count; i++) {
		at = s->lanes[i].it->doc;
		if (at > last)
			continue;
		rc = ix_iter_bounds(s->lanes[i].it, 0, at > low ? at : low, &b);
		if (rc)
			return rc;
		if (b.last < last)
			last = b.last;
	}
	if (s->lane_count > 1 && last - low < WINDOW_MIN_DOCS - 1)
		last = low + WINDOW_MIN_DOCS - 1;
	if (last > s->doc_count - 1)
		last = s->doc_count - 1;
	*highp = last + 1;
	return 0;
}

static int compare_lanes(const void *pa, const void *pb)
{
	const struct lane *a = pa, *b = pb;

	if (a->max != b->max)
		return a->max < b->max ? -1 : 1;
	/* Equal bounds: the longer list is the better one not to walk. */
	return a->it->cost > b->it->cost ? -1 : a->it->cost < b->it->cost;
}

/* Bound and sort the lanes for the window; returns the number of lanes that
 * are not essential in *essentialp. */
static int partition(struct search *s, uint32_t low, uint32_t high,
		     uint32_t *essentialp)
{
	uint64_t sum = 0;
	uint32_t n = 0;
	int rc;

	for (uint32_t i = 0; i < s->lane_count; i++) {
		rc = lane_bound(&s->lanes[i], low, high);
		if (rc)
			return rc;
	}
	if (s->lane_count > 1)
		qsort(s->lanes, s->lane_count, sizeof(*s->lanes),
		      compare_lanes);
	for (uint32_t i = 0; i < s->lane_count; i++) {
		sum += s->lanes[i].max;
		s->lanes[i].sum = sum;
		if (sum < s->top.threshold)
			n = i + 1;
	}
	*essentialp = n;
	return 0;
}

/* A document found in essential lanes with `score` there: add what the others
 * give as long as it can enter. */
static int complete(struct search *s, uint32_t essential, uint32_t doc,
		    uint64_t score)
{
	struct ix_iter *it;
	int rc;

	s->matches++;
	for (uint32_t i = essential; i-- > 0;) {
		if (score + s->lanes[i].sum < s->top.threshold)
			return 0;
		it = s->lanes[i].it;
		rc = ix_iter_seek(it, doc);
		if (rc)
			return rc;
		if (it->doc != doc)
			continue;
		rc = ix_iter_match(it);
		if (rc < 0)
			return rc;
		if (rc)
			score += ix_iter_score(it);
	}
	return collect(s, doc, score);
}

/* 1 / norm of a document of a TERM, times its frequency. */
static inline double term_x(const struct ix_iter *it, uint32_t i)
{
	uint32_t freq = it->unit_freqs ? it->unit_freqs[i] : 1;
	uint32_t length =
		it->lengths ? ix_lengths_get(it->lengths, it->unit_docs[i]) : 0;

	return (double)freq * ix_inverse_norm_fast(it->stats, length);
}

/* The x a document of the essential lane needs to enter. */
static double least_x(const struct search *s, uint32_t essential)
{
	uint64_t rest = essential ? s->lanes[essential - 1].sum : 0;
	uint64_t score = s->top.threshold;

	return ix_contribution_least_x(s->lanes[essential].it->weight,
				       score > rest ? score - rest : 0);
}

/* The documents of one unit of a TERM, the only essential lane, below `high`.
 * Most documents fail the comparison with `least`. */
static int walk_unit(struct search *s, uint32_t essential, uint32_t high)
{
	struct ix_iter *it = s->lanes[essential].it;
	uint64_t threshold = s->top.threshold;
	double x, least = least_x(s, essential);
	uint32_t i;
	int rc;

	ix_iter_need_freqs(it);
	for (i = it->unit_at; i < it->unit_count; i++) {
		if (it->unit_docs[i] >= high)
			break;
		x = term_x(it, i);
		if (x < least) {
			s->matches++;
			continue;
		}
		rc = complete(s, essential, it->unit_docs[i],
			      ix_contribution_x(it->weight, x));
		if (rc)
			return rc;
		if (threshold != s->top.threshold) {
			threshold = s->top.threshold;
			least = least_x(s, essential);
		}
	}
	if (i == it->unit_count)
		return ix_iter_seek(it, it->unit_docs[i - 1] + 1);
	ix_iter_unit_move(it, i);
	return 0;
}

/* One essential lane: no accumulator is needed. */
static int walk_single(struct search *s, uint32_t high)
{
	uint32_t essential = s->lane_count - 1;
	struct ix_iter *it = s->lanes[essential].it;
	uint32_t doc;
	int rc = 0;

	if (it->kind == IX_NODE_TERM) {
		while (!rc && it->doc < high)
			rc = walk_unit(s, essential, high);
		return rc;
	}
	while ((doc = it->doc) < high) {
		rc = ix_iter_match(it);
		if (rc > 0)
			rc = complete(s, essential, doc, ix_iter_score(it));
		if (rc >= 0)
			rc = ix_iter_seek(it, doc + 1);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static inline void window_add(struct window *w, uint32_t at, uint64_t score)
{
	w->scores[at] += score;
	w->bits[at / 64] |= 1ull << at % 64;
}

static int fill_unit(struct window *w, struct ix_iter *it, uint32_t low,
		     uint32_t high)
{
	uint32_t i;

	ix_iter_need_freqs(it);
	for (i = it->unit_at; i < it->unit_count; i++) {
		if (it->unit_docs[i] >= high)
			break;
		window_add(w, it->unit_docs[i] - low,
			   ix_contribution_x(it->weight, term_x(it, i)));
	}
	if (i == it->unit_count)
		return ix_iter_seek(it, it->unit_docs[i - 1] + 1);
	ix_iter_unit_move(it, i);
	return 0;
}

/* Add the scores of a lane's documents in [low, high) to the window. */
static int fill(struct window *w, struct ix_iter *it, uint32_t low,
		uint32_t high)
{
	uint32_t doc;
	int rc = 0;

	if (it->kind == IX_NODE_TERM) {
		while (!rc && it->doc < high)
			rc = fill_unit(w, it, low, high);
		return rc;
	}
	while ((doc = it->doc) < high) {
		rc = ix_iter_match(it);
		if (rc > 0)
			window_add(w, doc - low, ix_iter_score(it));
		if (rc >= 0)
			rc = ix_iter_seek(it, doc + 1);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Hand the window's documents on in order, and clear it. */
static int drain(struct search *s, uint32_t essential, uint32_t low)
{
	struct window *w = s->window;
	int rc = 0;

	for (uint32_t i = 0; i < WINDOW_DOCS / 64; i++) {
		uint64_t bits = w->bits[i];

		w->bits[i] = 0;
		while (bits) {
			uint32_t at = i * 64 + (uint32_t)__builtin_ctzll(bits);

			bits &= bits - 1;
			if (!rc)
				rc = complete(s, essential, low + at,
					      w->scores[at]);
			w->scores[at] = 0;
		}
	}
	return rc;
}

static int walk_several(struct search *s, uint32_t essential, uint32_t high)
{
	uint32_t low, end;
	int rc;

	for (;;) {
		low = IX_NO_DOC;
		for (uint32_t i = essential; i < s->lane_count; i++)
			if (s->lanes[i].it->doc < low)
				low = s->lanes[i].it->doc;
		if (low >= high)
			return 0;
		end = high - low > WINDOW_DOCS ? low + WINDOW_DOCS : high;
		for (uint32_t i = essential; i < s->lane_count; i++) {
			rc = fill(s->window, s->lanes[i].it, low, end);
			if (rc)
				return rc;
		}
		rc = drain(s, essential, low);
		if (rc)
			return rc;
	}
}

/* Move *lowp to the first document any lane may have, over chunks that cannot
 * hold a hit. 1, or 0 at the end. */
static int next_window(struct search *s, uint32_t *lowp)
{
	struct ix_iter_bound b;
	uint64_t sum;
	uint32_t first, last;
	int rc;

	for (;;) {
		first = IX_NO_DOC;
		last = IX_NO_DOC - 1;
		sum = 0;
		for (uint32_t i = 0; i < s->lane_count; i++)
			if (s->lanes[i].it->doc < first)
				first = s->lanes[i].it->doc;
		if (first > *lowp)
			*lowp = first;
		if (*lowp >= s->doc_count)
			return 0;
		if (!pruning(s))
			return 1;
		for (uint32_t i = 0; i < s->lane_count; i++) {
			rc = ix_iter_bounds(s->lanes[i].it, 1, *lowp, &b);
			if (rc)
				return rc;
			sum += b.max;
			if (b.last < last)
				last = b.last;
		}
		if (sum >= s->top.threshold)
			return 1;
		*lowp = last + 1;
	}
}

/* Choose the window that begins at `low` and split its lanes. */
static int choose_window(struct search *s, uint32_t low, uint32_t *highp,
			 uint32_t *essentialp)
{
	int rc;

	if (!pruning(s)) {
		*essentialp = 0;
		*highp = s->doc_count - low > WINDOW_DOCS ? low + WINDOW_DOCS
							  : s->doc_count;
		return 0;
	}
	rc = window_end(s, low, *essentialp < s->lane_count ? *essentialp : 0,
			highp);
	return rc ? rc : partition(s, low, *highp, essentialp);
}

static int scan_or(struct search *s)
{
	uint32_t low = 0, high = 0, essential = 0;
	int rc, more;

	if (s->root->kind == IX_NODE_TERM) {
		s->lane_count = 1;
		s->lanes[0].it = s->root;
	} else {
		s->lane_count = s->root->active;
		for (uint32_t i = 0; i < s->lane_count; i++)
			s->lanes[i].it = s->root->children[i];
	}
	while ((more = next_window(s, &low)) > 0) {
		rc = choose_window(s, low, &high, &essential);
		for (uint32_t i = essential; !rc && i < s->lane_count; i++)
			rc = ix_iter_seek(s->lanes[i].it, low);
		if (!rc && essential + 1 == s->lane_count)
			rc = walk_single(s, high);
		else if (!rc && essential < s->lane_count)
			rc = walk_several(s, essential, high);
		if (rc)
			return rc;
		low = high;
	}
	return more;
}

/* ---- the whole ---- */

static int search_segment(struct search *s, uint32_t segment)
{
	int rc;

	s->segment = segment;
	s->seg = s->plan.s->segments[segment];
	s->doc_count = ix_segment_doc_count(s->seg);
	rc = ix_iter_open(s->root, &s->plan, segment);
	if (!rc && s->root->doc != IX_NO_DOC)
		rc = s->lanes ? scan_or(s) : scan(s);
	if (rc == -ENOMEM)
		return rc;
	return rc ? ix_fail_in(rc, "%s", ix_segment_name(s->seg)) : 0;
}

static int prepare(struct search *s, struct ix_searcher *searcher,
		   const struct ix_query *q)
{
	int rc = ix_plan_init(&s->plan, searcher, q);

	if (rc)
		return rc;
	rc = ix_iter_new(&s->plan, &s->root);
	if (rc)
		return rc;
	if (s->root->kind == IX_NODE_TERM) {
		s->lanes = ix_calloc(1, sizeof(*s->lanes));
		return s->lanes ? 0 : -ENOMEM;
	}
	if (s->root->kind != IX_NODE_OR)
		return 0;
	s->window = ix_calloc(1, sizeof(*s->window));
	s->lanes = ix_calloc(s->root->child_count, sizeof(*s->lanes));
	return s->window && s->lanes ? 0 : -ENOMEM;
}

int ix_search(struct ix_searcher *searcher, const struct ix_query *q,
	      uint32_t k, struct ix_hit **hitsp, uint32_t *countp,
	      uint64_t *matchesp)
{
	struct search s = { 0 };
	int rc;

	*hitsp = NULL;
	*countp = 0;
	if (matchesp)
		*matchesp = 0;
	ix_top_init(&s.top, k);
	rc = prepare(&s, searcher, q);
	if (rc)
		goto out;
	/* The matches of a single term are known beforehand. */
	s.exhaustive = matchesp && s.root->kind != IX_NODE_TERM;
	if (!s.exhaustive && !k)
		goto count;
	for (size_t i = 0; i < searcher->segment_count; i++) {
		rc = search_segment(&s, (uint32_t)i);
		if (rc)
			goto out;
	}
count:
	if (matchesp)
		*matchesp = s.exhaustive ? s.matches : s.plan.dfs[s.root->term];
	*hitsp = ix_top_finish(&s.top, countp);
out:
	ix_top_release(&s.top);
	ix_iter_free(s.root);
	ix_free(s.window);
	ix_free(s.lanes);
	ix_plan_release(&s.plan);
	return rc;
}
