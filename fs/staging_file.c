/* SPDX-License-Identifier: MIT */
#include "fs/staging.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "fs/ixfs.h"
#include "fs/segment.h"
#include "fs/unshare.h"
#include "fs/verdict.h"

/* ---- life ---- */

struct ixfs_snode *ixfs_sfile_new(void)
{
	struct ixfs_sfile *f = ix_calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->fd = -1;
	ix_page_sums_init(&f->sums);
	if (ix_mutex_init(&f->lock))
		goto out_free;
	if (ix_cond_init(&f->changed))
		goto out_lock;
	return &f->s;

out_lock:
	ix_mutex_release(&f->lock);
out_free:
	ix_free(f);
	return NULL;
}

static void sfile_free(struct ixfs *fs, struct ixfs_node *n)
{
	struct ixfs_sfile *f = ixfs_sfile_of(n);

	if (f->fd >= 0)
		close(f->fd);
	ix_free(f->reason);
	ix_page_sums_release(&f->sums);
	ix_cond_release(&f->changed);
	ix_mutex_release(&f->lock);
	ixfs_snode_release(fs, &f->s);
	ix_free(f);
}

/* ---- the descriptor ---- */

static int open_fd_locked(struct ixfs *fs, struct ixfs_sfile *f, int writable)
{
	const int flags = O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
	struct ixfs_path path;
	struct stat st;
	int fd;
	int rc;

	if (f->sealed)
		return -ESTALE;
	if (f->fd >= 0 && (f->fd_writable || !writable))
		return 0;
	rc = ixfs_tree_path_locked(fs, &f->s, NULL, &path);
	if (rc)
		return rc == -ENOENT ? -ESTALE : rc;
	fd = openat(fs->backing_fd, path.p,
		    flags | (writable ? O_RDWR : O_RDONLY));
	if (fd < 0)
		return errno == ENOENT ? -ESTALE : -errno;
	if (fstat(fd, &st)) {
		rc = -errno;
		goto out;
	}
	if (writable && (st.st_mode & IXFS_MARK_WITHDRAWN)) {
		rc = -EAGAIN;
		goto out;
	}
	/* Whoever reads through the old one may still be in the middle. */
	if (f->fd >= 0) {
		if (dup3(fd, f->fd, O_CLOEXEC) < 0)
			rc = -errno;
		goto out;
	}
	f->fd = fd;
	f->size = st.st_size;
	f->behind = 0;
	fd = -1;
out:
	if (!rc)
		f->fd_writable = writable;
	if (fd >= 0)
		close(fd);
	return rc;
}

int ixfs_sfile_open_fd(struct ixfs *fs, struct ixfs_sfile *f, int writable)
{
	int rc;

	ix_mutex_lock(&fs->tree->lock);
	ix_mutex_lock(&f->lock);
	rc = open_fd_locked(fs, f, writable);
	if (!rc)
		f->opens++;
	ix_mutex_unlock(&f->lock);
	ix_mutex_unlock(&fs->tree->lock);
	return rc;
}

void ixfs_sfile_close_fd(struct ixfs_sfile *f)
{
	int fd = -1;

	ix_mutex_lock(&f->lock);
	if (--f->opens == 0) {
		fd = f->fd;
		f->fd = -1;
	}
	ix_mutex_unlock(&f->lock);
	/* The last close of a removed file gives back its space: slow. */
	if (fd >= 0)
		close(fd);
}

/* ---- attributes ---- */

static int sfile_stat(struct ixfs *fs, struct ixfs_node *n, struct stat *st)
{
	struct ixfs_sfile *f = ixfs_sfile_of(n);
	int done = 0;
	int rc = 0;

	ix_mutex_lock(&f->lock);
	if (f->fd >= 0) {
		rc = fstat(f->fd, st) ? -errno : 0;
		done = 1;
	}
	ix_mutex_unlock(&f->lock);
	if (!done)
		return ixfs_snode_stat(fs, &f->s, st);
	if (!rc)
		ixfs_snode_show(st);
	return rc;
}

