#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Goal: whatever many clients do at once, sealed names hold whole segments, open
# segments keep their bytes, and the mount ends cleanly with a sound index.
# Method: tests/lib/clients.py, with passthrough and merges, and without.
# shellcheck source=tests/lib/ixfs.sh
. "$IX_SOURCE/tests/lib/ixfs.sh" || exit 3
need_fuse
need python3
cd "$work" || exit 3

seconds=6
[ "${IXFS_LONG:-0}" = 1 ] && seconds=120
build_segments parts 2000 12 "$IX_SEED"
for options in rw no_merges,no_passthrough; do
	rm -rf "$index"
	new_index
	"$IXFS" mount "$index" "$mnt" -f -o "$options,ready_fd=6" 6>ready \
		2>daemon.log &
	daemon=$!
	until [ -s ready ]; do
		kill -0 $daemon || die "the daemon died: $(cat daemon.log)"
	done
	rm ready
	timeout $((seconds + 60)) python3 "$IX_SOURCE/tests/lib/clients.py" \
		"$mnt" $seconds "$IX_SEED" 6 parts/*.seg ||
		die "clients, with -o $options"
	umount_index
	wait $daemon || die "the daemon failed: $(tail -n 40 daemon.log)"
	expect 0 "$IXFS" verify "$index"
done
echo passed
