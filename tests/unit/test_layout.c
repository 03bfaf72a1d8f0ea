/* SPDX-License-Identifier: MIT */
/*
 * Goal: header, trailer and rows read back; every changed bit of header and
 * trailer is noticed; the extents check accepts the tables a writer makes and
 * refuses each single deviation from the rules.
 * Method: one valid table, then one mutation after the other.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "core/base/codec.h"
#include "core/base/err.h"
#include "core/format/layout.h"
#include "tests/lib/seed.h"

static void header_reads_back_and_every_bit_counts(void **state)
{
	uint8_t h[IX_HEADER_SIZE];

	(void)state;
	ix_header_encode(h);
	assert_int_equal(ix_header_decode(h, sizeof(h)), 0);
	for (size_t n = 0; n < sizeof(h); n++)
		assert_int_equal(ix_header_decode(h, n), -IX_EINCOMPLETE);
	for (size_t bit = 0; bit < sizeof(h) * 8; bit++) {
		h[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(ix_header_decode(h, sizeof(h)),
				 bit < 64 ? -IX_EFORMAT : -IX_ECORRUPT);
		h[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	h[0] = 'x';
	assert_int_equal(ix_header_decode(h, 1), -IX_EFORMAT);
}

/* S-11: a newer version is named, not guessed at. */
static void newer_version_is_refused_by_name(void **state)
{
	uint8_t h[IX_HEADER_SIZE];

	(void)state;
	ix_header_encode(h);
	ix_put32(h + 8, 2);
	ix_put64(h + 56, ix_hash64(h, 56));
	assert_int_equal(ix_header_decode(h, sizeof(h)), -IX_EFORMAT);
	assert_non_null(strstr(ix_fail_text(), "format 2"));
	ix_header_encode(h);
	h[20] = 1;
	ix_put64(h + 56, ix_hash64(h, 56));
	assert_int_equal(ix_header_decode(h, sizeof(h)), -IX_ECORRUPT);
}

/* ---- a small valid file ---- */

#define DOCS 100u

struct file {
	struct ix_extent e[8];
	uint32_t n;
	struct ix_trailer t;
};

static void add(struct file *f, unsigned part, unsigned field, unsigned codec,
		uint32_t base, uint32_t docs, uint64_t offset, uint64_t length,
		uint64_t leaf)
{
	f->e[f->n++] = (struct ix_extent){
		.part = (uint16_t)part,
		.field = (uint16_t)field,
		.codec = (uint16_t)codec,
		.doc_base = base,
		.doc_count = docs,
		.offset = offset,
		.length = length,
		.first_leaf = leaf,
	};
}

static void make(struct file *f)
{
	memset(f, 0, sizeof(*f));
	add(f, IX_PART_POSTINGS, 1, 3, 0, DOCS, 4096, 65537, 0);
	add(f, IX_PART_TERM_INDEX, 1, 1, 0, DOCS, 200704, 41, 3);
	add(f, IX_PART_LENGTHS, 1, 1, 0, DOCS, 200752, 132, 4);
	add(f, IX_PART_COLUMN, 0, 1, 10, 5, 200888, 80, 5);
	add(f, IX_PART_COLUMN, 0, 1, 20, 80, 200968, 81, 6);
	add(f, IX_PART_STORE, IX_NO_FIELD, 1, 0, 60, 73728, 126976, 2);
	add(f, IX_PART_STORE, IX_NO_FIELD, 1, 60, 40, 201056, 300, 7);
	add(f, IX_PART_TIE, IX_NO_FIELD, 1, 0, DOCS, 201360, 800, 8);
	/* The store's first extent has two leaves, so the small ones move. */
	f->e[5].first_leaf = 2;
	f->e[5].length = 126976;
	for (uint32_t i = 1; i <= 4; i++)
		f->e[i].first_leaf++;
	f->e[6].first_leaf++;
	f->e[7].first_leaf++;
	f->t.doc_count = DOCS;
	f->t.meta_offset = 202160;
	f->t.schema_bytes = 30;
	f->t.extent_count = f->n;
	f->t.run_count = 1;
	f->t.lineage_count = 1;
	f->t.leaf_count = 10;
	f->t.file_length =
		f->t.meta_offset + 32 + 8 * 48 + 80 + 32 + 16 + IX_TRAILER_SIZE;
}

