/* SPDX-License-Identifier: MIT */
#include "core/index/edit.h"

#include <string.h>

#include "core/base/codec.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/utf8.h"
#include "core/index/index.h"
#include "core/index/state.h"

/* The fields of each type, in their order on the wire. */
enum field {
	F_FLAGS = 1 << 0,
	F_SEQ = 1 << 1,
	F_ID = 1 << 2,
	F_META = 1 << 3, /* registration, documents, generation */
	F_SIZE = 1 << 4,
	F_ATTR = 1 << 5, /* mtime, uid, gid */
	F_NAME = 1 << 6, /* exactly one */
	F_NAMES = 1 << 7,
	F_LEAVES = 1 << 8,
	F_SOURCES = 1 << 9,
	F_TEXT = 1 << 10,
	F_TEXT2 = 1 << 11,
	F_NAME2 = 1 << 12, /* exactly two */
};

#define F_SEGMENT (F_SEQ | F_ID | F_META | F_SIZE | F_ATTR | F_NAME)

static const unsigned fields_of[] = {
	[IX_EDIT_ADD] = F_FLAGS | F_SEGMENT | F_LEAVES | F_SOURCES,
	[IX_EDIT_ADD_NAME] = F_FLAGS | F_SEQ | F_NAME,
	[IX_EDIT_DELIVER] = F_ID | F_SIZE | F_ATTR | F_NAME | F_LEAVES,
	[IX_EDIT_REMOVE] = F_NAMES,
	[IX_EDIT_RENAME] = F_FLAGS | F_NAME2,
	[IX_EDIT_ATTR] = F_SEQ | F_ATTR,
	[IX_EDIT_PUBLISH] = F_SEGMENT | F_SOURCES,
	[IX_EDIT_CONFIG] = F_TEXT | F_TEXT2,
	[IX_EDIT_SEQ] = F_SEQ,
	[IX_EDIT_QUARANTINE] = F_SEQ | F_TEXT,
};

#define TYPE_COUNT (sizeof(fields_of) / sizeof(fields_of[0]))

void ix_edit_release(struct ix_edit *e)
{
	for (size_t i = 0; i < e->name_count; i++)
		ix_free(e->names[i]);
	ix_free(e->names);
	ix_free(e->leaves);
	ix_free(e->sources);
	ix_free(e->text);
	ix_free(e->text2);
	ix_free(e->died);
	ix_seg_free(e->new_seg);
	ix_free(e->new_name);
	ix_free(e->new_leaves);
	memset(e, 0, sizeof(*e));
}

static int add_name_n(struct ix_edit *e, const char *name, size_t n)
{
	char **names = ix_realloc(e->names, e->name_count + 1, sizeof(*names));

	if (!names)
		return -ENOMEM;
	e->names = names;
	names[e->name_count] = ix_strndup(name, n);
	if (!names[e->name_count])
		return -ENOMEM;
	e->name_count++;
	return 0;
}

int ix_edit_add_name(struct ix_edit *e, const char *name)
{
	return add_name_n(e, name, strlen(name));
}

static int set_copy(void *arrayp, size_t *countp, const void *from, size_t n,
		    size_t size)
{
	void *copy = ix_calloc(n ? n : 1, size);

	if (!copy)
		return -ENOMEM;
	if (n)
		memcpy(copy, from, n * size);
	ix_free(*(void **)arrayp);
	*(void **)arrayp = copy;
	*countp = n;
	return 0;
}

int ix_edit_set_sources(struct ix_edit *e, const uint64_t *seqs, size_t n)
{
	return set_copy(&e->sources, &e->source_count, seqs, n, sizeof(*seqs));
}

int ix_edit_set_leaves(struct ix_edit *e, const struct ix_id *ids, size_t n)
{
	return set_copy(&e->leaves, &e->leaf_count, ids, n, sizeof(*ids));
}

