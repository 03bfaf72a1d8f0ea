/* SPDX-License-Identifier: MIT */
/* ixfs create: a new empty index. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/format/schema.h"
#include "core/index/index.h"
#include "core/text/analyzer.h"
#include "tools/cmd.h"
#include "tools/schema_file.h"

int schema_file_read(const char *path, struct ix_schema **sp)
{
	char *text = NULL;
	size_t n;
	int rc = cmd_read_file(path, &text, &n);

	*sp = NULL;
	if (!rc)
		rc = ix_schema_parse(text, n, ix_analyzer_known, sp);
	free(text);
	return rc;
}

static int run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "schema", required_argument, NULL, 's' },
		{ NULL, 0, NULL, 0 },
	};
	const char *schema_path = NULL, *dir;
	struct ix_schema *schema = NULL;
	struct ix_vfs *vfs = NULL;
	int c, rc, result;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 's')
			return cmd_usage(&cmd_create, "unknown option");
		schema_path = optarg;
	}
	if (argc - optind != 1)
		return cmd_usage(&cmd_create, "name one directory");
	if (!schema_path)
		return cmd_usage(&cmd_create, "--schema FILE is needed");
	dir = argv[optind];

	rc = schema_file_read(schema_path, &schema);
	if (rc) {
		result = cmd_failed(rc, "create: schema %s", schema_path);
		goto out;
	}
	if (mkdir(dir, 0700) && errno != EEXIST) {
		rc = -errno;
		ix_fail(rc, "%s", strerror(errno));
		result = cmd_failed(rc, "create: %s", dir);
		goto out;
	}
	rc = ix_vfs_posix_new(dir, &vfs);
	if (!rc)
		rc = ix_index_create(vfs, schema);
	result = rc ? cmd_failed(rc, "create: %s", dir) : IXFS_DONE;
out:
	ix_vfs_free(vfs);
	ix_schema_free(schema);
	return result;
}

const struct ixfs_command cmd_create = {
	"create",
	"create DIR --schema FILE",
	"Make a new empty index in DIR, which must be empty or absent.",
	run,
};