static int check(const struct file *f)
{
	uint32_t scratch[8];

	return ix_extents_check(f->e, f->n, &f->t, 2, scratch);
}

static void valid_table_is_accepted(void **state)
{
	struct file f;

	(void)state;
	make(&f);
	if (check(&f))
		fail_msg("%s", ix_fail_text());
}

static void every_deviation_in_the_table_is_refused(void **state)
{
	struct file f;

	(void)state;
	for (uint32_t i = 0; i < 8; i++) {
		for (unsigned what = 0; what < 18; what++) {
			struct ix_extent *e = &f.e[i];

			make(&f);
			switch (what) {
			case 0:
				e->part = 0;
				break;
			case 1:
				e->part = 16;
				break;
			case 2:
				e->field = 2;
				break;
			case 3:
				e->field = e->field == IX_NO_FIELD
						   ? 0
						   : IX_NO_FIELD;
				break;
			case 4:
				e->codec = 0;
				break;
			case 5:
				e->codec = 4;
				break;
			case 6:
				e->flags = 1;
				break;
			case 7:
				e->doc_count = 0;
				break;
			case 8:
				e->doc_base += DOCS;
				break;
			case 9:
				e->doc_count = UINT32_MAX;
				break;
			case 10:
				e->offset += 8;
				break;
			case 11:
				e->offset -= 8;
				break;
			case 12:
				e->length += 4096;
				break;
			case 13:
				e->length = UINT64_MAX - 3;
				break;
			case 14:
				e->length = 0;
				break;
			case 15:
				e->first_leaf++;
				break;
			case 16:
				e->offset = UINT64_MAX - 7;
				break;
			case 17: /* leave it out */
				memmove(e, e + 1, (7 - i) * sizeof(*e));
				f.n--;
				break;
			}
			if (check(&f) != -IX_ECORRUPT)
				fail_msg("row %u, change %u accepted", i, what);
		}
	}
}

static void rows_out_of_order_are_refused(void **state)
{
	struct file f;

	(void)state;
	for (uint32_t i = 0; i + 1 < 8; i++) {
		struct ix_extent swap;

		make(&f);
		swap = f.e[i];
		f.e[i] = f.e[i + 1];
		f.e[i + 1] = swap;
		assert_int_equal(check(&f), -IX_ECORRUPT);
	}
	make(&f);
	f.e[4].doc_base = 14; /* overlaps the column extent before it */
	assert_int_equal(check(&f), -IX_ECORRUPT);
}

