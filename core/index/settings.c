/* SPDX-License-Identifier: MIT */
#include "core/index/settings.h"

#include <inttypes.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/index/json_text.h"
#include "core/segment/merge.h"

#define BIT(kind) (1u << (kind))
#define BY_DOCS   (BIT(IX_POLICY_TIERED) | BIT(IX_POLICY_SCORED))

/* Sorted by key, as they are written. */
static const struct knob {
	const char *key;
	size_t offset;
	size_t size; /* 1, 4 or 8 bytes */
	unsigned kinds;
	uint64_t min;
	uint64_t max;
} knobs[] = {
#define KNOB(member, kinds, min, max)                              \
 {                                                                 \
#  member, offsetof(struct ix_policy, member),                     \
	  sizeof(((struct ix_policy *)0)->member), kinds, min, max \
 }
	KNOB(budget, BIT(IX_POLICY_SCORED), 0, 1),
	KNOB(fan_in, BIT(IX_POLICY_DEFAULT), 2, IX_MERGE_FAN_IN_MAX),
	KNOB(floor_bytes, BIT(IX_POLICY_DEFAULT), 0, UINT64_MAX),
	KNOB(floor_fan_in, BIT(IX_POLICY_DEFAULT), 2, IX_MERGE_FAN_IN_MAX),
	KNOB(growth_percent, BIT(IX_POLICY_DEFAULT), 100, 1000),
	/* Every kind: force merge packs under it. */
	KNOB(max_bytes, ~0u, 1, UINT64_MAX),
	KNOB(max_merge_at_once, BY_DOCS, 2, IX_MERGE_FAN_IN_MAX),
	KNOB(max_merged_docs, BY_DOCS, 1, UINT64_MAX),
	KNOB(max_segment_docs, BIT(IX_POLICY_SCORED), 0, UINT64_MAX),
	KNOB(min_growth_percent, BIT(IX_POLICY_SCORED), 0, 1000),
	KNOB(score_floor, BIT(IX_POLICY_SCORED), 0, UINT64_MAX),
	KNOB(scored, BIT(IX_POLICY_SCORED), 0, 1),
	KNOB(segments_per_tier, BY_DOCS, 2, 1000),
	KNOB(tier_factor, BY_DOCS, 2, 1000),
	KNOB(tier_floor, BY_DOCS, 0, UINT64_MAX),
#undef KNOB
};

#define KNOB_COUNT (sizeof(knobs) / sizeof(knobs[0]))

static uint64_t knob_get(const struct knob *k, const struct ix_policy *p)
{
	const char *at = (const char *)p + k->offset;
	uint64_t v64;
	uint32_t v32;

	if (k->size == 1)
		return (uint8_t)*at;
	if (k->size == 4) {
		memcpy(&v32, at, 4);
		return v32;
	}
	memcpy(&v64, at, 8);
	return v64;
}

static void knob_set(const struct knob *k, struct ix_policy *p, uint64_t v)
{
	char *at = (char *)p + k->offset;
	uint32_t v32 = (uint32_t)v;

	if (k->size == 1)
		*at = (char)v;
	else if (k->size == 4)
		memcpy(at, &v32, 4);
	else
		memcpy(at, &v, 8);
}

static int check_keys(const cJSON *merge, const struct ix_policy *p)
{
	const char *keys[KNOB_COUNT + 2] = { "policy" };
	size_t n = 1;

	for (size_t i = 0; i < KNOB_COUNT; i++)
		if (knobs[i].kinds & BIT(p->kind))
			keys[n++] = knobs[i].key;
	return ix_json_only_keys(merge, keys, "merge");
}

/* A complete "merge" object to the policy and the name of its preset. */
static int parse_merge(const cJSON *merge, struct ix_policy *p,
		       const char **presetp)
{
	uint64_t v;
	int rc;

	*presetp = "default";
	rc = ix_json_get_str(merge, "policy", presetp);
	if (rc && rc != -ENOENT)
		return rc;
	rc = ix_policy_preset(*presetp, p);
	if (!rc)
		rc = check_keys(merge, p);
	for (size_t i = 0; i < KNOB_COUNT && !rc; i++) {
		rc = ix_json_get_u64(merge, knobs[i].key, &v);
		if (rc == -ENOENT) {
			rc = 0;
			continue;
		}
		if (!rc && (v < knobs[i].min || v > knobs[i].max))
			rc = ix_fail(-IX_EINPUT,
				     "merge.%s must be from %" PRIu64
				     " to %" PRIu64,
				     knobs[i].key, knobs[i].min, knobs[i].max);
		if (!rc)
			knob_set(knobs + i, p, v);
	}
	return rc;
}

static void render_merge(const struct ix_policy *p, const char *preset,
			 struct ix_buf *b)
{
	int named = 0;

