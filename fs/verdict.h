/* SPDX-License-Identifier: MIT */
/*
 * verdict: is this staging file a segment? If so, it becomes one.
 *
 *	1. freeze: nobody writes to the file or changes its name any more;
 *	2. wait for the writes under way;
 *	3. let the index verify and commit it (durable before it returns);
 *	4. registered: seal it; the name now means the segment, which has a node
 *	   of its own, and this node keeps serving the handles it has;
 *	   refused: thaw it, remember the verdict.
 *
 * All functions wait and do I/O: call them from jobs only.
 */
#ifndef IXFS_VERDICT_H
#define IXFS_VERDICT_H

#include "core/index/index.h"
#include "fs/staging.h"

struct ixfs;

/* A frozen file, for whoever froze it. */
struct ixfs_frozen {
	struct ixfs_path path;      /* below the backing directory */
	char name[IX_NAME_MAX + 1]; /* the last component */
	struct ixfs_snode *parent;  /* ref */
	struct stat st;
};

/* Take tree.lock and the file's lock while no verdict is under way. */
void ixfs_sfile_lock_thawed(struct ixfs *fs, struct ixfs_sfile *f);
void ixfs_sfile_unlock(struct ixfs *fs, struct ixfs_sfile *f);
/* Freeze; both locks are held. 0, -ENOENT when it is gone. */
int ixfs_sfile_freeze_locked(struct ixfs *fs, struct ixfs_sfile *f,
			     struct ixfs_frozen *z);
/* Wait for the writes under way to end. */
void ixfs_sfile_drain(struct ixfs_sfile *f);
/* End it; both locks are held. */
void ixfs_sfile_thaw_locked(struct ixfs *fs, struct ixfs_sfile *f,
			    const struct ixfs_frozen *z);

/*
 * Close or fsync of a file with a final name. 0: registered (now or before),
 * or empty, or removed, or without a final name; -IX_EINCOMPLETE and other
 * errors of ix_index_register: not. When nothing was written since the last
 * verdict, that one is returned.
 */
int ixfs_verdict_close(struct ixfs *fs, struct ixfs_sfile *f);

/*
 * Rename of `name` in staging directory `dir` to the final name `to` of the
 * root. On success a file that was pending under `to` is removed. 0 or
 * negative: then the source is where it was.
 */
int ixfs_verdict_rename(struct ixfs *fs, struct ixfs_snode *dir,
			const char *name, const char *to);

/*
 * Does an error at close have to be told to the closer? Incomplete files are an
 * error only for the process that opened the handle: others that inherited it
 * close it too. `opener`: its process; `closer`: a thread id, as the kernel
 * tells it; 0 = cannot be told, taken for the same. Returns `rc` or 0.
 */
int ixfs_verdict_tell(const struct ixfs *fs, int rc, pid_t opener,
		      pid_t closer);

/* The process of a thread, or 0 when it cannot be told. */
pid_t ixfs_tgid_of(pid_t tid);

#endif
