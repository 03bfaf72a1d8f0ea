/* SPDX-License-Identifier: MIT */
/*
 * ixfs: what all nouns of the mount share.
 *
 * Lock order (a thread that holds one may take those below it):
 *
 *	1. tree.lock	   which names staging files have (tree.h)
 *	2. a node's lock   the state of one file (staging.h, segment.h, ...)
 *	3. tables	   inode.c, jobs.c, notify.c: innermost
 *
 * No lock is held over a reply, over reading, writing or syncing a file's
 * data, or over a call of the index. tree.lock is held over single calls that
 * look up or change a name of the backing directory: a name and what we think
 * it is must change together.
 */
#ifndef IXFS_IXFS_H
#define IXFS_IXFS_H

#include <stdint.h>
#include <sys/types.h>

#include "core/index/index.h"
#include "core/io/vfs.h"
#include "fs/fuse.h"
#include "fs/handle.h"
#include "fs/inode.h"
#include "fs/jobs.h"
#include "fs/mount.h"
#include "fs/notify.h"
#include "fs/passthrough.h"
#include "fs/session.h"

struct ixfs_tree;
struct ixfs_segments;
struct ixfs_waiters;
struct ixfs_control;

struct ixfs {
	const struct ixfs_mount_options *o; /* borrowed */
	char *backing;                      /* owned: absolute path */
	int backing_fd;                     /* owned: O_PATH directory */
	struct ix_vfs *vfs;                 /* owned */
	struct ix_index *index;             /* owned */
	struct ixfs_session *session;       /* owned */
	struct fuse_session *se;            /* borrowed from session */
	struct ixfs_inodes *inodes;         /* owned */
	struct ixfs_jobs *jobs;             /* owned */
	struct ixfs_notify *notify;         /* owned; NULL once quiesced */
	struct ix_mutex notify_lock;        /* guards the pointer above */
	struct ixfs_passthrough passthrough;
	struct ixfs_handles handles;
	struct ixfs_tree *tree;         /* owned: staging files, tree.h */
	struct ixfs_segments *segments; /* owned: segment.h */
	struct ixfs_waiters *waiters;   /* owned: wait.c */
	struct ixfs_control *control;   /* owned: control.c */
	uid_t owner;                    /* who mounted */
	void (*ready)(void *ctx);       /* mount.c: tell that it is usable */
	void *ready_ctx;
};

/* The mount a request belongs to. */
static inline struct ixfs *ixfs_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

/* Fixed node ids, and st_ino of the same objects. */
enum ixfs_fixed_id {
	IXFS_ID_ROOT = FUSE_ROOT_ID,
	IXFS_ID_DOT,     /* .ixfs */
	IXFS_ID_STAGING, /* .ixfs/staging */
	IXFS_ID_WAIT,    /* .ixfs/wait */
	IXFS_ID_PENDING, /* not shown: parent of staging files in the root */
};

/* st_ino of what is not fixed: disjoint ranges, stable over remounts. */
static inline uint64_t ixfs_ino_segment(uint64_t seq)
{
	return seq + 1024;
}
static inline uint64_t ixfs_ino_staging(uint64_t backing_ino)
{
	return backing_ino | (uint64_t)1 << 62;
}
static inline uint64_t ixfs_ino_control(uint64_t version)
{
	return version | (uint64_t)1 << 61;
}

/* Drop the meaning of all names from the kernel's caches: at once, where the
 * kernel can (notify.h); the attributes of a node: later, by another thread. */
void ixfs_inval_names(struct ixfs *fs);
void ixfs_inval_inode(struct ixfs *fs, uint64_t id);

#endif
