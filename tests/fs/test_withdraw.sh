#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Goal: a segment moved into staging leaves the index and is an ordinary file
# there; whoever had it open keeps its bytes, even when that file is written.
# shellcheck source=tests/lib/ixfs.sh
. "$IX_SOURCE/tests/lib/ixfs.sh" || exit 3
need_fuse
need python3 jq
cd "$work" || exit 3

build_segments parts 600 3 91
set -- parts/*.seg
new_index
mount_index -o no_merges
staging=$mnt/.ixfs/staging
cp "$1" "$mnt/a.seg" && cp "$2" "$mnt/b.seg" || die "cp"
docs=$(live_docs)
for change in write append truncate replace truncate-path; do
	exec 5<"$mnt/a.seg"
	mv "$mnt/a.seg" "$staging/w.seg" || die "withdraw"
	[ -e "$mnt/a.seg" ] && die "the name is still there"
	[ "$(live_docs)" -lt "$docs" ] || die "the documents are still there"
	cmp "$1" "$staging/w.seg" || die "withdrawn bytes differ"
	[ -w "$staging/w.seg" ] || die "not writable"
	case $change in
	write) printf XX | dd of="$staging/w.seg" conv=notrunc 2>/dev/null ;;
	append) echo more >>"$staging/w.seg" ;;
	truncate) echo new >"$staging/w.seg" ;;
	replace) cp "$2" "$staging/w.seg" ;;
	truncate-path) truncate -s 10 "$staging/w.seg" ;;
	esac || die "$change of a withdrawn file"
	cmp -s "$1" "$staging/w.seg" && die "$change did nothing"
	cmp "$1" - <&5 || die "$change changed the bytes of a reader"
	exec 5<&-
	rm "$staging/w.seg"
	cp "$1" "$mnt/a.seg" || die "deliver again"
done
# Back and forth, also over a remount; the mark does not show.
mv "$mnt/a.seg" "$staging/a.seg" || die "withdraw"
[ "$(stat -c %a "$staging/a.seg")" = 644 ] || die "mode of a withdrawn file"
umount_index
mount_index -o no_merges
mv "$staging/a.seg" "$mnt/a.seg" || die "publish again"
[ "$(live_docs)" -eq "$docs" ] || die "documents after all"
# Onto a staging file that exists.
cp "$3" "$staging/old" && mv -f "$mnt/b.seg" "$staging/old" || die "replace"
cmp "$2" "$staging/old" || die "replaced bytes differ"
[ "$(cd "$mnt" && echo *.seg)" = a.seg ] || die "names: $(ls "$mnt")"
umount_index
expect 0 "$IXFS" verify "$index"
echo passed
