/* SPDX-License-Identifier: MIT */
/* tee: what a source sends goes into its channel's ring, and to all that follow the channel. */
#include "app/tee.h"

#include "base/buf.h"
#include "hub/hub.h"
#include "source/merge/wrap.h"

#include <stddef.h>

#define TELL_BYTES 65536

/* Whoever wants the source to stop for a while stops it for all: nobody is to read again what it could
 * have waited for. */
static int tee_event(void *ctx, const struct sse_event *event)
{
    const struct app_tee *t = ctx;
    int answer = t->own->event(t->own->ctx, event);
    for (const struct app_follower *f = t->followers; f; f = f->next) {
        answer |= f->out->event(f->out->ctx, event);
    }
    return answer;
}

static int tee_gap(void *ctx, const struct sse_gap *gap)
{
    const struct app_tee *t = ctx;
    int answer = t->own->gap(t->own->ctx, gap);
    for (const struct app_follower *f = t->followers; f; f = f->next) {
        answer |= f->out->gap(f->out->ctx, gap);
    }
    return answer;
}

static void tee_advance(void *ctx, const char *position)
{
    const struct app_tee *t = ctx;
    t->own->advance(t->own->ctx, position);
    for (const struct app_follower *f = t->followers; f; f = f->next) {
        f->out->advance(f->out->ctx, position);
    }
}

static void tee_end(void *ctx, const char *position, const char *data)
{
    const struct app_tee *t = ctx;
    t->own->end(t->own->ctx, position, data);
    for (const struct app_follower *f = t->followers; f; f = f->next) {
        f->out->end(f->out->ctx, position, data);
    }
}

void app_tee_init(struct app_tee *t, const struct sse_out *own)
{
    *t = (struct app_tee){.own = own};
    t->out = (struct sse_out){.event = tee_event, .gap = tee_gap, .advance = tee_advance,
                              .end = tee_end, .ctx = t};
}

void app_tee_add(struct app_tee *t, struct app_follower *f)
{
    f->next = t->followers;
    f->link = &t->followers;
    if (f->next) {
        f->next->link = &f->next;
    }
    t->followers = f;
}

void app_tee_remove(struct app_follower *f)
{
    *f->link = f->next;
    if (f->next) {
        f->next->link = f->link;
    }
}

void app_tee_tell(const struct app_tee *t, const char *stream, const char *name, const char *data,
                  int64_t now_ms)
{
    struct buf json;
    if (!t->followers) {
        return;
    }
    buf_init(&json, TELL_BYTES);
    if (merge_wrap_object(stream, data, &json) == 0 && buf_append_char(&json, '\0') == 0) {
        for (const struct app_follower *f = t->followers; f; f = f->next) {
            hub_channel_tell(f->to, name, json.data, now_ms);
        }
    }
    buf_fini(&json);
}
