/* SPDX-License-Identifier: MIT */
/*
 * Goal: the policies decide as they promise. Method: the predecessor's recorded
 * decisions (tests/golden/policy_vectors_*.jsonl) are reproduced exactly, and
 * the default policy is checked on the examples of its comment and at the
 * boundaries of its arithmetic (S-48, S-49).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/index/policy.h"
#include "core/index/policy_internal.h"

#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)

/* ---- golden vectors ---- */

static int compare_groups(const void *a, const void *b)
{
	const cJSON *x = *(const cJSON *const *)a;
	const cJSON *y = *(const cJSON *const *)b;

	for (x = x->child, y = y->child; x && y; x = x->next, y = y->next)
		if (x->valueint != y->valueint)
			return x->valueint < y->valueint ? -1 : 1;
	return x ? 1 : y ? -1 : 0;
}

/* The plan as the vectors write it: a sorted list of lists. */
static cJSON *plan_to_json(const struct ix_policy_plan *plan)
{
	cJSON *list = cJSON_CreateArray();
	cJSON **groups = calloc(plan->merge_count + 1u, sizeof(*groups));

	assert_non_null(groups);
	for (uint32_t i = 0; i < plan->merge_count; i++) {
		const struct ix_policy_merge *m = plan->merges + i;

		groups[i] = cJSON_CreateArray();
		for (uint32_t k = 0; k < m->count; k++)
			cJSON_AddItemToArray(
				groups[i],
				cJSON_CreateNumber(
					plan->indexes[m->first + k]));
	}
	qsort(groups, plan->merge_count, sizeof(*groups), compare_groups);
	for (uint32_t i = 0; i < plan->merge_count; i++)
		cJSON_AddItemToArray(list, groups[i]);
	free(groups);
	return list;
}

static void check_vector(const char *line, const char *prefix)
{
	cJSON *tree = cJSON_Parse(line), *docs, *expected, *got, *severe, *d;
	struct ix_policy_segment *segments;
	struct ix_policy_plan plan;
	struct ix_policy policy;
	char name[64];
	const char *preset;
	size_t n = 0;

	assert_non_null(tree);
	docs = ix_json_get(tree, "docs");
	expected = ix_json_get(tree, "merges");
	severe = ix_json_get(tree, "severe_backlog");
	preset = ix_json_get(tree, "policy")->valuestring;
	if (!strcmp(preset, "default"))
		preset = prefix ? "default" : "tiered";
	snprintf(name, sizeof(name), "%s%s",
		 prefix && (!strcmp(preset, "default") ||
			    !strcmp(preset, "aggressive"))
			 ? prefix
			 : "",
		 preset);
	assert_int_equal(ix_policy_preset(name, &policy), 0);
	segments =
		calloc((size_t)cJSON_GetArraySize(docs) + 1, sizeof(*segments));
	assert_non_null(segments);
	cJSON_ArrayForEach(d, docs)
	{
		segments[n].seq = n + 1;
		segments[n].docs = (uint64_t)d->valuedouble;
		n++;
	}
	assert_int_equal(ix_policy_plan(&policy, segments, n, &plan), 0);
	got = plan_to_json(&plan);
	if (!cJSON_Compare(got, expected, 1)) {
		char *a = cJSON_PrintUnformatted(got);
		char *b = cJSON_PrintUnformatted(expected);

		fail_msg("%s: %.200s\ngot %.500s\nexpected %.500s", name, line,
			 a, b);
	}
	if (severe)
		assert_int_equal(plan.severe_backlog, cJSON_IsTrue(severe));
	cJSON_Delete(got);
	cJSON_Delete(tree);
	free(segments);
	ix_policy_plan_release(&plan);
}

static int check_file(const char *name, const char *prefix)
{
	static char line[1 << 20];
	char path[4096];
	FILE *f;
	int count = 0;

	snprintf(path, sizeof(path), "%s/tests/golden/%s", IX_SOURCE_DIR, name);
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		check_vector(line, prefix);
		count++;
	}
	fclose(f);
	return count;
}

static void seed_vectors_are_reproduced(void **state)
{
	(void)state;
	assert_int_equal(check_file("policy_vectors_seed.jsonl", NULL), 300);
}

static void head_vectors_are_reproduced(void **state)
{
	(void)state;
	assert_int_equal(check_file("policy_vectors_head.jsonl", "head_"), 400);
}

/* ---- the default policy ---- */

