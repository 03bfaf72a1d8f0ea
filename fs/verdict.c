/* SPDX-License-Identifier: MIT */
#include "fs/verdict.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "fs/ixfs.h"
#include "fs/names.h"
#include "fs/segment.h"

/* ---- 1. freeze ---- */

/* The wait is for one verdict, which needs neither of the locks to get on. */
void ixfs_sfile_lock_thawed(struct ixfs *fs, struct ixfs_sfile *f)
{
	for (;;) {
		ix_mutex_lock(&fs->tree->lock);
		ix_mutex_lock(&f->lock);
		if (!f->frozen)
			return;
		ix_mutex_unlock(&fs->tree->lock);
		while (f->frozen)
			ix_cond_wait(&f->changed, &f->lock);
		ix_mutex_unlock(&f->lock);
	}
}

void ixfs_sfile_unlock(struct ixfs *fs, struct ixfs_sfile *f)
{
	ix_mutex_unlock(&f->lock);
	ix_mutex_unlock(&fs->tree->lock);
}

int ixfs_sfile_freeze_locked(struct ixfs *fs, struct ixfs_sfile *f,
			     struct ixfs_frozen *z)
{
	int rc;

	rc = ixfs_tree_path_locked(fs, &f->s, NULL, &z->path);
	if (rc)
		return rc;
	if (fstatat(fs->backing_fd, z->path.p, &z->st, AT_SYMLINK_NOFOLLOW))
		return -errno;
	snprintf(z->name, sizeof(z->name), "%s", f->s.name);
	z->parent = f->s.parent;
	ixfs_node_ref(fs->inodes, &z->parent->node);
	for (struct ixfs_snode *d = z->parent; d; d = d->parent)
		d->frozen_below++;
	f->frozen = 1;
	return 0;
}

void ixfs_sfile_drain(struct ixfs_sfile *f)
{
	ix_mutex_lock(&f->lock);
	while (f->writing)
		ix_cond_wait(&f->changed, &f->lock);
	ix_mutex_unlock(&f->lock);
}

void ixfs_sfile_thaw_locked(struct ixfs *fs, struct ixfs_sfile *f,
			    const struct ixfs_frozen *z)
{
	f->frozen = 0;
	ix_cond_broadcast(&f->changed);
	for (struct ixfs_snode *d = z->parent; d; d = d->parent)
		d->frozen_below--;
	ix_cond_broadcast(&fs->tree->settled);
	ixfs_node_unref(fs->inodes, &z->parent->node);
}

/* ---- 2. drain, 3. register ---- */

static int drain_and_register(struct ixfs *fs, struct ixfs_sfile *f,
			      struct ixfs_frozen *z, const char *to,
			      struct ix_register_result *result)
{
	struct ix_registration r = { .path = z->path.p, .name = to };

	ixfs_sfile_drain(f);
	/* Times and owner as they are now that nobody writes any more. */
	if (fstatat(fs->backing_fd, z->path.p, &z->st, AT_SYMLINK_NOFOLLOW))
		return ix_fail(-errno, "%s: %s", z->path.p,
			       strerrordesc_np(errno));
	if (z->st.st_size == 0)
		return ix_fail(-IX_EINCOMPLETE, "%s: empty", to);
	r.sums = &f->sums;
	r.mtime_ns = (int64_t)z->st.st_mtim.tv_sec * 1000000000 +
		     z->st.st_mtim.tv_nsec;
	r.uid = z->st.st_uid;
	r.gid = z->st.st_gid;
	return ix_index_register(fs->index, &r, result);
}

/* ---- 4. seal or thaw ---- */

static int in_pending(const struct ixfs *fs, const struct ixfs_frozen *z)
{
	return z->parent == fs->tree->pending;
}

static void settle(struct ixfs *fs, struct ixfs_sfile *f,
		   const struct ixfs_frozen *z, const char *to, int rc,
		   const struct ix_register_result *result)
{
	ix_mutex_lock(&fs->tree->lock);
	ix_mutex_lock(&f->lock);
	if (!rc) {
		f->sealed = 1;
		f->seq = result->seq;
		ix_page_sums_release(&f->sums);
		ixfs_tree_gone_locked(fs, &f->s, &z->st);
		ixfs_tree_count(fs->tree, -z->st.st_size);
		if (!in_pending(fs, z) || strcmp(z->name, to) != 0)
			ixfs_tree_remove_pending_locked(fs, to);
	}
	f->verdict = rc;
	ix_free(f->reason);
	f->reason = rc ? ix_strdup(ix_fail_text()) : NULL;
	/* Full disks and taken names pass: ask again at the next close. */
	f->dirty = rc && !ix_err_is_content(rc);
	ixfs_sfile_thaw_locked(fs, f, z);
	ixfs_sfile_unlock(fs, f);
}

