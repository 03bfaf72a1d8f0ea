/* SPDX-License-Identifier: MIT */
/*
 * chunk: the chunks and the chunk directory of a long list (docs/format.md
 * 6.2). Below the lists; used by postings and merges.
 */
#ifndef IX_FORMAT_CHUNK_H
#define IX_FORMAT_CHUNK_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/format/unit.h"

#define IX_CHUNK_HEADER     20u
#define IX_CHUNK_PER_UNIT   26u /* bytes of skip arrays */
#define IX_CHUNK_ENTRY      32u /* of the directory */
#define IX_CHUNK_FOOTER     8u  /* of the directory */
#define IX_CHUNK_HEAD_MAX   (IX_CHUNK_HEADER + IX_CHUNK_PER_UNIT * IX_CHUNK_UNITS)
#define IX_CHUNK_DOCS_BYTES (IX_CHUNK_UNITS * IX_UNIT_DOCS_BYTES)

/* Units that joining looks back over: see struct ix_chunk_writer. */
#define IX_CHUNK_LOOK_BACK 8u

/* ---- reading ---- */

/* Views into a chunk's header and skip arrays. */
struct ix_chunk_view {
	uint32_t units;
	uint32_t docs; /* documents */
	uint32_t docs_len;
	uint64_t pos_len;
	uint32_t head_len;   /* bytes of header and skip arrays */
	const uint8_t *head; /* all arrays below point into it */
	const uint8_t *first;
	const uint8_t *last;
	const uint8_t *docs_start;
	const uint8_t *pos_start;
	const uint8_t *impacts;
	const uint8_t *min_tie;
};

/* Units of the chunk whose header is at `p`, IX_CHUNK_HEADER bytes; 0 when
 * that is not possible. The head has IX_CHUNK_HEADER + IX_CHUNK_PER_UNIT x
 * units bytes. */
uint32_t ix_chunk_units(const uint8_t *p);

/* Set the views up for a head of `units` units at `p`, without any check. */
void ix_chunk_view_init(struct ix_chunk_view *v, const uint8_t *p,
			uint32_t units);

/*
 * Parse the head of a chunk, of which `n` bytes are readable, and check it:
 * documents ascend, from at least `min_doc` and below `doc_limit`, starts
 * ascend inside their areas, impacts are valid. 0 or -IX_ECORRUPT with a text.
 */
int ix_chunk_parse(struct ix_chunk_view *v, const uint8_t *p, uint64_t n,
		   enum ix_postings_codec codec, uint32_t min_doc,
		   uint32_t doc_limit);

/* What the arrays say of unit `i`; `count` is not known there and 0. */
void ix_chunk_unit(const struct ix_chunk_view *v, uint32_t i,
		   struct ix_unit_info *info);
void ix_chunk_impacts(const struct ix_chunk_view *v, uint32_t i,
		      struct ix_impact impacts[IX_IMPACTS]);

/* An entry of the chunk directory. */
struct ix_chunk_entry {
	uint32_t first;
	uint32_t last;
	uint64_t offset;
	uint32_t docs;
	uint32_t min_tie;
	struct ix_impact impacts[IX_IMPACTS];
};
void ix_chunk_entry_encode(const struct ix_chunk_entry *e,
			   uint8_t p[IX_CHUNK_ENTRY]);
/* -IX_ECORRUPT when reserved bytes are not zero or impacts are not valid. */
int ix_chunk_entry_decode(const uint8_t p[IX_CHUNK_ENTRY],
			  struct ix_chunk_entry *e);
/* The entry that the units of a chunk at `offset` give. */
void ix_chunk_entry_make(const struct ix_chunk_view *v, uint64_t offset,
			 struct ix_chunk_entry *e);

/* ---- writing ---- */

/* Where a chunk writer puts its bytes. Errors are sticky there. */
typedef void (*ix_chunk_write_fn)(void *ctx, const void *data, size_t n);

/*
 * Takes units and writes chunks. Two rules of docs/format.md live here, so
 * that a build and any merge follow the same ones:
 *
 * - A chunk ends after 32 units, or with the unit that takes its positions to
 *   1 MiB.
 * - Joining: when the last j units (2 <= j <= 8, the smallest j first) have
 *   at most 128 (j - 1) documents and less than 1 MiB of positions, they are
 *   decoded and become j - 1 or fewer units, all full but the last. So no list
 *   stays fragmented however often it is merged.
 *
 * The last units are held back in memory for that: at most 40 units, and about
 * 4 MiB of positions. A unit of 1 MiB or more of positions is never joined.
 */
struct ix_chunk_writer {
	enum ix_postings_codec codec;
	const struct ix_doc_norms *norms; /* borrowed, for joined units */
	ix_chunk_write_fn write;
	void *ctx;
	uint32_t count; /* of units[] */
	struct ix_unit_info units[IX_CHUNK_UNITS + IX_CHUNK_LOOK_BACK];
	struct ix_buf docs;      /* of these units, one after another */
	struct ix_buf positions; /* likewise */
	struct ix_buf dir;       /* entries so far */
	uint64_t offset;         /* bytes written */
	uint64_t doc_count;      /* documents pushed */
	uint32_t chunk_count;    /* chunks written */
	uint64_t coded_bytes;    /* decoded and encoded again by joining */
	struct ix_chunk_joiner *joiner; /* owned; NULL until it is needed */
	int error;                      /* sticky */
	uint32_t bad_doc; /* with -IX_ECORRUPT: first document of the unit */
};

void ix_chunk_writer_init(struct ix_chunk_writer *w,
			  enum ix_postings_codec codec);
void ix_chunk_writer_release(struct ix_chunk_writer *w); /* idempotent */

/* Begin a list; also forgets an unfinished one and its error. */
void ix_chunk_begin(struct ix_chunk_writer *w, const struct ix_doc_norms *norms,
		    ix_chunk_write_fn write, void *ctx);

/* Append a unit, above all before. Its bytes have been appended to w->docs and
 * w->positions: info->docs_len and info->pos_len of them. */
void ix_chunk_push(struct ix_chunk_writer *w, const struct ix_unit_info *info);

/* As ix_chunk_push for a unit of 1 MiB or more of positions, which are not in
 * w->positions: when it returns, the caller writes exactly info->pos_len bytes
 * to the output itself. */
void ix_chunk_push_streamed(struct ix_chunk_writer *w,
			    const struct ix_unit_info *info);

/* For a list that is copied chunk by chunk, without units: write the head `v`
 * (of a chunk with document numbers as they shall be), note the chunk. When it
 * returns, the caller writes its v->docs_len + v->pos_len bytes to the output
 * itself. Not to be mixed with pushing units. */
void ix_chunk_copied(struct ix_chunk_writer *w, const struct ix_chunk_view *v);

/* Write what is held back and the directory. 0 or the first error. The list's
 * length is then w->offset, its documents w->doc_count. */
int ix_chunk_finish(struct ix_chunk_writer *w);

#endif
