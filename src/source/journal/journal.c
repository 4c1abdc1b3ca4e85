/* SPDX-License-Identifier: MIT */
/* journal: the publisher's side of a topic's journal: appends events. */
#include "source/journal/journal.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BATCH_KEPT_BYTES (256 * 1024)

/* ---- life ---- */

/* Tells one run of the system from another. 0: nobody knows. */
static uint64_t read_boot(void)
{
    char text[64];
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text);
    if (fd >= 0) {
        close(fd);
    }
    return n > 0 ? hash_bytes(text, (size_t)n) : 0;
}

int journal_new(struct journal **out, const char *state_dir, const char *stream,
                const struct journal_rules *rules, const struct clock *clock)
{
    struct journal *j = calloc(1, sizeof *j);
    if (!j || journal_dir_init(&j->dir, state_dir, stream)) {
        free(j);
        return ERR_NOMEM;
    }
    j->rules = *rules;
    j->family_len = journal_dir_chars(stream, rules->family_chars);
    j->clock = clock;
    j->boot = read_boot();
    journal_seg_init(&j->seg);
    buf_init(&j->batch, JOURNAL_BATCH_BYTES);
    *out = j;
    return 0;
}

void journal_free(struct journal *j)
{
    if (!j) {
        return;
    }
    journal_seg_fini(&j->seg);
    journal_dir_fini(&j->dir);
    journal_keys_fini(&j->keys);
    journal_close_unsynced(&j->unsynced);
    buf_fini(&j->batch);
    free(j);
}

void journal_rest(struct journal *j)
{
    if (j->is_dirty || j->unsynced.count > 0 || journal_let_go(j)) {
        return;
    }
    journal_seg_fini(&j->seg);
    journal_keys_fini(&j->keys);
    j->has_keys = 0;
    buf_fini(&j->batch);
}

int64_t journal_now_ms(const struct journal *j)
{
    return j->clock->wall_ms(j->clock);
}

int journal_fail(struct journal *j)
{
    j->error = errno;
    return errno == EMFILE || errno == ENFILE ? ERR_AGAIN : ERR_IO;
}

int journal_is_full(const struct journal *j)
{
    return j->error == ENOSPC || j->error == EDQUOT || j->error == EFBIG;
}

/* ---- a batch ---- */

static int check_events(const struct journal *j, const struct journal_event *events, size_t count)
{
    size_t total = 0;
    if (count == 0 || count > JOURNAL_BATCH_MAX) {
        return ERR_LIMIT;
    }
    for (size_t i = 0; i < count; i++) {
        const struct journal_event *e = &events[i];
        size_t name_len = e->name ? strlen(e->name) : 0;
        if (name_len > JOURNAL_NAME_MAX || e->key_len > JOURNAL_KEY_MAX) {
            return ERR_INVALID;
        }
        if (e->data_len > j->rules.max_event_bytes || e->data_len > JOURNAL_DATA_MAX) {
            return ERR_LIMIT;
        }
        total += journal_record_bytes(name_len, e->data_len);
        if (total > JOURNAL_BATCH_BYTES) {
            return ERR_LIMIT;
        }
    }
    return 0;
}

static size_t size_of(const struct journal_event *e)
{
    return journal_record_bytes(e->name ? strlen(e->name) : 0, e->data_len);
}

/* A batch while it is put together. */
struct draft {
    const struct journal_event *events;
    struct journal_position *places;
    int64_t now_ms;
    struct journal_record last; /* of the last record so far */
    size_t last_index;
    size_t last_at; /* in the buffer */
    size_t count;   /* records */
};

static struct journal_position place_of(const struct journal *j, const struct draft *d)
{
    return (struct journal_position){.is_event = 1,
                                     .generation = j->seg.head.generation,
                                     .epoch = j->seg.name.epoch,
                                     .check = d->last.check,
                                     .seq = d->last.seq,
                                     .offset = j->end.end + d->last_at};
}

/* Writes the last record, for the first time or again. The buffer has room. */
static void write_last(struct journal *j, struct draft *d)
{
    const struct journal_event *e = &d->events[d->last_index];
    journal_record_write(j->seg.head.seed, j->end.end + d->last_at, &d->last, e->name, e->data,
                         (unsigned char *)j->batch.data + d->last_at);
    d->places[d->last_index] = place_of(j, d);
}

/* Adds an event, unless its key is known. */
static int add_event(struct journal *j, struct draft *d, size_t i)
{
    const struct journal_event *e = &d->events[i];
    struct journal_key key = {.wall_ms = d->now_ms};
    if (e->key) {
        journal_key_hash(j->seg.head.salt, e->key, e->key_len, key.hash);
        const struct journal_key *known = journal_keys_find(&j->keys, key.hash, d->now_ms);
        if (known) {
            d->places[i] = known->at;
            return 0;
        }
    }
    int rc = buf_reserve(&j->batch, size_of(e));
    if (rc) {
        return rc;
    }
    d->last = (struct journal_record){.seq = j->end.seq + ++d->count,
                                      .wall_ms = d->now_ms,
                                      .key = {key.hash[0], key.hash[1]},
                                      .name_len = (uint32_t)(e->name ? strlen(e->name) : 0),
                                      .data_len = (uint32_t)e->data_len};
    d->last_index = i;
    d->last_at = j->batch.len;
    write_last(j, d);
    j->batch.len += size_of(e);
    key.at = d->places[i];
    return e->key ? journal_keys_add(&j->keys, &key) : 0;
}

