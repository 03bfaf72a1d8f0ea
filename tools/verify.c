/* SPDX-License-Identifier: MIT */
/* ixfs verify: recompute everything a segment states about itself. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/segment/verify.h"
#include "tools/cmd.h"
#include "tools/segment_set.h"

struct verify {
	struct cmd_progress progress;
	int json;
	uint64_t docs, bytes;
	size_t damaged, failed;
};

static void on_progress(void *ctx, uint64_t done, uint64_t all)
{
	struct verify *v = ctx;

	cmd_progress_update(&v->progress, done, all);
}

static void report(struct verify *v, const char *name, int rc,
		   const struct ix_segment_info *info)
{
	struct ix_buf line = IX_BUF_INIT;
	char hex[IX_ID_HEX + 1] = "";

	if (!rc)
		ix_id_format(&info->trailer.id, hex);
	ix_buf_add_str(&line, "{\"name\":\"");
	ix_buf_add_json(&line, name, strlen(name));
	if (rc) {
		ix_buf_addf(&line,
			    "\",\"ok\":false,\"error\":\"%s\",\"why\":\"",
			    ix_err_name(rc));
		ix_buf_add_json(&line, ix_fail_text(), strlen(ix_fail_text()));
		ix_buf_add_str(&line, "\"}");
	} else {
		ix_buf_addf(&line,
			    "\",\"ok\":true,\"id\":\"%s\",\"docs\":%" PRIu32
			    ",\"bytes\":\"%" PRIu64 "\"}",
			    hex, info->trailer.doc_count,
			    info->trailer.file_length);
	}
	if (v->json)
		puts(ix_buf_str(&line));
	else if (!rc)
		printf("%s: ok, %" PRIu32 " documents, %s\n", name,
		       info->trailer.doc_count,
		       cmd_size(info->trailer.file_length));
	ix_buf_release(&line);
}

static void verify_one(struct verify *v, const struct segment_set *set,
		       const struct segment_set_entry *e)
{
	struct ix_segment_info info = { 0 };
	struct ix_verify_options o = {
		.level = IX_VERIFY_FULL,
		.index_schema = set->schema,
		.progress = on_progress,
		.ctx = v,
	};
	int rc;

	cmd_progress_begin(&v->progress, e->name, "bytes");
	rc = ix_segment_verify(e->file, e->name, &o, &info);
	cmd_progress_end(&v->progress);
	report(v, e->name, rc, &info);
	if (!rc) {
		v->docs += info.trailer.doc_count;
		v->bytes += info.trailer.file_length;
	} else if (cmd_failed(rc, "verify: %s", e->name) == IXFS_REFUSED) {
		v->damaged++;
	} else {
		v->failed++;
	}
	ix_segment_info_release(&info);
}

static int run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	struct verify v = { .json = 0 };
	struct segment_set set = { 0 };
	int c, rc;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 'j')
			return cmd_usage(&cmd_verify, "unknown option");
		v.json = 1;
	}
	if (argc - optind != 1)
		return cmd_usage(&cmd_verify, "name one path");
	rc = segment_set_open(argv[optind], &set);
	if (rc)
		return cmd_failed(rc, "verify: %s", argv[optind]);
	for (size_t i = 0; i < set.count; i++)
		verify_one(&v, &set, &set.entries[i]);
	if (!v.json)
		printf("%zu segments, %" PRIu64 " documents, %s: %zu damaged\n",
		       set.count, v.docs, cmd_size(v.bytes), v.damaged);
	segment_set_release(&set);
	if (v.failed || fflush(stdout))
		return IXFS_FAILED;
	return v.damaged ? IXFS_REFUSED : IXFS_DONE;
}

const struct ixfs_command cmd_verify = {
	"verify",
	"verify PATH [--json]",
	"Check segments to the last bit: checksums, structure, content sums.",
	run,
};
