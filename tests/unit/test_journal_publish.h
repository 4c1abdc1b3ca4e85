/* SPDX-License-Identifier: MIT */
/* test_journal_publish: the publishers of the model test. Included once, by test_journal_model.c. */
#ifndef TEST_JOURNAL_PUBLISH_H
#define TEST_JOURNAL_PUBLISH_H

#include "test_journal_model.h"

static struct journal *new_publisher(struct model *m)
{
    struct journal *j;
    if (journal_new(&j, m->state, STREAM, &m->rules, &m->clock.base)) {
        abort();
    }
    j->boot = m->boot;
    return j;
}

struct draft {
    struct journal_event events[BATCH_LARGEST];
    struct journal_position at[BATCH_LARGEST];
    struct item items[BATCH_LARGEST];
    char keys[BATCH_LARGEST][16];
    size_t count;
};

static void make_draft(struct model *m, struct draft *d)
{
    static const char padding[] = "................................................................"
                                  "................................................................";
    d->count = draw(m, 3) == 0 ? 1 + draw(m, BATCH_LARGEST) : 1;
    for (size_t i = 0; i < d->count; i++) {
        struct item *item = &d->items[i];
        *item = (struct item){.batch = m->batches, .key = -1};
        snprintf(item->text, sizeof item->text, "e%d.%d%.*s%.*s", m->batches, (int)i,
                 (int)draw(m, 128), padding, draw(m, 4) ? 0 : (int)draw(m, 128), padding);
        if (draw(m, 4) == 0) {
            item->key = m->keys++;
        }
        d->events[i] = (struct journal_event){.data = item->text, .data_len = strlen(item->text)};
        if (item->key >= 0) {
            snprintf(d->keys[i], sizeof d->keys[i], "key%d", item->key);
            d->events[i].key = d->keys[i];
            d->events[i].key_len = strlen(d->keys[i]);
        }
        item->size = journal_record_bytes(0, d->events[i].data_len);
    }
    m->batches++;
}

static void list_segments(struct model *m, struct journal_dir *d)
{
    if (journal_dir_init(d, m->state, STREAM) || journal_dir_list(d)) {
        abort();
    }
}

static uint64_t size_of(const struct journal_dir *d, size_t index)
{
    struct stat st;
    char *path = journal_dir_path(d, d->items[index]);
    int rc = stat(path, &st);
    free(path);
    return rc ? 0 : (uint64_t)st.st_size;
}

/* The events that are in the journal by now: the end of its newest segment. */
static void add_items(struct model *m, const struct draft *d, int is_acknowledged)
{
    struct journal_dir dir;
    list_segments(m, &dir);
    uint64_t at = size_of(&dir, dir.count - 1);
    for (size_t i = 0; i < d->count; i++) {
        at -= d->items[i].size;
    }
    for (size_t i = 0; i < d->count && m->count < ITEMS_MAX; i++) {
        struct item *item = &m->items[m->count++];
        *item = d->items[i];
        item->seg = dir.items[dir.count - 1];
        item->offset = at;
        at += item->size;
        item->has_at = is_acknowledged;
        item->at = d->at[i];
        if (is_acknowledged && item->at.offset != item->offset) {
            wrong(m, "publisher", "the position's offset", (int64_t)item->at.offset,
                  (int64_t)item->offset);
        }
    }
    journal_dir_fini(&dir);
}

/* Events of segments that were deleted by the rules. */
static void note_expired(struct model *m)
{
    struct journal_dir dir;
    list_segments(m, &dir);
    for (int i = 0; i < m->count && dir.count > 0; i++) {
        if (m->items[i].fate == FATE_THERE
            && journal_name_order(m->items[i].seg, dir.items[0]) < 0) {
            m->items[i].fate = FATE_EXPIRED;
        }
    }
    journal_dir_fini(&dir);
}