/* Whether it is a file that waits for its verdict to change. */
static void reply_setattr(fuse_req_t req, struct ixfs_sfile *f, int rc)
{
	if (rc)
		ixfs_reply(req, rc);
	else
		ixfs_reply_attr(req, &f->s.node);
}

struct setattr_job {
	struct ixfs_job job;
	fuse_req_t req;
	struct ixfs_sfile *f; /* ref */
	struct stat st;
	int to_set;
};

static int set_size(struct ixfs *fs, struct ixfs_sfile *f, off_t size)
{
	int rc = ixfs_sfile_open_fd(fs, f, 1);

	if (rc == -EAGAIN) {
		rc = ixfs_unshare(fs, f);
		if (!rc)
			rc = ixfs_sfile_open_fd(fs, f, 1);
	}
	if (rc)
		return rc == -ESTALE && f->sealed ? -EPERM : rc;
	rc = ixfs_sfile_begin(f, 1);
	if (!rc) {
		rc = ixfs_sfile_truncate_begun(fs, f, size);
		ixfs_sfile_end(f);
	}
	ixfs_sfile_close_fd(f);
	return rc;
}

/* The kernel knows the segment as another node. */
static int set_attr_sealed(struct ixfs *fs, const struct ixfs_sfile *f,
			   const struct stat *st, int to_set)
{
	int rc = ixfs_segment_set_attr(fs, f->seq, st, to_set);

	ixfs_segment_touched(fs, f->seq);
	return rc;
}

static void run_setattr(struct ixfs *fs, struct ixfs_job *job)
{
	struct setattr_job *a = (struct setattr_job *)job;
	struct ixfs_sfile *f = a->f;
	int rc = 0;

	ixfs_sfile_wait_thawed(f);
	if (a->to_set & FUSE_SET_ATTR_SIZE)
		rc = set_size(fs, f, a->st.st_size);
	if (!rc && f->sealed)
		rc = set_attr_sealed(fs, f, &a->st, a->to_set);
	else if (!rc)
		rc = ixfs_snode_setattr(fs, &f->s, &a->st, a->to_set);
	reply_setattr(a->req, f, rc);
	ixfs_node_unref(fs->inodes, &f->s.node);
	ix_free(a);
}

static void sfile_setattr(fuse_req_t req, struct ixfs_node *n,
			  const struct stat *st, int to_set)
{
	struct ixfs *fs = ixfs_of(req);
	struct setattr_job *a = ix_calloc(1, sizeof(*a));

	if (!a) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	a->job.run = run_setattr;
	a->req = req;
	a->f = ixfs_sfile_of(n);
	ixfs_node_ref(fs->inodes, n);
	a->st = *st;
	a->to_set = to_set;
	ixfs_jobs_submit(fs->jobs, &a->job);
}

/* user.ixfs.status: why the file was not registered, under its final name or
 * under the one that a refused rename would have given it. */
static void sfile_getxattr(fuse_req_t req, struct ixfs_node *n,
			   const char *name, size_t size)
{
	struct ixfs *fs = ixfs_of(req);
	struct ixfs_sfile *f = ixfs_sfile_of(n);
	char pending[IX_NAME_MAX + 1] = "";
	char text[IX_FAIL_TEXT_MAX] = "";

	if (strcmp(name, "user.ixfs.status") != 0) {
		fuse_reply_err(req, ENODATA);
		return;
	}
	ix_mutex_lock(&fs->tree->lock);
	if (ixfs_tree_is_final_locked(fs, &f->s))
		memcpy(pending, f->s.name, strlen(f->s.name) + 1);
	ix_mutex_unlock(&fs->tree->lock);
	ix_mutex_lock(&f->lock);
	if (f->reason)
		snprintf(text, sizeof(text), "%s", f->reason);
	ix_mutex_unlock(&f->lock);
	if (!pending[0] && !text[0]) {
		fuse_reply_err(req, ENODATA);
		return;
	}
	if (!text[0])
		ix_index_pending_status(fs->index, pending, text, sizeof(text));
	if (!text[0])
		memcpy(text, "pending", sizeof("pending"));
	ixfs_reply_xattr(req, text, strlen(text), size);
}

