/* SPDX-License-Identifier: MIT */
/*
 * json_stream: where one JSON document ends in a stream of bytes.
 *
 * The control file takes documents one after the other, in writes of any
 * size. This finds the end of each object by counting brackets outside of
 * strings; whether it is well-formed is the parser's business.
 */
#ifndef IXFS_JSON_STREAM_H
#define IXFS_JSON_STREAM_H

#include <stddef.h>

#include "core/base/buf.h"

#define IXFS_JSON_STREAM_MAX ((size_t)1 << 20) /* bytes of one document */

struct ixfs_json_stream {
	struct ix_buf doc; /* the document so far */
	unsigned depth;
	int in_string;
	int escaped; /* behind a backslash in a string */
	int complete;
};

void ixfs_json_stream_init(struct ixfs_json_stream *s);
void ixfs_json_stream_release(struct ixfs_json_stream *s);

/*
 * Take bytes up to the end of a document or of the data; *takenp = how many.
 * 1: `doc` holds one complete document; it is forgotten by the next call.
 * 0: more is needed. -IX_EINPUT: something else than an object begins here;
 * -EFBIG: longer than the limit; -ENOMEM. After an error the stream begins
 * anew.
 */
int ixfs_json_stream_add(struct ixfs_json_stream *s, const char *data, size_t n,
			 size_t *takenp);

/* Is there the beginning of a document, and no end? */
int ixfs_json_stream_partial(const struct ixfs_json_stream *s);

#endif
