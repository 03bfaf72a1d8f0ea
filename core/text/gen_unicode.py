#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write core/text/unicode_tables.c from the Unicode Character Database.

usage: gen_unicode.py [UCD_DIRECTORY] > unicode_tables.c

The default directory is where Debian's unicode-data package puts the files.
Only VERSION is accepted: the tables decide which terms a text has, so another
version would be another analyzer and needs another analyzer id. The output
depends on nothing but the input files.
"""

import os
import re
import sys

VERSION = "15.0.0"
CODE_POINTS = 0x110000
BLOCK = 128  # code points per second-stage block; block 0 must be ASCII

# Values of enum ix_wb in unicode.h, in its order.
CLASSES = [
    "Other", "ALetter", "Hebrew_Letter", "Numeric", "Katakana",
    "ExtendNumLet", "MidLetter", "MidNum", "MidNumLet", "Single_Quote",
    "Double_Quote", "Extend", "Format", "ZWJ", "WSegSpace", "CR", "LF",
    "Newline", "Regional_Indicator",
]
PICTOGRAPHIC, WORD, FOLDS = 0x20, 0x40, 0x80  # as IX_CHAR_* in unicode.h


def fail(text):
    sys.exit(f"gen_unicode.py: {text}")


def read(directory, name, version_pattern):
    """The data lines of one file as lists of fields, version checked."""
    path = os.path.join(directory, name)
    with open(path, encoding="utf-8") as f:
        text = f.read()
    if not re.search(version_pattern, text):
        fail(f"{path}: not of Unicode {VERSION}")
    for line in text.splitlines():
        line = line.split("#", 1)[0].strip()
        if line:
            yield [field.strip() for field in line.split(";")]


def read_ucd(directory, name):
    stem = os.path.splitext(os.path.basename(name))[0]
    return read(directory, name, f"# {stem}-{re.escape(VERSION)}.txt")


def code_points(field):
    first, _, last = field.partition("..")
    return range(int(first, 16), int(last or first, 16) + 1)


def collect_properties(directory):
    """One byte per code point: word-break class and the three flags."""
    props = bytearray(CODE_POINTS)
    for cps, value in read_ucd(directory, "auxiliary/WordBreakProperty.txt"):
        for cp in code_points(cps):
            props[cp] = CLASSES.index(value)
    for fields in read(directory, "emoji/emoji-data.txt",
                       "Emoji Version 15.0"):
        if fields[1] == "Extended_Pictographic":
            for cp in code_points(fields[0]):
                props[cp] |= PICTOGRAPHIC
    for fields in read_ucd(directory, "DerivedCoreProperties.txt"):
        if fields[1] == "Alphabetic":
            for cp in code_points(fields[0]):
                props[cp] |= WORD
    for cps, value in read_ucd(directory,
                               "extracted/DerivedGeneralCategory.txt"):
        if value in ("Nd", "Nl", "No"):
            for cp in code_points(cps):
                props[cp] |= WORD
    return props


def collect_folds(directory):
    """Code point -> tuple of code points, statuses C and F."""
    folds = {}
    for fields in read_ucd(directory, "CaseFolding.txt"):
        cp, status, mapping = fields[:3]
        if status in ("C", "F"):
            folds[int(cp, 16)] = tuple(int(c, 16) for c in mapping.split())
    return folds


def number_folds(folds):
    """One byte per code point: 0 (no folding), 1 + index of a distance, or
    1 + number of distances + index of an expansion."""
    deltas = sorted({m[0] - cp for cp, m in folds.items() if len(m) == 1})
    full = sorted({m for m in folds.values() if len(m) > 1})
    if 1 + len(deltas) + len(full) > 256:
        fail("more foldings than one byte can number")
    if max(max(m) for m in full) > 0xffff or max(map(len, full)) > 3:
        fail("an expansion does not fit struct ix_fold_full")
    actions = bytearray(CODE_POINTS)
    for cp, m in folds.items():
        if len(m) == 1:
            actions[cp] = 1 + deltas.index(m[0] - cp)
        else:
            actions[cp] = 1 + len(deltas) + full.index(m)
    return actions, deltas, full


def two_stages(values):
    """(index of the block for each run of BLOCK code points, blocks)."""
    index, blocks, seen = [], [], {}
    for start in range(0, CODE_POINTS, BLOCK):
        block = bytes(values[start:start + BLOCK])
        if block not in seen:
            seen[block] = len(blocks)
            blocks.append(block)
        index.append(seen[block])
    if len(blocks) > 256:
        fail("more blocks than one byte can number")
    return bytes(index), b"".join(blocks)


def emit_array(declaration, values):
    print(f"{declaration} = {{")
    line = "\t"
    for v in values:
        item = f"{v},"
        if len(line) + len(item) > 72:
            print(line)
            line = "\t"
        line += item
    print(line)
    print("};\n")


def main():
    directory = sys.argv[1] if len(sys.argv) > 1 else "/usr/share/unicode"
    props = collect_properties(directory)
    folds = collect_folds(directory)
    for cp in folds:
        props[cp] |= FOLDS
    actions, deltas, full = number_folds(folds)

    print("/* SPDX-License-Identifier: MIT */")
    print("/* Made by gen_unicode.py; do not edit. Data files: Copyright"
          " (c) Unicode, Inc.,\n"
          " * https://www.unicode.org/terms_of_use.html */")
    print("/* clang-format off */")
    print('#include "core/text/unicode.h"\n')
    print(f'const char ix_unicode_version[] = "{VERSION}";\n')

    index, blocks = two_stages(props)
    emit_array(f"const uint8_t ix_unicode_prop_index[{len(index)}]", index)
    emit_array(f"const uint8_t ix_unicode_prop_blocks[{len(blocks)}]", blocks)

    index, blocks = two_stages(actions)
    emit_array(f"const uint8_t ix_unicode_fold_index[{len(index)}]", index)
    emit_array(f"const uint8_t ix_unicode_fold_blocks[{len(blocks)}]", blocks)
    print(f"const unsigned ix_unicode_fold_delta_count = {len(deltas)};\n")
    emit_array(f"const int32_t ix_unicode_fold_deltas[{len(deltas)}]", deltas)
    print("const struct ix_fold_full"
          f" ix_unicode_fold_full[{len(full)}] = {{")
    for m in full:
        points = ", ".join(f"0x{cp:04x}" for cp in m)
        print(f"\t{{ {len(m)}, {{ {points} }} }},")
    print("};")


if __name__ == "__main__":
    main()
