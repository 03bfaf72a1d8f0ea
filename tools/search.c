/* SPDX-License-Identifier: MIT */
/* ixfs search: rank documents of a mount, an index, a segment or several. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/query/query.h"
#include "tools/cmd.h"
#include "tools/segment_set.h"

struct search {
	struct segment_set set;
	struct ix_segment **segments; /* owned, set.count of them */
	struct ix_schema *schema;     /* owned */
	struct ix_searcher *searcher;
	struct ix_query *query;
	int json, explain;
	uint32_t k;
};

static int open_segments(struct search *s)
{
	const struct ix_schema **schemas;
	int rc = 0;

	s->segments = calloc(s->set.count + 1, sizeof(*s->segments));
	schemas = calloc(s->set.count + 1, sizeof(*schemas));
	if (!s->segments || !schemas) {
		free(schemas);
		return -ENOMEM;
	}
	for (size_t i = 0; i < s->set.count && !rc; i++) {
		rc = ix_segment_open(s->set.entries[i].file,
				     s->set.entries[i].name, &s->segments[i]);
		if (!rc)
			schemas[i] = ix_segment_schema(s->segments[i]);
	}
	if (!rc && s->set.schema) {
		s->schema = ix_schema_clone(s->set.schema);
		rc = s->schema ? 0 : -ENOMEM;
	} else if (!rc) {
		rc = ix_schema_union(schemas, s->set.count, &s->schema);
	}
	free(schemas);
	return rc;
}

/* For people: rank, score, id, and the first stored strings, cut short. */
static void print_hit(const struct ix_hit *hit, uint32_t rank, const char *json,
		      size_t n)
{
	cJSON *tree = NULL, *f;
	const char *id = "?";

	if (ix_json_parse(json, n, &tree))
		return;
	ix_json_get_str(tree, "id", &id);
	printf("%3" PRIu32 ". %8.4f  %s\n", rank,
	       (double)hit->score / IX_SCORE_ONE, id);
	f = ix_json_get(tree, "fields");
	for (f = f ? f->child : NULL; f; f = f->next) {
		if (!cJSON_IsString(f) || !strcmp(f->valuestring, id))
			continue;
		printf("               %s: ", f->string);
		for (int i = 0; f->valuestring[i] && i < 160; i++)
			putchar(f->valuestring[i] == '\n' ? ' '
							  : f->valuestring[i]);
		putchar('\n');
	}
	f = ix_json_get(tree, "explain");
	if (f) {
		char *text = cJSON_PrintUnformatted(f);
		printf("               %s\n", text ? text : "");
		cJSON_free(text);
	}
	cJSON_Delete(tree);
}

static int print_hits(struct search *s, const struct ix_hit *hits,
		      uint32_t count)
{
	struct ix_buf line = IX_BUF_INIT;
	int rc = 0;

	for (uint32_t i = 0; i < count && !rc; i++) {
		ix_buf_clear(&line);
		rc = ix_hit_json(s->searcher, s->query, &hits[i], i + 1,
				 s->explain, &line);
		if (rc)
			break;
		if (s->json) {
			fwrite(line.data, 1, line.len, stdout);
			putchar('\n');
		} else {
			print_hit(&hits[i], i + 1, ix_buf_str(&line), line.len);
		}
	}
	ix_buf_release(&line);
	return rc;
}

static int search(struct search *s, const char *text)
{
	struct ix_hit *hits = NULL;
	uint64_t matches = 0;
	uint32_t count = 0;
	int rc;

	if (!s->set.count)
		goto empty;
	rc = open_segments(s);
	if (!rc)
		rc = ix_searcher_new(s->segments, s->set.count, s->schema,
				     &s->searcher);
	if (!rc)
		rc = ix_query_parse(s->schema, text, strlen(text), &s->query);
	if (!rc)
		rc = ix_search(s->searcher, s->query, s->k, &hits, &count,
			       s->json ? NULL : &matches);
	if (!rc)
		rc = print_hits(s, hits, count);
	ix_free(hits);
	if (rc)
		return rc;
empty:
	if (!s->json)
		fprintf(stderr, "ixfs: %" PRIu64 " documents match\n", matches);
	return 0;
}

static void release(struct search *s)
{
	ix_query_free(s->query);
	ix_searcher_free(s->searcher);
	for (size_t i = 0; s->segments && i < s->set.count; i++)
		ix_segment_close(s->segments[i]);
	free(s->segments);
	ix_schema_free(s->schema);
	segment_set_release(&s->set);
}

static int run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "explain", no_argument, NULL, 'e' },
		{ NULL, 0, NULL, 0 },
	};
	struct search s = { .k = 10 };
	uint64_t k = 10;
	int c, rc, result = IXFS_DONE;

	while ((c = getopt_long(argc, argv, "k:", options, NULL)) != -1)
		switch (c) {
		case 'k':
			if (cmd_parse_number(optarg, 1, 1000000, &k))
				return cmd_usage(&cmd_search,
						 "-k is 1 to 1000000");
			s.k = (uint32_t)k;
			break;
		case 'j':
			s.json = 1;
			break;
		case 'e':
			s.explain = 1;
			break;
		default:
			return cmd_usage(&cmd_search, "unknown option");
		}
	if (argc - optind != 2)
		return cmd_usage(&cmd_search, "name a path and a query");
	rc = segment_set_open(argv[optind], &s.set);
	if (!rc)
		rc = search(&s, argv[optind + 1]);
	if (rc)
		result = cmd_failed(rc, "search: %s", argv[optind]);
	release(&s);
	if (!result && (fflush(stdout) || ferror(stdout)))
		result = IXFS_FAILED;
	return result;
}

const struct ixfs_command cmd_search = {
	"search",
	"search PATH QUERY [-k N] [--json] [--explain]",
	"Search a mount, an index directory, a segment or a directory of "
	"segments.",
	run,
};
