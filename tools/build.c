/* SPDX-License-Identifier: MIT */
/*
 * ixfs build: JSON Lines become segments.
 *
 *   inputs -> (schema given? else: read all once, guess it, print it)
 *          -> builder, line by line -> segments
 *
 * Standard input without a schema is spooled to an unlinked file, so that it
 * can be read twice.
 */
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/lock.h"
#include "core/io/vfs.h"
#include "core/segment/build.h"
#include "tools/cmd.h"
#include "tools/schema_file.h"

#define BAD_LINES_SHOWN 20

struct job {
	/* options */
	const char *schema_path, *output, *batch;
	uint64_t memory_mib, docs_per_segment;
	int ignore_unknown, skip_bad, one_segment;
	/* state */
	struct ix_schema *schema;
	struct ix_vfs *vfs;   /* of the output directory */
	const char *out_name; /* one_segment: name below vfs */
	struct ix_builder *builder;
	struct ix_schema_guess *guess;
	struct cmd_progress progress;
	FILE *spool; /* standard input, kept to be read twice */
	uint64_t lines, bad_lines, bytes_out, segments;
	int fatal; /* negative code that ended the work */
};

/* ---- reading lines ---- */

typedef int (*line_fn)(struct job *job, const char *line, size_t n);

static void bad_line(struct job *job, const char *input, uint64_t number)
{
	job->bad_lines++;
	if (job->bad_lines <= BAD_LINES_SHOWN)
		fprintf(stderr, "ixfs: %s: line %" PRIu64 ": %s\n", input,
			number, ix_fail_text());
	else if (job->bad_lines == BAD_LINES_SHOWN + 1)
		fputs("ixfs: build: more bad lines follow\n", stderr);
}

static int blank(const char *line, size_t n)
{
	return strspn(line, " \t\r\n") >= n;
}

/* Feed every line to `fn`; a line it refuses is reported when `report`. */
static void read_lines(struct job *job, FILE *f, const char *input, line_fn fn,
		       int report)
{
	char *line = NULL;
	uint64_t number = 0;
	size_t cap = 0;
	ssize_t n;
	int rc;

	while (!job->fatal && (n = getline(&line, &cap, f)) > 0) {
		number++;
		if (blank(line, (size_t)n))
			continue;
		rc = fn(job, line, (size_t)n);
		if (rc == -IX_EINPUT && report)
			bad_line(job, input, number);
		else if (rc && rc != -IX_EINPUT)
			job->fatal = rc;
		cmd_progress_update(&job->progress, ++job->lines, 0);
	}
	if (!job->fatal && ferror(f))
		job->fatal = ix_fail(-EIO, "%s: %s", input, strerror(errno));
	free(line);
}

static int spool_stdin(struct job *job)
{
	char data[65536];
	size_t n;

	job->spool = tmpfile();
	if (!job->spool)
		return ix_fail(-errno, "spool file: %s", strerror(errno));
	while ((n = fread(data, 1, sizeof(data), stdin)) > 0)
		if (fwrite(data, 1, n, job->spool) != n)
			return ix_fail(-EIO, "spool file: %s", strerror(errno));
	return ferror(stdin) ? ix_fail(-EIO, "standard input") : 0;
}

static void read_input(struct job *job, const char *path, line_fn fn,
		       int report)
{
	FILE *f;

	if (!strcmp(path, "-")) {
		if (job->spool)
			rewind(job->spool);
		read_lines(job, job->spool ? job->spool : stdin,
			   "standard input", fn, report);
		return;
	}
	f = fopen(path, "re");
	if (!f) {
		job->fatal = ix_fail(-errno, "%s: %s", path, strerror(errno));
		return;
	}
	read_lines(job, f, path, fn, report);
	fclose(f);
}

static void read_inputs(struct job *job, int argc, char **argv, line_fn fn,
			int report)
{
	job->lines = 0;
	if (!argc)
		read_input(job, "-", fn, report);
	for (int i = 0; i < argc && !job->fatal; i++)
		read_input(job, argv[i], fn, report);
}

