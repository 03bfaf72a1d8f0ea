/* SPDX-License-Identifier: MIT */
/*
 * Goal: both vfs behave alike, to the error number. Method: one suite runs
 * over the real filesystem in a temporary directory and over a simulated disk.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/lock.h"
#include "core/base/mem.h"
#include "core/io/sim.h"
#include "core/io/vfs.h"
#include "tests/lib/seed.h"
#include "tests/lib/tmpdir.h"

struct fixture {
	struct ix_vfs *v;
	char dir[TEST_PATH_MAX]; /* empty for the simulated disk */
};

static int setup_posix(void **state)
{
	struct fixture *x = calloc(1, sizeof(*x));

	test_tmpdir_make(x->dir);
	*state = x;
	return ix_vfs_posix_new(x->dir, &x->v);
}

static int setup_sim(void **state)
{
	struct fixture *x = calloc(1, sizeof(*x));

	*state = x;
	return ix_sim_new(&x->v);
}

static int teardown(void **state)
{
	struct fixture *x = *state;

	ix_vfs_free(x->v);
	if (x->dir[0])
		test_tmpdir_remove(x->dir);
	free(x);
	return 0;
}

static struct ix_vfs *vfs(void **state)
{
	return ((struct fixture *)*state)->v;
}

static void put(struct ix_vfs *v, const char *path, const char *text)
{
	struct ix_file *f;

	assert_int_equal(ix_vfs_open(v, path,
				     IX_OPEN_WRITE | IX_OPEN_CREATE |
					     IX_OPEN_TRUNC,
				     &f),
			 0);
	assert_int_equal(ix_file_write(f, text, strlen(text), 0), 0);
	ix_file_close(f);
}

static void expect(struct ix_vfs *v, const char *path, const char *text)
{
	char data[256];
	struct ix_file *f;
	ssize_t n;

	assert_int_equal(ix_vfs_open(v, path, IX_OPEN_READ, &f), 0);
	n = ix_file_read(f, data, sizeof(data), 0);
	assert_int_equal(n, strlen(text));
	assert_memory_equal(data, text, strlen(text));
	ix_file_close(f);
}

static int open_rc(struct ix_vfs *v, const char *path, unsigned flags)
{
	struct ix_file *f = (void *)1;
	int rc = ix_vfs_open(v, path, flags, &f);

	if (rc)
		assert_null(f);
	ix_file_close(f);
	return rc;
}

static void open_flags_mean_what_they_say(void **state)
{
	struct ix_vfs *v = vfs(state);
	const unsigned create = IX_OPEN_WRITE | IX_OPEN_CREATE;
	struct ix_file *f;
	struct ix_stat st;

	assert_int_equal(open_rc(v, "a", IX_OPEN_READ), -ENOENT);
	assert_non_null(strstr(ix_fail_text(), "\"a\""));
	assert_int_equal(open_rc(v, "a", create), 0);
	assert_int_equal(open_rc(v, "a", create | IX_OPEN_EXCL), -EEXIST);
	assert_int_equal(open_rc(v, "a", IX_OPEN_READ | IX_OPEN_EXCL), 0);
	assert_int_equal(open_rc(v, "a", IX_OPEN_TRUNC), -EINVAL);
	put(v, "a", "hello");
	assert_int_equal(open_rc(v, "a", create), 0);
	expect(v, "a", "hello");
	assert_int_equal(open_rc(v, "a", IX_OPEN_WRITE | IX_OPEN_TRUNC), 0);
	expect(v, "a", "");

	assert_int_equal(ix_vfs_mkdir(v, "d"), 0);
	assert_int_equal(open_rc(v, "d", IX_OPEN_READ), -EISDIR);
	assert_int_equal(open_rc(v, "d", create), -EISDIR);
	assert_int_equal(open_rc(v, "d", create | IX_OPEN_EXCL), -EEXIST);
	assert_int_equal(open_rc(v, "a/b", create), -ENOTDIR);
	assert_int_equal(open_rc(v, "e/b", create), -ENOENT);

	assert_int_equal(ix_vfs_open(v, "a", IX_OPEN_READ, &f), 0);
	assert_int_equal(ix_file_write(f, "x", 1, 0), -EBADF);
	assert_int_equal(ix_file_truncate(f, 1), -EINVAL);
	assert_int_equal(ix_file_reserve(f, 4096), -EBADF);
	assert_string_equal(ix_file_path(f), "a");
	ix_file_close(f);
	ix_file_close(NULL);

	assert_int_equal(ix_vfs_stat(v, "a", &st), 0);
	assert_int_equal(st.mode & 077, 0);
}

