/* SPDX-License-Identifier: MIT */
/*
 * Goal: reading the journal and the checkpoint finds what was written, stops
 * at a torn end, and refuses everything else (S-10, S-11). Method: a journal of
 * several batches is cut at every byte and flipped at every byte; a checkpoint
 * likewise. For each damage the outcome is one of: all batches, a prefix that
 * ends where the damage is (only if nothing durable follows), or refusal.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/index/checkpoint.h"
#include "core/index/edit.h"
#include "core/index/journal.h"
#include "core/index/settings.h"
#include "tests/lib/indexes.h"

#define EPOCH 7u

static const struct ix_u128 base = { 11, 22 };

struct seen {
	unsigned n;
	char text[256];
};

static int note(void *ctx, const uint8_t *p, size_t n)
{
	struct seen *s = ctx;
	size_t at = strlen(s->text);

	s->n++;
	snprintf(s->text + at, sizeof(s->text) - at, "%.*s;", (int)n,
		 (const char *)p);
	return 0;
}

/* A disk with a journal of the given payloads; `sync` per batch. */
static struct ix_vfs *write_journal(const char *const *payloads, unsigned n,
				    int sync)
{
	struct ix_journal j;
	struct ix_vfs *v;
	int unsure;

	TEST_OK(ix_sim_new(&v));
	TEST_OK(ix_journal_create_tmp(v, EPOCH, base, &j));
	TEST_OK(ix_journal_publish(v));
	for (unsigned i = 0; i < n; i++)
		TEST_OK(ix_journal_append(&j, payloads[i], strlen(payloads[i]),
					  sync, &unsure));
	ix_journal_close(&j);
	return v;
}

static uint8_t *read_all(struct ix_vfs *v, size_t *np)
{
	struct ix_file *f;
	struct ix_stat st;
	uint8_t *data;

	TEST_OK(ix_vfs_open(v, IX_JOURNAL_FILE, IX_OPEN_READ, &f));
	TEST_OK(ix_file_stat(f, &st));
	data = malloc(st.size);
	assert_non_null(data);
	assert_int_equal(ix_file_read(f, data, st.size, 0), st.size);
	*np = st.size;
	ix_file_close(f);
	return data;
}

static int parse(const uint8_t *data, size_t n, struct seen *s,
		 struct ix_journal *j)
{
	int stale = 0, rc;
	/* An exact allocation shows reads beyond the end. */
	uint8_t *copy = malloc(n ? n : 1);

	assert_non_null(copy);
	memcpy(copy, data, n);
	memset(s, 0, sizeof(*s));
	memset(j, 0, sizeof(*j));
	rc = ix_journal_parse(copy, n, EPOCH, base, note, s, j, &stale);
	assert_int_equal(stale, 0);
	free(copy);
	return rc;
}

static const char *const three[] = { "alpha", "beta-beta-beta", "c" };
static const char *const prefixes[] = { "", "alpha;", "alpha;beta-beta-beta;",
					"alpha;beta-beta-beta;c;" };

static void batches_come_back_in_order(void **state)
{
	struct ix_vfs *v = write_journal(three, 3, 1);
	struct ix_journal j;
	struct seen s = { 0 };
	int stale;

	(void)state;
	TEST_OK(ix_journal_open(v, EPOCH, base, IX_OPEN_WRITE, note, &s, &j,
				&stale));
	assert_string_equal(s.text, "alpha;beta-beta-beta;c;");
	/* And it goes on where it ended. */
	TEST_OK(ix_journal_cut(&j));
	TEST_OK(ix_journal_append(&j, "d", 1, 1, &stale));
	ix_journal_close(&j);
	memset(&s, 0, sizeof(s));
	TEST_OK(ix_journal_open(v, EPOCH, base, IX_OPEN_READ, note, &s, &j,
				&stale));
	assert_string_equal(s.text, "alpha;beta-beta-beta;c;d;");
	ix_journal_close(&j);
	ix_vfs_free(v);
}