int ix_segment_name_valid(const char *name)
{
	size_t n = strlen(name);

	if (n < 5 || n > IX_NAME_MAX || name[0] == '.' ||
	    memcmp(name + n - 4, ".seg", 4) != 0 || !ix_utf8_valid(name, n))
		return 0;
	for (size_t i = 0; i < n; i++)
		if (name[i] == '/' || (uint8_t)name[i] < 0x20 ||
		    name[i] == 0x7f)
			return 0;
	return 1;
}

/* ---- encoding ---- */

static void put_text(struct ix_buf *b, const char *s)
{
	size_t n = s ? strlen(s) : 0;

	ix_buf_add_varint(b, n);
	ix_buf_add(b, s, n);
}

void ix_edit_encode(const struct ix_edit *e, struct ix_buf *b)
{
	unsigned f = fields_of[e->type];

	ix_buf_add_u8(b, (uint8_t)e->type);
	if (f & F_FLAGS)
		ix_buf_add_varint(b, e->flags);
	if (f & F_SEQ)
		ix_buf_add_varint(b, e->seq);
	if (f & F_ID)
		ix_buf_add(b, e->meta.id.bytes, sizeof(e->meta.id.bytes));
	if (f & F_META) {
		ix_buf_add_varint(b, e->meta.registration);
		ix_buf_add_varint(b, e->meta.doc_count);
		ix_buf_add_varint(b, e->meta.generation);
	}
	if (f & F_SIZE)
		ix_buf_add_varint(b, e->meta.bytes);
	if (f & F_ATTR) {
		ix_buf_add_u64(b, (uint64_t)e->meta.mtime_ns);
		ix_buf_add_varint(b, e->meta.uid);
		ix_buf_add_varint(b, e->meta.gid);
	}
	if (f & F_NAMES)
		ix_buf_add_varint(b, e->name_count);
	if (f & (F_NAME | F_NAME2 | F_NAMES))
		for (size_t i = 0; i < e->name_count; i++)
			put_text(b, e->names[i]);
	if (f & F_LEAVES) {
		ix_buf_add_varint(b, e->leaf_count);
		ix_buf_add(b, e->leaves, e->leaf_count * sizeof(*e->leaves));
	}
	if (f & F_SOURCES) {
		ix_buf_add_varint(b, e->source_count);
		for (size_t i = 0; i < e->source_count; i++)
			ix_buf_add_varint(b, e->sources[i]);
	}
	if (f & F_TEXT)
		put_text(b, e->text);
	if (f & F_TEXT2)
		put_text(b, e->text2);
}

/* ---- decoding ---- */

struct cursor {
	const uint8_t *p;
	const uint8_t *end;
	int rc; /* sticky */
};

static uint64_t get_u64(struct cursor *c)
{
	uint64_t v = 0;

	if (!c->rc && ix_get_varint64(&c->p, c->end, &v))
		c->rc = -IX_ECORRUPT;
	return v;
}

static uint32_t get_u32(struct cursor *c)
{
	uint64_t v = get_u64(c);

	if (v > UINT32_MAX)
		c->rc = -IX_ECORRUPT;
	return (uint32_t)v;
}

static const uint8_t *get_bytes(struct cursor *c, size_t n)
{
	const uint8_t *p = c->p;

	if (!c->rc && (size_t)(c->end - c->p) < n)
		c->rc = -IX_ECORRUPT;
	if (c->rc)
		return NULL;
	c->p += n;
	return p;
}

/* A count of things of at least `size` bytes each: cannot exceed what is
 * left, so that no allocation is larger than its input. */
static size_t get_count(struct cursor *c, size_t size, size_t max)
{
	uint64_t n = get_u64(c);

	if (!c->rc && (n > max || n > (size_t)(c->end - c->p) / size))
		c->rc = -IX_ECORRUPT;
	return c->rc ? 0 : (size_t)n;
}

static void get_name(struct cursor *c, struct ix_edit *e)
{
	size_t n = get_count(c, 1, IX_NAME_MAX);
	const uint8_t *p = get_bytes(c, n);

	if (c->rc)
		return;
	if (memchr(p, 0, n)) {
		c->rc = -IX_ECORRUPT;
		return;
	}
	c->rc = add_name_n(e, (const char *)p, n);
	if (!c->rc && !ix_segment_name_valid(e->names[e->name_count - 1]))
		c->rc = -IX_ECORRUPT;
}

