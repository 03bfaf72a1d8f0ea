/* SPDX-License-Identifier: MIT */
/*
 * settings: the settable members of metadata.json, "merge" and "user".
 *
 * "merge" is {"policy": <preset>, <knob>: ...}: the preset and those of its
 * knobs that matter to its kind. Sizes are decimal strings (64 bit), counts are
 * numbers. Setting "policy" takes all knobs from the preset, except those set
 * in the same patch; a knob set to null goes back to the preset. "user" is any
 * JSON object up to 1 MiB; numbers in it that need more than 53 bits belong in
 * strings.
 */
#ifndef IX_INDEX_SETTINGS_H
#define IX_INDEX_SETTINGS_H

#include "core/base/json.h"
#include "core/index/policy.h"

#define IX_USER_MAX (1u << 20) /* bytes of canonical "user" */

/* The canonical "merge" of a preset, owned by the caller; NULL without memory.
 */
char *ix_settings_default(void);

/* Parse canonical texts. 0 with the policy, or -IX_EINPUT with a text. */
int ix_settings_check(const char *merge, const char *user,
		      struct ix_policy *policy);

/* Apply patches (NULL = none) to the texts: new canonical texts, owned by the
 * caller. 0, -IX_EINPUT with a text, -ENOMEM. */
int ix_settings_patch(const char *merge, const char *user,
		      const cJSON *merge_patch, const cJSON *user_patch,
		      char **merge_out, char **user_out);

#endif
