/* SPDX-License-Identifier: MIT */
/*
 * names_list: what a directory held when its listing began.
 *
 * A handle of a directory reads the backing directory once, at the start of
 * the listing (and again after rewinddir). Cookies count entries of this
 * frozen list, so deleting while listing (rm -r) neither skips nor repeats.
 */
#ifndef IXFS_NAMES_LIST_H
#define IXFS_NAMES_LIST_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/base/buf.h"
#include "core/base/lock.h"
#include "fs/handle.h"

struct ixfs;
struct ixfs_snode;

/* One entry; `name` is good as long as the list is not read again. */
struct ixfs_list_entry {
	const char *name;
	uint64_t ino; /* in the backing filesystem */
	mode_t type;  /* S_IFREG or S_IFDIR */
};

struct ixfs_names_list {
	struct ixfs_handle head;
	struct ix_mutex lock; /* one listing call per handle at a time */
	struct ix_buf names;  /* each NUL-terminated */
	size_t *offsets;      /* owned; of names, [count] */
	uint64_t *inos;       /* owned; [count] */
	uint8_t *dirs;        /* owned; [count] */
	size_t count;
	size_t cap_offsets, cap_inos, cap_dirs;
};

struct ixfs_names_list *ixfs_names_list_new(void); /* NULL without memory */
void ixfs_names_list_free(struct ixfs_handle *h);  /* its free function */

/* Read the backing directory of `dir` anew; what is neither a file nor a
 * directory is left out. 0 or a negative code, then the list is empty. */
int ixfs_names_list_read(struct ixfs *fs, struct ixfs_snode *dir,
			 struct ixfs_names_list *l);

/* The `i`-th entry: 1, or 0 behind the last. */
int ixfs_names_list_get(struct ixfs_names_list *l, size_t i,
			struct ixfs_list_entry *e);

#endif
