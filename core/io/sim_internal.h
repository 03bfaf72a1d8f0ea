/* SPDX-License-Identifier: MIT */
/*
 * sim_internal: the state of a simulated disk, shared by sim_*.c.
 *
 *	inode   a file or a directory. Each has two contents: the present one,
 *	        which processes see, and the durable one.
 *	op      one change that is not surely durable. Ops stand in the order
 *	        they were made; a sync makes those of one inode `must`.
 *
 *	durable content + ops in order, each optional unless `must` = the
 *	crash states;  durable content + all ops = the present state.
 *
 * A `must` op is folded into the durable content as soon as no optional op of
 * the same inode stands before it, for their order matters: after a failed
 * sync (`stuck` ops never become durable) later synced writes stay in the log
 * so that they are applied on top.
 *
 * A directory is a set of entries, an op sets or removes entries. Renaming
 * inside one directory is one op. Renaming between directories is two: the
 * new entry, then the removal of the old one, which needs the first: after a
 * crash there may be both names, never none. Moves of directories are one op.
 *
 * One mutex guards everything reachable from struct ix_sim. This is test
 * equipment: lack of memory for its own books ends the process, so that
 * sweeps over failing allocations (ix_mem_fail_hook) walk only the code under
 * test. Inodes are counted: entries, ops and open files hold references.
 */
#ifndef IX_IO_SIM_INTERNAL_H
#define IX_IO_SIM_INTERNAL_H

#include <stdatomic.h>

#include "core/base/lock.h"
#include "core/io/sim.h"

#define SIM_SECTOR 512u /* bytes that reach the disk together */

/* The bytes of files, shared between a disk and its crash states until one
 * of them writes: making a state costs no copy of what it does not change. */
struct sim_bytes {
	atomic_uint refs;
	size_t cap;
	uint8_t data[]; /* those beyond the file's size are zero */
};

struct sim_blob {
	struct sim_bytes *bytes; /* ref; NULL while empty */
	uint64_t size;
};

struct sim_entry {
	char *name;            /* owned */
	struct sim_inode *ino; /* ref */
};

struct sim_dir {
	struct sim_entry *v; /* owned, sorted by name */
	size_t n;
	size_t cap;
};

struct sim_inode {
	struct ix_sim *sim;
	struct sim_inode *prev; /* all inodes of the disk */
	struct sim_inode *next;
	uint64_t number;
	enum ix_file_type type;
	unsigned refs;
	unsigned nlink; /* present entries */
	unsigned opens;
	struct sim_inode *parent; /* of a directory, now; borrowed */
	struct sim_blob now;      /* of a file */
	struct sim_blob durable;
	struct sim_dir now_dir; /* of a directory */
	struct sim_dir durable_dir;
	uint64_t reserved; /* bytes promised by ix_file_reserve */
	uint64_t charged;  /* bytes of `used` that are this file's */
	int64_t mtime_ns;
	unsigned lock_shared; /* holders of ix_vfs_lock */
	int lock_exclusive;
	struct sim_inode *twin; /* scratch of one copy; borrowed */
	unsigned uses;          /* scratch of one pruning */
};

enum sim_op_kind {
	SIM_OP_WRITE,    /* node, offset, n, data; grew: size before < end */
	SIM_OP_TRUNCATE, /* node, offset = the new size */
	SIM_OP_SET,      /* dir[name] = node */
	SIM_OP_REMOVE,   /* dir[name] = nothing; after `needs`, if any */
	SIM_OP_RENAME,   /* dir[name] = nothing, dir2[name2] = node */
};

struct sim_oplog {
	enum sim_op_kind kind;
	int must;  /* a sync succeeded */
	int stuck; /* a sync failed: never becomes must */
	uint64_t id;
	uint64_t needs;         /* id of the op this one cannot be without, or
				   0 */
	struct sim_inode *node; /* ref */
	struct sim_inode *dir;  /* ref, or NULL */
	struct sim_inode *dir2; /* ref, or NULL; may be dir */
	char *name;             /* owned */
	char *name2;            /* owned */
	uint64_t offset;
	size_t n;
	uint8_t *data; /* owned */
	int grew;
	int useless; /* scratch of one pruning */
};

struct ix_sim {
	struct ix_vfs vfs; /* first: a vfs pointer is a sim pointer */
	struct ix_mutex lock;
	struct ix_cond unlocked; /* a lock of ix_vfs_lock was released */
	struct sim_inode *root;  /* ref */
	struct sim_inode *inodes;
	uint64_t next_number;
	uint64_t inode_count;
	uint64_t clock; /* one tick per change */
	uint64_t used;  /* bytes, of all files not yet freed */
	uint64_t capacity;
	struct sim_oplog *log; /* owned */
	size_t log_n;
	size_t log_cap;
	uint64_t next_op;