static void paths_cannot_leave_the_root(void **state)
{
	static const char *const bad[] = { "/a",   "/",    ".",     "..",
					   "a/",   "a//b", "./a",   "a/.",
					   "../a", "a/..", "a/../b" };
	struct ix_vfs *v = vfs(state);
	char name[300];
	struct ix_stat st;
	struct ix_file *f;

	put(v, "a", "");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(open_rc(v, bad[i], IX_OPEN_READ), -EINVAL);
		assert_int_equal(ix_vfs_stat(v, bad[i], &st), -EINVAL);
		assert_int_equal(ix_vfs_mkdir(v, bad[i]), -EINVAL);
		assert_int_equal(ix_vfs_rmdir(v, bad[i]), -EINVAL);
		assert_int_equal(ix_vfs_unlink(v, bad[i]), -EINVAL);
		assert_int_equal(ix_vfs_rename(v, "a", bad[i]), -EINVAL);
		assert_int_equal(ix_vfs_rename(v, bad[i], "b"), -EINVAL);
		assert_int_equal(ix_vfs_link(v, "a", bad[i]), -EINVAL);
		assert_int_equal(ix_vfs_link(v, bad[i], "b"), -EINVAL);
		assert_int_equal(ix_vfs_sync_dir(v, bad[i]), -EINVAL);
		assert_int_equal(ix_vfs_lock(v, bad[i], IX_LOCK_SHARED, 0, &f),
				 -EINVAL);
		assert_int_equal(ix_vfs_list(v, bad[i], NULL, NULL), -EINVAL);
	}
	assert_int_equal(open_rc(v, "", IX_OPEN_READ), -EINVAL);
	assert_int_equal(ix_vfs_unlink(v, ""), -EINVAL);
	memset(name, 'x', sizeof(name));
	name[256] = '\0';
	assert_int_equal(ix_vfs_stat(v, name, &st), -EINVAL);
	name[255] = '\0';
	assert_int_equal(ix_vfs_stat(v, name, &st), -ENOENT);
	/* Names that only look like the forbidden ones are names. */
	put(v, "...", "dots");
	put(v, "..a", "dots");
	assert_int_equal(ix_vfs_stat(v, "", &st), 0);
	assert_int_equal(st.type, IX_TYPE_DIR);
}

