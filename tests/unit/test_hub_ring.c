/* SPDX-License-Identifier: MIT */
/* The ring against a plain list of frames, in random sequences. */
#include "hub/ring.h"

#include "base/buf.h"
#include "hub_rig.h"
#include "sse/frame.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRAMES_MAX 4096
#define STEPS 3000

/* What the ring must hold: every frame ever pushed and where it stood. */
struct model {
    uint64_t seed;
    struct rig_dice dice;
    struct ring ring;
    struct model_frame {
        uint64_t start, end;
        char *bytes;
        char id[24]; /* "" for none */
    } frames[FRAMES_MAX];
    size_t first, count; /* frames[first..count) are in the ring */
    uint64_t head;
    char before[24], last[24];
    unsigned grow_percent; /* of pushes that come after ring_grow */
};

#define SAME(m, what)                                                                              \
    do {                                                                                           \
        if (!(what)) {                                                                             \
            fail_msg("seed %" PRIu64 ", line %d: %s", (m)->seed, __LINE__, #what);                 \
        }                                                                                          \
    } while (0)

static uint64_t tail_of(const struct model *m)
{
    return m->first < m->count ? m->frames[m->first].start : m->head;
}

static void evict(struct model *m)
{
    const struct model_frame *f = &m->frames[m->first++];
    if (*f->id) {
        snprintf(m->before, sizeof m->before, "%s", f->id);
    }
}

/* The ring takes new frames for old once the space or the index is full. */
static void model_push(struct model *m, const char *bytes, size_t len, const char *id)
{
    struct model_frame *f = &m->frames[m->count];
    uint64_t after;
    while (m->first < m->count
           && (m->head + len - tail_of(m) > m->ring.size
               || m->count - m->first >= m->ring.entry_limit)) {
        evict(m);
    }
    after = m->first < m->count ? tail_of(m) : m->head;
    SAME(m, ring_tail_after(&m->ring, len) == after);
    *f = (struct model_frame){.start = m->head, .end = m->head + len, .bytes = malloc(len)};
    assert_non_null(f->bytes);
    memcpy(f->bytes, bytes, len);
    snprintf(f->id, sizeof f->id, "%s", id ? id : "");
    if (id) {
        snprintf(m->last, sizeof m->last, "%s", id);
    }
    m->count++;
    m->head += len;
    SAME(m, ring_push(&m->ring, bytes, len, id) == 0);
}

static const char *some_id(struct model *m, char out[24])
{
    /* Few enough that ids come again. */
    snprintf(out, 24, "p-%" PRIu64, rig_roll(&m->dice, m->seed % 2 ? 40 : 100000));
    return out;
}

/* Makes room as long as that is allowed; nothing in the ring changes. */
static void grow(struct model *m, size_t len)
{
    size_t before = m->ring.size;
    int keeps = rig_chance(&m->dice, 50);
    ring_grow(&m->ring, len, keeps);
    SAME(m, m->ring.size >= before && m->ring.size <= m->ring.limit);
    SAME(m, m->ring.head == m->head && m->ring.tail == tail_of(m));
    SAME(m, m->ring.size == m->ring.limit || len <= m->ring.size);
    SAME(m,
         m->ring.size == m->ring.limit || !keeps || ring_tail_after(&m->ring, len) == m->ring.tail);
    /* And not further than that. */
    SAME(m, m->ring.size == before || m->ring.size / 2 < len
                || (keeps
                    && (m->ring.size / 2 < m->head - m->ring.tail + len
                        || m->ring.entry_limit / 2 <= m->count - m->first)));
    for (size_t i = m->first; i < m->count && m->ring.size != before; i++) {
        struct iovec iov[2];
        const struct model_frame *f = &m->frames[i];
        int pieces = ring_slice(&m->ring, f->start, f->end, iov);
        SAME(m, memcmp(iov[0].iov_base, f->bytes, iov[0].iov_len) == 0);
        SAME(m, pieces == 1 || !memcmp(iov[1].iov_base, f->bytes + iov[0].iov_len, iov[1].iov_len));
    }
}

static void push_one(struct model *m)
{
    char id[24];
    struct buf frame;
    uint64_t kind = rig_roll(&m->dice, 100);
    buf_init(&frame, 1 << 20);
    if (kind < 20) {
        assert_int_equal(sse_frame_comment(&frame, ""), 0);
        model_push(m, frame.data, frame.len, NULL);
    } else {
        char data[6000];
        size_t most = kind < 70 ? 30 : kind < 95 ? 600 : sizeof data;
        size_t len = (size_t)rig_roll(&m->dice, most);
        memset(data, (char)('a' + rig_roll(&m->dice, 26)), len);
        some_id(m, id);
        assert_int_equal(sse_frame_event(&frame, id, NULL, data, len), 0);
        if (rig_chance(&m->dice, m->grow_percent)) {
            grow(m, frame.len);
        }
        if (frame.len <= m->ring.size) {
            model_push(m, frame.data, frame.len, id);
        } else {
            SAME(m, ring_tail_after(&m->ring, frame.len) == m->head);
        }
    }
    buf_fini(&frame);
}

static void pass_one(struct model *m)
{
    char id[24];
    ring_pass(&m->ring, some_id(m, id));
    m->first = m->count;
    SAME(m, m->ring.head > m->head && m->ring.tail == m->ring.head);
    m->head = m->ring.head;
    snprintf(m->last, sizeof m->last, "%s", id);
    snprintf(m->before, sizeof m->before, "%s", id);
}

static void check_find(struct model *m)
{
    char id[24];
    uint64_t at;
    uint64_t wanted = UINT64_MAX;
    size_t held = m->count - m->first;
    if (held > 0 && rig_chance(&m->dice, 50)) {
        snprintf(id, sizeof id, "%s", m->frames[m->first + rig_roll(&m->dice, held)].id);
    } else {
        some_id(m, id);
    }
    if (strcmp(id, m->before) == 0) {
        wanted = tail_of(m);
    }
    for (size_t i = m->first; i < m->count; i++) {
        if (*id && strcmp(m->frames[i].id, id) == 0) {
            wanted = m->frames[i].end; /* the newest of those with this id */
        }
    }
    if (strcmp(id, m->last) == 0) {
        wanted = m->head;
    }
    int found = ring_find(&m->ring, id, &at);
    SAME(m, found == (wanted != UINT64_MAX));
    SAME(m, !found || at == wanted);
}

static void check_boundary(struct model *m)
{
    char got[SSE_POSITION_SIZE];
    const char *wanted = m->before;
    uint64_t at = tail_of(m) + rig_roll(&m->dice, m->head - tail_of(m) + 1);
    uint64_t end = at;
    for (size_t i = m->first; i < m->count && m->frames[i].start < at; i++) {
        end = m->frames[i].end;
        wanted = *m->frames[i].id ? m->frames[i].id : wanted;
    }
    if (at > tail_of(m) && end == m->head) {
        wanted = m->last;
    }
    SAME(m, ring_boundary(&m->ring, at, got) == end);
    /* With nothing in it, the tail is the head. */
    if (tail_of(m) != m->head || strcmp(got, m->last) != 0) {
        SAME(m, strcmp(got, wanted) == 0);
    }
}

static void check_slice(struct model *m)
{
    struct iovec iov[2];
    size_t held = m->count - m->first;
    if (held == 0) {
        return;
    }
    const struct model_frame *f = &m->frames[m->first + rig_roll(&m->dice, held)];
    uint64_t from = f->start + rig_roll(&m->dice, f->end - f->start + 1);
    uint64_t to = from + rig_roll(&m->dice, f->end - from + 1);
    int pieces = ring_slice(&m->ring, from, to, iov);
    const char *bytes = f->bytes + (from - f->start);
    for (int i = 0; i < pieces; i++) {
        SAME(m, iov[i].iov_len > 0 && iov[i].iov_len <= to - from);
        SAME(m, memcmp(iov[i].iov_base, bytes, iov[i].iov_len) == 0);
        bytes += iov[i].iov_len;
        from += iov[i].iov_len;
    }
    SAME(m, from == to);
}

static void start(struct model *m, uint64_t seed)
{
    static const size_t sizes[] = {1000, 4096, 5000, 40000, 65536, 1 << 20};
    memset(m, 0, sizeof *m);
    m->seed = seed;
    m->dice.state = seed;
    assert_int_equal(ring_init(&m->ring, sizes[seed % 6]), 0);
    m->grow_percent = seed % 7 < 3 ? (unsigned)(seed % 7) * 50 : 0;
    if (seed % 5 == 0) {
        /* As after a long life: the index knows entries by 32 bits of their number. */
        m->ring.first = m->ring.next = UINT32_MAX - rig_roll(&m->dice, 200);
        m->ring.head = m->ring.tail = m->head = (UINT64_C(1) << 40) - 777;
    }
    ring_start(&m->ring, "start");
    snprintf(m->last, sizeof m->last, "start");
    snprintf(m->before, sizeof m->before, "start");
}

static void play(uint64_t seed)
{
    static struct model m;
    start(&m, seed);
    for (size_t i = 0; i < STEPS && m.count < FRAMES_MAX; i++) {
        char id[24];
        uint64_t what = rig_roll(&m.dice, 1000);
        if (what < 400) {
            push_one(&m);
        } else if (what < 402) {
            pass_one(&m);
        } else if (what < 430) {
            ring_advance(&m.ring, some_id(&m, id));
            snprintf(m.last, sizeof m.last, "%s", id);
        } else if (what < 630) {
            check_find(&m);
        } else if (what < 830) {
            check_boundary(&m);
        } else {
            check_slice(&m);
        }
        SAME(&m, m.ring.head == m.head && m.ring.tail == tail_of(&m));
    }
    SAME(&m, m.ring.entry_cap <= m.ring.entry_limit);
    for (size_t i = 0; i < m.count; i++) {
        free(m.frames[i].bytes);
    }
    ring_fini(&m.ring);
}

static void is_a_list_of_the_newest_frames(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 120; seed++) {
        play(seed);
    }
}

