/* SPDX-License-Identifier: MIT */
/* history: a reader that is behind the ring reads pages from the source until it is in it. */
#include "hub/internal.h"

#include "base/err.h"
#include "sse/frame.h"

#include <stdlib.h>
#include <string.h>

#define RETRY_MS 1000 /* between tries of an origin that failed */

/* Has the tick try again in a second, and keeps the connection alive meanwhile. When the source
 * cannot be read, that is told once. */
static void wait_for_origin(struct hub_reader *r, int is_unreadable, int64_t now_ms)
{
    struct hub *h = r->channel->hub;
    int rc = 0;
    if (is_unreadable && !r->was_told) {
        r->was_told = 1;
        struct sse_gap gap = {.position = r->position, .reason = "unreadable",
                              .detail = "the source cannot be read now; it is tried again",
                              .bytes = -1, .events = -1};
        buf_clear(&h->frame);
        rc = hub_encode_gap(h, r->channel->counts, &gap, &h->frame);
        if (!rc) {
            rc = hub_reader_offer(r, h->frame.data, h->frame.len, now_ms);
        }
    } else if ((r->failures + 1) % h->setup.settings->heartbeat_s == 0) {
        rc = hub_reader_offer(r, ":\n\n", 3, now_ms);
    }
    if (rc) {
        hub_reader_drop(r, rc == ERR_NOMEM ? HUB_END_MEMORY : HUB_END_LEFT);
        return;
    }
    r->failures++;
    r->place = HUB_WAITING;
    if (!r->is_blocked) {
        r->blocked_ms = now_ms + RETRY_MS;
    }
    if (hub_settle(r)) {
        hub_reader_drop(r, HUB_END_MEMORY);
    }
}

/* A page came back empty: it searched, and found nothing. Says so now and then, with an id that a
 * reconnect goes on searching from. Negative on failure. */
static int tell_progress(struct hub_reader *r, const char *cursor, int64_t now_ms)
{
    struct hub *h = r->channel->hub;
    const struct hub_origin *origin = &r->channel->origin;
    if (r->blocked_ms == 0) {
        r->blocked_ms = now_ms;
    }
    if (!h->setup.progress_json || now_ms - r->blocked_ms < HUB_PROGRESS_MS) {
        return 0;
    }
    r->blocked_ms = now_ms;
    buf_clear(&h->json);
    buf_clear(&h->frame);
    int rc = h->setup.progress_json(origin->left ? origin->left(origin->ctx, cursor) : -1,
                                    &h->json);
    if (!rc) {
        rc = sse_frame_event(&h->frame, cursor, "stream.progress", h->json.data, h->json.len);
    }
    return rc ? rc : hub_reader_offer(r, h->frame.data, h->frame.len, now_ms);
}

/* Offers the page. What the sink has promised beyond what it took is kept, up to the end of that
 * frame; the rest of the page is forgotten and read again when the reader can take it.
 * `cursor` comes as the position after the whole page and leaves as the reader's. Answers 1 when
 * the whole page was taken or kept, 0 when not, negative on failure. */
static int offer_page(struct hub_reader *r, const struct hub_page *p,
                      char cursor[SSE_POSITION_SIZE], int64_t now_ms)
{
    if (p->bytes.len == 0) {
        return 1;
    }
    struct iovec iov = {.iov_base = p->bytes.data, .iov_len = p->bytes.len};
    ssize_t taken = r->sink->send(r, &iov, 1, NULL);
    if (taken < 0) {
        return ERR_CLOSED;
    }
    r->channel->counts->bytes += (size_t)taken;
    if ((size_t)taken == p->bytes.len) {
        return 1;
    }
    char position[SSE_POSITION_SIZE];
    memcpy(position, r->position, strlen(r->position) + 1);
    size_t end = hub_page_boundary(p, (size_t)taken + r->sink->owed(r), position);
    int is_whole = end == p->bytes.len;
    if (!is_whole) {
        memcpy(cursor, position, sizeof position);
    }
    int rc = hub_reader_hold(r, p->bytes.data + taken, end - (size_t)taken, now_ms);
    return rc ? rc : is_whole;
}

/* Fills the hub's page with what follows `cursor`, which moves along. Answers as the origin does. */
static int fill_page(struct hub_reader *r, char cursor[SSE_POSITION_SIZE])
{
    const struct hub_origin *origin = &r->channel->origin;
    struct hub_page *p = &r->channel->hub->page;
    struct sse_out out = hub_page_out(p);
    int answer = HUB_PULL_END;
    hub_page_clear(p);
    p->until = r->until;
    p->counts = r->channel->counts;
    out.wants_all = r->until != NULL;
    out.until = r->until;
    if (r->until && strcmp(cursor, r->until) == 0) {
        hub_page_end(p, cursor, "until"); /* an empty page of history */
    } else {
        answer = origin->pull(origin->ctx, cursor, &out, HUB_PULL_BYTES);
    }
    if (answer == HUB_PULL_HEAD && r->until && !p->has_ended) {
        /* It is not there, or not any more: gaps on the way have said why. */
        hub_page_end(p, cursor, "until-not-found");
    }
    return answer;
}

void hub_history_read(struct hub_reader *r, int64_t now_ms)
{
    struct hub_page *p = &r->channel->hub->page;
    char cursor[SSE_POSITION_SIZE];
    if (r->rest) {
        /* The end of a frame that it was in when it fell out of the ring. */
        hub_reader_push(r, now_ms);
        return;
    }
    memcpy(cursor, r->position, strlen(r->position) + 1);
    int answer = fill_page(r, cursor);
    if (answer == ERR_NOMEM || p->failed) {
        hub_reader_drop(r, HUB_END_MEMORY);
        return;
    }
    if (answer < 0 && p->bytes.len == 0) {
        /* ERR_AGAIN: the head has only to come up to the reader. */
        wait_for_origin(r, answer != ERR_AGAIN, now_ms);
        return;
    }
    if (answer >= 0) { /* to have shown something before it failed is no success */
        r->failures = 0;
        r->was_told = 0;
    }
    int rc = offer_page(r, p, cursor, now_ms);
    int is_whole = rc == 1;
    if (is_whole && (answer == HUB_PULL_END || p->has_ended)) {
        r->place = HUB_ENDING;
        hub_reader_proceed(r, now_ms);
        return;
    }
    if (rc >= 0) {
        rc = hub_reader_seek(r, cursor);
    }
    if (rc >= 0 && r->place == HUB_HISTORY && !r->is_blocked) {
        if (p->bytes.len > 0) {
            r->blocked_ms = now_ms;
        } else if (answer == HUB_PULL_MORE) {
            rc = tell_progress(r, cursor, now_ms);
        }
    }
    if (rc < 0) {
        hub_reader_drop(r, rc == ERR_NOMEM ? HUB_END_MEMORY : HUB_END_LEFT);
        return;
    }
    if (answer == HUB_PULL_HEAD && is_whole && !r->is_blocked && r->place == HUB_HISTORY) {
        /* A source whose head is not the channel's: not to be asked in every turn. */
        wait_for_origin(r, 0, now_ms);
        return;
    }
    hub_reader_proceed(r, now_ms);
}
