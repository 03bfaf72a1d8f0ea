/* SPDX-License-Identifier: MIT */
/* ixfs: one program, one file per subcommand. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "tools/cmd.h"

static const struct ixfs_command *const commands[] = {
	&cmd_create, &cmd_build,  &cmd_mount, &cmd_umount, &cmd_search,
	&cmd_info,   &cmd_verify, &cmd_dump,  &cmd_merge,
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void overview(FILE *out)
{
	fputs("ixfs - a filesystem for search indexes\n\n", out);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(out, "  ixfs %s\n      %s\n", commands[i]->synopsis,
			commands[i]->summary);
	fputs("\nExit codes: 0 done, 1 damage or refusal found, 2 wrong use, "
	      "3 failed.\nSee ixfs(1).\n",
	      out);
}

int main(int argc, char **argv)
{
	const char *level = getenv("IXFS_LOG");

	if (level && !strcmp(level, "debug"))
		ix_log_set_level(IX_LOG_DEBUG);
	else if (level && !strcmp(level, "info"))
		ix_log_set_level(IX_LOG_INFO);
	if (argc < 2) {
		overview(stderr);
		return IXFS_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help")) {
		overview(stdout);
		return IXFS_DONE;
	}
	if (!strcmp(argv[1], "--version")) {
		puts("ixfs " IX_VERSION ", segment format 1");
		return IXFS_DONE;
	}
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (strcmp(argv[1], commands[i]->name))
			continue;
		if (cmd_help(commands[i], argc - 1, argv + 1))
			return IXFS_DONE;
		return commands[i]->run(argc - 1, argv + 1);
	}
	fprintf(stderr, "ixfs: %s: no such command: 'ixfs help' lists them\n",
		argv[1]);
	return IXFS_USAGE;
}
