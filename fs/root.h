/* SPDX-License-Identifier: MIT */
/*
 * root: the directory of the index.
 *
 * Its names are, in order of precedence: metadata.json and .ixfs; the live
 * segments of the index; staging files, which have no directories among them
 * and live in pending/ of the backing directory.
 */
#ifndef IXFS_ROOT_H
#define IXFS_ROOT_H

#include "fs/dispatch.h"

struct ixfs;

extern const struct ixfs_ops ixfs_root_ops;

/* Put the fixed node into the table; 0 or -ENOMEM. It goes with the table:
 * the caller drops the reference in *np. */
int ixfs_root_add(struct ixfs *fs, struct ixfs_node **np);

/* Is `name` the name of a live segment? */
int ixfs_root_is_segment(struct ixfs *fs, const char *name);

#endif
