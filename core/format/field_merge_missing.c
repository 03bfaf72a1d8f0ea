/* SPDX-License-Identifier: MIT */
/* Stands in until field_merge.c is there, so that what can merge links: the
 * linker takes the first member of the library, and a strong symbol, first. */
#include "core/format/field_merge.h"

#include "core/base/err.h"

__attribute__((weak)) int
ix_field_merge(struct ix_field_source *sources, uint32_t n,
	       enum ix_postings_codec codec, const struct ix_doc_norms *norms,
	       struct ix_terms_out out, struct ix_buf *index,
	       struct ix_field_merge_stats *stats)
{
	(void)sources;
	(void)n;
	(void)codec;
	(void)norms;
	(void)out;
	(void)index;
	(void)stats;
	return ix_fail(-ENOSYS, "postings cannot be merged yet");
}