static void a_cut_at_any_byte_leaves_a_prefix(void **state)
{
	struct ix_vfs *v = write_journal(three, 3, 1);
	struct ix_journal j;
	struct seen s;
	size_t n, ends[4] = { IX_JOURNAL_HEADER };
	uint8_t *data = read_all(v, &n);

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		ends[i + 1] = ends[i] + 48 + (strlen(three[i]) + 7) / 8 * 8;
	assert_int_equal(ends[3], n);
	for (size_t cut = 0; cut <= n; cut++) {
		unsigned whole = 0;

		if (cut < IX_JOURNAL_HEADER) {
			assert_int_equal(parse(data, cut, &s, &j),
					 -IX_ECORRUPT);
			continue;
		}
		while (whole < 3 && ends[whole + 1] <= cut)
			whole++;
		assert_int_equal(parse(data, cut, &s, &j), 0);
		assert_string_equal(s.text, prefixes[whole]);
		assert_int_equal(j.tail, ends[whole]);
	}
	free(data);
	ix_vfs_free(v);
}

/* Every flipped byte: in the last batch it is cut off, before it is damage. */
static void a_flip_anywhere_is_noticed(void **state)
{
	struct ix_vfs *v = write_journal(three, 3, 1);
	struct ix_journal j;
	struct seen s;
	size_t n, last;
	uint8_t *data = read_all(v, &n);

	(void)state;
	last = n - 48 - 8;
	for (size_t i = 0; i < n; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			int rc;

			data[i] ^= (uint8_t)(1u << bit);
			rc = parse(data, n, &s, &j);
			if (i >= last) {
				assert_int_equal(rc, 0);
				assert_string_equal(s.text, prefixes[2]);
			} else if (i >= 8 && i < 12) {
				assert_int_equal(rc, -IX_EFORMAT);
			} else {
				assert_int_equal(rc, -IX_ECORRUPT);
			}
			data[i] ^= (uint8_t)(1u << bit);
		}
	free(data);
	ix_vfs_free(v);
}

/* The size may reach the disk without the data. */
static void zeros_at_the_end_are_a_torn_end(void **state)
{
	struct ix_vfs *v = write_journal(three, 3, 1);
	struct ix_journal j;
	struct seen s;
	size_t n;
	uint8_t *data = read_all(v, &n);
	uint8_t *longer = calloc(1, n + 5000);

	(void)state;
	assert_non_null(longer);
	memcpy(longer, data, n);
	assert_int_equal(parse(longer, n + 5000, &s, &j), 0);
	assert_string_equal(s.text, prefixes[3]);
	assert_int_equal(j.tail, n);
	free(longer);
	free(data);
	ix_vfs_free(v);
}

/* Batches that were never synced may be lost in any order: not damage. */
static void unsynced_batches_may_be_lost_in_any_order(void **state)
{
	struct ix_vfs *v = write_journal(three, 3, 0);
	struct ix_journal j;
	struct seen s;
	size_t n;
	uint8_t *data = read_all(v, &n);

	(void)state;
	memset(data + IX_JOURNAL_HEADER, 0, 48 + 8);
	assert_int_equal(parse(data, n, &s, &j), 0);
	assert_string_equal(s.text, "");
	free(data);
	ix_vfs_free(v);
}

static void journals_of_other_checkpoints(void **state)
{
	struct ix_vfs *v = write_journal(three, 3, 1);
	const struct ix_u128 other = { 1, 2 };
	struct seen s = { 0 };
	struct ix_journal j;
	int stale;

	(void)state;
	TEST_OK(ix_journal_open(v, EPOCH + 1, base, IX_OPEN_READ, note, &s, &j,
				&stale));
	assert_int_equal(stale, 1);
	assert_int_equal(s.n, 0);
	assert_int_equal(ix_journal_open(v, EPOCH - 1, base, IX_OPEN_READ, note,
					 &s, &j, &stale),
			 -IX_ECORRUPT);
	assert_int_equal(ix_journal_open(v, EPOCH, other, IX_OPEN_READ, note,
					 &s, &j, &stale),
			 -IX_ECORRUPT);
	ix_vfs_free(v);
}

