/* SPDX-License-Identifier: MIT */
/* The life of an index, and looking at it. */
#include "core/index/index.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/utf8.h"
#include "core/index/checkpoint.h"
#include "core/index/internal.h"
#include "core/index/settings.h"

#define LIST_BATCH 64

/* ---- events ---- */

void ix_add_json_string(struct ix_buf *b, const char *text)
{
	size_t n = strlen(text);

	ix_buf_add_u8(b, '"');
	if (ix_utf8_valid(text, n)) {
		ix_buf_add_json(b, text, n);
	} else {
		for (size_t i = 0; i < n; i++) {
			char c =
				(char)((uint8_t)text[i] < 0x80 ? text[i] : '?');

			ix_buf_add_json(b, &c, 1);
		}
	}
	ix_buf_add_u8(b, '"');
}

void ix_add_json_text(struct ix_buf *b, const char *key, const char *text)
{
	ix_buf_addf(b, "\"%s\":", key);
	ix_add_json_string(b, text);
}

void ix_event(struct ix_index *ix, const char *what, const char *fmt, ...)
{
	char small[512];
	struct ix_buf b = IX_BUF_INIT;
	va_list ap;
	int n;

	if (!ix->o.event)
		return;
	ix_buf_addf(&b, "{\"event\":\"%s\"", what);
	va_start(ap, fmt);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(small)) {
		ix_buf_add(&b, small, (size_t)n);
	} else if (n >= 0) {
		char *p = (char *)ix_buf_extend(&b, (size_t)n + 1);

		if (p) {
			va_start(ap, fmt);
			vsnprintf(p, (size_t)n + 1, fmt, ap);
			va_end(ap);
			b.len--; /* the NUL */
		}
	}
	ix_buf_add_u8(&b, '}');
	if (!ix_buf_error(&b))
		ix->o.event(ix->o.ctx, ix_buf_str(&b));
	ix_buf_release(&b);
}

/* ---- create ---- */

static int any_entry(void *ctx, const char *name, enum ix_file_type type)
{
	(void)ctx;
	(void)type;
	return strcmp(name, "lost+found") != 0; /* of a fresh filesystem */
}

/* -EEXIST is an error only for an index that is being made. */
static int make_dirs(struct ix_vfs *v, int missing_only)
{
	static const char *const dirs[] = { IX_SEGMENTS_DIR, IX_PENDING_DIR,
					    IX_STAGING_DIR, IX_TRAINED_DIR };
	int rc = 0;

	for (size_t i = 0; i < 4 && !rc; i++) {
		rc = ix_vfs_mkdir(v, dirs[i]);
		if (rc == -EEXIST && missing_only)
			rc = 0;
	}
	return rc ? ix_fail(rc, "cannot make directories: %s", ix_err_name(rc))
		  : 0;
}

/* metadata.json comes last: with it the index exists, and then everything
 * else does. */
static int make_files(struct ix_vfs *v, const struct ix_state *s)
{
	struct ix_buf text = IX_BUF_INIT;
	struct ix_journal j = { 0 };
	struct ix_u128 hash = { 0, 0 };
	int rc, renamed;

	ix_checkpoint_render(s, 1, &text, &hash);
	rc = ix_buf_error(&text);
	if (!rc)
		rc = ix_journal_create_tmp(v, 1, hash, &j);
	ix_journal_close(&j);
	if (!rc)
		rc = ix_journal_publish(v);
	if (!rc)
		rc = ix_checkpoint_write_tmp(v, &text);
	if (!rc)
		rc = ix_checkpoint_publish(v, &renamed);
	ix_buf_release(&text);
	return rc;
}

static int set_text(char **textp, char *text)
{
	if (!text)
		return -ENOMEM;
	ix_free(*textp);
	*textp = text;
	return 0;
}