/* ---- handles ---- */

static void shandle_free(struct ixfs_handle *h)
{
	ix_free(h);
}

static int wants_write(int flags)
{
	return (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC);
}

int ixfs_shandle_new(fuse_req_t req, int writable, struct fuse_file_info *fi)
{
	struct ixfs_shandle *h = ix_calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->writable = writable;
	if (writable)
		h->tgid = ixfs_tgid_of(fuse_req_ctx(req)->pid);
	ixfs_handle_attach(&ixfs_of(req)->handles, &h->head, shandle_free, fi);
	/* Every read and write comes to us, in order; the kernel keeps no
	 * pages that a later verdict would have to agree with. */
	fi->direct_io = 1;
	return 0;
}

/* `may_wait`: in a job. -EAGAIN otherwise, when it would have to. */
static int open_file(fuse_req_t req, struct ixfs_sfile *f,
		     struct fuse_file_info *fi, int may_wait)
{
	struct ixfs *fs = ixfs_of(req);
	int writable = wants_write(fi->flags);
	int rc;

	rc = ixfs_sfile_open_fd(fs, f, writable);
	if (rc == -EAGAIN && may_wait) {
		rc = ixfs_unshare(fs, f);
		if (!rc)
			rc = ixfs_sfile_open_fd(fs, f, writable);
	}
	if (rc)
		return rc;
	if (fi->flags & O_TRUNC) {
		rc = ixfs_sfile_begin(f, may_wait);
		if (!rc) {
			rc = ixfs_sfile_truncate_begun(fs, f, 0);
			ixfs_sfile_end(f);
		} else if (rc == -EPERM) {
			rc = -ESTALE; /* sealed: look it up again */
		}
	}
	if (!rc)
		rc = ixfs_shandle_new(req, writable, fi);
	if (rc)
		ixfs_sfile_close_fd(f);
	return rc;
}

static void reply_open(fuse_req_t req, struct ixfs_sfile *f,
		       struct fuse_file_info *fi, int rc)
{
	struct ixfs *fs = ixfs_of(req);

	if (rc) {
		ixfs_reply(req, rc);
		return;
	}
	if (fuse_reply_open(req, fi)) {
		ixfs_handle_free(&fs->handles, fi);
		ixfs_sfile_close_fd(f);
	}
}

struct open_job {
	struct ixfs_job job;
	fuse_req_t req;
	struct ixfs_sfile *f; /* ref */
	struct fuse_file_info fi;
};

static void run_open(struct ixfs *fs, struct ixfs_job *job)
{
	struct open_job *o = (struct open_job *)job;

	reply_open(o->req, o->f, &o->fi, open_file(o->req, o->f, &o->fi, 1));
	ixfs_node_unref(fs->inodes, &o->f->s.node);
	ix_free(o);
}

static void sfile_open(fuse_req_t req, struct ixfs_node *n,
		       struct fuse_file_info *fi)
{
	struct ixfs *fs = ixfs_of(req);
	struct ixfs_sfile *f = ixfs_sfile_of(n);
	struct open_job *o;
	int rc = open_file(req, f, fi, 0);

	if (rc != -EAGAIN) {
		reply_open(req, f, fi, rc);
		return;
	}
	o = ix_calloc(1, sizeof(*o));
	if (!o) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	o->job.run = run_open;
	o->req = req;
	o->f = f;
	ixfs_node_ref(fs->inodes, n);
	o->fi = *fi;
	ixfs_jobs_submit(fs->jobs, &o->job);
}

static void sfile_read(fuse_req_t req, struct ixfs_node *n, size_t size,
		       off_t offset, struct fuse_file_info *fi)
{
	/* The descriptor stays open while there is a handle. */
	(void)fi;
	ixfs_reply_read(req, ixfs_sfile_of(n)->fd, size, offset);
}

