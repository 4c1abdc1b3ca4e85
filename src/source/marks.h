/* SPDX-License-Identifier: MIT */
/* marks: texts kept under short names, so that positions can refer to what does not fit into them.
 *
 * They stand in STATE_DIR/KIND-STREAM.marks, or STATE_DIR/KIND.marks, one a line, for every process:
 *
 *   NAME TEXT
 *
 * NAME is a hash of the text, so equal texts have equal names, whoever wrote them, and damage is
 * noticed. At SOURCE_MARKS_BYTES the file is renamed to ".1" and the older one goes. Without a folder,
 * or when it cannot be written to, they are kept in memory, for this process alone. */
#ifndef SOURCE_MARKS_H
#define SOURCE_MARKS_H

#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

#define SOURCE_MARKS_BYTES (8 * 1024 * 1024)
#define SOURCE_MARKS_MEMORY_BYTES (2 * 1024 * 1024) /* twice, at most */
#define SOURCE_MARKS_TEXT_BYTES 65536               /* of one text, which holds no line end */
#define SOURCE_MARKS_INDEX_BYTES (4 * 1024 * 1024)  /* for one file; texts beyond it are not found */
#define SOURCE_MARKS_NAME_CHARS 10
#define SOURCE_MARKS_NAME_BITS 60

struct log;

/* Where texts stand, so that one that is not there costs no reading. */
struct source_marks_index {
    uint64_t file; /* which one; 0: none */
    uint64_t done; /* bytes of it that were looked at */
    char first[SOURCE_MARKS_NAME_CHARS + 2]; /* of its bytes */
    struct buf items;
};

struct source_marks {
    const struct log *log;
    const char *kind;
    char *path; /* NULL: in memory only */
    char *old_path;
    int was_told; /* that the file cannot be used */
    struct source_marks_index files[2]; /* of the file in use, and the older one */
    struct buf recent, recent_items;    /* in memory */
    struct buf older, older_items;
};

/* `kind` is a word and stays the caller's; `stream` and `state_dir` may be NULL. Touches no file yet.
 * ERR_NOMEM. */
int source_marks_init(struct source_marks *m, const char *kind, const char *stream,
                      const char *state_dir, const struct log *log);
void source_marks_fini(struct source_marks *m);

/* What a text is called. */
uint64_t source_marks_name(const char *text, size_t len);

/* Keeps a text of at most SOURCE_MARKS_TEXT_BYTES, in the file and in memory. Where one of them fails
 * the other has it; the log is told of the file. */
void source_marks_keep(struct source_marks *m, const char *text, size_t len);

/* Appends the text of that name to `out`, which holds SOURCE_MARKS_TEXT_BYTES. ERR_GONE: it is not
 * there, or not any more. ERR_NOMEM. */
int source_marks_get(struct source_marks *m, uint64_t name, struct buf *out);

/* 1 when the text is in the file that is written to now, or there is no file. */
int source_marks_is_recent(struct source_marks *m, uint64_t name);

/* Tells the file that is written to now from others; 0: there is none. */
uint64_t source_marks_file(const struct source_marks *m);

#endif
