/* SPDX-License-Identifier: MIT */
/*
 * Goal: the small tools of core/base keep their contracts at the limits:
 * codec, utf8, id, hash, err, log. (buf, mem and arena are in test_buf.c, json
 * in test_json.c.)
 * Method: literal values at the borders of each range.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <pthread.h>

#include "core/base/codec.h"
#include "core/base/err.h"
#include "core/base/hash.h"
#include "core/base/id.h"
#include "core/base/log.h"
#include "core/base/utf8.h"

/* --- codec ------------------------------------------------------------- */

static void fixed_integers_are_little_endian(void **state)
{
	uint8_t p[8];

	(void)state;
	ix_put64(p, 0x0807060504030201);
	assert_memory_equal(p, "\x01\x02\x03\x04\x05\x06\x07\x08", 8);
	assert_true(ix_get64(p) == 0x0807060504030201);
	assert_true(ix_get64be(p) == 0x0102030405060708);
	assert_int_equal(ix_get32(p + 1), 0x05040302);
	assert_int_equal(ix_get16(p + 1), 0x0302);
	assert_true(ix_align_up(0, 4096) == 0);
	assert_true(ix_align_up(1, 4096) == 4096);
	assert_true(ix_align_up(4096, 4096) == 4096);
}

static void varints_round_trip(void **state)
{
	(void)state;
	for (unsigned bit = 0; bit <= 64; bit++)
		for (int delta = -1; delta <= 1; delta++) {
			uint64_t v = (bit < 64 ? 1ull << bit : 0) +
				     (uint64_t)(int64_t)delta;
			uint8_t bytes[IX_VARINT64_MAX];
			size_t n = (size_t)(ix_put_varint(bytes, v) - bytes);
			const uint8_t *p = bytes;
			uint64_t got = ~v;
			uint32_t got32 = 77;

			assert_int_equal(n, ix_varint_size(v));
			assert_int_equal(ix_get_varint64(&p, bytes + n, &got),
					 0);
			assert_true(got == v && p == bytes + n);
			p = bytes;
			if (v <= UINT32_MAX) {
				assert_int_equal(ix_get_varint32(&p, bytes + n,
								 &got32),
						 0);
				assert_true(got32 == v && p == bytes + n);
			} else {
				assert_int_equal(ix_get_varint32(&p, bytes + n,
								 &got32),
						 -1);
				assert_true(got32 == 77 && p == bytes);
			}
			/* Cut off anywhere: an error, cursor untouched. */
			for (size_t cut = 0; cut < n; cut++) {
				p = bytes;
				assert_int_equal(ix_get_varint64(&p,
								 bytes + cut,
								 &got),
						 -1);
				assert_ptr_equal(p, bytes);
				assert_int_equal(ix_get_varint32(&p,
								 bytes + cut,
								 &got32),
						 -1);
				assert_ptr_equal(p, bytes);
			}
		}
}

