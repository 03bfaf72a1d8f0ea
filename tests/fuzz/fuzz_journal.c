/* SPDX-License-Identifier: MIT */
/*
 * First byte 0: the rest is a journal file. Otherwise the rest are edits, as
 * in a batch whose checksum is right: they are applied to a state with three
 * segments, as long as it accepts them. After each the state must be whole:
 * what a checkpoint of it says must load and say the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/index/checkpoint.h"
#include "core/index/journal.h"
#include "core/index/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int ignore(void *ctx, const uint8_t *p, size_t n)
{
	(void)ctx;
	(void)p;
	(void)n;
	return 0;
}

static void parse_file(const uint8_t *data, size_t size)
{
	const struct ix_u128 base = { 1, 2 };
	struct ix_journal j;
	int stale;

	memset(&j, 0, sizeof(j));
	(void)ix_journal_parse(data, size, 3, base, ignore, NULL, &j, &stale);
}

static void fill(struct ix_state *s)
{
	static const char *const names[] = { "a.seg", "b.seg", "c.seg" };
	struct ix_seg_meta m = { .bytes = 100, .doc_count = 10 };
	struct ix_seg *g;

	if (ix_state_init(s))
		abort();
	free(s->merge_text);
	s->merge_text = ix_settings_default();
	s->next_registration = 4;
	s->seq_limit = s->next_seq = 4;
	for (unsigned i = 0; i < 3; i++) {
		memset(m.id.bytes, (int)i + 1, sizeof(m.id.bytes));
		m.registration = i + 1;
		if (ix_state_load_seg(s, i + 1, &m, 0, NULL, 0, NULL, &g) ||
		    ix_state_load_name(s, g, names[i]))
			abort();
	}
}

static void check(struct ix_state *s)
{
	struct ix_buf a = IX_BUF_INIT, b = IX_BUF_INIT;
	struct ix_u128 hash;
	struct ix_state t;
	uint64_t epoch;

	/* Edits may carry numbers that a checkpoint refuses; an index gives
	 * them out in order. */
	s->seq_limit = UINT64_MAX;
	s->next_registration = UINT64_MAX;
	ix_checkpoint_render(s, 5, &a, &hash);
	if (ix_state_init(&t) ||
	    ix_checkpoint_parse(ix_buf_str(&a), a.len, &t, &epoch, &hash))
		abort();
	ix_checkpoint_render(&t, 5, &b, &hash);
	if (a.len != b.len || t.live_docs != s->live_docs ||
	    t.live_bytes != s->live_bytes || t.live_count != s->live_count ||
	    t.delivered_count != s->delivered_count)
		abort();
	ix_state_release(&t);
	ix_buf_release(&a);
	ix_buf_release(&b);
}

static void replay(const uint8_t *p, const uint8_t *end)
{
	struct ix_state s;
	int rc = 0;

	fill(&s);
	for (unsigned i = 0; p < end && !rc && i < 50; i++) {
		struct ix_edit e;

		rc = ix_edit_decode(&p, end, &e);
		if (!rc)
			rc = ix_state_prepare(&s, &e);
		/* The checkpoint bounds these; the journal need not. */
		if (!rc && e.meta.doc_count > 0x7fffffff)
			rc = -1;
		if (!rc && (e.type == IX_EDIT_ADD && !e.meta.registration))
			rc = -1;
		if (!rc &&
		    (e.seq == UINT64_MAX || e.meta.registration == UINT64_MAX))
			rc = -1;
		if (!rc) {
			ix_state_apply(&s, &e);
			check(&s);
		}
		ix_edit_release(&e);
	}
	ix_state_release(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	if (data[0])
		replay(data + 1, data + size);
	else
		parse_file(data + 1, size - 1);
	return 0;
}
