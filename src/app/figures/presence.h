/* SPDX-License-Identifier: MIT */
/* presence: readers are told how many they are: over all processes of the machine, or over all that
 * share the source's store. */
#ifndef APP_FIGURES_PRESENCE_H
#define APP_FIGURES_PRESENCE_H

#include <stddef.h>

struct app_channels;
struct app_config;
struct app_page;
struct app_presence;
struct app_stream;
struct buf;
struct clock;
struct err;
struct log;

/* All is borrowed. `config` and `channels` change or go: the owner's pointers are looked at. */
struct app_presence_setup {
    const char *path;   /* of the configuration; NULL for the built-in one */
    const char *folder; /* of the tally; NULL for the usual one */
    struct app_config *const *config;
    struct app_channels *const *channels;
    const struct clock *clock;
    const struct log *log;
};

/* ERR_NOMEM. */
int app_presence_new(struct app_presence **out, const struct app_presence_setup *setup);
void app_presence_free(struct app_presence *p);

/* Counts, and tells whom it concerns. Call it about every second, or more often. */
void app_presence_tick(struct app_presence *p);

/* The name of the stream whose page NAME/-/presence this is, into `stream`; 0 when it is none. */
int app_presence_is_named(const char *name, char *stream, size_t size);

/* The page of a stream with presence. ERR_NOMEM, ERR_LIMIT. */
int app_presence_page(struct app_presence *p, struct app_stream *stream, struct app_page *out,
                      struct buf *body);

#endif
