/* SPDX-License-Identifier: MIT */
/* Reading checkpoints: strict, since the next checkpoint would destroy what
 * this one does not understand. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/format/layout.h"
#include "core/index/checkpoint.h"
#include "core/index/json_text.h"
#include "core/index/settings.h"

#define CHECKSUM_HEAD "{\"checksum\":\""
#define CHECKSUM_TAIL "\","

static int corrupt(const char *what)
{
	return ix_fail(-IX_ECORRUPT, IX_METADATA_FILE ": %s", what);
}

/* Turn a JSON helper's error into ours: the text of ours is about damage. */
static int damaged(int rc)
{
	if (rc == -IX_EINPUT || rc == -ENOENT)
		return ix_fail_in(-IX_ECORRUPT, IX_METADATA_FILE);
	return rc;
}

/* ---- checksum ---- */

static int begins_well(const char *text, size_t n)
{
	const size_t head = strlen(CHECKSUM_HEAD);

	return n >= head && !memcmp(text, CHECKSUM_HEAD, head);
}

static int check_sum(const char *text, size_t n, struct ix_u128 *hashp)
{
	const size_t head = strlen(CHECKSUM_HEAD), tail = strlen(CHECKSUM_TAIL);
	const size_t skip = head + IX_ID_HEX + tail;
	struct ix_hasher *h;
	struct ix_id stored, sum;

	if (n < skip || !begins_well(text, n) ||
	    ix_id_parse(text + head, IX_ID_HEX, &stored) ||
	    memcmp(text + head + IX_ID_HEX, CHECKSUM_TAIL, tail) != 0)
		return corrupt("does not begin with its checksum");
	h = ix_hasher_new();
	if (!h)
		return -ENOMEM;
	ix_hasher_add(h, "{", 1);
	ix_hasher_add(h, text + skip, n - skip);
	*hashp = ix_hasher_digest128(h);
	ix_hasher_free(h);
	sum = ix_id_from_hash(*hashp);
	if (!ix_id_equal(&sum, &stored))
		return corrupt("checksum mismatch: it was damaged or edited; "
			       "nothing was changed");
	return 0;
}

/* ---- members ---- */

static int get_i64(const cJSON *o, const char *key, int64_t *vp)
{
	const char *s;
	uint64_t v;
	int rc = ix_json_get_str(o, key, &s), minus;

	if (rc)
		return rc;
	minus = *s == '-';
	if (ix_json_parse_u64(s + minus, &v) ||
	    v > (uint64_t)INT64_MAX + (uint64_t)minus)
		return ix_fail(-IX_EINPUT, "\"%s\" is no number", key);
	*vp = minus ? (int64_t)(0 - v) : (int64_t)v;
	return 0;
}

static int get_u32(const cJSON *o, const char *key, uint32_t *vp)
{
	uint64_t v = 0;
	int rc = ix_json_get_u64(o, key, &v);

	if (!rc && v > UINT32_MAX)
		return ix_fail(-IX_EINPUT, "\"%s\" is too large", key);
	*vp = (uint32_t)v;
	return rc;
}

static int get_id(const char *text, struct ix_id *id)
{
	if (ix_id_parse(text, strlen(text), id))
		return ix_fail(-IX_EINPUT, "\"%.40s\" is no id", text);
	return 0;
}

static int get_ids(const cJSON *array, struct ix_id **idsp, size_t *np)
{
	const cJSON *c;
	size_t n = 0;
	int rc = 0;

	*idsp = NULL;
	*np = 0;
	if (!cJSON_IsArray(array) || !array->child)
		return ix_fail(-IX_EINPUT, "\"leaves\" must list ids");
	for (c = array->child; c; c = c->next)
		n++;
	*idsp = ix_calloc(n, sizeof(**idsp));
	if (!*idsp)
		return -ENOMEM;
	for (c = array->child; c && !rc; c = c->next) {
		if (!cJSON_IsString(c))
			rc = ix_fail(-IX_EINPUT, "an id must be a string");
		else
			rc = get_id(c->valuestring, *idsp + (*np)++);
	}
	return rc;
}

static int load_names(struct ix_state *s, struct ix_seg *g, const cJSON *o)
{
	const cJSON *names = ix_json_get(o, "names"), *c;
	int rc = 0;

	if (!cJSON_IsArray(names) || !names->child)
		return corrupt("a segment has no names");
	for (c = names->child; c && !rc; c = c->next) {
		if (!cJSON_IsString(c))
			return corrupt("a name is no string");
		rc = ix_state_load_name(s, g, c->valuestring);
	}
	return rc;
}

