#!/bin/bash
# SPDX-License-Identifier: MIT
# Goal: core/text/unicode_tables.c is what its generator writes.
# Method: run it again (package unicode-data 15.0) and compare byte by byte.
set -eu
data=${IX_UCD:-/usr/share/unicode}
if ! grep -qs '^# CaseFolding-15\.0\.0\.txt' "$data/CaseFolding.txt" ||
	! command -v python3 >/dev/null; then
	echo "skipped: needs python3 and Unicode 15.0 in $data"
	exit 77
fi
python3 "$IX_SOURCE/core/text/gen_unicode.py" "$data" |
	cmp - "$IX_SOURCE/core/text/unicode_tables.c"