/* 1 when the newest segment has this text. */
static int is_written(struct model *m, const char *text)
{
    struct journal_dir dir;
    list_segments(m, &dir);
    size_t size = (size_t)size_of(&dir, dir.count - 1);
    char *path = journal_dir_path(&dir, dir.items[dir.count - 1]);
    char *bytes = malloc(size + 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (!bytes || fd < 0 || read(fd, bytes, size) != (ssize_t)size) {
        abort();
    }
    int is_there = memmem(bytes, size, text, strlen(text)) != NULL;
    close(fd);
    free(bytes);
    free(path);
    journal_dir_fini(&dir);
    return is_there;
}

static void publish(struct model *m, int p)
{
    struct draft d;
    make_draft(m, &d);
    trace(m, "publisher %d: e%d, %zu events\n", p, m->batches - 1, d.count);
    int rc = journal_append(m->publishers[p], d.events, d.count, d.at);
    if (rc) {
        wrong(m, "publisher", "refused", rc, 0);
    }
    add_items(m, &d, 1);
    note_expired(m);
}

/* Inside another's publish(), which holds the lock or not. */
static void publish_inside(struct model *m, int p)
{
    struct draft d;
    make_draft(m, &d);
    int rc = journal_append(m->publishers[p], d.events, d.count, d.at);
    trace(m, "publisher %d: meanwhile e%d, %zu events: %d\n", p, m->batches - 1, d.count, rc);
    if (rc == 0) {
        add_items(m, &d, 1);
        note_expired(m);
    } else if (rc != ERR_AGAIN) {
        wrong(m, "publisher", "refused", rc, ERR_AGAIN);
    }
}

/* Two at once, whoever begins the next segment. */
static void publish_at_once(struct model *m, int p)
{
    fault.model = m;
    fault.meanwhile = publish_inside;
    fault.publisher = (p + 1) % PUBLISHERS;
    fault.left = draw(m, 3);
    fault.kind = FAULT_OTHER;
    publish(m, p);
    fault.kind = FAULT_NONE;
}

/* The same key again. */
static void publish_again(struct model *m, int p)
{
    int i = m->count > 0 ? (int)draw(m, (uint64_t)m->count) : -1;
    while (i >= 0 && m->items[i].key < 0) {
        i--;
    }
    if (i < 0) {
        return;
    }
    struct draft d;
    const struct item old = m->items[i];
    make_draft(m, &d);
    d.count = 1;
    d.items[0].key = old.key;
    snprintf(d.keys[0], sizeof d.keys[0], "key%d", old.key);
    d.events[0].key = d.keys[0];
    d.events[0].key_len = strlen(d.keys[0]);
    trace(m, "publisher %d: e%d with the key of %.8s\n", p, m->batches - 1, old.text);
    int rc = journal_append(m->publishers[p], d.events, 1, d.at);
    if (rc) {
        wrong(m, "publisher", "refused", rc, 0);
    }
    int is_old = !is_written(m, d.items[0].text);
    if (is_old && old.has_at && !m->is_damaged && memcmp(&d.at[0], &old.at, sizeof old.at) != 0) {
        wrong(m, "publisher", "another place for the same key", (int64_t)d.at[0].seq,
              (int64_t)old.at.seq);
    }
    if (!is_old && old.fate == FATE_THERE && !m->is_damaged && !m->has_jumped) {
        wrong(m, "publisher", "the same key is two events", (int64_t)d.at[0].seq,
              (int64_t)old.at.seq);
    }
    if (!is_old) {
        for (int n = 0; n < m->count; n++) { /* from now on the key is the new one's */
            m->items[n].key = m->items[n].key == old.key ? -1 : m->items[n].key;
        }
        add_items(m, &d, 1);
    }
    note_expired(m);
}

static void restart(struct model *m, int p)
{
    trace(m, "publisher %d: restarts\n", p);
    journal_free(m->publishers[p]);
    m->publishers[p] = new_publisher(m);
}

/* The process dies at one of the calls that change a file. */
static void publish_and_die(struct model *m, int p)
{
    struct draft d;
    int status = 0;
    make_draft(m, &d);
    m->report->is_written = 0;
    fault.left = draw(m, 5);
    fault.part = draw(m, 4) == 0 ? 1000 : draw(m, 1000);
    fault.last_text = d.items[d.count - 1].text;
    fault.report = m->report;
    pid_t child = fork();
    if (child == 0) {
        fault.kind = FAULT_KILL;
        (void)journal_append(m->publishers[p], d.events, d.count, d.at);
        _exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
        wrong(m, "publisher", "its end", status, 0);
    }
    fault.last_text = NULL;
    restart(m, p); /* and with it goes the lock */
    trace(m, "publisher %d: killed over e%d, which is %s\n", p, m->batches - 1,
          m->report->is_written ? "written" : "not written");
    if (m->report->is_written) {
        add_items(m, &d, 0);
    }
    note_expired(m);
}

static void publish_on_full_disk(struct model *m, int p)
{
    struct draft d;
    make_draft(m, &d);
    m->report->is_written = 0;
    fault.kind = FAULT_FULL;
    fault.left = draw(m, 3);
    fault.part = draw(m, 1000);
    fault.is_stubborn = draw(m, 2) == 0;
    int rc = journal_append(m->publishers[p], d.events, d.count, d.at);
    fault.kind = FAULT_NONE;
    trace(m, "publisher %d: e%d on a full disk gives %d\n", p, m->batches - 1, rc);
    if (rc && (rc != ERR_IO || m->publishers[p]->error == 0)) {
        wrong(m, "publisher", "refused", rc, ERR_IO);
    }
    if (rc == 0) {
        add_items(m, &d, 1);
    }
    note_expired(m);
}

#endif
