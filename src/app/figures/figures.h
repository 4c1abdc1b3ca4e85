/* SPDX-License-Identifier: MIT */
/* figures: what a process tells of itself, how the figures of several become one, and their text. */
#ifndef APP_FIGURES_FIGURES_H
#define APP_FIGURES_FIGURES_H

#include "app/config.h"
#include "app/figures/usage.h"
#include "gate/gate.h"
#include "hub/hub.h"

#include <stddef.h>
#include <stdint.h>

struct buf;

#define FIGURES_STREAMS 64 /* named ones; the rest is one more, FIGURES_OTHER */
#define FIGURES_OTHER "-/other"
#define FIGURES_BUCKETS 10

/* Why a request got no stream, beside what the gate finds. */
enum app_reject {
    APP_REJECT_BAD_REQUEST,
    APP_REJECT_FORBIDDEN,
    APP_REJECT_NOT_FOUND,
    APP_REJECT_METHOD,
    APP_REJECT_GONE,
    APP_REJECT_TOO_LONG,
    APP_REJECT_RATE,  /* publishers: beyond max_events_s */
    APP_REJECT_STORE, /* the source could not keep what they sent */
    APP_REJECT_MAX_STREAMS, /* from here on: stream.busy */
    APP_REJECT_CHANNELS,
    APP_REJECT_UNAVAILABLE,
    APP_REJECT_MEMORY,
    APP_REJECT_COUNT
};

#define FIGURES_REJECTS (APP_REJECT_COUNT + GATE_REJECT_COUNT)

/* Of one stream, whatever its parameters. */
struct figures_stream {
    char name[APP_NAME_MAX + 8];
    uint64_t readers, catching_up, lag_bytes;
    uint64_t started, events, history_events, bytes, gaps;
    uint64_t published, refused;
};

/* Words only: this is what stands in the scoreboard. Change SCOREBOARD_VERSION with it. */
struct figures {
    uint64_t processes, draining, stale;
    uint64_t start_s, loaded_s; /* seconds since 1970; 0: not known */
    uint64_t connections, requests;
    uint64_t reloads[2]; /* good ones, refused ones */
    uint64_t rejected[FIGURES_REJECTS];
    uint64_t ended[HUB_END_COUNT];
    uint64_t gaps[HUB_GAP_REASONS];
    uint64_t delays[FIGURES_BUCKETS]; /* turns of the loop by how long they took, each in one */
    uint64_t delay_ns;                /* of all turns */
    uint64_t stream_count;
    struct figures_stream streams[FIGURES_STREAMS + 1];
    struct usage_table usage; /* its streams are indices of the above */
};

/* Bytes of a record that are in use. */
size_t figures_len(const struct figures *f);

/* Which of `delays` a turn of the loop belongs to. */
size_t figures_bucket(uint64_t ns);

/* The entry of a stream, whose name fits. It is made if there is room and `may_grow`; otherwise it is that of all
 * others. */
struct figures_stream *figures_find(struct figures *f, const char *name, int may_grow);

/* Adds a record, as it stands in a scoreboard: it may be anything. Of a process that has ended only
 * what counts up is added. Streams that are not in `sum` are added as figures_find says. */
void figures_add(struct figures *sum, const void *record, size_t len, int is_live, int may_grow);

/* The entry of a user of a stream, which is one of f->streams. */
struct usage *figures_usage(struct figures *f, const struct figures_stream *s, const char *user);

/* The scoreboard's fold. */
size_t figures_fold(void *sum, const void *record, size_t len);

/* Appends the Prometheus text format, version 0.0.4. `is_whole` is 0 when these are the figures of one
 * process only. ERR_NOMEM, ERR_LIMIT. */
int figures_text(const struct figures *f, int is_whole, struct buf *out);

#endif
