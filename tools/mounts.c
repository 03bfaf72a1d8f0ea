/* SPDX-License-Identifier: MIT */
#include "tools/mounts.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* mountinfo writes space, tab, newline and backslash as \ooo (proc(5)). */
static void unescape(char *s)
{
	char *out = s;

	for (; *s; out++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] &&
		    s[3]) {
			*out = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 |
				      (s[3] - '0'));
			s += 4;
		} else {
			*out = *s++;
		}
	}
	*out = '\0';
}

int mounts_is_ixfs(const char *path)
{
	char real[PATH_MAX], *line = NULL, *point, *save, *type;
	FILE *f = fopen("/proc/self/mountinfo", "re");
	size_t cap = 0;
	int found = 0;

	if (!f || !realpath(path, real))
		goto out;
	while (getline(&line, &cap, f) > 0) {
		type = strstr(line, " - ");
		if (!type)
			continue;
		*type = '\0';
		type += 3;
		strtok_r(line, " ", &save); /* mount id */
		for (int i = 0; i < 3; i++) /* parent, major:minor, root */
			strtok_r(NULL, " ", &save);
		point = strtok_r(NULL, " ", &save);
		if (!point)
			continue;
		unescape(point);
		if (!strcmp(point, real)) /* the last one is on top */
			found = !strncmp(type, "fuse.ixfs ", 10);
	}
out:
	free(line);
	if (f)
		fclose(f);
	return found;
}
