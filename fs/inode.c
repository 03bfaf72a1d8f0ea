/* SPDX-License-Identifier: MIT */
#include "fs/inode.h"

#include <assert.h>
#include <errno.h>

#include "core/base/mem.h"
#include "fs/dispatch.h"

#define FIRST_ID      ((uint64_t)16)
#define FIRST_BUCKETS ((size_t)256)

struct chain {
	struct ixfs_node *first;
};

struct ixfs_inodes {
	struct ixfs *fs; /* borrowed; handed to free functions */
	struct ix_mutex lock;
	uint64_t next_id IX_GUARDED_BY(lock);
	size_t count IX_GUARDED_BY(lock);
	size_t buckets IX_GUARDED_BY(lock);       /* a power of two */
	struct chain *by_id IX_GUARDED_BY(lock);  /* owned */
	struct chain *by_key IX_GUARDED_BY(lock); /* owned */
};

static uint64_t mix(uint64_t x)
{
	x *= 0x9e3779b97f4a7c15u;
	return x ^ x >> 32;
}

static size_t id_bucket(const struct ixfs_inodes *t, uint64_t id)
{
	return mix(id) & (t->buckets - 1);
}

static size_t key_bucket(const struct ixfs_inodes *t,
			 const struct ixfs_ops *ops, uint64_t key)
{
	return mix(key ^ (uintptr_t)ops) & (t->buckets - 1);
}

/* ---- the two chains; all with the lock held ---- */

static void link_key_locked(struct ixfs_inodes *t, struct ixfs_node *n)
{
	struct ixfs_node **head =
		&t->by_key[key_bucket(t, n->ops, n->key)].first;

	n->next_key = *head;
	*head = n;
}

static void link_locked(struct ixfs_inodes *t, struct ixfs_node *n)
{
	struct ixfs_node **head = &t->by_id[id_bucket(t, n->id)].first;

	n->next_id = *head;
	*head = n;
	if (n->keyed)
		link_key_locked(t, n);
}

static void unlink_key_locked(struct ixfs_inodes *t, struct ixfs_node *n)
{
	struct ixfs_node **p = &t->by_key[key_bucket(t, n->ops, n->key)].first;

	while (*p != n)
		p = &(*p)->next_key;
	*p = n->next_key;
	n->keyed = 0;
}

static void unlink_locked(struct ixfs_inodes *t, struct ixfs_node *n)
{
	struct ixfs_node **p = &t->by_id[id_bucket(t, n->id)].first;

	while (*p != n)
		p = &(*p)->next_id;
	*p = n->next_id;
	if (n->keyed)
		unlink_key_locked(t, n);
	t->count--;
}

/* Twice the buckets, if there is memory; chains just get longer otherwise. */
static void grow_locked(struct ixfs_inodes *t)
{
	size_t buckets = t->buckets * 2;
	struct chain *by_id = ix_calloc(buckets, sizeof(*by_id));
	struct chain *by_key = ix_calloc(buckets, sizeof(*by_key));
	struct chain *old_by_id = t->by_id;
	struct chain *old_by_key = t->by_key;
	size_t old_buckets = t->buckets;

	if (!by_id || !by_key) {
		ix_free(by_id);
		ix_free(by_key);
		return;
	}
	t->by_id = by_id;
	t->by_key = by_key;
	t->buckets = buckets;
	for (size_t i = 0; i < old_buckets; i++) {
		struct ixfs_node *n = old_by_id[i].first;

		while (n) {
			struct ixfs_node *next = n->next_id;

			link_locked(t, n);
			n = next;
		}
	}
	ix_free(old_by_id);
	ix_free(old_by_key);
}

static void add_locked(struct ixfs_inodes *t, struct ixfs_node *n,
		       const struct ixfs_ops *ops, uint64_t id)
{
	n->id = id;
	n->ops = ops;
	n->refs = 1;
	n->lookups = 0;
	if (t->count >= t->buckets)
		grow_locked(t);
	link_locked(t, n);
	t->count++;
}

static struct ixfs_node *by_id_locked(struct ixfs_inodes *t, uint64_t id)
{
	struct ixfs_node *n = t->by_id[id_bucket(t, id)].first;

	while (n && n->id != id)
		n = n->next_id;
	return n;
}

static struct ixfs_node *by_key_locked(struct ixfs_inodes *t,
				       const struct ixfs_ops *ops, uint64_t key)
{
	struct ixfs_node *n = t->by_key[key_bucket(t, ops, key)].first;

	while (n && (n->ops != ops || n->key != key))
		n = n->next_key;
	return n;
}

/* Drop one reference; true when it was the last and the node left the table,
 * so that the caller frees it without the lock. */
static int drop_locked(struct ixfs_inodes *t, struct ixfs_node *n)
{
	assert(n->refs > 0);
	if (--n->refs > 0)
		return 0;
	assert(n->lookups == 0);
	unlink_locked(t, n);
	return 1;
}

static void destroy(struct ixfs_inodes *t, struct ixfs_node *n)
{
	if (n->ops->free)
		n->ops->free(t->fs, n);
}

/* ---- public ---- */

int ixfs_inodes_new(struct ixfs *fs, struct ixfs_inodes **inodesp)
{
	struct ixfs_inodes *t = ix_calloc(1, sizeof(*t));
	int rc = -ENOMEM;

	*inodesp = NULL;
	if (!t)
		return rc;
	t->fs = fs;
	t->next_id = FIRST_ID;
	t->buckets = FIRST_BUCKETS;
	t->by_id = ix_calloc(t->buckets, sizeof(*t->by_id));
	t->by_key = ix_calloc(t->buckets, sizeof(*t->by_key));
	if (t->by_id && t->by_key)
		rc = ix_mutex_init(&t->lock);
	if (rc) {
		ix_free(t->by_id);
		ix_free(t->by_key);
		ix_free(t);
		return rc;
	}
	*inodesp = t;
	return 0;
}

