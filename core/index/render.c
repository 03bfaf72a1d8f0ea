/* SPDX-License-Identifier: MIT */
/*
 * render: metadata.json as the mount shows it.
 *
 * The names are those of the checkpoint; what is only of interest while the
 * index is open (states, reasons, merges, the last action) is added. One
 * segment a line, so that grep and diff are of use. Nothing in it changes
 * without ix->version, so equal versions are equal bytes.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/index/internal.h"

static const char *const state_names[] = {
	[IX_SEG_LIVE] = "live",
	[IX_SEG_MERGING] = "merging",
	[IX_SEG_RETIRED] = "retired",
	[IX_SEG_DOOMED] = "doomed",
};

static void add_u64(struct ix_buf *b, const char *key, uint64_t v)
{
	ix_buf_addf(b, "\"%s\":\"%" PRIu64 "\"", key, v);
}

static void add_names(struct ix_buf *b, const struct ix_seg *g)
{
	const struct ix_ring *at;

	ix_buf_add_str(b, "\"names\":[");
	for (at = g->names.next; at != &g->names; at = at->next) {
		if (at != g->names.next)
			ix_buf_add_u8(b, ',');
		ix_add_json_string(
			b, ix_container(at, struct ix_host, link)->name->text);
	}
	ix_buf_add_str(b, "],");
}

static void add_seg(struct ix_buf *b, const struct ix_seg *g)
{
	const struct ix_seg_meta *m = &g->meta;
	char hex[IX_ID_HEX + 1];

	ix_buf_addf(b,
		    "\"%s\":{\"bytes\":\"%" PRIu64
		    "\",\"generation\":%u,\"leaves\":%zu,\"merged\":%s,"
		    "\"mtime_ns\":\"%" PRId64 "\",",
		    ix_id_format(&m->id, hex), m->bytes, m->generation,
		    g->leaf_count, g->merged ? "true" : "false", m->mtime_ns);
	if (g->missing)
		ix_buf_add_str(b, "\"missing\":true,");
	add_names(b, g);
	ix_buf_addf(b, "\"num_docs\":%u,", m->doc_count);
	if (g->quarantine) {
		ix_add_json_text(b, "quarantine", g->quarantine);
		ix_buf_add_u8(b, ',');
	}
	ix_buf_addf(b,
		    "\"registration\":\"%" PRIu64 "\",\"seq\":\"%" PRIu64
		    "\",\"state\":\"%s\"}",
		    m->registration, g->seq, state_names[g->state]);
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
		ix_buf_add_str(b, i ? ",\n" : "\n");
		add_seg(b, segs[i]);
	}
	ix_buf_add_str(b, "},\n");
	ix_free(segs);
}

static void add_merges(struct ix_buf *b, struct ix_index *ix)
{
	const struct ix_job *j = ix->manager.jobs;

	ix_buf_add_str(b, "\"merges\":[");
	for (; j; j = j->next) {
		ix_buf_addf(b,
			    "{\"action\":\"%" PRIu64 "\",\"bytes\":\"%" PRIu64
			    "\",\"merge\":\"%" PRIu64
			    "\",\"num_docs\":\"%" PRIu64 "\",\"sources\":[",
			    j->action, j->bytes, j->id, j->docs);
		for (size_t i = 0; i < j->n; i++)
			ix_buf_addf(b, "%s\"%" PRIu64 "\"", i ? "," : "",
				    j->seqs[i]);
		ix_buf_addf(b, "]}%s", j->next ? "," : "");
	}
	ix_buf_add_str(b, "],\n");
}

static void add_action(struct ix_buf *b, const struct ix_manager *m)
{
	const struct ix_action *a =
		m->actions + m->last_action % IX_ACTIONS_MAX;

	if (!m->last_action) {
		ix_buf_add_str(b, "\"last_action\":null,\n");
		return;
	}
	ix_buf_add_str(b, "\"last_action\":{");
	if (*a->error) {
		ix_add_json_text(b, "error", a->error);
		ix_buf_add_u8(b, ',');
	}
	ix_buf_addf(b,
		    "\"id\":\"%" PRIu64
		    "\",\"run\":\"%s\",\"state\":\"%s\"},\n",
		    a->id, a->run, a->state);
}

static void add_stats(struct ix_buf *b, struct ix_index *ix)
{
	const struct ix_manager *m = &ix->manager;

	ix_buf_add_str(b, "\"stats\":{");
	add_u64(b, "live_bytes", ix->state.live_bytes);
	ix_buf_add_u8(b, ',');
	add_u64(b, "live_docs", ix->state.live_docs);
	ix_buf_addf(b, ",\"live_segments\":%u,", ix->state.live_count);
	add_u64(b, "merge_bytes_in", m->bytes_in);
	ix_buf_add_u8(b, ',');
	add_u64(b, "merge_bytes_out", m->bytes_out);
	ix_buf_add_u8(b, ',');
	add_u64(b, "merges_done", m->done);
	ix_buf_add_u8(b, ',');
	add_u64(b, "merges_failed", m->failed);
	ix_buf_addf(b, ",\"merges_running\":%u,\"paused\":%u},\n", m->running,
		    m->paused);
}

static void render_locked(struct ix_index *ix, struct ix_buf *b)
{
	const struct ix_state *s = &ix->state;

	ix_buf_add_str(b, "{");
	add_u64(b, "config_generation", s->config_generation);
	ix_buf_add_str(b, ",\n\"degraded\":");
	if (atomic_load(&ix->commit.degraded))
		ix_add_json_string(b, ix->commit.reason);
	else
		ix_buf_add_str(b, "false");
	ix_buf_add_str(b, ",\n");
	add_u64(b, "generation", s->generation);
	ix_buf_add_str(b, ",\n");
	add_action(b, &ix->manager);
	ix_buf_add_str(b, "\"merge\":");
	ix_buf_add_str(b, s->merge_text);
	ix_buf_add_str(b, ",\n");
	add_merges(b, ix);
	ix_buf_add_str(b, "\"pending\":");
	ix_pending_render_locked(ix, b);
	ix_buf_add_str(b, ",\n\"schema\":");
	ix_buf_add_str(b, s->schema);
	ix_buf_add_str(b, ",\n");
	add_segs(b, s);
	ix_buf_add_str(b, "\"snapshots\":[],\n");
	add_stats(b, ix);
	ix_buf_add_str(b, "\"total_vectors\":\"0\",\n\"user\":");
	ix_buf_add_str(b, s->user_text);
	ix_buf_add_str(b, ",\n\"vector_fields\":{},\n\"version\":1}\n");
}

int ix_index_render(struct ix_index *ix, struct ix_buf *out, uint64_t *versionp)
{
	ix_mutex_lock(&ix->lock);
	render_locked(ix, out);
	*versionp = ix->version;
	ix_mutex_unlock(&ix->lock);
	return ix_buf_error(out);
}
