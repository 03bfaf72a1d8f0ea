/* SPDX-License-Identifier: MIT */
#include "core/index/journal.h"

#include <inttypes.h>
#include <string.h>

#include "core/base/codec.h"
#include "core/base/err.h"
#include "core/base/mem.h"

#define MAGIC        "IXFSJRNL"
#define VERSION      1u
#define BATCH_MAGIC  0x424a5849u /* "IXJB" */
#define BATCH_HEADER 40u
#define HASH_SIZE    8u

static uint64_t batch_size(uint64_t payload)
{
	return BATCH_HEADER + ix_align_up(payload, 8) + HASH_SIZE;
}

void ix_journal_close(struct ix_journal *j)
{
	ix_file_close(j->file);
	memset(j, 0, sizeof(*j));
}

/* ---- creating ---- */

static void encode_header(uint8_t h[IX_JOURNAL_HEADER], uint64_t epoch,
			  struct ix_u128 checkpoint)
{
	memset(h, 0, IX_JOURNAL_HEADER);
	memcpy(h, MAGIC, 8);
	ix_put32(h + 8, VERSION);
	ix_put64(h + 16, epoch);
	ix_put64(h + 24, checkpoint.lo);
	ix_put64(h + 32, checkpoint.hi);
	ix_put64(h + 56, ix_hash64(h, 56));
}

/* Set aside space up to `size`; filesystems that cannot are not asked again. */
static int reserve(struct ix_journal *j, uint64_t size)
{
	int rc;

	if (size <= j->reserved)
		return 0;
	rc = ix_file_reserve(j->file, size);
	if (rc == -EOPNOTSUPP) {
		j->reserved = UINT64_MAX;
		return 0;
	}
	if (!rc)
		j->reserved = size;
	return rc;
}

int ix_journal_create_tmp(struct ix_vfs *v, uint64_t epoch,
			  struct ix_u128 checkpoint, struct ix_journal *j)
{
	uint8_t header[IX_JOURNAL_HEADER];
	int rc;

	memset(j, 0, sizeof(*j));
	rc = ix_vfs_open(v, IX_JOURNAL_TMP,
			 IX_OPEN_WRITE | IX_OPEN_CREATE | IX_OPEN_TRUNC,
			 &j->file);
	if (rc)
		goto out;
	encode_header(header, epoch, checkpoint);
	rc = reserve(j, IX_JOURNAL_RESERVE);
	if (!rc)
		rc = ix_file_write(j->file, header, sizeof(header), 0);
	if (!rc)
		rc = ix_file_sync(j->file);
out:
	if (rc) {
		ix_journal_close(j);
		(void)ix_vfs_unlink(v, IX_JOURNAL_TMP);
		return ix_fail(rc, IX_JOURNAL_TMP ": cannot write: %s",
			       ix_err_name(rc));
	}
	j->vfs = v;
	j->epoch = epoch;
	j->tail = j->durable = IX_JOURNAL_HEADER;
	j->previous = ix_get64(header + 56);
	return 0;
}

int ix_journal_publish(struct ix_vfs *v)
{
	int rc;

	(void)ix_vfs_unlink(v, IX_JOURNAL_PREV);
	(void)ix_vfs_link(v, IX_JOURNAL_FILE, IX_JOURNAL_PREV);
	rc = ix_vfs_rename(v, IX_JOURNAL_TMP, IX_JOURNAL_FILE);
	if (!rc)
		rc = ix_vfs_sync_dir(v, "");
	if (rc)
		return ix_fail(rc, IX_JOURNAL_FILE ": cannot replace: %s",
			       ix_err_name(rc));
	return 0;
}

/* ---- reading ---- */

struct batch {
	const uint8_t *payload;
	size_t n;
	uint64_t size;
	uint64_t number;
	uint64_t durable;
	uint64_t previous;
	uint64_t hash;
};

/* Is there a whole batch of this epoch at `offset`? */
static int decode_batch(const uint8_t *data, size_t n, uint64_t offset,
			uint64_t epoch, struct batch *b)
{
	const uint8_t *p = data + offset;
	uint64_t left = n - offset;

	if (left < BATCH_HEADER + HASH_SIZE || ix_get32(p) != BATCH_MAGIC ||
	    ix_get64(p + 8) != epoch)
		return 0;
	b->n = ix_get32(p + 4);
	b->size = batch_size(b->n);
	if (b->size > left)
		return 0;
	b->hash = ix_get64(p + b->size - HASH_SIZE);
	if (ix_hash64(p, b->size - HASH_SIZE) != b->hash)
		return 0;
	b->payload = p + BATCH_HEADER;
	b->number = ix_get64(p + 16);
	b->durable = ix_get64(p + 24);
	b->previous = ix_get64(p + 32);
	return 1;
}

