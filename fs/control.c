/* SPDX-License-Identifier: MIT */
#include "fs/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "fs/ixfs.h"
#include "fs/json_stream.h"
#include "fs/verdict.h"

/* One version. */
struct version {
	struct ixfs_node node; /* key: the version */
	struct ix_buf text;
	struct timespec made;
};

/* One handle. */
struct handle {
	struct ixfs_handle head;
	pid_t tgid;
	struct ix_mutex lock;
	struct ix_cond idle;
	int busy; /* a document is being applied */
	struct ixfs_json_stream stream;
};

struct ixfs_control {
	struct ix_mutex lock;
	/* Why the last document was refused: user.ixfs.status. */
	char error[IX_FAIL_TEXT_MAX] IX_GUARDED_BY(lock);
};

extern const struct ixfs_ops ixfs_control_ops;

static struct version *version_of(struct ixfs_node *n)
{
	return (struct version *)n;
}

int ixfs_control_new(struct ixfs_control **cp)
{
	struct ixfs_control *c = ix_calloc(1, sizeof(*c));
	int rc = c ? ix_mutex_init(&c->lock) : -ENOMEM;

	*cp = NULL;
	if (rc) {
		ix_free(c);
		return rc;
	}
	*cp = c;
	return 0;
}

void ixfs_control_free(struct ixfs_control *c)
{
	if (!c)
		return;
	ix_mutex_release(&c->lock);
	ix_free(c);
}

int ixfs_control_allowed(const struct ixfs *fs, uid_t uid)
{
	return uid == 0 || uid == fs->owner ? 0 : -EPERM;
}

/* ---- versions ---- */

static void version_free(struct ixfs *fs, struct ixfs_node *n)
{
	(void)fs;
	ix_buf_release(&version_of(n)->text);
	ix_free(n);
}

int ixfs_control_node(struct ixfs *fs, struct ixfs_node **np)
{
	struct version *v;
	uint64_t version = ix_index_version(fs->index);
	int rc;

	*np = ixfs_node_find_or_add(fs->inodes, &ixfs_control_ops, version,
				    NULL);
	if (*np)
		return 0;
	v = ix_calloc(1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	rc = ix_index_render(fs->index, &v->text, &version);
	if (!rc)
		rc = ix_buf_error(&v->text);
	if (rc) {
		version_free(fs, &v->node);
		return rc;
	}
	clock_gettime(CLOCK_REALTIME, &v->made);
	*np = ixfs_node_find_or_add(fs->inodes, &ixfs_control_ops, version,
				    &v->node);
	if (*np != &v->node)
		version_free(fs, &v->node);
	return 0;
}

static int version_stat(struct ixfs *fs, struct ixfs_node *n, struct stat *st)
{
	const struct version *v = version_of(n);

	memset(st, 0, sizeof(*st));
	st->st_ino = ixfs_ino_control(n->key);
	st->st_mode = S_IFREG | (fs->o->mode & 0444) | 0200;
	st->st_nlink = 1;
	st->st_uid = fs->owner;
	st->st_gid = getegid();
	st->st_size = (off_t)v->text.len;
	st->st_blksize = 4096;
	st->st_blocks = (blkcnt_t)((v->text.len + 511) / 512);
	st->st_mtim = v->made;
	st->st_atim = v->made;
	st->st_ctim = v->made;
	return 0;
}

/* Tools that copy onto the file set its size and times: nothing to do. */
static void version_setattr(fuse_req_t req, struct ixfs_node *n,
			    const struct stat *st, int to_set)
{
	int rc = 0;

	(void)st;
	if (to_set & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID))
		rc = -EPERM;
	else
		rc = ixfs_control_allowed(ixfs_of(req), fuse_req_ctx(req)->uid);
	if (rc)
		ixfs_reply(req, rc);
	else
		ixfs_reply_attr(req, n);
}

