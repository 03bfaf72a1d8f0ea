/* SPDX-License-Identifier: MIT */
/*
 * Goal: the facade keeps its contract (index.h, DESIGN 2 and 3). Method: an
 * index on a simulated disk and small real segments; every rule of delivery,
 * naming, pinning, settings, merging and reopening is stated once. Crashes and
 * failing disks are the business of tests/crash and tests/fault.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "core/base/mem.h"
#include "core/index/checkpoint.h"
#include "tests/lib/indexes.h"
#include "tests/lib/rehash.h"

static int setup(void **state)
{
	*state = test_index_disk();
	return 0;
}

static int teardown(void **state)
{
	ix_vfs_free(*state);
	return 0;
}

static enum ix_register_outcome deliver(struct ix_index *ix, const char *name,
					const struct test_seg *s)
{
	struct ix_register_result r;

	TEST_OK(test_try_register(ix, name, s, &r));
	return r.outcome;
}

static int refuse(struct ix_index *ix, const char *name,
		  const struct test_seg *s)
{
	struct ix_register_result r;

	return test_try_register(ix, name, s, &r);
}

static struct ix_index *reopen(struct ix_index *ix, unsigned flags)
{
	struct ix_vfs *v = ix->vfs;

	assert_int_equal(ix_index_close(ix), 0);
	return test_index_open(v, flags);
}

/* ---- create and open ---- */

/* S-08 */
static void create_refuses_a_used_directory(void **state)
{
	struct ix_schema *schema = test_mkseg_schema();
	struct ix_vfs *v;

	assert_int_equal(ix_index_create(*state, schema), -ENOTEMPTY);
	TEST_OK(ix_sim_new(&v));
	test_put(v, "something", test_seg(0));
	assert_int_equal(ix_index_create(v, schema), -ENOTEMPTY);
	assert_int_equal(test_count(v, ""), 1);
	ix_vfs_free(v);
	ix_schema_free(schema);
}

static void open_refuses_a_directory_that_is_no_index(void **state)
{
	struct ix_index *ix;
	struct ix_vfs *v;

	(void)state;
	TEST_OK(ix_sim_new(&v));
	assert_int_equal(test_index_try_open(v, 0, &ix), -ENOENT);
	assert_int_equal(test_count(v, ""), 0);
	ix_vfs_free(v);
}

/* S-09 */
static void one_opener_at_a_time(void **state)
{
	struct ix_index *ix = test_index_open(*state, 0), *other;
	struct ix_index_options o = { .vfs = *state, .holder = "/mnt/x" };

	assert_int_equal(ix_index_close(ix), 0);
	TEST_OK(ix_index_open(&o, &ix));
	assert_int_equal(test_index_try_open(*state, 0, &other),
			 -IX_EBUSYINDEX);
	assert_non_null(strstr(ix_fail_text(), "/mnt/x"));
	assert_int_equal(test_index_try_open(*state, IX_INDEX_READ_ONLY,
					     &other),
			 -IX_EBUSYINDEX);
	assert_int_equal(ix_index_close(ix), 0);
	ix = test_index_open(*state, IX_INDEX_READ_ONLY);
	other = test_index_open(*state, IX_INDEX_READ_ONLY);
	assert_int_equal(refuse(ix, "a.seg", test_seg(0)), -EROFS);
	assert_int_equal(ix_index_remove(ix, "a.seg"), -EROFS);
	ix_index_close(other);
	ix_index_close(ix);
}

static void everything_is_there_after_reopening(void **state)
{
	struct ix_index *ix = test_index_open(*state, 0);
	struct ix_index_segment a, b;

	test_register(ix, "a.seg", test_seg(1));
	test_register(ix, "b.seg", test_seg(2));
	test_register(ix, "b2.seg", test_seg(2));
	TEST_OK(test_apply(ix, "{\"user\":{\"x\":[1,\"two\",null]}}"));
	TEST_OK(ix_index_lookup(ix, "a.seg", &a));
	for (int i = 0; i < 3; i++) {
		ix = reopen(ix, 0);
		TEST_OK(ix_index_lookup(ix, "a.seg", &b));
		assert_memory_equal(&a, &b, sizeof(a));
		TEST_OK(ix_index_lookup(ix, "b2.seg", &b));
		assert_int_equal(b.name_count, 2);
		assert_int_equal(test_index_check(ix), 2 * TEST_SEG_DOCS);
		assert_int_equal(test_segments(ix), 2);
	}
	ix_index_close(ix);
}

static int no_memory(void)
{
	return 1;
}

/* A second reaper would outlive the index. */
static void a_start_that_failed_may_be_repeated(void **state)
{
	struct ix_index *ix = test_index_open(*state, 0);
	pthread_t reaper;

	ix_mem_fail_hook = no_memory;
	assert_int_equal(ix_index_start(ix), -ENOMEM);
	ix_mem_fail_hook = NULL;
	reaper = ix->tracker.thread;
	TEST_OK(ix_index_start(ix));
	assert_true(pthread_equal(reaper, ix->tracker.thread));
	TEST_OK(ix_index_close(ix));
}

static void a_clean_close_leaves_nothing_to_recover(void **state)
{
	struct ix_index *ix = test_index_open(*state, 0);
	struct ix_stat st;

	test_register(ix, "a.seg", test_seg(1));
	ix_index_close(ix);
	TEST_OK(ix_vfs_stat(*state, "metadata.journal", &st));
	assert_int_equal(st.size, IX_JOURNAL_HEADER);
	assert_false(test_exists(*state, "metadata.json.tmp"));
}

/* ---- delivery, exactly once ---- */

static void a_delivery_twice_is_one_segment(void **state)
{
	struct ix_index *ix = test_index_open(*state, 0);

	assert_int_equal(deliver(ix, "a.seg", test_seg(1)), IX_REGISTERED);
	assert_int_equal(deliver(ix, "a.seg", test_seg(1)), IX_REGISTERED_NAME);
	assert_int_equal(test_segments(ix), 1);
	assert_int_equal(test_docs(ix), TEST_SEG_DOCS);
	assert_false(test_exists(*state, "pending/a.seg"));
	assert_int_equal(test_count(*state, "segments"), 1);
	ix_index_close(ix);
}

