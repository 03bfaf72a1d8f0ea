/* SPDX-License-Identifier: MIT */
#include "core/index/table.h"

#include <string.h>

#include "core/base/mem.h"

#define BUCKETS_MIN 64

void ix_table_release(struct ix_table *t)
{
	ix_free(t->buckets);
	memset(t, 0, sizeof(*t));
}

static struct ix_node **bucket_of(const struct ix_table *t, uint64_t hash)
{
	if (!t->bucket_count)
		return (struct ix_node **)&t->chain;
	return t->buckets + (hash & (t->bucket_count - 1));
}

static void push(struct ix_node **bucket, struct ix_node *n)
{
	n->next = *bucket;
	*bucket = n;
}

static void grow(struct ix_table *t)
{
	size_t old_count = t->bucket_count;
	size_t count = old_count ? old_count * 2 : BUCKETS_MIN;
	struct ix_node **old = t->buckets, *chain = t->chain, *n;
	struct ix_node **buckets = ix_calloc(count, sizeof(*buckets));

	if (!buckets)
		return; /* longer chains */
	t->buckets = buckets;
	t->bucket_count = count;
	t->chain = NULL;
	for (size_t i = 0; i < old_count || chain; i++) {
		struct ix_node **from = old_count ? old + i : &chain;

		while ((n = *from)) {
			*from = n->next;
			push(bucket_of(t, n->hash), n);
		}
	}
	ix_free(old);
}

void ix_table_add(struct ix_table *t, struct ix_node *n, uint64_t hash)
{
	if (t->count >= t->bucket_count)
		grow(t);
	n->hash = hash;
	push(bucket_of(t, hash), n);
	t->count++;
}

void ix_table_remove(struct ix_table *t, struct ix_node *n)
{
	struct ix_node **p = bucket_of(t, n->hash);

	while (*p != n)
		p = &(*p)->next;
	*p = n->next;
	n->next = NULL;
	t->count--;
}

static struct ix_node *same_hash(struct ix_node *n, uint64_t hash)
{
	while (n && n->hash != hash)
		n = n->next;
	return n;
}

struct ix_node *ix_table_first(const struct ix_table *t, uint64_t hash)
{
	return same_hash(*bucket_of(t, hash), hash);
}

struct ix_node *ix_table_next(const struct ix_node *n)
{
	return same_hash(n->next, n->hash);
}

void ix_table_each(const struct ix_table *t,
		   void (*fn)(void *ctx, struct ix_node *n), void *ctx)
{
	struct ix_node *n;

	for (n = t->chain; n; n = n->next)
		fn(ctx, n);
	for (size_t i = 0; i < t->bucket_count; i++)
		for (n = t->buckets[i]; n; n = n->next)
			fn(ctx, n);
}

static void drain_chain(struct ix_node *n,
			void (*fn)(void *ctx, struct ix_node *n), void *ctx)
{
	struct ix_node *next;

	for (; n && fn; n = next) {
		next = n->next;
		fn(ctx, n);
	}
}

void ix_table_drain(struct ix_table *t,
		    void (*fn)(void *ctx, struct ix_node *n), void *ctx)
{
	drain_chain(t->chain, fn, ctx);
	for (size_t i = 0; i < t->bucket_count; i++)
		drain_chain(t->buckets[i], fn, ctx);
	ix_table_release(t);
}
