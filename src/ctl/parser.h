/* SPDX-License-Identifier: MIT */
/* parser: an event stream as an EventSource reads it (WHATWG HTML 9.2.5 and 9.2.6), and what such a
 * client would not understand. */
#ifndef CTL_PARSER_H
#define CTL_PARSER_H

#include "base/buf.h"

#include <stddef.h>

#define CTL_LINE_MAX                                                                               \
    65536               /* bytes of a line that are kept; longer ones are cut and counted as odd */
#define CTL_ID_SIZE 136 /* with the NUL: a position of ssecgi's fits, a longer id is cut */
#define CTL_NAME_SIZE 64
#define CTL_DATA_SIZE 512

enum ctl_item_kind {
    CTL_EVENT,   /* a block with data: it is dispatched */
    CTL_ID,      /* a block that has an id and no data: only its id counts */
    CTL_RETRY,   /* a line "retry:" with a number */
    CTL_COMMENT, /* a line that begins with a colon */
};

/* Texts are cut to fit and NUL-terminated. */
struct ctl_item {
    enum ctl_item_kind kind;
    char id[CTL_ID_SIZE];     /* the last event id as it is after this */
    char name[CTL_NAME_SIZE]; /* the event's; "" for none */
    char data[CTL_DATA_SIZE]; /* the event's data, or the comment, or the number */
};

struct ctl_parser {
    void (*item)(void *ctx, const struct ctl_item *item);
    void *ctx;
    struct buf line;
    struct ctl_item block;        /* the one being read */
    char id_waiting[CTL_ID_SIZE]; /* the id field of this block */
    size_t data_len;
    size_t data_lines;
    int has_id;
    int after_cr;
    int is_cut;       /* the line is longer than what is kept */
    int began;        /* the first line is over: a byte order mark counts no more */
    size_t odd_lines; /* lines that an EventSource skips or has to mend */
    char odd[64];     /* the first of them */
};

void ctl_parser_init(struct ctl_parser *p, void (*item)(void *ctx, const struct ctl_item *item),
                     void *ctx);

/* Takes the next bytes, however they are cut. ERR_NOMEM. */
int ctl_parser_take(struct ctl_parser *p, const char *data, size_t len);

/* 1 while a block has begun that no empty line has ended: at the stream's end it is lost. */
int ctl_parser_is_inside(const struct ctl_parser *p);

void ctl_parser_fini(struct ctl_parser *p);

#endif
