/* SPDX-License-Identifier: MIT */
/*
 * A file from anywhere, its metadata alone: as it is, then with checksums made
 * right. Whatever is accepted keeps the promises that readers rely on without
 * looking again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/io/sim.h"
#include "core/segment/segment.h"
#include "tests/lib/rehash.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_info(const struct ix_segment_info *info, size_t size)
{
	const struct ix_trailer *t = &info->trailer;
	uint64_t docs = 0;

	for (uint32_t i = 0; i < t->extent_count; i++) {
		const struct ix_extent *e = &info->extents[i];

		if (e->offset > size || e->length > size - e->offset ||
		    e->first_leaf + ix_extent_leaves(e->length) >
			    t->leaf_count ||
		    (uint64_t)e->doc_base + e->doc_count > t->doc_count ||
		    (e->field != IX_NO_FIELD &&
		     e->field >= info->schema->field_count))
			abort();
	}
	for (uint32_t i = 0; i < t->run_count; i++)
		docs += info->runs[i].doc_count;
	if (docs != t->doc_count)
		abort();
}

static void try(struct ix_vfs *v, const uint8_t *data, size_t size)
{
	struct ix_segment_info info;
	struct ix_file *f;
	int rc;

	if (ix_vfs_open(v, "f", IX_OPEN_WRITE | IX_OPEN_CREATE | IX_OPEN_TRUNC,
			&f) ||
	    (size && ix_file_write(f, data, size, 0)))
		abort();
	rc = ix_segment_info_read(f, "f", &info);
	if (!rc)
		check_info(&info, size);
	else if (!ix_err_is_content(rc) || !ix_fail_text()[0])
		abort();
	ix_segment_info_release(&info);
	ix_file_close(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ix_vfs *v;
	uint8_t *copy;

	if (ix_sim_new(&v))
		abort();
	try(v, data, size);
	copy = malloc(size ? size : 1);
	memcpy(copy, data, size);
	test_rehash(copy, size);
	try(v, copy, size);
	free(copy);
	ix_vfs_free(v);
	return 0;
}
