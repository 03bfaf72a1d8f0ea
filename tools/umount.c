/* SPDX-License-Identifier: MIT */
/* ixfs umount: unmount, and wait until everything is flushed. */
#include <string.h>

#include "fs/mount.h"
#include "tools/cmd.h"

#define TIMEOUT_MS 60000u /* for the daemon to flush and let go of LOCK */

static int run(int argc, char **argv)
{
	int rc;

	if (argc != 2)
		return cmd_usage(&cmd_umount, "name the mount point");
	rc = ixfs_umount(argv[1], TIMEOUT_MS);
	if (!rc)
		return IXFS_DONE;
	cmd_failed(rc, "umount: %s", argv[1]);
	return IXFS_FAILED;
}

const struct ixfs_command cmd_umount = {
	"umount",
	"umount MNT",
	"Unmount; returns when metadata is flushed and the index is free.",
	run,
};
