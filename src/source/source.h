/* SPDX-License-Identifier: MIT */
/* source: the contract that every source keeps. */
#ifndef SOURCE_SOURCE_H
#define SOURCE_SOURCE_H

#include "sse/event.h"

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct clock;
struct conf_option;
struct err;
struct log;

#define SOURCE_CONTRACT 1

/* What a source is given to live in. The struct and all it points to outlive the source. */
struct source_host {
    uv_loop_t *loop;
    const struct log *log;
    const struct clock *clock;
    const struct sse_out *live; /* new events, once started; in order, each once */
    /* For a source that cannot answer pull() at once: those that got ERR_AGAIN may try again now, rather
     * than in a second. NULL: nobody wants to know. */
    void (*ready)(void *ready_ctx);
    void *ready_ctx;
};

/* A query parameter that the source declared, decoded; the pointers are borrowed for open(). */
struct source_param {
    const char *name;
    const char *value;
};

/* What a member of a family has in common with the others. Zeros: the stream is in none. */
struct source_family {
    size_t chars;         /* of the stream's name: "rooms/" */
    uint64_t max_members; /* so many may be kept */
};

/* What is to be opened. `settings` is the struct that `options` filled; it outlives the source, as
 * the name and the folder do. */
struct source_setup {
    const char *stream;
    const void *settings;
    const struct source_param *params; /* ordered as in `param_names` */
    size_t param_count;
    const char *state_dir; /* a folder for what has to outlive the process; NULL: there is none */
    struct source_family family;
};

/* Answers of pull(). */
enum source_pull {
    SOURCE_MORE = 1, /* not at the head yet: pull again */
    SOURCE_HEAD = 2, /* the position is the head now */
    SOURCE_END = 3   /* the log is finished and the position is its end */
};

/* One event that somebody publishes. Pointers are borrowed for the call. */
struct source_item {
    const char *name; /* the `event:` field; NULL for none */
    const char *data; /* any bytes */
    size_t data_len;
    const char *key; /* the same key again, within the source's memory of keys, is the same event;
                        NULL for none */
};

/* What is to be published, all of it or nothing, and who is told. The struct and `position` of the
 * answer are borrowed for the calls. */
struct source_publish {
    const struct source_item *items;
    size_t count; /* 1 or more */
    /* Called once, later from the loop or from inside publish(), when the source is closed at the latest.
     * `rc` 0: the events are kept as the stream's settings promise, and `position` is that of the last
     * one. ERR_LIMIT: an item is larger than the stream takes; ERR_RANGE: there is no room, as on a
     * full disk; ERR_AGAIN: not now, the store is away; ERR_CLOSED: the source was closed, or its
     * store lost, before it was known to be kept; ERR_IO, ERR_NOMEM. On all of these but ERR_CLOSED and
     * ERR_IO nothing was published. */
    void (*done)(void *ctx, int rc, const char *position);
    void *ctx;
};

/* How a source is doing. Zeros: it can be read, and all there is was read. */
struct source_health {
    int is_unreadable;
    uint64_t lag_bytes; /* what there is behind the head and was not read yet */
};

/* One request that a source is to answer. Pointers are borrowed for the call. */
struct source_request {
    const char *body;
    size_t len;
    const char *type;    /* its Content-Type; NULL: it had none */
    const char *user;    /* as the web server has checked; NULL: none */
    const char *address; /* the client's; NULL: not known */
    const char *id;      /* the run's: nobody can guess it; [A-Za-z0-9_-] */
};

/* What an answer costs. */
enum source_count {
    SOURCE_PROMPT_TOKENS,
    SOURCE_COMPLETION_TOKENS
};

/* Where the answer to a request goes. The struct is copied by run(); nothing of it is called from inside
 * run(), nor after end(), nor once drop() was called. */
struct source_answer {
    /* One event; the key is ignored, and the name must not begin with "stream.". 0: it is kept. Otherwise the
     * run ought to end: ERR_LIMIT: it is too large; ERR_RANGE: there is no room, as on a full disk;
     * ERR_INVALID, ERR_IO, ERR_NOMEM. */
    int (*event)(void *ctx, const struct source_item *item);
    /* So much more has been used, for the metrics. To be called as it becomes known: what is counted is counted
     * even when the process is killed. */
    void (*count)(void *ctx, enum source_count what, uint64_t n);
    /* Nothing more comes. `has_failed`: it is not what was asked for. `data` is the JSON text of stream.end;
     * NULL: "{}". Exactly once, and last, whatever has happened. */
    void (*end)(void *ctx, const char *data, int has_failed);
    void *ctx;
};

/* Every answer that is being made begins with this. */
struct source_run {
    const struct source_type *type; /* run() sets it */
};

/* Every source begins with this. */
struct source {
    const struct source_type *type; /* open() sets it */
};

#define SOURCE_LINGER_ALWAYS (-1)

/* A kind of source.
 *
 * The *head* is the address of the last event that was handed to `live` (or, before the first,
 * the place where following began). pull() never goes beyond it: so a reader that pulls until
 * SOURCE_HEAD and then joins the live events misses nothing and gets nothing twice. */
struct source_type {
    int contract;                      /* SOURCE_CONTRACT */
    const char *name;                  /* as in "source": "tail" */
    const char *summary;               /* one line for --list-sources */
    const struct conf_option *options; /* the stream's settings */
    size_t settings_size;
    const char *const *param_names;    /* query parameters it takes, NULL-terminated; or NULL */

    /* 1 when it cannot do without source_setup.state_dir. NULL: it can. */
    int (*needs_state)(const void *settings);

