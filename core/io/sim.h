/* SPDX-License-Identifier: MIT */
/*
 * sim: a disk in memory that fails, tears and crashes as a test asks.
 *
 * It keeps the present state (what a process sees), and the log of operations
 * since the state that is surely durable. A crash state is the durable state
 * plus any legal subset of the later operations: writes between two syncs of a
 * file may be applied in any subset, each torn at 512-byte sectors; a name
 * change is durable only after the directory was synced, and name changes of
 * one directory may be lost one by one; a file's size may be durable without
 * its data (then it reads zeros). A file whose name is durable but whose data
 * was never synced may have any legal prefix, zeros, or nothing.
 */
#ifndef IX_IO_SIM_H
#define IX_IO_SIM_H

#include "core/io/vfs.h"

struct ix_sim;

/* A new empty disk. `*vp` is its vfs; both go with ix_vfs_free(*vp). */
int ix_sim_new(struct ix_vfs **vp);
struct ix_sim *ix_sim_of(struct ix_vfs *v);

/* ---- faults ---- */

enum ix_sim_op {
	IX_SIM_OPEN = 1 << 0,
	IX_SIM_READ = 1 << 1,
	IX_SIM_WRITE = 1 << 2,
	IX_SIM_SYNC = 1 << 3,
	IX_SIM_TRUNCATE = 1 << 4,
	IX_SIM_RENAME = 1 << 5,
	IX_SIM_LINK = 1 << 6,
	IX_SIM_UNLINK = 1 << 7,
	IX_SIM_SYNC_DIR = 1 << 8,
	IX_SIM_STAT = 1 << 9,
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
uint64_t ix_sim_count(const struct ix_sim *s, unsigned ops);
void ix_sim_count_reset(struct ix_sim *s);
/* Did the fault that was asked for happen? */
int ix_sim_fault_hit(const struct ix_sim *s);
/* Bytes the disk can hold; writes beyond fail with -ENOSPC. 0 = no bound. */
void ix_sim_set_capacity(struct ix_sim *s, uint64_t bytes);

/* ---- crashes ---- */

/*
 * Stop the world: from the `nth` (from 1) coming mutating operation on, every
 * operation fails with -EIO and changes nothing. 0 = never. The state for
 * crash enumeration is the one before that operation (it may also have begun:
 * its effect belongs to the unsynced ones).
 */
void ix_sim_crash_at(struct ix_sim *s, uint64_t nth);

/* How many crash states ix_sim_crash_state can make from now: every subset,
 * if there are at most `limit`; else `limit` seeded random ones that always
 * include "nothing", "all" and "all but one" for each operation. */
uint64_t ix_sim_crash_states(struct ix_sim *s, uint64_t limit);

/* Crash state `index` (0..states-1) as a new independent disk without faults
 * and with nothing unsynced. `seed` chooses among random ones. */
int ix_sim_crash_state(struct ix_sim *s, uint64_t limit, uint64_t index,
		       uint64_t seed, struct ix_vfs **vp);
/* One line that describes which operations state `index` kept; for messages.
 */
void ix_sim_crash_describe(struct ix_sim *s, uint64_t limit, uint64_t index,
			   uint64_t seed, char *out, size_t n);

/* An independent copy of the present state, all of it durable. */
int ix_sim_clone(struct ix_sim *s, struct ix_vfs **vp);

/* ---- damage ---- */

int ix_sim_flip(struct ix_sim *s, const char *path, uint64_t offset,
		uint8_t mask);

#endif
