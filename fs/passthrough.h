/* SPDX-License-Identifier: MIT */
/*
 * passthrough: reads of sealed segments that never reach the daemon.
 *
 * The kernel can carry out reads and maps of a file of ours directly on the
 * file of the backing filesystem. It wants CAP_SYS_ADMIN (in the initial user
 * namespace), a kernel that offers it (6.9), and a backing filesystem that is
 * not stacked too deep. Where any of this is missing the mount serves cached
 * reads instead, which is decided once: after the first refusal nobody asks
 * again.
 *
 * Rules of the kernel that callers keep: all open handles of one node use the
 * same backing id, and no handle of a passthrough node may be a cached one (a
 * mapping that outlives its handle counts as one). So a node decides at its
 * first open and stays with it (segment.c).
 *
 * With libfuse 3.17 and later this is libfuse's own call; before, the same
 * ioctl and reply are made here (fuse.h).
 */
#ifndef IXFS_PASSTHROUGH_H
#define IXFS_PASSTHROUGH_H

#include <stdint.h>

#include "fs/fuse.h"

struct ixfs_passthrough {
	struct fuse_session *se; /* borrowed */
	_Atomic int usable;      /* 0 for ever after the first refusal */
};

/* `offered`: was it negotiated? */
void ixfs_passthrough_init(struct ixfs_passthrough *p, struct fuse_session *se,
			   int offered);

/*
 * Make `fd` (open for reading, may be closed afterwards) known to the kernel.
 * Returns an id > 0, to be closed by ixfs_passthrough_close, or 0: not
 * possible, serve the reads. `req` is the OPEN being served.
 */
int ixfs_passthrough_open(struct ixfs_passthrough *p, fuse_req_t req, int fd);
void ixfs_passthrough_close(struct ixfs_passthrough *p, int id);

/* Reply to OPEN with handle fi->fh, reads going to backing file `id`, nothing
 * sent at close. As fuse_reply_open: 0, or negative: the caller undoes it. */
int ixfs_passthrough_reply_open(fuse_req_t req, struct fuse_file_info *fi,
				int id);

#endif
