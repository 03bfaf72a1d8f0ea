/* SPDX-License-Identifier: MIT */
#include "fs/root.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "fs/control.h"
#include "fs/dotdir.h"
#include "fs/ixfs.h"
#include "fs/names.h"
#include "fs/names_list.h"
#include "fs/segment.h"
#include "fs/staging.h"

/*
 * Cookies of a listing. Staging files come before segments: one that is
 * registered meanwhile may be seen twice, but is never missed.
 */
#define COOKIE_CONTROL  ((uint64_t)IXFS_COOKIE_FIRST)
#define COOKIE_PENDING  ((uint64_t)1 << 61)
#define COOKIE_SEGMENTS ((uint64_t)1 << 62)

static void root_free(struct ixfs *fs, struct ixfs_node *n)
{
	(void)fs;
	ix_free(n);
}

int ixfs_root_add(struct ixfs *fs, struct ixfs_node **np)
{
	*np = ix_calloc(1, sizeof(**np));
	if (!*np)
		return -ENOMEM;
	ixfs_node_add_fixed(fs->inodes, *np, &ixfs_root_ops, IXFS_ID_ROOT);
	return 0;
}

int ixfs_root_is_segment(struct ixfs *fs, const char *name)
{
	struct ix_index_segment s;

	return ixfs_name_is_final(name) &&
	       ix_index_lookup(fs->index, name, &s) == 0;
}

/* ---- attributes ---- */

static int later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec > b->tv_sec ||
	       (a->tv_sec == b->tv_sec && a->tv_nsec > b->tv_nsec);
}

/* Mode and owner of the backing directory; the time of the last change of a
 * name in either place that the names come from. */
static int root_stat(struct ixfs *fs, struct ixfs_node *n, struct stat *st)
{
	static const char *const places[] = { "pending", "segments" };
	struct stat place;

	if (fstat(fs->backing_fd, st))
		return -errno;
	for (size_t i = 0; i < 2; i++) {
		if (fstatat(fs->backing_fd, places[i], &place,
			    AT_SYMLINK_NOFOLLOW))
			continue;
		if (i == 0 || later(&place.st_mtim, &st->st_mtim))
			st->st_mtim = place.st_mtim;
	}
	st->st_ctim = st->st_mtim;
	st->st_ino = n->id;
	st->st_mode &= S_IFMT | 01777;
	/* Directories inside are not listed: tools that count links to know
	 * how many to look for find none. */
	st->st_nlink = 2;
	st->st_size = 0;
	st->st_blocks = 0;
	return 0;
}

static void root_setattr(fuse_req_t req, struct ixfs_node *n,
			 const struct stat *st, int to_set)
{
	struct ixfs *fs = ixfs_of(req);
	int fd = fs->backing_fd;
	uid_t uid = to_set & FUSE_SET_ATTR_UID ? st->st_uid : (uid_t)-1;
	gid_t gid = to_set & FUSE_SET_ATTR_GID ? st->st_gid : (gid_t)-1;

	if (to_set & FUSE_SET_ATTR_SIZE)
		fuse_reply_err(req, EISDIR);
	else if (((to_set & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID)) &&
		  fchown(fd, uid, gid)) ||
		 ((to_set & FUSE_SET_ATTR_MODE) &&
		  fchmod(fd, st->st_mode & 01777)))
		fuse_reply_err(req, errno);
	else
		ixfs_reply_attr(req, n);
}

/* ---- names ---- */

static int lookup_node(struct ixfs *fs, const char *name, struct ixfs_node **np)
{
	struct ix_index_segment s;
	struct ixfs_snode *n;
	int rc;

	*np = NULL;
	if (strlen(name) > IX_NAME_MAX)
		return -ENAMETOOLONG;
	if (!strcmp(name, IXFS_NAME_CONTROL))
		return ixfs_control_node(fs, np);
	if (!strcmp(name, IXFS_NAME_DOT)) {
		*np = ixfs_node_get(fs->inodes, IXFS_ID_DOT);
		return *np ? 0 : -ESTALE;
	}
	if (ixfs_name_is_final(name) && !ix_index_lookup(fs->index, name, &s))
		return ixfs_segment_node(fs, &s, np);
	rc = ixfs_tree_lookup(fs, fs->tree->pending, name, &n);
	*np = rc ? NULL : &n->node;
	return rc;
}

static void root_lookup(fuse_req_t req, struct ixfs_node *dir, const char *name)
{
	struct ixfs *fs = ixfs_of(req);
	struct ixfs_node *n;
	int rc = lookup_node(fs, name, &n);

	(void)dir;
	if (rc) {
		ixfs_reply(req, rc);
		return;
	}
	ixfs_reply_entry(req, n);
	ixfs_node_unref(fs->inodes, n);
}

static void root_create(fuse_req_t req, struct ixfs_node *dir, const char *name,
			mode_t mode, struct fuse_file_info *fi)
{
	struct ixfs *fs = ixfs_of(req);

	(void)dir;
	/* It came into being since the kernel looked. */
	if (ixfs_name_is_reserved(name) || ixfs_root_is_segment(fs, name)) {
		fuse_reply_err(req, fi->flags & O_EXCL ? EEXIST : ESTALE);
		return;
	}
	ixfs_sdir_create(req, &fs->tree->pending->node, name, mode, fi);
}

