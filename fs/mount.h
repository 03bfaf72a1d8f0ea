/* SPDX-License-Identifier: MIT */
/*
 * mount: an index directory served as a filesystem.
 *
 *	struct ixfs_mount_options o;
 *	ixfs_mount_options_init(&o);
 *	o.backing = dir;
 *	o.mountpoint = mnt;
 *	rc = ixfs_mount_options_parse(&o, "lazy,rm_merged");
 *	rc = ixfs_mount(&o);
 *	...
 *	rc = ixfs_umount(mnt, 60000);
 *
 * ixfs_mount returns when the mount is usable (lock taken, recovery and sweep
 * done, the kernel's first request answered), or has failed. What failed is in
 * ix_fail_text(), also when it happened in the daemon.
 */
#ifndef IXFS_MOUNT_H
#define IXFS_MOUNT_H

#include <stddef.h>
#include <stdint.h>

struct ixfs_mount_options {
	const char *backing;    /* directory of the index; borrowed */
	const char *mountpoint; /* borrowed */
	int foreground; /* do not fork: ixfs_mount returns after the unmount */
	int ready_fd;   /* one byte is written when usable; -1 = none */
	int debug;      /* log every request (implies foreground) */
	int read_only;
	int lazy;        /* defer syncs */
	int no_merges;   /* never start a merge by policy */
	int replace;     /* a rename onto a live name replaces it */
	int rm_merged;   /* `rm` works on merge outputs */
	int loose_close; /* an incomplete file is never an error at close */
	int allow_other; /* other users may use the mount, within the permission
			    bits; -1 = yes if mounted by root */
	int no_passthrough;       /* serve all reads through the daemon */
	unsigned lock_timeout_ms; /* for LOCK; default 10000 */
	unsigned merges_max;      /* at once; 0 = the index's default */
	unsigned mode;   /* permission bits segments show; default 0444 */
	char *fuse_opts; /* owned: options handed on to libfuse, or NULL */
};

/* Defaults as stated above; `backing` and `mountpoint` are NULL. */
void ixfs_mount_options_init(struct ixfs_mount_options *o);
void ixfs_mount_options_release(struct ixfs_mount_options *o);

/*
 * Apply a comma-separated -o string. Known words: ro, rw, lazy, no_merges,
 * replace, rm_merged, strict_close=0|1, allow_other, no_allow_other,
 * no_passthrough, lock_timeout=SECONDS, merges=N, mode=OCTAL, ready_fd=N,
 * foreground, debug; and the generic mount options nodev, dev, noexec, exec,
 * nosuid, noatime, sync, dirsync, auto_unmount. -IX_EINPUT names the first
 * word that is unknown or has a bad value; -ENOMEM.
 */
int ixfs_mount_options_parse(struct ixfs_mount_options *o, const char *opts);

/*
 * Mount. In the background (default): forks, returns 0 in the caller when the
 * mount is usable; the daemon goes on by itself and never returns from here.
 * In the foreground: returns after the unmount, 0 if everything was flushed.
 *
 * -IX_EBUSYINDEX: the index is in use by somebody else (named in the text);
 * -ENOENT, -ENOTDIR, -EPERM...: the usual reasons; content errors for an
 * index that cannot be trusted. Call it while the process has one thread.
 */
int ixfs_mount(const struct ixfs_mount_options *o);

/*
 * Unmount `mountpoint` and wait until its daemon has flushed and released the
 * index, at most `timeout_ms` (0 = do not wait). -EBUSY: files are open or
 * somebody's working directory is inside; -EINVAL: nothing of ours is mounted
 * there; -ETIMEDOUT: unmounted, but the daemon still holds the index.
 */
int ixfs_umount(const char *mountpoint, unsigned timeout_ms);

#endif
