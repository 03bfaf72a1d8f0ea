/* SPDX-License-Identifier: MIT */
/*
 * Goal: the simulated disk makes the crash states that POSIX allows, all of
 * them and no others; without that, nothing proved on it is worth anything.
 * Method: small cases whose states are listed by hand; the four protocols of
 * "write a temporary file, rename it into place", of which only the full one
 * may survive; and random walks whose crash states must be sound trees that
 * hold all that was synced.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/io/sim.h"
#include "tests/lib/seed.h"

static uint64_t seed;

/* ---- helpers ---- */

static struct ix_vfs *disk(void)
{
	struct ix_vfs *v;

	assert_int_equal(ix_sim_new(&v), 0);
	return v;
}

static struct ix_file *open_rw(struct ix_vfs *v, const char *path)
{
	struct ix_file *f;

	assert_int_equal(ix_vfs_open(v, path, IX_OPEN_WRITE | IX_OPEN_CREATE,
				     &f),
			 0);
	return f;
}

/* Write `text` at `offset`, without a sync. */
static void put(struct ix_vfs *v, const char *path, const char *text,
		uint64_t offset)
{
	struct ix_file *f = open_rw(v, path);

	assert_int_equal(ix_file_write(f, text, strlen(text), offset), 0);
	ix_file_close(f);
}

static int sync_file(struct ix_vfs *v, const char *path)
{
	struct ix_file *f = open_rw(v, path);
	int rc = ix_file_sync(f);

	ix_file_close(f);
	return rc;
}

static int exists(struct ix_vfs *v, const char *path)
{
	struct ix_stat st;

	return ix_vfs_stat(v, path, &st) == 0;
}

struct names {
	char **v;
	enum ix_file_type *types;
	size_t n;
};

