#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Goal: metadata.json is a file of one version and a control file with errors
# that shells report; unmounting flushes, frees LOCK, and is busy with open files.
# shellcheck source=tests/lib/ixfs.sh
. "$IX_SOURCE/tests/lib/ixfs.sh" || exit 3
need_fuse
need python3 jq
cd "$work" || exit 3

build_segments parts 300 3 61
new_index
mount_index
jq -e . "$mnt/metadata.json" >/dev/null || die "not JSON"
[ "$(stat -c %s "$mnt/metadata.json")" -eq "$(wc -c <"$mnt/metadata.json")" ] ||
	die "size and bytes differ"
cp parts/*.seg "$mnt/" || die "cp"
# An open file keeps its version while the index changes.
exec 8<"$mnt/metadata.json"
echo '{"user":{"team":"search"}}' >"$mnt/metadata.json" || die "patch of user"
[ "$(metadata .user.team)" = search ] || die "user was not set"
head -c 1000000 <&8 | jq -e '.user.team == null' >/dev/null ||
	die "an open version changed"
exec 8<&-
for bad in '{"generation":"77"}' '{"nonsense":1}' '{"run":"explode"}' \
	'{"merge":{"policy":"nonsense"}}' '{broken' '[]'; do
	(printf '%s\n' "$bad" >"$mnt/metadata.json") 2>/dev/null &&
		die "accepted $bad"
done
[ "$(metadata .user.team)" = search ] || die "a refusal changed something"
expect 1 rm "$mnt/metadata.json"
echo '{"user":{"team":null}}' >>"$mnt/metadata.json" || die "append"
[ "$(metadata '.user.team')" = null ] || die "merge patch does not remove"
expect 3 "$IXFS" mount "$index" "$work" -o lock_timeout=0
grep -qF "$mnt" stderr || die "the refusal does not name the holder"
exec 7<"$mnt/metadata.json"
expect 3 "$IXFS" umount "$mnt"
exec 7<&-
umount_index
expect 0 "$IXFS" info "$index"
jq -e .generation "$index/metadata.json" >/dev/null || die "no checkpoint"
[ "$(stat -c %a "$index")" = 700 ] || die "the backing directory is open"
# A signal unmounts as cleanly.
mount_index
pid=$(daemon_pid)
[ -n "$pid" ] || die "no daemon"
kill -TERM "$pid"
tail --pid="$pid" -f /dev/null
mountpoint -q "$mnt" && die "still mounted after SIGTERM"
expect 0 "$IXFS" info "$index"
# Foreground and ready_fd.
"$IXFS" mount "$index" "$mnt" -f -o ready_fd=6 6>"$work/ready" &
pid=$!
until [ -s "$work/ready" ]; do kill -0 $pid || die "the daemon died"; done
[ "$(live_docs)" -eq 300 ] || die "documents after remounts"
umount_index
wait $pid || die "the foreground daemon failed"
echo passed
