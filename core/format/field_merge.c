/* SPDX-License-Identifier: MIT */
/*
 * The terms of all sources go through a loser tree: tree[0] is the source with
 * the smallest term, tree[1..n-1] hold the losers of the matches on the way
 * up. Sources with the same term are found without playing again: whoever
 * equals the winner lost to it, directly or to one that did.
 */
#include "core/format/field_merge.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/format/list_merge.h"
#include "core/format/merge_cursor.h"

struct field_merge {
	uint32_t n;
	struct ix_merge_cursor *cursors; /* owned */
	uint32_t tree[IX_MERGE_SOURCES];
	/* First 8 bytes of each cursor's term, big-endian, zero padded: mostly
	 * all that a comparison looks at. All ones at the end. */
	uint64_t prefix[IX_MERGE_SOURCES];
	struct ix_terms_writer *terms; /* owned */
	struct ix_list_merge lists;
	struct ix_field_merge_stats *stats;
};

/* ---- the loser tree ---- */

/* Compare terms with equal prefixes, the part behind. The ended come last. */
static int compare_rest(const struct ix_merge_cursor *a,
			const struct ix_merge_cursor *b)
{
	if (a->done || b->done)
		return a->done - b->done;
	if (a->term_len <= 8 || b->term_len <= 8)
		return (a->term_len > b->term_len) -
		       (a->term_len < b->term_len);
	return ix_term_compare(a->term + 8, a->term_len - 8, b->term + 8,
			       b->term_len - 8);
}

static int is_less(const struct field_merge *m, uint32_t a, uint32_t b)
{
	int c;

	if (m->prefix[a] != m->prefix[b])
		return m->prefix[a] < m->prefix[b];
	c = compare_rest(&m->cursors[a], &m->cursors[b]);
	return c ? c < 0 : a < b;
}

static int is_equal(const struct field_merge *m, uint32_t a, uint32_t b)
{
	return m->prefix[a] == m->prefix[b] &&
	       compare_rest(&m->cursors[a], &m->cursors[b]) == 0;
}

/* Source `s` has a new term: play from its leaf to the top. Which of two
 * different prefixes is less cannot be foreseen, so that is no branch. */
static void replay(struct field_merge *m, uint32_t s)
{
	for (uint32_t node = (s + m->n) / 2; node > 0; node /= 2) {
		uint32_t other = m->tree[node];
		uint64_t a = m->prefix[s];
		uint64_t b = m->prefix[other];
		uint32_t lost;

		lost = (uint32_t) - (uint32_t)(b < a);
		if (a == b)
			lost = (uint32_t) - (uint32_t)is_less(m, other, s);
		lost &= s ^ other;
		m->tree[node] = other ^ lost;
		s ^= lost;
	}
	m->tree[0] = s;
}

/* Winner of the matches below `node`, filling in the losers. Depth: log2(n). */
static uint32_t play(struct field_merge *m, uint32_t node)
{
	uint32_t a;
	uint32_t b;

	if (node >= m->n)
		return node - m->n;
	a = play(m, 2 * node);
	b = play(m, 2 * node + 1);
	if (is_less(m, b, a)) {
		m->tree[node] = a;
		return b;
	}
	m->tree[node] = b;
	return a;
}

/* Add to the set all sources that lost to `s` below node `top` with the same
 * term, and those that lost to them. */
static void collect_equal(const struct field_merge *m, uint32_t s, uint32_t top,
			  uint64_t *setp)
{
	*setp |= (uint64_t)1 << s;
	for (uint32_t node = (s + m->n) / 2; node > top; node /= 2) {
		uint32_t loser = m->tree[node];

		if (is_equal(m, s, loser))
			collect_equal(m, loser, node, setp);
	}
}

/* ---- sources ---- */

static int blame(const struct field_merge *m, uint32_t s, int rc)
{
	const char *name = m->cursors[s].source->name;

	if (!ix_err_is_content(rc))
		return rc;
	m->stats->bad_source = s;
	if (!name)
		return rc;
	return ix_fail_in(rc, "%s", name);
}

