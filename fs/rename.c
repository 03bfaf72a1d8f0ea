/* SPDX-License-Identifier: MIT */
#include "fs/rename.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "fs/control.h"
#include "fs/ixfs.h"
#include "fs/names.h"
#include "fs/root.h"
#include "fs/staging.h"
#include "fs/verdict.h"

/* One rename, as a job: nearly all of them sync or may have to wait. */
struct rename_job {
	struct ixfs_job job;
	fuse_req_t req;
	struct ixfs_node *from_dir; /* ref */
	struct ixfs_node *to_dir;   /* ref */
	const char *from;           /* both in `names` */
	const char *to;
	unsigned flags;
	uid_t uid; /* who asks */
	char names[];
};

/* ---- classification ---- */

/* The tree in which staging files of this directory live; NULL if none can. */
static struct ixfs_snode *tree_of(struct ixfs *fs, struct ixfs_node *dir)
{
	if (dir->ops == &ixfs_root_ops)
		return fs->tree->pending;
	return ixfs_snode_of(dir);
}

static int is_root(const struct ixfs_node *dir)
{
	return dir->ops == &ixfs_root_ops;
}

/* ---- segments ---- */

/* Drop a staging file whose name in the root was given to a segment. */
static void drop_pending(struct ixfs *fs, const char *name)
{
	ix_mutex_lock(&fs->tree->lock);
	ixfs_tree_remove_pending_locked(fs, name);
	ix_mutex_unlock(&fs->tree->lock);
	ix_index_pending_set(fs->index, name, NULL);
}

static int rename_segment(struct ixfs *fs, const struct rename_job *r)
{
	int rc;

	if (!ixfs_name_is_final(r->to))
		return -EPERM;
	if ((r->flags & RENAME_NOREPLACE) && ixfs_root_is_segment(fs, r->to))
		return -EEXIST;
	rc = ix_index_rename(fs->index, r->from, r->to);
	if (!rc)
		drop_pending(fs, r->to);
	return rc;
}

/*
 * The index leaves the file under a name of ours inside staging/; it is marked
 * before it gets the name the user wants, so that it is never to be seen
 * without the mark (staging.h). A file already there is replaced, as rename
 * does.
 */
static int withdraw(struct ixfs *fs, const struct rename_job *r)
{
	struct ixfs_snode *dir = ixfs_snode_of(r->to_dir);
	struct ixfs_path path;
	struct ixfs_snode *old = NULL;
	struct ixfs_snode *n = NULL;
	struct stat st;
	char temp[64];
	int rc;

	snprintf(temp, sizeof(temp), "staging/.ixfs-withdraw-%llx",
		 (unsigned long long)ix_now_ns());
	rc = ix_index_withdraw(fs->index, r->from, temp);
	if (rc)
		return rc;
	ix_mutex_lock(&fs->tree->lock);
	if (fstatat(fs->backing_fd, temp, &st, AT_SYMLINK_NOFOLLOW) ||
	    fchmodat(fs->backing_fd, temp,
		     (st.st_mode & 0777) | 0200 | IXFS_MARK_WITHDRAWN, 0))
		rc = -errno;
	if (!rc)
		rc = ixfs_tree_path_locked(fs, dir, r->to, &path);
	if (!rc)
		(void)ixfs_tree_lookup_locked(fs, dir, r->to, &old);
	if (!rc && renameat2(fs->backing_fd, temp, fs->backing_fd, path.p,
			     r->flags & RENAME_NOREPLACE))
		rc = -errno;
	if (!rc && old)
		ixfs_tree_gone_locked(fs, old, NULL);
	if (!rc) {
		ixfs_tree_count(fs->tree, st.st_size);
		(void)ixfs_tree_lookup_locked(fs, dir, r->to, &n);
	}
	ix_mutex_unlock(&fs->tree->lock);
	if (old)
		ixfs_node_unref(fs->inodes, &old->node);
	if (n)
		ixfs_node_unref(fs->inodes, &n->node);
	/* The kernel moves its entry, which still means the segment's node. */
	ixfs_inval_names(fs);
	return rc;
}

