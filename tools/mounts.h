/* SPDX-License-Identifier: MIT */
#ifndef IXFS_TOOLS_MOUNTS_H
#define IXFS_TOOLS_MOUNTS_H

/* Is `path` the root of a mounted ixfs (by /proc/self/mountinfo)? */
int mounts_is_ixfs(const char *path);

#endif
