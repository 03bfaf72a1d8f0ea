/* SPDX-License-Identifier: MIT */
/*
 * dotdir: the directory .ixfs, which is reachable but not listed in the root.
 *
 * Its entries are fixed nodes. A noun that wants an entry here adds its node
 * with a fixed id (ixfs.h) at mount and one row to the table in dotdir.c.
 */
#ifndef IXFS_DOTDIR_H
#define IXFS_DOTDIR_H

#include "fs/dispatch.h"

struct ixfs;

/* Put the fixed node into the table; 0 or -ENOMEM. The caller drops the
 * reference in *np at the end. */
int ixfs_dotdir_add(struct ixfs *fs, struct ixfs_node **np);

#endif
