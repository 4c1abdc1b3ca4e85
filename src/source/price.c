/* SPDX-License-Identifier: MIT */
/* price: simulated prices that every process agrees on. */
#include "source/price.h"

#include "base/clock.h"
#include "base/err.h"
#include "conf/option.h"
#include "source/price_path.h"
#include "source/ticker.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SYMBOLS_MAX 256     /* of one stream; 3 KiB each */
#define SYMBOL_NAME_MAX 32  /* bytes */
#define BURST_EVENTS 64     /* what a late wake still sends: a short delay costs nobody a price */
#define CENTS_TEXT_BYTES 24 /* any int64_t with a sign and a point */

enum { FORMAT_JSON, FORMAT_PLAIN };

struct price_settings {
    struct json_object *symbols; /* ["NAME", ...] or {"NAME": {...}, ...} */
    int64_t seed;
    int64_t interval_ms;
    int64_t history_s;
    int format;
};

struct symbol_settings {
    double start;
    double volatility;
    double half_life_s;
};

#define AT(member) offsetof(struct price_settings, member)
#define SYMBOL_AT(member) offsetof(struct symbol_settings, member)

static const char *const formats[] = {"json", "plain", NULL};

static const char *const param_names[] = {"symbol", NULL};

static const struct conf_option options[] = {
    {.name = "symbols", .type = CONF_JSON, .offset = AT(symbols),
     .fallback = "[\"ACME\", \"GLOBEX\"]",
     .help = "names, or an object from names to {start, volatility, half_life_s}"},
    {.name = "seed", .type = CONF_INT, .offset = AT(seed), .min = -9007199254740992.0,
     .max = 9007199254740992.0, .fallback = "1",
     .help = "another seed, another history; the same seed, the same on every machine"},
    {.name = "interval_ms", .type = CONF_INT, .offset = AT(interval_ms), .min = 10,
     .max = 86400000, .fallback = "1000",
     .help = "milliseconds between prices, at multiples of it since 1970 UTC"},
    {.name = "history_s", .type = CONF_INT, .offset = AT(history_s), .min = 0, .max = 31536000,
     .fallback = "3600", .help = "replay goes back so far; older positions give a gap"},
    {.name = "format", .type = CONF_CHOICE, .offset = AT(format), .fallback = "\"json\"",
     .choices = formats,
     .help = "json: {\"symbol\", \"price\", \"change\", \"time\"}; plain: the price"},
    {.name = NULL},
};

static const struct conf_option symbol_options[] = {
    {.name = "start", .type = CONF_REAL, .offset = SYMBOL_AT(start), .min = 0.01, .max = 1e9,
     .fallback = "100", .help = "the price it stays around: half of the time above, half below"},
    {.name = "volatility", .type = CONF_REAL, .offset = SYMBOL_AT(volatility), .min = 0, .max = 1,
     .fallback = "0.02",
     .help = "standard deviation of log(price / start) over all time: with 0.02 the price is "
             "within 2 % of start for two thirds of the time"},
    {.name = "half_life_s", .type = CONF_REAL, .offset = SYMBOL_AT(half_life_s), .min = 0.001,
     .max = 1e9, .fallback = "600",
     .help = "seconds in which a deviation from start halves, on average"},
    {.name = NULL},
};

/* A symbol as configured. The name belongs to the settings. */
struct symbol {
    const char *name;
    struct symbol_settings settings;
};

struct symbol_list {
    size_t count;
    struct symbol items[SYMBOLS_MAX];
};

/* A symbol as this stream sends it. */
struct series {
    const char *name;
    double start;
    double volatility;
    struct price_path path;
};

/* The JSON object is kept and gets new values. */
struct price_source {
    struct ticker ticker;
    int format;
    struct json_object *object; /* of the event last made */
    char price[CENTS_TEXT_BYTES];
    unsigned *slots;       /* which of the configured symbols, ascending */
    struct series *series; /* indexed by slot; only those in `slots` are set */
};

/* --- settings ------------------------------------------------------------------------------ */

static int is_name(const char *text, size_t len)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                   "._-";
    if (len == 0 || len > SYMBOL_NAME_MAX) {
        return 0;
    }
    for (size_t i = 0; i < len; i++) {
        if (!memchr(alphabet, text[i], sizeof alphabet - 1)) {
            return 0;
        }
    }
    return 1;
}

/* The index of a name, or -1. */
static int symbol_find(const struct symbol_list *list, const char *name, size_t len)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strlen(list->items[i].name) == len && memcmp(list->items[i].name, name, len) == 0) {
            return (int)i;
        }
    }
    return -1;
}

