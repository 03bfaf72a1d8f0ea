/* SPDX-License-Identifier: MIT */
/* Names of files in the backing directory. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/json.h"
#include "core/index/internal.h"

char *ix_seq_path(uint64_t seq, int tmp, char out[IX_SEQ_PATH_MAX])
{
	snprintf(out, IX_SEQ_PATH_MAX, IX_SEGMENTS_DIR "/%020" PRIu64 ".seg%s",
		 seq, tmp ? ".tmp" : "");
	return out;
}

/* Exactly the canonical spelling: another one could mean a live segment to a
 * lenient parser and a stranger to the comparison (S-33). */
int ix_seq_parse(const char *name, uint64_t *seqp, int *tmpp)
{
	char digits[IX_SEQ_DIGITS + 1];
	size_t n = strlen(name);

	if (n < IX_SEQ_DIGITS + 4)
		return 0;
	*tmpp = !strcmp(name + IX_SEQ_DIGITS, ".seg.tmp");
	if (!*tmpp && strcmp(name + IX_SEQ_DIGITS, ".seg") != 0)
		return 0;
	memcpy(digits, name, IX_SEQ_DIGITS);
	digits[IX_SEQ_DIGITS] = '\0';
	return !ix_json_parse_u64(digits, seqp);
}

int ix_path_dir(const char *path, char *out, size_t n)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;

	if (len >= n)
		return -ENAMETOOLONG;
	memcpy(out, path, len);
	out[len] = '\0';
	return 0;
}
