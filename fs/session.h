/* SPDX-License-Identifier: MIT */
/*
 * session: the connection to the kernel, from mounting to unmounting.
 *
 *	ixfs_session_new	options and operations; nothing is mounted
 *	ixfs_session_mount	the mount appears; requests queue up
 *	ixfs_session_run	serves them until the unmount or a signal
 *	ixfs_session_end	unmounts if need be; requests must be answered
 *	ixfs_session_free
 *
 * What libfuse 3.14 cannot negotiate (passthrough, and three smaller choices)
 * is set in its reply to INIT on the way out.
 *
 * SIGTERM, SIGINT and SIGHUP unmount. They are received by one thread of their
 * own. It first calls `quiesce`, while requests are still served, and only
 * then ends the loop: whoever waits for the kernel (notify.h) may be waiting
 * for somebody whose request has not been answered yet.
 */
#ifndef IXFS_SESSION_H
#define IXFS_SESSION_H

#include <stdint.h>

#include "fs/fuse.h"

struct ixfs_mount_options;
struct ixfs_session;

struct ixfs_session_hooks {
	/* The kernel has our answer to INIT: the mount is usable. Called once,
	 * from a thread that serves requests. `passthrough`: negotiated. */
	void (*ready)(void *ctx, int passthrough);
	/* A signal asked for the end; requests are still served. */
	void (*quiesce)(void *ctx);
	void *ctx; /* the struct ixfs; also the userdata of the operations */
};

/* 0; -IX_EINPUT for options that libfuse refuses; -ENOMEM. Everything passed
 * in is borrowed until ixfs_session_free. */
int ixfs_session_new(const struct ixfs_mount_options *o,
		     const struct fuse_lowlevel_ops *ops,
		     const struct ixfs_session_hooks *hooks,
		     struct ixfs_session **sp);

/* libfuse's object, for replies and notifications. */
struct fuse_session *ixfs_session_fuse(struct ixfs_session *s);

/* 0 or a negative code with a text. */
int ixfs_session_mount(struct ixfs_session *s);

/* Serve until unmounted or told to end by a signal. To be called by the main
 * thread of the process, with the three signals blocked in every thread made
 * before. 0 or -errno of the device. */
int ixfs_session_run(struct ixfs_session *s);

/* Unmount (lazily if files are open), close the connection. */
void ixfs_session_end(struct ixfs_session *s);
void ixfs_session_free(struct ixfs_session *s); /* NULL allowed */

/* Block the signals that session.c waits for, in the calling thread. */
void ixfs_session_block_signals(void);

#endif
