#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Goal: reads of a segment do not reach the daemon where the kernel can spare
# them, do so with no_passthrough, and give the same bytes either way.
# Method: libfuse's debug output names every request; the kernel's offer is
# judged from its version and configuration, not from what the mount says.
# shellcheck source=tests/lib/ixfs.sh
. "$IX_SOURCE/tests/lib/ixfs.sh" || exit 3
need_fuse

skip() {
	echo "skipped: $*"
	exit 77
}

config=$({ zcat /proc/config.gz || cat "/boot/config-$(uname -r)"; } 2>/dev/null)
grep -qx CONFIG_FUSE_PASSTHROUGH=y <<<"$config" ||
	skip "no passthrough in this kernel, or it does not tell"
capabilities=$(awk '$1 == "CapEff:" { print $2 }' /proc/self/status)
((0x$capabilities >> 21 & 1)) || skip "needs CAP_SYS_ADMIN"
awk 'NR == 1 && $3 == 4294967295 { ok = 1 } END { exit !ok }' \
	/proc/self/uid_map || skip "in a user namespace"
case $(stat -f -c %T "$work") in
overlayfs | ecryptfs | fuse*) skip "$work is on a stacked filesystem" ;;
esac

# reads OPTION: the READ requests for reading one segment whole
reads() {
	local daemon
	"$IXFS" mount "$index" "$mnt" -f -o debug,no_merges,"$1" \
		>"$work/requests" 2>&1 &
	daemon=$!
	until mountpoint -q "$mnt"; do
		kill -0 "$daemon" 2>/dev/null || die "mount with $1"
		sleep 0.05
	done
	cat "$mnt/part.seg" >"$work/read" || die "read with $1"
	umount_index
	wait "$daemon" || die "the daemon with $1"
	cmp "$work/part.seg" "$work/read" || die "other bytes with $1"
	awk '/opcode: READ / { n++ } END { print n + 0 }' "$work/requests"
}

build_segments "$work/parts" 3000 1 23
mv "$work"/parts/*.seg "$work/part.seg"
new_index
mount_index
cp "$work/part.seg" "$mnt/" || die "cp"
umount_index

through=$(reads rw) || exit 1
served=$(reads no_passthrough) || exit 1
echo "READ requests: $through with passthrough, $served without"
[ "$through" -eq 0 ] || die "the daemon served $through reads"
[ "$served" -gt 0 ] || die "no_passthrough passed reads through"