static void data_is_read_as_written(void **state)
{
	struct ix_vfs *v = vfs(state);
	struct ix_file *f;
	struct ix_stat st;
	char data[16];

	assert_int_equal(ix_vfs_open(v, "a", IX_OPEN_WRITE | IX_OPEN_CREATE,
				     &f),
			 0);
	assert_int_equal(ix_file_write(f, "abc", 3, 5), 0);
	assert_int_equal(ix_file_read(f, data, 16, 0), 8);
	assert_memory_equal(data, "\0\0\0\0\0abc", 8);
	assert_int_equal(ix_file_read(f, data, 2, 6), 2);
	assert_memory_equal(data, "bc", 2);
	assert_int_equal(ix_file_read(f, data, 16, 8), 0);
	assert_int_equal(ix_file_read(f, data, 16, 800), 0);
	assert_int_equal(ix_file_write(f, "", 0, 100), 0);
	assert_int_equal(ix_file_stat(f, &st), 0);
	assert_int_equal(st.size, 8);
	assert_int_equal(st.type, IX_TYPE_FILE);
	assert_int_equal(st.nlink, 1);
	assert_int_equal(ix_file_truncate(f, 6), 0);
	assert_int_equal(ix_file_truncate(f, 8), 0);
	assert_int_equal(ix_file_read(f, data, 16, 5), 3);
	assert_memory_equal(data, "a\0\0", 3);
	ix_file_write_behind(f, 0, 8);
	ix_file_write_behind(f, UINT64_MAX, 8);
	assert_int_equal(ix_file_sync(f), 0);
	assert_int_equal(ix_file_read(f, data, 1, UINT64_MAX), -EINVAL);
	assert_int_equal(ix_file_read(f, data, 2, INT64_MAX), -EINVAL);
	assert_int_equal(ix_file_write(f, data, 1, INT64_MAX), -EFBIG);
	assert_int_equal(ix_file_truncate(f, UINT64_MAX), -EFBIG);
	assert_int_equal(ix_file_reserve(f, UINT64_MAX), -EFBIG);
	ix_file_close(f);
}

static void reserve_keeps_the_size(void **state)
{
	struct ix_vfs *v = vfs(state);
	struct ix_file *f;
	struct ix_stat st;
	int rc;

	put(v, "a", "hello");
	assert_int_equal(ix_vfs_open(v, "a", IX_OPEN_WRITE, &f), 0);
	rc = ix_file_reserve(f, 100000);
	assert_true(rc == 0 || rc == -EOPNOTSUPP);
	assert_int_equal(ix_file_stat(f, &st), 0);
	assert_int_equal(st.size, 5);
	if (!rc)
		assert_true(st.blocks * 512 >= 100000);
	assert_int_equal(ix_file_truncate(f, 5), 0);
	assert_int_equal(ix_file_stat(f, &st), 0);
	assert_true(st.blocks * 512 <= 65536);
	assert_int_equal(ix_file_reserve(f, 0), 0);
	ix_file_close(f);
	expect(v, "a", "hello");
}

static void names_follow_rename_link_unlink(void **state)
{
	struct ix_vfs *v = vfs(state);
	struct ix_file *f;
	struct ix_stat a;
	struct ix_stat b;
	char data[8];

	put(v, "a", "one");
	put(v, "b", "two");
	assert_int_equal(ix_vfs_mkdir(v, "d"), 0);
	assert_int_equal(ix_vfs_mkdir(v, "d"), -EEXIST);
	assert_int_equal(ix_vfs_mkdir(v, "a"), -EEXIST);
	assert_int_equal(ix_vfs_mkdir(v, "x/y"), -ENOENT);

	assert_int_equal(ix_vfs_link(v, "a", "d/a"), 0);
	assert_int_equal(ix_vfs_link(v, "a", "b"), -EEXIST);
	assert_int_equal(ix_vfs_link(v, "x", "y"), -ENOENT);
	assert_int_equal(ix_vfs_link(v, "d", "y"), -EPERM);
	assert_int_equal(ix_vfs_stat(v, "a", &a), 0);
	assert_int_equal(ix_vfs_stat(v, "d/a", &b), 0);
	assert_int_equal(a.ino, b.ino);
	assert_int_equal(a.nlink, 2);
	/* Renaming one name of a file over another does nothing. */
	assert_int_equal(ix_vfs_rename(v, "a", "d/a"), 0);
	expect(v, "a", "one");
	assert_int_equal(ix_vfs_unlink(v, "a"), 0);
	assert_int_equal(ix_vfs_unlink(v, "a"), -ENOENT);
	expect(v, "d/a", "one");

	/* Replaced and removed files live on in their handles. */
	assert_int_equal(ix_vfs_open(v, "b", IX_OPEN_READ, &f), 0);
	assert_int_equal(ix_vfs_rename(v, "d/a", "b"), 0);
	expect(v, "b", "one");
	assert_int_equal(ix_file_read(f, data, 8, 0), 3);
	assert_memory_equal(data, "two", 3);
	assert_int_equal(ix_file_stat(f, &a), 0);
	assert_int_equal(a.nlink, 0);
	ix_file_close(f);

	assert_int_equal(ix_vfs_rename(v, "d/a", "b"), -ENOENT);
	assert_int_equal(ix_vfs_rename(v, "b", "x/b"), -ENOENT);
	assert_int_equal(ix_vfs_rename(v, "b", "d"), -EISDIR);
	assert_int_equal(ix_vfs_rename(v, "d", "b"), -ENOTDIR);
	assert_int_equal(ix_vfs_unlink(v, "d"), -EISDIR);
	assert_int_equal(ix_vfs_rmdir(v, "b"), -ENOTDIR);
	assert_int_equal(ix_vfs_rmdir(v, "x"), -ENOENT);
}