static void a_second_name_keeps_the_segment_alive(void **state)
{
	struct ix_index *ix = test_index_open(*state, 0);
	struct ix_index_segment a, b;

	deliver(ix, "a.seg", test_seg(1));
	assert_int_equal(deliver(ix, "b.seg", test_seg(1)), IX_REGISTERED_NAME);
	TEST_OK(ix_index_lookup(ix, "a.seg", &a));
	TEST_OK(ix_index_lookup(ix, "b.seg", &b));
	assert_int_equal(a.seq, b.seq);
	assert_int_equal(b.name_count, 2);
	assert_string_equal(b.name, "b.seg");
	TEST_OK(ix_index_remove(ix, "a.seg"));
	assert_int_equal(test_docs(ix), TEST_SEG_DOCS);
	TEST_OK(ix_index_remove(ix, "b.seg"));
	assert_int_equal(test_docs(ix), 0);
	assert_int_equal(ix_index_remove(ix, "b.seg"), -ENOENT);
	assert_int_equal(deliver(ix, "a.seg", test_seg(1)), IX_REGISTERED);
	ix_index_close(ix);
}

static void a_name_means_one_content(void **state)
{
	struct ix_index *ix = test_index_open(*state, 0);
	char text[200];

	deliver(ix, "a.seg", test_seg(1));
	assert_int_equal(refuse(ix, "a.seg", test_seg(2)), -IX_EEXISTS);
	assert_true(test_exists(*state, "pending/a.seg"));
	ix_index_pending_status(ix, "a.seg", text, sizeof(text));
	assert_non_null(strstr(text, "taken"));
	assert_int_equal(test_docs(ix), TEST_SEG_DOCS);
	ix = reopen(ix, IX_INDEX_REPLACE);
	assert_int_equal(test_docs(ix), TEST_SEG_DOCS);
	/* The file was still pending: with replacement it is taken now. */
	{
		struct ix_index_segment s;

		TEST_OK(ix_index_lookup(ix, "a.seg", &s));
		assert_true(ix_id_equal(&s.id, &test_seg(2)->id));
	}
	assert_int_equal(deliver(ix, "a.seg", test_seg(3)), IX_REGISTERED);
	assert_int_equal(test_segments(ix), 1);
	ix_index_close(ix);
}

/* Merge the live segments with a force merge and wait. */
static void merge_all(struct ix_index *ix)
{
	TEST_OK(ix_index_force_merge(ix, NULL));
	TEST_OK(ix_index_wait(ix, NULL, NULL));
}

static void what_lives_in_a_merge_is_delivered(void **state)
{
	struct ix_index *ix = test_index_open(*state, IX_INDEX_RM_MERGED);
	struct ix_index_segment m;
	char name[64];
	char hex[33];

	deliver(ix, "a.seg", test_seg(1));
	deliver(ix, "b.seg", test_seg(2));
	TEST_OK(ix_index_start(ix));
	merge_all(ix);
	assert_int_equal(test_segments(ix), 1);
	assert_int_equal(test_index_check(ix), 2 * TEST_SEG_DOCS);
	assert_false(test_has(ix, "a.seg"));
	/* Again, under its name and another one. */
	assert_int_equal(deliver(ix, "a.seg", test_seg(1)),
			 IX_REGISTERED_DELIVERED);
	assert_int_equal(deliver(ix, "c.seg", test_seg(1)),
			 IX_REGISTERED_DELIVERED);
	/* Another content under a delivered name. */
	assert_int_equal(refuse(ix, "a.seg", test_seg(3)), -IX_EEXISTS);
	assert_int_equal(refuse(ix, "c.seg", test_seg(3)), -IX_EEXISTS);
	TEST_OK(ix_vfs_unlink(*state, "pending/a.seg"));
	TEST_OK(ix_vfs_unlink(*state, "pending/c.seg"));
	ix = reopen(ix, IX_INDEX_RM_MERGED);
	assert_int_equal(refuse(ix, "c.seg", test_seg(3)), -IX_EEXISTS);
	assert_int_equal(deliver(ix, "d.seg", test_seg(3)), IX_REGISTERED);
	assert_int_equal(ix_index_rename(ix, "d.seg", "a.seg"), -IX_EEXISTS);
	/* Removing the merge makes all of it acceptable again. */
	{
		const struct ix_id ids[] = { test_seg(1)->id, test_seg(2)->id };
		struct ix_id id = ix_merge_id(ids, 2);

		snprintf(name, sizeof(name), "seg_%s.seg",
			 ix_id_format(&id, hex));
	}
	TEST_OK(ix_index_lookup(ix, name, &m));
	assert_int_equal(m.merged, 1);
	assert_int_equal(m.doc_count, 2 * TEST_SEG_DOCS);
	TEST_OK(ix_index_remove(ix, name));
	assert_int_equal(deliver(ix, "a.seg", test_seg(1)), IX_REGISTERED);
	assert_int_equal(deliver(ix, "c.seg", test_seg(2)), IX_REGISTERED);
	ix_index_close(ix);
}

static void a_backup_dropped_back_does_no_harm(void **state)
{
	struct ix_index *ix = test_index_open(*state, 0);
	const struct test_seg *abc[] = { test_seg(1), test_seg(2),
					 test_seg(3) };
	struct test_seg ab, all;

	test_seg_merge(abc, 2, &ab);
	test_seg_merge(abc, 3, &all);
	deliver(ix, "a.seg", test_seg(1));
	deliver(ix, "b.seg", test_seg(2));
	/* All of it is live: nothing to add. */
	assert_int_equal(deliver(ix, "ab.seg", &ab), IX_REGISTERED_DELIVERED);
	assert_int_equal(test_segments(ix), 2);
	/* It covers both and more: it takes their place. */
	assert_int_equal(deliver(ix, "all.seg", &all), IX_REGISTERED_REPLACED);
	assert_int_equal(test_segments(ix), 1);
	assert_int_equal(test_index_check(ix), 3 * TEST_SEG_DOCS);
	assert_int_equal(deliver(ix, "b.seg", test_seg(2)),
			 IX_REGISTERED_DELIVERED);
	assert_int_equal(deliver(ix, "ab.seg", &ab), IX_REGISTERED_DELIVERED);
	ix = reopen(ix, 0);
	assert_int_equal(refuse(ix, "ab.seg", test_seg(4)), -IX_EEXISTS);
	assert_int_equal(deliver(ix, "b.seg", test_seg(2)),
			 IX_REGISTERED_DELIVERED);
	ix_index_close(ix);
	free(ab.data);
	free(all.data);
}

