/* SPDX-License-Identifier: MIT */
#include "tools/segment_set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/index/index.h"
#include "tools/cmd.h"
#include "tools/mounts.h"

#define SNAPSHOT_TRIES 100 /* generations that may pass while we open one */

static int add_file(struct segment_set *set, struct ix_file *file,
		    const char *name)
{
	struct segment_set_entry *entries;
	char *copy = strdup(name);

	entries = realloc(set->entries, (set->count + 1) * sizeof(*entries));
	if (entries)
		set->entries = entries;
	if (!copy || !entries) {
		free(copy);
		ix_file_close(file);
		return -ENOMEM;
	}
	entries[set->count].file = file;
	entries[set->count++].name = copy;
	return 0;
}

static int add_path(struct segment_set *set, const char *path)
{
	struct ix_file *file;
	int rc = ix_vfs_open(set->vfs, path, IX_OPEN_READ, &file);

	if (rc)
		return ix_fail(rc, "%s: %s", path, ix_err_name(rc));
	return add_file(set, file, path);
}

static void drop_entries(struct segment_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		ix_file_close(set->entries[i].file);
		free(set->entries[i].name);
	}
	free(set->entries);
	set->entries = NULL;
	set->count = 0;
}

static int compare_entries(const void *a, const void *b)
{
	const struct segment_set_entry *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* ---- a directory of segment files ---- */

static int list_one(void *ctx, const char *name, enum ix_file_type type)
{
	if (type != IX_TYPE_FILE || name[0] == '.' || !cmd_is_seg(name))
		return 0;
	return add_path(ctx, name);
}

static int open_directory(struct segment_set *set)
{
	int rc = ix_vfs_list(set->vfs, "", list_one, set);

	if (!rc && !set->count)
		rc = ix_fail(-ENOENT, "no .seg file, no metadata.json: "
				      "neither an index nor segments");
	return rc;
}

/* ---- a backing directory ---- */

static int open_live(void *ctx, const struct ix_index_segment *s,
		     uint64_t cookie)
{
	struct segment_set *set = ctx;
	struct ix_file *file;
	int rc;

	(void)cookie;
	for (size_t i = 0; i < set->count; i++)
		if (!strcmp(set->entries[i].name, s->name))
			return 0;
	rc = ix_index_open_file(set->index, s->seq, &file);
	if (rc)
		return ix_fail_in(rc, "segment %s", s->name);
	return add_file(set, file, s->name);
}

static int open_backing(struct segment_set *set)
{
	struct ix_index_options o = {
		.vfs = set->vfs,
		.flags = IX_INDEX_READ_ONLY,
	};
	int rc = ix_index_open(&o, &set->index);

	if (rc)
		return rc;
	set->schema = ix_schema_clone(ix_index_schema(set->index));
	if (!set->schema)
		return -ENOMEM;
	return ix_index_list(set->index, 0, open_live, set);
}

/* ---- a mount ---- */

static int read_metadata(struct segment_set *set, cJSON **treep)
{
	struct ix_buf text = IX_BUF_INIT;
	struct ix_file *file = NULL;
	ssize_t n = 0;
	uint8_t *p;
	int rc;

	rc = ix_vfs_open(set->vfs, "metadata.json", IX_OPEN_READ, &file);
	while (!rc) {
		p = ix_buf_extend(&text, 65536);
		if (!p) {
			rc = -ENOMEM;
			break;
		}
		text.len -= 65536;
		n = ix_file_read(file, p, 65536, text.len);
		if (n <= 0) {
			rc = (int)n;
			break;
		}
		text.len += (size_t)n;
	}
	if (!rc)
		rc = ix_json_parse(ix_buf_str(&text), text.len, treep);
	ix_file_close(file);
	ix_buf_release(&text);
	return rc;
}

static int set_schema(struct segment_set *set, const cJSON *tree)
{
	char *text = cJSON_PrintUnformatted(ix_json_get(tree, "schema"));
	int rc;

	if (!text)
		return ix_fail(-IX_EINPUT, "metadata.json has no schema");
	ix_schema_free(set->schema);
	rc = ix_schema_parse(text, strlen(text), NULL, &set->schema);
	cJSON_free(text);
	return rc;
}

/* Open all segments one version of metadata.json names; -ENOENT or -ESTALE
 * when one was retired meanwhile. */
static int open_generation(struct segment_set *set)
{
	const cJSON *segments, *s, *name;
	cJSON *tree = NULL;
	int rc = read_metadata(set, &tree);

	if (!rc)
		rc = set_schema(set, tree);
	segments = rc ? NULL : ix_json_get(tree, "segment_metas");
	for (s = segments ? segments->child : NULL; s && !rc; s = s->next) {
		name = cJSON_GetArrayItem(ix_json_get(s, "names"), 0);
		if (!cJSON_IsString(name))
			rc = ix_fail(-IX_EINPUT, "metadata.json: a segment "
						 "has no name");
		else
			rc = add_path(set, name->valuestring);
	}
	cJSON_Delete(tree);
	return rc;
}

static int open_mount(struct segment_set *set)
{
	int rc = -ENOENT;

	for (int i = 0; i < SNAPSHOT_TRIES && (rc == -ENOENT || rc == -ESTALE);
	     i++) {
		drop_entries(set);
		rc = open_generation(set);
	}
	return rc;
}

int segment_set_open(const char *path, struct segment_set *set)
{
	const char *name;
	struct stat st;
	int rc;

	memset(set, 0, sizeof(*set));
	if (stat(path, &st))
		return ix_fail(-errno, "%s", strerror(errno));
	if (!S_ISDIR(st.st_mode)) {
		set->kind = SEGMENT_SET_FILE;
		rc = cmd_vfs_of(path, &set->vfs, &name);
		if (!rc)
			rc = add_path(set, name);
	} else {
		rc = ix_vfs_posix_new(path, &set->vfs);
		if (rc) {
			ix_fail(rc, "%s", ix_err_name(rc));
		} else if (mounts_is_ixfs(path)) {
			set->kind = SEGMENT_SET_MOUNT;
			rc = open_mount(set);
		} else if (!ix_vfs_stat(set->vfs, "metadata.json",
					&(struct ix_stat){ 0 })) {
			set->kind = SEGMENT_SET_BACKING;
			rc = open_backing(set);
		} else {
			set->kind = SEGMENT_SET_DIRECTORY;
			rc = open_directory(set);
		}
	}
	if (rc)
		segment_set_release(set);
	else if (set->count)
		qsort(set->entries, set->count, sizeof(*set->entries),
		      compare_entries);
	return rc;
}

void segment_set_release(struct segment_set *set)
{
	drop_entries(set);
	ix_schema_free(set->schema);
	if (set->index)
		ix_index_close(set->index);
	ix_vfs_free(set->vfs);
	memset(set, 0, sizeof(*set));
}
