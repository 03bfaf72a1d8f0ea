/* SPDX-License-Identifier: MIT */
/*
 * json_stream: where one JSON document ends in a stream of bytes.
 *
 * The control file takes documents one after the other, in writes of any
 * size. This finds the end of each object, and refuses at once a byte that no
 * JSON can have there (RFC 8259, but for the inside of strings and scalars,
 * which are the parser's business): shells report a failed write, not a failed
 * close, so a broken document must not wait for its end.
 */
#ifndef IXFS_JSON_STREAM_H
#define IXFS_JSON_STREAM_H

#include <stddef.h>

#include "core/base/buf.h"

#define IXFS_JSON_STREAM_MAX   ((size_t)1 << 20) /* bytes of one document */

#define IXFS_JSON_STREAM_DEPTH 64

struct ixfs_json_stream {
	struct ix_buf doc; /* the document so far */
	unsigned depth;    /* open objects and arrays */
	uint64_t arrays;   /* bit d: level d + 1 is an array */
	int expect;        /* enum of json_stream.c: what may come next */
	int in_string;
	int in_scalar; /* inside a number, true, false or null */
	int escaped;   /* behind a backslash in a string */
	int complete;
};

void ixfs_json_stream_init(struct ixfs_json_stream *s);
void ixfs_json_stream_release(struct ixfs_json_stream *s);

/*
 * Take bytes up to the end of a document or of the data; *takenp = how many.
 * 1: `doc` holds one complete document; it is forgotten by the next call.
 * 0: more is needed. -IX_EINPUT: this cannot become a JSON object; -EFBIG:
 * longer than the limit; -ENOMEM. After an error the stream begins anew.
 */
int ixfs_json_stream_add(struct ixfs_json_stream *s, const char *data, size_t n,
			 size_t *takenp);

/* Is there the beginning of a document, and no end? */
int ixfs_json_stream_partial(const struct ixfs_json_stream *s);

#endif
