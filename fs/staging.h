/* SPDX-License-Identifier: MIT */
/*
 * staging: one unfinished file, from its creation to its sealing.
 *
 *	state	   writes		leaves by
 *	open	   carried out		verdict asked for -> frozen
 *	frozen	   wait			registered -> sealed; refused -> open
 *	sealed	   EPERM		never; the segment has a node of its own
 *	gone	   carried out		never (removed; handles may be left)
 *
 * Writes are carried out by the thread that received them, several at once.
 * A verdict (verdict.h) freezes the file: writes that arrive are put aside as
 * jobs, those under way are waited for; then nobody writes, and the index can
 * verify and take the file. Handles opened before go on reading the same
 * bytes through the same descriptor.
 *
 * While it is written the pages are hashed (page_sums.h). Two writes in flight
 * that touch the same page reach the file in an order we do not know, so both
 * ranges are forgotten; the verifier reads them again.
 *
 * Withdrawn files: a segment moved back into staging may still be mapped by
 * its readers, so the backing file carries a mark (the sticky bit, which has
 * no meaning for files), and opening it for writing first gives it bytes of
 * its own.
 */
#ifndef IXFS_STAGING_H
#define IXFS_STAGING_H

#include <sys/types.h>

#include "core/base/lock.h"
#include "core/format/page_sums.h"
#include "fs/dispatch.h"
#include "fs/handle.h"
#include "fs/tree.h"

#define IXFS_MARK_WITHDRAWN S_ISVTX

struct ixfs_names_list;
struct ixfs_write; /* one write under way; staging_write.c */

struct ixfs_sfile {
	struct ixfs_snode s;
	struct ix_mutex lock;   /* guards the rest */
	struct ix_cond changed; /* frozen or writing became 0 */
	int frozen;             /* also read under tree.lock, see verdict.c */
	int sealed;
	uint64_t seq; /* sealed as this segment; 0 = none */
	int fd;       /* owned; -1 unless open */
	int fd_writable;
	unsigned opens;            /* handles */
	unsigned writing;          /* changes under way */
	struct ixfs_write *writes; /* those of them that are writes */
	int64_t size;              /* while fd >= 0 */
	int64_t behind;            /* written back up to here, about */
	int dirty;                 /* changed since the last verdict */
	int verdict;               /* the last one: 0 or a negative code */
	char *reason;              /* owned; why, NULL if it is 0 */
	struct ix_page_sums sums;
};

/* A handle: fi->fh. */
struct ixfs_shandle {
	struct ixfs_handle head;
	pid_t tgid; /* process that opened it; 0 = cannot be told */
	int writable;
};

extern const struct ixfs_ops ixfs_sfile_ops;
extern const struct ixfs_ops ixfs_sdir_ops;

/* Nodes that are in no table yet; NULL without memory. */
struct ixfs_snode *ixfs_sfile_new(void);
struct ixfs_snode *ixfs_sdir_new(void);

static inline struct ixfs_sfile *ixfs_sfile_of(struct ixfs_node *n)
{
	return n->ops == &ixfs_sfile_ops ? (struct ixfs_sfile *)n : NULL;
}

/*
 * Begin to change the file's bytes: 0, then ixfs_sfile_end follows; -EPERM:
 * sealed; -EAGAIN: frozen, try again from a job with `wait`, which waits for
 * the end of the verdict.
 */
int ixfs_sfile_begin(struct ixfs_sfile *f, int wait);
void ixfs_sfile_end(struct ixfs_sfile *f);

/* Operations of the noun that have a file of their own: staging_write.c. */
void ixfs_sfile_write(fuse_req_t req, struct ixfs_node *n, const char *data,
		      size_t size, off_t offset, struct fuse_file_info *fi);
void ixfs_sfile_fallocate(fuse_req_t req, struct ixfs_node *n, int mode,
			  off_t offset, off_t length);
/* ftruncate, begun by the caller; 0 or -errno. */
int ixfs_sfile_truncate_begun(struct ixfs *fs, struct ixfs_sfile *f,
			      off_t size);

/*
 * Count one more handle, and open the backing file if it is not open yet;
 * `writable`: for writing too. 0; -ESTALE: it is gone or sealed; -EAGAIN: it
 * was withdrawn and must be unshared first (unshare.h), from a job. Both locks
 * are taken inside. Undone by ixfs_sfile_close_fd.
 */
int ixfs_sfile_open_fd(struct ixfs *fs, struct ixfs_sfile *f, int writable);
void ixfs_sfile_close_fd(struct ixfs_sfile *f);

/* Attach a handle of a staging file to `fi`; freed by release. 0 or -ENOMEM. */
int ixfs_shandle_new(fuse_req_t req, int writable, struct fuse_file_info *fi);

/* Set owner, mode and times of a staging file or directory, as far as `to_set`
 * (FUSE_SET_ATTR_*) asks for them. Takes tree.lock. */
int ixfs_snode_setattr(struct ixfs *fs, struct ixfs_snode *n,
		       const struct stat *st, int to_set);

/* Directory operations of staging_dir.c that the root lends. */
void ixfs_sdir_create(fuse_req_t req, struct ixfs_node *dir, const char *name,
		      mode_t mode, struct fuse_file_info *fi);
void ixfs_sdir_unlink(fuse_req_t req, struct ixfs_node *dir, const char *name);
/* Handles of directories: fi->fh is a names_list. */
void ixfs_sdir_opendir(fuse_req_t req, struct ixfs_node *dir,
		       struct fuse_file_info *fi);
void ixfs_sdir_releasedir(fuse_req_t req, struct ixfs_node *dir,
			  struct fuse_file_info *fi);
/* Add the entries of `l` behind `cookie`; the i-th has cookie base + i. Those
 * for which `hidden` (may be NULL) says so are left out. Returns 1 when the
 * buffer is full. The list's lock is held. */
int ixfs_sdir_list(struct ixfs *fs, struct ixfs_snode *dir,
		   struct ixfs_names_list *l, uint64_t base, uint64_t cookie,
		   int (*hidden)(struct ixfs *, const char *),
		   struct ixfs_dirbuf *b);
/* fsync of the backing directory (in a job only). */
int ixfs_sdir_sync(struct ixfs *fs, struct ixfs_snode *dir);

/* Wait until no verdict on the file is under way (in a job only). */
void ixfs_sfile_wait_thawed(struct ixfs_sfile *f);

#endif
