/* SPDX-License-Identifier: MIT */
/*
 * segment: sealed segments as nodes.
 *
 * A segment's key is its seq, so all its names lead to one node. Each open
 * handle pins the seq in the index: a merge or `rm` may retire it, its file
 * stays. A node decides at its first successful open how it is read, and
 * stays with it: passed through by the kernel, or cached pages filled by us
 * (passthrough.h says why the two do not mix).
 *
 * The descriptor (and backing id) of a segment nobody has open is kept for a
 * while, because opening and closing one segment again and again is what
 * search processes do. It is given up when the segment dies, so it never
 * keeps space.
 */
#ifndef IXFS_SEGMENT_H
#define IXFS_SEGMENT_H

#include <stdint.h>
#include <sys/stat.h>

#include "core/index/index.h"
#include "fs/dispatch.h"

struct ixfs;
struct ixfs_segments;

extern const struct ixfs_ops ixfs_segment_ops;

int ixfs_segments_new(struct ixfs_segments **sp);
void ixfs_segments_free(struct ixfs_segments *s); /* NULL allowed */

/* Close all descriptors that are kept without need. */
void ixfs_segments_drop_idle(struct ixfs *fs);

/* The node of a live segment that was found under `info->name`, with a
 * reference; the kernel will hear of this name. -ENOMEM. */
int ixfs_segment_node(struct ixfs *fs, const struct ix_index_segment *info,
		      struct ixfs_node **np);

/* Segment `seq` died: the kernel forgets its names, its descriptor is closed
 * unless somebody has it open. Any thread. */
void ixfs_segment_died(struct ixfs *fs, uint64_t seq);

/* Its attributes changed, not through its node: the kernel forgets them. */
void ixfs_segment_touched(struct ixfs *fs, uint64_t seq);

/* Record the times and owner that SETATTR asks for; mode is accepted without
 * effect, size is -EPERM. Durable: in a job only. */
int ixfs_segment_set_attr(struct ixfs *fs, uint64_t seq, const struct stat *st,
			  int to_set);

/* stat(2) of a segment as the index knows it. */
void ixfs_segment_fill(const struct ixfs *fs, const struct ix_index_segment *s,
		       struct stat *st);

#endif
