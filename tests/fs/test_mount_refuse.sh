#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Goal: what cannot be mounted is refused with a reason and left as it was: a
# mount point that is a file, directories that hold no index, indexes whose
# metadata.json or journal is damaged or missing. Method: an index with a journal
# (its daemon was killed), one change to a copy of it at a time.
# shellcheck source=tests/lib/ixfs.sh
. "$IX_SOURCE/tests/lib/ixfs.sh"
need_fuse
need python3 jq
cd "$work" || exit 3

build_segments parts 120 3 96
new_index
mount_index -o no_merges
cp parts/*.seg "$mnt/" || die "cp"
pid=$(daemon_pid)
kill -9 "$pid"
tail --pid="$pid" -f /dev/null
umount "$mnt" 2>/dev/null || umount -l "$mnt"

echo precious >file
expect 3 "$IXFS" mount "$index" file
grep -q "directory" stderr || die "the reason: $(cat stderr)"
[ "$(cat file)" = precious ] || die "a file was mounted over"
expect 3 "$IXFS" mount "$index" "$work/nowhere"
expect 3 "$IXFS" mount file "$mnt"
mkdir other
echo '{"name":"of another program"}' >other/metadata.json
expect 3 "$IXFS" mount other "$mnt"
[ "$(ls -A other)" = metadata.json ] || die "left in a foreign directory: $(ls -A other)"

sums() {
	(cd "$1" && find . -type f ! -name LOCK -exec sha256sum {} + | sort)
}

refused() { # WHAT: $work/copy must not mount, and not change
	sums copy >before
	"$IXFS" mount copy "$mnt" -o lock_timeout=0 2>stderr && die "$1: mounted"
	[ -s stderr ] || die "$1: no reason"
	sums copy | cmp -s - before || die "$1: something was written"
}

for name in metadata.json metadata.journal; do
	rm -rf copy && cp -a "$index" copy && rm "copy/$name"
	refused "no $name"
	for _ in 1 2 3 4 5 6; do
		rm -rf copy && cp -a "$index" copy
		# The last batch of a journal may be torn: that is no damage.
		python3 - "copy/$name" "$RANDOM" <<'P'
import random, sys
r = random.Random(int(sys.argv[2]))
with open(sys.argv[1], "r+b") as f:
    data = bytearray(f.read())
    if sys.argv[1].endswith("journal"):
        at = r.randrange(len(data) // 3)
    else:
        at = r.randrange(len(data))
    data[at] ^= 1 << r.randrange(8)
    f.seek(0)
    f.write(data)
print("flipped a bit of byte", at)
P
		refused "flipped $name"
	done
done
# Empty directories get lost in some copies: that is no damage.
rmdir "$index/pending" "$index/trained" "$index/staging" || die "rmdir"
mount_index 2>/dev/null
[ "$(live_docs)" -eq 120 ] || die "$(live_docs) documents"
umount_index
echo passed
