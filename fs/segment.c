/* SPDX-License-Identifier: MIT */
#include "fs/segment.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <time.h>

#include "core/base/lock.h"
#include "core/base/mem.h"
#include "fs/ixfs.h"

/* Descriptors kept of segments that nobody has open. */
#define IDLE_MAX ((size_t)64)

/* What the kernel may believe without asking, in seconds: attributes, of which
 * changes are told, and names, of which some kernels are not (notify.h). */
#define TIMEOUT       60.0
#define NAMES_TIMEOUT 1.0

enum mode {
	MODE_UNDECIDED,
	MODE_PASSED, /* reads go to the backing file in the kernel */
	MODE_CACHED  /* reads come to us, the kernel keeps pages */
};

struct segment {
	struct ixfs_node node; /* key: seq */
	enum mode mode;
	unsigned opens;
	struct ix_file *file; /* owned; NULL unless open or idle */
	int backing_id;       /* 0 = none */
	int idle;             /* in the list below */
	int dead;             /* keep nothing when idle */
	struct segment *newer, *older;
};

/* All fields of all segments are guarded by this one lock: what it protects
 * takes nanoseconds, and the idle list concerns all of them. */
struct ixfs_segments {
	struct ix_mutex lock;
	struct segment *newest IX_GUARDED_BY(lock); /* idle, by last close */
	struct segment *oldest IX_GUARDED_BY(lock);
	size_t idle IX_GUARDED_BY(lock);
};

static struct segment *segment_of(struct ixfs_node *n)
{
	assert(n->ops == &ixfs_segment_ops);
	return (struct segment *)n;
}

/* ---- life of the table ---- */

int ixfs_segments_new(struct ixfs_segments **sp)
{
	struct ixfs_segments *s = ix_calloc(1, sizeof(*s));
	int rc = s ? ix_mutex_init(&s->lock) : -ENOMEM;

	*sp = NULL;
	if (rc) {
		ix_free(s);
		return rc;
	}
	*sp = s;
	return 0;
}

void ixfs_segments_free(struct ixfs_segments *s)
{
	if (!s)
		return;
	assert(!s->newest);
	ix_mutex_release(&s->lock);
	ix_free(s);
}

/* ---- descriptors ---- */

/* What is closed after the lock was given up. */
struct closing {
	struct ix_file *file;
	int backing_id;
};

static void close_now(struct ixfs *fs, const struct closing *c)
{
	if (c->backing_id)
		ixfs_passthrough_close(&fs->passthrough, c->backing_id);
	if (c->file)
		ix_file_close(c->file);
}

static void leave_idle_locked(struct ixfs_segments *t, struct segment *s)
{
	if (!s->idle)
		return;
	s->idle = 0;
	t->idle--;
	if (s->newer)
		s->newer->older = s->older;
	else
		t->newest = s->older;
	if (s->older)
		s->older->newer = s->newer;
	else
		t->oldest = s->newer;
	s->newer = s->older = NULL;
}

static void enter_idle_locked(struct ixfs_segments *t, struct segment *s)
{
	s->idle = 1;
	t->idle++;
	s->newer = NULL;
	s->older = t->newest;
	if (t->newest)
		t->newest->newer = s;
	else
		t->oldest = s;
	t->newest = s;
}

/* Take the descriptor of a segment that nobody has open. */
static struct closing take_locked(struct ixfs_segments *t, struct segment *s)
{
	struct closing c = { s->file, s->backing_id };

	assert(s->opens == 0);
	leave_idle_locked(t, s);
	s->file = NULL;
	s->backing_id = 0;
	return c;
}

void ixfs_segments_drop_idle(struct ixfs *fs)
{
	struct ixfs_segments *t = fs->segments;

	for (;;) {
		struct closing c = { 0 };

		ix_mutex_lock(&t->lock);
		if (t->oldest)
			c = take_locked(t, t->oldest);
		ix_mutex_unlock(&t->lock);
		if (!c.file)
			return;
		close_now(fs, &c);
	}
}