static void no_checkpoint_is_written_that_cannot_be_read(void **state)
{
	uint8_t byte = '{';
	struct ix_buf text = { .data = &byte, .len = IX_METADATA_MAX + 1 };

	assert_int_equal(ix_checkpoint_write_tmp(*state, &text), -IX_ELIMIT);
	assert_false(test_exists(*state, IX_METADATA_TMP));
}

/* It would make a checkpoint that no mount accepts. */
static void a_forged_id_is_refused(void **state)
{
	const struct test_seg *from[] = { test_seg(2), test_seg(3) };
	struct ix_index *ix = test_index_open(*state, 0);
	struct ix_register_result r;
	struct test_seg forged;

	test_seg_merge(from, 2, &forged);
	memcpy(forged.data + forged.n - IX_TRAILER_SIZE, test_seg(1)->id.bytes,
	       sizeof(test_seg(1)->id.bytes));
	test_rehash(forged.data, forged.n);
	(void)test_register(ix, "a.seg", test_seg(1));
	assert_int_equal(test_try_register(ix, "b.seg", &forged, &r),
			 -IX_ECORRUPT);
	assert_true(test_exists(*state, "pending/b.seg"));
	TEST_OK(ix_index_close(ix));
	ix = test_index_open(*state, 0);
	assert_true(test_has(ix, "a.seg"));
	assert_false(test_has(ix, "b.seg"));
	/* The first one who comes has the id. */
	TEST_OK(ix_index_remove(ix, "a.seg"));
	TEST_OK(test_try_register(ix, "b.seg", &forged, &r));
	assert_int_equal(test_try_register(ix, "a.seg", test_seg(1), &r),
			 -IX_ECORRUPT);
	TEST_OK(ix_index_close(ix));
	ix = test_index_open(*state, 0);
	assert_true(test_has(ix, "b.seg"));
	TEST_OK(ix_index_close(ix));
	free(forged.data);
}

static void a_partial_overlap_is_refused(void **state)
{
	struct ix_index *ix = test_index_open(*state, 0);
	const struct test_seg *abc[] = { test_seg(1), test_seg(2),
					 test_seg(3) };
	struct test_seg ab, bc;

	test_seg_merge(abc, 2, &ab);
	test_seg_merge(abc + 1, 2, &bc);
	deliver(ix, "ab.seg", &ab);
	assert_int_equal(refuse(ix, "bc.seg", &bc), -IX_EOVERLAP);
	assert_int_equal(test_docs(ix), 2 * TEST_SEG_DOCS);
	/* Not merged here, so it may be removed by name. */
	TEST_OK(ix_index_remove(ix, "ab.seg"));
	assert_int_equal(deliver(ix, "bc.seg", &bc), IX_REGISTERED);
	ix_index_close(ix);
	free(ab.data);
	free(bc.data);
}

static void bad_files_stay_pending_with_a_reason(void **state)
{
	struct ix_index *ix = test_index_open(*state, 0);
	struct test_seg cut = *test_seg(1),
			text = { (uint8_t *)"hello", 5, { { 0 } }, 0 };
	char reason[100];
	cJSON *tree;

	cut.n /= 2;
	assert_int_equal(refuse(ix, "cut.seg", &cut), -IX_EINCOMPLETE);
	assert_true(ix_err_is_content(refuse(ix, "text.seg", &text)));
	ix_index_pending_status(ix, "text.seg", reason, sizeof(reason));
	assert_true(reason[0] != '\0');
	tree = test_render(ix);
	assert_non_null(ix_json_get(ix_json_get(tree, "pending"), "text.seg"));
	cJSON_Delete(tree);
	ix_index_pending_set(ix, "text.seg", NULL);
	ix_index_pending_status(ix, "text.seg", reason, sizeof(reason));
	assert_string_equal(reason, "");
	assert_int_equal(refuse(ix, "x", test_seg(1)), -EINVAL);
	assert_int_equal(refuse(ix, ".x.seg", test_seg(1)), -EINVAL);
	assert_int_equal(refuse(ix, "\xff.seg", test_seg(1)), -EINVAL);
	assert_int_equal(test_count(*state, "segments"), 0);
	/* The rest of the file arrives while nobody is mounted. */
	TEST_OK(ix_vfs_unlink(*state, "pending/text.seg"));
	assert_int_equal(ix_index_close(ix), 0);
	test_put(*state, "pending/cut.seg", test_seg(1));
	ix = test_index_open(*state, 0);
	assert_true(test_has(ix, "cut.seg"));
	assert_false(test_exists(*state, "pending/cut.seg"));
	ix_index_close(ix);
}

/* ---- names ---- */

static void removal_of_several_is_all_or_none(void **state)
{
	struct ix_index *ix = test_index_open(*state, 0);
	const char *names[] = { "a.seg", "b.seg", "missing.seg" };

	deliver(ix, "a.seg", test_seg(1));
	deliver(ix, "b.seg", test_seg(2));
	assert_int_equal(ix_index_remove_names(ix, names, 3), -ENOENT);
	assert_int_equal(test_segments(ix), 2);
	TEST_OK(ix_index_remove_names(ix, names, 2));
	assert_int_equal(test_segments(ix), 0);
	ix_index_close(ix);
}

static void merge_outputs_are_not_removed_by_name(void **state)
{
	struct ix_index *ix = test_index_open(*state, 0);
	struct ix_index_stats st;
	char action[200];
	cJSON *tree;

	deliver(ix, "a.seg", test_seg(1));
	deliver(ix, "b.seg", test_seg(2));
	TEST_OK(ix_index_start(ix));
	merge_all(ix);
	tree = test_render(ix);
	snprintf(action, sizeof(action),
		 "{\"run\":\"remove\",\"names\":[\"seg_%s.seg\"]}",
		 ix_json_get(tree, "segment_metas")->child->string);
	cJSON_Delete(tree);
	{
		char *name = strstr(action, "seg_"), saved[64];

		snprintf(saved, sizeof(saved), "%.40s", name);
		assert_int_equal(ix_index_remove(ix, saved), -EPERM);
	}
	ix_index_stats(ix, &st);
	assert_int_equal(st.live_segments, 1);
	TEST_OK(test_apply(ix, action));
	assert_int_equal(test_segments(ix), 0);
	ix_index_close(ix);
}

