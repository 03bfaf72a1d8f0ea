/* SPDX-License-Identifier: MIT */
/*
 * merge_job: one merge, from claimed sources to a published segment.
 *
 *  1. enough space?             (what running merges will still write counts)
 *  2. open the sources          (pinned by the claim)
 *  3. merge into segments/<seq>.seg.tmp, synced
 *  4. check the output against the sources: id, documents, leaves, content sum
 *  5. rename it to segments/<seq>.seg
 *  6. commit, only if every source is still live and ours (S-16); otherwise
 *     the output is removed
 *
 * On any failure the directory is as before (S-26). Nothing of the sources is
 * touched here: publishing retires them, and the reaper removes them when the
 * commit is durable and nobody reads them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/utf8.h"
#include "core/index/internal.h"
#include "core/segment/merge.h"

#define SLACK_MAX ((uint64_t)64 << 20)

struct run {
	struct ix_index *ix;
	struct ix_job *job;
	struct ix_merge_source *sources; /* owned, files too */
	char (*names)[IX_NAME_MAX + 1];  /* owned */
	struct ix_segment_info *infos;   /* owned */
	struct ix_seg_meta meta;         /* of the output */
	struct ix_merge_result result;
	struct ix_seq_claim seq;
	char name[IX_NAME_MAX + 1];
};

static int is_canceled(void *ctx)
{
	struct run *r = ctx;

	return atomic_load(&r->job->cancel) != IX_JOB_GO;
}

static int check_space(struct ix_index *ix)
{
	struct ix_space sp;
	uint64_t need, slack;
	int rc = ix_vfs_space(ix->vfs, &sp);

	if (rc)
		return ix_fail(rc, "cannot learn the free space: %s",
			       ix_err_name(rc));
	ix_mutex_lock(&ix->lock);
	need = ix->manager.reserved_bytes;
	ix_mutex_unlock(&ix->lock);
	slack = sp.total_bytes / 100;
	if (slack > SLACK_MAX)
		slack = SLACK_MAX;
	if (sp.free_bytes < need + slack)
		return ix_fail(-ENOSPC,
			       "a merge needs %" PRIu64 " bytes and %" PRIu64
			       " in reserve, %" PRIu64 " are free",
			       need, slack, sp.free_bytes);
	return 0;
}

/* ---- sources ---- */

static void mark_missing(struct ix_index *ix, uint64_t seq)
{
	struct ix_seg *g;

	ix_mutex_lock(&ix->lock);
	g = ix_state_seg(&ix->state, seq);
	if (g)
		g->missing = 1;
	ix_touch_locked(ix);
	ix_mutex_unlock(&ix->lock);
}

static int describe_source(struct run *r, size_t i)
{
	struct ix_index *ix = r->ix;
	struct ix_index_segment s;
	struct ix_seg *g;
	int rc = 0;

	ix_mutex_lock(&ix->lock);
	g = ix_state_seg(&ix->state, r->job->seqs[i]);
	if (!ix_seg_is_live(g)) {
		rc = ix_fail(-IX_ESTALE,
			     "segment %" PRIu64 " was removed before its merge "
			     "began",
			     r->job->seqs[i]);
	} else {
		ix_seg_describe(g, NULL, &s);
		memcpy(r->names[i], s.name, sizeof(s.name));
		r->sources[i].registration = g->meta.registration;
		if (g->meta.mtime_ns > r->meta.mtime_ns || !i)
			r->meta.mtime_ns = g->meta.mtime_ns;
		if (!i) {
			r->meta.uid = g->meta.uid;
			r->meta.gid = g->meta.gid;
		}
	}
	ix_mutex_unlock(&ix->lock);
	r->sources[i].name = r->names[i];
	return rc;
}

static int open_sources(struct run *r, uint32_t *badp)
{
	char path[IX_SEQ_PATH_MAX];
	int rc = 0;

	for (size_t i = 0; i < r->job->n && !rc; i++) {
		rc = describe_source(r, i);
		if (rc)
			break;
		ix_seq_path(r->job->seqs[i], 0, path);
		rc = ix_vfs_open(r->ix->vfs, path, IX_OPEN_READ,
				 &r->sources[i].file);
		if (rc == -ENOENT)
			mark_missing(r->ix, r->job->seqs[i]);
		if (rc) {
			ix_fail(rc, "%s (%s): cannot open: %s", r->names[i],
				path, ix_err_name(rc));
			break;
		}
		rc = ix_segment_info_read(r->sources[i].file, r->names[i],
					  r->infos + i);
		if (rc)
			*badp = (uint32_t)i;
	}
	return rc;
}

/* ---- output ---- */

