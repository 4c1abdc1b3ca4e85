/* SPDX-License-Identifier: MIT */
/* clock: the time, on the wall clock's own ticks. */
#include "source/clock.h"

#include "base/clock.h"
#include "base/err.h"
#include "conf/option.h"
#include "source/ticker.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

enum { FORMAT_JSON, FORMAT_PLAIN };

struct clock_settings {
    int64_t interval_ms;
    int64_t history_s;
    int format;
};

#define AT(member) offsetof(struct clock_settings, member)

static const char *const formats[] = {"json", "plain", NULL};

static const struct conf_option options[] = {
    {.name = "interval_ms", .type = CONF_INT, .offset = AT(interval_ms), .min = 10,
     .max = 86400000, .fallback = "1000",
     .help = "milliseconds between ticks, which fall on multiples of it since 1970 UTC"},
    {.name = "history_s", .type = CONF_INT, .offset = AT(history_s), .min = 0, .max = 31536000,
     .fallback = "86400", .help = "replay goes back so far; older positions give a gap"},
    {.name = "format", .type = CONF_CHOICE, .offset = AT(format), .fallback = "\"json\"",
     .choices = formats, .help = "json: {\"time\", \"epoch_ms\"}; plain: the ISO 8601 text"},
    {.name = NULL},
};

/* The JSON object is kept and gets new values: its text is made in memory that it has. */
struct clock_source {
    struct ticker ticker;
    int format;
    char text[CLOCK_ISO_BYTES];
    struct json_object *object;
    struct json_object *time;     /* owned by `object`, as is the next */
    struct json_object *epoch_ms;
};

static const unsigned the_slot[] = {0};

static int clock_render(struct ticker *t, uint64_t tick, unsigned slot, struct sse_event *event)
{
    struct clock_source *c = (struct clock_source *)t;
    int64_t time_ms = ticker_time_ms(t, tick);
    (void)slot;
    clock_iso8601(time_ms, c->text);
    if (c->format == FORMAT_PLAIN) {
        event->data = c->text;
        event->data_len = strlen(c->text);
        return 0;
    }
    if (!json_object_set_string(c->time, c->text) || !json_object_set_int64(c->epoch_ms, time_ms)) {
        return ERR_NOMEM;
    }
    event->data = json_object_to_json_string_length(c->object, JSON_C_TO_STRING_PLAIN,
                                                    &event->data_len);
    return event->data ? 0 : ERR_NOMEM;
}

static void clock_free(struct clock_source *c)
{
    json_object_put(c->object);
    free(c);
}

static void clock_destroy(struct ticker *t)
{
    clock_free((struct clock_source *)t);
}

/* Adds a value that the object owns. NULL when there is no memory. */
static struct json_object *object_add(struct json_object *object, const char *key,
                                      struct json_object *value)
{
    if (value && json_object_object_add(object, key, value) != 0) {
        json_object_put(value);
        return NULL;
    }
    return value;
}

static int clock_open(struct source **out, const struct source_setup *setup,
                      const struct source_host *host, struct err *err)
{
    const struct clock_settings *settings = setup->settings;
    struct clock_source *c = calloc(1, sizeof *c);
    if (!c) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    c->format = settings->format;
    c->object = json_object_new_object();
    if (c->object) {
        c->time = object_add(c->object, "time", json_object_new_string(""));
        c->epoch_ms = object_add(c->object, "epoch_ms", json_object_new_int64(0));
    }
    if (!c->time || !c->epoch_ms) {
        clock_free(c);
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    const struct ticker_plan plan = {
        .interval_ms = settings->interval_ms,
        .history_s = settings->history_s,
        .burst = 1,
        .slots = the_slot,
        .slot_count = 1,
        .render = clock_render,
        .destroy = clock_destroy,
    };
    ticker_open(&c->ticker, &source_clock, &plan, host);
    *out = &c->ticker.base;
    return 0;
}

const struct source_type source_clock = {
    .contract = SOURCE_CONTRACT,
    .name = "clock",
    .summary = "the time, at every multiple of an interval",
    .options = options,
    .settings_size = sizeof(struct clock_settings),
    .open = clock_open,
    .close = ticker_close,
    .head = ticker_head,
    .understands = ticker_understands,
    .back = ticker_back,
    .before = ticker_before,
    .since = ticker_since,
    .pull = ticker_pull,
};