static int from_segment(struct ixfs *fs, const struct rename_job *r)
{
	struct ixfs_snode *to = ixfs_snode_of(r->to_dir);

	if (is_root(r->to_dir))
		return rename_segment(fs, r);
	return to ? withdraw(fs, r) : -EPERM;
}

/* ---- staging files ---- */

/* Verdicts under way on the files concerned hold the move back: -EAGAIN with a
 * reference in *busyp, or without one for a directory. */
static int may_move_locked(struct ixfs *fs, struct ixfs_snode *n,
			   struct ixfs_sfile **busyp)
{
	struct ixfs_sfile *f = ixfs_sfile_of(&n->node);
	int frozen;

	if (!f)
		return n->frozen_below ? -EAGAIN : 0;
	ix_mutex_lock(&f->lock);
	frozen = f->frozen;
	ix_mutex_unlock(&f->lock);
	if (!frozen)
		return 0;
	ixfs_node_ref(fs->inodes, &n->node);
	*busyp = f;
	return -EAGAIN;
}

static int move_locked(struct ixfs *fs, const struct rename_job *r,
		       struct ixfs_sfile **busyp)
{
	struct ixfs_snode *from_dir = tree_of(fs, r->from_dir);
	struct ixfs_snode *to_dir = tree_of(fs, r->to_dir);
	struct ixfs_path from, to;
	struct ixfs_snode *n = NULL;
	struct ixfs_snode *old = NULL;
	struct stat st;
	int rc;

	rc = ixfs_tree_lookup_locked(fs, from_dir, r->from, &n);
	if (rc)
		return rc;
	rc = ixfs_tree_lookup_locked(fs, to_dir, r->to, &old);
	if (rc == -ENOENT)
		rc = 0;
	if (!rc && n->is_dir && is_root(r->to_dir))
		rc = -EPERM;
	if (!rc)
		rc = may_move_locked(fs, n, busyp);
	if (!rc && old && old != n)
		rc = may_move_locked(fs, old, busyp);
	if (!rc)
		rc = ixfs_tree_path_locked(fs, from_dir, r->from, &from);
	if (!rc)
		rc = ixfs_tree_path_locked(fs, to_dir, r->to, &to);
	if (!rc && old &&
	    fstatat(fs->backing_fd, to.p, &st, AT_SYMLINK_NOFOLLOW))
		rc = -errno;
	if (!rc && renameat2(fs->backing_fd, from.p, fs->backing_fd, to.p,
			     r->flags & RENAME_NOREPLACE))
		rc = -errno;
	if (!rc && old && old != n) {
		ixfs_tree_gone_locked(fs, old, &st);
		if (S_ISREG(st.st_mode))
			ixfs_tree_count(fs->tree, -st.st_size);
	}
	if (!rc)
		rc = ixfs_tree_moved_locked(fs, n, to_dir, r->to);
	if (old)
		ixfs_node_unref(fs->inodes, &old->node);
	ixfs_node_unref(fs->inodes, &n->node);
	return rc;
}

static int move(struct ixfs *fs, const struct rename_job *r)
{
	struct ixfs_sfile *busy = NULL;
	int rc;

	for (;;) {
		ix_mutex_lock(&fs->tree->lock);
		rc = move_locked(fs, r, &busy);
		if (rc == -EAGAIN && !busy)
			ix_cond_wait(&fs->tree->settled, &fs->tree->lock);
		ix_mutex_unlock(&fs->tree->lock);
		if (rc != -EAGAIN)
			break;
		if (!busy)
			continue;
		ixfs_sfile_wait_thawed(busy);
		ixfs_node_unref(fs->inodes, &busy->s.node);
		busy = NULL;
	}
	/* Why it could not be registered says nothing about the new name. */
	if (!rc && is_root(r->from_dir))
		ix_index_pending_set(fs->index, r->from, NULL);
	if (!rc && is_root(r->to_dir))
		ix_index_pending_set(fs->index, r->to, NULL);
	return rc;
}

