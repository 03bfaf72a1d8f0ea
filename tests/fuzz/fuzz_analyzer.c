/* SPDX-License-Identifier: MIT */
/*
 * Goal: no text makes the segmentation or an analyzer misbehave.
 * Method: the first byte picks the analyzer, the rest is the text. Segments
 * must tile the text and be the same with and without the fast path; tokens
 * must be ordered, in bounds and valid UTF-8, and a second pass, with the stem
 * cache filled, must give the same terms. Text that is not UTF-8 must be
 * refused by the analyzer and still be walked safely by the segmentation.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/hash.h"
#include "core/base/utf8.h"
#include "core/text/analyzer.h"
#include "core/text/wordbreak.h"

#define CHECK(x) ((x) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {
	"raw",         "simple",  "ar_stem", "hy_stem", "eu_stem", "ca_stem",
	"da_stem",     "nl_stem", "en_stem", "fi_stem", "fr_stem", "de_stem",
	"el_stem",     "hi_stem", "hu_stem", "id_stem", "ga_stem", "it_stem",
	"lt_stem",     "ne_stem", "no_stem", "pt_stem", "ro_stem", "ru_stem",
	"sr_stem",     "es_stem", "sv_stem", "ta_stem", "tr_stem", "yi_stem",
	"porter_stem",
};

#define NAME_COUNT (sizeof(names) / sizeof(names[0]))

static void check_segments(const char *text, size_t n)
{
	struct ix_wordbreak fast, slow;
	struct ix_segment f, s;
	size_t end = 0;

	ix_wordbreak_init(&fast, text, n, 0);
	ix_wordbreak_init(&slow, text, n, IX_WORDBREAK_NO_FAST_PATH);
	while (ix_wordbreak_next(&fast, &f)) {
		CHECK(ix_wordbreak_next(&slow, &s));
		CHECK(f.start == end && f.end > f.start && f.end <= n);
		CHECK(f.start == s.start && f.end == s.end);
		CHECK(f.is_word == s.is_word && f.is_ascii == s.is_ascii);
		end = f.end;
	}
	CHECK(!ix_wordbreak_next(&slow, &s));
	CHECK(end == n);
}

/* The words are the segments that say so. */
static void check_words(const char *text, size_t n)
{
	struct ix_wordbreak fast, slow;
	struct ix_segment f, s;

	ix_wordbreak_init(&fast, text, n, 0);
	ix_wordbreak_init(&slow, text, n, IX_WORDBREAK_NO_FAST_PATH);
	while (ix_wordbreak_next(&slow, &s)) {
		if (!s.is_word)
			continue;
		CHECK(ix_wordbreak_next_word(&fast, &f));
		CHECK(f.start == s.start && f.end == s.end);
		CHECK(f.is_word && f.is_ascii == s.is_ascii);
	}
	CHECK(!ix_wordbreak_next_word(&fast, &f));
}

/* One pass over the text; returns a hash of all terms and offsets. */
static uint64_t check_tokens(struct ix_analyzer *a, const char *text, size_t n)
{
	struct ix_token t;
	uint64_t hash = 0;
	uint32_t position = 0;
	size_t end = 0;
	int rc;

	CHECK(!ix_analyzer_start(a, text, n));
	while ((rc = ix_analyzer_next(a, &t)) > 0) {
		CHECK(t.position == position++);
		CHECK(t.start >= end && t.end >= t.start && t.end <= n);
		CHECK(t.len <= IX_TERM_MAX);
		CHECK(ix_utf8_valid(t.term, t.len));
		end = t.end;
		hash = ix_hash64_seed(t.term, t.len, hash + t.start);
	}
	CHECK(rc == 0);
	return hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ix_analyzer *analyzers[NAME_COUNT];
	struct ix_analyzer **ap;
	const char *text;

	if (!size)
		return 0;
	ap = &analyzers[data[0] % NAME_COUNT];
	if (!*ap)
		CHECK(!ix_analyzer_new(names[data[0] % NAME_COUNT], ap));
	text = (const char *)data + 1;
	size--;
	check_segments(text, size);
	check_words(text, size);
	if (ix_utf8_valid(text, size))
		CHECK(check_tokens(*ap, text, size) ==
		      check_tokens(*ap, text, size));
	else
		CHECK(ix_analyzer_start(*ap, text, size) == -IX_EINPUT);
	return 0;
}
