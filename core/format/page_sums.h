/* SPDX-License-Identifier: MIT */
/*
 * page_sums: the hashes of a file's pages, computed while it is written.
 *
 * The checksum leaves of a segment are hashes over page hashes: XXH3-64 of
 * each 4 KiB page of the file, pages counted from its start. Whoever sees
 * every write of a file (the mount does) can therefore hash pages as they pass
 * by, at any offset and in any order, and the verifier need not read them
 * again. A page whose hash is not surely known is simply unknown; the
 * verifier reads that one. So nothing here can fail: without memory, or for
 * write patterns that are not worth following, pages stay unknown.
 *
 *	ix_page_sums_init(&s);
 *	each write that reached the file:  ix_page_sums_write(&s, off, data, n)
 *	each truncation:                   ix_page_sums_truncate(&s, size)
 *	anything else that changed bytes:  ix_page_sums_invalidate(&s, off, n)
 *	while verifying:                   ix_page_sums_get(&s, page, &sum)
 *	ix_page_sums_release(&s);
 *
 * Known are only pages of which all 4096 bytes were written: at once, or
 * front to back in pieces (one such page is buffered at a time, which is what
 * a sequential writer needs). A page that ends at the end of the file and is
 * shorter is never known.
 *
 * Memory: 8.1 bytes per page (0.2 % of the file). Pages far beyond the part
 * of the file that was written so far are not followed, so that one write at
 * a huge offset cannot ask for a huge table.
 *
 * Threads: the caller serialises all calls on one object, and applies writes
 * in the order in which they reached the file; where it cannot tell the order
 * (two writes in flight touch one page) it invalidates the range of both.
 */
#ifndef IX_FORMAT_PAGE_SUMS_H
#define IX_FORMAT_PAGE_SUMS_H

#include <stddef.h>
#include <stdint.h>

#define IX_PAGE_SUMS_PAGE ((size_t)4096) /* bytes of one page */

struct ix_page_sums {
	uint64_t *sums;     /* owned; [cap] */
	uint64_t *known;    /* owned; bit per page, [cap / 64] */
	size_t cap;         /* pages in the tables, a multiple of 64 */
	size_t known_count; /* pages known */
	uint8_t *tail;      /* owned; the buffered page, NULL until needed */
	uint64_t tail_page; /* its number, meaningful if tail_fill > 0 */
	size_t tail_fill;   /* its first bytes that are valid, < page */
};

/* An empty object: every page is unknown. Allocates nothing. */
void ix_page_sums_init(struct ix_page_sums *s);

/* Free the tables; the object is empty again. Idempotent. */
void ix_page_sums_release(struct ix_page_sums *s);

/* The file's bytes [offset, offset + n) are now `data`. offset + n must not
 * exceed INT64_MAX (no file does). */
void ix_page_sums_write(struct ix_page_sums *s, uint64_t offset,
			const void *data, size_t n);

/* The file was cut or extended to `size` bytes (extended by zeros). */
void ix_page_sums_truncate(struct ix_page_sums *s, uint64_t size);

/* The file's bytes [offset, offset + n) changed in a way not seen. n may
 * reach past the end of the file; UINT64_MAX means to the end. */
void ix_page_sums_invalidate(struct ix_page_sums *s, uint64_t offset,
			     uint64_t n);

/* Is the hash of page `page` known? 1 with the hash in `*sump`, or 0 with
 * `*sump` = 0. */
int ix_page_sums_get(const struct ix_page_sums *s, uint64_t page,
		     uint64_t *sump);

#endif
