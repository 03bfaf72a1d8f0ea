/* SPDX-License-Identifier: MIT */
/* reply: the answers that all nouns give in the same way. */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "fs/dispatch.h"
#include "fs/ixfs.h"

/*
 * Errnos that tools or the kernel take for something else are never sent:
 * EXDEV makes mv copy, EINVAL of rename is "a subdirectory of itself", ENOSYS
 * is remembered by the kernel for the life of the mount, EAGAIN and ENOTCONN
 * are retried or taken for the death of the daemon.
 */
static int wire_errno(int code)
{
	int e = ix_err_errno(code);

	switch (e) {
	case EXDEV:
	case ENOSYS:
		return EPERM;
	case EAGAIN:
	case ENOTCONN:
	case ETXTBSY:
		return EIO;
	default:
		return e;
	}
}

int ixfs_reply(fuse_req_t req, int code)
{
	int e = wire_errno(code);

	if (e == EIO)
		ix_log_error("%s: %s", ix_err_name(code), ix_fail_text());
	return fuse_reply_err(req, e);
}

static int fill_entry(struct ixfs *fs, struct ixfs_node *n,
		      struct fuse_entry_param *e)
{
	memset(e, 0, sizeof(*e));
	e->ino = n->id;
	e->attr_timeout = n->ops->timeout;
	e->entry_timeout = n->ops->names_timeout;
	return n->ops->stat(fs, n, &e->attr);
}

void ixfs_reply_entry(fuse_req_t req, struct ixfs_node *n)
{
	struct ixfs *fs = ixfs_of(req);
	struct fuse_entry_param e;
	uint64_t id = n->id;
	int rc = fill_entry(fs, n, &e);

	if (rc) {
		ixfs_reply(req, rc);
		return;
	}
	/* Count first: FORGET may be here before the reply call returns. */
	ixfs_node_remember(fs->inodes, n);
	if (fuse_reply_entry(req, &e))
		ixfs_node_forget(fs->inodes, id, 1);
}

int ixfs_reply_create(fuse_req_t req, struct ixfs_node *n,
		      const struct fuse_file_info *fi)
{
	struct ixfs *fs = ixfs_of(req);
	struct fuse_entry_param e;
	uint64_t id = n->id;
	int rc = fill_entry(fs, n, &e);

	if (rc) {
		ixfs_reply(req, rc);
		return rc;
	}
	ixfs_node_remember(fs->inodes, n);
	rc = fuse_reply_create(req, &e, fi);
	if (rc)
		ixfs_node_forget(fs->inodes, id, 1);
	return rc;
}

void ixfs_reply_attr(fuse_req_t req, struct ixfs_node *n)
{
	struct stat st;
	int rc;

	memset(&st, 0, sizeof(st));
	rc = n->ops->stat(ixfs_of(req), n, &st);
	if (rc)
		ixfs_reply(req, rc);
	else
		fuse_reply_attr(req, &st, n->ops->timeout);
}

void ixfs_reply_xattr(fuse_req_t req, const char *value, size_t len,
		      size_t size)
{
	if (size == 0)
		fuse_reply_xattr(req, len);
	else if (size < len)
		fuse_reply_err(req, ERANGE);
	else
		fuse_reply_buf(req, value, len);
}

void ixfs_reply_text(fuse_req_t req, const char *text, size_t len, size_t size,
		     off_t offset)
{
	if (offset < 0 || (uint64_t)offset >= len) {
		fuse_reply_buf(req, NULL, 0);
		return;
	}
	len -= (size_t)offset;
	fuse_reply_buf(req, text + offset, size < len ? size : len);
}

/* ---- reading through the daemon ---- */

/* One buffer per serving thread, kept: a fresh one for each request would be
 * mapped and faulted in each time. */
struct read_buffer {
	size_t size;
	char *data;
};

static pthread_once_t read_buffer_once = PTHREAD_ONCE_INIT;
static pthread_key_t read_buffer_key;

static void free_read_buffer(void *arg)
{
	struct read_buffer *b = arg;

	ix_free(b->data);
	ix_free(b);
}

static void make_read_buffer_key(void)
{
	(void)pthread_key_create(&read_buffer_key, free_read_buffer);
}

static char *read_buffer(size_t size)
{
	struct read_buffer *b;

	pthread_once(&read_buffer_once, make_read_buffer_key);
	b = pthread_getspecific(read_buffer_key);
	if (!b) {
		b = ix_calloc(1, sizeof(*b));
		if (!b || pthread_setspecific(read_buffer_key, b)) {
			ix_free(b);
			return NULL;
		}
	}
	if (b->size < size) {
		ix_free(b->data);
		b->data = ix_malloc(size);
		b->size = b->data ? size : 0;
	}
	return b->data;
}

void ixfs_reply_read(fuse_req_t req, int fd, size_t size, off_t offset)
{
	char *data = read_buffer(size);
	ssize_t got = 0;
	size_t done = 0;

	if (!data) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	/* A short reply means the end of the file: read on until there. */
	while (done < size) {
		got = pread(fd, data + done, size - done, offset + (off_t)done);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		done += (size_t)got;
	}
	if (got < 0 && !done)
		fuse_reply_err(req, errno);
	else
		fuse_reply_buf(req, data, done);
}
