/* SPDX-License-Identifier: MIT */
/*
 * fuse: libfuse's low-level interface, and the few parts of the kernel's
 * (include/uapi/linux/fuse.h) that libfuse 3.14 does not know yet.
 */
#ifndef IXFS_FUSE_H
#define IXFS_FUSE_H

#ifndef FUSE_USE_VERSION
# define FUSE_USE_VERSION 314
#endif
#include <fuse_lowlevel.h>
#include <stdint.h>
#include <sys/ioctl.h>

/* Offers and choices of the INIT request, bits of flags. */
#define IXFS_INIT_PARALLEL_DIROPS    (1u << 18)
#define IXFS_INIT_HANDLE_KILLPRIV_V2 (1u << 28)
#define IXFS_INIT_EXT                (1u << 30) /* flags2 is there */
/* ... and of flags2. */
#define IXFS_INIT2_DIRECT_IO_ALLOW_MMAP (1u << 4)
#define IXFS_INIT2_PASSTHROUGH          (1u << 5)
#define IXFS_INIT2_NO_EXPORT_SUPPORT    (1u << 6)

#define IXFS_OPCODE_INIT                26u

/* What precedes every request and every reply on /dev/fuse. */
struct ixfs_fuse_in_header {
	uint32_t len;
	uint32_t opcode;
	uint64_t unique;
	uint64_t nodeid;
	uint32_t uid, gid, pid;
	uint16_t total_extlen, padding;
};
struct ixfs_fuse_out_header {
	uint32_t len;
	int32_t error;
	uint64_t unique;
};
_Static_assert(sizeof(struct ixfs_fuse_in_header) == 40, "kernel ABI");
_Static_assert(sizeof(struct ixfs_fuse_out_header) == 16, "kernel ABI");

/* The beginnings of the INIT request and of its reply. */
struct ixfs_fuse_init_in {
	uint32_t major, minor, max_readahead, flags, flags2;
};
struct ixfs_fuse_init_out {
	uint32_t major, minor, max_readahead, flags;
	uint16_t max_background, congestion_threshold;
	uint32_t max_write, time_gran;
	uint16_t max_pages, map_alignment;
	uint32_t flags2, max_stack_depth;
};
_Static_assert(sizeof(struct ixfs_fuse_init_out) == 40, "kernel ABI");

/* The reply to OPEN; backing_id is what libfuse 3.14 takes for padding. */
#define IXFS_FOPEN_NOFLUSH     (1u << 5)
#define IXFS_FOPEN_PASSTHROUGH (1u << 7)
struct ixfs_fuse_open_out {
	uint64_t fh;
	uint32_t open_flags;
	int32_t backing_id;
};
_Static_assert(sizeof(struct ixfs_fuse_open_out) == 16, "kernel ABI");

struct ixfs_fuse_backing_map {
	int32_t fd;
	uint32_t flags;
	uint64_t padding;
};
#define IXFS_FUSE_BACKING_OPEN  _IOW(229, 1, struct ixfs_fuse_backing_map)
#define IXFS_FUSE_BACKING_CLOSE _IOW(229, 2, uint32_t)

#endif
