/* SPDX-License-Identifier: MIT */
/* json_text: canonical text and merge patches of small JSON trees. */
#ifndef IX_INDEX_JSON_TEXT_H
#define IX_INDEX_JSON_TEXT_H

#include "core/base/buf.h"
#include "core/base/json.h"

/* Append the tree: keys sorted by bytes, no blanks, whole numbers below 2^53
 * as such. The buffer's error is sticky. */
void ix_json_canonical(const cJSON *tree, struct ix_buf *out);

/* RFC 7396: change *targetp (owned by the caller, may be replaced) by `patch`
 * (borrowed). 0 or -ENOMEM, then the target is damaged. */
int ix_json_merge_patch(cJSON **targetp, const cJSON *patch);

#endif