/* `settings` is an object or NULL for the defaults. */
static int symbol_add(struct symbol_list *list, const char *name, size_t len,
                      struct json_object *settings, struct err *err)
{
    if (!is_name(name, len)) {
        return err_set(err, ERR_INVALID, "symbols: a name must be 1 to %d of A-Z a-z 0-9 . _ -",
                       SYMBOL_NAME_MAX);
    }
    if (symbol_find(list, name, len) >= 0) {
        return err_set(err, ERR_INVALID, "symbols: %s is there twice", name);
    }
    if (list->count == SYMBOLS_MAX) {
        return err_set(err, ERR_LIMIT, "symbols: must be at most %d", SYMBOLS_MAX);
    }
    struct symbol symbol = {.name = name};
    char path[sizeof "symbols." + SYMBOL_NAME_MAX];
    conf_path_join(path, sizeof path, "symbols", name);
    int rc = settings ? conf_read(symbol_options, &symbol.settings, settings, path, NULL, err)
                      : conf_defaults(symbol_options, &symbol.settings, err);
    if (rc) {
        return rc;
    }
    list->items[list->count++] = symbol;
    return 0;
}

static int symbols_from_array(struct symbol_list *list, struct json_object *array, struct err *err)
{
    size_t count = json_object_array_length(array);
    for (size_t i = 0; i < count; i++) {
        struct json_object *item = json_object_array_get_idx(array, i);
        if (!json_object_is_type(item, json_type_string)) {
            return err_set(err, ERR_INVALID, "symbols: must be names, not %.80s",
                           json_object_to_json_string_ext(item, JSON_C_TO_STRING_PLAIN));
        }
        int rc = symbol_add(list, json_object_get_string(item),
                            (size_t)json_object_get_string_len(item), NULL, err);
        if (rc) {
            return rc;
        }
    }
    return 0;
}

static int symbols_from_object(struct symbol_list *list, struct json_object *object,
                               struct err *err)
{
    struct json_object_iterator it = json_object_iter_begin(object);
    struct json_object_iterator end = json_object_iter_end(object);
    for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
        const char *name = json_object_iter_peek_name(&it);
        struct json_object *value = json_object_iter_peek_value(&it);
        if (!json_object_is_type(value, json_type_object)) {
            return err_set(err, ERR_INVALID, "symbols.%.*s: must be an object, not %.80s",
                           SYMBOL_NAME_MAX, name,
                           json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN));
        }
        int rc = symbol_add(list, name, strlen(name), value, err);
        if (rc) {
            return rc;
        }
    }
    return 0;
}

/* The result is the caller's to free. */
static int symbols_read(const struct price_settings *settings, struct symbol_list **out,
                        struct err *err)
{
    struct symbol_list *list = calloc(1, sizeof *list);
    if (!list) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    int rc = 0;
    if (json_object_is_type(settings->symbols, json_type_array)) {
        rc = symbols_from_array(list, settings->symbols, err);
    } else if (json_object_is_type(settings->symbols, json_type_object)) {
        rc = symbols_from_object(list, settings->symbols, err);
    }
    if (rc == 0 && list->count == 0) {
        rc = err_set(err, ERR_INVALID,
                     "symbols: must be an array of names or an object from names to settings, "
                     "with one name at least");
    }
    if (rc) {
        free(list);
        return rc;
    }
    *out = list;
    return 0;
}

static int price_check(const void *settings, struct err *err)
{
    struct symbol_list *list = NULL;
    int rc = symbols_read(settings, &list, err);
    free(list);
    return rc;
}

/* --- the symbol parameter ------------------------------------------------------------------ */

static int fail_symbol(const struct symbol_list *list, const char *name, size_t len,
                       struct err *err)
{
    char known[ERR_TEXT_BYTES / 2] = "";
    size_t used = 0;
    for (size_t i = 0; i < list->count; i++) {
        const char *comma = i ? ", " : "";
        if (used + strlen(comma) + strlen(list->items[i].name) + sizeof ", ..." > sizeof known) {
            snprintf(known + used, sizeof known - used, ", ...");
            break;
        }
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", comma,
                                 list->items[i].name);
    }
    /* Only a name that could be one is repeated: the rest may be any bytes. */
    if (!is_name(name, len)) {
        return err_set(err, ERR_INVALID, "symbol: must be names with commas between them, of: %s",
                       known);
    }
    return err_set(err, ERR_INVALID, "symbol: there is no %.*s; it must be of: %s", (int)len, name,
                   known);
}

/* Marks the symbols that the parameter names; without one, all. */
static int symbols_select(const struct symbol_list *list, const char *param,
                          unsigned char is_wanted[SYMBOLS_MAX], struct err *err)
{
    memset(is_wanted, param ? 0 : 1, SYMBOLS_MAX);
    while (param) {
        size_t len = strcspn(param, ",");
        int index = symbol_find(list, param, len);
        if (index < 0) {
            return fail_symbol(list, param, len, err);
        }
        is_wanted[index] = 1;
        param = param[len] ? param + len + 1 : NULL;
    }
    return 0;
}

/* --- events -------------------------------------------------------------------------------- */

/* "-0.05" for -5. */
static void cents_write(int64_t cents, char out[CENTS_TEXT_BYTES])
{
    uint64_t size = cents < 0 ? 0 - (uint64_t)cents : (uint64_t)cents;
    snprintf(out, CENTS_TEXT_BYTES, "%s%" PRIu64 ".%02u", cents < 0 ? "-" : "", size / 100,
             (unsigned)(size % 100));
}

