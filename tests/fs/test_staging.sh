#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Goal: .ixfs/staging is an ordinary tree; staging files of the root survive a
# remount and may have any name; every kind of rename does what it should.
# Method: plain commands, and a Python program for errnos.
# shellcheck source=tests/lib/ixfs.sh
. "$IX_SOURCE/tests/lib/ixfs.sh" || exit 3
need_fuse
need python3
cd "$work" || exit 3

build_segments parts 600 4 81
set -- parts/*.seg
new_index
mount_index -o no_merges
staging=$mnt/.ixfs/staging
[ "$(ls -A "$mnt")" = metadata.json ] || die ".ixfs is listed"
[ "$(ls "$mnt/.ixfs")" != "" ] || die ".ixfs is empty"

# An ordinary tree: sources, directories moved with content, modes and times.
mkdir -p "$staging/a/b/c" || die "mkdir"
tar -C "$IX_SOURCE/tests" -cf - lib | tar -C "$staging/a/b" -xf - || die "tar"
diff -r "$IX_SOURCE/tests/lib" "$staging/a/b/lib" || die "tree differs"
mv "$staging/a/b" "$staging/moved" || die "mv of a directory"
diff -r "$IX_SOURCE/tests/lib" "$staging/moved/lib" || die "moved tree differs"
expect 1 rmdir "$staging/moved"
touch -d @1000 "$staging/moved/f" && chmod 640 "$staging/moved/f"
[ "$(stat -c '%Y %a' "$staging/moved/f")" = "1000 640" ] || die "attributes"
chmod 7777 "$staging/moved/f"
[ "$(stat -c %a "$staging/moved/f")" = 777 ] || die "suid was kept"
rm -rf "$staging/moved" "$staging/a"
[ -z "$(ls -A "$staging")" ] || die "rm -rf left something"

# Deleting while listing neither skips nor repeats.
mkdir "$staging/many"
(cd "$staging/many" && seq 3000 | xargs touch)
[ "$(ls "$staging/many" | wc -l)" -eq 3000 ] || die "listing of many"
rm -r "$staging/many" || die "rm -r of many"

# Staging names in the root: never refused, never registered, kept.
head -c 100 "$1" >"$mnt/.hidden.seg" || die "dot name"
cp "$1" "$mnt/notes.txt" || die "other name"
expect 1 mkdir "$mnt/dir"
expect 1 mv "$staging" "$mnt/elsewhere"
mkdir "$staging/d"
expect 1 mv "$staging/d" "$mnt/d"
umount_index
mount_index -o no_merges
cmp "$1" "$mnt/notes.txt" || die "a staging file was lost"
[ "$(live_count)" -eq 0 ] || die "a staging file was registered"
[ -d "$staging/d" ] || die "a staging directory was lost"

# Publishing by rename; refusal leaves the source where it is.
mv "$mnt/notes.txt" "$mnt/one.seg" || die "publish from the root"
head -c 5000 "$2" >"$staging/d/two.part"
expect 1 mv "$staging/d/two.part" "$mnt/two.seg"
grep -qi 'bad message' stderr || die "wrong errno: $(cat stderr)"
[ -e "$staging/d/two.part" ] || die "the refused source is gone"
[ -e "$mnt/two.seg" ] && die "a refused file got its name"
cp "$2" "$staging/d/two.part" && mv "$staging/d/two.part" "$mnt/two.seg" ||
	die "publish from a directory"
cmp "$2" "$mnt/two.seg" || die "published bytes differ"
cp "$3" "$staging/x" && expect 1 mv -f "$staging/x" "$mnt/one.seg"
[ -e "$staging/x" ] || die "the source of EEXIST is gone"
cmp "$1" "$mnt/one.seg" || die "a live name was overwritten"
# An incomplete file waits under the name; the published one takes its place.
head -c 5000 "$3" | cat >"$mnt/three.seg"
mv -f "$staging/x" "$mnt/three.seg" || die "publish over a pending file"
cmp "$3" "$mnt/three.seg" || die "three"
# Segments: renamed, never to another kind of name.
mv "$mnt/three.seg" "$mnt/drei.seg" || die "rename of a segment"
cmp "$3" "$mnt/drei.seg" || die "renamed bytes differ"
expect 1 mv "$mnt/drei.seg" "$mnt/drei.txt"
umount_index
mount_index -o no_merges
[ "$(cd "$mnt" && echo *.seg)" = "drei.seg one.seg two.seg" ] ||
	die "names after a remount: $(ls "$mnt")"

python3 - "$mnt" "$4" <<'P' || die "errnos"
import ctypes, errno, os, sys

mnt, segment = sys.argv[1:]
staging = mnt + "/.ixfs/staging"
data = open(segment, "rb").read()


def fails(code, fn, *args):
    try:
        fn(*args)
    except OSError as e:
        assert e.errno == code, (fn, args, e)
    else:
        raise AssertionError("%s%r did not fail" % (fn, args))


# Removed but open: still an ordinary file.
fd = os.open(staging + "/gone", os.O_RDWR | os.O_CREAT)
os.unlink(staging + "/gone")
os.write(fd, b"abc")
assert os.pread(fd, 3, 0) == b"abc" and os.fstat(fd).st_nlink == 0
os.close(fd)
# Replaced but open.
for name in "a", "b":
    with open(staging + "/" + name, "w") as f:
        f.write(name)
fd = os.open(staging + "/b", os.O_RDONLY)
os.rename(staging + "/a", staging + "/b")
assert os.pread(fd, 2, 0) == b"b"
assert open(staging + "/b").read() == "a"
os.close(fd)
# renameat2: NOREPLACE is kept, EXCHANGE is not offered, nothing is EXDEV.
libc = ctypes.CDLL(None, use_errno=True)


def renameat2(old, new, flags):
    if libc.renameat2(-100, old.encode(), -100, new.encode(), flags):
        e = ctypes.get_errno()
        raise OSError(e, os.strerror(e))


with open(staging + "/c", "w"):
    pass
fails(errno.EEXIST, renameat2, staging + "/c", staging + "/b", 1)
fails(errno.EOPNOTSUPP, renameat2, staging + "/c", staging + "/b", 2)
fails(errno.EPERM, os.rename, mnt + "/.ixfs", mnt + "/x")
fails(errno.EPERM, os.rename, mnt + "/metadata.json", staging + "/x")
fails(errno.EPERM, os.unlink, mnt + "/metadata.json")
# A rename with nonsense over the control file is no EINVAL.
with open(staging + "/j", "w") as f:
    f.write("nonsense")
fails(errno.EBADMSG, os.rename, staging + "/j", mnt + "/metadata.json")
with open(staging + "/j", "w") as f:
    f.write('{"user":{"by":"rename"}}')
os.rename(staging + "/j", mnt + "/metadata.json")
assert '"rename"' in open(mnt + "/metadata.json").read()
assert not os.path.exists(staging + "/j")
# df: what is staged counts as used.
before = os.statvfs(mnt)
with open(staging + "/big", "wb") as f:
    f.write(bytes(8 << 20))
after = os.statvfs(mnt)
used = [(s.f_blocks - s.f_bfree) * s.f_frsize for s in (before, after)]
assert used[1] - used[0] == 8 << 20, used
os.unlink(staging + "/big")
# From one call: what others write on the disk moves both numbers.
after = os.statvfs(mnt)
assert after.f_blocks - after.f_bfree == before.f_blocks - before.f_bfree
# A directory keeps its name while a file below is being published: both
# happen, in one order or the other.
os.makedirs(staging + "/p/q")
with open(staging + "/p/q/f", "wb") as f:
    f.write(data)
child = os.fork()
if child == 0:
    try:
        os.rename(staging + "/p", staging + "/r")
    finally:
        os._exit(0)
try:
    os.rename(staging + "/p/q/f", mnt + "/four.seg")
except FileNotFoundError:
    os.rename(staging + "/r/q/f", mnt + "/four.seg")
os.waitpid(child, 0)
assert open(mnt + "/four.seg", "rb").read() == data
assert os.listdir(staging + "/r/q") == []
P
umount_index
echo passed
