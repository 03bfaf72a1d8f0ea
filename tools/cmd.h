/* SPDX-License-Identifier: MIT */
/*
 * cmd: what the subcommands of ixfs share: exit codes, error lines, options,
 * progress. Out of memory ends the program.
 */
#ifndef IXFS_TOOLS_CMD_H
#define IXFS_TOOLS_CMD_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

enum ixfs_exit {
	IXFS_DONE = 0,
	IXFS_REFUSED = 1, /* damage or refusal found */
	IXFS_USAGE = 2,   /* wrong use */
	IXFS_FAILED = 3,  /* could not be done */
};

struct ixfs_command {
	const char *name;
	const char *synopsis;              /* behind "ixfs " */
	const char *summary;               /* half a line for the overview */
	int (*run)(int argc, char **argv); /* argv[0] = the name */
};

extern const struct ixfs_command cmd_create, cmd_build, cmd_mount, cmd_umount,
	cmd_search, cmd_info, cmd_verify, cmd_dump, cmd_merge;

/* Print "ixfs: what: why: what to do" for a failed call: `rc` is its code, the
 * thread's failure text says why. Returns the exit code of its class. */
int cmd_failed(int rc, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Print an error of the command line and the synopsis; returns IXFS_USAGE. */
int cmd_usage(const struct ixfs_command *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* If the only argument is --help: print the synopsis and return 1. */
int cmd_help(const struct ixfs_command *c, int argc, char **argv);

/* A whole decimal number within [min, max]; 0 or -EINVAL. */
int cmd_parse_number(const char *s, uint64_t min, uint64_t max, uint64_t *vp);

/* "12.3 MB" into a static ring of buffers. */
const char *cmd_size(uint64_t bytes);

/* ---- progress on stderr: a bar on a terminal, lines otherwise ---- */

struct cmd_progress {
	const char *what; /* e.g. "building" */
	const char *unit; /* e.g. "documents" */
	uint64_t started_ns, shown_ns;
	int terminal;
	int shown; /* something was printed */
};
void cmd_progress_begin(struct cmd_progress *p, const char *what,
			const char *unit);
/* `all` = 0 when it is not known. Cheap; prints at most 5 times a second on a
 * terminal, every 10 s elsewhere. */
void cmd_progress_update(struct cmd_progress *p, uint64_t done, uint64_t all);
void cmd_progress_end(struct cmd_progress *p);

/* ---- files ---- */

/* A vfs of the directory of `path`, and the last component of it. The caller
 * frees the vfs. 0 or a negative code with a text. */
struct ix_vfs;
int cmd_vfs_of(const char *path, struct ix_vfs **vp, const char **namep);

/* The whole of a small file into a NUL-terminated string (free()). */
int cmd_read_file(const char *path, char **textp, size_t *np);

/* Does `s` end in ".seg"? */
int cmd_is_seg(const char *s);

#endif
