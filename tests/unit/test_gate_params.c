/* SPDX-License-Identifier: MIT */
/* Requests through libfcgi: what goes in comes out, up to the limit of the gate, again and again.
 */
#include "gate/params.h"

#include "base/buf.h"
#include "base/err.h"
#include "gate/fcgi_record.h"
#include "gate/gate.h"
#include "hub_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct gate_params *params;
static struct buf pairs;
static struct buf records;

static int set_up(void **state)
{
    (void)state;
    buf_init(&pairs, 4 * GATE_PARAMS_BYTES);
    buf_init(&records, 64 * GATE_PARAMS_BYTES);
    return gate_params_new(&params);
}

static int tear_down(void **state)
{
    (void)state;
    gate_params_free(params);
    buf_fini(&pairs);
    buf_fini(&records);
    return 0;
}

static void add_length(size_t len)
{
    const uint8_t bytes[] = {(uint8_t)(len >> 24 | 0x80), (uint8_t)(len >> 16), (uint8_t)(len >> 8),
                             (uint8_t)len};
    size_t skip = len < 128 ? 3 : 0;
    assert_int_equal(buf_append(&pairs, bytes + skip, sizeof bytes - skip), 0);
}

static void add_pair(const char *name, const char *value, size_t value_len)
{
    add_length(strlen(name));
    add_length(value_len);
    assert_int_equal(buf_append_str(&pairs, name), 0);
    assert_int_equal(buf_append(&pairs, value, value_len), 0);
}

static void add_record(uint8_t type, const void *data, size_t len)
{
    uint8_t head[FCGI_RECORD_HEAD_BYTES];
    fcgi_record_head(head, type, 1, (uint16_t)len);
    assert_int_equal(buf_append(&records, head, sizeof head), 0);
    assert_int_equal(buf_append(&records, data, len), 0);
}

/* The whole request, its variables in records of `most` bytes at most. */
static void make_records(size_t most)
{
    static const uint8_t begin[8] = {0, FCGI_RECORD_RESPONDER, FCGI_RECORD_KEEP_CONN};
    buf_clear(&records);
    add_record(FCGI_TYPE_BEGIN_REQUEST, begin, sizeof begin);
    for (size_t at = 0; at < pairs.len; at += most) {
        size_t len = pairs.len - at < most ? pairs.len - at : most;
        add_record(FCGI_TYPE_PARAMS, pairs.data + at, len);
    }
    add_record(FCGI_TYPE_PARAMS, NULL, 0);
}

static const char *get(const struct sse_vars *vars, const char *name)
{
    return vars->get(vars->ctx, name);
}

static void read_small(void)
{
    struct sse_vars vars;
    buf_clear(&pairs);
    add_pair("REQUEST_METHOD", "GET", 3);
    add_pair("QUERY_STRING", "", 0);
    make_records(65535);
    assert_int_equal(gate_params_read(params, records.data, records.len, &vars), 0);
    assert_string_equal(get(&vars, "REQUEST_METHOD"), "GET");
    assert_string_equal(get(&vars, "QUERY_STRING"), "");
    assert_null(get(&vars, "HTTP_COOKIE"));
    gate_params_done(params);
}

static void reads_variables_from_records_cut_anywhere(void **state)
{
    (void)state;
    struct sse_vars vars;
    char value[400];
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    add_pair("REQUEST_METHOD", "GET", 3);
    add_pair("LONG", value, strlen(value));
    add_pair("EMPTY", "", 0);
    add_pair("HTTP_LAST_EVENT_ID", "1-2", 3);
    for (size_t most = 1; most <= pairs.len; most++) {
        make_records(most);
        assert_int_equal(gate_params_read(params, records.data, records.len, &vars), 0);
        assert_string_equal(get(&vars, "REQUEST_METHOD"), "GET");
        assert_string_equal(get(&vars, "LONG"), value);
        assert_string_equal(get(&vars, "EMPTY"), "");
        assert_string_equal(get(&vars, "HTTP_LAST_EVENT_ID"), "1-2");
        assert_null(get(&vars, "HTTP_COOKIE"));
        gate_params_done(params);
    }
}

static char *long_text(size_t len)
{
    char *text = malloc(len + 1);
    assert_non_null(text);
    for (size_t i = 0; i < len; i++) {
        text[i] = (char)('!' + i % 90);
    }
    text[len] = '\0';
    return text;
}

