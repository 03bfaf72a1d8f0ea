#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Reads of a sealed segment through the mount against the backing file:
# sequential, random 4 KiB by pread, and by mmap; warm. Interleaved, medians of
# $RUNS (7). Prints a Markdown table of ratios.
#
#   IXFS=build/release/tools/ixfs tests/bench/read.sh
# shellcheck source=tests/lib/ixfs.sh
IX_SOURCE=${IX_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
. "$IX_SOURCE/tests/lib/ixfs.sh" || exit 3
need_fuse
need python3 jq
runs=${RUNS:-7}
docs=${DOCS:-60000}

corpus "$docs" 1 >"$work/docs.jsonl"
"$IXFS" build --schema "$schema" -o "$work/a.seg" "$work/docs.jsonl" 2>/dev/null
new_index
mount_index ${OPTIONS:+-o "$OPTIONS"}
cp "$work/a.seg" "$mnt/" || die "cp"
backing=("$index"/segments/*)
python3 - "$mnt/a.seg" "${backing[0]}" "$runs" <<'P'
import mmap, os, random, statistics, sys, time
paths, runs = sys.argv[1:3], int(sys.argv[3])
size = os.path.getsize(paths[0])

def sequential(fd):
    done = 0
    buffer = bytearray(1 << 20)
    for _ in range(max(1, (1 << 30) // size)):
        at = 0
        while at < size:
            n = os.preadv(fd, [buffer], at)
            at += n
        done += at
    return done

def pread(fd):
    r = random.Random(1)
    buffer = bytearray(4096)
    count = 100000
    for _ in range(count):
        os.preadv(fd, [buffer], r.randrange(size // 4096) * 4096)
    return count

def mapped(fd):
    r = random.Random(1)
    count = 200000
    with mmap.mmap(fd, size, prot=mmap.PROT_READ) as view:
        total = 0
        for _ in range(count):
            total += view[r.randrange(size)]
    return count

print("segment of %.1f MB, %d interleaved runs" % (size / 1e6, runs))
print("| access | mount / backing, median | min | max |")
print("| --- | --- | --- | --- |")
for name, work in ("sequential 1 MiB", sequential), ("random 4 KiB pread", pread), ("random mmap", mapped):
    ratios = []
    for run in range(runs + 1):
        rate = []
        for path in paths if run % 2 else reversed(paths):
            fd = os.open(path, os.O_RDONLY)
            start = time.perf_counter()
            amount = work(fd)
            rate.append(amount / (time.perf_counter() - start))
            os.close(fd)
        if not run % 2:
            rate.reverse()
        if run:
            ratios.append(rate[0] / rate[1])
    print("| %s | %.3f | %.3f | %.3f |" % (name, statistics.median(ratios), min(ratios), max(ratios)))
P
umount_index