static void directories_move_as_a_whole(void **state)
{
	struct ix_vfs *v = vfs(state);
	struct ix_stat st;

	assert_int_equal(ix_vfs_mkdir(v, "d"), 0);
	assert_int_equal(ix_vfs_mkdir(v, "d/e"), 0);
	assert_int_equal(ix_vfs_mkdir(v, "g"), 0);
	put(v, "d/e/f", "deep");
	assert_int_equal(ix_vfs_rmdir(v, "d"), -ENOTEMPTY);
	assert_int_equal(ix_vfs_rename(v, "d", "d/e/x"), -EINVAL);
	assert_int_equal(ix_vfs_rename(v, "g", "d"), -ENOTEMPTY);
	assert_int_equal(ix_vfs_rename(v, "d/e", "g"), 0);
	expect(v, "g/f", "deep");
	assert_int_equal(ix_vfs_stat(v, "d/e", &st), -ENOENT);
	assert_int_equal(ix_vfs_rename(v, "g", "d/g"), 0);
	expect(v, "d/g/f", "deep");
	assert_int_equal(ix_vfs_sync_dir(v, ""), 0);
	assert_int_equal(ix_vfs_sync_dir(v, "d/g"), 0);
	assert_int_equal(ix_vfs_sync_dir(v, "x"), -ENOENT);
	assert_int_equal(ix_vfs_sync_dir(v, "d/g/f"), -ENOTDIR);
	assert_int_equal(ix_vfs_unlink(v, "d/g/f"), 0);
	assert_int_equal(ix_vfs_rmdir(v, "d/g"), 0);
	assert_int_equal(ix_vfs_rmdir(v, "d"), 0);
	assert_int_equal(ix_vfs_stat(v, "d", &st), -ENOENT);
}

struct seen {
	struct ix_vfs *v;
	unsigned mask;
	unsigned n;
	unsigned stop_at;
};

static int see(void *ctx, const char *name, enum ix_file_type type)
{
	struct seen *s = ctx;
	char path[32];
	struct ix_stat st;

	assert_int_equal(strlen(name), 2);
	assert_int_equal(type, name[0] == 'd' ? IX_TYPE_DIR : IX_TYPE_FILE);
	s->mask |= 1u << (name[1] - '0');
	/* The vfs may be used meanwhile. */
	snprintf(path, sizeof(path), "top/%s", name);
	assert_int_equal(ix_vfs_stat(s->v, path, &st), 0);
	return ++s->n == s->stop_at ? 42 : 0;
}

static void list_shows_each_entry_once(void **state)
{
	struct ix_vfs *v = vfs(state);
	struct seen s = { .v = v };

	assert_int_equal(ix_vfs_mkdir(v, "top"), 0);
	put(v, "top/f0", "");
	put(v, "top/f1", "");
	put(v, "top/f2", "");
	assert_int_equal(ix_vfs_mkdir(v, "top/d3"), 0);
	put(v, "top/d3/x", "");
	assert_int_equal(ix_vfs_list(v, "top", see, &s), 0);
	assert_int_equal(s.n, 4);
	assert_int_equal(s.mask, 15);
	s.n = 0;
	s.stop_at = 2;
	assert_int_equal(ix_vfs_list(v, "top", see, &s), 42);
	assert_int_equal(s.n, 2);
	assert_int_equal(ix_vfs_list(v, "none", see, &s), -ENOENT);
	assert_int_equal(ix_vfs_list(v, "top/f0", see, &s), -ENOTDIR);
}

