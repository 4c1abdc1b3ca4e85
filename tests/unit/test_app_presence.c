/* SPDX-License-Identifier: MIT */
/* Presence in one process: who is told what, how often, and where the number comes from. */
#include "test_app_publish_rig.h"

#include "app/figures/presence.h"
#include "app/figures/tally.h"
#include "base/buf.h"
#include "base/hash.h"
#include "hub/hub.h"

#include <dirent.h>

#define EVENT "event: stream.presence\ndata: {\"readers\":"
#define GOT_BYTES 65536
#define SECOND 1000

/* A reader that takes everything. */
struct taker {
    struct hub_reader reader; /* first: the hub hands it back */
    struct buf got;
};

static ssize_t take(struct hub_reader *r, const struct iovec *iov, int count,
                    const struct hub_stamp *stamp)
{
    (void)stamp;
    struct taker *t = (struct taker *)r;
    ssize_t len = 0;
    for (int i = 0; i < count; i++) {
        assert_int_equal(buf_append(&t->got, iov[i].iov_base, iov[i].iov_len), 0);
        len += (ssize_t)iov[i].iov_len;
    }
    return len;
}

static size_t owed(const struct hub_reader *r)
{
    (void)r;
    return 0;
}

static void watch(struct hub_reader *r, int wanted)
{
    (void)r;
    (void)wanted;
}

static void finish(struct hub_reader *r)
{
    (void)r;
}

static void drop(struct hub_reader *r, const char *why)
{
    (void)r;
    (void)why;
}

static const struct hub_sink sink = {.send = take, .owed = owed, .watch = watch, .finish = finish,
                                     .drop = drop};

/* What the store is told and answers. */
static struct {
    uint64_t here;
    size_t calls;
    uint64_t everywhere;
    int rc;
} store;

static void store_readers(struct source *s, uint64_t here)
{
    (void)s;
    store.here = here;
    store.calls++;
}

static int store_presence(struct source *s, uint64_t *everywhere)
{
    (void)s;
    if (!store.rc) {
        *everywhere = store.everywhere;
    }
    return store.rc;
}

static struct source_type store_type;
static struct app_presence *presence;
static struct app_channel *channel;
static struct taker takers[4];
static char folder[64];

static void open_presence(const char *where)
{
    struct app_presence_setup setup = {.folder = where, .config = &w.config_at,
                                       .channels = &w.channels, .clock = &w.clock.base,
                                       .log = &w.log};
    app_presence_free(presence);
    assert_int_equal(app_presence_new(&presence, &setup), 0);
    w.server.presence = presence;
}

static int set_up(void **state)
{
    (void)state;
    struct err err;
    make_world(NULL);
    memset(&store, 0, sizeof store);
    store_type = stand_in_type;
    store_type.readers = store_readers;
    store_type.presence = store_presence;
    w.stream.own.presence = 1;
    snprintf(folder, sizeof folder, "test_presence.XXXXXX");
    assert_non_null(mkdtemp(folder));
    open_presence(folder);
    assert_int_equal(app_channels_open(w.channels, &w.stream, NULL, &channel, &err), 0);
    return 0;
}

static void use_store(void)
{
    struct err err;
    close_channels();
    struct app_channels_setup channels = {.loop = &w.loop, .hub = w.hub, .log = &w.log,
                                          .clock = &w.clock.base, .metrics = w.metrics};
    assert_int_equal(app_channels_new(&w.channels, &channels), 0);
    w.stream.type = &store_type;
    source.base.type = &store_type;
    assert_int_equal(app_channels_open(w.channels, &w.stream, NULL, &channel, &err), 0);
}

static int tear_down(void **state)
{
    (void)state;
    close_channels();
    app_presence_free(presence);
    presence = NULL;
    end_world();
    for (size_t i = 0; i < sizeof takers / sizeof takers[0]; i++) {
        buf_fini(&takers[i].got);
    }
    return rmdir(folder); /* nothing is left in it */
}

static void join(struct taker *t)
{
    struct hub_start start = {.position = POSITION};
    memset(t, 0, sizeof *t);
    buf_init(&t->got, GOT_BYTES);
    assert_int_equal(hub_reader_start(channel->hub_channel, &t->reader, &sink, &start,
                                      w.clock.now_ms), 0);
}

static void leave(struct taker *t)
{
    hub_reader_leave(&t->reader);
    buf_fini(&t->got);
}

static void tick(int64_t ms)
{
    w.clock.now_ms += ms;
    app_presence_tick(presence);
    while (hub_turn(w.hub, w.clock.now_ms)) {
    }
}

/* How often it was told since the last call; *last is the last number. */
static size_t told(struct taker *t, long *last)
{
    size_t count = 0;
    *last = -1;
    assert_int_equal(buf_append_char(&t->got, '\0'), 0);
    for (const char *at = t->got.data; (at = strstr(at, EVENT)); count++) {
        at += strlen(EVENT);
        *last = strtol(at, NULL, 10);
    }
    buf_clear(&t->got);
    return count;
}

static void expect_told(struct taker *t, long number)
{
    long last;
    assert_int_equal(told(t, &last), 1);
    assert_int_equal(last, number);
}

static void expect_silence(struct taker *t)
{
    long last;
    assert_int_equal(told(t, &last), 0);
}

/* Another process with so many readers. */
static struct tally *other_process(uint64_t readers)
{
    char path[600] = "";
    struct err err;
    struct tally *t;
    struct tally_entry e = {.key = hash_bytes("s", 1), .count = readers};
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *d = readdir(dir); d; d = readdir(dir)) {
        if (d->d_name[0] != '.') {
            snprintf(path, sizeof path, "%s/%s", folder, d->d_name);
        }
    }
    closedir(dir);
    assert_int_equal(tally_open(&t, path, &err), 0);
    assert_int_equal(tally_note(t, &e, 1, &err), 0);
    return t;
}