int ix_index_create(struct ix_vfs *v, const struct ix_schema *schema)
{
	struct ix_state s;
	int rc = ix_vfs_list(v, "", any_entry, NULL);

	if (rc > 0)
		return ix_fail(-ENOTEMPTY,
			       "the directory is not empty; an index is made "
			       "in a new or empty directory");
	if (rc)
		return ix_fail(rc, "cannot list the directory: %s",
			       ix_err_name(rc));
	rc = ix_state_init(&s);
	if (!rc)
		rc = set_text(&s.merge_text, ix_settings_default());
	if (!rc)
		rc = set_text(&s.schema, ix_strdup(schema->canonical));
	if (!rc)
		rc = make_dirs(v, 0);
	if (!rc)
		rc = make_files(v, &s);
	ix_state_release(&s);
	return rc;
}

/* ---- open ---- */

static uint64_t real_now(void *ctx)
{
	(void)ctx;
	return ix_now_ns();
}

static int held_by_other(struct ix_index *ix)
{
	char who[256] = "somebody else";
	struct ix_file *f = NULL;
	ssize_t n = 0;

	if (!ix_vfs_open(ix->vfs, IX_LOCK_FILE, IX_OPEN_READ, &f))
		n = ix_file_read(f, who, sizeof(who) - 1, 0);
	ix_file_close(f);
	if (n > 0) {
		who[n] = '\0';
		who[strcspn(who, "\n")] = '\0';
	}
	return ix_fail(-IX_EBUSYINDEX, "the index is in use by %s", who);
}

static int take_lock(struct ix_index *ix)
{
	int read_only = (ix->o.flags & IX_INDEX_READ_ONLY) != 0, rc, n;
	char text[256];

	rc = ix_vfs_lock(ix->vfs, IX_LOCK_FILE,
			 read_only ? IX_LOCK_SHARED : IX_LOCK_EXCLUSIVE,
			 ix->o.lock_timeout_ms, &ix->lock_file);
	if (rc == -EWOULDBLOCK)
		return held_by_other(ix);
	if (rc == -EROFS && read_only)
		return 0; /* nobody can change it */
	if (rc)
		return ix_fail(rc, IX_LOCK_FILE ": cannot lock: %s",
			       ix_err_name(rc));
	if (read_only)
		return 0;
	/* A clean close empties it. */
	ix->left_unclean = ix_file_read(ix->lock_file, text, 1, 0) != 0;
	n = snprintf(text, sizeof(text), "process %ld%s%s\n", (long)getpid(),
		     ix->holder ? ", " : "", ix->holder ? ix->holder : "");
	if (n > (int)sizeof(text) - 1)
		n = (int)sizeof(text) - 1;
	/* For people, and for left_unclean, which the journal tells, too,
	 * but for rare cases: what cannot be written is not missed. */
	(void)ix_file_truncate(ix->lock_file, 0);
	(void)ix_file_write(ix->lock_file, text, (size_t)n, 0);
	return 0;
}

static int open_contents(struct ix_index *ix)
{
	uint64_t swept;
	int rc = ix_recover(ix);

	if (!rc)
		rc = ix_schema_parse(ix->state.schema, strlen(ix->state.schema),
				     NULL, &ix->schema);
	if (!rc)
		rc = ix_recover_files(ix);
	if (rc || ix->o.flags & IX_INDEX_READ_ONLY)
		return rc;
	/* Tools that copy no empty directories leave them out. */
	rc = make_dirs(ix->vfs, 1);
	if (rc)
		return rc;
	/* Orphans that cannot be removed harm nobody: their numbers are never
	 * used again. */
	(void)ix_sweep(ix, &swept);
	rc = ix_recover_aliases(ix);
	if (!rc)
		rc = ix_recover_pending(ix);
	/* What the pending files replaced; the reaper tries again. */
	(void)ix_tracker_reap(ix);
	return rc;
}

