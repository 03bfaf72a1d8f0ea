/* SPDX-License-Identifier: MIT */
/*
 * register: a complete file becomes a segment, exactly once.
 *
 *  1. verify it (every byte), sync its data
 *  2. plan under the lock: what its leaves mean (below), take the keys
 *  3. link it to segments/<seq>.seg; the commit syncs that directory first,
 *     so no durable edit names a file whose name is not durable (S-04)
 *  4. commit: now it is durable and visible
 *  5. unlink it where it was. A crash before 4 leaves an orphan in segments/,
 *     which is swept, and the file where it was, which is registered again; a
 *     crash after 4 leaves a file all of whose leaves are live, which is
 *     recognised and removed. Edits that take names away sync pending/ first,
 *     so that a removed name cannot come back this way.
 *
 * What the leaves mean:
 *
 *	none live                   a new segment
 *	all live, same id           one more name of that segment
 *	all live, inside others     the name is remembered as delivered
 *	all of whole segments,      it takes the place of these segments
 *	and more
 *	some of a segment           refused: -IX_EOVERLAP
 *
 * A segment whose file is missing or damaged does not make a delivery
 * superfluous: one that covers it takes its place, another is refused.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/index/internal.h"
#include "core/segment/verify.h"

#define COPY_CHUNK ((size_t)1 << 20)

/* ---- files ---- */

static int copy_bytes(struct ix_file *from, struct ix_file *to, uint64_t size)
{
	uint8_t *chunk;
	int rc = ix_file_copy_range(from, 0, to, 0, size);

	if (rc != -EOPNOTSUPP)
		return rc;
	chunk = ix_malloc(COPY_CHUNK);
	if (!chunk)
		return -ENOMEM;
	rc = 0;
	for (uint64_t at = 0; at < size && !rc;) {
		ssize_t n = ix_file_read(from, chunk, COPY_CHUNK, at);

		if (n <= 0) {
			rc = n ? (int)n : -EIO; /* shorter than it was */
			break;
		}
		rc = ix_file_write(to, chunk, (size_t)n, at);
		at += (uint64_t)n;
	}
	ix_free(chunk);
	return rc;
}

int ix_copy_file(struct ix_index *ix, const char *from, const char *to)
{
	struct ix_file *in = NULL, *out = NULL;
	struct ix_stat st;
	int rc;

	rc = ix_vfs_open(ix->vfs, from, IX_OPEN_READ, &in);
	if (!rc)
		rc = ix_file_stat(in, &st);
	if (!rc)
		rc = ix_vfs_open(ix->vfs, to,
				 IX_OPEN_WRITE | IX_OPEN_CREATE | IX_OPEN_EXCL,
				 &out);
	if (rc)
		goto out;
	rc = copy_bytes(in, out, st.size);
	if (!rc)
		rc = ix_file_sync(out);
	if (rc)
		(void)ix_vfs_unlink(ix->vfs, to);
out:
	ix_file_close(in);
	ix_file_close(out);
	return rc;
}

int ix_link_or_copy(struct ix_index *ix, const char *from, const char *to,
		    int *copiedp)
{
	int rc = ix_vfs_link(ix->vfs, from, to);

	*copiedp = 0;
	if (rc == -EPERM || rc == -EOPNOTSUPP || rc == -EMLINK ||
	    rc == -EXDEV) {
		*copiedp = 1;
		rc = ix_copy_file(ix, from, to);
	}
	if (rc)
		return ix_fail(rc, "%s: cannot put it at %s: %s", from, to,
			       ix_err_name(rc));
	return 0;
}

/* ---- planning ---- */

struct plan {
	const struct ix_registration *r;
	const struct ix_segment_info *info;
	uint64_t bytes;
	struct ix_seq_claim seq; /* for a new segment */
	uint64_t registration;   /* 0 until given */
	unsigned flags;          /* IX_EDIT_REPLACE */
	struct ix_register_result result;

	/* Set for each attempt: */
	uint64_t *hosts; /* owned: segments with a leaf of ours, ascending */
	size_t host_count;
	uint64_t live_leaves;        /* leaves of ours that are live */
	uint64_t host_leaves;        /* leaves the hosts have in all */
	uint64_t lowest;             /* registration among hosts */
	const struct ix_seg *same;   /* the live segment of our id */
	const struct ix_seg *broken; /* a host that cannot be read */
	const struct ix_seg *victim;
};

