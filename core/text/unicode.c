/* SPDX-License-Identifier: MIT */
#include "core/text/unicode.h"

unsigned ix_unicode_fold(uint32_t cp, uint32_t out[IX_FOLD_MAX])
{
	const struct ix_fold_full *full;
	unsigned action = 0;

	if (cp < 0x110000)
		action = ix_unicode_fold_blocks
			[ix_unicode_fold_index[cp / IX_UNICODE_BLOCK] *
				 IX_UNICODE_BLOCK +
			 cp % IX_UNICODE_BLOCK];
	out[0] = cp;
	if (!action)
		return 1;
	action--;
	if (action < ix_unicode_fold_delta_count) {
		out[0] = cp + (uint32_t)ix_unicode_fold_deltas[action];
		return 1;
	}
	full = &ix_unicode_fold_full[action - ix_unicode_fold_delta_count];
	for (unsigned i = 0; i < full->count; i++)
		out[i] = full->cp[i];
	return full->count;
}
