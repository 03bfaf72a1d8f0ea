#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Debian package descriptions as JSON Lines.

Reads paragraphs of apt's Translation-en lists (deb822 form) on standard input
and prints one document per paragraph: id (the package), title, body, and the
length of the body as a number.
"""
import json
import sys


def paragraphs(lines):
    """Yield each paragraph as {field: [line, ...]}."""
    fields, name = {}, None
    for line in lines:
        line = line.rstrip("\n")
        if not line:
            if fields:
                yield fields
            fields, name = {}, None
        elif line[0] in " \t":
            if name:
                fields[name].append("" if line.strip() == "." else line[1:])
        else:
            name, _, value = line.partition(":")
            fields[name] = [value.strip()]
    if fields:
        yield fields


def main():
    for fields in paragraphs(sys.stdin):
        package = fields.get("Package", [""])[0]
        text = fields.get("Description-en")
        if not package or not text:
            continue
        body = "\n".join(text[1:]).strip()
        print(json.dumps({
            "id": package,
            "title": text[0],
            "body": body,
            "size": len(body.encode()),
        }, ensure_ascii=False))


if __name__ == "__main__":
    main()
