#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Goal: segments dropped by several clients at once all arrive, merges converge
# by themselves to the policy's bound, and answers never change. Method: 16
# segments from 4 processes by cp, rsync and mv; answers from the files, from the
# mount during merges, after them, after a force merge, and from one segment.
# HAZARDS S-19.
# shellcheck source=tests/lib/ixfs.sh
. "$IX_SOURCE/tests/lib/ixfs.sh" || exit 3
need_fuse
need python3 jq rsync
cd "$work" || exit 3

build_segments parts 4000 16 21
python3 "$lib/corpus.py" queries 40 6 >queries
answers parts queries >expected
new_index
mount_index
set -- parts/*.seg
deliver() {
	local how=$1 segment
	shift
	for segment in "$@"; do
		case $how in
		cp) cp "$segment" "$mnt/" ;;
		rsync) rsync -a "$segment" "$mnt/" ;;
		mv)
			cp "$segment" "$mnt/.ixfs/staging/" &&
				mv "$mnt/.ixfs/staging/$(basename "$segment")" \
					"$mnt/"
			;;
		across) cp "$segment" "$segment.copy" &&
			mv "$segment.copy" "$mnt/$(basename "$segment")" ;;
		esac || return 1
	done
}
deliver cp "${@:1:4}" &
a=$!
deliver rsync "${@:5:4}" &
b=$!
deliver mv "${@:9:4}" &
c=$!
deliver across "${@:13:4}" &
d=$!
for pid in $a $b $c $d; do
	wait "$pid" || die "a client failed"
done
[ "$(live_docs)" -eq 4000 ] || die "documents are missing: $(live_docs)"
answers "$mnt" queries | cmp - expected || die "answers during merges differ"
wait_merges
[ "$(live_count)" -le 7 ] || die "$(live_count) segments under the floor"
[ "$(live_docs)" -eq 4000 ] || die "documents changed: $(live_docs)"
answers "$mnt" queries | cmp - expected || die "answers after merges differ"

echo '{"run":"force_merge"}' >"$mnt/metadata.json" || die "force_merge"
wait_merges
[ "$(live_count)" -eq 1 ] || die "force merge left $(live_count)"
answers "$mnt" queries | cmp - expected || die "answers of the merge differ"
umount_index
answers "$index" queries | cmp - expected || die "answers unmounted differ"
mount_index
expect 3 "$IXFS" search "$index" word
grep -qF "$mnt" stderr || die "the refusal does not name the mount"
expect 0 "$IXFS" verify "$mnt"
"$IXFS" build --schema "$schema" -o whole.seg parts.jsonl 2>/dev/null
answers whole.seg queries | cmp - expected || die "answers of one build differ"
umount_index
echo passed
