/* SPDX-License-Identifier: MIT */
/*
 * handle: what fi->fh points to.
 *
 * Each noun embeds this as the first member of its handles. They are freed by
 * the noun's release operation; those that are left when the mount is detached
 * with files open are freed at the end.
 */
#ifndef IXFS_HANDLE_H
#define IXFS_HANDLE_H

#include <stdint.h>

#include "core/base/lock.h"
#include "fs/fuse.h"

struct ixfs_handle {
	struct ixfs_handle *next, *prev;
	/* Releases what the handle owns and frees it. */
	void (*free)(struct ixfs_handle *h);
};

/* All handles of a mount. */
struct ixfs_handles {
	struct ix_mutex lock;
	struct ixfs_handle *first IX_GUARDED_BY(lock);
};

int ixfs_handles_init(struct ixfs_handles *t); /* 0 or -errno */
/* Free all handles; no request is under way any more. */
void ixfs_handles_release(struct ixfs_handles *t);

/* Let `fi` carry the handle. */
void ixfs_handle_attach(struct ixfs_handles *t, struct ixfs_handle *h,
			void (*free)(struct ixfs_handle *h),
			struct fuse_file_info *fi);
/* Free the handle that `fi` carries, if any. */
void ixfs_handle_free(struct ixfs_handles *t, const struct fuse_file_info *fi);

/* The handle with this fi->fh; NULL for 0. */
static inline void *ixfs_handle_at(uint64_t fh)
{
	return (void *)(uintptr_t)fh; /* NOLINT(performance-no-int-to-ptr) */
}

/* The handle that `fi` carries; NULL if none. */
static inline void *ixfs_handle_of(const struct fuse_file_info *fi)
{
	return ixfs_handle_at(fi->fh);
}

#endif
