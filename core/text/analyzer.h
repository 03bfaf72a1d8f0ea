/* SPDX-License-Identifier: MIT */
/*
 * analyzer: from the text of a field to its terms.
 *
 *	raw           the whole value is one term, unchanged; the empty value
 *	              is the empty term
 *	simple        the word segments of UAX #29 that hold a letter or a
 *	              number, with full case folding
 *	<lang>_stem   simple, then the Snowball stemmer of the language; <lang>
 *	              is a two-letter ISO 639-1 code ("en_stem") or the name
 *	              that libstemmer uses ("english_stem")
 *
 *	struct ix_analyzer *a;
 *	struct ix_token t;
 *
 *	rc = ix_analyzer_new("en_stem", &a);
 *	rc = ix_analyzer_start(a, text, n);
 *	while ((rc = ix_analyzer_next(a, &t)) > 0)
 *		use(t.term, t.len, t.position);
 *	ix_analyzer_free(a);
 *
 * Queries and documents go through the same analyzer. The terms of a text
 * depend on the analyzer's id and on nothing else: not on the locale, not on
 * what was analyzed before.
 *
 * An analyzer object belongs to one thread at a time; it allocates nothing
 * after ix_analyzer_new, except what the stemmer may need for long words.
 */
#ifndef IX_TEXT_ANALYZER_H
#define IX_TEXT_ANALYZER_H

#include <stddef.h>
#include <stdint.h>

/* Longest term in bytes. A longer one is cut at a character boundary. */
#define IX_TERM_MAX 1024

struct ix_analyzer;

struct ix_token {
	const char *term;  /* valid UTF-8, not NUL-terminated; good until the
			      next call on the analyzer */
	size_t len;        /* bytes of it, 0..IX_TERM_MAX; 0 only for raw */
	uint32_t position; /* counts the words of the text from 0 */
	int is_cut;        /* the term was longer than IX_TERM_MAX */
	size_t start, end; /* byte offsets of the segment in the text */
};

/*
 * Make the analyzer called `name`. The caller owns *ap (ix_analyzer_free).
 * Returns 0; -IX_ESCHEMA with a text that lists what exists, for an unknown
 * name; -ENOMEM.
 */
int ix_analyzer_new(const char *name, struct ix_analyzer **ap);

/* Release; NULL is allowed. */
void ix_analyzer_free(struct ix_analyzer *a);

/* Is there an analyzer of this name? Sets no failure text; any thread. */
int ix_analyzer_known(const char *name);

/*
 * What the analyzer does, as a string that is stored with an index: fields
 * are compatible when their ids are equal. It names the algorithm, the
 * version of our Unicode tables and our revision of the stemmer's results,
 * never the version of a library: "en_stem/uax29-15.0/snowball-english/1".
 * Both names of a language give the same id. Owned by the analyzer.
 */
const char *ix_analyzer_id(const struct ix_analyzer *a);

/*
 * Begin with a text of `n` bytes, which is borrowed until the last
 * ix_analyzer_next; NULL is allowed when `n` is 0. A text in progress is
 * dropped. Returns 0; -IX_EINPUT if it is not valid UTF-8; -IX_ELIMIT if it
 * has 2^32 bytes or more (positions are 32 bits wide).
 */
int ix_analyzer_start(struct ix_analyzer *a, const char *text, size_t n);

/* The next term: 1 with *t filled in, 0 at the end, or -ENOMEM. Before the
 * first successful ix_analyzer_start: 0. */
int ix_analyzer_next(struct ix_analyzer *a, struct ix_token *t);

#endif
