/* SPDX-License-Identifier: MIT */
#include "core/query/top.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"

/* < 0 when a ranks before b. */
static int compare(const void *pa, const void *pb)
{
	const struct ix_hit *a = pa, *b = pb;

	if (a->score != b->score)
		return a->score > b->score ? -1 : 1;
	if (a->tie != b->tie)
		return a->tie < b->tie ? -1 : 1;
	if (a->segment != b->segment)
		return a->segment < b->segment ? -1 : 1;
	return a->doc < b->doc ? -1 : a->doc > b->doc;
}

void ix_top_init(struct ix_top *t, uint32_t k)
{
	memset(t, 0, sizeof(*t));
	t->k = k;
	if (!k)
		t->threshold = UINT64_MAX;
}

void ix_top_release(struct ix_top *t)
{
	ix_free(t->hits);
	memset(t, 0, sizeof(*t));
}

static void sift_up(struct ix_hit *h, size_t i)
{
	struct ix_hit hit = h[i];

	while (i > 0 && compare(&h[(i - 1) / 2], &hit) < 0) {
		h[i] = h[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	h[i] = hit;
}

static void sift_down(struct ix_hit *h, size_t n, size_t i)
{
	struct ix_hit hit = h[i];

	for (;;) {
		size_t c = 2 * i + 1;

		if (c >= n)
			break;
		if (c + 1 < n && compare(&h[c], &h[c + 1]) < 0)
			c++;
		if (compare(&hit, &h[c]) >= 0)
			break;
		h[i] = h[c];
		i = c;
	}
	h[i] = hit;
}

int ix_top_add(struct ix_top *t, const struct ix_hit *hit)
{
	if (!t->k)
		return 0;
	if (t->count == t->k) {
		if (compare(hit, &t->hits[0]) >= 0)
			return 0;
		t->hits[0] = *hit;
		sift_down(t->hits, t->count, 0);
		t->threshold = t->hits[0].score;
		return 0;
	}
	if (ix_grow(&t->hits, &t->cap, t->count + 1, sizeof(*t->hits)))
		return -ENOMEM;
	t->hits[t->count++] = *hit;
	sift_up(t->hits, t->count - 1);
	if (t->count == t->k)
		t->threshold = t->hits[0].score;
	return 0;
}

struct ix_hit *ix_top_finish(struct ix_top *t, uint32_t *countp)
{
	struct ix_hit *hits = t->hits;

	if (t->count)
		qsort(hits, t->count, sizeof(*hits), compare);
	*countp = (uint32_t)t->count;
	t->hits = NULL;
	ix_top_release(t);
	return hits;
}