/* Behind the end: a whole batch that was written when these bytes were
 * durable already proves that they were damaged since. */
static int check_rest(const uint8_t *data, size_t n, const struct ix_journal *j)
{
	struct batch b;

	for (uint64_t at = j->tail + 8; at < n; at += 8)
		if (decode_batch(data, n, at, j->epoch, &b) &&
		    b.number > j->number && b.durable > j->tail)
			return ix_fail(-IX_ECORRUPT,
				       IX_JOURNAL_FILE
				       ": damaged at byte %" PRIu64
				       " (batch %" PRIu64 " is whole behind "
				       "it); nothing was changed",
				       j->tail, b.number);
	return 0;
}

static int check_header(const uint8_t *data, size_t n, uint64_t epoch,
			struct ix_u128 checkpoint, struct ix_journal *j,
			int *stalep)
{
	struct ix_u128 base;

	if (n < IX_JOURNAL_HEADER || memcmp(data, MAGIC, 8) != 0)
		return ix_fail(-IX_ECORRUPT, IX_JOURNAL_FILE ": no header");
	if (ix_get32(data + 8) != VERSION)
		return ix_fail(-IX_EFORMAT,
			       IX_JOURNAL_FILE
			       ": version %u is not known; use the ixfs that "
			       "wrote it",
			       ix_get32(data + 8));
	j->previous = ix_get64(data + 56);
	if (ix_hash64(data, 56) != j->previous)
		return ix_fail(-IX_ECORRUPT,
			       IX_JOURNAL_FILE ": header is damaged");
	j->epoch = ix_get64(data + 16);
	*stalep = j->epoch < epoch;
	if (*stalep)
		return 0;
	base.lo = ix_get64(data + 24);
	base.hi = ix_get64(data + 32);
	if (j->epoch > epoch || !ix_u128_equal(base, checkpoint))
		return ix_fail(-IX_ECORRUPT,
			       IX_JOURNAL_FILE
			       ": continues another metadata.json (epoch "
			       "%" PRIu64 ", that one has %" PRIu64 ")",
			       j->epoch, epoch);
	return 0;
}

int ix_journal_parse(const uint8_t *data, size_t n, uint64_t epoch,
		     struct ix_u128 checkpoint, ix_journal_fn fn, void *ctx,
		     struct ix_journal *j, int *stalep)
{
	struct batch b;
	int rc;

	rc = check_header(data, n, epoch, checkpoint, j, stalep);
	if (rc || *stalep)
		return rc;
	j->number = 0;
	j->tail = IX_JOURNAL_HEADER;
	while (j->tail < n && decode_batch(data, n, j->tail, j->epoch, &b)) {
		if (b.number != j->number + 1 || b.previous != j->previous ||
		    b.durable > j->tail)
			return ix_fail(-IX_ECORRUPT,
				       IX_JOURNAL_FILE
				       ": batch %" PRIu64 " at byte %" PRIu64
				       " does not continue the one before",
				       b.number, j->tail);
		rc = fn(ctx, b.payload, b.n);
		if (rc < 0)
			return rc;
		j->number = b.number;
		j->previous = b.hash;
		j->tail += b.size;
	}
	j->durable = j->tail;
	return check_rest(data, n, j);
}

int ix_journal_open(struct ix_vfs *v, uint64_t epoch, struct ix_u128 checkpoint,
		    unsigned open_flags, ix_journal_fn fn, void *ctx,
		    struct ix_journal *j, int *stalep)
{
	struct ix_stat st;
	uint8_t *data = NULL;
	ssize_t got;
	int rc;

	memset(j, 0, sizeof(*j));
	*stalep = 0;
	rc = ix_vfs_open(v, IX_JOURNAL_FILE, open_flags, &j->file);
	if (rc)
		return ix_fail(rc, IX_JOURNAL_FILE ": cannot open: %s",
			       ix_err_name(rc));
	j->vfs = v;
	rc = ix_file_stat(j->file, &st);
	if (rc)
		goto out;
	data = ix_malloc(st.size + 1);
	if (!data) {
		rc = -ENOMEM;
		goto out;
	}
	got = ix_file_read(j->file, data, st.size, 0);
	if (got < 0)
		rc = ix_fail((int)got, IX_JOURNAL_FILE ": cannot read: %s",
			     ix_err_name((int)got));
	else
		rc = ix_journal_parse(data, (size_t)got, epoch, checkpoint, fn,
				      ctx, j, stalep);
out:
	ix_free(data);
	if (rc || *stalep)
		ix_journal_close(j);
	return rc;
}

