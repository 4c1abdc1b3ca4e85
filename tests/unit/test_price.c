/* SPDX-License-Identifier: MIT */
/* test_price: the price stream: settings, symbols, positions, live against replay. */
#include "ticker_host.h"

#include "base/err.h"
#include "source/price.h"
#include "source/price_path.h"

#include <json-c/json.h>

#define NOON 1795262400000 /* 2026-11-21T12:00:00.000Z */

/* As in price.c; a private struct, so the tests say what they rely on. */
struct price_settings {
    struct json_object *symbols;
    int64_t seed;
    int64_t interval_ms;
    int64_t history_s;
    int format;
};

static struct ticker_host *host_with(const char *json)
{
    struct ticker_host *h = ticker_host_new(&source_price, NOON);
    struct json_object *object = json_tokener_parse(json);
    assert_non_null(object);
    struct err err = {0};
    conf_free(source_price.options, h->settings);
    if (conf_read(source_price.options, h->settings, object, "", NULL, &err)) {
        fail_msg("%s", err.text);
    }
    json_object_put(object);
    return h;
}

static struct ticker_host *open_price(const char *json, const char *symbol)
{
    struct ticker_host *h = host_with(json);
    struct err err = {0};
    if (ticker_host_open(h, symbol, &err)) {
        fail_msg("%s", err.text);
    }
    return h;
}

#define THREE "{\"symbols\": [\"A\", \"B\", \"C\"], \"format\": \"plain\"}"

static void has_the_promised_defaults(void **state)
{
    (void)state;
    struct ticker_host *h = host_with("{}");
    const struct price_settings *s = h->settings;
    assert_string_equal(json_object_to_json_string_ext(s->symbols, JSON_C_TO_STRING_PLAIN),
                        "[\"ACME\",\"GLOBEX\"]");
    assert_int_equal(s->seed, 1);
    assert_int_equal(s->interval_ms, 1000);
    assert_int_equal(s->history_s, 3600);
    assert_int_equal(s->format, 0);
    assert_int_equal(source_price.check(s, NULL), 0);
    ticker_host_free(h);
}

static void wrong_symbols_are_named_with_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *text;
    } cases[] = {
        {"{\"symbols\": []}", "symbols: must be an array of names or"},
        {"{\"symbols\": {}}", "symbols: must be an array of names or"},
        {"{\"symbols\": 7}", "symbols: must be an array of names or"},
        {"{\"symbols\": \"ACME\"}", "symbols: must be an array of names or"},
        {"{\"symbols\": null}", "symbols: must be an array of names or"},
        {"{\"symbols\": [1]}", "symbols: must be names, not 1"},
        {"{\"symbols\": [null]}", "symbols: must be names, not null"},
        {"{\"symbols\": [\"\"]}", "symbols: a name must be"},
        {"{\"symbols\": [\"A,B\"]}", "symbols: a name must be"},
        {"{\"symbols\": [\"A\\u0000B\"]}", "symbols: a name must be"},
        {"{\"symbols\": [\"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456\"]}", "symbols: a name must be"},
        {"{\"symbols\": {\"A B\": {}}}", "symbols: a name must be"},
        {"{\"symbols\": [\"A\", \"B\", \"A\"]}", "symbols: A is there twice"},
        {"{\"symbols\": {\"ACME\": 5}}", "symbols.ACME: must be an object, not 5"},
        {"{\"symbols\": {\"ACME\": {\"begin\": 5}}}", "symbols.ACME.begin: unknown key"},
        {"{\"symbols\": {\"ACME\": {\"start\": 0}}}", "symbols.ACME.start: must be a number"},
        {"{\"symbols\": {\"ACME\": {\"start\": \"1\"}}}", "symbols.ACME.start: must be a number"},
        {"{\"symbols\": {\"ACME\": {\"volatility\": -1}}}", "symbols.ACME.volatility: must be"},
        {"{\"symbols\": {\"ACME\": {\"half_life_s\": 0}}}", "symbols.ACME.half_life_s: must be"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ticker_host *h = host_with(cases[i].json);
        struct err err = {0};
        assert_true(source_price.check(h->settings, &err) < 0);
        if (strncmp(err.text, cases[i].text, strlen(cases[i].text)) != 0) {
            fail_msg("%s: %s", cases[i].json, err.text);
        }
        assert_true(ticker_host_open(h, NULL, &err) < 0);
        ticker_host_free(h);
    }
}

