/* SPDX-License-Identifier: MIT */
/* iter_or: disjunctions. */
#include "core/query/iter_internal.h"
#include <string.h>
#include "core/base/err.h"
#include "core/base/mem.h"

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

int ix_iter_or_seek(struct ix_iter *it, uint32_t target)
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

int ix_iter_or_open(struct ix_iter *it, const struct ix_plan *p, size_t segment)
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

int ix_iter_or_match(struct ix_iter *it)
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

uint64_t ix_iter_or_score(const struct ix_iter *it)
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

int ix_iter_or_catch_up(struct ix_iter *it, uint32_t target)
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
