/* SPDX-License-Identifier: MIT */
/*
 * merge_cursor: walks the terms of one postings extent forward through an
 * ix_source, without its term index; and the bytes of the current payload.
 * Used by field merges only.
 *
 * Memory: one dictionary (IX_DICT_MAX) and one term. The payloads of an
 * ordinary block are looked at in the source's window; a large payload is
 * streamed. Everything is checked, since checksums only say that the bytes are
 * what somebody wrote.
 */
#ifndef IX_FORMAT_MERGE_CURSOR_H
#define IX_FORMAT_MERGE_CURSOR_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/format/dict.h"
#include "core/format/field_merge.h"

struct ix_merge_cursor {
	const struct ix_field_source *source; /* borrowed */
	enum ix_postings_codec codec;
	int done;
	/* The open block. */
	struct ix_block block;
	uint32_t terms_left; /* entries behind the current one */
	uint8_t *dict;       /* owned, IX_DICT_MAX bytes */
	const uint8_t *entry;
	const uint8_t *dict_end;
	const uint8_t *payload; /* behind the current one; in the window */
	const uint8_t *payload_end;
	/* The current term. */
	struct ix_term_info info;
	uint32_t term_len;
	uint8_t term[IX_TERM_MAX_BYTES];
	/* What is left of its payload: in memory, or to be streamed. */
	const uint8_t *p;
	const uint8_t *end;
	int streamed;
};

int ix_merge_cursor_init(struct ix_merge_cursor *c,
			 const struct ix_field_source *source,
			 enum ix_postings_codec codec);
void ix_merge_cursor_release(struct ix_merge_cursor *c); /* idempotent */

/* Next term: 1, 0 at the end (c->done), negative. The payload of a large block
 * must have been used up. */
int ix_merge_cursor_next(struct ix_merge_cursor *c);

/* Bytes of the current payload, by ix_payload_*; a large block's payload ends
 * where the list says, so `left` is only an upper bound there. */
uint64_t ix_payload_left(const struct ix_merge_cursor *c);
/* View `n` <= 65536 bytes without using them up; good until the next call for
 * this cursor. -IX_ECORRUPT when there are fewer. */
int ix_payload_view(struct ix_merge_cursor *c, size_t n, const uint8_t **pp);
/* Use up `n` bytes of the last view. */
void ix_payload_skip(struct ix_merge_cursor *c, size_t n);
/* Use up `n` bytes, of any number, and hand them on. */
int ix_payload_copy(struct ix_merge_cursor *c, uint64_t n,
		    void (*write)(void *ctx, const void *data, size_t n),
		    void *ctx);

#endif
