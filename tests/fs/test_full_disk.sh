#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Goal: a full disk stops writers with an error, and nothing else: no merge
# starts, unmount and mount work, rm works (also right after a mount, when the
# space that was set aside for it must not have been given away) and makes room
# for the next copy. Method: a backing directory on a 20 MiB tmpfs.
# shellcheck source=tests/lib/ixfs.sh
. "$IX_SOURCE/tests/lib/ixfs.sh" || exit 3
need_fuse
need python3 jq
cd "$work" || exit 3

disk=$work/disk
mkdir "$disk"
mount -t tmpfs -o size=20m none "$disk" 2>/dev/null ||
	{ echo "skipped: cannot mount a tmpfs"; exit 77; }
index=$disk/index
trap 'umount "$mnt" 2>/dev/null; umount -l "$disk"; on_exit' EXIT

fill() { # to the last page
	local bs
	for bs in 1M 64k 4k; do
		dd if=/dev/zero of="$mnt/.ixfs/staging/fill.$bs" bs=$bs \
			2>/dev/null && die "the disk does not get full"
	done
}

build_segments parts 6000 8 91
set -- parts/*.seg
new_index
mount_index -o no_merges
cp "$@" "$mnt/" || die "cp"
# The journal reaches into what was set aside for it.
printf '{"user":{"pad":"%020000d"}}' 0 >"$mnt/metadata.json" || die "patch"
documents=$(live_docs)
fill
corpus 1000 92 >more.jsonl
"$IXFS" build --schema "$schema" -o more.seg more.jsonl 2>/dev/null || die build
expect 1 cp more.seg "$mnt/more.seg"
grep -q "No space" stderr || die "cp says: $(cat stderr)"
rm "$mnt/more.seg" || die "rm of what did not fit"
[ "$(live_docs)" -eq "$documents" ] || die "a failed copy changed the index"
umount_index

# Several times: each mount must keep what the one before had set aside.
for _ in 1 2 3; do
	mount_index 2>/dev/null
	wait_merges
	fill
	umount_index
done
mount_index -o rm_merged 2>/dev/null
fill
[ "$(live_docs)" -eq "$documents" ] || die "documents after remounts"
echo '{"run":"force_merge"}' >"$mnt/metadata.json" || die "force_merge"
wait_merges
[ "$(metadata .last_action.state)" = failed ] || die "a merge found room"
for name in "$mnt"/*.seg; do
	rm "$name" || die "rm on a full disk"
done
[ "$(live_docs)" -eq 0 ] || die "$(live_docs) documents after rm"
cp more.seg "$mnt/more.seg" || die "cp into the room that rm made"
[ "$(live_docs)" -eq 1000 ] || die "the copy is not there"
umount_index
"$IXFS" verify "$index" >/dev/null || die "verify"
files=("$index"/segments/*)
[ ${#files[@]} -eq 1 ] || die "left over: ${files[*]}"
echo passed