static void takes_so_many_symbols_and_no_more(void **state)
{
    (void)state;
    for (int count = 256; count <= 257; count++) {
        struct ticker_host *h = host_with("{\"symbols\": []}");
        struct json_object *names = ((struct price_settings *)h->settings)->symbols;
        for (int i = 0; i < count; i++) {
            char name[16];
            snprintf(name, sizeof name, "S%d", i);
            json_object_array_add(names, json_object_new_string(name));
        }
        struct err err = {0};
        assert_int_equal(source_price.check(h->settings, &err), count > 256 ? ERR_LIMIT : 0);
        if (count == 256) {
            assert_int_equal(ticker_host_open(h, NULL, &err), 0);
            ticker_host_at(h, NOON + 3000);
            assert_int_equal(h->live->count, 257); /* a gap and one tick */
        }
        ticker_host_free(h);
    }
}

static int64_t cents_at(const char *symbol, int64_t seed, double half_life_ticks, uint64_t tick,
                        double start, double volatility)
{
    struct price_path p;
    price_path_init(&p, seed, symbol, half_life_ticks);
    return price_path_cents(&p, tick, start, volatility);
}

static void sends_json_with_two_decimals(void **state)
{
    (void)state;
    struct ticker_host *h = open_price("{\"symbols\": {\"ACME\": {\"start\": 10, \"volatility\": 0.3,"
                                       " \"half_life_s\": 30}}, \"seed\": 5, \"interval_ms\": 500}",
                                       NULL);
    int negative = 0;
    for (int i = 1; i <= 400; i++) {
        uint64_t tick = NOON / 500 + (uint64_t)i;
        ticker_host_at(h, NOON + i * 500);
        int64_t cents = cents_at("ACME", 5, 60, tick, 10, 0.3);
        int64_t change = cents - cents_at("ACME", 5, 60, tick - 1, 10, 0.3);
        int64_t size = change < 0 ? -change : change;
        char time[CLOCK_ISO_BYTES];
        clock_iso8601(NOON + i * 500, time);
        char line[160];
        snprintf(line, sizeof line,
                 "%lld.0|{\"symbol\":\"ACME\",\"price\":%lld.%02lld,\"change\":%s%lld.%02lld,"
                 "\"time\":\"%s\"}",
                 (long long)(NOON + i * 500), (long long)(cents / 100), (long long)(cents % 100),
                 change < 0 ? "-" : "", (long long)(size / 100), (long long)(size % 100), time);
        assert_string_equal(h->live->lines[i - 1], line);
        negative += change < 0 && change > -100;
    }
    assert_true(negative > 0);
    ticker_host_free(h);
}

static void plain_sends_just_the_price(void **state)
{
    (void)state;
    struct ticker_host *h = open_price("{\"symbols\": {\"A\": {\"volatility\": 0}, \"B\": {\"start\":"
                                       " 0.05, \"volatility\": 0}}, \"format\": \"plain\"}",
                                       NULL);
    ticker_host_at(h, NOON + 1000);
    assert_int_equal(h->live->count, 2);
    assert_string_equal(h->live->lines[0], "1795262401000.0|100.00");
    assert_string_equal(h->live->lines[1], "1795262401000.1|0.05");
    ticker_host_free(h);
}

static void changes_add_up_to_the_price(void **state)
{
    (void)state;
    struct ticker_host *h = open_price("{\"symbols\": [\"ACME\"], \"history_s\": 2000}", NULL);
    char position[SSE_POSITION_SIZE];
    assert_int_equal(source_price.back(h->source, 2000, position), 0);
    struct record *page = record_new();
    assert_int_equal(ticker_host_pull(h, position, page, 65536), SOURCE_HEAD);
    assert_int_equal(page->count, 2000);
    double sum = 0;
    for (size_t i = 0; i < page->count; i++) {
        struct json_object *data = json_tokener_parse(strchr(page->lines[i], '|') + 1);
        double price = json_object_get_double(json_object_object_get(data, "price"));
        double change = json_object_get_double(json_object_object_get(data, "change"));
        sum = i == 0 ? price : sum + change;
        assert_true(sum - price < 1e-6 && price - sum < 1e-6);
        json_object_put(data);
    }
    free(page);
    ticker_host_free(h);
}

static void symbol_parameter_picks(void **state)
{
    (void)state;
    static const struct {
        const char *symbol;
        const char *slots;
    } cases[] = {{NULL, "012"}, {"A", "0"}, {"C", "2"}, {"C,A", "02"}, {"B,B", "1"},
                 {"A,B,C", "012"}};
    struct ticker_host *all = open_price(THREE, NULL);
    ticker_host_at(all, NOON + 1000);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ticker_host *h = open_price(THREE, cases[i].symbol);
        ticker_host_at(h, NOON + 1000);
        assert_int_equal(h->live->count, strlen(cases[i].slots));
        for (size_t k = 0; k < h->live->count; k++) {
            /* The very events of the whole stream, with the very ids. */
            assert_string_equal(h->live->lines[k], all->live->lines[cases[i].slots[k] - '0']);
        }
        ticker_host_free(h);
    }
    ticker_host_free(all);
}

