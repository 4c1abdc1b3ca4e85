/* SPDX-License-Identifier: MIT */
/* migrate: a topic's journal is copied into Redis. */
#ifndef CTL_MIGRATE_H
#define CTL_MIGRATE_H

#include "sse/event.h"

#include <stddef.h>
#include <stdint.h>

struct err;

#define CTL_MIGRATE_EVENTS 256          /* copied in one step */
#define CTL_MIGRATE_BYTES (1024 * 1024) /* of them, the last one aside */

/* The command line. Texts point into argv. */
struct ctl_migrate {
    int is_help;
    const char *stream;
    const char *to;            /* the server's URL */
    const char *config;        /* NULL: as SSECGI_CONFIG says */
    const char *password_file; /* NULL: none */
    const char *key_prefix;
    int is_append; /* behind what is there already */
};

/* argv[0] is "migrate". ERR_INVALID with `err` for a usage error. */
int ctl_migrate_flags_read(struct ctl_migrate *out, int argc, char **argv, struct err *err);

extern const char ctl_migrate_help[];

/* Answers the exit status. */
int ctl_migrate_run(const struct ctl_migrate *m);

/* --- within the command -------------------------------------------------------------------- */

/* An event of the journal. Pointers are borrowed. */
struct ctl_migrate_event {
    const char *name; /* not terminated */
    size_t name_len;
    const char *data;
    size_t data_len;
    int64_t wall_ms;
};

/* What is there in Redis. */
struct ctl_migrate_state {
    int has_events;               /* the stream is there */
    char from[SSE_POSITION_SIZE]; /* where in the journal the last copied event stood; "": none was
                                   */
    int has_others;               /* and since then somebody else published */
};

struct ctl_target;

/* Connects, and looks what is there. ERR_IO, ERR_INVALID, ERR_NOMEM, with `err`. */
int ctl_target_open(struct ctl_target **out, const struct ctl_migrate *m,
                    struct ctl_migrate_state *state, struct err *err);

/* Adds the events, which follow each other in the journal, and that they come from up to `from`:
 * all of it or nothing. Errors as above. */
int ctl_target_put(struct ctl_target *t, const struct ctl_migrate_event *events, size_t count,
                   const char *from, struct err *err);

void ctl_target_free(struct ctl_target *t);

#endif
