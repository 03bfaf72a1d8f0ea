/* SPDX-License-Identifier: MIT */
#ifndef IXFS_TOOLS_SCHEMA_FILE_H
#define IXFS_TOOLS_SCHEMA_FILE_H

struct ix_schema;

/* Read and check a schema file; the caller frees the schema. 0, or a negative
 * code with a text. */
int schema_file_read(const char *path, struct ix_schema **sp);

#endif