static void unknown_symbol_is_named_with_what_there_is(void **state)
{
    (void)state;
    static const struct {
        const char *symbol;
        const char *text;
    } cases[] = {
        {"D", "symbol: there is no D; it must be of: A, B, C"},
        {"A,a", "symbol: there is no a; it must be of: A, B, C"},
        {"", "symbol: must be names with commas between them, of: A, B, C"},
        {"A,", "symbol: must be names with commas between them, of: A, B, C"},
        {",A", "symbol: must be names with commas between them, of: A, B, C"},
        {"A B", "symbol: must be names with commas between them, of: A, B, C"},
        {"\r\n\xff", "symbol: must be names with commas between them, of: A, B, C"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ticker_host *h = host_with(THREE);
        struct err err = {0};
        assert_int_equal(ticker_host_open(h, cases[i].symbol, &err), ERR_INVALID);
        assert_string_equal(err.text, cases[i].text);
        ticker_host_free(h);
    }
}

static void a_long_list_of_symbols_is_cut_in_the_message(void **state)
{
    (void)state;
    struct ticker_host *h = host_with("{\"symbols\": []}");
    struct json_object *names = ((struct price_settings *)h->settings)->symbols;
    for (int i = 0; i < 256; i++) {
        char name[40];
        snprintf(name, sizeof name, "SYMBOL-WITH-A-RATHER-LONG-%05d", i);
        json_object_array_add(names, json_object_new_string(name));
    }
    struct err err = {0};
    assert_int_equal(ticker_host_open(h, "D", &err), ERR_INVALID);
    assert_true(strlen(err.text) < ERR_TEXT_BYTES - 1);
    assert_string_equal(err.text + strlen(err.text) - 5, ", ...");
    ticker_host_free(h);
}

static void positions_of_a_part_are_good_in_the_whole_and_the_other_way(void **state)
{
    (void)state;
    struct ticker_host *all = open_price(THREE, NULL);
    struct ticker_host *part = open_price(THREE, "B");
    struct record *page = record_new();
    char position[SSE_POSITION_SIZE];
    ticker_host_at(all, NOON + 1000);
    ticker_host_at(part, NOON + 1000);

    part->type->head(part->source, position);
    assert_string_equal(position, "1795262401000.1");
    assert_int_equal(ticker_host_pull(all, position, page, 65536), SOURCE_HEAD);
    assert_int_equal(page->count, 1);
    assert_string_equal(page->lines[0], all->live->lines[2]);

    strcpy(position, "1795262401000.0");
    page->count = 0;
    assert_int_equal(ticker_host_pull(part, position, page, 65536), SOURCE_HEAD);
    assert_int_equal(page->count, 1);
    assert_string_equal(page->lines[0], all->live->lines[1]);

    strcpy(position, "1795262401000.2");
    page->count = 0;
    assert_int_equal(ticker_host_pull(part, position, page, 65536), SOURCE_HEAD);
    assert_int_equal(page->count, 0);
    free(page);
    ticker_host_free(all);
    ticker_host_free(part);
}

static void understands_a_time_with_or_without_a_slot(void **state)
{
    (void)state;
    static const struct {
        const char *position;
        int is_understood;
        size_t events; /* that follow it */
    } cases[] = {
        {"1795262399000.0", 1, 5},  {"1795262399000.1", 1, 4}, {"1795262399000.2", 1, 3},
        {"1795262399000.77", 1, 3}, {"1795262399000", 1, 3},   {"1795262399500", 1, 3},
        {"1795262399500.0", 1, 3},  {"1795262400000.2", 1, 0}, {"1795262399000.", 0, 0},
        {"1795262399000.0.0", 0, 0}, {"1795262399000.-1", 0, 0}, {".0", 0, 0}, {"", 0, 0},
        {"1795262399000.99999", 0, 0}, {"1795348800001.0", 0, 0},
    };
    struct ticker_host *h = open_price(THREE, NULL);
    struct record *page = record_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(source_price.understands(h->source, cases[i].position),
                         cases[i].is_understood);
        if (cases[i].is_understood) {
            char position[SSE_POSITION_SIZE];
            strcpy(position, cases[i].position);
            page->count = 0;
            assert_int_equal(ticker_host_pull(h, position, page, 65536), SOURCE_HEAD);
            assert_int_equal(page->count, cases[i].events);
        }
    }
    free(page);
    ticker_host_free(h);
}