static int compare_seqs(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Which live segments hold leaves of ours? The victim of a replacement does
 * not count: it goes. */
static int find_hosts(struct ix_index *ix, struct plan *p)
{
	const struct ix_trailer *t = &p->info->trailer;
	size_t n = 0;

	ix_free(p->hosts);
	p->live_leaves = p->host_leaves = 0;
	p->host_count = 0;
	p->lowest = UINT64_MAX;
	p->same = p->broken = NULL;
	p->hosts = ix_calloc(t->lineage_count, sizeof(*p->hosts));
	if (!p->hosts)
		return -ENOMEM;
	for (uint32_t i = 0; i < t->lineage_count; i++) {
		struct ix_leaf *l =
			ix_state_leaf(&ix->state, p->info->lineage + i);

		if (!l || l->seg == p->victim)
			continue;
		p->live_leaves++;
		p->hosts[n++] = l->seg->seq;
	}
	qsort(p->hosts, n, sizeof(*p->hosts), compare_seqs);
	for (size_t i = 0; i < n; i++) {
		const struct ix_seg *g;

		if (i && p->hosts[i] == p->hosts[i - 1])
			continue;
		g = ix_state_seg(&ix->state, p->hosts[i]);
		p->hosts[p->host_count++] = g->seq;
		p->host_leaves += g->leaf_count;
		if (g->meta.registration < p->lowest)
			p->lowest = g->meta.registration;
		if (ix_id_equal(&g->meta.id, &t->id))
			p->same = g;
		if (g->missing || g->quarantine)
			p->broken = g;
	}
	return 0;
}

static int add_keys(struct plan *p, struct ix_op *op, const struct ix_name *n)
{
	const struct ix_trailer *t = &p->info->trailer;
	int rc = ix_keyset_name(&op->keys, p->r->name);

	if (!rc)
		rc = ix_keyset_leaf(&op->keys, &t->id);
	for (uint32_t i = 0; i < t->lineage_count && !rc; i++)
		rc = ix_keyset_leaf(&op->keys, p->info->lineage + i);
	for (size_t i = 0; i < p->host_count && !rc; i++)
		rc = ix_keyset_seq(&op->keys, p->hosts[i]);
	for (size_t i = 0; n && i < n->host_count && !rc; i++)
		rc = ix_keyset_seq(&op->keys, n->host[i].seg->seq);
	return rc;
}

static int name_taken(const struct plan *p, const struct ix_name *n)
{
	return ix_fail(
		-IX_EEXISTS,
		n->kind == IX_NAME_LIVE
			? "%s: the name is taken by another segment; "
			  "remove it first or use another name"
			: "%s: another segment was delivered under this "
			  "name and lives on inside a merge; use another "
			  "name",
		p->r->name);
}

static void fill_meta(const struct plan *p, struct ix_edit *e)
{
	const struct ix_trailer *t = &p->info->trailer;

	e->meta.id = t->id;
	e->meta.bytes = p->bytes;
	e->meta.mtime_ns = p->r->mtime_ns;
	e->meta.doc_count = t->doc_count;
	e->meta.generation = t->generation;
	e->meta.uid = p->r->uid;
	e->meta.gid = p->r->gid;
}

static int plan_name(struct plan *p, struct ix_op *op, const struct ix_name *n)
{
	p->result.outcome = IX_REGISTERED_NAME;
	p->result.seq = p->same->seq;
	if (n && n->kind == IX_NAME_LIVE && n->host[0].seg == p->same)
		return 1; /* it has it */
	op->edit.type = IX_EDIT_ADD_NAME;
	op->edit.seq = p->same->seq;
	return 0;
}

static int plan_delivered(struct ix_index *ix, struct plan *p, struct ix_op *op,
			  const struct ix_name *n)
{
	struct ix_id *leaves;
	int rc;

	p->result.outcome = IX_REGISTERED_DELIVERED;
	p->result.seq = 0;
	if (n && n->kind == IX_NAME_LIVE)
		return name_taken(p, n);
	if (n)
		return 1; /* the same content, known already */
	leaves = ix_calloc(p->host_count, sizeof(*leaves));
	if (!leaves)
		return -ENOMEM;
	for (size_t i = 0; i < p->host_count; i++)
		leaves[i] = ix_state_seg(&ix->state, p->hosts[i])
				    ->leaves->leaf[0]
				    .id;
	op->edit.type = IX_EDIT_DELIVER;
	rc = ix_edit_set_leaves(&op->edit, leaves, p->host_count);
	ix_free(leaves);
	return rc;
}

static int plan_add(struct ix_index *ix, struct plan *p, struct ix_op *op)
{
	const struct ix_trailer *t = &p->info->trailer;
	const struct ix_seg *twin = ix_state_id(&ix->state, &t->id);
	int rc;

	/* The same id is the same leaves, but in a forged file. */
	if (twin && twin != p->victim && twin != p->same)
		return ix_fail(-IX_ECORRUPT,
			       "%s: its id is that of a live segment which was "
			       "merged from others",
			       p->r->name);
	if (p->live_leaves != p->host_leaves)
		return ix_fail(-IX_EOVERLAP,
			       "%s: %" PRIu64 " of the %u segments it was "
			       "merged from are in the index, together with "
			       "others that it lacks; nothing was added",
			       p->r->name, p->live_leaves, t->lineage_count);
	p->result.outcome =
		p->host_count ? IX_REGISTERED_REPLACED : IX_REGISTERED;
	p->result.seq = p->seq.seq;
	op->edit.type = IX_EDIT_ADD;
	op->edit.seq = p->seq.seq;
	if (!p->registration)
		p->registration = ix->state.next_registration++;
	op->edit.meta.registration =
		p->host_count ? p->lowest : p->registration;
	rc = ix_edit_set_sources(&op->edit, p->hosts, p->host_count);
	return rc ? rc
		  : ix_edit_set_leaves(&op->edit, p->info->lineage,
				       t->lineage_count);
}

/* This may be the only good copy of what a live segment has lost. */
static int plan_repair(struct ix_index *ix, struct plan *p, struct ix_op *op,
		       const struct ix_name *n)
{
	const struct ix_seg *g = p->broken;

	if (p->live_leaves != p->host_leaves)
		return ix_fail(-IX_EOVERLAP,
			       "%s: is part of segment %" PRIu64
			       ", whose file is %s: put that back or remove it "
			       "first; nothing was added",
			       p->r->name, g->seq,
			       g->missing ? "missing" : "damaged");
	/* The name of one that it replaces is free. */
	for (size_t i = 0; n && i < p->host_count; i++)
		if (n->kind == IX_NAME_LIVE &&
		    n->host[0].seg->seq == p->hosts[i])
			op->edit.flags |= IX_EDIT_REPLACE;
	return plan_add(ix, p, op);
}

static int plan_register(struct ix_index *ix, struct ix_op *op, void *ctx)
{
	struct plan *p = ctx;
	const struct ix_trailer *t = &p->info->trailer;
	const struct ix_name *n = ix_state_name(&ix->state, p->r->name);
	int replace = (p->flags & IX_EDIT_REPLACE) != 0, rc;

	p->victim = NULL;
	if (n && n->kind == IX_NAME_LIVE) {
		const struct ix_seg *g = n->host[0].seg;

		if (!replace && !ix_id_equal(&g->meta.id, &t->id))
			return name_taken(p, n);
		if (replace && g->name_count == 1 &&
		    !ix_id_equal(&g->meta.id, &t->id))
			p->victim = g;
	} else if (n && !ix_id_equal(&n->id, &t->id)) {
		return name_taken(p, n);
	}
	rc = find_hosts(ix, p);
	if (!rc)
		rc = add_keys(p, op, n);
	if (!rc)
		rc = ix_edit_add_name(&op->edit, p->r->name);
	if (rc)
		return rc;
	fill_meta(p, &op->edit);
	op->edit.flags = p->flags;
	if (p->broken)
		return plan_repair(ix, p, op, n);
	if (p->same)
		return plan_name(p, op, n);
	if (p->live_leaves == t->lineage_count) {
		op->edit.flags = 0;
		return plan_delivered(ix, p, op, n);
	}
	return plan_add(ix, p, op);
}

/* ---- carrying out ---- */

/* The name that the file had goes next, and with it what its owner may know to
 * be durable: so that the edit must be, even in lazy mode. */
static unsigned commit_flags(const struct plan *p)
{
	return IX_COMMIT_SYNC | (p->flags ? IX_COMMIT_PENDING : 0);
}

static int commit_add(struct ix_index *ix, struct plan *p, struct ix_op *op)
{
	char path[IX_SEQ_PATH_MAX];
	int rc, copied;

	ix_seq_path(p->seq.seq, 0, path);
	rc = ix_link_or_copy(ix, p->r->path, path, &copied);
	if (rc)
		return rc;
	ix_sync_point(ix, "register:linked");
	rc = ix_commit(ix, op, IX_COMMIT_SEGMENTS | commit_flags(p));
	/* Unless the edit may come up again after a crash. */
	if (rc && rc != -IX_EDEGRADED)
		(void)ix_vfs_unlink(ix->vfs, path);
	return rc;
}

/* The data is the index's now: the old name must go. */
static void unlink_source(struct ix_index *ix, const char *path, uint64_t ino)
{
	int rc = ix_vfs_unlink(ix->vfs, path);

	atomic_store(&ix->commit.pending_changed, 1);
	if (!rc || rc == -ENOENT)
		return;
	ix_log_warn("%s: registered, but cannot be removed: %s; will try again",
		    path, ix_err_name(rc));
	ix_tracker_leftover(ix, path, ino);
}

static void tell(struct ix_index *ix, const struct plan *p,
		 const struct ix_op *op)
{
	static const char *const outcomes[] = {
		[IX_REGISTERED] = "new",
		[IX_REGISTERED_NAME] = "name",
		[IX_REGISTERED_DELIVERED] = "delivered",
		[IX_REGISTERED_REPLACED] = "replaced",
	};
	struct ix_buf b = IX_BUF_INIT;
	char hex[IX_ID_HEX + 1];

	if (!ix->o.event)
		return;
	ix_add_json_string(&b, p->r->name);
	ix_event(ix, "registered",
		 ",\"name\":%s,\"outcome\":\"%s\",\"seq\":\"%" PRIu64
		 "\",\"id\":\"%s\",\"generation\":\"%" PRIu64 "\"",
		 ix_buf_str(&b), outcomes[p->result.outcome], p->result.seq,
		 ix_id_format(&p->info->trailer.id, hex), op->edit.generation);
	ix_buf_release(&b);
}

static int verify(struct ix_index *ix, struct ix_file *f,
		  const struct ix_registration *r, struct ix_segment_info *info)
{
	struct ix_verify_options o = {
		.level = IX_VERIFY_STRUCTURE,
		.sums = r->sums,
		.index_schema = ix->schema,
	};
	int rc = ix_segment_verify(f, r->name, &o, info);

	if (rc)
		return rc;
	if (!info->trailer.lineage_count)
		return ix_fail(-IX_ECORRUPT, "%s: has no leaves", r->name);
	rc = ix_file_sync(f);
	if (rc)
		ix_fail(rc, "%s: cannot sync: %s", r->name, ix_err_name(rc));
	return rc;
}

static int register_file(struct ix_index *ix, struct plan *p,
			 const struct ix_stat *st)
{
	struct ix_op op;
	int rc = ix_seq_claim(ix, &p->seq);

	if (rc)
		return rc;
	rc = ix_op_begin(ix, &op, plan_register, p);
	if (!rc && op.edit.type == IX_EDIT_ADD)
		rc = commit_add(ix, p, &op);
	else if (!rc)
		rc = ix_commit(ix, &op, commit_flags(p));
	if (rc >= 0) {
		unlink_source(ix, p->r->path, st->ino);
		tell(ix, p, &op);
	}
	/* The keys are held until here: while this name can come back after a
	 * crash, nobody may take it away. */
	ix_op_end(ix, &op);
	ix_seq_release(ix, &p->seq);
	ix_free(p->hosts);
	return rc < 0 ? rc : 0;
}

/* The reason belongs to the file that stays: one that was refused under a name
 * that it only wanted is not pending there. */
static void note_reason(struct ix_index *ix, const struct ix_registration *r,
			int rc)
{
	const size_t n = sizeof(IX_PENDING_DIR "/") - 1;

	if (!rc)
		ix_index_pending_set(ix, r->name, NULL);
	else if (!strncmp(r->path, IX_PENDING_DIR "/", n) &&
		 !strcmp(r->path + n, r->name))
		ix_index_pending_set(ix, r->name, ix_fail_text());
}

int ix_index_register(struct ix_index *ix, const struct ix_registration *r,
		      struct ix_register_result *result)
{
	struct ix_segment_info info = { 0 };
	struct plan p = { .r = r, .info = &info };
	struct ix_file *f = NULL;
	struct ix_stat st;
	int rc = ix_index_writable(ix);

	memset(result, 0, sizeof(*result));
	if (rc)
		return rc;
	if (!ix_segment_name_valid(r->name))
		return ix_fail(-EINVAL,
			       "a segment's name is UTF-8 without control "
			       "characters, ends in .seg and does not begin "
			       "with a dot");
	if (ix->o.flags & IX_INDEX_REPLACE)
		p.flags = IX_EDIT_REPLACE;
	rc = ix_vfs_open(ix->vfs, r->path, IX_OPEN_READ, &f);
	if (!rc)
		rc = ix_file_stat(f, &st);
	if (rc) {
		ix_fail(rc, "%s: cannot open: %s", r->path, ix_err_name(rc));
		goto out;
	}
	p.bytes = st.size;
	rc = verify(ix, f, r, &info);
	if (rc)
		goto out;
	rc = register_file(ix, &p, &st);
	if (!rc)
		*result = p.result;
out:
	ix_file_close(f);
	ix_segment_info_release(&info);
	note_reason(ix, r, rc);
	return rc;
}
