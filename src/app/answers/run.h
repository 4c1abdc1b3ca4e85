/* SPDX-License-Identifier: MIT */
/* run: one answer that is made in this process: what it was asked, where it is kept, how it ends.
 */
#ifndef APP_ANSWERS_RUN_H
#define APP_ANSWERS_RUN_H

#include "app/answers/run_batch.h"
#include "app/stream.h"
#include "source/run/folder.h"
#include "source/source.h"

#include <stddef.h>
#include <stdint.h>

struct app_run_maker;
struct app_run_streams;
struct app_runs;
struct journal;
struct usage_counts;

#define APP_RUN_STOP_MS 5000  /* what was cancelled and does not end is left alone then */
#define APP_RUN_LINGER_MS 500 /* before a deleted one's folder goes: others read its end */

enum app_run_state {
    APP_RUN_QUEUED,
    APP_RUN_MADE,
    APP_RUN_ENDED,    /* in the journal; the source still has it */
    APP_RUN_DROPPING, /* until the source has let go */
    APP_RUN_LEAVING   /* its folder is deleted soon */
};

struct app_run {
    struct app_runs *all;
    struct app_run *prev, *next; /* in the order they came in */
    struct app_run *next_due;    /* in app_runs.due */
    int is_due;
    struct app_stream *stream; /* the answer's */
    struct app_run_maker *maker;
    char id[RUN_ID_CHARS + 1];
    char *folder;
    int lock_fd;    /* -1: let go */
    int readers_fd; /* -1: nobody asks */
    struct journal *journal;
    struct app_run_batch batch; /* what is still to be written */
    struct source_host host;
    struct source_setup setup;
    struct source_run *made;
    struct source_request request; /* of a queued one: copies */
    char *copies;
    struct usage_counts *usage; /* of who asks, in the metrics; NULL until it has begun */
    uint64_t who;
    size_t slot;
    enum app_run_state state;
    int has_slot;
    int is_cancelled;
    int is_deleted;
    int is_unwritten;    /* something could not be kept */
    int has_failed;      /* as the source says */
    int64_t alone_ms;    /* since when nobody reads it; 0: somebody does */
    int64_t deadline_ms; /* of what was cancelled, or is leaving */
    size_t place;        /* in the queue, as was told; 0: not yet */
    int64_t placed_ms;
};

/* One that nobody knows of yet, with an id; `all` and `host` are the caller's to set. The request
 * is borrowed: see app_run_copy_request(). NULL when out of memory, or of random bits. */
struct app_run *app_run_new(struct app_run_streams *streams, struct app_stream *named,
                            const struct source_request *request);

/* Takes an event, to be written by app_run_flush() or before. ERR_LIMIT: it is too large; otherwise
 * as flush, and then what was taken before may be lost. */
int app_run_add(struct app_run *r, const struct source_item *item);

/* Writes what was taken and tells the readers here. ERR_RANGE: there is no room; ERR_IO, ERR_NOMEM.
 */
int app_run_flush(struct app_run *r);

/* The events that tell of the run itself, at once. Errors as above. */
int app_run_write_started(struct app_run *r, const char *prefix);
int app_run_write_place(struct app_run *r, size_t place);

/* Writes the end; `data` is JSON, NULL: "{}". What cannot be written the readers find out: the lock
 * goes. */
void app_run_write_end(struct app_run *r, const char *data);

/* The same for one that was not begun: {"status": ..., "error": ...}. */
void app_run_write_refusal(struct app_run *r, int status, const char *error);

/* 1 when nobody reads it, in no process, for as long as may be. */
int app_run_is_left(struct app_run *r, int64_t now_ms);

/* Makes the folder, the journal and what is kept of the request. ERR_RANGE, ERR_LIMIT, ERR_IO,
 * ERR_NOMEM. */
int app_run_prepare(struct app_run *r);

/* Keeps the request for later. ERR_NOMEM. */
int app_run_copy_request(struct app_run *r, const struct source_request *request);

/* Lets go of files and memory; the source has nothing of it any more. */
void app_run_free(struct app_run *r);

#endif
