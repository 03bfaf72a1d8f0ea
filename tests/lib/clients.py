# SPDX-License-Identifier: MIT
"""Processes that do random things to a mount, all at once.

usage: clients.py MNT SECONDS SEED PROCESSES SEGMENT...

Each creates, writes (in pieces, in any order, sometimes only in part), renames,
removes, opens and lists, in the root and in .ixfs/staging, under few names, so
that they meet. Invariants: a sealed name holds the bytes of one of the
segments; an open segment keeps its bytes; metadata.json is always valid JSON
of the size that fstat tells; only the errnos below come up.
"""
import errno
import json
import multiprocessing
import os
import random
import sys
import time

ALLOWED = {errno.ENOENT, errno.EEXIST, errno.EPERM, errno.EBADMSG,
           errno.ENOTEMPTY, errno.EISDIR, errno.ENOTDIR}


class Client:
    def __init__(self, mnt, seed, segments, complain):
        self.mnt = mnt
        self.staging = mnt + "/.ixfs/staging"
        self.rng = random.Random(seed)
        self.segments = segments
        self.known = set(segments)
        self.complain = complain
        self.held = []
        self.finals = ["s%d.seg" % i for i in range(6)]
        self.temps = ["t%d" % i for i in range(4)]
        self.dirs = [self.staging + "/d%d" % i for i in range(3)]

    def place(self):
        pick = self.rng.choice
        return pick([
            lambda: self.mnt + "/" + pick(self.finals),
            lambda: self.mnt + "/" + pick(self.temps),
            lambda: pick(self.dirs) + "/" + pick(self.temps + self.finals),
            lambda: self.staging + "/" + pick(self.temps + self.finals),
        ])()

    def write(self):
        data = self.rng.choice(self.segments)
        flags = os.O_RDWR | os.O_CREAT | self.rng.choice([0, os.O_TRUNC])
        fd = os.open(self.place(), flags, 0o644)
        try:
            step = self.rng.choice([4096, 131072, 7777, 1 << 20])
            offsets = list(range(0, len(data), step))
            if self.rng.randrange(3) == 0:
                self.rng.shuffle(offsets)
            if self.rng.randrange(6) == 0:
                offsets.pop()
            for at in offsets:
                os.pwrite(fd, data[at:at + step], at)
            if self.rng.randrange(4) == 0:
                os.ftruncate(fd, len(data))
            if self.rng.randrange(4) == 0:
                os.fsync(fd)
            if self.rng.randrange(4) == 0:
                self.held.append((fd, None))
                fd = -1
        finally:
            if fd >= 0:
                os.close(fd)

    def read(self):
        path = self.mnt + "/" + self.rng.choice(self.finals)
        fd = os.open(path, os.O_RDONLY)
        st = os.fstat(fd)
        if st.st_mode & 0o222:
            os.close(fd)
            return
        data = os.pread(fd, st.st_size + 1, 0)
        if data not in self.known:
            self.complain("%s: sealed, but no segment" % path)
        self.held.append((fd, data))

    def rename(self):
        os.rename(self.place(), self.place())

    def unlink(self):
        os.unlink(self.place())

    def directory(self):
        pick = self.rng.choice
        pick([lambda: os.mkdir(pick(self.dirs)),
              lambda: os.rmdir(pick(self.dirs)),
              lambda: os.rename(pick(self.dirs), pick(self.dirs))])()

    def listing(self):
        where = self.rng.choice([self.mnt, self.staging] + self.dirs)
        for entry in os.scandir(where):
            try:
                entry.stat()
            except FileNotFoundError:
                pass

    def control(self):
        with open(self.mnt + "/metadata.json", "rb") as f:
            size = os.fstat(f.fileno()).st_size
            text = f.read()
        if len(text) != size:
            self.complain("metadata.json: %d bytes, fstat says %d" %
                          (len(text), size))
        json.loads(text)

    def attributes(self):
        path = self.place()
        os.utime(path, (1, 2))
        os.stat(path)

    def drop(self):
        fd, data = self.held.pop(self.rng.randrange(len(self.held)))
        if data is not None and os.pread(fd, len(data) + 1, 0) != data:
            self.complain("an open segment changed")
        os.close(fd)

    def step(self):
        action = self.rng.choice(
            [self.write] * 3 + [self.rename] * 3 + [self.read] * 2 +
            [self.unlink, self.directory, self.listing, self.control,
             self.attributes])
        try:
            action()
            while len(self.held) > 6:
                self.drop()
        except OSError as e:
            if e.errno not in ALLOWED:
                self.complain("%s: %s" % (action.__name__, e))


def run(mnt, seconds, seed, segments, results):
    complaints = []
    client = Client(mnt, seed, segments, complaints.append)
    end = time.monotonic() + seconds
    steps = 0
    while time.monotonic() < end:
        client.step()
        steps += 1
    while client.held:
        try:
            client.drop()
        except OSError as e:
            if e.errno not in ALLOWED:
                complaints.append("close: %s" % e)
    results.put((steps, complaints[:20]))


def main():
    mnt, seconds, seed, processes = sys.argv[1:5]
    segments = []
    for name in sys.argv[5:]:
        with open(name, "rb") as f:
            segments.append(f.read())
    results = multiprocessing.Queue()
    clients = [multiprocessing.Process(
        target=run, args=(mnt, float(seconds), int(seed) * 1000 + i, segments,
                          results)) for i in range(int(processes))]
    for c in clients:
        c.start()
    outcome = [results.get() for _ in clients]
    for c in clients:
        c.join()
    steps = sum(o[0] for o in outcome)
    complaints = sorted({c for o in outcome for c in o[1]})
    print("%d steps" % steps)
    for c in complaints:
        print(c)
    sys.exit(1 if complaints or steps < len(clients) else 0)


main()
