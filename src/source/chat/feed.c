/* SPDX-License-Identifier: MIT */
/* chat_feed: the bytes of an event stream into the data of its events (WHATWG HTML, 9.2.6). */
#include "source/chat/feed.h"

#include <string.h>

#define BOM "\xef\xbb\xbf"

void chat_feed_init(struct chat_feed *f)
{
    *f = (struct chat_feed){.has_data = 0};
    buf_init(&f->line, CHAT_FEED_MAX);
    buf_init(&f->data, CHAT_FEED_MAX);
}

void chat_feed_fini(struct chat_feed *f)
{
    buf_fini(&f->line);
    buf_fini(&f->data);
}

/* A blank line: the event is complete. */
static int dispatch(struct chat_feed *f, chat_feed_fn *fn, void *ctx)
{
    if (!f->has_data) {
        return 0;
    }
    int rc = fn(ctx, f->data.data, f->data.len - 1); /* without its last LF */
    buf_clear(&f->data);
    f->has_data = 0;
    return rc;
}

static int take_line(struct chat_feed *f, const char *line, size_t len, chat_feed_fn *fn, void *ctx)
{
    if (!f->is_begun) {
        f->is_begun = 1;
        size_t mark = len >= 3 && memcmp(line, BOM, 3) == 0 ? 3 : 0;
        line += mark;
        len -= mark;
    }
    if (len == 0) {
        return dispatch(f, fn, ctx);
    }
    const char *colon = memchr(line, ':', len);
    size_t name_len = colon ? (size_t)(colon - line) : len;
    if (name_len != 4 || memcmp(line, "data", 4) != 0) {
        return 0;
    }
    size_t skip = !colon ? 4 : len > 5 && line[5] == ' ' ? 6 : 5;
    f->has_data = 1;
    int rc = buf_append(&f->data, line + skip, len - skip);
    return rc ? rc : buf_append_char(&f->data, '\n');
}

/* Where the line ends that begins here, or NULL. */
static const char *find_end(const char *at, const char *end)
{
    const char *lf = memchr(at, '\n', (size_t)(end - at));
    const char *cr = memchr(at, '\r', (size_t)((lf ? lf : end) - at));
    return cr ? cr : lf;
}

int chat_feed_take(struct chat_feed *f, const char *bytes, size_t len, chat_feed_fn *fn, void *ctx)
{
    const char *at = bytes;
    const char *end = bytes + len;
    int rc = 0;
    while (at < end && !rc) {
        if (f->is_after_cr && *at == '\n') {
            at++;
        }
        f->is_after_cr = 0;
        const char *stop = find_end(at, end);
        if (!stop) {
            return buf_append(&f->line, at, (size_t)(end - at));
        }
        f->is_after_cr = *stop == '\r';
        if (f->line.len > 0) {
            rc = buf_append(&f->line, at, (size_t)(stop - at));
            rc = rc ? rc : take_line(f, f->line.data, f->line.len, fn, ctx);
            buf_clear(&f->line);
        } else {
            rc = take_line(f, at, (size_t)(stop - at), fn, ctx);
        }
        at = stop + 1;
    }
    return rc;
}
