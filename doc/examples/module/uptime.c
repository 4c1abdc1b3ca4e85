/* SPDX-License-Identifier: MIT */
/* uptime: an example of a source: the seconds since this machine was started. */
#include <base/clock.h>
#include <base/err.h>
#include <base/num.h>
#include <conf/option.h>
#include <source/source.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BOOT_LEN 8     /* of the boot's id: another start of the machine is another history */
#define EVENT_BYTES 24 /* about what one takes, for pull()'s budget */

extern const struct source_type ssecgi_source; /* what the program looks for */

struct settings {
    int64_t interval_s;
};

static const struct conf_option options[] = {
    {.name = "interval_s",
     .type = CONF_INT,
     .offset = offsetof(struct settings, interval_s),
     .min = 1,
     .max = 3600,
     .fallback = "1",
     .help = "seconds between two events"},
    {.name = NULL},
};

/* The event number n is the machine's age n * step; its position is "BOOT-AGE". */
struct uptime {
    struct source source;
    const struct source_host *host;
    uint64_t step;
    uint64_t head; /* the age that was sent last */
    char boot[BOOT_LEN + 1];
    uv_timer_t timer;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

static uint64_t age(const struct uptime *u)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec / u->step * u->step;
}

/* 1 for a position of this source. */
static int parse(const char *position, char boot[BOOT_LEN + 1], uint64_t *age_s)
{
    if (strspn(position, "0123456789abcdef") != BOOT_LEN || position[BOOT_LEN] != '-') {
        return 0;
    }
    memcpy(boot, position, BOOT_LEN);
    boot[BOOT_LEN] = '\0';
    const char *digits = position + BOOT_LEN + 1;
    return num_parse_u64(digits, strlen(digits), INT64_MAX, age_s) == 0;
}

static void format(const struct uptime *u, uint64_t age_s, char out[SSE_POSITION_SIZE])
{
    snprintf(out, SSE_POSITION_SIZE, "%s-%" PRIu64, u->boot, age_s);
}

static int send_event(const struct uptime *u, const struct sse_out *to, uint64_t age_s)
{
    char position[SSE_POSITION_SIZE], data[EVENT_BYTES];
    format(u, age_s, position);
    int len = snprintf(data, sizeof data, "%" PRIu64, age_s);
    return to->event(
        to->ctx, &(struct sse_event){.position = position, .data = data, .data_len = (size_t)len});
}

static void on_timer(uv_timer_t *timer)
{
    struct uptime *u = timer->data;
    for (uint64_t now = age(u); u->head < now;) {
        u->head += u->step; /* an event is behind the head when it is handed over */
        send_event(u, u->host->live, u->head);
    }
}

static int uptime_open(struct source **out, const struct source_setup *setup,
                       const struct source_host *host, struct err *err)
{
    const struct settings *settings = setup->settings;
    struct uptime *u = calloc(1, sizeof *u);
    FILE *f = u ? fopen("/proc/sys/kernel/random/boot_id", "re") : NULL;
    int is_read = f && fread(u->boot, 1, BOOT_LEN, f) == BOOT_LEN;
    if (f) {
        fclose(f);
    }
    if (!is_read) {
        int rc = u ? ERR_IO : ERR_NOMEM;
        free(u);
        return err_set(err, rc, "uptime: there is no boot id to read");
    }
    u->source.type = &ssecgi_source;
    u->host = host;
    u->step = (uint64_t)settings->interval_s;
    u->head = age(u);
    uv_timer_init(host->loop, &u->timer);
    u->timer.data = u;
    uv_timer_start(&u->timer, on_timer, 250, 250);
    *out = &u->source;
    return 0;
}

static void on_closed(uv_handle_t *timer)
{
    struct uptime *u = timer->data;
    if (u->closed) {
        u->closed(u->closed_ctx);
    }
    free(u);
}

static void uptime_close(struct source *s, void (*closed)(void *ctx), void *ctx)
{
    struct uptime *u = (struct uptime *)s;
    u->closed = closed;
    u->closed_ctx = ctx;
    uv_close((uv_handle_t *)&u->timer, on_closed);
}

static void uptime_head(struct source *s, char out[SSE_POSITION_SIZE])
{
    struct uptime *u = (struct uptime *)s;
    format(u, u->head, out);
}

static int uptime_understands(struct source *s, const char *position)
{
    char boot[BOOT_LEN + 1];
    uint64_t age_s;
    (void)s;
    return parse(position, boot, &age_s);
}

static int uptime_back(struct source *s, uint64_t count, char out[SSE_POSITION_SIZE])
{
    struct uptime *u = (struct uptime *)s;
    uint64_t most = u->head / u->step;
    format(u, u->head - (count < most ? count : most) * u->step, out);
    return 0;
}

static int uptime_pull(struct source *s, char position[SSE_POSITION_SIZE],
                       const struct sse_out *page, size_t budget_bytes)
{
    struct uptime *u = (struct uptime *)s;
    char boot[BOOT_LEN + 1];
    uint64_t at;
    if (!parse(position, boot, &at)) {
        return ERR_INVALID;
    }
    if (strcmp(boot, u->boot) != 0) {
        at = 0; /* how long the machine ran on after that event, nobody knows */
        format(u, at, position);
        page->gap(page->ctx,
                  &(struct sse_gap){
                      .position = position, .reason = "replaced", .bytes = -1, .events = -1});
        return SOURCE_MORE;
    }
    if (at > u->head) {
        return ERR_AGAIN; /* another process was a moment earlier */
    }
    int is_full = 0;
    for (size_t used = 0; at < u->head && used < budget_bytes && !is_full; used += EVENT_BYTES) {
        at = (at / u->step + 1) * u->step;
        is_full = send_event(u, page, at);
        format(u, at, position);
    }
    return at < u->head ? SOURCE_MORE : SOURCE_HEAD;
}

const struct source_type ssecgi_source = {
    .contract = SOURCE_CONTRACT,
    .name = "uptime",
    .summary = "the seconds since this machine was started",
    .options = options,
    .settings_size = sizeof(struct settings),
    .open = uptime_open,
    .close = uptime_close,
    .head = uptime_head,
    .understands = uptime_understands,
    .back = uptime_back,
    .pull = uptime_pull,
};
