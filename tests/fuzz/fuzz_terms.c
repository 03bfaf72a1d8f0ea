/* SPDX-License-Identifier: MIT */
/*
 * A dictionary: codec u8, documents u32, index bytes u32, the index, the
 * postings. The two numbers of the index that follow from lengths are put
 * right, or hardly any input would get past them. Walk it; every term that a
 * complete walk gave must be found with the same data.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/codec.h"
#include "core/format/terms.h"

#define HEAD 9

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int walk(const struct ix_terms *t, int look_up)
{
	struct ix_terms_cursor c;
	struct ix_term_info info;
	const uint8_t *payload;
	int rc;

	ix_terms_cursor_init(&c, t);
	while ((rc = ix_terms_cursor_next(&c, &info, &payload)) > 0) {
		struct ix_term_info found;
		const uint8_t *found_payload;

		if (payload < t->postings || info.payload_len < 1 ||
		    info.payload_len >
			    (uint64_t)(t->postings + t->postings_len - payload))
			abort();
		rc = ix_terms_find(t, c.term, c.term_len, &found,
				   &found_payload);
		if (look_up && (rc != 1 || found_payload != payload ||
				found.payload_len != info.payload_len ||
				found.df != info.df || found.ttf != info.ttf))
			abort();
	}
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum ix_postings_codec codec;
	struct ix_terms t;
	uint32_t index_len;
	uint8_t *index;

	if (size < HEAD)
		return 0;
	codec = (enum ix_postings_codec)(1 + data[0] % 3);
	index_len = ix_get32(data + 5);
	if (index_len > size - HEAD)
		return 0;
	index = malloc(index_len + 1u);
	if (!index)
		return 0;
	memcpy(index, data + HEAD, index_len);
	if (index_len >= 56) {
		ix_put64(index, (index_len - 40) / 16);
		ix_put64(index + index_len - 8, size - HEAD - index_len);
	}
	if (!ix_terms_open(&t, data + HEAD + index_len, size - HEAD - index_len,
			   index, index_len, codec,
			   ix_get32(data + 1) & IX_DOCS_MAX) &&
	    !walk(&t, 0))
		walk(&t, 1);
	free(index);
	return 0;
}
