/* SPDX-License-Identifier: MIT */
#include "core/segment/output.h"

#include <string.h>

#include "core/base/err.h"

#define TAG_MAX  16u            /* bytes of a tag */
#define ROOM_MAX (TAG_MAX + 8u) /* what it adds to a path: "..tag.tmp" */

/* The length of the directory part of a path, with its '/', or 0. */
static size_t dir_len(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (size_t)(slash - path) + 1 : 0;
}

void ix_output_name(const struct ix_output *o, const char *tag,
		    char out[IX_OUTPUT_PATH_MAX])
{
	size_t dir = dir_len(o->path), name = strlen(o->path + dir);
	char *p = out;

	/* ix_output_open has seen to the room for tags of up to TAG_MAX. */
	p = mempcpy(p, o->path, dir);
	*p++ = '.';
	p = mempcpy(p, o->path + dir, name);
	if (*tag) {
		*p++ = '.';
		p = mempcpy(p, tag, strnlen(tag, TAG_MAX));
	}
	memcpy(p, ".tmp", sizeof(".tmp"));
}

int ix_output_open(struct ix_output *o, struct ix_vfs *vfs, const char *path)
{
	size_t n = strlen(path);
	int rc;

	memset(o, 0, sizeof(*o));
	o->vfs = vfs;
	if (!n || path[n - 1] == '/' || n + ROOM_MAX > IX_OUTPUT_PATH_MAX)
		return ix_fail(-IX_EINPUT,
			       "\"%.100s\" cannot be the path of a segment",
			       path);
	memcpy(o->path, path, n + 1);
	ix_output_name(o, "", o->temp);
	/* Made first, since a lock file would be its owner's alone. */
	rc = ix_vfs_open(vfs, o->temp,
			 IX_OPEN_WRITE | IX_OPEN_CREATE | IX_OPEN_PUBLIC,
			 &o->file);
	if (rc)
		return rc;
	ix_file_close(o->file);
	o->file = NULL;
	rc = ix_vfs_lock(vfs, o->temp, IX_LOCK_EXCLUSIVE, 0, &o->file);
	if (rc && rc != -EWOULDBLOCK)
		ix_vfs_unlink(vfs, o->temp);
	if (rc == -EWOULDBLOCK)
		return ix_fail(rc, "\"%s\" is being written by another process",
			       path);
	if (rc)
		return rc;
	rc = ix_file_truncate(o->file, 0);
	if (rc)
		ix_output_close(o);
	return rc;
}

int ix_output_publish(struct ix_output *o, const char *temp)
{
	char dir[IX_OUTPUT_PATH_MAX];
	size_t n = dir_len(o->path);
	int rc;

	rc = ix_vfs_rename(o->vfs, temp, o->path);
	if (rc)
		return rc;
	o->renamed = !strcmp(temp, o->temp);
	memcpy(dir, o->path, n);
	dir[n ? n - 1 : 0] = '\0';
	rc = ix_vfs_sync_dir(o->vfs, dir);
	if (rc)
		return ix_fail_in(rc,
				  "\"%s\" is complete, but its name may not "
				  "survive a power failure",
				  o->path);
	return 0;
}

void ix_output_close(struct ix_output *o)
{
	if (!o->file)
		return;
	/* Unlink while the lock is held: afterwards it may be another's. */
	if (!o->renamed)
		(void)ix_vfs_unlink(o->vfs, o->temp);
	ix_file_close(o->file);
	o->file = NULL;
}
