/* SPDX-License-Identifier: MIT */
/*
 * A schema text either is refused with a reason, or has a canonical text that
 * parses to itself, agrees with itself, and is its own union.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/format/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(x) \
 do {            \
  if (!(x))      \
   abort();      \
 } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ix_schema *s, *again, *joined;
	const struct ix_schema *both[2];
	int rc;

	ix_fail_clear();
	rc = ix_schema_parse((const char *)data, size, NULL, &s);
	if (rc) {
		CHECK(rc == -IX_ESCHEMA && ix_fail_text()[0] && !s);
		return 0;
	}
	CHECK(!ix_schema_parse(s->canonical, s->canonical_len, NULL, &again));
	CHECK(s->canonical_len == again->canonical_len &&
	      !memcmp(s->canonical, again->canonical, s->canonical_len));
	CHECK(!ix_schema_accepts(s, again) && !ix_schema_accepts(again, s));
	both[0] = s;
	both[1] = again;
	CHECK(!ix_schema_union(both, 2, &joined));
	CHECK(!strcmp(joined->canonical, s->canonical));
	for (uint32_t i = 0; i < s->field_count; i++)
		CHECK(ix_schema_find(s, s->fields[i].name,
				     s->fields[i].name_len) == (int32_t)i);
	ix_schema_free(s);
	ix_schema_free(again);
	ix_schema_free(joined);
	return 0;
}
