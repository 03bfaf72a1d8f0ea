#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Goal: truncated, damaged and foreign files are refused and the client says so;
# live names cannot be overwritten; nothing of it changes the index.
# shellcheck source=tests/lib/ixfs.sh
. "$IX_SOURCE/tests/lib/ixfs.sh" || exit 3
need_fuse
need python3 jq rsync curl
cd "$work" || exit 3

build_segments parts 600 2 41
set -- parts/*.seg
new_index
mount_index
cp "$1" "$mnt/good.seg" || die "cp of a good segment"
before=$(metadata .generation)

size=$(stat -c %s "$2")
head -c $((size - 1)) "$2" >truncated.seg
head -c 4096 "$2" >short.seg
cp "$2" flipped.seg
python3 - flipped.seg "$IX_SEED" <<'P'
import random, sys
r = random.Random(int(sys.argv[2]))
with open(sys.argv[1], "r+b") as f:
    f.seek(0, 2)
    at = r.randrange(f.tell())
    f.seek(at)
    b = f.read(1)[0] ^ (1 << r.randrange(8))
    f.seek(at)
    f.write(bytes([b]))
    print("flipped a bit of byte", at)
P
echo '{"not":"a segment"}' >foreign.seg
printf '{"fields":[{"name":"other","type":"text"}]}' >other-schema.json
echo '{"other":"text"}' | "$IXFS" build --schema other-schema.json \
	-o schema.seg - 2>/dev/null || die "build with another schema"
# A segment of a different index's documents without our fields is foreign too.

for bad in truncated short flipped foreign schema; do
	for client in cp rsync mv curl; do
		case $client in
		cp) expect 1 cp $bad.seg "$mnt/bad.seg" ;;
		rsync)
			rsync $bad.seg "$mnt/bad.seg" 2>stderr &&
				die "rsync accepted $bad"
			;;
		mv)
			cp $bad.seg copy.seg
			mv copy.seg "$mnt/bad.seg" 2>stderr &&
				die "mv accepted $bad"
			[ -e copy.seg ] || die "mv lost its source"
			rm -f copy.seg
			;;
		curl)
			curl -s -o "$mnt/bad.seg" "file://$work/$bad.seg" &&
				die "curl accepted $bad"
			;;
		esac
		rm -f "$mnt/bad.seg" "$mnt"/.bad.seg.*
	done
	# Staging takes anything; the rename decides, and keeps the source.
	cp $bad.seg "$mnt/.ixfs/staging/x" || die "staging refused $bad"
	mv "$mnt/.ixfs/staging/x" "$mnt/bad.seg" 2>stderr &&
		die "rename accepted $bad"
	[ -e "$mnt/.ixfs/staging/x" ] || die "a refused rename lost its source"
	rm "$mnt/.ixfs/staging/x"
done
[ "$(metadata .generation)" = "$before" ] || die "a refusal changed the index"

# A live name is not overwritten, by anyone.
sum=$(sha256sum <"$mnt/good.seg")
expect 1 cp "$2" "$mnt/good.seg"
curl -s -o "$mnt/good.seg" "file://$work/$2" && die "curl overwrote"
(: >"$mnt/good.seg") 2>/dev/null && die "truncation of a live segment"
truncate -s 0 "$mnt/good.seg" 2>/dev/null && die "truncate of a live segment"
cp "$2" "$mnt/.ixfs/staging/y" || die "staging"
mv "$mnt/.ixfs/staging/y" "$mnt/good.seg" 2>/dev/null &&
	die "rename over a live segment of another content"
rm -f "$mnt/.ixfs/staging/y"
[ "$(sha256sum <"$mnt/good.seg")" = "$sum" ] || die "the segment changed"

# What the root does not allow.
expect 1 mkdir "$mnt/dir"
expect 1 ln -s x "$mnt/link"
expect 1 ln "$mnt/good.seg" "$mnt/hard.seg"
expect 1 mv "$mnt/good.seg" "$mnt/good.txt"

# Partial content of a subshell is pending, not an error, until it is whole.
half=$((size / 2))
(head -c $half "$2"; tail -c +$((half + 1)) "$2") >"$mnt/subshell.seg" ||
	die "a subshell's redirection failed"
[ "$(live_docs)" -eq 600 ] || die "the subshell's segment was not registered"
rm "$mnt/subshell.seg" || die "rm"
[ "$(live_docs)" -eq 300 ] || die "rm did not retire"
umount_index
echo passed
