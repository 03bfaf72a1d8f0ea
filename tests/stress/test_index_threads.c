/* SPDX-License-Identifier: MIT */
/*
 * Goal: the scheduler and the tracker hold under concurrency. Method: first
 * the named races, each made certain by a sync point; then all kinds of
 * operations from many threads at once, with invariants that hold at every
 * moment (a number is born once and dies once, never more merges than allowed,
 * a pinned file can be read) and a final count of documents. Meant to run
 * under ThreadSanitizer, too.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "core/base/log.h"
#include "tests/lib/indexes.h"
#include "tests/lib/seed.h"

/* ---- a place to stop a thread ---- */

struct gate {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	const char *where;
	int reached;
	int open;
};

static struct gate gate = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER,
			    NULL, 0, 0 };

static void stop_here(struct ix_index *ix, const char *where)
{
	(void)ix;
	pthread_mutex_lock(&gate.lock);
	if (gate.where && !strcmp(gate.where, where)) {
		gate.reached = 1;
		pthread_cond_broadcast(&gate.cond);
		while (!gate.open)
			pthread_cond_wait(&gate.cond, &gate.lock);
	}
	pthread_mutex_unlock(&gate.lock);
}

static void gate_set(const char *where)
{
	pthread_mutex_lock(&gate.lock);
	gate.where = where;
	gate.reached = gate.open = 0;
	pthread_mutex_unlock(&gate.lock);
}

static void gate_await(void)
{
	pthread_mutex_lock(&gate.lock);
	while (!gate.reached)
		pthread_cond_wait(&gate.cond, &gate.lock);
	pthread_mutex_unlock(&gate.lock);
}

static void gate_release(void)
{
	pthread_mutex_lock(&gate.lock);
	gate.open = 1;
	gate.where = NULL;
	pthread_cond_broadcast(&gate.cond);
	pthread_mutex_unlock(&gate.lock);
}

static struct ix_index *open_three(struct ix_vfs *v, uint64_t seqs[3])
{
	struct ix_index *ix = test_index_open(v, IX_INDEX_NO_MERGES);
	char name[16];

	ix->sync_point = stop_here;
	for (unsigned i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "%c.seg", 'a' + i);
		seqs[i] = test_register(ix, name, test_seg(i));
	}
	TEST_OK(ix_index_start(ix));
	return ix;
}

static void await_files(struct ix_vfs *v, unsigned n)
{
	for (int i = 0; i < 5000 && test_count(v, "segments") != n; i++)
		usleep(1000);
	TEST_CHECK(test_count(v, "segments") == n, "%u files",
		   test_count(v, "segments"));
}

/* ---- the named races ---- */

/* S-15: what is committed while a force merge is about to publish survives. */
static void commit_during_publish_survives(void)
{
	struct ix_vfs *v = test_index_disk();
	uint64_t seqs[3];
	struct ix_index *ix = open_three(v, seqs);

	gate_set("merge:built");
	TEST_OK(ix_index_force_merge(ix, NULL));
	gate_await();
	test_register(ix, "d.seg", test_seg(3));
	gate_release();
	TEST_OK(ix_index_wait(ix, NULL, NULL));
	TEST_CHECK(test_segments(ix) == 2, "%u", test_segments(ix));
	TEST_CHECK(test_has(ix, "d.seg"), "lost");
	TEST_CHECK(test_index_check(ix) == 4 * TEST_SEG_DOCS, "documents");
	TEST_OK(ix_index_close(ix));
	ix_vfs_free(v);
}

/* S-16, S-24, S-26: a source goes while it is merged. Its file stays until
 * the merge ends, the output is not published and leaves nothing behind, and
 * the force merge goes on with the others. */
static void stale_output_is_not_published(void)
{
	struct ix_vfs *v = test_index_disk();
	char path[IX_SEQ_PATH_MAX];
	uint64_t seqs[3];
	struct ix_index *ix = open_three(v, seqs);
	struct ix_index_stats st;

	gate_set("merge:built");
	TEST_OK(ix_index_force_merge(ix, NULL));
	gate_await();
	TEST_OK(ix_index_remove(ix, "b.seg"));
	usleep(20000);
	TEST_CHECK(test_exists(v, ix_seq_path(seqs[1], 0, path)), "gone");
	gate_release();
	TEST_OK(ix_index_wait(ix, NULL, NULL));
	TEST_CHECK(test_segments(ix) == 1, "%u", test_segments(ix));
	TEST_CHECK(test_index_check(ix) == 2 * TEST_SEG_DOCS, "documents");
	ix_index_stats(ix, &st);
	TEST_CHECK(st.merges_done == 1 && st.merges_failed == 0, "merges");
	await_files(v, 1);
	TEST_OK(ix_index_close(ix));
	ix_vfs_free(v);
}

