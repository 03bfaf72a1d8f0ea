/* SPDX-License-Identifier: MIT */
/*
 * apply: documents written to the control file.
 *
 * {"run": <action>, ...} is an action; anything else is a merge patch. In a
 * patch "merge" and "user" are settings; "config_generation" makes it
 * conditional; every other member must equal what the file shows, so that a
 * program may write back what it read.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/index/internal.h"
#include "core/index/json_text.h"
#include "core/index/settings.h"

#define DOCUMENT_MAX ((size_t)16 << 20)

/* ---- patches ---- */

struct patch {
	const cJSON *tree;
	const cJSON *merge;
	const cJSON *user;
	uint64_t expected; /* config_generation */
	int has_expected;
};

static int plan_config(struct ix_index *ix, struct ix_op *op, void *ctx)
{
	const struct patch *p = ctx;
	const struct ix_state *s = &ix->state;
	int rc;

	if (p->has_expected && p->expected != s->config_generation)
		return ix_fail(-ESTALE,
			       "config_generation is %" PRIu64 ", not %" PRIu64
			       ": somebody changed the "
			       "settings meanwhile",
			       s->config_generation, p->expected);
	rc = ix_settings_patch(s->merge_text, s->user_text, p->merge, p->user,
			       &op->edit.text, &op->edit.text2);
	if (rc)
		return rc;
	op->edit.type = IX_EDIT_CONFIG;
	if (!strcmp(op->edit.text, s->merge_text) &&
	    !strcmp(op->edit.text2, s->user_text))
		return 1;
	/* No segment has such a name: it stands for the settings. */
	return ix_keyset_name(&op->keys, "\001settings");
}

/* By canonical text: cJSON_Compare takes time exponential in the depth. */
static int is_equal(const cJSON *a, const cJSON *b, int *equalp)
{
	struct ix_buf x = IX_BUF_INIT, y = IX_BUF_INIT;
	int rc;

	ix_json_canonical(a, &x);
	ix_json_canonical(b, &y);
	rc = ix_buf_error(&x) ? ix_buf_error(&x) : ix_buf_error(&y);
	*equalp = !rc && x.len == y.len && !memcmp(x.data, y.data, x.len);
	ix_buf_release(&x);
	ix_buf_release(&y);
	return rc;
}

/* Members that cannot be set must be as they are shown. */
static int check_read_only(struct ix_index *ix, const struct patch *p)
{
	static const char *const settable[] = { "config_generation", "merge",
						"user" };
	struct ix_buf b = IX_BUF_INIT;
	cJSON *shown = NULL, *member;
	uint64_t version;
	int rc = 0, equal;

	for (const cJSON *c = p->tree->child; c && !rc; c = c->next) {
		size_t i = 0;

		while (i < 3 && strcmp(c->string, settable[i]) != 0)
			i++;
		if (i < 3)
			continue;
		if (!shown) {
			rc = ix_index_render(ix, &b, &version);
			if (!rc)
				rc = ix_json_parse(ix_buf_str(&b), b.len,
						   &shown);
			if (rc)
				break;
		}
		member = ix_json_get(shown, c->string);
		if (!member) {
			rc = ix_fail(-IX_EINPUT, "unknown key \"%.100s\"",
				     c->string);
			break;
		}
		rc = is_equal(c, member, &equal);
		if (!rc && !equal)
			rc = ix_fail(-IX_EINPUT,
				     "\"%.100s\" cannot be set in this version",
				     c->string);
	}
	cJSON_Delete(shown);
	ix_buf_release(&b);
	return rc;
}

static int apply_patch(struct ix_index *ix, const cJSON *tree)
{
	struct patch p = { .tree = tree };
	struct ix_op op;
	int rc;

	p.merge = ix_json_get(tree, "merge");
	p.user = ix_json_get(tree, "user");
	rc = ix_json_get_u64(tree, "config_generation", &p.expected);
	p.has_expected = !rc;
	if (rc == -ENOENT)
		rc = 0;
	if (!rc)
		rc = check_read_only(ix, &p);
	if (rc)
		return rc;
	rc = ix_op_begin(ix, &op, plan_config, &p);
	if (!rc)
		rc = ix_commit(ix, &op, 0);
	if (!rc)
		ix_event(ix, "settings", ",\"generation\":\"%" PRIu64 "\"",
			 op.edit.generation);
	ix_op_end(ix, &op);
	return rc < 0 ? rc : 0;
}

