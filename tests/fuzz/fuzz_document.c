/* SPDX-License-Identifier: MIT */
/*
 * Goal: no text makes the document scanner read or write outside its memory,
 * and what it accepts has one meaning: the canonical form of a document is a
 * document with the same canonical form, the same values and the same record.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/utf8.h"
#include "core/segment/document.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char schema_text[] =
	"{\"fields\":["
	"{\"name\":\"i\",\"type\":\"keyword\"},"
	"{\"name\":\"t\",\"type\":\"text\"},"
	"{\"name\":\"m\",\"type\":\"text\",\"multi\":true,\"stored\":false},"
	"{\"name\":\"k\",\"type\":\"keyword\",\"multi\":true,\"indexed\":false},"
	"{\"name\":\"n\",\"type\":\"u64\"},"
	"{\"name\":\"\xf0\x9f\x98\x80\",\"type\":\"u64\",\"multi\":true},"
	"{\"name\":\"\xef\xac\xb3\",\"type\":\"text\"}]}";

#define CHECK(condition)                \
 do {                                   \
  if (!(condition)) {                   \
   fprintf(stderr, "%s\n", #condition); \
   abort();                             \
  }                                     \
 } while (0)

static struct ix_schema *schema;
static struct ix_document doc, again;

static void check_values(const struct ix_document *a,
			 const struct ix_document *b)
{
	CHECK(a->count == b->count);
	for (size_t i = 0; i < a->count; i++) {
		const struct ix_value *v = &a->values[i], *w = &b->values[i];

		CHECK(v->field == w->field && v->number == w->number);
		CHECK(v->len == w->len);
		CHECK(!v->len || !memcmp(v->text, w->text, v->len));
		CHECK(!v->len || ix_utf8_valid(v->text, v->len));
		CHECK(!i || v->field >= v[-1].field);
	}
}

static void check_document(const uint8_t *data, size_t size, int ignore_unknown)
{
	const char *json = (const char *)data;
	struct ix_buf canonical = IX_BUF_INIT;
	int rc = ix_document_parse(&doc, json, size, ignore_unknown);

	CHECK(rc == 0 || rc == -IX_EINPUT);
	if (rc)
		return;
	ix_buf_add(&canonical, doc.canonical.data, doc.canonical.len);
	CHECK(!ix_document_parse(&again, (const char *)canonical.data,
				 canonical.len, 0));
	CHECK(again.canonical.len == canonical.len);
	CHECK(!memcmp(again.canonical.data, canonical.data, canonical.len));
	CHECK(again.tie == doc.tie);
	CHECK(again.record_len == doc.record_len);
	CHECK(!memcmp(again.record, doc.record, doc.record_len));
	check_values(&doc, &again);
	ix_buf_release(&canonical);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!schema) {
		CHECK(!ix_schema_parse(schema_text, strlen(schema_text), NULL,
				       &schema));
		CHECK(!ix_document_init(&doc, schema));
		CHECK(!ix_document_init(&again, schema));
	}
	check_document(data, size, 0);
	check_document(data, size, 1);
	return 0;
}
