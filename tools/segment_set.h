/* SPDX-License-Identifier: MIT */
/*
 * segment_set: the open segments behind a PATH of the command line: a mount, a
 * backing directory, one .seg file, or a directory of them.
 *
 * From a mount the set is one generation: the names are taken from one version
 * of metadata.json, and if one of them is gone before it is opened, everything
 * is done again with the next version. A backing directory is opened read-only
 * under a shared lock; if it is mounted, opening fails with -IX_EBUSYINDEX and
 * a text that names the mount.
 */
#ifndef IXFS_TOOLS_SEGMENT_SET_H
#define IXFS_TOOLS_SEGMENT_SET_H

#include <stddef.h>

#include "core/format/schema.h"
#include "core/io/vfs.h"

enum segment_set_kind {
	SEGMENT_SET_FILE,
	SEGMENT_SET_DIRECTORY,
	SEGMENT_SET_BACKING,
	SEGMENT_SET_MOUNT,
};

struct segment_set_entry {
	struct ix_file *file; /* owned */
	char *name;           /* owned */
};

struct segment_set {
	enum segment_set_kind kind;
	struct segment_set_entry *entries; /* owned; by name */
	size_t count;
	struct ix_schema *schema; /* owned: the index's, or NULL */
	struct ix_vfs *vfs;       /* owned */
	struct ix_index *index;   /* owned: SEGMENT_SET_BACKING */
};

int segment_set_open(const char *path, struct segment_set *set);
void segment_set_release(struct segment_set *set); /* idempotent */

#endif
