/* SPDX-License-Identifier: MIT */
/* scoreboard: a mapped file in which unrelated processes put their figures, one slot each. What a
 * process wrote stays counted when it is killed, and no state of a killed process stops the rest. */
#ifndef APP_FIGURES_SCOREBOARD_H
#define APP_FIGURES_SCOREBOARD_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct scoreboard;

#define SCOREBOARD_VERSION 4   /* of the file's layout; another version is another file */
#define SCOREBOARD_SLOTS 1024  /* processes at once; untouched slots take no memory */

/* Records are whole 64-bit words. `name` and `folder` are borrowed for the call. */
struct scoreboard_setup {
    const char *folder;
    uint64_t identity;   /* who has the same one shares a file */
    size_t record_bytes; /* the largest record */
    /* Adds the record of a process that has ended to the sum of those before it. `sum` has room for
     * record_bytes and begins as zeros; answers how many bytes of it are in use. */
    size_t (*fold)(void *sum, const void *record, size_t len);
};

/* Opens the file or makes it, and takes a slot. What is no scoreboard of ours is replaced.
 * ERR_AGAIN: another process is at it, try again in a moment; ERR_LIMIT: all slots are taken by
 * living processes; ERR_IO: it cannot be used, as `err` says; ERR_NOMEM. */
int scoreboard_open(struct scoreboard **out, const struct scoreboard_setup *setup,
                    struct err *err);

/* Puts this process's record in the place of its last one. ERR_GONE: the file was removed or cut;
 * close it and open it anew. */
int scoreboard_write(struct scoreboard *b, const void *record, size_t len);

/* Shows each record: those of living processes, and the sum of the others (is_live 0; also a process
 * that has ended and is not in the sum yet). Nothing is shown twice and nothing left out.
 * ERR_AGAIN: what was shown does not hold together: forget it and call again. ERR_GONE. */
int scoreboard_read(struct scoreboard *b,
                    void (*show)(void *ctx, const void *record, size_t len, int is_live),
                    void *ctx);

/* Leaves the slot to be added to the sum. */
void scoreboard_close(struct scoreboard *b);

#endif