static int init_locks(struct ix_index *ix)
{
	int rc = ix_mutex_init(&ix->lock);

	if (rc)
		return rc;
	rc = ix_cond_init(&ix->keys.cond);
	if (!rc)
		rc = ix_cond_init(&ix->tracker.cond);
	if (!rc)
		rc = ix_manager_init(ix);
	if (!rc)
		rc = ix_commit_init(ix);
	return rc;
}

static void index_free(struct ix_index *ix)
{
	ix_commit_release(ix);
	ix_manager_release(ix);
	ix_tracker_release(ix);
	ix_pending_release(ix);
	ix_state_release(&ix->state);
	ix_table_release(&ix->keys.held);
	ix_cond_release(&ix->tracker.cond);
	ix_cond_release(&ix->keys.cond);
	ix_mutex_release(&ix->lock);
	ix_schema_free(ix->schema);
	ix_file_close(ix->lock_file);
	ix_free(ix->holder);
	ix_free(ix);
}

static int index_new(const struct ix_index_options *o, struct ix_index **ip)
{
	struct ix_index *ix = ix_calloc(1, sizeof(*ix));
	int rc;

	if (!ix)
		return -ENOMEM;
	ix->o = *o;
	ix->vfs = o->vfs;
	ix->now_ns = real_now;
	ix_ring_init(&ix->claims);
	/* Without resources for locks nothing can be said or done. */
	rc = init_locks(ix);
	if (rc) {
		ix_free(ix);
		return rc;
	}
	*ip = ix;
	rc = ix_state_init(&ix->state);
	if (!rc && o->holder) {
		ix->holder = ix_strdup(o->holder);
		rc = ix->holder ? 0 : -ENOMEM;
	}
	return rc;
}

int ix_index_open(const struct ix_index_options *o, struct ix_index **ip)
{
	struct ix_index *ix = NULL;
	int rc;

	*ip = NULL;
	/* First, so that no LOCK appears in a directory that is no index. */
	rc = ix_checkpoint_probe(o->vfs);
	if (rc)
		return rc;
	rc = index_new(o, &ix);
	if (!rc)
		rc = take_lock(ix);
	if (!rc)
		rc = open_contents(ix);
	if (rc) {
		if (ix)
			index_free(ix);
		return rc;
	}
	*ip = ix;
	return 0;
}

int ix_index_start(struct ix_index *ix)
{
	int rc;

	if (ix->o.flags & IX_INDEX_READ_ONLY)
		return 0;
	rc = ix_tracker_start(ix);
	if (!rc)
		rc = ix_manager_start(ix);
	return rc;
}

void ix_index_stop(struct ix_index *ix)
{
	ix_mutex_lock(&ix->lock);
	ix->stopping = 1;
	ix_mutex_unlock(&ix->lock);
	ix_manager_stop(ix);
	ix_tracker_stop(ix);
}

static int close_contents(struct ix_index *ix)
{
	int rc = ix_commit_check(ix);

	if (rc)
		return rc;
	(void)ix_tracker_reap(ix);
	if (ix->commit.journal.tail > IX_JOURNAL_HEADER)
		rc = ix_commit_rewrite(ix);
	return rc;
}

int ix_index_close(struct ix_index *ix)
{
	int rc = 0;

	ix_index_stop(ix);
	if (!(ix->o.flags & IX_INDEX_READ_ONLY)) {
		rc = close_contents(ix);
		if (!rc)
			(void)ix_file_truncate(ix->lock_file, 0);
	}
	index_free(ix);
	return rc;
}

int ix_index_writable(struct ix_index *ix)
{
	int stopping;

	if (ix->o.flags & IX_INDEX_READ_ONLY)
		return ix_fail(-EROFS, "the index was opened read-only");
	ix_mutex_lock(&ix->lock);
	stopping = ix->stopping;
	ix_mutex_unlock(&ix->lock);
	if (stopping)
		return ix_fail(-IX_ECANCELED, "the index is closing");
	return ix_commit_check(ix);
}

