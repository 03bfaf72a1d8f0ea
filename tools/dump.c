/* SPDX-License-Identifier: MIT */
/* ixfs dump: the stored documents of a segment as JSON Lines. */
#include <getopt.h>
#include <stdio.h>

#include "core/segment/segment.h"
#include "tools/cmd.h"
#include "tools/segment_set.h"

static int dump_docs(const struct ix_segment *s)
{
	struct ix_store_cursor cursor;
	const uint8_t *record;
	size_t n;
	int rc = 0;

	ix_store_cursor_init(&cursor);
	for (uint32_t doc = 0; doc < ix_segment_doc_count(s) && !rc; doc++) {
		rc = ix_segment_record(s, &cursor, doc, &record, &n);
		if (rc)
			break;
		if (fwrite(record, 1, n, stdout) != n || putchar('\n') == EOF)
			rc = ix_fail(-EIO, "standard output");
	}
	ix_store_cursor_release(&cursor);
	return rc;
}

static int run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "docs", no_argument, NULL, 'd' },
		{ NULL, 0, NULL, 0 },
	};
	struct segment_set set = { 0 };
	struct ix_segment *s = NULL;
	int c, docs = 0, rc;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 'd')
			return cmd_usage(&cmd_dump, "unknown option");
		docs = 1;
	}
	if (argc - optind != 1 || !docs)
		return cmd_usage(&cmd_dump, "name one segment and --docs");
	rc = segment_set_open(argv[optind], &set);
	for (size_t i = 0; i < set.count && !rc; i++) {
		rc = ix_segment_open(set.entries[i].file, set.entries[i].name,
				     &s);
		if (!rc)
			rc = dump_docs(s);
		ix_segment_close(s);
		s = NULL;
	}
	segment_set_release(&set);
	if (!rc && fflush(stdout))
		rc = ix_fail(-EIO, "standard output");
	return rc ? cmd_failed(rc, "dump: %s", argv[optind]) : IXFS_DONE;
}

const struct ixfs_command cmd_dump = {
	"dump",
	"dump SEG --docs",
	"Print the stored documents as JSON Lines.",
	run,
};
