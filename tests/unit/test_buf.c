/* SPDX-License-Identifier: MIT */
/*
 * Goal: buf, mem and arena of core/base keep their contracts at the limits.
 * Method: literal contents; sizes that overflow; lack of memory, which
 * ix_mem_fail_hook plays.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/mem.h"

static int fail_all(void)
{
	return 1;
}

/* --- buf and mem ------------------------------------------------------- */

static void buffers_append(void **state)
{
	struct ix_buf b = IX_BUF_INIT;

	(void)state;
	assert_string_equal(ix_buf_str(&b), "");
	ix_buf_add(&b, NULL, 0);
	ix_buf_add_u8(&b, 1);
	ix_buf_add_u16(&b, 0x0302);
	ix_buf_add_u32(&b, 0x07060504);
	ix_buf_add_u64(&b, 0x0f0e0d0c0b0a0908);
	ix_buf_add_varint(&b, 300);
	ix_buf_add_zeros(&b, 2);
	assert_int_equal(b.len, 19);
	assert_memory_equal(b.data,
			    "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c"
			    "\x0d\x0e\x0f\xac\x02\0\0",
			    19);
	ix_buf_clear(&b);
	ix_buf_add_str(&b, "x");
	ix_buf_addf(&b, "%d-%s", 42, "y");
	ix_buf_addf(&b, "%s", "");
	assert_string_equal(ix_buf_str(&b), "x42-y");
	assert_int_equal(b.len, 5);
	for (int i = 0; i < 100000; i++)
		ix_buf_add_u8(&b, 'z');
	assert_int_equal(b.len, 100005);
	assert_int_equal(ix_buf_error(&b), 0);
	ix_buf_release(&b);
	assert_null(b.data);
	ix_buf_release(&b);
}

static void json_escapes_follow_rfc_8785(void **state)
{
	static const char all[] = "\x01\x07\b\t\n\x0b\f\r\x0e\x1f \"\\/\x7f"
				  "a\xc3\xa9\xe2\x80\xa8";
	struct ix_buf b = IX_BUF_INIT;

	(void)state;
	ix_buf_add_json(&b, NULL, 0);
	assert_int_equal(b.len, 0);
	ix_buf_add_json(&b, "plain", 5);
	ix_buf_add_json(&b, "\0", 1);
	assert_string_equal(ix_buf_str(&b), "plain\\u0000");
	ix_buf_clear(&b);
	ix_buf_add_json(&b, all, strlen(all));
	assert_string_equal(ix_buf_str(&b),
			    "\\u0001\\u0007\\b\\t\\n\\u000b\\f\\r\\u000e\\u001f"
			    " \\\"\\\\/\x7f"
			    "a\xc3\xa9\xe2\x80\xa8");
	ix_buf_release(&b);
}

static void buffer_errors_stick(void **state)
{
	struct ix_buf b = IX_BUF_INIT;

	(void)state;
	ix_buf_add_str(&b, "kept");
	ix_mem_fail_hook = fail_all;
	ix_buf_add_zeros(&b, 1000);
	ix_mem_fail_hook = NULL;
	assert_int_equal(ix_buf_error(&b), -ENOMEM);
	/* There is memory again, but the string would have a hole. */
	ix_buf_add_str(&b, "x");
	ix_buf_addf(&b, "%d", 1);
	ix_buf_add_varint(&b, 1);
	ix_buf_add_json(&b, "\n", 1);
	assert_null(ix_buf_extend(&b, 1));
	assert_int_equal(ix_buf_reserve(&b, 0), -ENOMEM);
	assert_string_equal(ix_buf_str(&b), "");
	assert_int_equal(b.len, 4);
	ix_buf_clear(&b);
	ix_buf_add_str(&b, "good");
	assert_int_equal(ix_buf_error(&b), 0);
	assert_string_equal(ix_buf_str(&b), "good");
	/* A size that overflows is a lack of memory, not a small buffer. */
	assert_null(ix_buf_extend(&b, SIZE_MAX));
	assert_int_equal(ix_buf_error(&b), -ENOMEM);
	ix_buf_release(&b);
}

