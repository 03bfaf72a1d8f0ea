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
	s->state = IXFS_JSON_OUTSIDE;
	s->depth = 0;
	s->objects = 0;
}

/* ---- one byte; each returns 0, or -IX_EINPUT when it cannot stand here ----
 */

static int is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static int is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int in_object(const struct ixfs_json_stream *s)
{
	return s->objects >> (s->depth - 1) & 1;
}

static int push(struct ixfs_json_stream *s, int object)
{
	if (s->depth == IXFS_JSON_STREAM_DEPTH)
		return -IX_EINPUT;
	s->objects &= ~((uint64_t)1 << s->depth);
	s->objects |= (uint64_t)object << s->depth;
	s->depth++;
	s->state = object ? IXFS_JSON_MEMBER : IXFS_JSON_ITEM;
	return 0;
}

static int pop(struct ixfs_json_stream *s, char c)
{
	if (c != (in_object(s) ? '}' : ']'))
		return -IX_EINPUT;
	s->depth--;
	s->state = s->depth ? IXFS_JSON_AFTER : IXFS_JSON_COMPLETE;
	return 0;
}

static int begin_string(struct ixfs_json_stream *s, int key)
{
	s->key = key;
	s->state = IXFS_JSON_STRING;
	return 0;
}

static int begin_literal(struct ixfs_json_stream *s, const char *word)
{
	s->rest = word + 1;
	s->state = IXFS_JSON_LITERAL;
	return 0;
}

static int begin_value(struct ixfs_json_stream *s, char c)
{
	switch (c) {
	case '{':
		return push(s, 1);
	case '[':
		return push(s, 0);
	case '"':
		return begin_string(s, 0);
	case 't':
		return begin_literal(s, "true");
	case 'f':
		return begin_literal(s, "false");
	case 'n':
		return begin_literal(s, "null");
	default:
		if (c != '-' && !is_digit(c))
			return -IX_EINPUT;
		s->state = IXFS_JSON_NUMBER;
		return 0;
	}
}

static int after_value(struct ixfs_json_stream *s, char c)
{
	if (is_space(c)) {
		s->state = IXFS_JSON_AFTER;
		return 0;
	}
	if (c != ',')
		return pop(s, c);
	s->state = in_object(s) ? IXFS_JSON_KEY : IXFS_JSON_VALUE;
	return 0;
}

static int step_string(struct ixfs_json_stream *s, char c)
{
	if ((unsigned char)c < 0x20)
		return -IX_EINPUT;
	if (c == '\\')
		s->state = IXFS_JSON_ESCAPE;
	else if (c == '"')
		s->state = s->key ? IXFS_JSON_COLON : IXFS_JSON_AFTER;
	return 0;
}

static int step_escape(struct ixfs_json_stream *s, char c)
{
	if (c == 'u') {
		s->hex = 4;
		s->state = IXFS_JSON_HEX;
		return 0;
	}
	s->state = IXFS_JSON_STRING;
	return c && strchr("\"\\/bfnrt", c) ? 0 : -IX_EINPUT;
}

static int step_hex(struct ixfs_json_stream *s, char c)
{
	if (!is_digit(c) && !(c >= 'a' && c <= 'f') && !(c >= 'A' && c <= 'F'))
		return -IX_EINPUT;
	if (--s->hex == 0)
		s->state = IXFS_JSON_STRING;
	return 0;
}

static int step_number(struct ixfs_json_stream *s, char c)
{
	if (is_digit(c) || (c && strchr("+-.eE", c)))
		return 0;
	return after_value(s, c);
}

static int step_literal(struct ixfs_json_stream *s, char c)
{
	if (c != *s->rest)
		return -IX_EINPUT;
	if (*++s->rest == '\0')
		s->state = IXFS_JSON_AFTER;
	return 0;
}

/* States in which blanks mean nothing. */
static int step_between(struct ixfs_json_stream *s, char c)
{
	if (is_space(c))
		return 0;
	switch (s->state) {
	case IXFS_JSON_OUTSIDE:
		return c == '{' ? push(s, 1) : -IX_EINPUT;
	case IXFS_JSON_VALUE:
		return begin_value(s, c);
	case IXFS_JSON_ITEM:
		return c == ']' ? pop(s, c) : begin_value(s, c);
	case IXFS_JSON_MEMBER:
		if (c == '}')
			return pop(s, c);
		return c == '"' ? begin_string(s, 1) : -IX_EINPUT;
	case IXFS_JSON_KEY:
		return c == '"' ? begin_string(s, 1) : -IX_EINPUT;
	case IXFS_JSON_COLON:
		s->state = IXFS_JSON_VALUE;
		return c == ':' ? 0 : -IX_EINPUT;
	default:
		return after_value(s, c);
	}
}

static int step(struct ixfs_json_stream *s, char c)
{
	switch (s->state) {
	case IXFS_JSON_STRING:
		return step_string(s, c);
	case IXFS_JSON_ESCAPE:
		return step_escape(s, c);
	case IXFS_JSON_HEX:
		return step_hex(s, c);
	case IXFS_JSON_NUMBER:
		return step_number(s, c);
	case IXFS_JSON_LITERAL:
		return step_literal(s, c);
	default:
		return step_between(s, c);
	}
}

/* ---- public ---- */

int ixfs_json_stream_add(struct ixfs_json_stream *s, const char *data, size_t n,
			 size_t *takenp)
{
	size_t i = 0;
	size_t begin;
	int rc = 0;

	*takenp = 0;
	if (s->state == IXFS_JSON_COMPLETE)
		restart(s);
	while (s->state == IXFS_JSON_OUTSIDE && i < n && is_space(data[i]))
		i++;
	begin = i;
	while (!rc && i < n && s->state != IXFS_JSON_COMPLETE)
		rc = step(s, data[i++]);
	if (rc)
		ix_fail(rc,
			"not a JSON object: byte %zu ('%c') cannot stand "
			"where it stands",
			s->doc.len + (i - begin),
			data[i - 1] > ' ' && data[i - 1] <= '~' ? data[i - 1]
								: '?');
	else if (s->doc.len + (i - begin) > IXFS_JSON_STREAM_MAX)
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
	return s->state == IXFS_JSON_COMPLETE;
}

int ixfs_json_stream_partial(const struct ixfs_json_stream *s)
{
	return s->state != IXFS_JSON_OUTSIDE && s->state != IXFS_JSON_COMPLETE;
}
