/* SPDX-License-Identifier: MIT */
/*
 * Goal: the default policy keeps both the number of segments and the number of
 * times a byte is written bounded (S-50), whatever the sizes (S-51). Method:
 * 10,000 commits of several size distributions run through the policy, every
 * merge is carried out at once (outputs are sums), and after each commit the
 * invariants of the policy's comment are checked:
 *
 *   below the floor at most 7 segments; in each level at most 7; outputs
 *   within the cap; finished segments (above half the cap) at most
 *   2 x total / cap + 1; write amplification within the stated bound.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/index/policy.h"
#include "core/index/policy_internal.h"
#include "tests/lib/seed.h"

#define KIB          ((uint64_t)1 << 10)
#define MIB          ((uint64_t)1 << 20)

#define COMMITS      10000
#define SEGMENTS_MAX 20000

#define CHECK(cond, ...)                                      \
 do {                                                         \
  if (!(cond)) {                                              \
   fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #cond); \
   fprintf(stderr, __VA_ARGS__);                              \
   fputc('\n', stderr);                                       \
   abort();                                                   \
  }                                                           \
 } while (0)

struct sim {
	struct ix_policy policy;
	struct ix_policy_segment s[SEGMENTS_MAX];
	size_t n;
	uint64_t next_seq;
	uint64_t flushed;
	uint64_t written;
	uint64_t peak;
	uint64_t count_sum;
};

static void carry_out(struct sim *sim, const struct ix_policy_plan *plan,
		      const struct ix_policy_merge *m)
{
	struct ix_policy_segment out = { .seq = ++sim->next_seq };
	uint64_t largest = 0;

	CHECK(m->count >= 2, "%u sources", m->count);
	for (uint32_t i = 0; i < m->count; i++) {
		struct ix_policy_segment *s =
			sim->s + plan->indexes[m->first + i];

		CHECK(s->seq, "source used twice");
		out.bytes += s->bytes;
		out.docs += s->docs;
		if (s->bytes > largest)
			largest = s->bytes;
		s->seq = 0;
	}
	CHECK(out.bytes <= sim->policy.max_bytes, "output %" PRIu64, out.bytes);
	CHECK(largest < sim->policy.floor_bytes ||
		      out.bytes * 100 >= largest * sim->policy.growth_percent,
	      "grows %" PRIu64 " to %" PRIu64, largest, out.bytes);
	sim->written += out.bytes;
	CHECK(sim->n < SEGMENTS_MAX, "too many");
	sim->s[sim->n++] = out;
}

static int run_once(struct sim *sim)
{
	struct ix_policy_plan plan;
	size_t n = 0;
	int any;

	CHECK(!ix_policy_plan(&sim->policy, sim->s, sim->n, &plan), "plan");
	any = plan.merge_count > 0;
	for (uint32_t i = 0; i < plan.merge_count; i++)
		carry_out(sim, &plan, plan.merges + i);
	ix_policy_plan_release(&plan);
	for (size_t i = 0; i < sim->n; i++)
		if (sim->s[i].seq)
			sim->s[n++] = sim->s[i];
	sim->n = n;
	return any;
}

static void check_counts(const struct sim *sim)
{
	const struct ix_policy *p = &sim->policy;
	size_t level[70] = { 0 }, finished = 0;
	uint64_t total = 0;

	for (size_t i = 0; i < sim->n; i++) {
		uint64_t b = sim->s[i].bytes;

		total += b;
		if (b > p->max_bytes / 2)
			finished++;
		else if (b < p->floor_bytes)
			level[0]++;
		else
			level[b == p->floor_bytes
				      ? 1
				      : ix_policy_tier(b, p->floor_bytes,
						       p->fan_in)]++;
	}
	for (size_t i = 0; i < 70; i++)
		CHECK(level[i] < p->fan_in, "level %zu has %zu", i, level[i]);
	CHECK(finished <= 2 * (total / p->max_bytes) + 1, "%zu finished of %zu",
	      finished, sim->n);
}

typedef uint64_t (*size_fn)(struct test_rng *r, uint64_t i);

static uint64_t uniform(struct test_rng *r, uint64_t i)
{
	(void)i;
	return test_rand_in(r, MIB / 2, 3 * MIB / 2);
}

static uint64_t tiny(struct test_rng *r, uint64_t i)
{
	(void)i;
	return test_rand_in(r, KIB, 2 * KIB);
}

static uint64_t skewed(struct test_rng *r, uint64_t i)
{
	unsigned shift = (unsigned)test_rand_below(r, 18);

	(void)i;
	return (KIB << shift) + test_rand_below(r, KIB << shift);
}

static uint64_t large(struct test_rng *r, uint64_t i)
{
	(void)i;
	return test_rand_in(r, 100 * MIB, 3000 * MIB);
}

/* A few big ones, then dust: each grain must not rewrite a big one. */
static uint64_t dust(struct test_rng *r, uint64_t i)
{
	static const uint64_t ladder[] = { 15 * MIB,  4 * MIB,  MIB,
					   256 * KIB, 64 * KIB, 16 * KIB };

	return i < 6 ? ladder[i] : test_rand_in(r, KIB, 2 * KIB);
}

static void simulate(const char *name, size_fn size, uint64_t seed,
		     uint64_t commits, uint64_t wa_max_percent)
{
	static struct sim sim;
	struct test_rng r;
	uint64_t wa;

	memset(&sim, 0, sizeof(sim));
	test_rng_init(&r, seed);
	CHECK(!ix_policy_preset("default", &sim.policy), "preset");
	for (uint64_t i = 0; i < commits; i++) {
		struct ix_policy_segment *s = sim.s + sim.n++;
		int rounds = 0;

		memset(s, 0, sizeof(*s));
		s->seq = ++sim.next_seq;
		s->bytes = size(&r, i);
		s->docs = 1 + test_rand_below(&r, 10000);
		sim.flushed += s->bytes;
		sim.written += s->bytes;
		while (run_once(&sim))
			CHECK(++rounds < 20, "does not converge");
		check_counts(&sim);
		if (sim.n > sim.peak)
			sim.peak = sim.n;
		sim.count_sum += sim.n;
	}
	wa = sim.written * 100 / sim.flushed;
	printf("%-8s write amplification %" PRIu64 ".%02" PRIu64
	       ", segments: mean %" PRIu64 ", peak %" PRIu64 "\n",
	       name, wa / 100, wa % 100, sim.count_sum / commits, sim.peak);
	CHECK(wa <= wa_max_percent, "%s: write amplification %" PRIu64 " %%",
	      name, wa);
}

int main(void)
{
	uint64_t seed = test_seed();

	simulate("uniform", uniform, seed, COMMITS, 550);
	simulate("tiny", tiny, seed, COMMITS, 1050);
	simulate("skewed", skewed, seed, COMMITS, 420);
	simulate("large", large, seed, COMMITS / 5, 230);
	simulate("dust", dust, seed, COMMITS, 650);
	return 0;
}