static int load_seg(struct ix_state *s, const cJSON *o)
{
	static const char *const keys[] = {
		"bytes",      "generation",   "gid",   "leaves",
		"merged",     "mtime_ns",     "names", "num_docs",
		"quarantine", "registration", "seq",   "uid",
		NULL
	};
	const cJSON *leaves = ix_json_get(o, "leaves");
	const char *quarantine = NULL;
	struct ix_seg_meta m = { 0 };
	struct ix_id *ids = NULL;
	struct ix_seg *g = NULL;
	uint64_t seq = 0;
	size_t n = 0;
	int merged = 0, rc;

	rc = ix_json_only_keys(o, keys, "segment");
	if (!rc)
		rc = get_id(o->string, &m.id);
	if (!rc)
		rc = ix_json_get_u64(o, "bytes", &m.bytes);
	if (!rc)
		rc = get_u32(o, "generation", &m.generation);
	if (!rc)
		rc = get_u32(o, "gid", &m.gid);
	if (!rc)
		rc = get_u32(o, "uid", &m.uid);
	if (!rc)
		rc = ix_json_get_bool(o, "merged", &merged);
	if (!rc)
		rc = get_i64(o, "mtime_ns", &m.mtime_ns);
	if (!rc)
		rc = get_u32(o, "num_docs", &m.doc_count);
	if (!rc)
		rc = ix_json_get_u64(o, "registration", &m.registration);
	if (!rc)
		rc = ix_json_get_u64(o, "seq", &seq);
	if (!rc) {
		rc = ix_json_get_str(o, "quarantine", &quarantine);
		rc = rc == -ENOENT ? 0 : rc;
	}
	if (!rc && leaves)
		rc = get_ids(leaves, &ids, &n);
	if (rc) {
		rc = damaged(rc);
		goto out;
	}
	if (!seq || seq >= s->seq_limit || !m.registration ||
	    m.registration >= s->next_registration ||
	    m.doc_count > IX_DOCS_MAX) {
		rc = corrupt("a segment's number is out of range");
		goto out;
	}
	rc = ix_state_load_seg(s, seq, &m, merged, ids, n, quarantine, &g);
	if (!rc)
		rc = load_names(s, g, o);
out:
	ix_free(ids);
	return rc;
}

static int load_delivered(struct ix_state *s, const cJSON *o)
{
	static const char *const keys[] = { "bytes", "id", "leaves", "mtime_ns",
					    NULL };
	struct ix_seg_meta m = { 0 };
	struct ix_id *ids = NULL;
	const char *id = "";
	size_t n = 0;
	int rc;

	rc = ix_json_only_keys(o, keys, "delivered");
	if (!rc)
		rc = ix_json_get_u64(o, "bytes", &m.bytes);
	if (!rc)
		rc = ix_json_get_str(o, "id", &id);
	if (!rc)
		rc = get_id(id, &m.id);
	if (!rc)
		rc = get_i64(o, "mtime_ns", &m.mtime_ns);
	if (!rc)
		rc = get_ids(ix_json_get(o, "leaves"), &ids, &n);
	if (rc)
		rc = damaged(rc);
	else
		rc = ix_state_load_delivered(s, o->string, &m, ids, n);
	ix_free(ids);
	return rc;
}

static int load_each(struct ix_state *s, const cJSON *tree, const char *key,
		     int (*load)(struct ix_state *s, const cJSON *o))
{
	const cJSON *map = ix_json_get(tree, key), *c;
	int rc = 0;

	if (!cJSON_IsObject(map))
		return ix_fail(-IX_ECORRUPT,
			       IX_METADATA_FILE ": \"%s\" is no object", key);
	for (c = map->child; c && !rc; c = c->next)
		rc = load(s, c);
	return rc;
}

/* What this version does not have must be empty. */
static int check_reserved(const cJSON *tree)
{
	static const char *const maps[] = { "pending", "vector_fields" };
	const cJSON *v;
	const char *zero = "";

	for (size_t i = 0; i < 2; i++) {
		v = ix_json_get(tree, maps[i]);
		if (!cJSON_IsObject(v) || v->child)
			return corrupt("\"pending\" and \"vector_fields\" must "
				       "be {} in this version");
	}
	v = ix_json_get(tree, "snapshots");
	if (!cJSON_IsArray(v) || v->child)
		return corrupt("\"snapshots\" must be [] in this version");
	if (ix_json_get_str(tree, "total_vectors", &zero) || strcmp(zero, "0"))
		return corrupt("\"total_vectors\" must be \"0\"");
	return 0;
}

static int replace_text(char **textp, const cJSON *tree, const char *key)
{
	struct ix_buf b = IX_BUF_INIT;
	const cJSON *v = ix_json_get(tree, key);
	int rc;

	if (!cJSON_IsObject(v))
		return ix_fail(-IX_ECORRUPT,
			       IX_METADATA_FILE ": \"%s\" is no object", key);
	ix_json_canonical(v, &b);
	rc = ix_buf_error(&b);
	if (!rc) {
		char *s = ix_strdup(ix_buf_str(&b));

		if (s) {
			ix_free(*textp);
			*textp = s;
		} else {
			rc = -ENOMEM;
		}
	}
	ix_buf_release(&b);
	return rc;
}

