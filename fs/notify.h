/* SPDX-License-Identifier: MIT */
/*
 * notify: tells the kernel to forget names and attributes it has cached.
 *
 * Only notifications for which the kernel takes no lock are sent. To drop one
 * name (FUSE_NOTIFY_INVAL_ENTRY) it takes the lock of the directory, which
 * somebody may hold while waiting for our reply to a request; a thread that
 * waits for it cannot be killed, and keeps the connection of a killed daemon
 * open: all clients would wait forever. So all names are made void at once
 * (FUSE_NOTIFY_INC_EPOCH, since Linux 6.16; the kernel looks each of them up
 * again when it is used next). Older kernels are not told; there names live
 * until their time-out, of a second, and the use of one that means a retired
 * segment ends in ESTALE and a fresh lookup.
 *
 * Attributes are sent by one thread of their own that holds no lock of ours and
 * serves no request; everybody else only queues them. They are hints: one that
 * is lost (no memory) is made up for by their time-out.
 */
#ifndef IXFS_NOTIFY_H
#define IXFS_NOTIFY_H

#include <stdint.h>

struct fuse_session;
struct ixfs_notify;

/* Starts the thread. 0 or -errno. */
int ixfs_notify_new(struct fuse_session *se, struct ixfs_notify **np);

/* Stop the thread; what is still queued is dropped. NULL allowed. */
void ixfs_notify_free(struct ixfs_notify *n);

/* Forget what names mean, in all directories: done on return, also for names of
 * which a lookup or a rename is being answered. */
void ixfs_notify_names(struct ixfs_notify *n);

/* Forget the attributes of a node. */
void ixfs_notify_inode(struct ixfs_notify *n, uint64_t id);

#endif
