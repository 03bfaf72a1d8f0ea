/* SPDX-License-Identifier: MIT */
/* Any bytes as packed groups: decoding stays inside; what decodes, encodes to
 * no more bytes and decodes to the same again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/format/intcodec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ix_pack_kernel *const *kernels;
	size_t count = ix_pack_kernels(&kernels);
	const uint8_t *p = data;
	const uint8_t *end = data + size;
	uint32_t values[IX_PACK_VALUES];
	uint32_t again[IX_PACK_VALUES];

	for (size_t k = 0; p < end; k++) {
		const uint8_t *skipped = p;
		const uint8_t *start = p;
		uint8_t out[IX_PACK_MAX];
		const uint8_t *back = out;
		size_t n;

		ix_pack_use(kernels[k % count]);
		if (ix_unpack(&p, end, values))
			break;
		if (ix_pack_skip(&skipped, end) || skipped != p)
			abort();
		n = ix_pack(values, out);
		if (n > (size_t)(p - start))
			abort();
		ix_pack_use(kernels[0]);
		if (ix_unpack(&back, out + n, again) || back != out + n ||
		    memcmp(values, again, sizeof(values)))
			abort();
	}
	return 0;
}