/* ---- writing ---- */

/* As much as a full disk has for us; what the file holds already counts. A full
 * disk must still be mountable; more room is asked for again. */
static void reserve_some(struct ix_journal *j)
{
	uint64_t n = IX_JOURNAL_RESERVE;

	j->reserved = j->tail;
	while (reserve(j, j->tail + n) && n > IX_JOURNAL_LAST / 2)
		n /= 2;
}

int ix_journal_cut(struct ix_journal *j)
{
	struct ix_stat st;
	int rc = ix_file_stat(j->file, &st);

	/* A truncation, even to the size it has, gives the reserve back, and a
	 * full disk would not return it: then nothing could be removed. */
	if (!rc && st.size != j->tail)
		rc = ix_file_truncate(j->file, j->tail);
	if (!rc)
		rc = ix_file_sync(j->file);
	if (rc)
		return ix_fail(rc, IX_JOURNAL_FILE ": cannot cut: %s",
			       ix_err_name(rc));
	j->durable = j->tail;
	reserve_some(j);
	return 0;
}

int ix_journal_room(struct ix_journal *j, size_t n, int frees)
{
	uint64_t need = j->tail + batch_size(n);
	int rc;

	if (j->reserved == UINT64_MAX || need + IX_JOURNAL_LAST <= j->reserved)
		return 0;
	rc = reserve(j, need + IX_JOURNAL_RESERVE);
	if (!rc || (frees && need <= j->reserved))
		return 0;
	return ix_fail(rc, IX_JOURNAL_FILE ": no space for a commit: %s",
		       ix_err_name(rc));
}

/* The batch was not, or only partly, written. Make sure that it will never be
 * found, nor its remains; 0 if that is sure. */
static int erase_tail(struct ix_journal *j)
{
	int rc = ix_file_truncate(j->file, j->tail);

	if (!rc)
		rc = ix_file_sync(j->file);
	/* Truncation may have given the reserve back: take it again while it
	 * is still there. */
	if (j->reserved != UINT64_MAX)
		reserve_some(j);
	return rc;
}

int ix_journal_append(struct ix_journal *j, const void *payload, size_t n,
		      int sync, int *unsurep)
{
	struct ix_buf b = IX_BUF_INIT;
	uint64_t hash;
	int rc;

	*unsurep = 0;
	if (n > UINT32_MAX)
		return -IX_ELIMIT;
	ix_buf_add_u32(&b, BATCH_MAGIC);
	ix_buf_add_u32(&b, (uint32_t)n);
	ix_buf_add_u64(&b, j->epoch);
	ix_buf_add_u64(&b, j->number + 1);
	ix_buf_add_u64(&b, j->durable);
	ix_buf_add_u64(&b, j->previous);
	ix_buf_add(&b, payload, n);
	ix_buf_add_zeros(&b, ix_align_up(n, 8) - n);
	rc = ix_buf_error(&b);
	if (rc)
		goto out;
	hash = ix_hash64(b.data, b.len);
	ix_buf_add_u64(&b, hash);
	rc = ix_buf_error(&b);
	if (rc)
		goto out;
	rc = ix_file_write(j->file, b.data, b.len, j->tail);
	if (rc) {
		*unsurep = erase_tail(j) != 0;
		goto out;
	}
	if (sync) {
		rc = ix_file_sync(j->file);
		/* What a failed sync left on the disk is anybody's guess, and
		 * a second one that succeeds proves nothing. */
		*unsurep = rc != 0;
		if (rc)
			goto out;
		j->durable = j->tail + b.len;
	}
	j->tail += b.len;
	j->number++;
	j->previous = hash;
out:
	ix_buf_release(&b);
	if (rc)
		ix_fail(rc, IX_JOURNAL_FILE ": cannot append: %s",
			ix_err_name(rc));
	return rc;
}

int ix_journal_sync(struct ix_journal *j)
{
	int rc;

	if (j->durable == j->tail)
		return 0;
	rc = ix_file_sync(j->file);
	if (!rc)
		j->durable = j->tail;
	else
		ix_fail(rc, IX_JOURNAL_FILE ": cannot sync: %s",
			ix_err_name(rc));
	return rc;
}
