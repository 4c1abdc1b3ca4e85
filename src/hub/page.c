/* SPDX-License-Identifier: MIT */
/* page: history on its way to one reader, as whole frames. */
#include "hub/internal.h"

#include "base/err.h"
#include "sse/frame.h"

#include <stdlib.h>
#include <string.h>

#define PAGE_ENDS_FIRST 1024

void hub_page_init(struct hub_page *p, struct hub *h)
{
    *p = (struct hub_page){.hub = h};
    buf_init(&p->bytes, HUB_PAGE_BYTES + HUB_FRAME_MAX);
}

void hub_page_fini(struct hub_page *p)
{
    buf_fini(&p->bytes);
    free(p->ends);
    p->ends = NULL;
}

void hub_page_clear(struct hub_page *p)
{
    /* A giant frame is no reason to hold on to its memory. */
    if (p->bytes.cap > 2 * HUB_PAGE_BYTES) {
        buf_fini(&p->bytes);
    }
    buf_clear(&p->bytes);
    p->count = 0;
    p->until = NULL;
    p->failed = 0;
    p->has_ended = 0;
}

static int note_end(struct hub_page *p)
{
    if (p->count == p->cap) {
        size_t cap = p->cap ? p->cap * 2 : PAGE_ENDS_FIRST;
        uint32_t *ends = realloc(p->ends, cap * sizeof *ends);
        if (!ends) {
            return ERR_NOMEM;
        }
        p->ends = ends;
        p->cap = cap;
    }
    p->ends[p->count++] = (uint32_t)p->bytes.len;
    return 0;
}

/* Answers whether the source should stop, as struct sse_out asks. */
static int settle(struct hub_page *p, int rc, size_t before)
{
    if (!rc) {
        rc = note_end(p);
    }
    if (rc) {
        p->bytes.len = before;
        p->failed = rc;
        return 1;
    }
    return p->bytes.len >= HUB_PAGE_BYTES;
}

void hub_page_end(struct hub_page *p, const char *position, const char *reason)
{
    struct buf *json = &p->hub->json;
    size_t before = p->bytes.len;
    if (p->has_ended) {
        return;
    }
    buf_clear(json);
    int rc = p->hub->setup.end_json(reason, json);
    if (!rc) {
        rc = sse_frame_event(&p->bytes, position, "stream.end", json->data, json->len);
    }
    settle(p, rc, before);
    p->has_ended = 1;
}

/* The same as settle(), and the end of the page where this was the last event wanted. */
static int settle_at(struct hub_page *p, const char *position, int rc, size_t before)
{
    int answer = settle(p, rc, before);
    if (p->failed || !p->until || strcmp(position, p->until) != 0) {
        return answer;
    }
    hub_page_end(p, position, "until");
    return 1;
}

static int page_gap(void *ctx, const struct sse_gap *gap)
{
    struct hub_page *p = ctx;
    size_t before = p->bytes.len;
    if (p->has_ended) {
        return 1;
    }
    int rc = hub_encode_gap(p->hub, p->counts, gap, &p->bytes);
    return settle_at(p, gap->position, rc, before);
}

static int page_event(void *ctx, const struct sse_event *e)
{
    struct hub_page *p = ctx;
    size_t before = p->bytes.len;
    if (p->has_ended) {
        return 1; /* advance() could not stop the source */
    }
    int rc = sse_frame_event(&p->bytes, e->position, e->name, e->data, e->data_len);
    if (rc == ERR_LIMIT) {
        struct sse_gap gap = {.position = e->position, .reason = "too-large",
                              .bytes = (int64_t)e->data_len, .events = 1};
        return page_gap(ctx, &gap);
    }
    p->counts->history_events += rc == 0;
    return settle_at(p, e->position, rc, before);
}

static void page_advance(void *ctx, const char *position)
{
    struct hub_page *p = ctx;
    /* The cursor that pull() moves along says the same. Where a filter held the last event back,
     * the stream ends all the same. */
    if (p->until && strcmp(position, p->until) == 0) {
        hub_page_end(p, position, "until");
    }
}

static void page_end(void *ctx, const char *position, const char *data)
{
    struct hub_page *p = ctx;
    size_t before = p->bytes.len;
    const char *text = data ? data : "{}";
    if (p->has_ended) {
        return;
    }
    settle(p, sse_frame_event(&p->bytes, position, "stream.end", text, strlen(text)), before);
    p->has_ended = 1;
}

struct sse_out hub_page_out(struct hub_page *p)
{
    return (struct sse_out){.event = page_event, .gap = page_gap, .advance = page_advance,
                            .end = page_end, .ctx = p};
}

/* The id of the frame that starts at `from`; 0 when it has none. */
static int frame_id(const struct hub_page *p, size_t from, char out[SSE_POSITION_SIZE])
{
    const char *text = p->bytes.data + from;
    if (strncmp(text, "id: ", SSE_FRAME_ID_OFFSET) != 0) {
        return 0;
    }
    text += SSE_FRAME_ID_OFFSET;
    size_t len = strcspn(text, "\n");
    if (len > SSE_POSITION_MAX) {
        return 0;
    }
    memcpy(out, text, len);
    out[len] = '\0';
    return 1;
}

size_t hub_page_boundary(const struct hub_page *p, size_t at, char position[SSE_POSITION_SIZE])
{
    size_t i = 0;
    while (i < p->count && p->ends[i] < at) {
        i++;
    }
    if (at == 0) {
        return 0;
    }
    size_t end = p->ends[i];
    for (size_t k = i + 1; k-- > 0;) {
        if (frame_id(p, k ? p->ends[k - 1] : 0, position)) {
            break;
        }
    }
    return end;
}

int hub_encode_gap(struct hub *h, struct hub_counts *counts, const struct sse_gap *gap,
                   struct buf *out)
{
    hub_count_gap(h, counts, gap->reason);
    buf_clear(&h->json);
    int rc = h->setup.gap_json(gap, &h->json);
    return rc ? rc : sse_frame_event(out, gap->position, "stream.gap", h->json.data, h->json.len);
}
