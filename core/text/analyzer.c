/* SPDX-License-Identifier: MIT */
/*
 * Stemming dominates the cost of an English text, and few words make up most
 * of it, so each stemming analyzer keeps a direct-mapped cache from folded
 * word to stem. A slot is picked by a hash of the word alone and is simply
 * overwritten, so the cache changes the speed and never the terms.
 */
#include "core/text/analyzer.h"

#include <errno.h>
#include <libstemmer.h>
#include <stdio.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/utf8.h"
#include "core/text/unicode.h"
#include "core/text/wordbreak.h"

#define CACHE_SLOTS 4096u
#define CACHE_WORD  24u /* longest cached word in bytes; 3 uint64_t */
#define CACHE_STEM  30u /* longest cached stem; makes a slot 56 bytes */

#define SUFFIX      "_stem"

/*
 * The algorithms of libstemmer by ISO 639-1 code, and our revision of their
 * results, which is part of the analyzer id: raise it for a language when the
 * stems of its words change. test_analyzer pins samples of every language, so
 * that a library which stems differently is noticed. An algorithm that is not
 * listed is known by its full name only, at revision 1.
 */
static const struct language {
	const char *algorithm;
	int revision;
	char code[3];
} languages[] = {
	{ "arabic", 1, "ar" },     { "armenian", 1, "hy" },
	{ "basque", 1, "eu" },     { "catalan", 1, "ca" },
	{ "danish", 1, "da" },     { "dutch", 1, "nl" },
	{ "english", 1, "en" },    { "finnish", 1, "fi" },
	{ "french", 1, "fr" },     { "german", 1, "de" },
	{ "greek", 1, "el" },      { "hindi", 1, "hi" },
	{ "hungarian", 1, "hu" },  { "indonesian", 1, "id" },
	{ "irish", 1, "ga" },      { "italian", 1, "it" },
	{ "lithuanian", 1, "lt" }, { "nepali", 1, "ne" },
	{ "norwegian", 1, "no" },  { "portuguese", 1, "pt" },
	{ "romanian", 1, "ro" },   { "russian", 1, "ru" },
	{ "serbian", 1, "sr" },    { "spanish", 1, "es" },
	{ "swedish", 1, "sv" },    { "tamil", 1, "ta" },
	{ "turkish", 1, "tr" },    { "yiddish", 1, "yi" },
};

#define LANGUAGE_COUNT (sizeof(languages) / sizeof(languages[0]))

enum kind {
	RAW,
	SIMPLE,
	STEM
};

struct slot {
	uint64_t word[CACHE_WORD / 8]; /* padded with zeros */
	uint8_t word_len;              /* 0 = empty slot */
	uint8_t stem_len;
	char stem[CACHE_STEM];
};

struct ix_analyzer {
	enum kind kind;
	struct sb_stemmer *stemmer; /* owned; only STEM */
	struct slot *cache;         /* owned, CACHE_SLOTS; only STEM */
	const char *text;           /* borrowed between start and end */
	size_t n;
	struct ix_wordbreak words;
	uint32_t position; /* of the next word */
	int done;          /* raw: the one term was given */
	char id[96];
	/* The folded word, with room for one more folded character before the
	 * cut, and for the cache to read whole uint64_t. */
	char word[IX_TERM_MAX + 4 * IX_FOLD_MAX];
};

/* --- names ------------------------------------------------------------- */

static int have_algorithm(const char *algorithm)
{
	for (const char **p = sb_stemmer_list(); *p; p++)
		if (!strcmp(*p, algorithm))
			return 1;
	return 0;
}

/* The row of an algorithm, or NULL. */
static const struct language *find_language(const char *algorithm)
{
	for (size_t i = 0; i < LANGUAGE_COUNT; i++)
		if (!strcmp(languages[i].algorithm, algorithm))
			return &languages[i];
	return NULL;
}

/* What goes before "_stem" in the short name of an algorithm. */
static const char *prefix_of(const char *algorithm)
{
	const struct language *l = find_language(algorithm);

	return l ? l->code : algorithm;
}

/* Resolve a name; 0 with *kindp, and for STEM *algorithmp (static storage),
 * or -ENOENT. */
