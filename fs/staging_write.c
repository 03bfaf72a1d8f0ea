/* SPDX-License-Identifier: MIT */
/*
 * staging_write: what changes the bytes of a staging file.
 *
 * Each change is begun and ended (ixfs_sfile_begin), so that a verdict can
 * wait for those under way and hold back the others: they come again from a
 * job, which may wait.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "fs/ixfs.h"
#include "fs/staging.h"

/* Ask for write-back in pieces of this size while a file is written front to
 * back: the sync of the commit then finds little left to do. */
#define BEHIND_BYTES ((int64_t)8 << 20)

struct ixfs_write {
	struct ixfs_write *next;
	uint64_t first_page;
	uint64_t last_page;
	int conflict; /* another write in flight touched one of the pages */
};

/* ---- begin and end ---- */

static int begin_locked(struct ixfs_sfile *f, int wait)
{
	while (f->frozen) {
		if (!wait)
			return -EAGAIN;
		ix_cond_wait(&f->changed, &f->lock);
	}
	if (f->sealed)
		return -EPERM;
	f->writing++;
	return 0;
}

static void end_locked(struct ixfs_sfile *f)
{
	if (--f->writing == 0)
		ix_cond_broadcast(&f->changed);
}

int ixfs_sfile_begin(struct ixfs_sfile *f, int wait)
{
	int rc;

	ix_mutex_lock(&f->lock);
	rc = begin_locked(f, wait);
	ix_mutex_unlock(&f->lock);
	return rc;
}

void ixfs_sfile_end(struct ixfs_sfile *f)
{
	ix_mutex_lock(&f->lock);
	end_locked(f);
	ix_mutex_unlock(&f->lock);
}

void ixfs_sfile_wait_thawed(struct ixfs_sfile *f)
{
	ix_mutex_lock(&f->lock);
	while (f->frozen)
		ix_cond_wait(&f->changed, &f->lock);
	ix_mutex_unlock(&f->lock);
}

/* ---- writing ---- */

/* Enter `w` among the writes under way; mark all that share a page. */
static int enter(struct ixfs_sfile *f, struct ixfs_write *w, int64_t *sizep,
		 int wait)
{
	int rc;

	ix_mutex_lock(&f->lock);
	rc = begin_locked(f, wait);
	if (!rc) {
		for (struct ixfs_write *o = f->writes; o; o = o->next) {
			if (o->first_page > w->last_page ||
			    o->last_page < w->first_page)
				continue;
			o->conflict = 1;
			w->conflict = 1;
		}
		w->next = f->writes;
		f->writes = w;
		*sizep = f->size;
	}
	ix_mutex_unlock(&f->lock);
	return rc;
}

/* `data`: what was written, NULL if the range must be taken for unknown. */
static void leave(struct ixfs *fs, struct ixfs_sfile *f, struct ixfs_write *w,
		  const char *data, size_t size, uint64_t offset, int64_t end)
{
	struct ixfs_write **p;
	int64_t grown = 0;

	ix_mutex_lock(&f->lock);
	for (p = &f->writes; *p != w; p = &(*p)->next)
		;
	*p = w->next;
	if (data && !w->conflict)
		ix_page_sums_write(&f->sums, offset, data, size);
	else
		ix_page_sums_invalidate(&f->sums, offset, size);
	f->dirty = 1;
	if (end > f->size) {
		grown = end - f->size;
		f->size = end;
	}
	end_locked(f);
	ix_mutex_unlock(&f->lock);
	ixfs_tree_count(fs->tree, grown);
}

static int write_all(int fd, const char *data, size_t size, off_t offset,
		     size_t *donep)
{
	*donep = 0;
	while (*donep < size) {
		ssize_t n = pwrite(fd, data + *donep, size - *donep,
				   offset + (off_t)*donep);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		*donep += (size_t)n;
	}
	return 0;
}

static void write_behind(struct ixfs_sfile *f, int64_t end)
{
	int64_t from = 0;
	int64_t n = 0;

	ix_mutex_lock(&f->lock);
	if (end >= f->behind + BEHIND_BYTES) {
		from = f->behind;
		n = (end - from) / BEHIND_BYTES * BEHIND_BYTES;
		f->behind += n;
	}
	ix_mutex_unlock(&f->lock);
	if (n)
		(void)sync_file_range(f->fd, from, n, SYNC_FILE_RANGE_WRITE);
}

/* Returns -EAGAIN when the file is frozen and `wait` is not set; otherwise the
 * request has been answered. */
static int write_once(fuse_req_t req, struct ixfs_sfile *f, const char *data,
		      size_t size, off_t offset, int wait)
{
	struct ixfs *fs = ixfs_of(req);
	struct ixfs_write w = {
		.first_page = (uint64_t)offset / IX_PAGE_SUMS_PAGE,
		.last_page = ((uint64_t)offset + size) / IX_PAGE_SUMS_PAGE,
	};
	int64_t old_size;
	int64_t end;
	size_t done;
	int rc;

	rc = enter(f, &w, &old_size, wait);
	if (rc == -EAGAIN)
		return rc;
	if (rc) {
		ixfs_reply(req, rc);
		return 0;
	}
	rc = write_all(f->fd, data, size, offset, &done);
	end = done ? offset + (int64_t)done : 0;
	leave(fs, f, &w, rc ? NULL : data, size, (uint64_t)offset, end);
	if (end)
		write_behind(f, end);
	/* A part that was written is told as such: the rest comes again. */
	if (done)
		fuse_reply_write(req, done);
	else
		ixfs_reply(req, rc);
	return 0;
}