/* Marks the end of the batch, which changes the last record's check. */
static void finish(struct journal *j, struct draft *d, size_t count)
{
    d->last.flags = JOURNAL_LAST;
    write_last(j, d);
    struct journal_position last = d->places[d->last_index];
    for (size_t i = d->last_index; i < count; i++) {
        d->places[i] = d->places[i].seq == last.seq ? last : d->places[i];
    }
    if (d->events[d->last_index].key) {
        journal_keys_last(&j->keys)->at = last;
    }
}

int journal_write(struct journal *j, const void *data, size_t len, uint64_t from)
{
    ssize_t n = write(j->seg.fd, data, len);
    if (n == (ssize_t)len) {
        j->is_dirty = j->rules.is_synced;
        return 0;
    }
    errno = n < 0 ? errno : ENOSPC;
    int rc = journal_fail(j);
    (void)ftruncate(j->seg.fd, (off_t)from); /* otherwise the next publisher does it */
    return rc;
}

static int write_batch(struct journal *j, const struct journal_event *events, size_t count,
                       struct journal_position *places)
{
    int64_t now_ms = journal_now_ms(j);
    struct draft d = {.events = events,
                      .places = places,
                      .now_ms = now_ms > j->end.wall_ms ? now_ms : j->end.wall_ms};
    int rc = 0;
    buf_clear(&j->batch);
    for (size_t i = 0; i < count && !rc; i++) {
        rc = add_event(j, &d, i);
    }
    if (!rc && d.count > 0) {
        finish(j, &d, count);
        rc = journal_write(j, j->batch.data, j->batch.len, j->end.end);
    }
    if (rc) {
        j->has_keys = 0; /* some may be of events that are not there */
        return rc;
    }
    if (d.count > 0) {
        j->end.last_at = j->end.end + d.last_at;
        j->end.last = d.last;
        j->end.end += j->batch.len;
        j->end.seq = j->last_seq = d.last.seq;
        j->end.wall_ms = d.now_ms;
        j->seg.size = j->end.end;
    }
    return 0;
}

/* Most batches are small; the memory of a large one is not kept. */
static void forget_batch(struct journal *j)
{
    if (j->batch.cap > BATCH_KEPT_BYTES) {
        buf_fini(&j->batch);
    }
}

int journal_append(struct journal *j, const struct journal_event *events, size_t count,
                   struct journal_position *out)
{
    int has_keys = 0;
    size_t total = 0;
    int rc = check_events(j, events, count);
    rc = rc ? rc : journal_lock(j);
    if (rc) {
        return rc;
    }
    for (size_t i = 0; i < count; i++) {
        has_keys |= events[i].key != NULL;
        total += size_of(&events[i]);
    }
    int is_full = journal_is_due(j, total);
    rc = is_full ? journal_rotate(j) : 0;
    rc = rc || !has_keys ? rc : journal_learn_keys(j);
    rc = rc ? rc : write_batch(j, events, count, out);
    if (rc) {
        journal_unlock(j);
    } else {
        journal_keep_lock(j);
    }
    if (is_full && !rc) {
        (void)journal_expire(j); /* tried again at the next one */
    }
    forget_batch(j);
    return rc;
}

/* ---- on disk ---- */

size_t journal_take_unsynced(struct journal *j, struct journal_unsynced *out)
{
    if (j->is_dirty) {
        int fd = fcntl(j->seg.fd, F_DUPFD_CLOEXEC, 3);
        if (fd < 0) { /* too many are open: then this one goes, and is opened anew */
            fd = j->seg.fd;
            j->seg.fd = -1;
            j->is_known = 0;
        }
        j->unsynced.fds[j->unsynced.count++] = fd;
        j->is_dirty = 0;
    }
    *out = j->unsynced;
    out->dir = &j->dir;
    j->unsynced = (struct journal_unsynced){.count = 0};
    return out->count;
}

int journal_sync(struct journal_unsynced *u)
{
    while (u->count > 0) {
        if (fdatasync(u->fds[u->count - 1])) {
            return ERR_IO;
        }
        close(u->fds[--u->count]);
    }
    return u->has_new ? journal_dir_sync(u->dir) : 0;
}

void journal_give_back(struct journal *j, struct journal_unsynced *u)
{
    j->unsynced.has_new |= u->has_new;
    journal_close_unsynced(u); /* all that had to be synced was */
}

void journal_close_unsynced(struct journal_unsynced *u)
{
    for (size_t i = 0; i < u->count; i++) {
        close(u->fds[i]);
    }
    u->count = 0;
}