static void locks_exclude(void **state)
{
	struct ix_vfs *v = vfs(state);
	struct ix_file *a;
	struct ix_file *b;
	struct ix_file *c;
	uint64_t t0;

	assert_int_equal(ix_vfs_lock(v, "L", IX_LOCK_EXCLUSIVE, 0, &a), 0);
	assert_int_equal(ix_vfs_lock(v, "L", IX_LOCK_SHARED, 0, &b),
			 -EWOULDBLOCK);
	assert_null(b);
	t0 = ix_now_ns();
	assert_int_equal(ix_vfs_lock(v, "L", IX_LOCK_EXCLUSIVE, 30, &b),
			 -EWOULDBLOCK);
	assert_true(ix_now_ns() - t0 >= 29000000);
	ix_file_close(a);
	assert_int_equal(ix_vfs_lock(v, "L", IX_LOCK_SHARED, 0, &a), 0);
	assert_int_equal(ix_vfs_lock(v, "L", IX_LOCK_SHARED, 0, &b), 0);
	assert_int_equal(ix_vfs_lock(v, "L", IX_LOCK_EXCLUSIVE, 0, &c),
			 -EWOULDBLOCK);
	ix_file_close(a);
	ix_file_close(b);
	assert_int_equal(ix_vfs_lock(v, "L", IX_LOCK_EXCLUSIVE, 0, &c), 0);
	ix_file_close(c);
}

static void *close_later(void *file)
{
	usleep(20000); /* the waiter should be waiting by then */
	ix_file_close(file);
	return NULL;
}

static void lock_waits_for_its_holder(void **state)
{
	struct ix_vfs *v = vfs(state);
	struct ix_file *a;
	struct ix_file *b;
	pthread_t t;

	assert_int_equal(ix_vfs_lock(v, "L", IX_LOCK_EXCLUSIVE, 0, &a), 0);
	assert_int_equal(pthread_create(&t, NULL, close_later, a), 0);
	assert_int_equal(ix_vfs_lock(v, "L", IX_LOCK_EXCLUSIVE, 10000, &b), 0);
	pthread_join(t, NULL);
	ix_file_close(b);
}

static void copy_range_copies(void **state)
{
	struct ix_vfs *v = vfs(state);
	struct ix_file *a;
	struct ix_file *b;
	char *data = malloc(100000);
	char *back = malloc(100000);
	struct test_rng r;
	int rc;

	test_rng_init(&r, 1);
	test_rand_bytes(&r, data, 100000);
	assert_int_equal(ix_vfs_open(v, "a", IX_OPEN_WRITE | IX_OPEN_CREATE,
				     &a),
			 0);
	assert_int_equal(ix_vfs_open(v, "b", IX_OPEN_WRITE | IX_OPEN_CREATE,
				     &b),
			 0);
	assert_int_equal(ix_file_write(a, data, 100000, 0), 0);
	rc = ix_file_copy_range(a, 4096, b, 8192, 90001);
	assert_true(rc == 0 || rc == -EOPNOTSUPP);
	if (!rc) {
		assert_int_equal(ix_file_read(b, back, 100000, 0),
				 90001 + 8192);
		assert_memory_equal(back + 8192, data + 4096, 90001);
	}
	assert_int_equal(ix_file_copy_range(a, 4096, b, 0, 99999), -EINVAL);
	assert_int_equal(ix_file_copy_range(a, UINT64_MAX, b, 0, 2), -EINVAL);
	assert_int_equal(ix_file_copy_range(a, 0, b, UINT64_MAX, 2), -EFBIG);
	assert_int_equal(ix_file_copy_range(a, 0, b, 0, 0), 0);
	ix_file_close(a);
	ix_file_close(b);
	free(data);
	free(back);
}

