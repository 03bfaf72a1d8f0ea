/* SPDX-License-Identifier: MIT */
/* Keys and operations: see internal.h. */
#include <string.h>

#include "core/base/mem.h"
#include "core/index/internal.h"

enum {
	KEY_NAME = 1,
	KEY_SEQ,
	KEY_LEAF
};

static int add_key(struct ix_keyset *k, const void *data, size_t n,
		   uint64_t kind)
{
	struct ix_key *key;

	if (ix_grow(&k->v, &k->cap, k->n + 1, sizeof(*k->v)))
		return -ENOMEM;
	key = k->v + k->n++;
	memset(key, 0, sizeof(*key));
	/* Two keys with one hash would only wait for each other. */
	key->hash = ix_hash128_seed(data, n, kind);
	return 0;
}

int ix_keyset_name(struct ix_keyset *k, const char *name)
{
	return add_key(k, name, strlen(name), KEY_NAME);
}

int ix_keyset_seq(struct ix_keyset *k, uint64_t seq)
{
	return add_key(k, &seq, sizeof(seq), KEY_SEQ);
}

int ix_keyset_leaf(struct ix_keyset *k, const struct ix_id *id)
{
	return add_key(k, id->bytes, sizeof(id->bytes), KEY_LEAF);
}

void ix_keyset_clear(struct ix_keyset *k)
{
	ix_free(k->v);
	memset(k, 0, sizeof(*k));
}

static const struct ix_key *find(const struct ix_keys *keys,
				 const struct ix_key *key)
{
	struct ix_node *n = ix_table_first(&keys->held, key->hash.lo);

	for (; n; n = ix_table_next(n)) {
		const struct ix_key *k = ix_container(n, struct ix_key, node);

		if (ix_u128_equal(k->hash, key->hash))
			return k;
	}
	return NULL;
}

static void drop_keys(struct ix_keys *keys, struct ix_keyset *k, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (k->v[i].set) {
			ix_table_remove(&keys->held, &k->v[i].node);
			k->v[i].set = NULL;
		}
	k->held = 0;
}

int ix_keys_take_locked(struct ix_index *ix, struct ix_keyset *k)
{
	for (size_t i = 0; i < k->n; i++) {
		const struct ix_key *other = find(&ix->keys, k->v + i);

		if (other && other->set == k)
			continue; /* the same thing twice */
		if (other) {
			drop_keys(&ix->keys, k, i);
			return 0;
		}
		k->v[i].set = k;
		ix_table_add(&ix->keys.held, &k->v[i].node, k->v[i].hash.lo);
	}
	k->held = 1;
	return 1;
}

int ix_op_begin(struct ix_index *ix, struct ix_op *op, ix_plan_fn plan,
		void *ctx)
{
	int rc;

	memset(op, 0, sizeof(*op));
	ix_mutex_lock(&ix->lock);
	for (;;) {
		rc = plan(ix, op, ctx);
		if (rc)
			break;
		if (ix_keys_take_locked(ix, &op->keys)) {
			rc = ix_state_prepare(&ix->state, &op->edit);
			break;
		}
		ix_edit_release(&op->edit);
		ix_keyset_clear(&op->keys);
		ix_cond_wait(&ix->keys.cond, &ix->lock);
	}
	ix_mutex_unlock(&ix->lock);
	return rc;
}

void ix_op_end(struct ix_index *ix, struct ix_op *op)
{
	ix_mutex_lock(&ix->lock);
	ix_state_abandon(&ix->state, &op->edit);
	if (op->keys.held) {
		drop_keys(&ix->keys, &op->keys, op->keys.n);
		ix_cond_broadcast(&ix->keys.cond);
	}
	ix_mutex_unlock(&ix->lock);
	ix_edit_release(&op->edit);
	ix_keyset_clear(&op->keys);
}
