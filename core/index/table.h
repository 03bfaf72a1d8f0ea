/* SPDX-License-Identifier: MIT */
/*
 * table: an intrusive hash table and an intrusive list.
 *
 * Nodes are parts of the caller's structures, so adding cannot fail: when the
 * array of buckets cannot grow, chains get longer. The caller serialises.
 */
#ifndef IX_INDEX_TABLE_H
#define IX_INDEX_TABLE_H

#include <stddef.h>
#include <stdint.h>

#define ix_container(ptr, type, member) \
 ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

struct ix_node {
	struct ix_node *next;
	uint64_t hash;
};

struct ix_table {
	struct ix_node **buckets; /* owned; NULL until the first node */
	size_t bucket_count;      /* a power of two, or 0 */
	size_t count;
	struct ix_node *chain; /* all nodes while there are no buckets */
};

/* A zeroed table is empty. Release frees the buckets, not the nodes. */
void ix_table_release(struct ix_table *t);
void ix_table_add(struct ix_table *t, struct ix_node *n, uint64_t hash);
/* `n` must be in the table. */
void ix_table_remove(struct ix_table *t, struct ix_node *n);

/* The first node with this hash, and the next one with the same; the caller
 * compares keys. NULL at the end. */
struct ix_node *ix_table_first(const struct ix_table *t, uint64_t hash);
struct ix_node *ix_table_next(const struct ix_node *n);

/* Call `fn` for every node, in no order; it must not change the table. */
void ix_table_each(const struct ix_table *t,
		   void (*fn)(void *ctx, struct ix_node *n), void *ctx);

/* Empty the table; `fn` (may be NULL) gets every node and may free it. */
void ix_table_drain(struct ix_table *t,
		    void (*fn)(void *ctx, struct ix_node *n), void *ctx);

/* ---- list ---- */

struct ix_ring {
	struct ix_ring *prev;
	struct ix_ring *next;
};

static inline void ix_ring_init(struct ix_ring *l)
{
	l->prev = l->next = l;
}

static inline int ix_ring_empty(const struct ix_ring *l)
{
	return l->next == l;
}

static inline void ix_ring_add(struct ix_ring *head, struct ix_ring *n)
{
	n->prev = head->prev;
	n->next = head;
	head->prev->next = n;
	head->prev = n;
}

static inline void ix_ring_del(struct ix_ring *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	n->prev = n->next = n;
}

#endif
