#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Goal: a file is sealed by close, fsync or rename when its content is complete,
# whatever the order of its writes; old descriptors cannot change it; handles
# keep bytes, inode and times after it was retired.
# Method: each way to write a file, by itself, in one Python program; once with
# passthrough and once without.
# shellcheck source=tests/lib/ixfs.sh
. "$IX_SOURCE/tests/lib/ixfs.sh" || exit 3
need_fuse
need python3
cd "$work" || exit 3

build_segments parts 1800 12 71
new_index
for options in no_merges no_merges,no_passthrough; do
	mount_index -o $options
	python3 - "$mnt" "$IX_SEED" parts/*.seg <<'P' || die "with -o $options"
import errno, mmap, os, random, stat, subprocess, sys, threading

mnt, seed, files = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
rng = random.Random(seed)
data = [open(f, "rb").read() for f in files]
data.sort(key=len, reverse=True)
names = iter("s%d.seg" % i for i in range(100))


def fails(code, fn, *args):
    try:
        fn(*args)
    except OSError as e:
        assert e.errno == code, (fn, args, e)
    else:
        raise AssertionError("%s%r did not fail" % (fn, args))


def create(name, flags=os.O_RDWR | os.O_CREAT | os.O_EXCL):
    return os.open(os.path.join(mnt, name), flags, 0o644)


def sealed(name, content):
    path = os.path.join(mnt, name)
    with open(path, "rb") as f:
        assert f.read() == content, name
    st = os.stat(path)
    assert stat.S_IMODE(st.st_mode) == 0o444, oct(st.st_mode)
    assert st.st_size == len(content)
    fails(errno.EPERM, os.open, path, os.O_WRONLY)
    fails(errno.EPERM, os.open, path, os.O_RDONLY | os.O_TRUNC)
    fails(errno.EPERM, os.truncate, path, 0)


def immutable(fd):
    fails(errno.EPERM, os.pwrite, fd, b"x", 0)
    fails(errno.EPERM, os.ftruncate, fd, 0)
    fails(errno.EPERM, os.posix_fallocate, fd, 0, 1 << 20)


# fsync registers; the descriptor goes on reading, and cannot write any more.
d, name = data[0], next(names)
fd = create(name)
os.write(fd, d[:5000])
os.fsync(fd)  # incomplete: no error
os.write(fd, d[5000:])
os.fsync(fd)
reader = os.open(os.path.join(mnt, name), os.O_RDONLY)
assert os.fstat(reader).st_ino != os.fstat(fd).st_ino  # a node of its own
immutable(fd)
assert os.pread(fd, len(d) + 1, 0) == d
sealed(name, d)
os.close(fd)

# Retired: bytes, inode number and times stay; a map too.
os.utime(reader, (1234567, 1234567))
before = os.fstat(reader)
assert before.st_mtime == 1234567
shared = mmap.mmap(reader, len(d), mmap.MAP_SHARED, mmap.PROT_READ)
os.unlink(os.path.join(mnt, name))
assert name not in os.listdir(mnt)
fails(errno.ENOENT, os.stat, os.path.join(mnt, name))
after = os.fstat(reader)
assert (after.st_ino, after.st_mtime, after.st_size) == \
    (before.st_ino, before.st_mtime, len(d))
assert os.pread(reader, len(d) + 1, 0) == d and shared[:] == d
shared.close()
os.close(reader)

# Pieces in random order, of odd sizes, overlapping; closed by another thread.
d, name = data[1], next(names)
fd = create(name)
pieces = []
at = 0
while at < len(d):
    n = rng.choice([1, 100, 4095, 4096, 8192, 70001])
    pieces.append((max(0, at - rng.randrange(0, 50)), at + n))
    at += n
rng.shuffle(pieces)
for begin, end in pieces:
    os.pwrite(fd, b"\xff" * (min(end, len(d)) - begin), begin)
rng.shuffle(pieces)
for begin, end in pieces:
    os.pwrite(fd, d[begin:end], begin)
t = threading.Thread(target=os.close, args=(fd,))
t.start()
t.join()
sealed(name, d)

# Several threads write side by side.
d, name = data[2], next(names)
fd = create(name)
step = 4096 * 3 + 17


def write_every(k):
    for i in range(k * step, len(d), 4 * step):
        os.pwrite(fd, d[i:i + step], i)


threads = [threading.Thread(target=write_every, args=(k,)) for k in range(4)]
for t in threads:
    t.start()
for t in threads:
    t.join()
os.close(fd)
sealed(name, d)

# Through a shared map, mixed with write. (The map has a descriptor of its own,
# whose close finds the content complete.)
d, name = data[3], next(names)
fd = create(name)
os.write(fd, b"\xff" * len(d))
try:
    with mmap.mmap(fd, len(d)) as m:
        m[4096:] = d[4096:]
        os.pwrite(fd, d[:4096], 0)
    immutable(fd)
except OSError as e:  # kernels without DIRECT_IO_ALLOW_MMAP
    assert e.errno == errno.ENODEV, e
    os.pwrite(fd, d, 0)
os.close(fd)
sealed(name, d)

# Longer before, cut to size; a page of the end rewritten.
d, name = data[4], next(names)
fd = create(name)
os.write(fd, d + b"\0" * 100000)
os.ftruncate(fd, len(d) - 5000)
os.pwrite(fd, d[-5000:], len(d) - 5000)
os.close(fd)
sealed(name, d)

# Renamed while it is open for writing.
d, name = data[5], next(names)
fd = create(".part")
os.write(fd, d)
os.rename(os.path.join(mnt, ".part"), os.path.join(mnt, name))
immutable(fd)
os.close(fd)
sealed(name, d)

# dup: the first close comes with half of the content.
d, name = data[6], next(names)
fd = create(name)
twin = os.dup(fd)
os.write(fd, d[:4097])
fails(errno.EBADMSG, os.close, twin)
os.write(fd, d[4097:])
os.close(fd)
sealed(name, d)

# fork: other processes close what they inherited, each with more content.
d, name = data[7], next(names)
fd = create(name)
for i in range(0, len(d), 1 + len(d) // 4):
    part = d[i:i + 1 + len(d) // 4]
    child = subprocess.run(["cat"], input=part, stdout=fd)
    assert child.returncode == 0
os.close(fd)
sealed(name, d)

# Never written: no error; incomplete: an error, and the way to go on.
name = next(names)
os.close(create(name))
assert os.path.getsize(os.path.join(mnt, name)) == 0
os.unlink(os.path.join(mnt, name))
d, name = data[8], next(names)
fd = create(name)
os.write(fd, d[:-1])
fails(errno.EBADMSG, os.close, fd)
path = os.path.join(mnt, name)
assert os.getxattr(path, "user.ixfs.status")
fd = os.open(path, os.O_WRONLY | os.O_APPEND)
os.write(fd, d[-1:])
os.close(fd)
sealed(name, d)

# chmod is accepted without effect, owner and times are kept.
os.chmod(path, 0o600)
assert stat.S_IMODE(os.stat(path).st_mode) == 0o444
os.utime(path, ns=(5, 1600000000123456789))
assert os.stat(path).st_mtime_ns == 1600000000123456789
if os.geteuid() == 0:
    os.chown(path, 1000, 1001)
    assert (os.stat(path).st_uid, os.stat(path).st_gid) == (1000, 1001)

# Removed while it is open: a later close does not bring it back.
name = next(names)
fd = create(name)
os.write(fd, data[9])
os.unlink(os.path.join(mnt, name))
os.close(fd)
assert name not in os.listdir(mnt)

# Policy of the root.
fails(errno.EPERM, os.mkdir, os.path.join(mnt, "dir"))
fails(errno.EPERM, os.symlink, "x", os.path.join(mnt, "link"))
fails(errno.EPERM, os.link, path, os.path.join(mnt, "second.seg"))
fails(errno.EPERM, os.link, path, os.path.join(mnt, ".ixfs/staging/second"))
fails(errno.EPERM, os.mkfifo, os.path.join(mnt, "fifo"))
fails(errno.EPERM, os.rename, path, os.path.join(mnt, "other.txt"))
fails(errno.EPERM, os.rename, path, os.path.join(mnt, "metadata.json"))
fails(errno.EPERM, os.rename, path, os.path.join(mnt, ".ixfs/x"))
acl = b"\2\0\0\0\1\0\4\0\xff\xff\xff\xff\4\0\4\0\xff\xff\xff\xff" \
    b"\x20\0\4\0\xff\xff\xff\xff"
fails(errno.EOPNOTSUPP, os.setxattr, path, "system.posix_acl_access", acl)
for entry in os.listdir(mnt):
    if entry.endswith(".seg"):
        os.unlink(os.path.join(mnt, entry))
P
	umount_index
done
echo passed
