/* SPDX-License-Identifier: MIT */
/*
 * recover: from what is on the disk to a state, at open.
 *
 *  1. metadata.json; nothing else will do in its place (S-10)
 *  2. metadata.journal, every edit checked against the state
 *  3. only now something is written: the tail of the journal is cut off, left
 *     over temporary files are removed
 *  4. unless the last close was clean, a new checkpoint is written
 *  5. segments/ is swept, staging/ and pending/ are looked through
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/index/checkpoint.h"
#include "core/index/internal.h"

struct replay {
	struct ix_index *ix;
	uint64_t edits;
};

static int replay_edit(struct ix_state *s, struct ix_edit *e)
{
	int rc = ix_state_prepare(s, e);

	if (rc)
		/* Settings that are wrong are damage, too, in a journal. */
		return rc == -IX_EINPUT ? ix_fail_in(-IX_ECORRUPT, "journal")
					: rc;
	ix_state_apply(s, e);
	return 0;
}

static int replay_batch(void *ctx, const uint8_t *p, size_t n)
{
	struct replay *r = ctx;
	const uint8_t *end = p + n;
	int rc = 0;

	/* The first zero is padding: no edit has type 0. */
	while (p < end && *p && !rc) {
		struct ix_edit e;

		rc = ix_edit_decode(&p, end, &e);
		if (!rc)
			rc = replay_edit(&r->ix->state, &e);
		ix_edit_release(&e);
		r->edits++;
	}
	return rc;
}

/* What the journal retired needs no farewell: sweep removes the files. */
static void forget_doomed(struct ix_state *s)
{
	struct ix_seg *g;

	while ((g = s->doomed)) {
		s->doomed = g->next_doomed;
		ix_state_forget(s, g);
	}
}

/* The checkpoint is newer than the journal: the switch to a new journal was
 * cut off. Everything is in the checkpoint. */
static int restart_journal(struct ix_index *ix, uint64_t epoch,
			   struct ix_u128 hash, struct ix_journal *j)
{
	int rc = ix_journal_create_tmp(ix->vfs, epoch, hash, j);

	return rc ? rc : ix_journal_publish(ix->vfs);
}

static int ready_to_write(struct ix_index *ix, struct ix_journal *j, int stale,
			  uint64_t epoch, struct ix_u128 hash)
{
	(void)ix_vfs_unlink(ix->vfs, IX_METADATA_TMP);
	(void)ix_vfs_unlink(ix->vfs, IX_JOURNAL_TMP);
	return stale ? restart_journal(ix, epoch, hash, j) : ix_journal_cut(j);
}

/*
 * What was read may be in the cache only. The process before may have ended
 * after a sync that failed: what the sync should have written counts as clean
 * since then, and no later sync writes it (fsync(2)). Nothing may be removed,
 * or appended, on the strength of that; new files are on the safe side.
 */
static int renew(struct ix_index *ix)
{
	int rc = ix_commit_rewrite(ix);

	if ((rc != -ENOSPC && rc != -EDQUOT && rc != -IX_ELIMIT) ||
	    ix_commit_check(ix))
		return rc;
	/* A full disk must still be mountable, and so must a full index. */
	ix_log_warn("checkpoint put off: %s", ix_fail_text());
	return 0;
}

int ix_recover(struct ix_index *ix)
{
	int read_only = (ix->o.flags & IX_INDEX_READ_ONLY) != 0, stale, rc;
	struct replay r = { ix, 0 };
	struct ix_journal j = { 0 };
	struct ix_u128 hash;
	uint64_t epoch, bytes;

	rc = ix_checkpoint_read(ix->vfs, &ix->state, &epoch, &hash, &bytes);
	if (rc)
		return rc;
	rc = ix_journal_open(ix->vfs, epoch, hash,
			     read_only ? IX_OPEN_READ : IX_OPEN_WRITE,
			     replay_batch, &r, &j, &stale);
	if (rc == -ENOENT)
		/* It is always there: commits would be missing unnoticed. */
		rc = ix_fail(-IX_ECORRUPT,
			     IX_JOURNAL_FILE ": is missing; nothing was "
					     "changed");
	if (rc)
		return rc;
	ix->state.next_seq = ix->state.seq_limit;
	forget_doomed(&ix->state);
	if (!read_only)
		rc = ready_to_write(ix, &j, stale, epoch, hash);
	if (!rc && !read_only)
		ix_commit_adopt(ix, &j, bytes);
	/* Removals from pending/ by a process that was killed may still be
	 * waiting for a sync. */
	atomic_store(&ix->commit.pending_changed, 1);
	ix_journal_close(&j);
	if (!rc && !read_only && (r.edits || stale || ix->left_unclean))
		rc = renew(ix);
	if (!rc && r.edits)
		ix_log_info("replayed %" PRIu64 " changes", r.edits);
	return rc;
}

/* ---- files of segments ---- */

static void check_file(void *ctx, struct ix_node *node)
{
	struct ix_seg *g = ix_container(node, struct ix_seg, node);
	struct ix_index *ix = ctx;
	char path[IX_SEQ_PATH_MAX];
	struct ix_stat st;
	int rc = ix_vfs_stat(ix->vfs, ix_seq_path(g->seq, 0, path), &st);

	if (!rc && st.type == IX_TYPE_FILE && st.size == g->meta.bytes)
		return;
	g->missing = 1;
	ix_log_error("%s: %s; its documents are not available", path,
		     rc ? ix_err_name(rc) : "has another size than recorded");
}

int ix_recover_files(struct ix_index *ix)
{
	/* No other thread yet: no lock is needed. */
	ix_table_each(&ix->state.segs, check_file, ix);
	return 0;
}

/* ---- pending/ ---- */

static int register_pending(struct ix_index *ix, const char *name)
{
	struct ix_register_result result;
	struct ix_registration r = { .name = name };
	char path[sizeof(IX_PENDING_DIR) + IX_NAME_MAX + 2];
	struct ix_stat st;
	int rc;

	snprintf(path, sizeof(path), IX_PENDING_DIR "/%s", name);
	rc = ix_vfs_stat(ix->vfs, path, &st);
	if (rc)
		return rc;
	r.path = path;
	r.mtime_ns = st.mtime_ns;
	r.uid = st.uid;
	r.gid = st.gid;
	rc = ix_index_register(ix, &r, &result);
	if (rc && rc != -IX_EINCOMPLETE)
		ix_log_warn("%s: not registered: %s", path, ix_fail_text());
	return rc;
}

/* A file that cannot be registered stays, with its reason; only a metadata
 * failure ends the open. */
int ix_recover_pending(struct ix_index *ix)
{
	struct ix_names names;
	int rc = ix_names_list(ix, IX_PENDING_DIR, IX_TYPE_FILE, &names);

	if (rc)
		return rc;
	for (size_t i = 0; i < names.n; i++) {
		if (!ix_segment_name_valid(names.v[i]))
			continue;
		rc = register_pending(ix, names.v[i]);
		if (rc == -IX_EDEGRADED || rc == -ENOMEM)
			break;
		rc = 0;
	}
	ix_names_release(&names);
	return rc;
}