static int load_head(struct ix_state *s, const cJSON *tree, uint64_t *epochp)
{
	int rc = ix_json_get_u64(tree, "config_generation",
				 &s->config_generation);

	if (!rc)
		rc = ix_json_get_u64(tree, "epoch", epochp);
	if (!rc)
		rc = ix_json_get_u64(tree, "generation", &s->generation);
	if (!rc)
		rc = ix_json_get_u64(tree, "next_registration",
				     &s->next_registration);
	if (!rc)
		rc = ix_json_get_u64(tree, "next_seq", &s->seq_limit);
	if (!rc)
		rc = replace_text(&s->merge_text, tree, "merge");
	if (!rc)
		rc = replace_text(&s->user_text, tree, "user");
	if (!rc)
		rc = replace_text(&s->schema, tree, "schema");
	if (!rc)
		rc = ix_settings_check(s->merge_text, s->user_text, &s->policy);
	s->next_seq = s->seq_limit;
	return damaged(rc);
}

static int load_tree(struct ix_state *s, const cJSON *tree, uint64_t *epochp)
{
	static const char *const keys[] = { "checksum",
					    "config_generation",
					    "delivered",
					    "epoch",
					    "generation",
					    "merge",
					    "next_registration",
					    "next_seq",
					    "pending",
					    "schema",
					    "segment_metas",
					    "snapshots",
					    "total_vectors",
					    "user",
					    "vector_fields",
					    "version",
					    NULL };
	uint64_t version = 0;
	int rc;

	if (!cJSON_IsObject(tree))
		return corrupt("is no JSON object");
	rc = ix_json_get_u64(tree, "version", &version);
	if (!rc && version != 1)
		return ix_fail(-IX_EFORMAT,
			       IX_METADATA_FILE ": version %" PRIu64
						" is not known; use the ixfs "
						"that wrote it",
			       version);
	if (!rc)
		rc = ix_json_only_keys(tree, keys, IX_METADATA_FILE);
	if (rc)
		return damaged(rc);
	rc = load_head(s, tree, epochp);
	if (!rc)
		rc = check_reserved(tree);
	if (!rc)
		rc = load_each(s, tree, "segment_metas", load_seg);
	if (!rc)
		rc = load_each(s, tree, "delivered", load_delivered);
	return rc;
}

int ix_checkpoint_parse(const char *text, size_t n, struct ix_state *s,
			uint64_t *epochp, struct ix_u128 *hashp)
{
	cJSON *tree = NULL;
	int rc = check_sum(text, n, hashp);

	if (!rc)
		rc = damaged(ix_json_parse(text, n, &tree));
	if (!rc)
		rc = load_tree(s, tree, epochp);
	cJSON_Delete(tree);
	return rc;
}

int ix_checkpoint_probe(struct ix_vfs *v)
{
	char text[sizeof(CHECKSUM_HEAD)];
	struct ix_file *f = NULL;
	ssize_t got;
	int rc;

	rc = ix_vfs_open(v, IX_METADATA_FILE, IX_OPEN_READ, &f);
	if (rc)
		return ix_fail(rc, IX_METADATA_FILE ": %s: is this an index?",
			       ix_err_name(rc));
	got = ix_file_read(f, text, sizeof(text), 0);
	ix_file_close(f);
	if (got < 0)
		return ix_fail((int)got, IX_METADATA_FILE ": cannot read: %s",
			       ix_err_name((int)got));
	if (!begins_well(text, (size_t)got))
		return corrupt("does not begin with its checksum; is this an "
			       "index?");
	return 0;
}

int ix_checkpoint_read(struct ix_vfs *v, struct ix_state *s, uint64_t *epochp,
		       struct ix_u128 *hashp, uint64_t *bytesp)
{
	struct ix_file *f = NULL;
	struct ix_stat st;
	char *text = NULL;
	ssize_t got;
	int rc;

	rc = ix_vfs_open(v, IX_METADATA_FILE, IX_OPEN_READ, &f);
	if (rc)
		return ix_fail(rc, IX_METADATA_FILE ": cannot open: %s",
			       ix_err_name(rc));
	rc = ix_file_stat(f, &st);
	if (rc)
		goto out;
	if (st.size > IX_METADATA_MAX) {
		rc = corrupt("too large");
		goto out;
	}
	text = ix_malloc(st.size + 1);
	if (!text) {
		rc = -ENOMEM;
		goto out;
	}
	got = ix_file_read(f, text, st.size, 0);
	if (got < 0)
		rc = ix_fail((int)got, IX_METADATA_FILE ": cannot read: %s",
			     ix_err_name((int)got));
	else if ((uint64_t)got != st.size)
		rc = corrupt("became shorter while it was read");
	else
		rc = ix_checkpoint_parse(text, st.size, s, epochp, hashp);
	*bytesp = st.size;
out:
	ix_free(text);
	ix_file_close(f);
	return rc;
}
