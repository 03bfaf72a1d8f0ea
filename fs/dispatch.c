/* SPDX-License-Identifier: MIT */
#include "fs/dispatch.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "fs/ixfs.h"
#include "fs/rename.h"
#include "fs/tree.h"

/* ---- life of the connection ---- */

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
	(void)userdata;
	/* Writes must reach us in order and at once: checksums while writing,
	 * errors at write; and passthrough excludes it. */
	conn->want &= ~(unsigned)FUSE_CAP_WRITEBACK_CACHE;
	conn->want |= conn->capable &
		      (FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_PARALLEL_DIROPS |
		       FUSE_CAP_ASYNC_READ | FUSE_CAP_ASYNC_DIO |
		       FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO);
#ifdef FUSE_CAP_PASSTHROUGH
	if (!((struct ixfs *)userdata)->o->no_passthrough &&
	    (conn->capable & FUSE_CAP_PASSTHROUGH)) {
		conn->want |= FUSE_CAP_PASSTHROUGH;
		conn->max_backing_stack_depth = 0; /* as in session.c */
	}
#endif
	conn->max_background = 64;
	conn->congestion_threshold = 48;
	conn->time_gran = 1;
}

/* ---- finding the node ---- */

/* The node of a request, with a reference; replies ESTALE if there is none. */
static struct ixfs_node *get(fuse_req_t req, fuse_ino_t ino)
{
	struct ixfs_node *n = ixfs_node_get(ixfs_of(req)->inodes, ino);

	if (!n)
		fuse_reply_err(req, ESTALE);
	return n;
}

static void put(struct ixfs *fs, struct ixfs_node *n)
{
	ixfs_node_unref(fs->inodes, n);
}

/*
 * Find node `ino`, call its operation `op` with the arguments that follow, or
 * reply `fallback` (an errno, or 0) when its noun has none. The mount is taken
 * from the request before the operation replies: then the request is gone.
 */
#define DISPATCH(req, ino, op, fallback, ...) \
 do {                                         \
  struct ixfs *fs_ = ixfs_of(req);            \
  struct ixfs_node *n_ = get(req, ino);       \
  if (!n_)                                    \
   break;                                     \
  if (n_->ops->op)                            \
   n_->ops->op(req, n_, __VA_ARGS__);         \
  else                                        \
   fuse_reply_err(req, fallback);             \
  put(fs_, n_);                               \
 } while (0)

static int is_dir(const struct ixfs_node *n)
{
	return n->ops->lookup != NULL;
}

/* ---- names ---- */

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	DISPATCH(req, parent, lookup, ENOTDIR, name);
}

static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t count)
{
	ixfs_node_forget(ixfs_of(req)->inodes, ino, count);
	fuse_reply_none(req);
}

static void op_forget_multi(fuse_req_t req, size_t n,
			    struct fuse_forget_data *f)
{
	for (size_t i = 0; i < n; i++)
		ixfs_node_forget(ixfs_of(req)->inodes, f[i].ino, f[i].nlookup);
	fuse_reply_none(req);
}

static void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name,
		     mode_t mode)
{
	DISPATCH(req, parent, mkdir, EPERM, name, mode);
}

static void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	DISPATCH(req, parent, unlink, EPERM, name);
}

static void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	DISPATCH(req, parent, rmdir, EPERM, name);
}

static void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name,
		      fuse_ino_t new_parent, const char *new_name,
		      unsigned flags)
{
	struct ixfs *fs = ixfs_of(req);
	struct ixfs_node *from = get(req, parent);
	struct ixfs_node *to;

	if (!from)
		return;
	to = get(req, new_parent);
	if (to)
		ixfs_rename(req, from, name, to, new_name, flags);
	put(fs, to);
	put(fs, from);
}

static void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name,
		     mode_t mode, dev_t rdev)
{
	(void)parent;
	(void)name;
	(void)mode;
	(void)rdev;
	fuse_reply_err(req, EPERM);
}

static void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent,
		       const char *name)
{
	(void)target;
	(void)parent;
	(void)name;
	fuse_reply_err(req, EPERM);
}

/* A second name for a file that can be written would be a way around the
 * promise that sealed data does not change. */
static void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t new_parent,
		    const char *new_name)
{
	(void)ino;
	(void)new_parent;
	(void)new_name;
	fuse_reply_err(req, EPERM);
}

/* ---- attributes ---- */

static void op_getattr(fuse_req_t req, fuse_ino_t ino,
		       struct fuse_file_info *fi)
{
	struct ixfs *fs = ixfs_of(req);
	struct ixfs_node *n = get(req, ino);

	(void)fi;
	if (!n)
		return;
	ixfs_reply_attr(req, n);
	put(fs, n);
}

static void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st,
		       int to_set, struct fuse_file_info *fi)
{
	(void)fi;
	DISPATCH(req, ino, setattr, EPERM, st, to_set);
}