static void malformed_varints_are_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		int rc64, rc32;
	} cases[] = {
		{ "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, 0, -1 },
		{ "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10, -1, -1 },
		{ "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 10, -1, -1 },
		{ "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00", 11, -1, -1 },
		{ "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 11, -1, -1 },
		{ "\xff\xff\xff\xff\x0f", 5, 0, 0 },
		{ "\xff\xff\xff\xff\x1f", 5, 0, -1 },
		{ "\x80\x80\x80\x80\x00", 5, 0, 0 },
		{ "\x80\x80\x80\x80\x80\x00", 6, 0, -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const uint8_t *start = (const uint8_t *)cases[i].bytes;
		const uint8_t *end = start + cases[i].n, *p = start;
		uint64_t v64;
		uint32_t v32;

		assert_int_equal(ix_get_varint64(&p, end, &v64), cases[i].rc64);
		assert_ptr_equal(p, cases[i].rc64 ? start : end);
		p = start;
		assert_int_equal(ix_get_varint32(&p, end, &v32), cases[i].rc32);
		assert_ptr_equal(p, cases[i].rc32 ? start : end);
	}
}

/* --- utf8 -------------------------------------------------------------- */

static void utf8_round_trips(void **state)
{
	(void)state;
	for (uint32_t cp = 0; cp < 0x110000; cp++) {
		char bytes[4];
		uint32_t got;
		unsigned n;

		if (cp >= 0xd800 && cp < 0xe000)
			continue;
		n = ix_utf8_encode(cp, bytes);
		assert_int_equal(ix_utf8_decode(bytes, n, &got), n);
		assert_int_equal(got, cp);
		assert_true(ix_utf8_valid(bytes, n));
		if (n > 1) {
			assert_false(ix_utf8_valid(bytes, n - 1));
			assert_int_equal(ix_utf8_decode(bytes, n - 1, &got), 1);
			assert_int_equal(got, 0xfffd);
		}
	}
}

static void invalid_utf8_is_refused(void **state)
{
	static const char *const bad[] = {
		"\x80",
		"\xbf",
		"\xc3",
		"\xc0\x80",
		"\xc1\xbf",
		"\xe0\x80\x80",
		"\xe0\x9f\xbf",
		"\xf0\x80\x80\x80",
		"\xf0\x8f\xbf\xbf",
		"\xed\xa0\x80",
		"\xed\xbf\xbf",
		"\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80",
		"\xfe",
		"\xff",
		"\xc3\x28",
		"\xe2\x28\xa1",
		"\xe2\x82\x28",
		"\xf8\x88\x80\x80\x80",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[64];
		uint32_t cp;

		assert_false(ix_utf8_valid(bad[i], strlen(bad[i])));
		assert_int_equal(ix_utf8_decode(bad[i], strlen(bad[i]), &cp),
				 1);
		assert_int_equal(cp, 0xfffd);
		/* At every distance from the eight bytes checked at once. */
		for (int lead = 0; lead < 20; lead++) {
			int n = snprintf(text, sizeof(text), "%.*s%s", lead,
					 "aaaaaaaaaaaaaaaaaaaa", bad[i]);

			assert_false(ix_utf8_valid(text, (size_t)n));
			assert_true(ix_utf8_valid(text, (size_t)lead));
		}
	}
	assert_true(ix_utf8_valid(NULL, 0));
	assert_true(ix_utf8_valid("\0", 1));
	/* U+FFFD itself is an honest character. */
	assert_true(ix_utf8_valid("\xef\xbf\xbd", 3));
}

static void utf8_is_cleaned_in_place(void **state)
{
	char text[] = "a\nb\x7f\xc3\xa9\xc2\x85\xff\xe2\x82z\xef\xbf\xbd";

	(void)state;
	ix_utf8_clean(text);
	assert_string_equal(text, "a?b?\xc3\xa9?????z\xef\xbf\xbd");
}

/* --- id and hash ------------------------------------------------------- */

static void ids_have_one_spelling(void **state)
{
	static const char good[] = "00112233445566778899aabbccddeeff";
	static const char *const bad[] = {
		"",
		"0",
		"00112233445566778899aabbccddeef",
		"00112233445566778899aabbccddeefff",
		"00112233445566778899AABBCCDDEEFF",
		"00112233445566778899aabbccddeefF",
		"+0112233445566778899aabbccddeeff",
		"-0112233445566778899aabbccddeeff",
		"0x112233445566778899aabbccddeeff",
		" 0112233445566778899aabbccddeeff",
		"00112233445566778899aabbccddeef ",
		"00112233445566778899aabbccddeefg",
		"0011223344556677-899aabbccddeeff",
	};
	struct ix_id id, kept;
	char text[IX_ID_HEX + 1];

	(void)state;
	assert_int_equal(ix_id_parse(good, strlen(good), &id), 0);
	assert_int_equal(id.bytes[1], 0x11);
	assert_int_equal(id.bytes[15], 0xff);
	assert_string_equal(ix_id_format(&id, text), good);
	kept = id;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ix_id_parse(bad[i], strlen(bad[i]), &id),
				 -EINVAL);
	/* The length counts, not a NUL. */
	assert_int_equal(ix_id_parse(good, 31, &id), -EINVAL);
	assert_int_equal(ix_id_parse(good, 33, &id), -EINVAL);
	assert_true(ix_id_equal(&id, &kept));
}

static void ids_sort_like_their_text(void **state)
{
	struct ix_id low =
		ix_id_from_hash((struct ix_u128){ .lo = 2, .hi = 1 });
	struct ix_id high =
		ix_id_from_hash((struct ix_u128){ .lo = 1, .hi = 2 });
	char text[IX_ID_HEX + 1];

	(void)state;
	assert_string_equal(ix_id_format(&low, text),
			    "00000000000000010000000000000002");
	assert_true(ix_id_compare(&low, &high) < 0);
	assert_true(ix_id_compare(&high, &low) > 0);
	assert_false(ix_id_equal(&low, &high));
}

static void sums_carry_and_borrow(void **state)
{
	struct ix_u128 a = { .lo = UINT64_MAX, .hi = 5 };
	struct ix_u128 b = { .lo = 1, .hi = UINT64_MAX };
	struct ix_u128 sum = ix_u128_add(a, b);

	(void)state;
	assert_true(sum.lo == 0 && sum.hi == 5);
	assert_true(ix_u128_equal(ix_u128_sub(sum, b), a));
	assert_true(ix_u128_equal(ix_u128_sub(sum, a), b));
	assert_false(ix_u128_equal(a, b));
}

/* The hashes are on disk: their values are fixed (vectors of xxHash 0.8). */
static void hashes_are_fixed(void **state)
{
	struct ix_hasher *h = ix_hasher_new();
	struct ix_u128 once = ix_hash128("abcdef", 6);

	(void)state;
	assert_true(ix_hash64(NULL, 0) == 0x2d06800538d394c2);
	assert_true(ix_hash64_seed("abc", 3, 0) == ix_hash64("abc", 3));
	assert_true(ix_hash64_seed("abc", 3, 1) != ix_hash64("abc", 3));
	assert_true(ix_hash128(NULL, 0).lo == 0x6001c324468d497f);
	assert_true(ix_hash128(NULL, 0).hi == 0x99aa06d3014798d8);
	assert_non_null(h);
	ix_hasher_add(h, "junk", 4);
	ix_hasher_reset(h);
	ix_hasher_add(h, "abc", 3);
	ix_hasher_add(h, "", 0);
	ix_hasher_add(h, "def", 3);
	assert_true(ix_u128_equal(ix_hasher_digest128(h), once));
	ix_hasher_free(h);
	ix_hasher_free(NULL);
}

/* --- err --------------------------------------------------------------- */

static void failure_texts_chain(void **state)
{
	(void)state;
	ix_fail_clear();
	assert_string_equal(ix_fail_text(), "");
	assert_int_equal(ix_fail_in(-EIO, "outer"), -EIO);
	assert_string_equal(ix_fail_text(), "outer");
	assert_int_equal(ix_fail(-IX_ECORRUPT, "leaf %d", 7), -IX_ECORRUPT);
	assert_int_equal(ix_fail_in(-IX_ESTALE, "a.seg"), -IX_ESTALE);
	assert_int_equal(ix_fail_in(-IX_ESTALE, "merge %s", "9"), -IX_ESTALE);
	assert_string_equal(ix_fail_text(), "merge 9: a.seg: leaf 7");
	/* The present text may be an argument. */
	ix_fail(-EIO, "x: %s", ix_fail_text());
	assert_string_equal(ix_fail_text(), "x: merge 9: a.seg: leaf 7");
	ix_fail_in(-EIO, "%s!", ix_fail_text());
	assert_string_equal(ix_fail_text(), "x: merge 9: a.seg: leaf 7!: "
					    "x: merge 9: a.seg: leaf 7");
	ix_fail_clear();
	assert_string_equal(ix_fail_text(), "");
}

static void long_failure_texts_are_cut(void **state)
{
	char text[2000];

	(void)state;
	memset(text, 'y', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	ix_fail(-EIO, "%s", text);
	assert_int_equal(strlen(ix_fail_text()), IX_FAIL_TEXT_MAX - 1);
	ix_fail_in(-EIO, "%s", "outer");
	assert_int_equal(strlen(ix_fail_text()), IX_FAIL_TEXT_MAX - 1);
	assert_memory_equal(ix_fail_text(), "outer: yyy", 10);
	ix_fail_in(-EIO, "%s", text);
	assert_int_equal(strlen(ix_fail_text()), IX_FAIL_TEXT_MAX - 1);
	/* What is cut, or bad from the start, is still one line of UTF-8. */
	for (size_t i = 0; i + 2 < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xa9", 2);
	ix_fail(-EIO, "\n%s", text);
	assert_true(ix_utf8_valid(ix_fail_text(), strlen(ix_fail_text())));
	assert_int_equal(ix_fail_text()[0], '?');
	ix_fail(-EIO, "%s: bad\nname", "\xff");
	assert_string_equal(ix_fail_text(), "?: bad?name");
	ix_fail_clear();
}

static void *other_thread(void *arg)
{
	(void)arg;
	assert_string_equal(ix_fail_text(), "");
	ix_fail(-EIO, "theirs");
	return NULL;
}

static void failure_texts_belong_to_threads(void **state)
{
	pthread_t thread;

	(void)state;
	ix_fail(-EIO, "mine");
	assert_int_equal(pthread_create(&thread, NULL, other_thread, NULL), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_string_equal(ix_fail_text(), "mine");
	ix_fail_clear();
}

static void codes_have_errnos_and_names(void **state)
{
	(void)state;
	assert_int_equal(ix_err_errno(0), 0);
	assert_int_equal(ix_err_errno(5), 0);
	assert_int_equal(ix_err_errno(-ENOSPC), ENOSPC);
	assert_int_equal(ix_err_errno(-IX_ECORRUPT), EBADMSG);
	assert_int_equal(ix_err_errno(-IX_EDEGRADED), EROFS);
	assert_int_equal(ix_err_errno(-IX_ERR_END), EIO);
	assert_int_equal(ix_err_errno(-(IX_ECORRUPT - 1)), EIO);
	assert_int_equal(ix_err_errno(-4000), EIO);
	assert_int_equal(ix_err_errno(INT32_MIN), EIO);
	for (int code = IX_ECORRUPT; code < IX_ERR_END; code++) {
		assert_true(ix_err_errno(-code) > 0);
		assert_true(ix_err_errno(-code) < 512);
		assert_true(strlen(ix_err_name(-code)) > 0);
	}
	assert_string_equal(ix_err_name(-IX_ESTALE), "source went away");
	assert_non_null(ix_err_name(0));
	assert_non_null(ix_err_name(-4000));
	assert_non_null(ix_err_name(-ENOENT));
	assert_non_null(ix_err_name(INT32_MIN));
	assert_true(ix_err_is_content(-IX_ESCHEMA));
	assert_true(ix_err_is_content(-IX_EINCOMPLETE));
	assert_false(ix_err_is_content(-IX_EINPUT));
	assert_false(ix_err_is_content(-EIO));
	assert_false(ix_err_is_content(0));
}

/* --- log --------------------------------------------------------------- */

static void log_lines_are_single_lines(void **state)
{
	char got[4096], longest[3000];
	int saved = dup(STDERR_FILENO), fd[2];
	ssize_t n;

	(void)state;
	memset(longest, 'l', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(pipe(fd), 0);
	assert_true(dup2(fd[1], STDERR_FILENO) >= 0);
	ix_log_info("below the level");
	ix_log_warn("%s", "a\nixfs: forged\xff");
	ix_log_error("%s", longest);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	n = read(fd[0], got, sizeof(got) - 1);
	close(fd[0]);
	close(fd[1]);
	close(saved);
	assert_true(n > 0);
	got[n] = '\0';
	assert_memory_equal(got, "ixfs: a?ixfs: forged?\nixfs: lll", 31);
	assert_int_equal(got[n - 1], '\n');
	assert_true(strlen(strchr(got, '\n') + 1) <= 1024);
	assert_int_equal(strcspn(strchr(got, '\n') + 1, "\n"),
			 strlen(strchr(got, '\n') + 1) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fixed_integers_are_little_endian),
		cmocka_unit_test(varints_round_trip),
		cmocka_unit_test(malformed_varints_are_refused),
		cmocka_unit_test(utf8_round_trips),
		cmocka_unit_test(invalid_utf8_is_refused),
		cmocka_unit_test(utf8_is_cleaned_in_place),
		cmocka_unit_test(ids_have_one_spelling),
		cmocka_unit_test(ids_sort_like_their_text),
		cmocka_unit_test(sums_carry_and_borrow),
		cmocka_unit_test(hashes_are_fixed),
		cmocka_unit_test(failure_texts_chain),
		cmocka_unit_test(long_failure_texts_are_cut),
		cmocka_unit_test(failure_texts_belong_to_threads),
		cmocka_unit_test(codes_have_errnos_and_names),
		cmocka_unit_test(log_lines_are_single_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
