#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Goal: SIGTERM, SIGINT and SIGHUP unmount cleanly, also with files open, a
# waiter parked and a writer busy; a killed daemon's mount can be mounted over;
# a wait is ended by a signal to the waiter alone.
# shellcheck source=tests/lib/ixfs.sh
. "$IX_SOURCE/tests/lib/ixfs.sh" || exit 3
need_fuse
need python3 jq
cd "$work" || exit 3

start() { # daemon in the foreground, as $daemon
	"$IXFS" mount "$index" "$mnt" -f -o no_merges,ready_fd=6 6>ready \
		2>>daemon.log &
	daemon=$!
	until [ -s ready ]; do
		kill -0 $daemon || die "the daemon died: $(cat daemon.log)"
	done
	rm ready
}

build_segments parts 4000 2 33
set -- parts/*.seg
new_index
for signal in TERM INT HUP; do
	start
	kill -$signal $daemon
	wait $daemon || die "exit code $? on SIG$signal: $(cat daemon.log)"
	mountpoint -q "$mnt" && die "still mounted on SIG$signal"
done
# With a reader, a writer and a listing open, and copies going on.
start
cp "$1" "$mnt/a.seg" || die "cp"
exec 5<"$mnt/a.seg" 6>"$mnt/.part" 7<"$mnt/.ixfs/staging" 8<"$mnt/.ixfs/wait"
head -c 10000 "$2" >&6
(
	for i in $(seq 1000); do
		cp "$2" "$mnt/.copy$i" 2>/dev/null || break
		mv "$mnt/.copy$i" "$mnt/b.seg" 2>/dev/null || break
		rm "$mnt/b.seg" 2>/dev/null || break
		echo . >>copies
	done
) &
copier=$!
until [ -s copies ]; do kill -0 $copier || die "no copies"; done
kill -TERM $daemon
wait $daemon || die "exit code $? with open files: $(cat daemon.log)"
mountpoint -q "$mnt" && die "still mounted with open files"
wait $copier
exec 5<&- 6>&- 7<&- 8<&-
grep -q 'ERROR\|leak' daemon.log && die "$(cat daemon.log)"
expect 0 "$IXFS" verify "$index"

# Killed: the next mount takes the mount point over, everything is there.
start
[ -e "$mnt/a.seg" ] || die "a segment was lost"
exec 5<"$mnt/a.seg"
kill -9 $daemon
wait $daemon
start
cmp "$1" "$mnt/a.seg" || die "after kill -9"
exec 5<&-

# A signal ends a wait; others go on waiting.
exec 9>"$mnt/metadata.json"
python3 - "$mnt" <<'P' || die "wait"
import os, signal, subprocess, sys, time

wait = sys.argv[1] + "/.ixfs/wait"
# Nothing to wait for: at once, one JSON line, then the end of the file.
import json
with open(wait) as f:
    text = f.read()
json.loads(text)
assert text.endswith("\n")
for attempt in range(20):
    p = subprocess.Popen(["cat", wait], stdout=subprocess.DEVNULL)
    p.send_signal(signal.SIGINT)
    p.wait(timeout=20)
P
exec 9>&-
"$IXFS" umount "$mnt" || die "umount"
wait $daemon || die "exit code $? after umount"
echo passed
