/* SPDX-License-Identifier: MIT */
/*
 * json: cJSON with its leniencies closed.
 *
 * For schemas, metadata and control documents, never for documents to index:
 * cJSON keeps numbers as doubles. Ids, generations and 64-bit numbers are
 * therefore strings of decimal digits. These helpers take RFC 8259 only: they
 * refuse trailing bytes, malformed numbers and escapes, control characters, a
 * byte order mark; and further duplicate keys at any level, more than 64
 * containers inside each other, numbers beyond a double, invalid UTF-8 and NUL
 * characters inside strings. Keys are compared with case.
 */
#ifndef IX_BASE_JSON_H
#define IX_BASE_JSON_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

/* Parse exactly one document of `n` bytes. 0 with a tree owned by the caller
 * (cJSON_Delete), or -IX_EINPUT with a text that names the place, -ENOMEM. */
int ix_json_parse(const char *text, size_t n, cJSON **treep);

/* Member of an object, or NULL. */
cJSON *ix_json_get(const cJSON *object, const char *key);

/* Read members. Each returns 0, -ENOENT when the member is absent (the value
 * is left alone), or -IX_EINPUT with a text when it has another type. */
int ix_json_get_str(const cJSON *object, const char *key, const char **sp);
int ix_json_get_bool(const cJSON *object, const char *key, int *vp);
/* A decimal string, or a plain integral number below 2^53. */
int ix_json_get_u64(const cJSON *object, const char *key, uint64_t *vp);

/* "18446744073709551615" -> value; exactly digits, no sign, no blanks. */
int ix_json_parse_u64(const char *s, uint64_t *vp);

/* Refuse members other than those in `keys` (NULL-terminated): 0, or
 * -IX_EINPUT with a text that names the first unknown key. */
int ix_json_only_keys(const cJSON *object, const char *const *keys,
		      const char *what);

/* Add a 64-bit number as a decimal string. 0 or -ENOMEM. */
int ix_json_add_u64(cJSON *object, const char *key, uint64_t v);

#endif