/* ---- removing ---- */

struct remove_job {
	struct ixfs_job job;
	fuse_req_t req;
	char name[];
};

static void run_remove(struct ixfs *fs, struct ixfs_job *job)
{
	struct remove_job *r = (struct remove_job *)job;

	ixfs_reply(r->req, ix_index_remove(fs->index, r->name));
	ix_free(r);
}

static void root_unlink(fuse_req_t req, struct ixfs_node *dir, const char *name)
{
	struct ixfs *fs = ixfs_of(req);
	size_t n = strlen(name);
	struct remove_job *r;

	(void)dir;
	if (ixfs_name_is_reserved(name)) {
		fuse_reply_err(req, EPERM);
		return;
	}
	if (!ixfs_root_is_segment(fs, name)) {
		ixfs_sdir_unlink(req, &fs->tree->pending->node, name);
		return;
	}
	r = ix_malloc(sizeof(*r) + n + 1);
	if (!r) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	r->job.run = run_remove;
	r->req = req;
	memcpy(r->name, name, n + 1);
	ixfs_jobs_submit(fs->jobs, &r->job);
}

/* ---- listing ---- */

struct listing {
	struct ixfs *fs;
	struct ixfs_dirbuf *b;
};

static int list_segment(void *ctx, const struct ix_index_segment *s,
			uint64_t cookie)
{
	struct listing *l = ctx;
	struct ixfs_node *n = NULL;
	struct stat st;
	int full;

	ixfs_segment_fill(l->fs, s, &st);
	if (ixfs_dirbuf_wants_nodes(l->b) && ixfs_segment_node(l->fs, s, &n))
		return 1;
	cookie |= COOKIE_SEGMENTS;
	if (n)
		full = ixfs_dirbuf_add_known(l->b, s->name, cookie, n, &st);
	else
		full = ixfs_dirbuf_add(l->b, s->name, cookie, NULL, st.st_ino,
				       S_IFREG);
	ixfs_node_unref(l->fs->inodes, n);
	return full;
}

static int list_from(struct ixfs *fs, struct ixfs_names_list *pending,
		     uint64_t cookie, struct ixfs_dirbuf *b)
{
	struct listing l = { fs, b };
	uint64_t after = 0;
	int rc = 0;

	if (cookie == 0)
		rc = ixfs_names_list_read(fs, fs->tree->pending, pending);
	if (rc)
		return rc;
	if (ixfs_dirbuf_add_dots(b, cookie))
		return 0;
	/* Its node is that of a moment: looked up by whoever opens it. */
	if (cookie < COOKIE_CONTROL &&
	    ixfs_dirbuf_add(b, IXFS_NAME_CONTROL, COOKIE_CONTROL, NULL,
			    ixfs_ino_control(ix_index_version(fs->index)),
			    S_IFREG))
		return 0;
	if (cookie < COOKIE_SEGMENTS &&
	    ixfs_sdir_list(fs, fs->tree->pending, pending, COOKIE_PENDING,
			   cookie, ixfs_root_is_segment, b))
		return 0;
	if (cookie >= COOKIE_SEGMENTS)
		after = cookie & ~COOKIE_SEGMENTS;
	rc = ix_index_list(fs->index, after, list_segment, &l);
	return rc < 0 ? rc : 0;
}

static int root_readdir(struct ixfs *fs, struct ixfs_node *dir, uint64_t fh,
			uint64_t cookie, struct ixfs_dirbuf *b)
{
	struct ixfs_names_list *l = ixfs_handle_at(fh);
	int rc;

	(void)dir;
	ix_mutex_lock(&l->lock);
	rc = list_from(fs, l, cookie, b);
	ix_mutex_unlock(&l->lock);
	return rc;
}

/* ---- the barrier ---- */

struct barrier_job {
	struct ixfs_job job;
	fuse_req_t req;
};

static void run_barrier(struct ixfs *fs, struct ixfs_job *job)
{
	struct barrier_job *b = (struct barrier_job *)job;
	int rc = ixfs_sdir_sync(fs, fs->tree->pending);

	if (!rc)
		rc = ix_index_barrier(fs->index);
	ixfs_reply(b->req, rc);
	ix_free(b);
}

static void root_fsyncdir(fuse_req_t req, struct ixfs_node *dir)
{
	struct barrier_job *b = ix_calloc(1, sizeof(*b));

	(void)dir;
	if (!b) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	b->job.run = run_barrier;
	b->req = req;
	ixfs_jobs_submit(ixfs_of(req)->jobs, &b->job);
}

const struct ixfs_ops ixfs_root_ops = {
	.noun = "root",
	.timeout = 0,
	.free = root_free,
	.stat = root_stat,
	.setattr = root_setattr,
	.lookup = root_lookup,
	.create = root_create,
	.unlink = root_unlink,
	.opendir = ixfs_sdir_opendir,
	.readdir = root_readdir,
	.releasedir = ixfs_sdir_releasedir,
	.fsyncdir = root_fsyncdir,
};