static void map_outlives_its_file(void **state)
{
	struct ix_vfs *v = vfs(state);
	struct ix_map m;
	struct ix_map empty;
	struct ix_file *f;

	put(v, "a", "mapped");
	assert_int_equal(ix_vfs_open(v, "a", IX_OPEN_READ, &f), 0);
	assert_int_equal(ix_file_map(f, 7, &m), -EINVAL);
	assert_int_equal(ix_file_map(f, UINT64_MAX, &m), -EINVAL);
	assert_int_equal(ix_file_map(f, 0, &empty), 0);
	assert_non_null(empty.data);
	assert_int_equal(empty.size, 0);
	assert_int_equal(ix_file_map(f, 5, &m), 0);
	ix_file_close(f);
	assert_int_equal(ix_vfs_unlink(v, "a"), 0);
	assert_int_equal(m.size, 5);
	assert_memory_equal(m.data, "mappe", 5);
	ix_map_release(&m);
	ix_map_release(&m);
	ix_map_release(&empty);
}

static void space_is_told(void **state)
{
	struct ix_space sp;

	assert_int_equal(ix_vfs_space(vfs(state), &sp), 0);
	assert_true(sp.total_bytes > 0);
	assert_true(sp.free_bytes <= sp.total_bytes);
}

static void direct_files_obey_alignment(void **state)
{
	struct ix_vfs *v = vfs(state);
	struct ix_file *f;
	uint8_t *p = aligned_alloc(4096, 16384);

	assert_int_equal(ix_vfs_open(v, "a",
				     IX_OPEN_WRITE | IX_OPEN_CREATE |
					     IX_OPEN_DIRECT,
				     &f),
			 0);
	memset(p, 'x', 16384);
	assert_int_equal(ix_file_write(f, p, 8192, 0), 0);
	assert_int_equal(ix_file_truncate(f, 5000), 0);
	memset(p, 0, 16384);
	/* The end of the file is found although it is off the grid. */
	assert_int_equal(ix_file_read(f, p, 16384, 0), 5000);
	assert_int_equal(p[4999], 'x');
	assert_int_equal(p[5000], 0);
	assert_int_equal(ix_file_read(f, p, 16384, 4096), 904);
	assert_int_equal(ix_file_read(f, p, 16384, 8192), 0);
	ix_file_close(f);
	free(p);
}

static int fail_next_alloc;

static int fail_once(void)
{
	return fail_next_alloc && !--fail_next_alloc;
}

static void lack_of_memory_leaves_no_file(void **state)
{
	struct ix_vfs *v = vfs(state);
	struct ix_stat st;

	ix_mem_fail_hook = fail_once;
	fail_next_alloc = 1;
	assert_int_equal(open_rc(v, "a", IX_OPEN_WRITE | IX_OPEN_CREATE),
			 -ENOMEM);
	ix_mem_fail_hook = NULL;
	assert_int_equal(ix_vfs_stat(v, "a", &st), -ENOENT);
}

/* ---- the real filesystem only ---- */

static void links_and_fifos_are_refused(void **state)
{
	struct fixture *x = *state;
	struct ix_vfs *v = x->v;
	char path[TEST_PATH_MAX];
	struct ix_stat st;

	put(v, "target", "secret");
	assert_int_equal(ix_vfs_mkdir(v, "d"), 0);
	put(v, "d/f", "x");
	assert_int_equal(symlink("target", test_path(path, x->dir, "s")), 0);
	assert_int_equal(symlink("d", test_path(path, x->dir, "sd")), 0);
	assert_int_equal(mkfifo(test_path(path, x->dir, "fifo"), 0600), 0);
	assert_int_equal(open_rc(v, "s", IX_OPEN_READ), -ELOOP);
	assert_int_equal(open_rc(v, "s", IX_OPEN_WRITE | IX_OPEN_CREATE),
			 -ELOOP);
	assert_int_equal(open_rc(v, "sd/f", IX_OPEN_READ), -ENOTDIR);
	assert_int_equal(ix_vfs_unlink(v, "sd/f"), -ENOTDIR);
	assert_int_equal(ix_vfs_stat(v, "s", &st), 0);
	assert_int_equal(st.type, IX_TYPE_OTHER);
	assert_int_equal(open_rc(v, "fifo", IX_OPEN_READ), -ENXIO);
	assert_int_equal(open_rc(v, "fifo", IX_OPEN_WRITE), -ENXIO);
	assert_int_equal(ix_vfs_stat(v, "fifo", &st), 0);
	assert_int_equal(st.type, IX_TYPE_OTHER);
}