/* Why the last document was refused. */
static void version_getxattr(fuse_req_t req, struct ixfs_node *n,
			     const char *name, size_t size)
{
	struct ixfs_control *c = ixfs_of(req)->control;
	char text[IX_FAIL_TEXT_MAX];

	(void)n;
	ix_mutex_lock(&c->lock);
	memcpy(text, c->error, sizeof(text));
	ix_mutex_unlock(&c->lock);
	if (strcmp(name, "user.ixfs.status") != 0 || !text[0])
		fuse_reply_err(req, ENODATA);
	else
		ixfs_reply_xattr(req, text, strlen(text), size);
}

/* ---- handles ---- */

static void handle_free(struct ixfs_handle *head)
{
	struct handle *h = (struct handle *)head;

	ixfs_json_stream_release(&h->stream);
	ix_cond_release(&h->idle);
	ix_mutex_release(&h->lock);
	ix_free(h);
}

static struct handle *handle_new(pid_t tid)
{
	struct handle *h = ix_calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	if (ix_mutex_init(&h->lock))
		goto out_free;
	if (ix_cond_init(&h->idle))
		goto out_lock;
	ixfs_json_stream_init(&h->stream);
	h->tgid = ixfs_tgid_of(tid);
	return h;

out_lock:
	ix_mutex_release(&h->lock);
out_free:
	ix_free(h);
	return NULL;
}

static void version_open(fuse_req_t req, struct ixfs_node *n,
			 struct fuse_file_info *fi)
{
	struct ixfs *fs = ixfs_of(req);
	struct handle *h;

	(void)n;
	fi->fh = 0;
	if ((fi->flags & O_ACCMODE) != O_RDONLY) {
		if (ixfs_control_allowed(fs, fuse_req_ctx(req)->uid)) {
			fuse_reply_err(req, EPERM);
			return;
		}
		h = handle_new(fuse_req_ctx(req)->pid);
		if (!h) {
			fuse_reply_err(req, ENOMEM);
			return;
		}
		ixfs_handle_attach(&fs->handles, &h->head, handle_free, fi);
	}
	/* The kernel takes O_TRUNC for a size of 0 and must not act on it. */
	fi->direct_io = 1;
	if (fuse_reply_open(req, fi))
		ixfs_handle_free(&fs->handles, fi);
}

static void version_read(fuse_req_t req, struct ixfs_node *n, size_t size,
			 off_t offset, struct fuse_file_info *fi)
{
	const struct version *v = version_of(n);

	(void)fi;
	ixfs_reply_text(req, (const char *)v->text.data, v->text.len, size,
			offset);
}

static void version_release(fuse_req_t req, struct ixfs_node *n,
			    struct fuse_file_info *fi)
{
	(void)n;
	ixfs_handle_free(&ixfs_of(req)->handles, fi);
	fuse_reply_err(req, 0);
}

/* ---- writing ---- */

static void set_error(struct ixfs *fs, const char *text)
{
	ix_mutex_lock(&fs->control->lock);
	snprintf(fs->control->error, sizeof(fs->control->error), "%s", text);
	ix_mutex_unlock(&fs->control->lock);
	if (text[0])
		ix_log_warn("metadata.json: %s", text);
}

/*
 * Take the data document by document. *takenp counts what was applied or kept
 * as the beginning of a document; the document that fails is not counted.
 */
static int apply_stream(struct ixfs *fs, struct ixfs_json_stream *s,
			const char *data, size_t size, size_t *takenp)
{
	size_t n;
	int rc;

	*takenp = 0;
	while (*takenp < size) {
		rc = ixfs_json_stream_add(s, data + *takenp, size - *takenp,
					  &n);
		if (rc > 0)
			rc = ix_index_apply(fs->index,
					    (const char *)s->doc.data,
					    s->doc.len, NULL);
		set_error(fs, rc ? ix_fail_text() : "");
		if (rc)
			return rc;
		*takenp += n;
	}
	return 0;
}

struct write_job {
	struct ixfs_job job;
	fuse_req_t req;
	struct handle *h; /* lives until RELEASE, which comes after us */
	size_t size;
	char data[];
};