static int collect(void *ctx, const char *name, enum ix_file_type type)
{
	struct names *l = ctx;

	l->v = realloc(l->v, (l->n + 1) * sizeof(*l->v));
	l->types = realloc(l->types, (l->n + 1) * sizeof(*l->types));
	l->v[l->n] = strdup(name);
	l->types[l->n++] = type;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Contents with runs folded, so that sectors are readable: "a*512". */
static void dump_bytes(const uint8_t *p, size_t n, struct ix_buf *out)
{
	for (size_t i = 0; i < n;) {
		size_t run = 1;

		while (i + run < n && p[i + run] == p[i])
			run++;
		if (p[i])
			ix_buf_addf(out, "%c", p[i]);
		else
			ix_buf_add_str(out, "0");
		if (run > 1)
			ix_buf_addf(out, "*%zu", run);
		i += run;
	}
}

/* "a=hello d/ d/x=" : every path in order, with contents. */
static void dump_dir(struct ix_vfs *v, const char *dir, struct ix_buf *out)
{
	struct names l = { 0 };

	assert_int_equal(ix_vfs_list(v, dir, collect, &l), 0);
	if (l.n)
		qsort(l.v, l.n, sizeof(*l.v), by_name);
	for (size_t i = 0; i < l.n; i++) {
		char path[512];
		uint8_t data[8192];
		struct ix_file *f;
		ssize_t n;

		snprintf(path, sizeof(path), "%s%s%s", dir, *dir ? "/" : "",
			 l.v[i]);
		free(l.v[i]);
		ix_buf_addf(out, "%s%s", out->len ? " " : "", path);
		if (ix_vfs_open(v, path, IX_OPEN_READ, &f) == -EISDIR) {
			ix_buf_add_str(out, "/");
			dump_dir(v, path, out);
			continue;
		}
		n = ix_file_read(f, data, sizeof(data), 0);
		assert_true(n >= 0);
		ix_buf_add_str(out, "=");
		dump_bytes(data, (size_t)n, out);
		ix_file_close(f);
	}
	free(l.v);
	free(l.types);
}

/* The tree as text; the caller frees it. */
static char *dump(struct ix_vfs *v)
{
	struct ix_buf b = IX_BUF_INIT;
	char *text;

	dump_dir(v, "", &b);
	text = strdup(ix_buf_str(&b));
	ix_buf_release(&b);
	return text;
}

static char *dump_state(struct ix_vfs *v, uint64_t limit, uint64_t index)
{
	struct ix_vfs *w;
	char *text;

	assert_int_equal(ix_sim_crash_state(ix_sim_of(v), limit, index, seed,
					    &w),
			 0);
	assert_int_equal(ix_sim_crash_states(ix_sim_of(w), 1000), 1);
	text = dump(w);
	ix_vfs_free(w);
	return text;
}

/* The crash states of `v` must be exactly these, in any order and number. */
static void expect_states(struct ix_vfs *v, const char *const *want)
{
	uint64_t states = ix_sim_crash_states(ix_sim_of(v), 100000);
	unsigned seen[64] = { 0 };

	assert_true(states < 100000);
	for (uint64_t i = 0; i < states; i++) {
		char *text = dump_state(v, 100000, i);
		size_t k = 0;

		while (want[k] && strcmp(want[k], text))
			k++;
		if (!want[k]) {
			char line[512];

			ix_sim_crash_describe(ix_sim_of(v), 100000, i, seed,
					      line, sizeof(line));
			fail_msg("unexpected state \"%s\": %s", text, line);
		}
		seen[k]++;
		free(text);
	}
	for (size_t k = 0; want[k]; k++) {
		if (!seen[k])
			fail_msg("state \"%s\" was never made", want[k]);
	}
}

#define EXPECT(v, ...) \
 expect_states(v, (const char *const[]){ __VA_ARGS__, NULL })

/* ---- data ---- */

static char *letters(char c, size_t n)
{
	static char text[4097];

	memset(text, c, n);
	text[n] = '\0';
	return text;
}

static void an_append_tears_at_sectors(void **state)
{
	struct ix_vfs *v = disk();

	(void)state;
	put(v, "a", "", 0);
	assert_int_equal(ix_vfs_sync_dir(v, ""), 0);
	EXPECT(v, "a=");
	put(v, "a", letters('x', 1536), 0);
	EXPECT(v, "a=", "a=x*1536", "a=x*512", "a=0*1024x*512", "a=0*1536");
	assert_int_equal(sync_file(v, "a"), 0);
	EXPECT(v, "a=x*1536");
	ix_vfs_free(v);
}

static void a_write_inside_one_sector_is_whole(void **state)
{
	struct ix_vfs *v = disk();

	(void)state;
	put(v, "a", letters('x', 512), 0);
	assert_int_equal(sync_file(v, "a"), 0);
	assert_int_equal(ix_vfs_sync_dir(v, ""), 0);
	put(v, "a", letters('y', 100), 0);
	EXPECT(v, "a=x*512", "a=y*100x*412");
	/* A sector boundary inside the write is a place to tear. */
	assert_int_equal(sync_file(v, "a"), 0);
	put(v, "a", letters('z', 4), 510);
	EXPECT(v, "a=y*100x*412", "a=y*100x*410z*4", "a=y*100x*410z*2",
	       "a=y*100x*412z*2", "a=y*100x*4120*2");
	ix_vfs_free(v);
}

static void writes_are_kept_in_any_subset(void **state)
{
	struct ix_vfs *v = disk();
	struct ix_file *f;

	(void)state;
	put(v, "a", "----", 0);
	assert_int_equal(sync_file(v, "a"), 0);
	assert_int_equal(ix_vfs_sync_dir(v, ""), 0);
	put(v, "a", "1", 0);
	put(v, "a", "2", 2);
	EXPECT(v, "a=-*4", "a=1-*3", "a=-*22-", "a=1-2-");
	f = open_rw(v, "a");
	assert_int_equal(ix_file_truncate(f, 1), 0);
	ix_file_close(f);
	EXPECT(v, "a=-*4", "a=1-*3", "a=-*22-", "a=1-2-", "a=-", "a=1");
	ix_vfs_free(v);
}

static void a_failed_sync_never_becomes_durable(void **state)
{
	struct ix_vfs *v = disk();
	struct ix_sim *s = ix_sim_of(v);

	(void)state;
	put(v, "a", "----", 0);
	assert_int_equal(sync_file(v, "a"), 0);
	assert_int_equal(ix_vfs_sync_dir(v, ""), 0);
	put(v, "a", "11", 0);
	ix_sim_fail(s, IX_SIM_SYNC, 1, EIO, 0);
	assert_int_equal(sync_file(v, "a"), -EIO);
	assert_int_equal(sync_file(v, "a"), 0); /* lies, as fsync does */
	EXPECT(v, "a=-*4", "a=1*2-*2");
	/* Later writes are synced, on top of what may have been lost. */
	put(v, "a", "22", 1);
	assert_int_equal(sync_file(v, "a"), 0);
	EXPECT(v, "a=-2*2-", "a=12*2-");

	put(v, "b", "", 0);
	ix_sim_fail(s, IX_SIM_SYNC_DIR, 1, EIO, 0);
	assert_int_equal(ix_vfs_sync_dir(v, ""), -EIO);
	assert_int_equal(ix_vfs_sync_dir(v, ""), 0);
	EXPECT(v, "a=-2*2-", "a=12*2-", "a=-2*2- b=", "a=12*2- b=");
	ix_vfs_free(v);
}

/* ---- names ---- */

static void a_name_needs_its_directory(void **state)
{
	struct ix_vfs *v = disk();

	(void)state;
	put(v, "a", "1", 0);
	EXPECT(v, "", "a=", "a=0", "a=1");
	assert_int_equal(sync_file(v, "a"), 0);
	EXPECT(v, "", "a=1");
	assert_int_equal(ix_vfs_sync_dir(v, ""), 0);
	EXPECT(v, "a=1");
	assert_int_equal(ix_vfs_link(v, "a", "b"), 0);
	EXPECT(v, "a=1", "a=1 b=1");
	assert_int_equal(ix_vfs_unlink(v, "a"), 0);
	EXPECT(v, "a=1", "a=1 b=1", "", "b=1");
	assert_int_equal(ix_vfs_sync_dir(v, ""), 0);
	EXPECT(v, "b=1");
	ix_vfs_free(v);
}

static void a_rename_replaces_atomically(void **state)
{
	struct ix_vfs *v = disk();

	(void)state;
	put(v, "a", "old", 0);
	put(v, "t", "new", 0);
	assert_int_equal(sync_file(v, "a"), 0);
	assert_int_equal(sync_file(v, "t"), 0);
	assert_int_equal(ix_vfs_sync_dir(v, ""), 0);
	assert_int_equal(ix_vfs_rename(v, "t", "a"), 0);
	EXPECT(v, "a=old t=new", "a=new");
	assert_int_equal(ix_vfs_sync_dir(v, ""), 0);
	EXPECT(v, "a=new");
	ix_vfs_free(v);
}

static struct ix_vfs *disk_with_two_dirs(void)
{
	struct ix_vfs *v = disk();

	assert_int_equal(ix_vfs_mkdir(v, "d"), 0);
	assert_int_equal(ix_vfs_mkdir(v, "e"), 0);
	put(v, "d/x", "1", 0);
	assert_int_equal(sync_file(v, "d/x"), 0);
	assert_int_equal(ix_vfs_sync_dir(v, "d"), 0);
	assert_int_equal(ix_vfs_sync_dir(v, ""), 0);
	EXPECT(v, "d/ d/x=1 e/");
	assert_int_equal(ix_vfs_rename(v, "d/x", "e/y"), 0);
	return v;
}

static void a_move_leaves_one_name_or_both(void **state)
{
	struct ix_vfs *v = disk_with_two_dirs();

	(void)state;
	EXPECT(v, "d/ d/x=1 e/", "d/ d/x=1 e/ e/y=1", "d/ e/ e/y=1");
	/* The target's sync makes the new name durable. */
	assert_int_equal(ix_vfs_sync_dir(v, "e"), 0);
	EXPECT(v, "d/ d/x=1 e/ e/y=1", "d/ e/ e/y=1");
	assert_int_equal(ix_vfs_sync_dir(v, "d"), 0);
	EXPECT(v, "d/ e/ e/y=1");
	ix_vfs_free(v);

	/* The source's sync cannot make the file vanish. */
	v = disk_with_two_dirs();
	assert_int_equal(ix_vfs_sync_dir(v, "d"), 0);
	EXPECT(v, "d/ e/ e/y=1");
	ix_vfs_free(v);
}

static void a_lost_directory_takes_its_files_along(void **state)
{
	struct ix_vfs *v = disk();

	(void)state;
	assert_int_equal(ix_vfs_mkdir(v, "d"), 0);
	put(v, "d/x", "1", 0);
	assert_int_equal(sync_file(v, "d/x"), 0);
	assert_int_equal(ix_vfs_sync_dir(v, "d"), 0);
	EXPECT(v, "", "d/ d/x=1");
	assert_int_equal(ix_vfs_sync_dir(v, ""), 0);
	EXPECT(v, "d/ d/x=1");
	assert_int_equal(ix_vfs_unlink(v, "d/x"), 0);
	assert_int_equal(ix_vfs_rmdir(v, "d"), 0);
	EXPECT(v, "d/ d/x=1", "d/", "");
	ix_vfs_free(v);
}

static void a_moved_directory_is_in_one_place(void **state)
{
	struct ix_vfs *v = disk();

	(void)state;
	assert_int_equal(ix_vfs_mkdir(v, "d"), 0);
	assert_int_equal(ix_vfs_mkdir(v, "e"), 0);
	assert_int_equal(ix_vfs_mkdir(v, "d/m"), 0);
	assert_int_equal(ix_vfs_sync_dir(v, "d"), 0);
	assert_int_equal(ix_vfs_sync_dir(v, ""), 0);
	assert_int_equal(ix_vfs_rename(v, "d/m", "e/m"), 0);
	EXPECT(v, "d/ d/m/ e/", "d/ e/ e/m/");
	/* The former parent moves into what was its child: only one of the
	 * two moves, alone, would be a loop, and is not kept. */
	assert_int_equal(ix_vfs_rename(v, "d", "e/m/d"), 0);
	EXPECT(v, "d/ d/m/ e/", "d/ e/ e/m/", "e/ e/m/ e/m/d/", "e/");
	assert_int_equal(ix_vfs_sync_dir(v, "e"), 0);
	assert_int_equal(ix_vfs_sync_dir(v, "e/m"), 0);
	EXPECT(v, "e/ e/m/ e/m/d/");
	ix_vfs_free(v);
}

/* ---- the crash itself ---- */

static void the_crashing_operation_has_begun(void **state)
{
	struct ix_vfs *v = disk();
	struct ix_sim *s = ix_sim_of(v);
	struct ix_file *f;
	struct ix_stat st;
	char byte;

	(void)state;
	put(v, "a", "-", 0);
	assert_int_equal(sync_file(v, "a"), 0);
	assert_int_equal(ix_vfs_sync_dir(v, ""), 0);
	f = open_rw(v, "a");
	ix_sim_crash_at(s, 2);
	assert_int_equal(ix_file_sync(f), 0);
	assert_int_equal(ix_vfs_unlink(v, "none"), -ENOENT);
	assert_false(ix_sim_crashed(s));
	assert_int_equal(ix_file_write(f, "1", 1, 0), -EIO);
	assert_true(ix_sim_crashed(s));
	EXPECT(v, "a=-", "a=1");
	/* Afterwards nothing happens any more. */
	assert_int_equal(ix_file_write(f, "2", 1, 0), -EIO);
	assert_int_equal(ix_file_sync(f), -EIO);
	assert_int_equal(ix_file_read(f, &byte, 1, 0), -EIO);
	assert_int_equal(ix_file_stat(f, &st), -EIO);
	assert_int_equal(ix_file_truncate(f, 0), -EIO);
	assert_int_equal(ix_file_reserve(f, 1), -EIO);
	assert_int_equal(ix_vfs_unlink(v, "a"), -EIO);
	assert_int_equal(ix_vfs_sync_dir(v, ""), -EIO);
	assert_int_equal(ix_vfs_mkdir(v, "d"), -EIO);
	EXPECT(v, "a=-", "a=1");
	ix_file_close(f);
	ix_vfs_free(v);

	/* A sync during which the machine stops has synced nothing. */
	v = disk();
	s = ix_sim_of(v);
	put(v, "a", "1", 0);
	ix_sim_crash_at(s, 1);
	assert_int_equal(ix_vfs_sync_dir(v, ""), -EIO);
	EXPECT(v, "", "a=", "a=0", "a=1");
	ix_vfs_free(v);
}

static void locks_do_not_survive(void **state)
{
	struct ix_vfs *v = disk();
	struct ix_vfs *w;
	struct ix_file *a;
	struct ix_file *b;

	(void)state;
	assert_int_equal(ix_vfs_lock(v, "L", IX_LOCK_EXCLUSIVE, 0, &a), 0);
	assert_int_equal(ix_vfs_sync_dir(v, ""), 0);
	assert_int_equal(ix_sim_crash_state(ix_sim_of(v), 10, 0, 0, &w), 0);
	assert_int_equal(ix_vfs_lock(w, "L", IX_LOCK_EXCLUSIVE, 0, &b), 0);
	ix_file_close(a);
	ix_file_close(b);
	ix_vfs_free(v);
	ix_vfs_free(w);
}

/* ---- the four protocols ---- */

enum {
	SYNC_FILE = 1,
	SYNC_DIR = 2
};

#define FILES      3
#define FILE_BYTES 1300

static void fill(uint8_t *data, int k)
{
	for (int i = 0; i < FILE_BYTES; i++)
		data[i] = (uint8_t)('A' + k + i % 7);
}

/* Write each file under a temporary name, rename it into place, acknowledge.
 * Returns how many were acknowledged before the machine stopped. */
static int deliver(struct ix_vfs *v, int protocol)
{
	uint8_t data[FILE_BYTES];

	for (int k = 0; k < FILES; k++) {
		char name[32];
		struct ix_file *f;
		int rc;

		fill(data, k);
		if (ix_vfs_open(v, "tmp", IX_OPEN_WRITE | IX_OPEN_CREATE, &f))
			return k;
		rc = ix_file_write(f, data, 700, 0);
		if (!rc)
			rc = ix_file_write(f, data + 700, FILE_BYTES - 700,
					   700);
		if (!rc && (protocol & SYNC_FILE))
			rc = ix_file_sync(f);
		ix_file_close(f);
		snprintf(name, sizeof(name), "final%d", k);
		if (!rc)
			rc = ix_vfs_rename(v, "tmp", name);
		if (!rc && (protocol & SYNC_DIR))
			rc = ix_vfs_sync_dir(v, "");
		if (rc)
			return k;
	}
	return FILES;
}

struct verdict {
	unsigned torn;    /* a final name with wrong contents */
	unsigned missing; /* acknowledged, but not there */
	unsigned states;
};

static void judge(struct ix_vfs *w, int acknowledged, struct verdict *out)
{
	uint8_t data[FILE_BYTES];
	uint8_t back[FILE_BYTES + 1];

	out->states++;
	for (int k = 0; k < FILES; k++) {
		char name[32];
		struct ix_file *f;

		snprintf(name, sizeof(name), "final%d", k);
		if (ix_vfs_open(w, name, IX_OPEN_READ, &f)) {
			out->missing += k < acknowledged;
			continue;
		}
		fill(data, k);
		if (ix_file_read(f, back, sizeof(back), 0) != FILE_BYTES ||
		    memcmp(data, back, FILE_BYTES))
			out->torn++;
		ix_file_close(f);
	}
}

/* Stop at every mutating operation, and look at the states of each stop. */
static struct verdict try_protocol(int protocol, uint64_t limit)
{
	struct verdict out = { 0 };

	for (uint64_t nth = 1;; nth++) {
		struct ix_vfs *v = disk();
		struct ix_sim *s = ix_sim_of(v);
		uint64_t states;
		int acknowledged;

		ix_sim_crash_at(s, nth);
		acknowledged = deliver(v, protocol);
		states = ix_sim_crash_states(s, limit);
		assert_true(states >= 1 && states <= limit);
		for (uint64_t i = 0; i < states; i++) {
			struct ix_vfs *w;

			assert_int_equal(ix_sim_crash_state(s, limit, i, seed,
							    &w),
					 0);
			judge(w, acknowledged, &out);
			ix_vfs_free(w);
		}
		nth = ix_sim_crashed(s) ? nth : UINT64_MAX - 1;
		ix_vfs_free(v);
		if (nth == UINT64_MAX - 1)
			return out;
	}
}

static void only_the_full_protocol_survives(void **state)
{
	static const char *const names[] = { "no fsync", "fsync(file)",
					     "fsync(dir)", "both" };

	(void)state;
	/* Both where all states are visited and where they are sampled. */
	for (uint64_t limit = 60; limit <= 6000; limit *= 100) {
		for (int protocol = 0; protocol < 4; protocol++) {
			struct verdict r = try_protocol(protocol, limit);

			print_message("%-12s %6u states: %5u torn, %5u "
				      "missing\n",
				      names[protocol], r.states, r.torn,
				      r.missing);
			if (protocol == (SYNC_FILE | SYNC_DIR)) {
				assert_int_equal(r.torn, 0);
				assert_int_equal(r.missing, 0);
				continue;
			}
			/* Data that is not synced tears; a name that is not
			 * synced goes missing. */
			assert_int_equal(r.torn > 0, !(protocol & SYNC_FILE));
			assert_int_equal(r.missing > 0, !(protocol & SYNC_DIR));
		}
	}
}

/* ---- limits and repetition ---- */

static void sampled_states_hold_the_special_ones(void **state)
{
	enum {
		OPS = 12
	};
	struct ix_vfs *v = disk();
	struct ix_sim *s = ix_sim_of(v);
	uint64_t limit = 40;
	unsigned differ = 0;

	(void)state;
	for (int i = 0; i < OPS; i++) {
		char name[32];

		snprintf(name, sizeof(name), "f%02d", i);
		put(v, name, "", 0);
	}
	assert_int_equal(ix_sim_crash_states(s, limit), limit);
	assert_int_equal(ix_sim_crash_states(s, 1 << OPS), 1 << OPS);
	assert_int_equal(ix_sim_crash_states(s, 0), 0);
	for (uint64_t i = 0; i < limit; i++) {
		char *text = dump_state(v, limit, i);
		char *again = dump_state(v, limit, i);
		unsigned files = 0;
		struct ix_vfs *w;
		char *other;

		for (const char *p = text; (p = strchr(p, '=')); p++)
			files++;
		assert_string_equal(text, again);
		if (i == 0)
			assert_int_equal(files, 0);
		if (i >= 1 && i <= 3)
			assert_int_equal(files, OPS);
		if (i == 4)
			assert_int_equal(files, 0);
		if (i >= 5 && i < 5 + OPS)
			assert_int_equal(files, OPS - 1);
		assert_int_equal(ix_sim_crash_state(s, limit, i, seed + 1, &w),
				 0);
		other = dump(w);
		ix_vfs_free(w);
		differ += strcmp(text, other) != 0;
		if (i < 5 + OPS)
			assert_int_equal(differ, 0);
		free(text);
		free(again);
		free(other);
	}
	assert_true(differ > 0); /* the random ones follow the seed */
	ix_vfs_free(v);
}

static void describe_tells_what_was_lost(void **state)
{
	struct ix_vfs *v = disk();
	struct ix_sim *s = ix_sim_of(v);
	char line[200];
	char tiny[8];

	(void)state;
	put(v, "a", "1", 0);
	assert_int_equal(ix_vfs_rename(v, "a", "b"), 0);
	ix_sim_crash_describe(s, 100, 0, 0, line, sizeof(line));
	assert_non_null(strstr(line, "add name a: LOST"));
	assert_non_null(strstr(line, "write b 0+1: LOST"));
	assert_non_null(strstr(line, "rename a b: LOST"));
	ix_sim_crash_describe(s, 100, 0, 0, tiny, sizeof(tiny));
	assert_int_equal(strlen(tiny), sizeof(tiny) - 1);
	ix_vfs_free(v);
}

/* ---- random walks ---- */

static const char *const dirs[] = { "", "p", "q", "p/r" };

static void random_path(struct test_rng *r, char *out, size_t n)
{
	const char *dir = dirs[test_rand_below(r, 4)];

	snprintf(out, n, "%s%s%c", dir, *dir ? "/" : "",
		 (char)('a' + test_rand_below(r, 5)));
}

static void random_step(struct ix_vfs *v, struct test_rng *r)
{
	char a[32];
	char b[32];
	char text[2000];
	size_t n = (size_t)test_rand_below(r, sizeof(text));
	struct ix_file *f;

	random_path(r, a, sizeof(a));
	random_path(r, b, sizeof(b));
	memset(text, (int)test_rand_in(r, 'A', 'Z'), n);
	switch (test_rand_below(r, 11)) {
	case 0:
	case 1:
	case 2:
		if (!ix_vfs_open(v, a, IX_OPEN_WRITE | IX_OPEN_CREATE, &f)) {
			ix_file_write(f, text, n, test_rand_below(r, 1500));
			ix_file_close(f);
		}
		break;
	case 3:
		if (!ix_vfs_open(v, a, IX_OPEN_WRITE, &f)) {
			ix_file_truncate(f, test_rand_below(r, 3000));
			ix_file_close(f);
		}
		break;
	case 4:
		if (!ix_vfs_open(v, a, IX_OPEN_WRITE, &f)) {
			ix_file_sync(f);
			ix_file_close(f);
		}
		break;
	case 5:
		ix_vfs_rename(v, a, b);
		break;
	case 6:
		ix_vfs_link(v, a, b);
		break;
	case 7:
		ix_vfs_unlink(v, a);
		break;
	case 8:
		ix_vfs_sync_dir(v, dirs[test_rand_below(r, 4)]);
		break;
	case 9:
		if (test_rand_one_in(r, 2))
			ix_vfs_mkdir(v, dirs[test_rand_in(r, 1, 3)]);
		else
			ix_vfs_rmdir(v, dirs[test_rand_in(r, 1, 3)]);
		break;
	default: /* directories move too */
		ix_vfs_rename(v, dirs[test_rand_in(r, 1, 3)],
			      dirs[test_rand_in(r, 1, 3)]);
		break;
	}
}

static void sync_all(struct ix_vfs *v, const char *dir)
{
	struct names l = { 0 };

	assert_int_equal(ix_vfs_list(v, dir, collect, &l), 0);
	for (size_t i = 0; i < l.n; i++) {
		char path[512];

		snprintf(path, sizeof(path), "%s%s%s", dir, *dir ? "/" : "",
			 l.v[i]);
		if (l.types[i] == IX_TYPE_DIR)
			sync_all(v, path);
		else
			assert_int_equal(sync_file(v, path), 0);
		free(l.v[i]);
	}
	free(l.v);
	free(l.types);
	assert_int_equal(ix_vfs_sync_dir(v, dir), 0);
}

static void walks_keep_the_books_right(void **state)
{
	struct test_rng r;

	(void)state;
	test_rng_init(&r, seed);
	for (int round = 0; round < 150; round++) {
		struct ix_vfs *v = disk();
		struct ix_sim *s = ix_sim_of(v);
		uint64_t steps = test_rand_below(&r, 40);
		unsigned all_kept = 0;
		struct ix_vfs *w;
		char *synced;
		char *now;
		char *text;

		for (int i = 0; i < 60; i++)
			random_step(v, &r);
		/* With all synced there is one state: the present one. */
		sync_all(v, "");
		synced = dump(v);
		assert_int_equal(ix_sim_crash_states(s, 1000), 1);
		text = dump_state(v, 1000, 0);
		assert_string_equal(text, synced);
		free(text);
		/* One state, "all kept", is the present one; every state is a
		 * tree that can be walked, and can be worked on. */
		while (steps--)
			random_step(v, &r);
		now = dump(v);
		for (uint64_t i = 0; i < ix_sim_crash_states(s, 50); i++) {
			assert_int_equal(ix_sim_crash_state(s, 50, i, round,
							    &w),
					 0);
			text = dump(w);
			all_kept += !strcmp(text, now);
			free(text);
			for (int k = 0; k < 20; k++)
				random_step(w, &r);
			free(dump(w));
			ix_vfs_free(w);
		}
		assert_true(all_kept > 0);
		/* Looking at crash states changed nothing. */
		text = dump(v);
		assert_string_equal(text, now);
		free(text);
		/* A clone is the present state. */
		assert_int_equal(ix_sim_clone(s, &w), 0);
		text = dump(w);
		assert_string_equal(text, now);
		free(text);
		ix_vfs_free(w);
		free(synced);
		free(now);
		ix_vfs_free(v);
	}
}

/* What was synced, and not touched since, is in every crash state. */
static void what_is_synced_stays(void **state)
{
	struct test_rng r;

	(void)state;
	test_rng_init(&r, seed + 1);
	for (int round = 0; round < 100; round++) {
		struct ix_vfs *v = disk();
		uint64_t states;

		assert_int_equal(ix_vfs_mkdir(v, "safe"), 0);
		assert_int_equal(ix_vfs_sync_dir(v, ""), 0);
		for (int i = 0; i < 30; i++)
			random_step(v, &r);
		put(v, "tmp", "precious", 0);
		assert_int_equal(sync_file(v, "tmp"), 0);
		assert_int_equal(ix_vfs_rename(v, "tmp", "safe/x"), 0);
		assert_int_equal(ix_vfs_sync_dir(v, "safe"), 0);
		for (int i = 0; i < 30; i++)
			random_step(v, &r);
		states = ix_sim_crash_states(ix_sim_of(v), 60);
		for (uint64_t i = 0; i < states; i++) {
			char *text = dump_state(v, 60, i);

			assert_non_null(strstr(text, "safe/x=precious"));
			free(text);
		}
		assert_true(exists(v, "safe/x"));
		ix_vfs_free(v);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_append_tears_at_sectors),
		cmocka_unit_test(a_write_inside_one_sector_is_whole),
		cmocka_unit_test(writes_are_kept_in_any_subset),
		cmocka_unit_test(a_failed_sync_never_becomes_durable),
		cmocka_unit_test(a_name_needs_its_directory),
		cmocka_unit_test(a_rename_replaces_atomically),
		cmocka_unit_test(a_move_leaves_one_name_or_both),
		cmocka_unit_test(a_lost_directory_takes_its_files_along),
		cmocka_unit_test(a_moved_directory_is_in_one_place),
		cmocka_unit_test(the_crashing_operation_has_begun),
		cmocka_unit_test(locks_do_not_survive),
		cmocka_unit_test(only_the_full_protocol_survives),
		cmocka_unit_test(sampled_states_hold_the_special_ones),
		cmocka_unit_test(describe_tells_what_was_lost),
		cmocka_unit_test(walks_keep_the_books_right),
		cmocka_unit_test(what_is_synced_stays),
	};

	seed = test_seed();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