/* Space is set aside: a full disk still takes commits that free some. */
static void a_full_disk_takes_the_last_commits(void **state)
{
	struct ix_journal j;
	struct ix_space sp;
	struct ix_vfs *v;
	char payload[1000];
	int unsure, plain = 0, freeing = 0;

	(void)state;
	memset(payload, 1, sizeof(payload));
	TEST_OK(ix_sim_new(&v));
	TEST_OK(ix_journal_create_tmp(v, EPOCH, base, &j));
	TEST_OK(ix_vfs_space(v, &sp));
	ix_sim_set_capacity(ix_sim_of(v), sp.total_bytes - sp.free_bytes);
	while (!ix_journal_room(&j, sizeof(payload), 0)) {
		TEST_OK(ix_journal_append(&j, payload, sizeof(payload), 1,
					  &unsure));
		plain++;
	}
	while (!ix_journal_room(&j, sizeof(payload), 1)) {
		TEST_OK(ix_journal_append(&j, payload, sizeof(payload), 1,
					  &unsure));
		freeing++;
	}
	assert_true(plain > 400);
	assert_in_range(freeing, 55, 65);
	ix_journal_close(&j);
	ix_vfs_free(v);
}

/* ---- the checkpoint ---- */

static void fill_state(struct ix_state *s)
{
	struct ix_seg_meta m = {
		.registration = 1, .bytes = 4096, .mtime_ns = -7, .doc_count = 5
	};
	struct ix_id leaves[3];
	struct ix_seg *g;

	assert_int_equal(ix_state_init(s), 0);
	free(s->merge_text);
	s->merge_text = ix_settings_default();
	s->next_registration = 5;
	s->seq_limit = 100;
	for (unsigned i = 0; i < 3; i++)
		memset(leaves[i].bytes, (int)i + 1, 16);
	m.id = leaves[0];
	assert_int_equal(ix_state_load_seg(s, 3, &m, 0, NULL, 0, NULL, &g), 0);
	assert_int_equal(ix_state_load_name(s, g, "a\"\\.seg"), 0);
	assert_int_equal(ix_state_load_name(s, g, "\xc3\xa4.seg"), 0);
	memset(m.id.bytes, 9, 16);
	assert_int_equal(ix_state_load_seg(s, 4, &m, 1, leaves + 1, 2,
					   "it is \"bad\"", &g),
			 0);
	assert_int_equal(ix_state_load_name(s, g, "seg_x.seg"), 0);
	m.id = leaves[2];
	assert_int_equal(ix_state_load_delivered(s, "old.seg", &m, leaves + 2,
						 1),
			 0);
}

static void a_checkpoint_comes_back(void **state)
{
	struct ix_buf a = IX_BUF_INIT, b = IX_BUF_INIT;
	struct ix_u128 ha, hb;
	struct ix_state s, t;
	uint64_t epoch;

	(void)state;
	fill_state(&s);
	ix_checkpoint_render(&s, 12, &a, &ha);
	assert_int_equal(ix_state_init(&t), 0);
	TEST_OK(ix_checkpoint_parse(ix_buf_str(&a), a.len, &t, &epoch, &hb));
	assert_int_equal(epoch, 12);
	assert_true(ix_u128_equal(ha, hb));
	ix_checkpoint_render(&t, 12, &b, &hb);
	assert_string_equal(ix_buf_str(&a), ix_buf_str(&b));
	ix_state_release(&s);
	ix_state_release(&t);
	ix_buf_release(&a);
	ix_buf_release(&b);
}