/* Plan over sizes in bytes (0 ends), one document each. */
static uint32_t plan_sizes(const uint64_t *sizes, struct ix_policy_plan *plan)
{
	struct ix_policy_segment s[200] = { 0 };
	struct ix_policy p;
	size_t n = 0;

	for (; sizes[n]; n++) {
		assert_true(n < 200);
		s[n].seq = n + 1;
		s[n].bytes = sizes[n];
		s[n].docs = 1;
	}
	assert_int_equal(ix_policy_preset("default", &p), 0);
	assert_int_equal(ix_policy_plan(&p, s, n, plan), 0);
	return plan->merge_count;
}

static void small_segments_merge_from_eight_on(void **state)
{
	uint64_t sizes[10] = { MIB, MIB, MIB, MIB, MIB, MIB, MIB };
	struct ix_policy_plan plan;

	(void)state;
	assert_int_equal(plan_sizes(sizes, &plan), 0);
	ix_policy_plan_release(&plan);
	sizes[7] = MIB;
	assert_int_equal(plan_sizes(sizes, &plan), 1);
	assert_int_equal(plan.merges[0].count, 8);
	ix_policy_plan_release(&plan);
}

static void a_large_neighbour_is_not_rewritten_for_little(void **state)
{
	const uint64_t sizes[] = {
		8 * MIB, MIB, MIB, MIB, MIB, MIB, MIB, MIB, 0
	};
	struct ix_policy_plan plan;

	(void)state;
	assert_int_equal(plan_sizes(sizes, &plan), 1);
	assert_int_equal(plan.merges[0].count, 7);
	for (uint32_t i = 0; i < plan.index_count; i++)
		assert_int_not_equal(plan.indexes[i], 0);
	ix_policy_plan_release(&plan);
}

static void up_to_32_merge_below_the_floor(void **state)
{
	uint64_t sizes[101] = { 0 };
	struct ix_policy_plan plan;

	(void)state;
	for (int i = 0; i < 100; i++)
		sizes[i] = 5000;
	assert_int_equal(plan_sizes(sizes, &plan), 3);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(plan.merges[i].count, 32);
	ix_policy_plan_release(&plan);
}

static void geometric_sizes_below_the_floor_still_converge(void **state)
{
	const uint64_t sizes[] = { 1000,    4000,    16000,    64000, 256000,
				   1 << 20, 4 << 20, 15 << 20, 0 };
	struct ix_policy_plan plan;

	(void)state;
	assert_int_equal(plan_sizes(sizes, &plan), 1);
	assert_int_equal(plan.merges[0].count, 2);
	ix_policy_plan_release(&plan);
}

/* The cap bounds the output, not the inputs (S-50: a level whose eight do not
 * fit the cap still merges those that do). */
static void output_stays_below_the_cap(void **state)
{
	uint64_t sizes[9] = { 0 };
	struct ix_policy_plan plan;

	(void)state;
	for (int i = 0; i < 8; i++)
		sizes[i] = 2 * GIB + (uint64_t)i;
	assert_int_equal(plan_sizes(sizes, &plan), 1);
	assert_int_equal(plan.merges[0].count, 2);
	ix_policy_plan_release(&plan);
	for (int i = 0; i < 8; i++)
		sizes[i] = 5 * GIB / 2 + 1;
	assert_int_equal(plan_sizes(sizes, &plan), 0);
	ix_policy_plan_release(&plan);
}

static void levels_change_exactly_at_the_boundary(void **state)
{
	uint64_t sizes[16] = { 0 };
	struct ix_policy_plan plan;

	(void)state;
	for (int i = 0; i < 7; i++)
		sizes[i] = 16 * MIB;
	sizes[7] = 128 * MIB; /* level 2 */
	assert_int_equal(plan_sizes(sizes, &plan), 0);
	ix_policy_plan_release(&plan);
	sizes[7] = 128 * MIB - 1; /* level 1 */
	assert_int_equal(plan_sizes(sizes, &plan), 1);
	ix_policy_plan_release(&plan);
	sizes[7] = 16 * MIB - 1; /* level 0 */
	assert_int_equal(plan_sizes(sizes, &plan), 0);
	ix_policy_plan_release(&plan);
}

static void document_cap_bounds_the_output(void **state)
{
	struct ix_policy_segment s[16] = { 0 };
	struct ix_policy_plan plan;
	struct ix_policy p;

	(void)state;
	assert_int_equal(ix_policy_preset("default", &p), 0);
	for (size_t i = 0; i < 16; i++) {
		s[i].seq = i + 1;
		s[i].bytes = 100;
		s[i].docs = p.max_segment_docs / 4;
	}
	assert_int_equal(ix_policy_plan(&p, s, 16, &plan), 0);
	assert_true(plan.merge_count >= 1);
	for (uint32_t i = 0; i < plan.merge_count; i++)
		assert_true(plan.merges[i].count * s[0].docs <=
			    p.max_segment_docs);
	ix_policy_plan_release(&plan);
}

