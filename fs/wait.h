/* SPDX-License-Identifier: MIT */
/*
 * wait: the file .ixfs/wait.
 *
 * A read at its beginning returns when no merge is running or startable, with
 * one line that tells what happened since the file was opened. Until then the
 * request is parked: all of them wait in one thread of their own, so that
 * waiting takes no thread from work that others wait for. A signal to the
 * reader ends its wait with EINTR.
 */
#ifndef IXFS_WAIT_H
#define IXFS_WAIT_H

#include "fs/dispatch.h"

struct ixfs;
struct ixfs_waiters;

/* Put the fixed node into the table (the caller drops the reference in *np at
 * the end) and start the thread. 0 or -errno. */
int ixfs_wait_new(struct ixfs *fs, struct ixfs_waiters **tp,
		  struct ixfs_node **np);

/* Answer all parked requests with EINTR, stop the thread. NULL allowed. */
void ixfs_wait_free(struct ixfs_waiters *t);

#endif