static void rounds_its_size_up_to_a_power_of_two(void **state)
{
    (void)state;
    struct ring r;
    assert_int_equal(ring_init(&r, 4097), 0);
    assert_int_equal(r.size, 8192);
    ring_fini(&r);
    assert_int_equal(ring_init(&r, 4096), 0);
    assert_int_equal(r.size, 4096);
    ring_fini(&r);
}

/* Comments of three bytes must not make an index that is larger than the ring. */
static void bounds_its_index(void **state)
{
    (void)state;
    struct ring r;
    assert_int_equal(ring_init(&r, 65536), 0);
    ring_start(&r, "0");
    for (int i = 0; i < 100000; i++) {
        assert_int_equal(ring_push(&r, ":\n\n", 3, NULL), 0);
        assert_true(r.next - r.first <= r.entry_limit);
    }
    assert_int_equal(r.size, RING_FIRST_BYTES);
    assert_true(r.entry_cap <= r.size / 32);
    assert_int_equal(r.head - r.tail, 3 * (uint64_t)r.entry_limit);
    for (int i = 0; i < 100000; i++) {
        ring_grow(&r, 3, 1);
        assert_int_equal(ring_push(&r, ":\n\n", 3, NULL), 0);
    }
    assert_int_equal(r.size, 65536);
    assert_int_equal(r.next - r.first, 65536 / 32);
    ring_fini(&r);
}

