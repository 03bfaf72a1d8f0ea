/* SPDX-License-Identifier: MIT */
/*
 * Open files of the real filesystem. Interrupted and short calls are continued
 * here; what the kernel cannot do for a pair of files is told apart from what
 * failed.
 */
#include "core/io/posix_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/mem.h"

#define DIRECT_ALIGN 4096

static const struct posix_file *file_of(const struct ix_file *f)
{
	return (const struct posix_file *)f;
}

static int fd_of(const struct ix_file *f)
{
	return file_of(f)->fd;
}

/* ---- data ---- */

void ix_posix_file_close(struct ix_file *f)
{
	close(fd_of(f)); /* on Linux the descriptor is gone even after EINTR */
	ix_free(f);
}

ssize_t ix_posix_file_read(struct ix_file *f, void *data, size_t n,
			   uint64_t offset)
{
	int direct = file_of(f)->direct;
	size_t done = 0;

	while (done < n) {
		ssize_t got = pread(fd_of(f), (char *)data + done, n - done,
				    (off_t)(offset + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		done += (size_t)got;
		/* A direct read ends off the grid only at the end of the file,
		 * and cannot be continued there. */
		if (direct && done % DIRECT_ALIGN)
			break;
	}
	return (ssize_t)done;
}

int ix_posix_file_write(struct ix_file *f, const void *data, size_t n,
			uint64_t offset)
{
	size_t done = 0;

	while (done < n) {
		ssize_t put = pwrite(fd_of(f), (const char *)data + done,
				     n - done, (off_t)(offset + done));

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -errno;
		if (put == 0)
			return -EIO; /* no progress and no reason: give up */
		done += (size_t)put;
	}
	return 0;
}

int ix_posix_file_sync(struct ix_file *f)
{
	while (fdatasync(fd_of(f))) {
		if (errno != EINTR)
			return -errno;
	}
	return 0;
}

void ix_posix_file_write_behind(struct ix_file *f, uint64_t offset, uint64_t n)
{
	(void)sync_file_range(fd_of(f), (off_t)offset, (off_t)n,
			      SYNC_FILE_RANGE_WRITE);
}

int ix_posix_file_truncate(struct ix_file *f, uint64_t size)
{
	while (ftruncate(fd_of(f), (off_t)size)) {
		if (errno != EINTR)
			return -errno;
	}
	return 0;
}

int ix_posix_file_reserve(struct ix_file *f, uint64_t size)
{
	if (!size)
		return 0;
	while (fallocate(fd_of(f), FALLOC_FL_KEEP_SIZE, 0, (off_t)size)) {
		if (errno == ENOSYS)
			return -EOPNOTSUPP;
		if (errno != EINTR)
			return -errno;
	}
	return 0;
}

int ix_posix_file_stat(struct ix_file *f, struct ix_stat *out)
{
	struct stat st;

	if (fstat(fd_of(f), &st))
		return -errno;
	ix_posix_fill_stat(out, &st);
	return 0;
}

/* ---- copying and mapping ---- */

static int clone_range(int from, uint64_t from_offset, int to,
		       uint64_t to_offset, uint64_t n)
{
	struct file_clone_range range = {
		.src_fd = from,
		.src_offset = from_offset,
		.src_length = n,
		.dest_offset = to_offset,
	};

	return ioctl(to, FICLONERANGE, &range) ? -errno : 0;
}

/* Does the kernel say that it cannot copy these, rather than that copying
 * failed? */
static int cannot_copy(int error)
{
	return error == EXDEV || error == EINVAL || error == ENOSYS ||
	       error == EOPNOTSUPP || error == ETXTBSY;
}

int ix_posix_file_copy_range(struct ix_file *from, uint64_t from_offset,
			     struct ix_file *to, uint64_t to_offset, uint64_t n)
{
	off_t in = (off_t)from_offset;
	off_t out = (off_t)to_offset;
	struct stat st;

	if (fstat(fd_of(from), &st))
		return -errno;
	if ((uint64_t)st.st_size < from_offset + n)
		return -EINVAL;
	if (!n)
		return 0;
	if (!clone_range(fd_of(from), from_offset, fd_of(to), to_offset, n))
		return 0;
	while (n) {
		size_t step = n < SSIZE_MAX ? (size_t)n : SSIZE_MAX;
		ssize_t put = copy_file_range(fd_of(from), &in, fd_of(to), &out,
					      step, 0);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return cannot_copy(errno) ? -EOPNOTSUPP : -errno;
		if (put == 0) /* the file shrank, or a filesystem lies */
			return -EOPNOTSUPP;
		n -= (uint64_t)put;
	}
	return 0;
}

static void map_release(struct ix_map *m)
{
	munmap(m->priv, m->size);
}

int ix_posix_file_map(struct ix_file *f, uint64_t size, struct ix_map *m)
{
	struct stat st;
	void *p;

	if (fstat(fd_of(f), &st))
		return -errno;
	if ((uint64_t)st.st_size < size)
		return -EINVAL; /* touching it would be a SIGBUS */
	p = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, fd_of(f), 0);
	if (p == MAP_FAILED)
		return -errno;
	m->data = p;
	m->size = (size_t)size;
	m->priv = p;
	m->release = map_release;
	return 0;
}

int ix_posix_file_is_direct(const struct ix_file *f)
{
	return file_of(f)->direct;
}

int ix_posix_file_fd(const struct ix_file *f)
{
	return fd_of(f);
}
