/* SPDX-License-Identifier: MIT */
#include "core/query/plan.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"

enum ix_postings_codec ix_query_codec(const struct ix_query_field *f)
{
	if (f->type != IX_FIELD_TEXT)
		return IX_POSTINGS_DOCS;
	return f->positions ? IX_POSTINGS_POSITIONS : IX_POSTINGS_FREQS;
}

/* The dictionary of a term's field in a segment, or NULL. */
static int segment_terms(const struct ix_plan *p, size_t segment,
			 const struct ix_query_term *t,
			 const struct ix_terms **termsp)
{
	const struct ix_segment *seg = p->s->segments[segment];
	const struct ix_query_field *f = &p->q->fields[t->field];
	int32_t field = p->fields[t->field], local;

	*termsp = NULL;
	if (field < 0)
		return 0;
	local = ix_searcher_local(p->s, segment, (uint32_t)field);
	if (local < 0)
		return 0;
	*termsp = ix_segment_terms(seg, (uint32_t)local);
	if (!*termsp)
		return 0;
	if ((*termsp)->codec != ix_query_codec(f))
		return ix_fail(-IX_ECORRUPT,
			       "%s: the postings of field \"%s\" have codec "
			       "%d, not that of the field's type",
			       ix_segment_name(seg), f->name,
			       (int)(*termsp)->codec);
	if (f->type == IX_FIELD_TEXT &&
	    !ix_segment_lengths(seg, (uint32_t)local))
		return ix_fail(-IX_ECORRUPT,
			       "%s: field \"%s\" has postings but no lengths",
			       ix_segment_name(seg), f->name);
	return 0;
}

static int find_term(struct ix_plan *p, size_t segment, uint32_t term)
{
	const struct ix_query_term *t = &p->q->terms[term];
	struct ix_term_ref *ref = &p->refs[segment * p->q->term_count + term];
	const struct ix_terms *terms;
	int rc;

	if (!t->len || t->len > IX_TERM_MAX_BYTES)
		return 0; /* cannot be in a dictionary */
	rc = segment_terms(p, segment, t, &terms);
	if (rc || !terms)
		return rc;
	rc = ix_terms_find(terms, (const uint8_t *)t->text, t->len, &ref->info,
			   &ref->payload);
	if (rc < 0)
		return ix_fail_in(rc, "%s: field \"%s\"",
				  ix_segment_name(p->s->segments[segment]),
				  p->q->fields[t->field].name);
	if (rc)
		p->dfs[term] += ref->info.df;
	else
		ref->payload = NULL;
	return 0;
}

int ix_plan_init(struct ix_plan *p, struct ix_searcher *s,
		 const struct ix_query *q)
{
	int rc;

	memset(p, 0, sizeof(*p));
	p->s = s;
	p->q = q;
	p->refs = ix_calloc(s->segment_count, q->term_count * sizeof(*p->refs));
	p->dfs = ix_calloc(q->term_count, sizeof(*p->dfs));
	p->fields = ix_calloc(q->field_count, sizeof(*p->fields));
	if (!p->refs || !p->dfs || !p->fields)
		return -ENOMEM;
	for (size_t i = 0; i < q->field_count; i++)
		p->fields[i] = ix_searcher_field(s, &q->fields[i]);
	for (size_t i = 0; i < s->segment_count; i++) {
		for (uint32_t t = 0; t < q->term_count; t++) {
			rc = find_term(p, i, t);
			if (rc)
				return rc;
		}
	}
	return 0;
}

void ix_plan_release(struct ix_plan *p)
{
	ix_free(p->refs);
	ix_free(p->dfs);
	ix_free(p->fields);
	memset(p, 0, sizeof(*p));
}

double ix_plan_weight(const struct ix_plan *p, const struct ix_node *leaf)
{
	const struct ix_field_stats *stats = ix_plan_stats(p, leaf->first);
	double idf = 0;

	if (!stats)
		return 0;
	for (uint32_t i = 0; i < leaf->count; i++)
		idf += ix_idf(stats->doc_count, p->dfs[leaf->first + i]);
	return idf * (double)IX_SCORE_ONE;
}
