/* SPDX-License-Identifier: MIT */
/*
 * tree: the names of staging files.
 *
 * Unfinished files live in two trees of the backing directory, which only the
 * daemon changes: pending/ holds those that have a name in the root (it is
 * flat), staging/ is what .ixfs/staging shows. A staging node (snode) is one
 * file or directory in either; its key is its inode number there, and as
 * there are no hard links it has exactly one parent and name. They are kept in
 * the node, so that no descriptor is needed to find the file again, and change
 * together with the backing directory, under one lock.
 *
 * A removed node is "gone": no parent, no name, no key; its last attributes
 * are kept for whoever still holds it.
 */
#ifndef IXFS_TREE_H
#define IXFS_TREE_H

#include <limits.h>
#include <stdint.h>
#include <sys/stat.h>

#include "core/base/lock.h"
#include "fs/inode.h"

struct ixfs;
struct ixfs_dirbuf;

struct ixfs_snode {
	struct ixfs_node node; /* key: inode number in the backing fs */
	int is_dir;
	struct ixfs_snode *parent; /* ref; NULL if gone; tree.lock */
	char *name;                /* owned; NULL if gone; tree.lock */
	struct stat *gone;         /* owned; attributes when removed */
	/* Of a directory: frozen files below. The index has been told their
	 * paths, so it keeps its name until they are thawed. tree.lock */
	unsigned frozen_below;
};

struct ixfs_tree {
	struct ix_mutex lock;
	struct ix_cond settled;     /* a frozen_below became less */
	struct ixfs_snode *pending; /* ref; fixed node */
	struct ixfs_snode *staging; /* ref; fixed node */
	_Atomic int64_t bytes;      /* of all files in both trees */
};

/* A path below the backing directory; `p` points into `text`. */
struct ixfs_path {
	char text[PATH_MAX];
	const char *p;
};

/* Check or make pending/ and staging/, count their bytes. A text with every
 * error. */
int ixfs_tree_new(struct ixfs *fs, struct ixfs_tree **tp);
void ixfs_tree_free(struct ixfs *fs, struct ixfs_tree *t); /* NULL allowed */

/* Bytes of all staging files, for statfs. */
uint64_t ixfs_tree_bytes(struct ixfs_tree *t);
/* They became `delta` more (or less). */
void ixfs_tree_count(struct ixfs_tree *t, int64_t delta);

/* Is it a staging node (of either tree)? NULL if not. */
struct ixfs_snode *ixfs_snode_of(struct ixfs_node *n);

/* The path of `n`, or of `child` in directory `n` (NULL = n itself). 0,
 * -ENOENT if gone, -ENAMETOOLONG. */
int ixfs_tree_path_locked(struct ixfs *fs, struct ixfs_snode *n,
			  const char *child, struct ixfs_path *path);

/* Is the file's name in the root a final one? */
int ixfs_tree_is_final_locked(struct ixfs *fs, const struct ixfs_snode *n);

/*
 * The node of `name` in `dir`, with a reference. -ENOENT also for what is
 * neither a file nor a directory: such things were not made through the mount.
 */
int ixfs_tree_lookup(struct ixfs *fs, struct ixfs_snode *dir, const char *name,
		     struct ixfs_snode **np);
int ixfs_tree_lookup_locked(struct ixfs *fs, struct ixfs_snode *dir,
			    const char *name, struct ixfs_snode **np);
/* As above for something whose attributes are known. */
int ixfs_tree_node_locked(struct ixfs *fs, struct ixfs_snode *dir,
			  const char *name, const struct stat *st,
			  struct ixfs_snode **np);

/* The node moved to `name` in `dir`. -ENOMEM leaves it gone: then it is found
 * anew by the next lookup. */
int ixfs_tree_moved_locked(struct ixfs *fs, struct ixfs_snode *n,
			   struct ixfs_snode *dir, const char *name);
/* The node's name was removed; `st`: attributes at that time, or NULL. */
void ixfs_tree_gone_locked(struct ixfs *fs, struct ixfs_snode *n,
			   const struct stat *st);

/* Remove the staging file that has this name in the root, if there is one:
 * the name was given to a segment. */
void ixfs_tree_remove_pending_locked(struct ixfs *fs, const char *name);

/* What stat(2) shows of a directory, or of a file without a descriptor. */
int ixfs_snode_stat(struct ixfs *fs, struct ixfs_snode *n, struct stat *st);
/* From the backing file's attributes to what is shown. */
void ixfs_snode_show(struct stat *st);

/* Release what an snode owns (not the structure). */
void ixfs_snode_release(struct ixfs *fs, struct ixfs_snode *n);

#endif