struct write_job {
	struct ixfs_job job;
	fuse_req_t req;
	struct ixfs_sfile *f; /* ref */
	size_t size;
	off_t offset;
	char data[];
};

static void run_write(struct ixfs *fs, struct ixfs_job *job)
{
	struct write_job *w = (struct write_job *)job;

	(void)write_once(w->req, w->f, w->data, w->size, w->offset, 1);
	ixfs_node_unref(fs->inodes, &w->f->s.node);
	ix_free(w);
}

void ixfs_sfile_write(fuse_req_t req, struct ixfs_node *n, const char *data,
		      size_t size, off_t offset, struct fuse_file_info *fi)
{
	struct ixfs_sfile *f = ixfs_sfile_of(n);
	struct ixfs *fs = ixfs_of(req);
	struct write_job *w;

	(void)fi;
	if (offset < 0 || size == 0 ||
	    (uint64_t)offset + size > (uint64_t)INT64_MAX) {
		fuse_reply_err(req, size && offset >= 0 ? EFBIG : EINVAL);
		return;
	}
	if (write_once(req, f, data, size, offset, 0) != -EAGAIN)
		return;
	/* A verdict is under way. The data must outlive this call. */
	w = ix_malloc(sizeof(*w) + size);
	if (!w) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	w->job.run = run_write;
	w->req = req;
	w->f = f;
	ixfs_node_ref(fs->inodes, n);
	w->size = size;
	w->offset = offset;
	memcpy(w->data, data, size);
	ixfs_jobs_submit(fs->jobs, &w->job);
}

/* ---- the size ---- */

/* The size became `size`; the change that did it is still begun. */
static void resized(struct ixfs *fs, struct ixfs_sfile *f, int64_t size)
{
	int64_t delta;

	ix_mutex_lock(&f->lock);
	delta = size - f->size;
	f->size = size;
	f->dirty = 1;
	if (f->behind > size)
		f->behind = size;
	ix_mutex_unlock(&f->lock);
	ixfs_tree_count(fs->tree, delta);
}

int ixfs_sfile_truncate_begun(struct ixfs *fs, struct ixfs_sfile *f, off_t size)
{
	/* The kernel sends no write beside a truncation of the same file, but
	 * asynchronous ones may still be on their way: forget first what the
	 * cut makes wrong, in whatever order the two happen. */
	ix_mutex_lock(&f->lock);
	ix_page_sums_truncate(&f->sums, (uint64_t)size);
	for (struct ixfs_write *w = f->writes; w; w = w->next)
		w->conflict = 1;
	ix_mutex_unlock(&f->lock);
	while (ftruncate(f->fd, size))
		if (errno != EINTR)
			return -errno;
	resized(fs, f, size);
	return 0;
}

struct fallocate_job {
	struct ixfs_job job;
	fuse_req_t req;
	struct ixfs_sfile *f; /* ref */
	int mode;
	off_t offset;
	off_t length;
};

static int fallocate_begun(struct ixfs *fs, struct fallocate_job *a)
{
	struct ixfs_sfile *f = a->f;
	struct stat st;

	if (fallocate(f->fd, a->mode, a->offset, a->length))
		return -errno;
	/* Reserving space changes no byte; the other modes do, some of them
	 * all bytes behind. */
	if (a->mode & ~FALLOC_FL_KEEP_SIZE) {
		ix_mutex_lock(&f->lock);
		ix_page_sums_invalidate(&f->sums, (uint64_t)a->offset,
					UINT64_MAX);
		ix_mutex_unlock(&f->lock);
	}
	if (fstat(f->fd, &st))
		return -errno;
	resized(fs, f, st.st_size);
	return 0;
}

static void run_fallocate(struct ixfs *fs, struct ixfs_job *job)
{
	struct fallocate_job *a = (struct fallocate_job *)job;
	int rc = ixfs_sfile_begin(a->f, 1);

	if (!rc) {
		rc = fallocate_begun(fs, a);
		ixfs_sfile_end(a->f);
	}
	ixfs_reply(a->req, rc);
	ixfs_node_unref(fs->inodes, &a->f->s.node);
	ix_free(a);
}

/* Always a job: reserving much space takes its time. */
void ixfs_sfile_fallocate(fuse_req_t req, struct ixfs_node *n, int mode,
			  off_t offset, off_t length)
{
	struct ixfs *fs = ixfs_of(req);
	struct fallocate_job *a = ix_calloc(1, sizeof(*a));

	if (!a) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	a->job.run = run_fallocate;
	a->req = req;
	a->f = ixfs_sfile_of(n);
	ixfs_node_ref(fs->inodes, n);
	a->mode = mode;
	a->offset = offset;
	a->length = length;
	ixfs_jobs_submit(fs->jobs, &a->job);
}
