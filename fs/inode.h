/* SPDX-License-Identifier: MIT */
/*
 * inode: which object a node id of the kernel means.
 *
 * Three kinds of number, easily confused:
 *
 *	node id	 64 bits, given out here, names a node towards the kernel.
 *		 Counts up from 16, never reused while mounted, so that the
 *		 generation is always 0 and an old id can never mean a new
 *		 object. 1 is the root. A sealed file gets a new node and so a
 *		 new id: the kernel must not mix the page cache modes of the
 *		 writer's node and the readers' (passthrough) node.
 *	key	 64 bits, given by the noun: the seq of a segment, the inode
 *		 number of a staging file in the backing filesystem, the version
 *		 of the control file. Together with the noun it finds the node
 *		 again while it exists, so that one object has one node.
 *	st_ino	 what stat(2) shows; see attr.h.
 *
 * A node lives as long as it has references: one per pointer held by our code
 * (ixfs_node_ref), one for all the lookups the kernel remembers. The kernel's
 * count changes only here: ixfs_node_remember before an entry is sent,
 * ixfs_node_forget for FORGET and when sending failed.
 *
 * Threads: all functions may be called from any thread; the table's lock is
 * innermost, nothing is called with it held. A noun's free function runs
 * without it, after the node can no longer be found.
 */
#ifndef IXFS_INODE_H
#define IXFS_INODE_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/lock.h"

struct ixfs;
struct ixfs_inodes;
struct ixfs_ops;

/* The head of every noun's node; the noun embeds it as its first member. All
 * fields are written by inode.c alone. */
struct ixfs_node {
	uint64_t id;
	const struct ixfs_ops *ops; /* what it is and does: dispatch.h */
	uint64_t key;
	int keyed;                 /* can be found by (ops, key) */
	uint64_t refs;             /* > 0, counts lookups as one */
	uint64_t lookups;          /* the kernel's count */
	struct ixfs_node *next_id; /* hash chains */
	struct ixfs_node *next_key;
};

/* 0 or -ENOMEM. */
int ixfs_inodes_new(struct ixfs *fs, struct ixfs_inodes **inodesp);

/* Drop all lookups of the kernel (it is gone), then free. Nodes to which our
 * code still has references must not exist any more by then. */
void ixfs_inodes_free(struct ixfs_inodes *t);

/*
 * Put a new node into the table with one reference, the caller's. The fixed
 * form has an id below 16 and no key.
 */
void ixfs_node_add(struct ixfs_inodes *t, struct ixfs_node *n,
		   const struct ixfs_ops *ops);
void ixfs_node_add_fixed(struct ixfs_inodes *t, struct ixfs_node *n,
			 const struct ixfs_ops *ops, uint64_t id);

/*
 * Find (ops, key), else add `fresh` under it; the result has one more
 * reference, the caller's. When another node was found, `fresh` is untouched
 * and still the caller's to free. `fresh` may be NULL: then NULL if not found.
 */
struct ixfs_node *ixfs_node_find_or_add(struct ixfs_inodes *t,
					const struct ixfs_ops *ops,
					uint64_t key, struct ixfs_node *fresh);

/* The node can no longer be found by its key (which may now mean another
 * object); its id goes on working. */
void ixfs_node_unkey(struct ixfs_inodes *t, struct ixfs_node *n);

/* The node is found under `key` from now on; whatever was found under it
 * before no longer is. */
void ixfs_node_rekey(struct ixfs_inodes *t, struct ixfs_node *n, uint64_t key);

/* By node id, with a reference for the caller; NULL if unknown. */
struct ixfs_node *ixfs_node_get(struct ixfs_inodes *t, uint64_t id);
struct ixfs_node *ixfs_node_ref(struct ixfs_inodes *t, struct ixfs_node *n);
void ixfs_node_unref(struct ixfs_inodes *t, struct ixfs_node *n);

/* The kernel is about to be told of the node once more. */
void ixfs_node_remember(struct ixfs_inodes *t, struct ixfs_node *n);
/* The kernel forgot (or was never told) `count` lookups. Unknown ids and
 * counts that are too large are ignored as far as they are wrong. */
void ixfs_node_forget(struct ixfs_inodes *t, uint64_t id, uint64_t count);

/* Does the kernel know the node? */
int ixfs_node_known(struct ixfs_inodes *t, const struct ixfs_node *n);

/* Nodes in the table. */
size_t ixfs_inodes_count(struct ixfs_inodes *t);

#endif
