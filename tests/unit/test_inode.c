/* SPDX-License-Identifier: MIT */
/*
 * Goal: a node lives exactly as long as somebody refers to it; ids are never
 * reused; keys find the one node of an object; wrong counts of the kernel do
 * no harm.
 * Method: a table with a noun that counts what is freed; random operations
 * compared with a model; threads that look up and forget the same keys.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "fs/dispatch.h"
#include "fs/inode.h"
#include "tests/lib/seed.h"

static atomic_int alive;

static void count_free(struct ixfs *fs, struct ixfs_node *n)
{
	(void)fs;
	atomic_fetch_sub(&alive, 1);
	free(n);
}

static const struct ixfs_ops noun = { .noun = "test", .free = count_free };
static const struct ixfs_ops other = { .noun = "other", .free = count_free };

static struct ixfs_node *fresh(void)
{
	struct ixfs_node *n = calloc(1, sizeof(*n));

	assert_non_null(n);
	atomic_fetch_add(&alive, 1);
	return n;
}

static void freed_with_the_last_reference(void **state)
{
	struct ixfs_inodes *t;
	struct ixfs_node *n;
	uint64_t id;

	(void)state;
	assert_int_equal(ixfs_inodes_new(NULL, &t), 0);
	n = fresh();
	ixfs_node_add(t, n, &noun);
	id = n->id;
	ixfs_node_remember(t, n);
	ixfs_node_remember(t, n);
	ixfs_node_unref(t, n);
	assert_int_equal(alive, 1);
	ixfs_node_forget(t, id, 1);
	assert_ptr_equal(ixfs_node_get(t, id), n);
	ixfs_node_forget(t, id, 1);
	assert_int_equal(alive, 1); /* ours is left */
	ixfs_node_unref(t, n);
	assert_int_equal(alive, 0);
	assert_null(ixfs_node_get(t, id));
	ixfs_inodes_free(t);
}

static void wrong_counts_do_no_harm(void **state)
{
	struct ixfs_inodes *t;
	struct ixfs_node *n = fresh();

	(void)state;
	assert_int_equal(ixfs_inodes_new(NULL, &t), 0);
	ixfs_node_add(t, n, &noun);
	ixfs_node_forget(t, n->id, 5); /* never told */
	ixfs_node_remember(t, n);
	ixfs_node_forget(t, n->id, UINT64_MAX);
	ixfs_node_forget(t, 999999, 1);
	assert_int_equal(alive, 1);
	ixfs_node_unref(t, n);
	assert_int_equal(alive, 0);
	ixfs_inodes_free(t);
}

static void a_key_finds_one_node_per_noun(void **state)
{
	struct ixfs_inodes *t;
	struct ixfs_node *a = fresh();
	struct ixfs_node *b = fresh();
	struct ixfs_node *c = fresh();

	(void)state;
	assert_int_equal(ixfs_inodes_new(NULL, &t), 0);
	assert_null(ixfs_node_find_or_add(t, &noun, 7, NULL));
	assert_ptr_equal(ixfs_node_find_or_add(t, &noun, 7, a), a);
	assert_ptr_equal(ixfs_node_find_or_add(t, &noun, 7, b), a);
	ixfs_node_unref(t, a);
	assert_ptr_equal(ixfs_node_find_or_add(t, &other, 7, b), b);
	/* Unkeyed: the key is free for another object, the id is not. */
	ixfs_node_unkey(t, a);
	ixfs_node_unkey(t, a);
	assert_ptr_equal(ixfs_node_find_or_add(t, &noun, 7, c), c);
	assert_int_not_equal(a->id, c->id);
	/* Rekeyed: takes the key over. */
	ixfs_node_rekey(t, a, 7);
	assert_ptr_equal(ixfs_node_find_or_add(t, &noun, 7, NULL), a);
	ixfs_node_unref(t, a);
	ixfs_node_unref(t, a);
	ixfs_node_unref(t, b);
	ixfs_node_unref(t, c);
	assert_int_equal(alive, 0);
	ixfs_inodes_free(t);
}

#define KEYS 3000

static void many_nodes_are_found(void **state)
{
	static struct ixfs_node *nodes[KEYS];
	struct test_rng rng;
	struct ixfs_inodes *t;
	uint64_t last_id = 0;

	(void)state;
	test_rng_init(&rng, test_seed());
	assert_int_equal(ixfs_inodes_new(NULL, &t), 0);
	for (int step = 0; step < 50000; step++) {
		size_t k = (size_t)test_rand_below(&rng, KEYS);
		struct ixfs_node *n;

		if (nodes[k] && test_rand_one_in(&rng, 2)) {
			assert_ptr_equal(ixfs_node_get(t, nodes[k]->id),
					 nodes[k]);
			ixfs_node_unref(t, nodes[k]);
			ixfs_node_forget(t, nodes[k]->id, 1);
			nodes[k] = NULL;
		} else if (nodes[k]) {
			n = ixfs_node_find_or_add(t, &noun, k, NULL);
			assert_ptr_equal(n, nodes[k]);
			ixfs_node_unref(t, n);
		} else {
			n = fresh();
			assert_ptr_equal(ixfs_node_find_or_add(t, &noun, k, n),
					 n);
			assert_true(n->id > last_id);
			last_id = n->id;
			ixfs_node_remember(t, n);
			ixfs_node_unref(t, n);
			nodes[k] = n;
		}
	}
	assert_int_equal(ixfs_inodes_count(t), alive);
	ixfs_inodes_free(t); /* the kernel is gone: forgets all */
	assert_int_equal(alive, 0);
}

static struct ixfs_inodes *shared;

static void *look_up_and_forget(void *arg)
{
	struct test_rng rng;

	test_rng_init(&rng, (uintptr_t)arg);
	for (int i = 0; i < 20000; i++) {
		uint64_t key = test_rand_below(&rng, 8);
		struct ixfs_node *mine = fresh();
		struct ixfs_node *n;
		uint64_t id;

		n = ixfs_node_find_or_add(shared, &noun, key, mine);
		if (n != mine)
			count_free(NULL, mine);
		id = n->id;
		ixfs_node_remember(shared, n);
		ixfs_node_unref(shared, n);
		ixfs_node_forget(shared, id, 1);
	}
	return NULL;
}

static void lookup_and_forget_race(void **state)
{
	pthread_t threads[4];

	(void)state;
	assert_int_equal(ixfs_inodes_new(NULL, &shared), 0);
	for (uintptr_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
						look_up_and_forget,
						(void *)(i + 1)),
				 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(ixfs_inodes_count(shared), 0);
	assert_int_equal(alive, 0);
	ixfs_inodes_free(shared);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(freed_with_the_last_reference),
		cmocka_unit_test(wrong_counts_do_no_harm),
		cmocka_unit_test(a_key_finds_one_node_per_noun),
		cmocka_unit_test(many_nodes_are_found),
		cmocka_unit_test(lookup_and_forget_race),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
