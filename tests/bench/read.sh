#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Reads of a sealed segment through the mount against the backing file:
# sequential, random 4 KiB by pread, and by mmap; warm. fio, interleaved, medians
# of $RUNS (7). Prints a Markdown table of ratios.
#
#   IXFS=build/release/tools/ixfs tests/bench/read.sh
# shellcheck source=tests/lib/ixfs.sh
IX_SOURCE=${IX_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
. "$IX_SOURCE/tests/lib/ixfs.sh" || exit 3
need_fuse
need python3 jq fio gawk
runs=${RUNS:-7}
docs=${DOCS:-60000}

corpus "$docs" 1 >"$work/docs.jsonl"
"$IXFS" build --schema "$schema" -o "$work/a.seg" "$work/docs.jsonl" 2>/dev/null
new_index
mount_index ${OPTIONS:+-o "$OPTIONS"}
cp "$work/a.seg" "$mnt/" || die "cp"
backing=("$index"/segments/*)

# rate FILE FIO-OPTION...: operations per second of one fio job
rate() {
	local file=$1
	shift
	fio --name=read --filename="$file" --readonly --invalidate=0 \
		--time_based --runtime="${SECONDS_EACH:-1}" \
		--output-format=json "$@" | jq '.jobs[0].read.iops'
}

printf 'segment of %d bytes, %d interleaved runs of %s s\n' \
	"$(stat -c %s "$mnt/a.seg")" "$runs" "${SECONDS_EACH:-1}"
echo "| access | mount / backing, median | min | max |"
echo "| --- | --- | --- | --- |"
while read -r title options; do
	for run in $(seq 0 "$runs"); do
		# shellcheck disable=SC2086
		if [ $((run % 2)) -eq 0 ]; then
			m=$(rate "$mnt/a.seg" $options)
			b=$(rate "${backing[0]}" $options)
		else
			b=$(rate "${backing[0]}" $options)
			m=$(rate "$mnt/a.seg" $options)
		fi
		[ "$run" -gt 0 ] && echo "$m $b" # the first run warms up
	done | gawk -v title="${title//_/ }" '{ r[NR] = $1 / $2 }
		END { n = asort(r)
		printf "| %s | %.3f | %.3f | %.3f |\n", title,
			r[int((n + 1) / 2)], r[1], r[n] }'
done <<'JOBS'
sequential_1_MiB --rw=read --bs=1m --ioengine=psync
random_4_KiB --rw=randread --bs=4k --ioengine=psync --norandommap
random_4_KiB,_mmap --rw=randread --bs=4k --ioengine=mmap --norandommap
JOBS
umount_index
