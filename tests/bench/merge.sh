#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Merge of K segments into one against `cat inputs > out; fsync` of the same
# bytes. Interleaved, medians of $RUNS (5), page cache warm.
#
#   IXFS=build/release/tools/ixfs tests/bench/merge.sh [INPUT.jsonl SCHEMA.json]
# shellcheck source=tests/lib/ixfs.sh
IX_SOURCE=${IX_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
. "$IX_SOURCE/tests/lib/ixfs.sh" || exit 3
need python3
runs=${RUNS:-5}
fan_in=${FAN_IN:-8}

if [ $# -ge 2 ]; then
	input=$1
	schema=$2
else
	input=$work/docs.jsonl
	corpus "${DOCS:-60000}" 1 >"$input"
fi
lines=$(wc -l <"$input")
"$IXFS" build --schema "$schema" -o "$work/parts" \
	--docs-per-segment $(((lines + fan_in - 1) / fan_in)) "$input" || die build
python3 - "$IXFS" "$runs" "$work" "$work"/parts/*.seg <<'P'
import os, statistics, subprocess, sys, time
ixfs, runs, work, parts = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4:]
size = sum(os.path.getsize(p) for p in parts)

def merge(out):
    subprocess.run([ixfs, "merge", "-o", out] + parts, check=True,
                   stderr=subprocess.DEVNULL)

def cat(out):
    with open(out, "wb") as f:
        subprocess.run(["cat"] + parts, stdout=f, check=True)
        os.fsync(f.fileno())

rates = {"merge": [], "cat": []}
for run in range(runs + 1):
    for name, work_fn in ("merge", merge), ("cat", cat):
        out = os.path.join(work, "out.seg")
        start = time.perf_counter()
        work_fn(out)
        if run:
            rates[name].append(size / 1e6 / (time.perf_counter() - start))
        os.unlink(out)
print("%d segments, %.1f MB, %d interleaved runs" % (len(parts), size / 1e6, runs))
print("| | MB/s, median | min | max |")
print("| --- | --- | --- | --- |")
for name in rates:
    r = rates[name]
    print("| %s | %.0f | %.0f | %.0f |" % (name, statistics.median(r), min(r), max(r)))
print("ratio merge / cat: %.2f" % statistics.median(
    a / b for a, b in zip(rates["merge"], rates["cat"])))
P
