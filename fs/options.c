/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "fs/mount.h"

void ixfs_mount_options_init(struct ixfs_mount_options *o)
{
	memset(o, 0, sizeof(*o));
	o->ready_fd = -1;
	o->allow_other = -1;
	o->lock_timeout_ms = 10000;
	o->mode = 0444;
}

void ixfs_mount_options_release(struct ixfs_mount_options *o)
{
	ix_free(o->fuse_opts);
	o->fuse_opts = NULL;
}

/* A whole number from `low` to `high`, all of `s`; 0 or -IX_EINPUT. */
static int number(const char *s, int base, long low, long high, long *vp)
{
	char *end;

	errno = 0;
	*vp = strtol(s, &end, base);
	if (errno || end == s || *end || *vp < low || *vp > high)
		return -IX_EINPUT;
	return 0;
}

/* Words without a value. 1 = taken. */
static int set_flag(struct ixfs_mount_options *o, const char *word)
{
	const struct {
		const char *word;
		int *field;
		int value;
	} flags[] = {
		{ "ro", &o->read_only, 1 },
		{ "rw", &o->read_only, 0 },
		{ "lazy", &o->lazy, 1 },
		{ "no_merges", &o->no_merges, 1 },
		{ "replace", &o->replace, 1 },
		{ "rm_merged", &o->rm_merged, 1 },
		{ "strict_close=0", &o->loose_close, 1 },
		{ "strict_close=1", &o->loose_close, 0 },
		{ "allow_other", &o->allow_other, 1 },
		{ "no_allow_other", &o->allow_other, 0 },
		{ "no_passthrough", &o->no_passthrough, 1 },
		{ "foreground", &o->foreground, 1 },
		{ "debug", &o->debug, 1 },
	};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (strcmp(word, flags[i].word) != 0)
			continue;
		*flags[i].field = flags[i].value;
		return 1;
	}
	return 0;
}

/* Words with a number. 1 = taken, 0 = not one of them, negative = bad. */
static int set_number(struct ixfs_mount_options *o, const char *word)
{
	static const struct {
		const char *prefix;
		int base;
		long low, high;
	} numbers[] = {
		{ "lock_timeout=", 10, 0, 86400 },
		{ "merges=", 10, 1, 64 },
		{ "mode=", 8, 0400, 0777 },
		{ "ready_fd=", 10, 0, 1 << 20 },
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		size_t n = strlen(numbers[i].prefix);
		long v;

		if (strncmp(word, numbers[i].prefix, n) != 0)
			continue;
		if (number(word + n, numbers[i].base, numbers[i].low,
			   numbers[i].high, &v))
			return ix_fail(-IX_EINPUT, "mount option %s: bad value",
				       word);
		if (i == 0)
			o->lock_timeout_ms = (unsigned)v * 1000;
		else if (i == 1)
			o->merges_max = (unsigned)v;
		else if (i == 2)
			o->mode = (unsigned)v & 0444;
		else
			o->ready_fd = (int)v;
		return 1;
	}
	return 0;
}

/* Words for libfuse and the kernel. 1 = taken. */
static int set_generic(struct ixfs_mount_options *o, const char *word)
{
	static const char *const generic[] = {
		"dev",   "nodev",   "exec", "noexec", "suid",    "nosuid",
		"atime", "noatime", "sync", "async",  "dirsync", "auto_unmount",
	};
	struct ix_buf b = IX_BUF_INIT;

	for (size_t i = 0; i < sizeof(generic) / sizeof(generic[0]); i++) {
		char *joined;

		if (strcmp(word, generic[i]) != 0)
			continue;
		/* There are no devices or suid bits to allow. */
		if (!strcmp(word, "dev") || !strcmp(word, "suid"))
			return 1;
		if (o->fuse_opts)
			ix_buf_addf(&b, "%s,", o->fuse_opts);
		ix_buf_add_str(&b, word);
		joined = ix_buf_error(&b) ? NULL : ix_strdup(ix_buf_str(&b));
		ix_buf_release(&b);
		if (!joined)
			return ix_fail(-ENOMEM, "no memory");
		ix_free(o->fuse_opts);
		o->fuse_opts = joined;
		return 1;
	}
	return 0;
}

static int set_word(struct ixfs_mount_options *o, const char *word)
{
	int rc = set_flag(o, word);

	if (!rc)
		rc = set_number(o, word);
	if (!rc)
		rc = set_generic(o, word);
	if (!rc)
		rc = ix_fail(-IX_EINPUT, "mount option %s: unknown", word);
	return rc < 0 ? rc : 0;
}

int ixfs_mount_options_parse(struct ixfs_mount_options *o, const char *opts)
{
	char *copy = ix_strdup(opts);
	char *rest = copy;
	char *word;
	int rc = 0;

	if (!copy)
		return ix_fail(-ENOMEM, "no memory");
	while (!rc && (word = strsep(&rest, ",")))
		if (*word)
			rc = set_word(o, word);
	ix_free(copy);
	return rc;
}
