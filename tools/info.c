/* SPDX-License-Identifier: MIT */
/* ixfs info: what segments say about themselves. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/segment/segment.h"
#include "tools/cmd.h"
#include "tools/segment_set.h"

static const char *part_name(unsigned part)
{
	static const char *const names[] = {
		[IX_PART_POSTINGS] = "postings",
		[IX_PART_TERM_INDEX] = "term index",
		[IX_PART_LENGTHS] = "field lengths",
		[IX_PART_COLUMN] = "column",
		[IX_PART_STORE] = "store",
		[IX_PART_TIE] = "tie",
	};

	return part < sizeof(names) / sizeof(names[0]) && names[part]
		       ? names[part]
		       : "reserved";
}

static void print_json(const char *name, const struct ix_segment_info *info)
{
	const struct ix_trailer *t = &info->trailer;
	struct ix_buf b = IX_BUF_INIT;
	char hex[IX_ID_HEX + 1];

	ix_buf_add_str(&b, "{\"name\":\"");
	ix_buf_add_json(&b, name, strlen(name));
	ix_buf_addf(&b,
		    "\",\"id\":\"%s\",\"docs\":%" PRIu32 ",\"bytes\":\"%" PRIu64
		    "\",\"generation\":%" PRIu32
		    ",\"content_sum\":\"%016" PRIx64 "%016" PRIx64
		    "\",\"leaves\":[",
		    ix_id_format(&t->id, hex), t->doc_count, t->file_length,
		    t->generation, t->content_sum.hi, t->content_sum.lo);
	for (uint32_t i = 0; i < t->lineage_count; i++)
		ix_buf_addf(&b, "%s\"%s\"", i ? "," : "",
			    ix_id_format(&info->lineage[i], hex));
	ix_buf_add_str(&b, "],\"extents\":[");
	for (uint32_t i = 0; i < t->extent_count; i++) {
		const struct ix_extent *e = &info->extents[i];

		ix_buf_addf(&b, "%s{\"part\":\"%s\",", i ? "," : "",
			    part_name(e->part));
		if (e->field != IX_NO_FIELD) {
			const struct ix_field *f =
				&info->schema->fields[e->field];
			ix_buf_add_str(&b, "\"field\":\"");
			ix_buf_add_json(&b, f->name, f->name_len);
			ix_buf_add_str(&b, "\",");
		}
		ix_buf_addf(&b,
			    "\"codec\":%u,\"doc_base\":%" PRIu32
			    ",\"docs\":%" PRIu32 ",\"offset\":\"%" PRIu64
			    "\",\"length\":\"%" PRIu64 "\"}",
			    e->codec, e->doc_base, e->doc_count, e->offset,
			    e->length);
	}
	ix_buf_addf(&b, "],\"schema\":%s}", info->schema->canonical);
	puts(ix_buf_str(&b));
	ix_buf_release(&b);
}

static void print_text(const char *name, const struct ix_segment_info *info,
		       int details)
{
	const struct ix_trailer *t = &info->trailer;
	char hex[IX_ID_HEX + 1];

	printf("%-44s %10" PRIu32 " documents %10s  %s\n", name, t->doc_count,
	       cmd_size(t->file_length), t->generation ? "merged" : "built");
	if (!details)
		return;
	printf("  id           %s\n", ix_id_format(&t->id, hex));
	printf("  content sum  %016" PRIx64 "%016" PRIx64 "\n",
	       t->content_sum.hi, t->content_sum.lo);
	printf("  descends     from %" PRIu32 " built segment%s, %" PRIu32
	       " merge%s deep\n",
	       t->lineage_count, t->lineage_count == 1 ? "" : "s",
	       t->generation, t->generation == 1 ? "" : "s");
	printf("  schema       %s\n", info->schema->canonical);
	for (uint32_t i = 0; i < t->extent_count; i++) {
		const struct ix_extent *e = &info->extents[i];

		printf("  %-14s %-20s %10s at %" PRIu64 "\n",
		       part_name(e->part),
		       e->field == IX_NO_FIELD
			       ? ""
			       : info->schema->fields[e->field].name,
		       cmd_size(e->length), e->offset);
	}
}

static int run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	struct segment_set set = { 0 };
	uint64_t docs = 0, bytes = 0;
	int c, rc, json = 0, result = IXFS_DONE;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 'j')
			return cmd_usage(&cmd_info, "unknown option");
		json = 1;
	}
	if (argc - optind != 1)
		return cmd_usage(&cmd_info, "name one path");
	rc = segment_set_open(argv[optind], &set);
	if (rc)
		return cmd_failed(rc, "info: %s", argv[optind]);
	for (size_t i = 0; i < set.count; i++) {
		const char *name = set.entries[i].name;
		struct ix_segment_info info = { 0 };

		rc = ix_segment_info_read(set.entries[i].file, name, &info);
		if (rc) {
			result = cmd_failed(rc, "info: %s", name);
			continue;
		}
		docs += info.trailer.doc_count;
		bytes += info.trailer.file_length;
		if (json)
			print_json(name, &info);
		else
			print_text(name, &info, set.kind == SEGMENT_SET_FILE);
		ix_segment_info_release(&info);
	}
	if (!json && set.kind != SEGMENT_SET_FILE)
		printf("%zu segments, %" PRIu64 " documents, %s\n", set.count,
		       docs, cmd_size(bytes));
	segment_set_release(&set);
	return result;
}

const struct ixfs_command cmd_info = {
	"info",
	"info PATH [--json]",
	"Show what a segment, an index or a mount holds.",
	run,
};