static int parse_checkpoint(const uint8_t *text, size_t n)
{
	struct ix_state s;
	struct ix_u128 hash;
	uint64_t epoch;
	int rc;

	assert_int_equal(ix_state_init(&s), 0);
	rc = ix_checkpoint_parse((const char *)text, n, &s, &epoch, &hash);
	ix_state_release(&s);
	return rc;
}

static void a_changed_checkpoint_is_refused(void **state)
{
	struct ix_buf a = IX_BUF_INIT;
	struct ix_u128 hash;
	struct ix_state s;

	(void)state;
	fill_state(&s);
	ix_checkpoint_render(&s, 12, &a, &hash);
	for (size_t i = 0; i < a.len; i++) {
		a.data[i] ^= 0x04;
		assert_int_equal(parse_checkpoint(a.data, a.len), -IX_ECORRUPT);
		a.data[i] ^= 0x04;
	}
	for (size_t n = 0; n < a.len; n++)
		assert_int_equal(parse_checkpoint(a.data, n), -IX_ECORRUPT);
	assert_int_equal(parse_checkpoint(a.data, a.len), 0);
	ix_state_release(&s);
	ix_buf_release(&a);
}

/* Replace `from` by `to`, with a right checksum. */
static int parse_forged(const char *from, const char *to)
{
	struct ix_buf a = IX_BUF_INIT, b = IX_BUF_INIT;
	char hex[IX_ID_HEX + 1];
	struct ix_u128 hash;
	struct ix_state s;
	struct ix_id sum;
	const char *body, *at;
	int rc;

	fill_state(&s);
	ix_checkpoint_render(&s, 12, &a, &hash);
	ix_state_release(&s);
	body = ix_buf_str(&a) + strlen("{\"checksum\":\"\",") + IX_ID_HEX;
	at = strstr(body, from);
	if (!at)
		fail_msg("%s is not in %s", from, body);
	ix_buf_add_str(&b, "{");
	ix_buf_add(&b, body, (size_t)(at - body));
	ix_buf_add_str(&b, to);
	ix_buf_add_str(&b, at + strlen(from));
	hash = ix_hash128(b.data, b.len);
	sum = ix_id_from_hash(hash);
	ix_buf_clear(&a);
	ix_buf_addf(&a, "{\"checksum\":\"%s\",%s", ix_id_format(&sum, hex),
		    ix_buf_str(&b) + 1);
	rc = parse_checkpoint(a.data, a.len);
	ix_buf_release(&a);
	ix_buf_release(&b);
	return rc;
}

