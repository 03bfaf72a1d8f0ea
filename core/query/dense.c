/* SPDX-License-Identifier: MIT */
/*
 * dense: the AND of frequent terms, by windows.
 *
 * Where lists are about equally long, leapfrogging stops at nearly every
 * document and mispredicts each time. Here every list is decoded and scored
 * straight through into a window, and the matches are what the lists' bitmaps
 * have in common: several times as fast.
 */
#include "core/query/run.h"

#include <string.h>

#define WORST_RATIO 5u   /* average list to shortest, at most */
#define MIN_DENSITY 128u /* one document in so many, at least */

/* A term, or an OR of terms: what ix_window_fill does best. */
static int is_flat(const struct ix_iter *it)
{
	if (it->kind == IX_NODE_TERM)
		return 1;
	if (it->kind != IX_NODE_OR)
		return 0;
	for (uint32_t i = 0; i < it->active; i++)
		if (it->children[i]->kind != IX_NODE_TERM)
			return 0;
	return 1;
}

int ix_run_is_dense(const struct ix_run *s)
{
	const struct ix_iter *root = s->root;
	uint64_t sum = 0;

	if (root->kind != IX_NODE_AND ||
	    root->cost < s->doc_count / MIN_DENSITY)
		return 0;
	for (uint32_t i = 0; i < root->child_count; i++) {
		sum += root->children[i]->cost;
		if (!is_flat(root->children[i]))
			return 0;
	}
	return sum / root->child_count <= WORST_RATIO * root->cost;
}

static uint32_t words(uint32_t low, uint32_t high)
{
	return (high - low + 63) / 64;
}

/* Fill the window's scores from all children, and leave in its bits the
 * documents that all of them have. */
static int intersect(struct ix_run *s, uint32_t low, uint32_t high)
{
	uint64_t bits[IX_WINDOW_DOCS / 64], *all = s->window->bits, any = 1;
	struct ix_iter *it;
	int rc = 0;

	for (uint32_t i = 0; any && i < s->root->child_count; i++) {
		it = s->root->children[i];
		rc = ix_iter_seek(it, low);
		if (rc)
			return rc;
		memset(bits, 0, words(low, high) * sizeof(*bits));
		rc = ix_window_fill(s->window, i ? bits : all, it, low, high);
		if (rc)
			return rc;
		any = !i;
		for (uint32_t k = 0; i && k < words(low, high); k++)
			any |= all[k] &= bits[k];
	}
	return 0;
}

/* Hand on what intersect left, and clear the window. */
static int drain(struct ix_run *s, uint32_t low, uint32_t high)
{
	struct ix_window *w = s->window;
	int rc = 0;

	for (uint32_t i = 0; i < words(low, high); i++) {
		uint64_t bits = w->bits[i];

		w->bits[i] = 0;
		s->matches += (uint32_t)__builtin_popcountll(bits);
		for (; bits && !rc; bits &= bits - 1) {
			uint32_t at = i * 64 + (uint32_t)__builtin_ctzll(bits);

			rc = ix_run_collect(s, low + at, w->scores[at]);
		}
	}
	memset(w->scores, 0, (high - low) * sizeof(*w->scores));
	return rc;
}

/* The next window with a hit in it, perhaps: 1, 0 at the end. */
static int choose(struct ix_run *s, uint32_t *lowp, uint32_t *highp)
{
	const struct ix_iter *root = s->root;
	uint32_t last = IX_NO_DOC - 1;
	int rc;

	for (uint32_t i = 0; i < root->child_count; i++)
		if (root->children[i]->doc > *lowp)
			*lowp = root->children[i]->doc;
	if (*lowp >= s->doc_count)
		return 0;
	if (ix_run_pruning(s)) {
		rc = ix_run_skip_blocks(s, lowp, &last);
		if (rc <= 0)
			return rc;
	}
	if (last - *lowp >= IX_WINDOW_DOCS)
		last = *lowp + IX_WINDOW_DOCS - 1;
	*highp = last < s->doc_count ? last + 1 : s->doc_count;
	return 1;
}

int ix_run_dense(struct ix_run *s)
{
	uint32_t low = s->root->doc, high;
	int rc;

	/* `root->doc` stays where it is: only the children are moved. */
	while ((rc = choose(s, &low, &high)) > 0) {
		rc = intersect(s, low, high);
		if (!rc)
			rc = drain(s, low, high);
		if (rc)
			return rc;
		low = high;
	}
	return rc;
}
