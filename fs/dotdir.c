/* SPDX-License-Identifier: MIT */
#include "fs/dotdir.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/mem.h"
#include "fs/ixfs.h"

static const struct {
	const char *name;
	uint64_t id;
	mode_t type;
} entries[] = {
	{ "staging", IXFS_ID_STAGING, S_IFDIR },
	{ "wait", IXFS_ID_WAIT, S_IFREG },
};

#define ENTRY_COUNT (sizeof(entries) / sizeof(entries[0]))

static void dotdir_free(struct ixfs *fs, struct ixfs_node *n)
{
	(void)fs;
	ix_free(n);
}

static int dotdir_stat(struct ixfs *fs, struct ixfs_node *n, struct stat *st)
{
	if (fstat(fs->backing_fd, st))
		return -errno;
	st->st_ino = n->id;
	st->st_mode = S_IFDIR | (st->st_mode & 0555);
	st->st_nlink = 2;
	for (size_t i = 0; i < ENTRY_COUNT; i++)
		st->st_nlink += entries[i].type == S_IFDIR;
	st->st_size = 0;
	st->st_blocks = 0;
	return 0;
}

static void dotdir_setattr(fuse_req_t req, struct ixfs_node *n,
			   const struct stat *st, int to_set)
{
	(void)n;
	(void)st;
	(void)to_set;
	fuse_reply_err(req, EPERM);
}

static void dotdir_lookup(fuse_req_t req, struct ixfs_node *dir,
			  const char *name)
{
	struct ixfs *fs = ixfs_of(req);
	struct ixfs_node *n = NULL;

	(void)dir;
	for (size_t i = 0; i < ENTRY_COUNT && !n; i++)
		if (!strcmp(name, entries[i].name))
			n = ixfs_node_get(fs->inodes, entries[i].id);
	if (!n) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	ixfs_reply_entry(req, n);
	ixfs_node_unref(fs->inodes, n);
}

static int dotdir_readdir(struct ixfs *fs, struct ixfs_node *dir, uint64_t fh,
			  uint64_t cookie, struct ixfs_dirbuf *b)
{
	size_t i = cookie >= IXFS_COOKIE_FIRST
			   ? (size_t)(cookie - IXFS_COOKIE_FIRST) + 1
			   : 0;
	int full = ixfs_dirbuf_add_dots(b, cookie);

	(void)dir;
	(void)fh;
	for (; !full && i < ENTRY_COUNT; i++) {
		struct ixfs_node *n = ixfs_node_get(fs->inodes, entries[i].id);

		full = ixfs_dirbuf_add(b, entries[i].name,
				       IXFS_COOKIE_FIRST + i, n, entries[i].id,
				       entries[i].type);
		ixfs_node_unref(fs->inodes, n);
	}
	return 0;
}

static const struct ixfs_ops dotdir_ops = {
	.noun = ".ixfs",
	.timeout = 1.0,
	.names_timeout = 1.0,
	.free = dotdir_free,
	.stat = dotdir_stat,
	.setattr = dotdir_setattr,
	.lookup = dotdir_lookup,
	.readdir = dotdir_readdir,
};

int ixfs_dotdir_add(struct ixfs *fs, struct ixfs_node **np)
{
	*np = ix_calloc(1, sizeof(**np));
	if (!*np)
		return -ENOMEM;
	ixfs_node_add_fixed(fs->inodes, *np, &dotdir_ops, IXFS_ID_DOT);
	return 0;
}