static void rename_is_durable_and_exclusive(void **state)
{
	struct ix_index *ix = test_index_open(*state, 0);

	deliver(ix, "a.seg", test_seg(1));
	deliver(ix, "b.seg", test_seg(2));
	assert_int_equal(ix_index_rename(ix, "a.seg", "b.seg"), -IX_EEXISTS);
	assert_int_equal(ix_index_rename(ix, "x.seg", "y.seg"), -ENOENT);
	assert_int_equal(ix_index_rename(ix, "a.seg", "a"), -EINVAL);
	TEST_OK(ix_index_rename(ix, "a.seg", "c.seg"));
	ix = reopen(ix, IX_INDEX_REPLACE);
	assert_false(test_has(ix, "a.seg"));
	assert_true(test_has(ix, "c.seg"));
	TEST_OK(ix_index_rename(ix, "c.seg", "b.seg"));
	assert_int_equal(test_segments(ix), 1);
	ix = reopen(ix, 0);
	assert_true(test_has(ix, "b.seg"));
	assert_int_equal(test_segments(ix), 1);
	ix_index_close(ix);
}

static void a_withdrawn_segment_is_a_file_again(void **state)
{
	struct ix_index *ix = test_index_open(*state, 0);
	struct ix_stat before, after;
	struct ix_file *f;
	uint64_t seq;
	char path[IX_SEQ_PATH_MAX];

	TEST_OK(ix_index_start(ix));
	seq = test_register(ix, "a.seg", test_seg(1));
	ix_seq_path(seq, 0, path);
	TEST_OK(ix_vfs_stat(*state, path, &before));
	test_put(*state, "staging/b", test_seg(2));
	assert_int_equal(ix_index_withdraw(ix, "a.seg", "staging/b"), -EEXIST);
	assert_true(test_has(ix, "a.seg"));
	/* A reader keeps its bytes whatever happens to the withdrawn file. */
	TEST_OK(ix_index_pin(ix, seq));
	TEST_OK(ix_index_withdraw(ix, "a.seg", "staging/a"));
	assert_false(test_has(ix, "a.seg"));
	TEST_OK(ix_vfs_stat(*state, "staging/a", &after));
	assert_int_equal(after.nlink, 1);
	assert_int_not_equal(after.ino, before.ino);
	TEST_OK(ix_index_open_file(ix, seq, &f));
	ix_file_close(f);
	ix_index_unpin(ix, seq);
	/* Without readers it is the same file. */
	seq = test_register(ix, "c.seg", test_seg(3));
	ix_seq_path(seq, 0, path);
	TEST_OK(ix_vfs_stat(*state, path, &before));
	TEST_OK(ix_index_withdraw(ix, "c.seg", "staging/c"));
	TEST_OK(ix_vfs_stat(*state, "staging/c", &after));
	assert_int_equal(after.ino, before.ino);
	ix = reopen(ix, 0);
	assert_int_equal(test_count(*state, "segments"), 0);
	assert_int_equal(test_count(*state, "staging"), 3);
	ix_index_close(ix);
}

static void attributes_are_kept(void **state)
{
	struct ix_index *ix = test_index_open(*state, 0);
	uint64_t seq = test_register(ix, "a.seg", test_seg(1));
	struct ix_index_segment s;

	TEST_OK(ix_index_set_attr(ix, seq, -5, UINT32_MAX, 7));
	assert_int_equal(ix_index_set_attr(ix, 99, 0, 0, 0), -ESTALE);
	ix = reopen(ix, 0);
	TEST_OK(ix_index_lookup(ix, "a.seg", &s));
	assert_int_equal(s.mtime_ns, -5);
	assert_int_equal(s.uid, 0);
	assert_int_equal(s.gid, 7);
	ix_index_close(ix);
}

/* ---- pins ---- */

static int wait_gone(struct ix_vfs *v, const char *path)
{
	for (int i = 0; i < 2000 && test_exists(v, path); i++)
		usleep(1000);
	return !test_exists(v, path);
}

/* S-31, S-35 */
static void a_pin_holds_the_file_until_the_last_one_goes(void **state)
{
	struct ix_index *ix = test_index_open(*state, 0);
	uint64_t seq = test_register(ix, "a.seg", test_seg(1));
	struct ix_index_segment s;
	struct ix_index_stats st;
	char path[IX_SEQ_PATH_MAX];

	ix_seq_path(seq, 0, path);
	TEST_OK(ix_index_start(ix));
	assert_int_equal(ix_index_pin(ix, seq + 1), -ESTALE);
	TEST_OK(ix_index_pin(ix, seq));
	TEST_OK(ix_index_pin(ix, seq));
	TEST_OK(ix_index_remove(ix, "a.seg"));
	TEST_OK(ix_index_get(ix, seq, &s));
	assert_int_equal(s.state, IX_SEG_RETIRED);
	ix_index_stats(ix, &st);
	assert_int_equal(st.retired_bytes, test_seg(1)->n);
	TEST_OK(ix_index_pin(ix, seq));
	ix_index_unpin(ix, seq);
	ix_index_unpin(ix, seq);
	usleep(20000);
	assert_true(test_exists(*state, path));
	ix_index_unpin(ix, seq);
	assert_true(wait_gone(*state, path));
	assert_int_equal(ix_index_pin(ix, seq), -ESTALE);
	assert_int_equal(ix_index_get(ix, seq, &s), -ESTALE);
	for (int i = 0; i < 1000; i++) {
		ix_index_stats(ix, &st);
		if (!st.retired_bytes)
			break;
		usleep(1000);
	}
	assert_int_equal(st.retired_bytes, 0);
	ix_index_close(ix);
}

/* An id that comes back is another segment: an old deletion cannot hit it. */
static void numbers_are_never_used_twice(void **state)
{
	struct ix_index *ix = test_index_open(*state, 0);
	uint64_t last = 0;

	for (int i = 0; i < 5; i++) {
		uint64_t seq = test_register(ix, "a.seg", test_seg(1));

		assert_true(seq > last);
		last = seq;
		TEST_OK(ix_index_remove(ix, "a.seg"));
		ix = reopen(ix, 0);
	}
	ix_index_close(ix);
}

