/* SPDX-License-Identifier: MIT */
/* publish: each line of input becomes an event of a stream. */
#include "ctl/publish.h"

#include "app/publish/post.h"
#include "base/clock.h"
#include "base/err.h"
#include "ctl/flags.h"
#include "ctl/publish_lines.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHOW_MS 100
#define CLEAR "\r\033[K"

/* --- what became of it --------------------------------------------------------------------- */

static void clear(struct ctl_tally *t)
{
    if (t->is_shown) {
        fputs(CLEAR, stderr);
        t->is_shown = 0;
    }
}

void ctl_tally_flush(struct ctl_tally *t)
{
    if (!t->first) {
        return;
    }
    clear(t);
    if (t->first == t->last) {
        fprintf(stderr, "ssecgi-ctl: line %" PRIu64 " was not published: %s\n", t->first, t->why);
    } else {
        fprintf(stderr, "ssecgi-ctl: lines %" PRIu64 " to %" PRIu64 " were not published: %s\n",
                t->first, t->last, t->why);
    }
    t->first = t->last = 0;
}

/* A reason may be a stranger's, and a terminal obeys. */
static void copy_plain(char *out, size_t size, const char *text)
{
    size_t len = 0;
    for (; text[len] && len + 1 < size; len++) {
        out[len] = text[len] >= ' ' && text[len] <= '~' ? text[len] : '?';
    }
    out[len] = '\0';
}

void ctl_tally_miss(struct ctl_tally *t, uint64_t line, const char *why)
{
    char plain[sizeof t->why];
    copy_plain(plain, sizeof plain, why);
    t->missed++;
    if (t->first && (t->last + 1 != line || strcmp(t->why, plain) != 0)) {
        ctl_tally_flush(t);
    }
    if (!t->first) {
        t->first = line;
        memcpy(t->why, plain, sizeof plain);
    }
    t->last = line;
}

void ctl_tally_show(struct ctl_tally *t, const char *waiting)
{
    int64_t now = clock_system.mono_ms(&clock_system);
    if (!t->is_terminal || (!waiting && now < t->next_ms)) {
        return;
    }
    fprintf(stderr, CLEAR "%" PRIu64 " published", t->arrived);
    if (t->missed) {
        fprintf(stderr, ", %" PRIu64 " not", t->missed);
    }
    if (waiting) {
        fprintf(stderr, "; %s", waiting);
    }
    t->is_shown = 1;
    t->next_ms = now + SHOW_MS;
}

static void end_tally(struct ctl_tally *t)
{
    ctl_tally_flush(t);
    if (t->is_terminal) {
        t->next_ms = 0;
        ctl_tally_show(t, NULL);
        fputc('\n', stderr);
    } else if (t->missed) {
        fprintf(stderr, "ssecgi-ctl: %" PRIu64 " of %" PRIu64 " lines were not published\n",
                t->missed, t->arrived + t->missed);
    }
}

/* --- lines to events ----------------------------------------------------------------------- */

/* Events of one go, and with --json what they point into. */
struct batch {
    struct ctl_publish_item items[CTL_PUBLISH_LINES];
    struct app_post posts[CTL_PUBLISH_LINES];
    size_t count;
};

/* Answers 1 when the line is an event, 0 when it was missed. */
static int take_json(struct batch *b, const struct ctl_line *line, struct ctl_tally *tally)
{
    struct err err = {.code = 0};
    struct app_post *post = &b->posts[b->count];
    struct app_post_request in = {
        .type = "application/json", .body = line->text, .len = line->len, .batch_max = 1};
    if (line->len == 0) {
        ctl_tally_miss(tally, line->number, "it is empty");
        return 0;
    }
    if (app_post_read(post, &in, &err)) {
        static const char only[] = "line 1, ";
        size_t skip = strncmp(err.text, only, sizeof only - 1) == 0 ? sizeof only - 1 : 0;
        ctl_tally_miss(tally, line->number, err.text + skip);
        return 0;
    }
    b->items[b->count].item = post->items[0];
    return 1;
}

static void take_line(struct batch *b, const struct ctl_publish *p, const struct ctl_line *line,
                      struct ctl_tally *tally)
{
    struct ctl_publish_item *item = &b->items[b->count];
    if (!line->text) {
        ctl_tally_miss(tally, line->number, "it has more than 1 MiB");
    } else if (!p->is_json) {
        *item = (struct ctl_publish_item){
            .line = line->number,
            .item = {.name = p->event, .data = line->text, .data_len = line->len}};
        b->count++;
    } else if (take_json(b, line, tally)) {
        item->line = line->number;
        b->count++;
    }
}

_Static_assert(CTL_LINE_MAX == 1024 * 1024, "as the complaint says");

static int put(struct ctl_sink *sink, struct batch *b, struct ctl_tally *tally)
{
    int rc = b->count ? sink->put(sink, b->items, b->count, tally) : 0;
    for (size_t i = 0; i < b->count; i++) {
        app_post_fini(&b->posts[i]);
    }
    b->count = 0;
    ctl_tally_flush(tally);
    ctl_tally_show(tally, NULL);
    return rc;
}

/* What is there goes out before more is waited for. */
static int publish_lines(const struct ctl_publish *p, struct ctl_lines *lines,
                         struct ctl_sink *sink, struct ctl_tally *tally)
{
    struct batch *b = calloc(1, sizeof *b);
    struct ctl_line line;
    int rc = b ? 0 : ERR_NOMEM;
    int end = 0;
    while (!rc && !end) {
        end = ctl_lines_read(lines);
        while (!rc && ctl_lines_next(lines, &line)) {
            take_line(b, p, &line, tally);
            if (b->count == CTL_PUBLISH_LINES) {
                rc = put(sink, b, tally);
            }
        }
        if (!rc) {
            rc = put(sink, b, tally);
        }
    }
    free(b);
    if (end && end != ERR_CLOSED) {
        fprintf(stderr, "ssecgi-ctl: cannot read on after line %" PRIu64 ": %s\n", lines->number,
                end == ERR_IO ? strerror(errno) : "out of memory");
    }
    return rc ? rc : end == ERR_CLOSED ? 0 : end;
}

int ctl_publish_run(const struct ctl_publish *p)
{
    struct err err = {.code = 0};
    struct ctl_sink *sink = NULL;
    struct ctl_tally tally = {.is_terminal = isatty(STDERR_FILENO)};
    struct ctl_lines lines;
    int fd = STDIN_FILENO;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is a full disk */
    if (p->file && strcmp(p->file, "-") != 0) {
        fd = open(p->file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0) {
            fprintf(stderr, "ssecgi-ctl: %s: %s\n", p->file, strerror(errno));
            return CTL_EXIT_WRONG;
        }
    }
    int rc = p->stream ? ctl_publish_journal(&sink, p, &err) : ctl_publish_http(&sink, p, &err);
    if (rc) {
        fprintf(stderr, "ssecgi-ctl: %s\n", err.text);
    } else {
        ctl_lines_init(&lines, fd);
        rc = publish_lines(p, &lines, sink, &tally);
        end_tally(&tally);
        sink->free(sink);
        ctl_lines_fini(&lines);
    }
    if (fd != STDIN_FILENO) {
        close(fd);
    }
    return rc || tally.missed ? CTL_EXIT_WRONG : CTL_EXIT_GOOD;
}