static void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name,
			size_t size)
{
	DISPATCH(req, ino, getxattr, ENODATA, name, size);
}

static void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	/* user.ixfs.status is there to be asked for, not to be copied. */
	(void)ino;
	ixfs_reply_xattr(req, "", 0, size);
}

static void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name,
			const char *value, size_t size, int flags)
{
	(void)ino;
	(void)name;
	(void)value;
	(void)size;
	(void)flags;
	fuse_reply_err(req, EOPNOTSUPP);
}

static void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	(void)ino;
	(void)name;
	fuse_reply_err(req, EOPNOTSUPP);
}

static void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct ixfs *fs = ixfs_of(req);
	struct ix_index_stats stats;
	struct statvfs out;
	struct statvfs in;
	uint64_t used;

	(void)ino;
	if (fstatvfs(fs->backing_fd, &in)) {
		fuse_reply_err(req, errno);
		return;
	}
	ix_index_stats(fs->index, &stats);
	used = stats.live_bytes + stats.retired_bytes +
	       ixfs_tree_bytes(fs->tree);
	memset(&out, 0, sizeof(out));
	out.f_bsize = 4096;
	out.f_frsize = 4096;
	out.f_bavail = in.f_bavail * (in.f_frsize / 512) / 8;
	out.f_bfree = out.f_bavail;
	out.f_blocks = used / 4096 + out.f_bfree;
	out.f_files = in.f_files;
	out.f_ffree = in.f_ffree;
	out.f_favail = in.f_favail;
	out.f_namemax = IX_NAME_MAX;
	fuse_reply_statfs(req, &out);
}

/* ---- files ---- */

static void op_create(fuse_req_t req, fuse_ino_t parent, const char *name,
		      mode_t mode, struct fuse_file_info *fi)
{
	DISPATCH(req, parent, create, EPERM, name, mode, fi);
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	DISPATCH(req, ino, open, EPERM, fi);
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
		    struct fuse_file_info *fi)
{
	DISPATCH(req, ino, read, EPERM, size, offset, fi);
}

static void op_write(fuse_req_t req, fuse_ino_t ino, const char *data,
		     size_t size, off_t offset, struct fuse_file_info *fi)
{
	DISPATCH(req, ino, write, EPERM, data, size, offset, fi);
}

static void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset,
			 off_t length, struct fuse_file_info *fi)
{
	(void)fi;
	DISPATCH(req, ino, fallocate, EPERM, mode, offset, length);
}

static void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	DISPATCH(req, ino, flush, 0, fi);
}

static void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync,
		     struct fuse_file_info *fi)
{
	DISPATCH(req, ino, fsync, 0, datasync, fi);
}

static void op_release(fuse_req_t req, fuse_ino_t ino,
		       struct fuse_file_info *fi)
{
	DISPATCH(req, ino, release, 0, fi);
}

/* ---- directories ---- */

static void op_opendir(fuse_req_t req, fuse_ino_t ino,
		       struct fuse_file_info *fi)
{
	struct ixfs *fs = ixfs_of(req);
	struct ixfs_node *n = get(req, ino);

	if (!n)
		return;
	if (n->ops->opendir)
		n->ops->opendir(req, n, fi);
	else if (is_dir(n))
		fuse_reply_open(req, fi);
	else
		fuse_reply_err(req, ENOTDIR);
	put(fs, n);
}

static void op_releasedir(fuse_req_t req, fuse_ino_t ino,
			  struct fuse_file_info *fi)
{
	DISPATCH(req, ino, releasedir, 0, fi);
}

static void op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync,
			struct fuse_file_info *fi)
{
	struct ixfs *fs = ixfs_of(req);
	struct ixfs_node *n = get(req, ino);

	(void)datasync;
	(void)fi;
	if (!n)
		return;
	if (n->ops->fsyncdir)
		n->ops->fsyncdir(req, n);
	else
		fuse_reply_err(req, 0);
	put(fs, n);
}

/* ---- listings ---- */

struct ixfs_dirbuf {
	struct ixfs *fs;
	fuse_req_t req;
	struct ixfs_node *dir;
	int plus;
	char *data; /* owned */
	size_t size;
	size_t used;
	uint64_t *told; /* owned: nodes counted as looked up, to be undone */
	size_t told_count;
	size_t told_cap;
};

int ixfs_dirbuf_wants_nodes(const struct ixfs_dirbuf *b)
{
	return b->plus;
}

