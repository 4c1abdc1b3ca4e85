/* SPDX-License-Identifier: MIT */
/* trace: what came in answer to one request, and when. */
#include "ctl/trace.h"

#include "base/err.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void keep_item(void *ctx, const struct ctl_item *item)
{
    struct ctl_trace *t = ctx;
    t->counts[item->kind]++;
    if (t->item_count == CTL_ITEMS_MAX) {
        t->item_count /= 2;
        memcpy(t->items, t->items + t->item_count, t->item_count * sizeof *t->items);
    }
    if (t->item_count == t->item_cap) {
        size_t cap = t->item_cap ? t->item_cap * 2 : 16;
        struct ctl_timed *items = realloc(t->items, cap * sizeof *items);
        if (!items) {
            t->has_no_memory = 1;
            return;
        }
        t->items = items;
        t->item_cap = cap;
    }
    t->items[t->item_count++] = (struct ctl_timed){.at_ms = t->now_ms, .item = *item};
}

void ctl_trace_init(struct ctl_trace *t)
{
    *t = (struct ctl_trace){.head_ms = CTL_NEVER,
                            .first_ms = CTL_NEVER,
                            .last_ms = CTL_NEVER,
                            .end_ms = CTL_NEVER,
                            .end = CTL_END_FAILED};
    buf_init(&t->head, CTL_HEAD_MAX);
    buf_init(&t->body, CTL_BODY_MAX);
    ctl_parser_init(&t->parser, keep_item, t);
}

void ctl_trace_fini(struct ctl_trace *t)
{
    buf_fini(&t->head);
    buf_fini(&t->body);
    ctl_parser_fini(&t->parser);
    free(t->items);
    t->items = NULL;
    t->item_count = t->item_cap = 0;
}

int ctl_trace_head(struct ctl_trace *t, const char *line, size_t len, int64_t now_ms)
{
    while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r')) {
        len--;
    }
    if (len >= 5 && strncasecmp(line, "HTTP/", 5) == 0) {
        buf_clear(&t->head);
        return 0;
    }
    if (len == 0) {
        t->head_ms = now_ms;
        return 0;
    }
    int rc = buf_append(&t->head, line, len);
    return rc ? rc : buf_append_char(&t->head, '\n');
}

int ctl_trace_body(struct ctl_trace *t, const char *data, size_t len, int64_t now_ms)
{
    if (len == 0) {
        return 0;
    }
    if (t->first_ms == CTL_NEVER) {
        t->first_ms = now_ms;
    }
    t->last_ms = t->now_ms = now_ms;
    t->body_bytes += len;
    size_t room = CTL_BODY_MAX - t->body.len;
    int rc = buf_append(&t->body, data, len < room ? len : room);
    if (!rc) {
        rc = ctl_parser_take(&t->parser, data, len);
    }
    return t->has_no_memory ? ERR_NOMEM : rc;
}

int ctl_trace_header(const struct ctl_trace *t, const char *name, char *out, size_t size)
{
    size_t name_len = strlen(name);
    const char *line = t->head.data;
    size_t left = t->head.len;
    *out = '\0';
    while (left > 0) {
        size_t len = (size_t)((const char *)memchr(line, '\n', left) - line);
        if (len > name_len && line[name_len] == ':' && strncasecmp(line, name, name_len) == 0) {
            const char *value = line + name_len + 1;
            len -= name_len + 1;
            while (len > 0 && (*value == ' ' || *value == '\t')) {
                value++;
                len--;
            }
            while (len > 0 && (value[len - 1] == ' ' || value[len - 1] == '\t')) {
                len--;
            }
            len = len < size ? len : size - 1;
            memcpy(out, value, len);
            out[len] = '\0';
            return 1;
        }
        line += len + 1;
        left -= len + 1;
    }
    return 0;
}

int ctl_trace_is_stream(const struct ctl_trace *t)
{
    char type[64];
    ctl_trace_header(t, "Content-Type", type, sizeof type);
    size_t len = strcspn(type, "; \t");
    return t->status == 200 && len == strlen("text/event-stream")
           && strncasecmp(type, "text/event-stream", len) == 0;
}

const struct ctl_timed *ctl_trace_find(const struct ctl_trace *t, enum ctl_item_kind kind,
                                       size_t from)
{
    for (size_t i = from; i < t->item_count; i++) {
        if (t->items[i].item.kind == kind) {
            return &t->items[i];
        }
    }
    return NULL;
}