/* Any node of which the kernel knows, with its lookups dropped; NULL when
 * there is none left. `*lastp` tells whether it is to be freed. */
static struct ixfs_node *take_known(struct ixfs_inodes *t, int *lastp)
{
	struct ixfs_node *found = NULL;

	ix_mutex_lock(&t->lock);
	for (size_t i = 0; i < t->buckets && !found; i++) {
		struct ixfs_node *n = t->by_id[i].first;

		while (n && !n->lookups)
			n = n->next_id;
		found = n;
	}
	if (found) {
		found->lookups = 0;
		*lastp = drop_locked(t, found);
	}
	ix_mutex_unlock(&t->lock);
	return found;
}

void ixfs_inodes_free(struct ixfs_inodes *t)
{
	struct ixfs_node *n;
	int last;

	if (!t)
		return;
	while ((n = take_known(t, &last)))
		if (last)
			destroy(t, n);
	ix_mutex_release(&t->lock);
	ix_free(t->by_id);
	ix_free(t->by_key);
	ix_free(t);
}

void ixfs_node_add(struct ixfs_inodes *t, struct ixfs_node *n,
		   const struct ixfs_ops *ops)
{
	ix_mutex_lock(&t->lock);
	n->keyed = 0;
	add_locked(t, n, ops, t->next_id++);
	ix_mutex_unlock(&t->lock);
}

void ixfs_node_add_fixed(struct ixfs_inodes *t, struct ixfs_node *n,
			 const struct ixfs_ops *ops, uint64_t id)
{
	assert(id < FIRST_ID);
	ix_mutex_lock(&t->lock);
	assert(!by_id_locked(t, id));
	n->keyed = 0;
	add_locked(t, n, ops, id);
	ix_mutex_unlock(&t->lock);
}

struct ixfs_node *ixfs_node_find_or_add(struct ixfs_inodes *t,
					const struct ixfs_ops *ops,
					uint64_t key, struct ixfs_node *fresh)
{
	struct ixfs_node *n;

	ix_mutex_lock(&t->lock);
	n = by_key_locked(t, ops, key);
	if (n) {
		n->refs++;
	} else if (fresh) {
		n = fresh;
		n->keyed = 1;
		n->key = key;
		add_locked(t, n, ops, t->next_id++);
	}
	ix_mutex_unlock(&t->lock);
	return n;
}

void ixfs_node_unkey(struct ixfs_inodes *t, struct ixfs_node *n)
{
	ix_mutex_lock(&t->lock);
	if (n->keyed)
		unlink_key_locked(t, n);
	ix_mutex_unlock(&t->lock);
}

void ixfs_node_rekey(struct ixfs_inodes *t, struct ixfs_node *n, uint64_t key)
{
	struct ixfs_node *old;

	ix_mutex_lock(&t->lock);
	old = by_key_locked(t, n->ops, key);
	if (old)
		unlink_key_locked(t, old);
	if (n->keyed)
		unlink_key_locked(t, n);
	n->key = key;
	n->keyed = 1;
	link_key_locked(t, n);
	ix_mutex_unlock(&t->lock);
}

struct ixfs_node *ixfs_node_get(struct ixfs_inodes *t, uint64_t id)
{
	struct ixfs_node *n;

	ix_mutex_lock(&t->lock);
	n = by_id_locked(t, id);
	if (n)
		n->refs++;
	ix_mutex_unlock(&t->lock);
	return n;
}

struct ixfs_node *ixfs_node_ref(struct ixfs_inodes *t, struct ixfs_node *n)
{
	ix_mutex_lock(&t->lock);
	assert(n->refs > 0);
	n->refs++;
	ix_mutex_unlock(&t->lock);
	return n;
}

void ixfs_node_unref(struct ixfs_inodes *t, struct ixfs_node *n)
{
	int last;

	if (!n)
		return;
	ix_mutex_lock(&t->lock);
	last = drop_locked(t, n);
	ix_mutex_unlock(&t->lock);
	if (last)
		destroy(t, n);
}

void ixfs_node_remember(struct ixfs_inodes *t, struct ixfs_node *n)
{
	ix_mutex_lock(&t->lock);
	if (n->lookups++ == 0)
		n->refs++;
	ix_mutex_unlock(&t->lock);
}

void ixfs_node_forget(struct ixfs_inodes *t, uint64_t id, uint64_t count)
{
	struct ixfs_node *n;
	int last = 0;

	ix_mutex_lock(&t->lock);
	n = by_id_locked(t, id);
	if (n && n->lookups) {
		n->lookups -= count < n->lookups ? count : n->lookups;
		if (!n->lookups)
			last = drop_locked(t, n);
	}
	ix_mutex_unlock(&t->lock);
	if (last)
		destroy(t, n);
}

int ixfs_node_known(struct ixfs_inodes *t, const struct ixfs_node *n)
{
	int known;

	ix_mutex_lock(&t->lock);
	known = n->lookups > 0;
	ix_mutex_unlock(&t->lock);
	return known;
}

size_t ixfs_inodes_count(struct ixfs_inodes *t)
{
	size_t count;

	ix_mutex_lock(&t->lock);
	count = t->count;
	ix_mutex_unlock(&t->lock);
	return count;
}
