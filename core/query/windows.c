/* SPDX-License-Identifier: MIT */
/*
 * windows: walk a term or an OR by windows of documents (search.c says why).
 *
 * A window begins at the first document any lane may have. While nothing can
 * be skipped it is as long as the accumulator; then it ends with the first of
 * the essential lanes' blocks, so that bounds are those of single blocks.
 */
#include "core/query/run.h"

#include <stdlib.h>

#define WINDOW_MIN_DOCS 512u /* of a window with several lanes */
#define UNIT_STEPS      8u   /* units looked at for a bound before chunks are */

/* The highest bound of a lane in [low, high). Looks at a few units; what is
 * left then is bounded by chunks. */
static int lane_bound(struct ix_lane *l, uint32_t low, uint32_t high)
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
static int window_end(struct ix_run *s, uint32_t low, uint32_t essential,
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
	const struct ix_lane *a = pa, *b = pb;

	if (a->max != b->max)
		return a->max < b->max ? -1 : 1;
	/* Equal bounds: the longer list is the better one not to walk. */
	return a->it->cost > b->it->cost ? -1 : a->it->cost < b->it->cost;
}

/* Bound and sort the lanes for the window; returns the number of lanes that
 * are not essential in *essentialp. */
static int partition(struct ix_run *s, uint32_t low, uint32_t high,
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
static int complete(struct ix_run *s, uint32_t essential, uint32_t doc,
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
	return ix_run_collect(s, doc, score);
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
static double least_x(const struct ix_run *s, uint32_t essential)
{
	uint64_t rest = essential ? s->lanes[essential - 1].sum : 0;
	uint64_t score = s->top.threshold;

	return ix_contribution_least_x(s->lanes[essential].it->weight,
				       score > rest ? score - rest : 0);
}

/* The documents of one unit of a TERM, the only essential lane, below `high`.
 * Most documents fail the comparison with `least`. */
static int walk_unit(struct ix_run *s, uint32_t essential, uint32_t high)
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
static int walk_single(struct ix_run *s, uint32_t high)
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

static inline void window_add(struct ix_window *w, uint64_t *bits, uint32_t at,
			      uint64_t score)
{
	w->scores[at] += score;
	bits[at / 64] |= 1ull << at % 64;
}

static int fill_unit(struct ix_window *w, uint64_t *bits, struct ix_iter *it,
		     uint32_t low, uint32_t high)
{
	uint32_t i;

	ix_iter_need_freqs(it);
	for (i = it->unit_at; i < it->unit_count; i++) {
		if (it->unit_docs[i] >= high)
			break;
		window_add(w, bits, it->unit_docs[i] - low,
			   ix_contribution_x(it->weight, term_x(it, i)));
	}
	if (i == it->unit_count)
		return ix_iter_seek(it, it->unit_docs[i - 1] + 1);
	ix_iter_unit_move(it, i);
	return 0;
}

/* Any iterator, document at a time. */
static int fill_slowly(struct ix_window *w, uint64_t *bits, struct ix_iter *it,
		       uint32_t low, uint32_t high)
{
	uint32_t doc;
	int rc;

	while ((doc = it->doc) < high) {
		rc = ix_iter_match(it);
		if (rc > 0)
			window_add(w, bits, doc - low, ix_iter_score(it));
		if (rc >= 0)
			rc = ix_iter_seek(it, doc + 1);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int ix_window_fill(struct ix_window *w, uint64_t *bits, struct ix_iter *it,
		   uint32_t low, uint32_t high)
{
	int rc = 0;

	if (it->kind == IX_NODE_TERM) {
		while (!rc && it->doc < high)
			rc = fill_unit(w, bits, it, low, high);
		return rc;
	}
	if (it->kind != IX_NODE_OR)
		return fill_slowly(w, bits, it, low, high);
	for (uint32_t i = 0; !rc && i < it->active; i++)
		rc = ix_window_fill(w, bits, it->children[i], low, high);
	ix_iter_or_refresh(it);
	return rc;
}

/* Hand the window's documents on in order, and clear it. */
static int drain(struct ix_run *s, uint32_t essential, uint32_t low)
{
	struct ix_window *w = s->window;
	int rc = 0;

	for (uint32_t i = 0; i < IX_WINDOW_DOCS / 64; i++) {
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

static int walk_several(struct ix_run *s, uint32_t essential, uint32_t high)
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
		end = high - low > IX_WINDOW_DOCS ? low + IX_WINDOW_DOCS : high;
		for (uint32_t i = essential; i < s->lane_count; i++) {
			rc = ix_window_fill(s->window, s->window->bits,
					    s->lanes[i].it, low, end);
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
static int next_window(struct ix_run *s, uint32_t *lowp)
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
		if (!ix_run_pruning(s))
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
static int choose_window(struct ix_run *s, uint32_t low, uint32_t *highp,
			 uint32_t *essentialp)
{
	int rc;

	if (!ix_run_pruning(s)) {
		*essentialp = 0;
		*highp = s->doc_count - low > IX_WINDOW_DOCS
				 ? low + IX_WINDOW_DOCS
				 : s->doc_count;
		return 0;
	}
	rc = window_end(s, low, *essentialp < s->lane_count ? *essentialp : 0,
			highp);
	return rc ? rc : partition(s, low, *highp, essentialp);
}

int ix_run_windows(struct ix_run *s)
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
