# SPDX-License-Identifier: MIT
# Includes go downward only. rank[] is the layer figure of docs/architecture.md.
BEGIN {
	rank["core/base"] = 0
	rank["core/io"] = 1
	rank["core/text"] = 1
	rank["core/format"] = 2
	rank["core/segment"] = 3
	rank["core/index"] = 4
	rank["core/query"] = 4
	rank["fs"] = 5
	rank["tools"] = 6
	rank["tests"] = 7
}

function layer(path, parts, n) {
	n = split(path, parts, "/")
	return parts[1] == "core" ? parts[1] "/" parts[2] : parts[1]
}

/^#[ \t]*include "/ {
	split($0, quoted, "\"")
	mine = layer(FILENAME)
	other = layer(quoted[2])
	if (!(other in rank)) {
		printf "%s:%d: include by full path: %s\n", FILENAME, FNR, quoted[2]
		bad = 1
	} else if (mine != other && rank[other] >= rank[mine]) {
		printf "%s:%d: %s must not include %s\n", FILENAME, FNR, mine, quoted[2]
		bad = 1
	}
}

END { exit bad }