	ix_buf_add_str(b, "{");
	for (size_t i = 0; i < KNOB_COUNT; i++) {
		if (!(knobs[i].kinds & BIT(p->kind)))
			continue;
		if (!named && strcmp(knobs[i].key, "policy") > 0) {
			ix_buf_addf(b, "\"policy\":\"%s\",", preset);
			named = 1;
		}
		ix_buf_addf(b,
			    knobs[i].size == 8 ? "\"%s\":\"%" PRIu64 "\","
					       : "\"%s\":%" PRIu64 ",",
			    knobs[i].key, knob_get(knobs + i, p));
	}
	if (!named)
		ix_buf_addf(b, "\"policy\":\"%s\",", preset);
	if (!ix_buf_error(b))
		b->data[b->len - 1] = '}';
}

static char *steal_text(struct ix_buf *b)
{
	char *s = ix_buf_error(b) ? NULL : ix_strdup(ix_buf_str(b));

	ix_buf_release(b);
	return s;
}

char *ix_settings_default(void)
{
	struct ix_buf b = IX_BUF_INIT;
	struct ix_policy p;

	(void)ix_policy_preset("default", &p);
	render_merge(&p, "default", &b);
	return steal_text(&b);
}

/* metadata.json puts it one level deeper, and must stay readable. */
#define DEPTH_MAX 60

static int is_deeper(const cJSON *tree, int depth)
{
	if (!depth)
		return 1;
	for (const cJSON *c = tree->child; c; c = c->next)
		if (is_deeper(c, depth - 1))
			return 1;
	return 0;
}

static int check_object(const cJSON *tree, const char *what)
{
	if (!cJSON_IsObject(tree))
		return ix_fail(-IX_EINPUT, "\"%s\" must be an object", what);
	if (is_deeper(tree, DEPTH_MAX))
		return ix_fail(-IX_EINPUT, "\"%s\": nested deeper than %d",
			       what, DEPTH_MAX);
	return 0;
}

static int parse_object(const char *text, const char *what, cJSON **treep)
{
	int rc = ix_json_parse(text, strlen(text), treep);

	return rc ? rc : check_object(*treep, what);
}

int ix_settings_check(const char *merge, const char *user,
		      struct ix_policy *policy)
{
	cJSON *tree = NULL, *utree = NULL;
	const char *preset;
	int rc;

	rc = parse_object(merge, "merge", &tree);
	if (!rc)
		rc = parse_merge(tree, policy, &preset);
	if (!rc)
		rc = parse_object(user, "user", &utree);
	cJSON_Delete(tree);
	cJSON_Delete(utree);
	return rc;
}

static int patch_merge(const char *merge, const cJSON *patch, char **out)
{
	struct ix_buf b = IX_BUF_INIT;
	struct ix_policy p;
	const char *preset;
	cJSON *tree = NULL;
	int rc;

	if (!cJSON_IsObject(patch))
		return ix_fail(-IX_EINPUT, "\"merge\" must be an object");
	rc = parse_object(merge, "merge", &tree);
	if (rc)
		goto out;
	if (ix_json_get(patch, "policy")) {
		/* The knobs of another preset mean nothing to this one. */
		cJSON_Delete(tree);
		tree = cJSON_CreateObject();
		if (!tree) {
			rc = -ENOMEM;
			goto out;
		}
	}
	rc = ix_json_merge_patch(&tree, patch);
	if (!rc)
		rc = parse_merge(tree, &p, &preset);
	if (rc)
		goto out;
	render_merge(&p, preset, &b);
	*out = steal_text(&b);
	rc = *out ? 0 : -ENOMEM;
out:
	cJSON_Delete(tree);
	return rc;
}

static int patch_user(const char *user, const cJSON *patch, char **out)
{
	struct ix_buf b = IX_BUF_INIT;
	cJSON *tree = NULL;
	int rc;

	if (!cJSON_IsObject(patch))
		return ix_fail(-IX_EINPUT, "\"user\" must be an object");
	rc = parse_object(user, "user", &tree);
	if (!rc)
		rc = ix_json_merge_patch(&tree, patch);
	if (!rc)
		rc = check_object(tree, "user");
	if (!rc) {
		ix_json_canonical(tree, &b);
		rc = ix_buf_error(&b);
	}
	if (!rc && b.len > IX_USER_MAX)
		rc = ix_fail(-IX_EINPUT, "\"user\" is limited to %u bytes",
			     IX_USER_MAX);
	cJSON_Delete(tree);
	if (rc) {
		ix_buf_release(&b);
		return rc;
	}
	*out = steal_text(&b);
	return *out ? 0 : -ENOMEM;
}

int ix_settings_patch(const char *merge, const char *user,
		      const cJSON *merge_patch, const cJSON *user_patch,
		      char **merge_out, char **user_out)
{
	int rc;

	*merge_out = *user_out = NULL;
	if (merge_patch) {
		rc = patch_merge(merge, merge_patch, merge_out);
	} else {
		*merge_out = ix_strdup(merge);
		rc = *merge_out ? 0 : -ENOMEM;
	}
	if (!rc && user_patch) {
		rc = patch_user(user, user_patch, user_out);
	} else if (!rc) {
		*user_out = ix_strdup(user);
		rc = *user_out ? 0 : -ENOMEM;
	}
	if (rc) {
		ix_free(*merge_out);
		ix_free(*user_out);
		*merge_out = *user_out = NULL;
	}
	return rc;
}