/* ---- looking ---- */

struct listed {
	char names[8][32];
	int n;
	struct ix_index *ix;
};

static int note_name(void *ctx, const struct ix_index_segment *s,
		     uint64_t cookie)
{
	struct listed *l = ctx;

	(void)cookie;
	strcpy(l->names[l->n++], s->name);
	/* Changing the index from here must not deadlock. */
	if (l->ix && l->n == 1)
		TEST_OK(ix_index_remove(l->ix, "c.seg"));
	return 0;
}

static void listing_survives_changes(void **state)
{
	struct ix_index *ix = test_index_open(*state, 0);
	struct listed l = { .n = 0 };

	deliver(ix, "a.seg", test_seg(1));
	deliver(ix, "b.seg", test_seg(2));
	deliver(ix, "c.seg", test_seg(3));
	l.ix = ix;
	TEST_OK(ix_index_list(ix, 0, note_name, &l));
	assert_string_equal(l.names[0], "a.seg");
	memset(&l, 0, sizeof(l));
	TEST_OK(ix_index_list(ix, 0, note_name, &l));
	assert_int_equal(l.n, 2);
	ix_index_close(ix);
}

static void the_listing_stays_sorted_while_names_go(void **state)
{
	struct ix_index *ix = test_index_open(*state, 0);
	char name[32];

	for (unsigned i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "n%u.seg", i);
		deliver(ix, name, test_seg(i % 100));
	}
	for (unsigned i = 0; i < 200; i++) {
		if (i % 7 == 0)
			continue;
		snprintf(name, sizeof(name), "n%u.seg", i);
		TEST_OK(ix_index_remove(ix, name));
	}
	assert_true(ix->state.listing.n < 64 + 2 * 29 + 2);
	(void)test_index_check(ix);
	ix_index_close(ix);
}

static void equal_versions_are_equal_bytes(void **state)
{
	struct ix_index *ix = test_index_open(*state, 0);
	struct ix_buf a = IX_BUF_INIT, b = IX_BUF_INIT;
	uint64_t va, vb;
	cJSON *tree;

	deliver(ix, "a\"\xc3\xa4.seg", test_seg(1));
	TEST_OK(ix_index_render(ix, &a, &va));
	TEST_OK(ix_index_render(ix, &b, &vb));
	assert_int_equal(va, vb);
	assert_int_equal(va, ix_index_version(ix));
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.data, b.data, a.len);
	ix_buf_clear(&b);
	deliver(ix, "b.seg", test_seg(2));
	TEST_OK(ix_index_render(ix, &b, &vb));
	assert_int_not_equal(va, vb);
	tree = test_render(ix);
	assert_int_equal(cJSON_GetArraySize(ix_json_get(tree, "segment_metas")),
			 2);
	assert_string_equal(ix_json_get(tree, "total_vectors")->valuestring,
			    "0");
	cJSON_Delete(tree);
	ix_buf_release(&a);
	ix_buf_release(&b);
	ix_index_close(ix);
}

/* S-37 */
static void a_missing_file_is_shown_not_dropped(void **state)
{
	struct ix_index *ix = test_index_open(*state, 0);
	uint64_t seq = test_register(ix, "a.seg", test_seg(1));
	struct ix_index_segment s;
	struct ix_file *f;
	char path[IX_SEQ_PATH_MAX];

	ix_index_close(ix);
	TEST_OK(ix_vfs_unlink(*state, ix_seq_path(seq, 0, path)));
	ix = test_index_open(*state, 0);
	TEST_OK(ix_index_lookup(ix, "a.seg", &s));
	assert_int_equal(s.missing, 1);
	assert_int_equal(ix_index_open_file(ix, seq, &f), -EIO);
	ix = reopen(ix, 0);
	assert_true(test_has(ix, "a.seg"));
	ix_index_close(ix);
}

/* S-33 */
static int note_seq(void *ctx, const struct ix_index_segment *s,
		    uint64_t cookie)
{
	(void)cookie;
	*(uint64_t *)ctx = s->seq;
	return 0;
}

/* A second delivery may be the only good copy: it is not thrown away. */
static void a_redelivery_repairs_a_missing_segment(void **state)
{
	struct ix_vfs *v = *state;
	struct ix_index *ix = test_index_open(v, 0);
	struct ix_index_segment s;
	struct ix_register_result r;
	char path[IX_SEQ_PATH_MAX];
	uint64_t merged = 0;

	for (unsigned k = 1; k <= 3; k++) {
		char name[] = { (char)('a' + k - 1), '.', 's', 'e', 'g', 0 };

		(void)test_register(ix, name, test_seg(k));
	}
	TEST_OK(ix_index_lookup(ix, "a.seg", &s));
	TEST_OK(ix_index_close(ix));
	TEST_OK(ix_vfs_unlink(v, ix_seq_path(s.seq, 0, path)));
	ix = test_index_open(v, 0);
	TEST_OK(test_try_register(ix, "a.seg", test_seg(1), &r));
	assert_int_equal(r.outcome, IX_REGISTERED_REPLACED);
	TEST_OK(ix_index_lookup(ix, "a.seg", &s));
	assert_false(s.missing);
	assert_int_equal(test_docs(ix), 3 * TEST_SEG_DOCS);
	assert_int_equal(test_index_check(ix), test_docs(ix));

	TEST_OK(ix_index_start(ix));
	merge_all(ix);
	TEST_OK(ix_index_list(ix, 0, note_seq, &merged));
	TEST_OK(ix_index_close(ix));
	TEST_OK(ix_vfs_unlink(v, ix_seq_path(merged, 0, path)));
	ix = test_index_open(v, 0);
	assert_int_equal(test_try_register(ix, "b.seg", test_seg(2), &r),
			 -IX_EOVERLAP);
	assert_true(test_exists(v, "pending/b.seg"));
	TEST_OK(ix_index_close(ix));
	/* It is tried again, and still there. */
	ix = test_index_open(v, 0);
	assert_true(test_exists(v, "pending/b.seg"));
	TEST_OK(ix_index_close(ix));
}

