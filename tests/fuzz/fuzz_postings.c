/* SPDX-License-Identifier: MIT */
/*
 * A payload with its dictionary data: codec u8, form u8, df u32, ttf u64,
 * documents u32, then the payload. The deep check, then a walk with seeks and
 * bounds whether or not the check liked it; documents must ascend and stay in
 * range in any case, and a list that passed the check must walk without error.
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/base/codec.h"
#include "core/format/postings.h"

#define HEAD 18

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int walk(struct ix_list_reader *r, enum ix_postings_codec codec,
		uint32_t doc_count, uint32_t step)
{
	uint32_t doc = 0;
	uint32_t next = 0;
	int rc;

	while ((rc = step ? ix_list_seek(r, next + step, &doc)
			  : ix_list_next(r, &doc)) > 0) {
		struct ix_impact impacts[IX_IMPACTS];
		const uint32_t *positions;
		uint32_t last;

		if (doc < next || doc >= doc_count)
			abort();
		next = doc + 1;
		if (ix_list_freq(r) == 0)
			abort();
		if (codec == IX_POSTINGS_POSITIONS &&
		    (rc = ix_list_positions(r, &positions)))
			return rc;
		for (int level = 0; level < 2 && doc % 16 == 0; level++)
			if ((rc = ix_list_bounds(r, doc, level, impacts,
						 &last)) < 0)
				return rc;
	}
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ix_term_info info = { 0 };
	struct ix_list_reader *r;
	enum ix_postings_codec codec;
	uint32_t doc_count;
	int good;

	if (size < HEAD)
		return 0;
	codec = (enum ix_postings_codec)(1 + data[0] % 3);
	info.is_long = data[1] & 1;
	info.df = ix_get32(data + 2);
	info.ttf = ix_get64(data + 6);
	info.payload_len = size - HEAD;
	doc_count = ix_get32(data + 14) % (IX_DOCS_MAX + 1u);
	good = !ix_list_check(data + HEAD, &info, codec, doc_count, 1);
	if (ix_list_reader_new(codec, &r))
		return 0;
	for (uint32_t step = 0; step < 1000; step = 3 * step + 1) {
		int rc = ix_list_open(r, data + HEAD, &info, doc_count);

		if (!rc)
			rc = walk(r, codec, doc_count, step);
		if (good && rc)
			abort();
	}
	ix_list_reader_free(r);
	return 0;
}