/* S-16, H-9: the same with a replacement, and a reader of the source. */
static void replaced_source_is_not_doubled(void)
{
	struct ix_vfs *v = test_index_disk();
	const struct test_seg *from[] = { test_seg(0), test_seg(9) };
	struct test_seg cover;
	uint64_t seqs[3];
	struct ix_index *ix = open_three(v, seqs);
	struct ix_register_result r;

	test_seg_merge(from, 2, &cover);
	TEST_OK(ix_index_pin(ix, seqs[0]));
	gate_set("merge:built");
	TEST_OK(ix_index_force_merge(ix, NULL));
	gate_await();
	TEST_OK(test_try_register(ix, "cover.seg", &cover, &r));
	TEST_CHECK(r.outcome == IX_REGISTERED_REPLACED, "%d", r.outcome);
	gate_release();
	TEST_OK(ix_index_wait(ix, NULL, NULL));
	TEST_CHECK(test_index_check(ix) == 4 * TEST_SEG_DOCS, "documents");
	await_files(v, test_segments(ix) + 1);
	ix_index_unpin(ix, seqs[0]);
	await_files(v, test_segments(ix));
	TEST_OK(ix_index_close(ix));
	ix_vfs_free(v);
	free(cover.data);
}

/* S-32: sweeping touches no output in the making, no registration in flight
 * and no retired segment that is read. */
struct registering {
	struct ix_index *ix;
	int rc;
};

static void *register_one(void *arg)
{
	struct registering *r = arg;
	struct ix_register_result result;

	r->rc = test_try_register(r->ix, "d.seg", test_seg(3), &result);
	return NULL;
}

static void sweep_spares_what_is_in_flight(void)
{
	struct ix_vfs *v = test_index_disk();
	uint64_t seqs[3];
	struct ix_index *ix = open_three(v, seqs);
	struct registering r = { ix, 0 };
	struct ix_file *f;
	pthread_t t;

	gate_set("register:linked");
	pthread_create(&t, NULL, register_one, &r);
	gate_await();
	TEST_OK(test_apply(ix, "{\"run\":\"sweep\"}"));
	gate_release();
	pthread_join(t, NULL);
	TEST_OK(r.rc);
	TEST_OK(ix_index_pin(ix, seqs[0]));
	gate_set("merge:built");
	TEST_OK(ix_index_force_merge(ix, NULL));
	gate_await();
	TEST_OK(test_apply(ix, "{\"run\":\"sweep\"}"));
	gate_release();
	TEST_OK(ix_index_wait(ix, NULL, NULL));
	TEST_OK(test_apply(ix, "{\"run\":\"sweep\"}"));
	TEST_OK(ix_index_open_file(ix, seqs[0], &f));
	ix_file_close(f);
	ix_index_unpin(ix, seqs[0]);
	TEST_CHECK(test_index_check(ix) == 4 * TEST_SEG_DOCS, "documents");
	await_files(v, 1);
	TEST_OK(ix_index_close(ix));
	ix_vfs_free(v);
}

/* S-27: stopping in the middle of a merge leaves nothing behind. */
static void *stop_index(void *arg)
{
	ix_index_stop(arg);
	return NULL;
}

static void stop_during_a_merge_is_clean(void)
{
	struct ix_vfs *v = test_index_disk();
	uint64_t seqs[3];
	struct ix_index *ix = open_three(v, seqs);
	pthread_t t;

	gate_set("merge:built");
	TEST_OK(ix_index_force_merge(ix, NULL));
	gate_await();
	pthread_create(&t, NULL, stop_index, ix);
	usleep(10000);
	gate_release();
	pthread_join(t, NULL);
	TEST_CHECK(ix_index_remove(ix, "a.seg") == -IX_ECANCELED, "refused");
	TEST_OK(ix_index_close(ix));
	ix = test_index_open(v, 0);
	TEST_CHECK(test_index_check(ix) == 3 * TEST_SEG_DOCS, "documents");
	TEST_CHECK(test_count(v, "segments") == test_segments(ix), "files");
	TEST_OK(ix_index_close(ix));
	ix_vfs_free(v);
}