/* Sets a key, whose old value goes. `value` may be NULL for lack of memory. */
static int object_set(struct json_object *object, const char *key, struct json_object *value)
{
    if (!value) {
        return ERR_NOMEM;
    }
    if (json_object_object_add(object, key, value) != 0) {
        json_object_put(value);
        return ERR_NOMEM;
    }
    return 0;
}

/* A JSON number with exactly two decimals. */
static struct json_object *number_new(int64_t cents, const char *text)
{
    return json_object_new_double_s((double)cents / 100, text);
}

static int price_render(struct ticker *t, uint64_t tick, unsigned slot, struct sse_event *event)
{
    struct price_source *p = (struct price_source *)t;
    struct series *s = &p->series[slot];
    int64_t before = price_path_cents(&s->path, tick ? tick - 1 : 0, s->start, s->volatility);
    int64_t cents = price_path_cents(&s->path, tick, s->start, s->volatility);
    cents_write(cents, p->price);
    if (p->format == FORMAT_PLAIN) {
        event->data = p->price;
        event->data_len = strlen(p->price);
        return 0;
    }
    char change[CENTS_TEXT_BYTES];
    char time[CLOCK_ISO_BYTES];
    cents_write(cents - before, change);
    clock_iso8601(ticker_time_ms(t, tick), time);
    int rc = object_set(p->object, "symbol", json_object_new_string(s->name));
    rc = rc ? rc : object_set(p->object, "price", number_new(cents, p->price));
    rc = rc ? rc : object_set(p->object, "change", number_new(cents - before, change));
    rc = rc ? rc : object_set(p->object, "time", json_object_new_string(time));
    if (rc) {
        return rc;
    }
    event->data = json_object_to_json_string_length(p->object, JSON_C_TO_STRING_PLAIN,
                                                    &event->data_len);
    return event->data ? 0 : ERR_NOMEM;
}

/* --- life ---------------------------------------------------------------------------------- */

static void price_free(struct price_source *p)
{
    if (p) {
        json_object_put(p->object);
        free(p->series);
        free(p->slots);
        free(p);
    }
}

static void price_destroy(struct ticker *t)
{
    price_free((struct price_source *)t);
}

static struct price_source *price_new(const struct price_settings *settings,
                                      const struct symbol_list *list,
                                      const unsigned char is_wanted[SYMBOLS_MAX],
                                      size_t *slot_count)
{
    struct price_source *p = calloc(1, sizeof *p);
    if (!p) {
        return NULL;
    }
    p->format = settings->format;
    p->object = json_object_new_object();
    p->slots = calloc(list->count, sizeof *p->slots);
    p->series = calloc(list->count, sizeof *p->series);
    if (!p->object || !p->slots || !p->series) {
        price_free(p);
        return NULL;
    }
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (is_wanted[i]) {
            const struct symbol *symbol = &list->items[i];
            struct series *s = &p->series[i];
            p->slots[count++] = (unsigned)i;
            s->name = symbol->name;
            s->start = symbol->settings.start;
            s->volatility = symbol->settings.volatility;
            price_path_init(&s->path, settings->seed, symbol->name,
                            symbol->settings.half_life_s * 1000 / (double)settings->interval_ms);
        }
    }
    *slot_count = count;
    return p;
}

static int price_open(struct source **out, const struct source_setup *setup,
                      const struct source_host *host, struct err *err)
{
    const struct price_settings *settings = setup->settings;
    struct symbol_list *list = NULL;
    int rc = symbols_read(settings, &list, err);
    if (rc) {
        return rc;
    }
    unsigned char is_wanted[SYMBOLS_MAX];
    rc = symbols_select(list, source_param_value(setup, param_names[0]), is_wanted, err);
    if (rc) {
        free(list);
        return rc;
    }
    size_t slot_count = 0;
    struct price_source *p = price_new(settings, list, is_wanted, &slot_count);
    free(list);
    if (!p) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    const struct ticker_plan plan = {
        .interval_ms = settings->interval_ms,
        .history_s = settings->history_s,
        .burst = slot_count < BURST_EVENTS ? BURST_EVENTS / slot_count * slot_count : slot_count,
        .slots = p->slots,
        .slot_count = slot_count,
        .has_slots = 1,
        .render = price_render,
        .destroy = price_destroy,
    };
    ticker_open(&p->ticker, &source_price, &plan, host);
    *out = &p->ticker.base;
    return 0;
}

const struct source_type source_price = {
    .contract = SOURCE_CONTRACT,
    .name = "price",
    .summary = "simulated prices: the same on every machine, and addressable",
    .options = options,
    .settings_size = sizeof(struct price_settings),
    .param_names = param_names,
    .check = price_check,
    .open = price_open,
    .close = ticker_close,
    .head = ticker_head,
    .understands = ticker_understands,
    .back = ticker_back,
    .before = ticker_before,
    .since = ticker_since,
    .pull = ticker_pull,
};