static int add_plain(struct ixfs_dirbuf *b, const char *name, uint64_t cookie,
		     uint64_t ino, mode_t type)
{
	struct fuse_entry_param e;
	size_t n;

	memset(&e, 0, sizeof(e));
	e.attr.st_ino = ino;
	e.attr.st_mode = type;
	if (b->plus)
		n = fuse_add_direntry_plus(b->req, b->data + b->used,
					   b->size - b->used, name, &e,
					   (off_t)cookie);
	else
		n = fuse_add_direntry(b->req, b->data + b->used,
				      b->size - b->used, name, &e.attr,
				      (off_t)cookie);
	if (n > b->size - b->used)
		return 1;
	b->used += n;
	return 0;
}

int ixfs_dirbuf_add_known(struct ixfs_dirbuf *b, const char *name,
			  uint64_t cookie, struct ixfs_node *node,
			  const struct stat *st)
{
	struct fuse_entry_param e;
	size_t n;

	/* Without memory to undo it, do not tell of the node. */
	if (!b->plus || ix_grow(&b->told, &b->told_cap, b->told_count + 1,
				sizeof(*b->told)))
		return add_plain(b, name, cookie, st->st_ino, st->st_mode);
	memset(&e, 0, sizeof(e));
	e.ino = node->id;
	e.attr = *st;
	e.attr_timeout = node->ops->timeout;
	e.entry_timeout = node->ops->names_timeout;
	n = fuse_add_direntry_plus(b->req, b->data + b->used, b->size - b->used,
				   name, &e, (off_t)cookie);
	if (n > b->size - b->used)
		return 1;
	b->used += n;
	ixfs_node_remember(b->fs->inodes, node);
	b->told[b->told_count++] = node->id;
	return 0;
}

int ixfs_dirbuf_add(struct ixfs_dirbuf *b, const char *name, uint64_t cookie,
		    struct ixfs_node *n, uint64_t ino, mode_t type)
{
	struct stat st;

	if (!b->plus || !n)
		return add_plain(b, name, cookie, ino, type);
	memset(&st, 0, sizeof(st));
	if (n->ops->stat(b->fs, n, &st))
		return 0;
	return ixfs_dirbuf_add_known(b, name, cookie, n, &st);
}

int ixfs_dirbuf_add_dots(struct ixfs_dirbuf *b, uint64_t cookie)
{
	struct stat st;

	memset(&st, 0, sizeof(st));
	if (b->dir->ops->stat(b->fs, b->dir, &st))
		st.st_ino = 1;
	if (cookie < IXFS_COOKIE_DOT &&
	    add_plain(b, ".", IXFS_COOKIE_DOT, st.st_ino, S_IFDIR))
		return 1;
	/* The kernel knows the parent better and shows its own number. */
	return cookie < IXFS_COOKIE_DOTDOT &&
	       add_plain(b, "..", IXFS_COOKIE_DOTDOT, st.st_ino, S_IFDIR);
}

static void list(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		 struct fuse_file_info *fi, int plus)
{
	struct ixfs_dirbuf b = {
		.fs = ixfs_of(req), .req = req, .plus = plus, .size = size
	};
	struct ixfs_node *n = get(req, ino);
	int rc = -ENOMEM;

	if (!n)
		return;
	b.dir = n;
	b.data = ix_malloc(size);
	if (b.data)
		rc = n->ops->readdir ? n->ops->readdir(b.fs, n, fi->fh,
						       (uint64_t)off, &b)
				     : -ENOTDIR;
	/* What was counted must be told: an error behind the first entries is
	 * reported by the next call. */
	if (rc && !b.used)
		ixfs_reply(req, rc);
	else if (fuse_reply_buf(req, b.data, b.used))
		for (size_t i = 0; i < b.told_count; i++)
			ixfs_node_forget(b.fs->inodes, b.told[i], 1);
	ix_free(b.told);
	ix_free(b.data);
	put(b.fs, n);
}

static void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		       struct fuse_file_info *fi)
{
	list(req, ino, size, off, fi, 0);
}

static void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size,
			   off_t off, struct fuse_file_info *fi)
{
	list(req, ino, size, off, fi, 1);
}

const struct fuse_lowlevel_ops ixfs_lowlevel_ops = {
	.init = op_init,
	.lookup = op_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.getattr = op_getattr,
	.setattr = op_setattr,
	.mknod = op_mknod,
	.mkdir = op_mkdir,
	.unlink = op_unlink,
	.rmdir = op_rmdir,
	.symlink = op_symlink,
	.rename = op_rename,
	.link = op_link,
	.open = op_open,
	.read = op_read,
	.write = op_write,
	.flush = op_flush,
	.release = op_release,
	.fsync = op_fsync,
	.opendir = op_opendir,
	.readdir = op_readdir,
	.readdirplus = op_readdirplus,
	.releasedir = op_releasedir,
	.fsyncdir = op_fsyncdir,
	.statfs = op_statfs,
	.setxattr = op_setxattr,
	.getxattr = op_getxattr,
	.listxattr = op_listxattr,
	.removexattr = op_removexattr,
	.create = op_create,
	.fallocate = op_fallocate,
};
