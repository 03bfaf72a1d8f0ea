/* SPDX-License-Identifier: MIT */
/* iter_term: the documents of one term, and bounds of their scores. */
#include "core/query/iter_internal.h"
#include <string.h>
#include "core/base/err.h"
#include "core/base/mem.h"

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
int ix_iter_term_seek(struct ix_iter *it, uint32_t target)
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

int ix_iter_term_open(struct ix_iter *it, const struct ix_plan *p,
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

int ix_iter_term_bounds(struct ix_iter *it, int level, uint32_t target,
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
