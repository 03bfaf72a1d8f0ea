/* SPDX-License-Identifier: MIT */
/* names: removing, renaming and withdrawing segments, and their attributes. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/index/internal.h"

static const struct ix_name *live_name(struct ix_index *ix, const char *name)
{
	const struct ix_name *n = ix_state_name(&ix->state, name);

	return n && n->kind == IX_NAME_LIVE ? n : NULL;
}

static int key_of_name(struct ix_op *op, const struct ix_name *n)
{
	int rc = ix_keyset_name(&op->keys, n->text);

	return rc ? rc : ix_keyset_seq(&op->keys, n->host[0].seg->seq);
}

static void tell_names(struct ix_index *ix, const char *what,
		       const struct ix_edit *e)
{
	struct ix_buf b = IX_BUF_INIT;

	if (!ix->o.event)
		return;
	for (size_t i = 0; i < e->name_count; i++) {
		ix_buf_add_str(&b, i ? "," : "");
		ix_add_json_string(&b, e->names[i]);
	}
	ix_event(ix, what, ",\"names\":[%s],\"generation\":\"%" PRIu64 "\"",
		 ix_buf_str(&b), e->generation);
	ix_buf_release(&b);
}

/* ---- remove ---- */

struct removal {
	const char *const *names;
	size_t n;
	int any_kind; /* merge outputs too */
	uint64_t seq; /* withdraw: the segment of names[0] */
};

static int plan_remove(struct ix_index *ix, struct ix_op *op, void *ctx)
{
	struct removal *r = ctx;
	int rc = 0;

	op->edit.type = IX_EDIT_REMOVE;
	for (size_t i = 0; i < r->n && !rc; i++) {
		const struct ix_name *n = live_name(ix, r->names[i]);
		const struct ix_seg *g = n ? n->host[0].seg : NULL;

		if (!n)
			return ix_fail(-ENOENT, "%s: no such segment",
				       r->names[i]);
		if (!r->any_kind && g->merged && g->name_count == 1)
			return ix_fail(-EPERM,
				       "%s: was made by a merge and holds "
				       "several deliveries; use the \"remove\" "
				       "action, or mount with -o rm_merged",
				       r->names[i]);
		rc = key_of_name(op, n);
		if (!rc)
			rc = ix_edit_add_name(&op->edit, n->text);
	}
	return rc;
}

static int remove_names(struct ix_index *ix, struct removal *r)
{
	struct ix_op op;
	int rc = ix_index_writable(ix);

	if (rc)
		return rc;
	if (!r->n)
		return ix_fail(-IX_EINPUT, "nothing to remove");
	rc = ix_op_begin(ix, &op, plan_remove, r);
	if (!rc)
		rc = ix_commit(ix, &op, IX_COMMIT_FREES | IX_COMMIT_PENDING);
	if (!rc)
		tell_names(ix, "removed_names", &op.edit);
	ix_op_end(ix, &op);
	return rc;
}

int ix_index_remove(struct ix_index *ix, const char *name)
{
	struct removal r = {
		.names = &name,
		.n = 1,
		.any_kind = (ix->o.flags & IX_INDEX_RM_MERGED) != 0,
	};

	return remove_names(ix, &r);
}

int ix_index_remove_names(struct ix_index *ix, const char *const *names,
			  size_t n)
{
	struct removal r = { .names = names, .n = n, .any_kind = 1 };

	/* The same name twice is one removal, not an error: all or none is
	 * about what is there. */
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < i && n <= 1000; k++)
			if (!strcmp(names[i], names[k]))
				return ix_fail(-IX_EINPUT, "%s: named twice",
					       names[i]);
	return remove_names(ix, &r);
}

/* ---- rename ---- */

struct renaming {
	const char *from;
	const char *to;
	int replace;
};

static int plan_rename(struct ix_index *ix, struct ix_op *op, void *ctx)
{
	const struct renaming *r = ctx;
	const struct ix_name *from = live_name(ix, r->from);
	const struct ix_name *to = ix_state_name(&ix->state, r->to);
	int rc;

	if (!from)
		return ix_fail(-ENOENT, "%s: no such segment", r->from);
	if (to && to->kind == IX_NAME_LIVE &&
	    to->host[0].seg == from->host[0].seg)
		return 1; /* rename(2): two names of one file, nothing to do */
	if (to && (to->kind == IX_NAME_DELIVERED || !r->replace))
		return ix_fail(-IX_EEXISTS,
			       "%s: the name means another segment", r->to);
	op->edit.type = IX_EDIT_RENAME;
	op->edit.flags = r->replace ? IX_EDIT_REPLACE : 0;
	rc = key_of_name(op, from);
	if (!rc && to)
		rc = key_of_name(op, to);
	else if (!rc)
		rc = ix_keyset_name(&op->keys, r->to);
	if (!rc)
		rc = ix_edit_add_name(&op->edit, r->from);
	if (!rc)
		rc = ix_edit_add_name(&op->edit, r->to);
	return rc;
}

int ix_index_rename(struct ix_index *ix, const char *from, const char *to)
{
	struct renaming r = { from, to, (ix->o.flags & IX_INDEX_REPLACE) != 0 };
	struct ix_op op;
	int rc = ix_index_writable(ix);

	if (rc)
		return rc;
	if (!ix_segment_name_valid(to))
		return ix_fail(-EINVAL, "%.100s: is no name for a segment", to);
	rc = ix_op_begin(ix, &op, plan_rename, &r);
	if (!rc) {
		rc = ix_commit(ix, &op, IX_COMMIT_FREES | IX_COMMIT_PENDING);
		if (!rc)
			tell_names(ix, "renamed", &op.edit);
	}
	ix_op_end(ix, &op);
	return rc < 0 ? rc : 0;
}

