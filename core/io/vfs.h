/* SPDX-License-Identifier: MIT */
/*
 * vfs: every file access of core/ goes through this table.
 *
 * Two implementations: the real one (posix.h), and a simulated disk (sim.h)
 * that fails the Nth call, tears writes, enumerates crash states and hands
 * out short or reordered completions. Paths are relative to the root the vfs
 * was made for, with '/' between components, no leading '/', no "." or "..";
 * "" is the root directory itself. Functions return 0 or a positive result,
 * or -errno. They may be called from any thread; calls on one ix_file are
 * independent of each other as pread and pwrite are.
 *
 * A path that breaks these rules gives -EINVAL. Every failure leaves a text
 * (ix_fail_text) that names the operation and the path.
 *
 * Durability follows POSIX and no filesystem's kindness: data is durable
 * after ix_file_sync, a name after ix_vfs_sync_dir of its directory.
 */
#ifndef IX_IO_VFS_H
#define IX_IO_VFS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct ix_vfs;
struct ix_file;

enum ix_open_flags {
	IX_OPEN_READ = 1 << 0,
	IX_OPEN_WRITE = 1 << 1,  /* implies reading */
	IX_OPEN_CREATE = 1 << 2, /* mode 0600 unless it exists */
	IX_OPEN_EXCL = 1 << 3,   /* with CREATE: -EEXIST if it exists */
	IX_OPEN_TRUNC = 1 << 4,  /* with WRITE only */
	IX_OPEN_PUBLIC = 1 << 6, /* with CREATE: mode 0666 less the umask */
	IX_OPEN_DIRECT = 1 << 5, /* O_DIRECT where possible, else ignored:
				    offsets, lengths and addresses must then be
				    multiples of 4096 */
};

enum ix_file_type {
	IX_TYPE_FILE,
	IX_TYPE_DIR,
	IX_TYPE_OTHER
};

struct ix_stat {
	enum ix_file_type type;
	uint64_t ino;
	uint64_t size;    /* bytes */
	uint64_t blocks;  /* of 512 bytes */
	int64_t mtime_ns; /* since the epoch */
	uint32_t mode;    /* permission bits */
	uint32_t uid;
	uint32_t gid;
	uint32_t nlink;
};

struct ix_space {
	uint64_t total_bytes;
	uint64_t free_bytes; /* available to the caller */
	uint64_t files;
	uint64_t files_free;
};

/* Called once per entry, in no order; a non-zero return ends the listing and
 * is handed on. `name` is good during the call only. */
typedef int (*ix_list_fn)(void *ctx, const char *name, enum ix_file_type type);

/* ---- paths ---- */

/* Open a regular file; -ENOENT, -EEXIST, -EISDIR, -ELOOP for a symbolic link,
 * -ENXIO for a FIFO, socket or device. The file is closed by ix_file_close. */
int ix_vfs_open(struct ix_vfs *v, const char *path, unsigned flags,
		struct ix_file **filep);
int ix_vfs_stat(struct ix_vfs *v, const char *path, struct ix_stat *st);
int ix_vfs_mkdir(struct ix_vfs *v, const char *path);
int ix_vfs_rmdir(struct ix_vfs *v, const char *path);
int ix_vfs_unlink(struct ix_vfs *v, const char *path);
/* Atomic, replaces a file at `to`. */
int ix_vfs_rename(struct ix_vfs *v, const char *from, const char *to);
/* A second name for a file. -EEXIST; -EPERM or -EOPNOTSUPP where the
 * filesystem has no hard links. */
int ix_vfs_link(struct ix_vfs *v, const char *from, const char *to);
/* "." and ".." are not listed. Entries made or removed meanwhile may or may
 * not appear. */
int ix_vfs_list(struct ix_vfs *v, const char *dir, ix_list_fn fn, void *ctx);
/* Make all names created, renamed and removed in `dir` durable. */
int ix_vfs_sync_dir(struct ix_vfs *v, const char *dir);
int ix_vfs_space(struct ix_vfs *v, struct ix_space *sp);

enum ix_lock_mode {
	IX_LOCK_SHARED,
	IX_LOCK_EXCLUSIVE
};

/* Take a whole-file lock (flock) on `path`, created if needed, waiting at most
 * `timeout_ms` (0 = do not wait). Held until the file is closed or the process
 * dies. -EWOULDBLOCK when somebody else still holds it. */
int ix_vfs_lock(struct ix_vfs *v, const char *path, enum ix_lock_mode mode,
		unsigned timeout_ms, struct ix_file **filep);

/* ---- files ---- */

/* Close; NULL is allowed. Never loses an error: data was synced or does not
 * matter. */
void ix_file_close(struct ix_file *f);

/* Read up to `n` bytes at `offset`: bytes read, less than `n` only at the end
 * of the file. Interrupted and short calls are continued inside. */
ssize_t ix_file_read(struct ix_file *f, void *data, size_t n, uint64_t offset);