/* One handle less; its pin is given up too. */
static void close_handle(struct ixfs *fs, struct segment *s)
{
	struct ixfs_segments *t = fs->segments;
	struct closing c = { 0 };

	ix_mutex_lock(&t->lock);
	if (--s->opens == 0) {
		if (s->dead) {
			c = take_locked(t, s);
		} else {
			enter_idle_locked(t, s);
			if (t->idle > IDLE_MAX)
				c = take_locked(t, t->oldest);
		}
	}
	ix_mutex_unlock(&t->lock);
	close_now(fs, &c);
	/* Last: from now on the file may be unlinked. */
	ix_index_unpin(fs->index, s->node.key);
}

/* ---- nodes and names ---- */

static void segment_free(struct ixfs *fs, struct ixfs_node *n)
{
	struct segment *s = segment_of(n);
	struct closing c;

	/* Handles are left when the mount was detached with files open. */
	for (; s->opens; s->opens--)
		ix_index_unpin(fs->index, s->node.key);
	ix_mutex_lock(&fs->segments->lock);
	c = take_locked(fs->segments, s);
	ix_mutex_unlock(&fs->segments->lock);
	close_now(fs, &c);
	ix_free(s);
}

int ixfs_segment_node(struct ixfs *fs, const struct ix_index_segment *info,
		      struct ixfs_node **np)
{
	struct ixfs_node *n;
	struct segment *fresh;

	*np = NULL;
	n = ixfs_node_find_or_add(fs->inodes, &ixfs_segment_ops, info->seq,
				  NULL);
	if (!n) {
		fresh = ix_calloc(1, sizeof(*fresh));
		if (!fresh)
			return -ENOMEM;
		n = ixfs_node_find_or_add(fs->inodes, &ixfs_segment_ops,
					  info->seq, &fresh->node);
		if (n != &fresh->node)
			ix_free(fresh);
	}
	*np = n;
	return 0;
}

void ixfs_segment_died(struct ixfs *fs, uint64_t seq)
{
	struct ixfs_segments *t = fs->segments;
	struct closing c = { 0 };
	struct ixfs_node *n;
	struct segment *s;

	n = ixfs_node_find_or_add(fs->inodes, &ixfs_segment_ops, seq, NULL);
	if (!n)
		return;
	s = segment_of(n);
	ix_mutex_lock(&t->lock);
	s->dead = 1;
	if (s->opens == 0)
		c = take_locked(t, s);
	ix_mutex_unlock(&t->lock);
	/* Who finds it by an old name asks us, and is told ESTALE. */
	ixfs_inval_inode(fs, n->id);
	close_now(fs, &c);
	ixfs_node_unref(fs->inodes, n);
}

void ixfs_segment_touched(struct ixfs *fs, uint64_t seq)
{
	struct ixfs_node *n;

	n = ixfs_node_find_or_add(fs->inodes, &ixfs_segment_ops, seq, NULL);
	if (!n)
		return;
	ixfs_inval_inode(fs, n->id);
	ixfs_node_unref(fs->inodes, n);
}

/* ---- attributes ---- */

void ixfs_segment_fill(const struct ixfs *fs, const struct ix_index_segment *s,
		       struct stat *st)
{
	memset(st, 0, sizeof(*st));
	st->st_ino = ixfs_ino_segment(s->seq);
	st->st_mode = S_IFREG | (fs->o->mode & 0777);
	st->st_nlink = s->name_count;
	st->st_uid = s->uid;
	st->st_gid = s->gid;
	st->st_size = (off_t)s->bytes;
	st->st_blocks = (blkcnt_t)((s->bytes + 4095) / 4096 * 8);
	st->st_blksize = 1 << 20;
	st->st_mtim.tv_sec = (time_t)(s->mtime_ns / 1000000000);
	st->st_mtim.tv_nsec = (long)(s->mtime_ns % 1000000000);
	if (st->st_mtim.tv_nsec < 0) {
		st->st_mtim.tv_sec--;
		st->st_mtim.tv_nsec += 1000000000;
	}
	st->st_atim = st->st_mtim;
	st->st_ctim = st->st_mtim;
}

