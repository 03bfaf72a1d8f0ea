# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Sourced by shell tests. Gives a private $work directory that is removed, with
# all mounts under it, when the test ends; $mnt and $index; helpers below.
# Environment: IXFS (the program), IX_SOURCE (the tree), IX_SEED.
set -u -o pipefail
lib=$IX_SOURCE/tests/lib
schema=$lib/schema.json
work=$(mktemp -d /tmp/ixfs-test.XXXXXX)
index=$work/index
mnt=$work/mnt
mkdir "$mnt"
IX_SEED=${IX_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
RANDOM=$((IX_SEED % 32768))
echo "seed: IX_SEED=$IX_SEED"

on_exit() {
	local status=$?
	trap - EXIT
	for job in $(jobs -p); do
		kill "$job" 2>/dev/null
	done
	cd /
	local tries=0
	while mountpoint -q "$mnt" 2>/dev/null || ! ls "$mnt" >/dev/null 2>&1; do
		tries=$((tries + 1))
		[ "$tries" -gt 20 ] && break
		umount "$mnt" 2>/dev/null || fusermount3 -u "$mnt" 2>/dev/null ||
			umount -l "$mnt" 2>/dev/null
	done
	rm -rf "$work"
	exit "$status"
}
trap on_exit EXIT

die() {
	echo "FAILED: $*" >&2
	exit 1
}

# expect CODE COMMAND...: the command must exit with that code.
expect() {
	local want=$1 got=0
	shift
	"$@" >"$work/stdout" 2>"$work/stderr" || got=$?
	[ "$got" -eq "$want" ] ||
		die "exit $got instead of $want: $* ($(head -n 3 "$work/stderr"))"
}

need() { # PROGRAM...: skip the test when one is missing
	local program
	for program in "$@"; do
		command -v "$program" >/dev/null ||
			{ echo "skipped: needs $program"; exit 77; }
	done
}

need_fuse() {
	[ -w /dev/fuse ] || { echo "skipped: no /dev/fuse"; exit 77; }
	need fusermount3
}

corpus() { # N SEED > documents
	python3 "$lib/corpus.py" docs "$1" "$2"
}

build_segments() { # DIR N-DOCS SEGMENTS SEED
	corpus "$2" "$4" >"$1.jsonl"
	"$IXFS" build --schema "$schema" -o "$1" \
		--docs-per-segment $((($2 + $3 - 1) / $3)) "$1.jsonl" \
		2>/dev/null || die "build"
}

new_index() {
	"$IXFS" create "$index" --schema "$schema" || die "create"
}

mount_index() { # OPTION...
	"$IXFS" mount "$index" "$mnt" "$@" || die "mount"
}

umount_index() {
	"$IXFS" umount "$mnt" || die "umount"
}

# metadata FILTER: jq over the control file
metadata() {
	jq -r "$1" "$mnt/metadata.json"
}

live_docs() {
	"$IXFS" info "$mnt" --json | jq -s 'map(.docs) | add // 0'
}

live_count() {
	local names=("$mnt"/*.seg)
	[ -e "${names[0]}" ] && echo "${#names[@]}" || echo 0
}

wait_merges() {
	cat "$mnt/.ixfs/wait" >/dev/null || die "wait"
}

# answers PATH QUERY-FILE: JSON lines of all queries
answers() {
	local query
	while IFS= read -r query; do
		"$IXFS" search "$1" "$query" -k 10 --json || die "search $query"
	done <"$2"
}

daemon_pid() {
	local pid
	for pid in $(pgrep -x ixfs); do
		tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null |
			grep -qF " $mnt" && echo "$pid"
	done
}
