/* SPDX-License-Identifier: MIT */
/*
 * postings: lists of (document, frequency, positions) of one term, in the two
 * forms of docs/format.md section 6.
 *
 * Writing: a list writer takes documents in ascending order and leaves the
 * finished payload in a buffer. Reading: a list reader walks a payload in
 * memory (a mapped segment); it checks everything it reads and yields only
 * documents inside the range the skip data promises, so a hostile payload
 * gives -IX_ECORRUPT or wrong frequencies, never a bad access.
 */
#ifndef IX_FORMAT_POSTINGS_H
#define IX_FORMAT_POSTINGS_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/format/layout.h"

#define IX_UNIT_DOCS      128u       /* documents of a full unit */
#define IX_CHUNK_UNITS    32u        /* units of a full chunk */
#define IX_CHUNK_POSITION (1u << 20) /* position bytes that close a chunk */
#define IX_SHORT_DOCS     128u       /* a list from here on is long */
#define IX_SHORT_BYTES    65536u     /* a payload above is long */
#define IX_IMPACTS        3u
#define IX_NO_DOC         0xffffffffu

/* A bound on (frequency, field length): docs/format.md 6.2. */
struct ix_impact {
	uint8_t freq;   /* frequency code: 255 = unbounded, 0 = not used */
	uint8_t length; /* length code, rounded down */
};

uint8_t ix_length_code(uint32_t length); /* rounded down */
uint32_t ix_length_floor(uint8_t code);  /* the smallest length of a code */

/* What the writer must know of a document besides its postings, for impacts.
 * Arrays indexed by document, borrowed. */
struct ix_doc_norms {
	const uint32_t *lengths; /* NULL: codec 1 */
	const uint64_t *ties;
};

/* What the dictionary says of a term. */
struct ix_term_info {
	uint32_t df;          /* documents, >= 1 */
	uint64_t ttf;         /* occurrences; = df for codec 1 */
	uint8_t is_long;      /* form */
	uint64_t payload_len; /* bytes */
};

/* ---- writing ---- */

struct ix_list_writer;

int ix_list_writer_new(enum ix_postings_codec codec,
		       struct ix_list_writer **wp);
void ix_list_writer_free(struct ix_list_writer *w);

/* Begin a list. `norms` is borrowed until the finish. */
void ix_list_begin(struct ix_list_writer *w, const struct ix_doc_norms *norms);
/* Append a document, above all before; `freq` >= 1 positions, each above the
 * one before (ignored and may be NULL for codecs 1 and 2). Errors are sticky.
 */
void ix_list_add(struct ix_list_writer *w, uint32_t doc, uint32_t freq,
		 const uint32_t *positions);
/* The payload of all documents added, appended to `out`, and its dictionary
 * data. 0, -ENOMEM, or -EINVAL with a text when documents or positions did not
 * ascend, or there were none; `out` then has rubbish behind its old end. */
int ix_list_finish(struct ix_list_writer *w, struct ix_buf *out,
		   struct ix_term_info *info);

/* ---- reading ---- */

/* A cursor over one list; belongs to one thread, serves any number of lists of
 * its codec in turn. */
struct ix_list_reader;

int ix_list_reader_new(enum ix_postings_codec codec,
		       struct ix_list_reader **rp);
void ix_list_reader_free(struct ix_list_reader *r);

/* Start a list: payload view (must outlive the use), dictionary data and the
 * number of documents of the segment. The cursor is before the first document.
 */
int ix_list_open(struct ix_list_reader *r, const uint8_t *payload,
		 const struct ix_term_info *info, uint32_t doc_count);

/* Next document: 1 with *docp, 0 at the end, negative for damage. */
int ix_list_next(struct ix_list_reader *r, uint32_t *docp);
/* First document >= target (which is above the current one). */
int ix_list_seek(struct ix_list_reader *r, uint32_t target, uint32_t *docp);
/* Frequency of the current document (1 for codec 1). Damage shows in the next
 * call of ix_list_next, _seek or _positions; until then it is 1. */
uint32_t ix_list_freq(struct ix_list_reader *r);
/* Positions of the current document: a view of ix_list_freq() values, good
 * until the next call. Negative for damage or codec 1, 2 (-EINVAL). */
int ix_list_positions(struct ix_list_reader *r, const uint32_t **positionsp);

/*
 * The unit the cursor is in, for loops without a call per document: a view of
 * its documents, their number, and the index of the current one. Good until
 * the cursor leaves the unit. Only after ix_list_next or ix_list_seek gave 1.
 */
void ix_list_unit(const struct ix_list_reader *r, const uint32_t **docsp,
		  uint32_t *countp, uint32_t *atp);
/* Frequencies of the unit's documents, as ix_list_unit; NULL for codec 1 (all
 * are 1), and for damage, which the next move of the cursor reports. */
const uint32_t *ix_list_unit_freqs(struct ix_list_reader *r);
/* Make the document of index `at` of the unit the current one; `at` is the
 * present index or above, and below the unit's count. */
void ix_list_unit_move(struct ix_list_reader *r, uint32_t at);

/*
 * Bounds for the documents around `target`, without decoding: the impacts that
 * bound every document of the unit (level 0) or chunk (level 1) that contains
 * the first document >= target, and the last document they hold for.
 * `impacts[i].freq == 0` = unused. For a short list: one unused-all array and
 * last = IX_NO_DOC - 1 (no bound known). Returns 1, 0 at the end, negative.
 */
int ix_list_bounds(struct ix_list_reader *r, uint32_t target, int level,
		   struct ix_impact impacts[IX_IMPACTS], uint32_t *lastp);

/*
 * Check a payload's directories: chunk, unit and skip monotonicity, ranges,
 * counts against `info`, that a chunk's bounds hold for its units; and with
 * `deep` every document and position. 0, -ENOMEM, or -IX_ECORRUPT with a
 * text.
 */
int ix_list_check(const uint8_t *payload, const struct ix_term_info *info,
		  enum ix_postings_codec codec, uint32_t doc_count, int deep);

#endif
