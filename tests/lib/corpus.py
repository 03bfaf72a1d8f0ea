#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Deterministic documents and queries for tests.

  corpus.py docs N SEED      N JSON Lines documents
  corpus.py queries N SEED   N queries over the same vocabulary

Words follow a Zipf distribution over a vocabulary in several scripts, so that
lists of every length occur, short documents and long ones, absent fields,
and phrases that match.
"""
import json
import random
import sys

SYLLABLES = ["ka", "ro", "mi", "ten", "sol", "ver", "dan", "qui", "pla", "ost",
             "ing", "est", "ly", "un", "re", "tion"]
OTHER = ["naïve", "Straße", "Ünicode", "日本語", "поиск", "ΣΊΣΥΦΟΣ", "don't",
         "3.14", "can’t", "👩‍🔬", "ﬁsh", "İstanbul"]


def vocabulary(size=6000):
    source = random.Random(7)
    words = list(OTHER)
    seen = set(words)
    while len(words) < size:
        word = "".join(source.choice(SYLLABLES)
                       for _ in range(source.randint(1, 4)))
        if word not in seen:
            seen.add(word)
            words.append(word)
    source.shuffle(words)
    return words


class Zipf:
    def __init__(self, words, source):
        self.words = words
        self.source = source
        self.weights = []
        total = 0.0
        for rank in range(1, len(words) + 1):
            total += 1.0 / rank
            self.weights.append(total)

    def take(self, count):
        return self.source.choices(self.words, cum_weights=self.weights,
                                   k=count)


def docs(count, seed):
    source = random.Random(seed)
    zipf = Zipf(vocabulary(), source)
    for number in range(count):
        length = min(int(source.paretovariate(0.9) * 12), 3000)
        doc = {"id": "doc-%d-%06d" % (seed, number),
               "title": " ".join(zipf.take(source.randint(1, 8))),
               "body": " ".join(zipf.take(length)).capitalize() + ".",
               "size": length}
        if source.random() < 0.05:
            del doc["body"]
        if source.random() < 0.1:
            doc["size"] = 2**64 - 1 - number
        yield json.dumps(doc, ensure_ascii=source.random() < 0.5)


def queries(count, seed):
    source = random.Random(seed)
    zipf = Zipf([word for word in vocabulary() if word.isalpha()], source)
    for _ in range(count):
        shape = source.randint(0, 7)
        w = zipf.take(4)
        yield [w[0], "%s %s" % (w[0], w[1]), "%s AND %s" % (w[0], w[1]),
               '"%s %s"' % (w[0], w[1]), "title:%s" % w[0],
               "(%s OR %s) AND %s" % (w[0], w[1], w[2]),
               "%s %s %s %s" % tuple(w),
               'body:"%s %s" OR title:%s' % (w[0], w[1], w[2])][shape]


def main():
    kind, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    for line in {"docs": docs, "queries": queries}[kind](count, seed):
        print(line)


if __name__ == "__main__":
    main()