static void allocation_sizes_are_checked(void **state)
{
	size_t cap = 0;
	uint64_t *array = NULL;
	char *copy;
	void *p;

	(void)state;
	assert_null(ix_calloc(SIZE_MAX / 2, 3));
	assert_null(ix_realloc(NULL, SIZE_MAX / 2, 3));
	assert_null(ix_strndup("x", SIZE_MAX));
	p = ix_malloc(0);
	assert_non_null(p);
	ix_free(p);
	copy = ix_strndup(NULL, 0);
	assert_string_equal(copy, "");
	ix_free(copy);
	assert_int_equal(ix_grow(&array, &cap, 3, sizeof(*array)), 0);
	assert_true(cap >= 3);
	array[2] = 7;
	assert_int_equal(ix_grow(&array, &cap, SIZE_MAX / 4, sizeof(*array)),
			 -ENOMEM);
	ix_mem_fail_hook = fail_all;
	assert_int_equal(ix_grow(&array, &cap, cap + 1, sizeof(*array)),
			 -ENOMEM);
	assert_int_equal(ix_grow(&array, &cap, cap, sizeof(*array)), 0);
	assert_null(ix_malloc(1));
	assert_null(ix_calloc(1, 1));
	assert_null(ix_strdup("x"));
	ix_mem_fail_hook = NULL;
	assert_true(array[2] == 7);
	ix_free(array);
	ix_free(NULL);
}

/* --- arena ------------------------------------------------------------- */

static void arena_accounts_requests_only(void **state)
{
	static const size_t sizes[] = {
		1, 8, 9, 0, 300000, 7, 1 << 20, 2000000, 24, 262144, 262145, 16
	};
	size_t first = 0, used = 0;
	struct ix_arena a;

	(void)state;
	ix_arena_init(&a);
	assert_int_equal(ix_arena_used(&a), 0);
	assert_non_null(ix_arena_alloc(&a, 0));
	assert_int_equal(ix_arena_used(&a), 0);
	for (int round = 0; round < 3; round++) {
		used = 0;
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			uint8_t *p = ix_arena_alloc(&a, sizes[i]);

			assert_non_null(p);
			assert_int_equal((uintptr_t)p % 8, 0);
			memset(p, 0xa5, sizes[i]);
			used += (sizes[i] + 7) / 8 * 8;
			assert_int_equal(ix_arena_used(&a), used);
		}
		/* The same requests cost the same after a reset. */
		if (!round)
			first = used;
		assert_int_equal(used, first);
		ix_arena_reset(&a);
		assert_int_equal(ix_arena_used(&a), 0);
	}
	ix_arena_release(&a);
	ix_arena_release(&a);
}

static void arena_memory_does_not_overlap(void **state)
{
	enum {
		COUNT = 3000
	};
	static uint8_t *blocks[COUNT];
	struct ix_arena a;

	(void)state;
	ix_arena_init(&a);
	for (int i = 0; i < COUNT; i++) {
		size_t n = (size_t)i * 7919 % 2000 + 1;

		if (i % 500 == 0)
			n += 400000;
		blocks[i] = ix_arena_alloc(&a, n);
		assert_non_null(blocks[i]);
		memset(blocks[i], i & 0xff, n);
	}
	for (int i = 0; i < COUNT; i++) {
		size_t n = (size_t)i * 7919 % 2000 + 1;

		for (size_t k = 0; k < n; k++)
			assert_int_equal(blocks[i][k], i & 0xff);
	}
	ix_arena_release(&a);
}

static void arena_without_memory_is_unchanged(void **state)
{
	struct ix_arena a;
	char *p;

	(void)state;
	ix_arena_init(&a);
	ix_mem_fail_hook = fail_all;
	assert_null(ix_arena_alloc(&a, 8));
	ix_mem_fail_hook = NULL;
	assert_int_equal(ix_arena_used(&a), 0);
	assert_null(ix_arena_alloc(&a, SIZE_MAX));
	assert_null(ix_arena_alloc(&a, SIZE_MAX - 7));
	assert_int_equal(ix_arena_used(&a), 0);
	p = ix_arena_alloc(&a, 8);
	assert_non_null(p);
	memset(p, 0x5a, 8);
	ix_mem_fail_hook = fail_all;
	assert_null(ix_arena_alloc(&a, 2 << 20));
	ix_mem_fail_hook = NULL;
	assert_int_equal(ix_arena_used(&a), 8);
	assert_memory_equal(p, "ZZZZZZZZ", 8);
	ix_arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buffers_append),
		cmocka_unit_test(json_escapes_follow_rfc_8785),
		cmocka_unit_test(buffer_errors_stick),
		cmocka_unit_test(allocation_sizes_are_checked),
		cmocka_unit_test(arena_accounts_requests_only),
		cmocka_unit_test(arena_memory_does_not_overlap),
		cmocka_unit_test(arena_without_memory_is_unchanged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
