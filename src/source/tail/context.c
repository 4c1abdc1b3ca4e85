/* SPDX-License-Identifier: MIT */
/* tail_context: the lines around those that a filter wants. */
#include "source/tail/context.h"

#include "base/err.h"

#include <stdlib.h>
#include <string.h>

static void set_decided(struct tail_context *c, const char *position)
{
    memcpy(c->decided, position, strlen(position) + 1);
}

int tail_context_init(struct tail_context *c, size_t lines, const char *position)
{
    *c = (struct tail_context){.lines = lines};
    c->held = calloc(lines, sizeof *c->held);
    set_decided(c, position);
    return c->held ? 0 : ERR_NOMEM;
}

static void drop_oldest(struct tail_context *c)
{
    struct tail_held *h = &c->held[c->first];
    c->bytes -= h->len;
    free(h->data);
    h->data = NULL;
    c->first = (c->first + 1) % c->lines;
    c->count--;
}

static void hide_oldest(struct tail_context *c, const struct tail_context_out *out)
{
    set_decided(c, c->held[c->first].position);
    drop_oldest(c);
    out->hide(out->ctx, c->decided);
}

static int show_oldest(struct tail_context *c, const struct tail_context_out *out)
{
    const struct tail_held *h = &c->held[c->first];
    struct sse_event e = {.position = h->position, .name = h->name[0] ? h->name : NULL,
                          .data = h->data, .data_len = h->len};
    int answer = out->show(out->ctx, &e);
    set_decided(c, h->position);
    drop_oldest(c);
    return answer;
}

/* Lines that there is no room for are not shown: they did not match. */
static void hold(struct tail_context *c, const struct sse_event *e,
                 const struct tail_context_out *out)
{
    while (c->count > 0
           && (c->count == c->lines || c->bytes + e->data_len > TAIL_CONTEXT_BYTES)) {
        hide_oldest(c, out);
    }
    char *data = e->data_len <= TAIL_CONTEXT_BYTES ? malloc(e->data_len + 1) : NULL;
    if (!data) {
        tail_context_break(c, out);
        set_decided(c, e->position);
        out->hide(out->ctx, e->position);
        return;
    }
    struct tail_held *h = &c->held[(c->first + c->count) % c->lines];
    memcpy(h->position, e->position, strlen(e->position) + 1);
    h->name[0] = '\0';
    if (e->name && strlen(e->name) <= TAIL_CONTEXT_NAME_MAX) {
        memcpy(h->name, e->name, strlen(e->name) + 1);
    }
    if (e->data_len > 0) {
        memcpy(data, e->data, e->data_len);
    }
    h->data = data;
    h->len = e->data_len;
    c->bytes += h->len;
    c->count++;
}

int tail_context_take(struct tail_context *c, const struct sse_event *e, int is_match,
                      const struct tail_context_out *out)
{
    if (!is_match && c->after == 0) {
        hold(c, e, out);
        return 0;
    }
    int is_enough = 0;
    while (c->count > 0) {
        is_enough |= show_oldest(c, out);
    }
    c->after = is_match ? c->lines : c->after - 1;
    is_enough |= out->show(out->ctx, e);
    set_decided(c, e->position);
    return is_enough;
}

void tail_context_break(struct tail_context *c, const struct tail_context_out *out)
{
    while (c->count > 0) {
        hide_oldest(c, out);
    }
    c->after = 0;
}

void tail_context_forget(struct tail_context *c, const char *position)
{
    while (c->count > 0) {
        drop_oldest(c);
    }
    set_decided(c, position);
}

void tail_context_fini(struct tail_context *c)
{
    while (c->count > 0) {
        drop_oldest(c);
    }
    free(c->held);
    c->held = NULL;
}
