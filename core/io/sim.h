/* SPDX-License-Identifier: MIT */
/*
 * sim: a disk in memory that fails, tears and crashes as a test asks.
 *
 * It keeps the present state (what a process sees), the durable state, and
 * the log of the operations between the two. A crash state is the durable
 * state plus any legal subset of the logged operations. Legal is what POSIX
 * allows, which is weaker than what any one filesystem does:
 *
 * - Data. Writes and truncations of a file since its last ix_file_sync may be
 *   kept in any subset, each write torn at 512-byte sectors. The size a write
 *   brought may be kept without its data: then it reads zeros. ix_file_sync
 *   makes all of it durable, but not the file's name.
 * - Names. A directory is a set of entries. Creating, linking, renaming and
 *   removing since the last ix_vfs_sync_dir of that directory may be kept in
 *   any subset: losing an earlier change does not undo a later one. A kept
 *   name leads to the file it was made for, with whatever of its data was
 *   kept: a name alone is an empty file.
 * - A rename inside one directory is atomic. A rename of a file between
 *   directories may leave both names, never none: the new name is durable once
 *   the target directory was synced, and the removal of the old one once the
 *   source directory was (which then makes the new name durable, too). Moving
 *   a directory is atomic, and durable once either parent was synced.
 * - A directory's own entries live and die with its name: if mkdir was lost,
 *   what was synced inside is lost, too.
 * - A sync that failed leaves what it should have synced non-durable for ever,
 *   whatever later syncs return; operations after it are synced as usual.
 * - Space reserved, locks and open handles do not survive.
 *
 * All functions may be called from any thread. A disk is test equipment:
 * lack of memory for its own books ends the process, so that sweeps over
 * failing allocations see only the code under test.
 */
#ifndef IX_IO_SIM_H
#define IX_IO_SIM_H

#include "core/io/vfs.h"

struct ix_sim;

/* A new empty disk. `*vp` is its vfs; both go with ix_vfs_free(*vp). */
int ix_sim_new(struct ix_vfs **vp);
/* The disk behind a vfs; NULL if it is no simulated one. */
struct ix_sim *ix_sim_of(struct ix_vfs *v);

/* ---- faults ---- */

enum ix_sim_op {
	IX_SIM_OPEN = 1 << 0,  /* and lock */
	IX_SIM_READ = 1 << 1,  /* and map */
	IX_SIM_WRITE = 1 << 2, /* and copy_range */
	IX_SIM_SYNC = 1 << 3,
	IX_SIM_TRUNCATE = 1 << 4, /* and reserve */
	IX_SIM_RENAME = 1 << 5,
	IX_SIM_LINK = 1 << 6,
	IX_SIM_UNLINK = 1 << 7,
	IX_SIM_SYNC_DIR = 1 << 8,
	IX_SIM_STAT = 1 << 9, /* and space */
	IX_SIM_LIST = 1 << 10,
	IX_SIM_MKDIR = 1 << 11, /* and rmdir */
	IX_SIM_ALL = (1 << 12) - 1,
};

/* Make the `nth` (from 1) coming operation among `ops` fail with `error`
 * (a positive errno), and, if `sticky`, all those after it too. A failing
 * write writes a random prefix first; a failing sync leaves its writes
 * unsynced for ever. nth = 0 ends all faults. */
void ix_sim_fail(struct ix_sim *s, unsigned ops, uint64_t nth, int error,
		 int sticky);
/* Operations among `ops` counted since ix_sim_fail or ix_sim_count_reset. */
uint64_t ix_sim_count(struct ix_sim *s, unsigned ops);
void ix_sim_count_reset(struct ix_sim *s);
/* Did the fault that was asked for happen? */
int ix_sim_fault_hit(struct ix_sim *s);
/* Bytes the disk can hold: file sizes and reservations count, of unlinked
 * files until they are closed. A write beyond writes what fits and fails with
 * -ENOSPC. 0 = no bound. */
void ix_sim_set_capacity(struct ix_sim *s, uint64_t bytes);

enum ix_sim_completion {
	IX_SIM_SHORT = 1 << 0,   /* a request transfers a part only */
	IX_SIM_REORDER = 1 << 1, /* requests complete in random order */
	IX_SIM_AGAIN = 1 << 2,   /* some end with -EAGAIN or -EINTR first */
};

/* How requests of the ring engine on files of this disk complete; the faults
 * of ix_sim_fail come on top. Default: whole and in order. */
void ix_sim_set_completions(struct ix_sim *s, uint64_t seed, unsigned flags);

/* ---- crashes ---- */

/*
 * Stop the world: at the `nth` (from 1) coming mutating operation (write,
 * truncate, create, rename, link, unlink, mkdir, rmdir, sync, sync_dir; only
 * those that would have succeeded count). It fails with -EIO, having begun:
 * its effect is the last of the unsynced ones, a sync has no effect. After it
 * every operation fails with -EIO and changes nothing. 0 = never.
 */
void ix_sim_crash_at(struct ix_sim *s, uint64_t nth);
/* Has it happened? */
int ix_sim_crashed(struct ix_sim *s);
/* Mutating operations so far: the range for sweeps over `nth`. */
uint64_t ix_sim_mutations(struct ix_sim *s);

/*
 * How many crash states ix_sim_crash_state can make from now: every subset,
 * if there are at most `limit` (a torn write then has two forms: its first
 * half, its last sector); else `limit`: nothing, all, names without data, names
 * and sizes without data, data without names, all but one for each operation
 * (as far as the limit goes), then seeded random ones.
 */
uint64_t ix_sim_crash_states(struct ix_sim *s, uint64_t limit);

/* Crash state `index` (0..states-1) as a new independent disk without faults
 * and with nothing unsynced. `seed` chooses among random ones. The same disk,
 * limit, index and seed give the same state. Inode numbers are kept. */
int ix_sim_crash_state(struct ix_sim *s, uint64_t limit, uint64_t index,
		       uint64_t seed, struct ix_vfs **vp);
/* One line that describes which operations state `index` kept; for messages.
 */
void ix_sim_crash_describe(struct ix_sim *s, uint64_t limit, uint64_t index,
			   uint64_t seed, char *out, size_t n);

/* An independent copy of the present state, all of it durable. */
int ix_sim_clone(struct ix_sim *s, struct ix_vfs **vp);

/* ---- damage ---- */

/* Flip the bits of `mask` in the byte at `offset` of a file, now and in the
 * durable state. -ENOENT; -EINVAL beyond the end. */
int ix_sim_flip(struct ix_sim *s, const char *path, uint64_t offset,
		uint8_t mask);

#endif
