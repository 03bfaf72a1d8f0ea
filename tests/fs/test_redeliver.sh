#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Goal: delivering again changes nothing: by rsync and by staging + mv, under the
# same and under other names, before and after merges; rm makes contents
# acceptable again; withdraw and rename are durable.
# shellcheck source=tests/lib/ixfs.sh
. "$IX_SOURCE/tests/lib/ixfs.sh" || exit 3
need_fuse
need python3 jq rsync
cd "$work" || exit 3

build_segments parts 1200 6 51
set -- parts/*.seg
new_index
mount_index
again() { # what, by rsync and by staging + mv, same names and others
	local segment name
	for segment in parts/*.seg; do
		name=$(basename "$segment")
		rsync -a "$segment" "$mnt/" || die "$1: rsync"
		cp "$segment" "$mnt/.ixfs/staging/a" || die "$1: staging"
		mv "$mnt/.ixfs/staging/a" "$mnt/$name" || die "$1: mv"
		cp "$segment" "$mnt/other-$name" || die "$1: other name"
	done
	[ "$(live_docs)" -eq 1200 ] || die "$1: $(live_docs) documents"
	segments=$(metadata '[.segment_metas[] | .num_docs | tonumber] | add')
	[ "$segments" -eq 1200 ] || die "$1: metadata says $segments"
}
# No merges first.
echo '{"merge":{"policy":"none"}}' >"$mnt/metadata.json" || die "patch"
cp "$@" "$mnt/" || die "cp"
again "before merges"
inodes=$(stat -c %i "$mnt/$(basename "$1")" "$mnt/other-$(basename "$1")" |
	sort -u | wc -l)
[ "$inodes" -eq 1 ] || die "a second name is not the same inode"
[ "$(stat -c %h "$mnt/$(basename "$1")")" -eq 2 ] || die "nlink"
rm "$mnt"/other-*.seg || die "rm of second names"
[ "$(live_docs)" -eq 1200 ] || die "rm of a second name retired the segment"

echo '{"merge":{"policy":"default"}}' >"$mnt/metadata.json" || die "patch"
echo '{"run":"force_merge"}' >"$mnt/metadata.json" || die "force merge"
wait_merges
[ "$(live_count)" -eq 1 ] || die "force merge left $(live_count)"
again "after a merge"
[ "$(live_count)" -eq 1 ] || die "redelivery added names: $(live_count)"
umount_index
mount_index
again "after a remount"

# A name that was delivered keeps its meaning.
corpus 50 99 >x.jsonl
"$IXFS" build --schema "$schema" -o x.seg x.jsonl 2>/dev/null
expect 1 cp x.seg "$mnt/$(basename "$1")"
rm -f "$mnt/$(basename "$1")"
cp x.seg "$mnt/x.seg" || die "a new segment"
[ "$(live_docs)" -eq 1250 ] || die "new segment"
merged=$(basename "$(ls "$mnt"/seg_*.seg | head -n 1)")
expect 1 rm -f "$mnt/$merged"
[ -e "$mnt/$merged" ] || die "a merge output was removed"

# mv renames and withdraws, durably.
mv "$mnt/x.seg" "$mnt/y.seg" || die "rename"
umount_index
mount_index
[ -e "$mnt/y.seg" ] && [ ! -e "$mnt/x.seg" ] || die "the rename was lost"
mv "$mnt/y.seg" "$mnt/.ixfs/staging/y.seg" || die "withdraw"
[ "$(live_docs)" -eq 1200 ] || die "withdraw"
cmp x.seg "$mnt/.ixfs/staging/y.seg" || die "the withdrawn file differs"
mv "$mnt/.ixfs/staging/y.seg" "$mnt/y.seg" || die "publish again"
[ "$(live_docs)" -eq 1250 ] || die "publish again"
rm "$mnt/y.seg" || die "rm"
cp x.seg "$mnt/y.seg" || die "delivery after rm"
[ "$(live_docs)" -eq 1250 ] || die "delivery after rm"
echo "{\"run\":\"remove\",\"names\":[\"$merged\",\"y.seg\"]}" \
	>"$mnt/metadata.json" || die "remove action"
wait_merges
[ "$(live_count)" -eq 0 ] || die "the remove action left $(live_count)"
umount_index
echo passed
