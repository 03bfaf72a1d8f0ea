/* SPDX-License-Identifier: MIT */
#include "fs/json_stream.h"

#include <errno.h>
#include <string.h>

#include "core/base/err.h"

void ixfs_json_stream_init(struct ixfs_json_stream *s)
{
	memset(s, 0, sizeof(*s));
}

void ixfs_json_stream_release(struct ixfs_json_stream *s)
{
	ix_buf_release(&s->doc);
	memset(s, 0, sizeof(*s));
}

static void restart(struct ixfs_json_stream *s)
{
	ix_buf_clear(&s->doc);
	s->depth = 0;
	s->in_string = 0;
	s->escaped = 0;
	s->complete = 0;
}

static int is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* One byte of a document; 1 when it is the last. */
static int step(struct ixfs_json_stream *s, char c)
{
	if (s->escaped) {
		s->escaped = 0;
	} else if (s->in_string) {
		s->escaped = c == '\\';
		s->in_string = c != '"';
	} else if (c == '"') {
		s->in_string = 1;
	} else if (c == '{' || c == '[') {
		s->depth++;
	} else if (c == '}' || c == ']') {
		return --s->depth == 0;
	}
	return 0;
}

int ixfs_json_stream_add(struct ixfs_json_stream *s, const char *data, size_t n,
			 size_t *takenp)
{
	size_t begin = 0;
	size_t i;
	int rc = 0;

	*takenp = 0;
	if (s->complete)
		restart(s);
	if (!s->depth) {
		while (begin < n && is_space(data[begin]))
			begin++;
		if (begin < n && data[begin] != '{')
			return ix_fail(-IX_EINPUT,
				       "a JSON object begins with '{'");
	}
	for (i = begin; i < n && !s->complete; i++)
		s->complete = step(s, data[i]);
	if (s->doc.len + (i - begin) > IXFS_JSON_STREAM_MAX)
		rc = ix_fail(-EFBIG, "a document is longer than %zu bytes",
			     IXFS_JSON_STREAM_MAX);
	if (!rc) {
		ix_buf_add(&s->doc, data + begin, i - begin);
		rc = ix_buf_error(&s->doc);
	}
	if (rc) {
		restart(s);
		return rc;
	}
	*takenp = i;
	return s->complete;
}

int ixfs_json_stream_partial(const struct ixfs_json_stream *s)
{
	return s->depth > 0;
}
