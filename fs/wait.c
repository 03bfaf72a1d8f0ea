/* SPDX-License-Identifier: MIT */
#include "fs/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/lock.h"
#include "core/base/mem.h"
#include "fs/ixfs.h"
#include "fs/thread.h"

#define ANSWER_MAX 192 /* four 64-bit numbers and their names */

/* One handle: what there was at open, and the answer once there is one. */
struct handle {
	struct ixfs_handle head;
	struct ix_mutex lock;
	struct ix_index_stats before;
	char text[ANSWER_MAX] IX_GUARDED_BY(lock);
};

/* One parked read. */
struct waiter {
	struct waiter *next;
	fuse_req_t req;
	struct handle *h; /* lives until RELEASE, which comes after us */
	size_t size;
};

struct ixfs_waiters {
	struct ixfs *fs; /* borrowed */
	pthread_t thread;
	struct ix_mutex lock;
	struct ix_cond arrived;
	struct waiter *arrivals IX_GUARDED_BY(lock);
	_Atomic int stopping;
	/* Those for which the present wait of the thread counts: they were
	 * there before it began. The thread's own. */
	struct waiter *batch;
};

/* ---- the thread ---- */

/* The handle may be gone as soon as its reader has an answer: nothing of it is
 * touched or held from there on. */
static void answer(struct ixfs *fs, struct waiter *w, int rc)
{
	struct handle *h = w->h;
	struct ix_index_stats now;
	char text[ANSWER_MAX];
	int n;

	if (rc) {
		ixfs_reply(w->req, rc);
		return;
	}
	ix_index_stats(fs->index, &now);
	n = snprintf(text, sizeof(text),
		     "{\"generation\":\"%" PRIu64 "\",\"segments\":%" PRIu32
		     ",\"merges_done\":%" PRIu64 ",\"merges_failed\":%" PRIu64
		     "}\n",
		     now.generation, now.live_segments,
		     now.merges_done - h->before.merges_done,
		     now.merges_failed - h->before.merges_failed);
	ix_mutex_lock(&h->lock);
	memcpy(h->text, text, sizeof(text));
	ix_mutex_unlock(&h->lock);
	ixfs_reply_text(w->req, text, (size_t)n, w->size, 0);
}

static int interrupted(void *ctx)
{
	const struct ixfs_waiters *t = ctx;

	for (const struct waiter *w = t->batch; w; w = w->next)
		if (fuse_req_interrupted(w->req))
			return 1;
	return t->stopping;
}

/* Answer those of the batch that are done: all of them, or with -EINTR only
 * those that were interrupted. */
static void answer_batch(struct ixfs_waiters *t, int rc)
{
	struct waiter **p = &t->batch;

	while (*p) {
		struct waiter *w = *p;

		if (rc == -EINTR && !t->stopping &&
		    !fuse_req_interrupted(w->req)) {
			p = &w->next;
			continue;
		}
		*p = w->next;
		answer(t->fs, w, rc);
		ix_free(w);
	}
}

/* Move the arrivals into the batch; wait for some if there is nobody. */
static void gather(struct ixfs_waiters *t)
{
	struct waiter **p = &t->batch;

	while (*p)
		p = &(*p)->next;
	ix_mutex_lock(&t->lock);
	while (!t->arrivals && !t->batch && !t->stopping)
		ix_cond_wait(&t->arrived, &t->lock);
	*p = t->arrivals;
	t->arrivals = NULL;
	ix_mutex_unlock(&t->lock);
}

static void *run(void *arg)
{
	struct ixfs_waiters *t = arg;
	int rc;

	for (;;) {
		gather(t);
		if (!t->batch)
			return NULL; /* stopping */
		rc = t->stopping ? -EINTR
				 : ix_index_wait(t->fs->index, interrupted, t);
		answer_batch(t, rc);
	}
}

/* ---- the file ---- */

static void handle_free(struct ixfs_handle *head)
{
	struct handle *h = (struct handle *)head;

	ix_mutex_release(&h->lock);
	ix_free(h);
}

static void wait_node_free(struct ixfs *fs, struct ixfs_node *n)
{
	(void)fs;
	ix_free(n);
}

