/* SPDX-License-Identifier: MIT */
#include "fs/handle.h"

#include <stddef.h>

int ixfs_handles_init(struct ixfs_handles *t)
{
	t->first = NULL;
	return ix_mutex_init(&t->lock);
}

void ixfs_handles_release(struct ixfs_handles *t)
{
	struct ixfs_handle *h;

	while ((h = t->first)) {
		t->first = h->next;
		h->free(h);
	}
	ix_mutex_release(&t->lock);
}

void ixfs_handle_attach(struct ixfs_handles *t, struct ixfs_handle *h,
			void (*free)(struct ixfs_handle *h),
			struct fuse_file_info *fi)
{
	h->free = free;
	h->prev = NULL;
	ix_mutex_lock(&t->lock);
	h->next = t->first;
	if (h->next)
		h->next->prev = h;
	t->first = h;
	ix_mutex_unlock(&t->lock);
	fi->fh = (uintptr_t)h;
}

void ixfs_handle_free(struct ixfs_handles *t, const struct fuse_file_info *fi)
{
	struct ixfs_handle *h = ixfs_handle_of(fi);

	if (!h)
		return;
	ix_mutex_lock(&t->lock);
	if (h->prev)
		h->prev->next = h->next;
	else
		t->first = h->next;
	if (h->next)
		h->next->prev = h->prev;
	ix_mutex_unlock(&t->lock);
	h->free(h);
}
