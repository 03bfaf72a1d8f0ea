/* SPDX-License-Identifier: MIT */
/*
 * sweep: files that nobody owns.
 *
 * A file in segments/ has an owner if its number is in the state (live,
 * retired or doomed), or was given to an operation in flight. Numbers are
 * never given twice, so a number below next_seq that is in neither place now
 * will never be in one again, and its file can be removed without holding a
 * lock (S-32). At open nothing is in flight; later the running jobs and
 * registrations are asked for.
 *
 * Only names exactly as ix_seq_path spells them are considered; others are
 * somebody else's, reported once and left alone (S-33).
 */
#include <inttypes.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/index/internal.h"

void ix_names_release(struct ix_names *names)
{
	for (size_t i = 0; i < names->n; i++)
		ix_free(names->v[i]);
	ix_free(names->v);
	memset(names, 0, sizeof(*names));
}

struct listing {
	struct ix_names *names;
	enum ix_file_type type;
};

static int add_name(void *ctx, const char *name, enum ix_file_type type)
{
	struct listing *l = ctx;
	struct ix_names *n = l->names;

	if (type != l->type)
		return 0;
	if (ix_grow(&n->v, &n->cap, n->n + 1, sizeof(*n->v)))
		return -ENOMEM;
	n->v[n->n] = ix_strdup(name);
	if (!n->v[n->n])
		return -ENOMEM;
	n->n++;
	return 0;
}

int ix_names_list(struct ix_index *ix, const char *dir, enum ix_file_type type,
		  struct ix_names *names)
{
	struct listing l = { names, type };
	int rc;

	memset(names, 0, sizeof(*names));
	rc = ix_vfs_list(ix->vfs, dir, add_name, &l);
	if (rc) {
		ix_names_release(names);
		ix_fail(rc, "%s: cannot list: %s", dir, ix_err_name(rc));
	}
	return rc;
}

/* ---- segments/ ---- */

static int is_owned(struct ix_index *ix, uint64_t seq, int tmp)
{
	const struct ix_seg *g;
	int owned = 0;

	ix_mutex_lock(&ix->lock);
	g = ix_state_seg(&ix->state, seq);
	owned = (g && !tmp) || seq >= ix->state.next_seq ||
		ix_seq_in_flight_locked(ix, seq);
	ix_mutex_unlock(&ix->lock);
	return owned;
}

int ix_sweep(struct ix_index *ix, uint64_t *countp)
{
	struct ix_names names;
	int rc, first = 0;

	*countp = 0;
	rc = ix_names_list(ix, IX_SEGMENTS_DIR, IX_TYPE_FILE, &names);
	if (rc)
		return rc;
	for (size_t i = 0; i < names.n; i++) {
		char path[IX_SEQ_PATH_MAX];
		uint64_t seq;
		int tmp;

		if (!ix_seq_parse(names.v[i], &seq, &tmp)) {
			ix_log_warn(IX_SEGMENTS_DIR
				    "/%s: is not a file of the index; left "
				    "alone",
				    names.v[i]);
			continue;
		}
		if (is_owned(ix, seq, tmp))
			continue;
		/* An edit in doubt gives its number back, not its file. */
		rc = ix_commit_check(ix);
		if (rc) {
			first = first ? first : rc;
			break;
		}
		rc = ix_vfs_unlink(ix->vfs, ix_seq_path(seq, tmp, path));
		if (!rc) {
			++*countp;
			continue;
		}
		if (rc == -ENOENT)
			continue;
		ix_log_warn("%s: cannot remove: %s", path, ix_err_name(rc));
		first = first ? first
			      : ix_fail(rc, "%s: cannot remove: %s", path,
					ix_err_name(rc));
	}
	ix_names_release(&names);
	return first;
}

/* ---- staging/, pending/ ---- */

struct alias {
	char *path; /* owned */
	uint64_t ino;
};

struct aliases {
	struct alias *v;
	size_t n;
	size_t cap;
};