static void a_cookie_of_64_KiB_gets_through(void **state)
{
    (void)state;
    static const size_t cuts[] = {65535, 8184, 4096, 1000};
    char *cookie = long_text(65536);
    struct sse_vars vars;
    add_pair("REQUEST_METHOD", "GET", 3);
    add_pair("HTTP_COOKIE", cookie, 65536);
    add_pair("LAST", "yes", 3);
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        make_records(cuts[i]);
        assert_true(records.len <= GATE_PARAMS_BYTES);
        assert_int_equal(gate_params_read(params, records.data, records.len, &vars), 0);
        assert_string_equal(get(&vars, "HTTP_COOKIE"), cookie);
        assert_string_equal(get(&vars, "LAST"), "yes");
        gate_params_done(params);
    }
    free(cookie);
    read_small();
}

/* All that the gate takes in, also reaches the handler. */
static void takes_all_that_the_gate_lets_in(void **state)
{
    (void)state;
    char *text = long_text(GATE_PARAMS_BYTES);
    struct sse_vars vars;
    add_pair("A", text, GATE_PARAMS_BYTES - 200);
    add_pair("LAST", "yes", 3);
    make_records(65535);
    assert_in_range(records.len, GATE_PARAMS_BYTES - 200, GATE_PARAMS_BYTES);
    assert_int_equal(gate_params_read(params, records.data, records.len, &vars), 0);
    assert_string_equal(get(&vars, "LAST"), "yes");
    assert_int_equal(strlen(get(&vars, "A")), GATE_PARAMS_BYTES - 200);
    gate_params_done(params);
    free(text);
    read_small();
}

/* The same in the smallest records that fit: the walk over them must not depend on their size. */
static void takes_as_much_in_many_records(void **state)
{
    (void)state;
    char *text = long_text(GATE_PARAMS_BYTES);
    char name[16];
    struct sse_vars vars;
    for (size_t i = 0; i < 500; i++) {
        snprintf(name, sizeof name, "HTTP_X_%zu", i);
        add_pair(name, text, 20);
    }
    make_records(1);
    assert_in_range(records.len, GATE_PARAMS_BYTES / 2, 2 * GATE_PARAMS_BYTES);
    int rc = gate_params_read(params, records.data, records.len, &vars);
    if (rc == 0) {
        assert_memory_equal(get(&vars, "HTTP_X_499"), text, 20);
        gate_params_done(params);
    }
    assert_true(rc == 0 || (rc == ERR_LIMIT && records.len > GATE_PARAMS_BYTES));
    free(text);
    read_small();
}

static void what_does_not_fit_is_a_limit_and_the_next_one_works(void **state)
{
    (void)state;
    struct sse_vars vars;
    char *text = long_text(1 << 20);
    for (int i = 0; i < 3; i++) {
        buf_fini(&pairs);
        buf_init(&pairs, 8 << 20);
        for (int k = 0; k < 6; k++) {
            add_pair("A", text, 1 << 20);
        }
        make_records(65535);
        assert_int_equal(gate_params_read(params, records.data, records.len, &vars), ERR_LIMIT);
        read_small();
    }
    free(text);
}

/* The gate sends whole records only; should it be wrong one day, nothing hangs. */
static void a_request_that_is_not_whole_does_not_hang(void **state)
{
    (void)state;
    struct sse_vars vars;
    static const size_t cuts[] = {1, 8, 15, 16, 20, 30};
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        buf_clear(&pairs);
        add_pair("REQUEST_METHOD", "GET", 3);
        make_records(65535);
        /* libfcgi takes the end of its input for the end of the variables. */
        if (gate_params_read(params, records.data, cuts[i], &vars) == 0) {
            assert_null(get(&vars, "REQUEST_METHOD"));
            gate_params_done(params);
        }
        read_small();
    }
}

static void serves_many_requests_one_after_the_other(void **state)
{
    (void)state;
    for (int i = 0; i < 2000; i++) {
        read_small();
    }
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(reads_variables_from_records_cut_anywhere),
        T(a_cookie_of_64_KiB_gets_through),
        T(takes_all_that_the_gate_lets_in),
        T(takes_as_much_in_many_records),
        T(what_does_not_fit_is_a_limit_and_the_next_one_works),
        T(a_request_that_is_not_whole_does_not_hang),
        T(serves_many_requests_one_after_the_other),
    };
    return cmocka_run_group_tests_name("gate_params", tests, NULL, NULL);
}