/* --- telling ------------------------------------------------------------------------------- */

static void readers_are_told_when_the_number_changes_or_somebody_is_new(void **state)
{
    (void)state;
    join(&takers[0]);
    tick(SECOND);
    expect_told(&takers[0], 1);
    for (int i = 0; i < 5; i++) {
        tick(SECOND);
        expect_silence(&takers[0]);
    }
    join(&takers[1]);
    tick(SECOND);
    expect_told(&takers[0], 2);
    expect_told(&takers[1], 2);
    leave(&takers[0]);
    join(&takers[2]);
    tick(SECOND);
    expect_told(&takers[1], 2); /* the number is the same, but the third does not know it */
    expect_told(&takers[2], 2);
    tick(SECOND);
    expect_silence(&takers[1]);
}

static void it_is_told_once_a_second_at_most(void **state)
{
    (void)state;
    long last;
    join(&takers[0]);
    for (int i = 0; i < 100; i++) {
        join(&takers[1]);
        tick(50);
        leave(&takers[1]);
        tick(50);
    }
    size_t count = told(&takers[0], &last);
    assert_in_range(count, 8, 11);
}

static void a_stream_without_it_is_silent(void **state)
{
    (void)state;
    w.stream.own.presence = 0;
    join(&takers[0]);
    for (int i = 0; i < 5; i++) {
        tick(SECOND);
        expect_silence(&takers[0]);
    }
}

static void readers_of_other_processes_count(void **state)
{
    (void)state;
    join(&takers[0]);
    tick(SECOND);
    expect_told(&takers[0], 1);
    struct tally *other = other_process(40);
    tick(SECOND);
    expect_told(&takers[0], 41);
    tally_close(other);
    tick(SECOND);
    expect_told(&takers[0], 1);
}

static void where_nothing_can_be_noted_its_own_readers_count(void **state)
{
    (void)state;
    open_presence("/nowhere/at/all");
    join(&takers[0]);
    tick(SECOND);
    expect_told(&takers[0], 1);
    join(&takers[1]);
    tick(SECOND);
    expect_told(&takers[0], 2);
}

/* --- a store ------------------------------------------------------------------------------- */

static void a_store_is_told_of_changes_and_of_the_end(void **state)
{
    (void)state;
    use_store();
    tick(SECOND);
    assert_int_equal(store.calls, 0);
    join(&takers[0]);
    join(&takers[1]);
    tick(SECOND);
    tick(SECOND);
    assert_int_equal(store.calls, 1);
    assert_int_equal(store.here, 2);
    leave(&takers[1]);
    tick(SECOND);
    assert_int_equal(store.calls, 2);
    assert_int_equal(store.here, 1);
    leave(&takers[0]);
    close_channels();
    assert_int_equal(store.calls, 3);
    assert_int_equal(store.here, 0);
}

static void the_number_is_the_stores(void **state)
{
    (void)state;
    use_store();
    store.rc = ERR_AGAIN;
    join(&takers[0]);
    tick(SECOND);
    expect_silence(&takers[0]);
    store.rc = 0;
    store.everywhere = 1000;
    tick(SECOND);
    expect_told(&takers[0], 1000);
    store.rc = ERR_AGAIN;
    tick(SECOND);
    expect_silence(&takers[0]);
    store.rc = 0;
    store.everywhere = 999;
    tick(SECOND);
    expect_told(&takers[0], 999);
}

/* --- the page ------------------------------------------------------------------------------ */

static const char *const get[] = {"REQUEST_METHOD", "GET", NULL};

#define PAGE(...) expect("/s/-/presence", "", get, (const char *const[]){__VA_ARGS__, NULL})

static void the_page_tells_the_number(void **state)
{
    (void)state;
    PAGE("Status: 200", "no-store", "\r\n\r\n{\"readers\":0}\n");
    join(&takers[0]);
    PAGE("Status: 200", "{\"readers\":1}"); /* at once */
    struct tally *other = other_process(40);
    tick(SECOND);
    PAGE("{\"readers\":41}");
    tally_close(other);
}

static void the_page_tells_the_stores_number_or_when_to_come_again(void **state)
{
    (void)state;
    use_store();
    store.rc = ERR_AGAIN;
    PAGE("Status: 503", "Retry-After: 1", "not known");
    store.rc = 0;
    store.everywhere = 1000;
    PAGE("Status: 200", "{\"readers\":1000}");
}

static void the_page_is_there_where_presence_is(void **state)
{
    (void)state;
    expect("/closed/-/presence", "", get,
           (const char *const[]){"Status: 404", "presence is off for this stream", NULL});
    expect("/nowhere/-/presence", "", get, (const char *const[]){"Status: 404", NULL});
    expect("/s/-/presence", "", NULL,
           (const char *const[]){"Status: 405", "Allow: GET, HEAD, OPTIONS", NULL});
    expect("/s/-/presence/", "", get, (const char *const[]){"Status: 404", NULL});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            readers_are_told_when_the_number_changes_or_somebody_is_new, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_is_told_once_a_second_at_most, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stream_without_it_is_silent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(readers_of_other_processes_count, set_up, tear_down),
        cmocka_unit_test_setup_teardown(where_nothing_can_be_noted_its_own_readers_count, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_store_is_told_of_changes_and_of_the_end, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_number_is_the_stores, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_page_tells_the_number, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_page_tells_the_stores_number_or_when_to_come_again,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_page_is_there_where_presence_is, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
