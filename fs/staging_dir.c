/* SPDX-License-Identifier: MIT */
/*
 * staging_dir: directories of the staging tree, and what the root does with
 * its own staging files in pending/.
 *
 * Names are looked up, made and removed with tree.lock held, so that the
 * backing directory and our nodes agree at every moment.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "fs/ixfs.h"
#include "fs/names.h"
#include "fs/names_list.h"
#include "fs/staging.h"

/* ---- life ---- */

struct ixfs_snode *ixfs_sdir_new(void)
{
	struct ixfs_snode *n = ix_calloc(1, sizeof(*n));

	if (n)
		n->is_dir = 1;
	return n;
}

static void sdir_free(struct ixfs *fs, struct ixfs_node *n)
{
	struct ixfs_snode *d = ixfs_snode_of(n);

	ixfs_snode_release(fs, d);
	ix_free(d);
}

/* ---- attributes ---- */

static int sdir_stat(struct ixfs *fs, struct ixfs_node *n, struct stat *st)
{
	return ixfs_snode_stat(fs, ixfs_snode_of(n), st);
}

static void sdir_setattr(fuse_req_t req, struct ixfs_node *n,
			 const struct stat *st, int to_set)
{
	int rc = to_set & FUSE_SET_ATTR_SIZE
			 ? -EISDIR
			 : ixfs_snode_setattr(ixfs_of(req), ixfs_snode_of(n),
					      st, to_set);

	if (rc)
		ixfs_reply(req, rc);
	else
		ixfs_reply_attr(req, n);
}

/* ---- names ---- */

static void sdir_lookup(fuse_req_t req, struct ixfs_node *dir, const char *name)
{
	struct ixfs *fs = ixfs_of(req);
	struct ixfs_snode *n;
	int rc = ixfs_tree_lookup(fs, ixfs_snode_of(dir), name, &n);

	if (rc) {
		ixfs_reply(req, rc);
		return;
	}
	ixfs_reply_entry(req, &n->node);
	ixfs_node_unref(fs->inodes, &n->node);
}

/* Who asks owns what it makes, if we are in a position to give it away. */
static int give_away(int fd, const char *path, fuse_req_t req)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);

	if (geteuid() != 0)
		return 0;
	return fchownat(fd, path, ctx->uid, ctx->gid,
			AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)
		       ? -errno
		       : 0;
}

