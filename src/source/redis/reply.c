/* SPDX-License-Identifier: MIT */
/* redis_reply: from what Redis answers to what we know. */
#include "source/redis/reply.h"

#include "base/err.h"
#include "base/num.h"

#include <hiredis/hiredis.h>
#include <string.h>

/* The places of the answer of redis_script_read. */
enum read_at {
    AT_GENERATION,
    AT_EPOCH,
    AT_NUMBER,
    AT_LAST_ID,
    AT_DELETED,
    AT_ENDED,
    AT_OLDEST_ID,
    AT_NEWEST_ID,
    AT_NEWEST_MARK,
    AT_HERE,
    AT_ENTRIES,
    AT_MORE,
    AT_SOUGHT,
    AT_COUNT
};

/* Those of an entry. */
enum entry_at { ENTRY_ID, ENTRY_MARK, ENTRY_NAME, ENTRY_DATA, ENTRY_SIZE, ENTRY_COUNT };

static int is_text(const struct redisReply *r)
{
    return r->type == REDIS_REPLY_STRING;
}

static int is_list(const struct redisReply *r)
{
    return r->type == REDIS_REPLY_ARRAY;
}

static int take_number(const struct redisReply *r, uint64_t *out)
{
    return is_text(r) && num_parse_u64(r->str, r->len, REDIS_NUMBER_MAX, out) == 0;
}

static int take_id(const struct redisReply *r, struct redis_id *out)
{
    return is_text(r) && redis_id_parse(r->str, r->len, out) == 0;
}

static int take_mark(const struct redisReply *r, struct redis_mark *out)
{
    return is_text(r) && redis_mark_parse(r->str, r->len, out) == 0;
}

/* ---- what is known of the stream ---- */

static int take_meta(const struct redisReply *r, struct redis_facts *f)
{
    const struct redisReply *gen = r->element[AT_GENERATION];
    uint64_t epoch, n;
    if (!is_text(gen) || gen->len != REDIS_GENERATION_CHARS
        || !take_number(r->element[AT_EPOCH], &epoch) || !take_number(r->element[AT_NUMBER], &n)
        || epoch > UINT32_MAX || !take_id(r->element[AT_LAST_ID], &f->last_id)) {
        return 0;
    }
    memcpy(f->last.generation, gen->str, gen->len + 1);
    f->last.epoch = (uint32_t)epoch;
    f->last.n = n;
    return 1;
}

static int take_ended(const struct redisReply *r, struct redis_facts *f)
{
    const char *space = is_text(r) ? memchr(r->str, ' ', r->len) : NULL;
    const char *last = space ? memrchr(r->str, ' ', r->len) : NULL;
    if (!space || last == space) {
        return 0;
    }
    size_t begun_len = r->len - (size_t)(last + 1 - r->str);
    return num_parse_u64(r->str, (size_t)(space - r->str), REDIS_NUMBER_MAX, &f->ended_n) == 0
           && redis_id_parse(space + 1, (size_t)(last - space - 1), &f->ended_id) == 0
           && num_parse_u64(last + 1, begun_len, REDIS_NUMBER_MAX, &f->begun_n) == 0;
}

/* What is known aside of the entries may have been deleted, or evicted: the newest one knows it, too. */
static void take_facts(const struct redisReply *r, struct redis_facts *f)
{
    *f = (struct redis_facts){.has_store = 0};
    f->has_store = take_meta(r, f);
    if (!f->has_store) {
        f->has_store = take_mark(r->element[AT_NEWEST_MARK], &f->last)
                       && take_id(r->element[AT_NEWEST_ID], &f->last_id);
    }
    (void)take_number(r->element[AT_DELETED], &f->deleted_n);
    (void)take_number(r->element[AT_SOUGHT], &f->sought_n);
    f->has_ended = take_ended(r->element[AT_ENDED], f);
    f->has_first = take_id(r->element[AT_OLDEST_ID], &f->first_id);
    (void)take_id(r->element[AT_NEWEST_ID], &f->newest_id);
    f->is_here = is_text(r->element[AT_HERE]);
    f->has_here_mark = take_mark(r->element[AT_HERE], &f->here);
}

/* ---- entries ---- */

static void take_text(const struct redisReply *r, const char **text, size_t *len)
{
    if (is_text(r)) {
        *text = r->str;
        *len = r->len;
    }
}

static int take_entry(const struct redisReply *r, struct redis_entry *e)
{
    *e = (struct redis_entry){.size = 0};
    if (!is_list(r) || r->elements != ENTRY_COUNT || !take_id(r->element[ENTRY_ID], &e->id)
        || r->element[ENTRY_SIZE]->type != REDIS_REPLY_INTEGER) {
        return ERR_PROTOCOL;
    }
    e->has_mark = take_mark(r->element[ENTRY_MARK], &e->mark);
    take_text(r->element[ENTRY_NAME], &e->name, &e->name_len);
    take_text(r->element[ENTRY_DATA], &e->data, &e->data_len);
    e->size = (size_t)r->element[ENTRY_SIZE]->integer;
    return 0;
}

