/* SPDX-License-Identifier: MIT */
/* Writing checkpoints; checkpoint_load.c reads them. */
#include "core/index/checkpoint.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"

/* ---- rendering ---- */

static void add_text(struct ix_buf *b, const char *s)
{
	ix_buf_add_u8(b, '"');
	ix_buf_add_json(b, s, strlen(s));
	ix_buf_add_u8(b, '"');
}

static void add_id(struct ix_buf *b, const struct ix_id *id)
{
	char hex[IX_ID_HEX + 1];

	ix_buf_addf(b, "\"%s\"", ix_id_format(id, hex));
}

static int compare_ids(const void *a, const void *b)
{
	return ix_id_compare(a, b);
}

static void add_leaves(struct ix_buf *b, const struct ix_seg *g)
{
	struct ix_id *ids = ix_calloc(g->leaf_count, sizeof(*ids));
	size_t n = 0;

	if (!ids) {
		b->error = -ENOMEM;
		return;
	}
	for (const struct ix_leaves *l = g->leaves; l; l = l->next)
		for (size_t i = 0; i < l->count; i++)
			ids[n++] = l->leaf[i].id;
	qsort(ids, n, sizeof(*ids), compare_ids);
	ix_buf_add_str(b, "\"leaves\":[");
	for (size_t i = 0; i < n; i++) {
		if (i)
			ix_buf_add_u8(b, ',');
		add_id(b, ids + i);
	}
	ix_buf_add_str(b, "],");
	ix_free(ids);
}

static int is_own_leaf(const struct ix_seg *g)
{
	return g->leaf_count == 1 &&
	       ix_id_equal(&g->leaves->leaf[0].id, &g->meta.id);
}

static void add_names(struct ix_buf *b, const struct ix_seg *g)
{
	const struct ix_ring *at;

	ix_buf_add_str(b, "\"names\":[");
	for (at = g->names.next; at != &g->names; at = at->next) {
		if (at != g->names.next)
			ix_buf_add_u8(b, ',');
		add_text(b, ix_container(at, struct ix_host, link)->name->text);
	}
	ix_buf_add_str(b, "],");
}

static void add_seg(struct ix_buf *b, const struct ix_seg *g)
{
	const struct ix_seg_meta *m = &g->meta;

	add_id(b, &m->id);
	ix_buf_addf(b,
		    ":{\"bytes\":\"%" PRIu64 "\",\"generation\":%u,"
		    "\"gid\":%u,",
		    m->bytes, m->generation, m->gid);
	if (!is_own_leaf(g))
		add_leaves(b, g);
	ix_buf_addf(b, "\"merged\":%s,\"mtime_ns\":\"%" PRId64 "\",",
		    g->merged ? "true" : "false", m->mtime_ns);
	add_names(b, g);
	ix_buf_addf(b, "\"num_docs\":%u,", m->doc_count);
	if (g->quarantine) {
		ix_buf_add_str(b, "\"quarantine\":");
		add_text(b, g->quarantine);
		ix_buf_add_u8(b, ',');
	}
	ix_buf_addf(b,
		    "\"registration\":\"%" PRIu64 "\",\"seq\":\"%" PRIu64
		    "\",\"uid\":%u}",
		    m->registration, g->seq, m->uid);
}

/* A list of pointers into a table, for sorting. */
struct pick {
	void **v;
	size_t n;
};

static void pick_delivered(void *ctx, struct ix_node *n)
{
	struct ix_name *m = ix_container(n, struct ix_name, node);
	struct pick *p = ctx;

	if (m->kind == IX_NAME_DELIVERED)
		p->v[p->n++] = m;
}

static int by_text(const void *a, const void *b)
{
	const struct ix_name *x = *(struct ix_name *const *)a;
	const struct ix_name *y = *(struct ix_name *const *)b;

	return strcmp(x->text, y->text);
}

static void add_segs(struct ix_buf *b, const struct ix_state *s)
{
	struct ix_seg **segs;
	size_t n;

	if (ix_state_live_by_id(s, &segs, &n)) {
		b->error = -ENOMEM;
		return;
	}
	ix_buf_add_str(b, "\"segment_metas\":{");
	for (size_t i = 0; i < n; i++) {
		if (i)
			ix_buf_add_u8(b, ',');
		add_seg(b, segs[i]);
	}
	ix_buf_add_str(b, "},");
	ix_free(segs);
}

static void add_delivered_name(struct ix_buf *b, const struct ix_name *n)
{
	const struct ix_seg *last = NULL;

	add_text(b, n->text);
	ix_buf_addf(b, ":{\"bytes\":\"%" PRIu64 "\",\"id\":", n->bytes);
	add_id(b, &n->id);
	ix_buf_add_str(b, ",\"leaves\":[");
	for (size_t i = 0; i < n->host_count; i++) {
		/* Any leaf of the host stands for it. */
		if (n->host[i].seg == last)
			continue;
		if (last)
			ix_buf_add_u8(b, ',');
		last = n->host[i].seg;
		add_id(b, &last->leaves->leaf[0].id);
	}
	ix_buf_addf(b, "],\"mtime_ns\":\"%" PRId64 "\"}", n->mtime_ns);
}

