/* SPDX-License-Identifier: MIT */
#include "core/segment/pool.h"

#include <assert.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"

void ix_pool_init(struct ix_pool *p)
{
	memset(p, 0, sizeof(*p));
	p->next = 1;
}

void ix_pool_release(struct ix_pool *p)
{
	for (size_t i = 0; i < p->block_count; i++)
		ix_free(p->blocks[i]);
	ix_free(p->blocks);
	ix_pool_init(p);
}

void ix_pool_reset(struct ix_pool *p)
{
	p->next = 1;
}

static int add_block(struct ix_pool *p)
{
	if (ix_grow(&p->blocks, &p->block_cap, p->block_count + 1,
		    sizeof(*p->blocks)))
		return -ENOMEM;
	p->blocks[p->block_count] = ix_malloc(IX_POOL_PIECE_MAX);
	if (!p->blocks[p->block_count])
		return -ENOMEM;
	p->block_count++;
	return 0;
}

int ix_pool_alloc(struct ix_pool *p, size_t n, uint32_t *refp)
{
	uint64_t units = (n + IX_POOL_UNIT - 1) / IX_POOL_UNIT;
	uint64_t left = IX_POOL_BLOCK_UNITS - p->next % IX_POOL_BLOCK_UNITS;
	uint64_t ref = p->next;

	assert(n && n <= IX_POOL_PIECE_MAX);
	/* A full block leaves `next` at the start of one to come. */
	if (units > left)
		ref += left;
	if (ref + units > UINT32_MAX)
		return ix_fail(-IX_ELIMIT, "more than 32 GiB of postings in "
					   "memory; use a smaller budget");
	while (ref / IX_POOL_BLOCK_UNITS >= p->block_count) {
		int rc = add_block(p);

		if (rc)
			return rc;
	}
	p->next = ref + units;
	*refp = (uint32_t)ref;
	return 0;
}
