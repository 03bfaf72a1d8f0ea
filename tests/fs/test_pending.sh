#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Goal: "pending" in metadata.json names exactly the files that are there and not
# registered, and user.ixfs.status tells why, also of a file in staging whose
# rename was refused; reasons go away with their files. Odd names change nothing.
# shellcheck source=tests/lib/ixfs.sh
. "$IX_SOURCE/tests/lib/ixfs.sh" || exit 3
need_fuse
need python3 jq rsync
cd "$work" || exit 3

build_segments parts 200 2 93
set -- parts/*.seg
new_index
mount_index -o no_merges
head -c 5000 "$1" >cut.seg
head -c 6000 "$1" >longer.seg

pending() { # the names, in one line
	metadata '.pending | keys | join(" ")'
}

status() {
	python3 -c 'import os, sys
print(os.getxattr(sys.argv[1], "user.ixfs.status").decode())' "$1"
}

# Renames that are refused, from both places.
cp cut.seg "$mnt/.ixfs/staging/cut" || die "staging"
mv "$mnt/.ixfs/staging/cut" "$mnt/none.seg" 2>/dev/null && die "accepted"
[ -z "$(pending)" ] || die "nothing is pending, but: $(pending)"
status "$mnt/.ixfs/staging/cut" | grep -q incomplete ||
	die "status in staging: $(status "$mnt/.ixfs/staging/cut")"
cp cut.seg "$mnt/.cut.tmp" || die "a temporary name"
mv "$mnt/.cut.tmp" "$mnt/none.seg" 2>/dev/null && die "accepted"
rm "$mnt/.cut.tmp" || die "rm"
[ -z "$(pending)" ] || die "removed, but pending: $(pending)"
rsync "$work/cut.seg" "$mnt/" 2>/dev/null && die "rsync accepted"
[ -z "$(pending)" ] || die "rsync left: $(pending)"

# One pending file renamed to the name of another: each keeps its own reason.
cp cut.seg "$mnt/a.seg" 2>/dev/null && die "accepted"
cp longer.seg "$mnt/b.seg" 2>/dev/null && die "accepted"
[ "$(pending)" = "a.seg b.seg" ] || die "pending: $(pending)"
before=$(status "$mnt/b.seg")
mv "$mnt/a.seg" "$mnt/b.seg" 2>/dev/null && die "accepted"
cmp -s longer.seg "$mnt/b.seg" || die "a refused rename replaced the file"
[ "$(metadata '.pending["b.seg"].reason')" = "$before" ] || die "reason of b"
mv "$mnt/a.seg" "$mnt/.a" || die "to a temporary name"
[ "$(pending)" = "b.seg" ] || die "pending: $(pending)"
cp "$1" "$mnt/.ixfs/staging/whole" || die "staging"
mv "$mnt/.ixfs/staging/whole" "$mnt/b.seg" || die "over a pending file"
[ -z "$(pending)" ] || die "registered, but pending: $(pending)"
rm "$mnt/.a"

# Names that no segment may have; the file stays and gets a good one.
for name in $'new\nline.seg' $'\xff.seg' $'bell\a.seg'; do
	cp "$2" "$mnt/$name" 2>/dev/null && die "accepted ${name@Q}"
	jq -e . "$mnt/metadata.json" >/dev/null || die "not JSON: ${name@Q}"
	mv "$mnt/$name" "$mnt/good.seg" || die "rename of ${name@Q}"
	rm "$mnt/good.seg" || die "rm"
done
for name in '-rf.seg' 'a "b" \c.seg' $'\u65e5\u672c.seg' \
	"$(printf '%0251d' 0).seg"; do
	cp "$2" "$mnt/$name" || die "cp to $name"
	jq -e . "$mnt/metadata.json" >/dev/null || die "not JSON: $name"
	cmp -s "$2" "$mnt/$name" || die "content of $name"
	umount_index
	mount_index -o no_merges
	rm -- "$mnt/$name" || die "rm $name"
done
(cp "$2" "$mnt/$(printf '%0252d' 0).seg") 2>/dev/null && die "256 bytes"
[ "$(live_docs)" -eq 100 ] || die "$(live_docs) documents"
umount_index
files=("$index"/pending/* "$index"/staging/*)
[ "${files[*]}" = "$index/pending/* $index/staging/cut" ] ||
	die "left over: ${files[*]}"
echo passed