static char *get_text(struct cursor *c)
{
	size_t n = get_count(c, 1, IX_EDIT_TEXT_MAX);
	const uint8_t *p = get_bytes(c, n);
	char *s;

	if (c->rc)
		return NULL;
	/* It will stand in a JSON file. */
	if (memchr(p, 0, n) || !ix_utf8_valid((const char *)p, n)) {
		c->rc = -IX_ECORRUPT;
		return NULL;
	}
	s = ix_strndup((const char *)p, n);
	if (!s)
		c->rc = -ENOMEM;
	return s;
}

static void get_leaves(struct cursor *c, struct ix_edit *e)
{
	size_t n = get_count(c, sizeof(*e->leaves), SIZE_MAX);
	const uint8_t *p = get_bytes(c, n * sizeof(*e->leaves));

	if (!c->rc)
		c->rc = set_copy(&e->leaves, &e->leaf_count, p, n,
				 sizeof(*e->leaves));
}

static void get_sources(struct cursor *c, struct ix_edit *e)
{
	size_t n = get_count(c, 1, IX_EDIT_SOURCES_MAX);

	if (c->rc)
		return;
	e->sources = ix_calloc(n ? n : 1, sizeof(*e->sources));
	if (!e->sources) {
		c->rc = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < n; i++)
		e->sources[i] = get_u64(c);
	e->source_count = n;
}

static void get_fields(struct cursor *c, struct ix_edit *e)
{
	unsigned f = fields_of[e->type];
	const uint8_t *p;
	size_t names = 0;

	if (f & F_FLAGS)
		e->flags = get_u32(c);
	if (f & F_SEQ)
		e->seq = get_u64(c);
	if (f & F_ID && (p = get_bytes(c, sizeof(e->meta.id.bytes))))
		memcpy(e->meta.id.bytes, p, sizeof(e->meta.id.bytes));
	if (f & F_META) {
		e->meta.registration = get_u64(c);
		e->meta.doc_count = get_u32(c);
		e->meta.generation = get_u32(c);
	}
	if (f & F_SIZE)
		e->meta.bytes = get_u64(c);
	if (f & F_ATTR) {
		if ((p = get_bytes(c, 8)))
			e->meta.mtime_ns = (int64_t)ix_get64(p);
		e->meta.uid = get_u32(c);
		e->meta.gid = get_u32(c);
	}
	if (f & F_NAMES)
		names = get_count(c, 1, IX_EDIT_NAMES_MAX);
	else if (f & (F_NAME | F_NAME2))
		names = f & F_NAME ? 1 : 2;
	for (size_t i = 0; i < names && !c->rc; i++)
		get_name(c, e);
	if (f & F_LEAVES)
		get_leaves(c, e);
	if (f & F_SOURCES)
		get_sources(c, e);
	if (f & F_TEXT)
		e->text = get_text(c);
	if (f & F_TEXT2)
		e->text2 = get_text(c);
}

int ix_edit_decode(const uint8_t **pp, const uint8_t *end, struct ix_edit *e)
{
	struct cursor c = { *pp, end, 0 };

	memset(e, 0, sizeof(*e));
	if (c.p == end)
		return ix_fail(-IX_ECORRUPT, "edit: nothing there");
	if (*c.p == 0 || *c.p >= TYPE_COUNT)
		return ix_fail(-IX_EFORMAT,
			       "edit: type %u is not known to this version",
			       *c.p);
	e->type = (enum ix_edit_type) * c.p++;
	get_fields(&c, e);
	if (!c.rc && e->flags & ~(unsigned)IX_EDIT_REPLACE)
		c.rc = -IX_ECORRUPT;
	if (c.rc == -IX_ECORRUPT)
		return ix_fail(c.rc, "edit: malformed, type %u", e->type);
	*pp = c.p;
	return c.rc;
}
