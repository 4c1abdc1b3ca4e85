/* SPDX-License-Identifier: MIT */
/* redis_position: addresses in a stream that Redis keeps, and the numbers its entries bear. Pure.
 *
 * Each entry's field "at" is its mark, "GENERATION.EPOCH.NUMBER". The generation is random, and another
 * one when the store was emptied. Numbers go up by one with each event. The epoch is another one whenever
 * another server (or the same, started anew) took the first event: then some that came last may be lost,
 * and their numbers used again. */
#ifndef SOURCE_REDIS_POSITION_H
#define SOURCE_REDIS_POSITION_H

#include "sse/event.h"

#include <stdint.h>

#define REDIS_GENERATION_CHARS 8
#define REDIS_NUMBER_MAX 9007199254740991ULL /* scripts count in doubles */
#define REDIS_ID_CHARS 48                    /* "MS-SEQ", and a NUL */
#define REDIS_MARK_CHARS 48

struct redis_id {
    uint64_t ms, seq;
};

struct redis_mark {
    char generation[REDIS_GENERATION_CHARS + 1];
    uint32_t epoch;
    uint64_t n;
};

/* On the wire, in this order: "start", "t.MS", "l.COUNT.MS", "GENERATION.N.b", "GENERATION.EPOCH.N.ID", and
 * the same with ".p"; and a journal's, "GENERATION.EPOCH.N.OFFSET", with its check or without. */
enum redis_kind {
    REDIS_START,  /* before everything, given while there is no event yet */
    REDIS_TIME,   /* before the first event of this time or later */
    REDIS_LAST,   /* before the last COUNT events of those that came before the time */
    REDIS_NUMBER, /* behind the event of this number, or before the oldest that can be had */
    REDIS_EVENT,  /* the entry with this id and mark */
    REDIS_PLACE,  /* behind the id; everything up to the number is accounted for */
    REDIS_JOURNAL /* an event of a topic's journal, which was copied with its mark */
};

struct redis_position {
    enum redis_kind kind;
    struct redis_mark mark; /* NUMBER, EVENT, PLACE, JOURNAL */
    struct redis_id id;     /* EVENT, PLACE */
    uint64_t count;         /* LAST */
    uint64_t ms;            /* TIME, LAST */
};

void redis_position_print(const struct redis_position *p, char out[SSE_POSITION_SIZE]);

/* ERR_INVALID when the text was never printed by the other. */
int redis_position_parse(const char *text, struct redis_position *out);

/* The same for an entry's id and its mark. */
void redis_id_print(struct redis_id id, char out[REDIS_ID_CHARS]);
int redis_id_parse(const char *text, size_t len, struct redis_id *out);
void redis_mark_print(const struct redis_mark *m, char out[REDIS_MARK_CHARS]);
int redis_mark_parse(const char *text, size_t len, struct redis_mark *out);

/* Negative, 0 or positive. */
int redis_id_order(struct redis_id a, struct redis_id b);

int redis_mark_equal(const struct redis_mark *a, const struct redis_mark *b);
int redis_is_same_store(const struct redis_mark *a, const struct redis_mark *b);

#endif
