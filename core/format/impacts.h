/* SPDX-License-Identifier: MIT */
/*
 * impacts: up to three (frequency, length) pairs that bound a set of
 * documents (docs/format.md 6.2).
 *
 * The tightest bound of a set is its frontier: the documents to which no
 * other has both a frequency as high and a length as low. The frontier is cut
 * into at most three runs, each covered by one pair, so that the sum of what
 * the pairs exceed the documents by, on a logarithmic scale, is least.
 * Integers only, so that the same documents give the same bytes everywhere.
 */
#ifndef IX_FORMAT_IMPACTS_H
#define IX_FORMAT_IMPACTS_H

#include <stdint.h>

#include "core/format/postings.h"

/* Collects codes of documents, or pairs of units. */
struct ix_impact_set {
	uint8_t lowest[256]; /* by frequency code: the lowest length code */
	uint8_t seen[256];   /* by frequency code */
	uint32_t max_freq;   /* highest frequency code seen; 0 = empty */
};

void ix_impact_set_clear(struct ix_impact_set *s);
/* Add codes; `freq` >= 1. */
static inline void ix_impact_set_add(struct ix_impact_set *s, uint8_t freq,
				     uint8_t length)
{
	if (!s->seen[freq] || length < s->lowest[freq]) {
		s->seen[freq] = 1;
		s->lowest[freq] = length;
		if (freq > s->max_freq)
			s->max_freq = freq;
	}
}
/* Add the pairs of a unit. */
void ix_impact_set_add_pairs(struct ix_impact_set *s,
			     const struct ix_impact pairs[IX_IMPACTS]);
/* The pairs that bound everything added: frequencies ascending, unused last
 * and zero. Clears the set. */
void ix_impact_set_finish(struct ix_impact_set *s,
			  struct ix_impact pairs[IX_IMPACTS]);

/* The code of a frequency: rounded up. */
static inline uint8_t ix_freq_code(uint32_t freq)
{
	return freq < 255 ? (uint8_t)freq : 255;
}

/* Are pairs as a writer may leave them: the first one used, unused ones last
 * and zero? */
int ix_impacts_valid(const struct ix_impact pairs[IX_IMPACTS]);

/* Does some pair of `outer` bound each pair of `inner`? */
int ix_impacts_dominate(const struct ix_impact outer[IX_IMPACTS],
			const struct ix_impact inner[IX_IMPACTS]);

#endif
