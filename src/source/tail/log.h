/* SPDX-License-Identifier: MIT */
/* tail_log: a log as one stretch of lines through all its files: following its end, and reading
 * any part again. No loop, no clock: told when to look. */
#ifndef SOURCE_TAIL_LOG_H
#define SOURCE_TAIL_LOG_H

#include "source/tail/cursor.h"
#include "source/tail/files.h"

struct log;
struct sse_out;

#define TAIL_LEFT_MAX 4   /* files that were left and are watched on */
#define TAIL_LEFT_TICKS 60
#define TAIL_OPEN_MAX 16  /* files kept open between the calls of those who read a log again */
#define TAIL_LANES_MAX 4  /* readers that can be within costly work at a time */
#define TAIL_LANE_TICKS 3

/* A file that following has left: its writer may not have. */
struct tail_left {
    struct tail_file *file;
    uint64_t size; /* that much of it was read */
    unsigned ticks;
};

/* A file that following has been through. */
struct tail_passed {
    struct tail_label label;
    uint64_t size; /* all of it was read */
};

#define TAIL_PASSED_MAX 32

/* Work that a reader's next pull goes on with: within a compressed file, where going back to a
 * place is costly, or within a very long line. */
struct tail_lane {
    char key[SSE_POSITION_SIZE]; /* that reader's position; empty when the lane is free */
    struct tail_cursor cursor;   /* without a file while the position is still searched */
    struct tail_files search;    /* compressed files that were searched up to somewhere */
    unsigned ticks;
};

/* The head is one with the live cursor: pull never reads beyond it. */
struct tail_log {
    struct tail_names names;
    size_t max_line_bytes;
    const struct log *log;
    struct tail_cursor live;      /* without a file until there is one */
    char head[SSE_POSITION_SIZE]; /* of what was last handed to live */
    const struct sse_out *out;    /* where that goes */
    struct tail_skip skip;        /* which lines need not go there; may be set after init */
    int has_hints;                /* may be set after init: tail_log_moved() will be called */
    int is_settled; /* the path leads to the live file, and nothing was said to have moved since */
    int is_known;   /* `known` is the list of files, and nothing was said to have moved since */
    struct tail_files known;
    int is_unreadable;            /* that was told */
    int is_looking;
    struct tail_left left[TAIL_LEFT_MAX]; /* the latest first */
    struct tail_passed passed[TAIL_PASSED_MAX];
    size_t passed_next; /* the oldest of them, to be overwritten */
    struct tail_lane lanes[TAIL_LANES_MAX];
};

/* Answers of tail_log_look. */
enum tail_log_answer {
    TAIL_LOG_IDLE = 1, /* nothing more until something changes */
    TAIL_LOG_BUSY      /* the budget is spent, or `out` has had enough for now */
};

/* Finds the head. What the log is made of is borrowed, `out` too. ERR_NOMEM. */
int tail_log_init(struct tail_log *l, const char *path, int follow,
                  const struct conf_list *rotated, size_t max_line_bytes, const struct log *log,
                  const struct sse_out *out);

/* Goes back to before everything, so that the whole log is new. */
void tail_log_rewind(struct tail_log *l);

/* Something may have been renamed, made or deleted where the log's files are. Without has_hints that is
 * assumed at every look, which costs a walk along the path and a reading of the folder. */
void tail_log_moved(struct tail_log *l);

/* Hands on what is new, going from file to file. Answers as above, or ERR_NOMEM. */
int tail_log_look(struct tail_log *l, size_t budget_bytes);

/* To be called every now and then: tells what was written to files that were left, and forgets what
 * nobody came back for. */
void tail_log_tick(struct tail_log *l);

/* Up to which offset of its file there is an unfinished line, or 0 when there is none. */
uint64_t tail_log_pending(const struct tail_log *l);

/* Hands the unfinished line on up to an offset, at most tail_log_pending; marked as such unless its
 * file was rotated away. ERR_NOMEM. */
int tail_log_flush(struct tail_log *l, uint64_t end);

/* As in struct source_type. May look first, and hand to live what that finds, when the position
 * is ahead of the head because another process saw the log grow sooner. */
int tail_log_pull(struct tail_log *l, char position[SSE_POSITION_SIZE], const struct sse_out *page,
                  size_t budget_bytes);
int tail_log_back(struct tail_log *l, uint64_t count, char out[SSE_POSITION_SIZE]);

/* The files as they are now, with the live one in its place. For tail_log's own parts. ERR_NOMEM,
 * ERR_IO, ERR_AGAIN. */
int tail_log_list(struct tail_log *l, struct tail_files *out);

/* Answers 1 with the files as they were when they were listed last, if nothing was said to have moved
 * since: what is in none of them may be in one that is there now. Otherwise as tail_log_list. */
int tail_log_recall(struct tail_log *l, struct tail_files *out);

/* Forgets the work in it. */
void tail_lane_clear(struct tail_lane *lane);

void tail_log_fini(struct tail_log *l);

#endif
