/* SPDX-License-Identifier: MIT */
/* redis_reply: from what Redis answers to what we know. An answer of another shape is refused. */
#ifndef SOURCE_REDIS_REPLY_H
#define SOURCE_REDIS_REPLY_H

#include "source/redis/page.h"

struct redisReply;

/* Fills a page that was init'ed from an answer of redis_script_read. ERR_PROTOCOL, ERR_NOMEM. */
int redis_reply_page(const struct redisReply *r, const struct redis_position *from,
                     struct redis_page *page);

/* The same with entries as XREAD gives them, behind the head. Answers 1 when one of them is not just
 * what comes next: the page ends before it, and the rest has to be asked for. */
int redis_reply_news(const struct redisReply *entries, const struct redis_position *head,
                     struct redis_page *page);

/* An answer of redis_script_publish: where the last event is. ERR_PROTOCOL. */
int redis_reply_place(const struct redisReply *r, struct redis_position *out);

/* The value of a line "NAME:VALUE" of INFO's answer; 0 when it is there and fits. */
int redis_reply_info(const struct redisReply *r, const char *name, char *out, size_t size);

/* 1 when it is an error that begins with the word; NULL: any error. */
int redis_reply_is_error(const struct redisReply *r, const char *word);

#endif