/* Write exactly `n` bytes at `offset`; 0 or -errno, then any prefix of the
 * data may have been written. */
int ix_file_write(struct ix_file *f, const void *data, size_t n,
		  uint64_t offset);

/* fdatasync: data and size are durable. After a failure the state of the
 * file's data is unknown and must not be trusted (fsync(2)). */
int ix_file_sync(struct ix_file *f);

/* Start writing back dirty data, without waiting for it (sync_file_range);
 * a hint that never fails. */
void ix_file_write_behind(struct ix_file *f, uint64_t offset, uint64_t n);

int ix_file_truncate(struct ix_file *f, uint64_t size);

/* Reserve space for [0, size) without changing the size; 0, -ENOSPC, or
 * -EOPNOTSUPP. */
int ix_file_reserve(struct ix_file *f, uint64_t size);
int ix_file_stat(struct ix_file *f, struct ix_stat *st);

/*
 * Copy `n` bytes between files of one vfs, sharing extents where possible
 * (FICLONERANGE), else inside the kernel (copy_file_range). 0, or
 * -EOPNOTSUPP: copy it yourself. -EINVAL when the range reaches beyond the end
 * of `from`. After a failure any part of the target range may be written.
 */
int ix_file_copy_range(struct ix_file *from, uint64_t from_offset,
		       struct ix_file *to, uint64_t to_offset, uint64_t n);

/* Map [0, size) read-only, where `size` is the file's size or less. The map
 * outlives the file; release with ix_map_release. Size 0 gives an empty map
 * whose `data` is not NULL. -EINVAL when the file is shorter than `size`.
 */
struct ix_map {
	const uint8_t *data;
	size_t size;
	void *priv; /* owned by the implementation */
	void (*release)(struct ix_map *m);
};
int ix_file_map(struct ix_file *f, uint64_t size, struct ix_map *m);
void ix_map_release(struct ix_map *m); /* idempotent; zeroed map allowed */

/* The descriptor behind a real file, for passthrough and io_uring; -1 for a
 * simulated one. Borrowed. */
int ix_file_fd(const struct ix_file *f);

/* Do the alignment rules of IX_OPEN_DIRECT hold for this file? */
int ix_file_is_direct(const struct ix_file *f);

/* The path the file was opened by, for messages; it may have been renamed
 * since. Borrowed. */
const char *ix_file_path(const struct ix_file *f);

/*
 * ---- implementing a vfs ----
 *
 * vfs.c checks paths, flags and ranges, keeps the path of an open file and
 * words the failures (ix_fail_text); an implementation only acts.
 */

struct ix_vfs_ops {
	int (*open)(struct ix_vfs *, const char *, unsigned, struct ix_file **);
	int (*stat)(struct ix_vfs *, const char *, struct ix_stat *);
	int (*mkdir)(struct ix_vfs *, const char *);
	int (*rmdir)(struct ix_vfs *, const char *);
	int (*unlink)(struct ix_vfs *, const char *);
	int (*rename)(struct ix_vfs *, const char *, const char *);
	int (*link)(struct ix_vfs *, const char *, const char *);
	int (*list)(struct ix_vfs *, const char *, ix_list_fn, void *);
	int (*sync_dir)(struct ix_vfs *, const char *);
	int (*space)(struct ix_vfs *, struct ix_space *);
	int (*lock)(struct ix_vfs *, const char *, enum ix_lock_mode, unsigned,
		    struct ix_file **);
	void (*free)(struct ix_vfs *);

	void (*file_close)(struct ix_file *);
	ssize_t (*file_read)(struct ix_file *, void *, size_t, uint64_t);
	int (*file_write)(struct ix_file *, const void *, size_t, uint64_t);
	int (*file_sync)(struct ix_file *);
	void (*file_write_behind)(struct ix_file *, uint64_t, uint64_t);
	int (*file_truncate)(struct ix_file *, uint64_t);
	int (*file_reserve)(struct ix_file *, uint64_t);
	int (*file_stat)(struct ix_file *, struct ix_stat *);
	int (*file_copy_range)(struct ix_file *, uint64_t, struct ix_file *,
			       uint64_t, uint64_t);
	int (*file_map)(struct ix_file *, uint64_t, struct ix_map *);
	int (*file_fd)(const struct ix_file *);
	int (*file_is_direct)(const struct ix_file *);
};

struct ix_vfs {
	const struct ix_vfs_ops *ops;
};

struct ix_file {
	const struct ix_vfs_ops *ops;
	char *path; /* owned; set and released by vfs.c */
};

void ix_vfs_free(struct ix_vfs *v); /* NULL allowed; all files closed before */

/* The real filesystem below directory `root`, which must exist. `*vp` is
 * released with ix_vfs_free. `root` itself may be a symbolic link; below it
 * none is ever followed (-ELOOP as the last component, else -ENOTDIR). */
int ix_vfs_posix_new(const char *root, struct ix_vfs **vp);

#endif