/* S-13: a slow disk holds up commits, never readers. */
static void readers_do_not_wait_for_commits(void)
{
	struct ix_vfs *v = test_index_disk();
	uint64_t seqs[3], start;
	struct ix_index *ix = open_three(v, seqs);
	struct registering r = { ix, 0 };
	struct ix_index_segment s;
	struct ix_buf b = IX_BUF_INIT;
	uint64_t version;
	pthread_t t;

	gate_set("register:linked");
	pthread_create(&t, NULL, register_one, &r);
	gate_await();
	start = ix_now_ns();
	TEST_OK(ix_index_lookup(ix, "a.seg", &s));
	TEST_OK(ix_index_pin(ix, s.seq));
	ix_index_unpin(ix, s.seq);
	TEST_OK(ix_index_render(ix, &b, &version));
	/* Another commit does not wait for this registration either. */
	TEST_OK(ix_index_remove(ix, "a.seg"));
	TEST_CHECK(ix_now_ns() - start < 5000000000u, "slow");
	gate_release();
	pthread_join(t, NULL);
	TEST_OK(r.rc);
	ix_buf_release(&b);
	TEST_OK(ix_index_close(ix));
	ix_vfs_free(v);
}

/* ---- everything at once ---- */

#define REGISTRARS 8u
#define PER_THREAD 16u
#define ROUNDS     60u

struct storm {
	struct ix_index *ix;
	uint64_t seed;
	atomic_int done;
	atomic_int present[REGISTRARS * PER_THREAD];
	atomic_uchar born[1 << 16];
	atomic_uchar died[1 << 16];
	atomic_uint_fast64_t generation;
};

struct storm_thread {
	struct storm *storm;
	unsigned number;
	pthread_t thread;
};

/* S-17: a number is born once and dies once. */
static void count_change(void *ctx, const struct ix_index_change *c)
{
	struct storm *s = ctx;

	TEST_CHECK(c->generation > atomic_load(&s->generation), "order");
	atomic_store(&s->generation, c->generation);
	for (size_t i = 0; i < c->born_count; i++)
		TEST_CHECK(!atomic_fetch_add(&s->born[c->born[i] & 0xffff], 1),
			   "born twice");
	for (size_t i = 0; i < c->died_count; i++)
		TEST_CHECK(!atomic_fetch_add(&s->died[c->died[i] & 0xffff], 1),
			   "died twice");
}

/* Each owns its documents: deliver, deliver again, remove, rename. */
static void *registrar(void *arg)
{
	struct storm_thread *t = arg;
	struct storm *s = t->storm;
	struct ix_register_result r;
	struct test_rng rng;
	char name[32], other[32];

	test_rng_init(&rng, s->seed + t->number);
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned k = t->number * PER_THREAD +
			     (unsigned)test_rand_below(&rng, PER_THREAD);
		int rc;

		snprintf(name, sizeof(name), "n%u.seg", k);
		snprintf(other, sizeof(other), "o%u.seg", k);
		switch (test_rand_below(&rng, 5)) {
		case 0:
			rc = ix_index_remove(s->ix, name);
			TEST_CHECK(!rc || rc == -ENOENT, "%s", ix_fail_text());
			/* Under its other name it may live on. */
			if (!rc && !test_has(s->ix, other)) {
				rc = test_try_register(s->ix, name, test_seg(k),
						       &r);
				TEST_OK(rc);
				TEST_CHECK(
					r.outcome == IX_REGISTERED ||
						r.outcome ==
							IX_REGISTERED_DELIVERED ||
						r.outcome == IX_REGISTERED_NAME,
					"%d", r.outcome);
			}
			break;
		case 1:
			rc = ix_index_rename(s->ix, name, other);
			TEST_CHECK(!rc || rc == -ENOENT || rc == -IX_EEXISTS,
				   "%s", ix_fail_text());
			break;
		default:
			TEST_OK(test_try_register(s->ix, name, test_seg(k),
						  &r));
			atomic_store(&s->present[k], 1);
			break;
		}
	}
	return NULL;
}

static int read_one(void *ctx, const struct ix_index_segment *g,
		    uint64_t cookie)
{
	struct storm *s = ctx;
	struct ix_file *f;
	uint8_t byte;

	(void)cookie;
	if (ix_index_pin(s->ix, g->seq))
		return 0;
	usleep(200);
	TEST_OK(ix_index_open_file(s->ix, g->seq, &f));
	TEST_CHECK(ix_file_read(f, &byte, 1, g->bytes - 1) == 1, "short");
	ix_file_close(f);
	ix_index_unpin(s->ix, g->seq);
	return 0;
}

static void *reader(void *arg)
{
	struct storm *s = ((struct storm_thread *)arg)->storm;

	while (!atomic_load(&s->done))
		TEST_OK(ix_index_list(s->ix, 0, read_one, s));
	return NULL;
}