/* The output holds what the sources held, no more and no less. */
static int check_output(struct run *r, struct ix_file *out)
{
	struct ix_segment_info info = { 0 };
	struct ix_u128 sum = { 0, 0 };
	uint64_t docs = 0, leaves = 0;
	struct ix_stat st;
	int rc;

	rc = ix_segment_info_read(out, "output of the merge", &info);
	if (!rc)
		rc = ix_file_stat(out, &st);
	if (rc)
		goto out;
	for (size_t i = 0; i < r->job->n; i++) {
		const struct ix_trailer *t = &r->infos[i].trailer;

		docs += t->doc_count;
		leaves += t->lineage_count;
		sum = ix_u128_add(sum, t->content_sum);
	}
	if (info.trailer.doc_count != docs ||
	    info.trailer.lineage_count != leaves ||
	    !ix_u128_equal(info.trailer.content_sum, sum) ||
	    !ix_id_equal(&info.trailer.id, &r->result.id)) {
		rc = ix_fail(-IX_ELIMIT,
			     "the output of a merge does not hold what its "
			     "sources hold (%u of %" PRIu64
			     " documents); it was discarded",
			     info.trailer.doc_count, docs);
		goto out;
	}
	r->meta.id = info.trailer.id;
	r->meta.bytes = st.size;
	r->meta.doc_count = info.trailer.doc_count;
	r->meta.generation = info.trailer.generation;
out:
	ix_segment_info_release(&info);
	return rc;
}

static int build(struct run *r, const char *tmp, uint32_t *badp)
{
	struct ix_merge_options o = {
		.engine = r->ix->o.engine,
		.sync = 1,
		.canceled = is_canceled,
		.ctx = r,
	};
	struct ix_file *out = NULL;
	int rc;

	rc = ix_vfs_open(r->ix->vfs, tmp,
			 IX_OPEN_WRITE | IX_OPEN_CREATE | IX_OPEN_EXCL, &out);
	if (rc)
		return ix_fail(rc, "%s: cannot create: %s", tmp,
			       ix_err_name(rc));
	rc = ix_segment_merge(r->sources, (uint32_t)r->job->n, out, &o,
			      &r->result, badp);
	if (!rc)
		rc = check_output(r, out);
	ix_file_close(out);
	return rc;
}

/* ---- publishing ---- */

static int name_is_free(struct ix_index *ix, const struct run *r)
{
	const struct ix_name *n = ix_state_name(&ix->state, r->name);

	return !n || (n->kind == IX_NAME_DELIVERED &&
		      ix_id_equal(&n->id, &r->meta.id));
}

static int plan_publish(struct ix_index *ix, struct ix_op *op, void *ctx)
{
	struct run *r = ctx;
	struct ix_job *job = r->job;
	char hex[IX_ID_HEX + 1];
	int rc = 0;

	for (size_t i = 0; i < job->n && !rc; i++) {
		const struct ix_seg *g = ix_state_seg(&ix->state, job->seqs[i]);

		if (g->state != IX_SEG_MERGING || g->job != job->id)
			return ix_fail(-IX_ESTALE,
				       "segment %" PRIu64
				       " was removed while it was merged",
				       job->seqs[i]);
		rc = ix_keyset_seq(&op->keys, job->seqs[i]);
	}
	ix_id_format(&r->meta.id, hex);
	snprintf(r->name, sizeof(r->name), "seg_%s.seg", hex);
	if (!name_is_free(ix, r))
		snprintf(r->name, sizeof(r->name), "seg_%s-%" PRIu64 ".seg",
			 hex, job->output);
	if (!name_is_free(ix, r))
		return ix_fail(-IX_EEXISTS, "%s: the name is taken", r->name);
	op->edit.type = IX_EDIT_PUBLISH;
	op->edit.seq = job->output;
	op->edit.meta = r->meta;
	if (!rc)
		rc = ix_keyset_leaf(&op->keys, &r->meta.id);
	if (!rc)
		rc = ix_keyset_name(&op->keys, r->name);
	if (!rc)
		rc = ix_edit_add_name(&op->edit, r->name);
	return rc ? rc : ix_edit_set_sources(&op->edit, job->seqs, job->n);
}

static int publish(struct run *r, const char *tmp, const char *path)
{
	struct ix_index *ix = r->ix;
	struct ix_op op;
	int rc;

	rc = ix_vfs_rename(ix->vfs, tmp, path);
	if (rc) {
		(void)ix_vfs_unlink(ix->vfs, tmp);
		return ix_fail(rc, "%s: cannot rename: %s", tmp,
			       ix_err_name(rc));
	}
	ix_sync_point(ix, "merge:built");
	rc = ix_op_begin(ix, &op, plan_publish, r);
	if (!rc)
		rc = ix_commit(ix, &op, IX_COMMIT_SEGMENTS | IX_COMMIT_FREES);
	ix_op_end(ix, &op);
	/* In doubt the output stays: after a crash the edit may be there. */
	if (rc && rc != -IX_EDEGRADED)
		(void)ix_vfs_unlink(ix->vfs, path);
	return rc;
}