static void trailer_reads_back_and_every_bit_counts(void **state)
{
	uint8_t p[IX_TRAILER_SIZE];
	struct ix_meta_layout m;
	struct ix_trailer t;
	struct file f;

	(void)state;
	make(&f);
	memset(f.t.id.bytes, 0xab, 16);
	f.t.content_sum = (struct ix_u128){ 1, 2 };
	f.t.root = 77;
	f.t.generation = 3;
	ix_trailer_encode(&f.t, p);
	assert_int_equal(ix_trailer_decode(p, f.t.file_length, &t), 0);
	assert_memory_equal(&t, &f.t, sizeof(t));
	assert_int_equal(ix_meta_layout(&t, &m), 0);
	assert_int_equal(m.end,
			 t.file_length - IX_TRAILER_SIZE - t.meta_offset);
	for (size_t bit = 0; bit < sizeof(p) * 8; bit++) {
		p[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(ix_trailer_decode(p, f.t.file_length, &t),
				 bit >= 248 * 8 ? -IX_EINCOMPLETE
						: -IX_ECORRUPT);
		p[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_int_equal(ix_trailer_decode(p, f.t.file_length + 1, &t),
			 -IX_ECORRUPT);
}

/* Well-checksummed trailers with absurd numbers (S-48, H-5). */
static void hostile_trailers_are_refused(void **state)
{
	static const struct {
		size_t at;
		size_t size;
		uint64_t value;
	} bad[] = {
		{ 32, 8, 0 },          { 32, 8, UINT64_MAX },
		{ 40, 8, 0 },          { 40, 8, 202161 },
		{ 40, 8, UINT64_MAX }, { 40, 8, UINT64_MAX - 7 },
		{ 56, 4, 0 },          { 56, 4, 0x80000000 },
		{ 56, 4, UINT32_MAX }, { 56, 4, 0x7fffffff },
		{ 64, 4, 0 },          { 64, 4, UINT32_MAX },
		{ 68, 4, 0 },          { 68, 4, UINT32_MAX },
		{ 72, 4, 0 },          { 72, 4, 101 },
		{ 72, 4, UINT32_MAX }, { 76, 4, 0 },
		{ 76, 4, UINT32_MAX }, { 80, 8, 0 },
		{ 80, 8, 1ull << 61 }, { 80, 8, UINT64_MAX },
		{ 88, 4, 2 },          { 92, 4, 2 },
		{ 96, 4, 1 },          { 239, 1, 1 },
	};
	struct ix_trailer t;
	struct file f;

	(void)state;
	make(&f);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint8_t p[IX_TRAILER_SIZE];
		int rc;

		ix_trailer_encode(&f.t, p);
		memcpy(p + bad[i].at, &bad[i].value, bad[i].size);
		ix_put64(p + 240, ix_hash64(p, 240));
		rc = ix_trailer_decode(p, f.t.file_length, &t);
		if (rc != -IX_ECORRUPT && rc != -IX_EFORMAT)
			fail_msg("case %zu gave %d", i, rc);
	}
}

static void rows_and_runs_round_trip(void **state)
{
	struct ix_extent e = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }, e2;
	struct ix_origin_run r = { 1, 2, 3, { { 4, 5, 6 } } }, r2;
	uint8_t row[IX_ROW_SIZE], run[IX_RUN_SIZE];

	(void)state;
	ix_extent_encode(&e, row);
	ix_extent_decode(row, &e2);
	assert_memory_equal(&e, &e2, sizeof(e));
	ix_run_encode(&r, run);
	ix_run_decode(run, &r2);
	assert_memory_equal(&r, &r2, sizeof(r));
}

static void leaf_hash_is_the_hash_of_page_hashes(void **state)
{
	static uint8_t data[IX_LEAF_SIZE];
	struct test_rng rng;
	uint64_t pages[16];

	(void)state;
	test_rng_init(&rng, 1);
	test_rand_bytes(&rng, data, sizeof(data));
	for (int i = 0; i < 16; i++)
		pages[i] = ix_hash64(data + i * 4096, 4096);
	assert_true(ix_leaf_hash(data, sizeof(data)) ==
		    ix_hash64(pages, sizeof(pages)));
	pages[1] = ix_hash64(data + 4096, 8);
	assert_true(ix_leaf_hash(data, 4104) == ix_leaf_hash_pages(pages, 2));
}

static void padding_and_leaves_at_the_boundaries(void **state)
{
	static const uint64_t cases[][3] = {
		{ 1, 8, 1 },
		{ 8, 8, 1 },
		{ 9, 16, 1 },
		{ 65535, 65536, 1 },
		{ 65536, 65536, 1 },
		{ 65537, 69632, 2 },
		{ 131072, 131072, 2 },
		{ 131073, 135168, 3 },
		{ 1ull << 40, 1ull << 40, 1ull << 24 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(ix_extent_padded(cases[i][0]), cases[i][1]);
		assert_int_equal(ix_extent_leaves(cases[i][0]), cases[i][2]);
	}
}

static void rows_sort_by_offset(void **state)
{
	static struct ix_extent e[1000];
	static uint32_t order[1000];
	struct test_rng rng;

	(void)state;
	test_rng_init(&rng, test_seed());
	for (uint32_t n = 0; n <= 1000; n = n < 20 ? n + 1 : n + 98) {
		for (uint32_t i = 0; i < n; i++)
			e[i].offset = test_rand_below(&rng, 500);
		ix_extents_sort_offset(e, n, order);
		for (uint32_t i = 1; i < n; i++)
			assert_true(e[order[i - 1]].offset <=
				    e[order[i]].offset);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_reads_back_and_every_bit_counts),
		cmocka_unit_test(newer_version_is_refused_by_name),
		cmocka_unit_test(valid_table_is_accepted),
		cmocka_unit_test(every_deviation_in_the_table_is_refused),
		cmocka_unit_test(rows_out_of_order_are_refused),
		cmocka_unit_test(trailer_reads_back_and_every_bit_counts),
		cmocka_unit_test(hostile_trailers_are_refused),
		cmocka_unit_test(rows_and_runs_round_trip),
		cmocka_unit_test(leaf_hash_is_the_hash_of_page_hashes),
		cmocka_unit_test(padding_and_leaves_at_the_boundaries),
		cmocka_unit_test(rows_sort_by_offset),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