static void foreign_names_in_segments_are_left_alone(void **state)
{
	static const char *const foreign[] = {
		"segments/+0000000000000000001.seg",
		"segments/1.seg",
		"segments/00000000000000000001.SEG",
		"segments/00000000000000000001.seg.bak",
		"segments/0000000000000000001\xc3\xa4.seg",
		"segments/99999999999999999999.seg",
		"segments/0x000000000000000001.seg",
		"segments/ 0000000000000000001.seg",
		"segments/x",
	};
	struct ix_index *ix = test_index_open(*state, 0);
	uint64_t seq = test_register(ix, "a.seg", test_seg(1));
	char path[IX_SEQ_PATH_MAX];

	ix_index_close(ix);
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		test_put(*state, foreign[i], test_seg(2));
	test_put(*state, ix_seq_path(seq + 1, 0, path), test_seg(2));
	test_put(*state, ix_seq_path(seq, 1, path), test_seg(2));
	test_put(*state, ix_seq_path(seq + 2, 1, path), test_seg(2));
	ix = test_index_open(*state, 0);
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		assert_true(test_exists(*state, foreign[i]));
	assert_false(test_exists(*state, ix_seq_path(seq + 1, 0, path)));
	assert_false(test_exists(*state, ix_seq_path(seq, 1, path)));
	assert_false(test_exists(*state, ix_seq_path(seq + 2, 1, path)));
	assert_int_equal(test_index_check(ix), TEST_SEG_DOCS);
	ix_index_close(ix);
}

/* ---- settings and actions ---- */

static void settings_are_patched_and_kept(void **state)
{
	struct ix_index *ix = test_index_open(*state, 0);
	struct ix_index_stats st;
	cJSON *tree, *merge;

	assert_int_equal(test_apply(ix, "{\"config_generation\":\"9\","
					"\"user\":{\"a\":1}}"),
			 -ESTALE);
	TEST_OK(test_apply(ix, "{\"config_generation\":\"0\","
			       "\"user\":{\"a\":1,\"b\":{\"c\":true}}}"));
	TEST_OK(test_apply(ix, "{\"user\":{\"b\":{\"c\":null,\"d\":\"x\"}}}"));
	TEST_OK(test_apply(ix, "{\"merge\":{\"policy\":\"tiered\","
			       "\"tier_floor\":\"77\"}}"));
	ix_index_stats(ix, &st);
	assert_int_equal(st.config_generation, 3);
	ix = reopen(ix, 0);
	tree = test_render(ix);
	assert_string_equal(cJSON_GetObjectItem(ix_json_get(tree, "user"), "b")
				    ->child->string,
			    "d");
	merge = ix_json_get(tree, "merge");
	assert_string_equal(ix_json_get(merge, "policy")->valuestring,
			    "tiered");
	assert_string_equal(ix_json_get(merge, "tier_floor")->valuestring,
			    "77");
	assert_null(ix_json_get(merge, "floor_bytes"));
	cJSON_Delete(tree);
	assert_int_equal(ix->state.policy.tier_floor, 77);
	/* Null goes back to the preset. */
	TEST_OK(test_apply(ix, "{\"merge\":{\"tier_floor\":null}}"));
	assert_int_equal(ix->state.policy.tier_floor, 1000);
	ix_index_close(ix);
}

static void bad_documents_change_nothing(void **state)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{",
		"{} x",
		"{\"nonsense\":1}",
		"{\"merge\":{\"policy\":\"fastest\"}}",
		"{\"merge\":{\"fan_in\":1}}",
		"{\"merge\":{\"fan_in\":65}}",
		"{\"merge\":{\"floor_bytes\":-1}}",
		"{\"merge\":{\"tier_floor\":\"5\"}}",
		"{\"merge\":[]}",
		"{\"user\":7}",
		"{\"user\":{},\"generation\":\"12345\"}",
		"{\"schema\":{\"fields\":[]}}",
		"{\"run\":\"destroy\"}",
		"{\"run\":7}",
		"{\"run\":\"remove\"}",
		"{\"run\":\"remove\",\"names\":[]}",
		"{\"run\":\"remove\",\"names\":[7]}",
		"{\"run\":\"force_merge\",\"speed\":9}",
		"{\"run\":\"train\"}",
	};
	struct ix_index *ix = test_index_open(*state, 0);
	struct ix_index_stats a, b;

	deliver(ix, "a.seg", test_seg(1));
	ix_index_stats(ix, &a);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int rc = test_apply(ix, bad[i]);

		if (rc != -IX_EINPUT)
			fail_msg("%s: %s", bad[i], ix_err_name(rc));
	}
	ix_index_stats(ix, &b);
	assert_int_equal(a.generation, b.generation);
	assert_int_equal(b.config_generation, 0);
	ix_index_close(ix);
}

/* A program may write back the file it read. */
static void what_was_read_may_be_written(void **state)
{
	struct ix_index *ix = test_index_open(*state, 0);
	struct ix_buf b = IX_BUF_INIT;
	uint64_t version;

	deliver(ix, "a.seg", test_seg(1));
	TEST_OK(ix_index_render(ix, &b, &version));
	TEST_OK(ix_index_apply(ix, ix_buf_str(&b), b.len, NULL));
	assert_int_equal(version, ix_index_version(ix));
	ix_buf_release(&b);
	ix_index_close(ix);
}

static void actions_report_their_end(void **state)
{
	struct ix_index *ix = test_index_open(*state, 0);
	uint64_t action = 0;
	cJSON *tree, *last;
	const char *json = "{\"run\":\"checkpoint\"}";

	deliver(ix, "a.seg", test_seg(1));
	TEST_OK(ix_index_apply(ix, json, strlen(json), &action));
	assert_int_equal(action, 1);
	tree = test_render(ix);
	last = ix_json_get(tree, "last_action");
	assert_string_equal(ix_json_get(last, "id")->valuestring, "1");
	assert_string_equal(ix_json_get(last, "state")->valuestring, "done");
	cJSON_Delete(tree);
	assert_int_equal(ix->commit.journal.tail, IX_JOURNAL_HEADER);
	TEST_OK(test_apply(ix, "{\"run\":\"sweep\"}"));
	ix_index_close(ix);
}

/* ---- merging ---- */