static int is_page(const struct redisReply *r)
{
    return is_list(r) && r->elements == AT_COUNT && is_list(r->element[AT_ENTRIES])
           && r->element[AT_MORE]->type == REDIS_REPLY_INTEGER;
}

int redis_reply_page(const struct redisReply *r, const struct redis_position *from,
                     struct redis_page *page)
{
    struct redis_facts facts;
    if (!is_page(r)) {
        return ERR_PROTOCOL;
    }
    take_facts(r, &facts);
    int rc = redis_page_begin(page, from, &facts);
    if (rc != 1) {
        return rc;
    }
    int is_more = r->element[AT_MORE]->integer != 0;
    const struct redisReply *list = r->element[AT_ENTRIES];
    for (size_t i = 0; i < list->elements; i++) {
        struct redis_entry e;
        rc = take_entry(list->element[i], &e);
        rc = rc ? rc : redis_page_add(page, &e);
        if (rc == ERR_LIMIT) {
            is_more = 1;
            break;
        }
        if (rc) {
            return rc;
        }
    }
    return redis_page_finish(page, is_more);
}

static int is_field(const struct redisReply *r, const char *name)
{
    return r->len == strlen(name) && memcmp(r->str, name, r->len) == 0;
}

/* An entry as XREAD has it: its id, and its fields' names and values. */
static int take_raw(const struct redisReply *r, struct redis_entry *e)
{
    *e = (struct redis_entry){.size = 0};
    if (!is_list(r) || r->elements != 2 || !take_id(r->element[0], &e->id)
        || !is_list(r->element[1])) {
        return ERR_PROTOCOL;
    }
    const struct redisReply *fields = r->element[1];
    for (size_t i = 0; i + 1 < fields->elements; i += 2) {
        const struct redisReply *name = fields->element[i], *value = fields->element[i + 1];
        if (!is_text(name) || !is_text(value)) {
            return ERR_PROTOCOL;
        }
        if (is_field(name, "at")) {
            e->has_mark = take_mark(value, &e->mark);
        } else if (is_field(name, "event")) {
            take_text(value, &e->name, &e->name_len);
        } else if (is_field(name, "data")) {
            take_text(value, &e->data, &e->data_len);
        }
    }
    e->size = e->name_len + e->data_len;
    return 0;
}

int redis_reply_news(const struct redisReply *entries, const struct redis_position *head,
                     struct redis_page *page)
{
    if (!is_list(entries)) {
        return ERR_PROTOCOL;
    }
    redis_page_follow(page, head);
    for (size_t i = 0; i < entries->elements; i++) {
        struct redis_entry e;
        int rc = take_raw(entries->element[i], &e);
        if (rc) {
            return rc;
        }
        if (e.size > REDIS_DATA_MAX || !redis_page_is_next(page, &e)) {
            return 1;
        }
        rc = redis_page_add(page, &e);
        if (rc) {
            return rc == ERR_LIMIT ? 1 : rc;
        }
    }
    return 0;
}

/* ---- the rest ---- */

int redis_reply_place(const struct redisReply *r, struct redis_position *out)
{
    struct redis_position p = {.kind = REDIS_EVENT};
    if (!is_list(r) || r->elements != 2 || !take_mark(r->element[0], &p.mark)
        || !take_id(r->element[1], &p.id)) {
        return ERR_PROTOCOL;
    }
    *out = p;
    return 0;
}

int redis_reply_info(const struct redisReply *r, const char *name, char *out, size_t size)
{
    size_t name_len = strlen(name);
    const char *at = is_text(r) ? r->str : NULL;
    while (at && *at) {
        size_t len = strcspn(at, "\r\n");
        if (len > name_len && strncmp(at, name, name_len) == 0 && at[name_len] == ':') {
            size_t value_len = len - name_len - 1;
            if (value_len == 0 || value_len >= size) {
                return ERR_PROTOCOL;
            }
            memcpy(out, at + name_len + 1, value_len);
            out[value_len] = '\0';
            return 0;
        }
        at += len;
        at += strspn(at, "\r\n");
    }
    return ERR_PROTOCOL;
}

int redis_reply_is_error(const struct redisReply *r, const char *word)
{
    if (r->type != REDIS_REPLY_ERROR) {
        return 0;
    }
    size_t len = word ? strlen(word) : 0;
    return len == 0 || (strncmp(r->str, word, len) == 0 && (r->str[len] == ' ' || !r->str[len]));
}