/* Why it is not registered, for metadata.json and user.ixfs.status. */
static void record(struct ixfs *fs, const struct ixfs_frozen *z, const char *to,
		   int rc)
{
	if (in_pending(fs, z))
		ix_index_pending_set(fs->index, z->name,
				     rc ? ix_fail_text() : NULL);
	if (rc && rc != -IX_EINCOMPLETE)
		ix_log_warn("%s: not registered: %s", to, ix_fail_text());
}

/* Steps 2 to 4 of a frozen file. */
static int decide(struct ixfs *fs, struct ixfs_sfile *f, struct ixfs_frozen *z,
		  const char *to)
{
	struct ix_register_result result = { 0 };
	int rc = drain_and_register(fs, f, z, to, &result);

	record(fs, z, to, rc);
	if (!rc && result.outcome == IX_REGISTERED_NAME)
		ixfs_segment_touched(fs, result.seq); /* one more link */
	settle(fs, f, z, to, rc, &result);
	return rc;
}

/* ---- the two occasions ---- */

int ixfs_verdict_close(struct ixfs *fs, struct ixfs_sfile *f)
{
	struct ixfs_frozen z;
	int rc = 0;
	int judge = 0;

	ixfs_sfile_lock_thawed(fs, f);
	if (!f->sealed && ixfs_tree_is_final_locked(fs, &f->s)) {
		judge = f->dirty || f->writing;
		rc = judge ? ixfs_sfile_freeze_locked(fs, f, &z) : f->verdict;
		if (!judge && rc)
			ix_fail(rc, "%s: refused before, unchanged since",
				f->s.name);
	}
	ixfs_sfile_unlock(fs, f);
	if (!judge || rc)
		return rc;
	rc = decide(fs, f, &z, z.name);
	/* Nothing was ever written: nothing to complain about. */
	if (rc == -IX_EINCOMPLETE && z.st.st_size == 0) {
		ix_mutex_lock(&f->lock);
		f->verdict = 0;
		ix_mutex_unlock(&f->lock);
		return 0;
	}
	return rc;
}

int ixfs_verdict_rename(struct ixfs *fs, struct ixfs_snode *dir,
			const char *name, const char *to)
{
	struct ixfs_snode *n;
	struct ixfs_sfile *f;
	struct ixfs_frozen z;
	int rc;

	rc = ixfs_tree_lookup(fs, dir, name, &n);
	if (rc)
		return rc;
	f = ixfs_sfile_of(&n->node);
	if (!f) {
		ixfs_node_unref(fs->inodes, &n->node);
		return -EPERM; /* only files may move into the root */
	}
	ixfs_sfile_lock_thawed(fs, f);
	/* Registered by a close, removed or moved while we waited? */
	if (f->s.parent != dir || strcmp(f->s.name, name) != 0)
		rc = -ENOENT;
	else
		rc = ixfs_sfile_freeze_locked(fs, f, &z);
	ixfs_sfile_unlock(fs, f);
	if (!rc)
		rc = decide(fs, f, &z, to);
	ixfs_node_unref(fs->inodes, &n->node);
	return rc;
}

/* ---- who closes ---- */

pid_t ixfs_tgid_of(pid_t tid)
{
	char path[64];
	char text[1024];
	const char *p;
	ssize_t n;
	int fd;

	if (tid <= 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	p = strstr(text, "\nTgid:");
	return p ? (pid_t)strtol(p + 6, NULL, 10) : 0;
}

int ixfs_verdict_tell(const struct ixfs *fs, int rc, pid_t opener, pid_t closer)
{
	pid_t tgid;

	if (rc != -IX_EINCOMPLETE)
		return rc;
	if (fs->o->loose_close)
		return 0;
	tgid = ixfs_tgid_of(closer);
	return !tgid || !opener || tgid == opener ? rc : 0;
}
