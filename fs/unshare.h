/* SPDX-License-Identifier: MIT */
/*
 * unshare: bytes of its own for a withdrawn file that is to be written.
 */
#ifndef IXFS_UNSHARE_H
#define IXFS_UNSHARE_H

#include "fs/staging.h"

/*
 * Replace the backing file of `f`, if it carries the mark of a withdrawn
 * segment, by a copy without the mark: extents are shared where the filesystem
 * can do so, else copied. Nobody changes the file meanwhile. 0, also when
 * there was nothing to do; -ESTALE when it is gone or sealed; -ENOSPC ... .
 * Waits and does I/O: call it from jobs only.
 */
int ixfs_unshare(struct ixfs *fs, struct ixfs_sfile *f);

#endif