/* A file whose checksum is right may still be hostile (S-11, S-12). */
static void a_forged_checkpoint_is_refused(void **state)
{
	static const struct {
		const char *from, *to;
		int rc;
	} forged[] = {
		{ "\"version\":1", "\"version\":2", -IX_EFORMAT },
		{ "\"version\":1", "\"version\":1,\"new\":1", -IX_ECORRUPT },
		{ "\"epoch\":\"12\"", "\"epoch\":\"-1\"", -IX_ECORRUPT },
		{ "\"seq\":\"3\"", "\"seq\":\"4\"", -IX_ECORRUPT },
		{ "\"seq\":\"3\"", "\"seq\":\"0\"", -IX_ECORRUPT },
		{ "\"seq\":\"3\"", "\"seq\":\"100\"", -IX_ECORRUPT },
		{ "\"seq\":\"3\"", "\"seq\":3.5", -IX_ECORRUPT },
		{ "old.seg", "../x.seg", -IX_ECORRUPT },
		{ "old.seg", "/x.seg", -IX_ECORRUPT },
		{ "old.seg", "seg_x.seg", -IX_ECORRUPT },
		{ "seg_x.seg", ".x.seg", -IX_ECORRUPT },
		{ "seg_x.seg", "a\\u0000.seg", -IX_ECORRUPT },
		{ "\"num_docs\":5", "\"num_docs\":4294967295", -IX_ECORRUPT },
		{ "\"names\":[\"seg_x.seg\"]", "\"names\":[]", -IX_ECORRUPT },
		{ "\"snapshots\":[]", "\"snapshots\":[1]", -IX_ECORRUPT },
		{ "\"pending\":{}", "\"pending\":{\"a\":1}", -IX_ECORRUPT },
		{ "\"total_vectors\":\"0\"", "\"total_vectors\":\"1\"",
		  -IX_ECORRUPT },
		{ "\"02020202020202020202020202020202\",\"03",
		  "\"01010101010101010101010101010101\",\"03", -IX_ECORRUPT },
		{ "\"02020202020202020202020202020202\"]",
		  "\"08080808080808080808080808080808\"]", -IX_ECORRUPT },
		{ ",\"0303", ",\"0003", -IX_ECORRUPT },
		{ "0909090909090909", "0A09090909090909", -IX_ECORRUPT },
		{ "\"policy\":\"default\"", "\"policy\":\"x\"", -IX_ECORRUPT },
	};

	(void)state;
	assert_int_equal(parse_forged("\"version\":1", "\"version\":1"), 0);
	for (size_t i = 0; i < sizeof(forged) / sizeof(forged[0]); i++) {
		int rc = parse_forged(forged[i].from, forged[i].to);

		if (rc != forged[i].rc)
			fail_msg("%s: %s", forged[i].to, ix_err_name(rc));
	}
}

/* ---- both, in an index ---- */

static void must_refuse(struct ix_vfs *v, int expected)
{
	struct ix_index *ix;
	uint64_t before = ix_sim_mutations(ix_sim_of(v));
	int rc = test_index_try_open(v, 0, &ix);

	assert_int_equal(rc, expected);
	/* LOCK is taken: it is created, cut and written, and nothing else. */
	assert_true(ix_sim_mutations(ix_sim_of(v)) - before <= 3);
}

/* S-10: the main file cannot be read; its previous version is no substitute. */
static void no_other_file_replaces_metadata_json(void **state)
{
	struct ix_vfs *v = test_index_disk();
	struct ix_index *ix = test_index_open(v, 0);

	(void)state;
	test_register(ix, "a.seg", test_seg(1));
	ix_index_close(ix);
	assert_true(test_exists(v, IX_METADATA_PREV));
	TEST_OK(ix_vfs_rename(v, IX_METADATA_FILE, IX_METADATA_TMP));
	assert_int_equal(test_index_try_open(v, 0, &ix), -ENOENT);
	TEST_OK(ix_vfs_rename(v, IX_METADATA_TMP, IX_METADATA_FILE));
	ix_sim_fail(ix_sim_of(v), IX_SIM_READ, 1, EIO, 1);
	must_refuse(v, -EIO);
	ix_sim_fail(ix_sim_of(v), 0, 0, 0, 0);
	/* A left-over temporary file is ignored and removed. */
	test_put(v, IX_METADATA_TMP, test_seg(2));
	ix = test_index_open(v, 0);
	assert_false(test_exists(v, IX_METADATA_TMP));
	assert_true(test_has(ix, "a.seg"));
	ix_index_close(ix);
	ix_vfs_free(v);
}

