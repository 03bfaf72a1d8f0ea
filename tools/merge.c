/* SPDX-License-Identifier: MIT */
/*
 * ixfs merge: several segment files into one.
 *
 * More than IX_MERGE_FAN_IN_MAX sources go through merges of that many, in the
 * order given, until one pass is enough.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/lock.h"
#include "core/segment/merge.h"
#include "tools/cmd.h"
#include "tools/segment_set.h"

struct inputs {
	struct ix_merge_source *sources; /* owned array */
	struct segment_set *sets;        /* owned: where the files come from */
	struct ix_file **temporary;      /* owned: files of earlier passes */
	size_t count, set_count, temporary_count;
};

static void on_progress(void *ctx, uint64_t done, uint64_t all)
{
	cmd_progress_update(ctx, done, all);
}

static int open_inputs(struct inputs *in, int argc, char **argv)
{
	int rc;

	in->sets = calloc((size_t)argc, sizeof(*in->sets));
	in->sources = calloc((size_t)argc, sizeof(*in->sources));
	if (!in->sets || !in->sources)
		return -ENOMEM;
	for (int i = 0; i < argc; i++) {
		struct segment_set *set = &in->sets[i];

		rc = segment_set_open(argv[i], set);
		if (rc)
			return ix_fail_in(rc, "%s", argv[i]);
		in->set_count++;
		if (set->kind != SEGMENT_SET_FILE)
			return ix_fail(-EINVAL, "%s: not a segment file",
				       argv[i]);
		in->sources[in->count].file = set->entries[0].file;
		in->sources[in->count++].name = argv[i];
	}
	return 0;
}

static void release_inputs(struct inputs *in)
{
	for (size_t i = 0; i < in->temporary_count; i++)
		ix_file_close(in->temporary[i]);
	for (size_t i = 0; i < in->set_count; i++)
		segment_set_release(&in->sets[i]);
	free(in->temporary);
	free(in->sets);
	free(in->sources);
}

/* One pass: every group of sources becomes one unlinked temporary segment. */
static int narrow(struct inputs *in, struct ix_vfs *vfs,
		  const struct ix_merge_options *o)
{
	size_t groups =
		(in->count + IX_MERGE_FAN_IN_MAX - 1) / IX_MERGE_FAN_IN_MAX;
	struct ix_merge_result result;
	struct ix_file **grown, *f;
	char name[64];
	uint32_t n;
	int rc;

	grown = realloc(in->temporary,
			(in->temporary_count + groups) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	in->temporary = grown;
	for (size_t g = 0; g < groups; g++) {
		n = (uint32_t)(in->count - g * IX_MERGE_FAN_IN_MAX);
		if (n > IX_MERGE_FAN_IN_MAX)
			n = IX_MERGE_FAN_IN_MAX;
		snprintf(name, sizeof(name), ".merge-%ld-%zu.tmp",
			 (long)getpid(), in->temporary_count);
		rc = ix_vfs_open(vfs, name,
				 IX_OPEN_WRITE | IX_OPEN_CREATE | IX_OPEN_EXCL,
				 &f);
		if (rc)
			return ix_fail(rc, "%s: %s", name, ix_err_name(rc));
		in->temporary[in->temporary_count++] = f;
		ix_vfs_unlink(vfs, name);
		rc = ix_segment_merge(in->sources + g * IX_MERGE_FAN_IN_MAX, n,
				      f, o, &result, NULL);
		if (rc)
			return rc;
		in->sources[g].file = f;
		in->sources[g].name = "intermediate merge";
	}
	in->count = groups;
	return 0;
}

static int merge_to(const char *path, struct inputs *in,
		    struct ix_merge_result *result)
{
	struct cmd_progress progress;
	struct ix_merge_options o = {
		.progress = on_progress,
		.ctx = &progress,
	};
	struct ix_vfs *vfs = NULL;
	struct ix_file *out = NULL;
	const char *name;
	char temporary[300];
	int rc;

	cmd_progress_begin(&progress, "merging", "bytes");
	rc = cmd_vfs_of(path, &vfs, &name);
	while (!rc && in->count > IX_MERGE_FAN_IN_MAX)
		rc = narrow(in, vfs, &o);
	if (rc)
		goto out;
	snprintf(temporary, sizeof(temporary), ".%.250s.tmp", name);
	rc = ix_vfs_open(vfs, temporary,
			 IX_OPEN_WRITE | IX_OPEN_CREATE | IX_OPEN_TRUNC |
				 IX_OPEN_PUBLIC,
			 &out);
	if (rc) {
		ix_fail(rc, "%s: %s", temporary, ix_err_name(rc));
		goto out;
	}
	o.sync = 1;
	rc = ix_segment_merge(in->sources, (uint32_t)in->count, out, &o, result,
			      NULL);
	if (!rc)
		rc = ix_vfs_rename(vfs, temporary, name);
	if (!rc)
		rc = ix_vfs_sync_dir(vfs, "");
	if (rc)
		ix_vfs_unlink(vfs, temporary);
out:
	cmd_progress_end(&progress);
	ix_file_close(out);
	ix_vfs_free(vfs);
	return rc;
}

static int run(int argc, char **argv)
{
	static const struct option options[] = { { NULL, 0, NULL, 0 } };
	struct ix_merge_result result = { 0 };
	struct inputs in = { 0 };
	const char *output = NULL;
	uint64_t start = ix_now_ns();
	int c, rc;

	while ((c = getopt_long(argc, argv, "o:", options, NULL)) != -1) {
		if (c != 'o')
			return cmd_usage(&cmd_merge, "unknown option");
		output = optarg;
	}
	if (!output || !cmd_is_seg(output))
		return cmd_usage(&cmd_merge, "-o OUT.seg is needed");
	if (argc == optind)
		return cmd_usage(&cmd_merge, "name the segments to merge");
	rc = open_inputs(&in, argc - optind, argv + optind);
	if (!rc)
		rc = merge_to(output, &in, &result);
	release_inputs(&in);
	if (rc)
		return cmd_failed(rc, "merge: %s", output);
	fprintf(stderr,
		"ixfs: %" PRIu32 " documents, %s to %s in %.2f s; %s copied, "
		"%s coded again\n",
		result.doc_count, cmd_size(result.bytes_in),
		cmd_size(result.bytes_out), (double)(ix_now_ns() - start) / 1e9,
		cmd_size(result.bytes_copied), cmd_size(result.bytes_coded));
	return IXFS_DONE;
}

const struct ixfs_command cmd_merge = {
	"merge",
	"merge -o OUT.seg SEG...",
	"Merge segment files, in the order given.",
	run,
};