static void add_delivered(struct ix_buf *b, const struct ix_state *s)
{
	struct pick p = { ix_calloc(s->names.count + 1, sizeof(void *)), 0 };

	if (!p.v) {
		b->error = -ENOMEM;
		return;
	}
	ix_table_each(&s->names, pick_delivered, &p);
	qsort(p.v, p.n, sizeof(*p.v), by_text);
	ix_buf_add_str(b, "\"delivered\":{");
	for (size_t i = 0; i < p.n; i++) {
		if (i)
			ix_buf_add_u8(b, ',');
		add_delivered_name(b, p.v[i]);
	}
	ix_buf_add_str(b, "},");
	ix_free(p.v);
}

void ix_checkpoint_render(const struct ix_state *s, uint64_t epoch,
			  struct ix_buf *out, struct ix_u128 *hashp)
{
	struct ix_buf b = IX_BUF_INIT;
	char hex[IX_ID_HEX + 1];
	struct ix_id sum;

	ix_buf_addf(&b, "{\"config_generation\":\"%" PRIu64 "\",",
		    s->config_generation);
	add_delivered(&b, s);
	ix_buf_addf(&b,
		    "\"epoch\":\"%" PRIu64 "\",\"generation\":\"%" PRIu64
		    "\",\"merge\":",
		    epoch, s->generation);
	ix_buf_add_str(&b, s->merge_text);
	ix_buf_addf(&b,
		    ",\"next_registration\":\"%" PRIu64
		    "\",\"next_seq\":\"%" PRIu64
		    "\",\"pending\":{},\"schema\":",
		    s->next_registration, s->seq_limit);
	ix_buf_add_str(&b, s->schema);
	ix_buf_add_u8(&b, ',');
	add_segs(&b, s);
	ix_buf_add_str(&b,
		       "\"snapshots\":[],\"total_vectors\":\"0\",\"user\":");
	ix_buf_add_str(&b, s->user_text);
	ix_buf_add_str(&b, ",\"vector_fields\":{},\"version\":1}\n");
	if (ix_buf_error(&b)) {
		out->error = ix_buf_error(&b);
		ix_buf_release(&b);
		return;
	}
	*hashp = ix_hash128(b.data, b.len);
	sum = ix_id_from_hash(*hashp);
	ix_buf_addf(out, "{\"checksum\":\"%s\",", ix_id_format(&sum, hex));
	ix_buf_add(out, b.data + 1, b.len - 1);
	ix_buf_release(&b);
}

/* ---- files ---- */

int ix_checkpoint_write_tmp(struct ix_vfs *v, const struct ix_buf *text)
{
	struct ix_file *f = NULL;
	int rc;

	if (ix_buf_error(text))
		return ix_buf_error(text);
	/* No mount would read it. The one before and the journal stay. */
	if (text->len > IX_METADATA_MAX)
		return ix_fail(-IX_ELIMIT,
			       IX_METADATA_FILE ": %zu bytes are more than "
						"can be read again",
			       text->len);
	rc = ix_vfs_open(v, IX_METADATA_TMP,
			 IX_OPEN_WRITE | IX_OPEN_CREATE | IX_OPEN_TRUNC, &f);
	if (!rc)
		rc = ix_file_write(f, text->data, text->len, 0);
	if (!rc)
		rc = ix_file_sync(f);
	ix_file_close(f);
	if (rc) {
		(void)ix_vfs_unlink(v, IX_METADATA_TMP);
		return ix_fail(rc, "%s: cannot write: %s", IX_METADATA_TMP,
			       ix_err_name(rc));
	}
	return 0;
}

int ix_checkpoint_publish(struct ix_vfs *v, int *renamedp)
{
	int rc;

	*renamedp = 0;
	/* The copy is for people; nothing here ever reads it. Where there are
	 * no hard links there is none. */
	(void)ix_vfs_unlink(v, IX_METADATA_PREV);
	(void)ix_vfs_link(v, IX_METADATA_FILE, IX_METADATA_PREV);
	rc = ix_vfs_rename(v, IX_METADATA_TMP, IX_METADATA_FILE);
	if (rc) {
		(void)ix_vfs_unlink(v, IX_METADATA_TMP);
		return ix_fail(rc, "%s: cannot rename: %s", IX_METADATA_TMP,
			       ix_err_name(rc));
	}
	*renamedp = 1;
	rc = ix_vfs_sync_dir(v, "");
	if (rc)
		return ix_fail(rc, "%s: cannot sync its directory: %s",
			       IX_METADATA_FILE, ix_err_name(rc));
	return 0;
}