static void run_write(struct ixfs *fs, struct ixfs_job *job)
{
	struct write_job *w = (struct write_job *)job;
	struct handle *h = w->h;
	size_t taken;
	int rc;

	ix_mutex_lock(&h->lock);
	while (h->busy)
		ix_cond_wait(&h->idle, &h->lock);
	h->busy = 1;
	ix_mutex_unlock(&h->lock);

	rc = apply_stream(fs, &h->stream, w->data, w->size, &taken);

	ix_mutex_lock(&h->lock);
	h->busy = 0;
	ix_cond_signal(&h->idle);
	ix_mutex_unlock(&h->lock);
	/* What was applied before the error is told as a short write; the
	 * error comes when the rest is written again. */
	if (taken)
		fuse_reply_write(w->req, taken);
	else
		ixfs_reply(w->req, rc);
	ix_free(w);
}

static void version_write(fuse_req_t req, struct ixfs_node *n, const char *data,
			  size_t size, off_t offset, struct fuse_file_info *fi)
{
	struct ixfs *fs = ixfs_of(req);
	struct write_job *w;

	(void)n;
	(void)offset;
	if (ixfs_control_allowed(fs, fuse_req_ctx(req)->uid)) {
		fuse_reply_err(req, EPERM);
		return;
	}
	w = ix_malloc(sizeof(*w) + size);
	if (!w) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	w->job.run = run_write;
	w->req = req;
	w->h = ixfs_handle_of(fi);
	w->size = size;
	memcpy(w->data, data, size);
	ixfs_jobs_submit(fs->jobs, &w->job);
}

/* An unfinished document at close, told to the process that began it. */
static void version_flush(fuse_req_t req, struct ixfs_node *n,
			  struct fuse_file_info *fi)
{
	struct handle *h = ixfs_handle_of(fi);
	int partial = 0;
	pid_t tgid;

	(void)n;
	if (h) {
		ix_mutex_lock(&h->lock);
		partial = !h->busy && ixfs_json_stream_partial(&h->stream);
		ix_mutex_unlock(&h->lock);
	}
	if (partial) {
		tgid = ixfs_tgid_of(fuse_req_ctx(req)->pid);
		partial = !tgid || !h->tgid || tgid == h->tgid;
	}
	if (partial)
		set_error(ixfs_of(req), "a JSON document was not finished");
	fuse_reply_err(req, partial ? EINVAL : 0);
}

/* ---- a whole file at once ---- */

int ixfs_control_apply_file(struct ixfs *fs, const char *path)
{
	struct ixfs_json_stream s;
	struct ix_buf text = IX_BUF_INIT;
	ssize_t got = 0;
	size_t taken = 0;
	int rc = 0;
	int fd;

	ixfs_json_stream_init(&s);
	fd = openat(fs->backing_fd, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (!rc && text.len <= IXFS_JSON_STREAM_MAX) {
		uint8_t *p = ix_buf_extend(&text, 65536);

		got = p ? pread(fd, p, 65536, (off_t)(text.len - 65536)) : 0;
		if (got < 0)
			rc = -errno;
		text.len -= 65536 - (size_t)(got > 0 ? got : 0);
		if (got <= 0)
			break;
	}
	close(fd);
	if (!rc)
		rc = ix_buf_error(&text);
	if (!rc)
		rc = apply_stream(fs, &s, (const char *)text.data, text.len,
				  &taken);
	if (!rc && ixfs_json_stream_partial(&s)) {
		rc = ix_fail(-IX_EINPUT, "%s: a JSON document is not finished",
			     path);
		set_error(fs, ix_fail_text());
	}
	ix_buf_release(&text);
	ixfs_json_stream_release(&s);
	return rc;
}

const struct ixfs_ops ixfs_control_ops = {
	.noun = "metadata.json",
	.timeout = 0,
	.free = version_free,
	.stat = version_stat,
	.setattr = version_setattr,
	.getxattr = version_getxattr,
	.open = version_open,
	.read = version_read,
	.write = version_write,
	.flush = version_flush,
	.release = version_release,
};
