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

#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/query/run.h"

int ix_run_collect(struct ix_run *s, uint32_t doc, uint64_t score)
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

/* ---- phrase, AND ---- */

int ix_run_skip_blocks(struct ix_run *s, uint32_t *targetp, uint32_t *lastp)
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

int ix_run_scan(struct ix_run *s)
{
	struct ix_iter *it = s->root;
	uint32_t target = 0, last = 0;
	int rc, checked = 0; /* documents up to `last` may be hits */

	for (;;) {
		if (ix_run_pruning(s) && (!checked || target > last)) {
			rc = ix_run_skip_blocks(s, &target, &last);
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
			rc = ix_run_collect(s, target, ix_iter_score(it));
		}
		if (rc < 0)
			return rc;
		target++;
	}
}

/* ---- the whole ---- */

static int search_segment(struct ix_run *s, uint32_t segment)
{
	int rc;

	s->segment = segment;
	s->seg = s->plan.s->segments[segment];
	s->doc_count = ix_segment_doc_count(s->seg);
	rc = ix_iter_open(s->root, &s->plan, segment);
	if (!rc && s->root->doc != IX_NO_DOC)
		rc = s->lanes             ? ix_run_windows(s)
		     : ix_run_is_dense(s) ? ix_run_dense(s)
					  : ix_run_scan(s);
	if (rc == -ENOMEM)
		return rc;
	return rc ? ix_fail_in(rc, "%s", ix_segment_name(s->seg)) : 0;
}

static int prepare(struct ix_run *s, struct ix_searcher *searcher,
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
	if (s->root->kind != IX_NODE_OR && s->root->kind != IX_NODE_AND)
		return 0;
	s->window = ix_calloc(1, sizeof(*s->window));
	if (!s->window)
		return -ENOMEM;
	if (s->root->kind == IX_NODE_AND)
		return 0;
	s->lanes = ix_calloc(s->root->child_count, sizeof(*s->lanes));
	return s->lanes ? 0 : -ENOMEM;
}

int ix_search(struct ix_searcher *searcher, const struct ix_query *q,
	      uint32_t k, struct ix_hit **hitsp, uint32_t *countp,
	      uint64_t *matchesp)
{
	struct ix_run s = { 0 };
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
