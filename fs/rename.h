/* SPDX-License-Identifier: MIT */
/*
 * rename: what moving a name means depends on what it names and where it goes.
 *
 *	from \ to	 *.seg in /	other name in /	 .ixfs/staging
 *	segment		 rename		EPERM		 withdraw
 *	staging file	 register	move		 move
 *	staging dir	 EPERM		EPERM		 move
 *
 * A staging file moved over metadata.json is applied as a write to it would
 * be. Everything else (metadata.json itself, .ixfs, other parts of .ixfs) is
 * EPERM. EXDEV and EINVAL never come from here: tools take them for something
 * else. RENAME_NOREPLACE is kept; exchanging and white-outs are EOPNOTSUPP.
 */
#ifndef IXFS_RENAME_H
#define IXFS_RENAME_H

#include "fs/dispatch.h"

/* Serve the request: replies, now or from a job. */
void ixfs_rename(fuse_req_t req, struct ixfs_node *from_dir, const char *from,
		 struct ixfs_node *to_dir, const char *to, unsigned flags);

#endif
