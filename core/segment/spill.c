/* SPDX-License-Identifier: MIT */
#include "core/segment/spill.h"

#include <stdio.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/segment/merge.h"

void ix_spill_init(struct ix_spill *s, struct ix_output *output)
{
	memset(s, 0, sizeof(*s));
	s->output = output;
}

static void remove_part(struct ix_spill *s, size_t i)
{
	/* A file that cannot be removed is rubbish with a hidden name. */
	(void)ix_vfs_unlink(s->output->vfs, s->parts[i]);
	ix_free(s->parts[i]);
	s->parts[i] = NULL;
}

void ix_spill_release(struct ix_spill *s)
{
	for (size_t i = 0; i < s->count; i++)
		remove_part(s, i);
	ix_free(s->parts);
	ix_spill_init(s, s->output);
}

/* Create a file; its name is owned by the caller. */
static int create_part(struct ix_spill *s, char **pathp, struct ix_file **filep)
{
	char tag[16], path[IX_OUTPUT_PATH_MAX];
	int rc;

	snprintf(tag, sizeof(tag), "%u", s->named++);
	ix_output_name(s->output, tag, path);
	*pathp = ix_strdup(path);
	if (!*pathp)
		return -ENOMEM;
	rc = ix_vfs_open(s->output->vfs, path,
			 IX_OPEN_WRITE | IX_OPEN_CREATE | IX_OPEN_TRUNC, filep);
	if (rc) {
		ix_free(*pathp);
		*pathp = NULL;
	}
	return rc;
}

int ix_spill_add(struct ix_spill *s, struct ix_file **filep)
{
	char *path;
	int rc;

	*filep = NULL;
	if (ix_grow(&s->parts, &s->cap, s->count + 1, sizeof(*s->parts)))
		return -ENOMEM;
	rc = create_part(s, &path, filep);
	if (!rc)
		s->parts[s->count++] = path;
	return rc;
}

/* Merge parts [first, first + n) into `out`. */
static int merge_parts(struct ix_spill *s, size_t first, uint32_t n,
		       const struct ix_id *built_id, struct ix_file *out,
		       struct ix_merge_result *result)
{
	struct ix_merge_options o = { .built_id = built_id,
				      .sync = built_id != NULL };
	struct ix_merge_source sources[IX_MERGE_FAN_IN_MAX] = { 0 };
	int rc = 0;

	for (uint32_t i = 0; i < n && !rc; i++) {
		sources[i].name = s->parts[first + i];
		rc = ix_vfs_open(s->output->vfs, sources[i].name, IX_OPEN_READ,
				 &sources[i].file);
	}
	if (!rc)
		rc = ix_segment_merge(sources, n, out, &o, result, NULL);
	for (uint32_t i = 0; i < n; i++)
		ix_file_close(sources[i].file);
	return rc;
}

/* Replace parts [first, first + n) by their merge, which takes the place of
 * the first; the other places become NULL. */
static int merge_group(struct ix_spill *s, size_t first, uint32_t n)
{
	struct ix_merge_result result;
	struct ix_file *out;
	char *path;
	int rc;

	rc = create_part(s, &path, &out);
	if (rc)
		return rc;
	rc = merge_parts(s, first, n, NULL, out, &result);
	ix_file_close(out);
	if (rc) {
		(void)ix_vfs_unlink(s->output->vfs, path);
		ix_free(path);
		return rc;
	}
	for (size_t i = first; i < first + n; i++)
		remove_part(s, i);
	s->parts[first] = path;
	return 0;
}

/* One round: groups of neighbours become one part each. */
static int merge_round(struct ix_spill *s)
{
	size_t left = 0;
	int rc = 0;

	for (size_t i = 0; i < s->count && !rc; i += IX_MERGE_FAN_IN_MAX) {
		size_t n = s->count - i;

		if (n > IX_MERGE_FAN_IN_MAX)
			n = IX_MERGE_FAN_IN_MAX;
		if (n > 1)
			rc = merge_group(s, i, (uint32_t)n);
	}
	for (size_t i = 0; i < s->count; i++)
		if (s->parts[i])
			s->parts[left++] = s->parts[i];
	s->count = left;
	return rc;
}

int ix_spill_merge(struct ix_spill *s, const struct ix_id *id,
		   uint32_t *doc_countp, uint64_t *bytesp)
{
	struct ix_merge_result result = { 0 };
	int rc = 0;

	while (s->count > IX_MERGE_FAN_IN_MAX && !rc)
		rc = merge_round(s);
	if (!rc)
		rc = merge_parts(s, 0, (uint32_t)s->count, id, s->output->file,
				 &result);
	*doc_countp = result.doc_count;
	*bytesp = result.bytes_out;
	return rc;
}