/* S-22, S-23, S-32: force merges, pauses, sweeps and checkpoints. */
static void *operator_main(void *arg)
{
	struct storm_thread *t = arg;
	struct storm *s = t->storm;
	struct test_rng rng;

	test_rng_init(&rng, s->seed + 1000 + t->number);
	while (!atomic_load(&s->done)) {
		switch (test_rand_below(&rng, 6)) {
		case 0:
			(void)ix_index_force_merge(s->ix, NULL);
			break;
		case 1:
			ix_index_pause(s->ix);
			usleep(500);
			ix_index_resume(s->ix);
			break;
		case 2:
			TEST_OK(test_apply(s->ix, "{\"run\":\"checkpoint\"}"));
			break;
		case 3:
			cJSON_Delete(test_render(s->ix));
			break;
		case 4:
			TEST_OK(ix_index_barrier(s->ix));
			break;
		default:
			TEST_OK(test_apply(s->ix, "{\"run\":\"sweep\"}"));
			break;
		}
		usleep(1000);
	}
	return NULL;
}

/* S-20: waiting ends whenever things calm down. */
static void *waiter(void *arg)
{
	struct storm *s = ((struct storm_thread *)arg)->storm;

	while (!atomic_load(&s->done)) {
		TEST_OK(ix_index_wait(s->ix, NULL, NULL));
		usleep(100);
	}
	return NULL;
}

static void storm(uint64_t seed, unsigned flags)
{
	static struct storm s;
	static void *(*const mains[])(void *) = { reader, reader, operator_main,
						  operator_main, waiter };
	struct storm_thread t[REGISTRARS + 5];
	struct ix_vfs *v = test_index_disk();
	struct ix_index_options o = { .vfs = v,
				      .flags = flags,
				      .merges_max = 3,
				      .engine = IX_ENGINE_SYNC,
				      .changed = count_change,
				      .ctx = &s };
	uint64_t docs = 0;

	memset(&s, 0, sizeof(s));
	s.seed = seed;
	TEST_OK(ix_index_open(&o, &s.ix));
	TEST_OK(test_apply(s.ix, "{\"merge\":{\"policy\":\"aggressive\"}}"));
	TEST_OK(ix_index_start(s.ix));
	for (unsigned i = 0; i < REGISTRARS + 5; i++) {
		t[i].storm = &s;
		t[i].number = i;
		pthread_create(&t[i].thread, NULL,
			       i < REGISTRARS ? registrar
					      : mains[i - REGISTRARS],
			       t + i);
	}
	for (unsigned i = 0; i < REGISTRARS; i++)
		pthread_join(t[i].thread, NULL);
	atomic_store(&s.done, 1);
	for (unsigned i = REGISTRARS; i < REGISTRARS + 5; i++)
		pthread_join(t[i].thread, NULL);
	/* S-19: what is left converges without further commits. */
	TEST_OK(ix_index_wait(s.ix, NULL, NULL));
	for (unsigned k = 0; k < REGISTRARS * PER_THREAD; k++)
		docs += atomic_load(&s.present[k]) ? TEST_SEG_DOCS : 0;
	TEST_CHECK(test_index_check(s.ix) == docs, "%" PRIu64 " documents",
		   docs);
	TEST_CHECK(test_docs(s.ix) == docs, "count");
	TEST_CHECK(test_segments(s.ix) <= 7, "%u segments",
		   test_segments(s.ix));
	/* S-18 */
	TEST_CHECK(s.ix->manager.peak <= 3, "%u merges at once",
		   s.ix->manager.peak);
	await_files(v, test_segments(s.ix));
	printf("storm: %" PRIu64 " merges, peak %u, %u segments\n",
	       s.ix->manager.done, s.ix->manager.peak, test_segments(s.ix));
	TEST_OK(ix_index_close(s.ix));
	s.ix = test_index_open(v, 0);
	TEST_CHECK(test_index_check(s.ix) == docs, "after reopening");
	TEST_OK(ix_index_close(s.ix));
	ix_vfs_free(v);
}

int main(void)
{
	uint64_t seed = test_seed();

	ix_log_set_level(IX_LOG_ERROR);
	for (unsigned k = 0; k < REGISTRARS * PER_THREAD; k++)
		(void)test_seg(k);
	commit_during_publish_survives();
	stale_output_is_not_published();
	replaced_source_is_not_doubled();
	sweep_spares_what_is_in_flight();
	stop_during_a_merge_is_clean();
	readers_do_not_wait_for_commits();
	for (unsigned i = 0; i < 3; i++)
		storm(seed + i, i == 2 ? IX_INDEX_LAZY : 0);
	return 0;
}