static void resumes_after_any_event(void **state)
{
    (void)state;
    struct ticker_host *h = open_price(THREE, NULL);
    for (int i = 1; i <= 20; i++) {
        ticker_host_at(h, NOON + i * 1000);
    }
    assert_int_equal(h->live->count, 60);
    struct record *page = record_new();
    for (size_t i = 0; i < 60; i++) {
        char position[SSE_POSITION_SIZE];
        size_t len = strcspn(h->live->lines[i], "|");
        memcpy(position, h->live->lines[i], len);
        position[len] = '\0';
        page->count = 0;
        page->stop_after = 0;
        assert_int_equal(ticker_host_pull(h, position, page, 1 + i), SOURCE_HEAD);
        assert_int_equal(page->count, 59 - i);
        for (size_t k = 0; k < page->count; k++) {
            assert_string_equal(page->lines[k], h->live->lines[i + 1 + k]);
        }
    }
    free(page);
    ticker_host_free(h);
}

static void a_short_delay_loses_no_price_and_a_long_one_is_told(void **state)
{
    (void)state;
    struct ticker_host *h = open_price(THREE, NULL);
    ticker_host_at(h, NOON + 21 * 1000 + 999);
    assert_int_equal(h->live->count, 63);
    assert_string_equal(h->live->lines[0] + strlen("1795262401000.0"),
                        strchr(h->live->lines[0], '|'));
    ticker_host_at(h, NOON + (21 + 22) * 1000);
    assert_int_equal(h->live->count, 63 + 1 + 63);
    assert_string_equal(h->live->lines[63], "gap late 1795262422000.2|3");
    assert_memory_equal(h->live->lines[64], "1795262423000.0|", 16);
    ticker_host_free(h);
}

static void history_is_bounded_and_what_is_older_is_counted(void **state)
{
    (void)state;
    struct ticker_host *h = open_price("{\"symbols\": [\"A\", \"B\", \"C\"], \"history_s\": 2}",
                                       "A,C");
    struct record *page = record_new();
    char position[SSE_POSITION_SIZE] = "1795262390000.1";
    assert_int_equal(ticker_host_pull(h, position, page, 65536), SOURCE_HEAD);
    assert_int_equal(page->count, 5);
    assert_string_equal(page->lines[0], "gap expired 1795262398000.2|17");
    assert_memory_equal(page->lines[1], "1795262399000.0|", 16);
    assert_memory_equal(page->lines[4], "1795262400000.2|", 16);

    assert_int_equal(source_price.back(h->source, 3, position), 0);
    assert_string_equal(position, "1795262399000.0");
    free(page);
    ticker_host_free(h);
}

/* Two sources stand for two processes: nothing is shared. */
static void a_reader_moves_between_processes_without_a_seam(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 100; seed++) {
        srand(seed);
        struct ticker_host *h[2];
        for (int k = 0; k < 2; k++) {
            h[k] = open_price("{\"symbols\": [\"A\", \"B\", \"C\"]}", "A,C");
        }
        char position[SSE_POSITION_SIZE];
        source_price.head(h[0]->source, position);
        struct record *reader = record_new();
        int64_t wall = NOON;
        for (int step = 0; step < 50; step++) {
            wall += rand() % 3000;
            int k = rand() % 2;
            ticker_host_at(h[k], wall);
            h[k]->live->count = 0;
            int rc = ticker_host_pull(h[k], position, reader, 200);
            assert_true(rc == SOURCE_HEAD || rc == ERR_AGAIN);
        }
        for (size_t i = 0; i < reader->count; i++) {
            char expected[64];
            snprintf(expected, sizeof expected, "%lld.%d|",
                     (long long)(NOON + 1000 * (1 + (int64_t)i / 2)), i % 2 ? 2 : 0);
            assert_memory_equal(reader->lines[i], expected, strlen(expected));
        }
        free(reader);
        ticker_host_free(h[0]);
        ticker_host_free(h[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_the_promised_defaults),
        cmocka_unit_test(wrong_symbols_are_named_with_their_place),
        cmocka_unit_test(takes_so_many_symbols_and_no_more),
        cmocka_unit_test(sends_json_with_two_decimals),
        cmocka_unit_test(plain_sends_just_the_price),
        cmocka_unit_test(changes_add_up_to_the_price),
        cmocka_unit_test(symbol_parameter_picks),
        cmocka_unit_test(unknown_symbol_is_named_with_what_there_is),
        cmocka_unit_test(a_long_list_of_symbols_is_cut_in_the_message),
        cmocka_unit_test(positions_of_a_part_are_good_in_the_whole_and_the_other_way),
        cmocka_unit_test(understands_a_time_with_or_without_a_slot),
        cmocka_unit_test(resumes_after_any_event),
        cmocka_unit_test(a_short_delay_loses_no_price_and_a_long_one_is_told),
        cmocka_unit_test(history_is_bounded_and_what_is_older_is_counted),
        cmocka_unit_test(a_reader_moves_between_processes_without_a_seam),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
