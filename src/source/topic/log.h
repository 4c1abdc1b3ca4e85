/* SPDX-License-Identifier: MIT */
/* topic_log: the reading side of a topic, without a loop: what is new, history, and seeking. */
#ifndef SOURCE_TOPIC_LOG_H
#define SOURCE_TOPIC_LOG_H

#include "source/journal/reader.h"

#include <sys/stat.h>

struct topic_log {
    const struct sse_out *live;
    struct journal_dir dir;
    struct journal_reader reader; /* follows the end */
    struct journal_reader page;   /* history */
    struct journal_position head;
    char head_text[SSE_POSITION_SIZE];
    int is_unreadable;
    struct stat listed;  /* the folder, before it was listed; st_ino 0: it was not there */
    int is_settled;      /* that listing had all that was made up to then */
    int is_resting;      /* the follower has no file open; `slept` is the one it stood in */
    struct stat slept;
};

/* Answers of topic_log_look(). */
enum topic_log_answer {
    TOPIC_LOG_IDLE = 1,
    TOPIC_LOG_BUSY = 2 /* the budget is used up, or the ring said stop: look again soon */
};

/* Finds the head; hands out nothing yet. What cannot be read now is looked for later. ERR_NOMEM. */
int topic_log_init(struct topic_log *l, const char *state_dir, const char *stream,
                   const struct sse_out *live);
void topic_log_fini(struct topic_log *l);

/* To be called when something was made or deleted in the folder. */
int topic_log_list(struct topic_log *l);

/* 1 when that may be. One system call. */
int topic_log_has_moved(const struct topic_log *l);

/* Lets go of files and memory, if the follower stands at the end; it goes on when there is more. To be
 * called when nothing was published for a while. */
void topic_log_rest(struct topic_log *l);

/* Hands what is new to `live`. Answers one of enum topic_log_answer, ERR_IO or ERR_NOMEM. */
int topic_log_look(struct topic_log *l, size_t budget_bytes);

/* As in struct source_type. */
int topic_log_pull(struct topic_log *l, char position[SSE_POSITION_SIZE],
                   const struct sse_out *page, size_t budget_bytes);
int topic_log_back(struct topic_log *l, uint64_t count, char out[SSE_POSITION_SIZE]);
int topic_log_before(struct topic_log *l, const char *position, uint64_t count,
                     char start[SSE_POSITION_SIZE], char end[SSE_POSITION_SIZE]);
int topic_log_since(struct topic_log *l, int64_t wall_ms, char out[SSE_POSITION_SIZE]);

/* What there is behind the head in its file. */
uint64_t topic_log_lag(const struct topic_log *l);

#endif
