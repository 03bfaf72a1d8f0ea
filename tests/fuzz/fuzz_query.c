/* SPDX-License-Identifier: MIT */
/* The query parser on any bytes: it accepts with a description, or refuses
 * with a text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/query/query.h"
#include "core/text/analyzer.h"

static const char SCHEMA[] =
	"{\"default_fields\":[\"t\"],\"fields\":["
	"{\"name\":\"t\",\"type\":\"text\"},"
	"{\"name\":\"f\",\"type\":\"text\",\"positions\":false},"
	"{\"name\":\"r\",\"type\":\"text\",\"tokenizer\":\"raw\"},"
	"{\"name\":\"u\",\"type\":\"u64\"},"
	"{\"name\":\"k\",\"type\":\"keyword\"}]}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ix_schema *schema;
	struct ix_buf first = IX_BUF_INIT;
	struct ix_query *q;
	int rc;

	if (!schema &&
	    ix_schema_parse(SCHEMA, strlen(SCHEMA), ix_analyzer_known, &schema))
		abort();
	rc = ix_query_parse(schema, (const char *)data, size, &q);
	if (rc) {
		if (rc != -IX_EINPUT || q || !*ix_fail_text())
			abort();
		return 0;
	}
	ix_query_describe(q, &first);
	if (ix_buf_error(&first) || !first.len)
		abort();
	ix_query_free(q);
	ix_buf_release(&first);
	return 0;
}
