/* SPDX-License-Identifier: MIT */
/* publish: each line of input becomes an event of a stream. */
#ifndef CTL_PUBLISH_H
#define CTL_PUBLISH_H

#include "ctl/fetch.h"
#include "ctl/url.h"
#include "source/source.h"

#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;

#define CTL_PUBLISH_RETRY_S 60 /* default of --retry-s */
#define CTL_PUBLISH_RETRY_MAX_S 86400
#define CTL_PUBLISH_LINES 1000 /* handed to a sink at once; the default of max_batch */

/* The command line. Texts point into argv. */
struct ctl_publish {
    int is_help;
    const char *stream; /* NULL: there is a URL */
    const char *config; /* NULL: as SSECGI_CONFIG says */
    char url[CTL_URL_SIZE];
    struct ctl_access access;
    const char *token_file;
    int64_t retry_ms;
    const char *event; /* NULL: none */
    int is_json;
    const char *file; /* NULL or "-": standard input */
};

/* argv[0] is "publish". ERR_INVALID with `err` for a usage error. */
int ctl_publish_flags_read(struct ctl_publish *out, int argc, char **argv, struct err *err);

extern const char ctl_publish_help[];

/* Answers the exit status. */
int ctl_publish_run(const struct ctl_publish *p);

/* --- within the command -------------------------------------------------------------------- */

/* A line that is an event. */
struct ctl_publish_item {
    uint64_t line; /* its number, from 1 */
    struct source_item item;
};

/* What became of the lines. */
struct ctl_tally {
    uint64_t arrived, missed;
    uint64_t first, last; /* lines that were missed for one reason and not told yet; 0: none */
    char why[256];
    int is_terminal; /* progress is shown on standard error */
    int is_shown;    /* and stands there */
    int64_t next_ms; /* when to show it again */
};

/* Neighbours with the same reason are told together. */
void ctl_tally_miss(struct ctl_tally *t, uint64_t line, const char *why);

/* Tells what was missed. */
void ctl_tally_flush(struct ctl_tally *t);

/* Shows how far it is; `waiting` (NULL: nothing) is what it waits for. */
void ctl_tally_show(struct ctl_tally *t, const char *waiting);

/* Where events go. */
struct ctl_sink {
    /* Publishes them in their order and counts them. Negative: nothing more will arrive, and this
     * was told. */
    int (*put)(struct ctl_sink *s, const struct ctl_publish_item *items, size_t count,
               struct ctl_tally *tally);
    void (*free)(struct ctl_sink *s);
};

/* ERR_INVALID, ERR_IO, ERR_NOMEM, with `err`. `p` outlives the sink. */
int ctl_publish_http(struct ctl_sink **out, const struct ctl_publish *p, struct err *err);
int ctl_publish_journal(struct ctl_sink **out, const struct ctl_publish *p, struct err *err);

#endif
