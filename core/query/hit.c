/* SPDX-License-Identifier: MIT */
/* hit: one hit as a line of JSON. */
#include <inttypes.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/utf8.h"
#include "core/query/iter.h"

/* The value of the key field, as a JSON string. 1, or 0 if there is none. */
static int add_key(const struct ix_searcher *s, const struct ix_hit *hit,
		   struct ix_buf *out)
{
	const struct ix_segment *seg = s->segments[hit->segment];
	const struct ix_column *column;
	uint32_t doc, first, n;
	const uint8_t *value;
	int32_t field;
	size_t len;

	if (s->schema->key < 0)
		return 0;
	field = ix_searcher_local(s, hit->segment, (uint32_t)s->schema->key);
	if (field < 0)
		return 0;
	column = ix_segment_column(seg, (uint32_t)field, hit->doc, &doc);
	if (!column || column->codec == IX_COLUMN_U64)
		return 0;
	ix_column_values(column, doc, &first, &n);
	if (!n)
		return 0;
	value = ix_column_bytes(column, first, &len);
	if (!value || !ix_utf8_valid((const char *)value, len))
		return 0;
	ix_buf_add_json(out, (const char *)value, len);
	return 1;
}

/* A record is handed on as it is; what would break the line, or the reader of
 * the line, is damage. */
static int check_record(const uint8_t *r, size_t n)
{
	if (n < 2 || r[0] != '{' || r[n - 1] != '}' ||
	    !ix_utf8_valid((const char *)r, n))
		return 0;
	for (size_t i = 0; i < n; i++)
		if (r[i] < 0x20)
			return 0;
	return 1;
}

static int add_fields(struct ix_searcher *s, const struct ix_hit *hit,
		      struct ix_buf *out)
{
	const struct ix_segment *seg = s->segments[hit->segment];
	const uint8_t *record;
	size_t n;
	int rc;

	rc = ix_segment_record(seg, &s->store, hit->doc, &record, &n);
	if (rc)
		return rc;
	if (!check_record(record, n))
		return ix_fail(-IX_ECORRUPT,
			       "%s: the stored record of document %" PRIu32
			       " is not a JSON object on one line",
			       ix_segment_name(seg), hit->doc);
	ix_buf_add_str(out, ",\"fields\":");
	ix_buf_add(out, record, n);
	return 0;
}

/* ---- explain ---- */

struct explain {
	const struct ix_plan *plan;
	struct ix_buf *out;
	const char *glue;
};

static void explain_leaf(void *ctx, struct ix_iter *leaf)
{
	struct explain *e = ctx;
	const struct ix_query *q = e->plan->q;
	const struct ix_node *n = leaf->node;
	const struct ix_query_term *t = &q->terms[n->first];
	uint32_t freq, length;
	uint64_t score = ix_iter_leaf_score(leaf, &freq, &length);

	ix_buf_addf(e->out, "%s{\"field\":\"", e->glue);
	e->glue = ",";
	ix_buf_add_json(e->out, q->fields[t->field].name,
			q->fields[t->field].name_len);
	ix_buf_add_str(e->out, "\",\"words\":[");
	for (uint32_t i = 0; i < n->count; i++) {
		ix_buf_addf(e->out, "%s{\"term\":\"", i ? "," : "");
		ix_buf_add_json(e->out, t[i].text, t[i].len);
		ix_buf_addf(e->out, "\",\"df\":\"%" PRIu64 "\"}",
			    e->plan->dfs[n->first + i]);
	}
	ix_buf_addf(e->out, "],\"tf\":%" PRIu32, freq);
	if (leaf->lengths)
		ix_buf_addf(e->out, ",\"length\":%" PRIu32, length);
	ix_buf_addf(e->out, ",\"contribution\":\"%" PRIu64 "\"}", score);
}

/* Walk the query to the document of the hit once more. */
static int add_explanation(struct ix_searcher *s, const struct ix_query *q,
			   const struct ix_hit *hit, struct ix_buf *out)
{
	const struct ix_segment *seg = s->segments[hit->segment];
	struct explain e = { .out = out, .glue = "" };
	struct ix_iter *it = NULL;
	struct ix_plan plan;
	int rc;

	ix_buf_add_str(out, ",\"segment\":\"");
	ix_buf_add_json(out, ix_segment_name(seg),
			strlen(ix_segment_name(seg)));
	ix_buf_addf(out, "\",\"doc\":%" PRIu32 ",\"terms\":[", hit->doc);
	rc = ix_plan_init(&plan, s, q);
	if (!rc)
		rc = ix_iter_new(&plan, &it);
	if (!rc)
		rc = ix_iter_open(it, &plan, hit->segment);
	if (!rc)
		rc = ix_iter_seek(it, hit->doc);
	if (rc)
		goto out;
	rc = it->doc == hit->doc ? ix_iter_match(it) : 0;
	if (rc > 0) {
		e.plan = &plan;
		ix_iter_each_leaf(it, explain_leaf, &e);
		rc = 0;
	} else if (!rc) {
		rc = ix_fail(-EINVAL,
			     "%s: document %" PRIu32 " is no hit of this query",
			     ix_segment_name(seg), hit->doc);
	}
	ix_buf_add_u8(out, ']');
out:
	ix_iter_free(it);
	ix_plan_release(&plan);
	return rc;
}

int ix_hit_json(struct ix_searcher *s, const struct ix_query *q,
		const struct ix_hit *hit, uint32_t rank, int explain,
		struct ix_buf *out)
{
	size_t start = out->len;
	int rc;

	if (hit->segment >= s->segment_count ||
	    hit->doc >= ix_segment_doc_count(s->segments[hit->segment]))
		return ix_fail(-EINVAL, "a hit of another searcher");
	ix_buf_addf(out,
		    "{\"rank\":%" PRIu32 ",\"score\":\"%" PRIu64 "\",\"id\":\"",
		    rank, hit->score);
	if (!add_key(s, hit, out))
		ix_buf_addf(out, "%016" PRIx64, hit->tie);
	ix_buf_add_u8(out, '"');
	rc = add_fields(s, hit, out);
	if (!rc && explain)
		rc = add_explanation(s, q, hit, out);
	ix_buf_add_u8(out, '}');
	if (!rc)
		rc = ix_buf_error(out);
	if (rc)
		out->len = start; /* no half lines */
	return rc;
}