/* S-11: a flip in metadata or in a synced batch; nothing is written. */
static void a_damaged_index_is_refused_untouched(void **state)
{
	struct ix_vfs *v = test_index_disk(), *copy;
	struct ix_index *ix = test_index_open(v, 0);
	struct ix_stat st;

	(void)state;
	test_register(ix, "a.seg", test_seg(1));
	test_register(ix, "b.seg", test_seg(2));
	TEST_OK(ix_sim_clone(ix_sim_of(v), &copy));
	ix_index_close(ix);
	ix_vfs_free(v);
	TEST_OK(ix_vfs_stat(copy, IX_METADATA_FILE, &st));
	for (uint64_t i = 0; i < st.size; i += 13) {
		TEST_OK(ix_sim_flip(ix_sim_of(copy), IX_METADATA_FILE, i, 1));
		must_refuse(copy, -IX_ECORRUPT);
		TEST_OK(ix_sim_flip(ix_sim_of(copy), IX_METADATA_FILE, i, 1));
	}
	TEST_OK(ix_sim_flip(ix_sim_of(copy), IX_JOURNAL_FILE, 70, 1));
	must_refuse(copy, -IX_ECORRUPT);
	TEST_OK(ix_sim_flip(ix_sim_of(copy), IX_JOURNAL_FILE, 70, 1));
	TEST_OK(ix_vfs_rename(copy, IX_JOURNAL_FILE, "elsewhere"));
	must_refuse(copy, -IX_ECORRUPT);
	TEST_OK(ix_vfs_rename(copy, "elsewhere", IX_JOURNAL_FILE));
	ix = test_index_open(copy, 0);
	assert_int_equal(test_index_check(ix), 2 * TEST_SEG_DOCS);
	ix_index_close(ix);
	ix_vfs_free(copy);
}

/* ---- edits ---- */

static void edits_survive_the_wire(void **state)
{
	struct ix_edit e = { .type = IX_EDIT_ADD, .flags = IX_EDIT_REPLACE };
	const uint64_t sources[] = { 5, UINT64_MAX };
	struct ix_buf a = IX_BUF_INIT, b = IX_BUF_INIT;
	struct ix_id leaves[2] = { { { 1 } }, { { 2 } } };
	struct ix_edit d;
	const uint8_t *p;

	(void)state;
	e.seq = UINT64_MAX;
	e.meta.bytes = 1;
	e.meta.mtime_ns = INT64_MIN;
	e.meta.doc_count = 0x7fffffff;
	TEST_OK(ix_edit_add_name(&e, "a.seg"));
	TEST_OK(ix_edit_set_sources(&e, sources, 2));
	TEST_OK(ix_edit_set_leaves(&e, leaves, 2));
	ix_edit_encode(&e, &a);
	p = a.data;
	TEST_OK(ix_edit_decode(&p, a.data + a.len, &d));
	assert_ptr_equal(p, a.data + a.len);
	ix_edit_encode(&d, &b);
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.data, b.data, a.len);
	ix_edit_release(&d);
	for (size_t n = 0; n < a.len; n++) {
		uint8_t *cut = malloc(n ? n : 1);

		assert_non_null(cut);
		memcpy(cut, a.data, n);
		p = cut;
		assert_int_equal(ix_edit_decode(&p, cut + n, &d), -IX_ECORRUPT);
		ix_edit_release(&d);
		free(cut);
	}
	a.data[0] = 99;
	p = a.data;
	assert_int_equal(ix_edit_decode(&p, a.data + a.len, &d), -IX_EFORMAT);
	ix_edit_release(&d);
	ix_edit_release(&e);
	ix_buf_release(&a);
	ix_buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(batches_come_back_in_order),
		cmocka_unit_test(a_cut_at_any_byte_leaves_a_prefix),
		cmocka_unit_test(a_flip_anywhere_is_noticed),
		cmocka_unit_test(zeros_at_the_end_are_a_torn_end),
		cmocka_unit_test(unsynced_batches_may_be_lost_in_any_order),
		cmocka_unit_test(journals_of_other_checkpoints),
		cmocka_unit_test(a_full_disk_takes_the_last_commits),
		cmocka_unit_test(a_checkpoint_comes_back),
		cmocka_unit_test(a_changed_checkpoint_is_refused),
		cmocka_unit_test(a_forged_checkpoint_is_refused),
		cmocka_unit_test(no_other_file_replaces_metadata_json),
		cmocka_unit_test(a_damaged_index_is_refused_untouched),
		cmocka_unit_test(edits_survive_the_wire),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