/* ---- withdraw ---- */

static int plan_withdraw(struct ix_index *ix, struct ix_op *op, void *ctx)
{
	struct removal *r = ctx;
	int rc = plan_remove(ix, op, ctx);

	if (!rc)
		r->seq = live_name(ix, r->names[0])->host[0].seg->seq;
	return rc;
}

/* Give `path` its own copy of the data: the segment's is still read. */
static int break_sharing(struct ix_index *ix, const char *path)
{
	char tmp[IX_NAME_MAX * 4 + 16];
	int rc, n = snprintf(tmp, sizeof(tmp), "%s.unshare", path);

	if (n < 0 || (size_t)n >= sizeof(tmp))
		return -ENAMETOOLONG;
	(void)ix_vfs_unlink(ix->vfs, tmp);
	rc = ix_copy_file(ix, path, tmp);
	if (rc)
		return rc;
	rc = ix_vfs_rename(ix->vfs, tmp, path);
	if (rc)
		(void)ix_vfs_unlink(ix->vfs, tmp);
	return rc;
}

/* Is the segment's data needed beyond this name, now or after the removal? */
static int is_shared(struct ix_index *ix, uint64_t seq, const struct ix_edit *e)
{
	const struct ix_seg *g;
	int shared;

	ix_mutex_lock(&ix->lock);
	g = ix_state_seg(&ix->state, seq);
	if (e->died_count) /* retired: unpinned it is doomed, or gone */
		shared = g && g->pins > 0;
	else
		shared = g->pins > 0 || g->name_count > 1;
	ix_mutex_unlock(&ix->lock);
	return shared;
}

/*
 * The file gets its new name first, durably, then the segment goes: a crash in
 * between leaves both, and recovery removes the new name (sweep.c). When
 * somebody else still reads the segment, or it has other names, the new name
 * gets a copy, since it may be written. A reader that came in between is
 * noticed afterwards.
 */
static int withdraw(struct ix_index *ix, struct ix_op *op, uint64_t seq,
		    const char *to_path, const char *dir)
{
	char path[IX_SEQ_PATH_MAX];
	int rc, copied = 0;

	ix_seq_path(seq, 0, path);
	if (is_shared(ix, seq, &op->edit)) {
		copied = 1;
		rc = ix_copy_file(ix, path, to_path);
	} else {
		rc = ix_link_or_copy(ix, path, to_path, &copied);
	}
	if (rc)
		return rc;
	rc = ix_vfs_sync_dir(ix->vfs, dir);
	if (!rc)
		rc = ix_commit(ix, op, IX_COMMIT_FREES | IX_COMMIT_PENDING);
	if (rc) {
		/* In doubt keep it: after a crash it may be all there is. */
		if (rc != -IX_EDEGRADED)
			(void)ix_vfs_unlink(ix->vfs, to_path);
		return rc;
	}
	if (!copied && is_shared(ix, seq, &op->edit)) {
		rc = break_sharing(ix, to_path);
		if (rc)
			ix_log_error("%s: cannot copy it away from its "
				     "readers: %s",
				     to_path, ix_err_name(rc));
	}
	return 0;
}

int ix_index_withdraw(struct ix_index *ix, const char *name,
		      const char *to_path)
{
	struct removal r = {
		.names = &name,
		.n = 1,
		.any_kind = (ix->o.flags & IX_INDEX_RM_MERGED) != 0,
	};
	char dir[IX_NAME_MAX * 4 + 1];
	int rc = ix_index_writable(ix);
	struct ix_op op;

	if (!rc)
		rc = ix_path_dir(to_path, dir, sizeof(dir));
	if (rc)
		return rc;
	rc = ix_op_begin(ix, &op, plan_withdraw, &r);
	if (!rc)
		rc = withdraw(ix, &op, r.seq, to_path, dir);
	if (!rc)
		tell_names(ix, "withdrawn", &op.edit);
	ix_op_end(ix, &op);
	return rc;
}

/* ---- attributes ---- */

struct attrs {
	uint64_t seq;
	int64_t mtime_ns;
	uint32_t uid;
	uint32_t gid;
};

static int plan_attrs(struct ix_index *ix, struct ix_op *op, void *ctx)
{
	const struct attrs *a = ctx;
	const struct ix_seg *g = ix_state_seg(&ix->state, a->seq);

	if (!g || !ix_seg_is_live(g))
		return -ESTALE;
	op->edit.type = IX_EDIT_ATTR;
	op->edit.seq = a->seq;
	op->edit.meta.mtime_ns =
		a->mtime_ns == INT64_MIN ? g->meta.mtime_ns : a->mtime_ns;
	op->edit.meta.uid = a->uid == UINT32_MAX ? g->meta.uid : a->uid;
	op->edit.meta.gid = a->gid == UINT32_MAX ? g->meta.gid : a->gid;
	if (op->edit.meta.mtime_ns == g->meta.mtime_ns &&
	    op->edit.meta.uid == g->meta.uid &&
	    op->edit.meta.gid == g->meta.gid)
		return 1;
	return ix_keyset_seq(&op->keys, a->seq);
}

int ix_index_set_attr(struct ix_index *ix, uint64_t seq, int64_t mtime_ns,
		      uint32_t uid, uint32_t gid)
{
	struct attrs a = { seq, mtime_ns, uid, gid };
	struct ix_op op;
	int rc = ix_index_writable(ix);

	if (rc)
		return rc;
	rc = ix_op_begin(ix, &op, plan_attrs, &a);
	if (!rc)
		rc = ix_commit(ix, &op, 0);
	ix_op_end(ix, &op);
	return rc < 0 ? rc : 0;
}
