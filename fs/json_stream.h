/* SPDX-License-Identifier: MIT */
/*
 * json_stream: where one JSON document ends in a stream of bytes.
 *
 * The control file takes documents one after the other, in writes of any
 * size. This follows the syntax byte by byte (RFC 8259), for two reasons: to
 * find the end of each object, and to refuse nonsense at the write that brings
 * it. Shells report errors of write, but not of close, so a document that can
 * never be completed must not wait for its end. What it lets pass (numbers
 * like 1e+, duplicate keys, invalid UTF-8) the parser refuses at the end.
 */
#ifndef IXFS_JSON_STREAM_H
#define IXFS_JSON_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"

#define IXFS_JSON_STREAM_MAX   ((size_t)1 << 20) /* bytes of one document */
#define IXFS_JSON_STREAM_DEPTH 64u               /* objects and arrays */

enum ixfs_json_state {
	IXFS_JSON_OUTSIDE, /* between documents */
	IXFS_JSON_VALUE,   /* a value must come */
	IXFS_JSON_ITEM,    /* a value or ']' */
	IXFS_JSON_MEMBER,  /* a key or '}' */
	IXFS_JSON_KEY,     /* a key must come */
	IXFS_JSON_COLON,   /* ':' must come */
	IXFS_JSON_AFTER,   /* behind a value: ',' or the end of what it is in */
	IXFS_JSON_STRING,  /* inside a string */
	IXFS_JSON_ESCAPE,  /* behind its backslash */
	IXFS_JSON_HEX,     /* inside the four digits of \u */
	IXFS_JSON_NUMBER,  /* inside a number */
	IXFS_JSON_LITERAL, /* inside true, false or null */
	IXFS_JSON_COMPLETE, /* `doc` is a document */
};

struct ixfs_json_stream {
	struct ix_buf doc; /* the document so far */
	enum ixfs_json_state state;
	unsigned depth;   /* open objects and arrays */
	uint64_t objects; /* bit per depth: an object, not an array */
	int key;          /* the string is a key */
	unsigned hex;     /* digits still to come */
	const char *rest; /* of the literal */
};

void ixfs_json_stream_init(struct ixfs_json_stream *s);
void ixfs_json_stream_release(struct ixfs_json_stream *s);

/*
 * Take bytes up to the end of a document or of the data; *takenp = how many.
 * 1: `doc` holds one complete document; it is forgotten by the next call.
 * 0: more is needed. -IX_EINPUT: this cannot become a JSON object any more;
 * -EFBIG: longer than the limit; -ENOMEM. After an error the stream begins
 * anew, without the bytes of the failed call.
 */
int ixfs_json_stream_add(struct ixfs_json_stream *s, const char *data, size_t n,
			 size_t *takenp);

/* Is there the beginning of a document, and no end? */
int ixfs_json_stream_partial(const struct ixfs_json_stream *s);

#endif
