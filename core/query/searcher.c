/* SPDX-License-Identifier: MIT */
#include "core/query/searcher.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/query/ast.h"

static uint64_t add_saturated(uint64_t a, uint64_t b)
{
	return a + b < a ? UINT64_MAX : a + b;
}

/* Field numbers of one segment. Segments of one index mostly have the very
 * schema of the index. */
static int map_fields(struct ix_searcher *s, size_t segment)
{
	const struct ix_schema *index = s->schema;
	const struct ix_schema *own = ix_segment_schema(s->segments[segment]);
	int32_t *map = s->field_map + segment * index->field_count;
	int same =
		own->canonical_len == index->canonical_len &&
		!memcmp(own->canonical, index->canonical, own->canonical_len);
	int rc;

	if (!same) {
		rc = ix_schema_accepts(index, own);
		if (rc)
			return ix_fail_in(rc, "%s",
					  ix_segment_name(
						  s->segments[segment]));
	}
	for (uint32_t f = 0; f < index->field_count; f++)
		map[f] = same ? (int32_t)f
			      : ix_schema_find(own, index->fields[f].name,
					       index->fields[f].name_len);
	return 0;
}

static void add_segment_stats(struct ix_searcher *s, size_t segment)
{
	const struct ix_segment *seg = s->segments[segment];
	const struct ix_lengths *lengths;
	int32_t local;

	s->doc_count += ix_segment_doc_count(seg);
	for (uint32_t f = 0; f < s->schema->field_count; f++) {
		local = ix_searcher_local(s, segment, f);
		if (local < 0 || s->schema->fields[f].type != IX_FIELD_TEXT)
			continue;
		lengths = ix_segment_lengths(seg, (uint32_t)local);
		if (!lengths)
			continue;
		s->stats[f].doc_count += lengths->docs_with_field;
		s->stats[f].total_length =
			add_saturated(s->stats[f].total_length, lengths->total);
	}
}

static int finish_stats(struct ix_searcher *s)
{
	int rc;

	for (uint32_t f = 0; f < s->schema->field_count; f++) {
		if (s->schema->fields[f].type == IX_FIELD_TEXT)
			s->stats[f].has_norms = 1;
		else
			s->stats[f].doc_count = s->doc_count;
		rc = ix_field_stats_finish(&s->stats[f]);
		if (rc)
			return rc;
	}
	return 0;
}

int ix_searcher_new(struct ix_segment *const *segments, size_t n,
		    const struct ix_schema *schema, struct ix_searcher **sp)
{
	struct ix_searcher *s;
	int rc = -ENOMEM;

	*sp = NULL;
	s = ix_calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	ix_store_cursor_init(&s->store);
	s->segment_count = n;
	s->segments = ix_calloc(n, sizeof(struct ix_segment *));
	s->schema = ix_schema_clone(schema);
	if (!s->segments || !s->schema)
		goto out;
	if (n)
		memcpy(s->segments, segments, n * sizeof(struct ix_segment *));
	s->stats = ix_calloc(s->schema->field_count, sizeof(*s->stats));
	s->field_map = ix_calloc(n, (size_t)s->schema->field_count *
					    sizeof(*s->field_map));
	if (!s->stats || !s->field_map)
		goto out;
	for (size_t i = 0; i < n; i++) {
		rc = map_fields(s, i);
		if (rc)
			goto out;
		add_segment_stats(s, i);
	}
	rc = finish_stats(s);
	if (rc)
		goto out;
	*sp = s;
	s = NULL;
out:
	ix_searcher_free(s);
	return rc;
}

void ix_searcher_free(struct ix_searcher *s)
{
	if (!s)
		return;
	for (uint32_t f = 0; s->stats && f < s->schema->field_count; f++)
		ix_field_stats_release(&s->stats[f]);
	ix_store_cursor_release(&s->store);
	ix_free(s->stats);
	ix_free(s->field_map);
	ix_free(s->segments);
	ix_schema_free(s->schema);
	ix_free(s);
}

int32_t ix_searcher_field(const struct ix_searcher *s,
			  const struct ix_query_field *f)
{
	int32_t field = ix_schema_find(s->schema, f->name, f->name_len);
	const struct ix_field *own;

	if (field < 0)
		return -1;
	own = &s->schema->fields[field];
	if (own->type != f->type || !own->indexed ||
	    (own->type == IX_FIELD_TEXT && !own->positions != !f->positions))
		return -1;
	return field;
}