static int apply(struct ixfs *fs, const struct rename_job *r)
{
	struct ixfs_path path;
	struct ixfs_snode *n;
	struct stat st;
	int rc;

	rc = ixfs_control_allowed(fs, r->uid);
	if (rc)
		return rc;
	ix_mutex_lock(&fs->tree->lock);
	rc = ixfs_tree_path_locked(fs, tree_of(fs, r->from_dir), r->from,
				   &path);
	ix_mutex_unlock(&fs->tree->lock);
	if (!rc)
		rc = ixfs_control_apply_file(fs, path.p);
	if (rc)
		return rc;
	ix_mutex_lock(&fs->tree->lock);
	rc = ixfs_tree_lookup_locked(fs, tree_of(fs, r->from_dir), r->from, &n);
	if (!rc) {
		if (!fstatat(fs->backing_fd, path.p, &st,
			     AT_SYMLINK_NOFOLLOW) &&
		    !unlinkat(fs->backing_fd, path.p, 0))
			ixfs_tree_count(fs->tree, -st.st_size);
		ixfs_tree_gone_locked(fs, n, &st);
		ixfs_node_unref(fs->inodes, &n->node);
	}
	ix_mutex_unlock(&fs->tree->lock);
	if (is_root(r->from_dir))
		ix_index_pending_set(fs->index, r->from, NULL);
	return 0;
}

static int from_staging(struct ixfs *fs, const struct rename_job *r)
{
	if (!tree_of(fs, r->to_dir))
		return -EPERM;
	if (!is_root(r->to_dir))
		return move(fs, r);
	if (!strcmp(r->to, IXFS_NAME_CONTROL))
		return apply(fs, r);
	if (ixfs_name_is_reserved(r->to))
		return -EPERM;
	if (!ixfs_name_is_final(r->to))
		return move(fs, r);
	if ((r->flags & RENAME_NOREPLACE) && ixfs_root_is_segment(fs, r->to))
		return -EEXIST;
	return ixfs_verdict_rename(fs, tree_of(fs, r->from_dir), r->from,
				   r->to);
}

/* ---- serving ---- */

static int decide(struct ixfs *fs, const struct rename_job *r)
{
	if (is_root(r->from_dir) && ixfs_name_is_reserved(r->from))
		return -EPERM;
	if (is_root(r->to_dir) && !strcmp(r->to, IXFS_NAME_DOT))
		return -EPERM;
	if (is_root(r->from_dir) && ixfs_root_is_segment(fs, r->from))
		return from_segment(fs, r);
	if (!tree_of(fs, r->from_dir))
		return -EPERM;
	return from_staging(fs, r);
}

static void run_rename(struct ixfs *fs, struct ixfs_job *job)
{
	struct rename_job *r = (struct rename_job *)job;
	int rc = decide(fs, r);

	/* "Cannot move a directory into itself" and nothing else is EINVAL to
	 * tools; the kernel has ruled that out before us. */
	if (ix_err_errno(rc) == EINVAL)
		rc = -EBADMSG;
	ixfs_reply(r->req, rc);
	ixfs_node_unref(fs->inodes, r->from_dir);
	ixfs_node_unref(fs->inodes, r->to_dir);
	ix_free(r);
}

void ixfs_rename(fuse_req_t req, struct ixfs_node *from_dir, const char *from,
		 struct ixfs_node *to_dir, const char *to, unsigned flags)
{
	struct ixfs *fs = ixfs_of(req);
	size_t from_len = strlen(from) + 1;
	size_t to_len = strlen(to) + 1;
	struct rename_job *r;

	if (flags & ~(unsigned)RENAME_NOREPLACE) {
		fuse_reply_err(req, EOPNOTSUPP);
		return;
	}
	r = ix_malloc(sizeof(*r) + from_len + to_len);
	if (!r) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	memcpy(r->names, from, from_len);
	memcpy(r->names + from_len, to, to_len);
	r->job.run = run_rename;
	r->req = req;
	r->from_dir = ixfs_node_ref(fs->inodes, from_dir);
	r->to_dir = ixfs_node_ref(fs->inodes, to_dir);
	r->from = r->names;
	r->to = r->names + from_len;
	r->flags = flags;
	r->uid = fuse_req_ctx(req)->uid;
	ixfs_jobs_submit(fs->jobs, &r->job);
}
