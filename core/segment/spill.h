/* SPDX-License-Identifier: MIT */
/*
 * spill: the parts of one segment that did not fit into memory at once.
 *
 * Each part is a segment of its own in a temporary file beside the output;
 * in the end they are merged, in their order, into one built segment. Parts
 * are not synced: they do not outlive the builder. Belongs to one thread.
 */
#ifndef IX_SEGMENT_SPILL_H
#define IX_SEGMENT_SPILL_H

#include "core/base/id.h"
#include "core/segment/output.h"

struct ix_spill {
	struct ix_output *output; /* borrowed: open; names the files */
	char **parts;             /* owned: paths of the files, in order */
	size_t count, cap;
	uint32_t named; /* files named so far */
};

void ix_spill_init(struct ix_spill *s, struct ix_output *output);

/* Create the file of the next part, empty. The caller closes it. */
int ix_spill_add(struct ix_spill *s, struct ix_file **filep);

/*
 * Merge the parts, all complete, into the output's own file, as a built
 * segment of that id; synced. More than IX_MERGE_FAN_IN_MAX parts are merged
 * in rounds, each of which removes what it has merged.
 */
int ix_spill_merge(struct ix_spill *s, const struct ix_id *id,
		   uint32_t *doc_countp, uint64_t *bytesp);

/* Remove what is left of the files. Idempotent. */
void ix_spill_release(struct ix_spill *s);

#endif