static int wait_stat(struct ixfs *fs, struct ixfs_node *n, struct stat *st)
{
	memset(st, 0, sizeof(*st));
	st->st_ino = n->id;
	st->st_mode = S_IFREG | (fs->o->mode & 0444);
	st->st_nlink = 1;
	st->st_uid = fs->owner;
	st->st_blksize = 4096;
	return 0;
}

static void wait_open(fuse_req_t req, struct ixfs_node *n,
		      struct fuse_file_info *fi)
{
	struct ixfs *fs = ixfs_of(req);
	struct handle *h;

	(void)n;
	if ((fi->flags & O_ACCMODE) != O_RDONLY) {
		fuse_reply_err(req, EPERM);
		return;
	}
	h = ix_calloc(1, sizeof(*h));
	if (!h || ix_mutex_init(&h->lock)) {
		ix_free(h);
		fuse_reply_err(req, ENOMEM);
		return;
	}
	ix_index_stats(fs->index, &h->before);
	ixfs_handle_attach(&fs->handles, &h->head, handle_free, fi);
	fi->direct_io = 1;
	fi->noflush = 1;
	if (fuse_reply_open(req, fi))
		ixfs_handle_free(&fs->handles, fi);
}

static void wait_release(fuse_req_t req, struct ixfs_node *n,
			 struct fuse_file_info *fi)
{
	(void)n;
	ixfs_handle_free(&ixfs_of(req)->handles, fi);
	fuse_reply_err(req, 0);
}

static void park(struct ixfs_waiters *t, struct waiter *w)
{
	ix_mutex_lock(&t->lock);
	w->next = t->arrivals;
	t->arrivals = w;
	ix_cond_signal(&t->arrived);
	ix_mutex_unlock(&t->lock);
}

/* At offset 0 wait; behind it read on in the answer, up to its end. */
static void wait_read(fuse_req_t req, struct ixfs_node *n, size_t size,
		      off_t offset, struct fuse_file_info *fi)
{
	struct handle *h = ixfs_handle_of(fi);
	char text[ANSWER_MAX];
	struct waiter *w;

	(void)n;
	if (offset > 0) {
		ix_mutex_lock(&h->lock);
		memcpy(text, h->text, sizeof(text));
		ix_mutex_unlock(&h->lock);
		ixfs_reply_text(req, text, strlen(text), size, offset);
		return;
	}
	w = ix_calloc(1, sizeof(*w));
	if (!w) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	w->req = req;
	w->h = h;
	w->size = size;
	park(ixfs_of(req)->waiters, w);
}

static const struct ixfs_ops wait_ops = {
	.noun = ".ixfs/wait",
	.timeout = 1.0,
	.names_timeout = 1.0,
	.free = wait_node_free,
	.stat = wait_stat,
	.open = wait_open,
	.read = wait_read,
	.release = wait_release,
};

/* ---- life ---- */

int ixfs_wait_new(struct ixfs *fs, struct ixfs_waiters **tp,
		  struct ixfs_node **np)
{
	struct ixfs_waiters *t = ix_calloc(1, sizeof(*t));
	int rc = -ENOMEM;

	*tp = NULL;
	*np = ix_calloc(1, sizeof(**np));
	if (!t || !*np)
		goto out_free;
	t->fs = fs;
	rc = ix_mutex_init(&t->lock);
	if (rc)
		goto out_free;
	rc = ix_cond_init(&t->arrived);
	if (rc)
		goto out_lock;
	rc = ixfs_thread_start(&t->thread, run, t);
	if (rc)
		goto out_cond;
	ixfs_node_add_fixed(fs->inodes, *np, &wait_ops, IXFS_ID_WAIT);
	*tp = t;
	return 0;

out_cond:
	ix_cond_release(&t->arrived);
out_lock:
	ix_mutex_release(&t->lock);
out_free:
	ix_free(t);
	ix_free(*np);
	*np = NULL;
	return rc;
}

void ixfs_wait_free(struct ixfs_waiters *t)
{
	if (!t)
		return;
	ix_mutex_lock(&t->lock);
	t->stopping = 1;
	ix_cond_signal(&t->arrived);
	ix_mutex_unlock(&t->lock);
	pthread_join(t->thread, NULL);
	ix_cond_release(&t->arrived);
	ix_mutex_release(&t->lock);
	ix_free(t);
}