/* ---- actions ---- */

static int run_remove(struct ix_index *ix, const cJSON *tree)
{
	const cJSON *names = ix_json_get(tree, "names"), *c;
	const char **list;
	size_t n = 0;
	int rc;

	if (!cJSON_IsArray(names) || !names->child)
		return ix_fail(-IX_EINPUT, "remove: \"names\" must list the "
					   "names to remove");
	for (c = names->child; c; c = c->next) {
		if (!cJSON_IsString(c))
			return ix_fail(-IX_EINPUT,
				       "remove: a name must be a string");
		n++;
	}
	list = ix_calloc(n, sizeof(*list));
	if (!list)
		return -ENOMEM;
	n = 0;
	for (c = names->child; c; c = c->next)
		list[n++] = c->valuestring;
	rc = ix_index_remove_names(ix, list, n);
	ix_free(list);
	return rc;
}

static int run_sweep(struct ix_index *ix, const cJSON *tree)
{
	uint64_t count;

	(void)tree;
	return ix_sweep(ix, &count);
}

static int run_checkpoint(struct ix_index *ix, const cJSON *tree)
{
	(void)tree;
	return ix_commit_checkpoint(ix);
}

static int run_force_merge(struct ix_index *ix, const cJSON *tree,
			   uint64_t *actionp)
{
	uint64_t max_bytes = 0;
	int rc = ix_json_get_u64(tree, "max_bytes", &max_bytes);

	if (rc && rc != -ENOENT)
		return rc;
	return ix_force_start(ix, max_bytes, actionp);
}

/* An action that is over when it returns. */
static int run_now(struct ix_index *ix, const char *run, const cJSON *tree,
		   int (*fn)(struct ix_index *ix, const cJSON *tree),
		   uint64_t *actionp)
{
	struct ix_action *a;
	int rc = fn(ix, tree);

	ix_mutex_lock(&ix->lock);
	a = ix_action_new_locked(ix, run);
	if (a) {
		*actionp = a->id;
		ix_action_end_locked(ix, a, rc ? ix_fail_text() : NULL);
	}
	ix_mutex_unlock(&ix->lock);
	ix_actions_tell(ix);
	return rc;
}

static int apply_action(struct ix_index *ix, const cJSON *tree,
			uint64_t *actionp)
{
	static const struct {
		const char *run;
		const char *key; /* besides "run" */
		int (*fn)(struct ix_index *ix, const cJSON *tree);
	} actions[] = {
		{ "remove", "names", run_remove },
		{ "sweep", NULL, run_sweep },
		{ "checkpoint", NULL, run_checkpoint },
		{ "force_merge", "max_bytes", NULL },
	};
	const char *run;
	int rc = ix_json_get_str(tree, "run", &run);

	if (rc)
		return rc;
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		const char *keys[] = { "run", actions[i].key, NULL };

		if (strcmp(actions[i].run, run) != 0)
			continue;
		rc = ix_json_only_keys(tree, keys, run);
		if (rc)
			return rc;
		if (!actions[i].fn)
			return run_force_merge(ix, tree, actionp);
		return run_now(ix, run, tree, actions[i].fn, actionp);
	}
	return ix_fail(-IX_EINPUT,
		       "action \"%.60s\" is not in this version; there are "
		       "force_merge, remove, sweep and checkpoint",
		       run);
}

int ix_index_apply(struct ix_index *ix, const char *json, size_t n,
		   uint64_t *actionp)
{
	uint64_t action = 0;
	cJSON *tree = NULL;
	int rc = ix_index_writable(ix);

	if (actionp)
		*actionp = 0;
	if (!rc && n > DOCUMENT_MAX)
		rc = ix_fail(-IX_EINPUT,
			     "the document is larger than %zu bytes",
			     DOCUMENT_MAX);
	if (!rc)
		rc = ix_json_parse(json, n, &tree);
	if (!rc && !cJSON_IsObject(tree))
		rc = ix_fail(-IX_EINPUT, "the document must be a JSON object");
	if (!rc && ix_json_get(tree, "run"))
		rc = apply_action(ix, tree, &action);
	else if (!rc)
		rc = apply_patch(ix, tree);
	cJSON_Delete(tree);
	if (actionp)
		*actionp = action;
	return rc;
}