/* ---- schema ---- */

static int guess_line(struct job *job, const char *line, size_t n)
{
	return ix_schema_guess_add(job->guess, line, n);
}

static int uses_stdin(int argc, char **argv)
{
	int uses = argc == 0;

	for (int i = 0; i < argc; i++)
		uses |= !strcmp(argv[i], "-");
	return uses;
}

static int get_schema(struct job *job, int argc, char **argv)
{
	int rc;

	if (job->schema_path) {
		rc = schema_file_read(job->schema_path, &job->schema);
		return rc ? ix_fail_in(rc, "schema %s", job->schema_path) : 0;
	}
	if (uses_stdin(argc, argv)) {
		rc = spool_stdin(job);
		if (rc)
			return rc;
	}
	job->guess = ix_schema_guess_new();
	if (!job->guess)
		return -ENOMEM;
	cmd_progress_begin(&job->progress, "looking for a schema", "lines");
	read_inputs(job, argc, argv, guess_line, 0);
	cmd_progress_end(&job->progress);
	if (job->fatal)
		return job->fatal;
	rc = ix_schema_guess_finish(job->guess, &job->schema);
	if (!rc)
		printf("%s\n", job->schema->canonical);
	return rc;
}

/* ---- output ---- */

static void segment_name(void *ctx, uint32_t number, char *path, size_t n)
{
	const struct job *job = ctx;

	if (job->one_segment)
		snprintf(path, n, "%s", job->out_name);
	else
		snprintf(path, n, ".part-%05" PRIu32 ".seg", number);
}

/*
 * A finished segment of a directory gets a name that tells its content, so
 * that a second run of the same job makes the same names, and two jobs that
 * deliver into one index do not meet.
 */
static void segment_done(void *ctx, const char *path, const struct ix_id *id,
			 uint32_t doc_count, uint64_t bytes)
{
	struct job *job = ctx;
	char hex[IX_ID_HEX + 1], name[IX_ID_HEX + 300];
	int rc;

	(void)doc_count;
	job->bytes_out += bytes;
	job->segments++;
	if (job->one_segment || job->fatal)
		return;
	ix_id_format(id, hex);
	snprintf(name, sizeof(name), "%s-%05" PRIu64 "-%.8s.seg",
		 *job->batch ? job->batch : "part", job->segments - 1, hex);
	rc = ix_vfs_rename(job->vfs, path, name);
	if (!rc)
		rc = ix_vfs_sync_dir(job->vfs, "");
	if (rc)
		job->fatal = ix_fail(rc, "%s: %s", name, ix_err_name(rc));
}

static int open_output(struct job *job)
{
	int rc;

	if (job->one_segment)
		return cmd_vfs_of(job->output, &job->vfs, &job->out_name);
	if (mkdir(job->output, 0755) && errno != EEXIST)
		return ix_fail(-errno, "%s: %s", job->output, strerror(errno));
	rc = ix_vfs_posix_new(job->output, &job->vfs);
	return rc ? ix_fail(rc, "%s: %s", job->output, ix_err_name(rc)) : 0;
}

static int open_builder(struct job *job)
{
	struct ix_build_options o = {
		.schema = job->schema,
		.batch = job->batch,
		.memory_bytes = job->memory_mib << 20,
		.docs_per_segment = (uint32_t)job->docs_per_segment,
		.ignore_unknown = job->ignore_unknown,
		.one_segment = job->one_segment,
		.vfs = job->vfs,
		.name = segment_name,
		.done = segment_done,
		.ctx = job,
	};

	return ix_builder_new(&o, &job->builder);
}

/* ---- the job ---- */

static int build_line(struct job *job, const char *line, size_t n)
{
	return ix_builder_add(job->builder, line, n);
}