int ix_index_barrier(struct ix_index *ix)
{
	if (ix->o.flags & IX_INDEX_READ_ONLY)
		return 0;
	return ix_commit_barrier(ix);
}

/* ---- looking ---- */

int ix_index_lookup(struct ix_index *ix, const char *name,
		    struct ix_index_segment *out)
{
	const struct ix_name *n;
	int rc = -ENOENT;

	ix_mutex_lock(&ix->lock);
	n = ix_state_name(&ix->state, name);
	if (n && n->kind == IX_NAME_LIVE) {
		ix_seg_describe(n->host[0].seg, n, out);
		rc = 0;
	}
	ix_mutex_unlock(&ix->lock);
	return rc;
}

int ix_index_get(struct ix_index *ix, uint64_t seq,
		 struct ix_index_segment *out)
{
	const struct ix_seg *g;
	int rc = -ESTALE;

	ix_mutex_lock(&ix->lock);
	g = ix_state_seg(&ix->state, seq);
	if (g && g->state != IX_SEG_DOOMED) {
		ix_seg_describe(g, NULL, out);
		rc = 0;
	}
	ix_mutex_unlock(&ix->lock);
	return rc;
}

struct list_entry {
	uint64_t cookie;
	struct ix_index_segment segment;
};

static size_t list_some(struct ix_index *ix, uint64_t cookie,
			struct list_entry *out, size_t max)
{
	const struct ix_listing *l = &ix->state.listing;
	size_t n = 0;

	ix_mutex_lock(&ix->lock);
	for (size_t i = ix_listing_above(l, cookie); i < l->n && n < max; i++) {
		const struct ix_name *name = l->v[i].name;

		if (!name)
			continue;
		out[n].cookie = l->v[i].cookie;
		ix_seg_describe(name->host[0].seg, name, &out[n].segment);
		n++;
	}
	ix_mutex_unlock(&ix->lock);
	return n;
}

int ix_index_list(struct ix_index *ix, uint64_t cookie, ix_index_list_fn fn,
		  void *ctx)
{
	struct list_entry *batch = ix_calloc(LIST_BATCH, sizeof(*batch));
	size_t n;
	int rc = 0;

	if (!batch)
		return -ENOMEM;
	do {
		n = list_some(ix, cookie, batch, LIST_BATCH);
		for (size_t i = 0; i < n && !rc; i++) {
			cookie = batch[i].cookie;
			rc = fn(ctx, &batch[i].segment, cookie);
		}
	} while (n == LIST_BATCH && !rc);
	ix_free(batch);
	return rc;
}

void ix_index_stats(struct ix_index *ix, struct ix_index_stats *out)
{
	const struct ix_manager *m = &ix->manager;

	memset(out, 0, sizeof(*out));
	ix_mutex_lock(&ix->lock);
	out->generation = ix->state.generation;
	out->config_generation = ix->state.config_generation;
	out->live_segments = ix->state.live_count;
	out->live_docs = ix->state.live_docs;
	out->live_bytes = ix->state.live_bytes;
	out->retired_bytes = ix->state.retired_bytes;
	out->merges_running = m->running;
	out->merges_done = m->done;
	out->merges_failed = m->failed;
	out->merge_bytes_in = m->bytes_in;
	out->merge_bytes_out = m->bytes_out;
	out->pending = (uint32_t)ix_pending_count_locked(ix);
	out->degraded = atomic_load(&ix->commit.degraded) != 0;
	out->paused = m->paused > 0;
	ix_mutex_unlock(&ix->lock);
}

const struct ix_schema *ix_index_schema(struct ix_index *ix)
{
	return ix->schema;
}

uint64_t ix_index_version(struct ix_index *ix)
{
	uint64_t version;

	ix_mutex_lock(&ix->lock);
	version = ix->version;
	ix_mutex_unlock(&ix->lock);
	return version;
}
