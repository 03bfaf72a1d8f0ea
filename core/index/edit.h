/* SPDX-License-Identifier: MIT */
/*
 * edit: one change of the index's state, as the journal records it.
 *
 * An edit says what happened, not how the tables change: state.h derives the
 * rest, alike when it happens and when it is replayed. Wire form: type,
 * then the fields of that type, integers as varints; docs/design.md has the
 * table. Decoding trusts nothing.
 */
#ifndef IX_INDEX_EDIT_H
#define IX_INDEX_EDIT_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/id.h"
#include "core/index/policy.h"

#define IX_EDIT_NAMES_MAX   (1u << 20) /* names removed by one edit */
#define IX_EDIT_SOURCES_MAX (1u << 20)
#define IX_EDIT_TEXT_MAX    (16u << 20)

enum ix_edit_type {
	/* A registered segment: seq, meta, leaves, name; sources = the live
	 * segments it covers and replaces; IX_EDIT_REPLACE. */
	IX_EDIT_ADD = 1,
	/* One more name of live seq; IX_EDIT_REPLACE. */
	IX_EDIT_ADD_NAME = 2,
	/* name means content meta.id, which lives inside merges: leaves holds
	 * one leaf for each of them; meta.bytes and meta.mtime_ns. */
	IX_EDIT_DELIVER = 3,
	/* Remove live names; segments without names retire. */
	IX_EDIT_REMOVE = 4,
	/* names[0] is called names[1] from now on; IX_EDIT_REPLACE. */
	IX_EDIT_RENAME = 5,
	/* meta.mtime_ns, uid, gid of live seq. */
	IX_EDIT_ATTR = 6,
	/* A merge: seq, meta, name; sources. */
	IX_EDIT_PUBLISH = 7,
	/* Settings: text = merge settings, text2 = user (canonical JSON);
	 * config_generation counts up. */
	IX_EDIT_CONFIG = 8,
	/* Numbers below seq may have been given away. */
	IX_EDIT_SEQ = 9,
	/* Live seq is damaged: text says how. */
	IX_EDIT_QUARANTINE = 10,
};

enum ix_edit_flags {
	IX_EDIT_REPLACE = 1 << 0, /* the name is taken from its present owner */
};

/* What is recorded of a segment besides names and leaves. */
struct ix_seg_meta {
	struct ix_id id;
	uint64_t registration;
	uint64_t bytes;
	int64_t mtime_ns;
	uint32_t doc_count;
	uint32_t generation;
	uint32_t uid;
	uint32_t gid;
};

struct ix_edit {
	enum ix_edit_type type;
	unsigned flags; /* enum ix_edit_flags */
	uint64_t seq;
	struct ix_seg_meta meta;
	char **names; /* owned, each too; [0] is "the name" */
	size_t name_count;
	struct ix_id *leaves; /* owned */
	size_t leaf_count;
	uint64_t *sources; /* owned; seqs */
	size_t source_count;
	char *text; /* owned */
	char *text2;

	/* Made by ix_state_prepare, taken by ix_state_apply. */
	struct ix_seg *new_seg;       /* owned */
	struct ix_name *new_name;     /* owned */
	struct ix_leaves *new_leaves; /* owned */
	struct ix_policy policy;      /* CONFIG: parsed */
	int prepared;

	/* Filled by ix_state_apply: seqs that came and went. */
	uint64_t born[1];
	size_t born_count;
	uint64_t *died; /* owned; room from ix_state_prepare */
	size_t died_count;
	uint64_t generation; /* of the state after it; 0 = none (SEQ) */
};

/* A zeroed edit may be released. Idempotent. */
void ix_edit_release(struct ix_edit *e);

/* Copy a name, source or leaf list into the edit: 0 or -ENOMEM. */
int ix_edit_add_name(struct ix_edit *e, const char *name);
int ix_edit_set_sources(struct ix_edit *e, const uint64_t *seqs, size_t n);
int ix_edit_set_leaves(struct ix_edit *e, const struct ix_id *ids, size_t n);

void ix_edit_encode(const struct ix_edit *e, struct ix_buf *out);

/* Decode the edit at *pp and move on. 0; -IX_EFORMAT for an unknown type,
 * -IX_ECORRUPT for anything else that is not an edit; -ENOMEM. The edit is to
 * be released in any case. */
int ix_edit_decode(const uint8_t **pp, const uint8_t *end, struct ix_edit *e);

/* May a segment be called that? Valid UTF-8 of 5..IX_NAME_MAX bytes without
 * '/' and control characters, not starting with a dot, ending in ".seg". */
int ix_segment_name_valid(const char *name);

#endif
