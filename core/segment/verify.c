/* SPDX-License-Identifier: MIT */
/*
 * Verification in levels; each rests on the one before:
 *
 *   metadata   header, trailer, root, table, schema (ix_segment_info_read)
 *   checksums  every byte of every extent
 *   structure  what readers and merges rely on without looking again
 *   content    everything decoded, and compared with what is stated about it
 */
#include "core/segment/verify.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/segment/verify_internal.h"

int ix_verify_step(struct ix_verify *v, uint64_t n)
{
	const struct ix_verify_options *o = v->options;

	v->done += n;
	if (o->progress)
		o->progress(o->ctx, v->done, v->all);
	if (o->canceled && o->canceled(o->ctx))
		return ix_fail(-IX_ECANCELED, "%s: verification cancelled",
			       v->name);
	return 0;
}

/* ---- structure ---- */

/* Walk the whole dictionary, and the directories of every list. */
static int check_terms(struct ix_verify *v, const struct ix_terms *t)
{
	struct ix_terms_cursor *c = ix_malloc(sizeof(*c));
	uint64_t terms = 0, df = 0, ttf = 0;
	struct ix_term_info info;
	const uint8_t *payload;
	int rc;

	if (!c)
		return -ENOMEM;
	ix_terms_cursor_init(c, t);
	while ((rc = ix_terms_cursor_next(c, &info, &payload)) > 0) {
		rc = ix_list_check(payload, &info, t->codec, t->doc_count, 0);
		if (rc)
			break;
		terms++;
		df += info.df;
		ttf += info.ttf;
		rc = terms % 1024 ? 0 : ix_verify_step(v, 0);
		if (rc)
			break;
	}
	ix_free(c);
	if (!rc &&
	    (terms != t->term_count || df != t->sum_df || ttf != t->sum_ttf))
		rc = ix_fail(-IX_ECORRUPT, "term index: wrong totals");
	return rc;
}

/* A field's parts agree with each other. (That they are the right ones for the
 * schema is known since its metadata was read.) */
static int check_field(struct ix_verify *v, uint32_t field)
{
	const struct ix_terms *t = ix_segment_terms(v->segment, field);
	const struct ix_lengths *l = ix_segment_lengths(v->segment, field);
	const struct ix_column *column;
	int rc = l ? ix_lengths_check(l) : 0;

	/* Field lengths count tokens, so they sum up to the occurrences. */
	if (!rc && l && l->total != (t ? t->sum_ttf : 0))
		rc = ix_fail(-IX_ECORRUPT, "lengths and postings disagree");
	for (uint32_t i = 0;
	     !rc && ix_segment_column_row(v->segment, field, i, &column); i++) {
		rc = ix_column_check(column);
		if (!rc)
			rc = ix_verify_step(v, 0);
	}
	if (!rc && t)
		rc = check_terms(v, t);
	return rc ? ix_fail_in(rc, "%s: field %s", v->name,
			       v->info.schema->fields[field].name)
		  : 0;
}

/* The checksums cover the padding too, but do not say that it is zero. */
static int check_padding(const struct ix_verify *v)
{
	uint64_t n;
	const uint8_t *data = ix_segment_data(v->segment, &n);

	for (uint32_t i = 0; i < v->info.trailer.extent_count; i++) {
		const struct ix_extent *e = &v->info.extents[i];
		uint64_t end = e->offset + ix_extent_padded(e->length);

		for (uint64_t at = e->offset + e->length; at < end; at++)
			if (data[at])
				return ix_fail(-IX_ECORRUPT,
					       "%s: padding in use at %llu",
					       v->name, (unsigned long long)at);
	}
	return 0;
}

int ix_verify_structure(struct ix_verify *v)
{
	int rc = ix_segment_open(v->file, v->name, &v->segment);

	if (!rc)
		rc = check_padding(v);
	for (uint32_t f = 0; !rc && f < v->info.schema->field_count; f++)
		rc = check_field(v, f);
	return rc;
}

/* ---- the verification ---- */

int ix_segment_verify(struct ix_file *f, const char *name,
		      const struct ix_verify_options *o,
		      struct ix_segment_info *infop)
{
	struct ix_verify v = { .file = f, .name = name, .options = o };
	int rc;

	if (infop)
		memset(infop, 0, sizeof(*infop));
	rc = ix_segment_info_read(f, name, &v.info);

	if (!rc && o->index_schema) {
		rc = ix_schema_accepts(o->index_schema, v.info.schema);
		if (rc)
			rc = ix_fail_in(rc, "%s", name);
	}
	v.all = v.info.trailer.meta_offset;
	if (o->level >= IX_VERIFY_FULL)
		v.all *= 2;
	if (!rc)
		rc = ix_verify_checksums(&v);
	if (!rc && o->level >= IX_VERIFY_STRUCTURE)
		rc = ix_verify_structure(&v);
	if (!rc && o->level >= IX_VERIFY_FULL)
		rc = ix_verify_content(&v);
	ix_segment_close(v.segment);
	if (!rc && infop) {
		*infop = v.info;
		return 0;
	}
	ix_segment_info_release(&v.info);
	return rc;
}