static int segment_stat(struct ixfs *fs, struct ixfs_node *n, struct stat *st)
{
	struct ix_index_segment info;
	int rc = ix_index_get(fs->index, n->key, &info);

	if (!rc)
		ixfs_segment_fill(fs, &info, st);
	return rc;
}

static int64_t wanted_mtime(const struct stat *st, int to_set)
{
	struct timespec now = st->st_mtim;

	if (to_set & FUSE_SET_ATTR_MTIME_NOW)
		clock_gettime(CLOCK_REALTIME, &now);
	else if (!(to_set & FUSE_SET_ATTR_MTIME))
		return INT64_MIN;
	/* Nanoseconds in 64 bits reach from 1678 to 2262. */
	if (now.tv_sec > INT64_MAX / 1000000000 - 1)
		return INT64_MAX;
	if (now.tv_sec < INT64_MIN / 1000000000 + 1)
		return INT64_MIN + 1;
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int ixfs_segment_set_attr(struct ixfs *fs, uint64_t seq, const struct stat *st,
			  int to_set)
{
	int64_t mtime_ns = wanted_mtime(st, to_set);
	uint32_t uid = to_set & FUSE_SET_ATTR_UID ? st->st_uid : UINT32_MAX;
	uint32_t gid = to_set & FUSE_SET_ATTR_GID ? st->st_gid : UINT32_MAX;

	if (to_set & FUSE_SET_ATTR_SIZE)
		return -EPERM;
	if (!seq ||
	    (mtime_ns == INT64_MIN && uid == UINT32_MAX && gid == UINT32_MAX))
		return 0;
	return ix_index_set_attr(fs->index, seq, mtime_ns, uid, gid);
}

struct attr_job {
	struct ixfs_job job;
	fuse_req_t req;
	struct ixfs_node *n; /* ref */
	struct stat st;
	int to_set;
};

static void run_setattr(struct ixfs *fs, struct ixfs_job *job)
{
	struct attr_job *a = (struct attr_job *)job;
	int rc = ixfs_segment_set_attr(fs, a->n->key, &a->st, a->to_set);

	if (rc)
		ixfs_reply(a->req, rc);
	else
		ixfs_reply_attr(a->req, a->n);
	ixfs_node_unref(fs->inodes, a->n);
	ix_free(a);
}

static void segment_setattr(fuse_req_t req, struct ixfs_node *n,
			    const struct stat *st, int to_set)
{
	struct ixfs *fs = ixfs_of(req);
	struct attr_job *a = ix_calloc(1, sizeof(*a));

	if (!a) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	a->job.run = run_setattr;
	a->req = req;
	a->n = ixfs_node_ref(fs->inodes, n);
	a->st = *st;
	a->to_set = to_set;
	ixfs_jobs_submit(fs->jobs, &a->job);
}

/* ---- opening ---- */

/*
 * Give the segment, of which one open has been counted, a descriptor and a
 * way of being read. Opening happens without the lock; of two that do it at
 * once the second takes what the first one made.
 */
static int make_readable(struct ixfs *fs, fuse_req_t req, struct segment *s)
{
	struct ixfs_segments *t = fs->segments;
	struct closing c = { 0 };
	int undecided;
	int have;
	int rc;

	ix_mutex_lock(&t->lock);
	leave_idle_locked(t, s);
	have = s->file != NULL;
	undecided = s->mode != MODE_CACHED;
	ix_mutex_unlock(&t->lock);
	if (have)
		return 0;
	rc = ix_index_open_file(fs->index, s->node.key, &c.file);
	if (rc)
		return rc;
	if (undecided)
		c.backing_id = ixfs_passthrough_open(&fs->passthrough, req,
						     ix_file_fd(c.file));
	ix_mutex_lock(&t->lock);
	if (!s->file) {
		/* A node that has been passed through has no cached pages, so
		 * it may still change over when the kernel refuses; the other
		 * way round it may not. */
		s->mode = c.backing_id ? MODE_PASSED : MODE_CACHED;
		s->file = c.file;
		s->backing_id = c.backing_id;
		c = (struct closing){ 0 };
	}
	ix_mutex_unlock(&t->lock);
	close_now(fs, &c);
	return 0;
}

static int open_handle(struct ixfs *fs, fuse_req_t req, struct segment *s)
{
	int rc = ix_index_pin(fs->index, s->node.key);

	if (rc)
		return rc;
	ix_mutex_lock(&fs->segments->lock);
	s->opens++;
	ix_mutex_unlock(&fs->segments->lock);
	rc = make_readable(fs, req, s);
	if (!rc)
		return 0;
	ix_mutex_lock(&fs->segments->lock);
	s->opens--;
	ix_mutex_unlock(&fs->segments->lock);
	ix_index_unpin(fs->index, s->node.key);
	return rc;
}

static int is_dead(struct ixfs *fs, struct segment *s)
{
	int dead;

	ix_mutex_lock(&fs->segments->lock);
	dead = s->dead;
	ix_mutex_unlock(&fs->segments->lock);
	return dead;
}

static void segment_open(fuse_req_t req, struct ixfs_node *n,
			 struct fuse_file_info *fi)
{
	struct ixfs *fs = ixfs_of(req);
	struct segment *s = segment_of(n);
	int rc;

	if ((fi->flags & O_ACCMODE) != O_RDONLY || (fi->flags & O_TRUNC)) {
		/* The name may mean something else by now: look it up again. */
		fuse_reply_err(req, is_dead(fs, s) ? ESTALE : EPERM);
		return;
	}
	rc = open_handle(fs, req, s);
	if (rc) {
		ixfs_reply(req, rc);
		return;
	}
	if (s->backing_id) {
		rc = ixfs_passthrough_reply_open(req, fi, s->backing_id);
	} else {
		fi->keep_cache = 1;
		fi->noflush = 1;
		rc = fuse_reply_open(req, fi);
	}
	if (rc)
		close_handle(fs, s);
}

static void segment_read(fuse_req_t req, struct ixfs_node *n, size_t size,
			 off_t offset, struct fuse_file_info *fi)
{
	(void)fi;
	ixfs_reply_read(req, ix_file_fd(segment_of(n)->file), size, offset);
}

static void segment_release(fuse_req_t req, struct ixfs_node *n,
			    struct fuse_file_info *fi)
{
	(void)fi;
	close_handle(ixfs_of(req), segment_of(n));
	fuse_reply_err(req, 0);
}

struct barrier_job {
	struct ixfs_job job;
	fuse_req_t req;
};

static void run_barrier(struct ixfs *fs, struct ixfs_job *job)
{
	struct barrier_job *b = (struct barrier_job *)job;

	ixfs_reply(b->req, ix_index_barrier(fs->index));
	ix_free(b);
}

static void segment_fsync(fuse_req_t req, struct ixfs_node *n, int datasync,
			  struct fuse_file_info *fi)
{
	struct barrier_job *b = ix_calloc(1, sizeof(*b));

	(void)n;
	(void)datasync;
	(void)fi;
	if (!b) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	b->job.run = run_barrier;
	b->req = req;
	ixfs_jobs_submit(ixfs_of(req)->jobs, &b->job);
}

const struct ixfs_ops ixfs_segment_ops = {
	.noun = "segment",
	.timeout = TIMEOUT,
	.names_timeout = NAMES_TIMEOUT,
	.free = segment_free,
	.stat = segment_stat,
	.setattr = segment_setattr,
	.open = segment_open,
	.read = segment_read,
	.fsync = segment_fsync,
	.release = segment_release,
};