#define DEPTH_MAX 64

static int find_linked(struct ix_index *ix, const char *dir, int depth,
		       struct aliases *a);

static int add_linked(struct ix_index *ix, const char *path, struct aliases *a)
{
	struct ix_stat st;
	int rc = ix_vfs_stat(ix->vfs, path, &st);

	if (rc == -ENOENT || (!rc && st.nlink < 2))
		return 0;
	if (rc)
		return ix_fail(rc, "%s: cannot stat: %s", path,
			       ix_err_name(rc));
	if (ix_grow(&a->v, &a->cap, a->n + 1, sizeof(*a->v)))
		return -ENOMEM;
	a->v[a->n].ino = st.ino;
	a->v[a->n].path = ix_strdup(path);
	return a->v[a->n].path ? (a->n++, 0) : -ENOMEM;
}

static int find_in(struct ix_index *ix, const char *dir, int depth,
		   enum ix_file_type type, struct aliases *a)
{
	struct ix_names names;
	struct ix_buf path = IX_BUF_INIT;
	int rc = ix_names_list(ix, dir, type, &names);

	if (rc)
		return rc;
	for (size_t i = 0; i < names.n && !rc; i++) {
		ix_buf_clear(&path);
		ix_buf_addf(&path, "%s/%s", dir, names.v[i]);
		rc = ix_buf_error(&path);
		if (rc)
			break;
		if (type == IX_TYPE_FILE)
			rc = add_linked(ix, ix_buf_str(&path), a);
		else
			rc = find_linked(ix, ix_buf_str(&path), depth + 1, a);
	}
	ix_buf_release(&path);
	ix_names_release(&names);
	return rc;
}

static int find_linked(struct ix_index *ix, const char *dir, int depth,
		       struct aliases *a)
{
	int rc;

	if (depth > DEPTH_MAX)
		return 0;
	rc = find_in(ix, dir, depth, IX_TYPE_FILE, a);
	return rc ? rc : find_in(ix, dir, depth, IX_TYPE_DIR, a);
}

struct compare {
	struct ix_index *ix;
	const struct aliases *a;
	int rc;
};

static void remove_if_same(void *ctx, struct ix_node *node)
{
	const struct ix_seg *g = ix_container(node, struct ix_seg, node);
	struct compare *c = ctx;
	char path[IX_SEQ_PATH_MAX];
	struct ix_stat st;

	if (ix_vfs_stat(c->ix->vfs, ix_seq_path(g->seq, 0, path), &st))
		return;
	for (size_t i = 0; i < c->a->n; i++) {
		const struct alias *alias = c->a->v + i;
		int rc;

		if (alias->ino != st.ino)
			continue;
		ix_log_info("%s: removed, it is segment %" PRIu64, alias->path,
			    g->seq);
		rc = ix_vfs_unlink(c->ix->vfs, alias->path);
		atomic_store(&c->ix->commit.pending_changed, 1);
		if (rc && rc != -ENOENT && !c->rc)
			c->rc = ix_fail(rc, "%s: cannot remove: %s",
					alias->path, ix_err_name(rc));
	}
}

/* Runs at open: no other thread, so the state may be walked without a lock. A
 * file that could be written through staging/ or pending/ (where any name may
 * have been renamed to a segment's) while it is a segment must not be: an error
 * here fails the open. */
int ix_recover_aliases(struct ix_index *ix)
{
	struct aliases a = { 0 };
	struct compare c = { ix, &a, 0 };
	int rc = find_linked(ix, IX_STAGING_DIR, 0, &a);

	if (!rc)
		rc = find_linked(ix, IX_PENDING_DIR, 0, &a);
	if (!rc && a.n)
		ix_table_each(&ix->state.segs, remove_if_same, &c);
	for (size_t i = 0; i < a.n; i++)
		ix_free(a.v[i].path);
	ix_free(a.v);
	return rc ? rc : c.rc;
}
