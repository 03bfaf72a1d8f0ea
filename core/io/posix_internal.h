/* SPDX-License-Identifier: MIT */
/* posix_internal: what posix.c (paths) and posix_file.c (open files) share. */
#ifndef IX_IO_POSIX_INTERNAL_H
#define IX_IO_POSIX_INTERNAL_H

#include <sys/stat.h>

#include "core/io/vfs.h"

struct posix_file {
	struct ix_file file;
	int fd; /* owned */
	int direct;
};

void ix_posix_fill_stat(struct ix_stat *out, const struct stat *st);

/* The operations of ix_vfs_ops on open files. */
void ix_posix_file_close(struct ix_file *f);
ssize_t ix_posix_file_read(struct ix_file *f, void *data, size_t n,
			   uint64_t offset);
int ix_posix_file_write(struct ix_file *f, const void *data, size_t n,
			uint64_t offset);
int ix_posix_file_sync(struct ix_file *f);
void ix_posix_file_write_behind(struct ix_file *f, uint64_t offset, uint64_t n);
int ix_posix_file_truncate(struct ix_file *f, uint64_t size);
int ix_posix_file_reserve(struct ix_file *f, uint64_t size);
int ix_posix_file_stat(struct ix_file *f, struct ix_stat *out);
int ix_posix_file_copy_range(struct ix_file *from, uint64_t from_offset,
			     struct ix_file *to, uint64_t to_offset,
			     uint64_t n);
int ix_posix_file_map(struct ix_file *f, uint64_t size, struct ix_map *m);
int ix_posix_file_fd(const struct ix_file *f);
int ix_posix_file_is_direct(const struct ix_file *f);

#endif