	/* faults */
	uint64_t counts[16]; /* by bit number of enum ix_sim_op */
	unsigned fail_ops;
	uint64_t fail_nth;
	uint64_t fail_seen;
	int fail_error;
	int fail_sticky;
	int fail_hit;
	uint64_t rng;

	/* the crash */
	uint64_t crash_in; /* mutating operations left; 0 = never */
	int crashed;
	uint64_t mutations;

	/* completions of the ring engine */
	uint64_t completion_seed;
	unsigned completion_flags;
};

struct sim_file {
	struct ix_file file;
	struct ix_sim *sim;
	struct sim_inode *ino; /* ref */
	unsigned flags;
	int locked; /* 0, or an ix_lock_mode + 1 */
};

static inline struct ix_sim *sim_of_vfs(struct ix_vfs *v)
{
	return (struct ix_sim *)(void *)v;
}

/* ---- sim_tree.c: memory, contents, inodes, the log ---- */

void *sim_alloc(size_t count, size_t size); /* zeroed; never NULL */
char *sim_strdup(const char *s);

void sim_blob_release(struct sim_blob *b);
void sim_blob_resize(struct sim_blob *b, uint64_t size);
void sim_blob_write(struct sim_blob *b, uint64_t offset, const void *data,
		    size_t n);
/* `n` bytes from `offset`, all inside the blob. */
void sim_blob_read(const struct sim_blob *b, uint64_t offset, void *data,
		   size_t n);
/* Make `to` the same as `from`, sharing its bytes. */
void sim_blob_share(struct sim_blob *to, const struct sim_blob *from);

struct sim_inode *sim_inode_new(struct ix_sim *s, enum ix_file_type type);
struct sim_inode *sim_inode_ref(struct sim_inode *i);
void sim_inode_unref(struct sim_inode *i);

struct sim_inode *sim_dir_get(const struct sim_dir *d, const char *name,
			      size_t n);
/* Set or replace; `ino` NULL removes. Takes a reference of its own. */
void sim_dir_set(struct sim_dir *d, const char *name, struct sim_inode *ino);
void sim_dir_release(struct sim_dir *d);

/* Append; the caller fills in the rest. Valid until the next append. */
struct sim_oplog *sim_log_add(struct ix_sim *s, enum sim_op_kind kind,
			      struct sim_inode *node);
void sim_log_release(struct ix_sim *s);
/* A sync of the file or directory `i` succeeded, or failed. Also drops ops on
 * what no name can lead to any more. */
void sim_log_synced(struct ix_sim *s, struct sim_inode *i);
void sim_log_stuck(struct ix_sim *s, struct sim_inode *i);

/* Count what `i` holds of the disk's space; after every change of its size,
 * its names or its handles. */
void sim_charge(struct sim_inode *i);

/* A new disk: a root directory, nothing else. */
struct ix_sim *sim_new(void);
void sim_free(struct ix_sim *s);

/* ---- sim_disk.c: paths ---- */

extern const struct ix_vfs_ops sim_ops;

void sim_touch(struct sim_inode *i); /* a new mtime */
void sim_fill_stat(struct ix_stat *st, const struct sim_inode *i);
/* Change a file's size, now and in the log. */
void sim_set_size(struct ix_sim *s, struct sim_inode *node, uint64_t size);

/* ---- sim_file.c: the operations of ix_vfs_ops on open files ---- */

ssize_t sim_file_read(struct ix_file *f, void *data, size_t n, uint64_t offset);
int sim_file_write(struct ix_file *f, const void *data, size_t n,
		   uint64_t offset);
int sim_file_sync(struct ix_file *f);
void sim_file_write_behind(struct ix_file *f, uint64_t offset, uint64_t n);
int sim_file_truncate(struct ix_file *f, uint64_t size);
int sim_file_reserve(struct ix_file *f, uint64_t size);
int sim_file_stat(struct ix_file *f, struct ix_stat *st);
int sim_file_copy_range(struct ix_file *from, uint64_t from_offset,
			struct ix_file *to, uint64_t to_offset, uint64_t n);
int sim_file_map(struct ix_file *f, uint64_t size, struct ix_map *m);
int sim_file_fd(const struct ix_file *f);
int sim_file_is_direct(const struct ix_file *f);

/* ---- sim_fault.c; the lock is held ---- */

/* Every operation starts here: counts it, and returns the error of a fault
 * that is due, or of a disk that has crashed; else 0. */
int sim_enter(struct ix_sim *s, enum ix_sim_op op);

/* Every change starts here, when it is sure to succeed: is this the operation
 * during which the machine stops? Then the change belongs to the unsynced
 * ones, and the caller returns -EIO. */
int sim_mutate(struct ix_sim *s);

uint64_t sim_random(uint64_t *state);

/* Draw how the next request of a ring on this file's disk completes: a random
 * number, and the flags of ix_sim_set_completions; 0 for any other file. Takes
 * the lock itself. */
unsigned sim_draw(struct ix_file *f, uint64_t *randomp);

#endif
