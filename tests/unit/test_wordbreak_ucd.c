/* SPDX-License-Identifier: MIT */
/*
 * Goal: the segmentation conforms to UAX #29 of Unicode 15.0.
 * Method: every case of the official WordBreakTest.txt, with and without the
 * fast path. The file comes with Debian's unicode-data; without it, or with
 * the file of another version, the test is skipped (77). Another directory
 * can be named in IX_UCD.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/utf8.h"
#include "core/text/unicode.h"
#include "core/text/wordbreak.h"

#define CASE_MAX 256 /* bytes of text in one case */

struct test_case {
	char text[CASE_MAX];
	size_t n;
	size_t ends[CASE_MAX]; /* expected ends of segments */
	size_t count;
};

/* "÷ 0061 × 0308 ÷" -> text and segment ends; 0, or -1 when malformed. */
static int parse_case(char *line, struct test_case *c)
{
	char *save = NULL, *word;

	memset(c, 0, sizeof(*c));
	for (word = strtok_r(line, " \t", &save); word;
	     word = strtok_r(NULL, " \t", &save)) {
		if (c->n + 4 > CASE_MAX)
			return -1;
		if (!strcmp(word, "÷")) {
			if (c->n)
				c->ends[c->count++] = c->n;
		} else if (strcmp(word, "×") != 0) {
			unsigned long cp = strtoul(word, NULL, 16);

			c->n += ix_utf8_encode((uint32_t)cp, c->text + c->n);
		}
	}
	return c->count ? 0 : -1;
}

static int run_case(const struct test_case *c, unsigned flags)
{
	struct ix_wordbreak w;
	struct ix_segment seg;
	size_t i = 0, start = 0;

	ix_wordbreak_init(&w, c->text, c->n, flags);
	while (ix_wordbreak_next(&w, &seg) > 0) {
		if (i == c->count || seg.start != start ||
		    seg.end != c->ends[i])
			return -1;
		start = seg.end;
		i++;
	}
	return i == c->count ? 0 : -1;
}

int main(void)
{
	const char *dir = getenv("IX_UCD");
	char path[4096], line[4096], shown[4096];
	unsigned cases = 0, failed = 0, number = 0;
	struct test_case c;
	FILE *f;

	snprintf(path, sizeof(path), "%s/auxiliary/WordBreakTest.txt",
		 dir ? dir : "/usr/share/unicode");
	f = fopen(path, "r");
	if (!f) {
		printf("skipped: no %s (package unicode-data)\n", path);
		return 77;
	}
	while (fgets(line, sizeof(line), f)) {
		number++;
		if (number == 1 && !strstr(line, ix_unicode_version)) {
			printf("skipped: %s is not of Unicode %s\n", path,
			       ix_unicode_version);
			fclose(f);
			return 77;
		}
		line[strcspn(line, "#\n")] = '\0';
		if (!line[strspn(line, " \t")])
			continue;
		strcpy(shown, line);
		if (parse_case(line, &c) || run_case(&c, 0) ||
		    run_case(&c, IX_WORDBREAK_NO_FAST_PATH)) {
			printf("%s:%u: failed: %s\n", path, number, shown);
			failed++;
		}
		cases++;
	}
	fclose(f);
	printf("%u cases, %u failed\n", cases, failed);
	return failed || cases < 1000;
}