static int resolve(const char *name, enum kind *kindp, const char **algorithmp)
{
	size_t len = strlen(name), suffix = strlen(SUFFIX);

	*algorithmp = NULL;
	*kindp = !strcmp(name, "raw") ? RAW : SIMPLE;
	if (*kindp == RAW || !strcmp(name, "simple"))
		return 0;
	*kindp = STEM;
	if (len <= suffix || strcmp(name + len - suffix, SUFFIX) != 0)
		return -ENOENT;
	len -= suffix;
	for (size_t i = 0; i < LANGUAGE_COUNT; i++)
		if (len == 2 && !memcmp(languages[i].code, name, 2) &&
		    have_algorithm(languages[i].algorithm)) {
			*algorithmp = languages[i].algorithm;
			return 0;
		}
	for (const char **p = sb_stemmer_list(); *p; p++)
		if (strlen(*p) == len && !memcmp(*p, name, len)) {
			*algorithmp = *p;
			return 0;
		}
	return -ENOENT;
}

static int fail_unknown(const char *name)
{
	struct ix_buf list = IX_BUF_INIT;
	int rc;

	for (const char **p = sb_stemmer_list(); *p; p++)
		ix_buf_addf(&list, ", %s" SUFFIX, prefix_of(*p));
	rc = ix_fail(-IX_ESCHEMA,
		     "unknown analyzer \"%.64s\"; there are raw, simple%s",
		     name, ix_buf_str(&list));
	ix_buf_release(&list);
	return rc;
}

int ix_analyzer_known(const char *name)
{
	const char *algorithm;
	enum kind kind;

	return !resolve(name, &kind, &algorithm);
}

/* --- life -------------------------------------------------------------- */

static void set_id(struct ix_analyzer *a, const char *algorithm)
{
	static const char uax[] = "uax29-" IX_UNICODE_VERSION;
	const struct language *l;

	switch (a->kind) {
	case RAW:
		snprintf(a->id, sizeof(a->id), "raw/1");
		break;
	case SIMPLE:
		snprintf(a->id, sizeof(a->id), "simple/%s/1", uax);
		break;
	case STEM:
		l = find_language(algorithm);
		snprintf(a->id, sizeof(a->id), "%s" SUFFIX "/%s/snowball-%s/%d",
			 prefix_of(algorithm), uax, algorithm,
			 l ? l->revision : 1);
		break;
	}
}

int ix_analyzer_new(const char *name, struct ix_analyzer **ap)
{
	struct ix_analyzer *a;
	const char *algorithm;
	enum kind kind;

	*ap = NULL;
	if (resolve(name, &kind, &algorithm))
		return fail_unknown(name);
	a = ix_calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	a->kind = kind;
	a->done = 1;
	set_id(a, algorithm);
	if (kind == STEM) {
		a->stemmer = sb_stemmer_new(algorithm, "UTF_8");
		a->cache = ix_calloc(CACHE_SLOTS, sizeof(*a->cache));
		if (!a->stemmer || !a->cache) {
			ix_analyzer_free(a);
			return -ENOMEM;
		}
	}
	*ap = a;
	return 0;
}

void ix_analyzer_free(struct ix_analyzer *a)
{
	if (!a)
		return;
	if (a->stemmer)
		sb_stemmer_delete(a->stemmer);
	ix_free(a->cache);
	ix_free(a);
}

const char *ix_analyzer_id(const struct ix_analyzer *a)
{
	return a->id;
}

/* --- terms ------------------------------------------------------------- */

/* The greatest length <= IX_TERM_MAX at which `n` bytes of UTF-8 end with a
 * whole character. */
static size_t cut(const char *s, size_t n)
{
	if (n <= IX_TERM_MAX)
		return n;
	n = IX_TERM_MAX;
	while (n > 0 && (s[n] & 0xc0) == 0x80)
		n--;
	return n;
}

/* Fold ASCII into a->word; returns the length before the cut, or something
 * above IX_TERM_MAX. */
static size_t fold_ascii(struct ix_analyzer *a, const char *s, size_t n)
{
	size_t m = n <= IX_TERM_MAX ? n : IX_TERM_MAX + 1;

	for (size_t i = 0; i < m; i++)
		a->word[i] = (char)(s[i] | (s[i] >= 'A' && s[i] <= 'Z') << 5);
	return m;
}

/* The same for any UTF-8. Stops behind the character that passes the limit,
 * so that cut() sees where that one begins. */
