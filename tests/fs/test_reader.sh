#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Goal: an open handle and an mmap read the same bytes under the same inode
# number and mtime after their segment was merged away, and the space comes back
# after the last close. HAZARDS S-31, S-40.
# shellcheck source=tests/lib/ixfs.sh
. "$IX_SOURCE/tests/lib/ixfs.sh" || exit 3
need_fuse
need python3 jq
cd "$work" || exit 3

build_segments parts 2000 10 31
new_index
mount_index
cp parts/*.seg "$mnt/" || die "cp"
first=$(basename "$(ls parts/*.seg | head -n 1)")
[ -e "$mnt/$first" ] || cp "parts/$first" "$mnt/$first"
# The names may be merged away at once: hold whatever is live now.
python3 - "$mnt" <<'P' || die "the reader saw a change"
import hashlib, mmap, os, sys, time
mnt = sys.argv[1]
held = []
for name in sorted(os.listdir(mnt)):
    if not name.endswith(".seg"):
        continue
    try:
        fd = os.open(os.path.join(mnt, name), os.O_RDONLY)
    except FileNotFoundError:
        continue
    st = os.fstat(fd)
    view = mmap.mmap(fd, st.st_size, prot=mmap.PROT_READ)
    held.append((name, fd, view, st.st_ino, st.st_mtime_ns,
                 hashlib.sha256(view).hexdigest()))
assert held, "nothing to hold"
used_before = os.statvfs(mnt)
with open(os.path.join(mnt, "metadata.json"), "w") as f:
    f.write('{"run":"force_merge"}')
open(os.path.join(mnt, ".ixfs/wait")).read()
live = [n for n in os.listdir(mnt) if n.endswith(".seg")]
assert len(live) == 1, live
gone = [h for h in held if h[0] not in live]
assert gone, "no segment was merged away"
for name, fd, view, ino, mtime, digest in held:
    st = os.fstat(fd)
    assert st.st_ino == ino, (name, "inode")
    assert st.st_mtime_ns == mtime, (name, "mtime")
    data = b""
    while len(data) < st.st_size:
        data += os.pread(fd, 1 << 20, len(data))
    assert hashlib.sha256(data).hexdigest() == digest, (name, "pread")
    assert hashlib.sha256(view).hexdigest() == digest, (name, "mmap")
print("%d held, %d merged away" % (len(held), len(gone)))
def used(st):
    return (st.f_blocks - st.f_bfree) * st.f_frsize
for h in held:
    h[2].close()
    os.close(h[1])
P
# Space: the retired files are unlinked once nobody holds them.
for _ in $(seq 1 200); do
	files=("$index"/segments/*)
	[ ${#files[@]} -eq 1 ] && break
	sleep 0.05
done
[ ${#files[@]} -eq 1 ] || die "retired files stay: ${files[*]}"
umount_index
echo passed