    /* Checks what a table can't: one option against another, the inside of a JSON option. Errors
     * begin with the key: "symbols.ACME.start: must be ...". May be NULL. */
    int (*check)(const void *settings, struct err *err);

    /* How long it stays open after its last reader has left; SOURCE_LINGER_ALWAYS: it is opened when the
     * process begins to serve, and stays. NULL: for a while that the app chooses. */
    int64_t (*linger_ms)(const void *settings);

    /* Opens it and finds the head, and from then on events flow to host->live, never from
     * inside open(). A file that does not exist yet is not a failure. ERR_INVALID: a parameter is
     * wrong, and `err` says which and what it must be. ERR_NOMEM, ERR_IO. */
    int (*open)(struct source **out, const struct source_setup *setup,
                const struct source_host *host, struct err *err);

    /* Stops the flow at once and frees everything when the loop has closed its handles; then
     * calls `closed` (may be NULL), from the loop or from inside. */
    void (*close)(struct source *s, void (*closed)(void *ctx), void *ctx);

    /* Writes the head's position. */
    void (*head)(struct source *s, char out[SSE_POSITION_SIZE]);

    /* 1 when the position (already of the right alphabet) is one of this kind of source's, whether
     * or not it can still be honoured; 0 when it could never have come from here. */
    int (*understands)(struct source *s, const char *position);

    /* The position that `count` events of history follow up to the head, or the oldest that can
     * be had when there are fewer. Errors: ERR_IO. */
    int (*back)(struct source *s, uint64_t count, char out[SSE_POSITION_SIZE]);

    /* A page of history: the `count` events before the one at `position` (that one not among them) are
     * those after `start`, up to and with `end`. Fewer where there are fewer; start equals end
     * where there is none. ERR_GONE: the position is not in the history any more; ERR_UNKNOWN: this stream has
     * no order to go back by; ERR_IO. NULL for a source without it. */
    int (*before)(struct source *s, const char *position, uint64_t count,
                  char start[SSE_POSITION_SIZE], char end[SSE_POSITION_SIZE]);

    /* The position that the first event at or after a time follows; the head when there is none.
     * ERR_INVALID: this stream has no times, and `err` says what it needs; ERR_IO. NULL for a
     * source without times. */
    int (*since)(struct source *s, int64_t wall_ms, char out[SSE_POSITION_SIZE],
                 struct err *err);

    /* About how many bytes of the log lie between `position` and the head; negative when that is
     * not known. NULL for a source that replays without searching. */
    int64_t (*left)(struct source *s, const char *position);

    /* Adds events to the log; they come to `live`, and to every other process of the stream, like any
     * others. NULL for a source that nobody can publish into. */
    void (*publish)(struct source *s, const struct source_publish *p);

    /* Fills in what is not zero. To be called every second or so. NULL for a source that is always
     * well and up to date. */
    void (*health)(struct source *s, struct source_health *out);

    /* Told how many readers this source has, when that has changed, at most once a second, and 0 at
     * the end. Only for a stream that shows its readers. What several sources of a stream are told, in
     * one process or in many, adds up. NULL for a source without a store to share the number through. */
    void (*readers)(struct source *s, uint64_t here);

    /* How many readers the stream has in all that share the store. Answers at once, from what it
     * knows. ERR_AGAIN: nothing just now. NULL as above: both or none. */
    int (*presence)(struct source *s, uint64_t *everywhere);

    /* Hands the events after `position` to `page`, in order, up to the head, moving `position` along,
     * until the page says stop or about `budget_bytes` of the log have been read (bounded work per
     * loop turn). A position that cannot be honoured any more gives a gap and goes on from the
     * oldest that can. At the end of a finished log it calls page->end, once, unless
     * `position` was the end already. Answers one of enum source_pull, or
     * ERR_AGAIN: the position lies ahead of the head (another process was a moment earlier, or its
     *   clock is ahead), or what follows it has to be fetched first; it is left alone, and the reader is
     *   tried again in a second, or when host->ready says so;
     * ERR_IO: the reader gets a gap with reason "unreadable" and is tried again every second;
     * ERR_NOMEM. */
    int (*pull)(struct source *s, char position[SSE_POSITION_SIZE], const struct sse_out *page,
                size_t budget_bytes);

    /* What follows is of a source that answers requests; all NULL for one that does not. Its streams cannot be
     * opened; each answer is a stream that the app keeps.
     *
     * 1 when a stream with these settings answers requests; one that does not is opened as any other.
     * NULL: all do. */
    int (*answers)(const void *settings);

    /* 1 when the one who asks knows nothing of streams that can be resumed: what he gets to read at once is the
     * events' names and data, nothing else; the run's address has all the rest. NULL: never. */
    int (*is_plain)(const void *settings);

    /* Begins to answer a request; `setup` has no parameters, and no folder. What `setup` points to and `host`
     * outlive the run; `live` of the host is NULL. ERR_INVALID: the body is refused, ERR_LIMIT: it is too
     * large, as `err` says; ERR_AGAIN: not now; ERR_IO, ERR_NOMEM. */
    int (*run)(struct source_run **out, const struct source_setup *setup,
               const struct source_host *host, const struct source_request *request,
               const struct source_answer *answer, struct err *err);

    /* Nobody wants the rest of it: end() comes soon, within a second if it is urgent. May be called more than
     * once, and after end(). */
    void (*cancel)(struct source_run *r, int is_urgent);

    /* Stops it at once and frees everything when the loop has closed its handles; then calls `dropped` (may be
     * NULL), from the loop or from inside. */
    void (*drop)(struct source_run *r, void (*dropped)(void *ctx), void *ctx);
};

/* The value of a parameter, or NULL when the request had none. */
const char *source_param_value(const struct source_setup *setup, const char *name);

#endif