static void sfile_release(fuse_req_t req, struct ixfs_node *n,
			  struct fuse_file_info *fi)
{
	/* Says nothing and decides nothing: nobody would hear it. */
	ixfs_sfile_close_fd(ixfs_sfile_of(n));
	ixfs_handle_free(&ixfs_of(req)->handles, fi);
	fuse_reply_err(req, 0);
}

/* ---- close and fsync ---- */

struct close_job {
	struct ixfs_job job;
	fuse_req_t req;
	struct ixfs_sfile *f; /* ref */
	pid_t opener;
	int writable;
	pid_t closer;
};

static void submit_close(fuse_req_t req, struct ixfs_sfile *f,
			 const struct fuse_file_info *fi,
			 void (*run)(struct ixfs *, struct ixfs_job *))
{
	struct ixfs *fs = ixfs_of(req);
	const struct ixfs_shandle *h = ixfs_handle_of(fi);
	struct close_job *c = ix_calloc(1, sizeof(*c));

	if (!c) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	c->job.run = run;
	c->req = req;
	c->f = f;
	ixfs_node_ref(fs->inodes, &f->s.node);
	c->opener = h->tgid;
	c->writable = h->writable;
	c->closer = fuse_req_ctx(req)->pid;
	ixfs_jobs_submit(fs->jobs, &c->job);
}

static void end_close(struct ixfs *fs, struct close_job *c, int rc)
{
	ixfs_reply(c->req, rc);
	ixfs_node_unref(fs->inodes, &c->f->s.node);
	ix_free(c);
}

static void run_flush(struct ixfs *fs, struct ixfs_job *job)
{
	struct close_job *c = (struct close_job *)job;
	int rc = ixfs_verdict_close(fs, c->f);

	end_close(fs, c, ixfs_verdict_tell(fs, rc, c->opener, c->closer));
}

static void sfile_flush(fuse_req_t req, struct ixfs_node *n,
			struct fuse_file_info *fi)
{
	struct ixfs *fs = ixfs_of(req);
	struct ixfs_sfile *f = ixfs_sfile_of(n);
	const struct ixfs_shandle *h = ixfs_handle_of(fi);
	int judge;

	if (!h->writable) {
		fuse_reply_err(req, 0);
		return;
	}
	ix_mutex_lock(&fs->tree->lock);
	judge = ixfs_tree_is_final_locked(fs, &f->s);
	ix_mutex_unlock(&fs->tree->lock);
	ix_mutex_lock(&f->lock);
	judge = judge && (f->dirty || f->verdict || f->frozen);
	ix_mutex_unlock(&f->lock);
	if (judge) {
		submit_close(req, f, fi, run_flush);
		return;
	}
	/* A rename will probably come, and sync: let it find little to do. */
	(void)sync_file_range(f->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	fuse_reply_err(req, 0);
}

/* An incomplete file is no error here: more may come. Then the promise is the
 * plain one of fsync. */
static void run_fsync(struct ixfs *fs, struct ixfs_job *job)
{
	struct close_job *c = (struct close_job *)job;
	int rc = c->writable ? ixfs_verdict_close(fs, c->f) : 0;

	if (rc == -IX_EINCOMPLETE)
		rc = 0;
	if (!rc && !c->f->sealed && fdatasync(c->f->fd))
		rc = -errno;
	end_close(fs, c, rc);
}

static void sfile_fsync(fuse_req_t req, struct ixfs_node *n, int datasync,
			struct fuse_file_info *fi)
{
	(void)datasync;
	submit_close(req, ixfs_sfile_of(n), fi, run_fsync);
}

const struct ixfs_ops ixfs_sfile_ops = {
	.noun = "staging file",
	.timeout = 0,
	.free = sfile_free,
	.stat = sfile_stat,
	.setattr = sfile_setattr,
	.getxattr = sfile_getxattr,
	.open = sfile_open,
	.read = sfile_read,
	.write = ixfs_sfile_write,
	.fallocate = ixfs_sfile_fallocate,
	.flush = sfile_flush,
	.fsync = sfile_fsync,
	.release = sfile_release,
};