static void groups_are_not_mixed(void **state)
{
	struct ix_policy_segment s[20] = { 0 };
	struct ix_policy_plan plan;
	struct ix_policy p;

	(void)state;
	assert_int_equal(ix_policy_preset("default", &p), 0);
	for (size_t i = 0; i < 20; i++) {
		s[i].seq = i + 1;
		s[i].bytes = 1000;
		s[i].docs = 1;
		s[i].group = i % 2;
	}
	assert_int_equal(ix_policy_plan(&p, s, 20, &plan), 0);
	assert_int_equal(plan.merge_count, 2);
	for (uint32_t i = 0; i < 2; i++)
		for (uint32_t k = 0; k < plan.merges[i].count; k++)
			assert_int_equal(
				plan.indexes[plan.merges[i].first + k] % 2,
				plan.indexes[plan.merges[i].first] % 2);
	ix_policy_plan_release(&plan);
}

/* ---- arithmetic ---- */

/* S-49: powers of the factor, one below and one above. */
static void tiers_are_exact_at_powers(void **state)
{
	uint64_t bound = 1000;

	(void)state;
	assert_int_equal(ix_policy_tier(0, 1000, 10), 0);
	assert_int_equal(ix_policy_tier(1000, 1000, 10), 0);
	assert_int_equal(ix_policy_tier(1001, 1000, 10), 1);
	for (uint32_t k = 1; k < 16; k++) {
		bound *= 10;
		assert_int_equal(ix_policy_tier(bound - 1, 1000, 10), k);
		assert_int_equal(ix_policy_tier(bound, 1000, 10), k + 1);
		assert_int_equal(ix_policy_tier(bound + 1, 1000, 10), k + 1);
	}
	assert_int_equal(ix_policy_tier(UINT64_MAX, 1, 2), 64);
	assert_int_equal(ix_policy_tier(UINT64_MAX, 0, 2), 64);
}

/* S-48: sums near 2^32 and 2^64 do not wrap into small ones. */
static void sums_do_not_wrap(void **state)
{
	static const char *const presets[] = {
		"default",     "tiered",       "aggressive",
		"spt4_max6",   "head_default", "head_aggressive",
		"large_scale", "bulk_indexing"
	};
	const uint64_t sizes[] = { UINT32_MAX, (uint64_t)1 << 32,
				   UINT64_MAX / 2, UINT64_MAX };
	struct ix_policy_segment s[40] = { 0 };
	struct ix_policy_plan plan;
	struct ix_policy p;

	(void)state;
	for (size_t k = 0; k < 4; k++)
		for (size_t i = 0; i < 8; i++) {
			for (size_t j = 0; j < 40; j++) {
				s[j].seq = j + 1;
				s[j].docs = s[j].bytes = sizes[k];
			}
			assert_int_equal(ix_policy_preset(presets[i], &p), 0);
			p.floor_bytes = sizes[k];
			p.tier_floor = sizes[k];
			assert_int_equal(ix_policy_plan(&p, s, 40, &plan), 0);
			assert_int_equal(plan.merge_count, 0);
			ix_policy_plan_release(&plan);
		}
}

static void unknown_presets_are_refused(void **state)
{
	struct ix_policy p;

	(void)state;
	assert_int_equal(ix_policy_preset("Default", &p), -IX_EINPUT);
	assert_int_equal(ix_policy_preset("", &p), -IX_EINPUT);
	assert_int_equal(ix_policy_preset("none", &p), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seed_vectors_are_reproduced),
		cmocka_unit_test(head_vectors_are_reproduced),
		cmocka_unit_test(small_segments_merge_from_eight_on),
		cmocka_unit_test(a_large_neighbour_is_not_rewritten_for_little),
		cmocka_unit_test(up_to_32_merge_below_the_floor),
		cmocka_unit_test(
			geometric_sizes_below_the_floor_still_converge),
		cmocka_unit_test(output_stays_below_the_cap),
		cmocka_unit_test(levels_change_exactly_at_the_boundary),
		cmocka_unit_test(document_cap_bounds_the_output),
		cmocka_unit_test(groups_are_not_mixed),
		cmocka_unit_test(tiers_are_exact_at_powers),
		cmocka_unit_test(sums_do_not_wrap),
		cmocka_unit_test(unknown_presets_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
