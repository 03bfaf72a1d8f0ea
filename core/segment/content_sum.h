/* SPDX-License-Identifier: MIT */
/*
 * content_sum: the facts of docs/format.md section 4. Builders and verifiers
 * add them modulo 2^128; the sum does not depend on segmentation.
 */
#ifndef IX_SEGMENT_CONTENT_SUM_H
#define IX_SEGMENT_CONTENT_SUM_H

#include "core/base/codec.h"
#include "core/base/hash.h"

/* T(f, t): a term or column value of the field whose name hashes to
 * `field_hash` (ix_field.name_hash). */
static inline uint64_t ix_content_term(uint64_t field_hash, const void *term,
				       size_t n)
{
	return ix_hash64_seed(term, n, field_hash);
}

static inline struct ix_u128 ix_content_fact(uint64_t tie, uint64_t term,
					     uint64_t what)
{
	uint8_t fact[24];

	ix_put64(fact, tie);
	ix_put64(fact + 8, term);
	ix_put64(fact + 16, what);
	return ix_hash128(fact, sizeof(fact));
}

/* A position of a term in a document. */
static inline struct ix_u128 ix_content_position(uint64_t tie, uint64_t term,
						 uint32_t position)
{
	return ix_content_fact(tie, term, position);
}

/* A posting without positions; frequency 1 for docs-only fields. */
static inline struct ix_u128 ix_content_posting(uint64_t tie, uint64_t term,
						uint32_t freq)
{
	return ix_content_fact(tie, term, ((uint64_t)1 << 63) + freq);
}

/* A column value. */
static inline struct ix_u128 ix_content_value(uint64_t tie, uint64_t value)
{
	return ix_content_fact(tie, value, (uint64_t)1 << 62);
}

/* A stored record. */
static inline struct ix_u128 ix_content_record(uint64_t tie, const void *record,
					       size_t n)
{
	return ix_hash128_seed(record, n, tie);
}

#endif
