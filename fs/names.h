/* SPDX-License-Identifier: MIT */
/* names: what a name in the root means. */
#ifndef IXFS_NAMES_H
#define IXFS_NAMES_H

#include <string.h>

#define IXFS_NAME_DOT     ".ixfs"
#define IXFS_NAME_CONTROL "metadata.json"

/*
 * A final name is one under which a complete file is registered: it ends in
 * ".seg" and does not start with a dot (rsync and others write to .name.XXXXXX
 * first). Every other name is a staging name.
 */
static inline int ixfs_name_is_final(const char *name)
{
	size_t n = strlen(name);

	return n > 4 && name[0] != '.' && !strcmp(name + n - 4, ".seg");
}

/* Names in the root that always mean objects of ours. */
static inline int ixfs_name_is_reserved(const char *name)
{
	return !strcmp(name, IXFS_NAME_DOT) || !strcmp(name, IXFS_NAME_CONTROL);
}

#endif
