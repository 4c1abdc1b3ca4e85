/* SPDX-License-Identifier: MIT */
/* tail_many: several logs in one stream: each is a tail_one, all under one position
 * that tells what has been read of each. No loop: told when to look. */
#ifndef SOURCE_TAIL_MANY_H
#define SOURCE_TAIL_MANY_H

#include "source/line_time.h"
#include "source/tail/many_id.h"
#include "source/tail/one.h"

struct err;

#define TAIL_MANY_GONE_TICKS 60 /* a log without any file is given up after so many */

/* What a stream is made of; all is borrowed. */
struct tail_many_setup {
    const char *stream;
    const char *state_dir; /* may be NULL */
    const struct conf_list *paths;
    const struct conf_list *rotated;
    int follow;
    size_t max_line_bytes;
    enum line_time_format time_format;
    struct tail_style style; /* copied for each log, with its name */
    const struct log *log;
    const struct sse_out *live;
    int has_hints; /* as in tail_log.h */
};

/* One of the logs. */
struct tail_many_log {
    struct tail_one one;
    struct tail_many *many;
    char *path;
    char *name; /* in events */
    uint64_t tag;
    struct sse_out out; /* where its live events go */
    struct tail_mark *mark; /* in many->place; NULL while nothing of it was handed to live */
    int is_literal;
    int is_listed;      /* the last scan met it */
    int is_due;         /* to be looked at */
    unsigned missing;   /* ticks since any file of it was there */
    uint64_t pending;   /* the end of a half line, as it was at the last flush */
};

struct tail_many {
    struct tail_many_setup setup;
    struct tail_many_log *logs[TAIL_MANY_MAX];
    size_t count;
    size_t next; /* where the next look begins */
    size_t next_pull;
    struct tail_marks marks;
    struct tail_many_place place;   /* the head */
    struct tail_many_place reading; /* for calls that read the logs again */
    char head[SSE_POSITION_SIZE];
    unsigned ticks;
    /* What was told, and need not be told again: */
    int was_cut;       /* files are left out */
    int was_bad;       /* names are left out */
    int was_forgetful; /* there is no folder for bases */
};

/* Finds the files and the head. ERR_NOMEM. */
int tail_many_new(struct tail_many **out, const struct tail_many_setup *setup);
void tail_many_free(struct tail_many *m);

/* Something may have been made, renamed or deleted: looks which files there are. ERR_NOMEM. */
int tail_many_scan(struct tail_many *m);

/* Marks the logs that a change of `name` in `folder` concerns; all of that folder when is_moved, as
 * more may have changed then; `name` may be NULL. */
void tail_many_changed(struct tail_many *m, const char *folder, const char *name, int is_moved);

/* Hands on what is new, in turns that are fair. Answers as tail_log_look. */
int tail_many_look(struct tail_many *m, size_t budget_bytes);

/* To be called at every poll: everything is looked at again. */
void tail_many_tick(struct tail_many *m);

/* Hands unfinished lines on that have not grown since the last call. */
void tail_many_flush(struct tail_many *m);

/* As in struct source_type. A base that is not found any more is a gap. */
int tail_many_understands(const char *position);
int tail_many_back(struct tail_many *m, uint64_t count, char out[SSE_POSITION_SIZE]);
int tail_many_since(struct tail_many *m, int64_t wall_ms, char out[SSE_POSITION_SIZE],
                    struct err *err);
int64_t tail_many_left(struct tail_many *m, const char *position);
int tail_many_pull(struct tail_many *m, char position[SSE_POSITION_SIZE],
                   const struct sse_out *page, size_t budget_bytes);

/* For tail_many's own parts: a log that follows its end; nothing of it is in the place.
 * ERR_NOMEM. */
int tail_many_log_new(struct tail_many *m, const char *path, const char *name,
                      struct tail_many_log **out);
void tail_many_log_free(struct tail_many_log *l);

/* Prints a place, with a new base if need be. ERR_NOMEM. */
int tail_many_spell(struct tail_many *m, struct tail_many_place *p, char out[SSE_POSITION_SIZE]);

/* Reads a position into m->reading: its items are those of logs that are there, with their tags, in
 * *unknown how many others there were. ERR_INVALID, ERR_GONE (its base), ERR_NOMEM. */
int tail_many_read(struct tail_many *m, const char *position, size_t *unknown);

/* The item of a log in a place; NULL when there is none. */
struct tail_mark *tail_many_find(struct tail_many_place *p, uint64_t tag);

#endif