static int advance(struct field_merge *m, uint32_t s)
{
	struct ix_merge_cursor *c = &m->cursors[s];
	int rc = ix_merge_cursor_next(c);

	if (rc < 0)
		return blame(m, s, rc);
	m->prefix[s] = rc ? ix_term_prefix(c->term, c->term_len) : UINT64_MAX;
	m->stats->terms_in += rc > 0;
	return 0;
}

static int check_sources(const struct ix_field_source *sources, uint32_t n)
{
	uint64_t min_base = 0;

	if (n < 1 || n > IX_MERGE_SOURCES)
		return ix_fail(-EINVAL, "field merge: %u sources", n);
	for (uint32_t i = 0; i < n; i++) {
		if (sources[i].doc_base < min_base)
			return ix_fail(-EINVAL,
				       "field merge: document ranges overlap");
		min_base = (uint64_t)sources[i].doc_base + sources[i].doc_count;
		if (min_base > IX_DOCS_MAX)
			return ix_fail(-IX_ELIMIT,
				       "merge: %llu documents, a segment can "
				       "have %u",
				       (unsigned long long)min_base,
				       IX_DOCS_MAX);
	}
	return 0;
}

/* ---- the merge ---- */

/* Merge the smallest term and move its sources on. */
static int merge_term(struct field_merge *m)
{
	struct ix_merge_cursor *group[IX_MERGE_SOURCES];
	uint32_t owners[IX_MERGE_SOURCES];
	uint64_t set = 0;
	uint32_t n = 0;
	uint32_t bad;
	int rc;

	collect_equal(m, m->tree[0], 0, &set);
	for (uint64_t left = set; left; left &= left - 1) {
		owners[n] = (uint32_t)__builtin_ctzll(left);
		group[n] = &m->cursors[owners[n]];
		n++;
	}
	rc = ix_list_merge_term(&m->lists, group, n, &bad);
	if (rc)
		return bad < n ? blame(m, owners[bad], rc) : rc;
	m->stats->terms_out++;
	/* As long as one of them has not moved on, the winner is one of them.
	 */
	for (; n > 0; n--) {
		uint32_t s = m->tree[0];

		rc = advance(m, s);
		if (rc)
			return rc;
		replay(m, s);
	}
	return 0;
}

static int merge_init(struct field_merge *m, struct ix_field_source *sources,
		      uint32_t n, enum ix_postings_codec codec,
		      const struct ix_doc_norms *norms, struct ix_terms_out out,
		      struct ix_field_merge_stats *stats)
{
	int rc;

	m->stats = stats;
	ix_list_merge_init(&m->lists, codec);
	m->lists.norms = norms;
	m->lists.stats = stats;
	m->cursors = ix_calloc(n, sizeof(*m->cursors));
	if (!m->cursors)
		return -ENOMEM;
	m->n = n;
	for (uint32_t i = 0; i < n; i++) {
		rc = ix_merge_cursor_init(&m->cursors[i], &sources[i], codec);
		if (!rc)
			rc = advance(m, i);
		if (rc)
			return rc;
	}
	m->tree[0] = n > 1 ? play(m, 1) : 0;
	rc = ix_terms_writer_new(codec, out, &m->terms);
	m->lists.terms = m->terms;
	return rc;
}

int ix_field_merge(struct ix_field_source *sources, uint32_t n,
		   enum ix_postings_codec codec,
		   const struct ix_doc_norms *norms, struct ix_terms_out out,
		   struct ix_buf *index, struct ix_field_merge_stats *stats)
{
	struct ix_field_merge_stats unused;
	struct field_merge m = { 0 };
	uint64_t term_count;
	int rc;

	if (!stats)
		stats = &unused;
	memset(stats, 0, sizeof(*stats));
	stats->bad_source = n;
	rc = check_sources(sources, n);
	if (rc)
		return rc;
	rc = merge_init(&m, sources, n, codec, norms, out, stats);
	while (!rc && !m.cursors[m.tree[0]].done)
		rc = merge_term(&m);
	if (!rc)
		rc = ix_terms_finish(m.terms, index, &term_count);

	for (uint32_t i = 0; i < m.n; i++)
		ix_merge_cursor_release(&m.cursors[i]);
	ix_free(m.cursors);
	ix_list_merge_release(&m.lists);
	ix_terms_writer_free(m.terms);
	return rc;
}
