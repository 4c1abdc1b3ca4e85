/* SPDX-License-Identifier: MIT */
/* redis_page: what follows a position, as events and gaps. Pure: it judges what Redis answered. */
#ifndef SOURCE_REDIS_PAGE_H
#define SOURCE_REDIS_PAGE_H

#include "base/buf.h"
#include "source/redis/position.h"

#define REDIS_PAGE_EVENTS 1024
#define REDIS_PAGE_BYTES (256 * 1024)       /* of a page, its first event aside */
#define REDIS_DATA_MAX (16 * 1024 * 1024)   /* of an event's name and data; larger ones are a gap */

/* What is known of a stream at the moment of an answer. */
struct redis_facts {
    int has_store; /* there was an event once: `last` is the newest, be it there or not */
    struct redis_mark last;
    struct redis_id last_id;
    int has_ended; /* the epoch of the position asked for did: with this number, at this id */
    uint64_t ended_n;
    struct redis_id ended_id;
    uint64_t begun_n; /* and the next one began behind this: what is between was lost by the server */
    uint64_t deleted_n; /* the stream was deleted when it was here */
    int has_first; /* the oldest entry, and the newest */
    struct redis_id first_id, newest_id;
    int is_here; /* there is an entry at the position asked for */
    int has_here_mark;
    struct redis_mark here;
    uint64_t sought_n; /* of a number or the last ones: those up to here are left out */
};

/* An entry of the stream. Pointers are borrowed. */
struct redis_entry {
    struct redis_id id;
    int has_mark;
    struct redis_mark mark;
    const char *name;
    size_t name_len;
    const char *data; /* NULL: it has none, or it is too large */
    size_t data_len;
    size_t size; /* of name and data in Redis */
};

struct redis_step {
    struct redis_position at;
    const char *reason; /* NULL: an event; else as of struct sse_gap */
    const char *detail;
    int64_t bytes, events;
    size_t name, data, data_len; /* an event's, as offsets in `bytes`; a name is terminated */
    int has_name;
};

struct redis_page {
    struct redis_position from; /* what was asked for */
    struct redis_position at;   /* where it leads to */
    struct redis_facts facts;
    int has_base;  /* the number before the next event is at.mark.n */
    int is_end;    /* there was no more */
    uint64_t foreign; /* entries that were passed and are no events, not told yet */
    struct redis_step *steps;
    size_t count, cap;
    struct buf bytes;
};

/* Zeroed storage is not ready: init it. */
void redis_page_init(struct redis_page *p);
void redis_page_fini(struct redis_page *p);

/* Begins a page behind `from`: says what is missing there. Answers 1 when the entries that were read
 * follow, 0 when the page ends here and the next one begins at `at`; ERR_NOMEM. */
int redis_page_begin(struct redis_page *p, const struct redis_position *from,
                     const struct redis_facts *facts);

/* Begins one behind the head, for entries that come live. */
void redis_page_follow(struct redis_page *p, const struct redis_position *head);

/* The next entry. ERR_NOMEM, ERR_LIMIT: the page is full. */
int redis_page_add(struct redis_page *p, const struct redis_entry *e);

/* 1 when the entry is just what comes next, so that nothing has to be asked. */
int redis_page_is_next(const struct redis_page *p, const struct redis_entry *e);

/* No more entries come in this page. Without `is_more` it is the end, and what is missing there is
 * said. ERR_NOMEM. */
int redis_page_finish(struct redis_page *p, int is_more);

#endif