/* A new file as a node that is open for writing, with a reference. */
static int create_locked(fuse_req_t req, struct ixfs_snode *dir,
			 const char *name, mode_t mode, struct ixfs_sfile **fp)
{
	struct ixfs *fs = ixfs_of(req);
	struct ixfs_path path;
	struct ixfs_snode *n;
	struct stat st;
	int fd;
	int rc;

	rc = ixfs_tree_path_locked(fs, dir, name, &path);
	if (rc)
		return rc;
	fd = openat(fs->backing_fd, path.p,
		    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	rc = give_away(fd, "", req);
	if (!rc && (fchmod(fd, mode & 0777) || fstat(fd, &st)))
		rc = -errno;
	if (!rc)
		rc = ixfs_tree_node_locked(fs, dir, name, &st, &n);
	if (rc) {
		(void)unlinkat(fs->backing_fd, path.p, 0);
		close(fd);
		return rc;
	}
	*fp = ixfs_sfile_of(&n->node);
	ix_mutex_lock(&(*fp)->lock);
	(*fp)->fd = fd;
	(*fp)->fd_writable = 1;
	(*fp)->opens = 1;
	ix_mutex_unlock(&(*fp)->lock);
	return 0;
}

void ixfs_sdir_create(fuse_req_t req, struct ixfs_node *dir, const char *name,
		      mode_t mode, struct fuse_file_info *fi)
{
	struct ixfs *fs = ixfs_of(req);
	struct ixfs_sfile *f = NULL;
	int rc;

	ix_mutex_lock(&fs->tree->lock);
	rc = create_locked(req, ixfs_snode_of(dir), name, mode, &f);
	ix_mutex_unlock(&fs->tree->lock);
	/* It came into being since the kernel looked: look again. */
	if (rc == -EEXIST && !(fi->flags & O_EXCL))
		rc = -ESTALE;
	if (rc) {
		ixfs_reply(req, rc);
		return;
	}
	rc = ixfs_shandle_new(req, 1, fi);
	if (rc)
		ixfs_reply(req, rc);
	else if (ixfs_reply_create(req, &f->s.node, fi)) {
		ixfs_handle_free(&fs->handles, fi);
		rc = -EIO;
	}
	if (rc)
		ixfs_sfile_close_fd(f);
	ixfs_node_unref(fs->inodes, &f->s.node);
}

static void sdir_mkdir(fuse_req_t req, struct ixfs_node *dir, const char *name,
		       mode_t mode)
{
	struct ixfs *fs = ixfs_of(req);
	struct ixfs_snode *n = NULL;
	struct ixfs_path path;
	int rc;

	ix_mutex_lock(&fs->tree->lock);
	rc = ixfs_tree_path_locked(fs, ixfs_snode_of(dir), name, &path);
	if (!rc && mkdirat(fs->backing_fd, path.p, 0700))
		rc = -errno;
	if (!rc) {
		rc = give_away(fs->backing_fd, path.p, req);
		if (!rc && fchmodat(fs->backing_fd, path.p, mode & 01777, 0))
			rc = -errno;
		if (!rc)
			rc = ixfs_tree_lookup_locked(fs, ixfs_snode_of(dir),
						     name, &n);
		if (rc)
			(void)unlinkat(fs->backing_fd, path.p, AT_REMOVEDIR);
	}
	ix_mutex_unlock(&fs->tree->lock);
	if (rc) {
		ixfs_reply(req, rc);
		return;
	}
	ixfs_reply_entry(req, &n->node);
	ixfs_node_unref(fs->inodes, &n->node);
}

/* ---- removing ---- */

/* -EAGAIN: a verdict on the file is under way; *busyp then has a reference. */
static int unlink_locked(struct ixfs *fs, struct ixfs_snode *dir,
			 const char *name, struct ixfs_sfile **busyp)
{
	struct ixfs_path path;
	struct ixfs_snode *n;
	struct ixfs_sfile *f;
	struct stat st;
	int frozen;
	int rc;

	rc = ixfs_tree_lookup_locked(fs, dir, name, &n);
	if (rc)
		return rc;
	f = ixfs_sfile_of(&n->node);
	if (!f) {
		rc = -EISDIR;
		goto out;
	}
	ix_mutex_lock(&f->lock);
	frozen = f->frozen;
	ix_mutex_unlock(&f->lock);
	if (frozen) {
		*busyp = f;
		return -EAGAIN;
	}
	rc = ixfs_tree_path_locked(fs, dir, name, &path);
	if (!rc && (fstatat(fs->backing_fd, path.p, &st, AT_SYMLINK_NOFOLLOW) ||
		    unlinkat(fs->backing_fd, path.p, 0)))
		rc = -errno;
	if (!rc) {
		ixfs_tree_gone_locked(fs, n, &st);
		ixfs_tree_count(fs->tree, -st.st_size);
	}
out:
	ixfs_node_unref(fs->inodes, &n->node);
	return rc;
}

static int unlink_name(struct ixfs *fs, struct ixfs_snode *dir,
		       const char *name, struct ixfs_sfile **busyp)
{
	int rc;

	ix_mutex_lock(&fs->tree->lock);
	rc = unlink_locked(fs, dir, name, busyp);
	ix_mutex_unlock(&fs->tree->lock);
	/* Also of a temporary name, if its rename was refused. */
	if (!rc && dir == fs->tree->pending)
		ix_index_pending_set(fs->index, name, NULL);
	return rc;
}

struct unlink_job {
	struct ixfs_job job;
	fuse_req_t req;
	struct ixfs_snode *dir;  /* ref */
	struct ixfs_sfile *busy; /* ref */
	char name[];
};

/* After the verdict the file is either a segment (and the name in pending/ is
 * gone) or can be removed. */
static void run_unlink(struct ixfs *fs, struct ixfs_job *job)
{
	struct unlink_job *u = (struct unlink_job *)job;
	int rc;

	do {
		ixfs_sfile_wait_thawed(u->busy);
		ixfs_node_unref(fs->inodes, &u->busy->s.node);
		u->busy = NULL;
		rc = unlink_name(fs, u->dir, u->name, &u->busy);
	} while (rc == -EAGAIN);
	if (rc == -ENOENT && u->dir == fs->tree->pending)
		rc = ix_index_remove(fs->index, u->name);
	ixfs_reply(u->req, rc);
	ixfs_node_unref(fs->inodes, &u->dir->node);
	ix_free(u);
}

void ixfs_sdir_unlink(fuse_req_t req, struct ixfs_node *dir, const char *name)
{
	struct ixfs *fs = ixfs_of(req);
	struct ixfs_sfile *busy = NULL;
	struct unlink_job *u;
	size_t len = strlen(name);
	int rc = unlink_name(fs, ixfs_snode_of(dir), name, &busy);

	if (rc != -EAGAIN) {
		ixfs_reply(req, rc);
		return;
	}
	u = ix_malloc(sizeof(*u) + len + 1);
	if (!u) {
		ixfs_node_unref(fs->inodes, &busy->s.node);
		fuse_reply_err(req, ENOMEM);
		return;
	}
	u->job.run = run_unlink;
	u->req = req;
	u->dir = ixfs_snode_of(ixfs_node_ref(fs->inodes, dir));
	u->busy = busy;
	memcpy(u->name, name, len + 1);
	ixfs_jobs_submit(fs->jobs, &u->job);
}

static void sdir_rmdir(fuse_req_t req, struct ixfs_node *dir, const char *name)
{
	struct ixfs *fs = ixfs_of(req);
	struct ixfs_snode *n = NULL;
	struct ixfs_path path;
	struct stat st;
	int rc;

	ix_mutex_lock(&fs->tree->lock);
	rc = ixfs_tree_lookup_locked(fs, ixfs_snode_of(dir), name, &n);
	if (!rc)
		rc = ixfs_tree_path_locked(fs, ixfs_snode_of(dir), name, &path);
	if (!rc && (fstatat(fs->backing_fd, path.p, &st, AT_SYMLINK_NOFOLLOW) ||
		    unlinkat(fs->backing_fd, path.p, AT_REMOVEDIR)))
		rc = -errno;
	if (!rc)
		ixfs_tree_gone_locked(fs, n, &st);
	ix_mutex_unlock(&fs->tree->lock);
	if (n)
		ixfs_node_unref(fs->inodes, &n->node);
	ixfs_reply(req, rc);
}

/* ---- listing ---- */

void ixfs_sdir_opendir(fuse_req_t req, struct ixfs_node *dir,
		       struct fuse_file_info *fi)
{
	struct ixfs_names_list *l = ixfs_names_list_new();
	struct ixfs *fs = ixfs_of(req);

	(void)dir;
	if (!l) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	ixfs_handle_attach(&fs->handles, &l->head, ixfs_names_list_free, fi);
	if (fuse_reply_open(req, fi))
		ixfs_handle_free(&fs->handles, fi);
}

void ixfs_sdir_releasedir(fuse_req_t req, struct ixfs_node *dir,
			  struct fuse_file_info *fi)
{
	(void)dir;
	ixfs_handle_free(&ixfs_of(req)->handles, fi);
	fuse_reply_err(req, 0);
}

int ixfs_sdir_list(struct ixfs *fs, struct ixfs_snode *dir,
		   struct ixfs_names_list *l, uint64_t base, uint64_t cookie,
		   int (*hidden)(struct ixfs *, const char *),
		   struct ixfs_dirbuf *b)
{
	struct ixfs_list_entry e;
	size_t i = cookie >= base ? (size_t)(cookie - base) + 1 : 0;
	int full = 0;

	for (; !full && ixfs_names_list_get(l, i, &e); i++) {
		struct ixfs_snode *n = NULL;

		if (hidden && hidden(fs, e.name))
			continue;
		/* What was removed meanwhile is left out. */
		if (ixfs_dirbuf_wants_nodes(b) &&
		    ixfs_tree_lookup(fs, dir, e.name, &n))
			continue;
		full = ixfs_dirbuf_add(b, e.name, base + i, n ? &n->node : NULL,
				       ixfs_ino_staging(e.ino), e.type);
		if (n)
			ixfs_node_unref(fs->inodes, &n->node);
	}
	return full;
}

static int sdir_readdir(struct ixfs *fs, struct ixfs_node *dir, uint64_t fh,
			uint64_t cookie, struct ixfs_dirbuf *b)
{
	struct ixfs_names_list *l = ixfs_handle_at(fh);
	int rc = 0;

	ix_mutex_lock(&l->lock);
	if (cookie == 0)
		rc = ixfs_names_list_read(fs, ixfs_snode_of(dir), l);
	if (!rc && !ixfs_dirbuf_add_dots(b, cookie))
		ixfs_sdir_list(fs, ixfs_snode_of(dir), l, IXFS_COOKIE_FIRST,
			       cookie, NULL, b);
	ix_mutex_unlock(&l->lock);
	return rc;
}

/* ---- fsync of a directory ---- */

struct sync_job {
	struct ixfs_job job;
	fuse_req_t req;
	struct ixfs_snode *dir; /* ref */
};

int ixfs_sdir_sync(struct ixfs *fs, struct ixfs_snode *dir)
{
	struct ixfs_path path;
	int fd = -1;
	int rc;

	ix_mutex_lock(&fs->tree->lock);
	rc = ixfs_tree_path_locked(fs, dir, NULL, &path);
	if (!rc)
		fd = openat(fs->backing_fd, path.p,
			    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (!rc && fd < 0)
		rc = -errno;
	ix_mutex_unlock(&fs->tree->lock);
	if (rc)
		return rc == -ENOENT ? 0 : rc;
	if (fsync(fd))
		rc = -errno;
	close(fd);
	return rc;
}

static void run_sync(struct ixfs *fs, struct ixfs_job *job)
{
	struct sync_job *s = (struct sync_job *)job;

	ixfs_reply(s->req, ixfs_sdir_sync(fs, s->dir));
	ixfs_node_unref(fs->inodes, &s->dir->node);
	ix_free(s);
}

static void sdir_fsyncdir(fuse_req_t req, struct ixfs_node *dir)
{
	struct ixfs *fs = ixfs_of(req);
	struct sync_job *s = ix_calloc(1, sizeof(*s));

	if (!s) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	s->job.run = run_sync;
	s->req = req;
	s->dir = ixfs_snode_of(ixfs_node_ref(fs->inodes, dir));
	ixfs_jobs_submit(fs->jobs, &s->job);
}

const struct ixfs_ops ixfs_sdir_ops = {
	.noun = "staging directory",
	.timeout = 0,
	.free = sdir_free,
	.stat = sdir_stat,
	.setattr = sdir_setattr,
	.lookup = sdir_lookup,
	.create = ixfs_sdir_create,
	.mkdir = sdir_mkdir,
	.unlink = ixfs_sdir_unlink,
	.rmdir = sdir_rmdir,
	.opendir = ixfs_sdir_opendir,
	.readdir = sdir_readdir,
	.releasedir = ixfs_sdir_releasedir,
	.fsyncdir = sdir_fsyncdir,
};