static void the_policy_is_followed(void **state)
{
	struct ix_index *ix = test_index_open(*state, 0);
	char name[32];

	for (unsigned i = 0; i < 7; i++) {
		snprintf(name, sizeof(name), "n%u.seg", i);
		deliver(ix, name, test_seg(i));
	}
	TEST_OK(ix_index_start(ix));
	TEST_OK(ix_index_wait(ix, NULL, NULL));
	assert_int_equal(test_segments(ix), 7);
	deliver(ix, "more.seg", test_seg(7));
	TEST_OK(ix_index_wait(ix, NULL, NULL));
	assert_int_equal(test_segments(ix), 1);
	assert_int_equal(test_index_check(ix), 8 * TEST_SEG_DOCS);
	ix = reopen(ix, 0);
	assert_int_equal(test_count(*state, "segments"), 1);
	assert_int_equal(test_index_check(ix), 8 * TEST_SEG_DOCS);
	ix_index_close(ix);
}

/* S-19: nothing is committed after the start, and still it converges. */
static void sixty_segments_converge_by_themselves(void **state)
{
	struct ix_index *ix = test_index_open(*state, 0);
	char name[32];

	for (unsigned i = 0; i < 60; i++) {
		snprintf(name, sizeof(name), "n%u.seg", i);
		deliver(ix, name, test_seg(i));
	}
	ix_index_pause(ix);
	TEST_OK(ix_index_start(ix));
	TEST_OK(ix_index_wait(ix, NULL, NULL));
	assert_int_equal(test_segments(ix), 60);
	ix_index_resume(ix);
	TEST_OK(ix_index_wait(ix, NULL, NULL));
	assert_true(test_segments(ix) <= 7);
	assert_int_equal(test_index_check(ix), 60 * TEST_SEG_DOCS);
	ix_index_close(ix);
}

/* S-22 */
static void pause_counts_and_is_a_barrier(void **state)
{
	struct ix_index *ix = test_index_open(*state, 0);
	struct ix_index_stats st;

	TEST_OK(ix_index_start(ix));
	ix_index_pause(ix);
	ix_index_pause(ix);
	for (unsigned i = 0; i < 9; i++) {
		char name[32];

		snprintf(name, sizeof(name), "n%u.seg", i);
		deliver(ix, name, test_seg(i));
	}
	ix_index_resume(ix);
	TEST_OK(ix_index_wait(ix, NULL, NULL));
	ix_index_stats(ix, &st);
	assert_int_equal(st.merges_done, 0);
	assert_int_equal(st.paused, 1);
	ix_index_resume(ix);
	TEST_OK(ix_index_wait(ix, NULL, NULL));
	ix_index_stats(ix, &st);
	assert_int_equal(st.merges_done, 1);
	ix_index_close(ix);
}

static void force_merge_packs_under_the_cap(void **state)
{
	struct ix_index *ix = test_index_open(*state, 0);
	char action[100], name[32];
	uint64_t bytes = 0;

	for (unsigned i = 0; i < 12; i++) {
		snprintf(name, sizeof(name), "n%u.seg", i);
		deliver(ix, name, test_seg(i));
		bytes += test_seg(i)->n;
	}
	TEST_OK(test_apply(ix, "{\"merge\":{\"policy\":\"none\"}}"));
	TEST_OK(ix_index_start(ix));
	snprintf(action, sizeof(action),
		 "{\"run\":\"force_merge\",\"max_bytes\":\"%" PRIu64 "\"}",
		 bytes / 2 + bytes / 6);
	TEST_OK(test_apply(ix, action));
	TEST_OK(ix_index_wait(ix, NULL, NULL));
	assert_true(test_segments(ix) >= 2 && test_segments(ix) <= 3);
	assert_int_equal(test_index_check(ix), 12 * TEST_SEG_DOCS);
	merge_all(ix);
	assert_int_equal(test_segments(ix), 1);
	assert_int_equal(test_index_check(ix), 12 * TEST_SEG_DOCS);
	ix_index_close(ix);
}

static void force_merge_cascades_beyond_the_fan_in(void **state)
{
	struct ix_index *ix = test_index_open(*state, 0);
	struct ix_index_stats st;
	char name[32];

	for (unsigned i = 0; i < 70; i++) {
		snprintf(name, sizeof(name), "n%u.seg", i);
		deliver(ix, name, test_seg(i));
	}
	TEST_OK(test_apply(ix, "{\"merge\":{\"policy\":\"none\"}}"));
	TEST_OK(ix_index_start(ix));
	merge_all(ix);
	ix_index_stats(ix, &st);
	assert_int_equal(st.live_segments, 1);
	assert_int_equal(st.merges_done, 2);
	assert_int_equal(test_index_check(ix), 70 * TEST_SEG_DOCS);
	ix_index_close(ix);
}

static void no_merges_means_none_by_policy(void **state)
{
	struct ix_index *ix = test_index_open(*state, IX_INDEX_NO_MERGES);
	char name[32];

	TEST_OK(ix_index_start(ix));
	for (unsigned i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "n%u.seg", i);
		deliver(ix, name, test_seg(i));
	}
	TEST_OK(ix_index_wait(ix, NULL, NULL));
	assert_int_equal(test_segments(ix), 10);
	merge_all(ix);
	assert_int_equal(test_segments(ix), 1);
	ix_index_close(ix);
}

/* S-25: one damaged source is blamed once; the others merge. */
static void a_damaged_source_is_quarantined(void **state)
{
	struct ix_index *ix = test_index_open(*state, 0);
	struct ix_index_segment s;
	struct ix_index_stats st;
	char path[IX_SEQ_PATH_MAX], name[32];
	uint64_t seq = 0;

	for (unsigned i = 0; i < 12; i++) {
		snprintf(name, sizeof(name), "n%u.seg", i);
		if (i == 5)
			seq = test_register(ix, name, test_seg(i));
		else
			deliver(ix, name, test_seg(i));
	}
	TEST_OK(ix_sim_flip(ix_sim_of(*state), ix_seq_path(seq, 0, path), 200,
			    0x10));
	TEST_OK(ix_index_start(ix));
	TEST_OK(ix_index_wait(ix, NULL, NULL));
	ix_index_stats(ix, &st);
	assert_int_equal(st.merges_failed, 1);
	TEST_OK(ix_index_lookup(ix, "n5.seg", &s));
	assert_int_equal(s.quarantined, 1);
	assert_int_equal(st.live_segments, 2);
	ix = reopen(ix, 0);
	TEST_OK(ix_index_lookup(ix, "n5.seg", &s));
	assert_int_equal(s.quarantined, 1);
	TEST_OK(ix_index_start(ix));
	merge_all(ix);
	ix_index_stats(ix, &st);
	assert_int_equal(st.live_segments, 2);
	assert_int_equal(st.merges_failed, 0);
	assert_int_equal(st.live_docs, 12 * TEST_SEG_DOCS);
	ix_index_close(ix);
}