static void descriptors_are_clean(void **state)
{
	struct ix_vfs *v = vfs(state);
	struct ix_file *f;

	put(v, "a", "x");
	assert_int_equal(ix_vfs_open(v, "a", IX_OPEN_WRITE, &f), 0);
	assert_true(ix_file_fd(f) >= 0);
	assert_int_equal(fcntl(ix_file_fd(f), F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(ix_file_fd(f), F_GETFL) &
				 (O_NONBLOCK | O_DIRECT),
			 0);
	assert_int_equal(ix_file_is_direct(f), 0);
	ix_file_close(f);
}

static void a_missing_root_is_refused(void **state)
{
	struct ix_vfs *v = (void *)1;
	char path[TEST_PATH_MAX];

	test_path(path, ((struct fixture *)*state)->dir, "none");
	assert_int_equal(ix_vfs_posix_new(path, &v), -ENOENT);
	assert_null(v);
	assert_non_null(strstr(ix_fail_text(), path));
}

/* ---- the simulated disk only ---- */

static void capacity_bounds_the_disk(void **state)
{
	struct ix_vfs *v = vfs(state);
	struct ix_sim *s = ix_sim_of(v);
	struct ix_file *a;
	struct ix_file *b;
	struct ix_space sp;
	char data[1000] = { 0 };
	struct ix_stat st;

	ix_sim_set_capacity(s, 2500);
	assert_int_equal(ix_vfs_open(v, "a", IX_OPEN_WRITE | IX_OPEN_CREATE,
				     &a),
			 0);
	assert_int_equal(ix_vfs_open(v, "b", IX_OPEN_WRITE | IX_OPEN_CREATE,
				     &b),
			 0);
	assert_int_equal(ix_file_write(a, data, 1000, 0), 0);
	assert_int_equal(ix_file_reserve(b, 1600), -ENOSPC);
	assert_int_equal(ix_file_reserve(b, 1200), 0);
	assert_int_equal(ix_file_write(a, data, 1000, 1000), -ENOSPC);
	assert_int_equal(ix_file_stat(a, &st), 0);
	assert_int_equal(st.size, 1300);
	assert_int_equal(ix_file_write(b, data, 1000, 200), 0);
	assert_int_equal(ix_vfs_space(v, &sp), 0);
	assert_int_equal(sp.free_bytes, 0);
	assert_int_equal(ix_file_truncate(a, 1301), -ENOSPC);
	assert_int_equal(ix_vfs_unlink(v, "a"), 0);
	assert_int_equal(ix_vfs_space(v, &sp), 0);
	assert_int_equal(sp.free_bytes, 0); /* still open */
	ix_file_close(a);
	assert_int_equal(ix_vfs_space(v, &sp), 0);
	assert_int_equal(sp.free_bytes, 1300);
	ix_file_close(b);
}

static void nth_operation_fails(void **state)
{
	struct ix_vfs *v = vfs(state);
	struct ix_sim *s = ix_sim_of(v);
	struct ix_file *f;

	assert_int_equal(ix_vfs_open(v, "a", IX_OPEN_WRITE | IX_OPEN_CREATE,
				     &f),
			 0);
	ix_sim_fail(s, IX_SIM_WRITE | IX_SIM_SYNC, 3, EDQUOT, 0);
	assert_int_equal(ix_file_write(f, "x", 1, 0), 0);
	assert_int_equal(ix_file_sync(f), 0);
	assert_false(ix_sim_fault_hit(s));
	assert_int_equal(ix_file_write(f, "x", 1, 0), -EDQUOT);
	assert_true(ix_sim_fault_hit(s));
	assert_int_equal(ix_file_write(f, "x", 1, 0), 0);
	assert_int_equal(ix_sim_count(s, IX_SIM_WRITE), 3);
	assert_int_equal(ix_sim_count(s, IX_SIM_ALL), 4);
	ix_sim_fail(s, IX_SIM_ALL, 2, EIO, 1);
	assert_int_equal(ix_file_sync(f), 0);
	assert_int_equal(ix_file_sync(f), -EIO);
	assert_int_equal(ix_vfs_unlink(v, "a"), -EIO);
	ix_sim_fail(s, 0, 0, 0, 0);
	assert_int_equal(ix_vfs_unlink(v, "a"), 0);
	ix_file_close(f);
}

static void flip_damages_one_byte(void **state)
{
	struct ix_vfs *v = vfs(state);
	struct ix_sim *s = ix_sim_of(v);

	assert_int_equal(ix_vfs_mkdir(v, "d"), 0);
	put(v, "d/a", "hello");
	assert_int_equal(ix_sim_flip(s, "d/a", 1, 'e' ^ 'E'), 0);
	expect(v, "d/a", "hEllo");
	assert_int_equal(ix_sim_flip(s, "d/a", 5, 1), -EINVAL);
	assert_int_equal(ix_sim_flip(s, "d/b", 0, 1), -ENOENT);
	assert_int_equal(ix_sim_flip(s, "d", 0, 1), -EINVAL);
	assert_null(ix_sim_of(NULL));
}

static void clone_is_independent(void **state)
{
	struct ix_vfs *v = vfs(state);
	struct ix_vfs *w;

	assert_int_equal(ix_vfs_mkdir(v, "d"), 0);
	put(v, "d/a", "hello");
	assert_int_equal(ix_vfs_link(v, "d/a", "b"), 0);
	assert_int_equal(ix_sim_clone(ix_sim_of(v), &w), 0);
	assert_int_equal(ix_sim_crash_states(ix_sim_of(w), 100), 1);
	put(v, "d/a", "changed");
	expect(w, "d/a", "hello");
	put(w, "b", "other");
	expect(w, "d/a", "other");
	expect(v, "d/a", "changed");
	ix_vfs_free(w);
}

#define BOTH(test)                                      \
 { #test "/posix", test, setup_posix, teardown, NULL }, \
 {                                                      \
#  test "/sim", test, setup_sim, teardown, NULL         \
 }
#define POSIX(test)                        \
 {                                         \
#  test, test, setup_posix, teardown, NULL \
 }
#define SIM(test)                        \
 {                                       \
#  test, test, setup_sim, teardown, NULL \
 }

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(open_flags_mean_what_they_say),
		BOTH(paths_cannot_leave_the_root),
		BOTH(data_is_read_as_written),
		BOTH(reserve_keeps_the_size),
		BOTH(names_follow_rename_link_unlink),
		BOTH(directories_move_as_a_whole),
		BOTH(list_shows_each_entry_once),
		BOTH(locks_exclude),
		BOTH(lock_waits_for_its_holder),
		BOTH(copy_range_copies),
		BOTH(map_outlives_its_file),
		BOTH(space_is_told),
		BOTH(direct_files_obey_alignment),
		BOTH(lack_of_memory_leaves_no_file),
		POSIX(links_and_fifos_are_refused),
		POSIX(descriptors_are_clean),
		POSIX(a_missing_root_is_refused),
		SIM(capacity_bounds_the_disk),
		SIM(nth_operation_fails),
		SIM(flip_damages_one_byte),
		SIM(clone_is_independent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