static size_t fold(struct ix_analyzer *a, const char *s, size_t n)
{
	size_t m = 0;

	for (size_t i = 0; i < n && m <= IX_TERM_MAX;) {
		uint32_t cp, folded[IX_FOLD_MAX];
		unsigned len = ix_utf8_decode(s + i, n - i, &cp);

		if (ix_unicode_props(cp) & IX_CHAR_FOLDS) {
			unsigned count = ix_unicode_fold(cp, folded);

			for (unsigned k = 0; k < count; k++)
				m += ix_utf8_encode(folded[k], a->word + m);
		} else {
			memcpy(a->word + m, s + i, len);
			m += len;
		}
		i += len;
	}
	return m;
}

static struct slot *find_slot(struct ix_analyzer *a, const uint64_t *word)
{
	uint64_t h = word[0] * 0x9e3779b97f4a7c15u;

	h = (h ^ h >> 29 ^ word[1]) * 0xbf58476d1ce4e5b9u;
	h = (h ^ h >> 32 ^ word[2]) * 0x94d049bb133111ebu;
	return &a->cache[h >> 52];
}

_Static_assert(CACHE_SLOTS == 1u << 12, "find_slot takes the top 12 bits");
_Static_assert(sizeof(struct slot) == 56, "slots have no padding");

/* Replace the folded word of t->len bytes by its stem. 1 or -ENOMEM. */
static int stem(struct ix_analyzer *a, struct ix_token *t)
{
	uint64_t word[CACHE_WORD / 8] = { 0 };
	struct slot *slot = NULL;
	const char *s;
	size_t len;

	if (t->len <= CACHE_WORD) {
		memcpy(word, t->term, t->len);
		slot = find_slot(a, word);
		if (slot->word_len == t->len &&
		    !memcmp(slot->word, word, sizeof(word))) {
			t->term = slot->stem;
			t->len = slot->stem_len;
			return 1;
		}
	}
	s = (const char *)sb_stemmer_stem(a->stemmer,
					  (const sb_symbol *)t->term,
					  (int)t->len);
	if (!s)
		return -ENOMEM;
	len = (size_t)sb_stemmer_length(a->stemmer);
	/* A stemmer may remove a whole word; the word then stays as it is. */
	if (!len) {
		s = t->term;
		len = t->len;
	}
	t->is_cut |= len > IX_TERM_MAX;
	len = cut(s, len);
	if (slot && len <= CACHE_STEM) {
		memcpy(slot->word, word, sizeof(word));
		memcpy(slot->stem, s, len);
		slot->word_len = (uint8_t)t->len;
		slot->stem_len = (uint8_t)len;
	}
	t->term = s;
	t->len = len;
	return 1;
}

static int next_raw(struct ix_analyzer *a, struct ix_token *t)
{
	if (a->done)
		return 0;
	a->done = 1;
	*t = (struct ix_token){
		.term = a->n ? a->text : "",
		.len = cut(a->text, a->n),
		.is_cut = a->n > IX_TERM_MAX,
		.end = a->n,
	};
	return 1;
}

int ix_analyzer_start(struct ix_analyzer *a, const char *text, size_t n)
{
	a->done = 1;
	ix_wordbreak_init(&a->words, NULL, 0, 0);
	if (n > UINT32_MAX)
		return ix_fail(-IX_ELIMIT, "a text of %zu bytes is too long",
			       n);
	if (!ix_utf8_valid(text, n))
		return ix_fail(-IX_EINPUT, "the text is not valid UTF-8");
	a->text = text;
	a->n = n;
	a->position = 0;
	a->done = 0;
	ix_wordbreak_init(&a->words, text, n, 0);
	return 0;
}

int ix_analyzer_next(struct ix_analyzer *a, struct ix_token *t)
{
	struct ix_segment seg;
	size_t len;

	if (a->kind == RAW)
		return next_raw(a, t);
	if (!ix_wordbreak_next_word(&a->words, &seg))
		return 0;
	len = (seg.is_ascii ? fold_ascii : fold)(a, a->text + seg.start,
						 seg.end - seg.start);
	*t = (struct ix_token){
		.term = a->word,
		.len = cut(a->word, len),
		.position = a->position++,
		.is_cut = len > IX_TERM_MAX,
		.start = seg.start,
		.end = seg.end,
	};
	return a->kind == STEM ? stem(a, t) : 1;
}