static void holds_a_frame_of_exactly_its_size(void **state)
{
    (void)state;
    struct ring r;
    char frame[4096];
    uint64_t at;
    struct iovec iov[2];
    memset(frame, 'x', sizeof frame);
    memcpy(frame, "id: full\n", 9);
    assert_int_equal(ring_init(&r, sizeof frame), 0);
    ring_start(&r, "0");
    assert_int_equal(ring_push(&r, ":\n\n", 3, NULL), 0);
    assert_int_equal(ring_push(&r, frame, sizeof frame, "full"), 0);
    assert_int_equal(r.tail, 3);
    assert_int_equal(r.head, 3 + sizeof frame);
    assert_true(ring_find(&r, "full", &at) && at == r.head);
    assert_true(ring_find(&r, "0", &at) && at == r.tail);
    assert_int_equal(ring_slice(&r, r.tail, r.head, iov), 2);
    assert_int_equal(iov[0].iov_len + iov[1].iov_len, sizeof frame);
    ring_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_a_list_of_the_newest_frames),
        cmocka_unit_test(rounds_its_size_up_to_a_power_of_two),
        cmocka_unit_test(bounds_its_index),
        cmocka_unit_test(holds_a_frame_of_exactly_its_size),
    };
    return cmocka_run_group_tests_name("hub_ring", tests, NULL, NULL);
}
