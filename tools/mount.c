/* SPDX-License-Identifier: MIT */
/* ixfs mount: serve an index as a filesystem. */
#include <getopt.h>
#include <stdio.h>

#include "fs/mount.h"
#include "tools/cmd.h"

static int run(int argc, char **argv)
{
	struct ixfs_mount_options o;
	int c, rc, result = IXFS_DONE;

	ixfs_mount_options_init(&o);
	while ((c = getopt(argc, argv, "fo:")) != -1) {
		if (c == 'f') {
			o.foreground = 1;
			continue;
		}
		rc = c == 'o' ? ixfs_mount_options_parse(&o, optarg) : -EINVAL;
		if (rc) {
			result = cmd_usage(&cmd_mount, "%s",
					   c == 'o' ? ix_fail_text()
						    : "unknown option");
			goto out;
		}
	}
	if (argc - optind != 2) {
		result = cmd_usage(&cmd_mount,
				   "name the index and the mount point");
		goto out;
	}
	o.backing = argv[optind];
	o.mountpoint = argv[optind + 1];
	rc = ixfs_mount(&o);
	if (rc) {
		cmd_failed(rc, "mount: %s", o.backing);
		result = IXFS_FAILED;
	}
out:
	ixfs_mount_options_release(&o);
	return result;
}

const struct ixfs_command cmd_mount = {
	"mount",
	"mount DIR MNT [-f] [-o OPTIONS]",
	"Mount an index; returns when the mount is usable.",
	run,
};
