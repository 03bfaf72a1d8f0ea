#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Goal: kill -9 of the daemon while clients deliver, rename and look up and merges
# and rm retire segments ends every client with an error: nobody waits for ever for a
# dead daemon, and nothing acknowledged is lost or doubled. Method: rounds of
# several clients at once, the daemon killed at a random moment; the clients must
# end by themselves. HAZARDS S-01.
# shellcheck source=tests/lib/ixfs.sh
. "$IX_SOURCE/tests/lib/ixfs.sh"
need_fuse
need python3 jq
cd "$work" || exit 3

rounds=${IXFS_KILL_ROUNDS:-6}
build_segments parts 1800 180 95
"$IXFS" info parts --json | jq -r '"\(.name) \(.id)"' >ids
declare -A id
while read -r name hex; do id[$name]=$hex; done <ids
new_index

client() { # NUMBER: until the daemon is gone
	python3 - "$mnt" "$1" "$work" "$IX_SEED" <<'P'
import os, random, sys
mnt, me, work = sys.argv[1], int(sys.argv[2]), sys.argv[3]
r = random.Random("%d %s" % (me, sys.argv[4]))
names = sorted(n for n in os.listdir(work + "/parts"))[me::6]
r.shuffle(names)
acked = open("%s/acked.%d" % (work, me), "a", buffering=1)
temp = "%s/.ixfs/staging/%d" % (mnt, me)
while True:
    for name in names:
        data = open(work + "/parts/" + name, "rb").read()
        try:
            with open(temp, "wb") as f:
                f.write(data)
            os.rename(temp, mnt + "/" + name)
            if me >= 2:
                os.unlink(mnt + "/" + name)
            else:
                acked.write(name + "\n")
            for other in os.listdir(mnt):
                os.path.exists(mnt + "/" + other)
        except (FileNotFoundError, PermissionError):
            pass  # merged away, or moved into place by a mount
        except OSError:
            sys.exit(0)
P
}

check() {
	"$IXFS" info "$mnt" --json | jq -r '.leaves[]' | sort >leaves
	[ -z "$(uniq -d leaves)" ] || die "doubled: $(uniq -d leaves)"
	local name
	while read -r name; do
		grep -q "${id[$name]}" leaves || die "lost: $name"
	done < <(sort -u acked.* 2>/dev/null)
}

for round in $(seq 1 "$rounds"); do
	mount_index 2>/dev/null
	check
	pid=$(daemon_pid)
	[ -n "$pid" ] || die "no daemon"
	clients=()
	for n in 0 1 2 3 4 5; do
		client $n &
		clients+=($!)
	done
	until [ "$(cat acked.* 2>/dev/null | wc -l)" -ge $((round * 5)) ]; do
		kill -0 "$pid" || die "the daemon died by itself"
	done
	sleep "0.$((RANDOM % 5))"
	kill -9 "$pid"
	for _ in $(seq 1 100); do
		kill -0 "${clients[@]}" 2>/dev/null || break
		sleep 0.1
	done
	for n in "${clients[@]}"; do
		if kill -0 "$n" 2>/dev/null; then
			umount -f "$mnt" 2>/dev/null
			die "round $round: a client still waits for the daemon"
		fi
	done
done
mount_index 2>/dev/null
check
echo "$rounds kills, $(sort -u acked.* | wc -l) acknowledged"
umount_index
echo passed
