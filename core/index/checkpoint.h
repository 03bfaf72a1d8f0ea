/* SPDX-License-Identifier: MIT */
/*
 * checkpoint: the whole state as metadata.json.
 *
 * Canonical JSON (keys sorted by bytes, no blanks; ids and 64-bit numbers are
 * strings). Its first member is "checksum": XXH3-128 in hex of the same text
 * without that member, so that any changed byte is noticed and any tool can
 * recompute it.
 *
 *   checksum           "<32 hex>"
 *   config_generation  "<n>"
 *   delivered          {name: {"bytes", "id", "leaves": [..], "mtime_ns"}}
 *   epoch              "<n>": of the journal that continues it
 *   generation         "<n>"
 *   merge, user        settings.h
 *   next_registration, next_seq
 *   pending            {} (reasons are found again at open)
 *   schema             the index's schema
 *   segment_metas      {id: {"bytes", "generation", "gid", "leaves": [..]
 *                      (absent: the id itself), "merged", "mtime_ns",
 *                      "names": [..], "num_docs", "quarantine" (absent: none),
 *                      "registration", "seq", "uid"}}
 *   snapshots          []
 *   total_vectors      "0"
 *   vector_fields      {}
 *   version            1
 */
#ifndef IX_INDEX_CHECKPOINT_H
#define IX_INDEX_CHECKPOINT_H

#include "core/base/buf.h"
#include "core/index/state.h"
#include "core/io/vfs.h"

#define IX_METADATA_FILE "metadata.json"
#define IX_METADATA_TMP  "metadata.json.tmp"
#define IX_METADATA_PREV "metadata.json.prev"
#define IX_METADATA_MAX  ((uint64_t)1 << 30) /* bytes */

/* Append the text for journal epoch `epoch`; the buffer's error is sticky.
 * *hashp = its checksum. */
void ix_checkpoint_render(const struct ix_state *s, uint64_t epoch,
			  struct ix_buf *out, struct ix_u128 *hashp);

/* Fill an initialised empty state. -IX_ECORRUPT, -IX_EFORMAT (version),
 * -ENOMEM; the state is to be released in any case. */
int ix_checkpoint_parse(const char *text, size_t n, struct ix_state *s,
			uint64_t *epochp, struct ix_u128 *hashp);

/* Whether metadata.json is there and begins as one of ours: other programs have
 * files of this name. -ENOENT, -IX_ECORRUPT, I/O errors. */
int ix_checkpoint_probe(struct ix_vfs *v);

/* Read metadata.json, and nothing else, ever (S-10). -ENOENT when there is
 * none. *bytesp = its size. */
int ix_checkpoint_read(struct ix_vfs *v, struct ix_state *s, uint64_t *epochp,
		       struct ix_u128 *hashp, uint64_t *bytesp);

/* Write and sync metadata.json.tmp. On failure it is removed again.
 * -IX_ELIMIT for more than IX_METADATA_MAX bytes. */
int ix_checkpoint_write_tmp(struct ix_vfs *v, const struct ix_buf *text);

/* Keep the present file as metadata.json.prev, rename the tmp over it, sync
 * the directory. *renamedp tells whether the rename was done: an error after
 * it leaves open which of the two survives a crash. */
int ix_checkpoint_publish(struct ix_vfs *v, int *renamedp);

#endif
