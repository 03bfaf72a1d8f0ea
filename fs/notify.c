/* SPDX-License-Identifier: MIT */
#include "fs/notify.h"

#include <errno.h>
#include <unistd.h>

#include "core/base/lock.h"
#include "core/base/mem.h"
#include "fs/fuse.h"
#include "fs/thread.h"

/* Of the kernel's fuse.h; libfuse does not know it yet. */
#define NOTIFY_INC_EPOCH 8

struct note {
	struct note *next;
	uint64_t id; /* of the node whose attributes are void */
};

struct ixfs_notify {
	struct fuse_session *se; /* borrowed */
	pthread_t thread;
	struct ix_mutex lock;
	struct ix_cond work;
	struct note *first IX_GUARDED_BY(lock);
	struct note **last IX_GUARDED_BY(lock);
	int stopping IX_GUARDED_BY(lock);
};

/* Errors mean that the kernel does not know the node, or that the connection
 * has ended: both are as good as done. */
static void send(struct ixfs_notify *n, const struct note *note)
{
	fuse_lowlevel_notify_inval_inode(n->se, note->id, -1, 0);
}

static void *run(void *arg)
{
	struct ixfs_notify *n = arg;
	struct note *note;

	ix_mutex_lock(&n->lock);
	while (!n->stopping) {
		note = n->first;
		if (!note) {
			ix_cond_wait(&n->work, &n->lock);
			continue;
		}
		n->first = note->next;
		if (!n->first)
			n->last = &n->first;
		ix_mutex_unlock(&n->lock);
		send(n, note);
		ix_free(note);
		ix_mutex_lock(&n->lock);
	}
	ix_mutex_unlock(&n->lock);
	return NULL;
}

/* A notification is a reply to nobody with its code in the place of the error.
 * Kernels that do not know it refuse it: nothing is lost. */
void ixfs_notify_names(struct ixfs_notify *n)
{
	const struct ixfs_fuse_out_header h = {
		.len = sizeof(h),
		.error = NOTIFY_INC_EPOCH,
	};

	(void)!write(fuse_session_fd(n->se), &h, sizeof(h));
}

void ixfs_notify_inode(struct ixfs_notify *n, uint64_t id)
{
	struct note *note = ix_calloc(1, sizeof(*note));

	if (!note)
		return;
	note->id = id;
	ix_mutex_lock(&n->lock);
	*n->last = note;
	n->last = &note->next;
	ix_cond_signal(&n->work);
	ix_mutex_unlock(&n->lock);
}

int ixfs_notify_new(struct fuse_session *se, struct ixfs_notify **np)
{
	struct ixfs_notify *n = ix_calloc(1, sizeof(*n));
	int rc;

	*np = NULL;
	if (!n)
		return -ENOMEM;
	n->se = se;
	n->last = &n->first;
	rc = ix_mutex_init(&n->lock);
	if (rc)
		goto out_free;
	rc = ix_cond_init(&n->work);
	if (rc)
		goto out_lock;
	rc = ixfs_thread_start(&n->thread, run, n);
	if (rc)
		goto out_cond;
	*np = n;
	return 0;

out_cond:
	ix_cond_release(&n->work);
out_lock:
	ix_mutex_release(&n->lock);
out_free:
	ix_free(n);
	return rc;
}

void ixfs_notify_free(struct ixfs_notify *n)
{
	struct note *note;

	if (!n)
		return;
	ix_mutex_lock(&n->lock);
	n->stopping = 1;
	ix_cond_signal(&n->work);
	ix_mutex_unlock(&n->lock);
	pthread_join(n->thread, NULL);
	while ((note = n->first)) {
		n->first = note->next;
		ix_free(note);
	}
	ix_cond_release(&n->work);
	ix_mutex_release(&n->lock);
	ix_free(n);
}
