/* SPDX-License-Identifier: MIT */
#include "tools/cmd.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/json.h"
#include "core/base/lock.h"
#include "core/io/vfs.h"

static int exit_class(int rc)
{
	if (ix_err_is_content(rc) || rc == -IX_EINPUT || rc == -IX_EEXISTS ||
	    rc == -IX_EOVERLAP || rc == -IX_ELIMIT)
		return IXFS_REFUSED;
	return IXFS_FAILED;
}

int cmd_failed(int rc, const char *fmt, ...)
{
	const char *why = ix_fail_text();
	va_list ap;

	fputs("ixfs: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, ": %s\n", *why ? why : ix_err_name(rc));
	return exit_class(rc);
}

int cmd_usage(const struct ixfs_command *c, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "ixfs: %s: ", c->name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, ": usage: ixfs %s\n", c->synopsis);
	return IXFS_USAGE;
}

int cmd_help(const struct ixfs_command *c, int argc, char **argv)
{
	if (argc != 2 || strcmp(argv[1], "--help"))
		return 0;
	printf("usage: ixfs %s\n%s\n", c->synopsis, c->summary);
	return 1;
}

int cmd_parse_number(const char *s, uint64_t min, uint64_t max, uint64_t *vp)
{
	uint64_t v;

	if (ix_json_parse_u64(s, &v) || v < min || v > max)
		return -EINVAL;
	*vp = v;
	return 0;
}

const char *cmd_size(uint64_t bytes)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
	static char ring[4][32];
	static unsigned turn;
	char *out = ring[turn++ % 4];
	double v = (double)bytes;
	int u = 0;

	while (v >= 1000 && u < 4) {
		v /= 1000;
		u++;
	}
	snprintf(out, sizeof(ring[0]), u ? "%.1f %s" : "%.0f %s", v, units[u]);
	return out;
}

/* ---- progress ---- */

void cmd_progress_begin(struct cmd_progress *p, const char *what,
			const char *unit)
{
	p->what = what;
	p->unit = unit;
	p->started_ns = p->shown_ns = ix_now_ns();
	p->terminal = isatty(STDERR_FILENO);
	p->shown = 0;
}

void cmd_progress_update(struct cmd_progress *p, uint64_t done, uint64_t all)
{
	uint64_t now = ix_now_ns();
	uint64_t pause_ns = p->terminal ? 200000000 : 10000000000;
	char bar[31];
	unsigned fill;

	if (now - p->shown_ns < pause_ns)
		return;
	p->shown_ns = now;
	p->shown = 1;
	if (!p->terminal || !all) {
		fprintf(stderr, "%sixfs: %s: %" PRIu64 " %s%s",
			p->terminal ? "\r" : "", p->what, done, p->unit,
			p->terminal ? " " : "\n");
		return;
	}
	fill = done >= all ? 30 : (unsigned)(done * 30 / all);
	memset(bar, '.', 30);
	memset(bar, '#', fill);
	bar[30] = '\0';
	fprintf(stderr, "\rixfs: %s [%s] %3u %%", p->what, bar,
		done >= all ? 100 : (unsigned)(done * 100 / all));
}

void cmd_progress_end(struct cmd_progress *p)
{
	if (p->terminal && p->shown)
		fputs("\r\033[K", stderr);
}

/* ---- files ---- */

int cmd_vfs_of(const char *path, struct ix_vfs **vp, const char **namep)
{
	const char *slash = strrchr(path, '/');
	char *dir;
	int rc;

	*vp = NULL;
	*namep = slash ? slash + 1 : path;
	if (!**namep)
		return ix_fail(-EISDIR, "is a directory: name a file");
	dir = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path))
		    : strdup(".");
	if (!dir)
		return -ENOMEM;
	rc = ix_vfs_posix_new(dir, vp);
	if (rc)
		rc = ix_fail(rc, "directory %s: %s", dir, ix_err_name(rc));
	free(dir);
	return rc;
}

int cmd_read_file(const char *path, char **textp, size_t *np)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = NULL;
	struct stat st;
	ssize_t n;
	int rc = 0;

	*textp = NULL;
	if (fd < 0)
		return ix_fail(-errno, "%s", strerror(errno));
	if (fstat(fd, &st) || st.st_size > 64 << 20) {
		rc = ix_fail(-EFBIG, "not a small file");
		goto out;
	}
	text = malloc((size_t)st.st_size + 1);
	n = text ? read(fd, text, (size_t)st.st_size) : -1;
	if (n < 0) {
		rc = ix_fail(-EIO, "cannot be read");
		goto out;
	}
	text[n] = '\0';
	*textp = text;
	*np = (size_t)n;
	text = NULL;
out:
	free(text);
	close(fd);
	return rc;
}

int cmd_is_seg(const char *s)
{
	size_t n = strlen(s);

	return n > 4 && !strcmp(s + n - 4, ".seg");
}
