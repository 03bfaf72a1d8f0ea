/* SPDX-License-Identifier: MIT */
#include "fs/passthrough.h"

#include <errno.h>
#include <string.h>

#include "core/base/log.h"

#if FUSE_VERSION >= FUSE_MAKE_VERSION(3, 17)
# define LIBFUSE_PASSTHROUGH 1
#else
# define LIBFUSE_PASSTHROUGH 0
#endif

void ixfs_passthrough_init(struct ixfs_passthrough *p, struct fuse_session *se,
			   int offered)
{
	p->se = se;
	p->usable = offered;
	if (!offered)
		ix_log_info("the kernel offers no passthrough; "
			    "reads are served by the daemon");
}

static int backing_open(struct ixfs_passthrough *p, fuse_req_t req, int fd)
{
#if LIBFUSE_PASSTHROUGH
	int id;

	(void)p;
	/* It returns 0 for every error; errno still holds the reason. */
	errno = 0;
	id = fuse_passthrough_open(req, fd);
	if (id > 0)
		return id;
	return errno ? -errno : -EPERM;
#else
	struct ixfs_fuse_backing_map map = { .fd = fd };
	int id = ioctl(fuse_session_fd(p->se), IXFS_FUSE_BACKING_OPEN, &map);

	(void)req;
	return id > 0 ? id : -errno;
#endif
}

int ixfs_passthrough_open(struct ixfs_passthrough *p, fuse_req_t req, int fd)
{
	int id;

	if (!p->usable)
		return 0;
	id = backing_open(p, req, fd);
	if (id > 0)
		return id;
	/* Lack of memory passes; everything else is the machine's nature. */
	if (id != -ENOMEM) {
		p->usable = 0;
		ix_log_info("no passthrough (%s); reads are served by the "
			    "daemon",
			    strerrordesc_np(-id));
	}
	return 0;
}

void ixfs_passthrough_close(struct ixfs_passthrough *p, int id)
{
	/* libfuse's own call wants a request, and there is none when a merge
	 * retires a segment; it makes the same ioctl. */
	uint32_t arg = (uint32_t)id;

	if (id > 0)
		(void)ioctl(fuse_session_fd(p->se), IXFS_FUSE_BACKING_CLOSE,
			    &arg);
}

int ixfs_passthrough_reply_open(fuse_req_t req, struct fuse_file_info *fi,
				int id)
{
#if LIBFUSE_PASSTHROUGH
	fi->backing_id = id;
	fi->noflush = 1;
	fi->keep_cache = 0;
	return fuse_reply_open(req, fi);
#else
	struct ixfs_fuse_open_out out = {
		.fh = fi->fh,
		.open_flags = IXFS_FOPEN_PASSTHROUGH | IXFS_FOPEN_NOFLUSH,
		.backing_id = id,
	};

	return fuse_reply_buf(req, (const char *)&out, sizeof(out));
#endif
}
