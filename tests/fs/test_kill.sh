#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Goal: kill -9 of the daemon at random moments of a drop-and-merge run loses and
# doubles no acknowledged segment. Method: deliver small segments, note which
# were acknowledged, kill, remount, check that every acknowledged leaf is there
# exactly once; in the end all are delivered again and everything verifies.
# HAZARDS S-01 to S-06, S-16, S-26.
# shellcheck source=tests/lib/ixfs.sh
. "$IX_SOURCE/tests/lib/ixfs.sh" || exit 3
need_fuse
need python3 jq
cd "$work" || exit 3

rounds=${IXFS_KILL_ROUNDS:-50}
[ "${IXFS_LONG:-0}" -eq 1 ] && rounds=500
segments=$((rounds * 2 < 200 ? rounds * 2 : 200))
build_segments parts $((segments * 10)) "$segments" 71
parts=(parts/*.seg)
"$IXFS" info parts --json | jq -r '"\(.name) \(.id)"' >ids
declare -A id acked
while read -r name hex; do id[$name]=$hex; done <ids
new_index

check() {
	"$IXFS" info "$mnt" --json | jq -r '.leaves[]' | sort >leaves
	[ -z "$(uniq -d leaves)" ] || die "doubled: $(uniq -d leaves)"
	local name
	for name in "${!acked[@]}"; do
		grep -q "${id[$name]}" leaves || die "lost: $name"
	done
}

next=0
for _ in $(seq 1 "$rounds"); do
	mount_index -o lock_timeout=10
	check
	pid=$(daemon_pid)
	[ -n "$pid" ] || die "no daemon"
	delay=$((RANDOM % 60))
	(
		sleep "0.0$(printf %02d $delay)"
		kill -9 "$pid"
	) &
	killer=$!
	while kill -0 "$pid" 2>/dev/null; do
		[ "$next" -lt "${#parts[@]}" ] || next=0
		name=$(basename "${parts[$next]}")
		if cp "${parts[$next]}" "$mnt/.ixfs/staging/" 2>/dev/null &&
			mv "$mnt/.ixfs/staging/$name" "$mnt/$name" 2>/dev/null; then
			acked[$name]=1
			next=$((next + 1))
		fi
	done
	wait "$killer"
	umount "$mnt" 2>/dev/null || umount -l "$mnt" || die "stale mount"
done
mount_index -o lock_timeout=10
check
echo "$rounds kills, ${#acked[@]} acknowledged, $(wc -l <leaves) live"
for part in "${parts[@]}"; do
	cp "$part" "$mnt/.ixfs/staging/z" &&
		mv "$mnt/.ixfs/staging/z" "$mnt/$(basename "$part")" ||
		die "redelivery of $part"
done
wait_merges
[ "$(live_docs)" -eq $((segments * 10)) ] || die "$(live_docs) documents"
expect 0 "$IXFS" verify "$mnt"
umount_index
live=$("$IXFS" info "$index" --json | wc -l)
files=("$index"/segments/*)
[ "${#files[@]}" -eq "$live" ] || die "orphans: ${files[*]}"
echo passed
