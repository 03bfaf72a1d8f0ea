/* SPDX-License-Identifier: MIT */
/*
 * dispatch: from the kernel's requests to the nouns that serve them.
 *
 * Each kind of node (root, staging directory, staging file, segment, control
 * file, ...) is one noun with one table of operations, in one file
 * <noun>.c. Dispatch finds the node, holds a reference to it during the call,
 * and answers by itself what the noun's table leaves out:
 *
 *	lookup, readdir, ...	ENOTDIR
 *	mkdir, create, unlink,
 *	rmdir, rename, write ... EPERM
 *	mknod, symlink, link	EPERM, always
 *	getxattr, listxattr	ENODATA, empty
 *	setxattr, removexattr	EOPNOTSUPP, always
 *	flush, fsync, release	0
 *
 * An operation replies exactly once, at once or later (from a job that holds
 * its own reference to the node). Names and data passed in are good until the
 * operation returns. No operation waits.
 */
#ifndef IXFS_DISPATCH_H
#define IXFS_DISPATCH_H

#include <sys/stat.h>
#include <sys/types.h>

#include "fs/fuse.h"
#include "fs/inode.h"

struct ixfs_dirbuf;

struct ixfs_ops {
	const char *noun; /* for messages */
	/* Seconds for which the kernel may trust attributes and a name. */
	double timeout;
	double names_timeout;

	/* The last reference is gone: release what the node owns, free it. */
	void (*free)(struct ixfs *fs, struct ixfs_node *n);
	/* Fill in what stat(2) shows; 0 or a negative code. Must be there.
	 * May be called from any thread, without locks. */
	int (*stat)(struct ixfs *fs, struct ixfs_node *n, struct stat *st);

	/* files and directories */
	void (*setattr)(fuse_req_t req, struct ixfs_node *n,
			const struct stat *st, int to_set);
	void (*getxattr)(fuse_req_t req, struct ixfs_node *n, const char *name,
			 size_t size);

	/* directories */
	void (*lookup)(fuse_req_t req, struct ixfs_node *dir, const char *name);
	void (*create)(fuse_req_t req, struct ixfs_node *dir, const char *name,
		       mode_t mode, struct fuse_file_info *fi);
	void (*mkdir)(fuse_req_t req, struct ixfs_node *dir, const char *name,
		      mode_t mode);
	void (*unlink)(fuse_req_t req, struct ixfs_node *dir, const char *name);
	void (*rmdir)(fuse_req_t req, struct ixfs_node *dir, const char *name);
	void (*opendir)(fuse_req_t req, struct ixfs_node *dir,
			struct fuse_file_info *fi);
	/* Add entries behind cookie `cookie` until the buffer is full; 0 or a
	 * negative code. Dispatch replies. */
	int (*readdir)(struct ixfs *fs, struct ixfs_node *dir, uint64_t fh,
		       uint64_t cookie, struct ixfs_dirbuf *b);
	void (*releasedir)(fuse_req_t req, struct ixfs_node *dir,
			   struct fuse_file_info *fi);
	void (*fsyncdir)(fuse_req_t req, struct ixfs_node *dir);

	/* files */
	void (*open)(fuse_req_t req, struct ixfs_node *n,
		     struct fuse_file_info *fi);
	void (*read)(fuse_req_t req, struct ixfs_node *n, size_t size,
		     off_t offset, struct fuse_file_info *fi);
	void (*write)(fuse_req_t req, struct ixfs_node *n, const char *data,
		      size_t size, off_t offset, struct fuse_file_info *fi);
	void (*fallocate)(fuse_req_t req, struct ixfs_node *n, int mode,
			  off_t offset, off_t length);
	void (*flush)(fuse_req_t req, struct ixfs_node *n,
		      struct fuse_file_info *fi);
	void (*fsync)(fuse_req_t req, struct ixfs_node *n, int datasync,
		      struct fuse_file_info *fi);
	void (*release)(fuse_req_t req, struct ixfs_node *n,
			struct fuse_file_info *fi);
};

extern const struct fuse_lowlevel_ops ixfs_lowlevel_ops;

/* ---- replies ---- */

/* A negative code (or 0) as an errno the kernel takes. */
int ixfs_reply(fuse_req_t req, int code);

/* The entry `n`; the kernel's lookup is counted here. The caller keeps its
 * reference. Replies with the error when the node cannot be stat'ed. */
void ixfs_reply_entry(fuse_req_t req, struct ixfs_node *n);
/* As above for CREATE, with the handle in `fi`. 0, or negative when the
 * kernel was not told: the caller undoes the open. */
int ixfs_reply_create(fuse_req_t req, struct ixfs_node *n,
		      const struct fuse_file_info *fi);
void ixfs_reply_attr(fuse_req_t req, struct ixfs_node *n);
/* An attribute's value, or its size when `size` is 0; ERANGE if too small. */
void ixfs_reply_xattr(fuse_req_t req, const char *value, size_t len,
		      size_t size);
/* Up to `size` bytes of `fd` at `offset`. */
void ixfs_reply_read(fuse_req_t req, int fd, size_t size, off_t offset);
/* Up to `size` bytes at `offset` of a text of `len` bytes. */
void ixfs_reply_text(fuse_req_t req, const char *text, size_t len, size_t size,
		     off_t offset);

/* ---- directory listings ---- */

/* The first cookie of a listing is 0: nothing seen yet. Cookies of entries
 * are > 0, and never mean another entry as long as a handle is open. */
enum {
	IXFS_COOKIE_DOT = 1,
	IXFS_COOKIE_DOTDOT,
	IXFS_COOKIE_FIRST /* free for the noun */
};

/*
 * Add one entry. With `n` the kernel also learns attributes and counts a
 * lookup (if it asked for that); without, `ino` and `type` (S_IFREG, S_IFDIR)
 * are told. Returns 1 when the entry did not fit (stop), 0 when added or (the
 * node is gone) skipped.
 */
int ixfs_dirbuf_add(struct ixfs_dirbuf *b, const char *name, uint64_t cookie,
		    struct ixfs_node *n, uint64_t ino, mode_t type);
/* As above for a node whose attributes are known already. */
int ixfs_dirbuf_add_known(struct ixfs_dirbuf *b, const char *name,
			  uint64_t cookie, struct ixfs_node *n,
			  const struct stat *st);
/* Adds "." and ".." as far as they are behind `cookie`. 1 = full. */
int ixfs_dirbuf_add_dots(struct ixfs_dirbuf *b, uint64_t cookie);
/* Did the kernel ask for attributes? (If not, nodes need not be found.) */
int ixfs_dirbuf_wants_nodes(const struct ixfs_dirbuf *b);

#endif
