/* SPDX-License-Identifier: MIT */
/*
 * A document written to the control file of an index with two segments. What
 * is refused changes nothing that is shown; the control file stays valid JSON;
 * the settings that were accepted survive opening the index again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "core/index/json_text.h"
#include "tests/lib/indexes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ix_vfs *fresh;

static void prepare(void)
{
	struct ix_index *ix;

	ix_log_set_level((enum ix_log_level) - 1);
	fresh = test_index_disk();
	ix = test_index_open(fresh, 0);
	test_register(ix, "a.seg", test_seg(1));
	test_register(ix, "b.seg", test_seg(2));
	TEST_OK(ix_index_close(ix));
}

/* cJSON_Compare takes time exponential in the depth. */
static int same(const cJSON *a, const cJSON *b)
{
	struct ix_buf x = IX_BUF_INIT, y = IX_BUF_INIT;
	int equal;

	ix_json_canonical(a, &x);
	ix_json_canonical(b, &y);
	equal = x.len == y.len && !memcmp(x.data, y.data, x.len);
	ix_buf_release(&x);
	ix_buf_release(&y);
	return equal;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ix_index *ix;
	struct ix_vfs *v;
	cJSON *before, *after;
	int rc;

	if (!fresh)
		prepare();
	TEST_OK(ix_sim_clone(ix_sim_of(fresh), &v));
	ix = test_index_open(v, 0);
	before = test_render(ix);
	rc = ix_index_apply(ix, (const char *)data, size, NULL);
	after = test_render(ix);
	/* An action that failed is shown as the last one. */
	cJSON_DeleteItemFromObject(before, "last_action");
	cJSON_DeleteItemFromObject(after, "last_action");
	if (rc && !same(before, after))
		abort();
	cJSON_Delete(before);
	TEST_OK(ix_index_close(ix));
	ix = test_index_open(v, 0);
	before = test_render(ix);
	cJSON_DeleteItemFromObject(before, "last_action");
	cJSON_DeleteItemFromObject(before, "stats");
	cJSON_DeleteItemFromObject(after, "stats");
	if (!same(before, after))
		abort();
	cJSON_Delete(before);
	cJSON_Delete(after);
	TEST_OK(ix_index_close(ix));
	ix_vfs_free(v);
	return 0;
}
