/* SPDX-License-Identifier: MIT */
/*
 * output: a file that appears under its name whole and durable, or not at all.
 *
 * It is written under the hidden name ".<name>.tmp" beside the final one,
 * locked, so that two programs that make the same file do not write into each
 * other's; what a killed one left behind is used again. More temporary files
 * of the same work (".<name>.<tag>.tmp") are under the protection of that
 * lock. Belongs to one thread.
 */
#ifndef IX_SEGMENT_OUTPUT_H
#define IX_SEGMENT_OUTPUT_H

#include "core/io/vfs.h"

#define IX_OUTPUT_PATH_MAX 4096u /* bytes of a path, with NUL */

struct ix_output {
	struct ix_vfs *vfs;   /* borrowed */
	struct ix_file *file; /* owned: the temporary file; empty at first */
	int renamed;          /* the temporary file got the final name */
	char path[IX_OUTPUT_PATH_MAX];
	char temp[IX_OUTPUT_PATH_MAX];
};

/* Begin a file that will be `path` in `vfs` (borrowed). 0; -IX_EINPUT for a
 * path that cannot be a file's; -EWOULDBLOCK when another program is making
 * the same file; I/O errors. Close it only after success. */
int ix_output_open(struct ix_output *o, struct ix_vfs *vfs, const char *path);

/* The name of another temporary file of the same work. */
void ix_output_name(const struct ix_output *o, const char *tag,
		    char out[IX_OUTPUT_PATH_MAX]);

/*
 * Give the final name to the temporary file `temp` (o->temp, or one of
 * ix_output_name), whose data is synced, replacing a file of that name, and
 * make the name durable. When the last step fails, the file has its name all
 * the same, and the error is returned.
 */
int ix_output_publish(struct ix_output *o, const char *temp);

/* Remove what was not published and close. Idempotent; zeroed allowed. */
void ix_output_close(struct ix_output *o);

#endif
