/* SPDX-License-Identifier: MIT */
/* iter_and: conjunctions, and phrases, which are conjunctions whose positions
 * follow each other. */
#include "core/query/iter_internal.h"
#include <string.h>
#include "core/base/err.h"
#include "core/base/mem.h"

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
int ix_iter_and_seek(struct ix_iter *it, uint32_t target)
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

int ix_iter_and_open(struct ix_iter *it, const struct ix_plan *p,
		     size_t segment)
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
	return ix_iter_and_seek(it, 0);
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

int ix_iter_phrase_match(struct ix_iter *it)
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
