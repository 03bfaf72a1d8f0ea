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

enum expect {
	VALUE,        /* behind ':' or ',' of an array */
	VALUE_OR_END, /* behind '[' */
	KEY,          /* behind ',' of an object */
	KEY_OR_END,   /* behind '{' */
	COLON,
	COMMA_OR_END,
};

static void restart(struct ixfs_json_stream *s)
{
	struct ix_buf doc = s->doc;

	memset(s, 0, sizeof(*s));
	s->doc = doc;
	ix_buf_clear(&s->doc);
}

static int is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static int is_scalar(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == 'E' ||
	       c == '+' || c == '-' || c == '.';
}

static int in_array(const struct ixfs_json_stream *s)
{
	return s->depth && s->arrays >> (s->depth - 1) & 1;
}

static int open_level(struct ixfs_json_stream *s, int array)
{
	if (s->depth == IXFS_JSON_STREAM_DEPTH)
		return -1;
	s->arrays &= ~((uint64_t)1 << s->depth);
	s->arrays |= (uint64_t)array << s->depth++;
	s->expect = array ? VALUE_OR_END : KEY_OR_END;
	return 0;
}

/* '}' or ']': 1 when it ends the document. */
static int close_level(struct ixfs_json_stream *s, int array)
{
	int empty = s->expect == (array ? VALUE_OR_END : KEY_OR_END);

	if (in_array(s) != array || (!empty && s->expect != COMMA_OR_END))
		return -1;
	s->expect = COMMA_OR_END;
	return --s->depth == 0;
}

static int begin_value(struct ixfs_json_stream *s, char c)
{
	if (s->depth && s->expect != VALUE && s->expect != VALUE_OR_END)
		return -1;
	if (c == '{' || c == '[')
		return open_level(s, c == '[');
	s->in_scalar = 1;
	s->expect = COMMA_OR_END;
	return 0;
}

static int begin_string(struct ixfs_json_stream *s)
{
	s->in_string = 1;
	if (s->expect == KEY || s->expect == KEY_OR_END)
		s->expect = COLON;
	else if (s->expect == VALUE || s->expect == VALUE_OR_END)
		s->expect = COMMA_OR_END;
	else
		return -1;
	return 0;
}

static int separator(struct ixfs_json_stream *s, char c)
{
	if (s->expect != (c == ':' ? COLON : COMMA_OR_END))
		return -1;
	s->expect = c == ':' || in_array(s) ? VALUE : KEY;
	return 0;
}

/* One byte of a document: 1 when it is the last, -1 when it cannot be. */
static int step(struct ixfs_json_stream *s, char c)
{
	if (s->escaped) {
		s->escaped = 0;
		return 0;
	}
	if (s->in_string) {
		s->escaped = c == '\\';
		s->in_string = c != '"';
		return 0;
	}
	if (s->in_scalar && is_scalar(c))
		return 0;
	s->in_scalar = 0;
	if (is_space(c))
		return 0;
	if (c == '"')
		return begin_string(s);
	if (c == '{' || c == '[' || is_scalar(c))
		return begin_value(s, c);
	if (c == '}' || c == ']')
		return close_level(s, c == ']');
	if (c == ':' || c == ',')
		return separator(s, c);
	return -1;
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
	for (i = begin; i < n && !s->complete && !rc; i++) {
		s->complete = step(s, data[i]);
		if (s->complete < 0)
			rc = ix_fail(-IX_EINPUT,
				     "not JSON from byte %zu of the document "
				     "on",
				     s->doc.len + (i - begin));
	}
	if (!rc && s->doc.len + (i - begin) > IXFS_JSON_STREAM_MAX)
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
