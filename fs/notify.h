/* SPDX-License-Identifier: MIT */
/*
 * notify: tells the kernel to forget names and pages it has cached.
 *
 * To drop a name the kernel takes the lock of the directory, which somebody
 * may hold while waiting for our reply to a request. So notifications are sent
 * by one thread of their own that holds no lock of ours and serves no request;
 * everybody else only queues them, which never blocks on the kernel. They are
 * hints about caches: one that is lost (no memory) costs an ESTALE and a fresh
 * lookup, never a wrong answer for long, because names carry a time-out.
 */
#ifndef IXFS_NOTIFY_H
#define IXFS_NOTIFY_H

#include <stdint.h>

struct fuse_session;
struct ixfs_notify;

/* Starts the thread. 0 or -errno. */
int ixfs_notify_new(struct fuse_session *se, struct ixfs_notify **np);

/* Stop the thread; what is still queued is dropped. NULL allowed. Call it
 * when the kernel has ended the connection, or no request is under way: a
 * notification being sent may be waiting for a reply. */
void ixfs_notify_free(struct ixfs_notify *n);

/* Forget the entry `name` (copied) of directory `parent` (a node id). */
void ixfs_notify_entry(struct ixfs_notify *n, uint64_t parent,
		       const char *name);

/* Forget the attributes of a node. */
void ixfs_notify_inode(struct ixfs_notify *n, uint64_t id);

#endif