static void build_summary(const struct job *job)
{
	double seconds = (double)(ix_now_ns() - job->progress.started_ns) / 1e9;
	uint64_t docs = ix_builder_doc_count(job->builder);

	fprintf(stderr,
		"ixfs: %" PRIu64 " documents in %" PRIu64
		" segment%s, %s, %.1f s (%.0f documents/s)",
		docs, job->segments, job->segments == 1 ? "" : "s",
		cmd_size(job->bytes_out), seconds, (double)docs / seconds);
	if (job->bad_lines)
		fprintf(stderr, ", %" PRIu64 " bad lines skipped",
			job->bad_lines);
	fputc('\n', stderr);
}

static int build(struct job *job, int argc, char **argv)
{
	int rc = get_schema(job, argc, argv);

	if (!rc)
		rc = open_output(job);
	if (!rc)
		rc = open_builder(job);
	if (rc)
		return cmd_failed(rc, "build");
	cmd_progress_begin(&job->progress, "building", "documents");
	read_inputs(job, argc, argv, build_line, 1);
	cmd_progress_end(&job->progress);
	if (job->fatal)
		return cmd_failed(job->fatal, "build");
	if (job->bad_lines && !job->skip_bad) {
		ix_fail(-IX_EINPUT,
			"%" PRIu64 " bad lines: mend them, or pass --skip-bad",
			job->bad_lines);
		return cmd_failed(-IX_EINPUT, "build");
	}
	rc = ix_builder_finish(job->builder);
	if (!rc)
		rc = job->fatal;
	if (rc)
		return cmd_failed(rc, "build");
	build_summary(job);
	return IXFS_DONE;
}

static int parse_options(struct job *job, int argc, char **argv)
{
	static const struct option options[] = {
		{ "schema", required_argument, NULL, 's' },
		{ "docs-per-segment", required_argument, NULL, 'd' },
		{ "memory", required_argument, NULL, 'm' },
		{ "batch", required_argument, NULL, 'b' },
		{ "ignore-unknown", no_argument, NULL, 'u' },
		{ "skip-bad", no_argument, NULL, 'k' },
		{ NULL, 0, NULL, 0 },
	};
	int c, rc = 0;

	while (!rc && (c = getopt_long(argc, argv, "o:", options, NULL)) != -1)
		switch (c) {
		case 'o':
			job->output = optarg;
			break;
		case 's':
			job->schema_path = optarg;
			break;
		case 'd':
			rc = cmd_parse_number(optarg, 1, 0x7fffffff,
					      &job->docs_per_segment);
			break;
		case 'm':
			rc = cmd_parse_number(optarg, 8, 2048,
					      &job->memory_mib);
			break;
		case 'b':
			job->batch = optarg;
			if (!*optarg || strlen(optarg) > 128 ||
			    strchr(optarg, '/') || *optarg == '.')
				rc = -EINVAL;
			break;
		case 'u':
			job->ignore_unknown = 1;
			break;
		case 'k':
			job->skip_bad = 1;
			break;
		default:
			return cmd_usage(&cmd_build, "unknown option");
		}
	if (rc)
		return cmd_usage(&cmd_build, "%s: out of range", optarg);
	if (!job->output)
		return cmd_usage(&cmd_build, "-o OUT.seg or -o OUTDIR is "
					     "needed");
	job->one_segment = cmd_is_seg(job->output);
	if (job->one_segment && job->docs_per_segment)
		return cmd_usage(&cmd_build, "--docs-per-segment makes many "
					     "segments: name a directory");
	return IXFS_DONE;
}

static int run(int argc, char **argv)
{
	struct job job = { .batch = "", .memory_mib = 256 };
	int result = parse_options(&job, argc, argv);

	if (result)
		return result;
	result = build(&job, argc - optind, argv + optind);
	ix_builder_free(job.builder);
	ix_schema_guess_free(job.guess);
	ix_schema_free(job.schema);
	ix_vfs_free(job.vfs);
	if (job.spool)
		fclose(job.spool);
	return result;
}

const struct ixfs_command cmd_build = {
	"build",
	"build [--schema FILE] -o OUT.seg|OUTDIR [--docs-per-segment N] "
	"[--memory MiB] [--batch LABEL] [--ignore-unknown] [--skip-bad] "
	"[INPUT.jsonl...|-]",
	"Build segments from JSON Lines.",
	run,
};
