#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Goal: build, dump, verify, info, merge and search on plain files do what the
# command line promises. Method: the same documents as 16 segments, as one built
# in one go under a tiny budget, and as merges; all must answer alike.
# shellcheck source=tests/lib/ixfs.sh
. "$IX_SOURCE/tests/lib/ixfs.sh" || exit 3
need python3 jq
cd "$work" || exit 3

corpus 3000 11 >docs.jsonl
expect 0 "$IXFS" build --schema "$schema" -o parts --docs-per-segment 188 \
	docs.jsonl
set -- parts/*.seg
[ $# -eq 16 ] || die "16 segments expected, got $#"

# The same job again makes the same names and bytes.
expect 0 "$IXFS" build --schema "$schema" -o again --docs-per-segment 188 \
	docs.jsonl
diff -r parts again || die "the build is not reproducible"

# One segment, from standard input, with and without spilling: one id.
expect 0 "$IXFS" build --schema "$schema" -o whole.seg - <docs.jsonl
expect 0 "$IXFS" build --schema "$schema" --memory 8 -o small.seg docs.jsonl
id() { "$IXFS" info "$1" --json | jq -r .id; }
sum() { "$IXFS" info "$1" --json | jq -r .content_sum; }
[ "$(id whole.seg)" = "$(id small.seg)" ] || die "ids depend on the budget"
[ "$(sum whole.seg)" = "$(sum small.seg)" ] || die "sums depend on the budget"

# Merges, in one pass and in two, keep the content sum and verify.
expect 0 "$IXFS" merge -o merged.seg "$@"
expect 0 "$IXFS" merge -o left.seg "${@:1:7}"
expect 0 "$IXFS" merge -o twice.seg left.seg "${@:8}"
for s in merged twice; do
	[ "$(sum $s.seg)" = "$(sum whole.seg)" ] || die "$s lost content"
done
expect 0 "$IXFS" verify parts
for s in whole small merged twice; do
	expect 0 "$IXFS" verify "$s.seg"
done

# Dump gives the documents back, in order, and a build of the dump the same id.
"$IXFS" dump merged.seg --docs >dump.jsonl || die "dump"
[ "$(wc -l <dump.jsonl)" -eq 3000 ] || die "dump lost documents"
cmp <(jq -cS . docs.jsonl | sed 's/"size":1844674407370955[0-9]*/X/') \
	<(jq -cS . dump.jsonl | sed 's/"size":1844674407370955[0-9]*/X/') ||
	die "dump changed documents"
expect 0 "$IXFS" build --schema "$schema" -o redone.seg dump.jsonl
[ "$(id redone.seg)" = "$(id whole.seg)" ] || die "dump does not round-trip"

# The same answers from every shape of the same documents.
python3 "$lib/corpus.py" queries 60 5 >queries
answers parts queries >expected
[ "$(wc -l <expected)" -gt 100 ] || die "the queries match too little"
for s in whole.seg small.seg merged.seg twice.seg; do
	answers "$s" queries | cmp - expected || die "answers of $s differ"
done

# Bad lines are named by number; nothing is written unless they are skipped.
{
	head -n 3 docs.jsonl
	echo '{"id":"x","title":"t","nonsense":1}'
	echo '{"id":"y","size":1.5}'
	echo 'not json'
	sed -n 4,6p docs.jsonl
} >bad.jsonl
expect 1 "$IXFS" build --schema "$schema" -o bad.seg bad.jsonl
for n in 4 5 6; do
	grep -q "bad.jsonl: line $n: " stderr || die "line $n is not reported"
done
[ -e bad.seg ] && die "a refused build left a segment"
expect 0 "$IXFS" build --schema "$schema" --skip-bad -o bad.seg bad.jsonl
[ "$("$IXFS" dump bad.seg --docs | wc -l)" -eq 6 ] || die "--skip-bad"
expect 1 "$IXFS" build --schema "$schema" --ignore-unknown -o b2.seg bad.jsonl
grep -q 'line 4' stderr && die "--ignore-unknown refused an unknown field"

# An inferred schema is printed and usable.
expect 0 "$IXFS" build -o inferred.seg - <docs.jsonl
cp stdout inferred.json
expect 0 "$IXFS" build --schema inferred.json -o inferred2.seg docs.jsonl
[ "$(id inferred.seg)" = "$(id inferred2.seg)" ] || die "inferred schema"

# Damage is exit 1, wrong use 2, failure 3.
cp whole.seg damaged.seg
printf '\x55' | dd of=damaged.seg bs=1 seek=70000 conv=notrunc status=none
expect 1 "$IXFS" verify damaged.seg
grep -q 'damaged.seg' stderr || die "the damaged file is not named"
head -c 5000 whole.seg >cut.seg
expect 1 "$IXFS" verify cut.seg
expect 1 "$IXFS" merge -o no.seg damaged.seg "$1"
[ -e no.seg ] && die "a merge of damage left a file"
echo hello >foreign.seg
expect 1 "$IXFS" search foreign.seg hello
expect 2 "$IXFS" search whole.seg
expect 2 "$IXFS" build -o x.seg --memory 1 docs.jsonl
expect 2 "$IXFS" nonsense
expect 3 "$IXFS" search /nonexistent hello
expect 1 "$IXFS" search whole.seg '"unbalanced'
[ -z "$(find . -name '.?*')" ] || die "temporary files were left: $(ls -A)"
mkdir full && touch full/x
expect 3 "$IXFS" create full --schema "$schema"
echo passed