/* ---- blame ---- */

struct blame {
	uint64_t seq;
	const char *text;
};

static int plan_quarantine(struct ix_index *ix, struct ix_op *op, void *ctx)
{
	const struct blame *b = ctx;
	const struct ix_seg *g = ix_state_seg(&ix->state, b->seq);

	if (!g || !ix_seg_is_live(g) || g->quarantine)
		return 1;
	op->edit.type = IX_EDIT_QUARANTINE;
	op->edit.seq = b->seq;
	op->edit.text = ix_strdup(b->text);
	return op->edit.text ? ix_keyset_seq(&op->keys, b->seq) : -ENOMEM;
}

/* A text that was cut off inside a character is not UTF-8 any more. */
static void make_utf8(char *text)
{
	if (ix_utf8_valid(text, strlen(text)))
		return;
	for (; *text; text++)
		if ((uint8_t)*text >= 0x80)
			*text = '?';
}

/* The source is damaged: say so for ever, and leave it alone. */
static int quarantine(struct ix_index *ix, uint64_t seq)
{
	char text[IX_FAIL_TEXT_MAX];
	struct blame b = { seq, text };
	struct ix_op op;
	int rc;

	strncpy(text, ix_fail_text(), sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	make_utf8(text);
	rc = ix_op_begin(ix, &op, plan_quarantine, &b);
	if (!rc)
		rc = ix_commit(ix, &op, 0);
	ix_op_end(ix, &op);
	if (rc < 0)
		ix_log_error("segment %" PRIu64
			     " is damaged and cannot be marked so: %s",
			     seq, ix_fail_text());
	else
		ix_event(ix, "quarantined", ",\"seq\":\"%" PRIu64 "\"", seq);
	ix_fail(-IX_ECORRUPT, "%s", text);
	return rc < 0 ? rc : 0;
}

/* ---- the whole ---- */

static void run_release(struct run *r)
{
	for (size_t i = 0; i < r->job->n; i++) {
		if (r->sources)
			ix_file_close(r->sources[i].file);
		if (r->infos)
			ix_segment_info_release(r->infos + i);
	}
	ix_free(r->sources);
	ix_free(r->names);
	ix_free(r->infos);
}

static int run_init(struct run *r)
{
	size_t n = r->job->n;

	r->sources = ix_calloc(n, sizeof(*r->sources));
	r->names = ix_calloc(n, sizeof(*r->names));
	r->infos = ix_calloc(n, sizeof(*r->infos));
	return r->sources && r->names && r->infos ? 0 : -ENOMEM;
}

static int run_merge(struct run *r, uint32_t *badp)
{
	char tmp[IX_SEQ_PATH_MAX], path[IX_SEQ_PATH_MAX];
	struct ix_index *ix = r->ix;
	int rc;

	rc = check_space(ix);
	if (!rc)
		rc = open_sources(r, badp);
	if (!rc)
		rc = ix_seq_claim(ix, &r->seq);
	if (rc)
		return rc;
	r->job->output = r->seq.seq;
	ix_seq_path(r->job->output, 1, tmp);
	ix_seq_path(r->job->output, 0, path);
	rc = build(r, tmp, badp);
	if (rc) {
		(void)ix_vfs_unlink(ix->vfs, tmp);
		return rc;
	}
	/* From here on no source is to blame. */
	*badp = (uint32_t)r->job->n;
	return publish(r, tmp, path);
}

int ix_job_run(struct ix_index *ix, struct ix_job *job)
{
	struct run r = { .ix = ix, .job = job };
	uint32_t bad = (uint32_t)job->n;
	int rc = run_init(&r);

	if (!rc)
		rc = run_merge(&r, &bad);
	if (rc == -IX_ECANCELED && atomic_load(&job->cancel) == IX_JOB_STALE)
		rc = ix_fail(-IX_ESTALE, "a source was removed while it was "
					 "merged");
	if (ix_err_is_content(rc) && bad < job->n && rc != -IX_ESCHEMA)
		job->blamed = !quarantine(ix, job->seqs[bad]);
	if (!rc)
		job->bytes_out = r.meta.bytes;
	ix_seq_release(ix, &r.seq);
	run_release(&r);
	return rc;
}