static uint64_t fake_now(void *ctx)
{
	return *(uint64_t *)ctx;
}

/* S-25, H-14: other failures back off, growing, and wait returns meanwhile. */
static void failures_back_off_and_end(void **state)
{
	struct ix_sim *sim = ix_sim_of(*state);
	struct ix_index *ix = test_index_open(*state, 0);
	uint64_t clock = 1000, seconds = 1000000000;
	struct ix_index_stats st;
	char name[32];

	ix->now_ns = fake_now;
	ix->now_ctx = &clock;
	for (unsigned i = 0; i < 8; i++) {
		snprintf(name, sizeof(name), "n%u.seg", i);
		deliver(ix, name, test_seg(i));
	}
	ix_sim_fail(sim, IX_SIM_READ, 1, EIO, 1);
	TEST_OK(ix_index_start(ix));
	TEST_OK(ix_index_wait(ix, NULL, NULL));
	ix_index_stats(ix, &st);
	assert_int_equal(st.merges_failed, 1);
	for (unsigned i = 1, delay = 30; i < 9; i++, delay *= 2) {
		uint64_t step = delay > 1800 ? 1800 : delay;

		ix_mutex_lock(&ix->lock);
		clock += (step - 1) * seconds;
		ix_manager_wake_locked(ix);
		ix_mutex_unlock(&ix->lock);
		TEST_OK(ix_index_wait(ix, NULL, NULL));
		ix_index_stats(ix, &st);
		assert_int_equal(st.merges_failed, i);
		ix_mutex_lock(&ix->lock);
		clock += 1 * seconds;
		ix_manager_wake_locked(ix);
		ix_mutex_unlock(&ix->lock);
		TEST_OK(ix_index_wait(ix, NULL, NULL));
		ix_index_stats(ix, &st);
		assert_int_equal(st.merges_failed, i + 1);
	}
	ix_sim_fail(sim, 0, 0, 0, 0);
	ix_mutex_lock(&ix->lock);
	clock += 1800 * seconds;
	ix_manager_wake_locked(ix);
	ix_mutex_unlock(&ix->lock);
	TEST_OK(ix_index_wait(ix, NULL, NULL));
	assert_int_equal(test_segments(ix), 1);
	assert_int_equal(test_index_check(ix), 8 * TEST_SEG_DOCS);
	ix_index_close(ix);
}

/* ---- changes ---- */

struct changes {
	uint64_t generation;
	uint64_t born;
	uint64_t died;
	int events;
};

static void note_change(void *ctx, const struct ix_index_change *c)
{
	struct changes *n = ctx;

	TEST_CHECK(c->generation == n->generation + 1, "generation order");
	n->generation = c->generation;
	n->born += c->born_count;
	n->died += c->died_count;
}

static void note_event(void *ctx, const char *json)
{
	struct changes *n = ctx;
	cJSON *tree;

	TEST_OK(ix_json_parse(json, strlen(json), &tree));
	TEST_CHECK(cJSON_IsString(ix_json_get(tree, "event")), "%s", json);
	cJSON_Delete(tree);
	__atomic_fetch_add(&n->events, 1, __ATOMIC_RELAXED);
}

static void changes_are_told_in_order(void **state)
{
	struct changes n = { 0 };
	struct ix_index_options o = { .vfs = *state,
				      .engine = IX_ENGINE_SYNC,
				      .changed = note_change,
				      .event = note_event,
				      .ctx = &n };
	struct ix_index *ix;

	TEST_OK(ix_index_open(&o, &ix));
	TEST_OK(ix_index_start(ix));
	deliver(ix, "a\"b.seg", test_seg(1));
	deliver(ix, "b.seg", test_seg(2));
	deliver(ix, "c.seg", test_seg(3));
	TEST_OK(ix_index_rename(ix, "c.seg", "d.seg"));
	TEST_OK(ix_index_remove(ix, "d.seg"));
	merge_all(ix);
	assert_int_equal(n.born, 4);
	assert_int_equal(n.died, 3);
	ix_index_close(ix);
	assert_true(n.events >= 8);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(create_refuses_a_used_directory),
		T(open_refuses_a_directory_that_is_no_index),
		T(one_opener_at_a_time),
		T(everything_is_there_after_reopening),
		T(a_start_that_failed_may_be_repeated),
		T(a_clean_close_leaves_nothing_to_recover),
		T(a_delivery_twice_is_one_segment),
		T(a_second_name_keeps_the_segment_alive),
		T(a_name_means_one_content),
		T(what_lives_in_a_merge_is_delivered),
		T(a_backup_dropped_back_does_no_harm),
		T(no_checkpoint_is_written_that_cannot_be_read),
		T(a_forged_id_is_refused),
		T(a_partial_overlap_is_refused),
		T(bad_files_stay_pending_with_a_reason),
		T(removal_of_several_is_all_or_none),
		T(merge_outputs_are_not_removed_by_name),
		T(rename_is_durable_and_exclusive),
		T(a_withdrawn_segment_is_a_file_again),
		T(attributes_are_kept),
		T(a_pin_holds_the_file_until_the_last_one_goes),
		T(numbers_are_never_used_twice),
		T(listing_survives_changes),
		T(the_listing_stays_sorted_while_names_go),
		T(equal_versions_are_equal_bytes),
		T(a_missing_file_is_shown_not_dropped),
		T(a_redelivery_repairs_a_missing_segment),
		T(foreign_names_in_segments_are_left_alone),
		T(settings_are_patched_and_kept),
		T(bad_documents_change_nothing),
		T(what_was_read_may_be_written),
		T(actions_report_their_end),
		T(the_policy_is_followed),
		T(sixty_segments_converge_by_themselves),
		T(pause_counts_and_is_a_barrier),
		T(force_merge_packs_under_the_cap),
		T(force_merge_cascades_beyond_the_fan_in),
		T(no_merges_means_none_by_policy),
		T(a_damaged_source_is_quarantined),
		T(failures_back_off_and_end),
		T(changes_are_told_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
