/* SPDX-License-Identifier: MIT */
/* umount: what mounting needs of unmounting; the public part is in mount.h. */
#ifndef IXFS_UMOUNT_H
#define IXFS_UMOUNT_H

/* Detach the mount of a daemon that is no more, if an ixfs is mounted at
 * `mountpoint`. What is wrong shows when it is mounted again. */
void ixfs_umount_stale(const char *mountpoint);

#endif
