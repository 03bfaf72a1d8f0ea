/* SPDX-License-Identifier: MIT */
/* Goal: each -o word does what mount.h says, and nothing else is accepted. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "core/base/err.h"
#include "fs/mount.h"

static void words_set_their_fields(void **state)
{
	struct ixfs_mount_options o;

	(void)state;
	ixfs_mount_options_init(&o);
	assert_int_equal(o.mode, 0444);
	assert_int_equal(o.lock_timeout_ms, 10000);
	assert_int_equal(o.ready_fd, -1);
	assert_int_equal(
		ixfs_mount_options_parse(
			&o, "ro,lazy,,rm_merged,replace,no_merges,merges=3,"
			    "mode=440,ready_fd=7,lock_timeout=0,"
			    "strict_close=0,no_passthrough,allow_other"),
		0);
	assert_true(o.read_only && o.lazy && o.rm_merged && o.replace);
	assert_true(o.no_merges && o.loose_close && o.no_passthrough);
	assert_int_equal(o.merges_max, 3);
	assert_int_equal(o.mode, 0440);
	assert_int_equal(o.ready_fd, 7);
	assert_int_equal(o.lock_timeout_ms, 0);
	assert_int_equal(o.allow_other, 1);
	assert_null(o.fuse_opts);
	assert_int_equal(ixfs_mount_options_parse(&o, "noexec,rw,noatime"), 0);
	assert_int_equal(ixfs_mount_options_parse(&o, "dirsync"), 0);
	assert_string_equal(o.fuse_opts, "noexec,noatime,dirsync");
	assert_false(o.read_only);
	/* Segments are never writable or executable. */
	assert_int_equal(ixfs_mount_options_parse(&o, "mode=777"), 0);
	assert_int_equal(o.mode, 0444);
	ixfs_mount_options_release(&o);
	ixfs_mount_options_release(&o);
}

static void everything_else_is_refused(void **state)
{
	static const char *const bad[] = {
		"RO",
		"lazy=1",
		"merges=0",
		"merges=65",
		"merges=",
		"merges=x",
		"merges=3x",
		"mode=9",
		"mode=0",
		"ready_fd=-1",
		"lock_timeout=",
		"strict_close=2",
		"nonsense",
		"fsname=/etc",
		"subtype=x",
		"ro,nonsense",
		"merges=99999999999999999999",
	};
	struct ixfs_mount_options o;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ixfs_mount_options_init(&o);
		assert_int_equal(ixfs_mount_options_parse(&o, bad[i]),
				 -IX_EINPUT);
		assert_non_null(strstr(ix_fail_text(), "mount option"));
		ixfs_mount_options_release(&o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_set_their_fields),
		cmocka_unit_test(everything_else_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
