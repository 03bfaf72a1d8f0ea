/* SPDX-License-Identifier: MIT */
/*
 * control: metadata.json.
 *
 * Reading: each rendered version is one immutable node, whose key is the
 * version; a lookup leads to the present one. So size, fstat and bytes of one
 * node always agree, whatever happens meanwhile.
 *
 * Writing: each handle is a stream of JSON documents (offsets and truncation
 * mean nothing). A document is applied by the write that completes it, because
 * shells report errors of write and not of close. Only root and the owner of
 * the mount may write, which is checked per request.
 */
#ifndef IXFS_CONTROL_H
#define IXFS_CONTROL_H

#include <sys/types.h>

#include "fs/dispatch.h"

struct ixfs;
struct ixfs_control;

int ixfs_control_new(struct ixfs_control **cp);
void ixfs_control_free(struct ixfs_control *c); /* NULL allowed */

/* The node of the present version, with a reference. */
int ixfs_control_node(struct ixfs *fs, struct ixfs_node **np);

/* Apply the documents in a file of the backing directory, all of which must be
 * complete: what renaming a file over metadata.json means. They are applied
 * one after the other up to the first that fails. In a job only. */
int ixfs_control_apply_file(struct ixfs *fs, const char *path);

/* May this user change the index? 0 or -EPERM. */
int ixfs_control_allowed(const struct ixfs *fs, uid_t uid);

#endif
