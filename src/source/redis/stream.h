/* SPDX-License-Identifier: MIT */
/* redis_stream: one stream of the source redis, as its files share it. */
#ifndef SOURCE_REDIS_STREAM_H
#define SOURCE_REDIS_STREAM_H

#include "source/redis/page.h"
#include "source/redis/pages.h"
#include "source/redis/server.h"
#include "source/redis/settings.h"
#include "source/source.h"

#define REDIS_RETRY_MS 1000      /* after an answer that was an error */
#define REDIS_CHECK_LEAST_MS 200 /* between looks that readers in doubt ask for */

struct redis_ask;

/* How many readers there are, here and everywhere. */
struct redis_presence {
    char me[REDIS_GENERATION_CHARS + 1];
    int is_wanted;    /* the stream shows its readers */
    int is_told;      /* `here` is */
    int is_asking;
    uint64_t here, said, everywhere;
    int64_t told_ms;   /* when `here` was last told */
    int64_t known_ms;  /* when `everywhere` was; 0: never */
    int64_t wanted_ms; /* when somebody last wanted to know */
};

struct redis_stream {
    struct source base;
    const struct source_host *host;
    const struct redis_settings *settings;
    const char *name;
    char *key;  /* the stream's */
    char *meta; /* what is known of it: a hash */
    char *readers; /* who has readers: another one */
    struct redis_server *server;
    struct redis_user user;
    struct redis_position head;
    char head_text[SSE_POSITION_SIZE];
    int64_t opened_ms;  /* for "from now", until the server has been reached */
    int64_t checked_ms; /* when the stream was last seen to be what it was */
    int is_asking;      /* what follows the head */
    int is_handing;     /* a page is being handed to the live side, and `at` steps of it were */
    int needs_more;     /* and it is not all */
    struct redis_page news;
    size_t at;
    uint64_t round; /* of questions; answers to those of an older one do not count */
    struct redis_pages pages;
    int has_waiters; /* a pull() was told to wait */
    int is_unreadable;
    int was_told;
    struct redis_mark newest; /* that was seen here, or promised to a publisher */
    struct redis_ask *asks, **asks_end; /* publishers who wait for an answer */
    size_t ask_count, ask_bytes;
    struct redis_presence presence;
    uv_timer_t turn;
    int is_closing;
    int held;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

/* redis.c: something that held the stream is done with it; a closed one goes with the last. */
void redis_stream_release(struct redis_stream *t);

/* live.c: what is new. The first makes the timer, whose closing is the owner's. */
void redis_live_start(struct redis_stream *t);
void redis_live_up(struct redis_stream *t);
void redis_live_down(struct redis_stream *t);
void redis_live_news(struct redis_stream *t, const struct redisReply *entries);
/* Asks what follows the head: whether it is still what it was, too. */
void redis_live_ask(struct redis_stream *t);
/* The same for one who doubts it, unless that was just done. */
void redis_live_check(struct redis_stream *t);
/* Goes on where the hub wanted no more for the moment. */
void redis_live_go_on(struct redis_stream *t);
/* The mark was seen, or promised. */
void redis_live_note(struct redis_stream *t, const struct redis_mark *mark);
void redis_live_set_head(struct redis_stream *t, const struct redis_position *at);
/* Readers that wait may try again. */
void redis_live_wake(struct redis_stream *t);

/* history.c */
int redis_history_pull(struct redis_stream *t, char position[SSE_POSITION_SIZE],
                       const struct sse_out *page, size_t budget_bytes);

/* Hands a step out, as the functions of struct sse_out answer. */
int redis_step_hand(const struct redis_page *p, const struct redis_step *step, const char *position,
                    const struct sse_out *out);

/* question.c: asks redis_script_read what follows a position. `done` gets a page that it has to fini, or
 * an error: ERR_CLOSED when the connection was lost, ERR_IO when it was refused, ERR_PROTOCOL,
 * ERR_NOMEM; never for a stream that was closed. On failure it is not called. ERR_AGAIN, ERR_NOMEM. */
typedef void redis_question_fn(struct redis_stream *t, uint64_t ticket, int rc,
                               struct redis_page *page);
int redis_question_ask(struct redis_stream *t, const struct redis_position *from, uint64_t ticket,
                       redis_question_fn *done);

/* presence.c: as in struct source_type; and the work of each second, and of the end. */
void redis_presence_readers(struct redis_stream *t, uint64_t here);
int redis_presence_total(struct redis_stream *t, uint64_t *everywhere);
void redis_presence_tick(struct redis_stream *t);
void redis_presence_close(struct redis_stream *t);

/* publish.c */
void redis_publish(struct redis_stream *t, const struct source_publish *p);
/* The server can be asked; or it cannot be reached; or the stream is closed. */
void redis_publish_up(struct redis_stream *t);
void redis_publish_down(struct redis_stream *t);
void redis_publish_close(struct redis_stream *t);

#endif
