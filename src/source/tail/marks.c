/* SPDX-License-Identifier: MIT */
/* tail_marks: places in many files at once, kept under short names. */
#include "source/tail/marks.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define ITEM_BYTES (TAIL_TAG_CHARS + 1 + SSE_POSITION_MAX + 1)
#define RECORD_BYTES (TAIL_TAG_CHARS + 4 + TAIL_MANY_MAX * ITEM_BYTES)
#define NAME_MASK ((1ULL << TAIL_TAG_BITS) - 1)
#define TRIES_MAX 3

/* ---- one record: "\nNAME TAG.POSITION ...\n", so that one after a torn one is whole ---- */

static uint64_t name_of(const char *body, size_t len)
{
    return hash_bytes(body, len) & NAME_MASK;
}

static int write_record(const struct tail_mark *items, size_t count, struct buf *out,
                        uint64_t *name)
{
    char item[ITEM_BYTES + 1];
    size_t body = 1 + TAIL_TAG_CHARS;
    int rc = buf_reserve(out, body);
    if (rc) {
        return rc;
    }
    out->data[0] = '\n';
    out->len = body;
    for (size_t i = 0; i < count; i++) {
        char position[SSE_POSITION_SIZE];
        item[0] = ' ';
        char *end = tail_letters_put(item + 1, items[i].tag, TAIL_TAG_CHARS);
        tail_position_print(&items[i].at, position);
        int len = snprintf(end, sizeof item - (size_t)(end - item), ".%s", position);
        rc = buf_append(out, item, (size_t)(end - item) + (size_t)len);
        if (rc) {
            return rc;
        }
    }
    *name = name_of(out->data + body, out->len - body);
    tail_letters_put(out->data + 1, *name, TAIL_TAG_CHARS);
    return buf_append_char(out, '\n');
}

/* Reads " TAG.POSITION". Answers where it ended, or NULL. */
static const char *read_item(const char *at, const char *end, struct tail_mark *out)
{
    char position[SSE_POSITION_SIZE];
    if (end - at < TAIL_TAG_CHARS + 3 || at[0] != ' ' || at[1 + TAIL_TAG_CHARS] != '.'
        || tail_letters_take(at + 1, TAIL_TAG_CHARS, &out->tag)) {
        return NULL;
    }
    at += 1 + TAIL_TAG_CHARS + 1;
    const char *blank = memchr(at, ' ', (size_t)(end - at));
    size_t len = (size_t)((blank ? blank : end) - at);
    if (len >= sizeof position) {
        return NULL;
    }
    memcpy(position, at, len);
    position[len] = '\0';
    return tail_position_parse(position, &out->at) ? NULL : at + len;
}

/* Makes a base of a record's body. ERR_INVALID, ERR_NOMEM. */
static int read_body(const char *body, size_t len, uint64_t name, struct tail_base **out)
{
    const char *end = body + len;
    size_t count = 0;
    for (size_t i = 0; i < len; i++) {
        count += body[i] == ' ';
    }
    if (count > TAIL_MANY_MAX || name_of(body, len) != name) {
        return ERR_INVALID;
    }
    struct tail_base *b = calloc(1, sizeof *b + count * sizeof *b->items);
    if (!b) {
        return ERR_NOMEM;
    }
    *b = (struct tail_base){.refs = 1, .name = name, .count = count};
    for (size_t i = 0; i < count && body; i++) {
        body = read_item(body, end, &b->items[i]);
    }
    if (body != end) {
        free(b);
        return ERR_INVALID;
    }
    *out = b;
    return 0;
}

/* Looks for a record in a text. Answers 0, ERR_GONE, ERR_NOMEM; *record and *len get the text of it. */
static int find_record(const char *text, size_t size, uint64_t name, struct tail_base **out,
                       const char **record, size_t *len)
{
    char key[1 + TAIL_TAG_CHARS + 1];
    key[0] = '\n';
    *tail_letters_put(key + 1, name, TAIL_TAG_CHARS) = ' ';
    const char *end = size > 0 ? text + size : NULL;
    for (const char *at = text; at && at < end;) {
        at = memmem(at, (size_t)(end - at), key, sizeof key);
        if (!at) {
            break;
        }
        const char *body = at + sizeof key - 1;
        const char *newline = memchr(body, '\n', (size_t)(end - body));
        if (newline) {
            int rc = read_body(body, (size_t)(newline - body), name, out);
            if (rc != ERR_INVALID) {
                *record = at;
                *len = (size_t)(newline + 1 - at);
                return rc;
            }
        }
        at = body;
    }
    return ERR_GONE;
}

/* ---- memory ---- */

/* Keeps a record's text; of what is kept, the older half goes when the limit is met. */
static void remember(struct tail_marks *m, const char *record, size_t len)
{
    if (buf_append(&m->recent, record, len) == 0) {
        return;
    }
    buf_fini(&m->older);
    m->older = m->recent;
    buf_init(&m->recent, TAIL_MARKS_MEMORY_BYTES);
    (void)buf_append(&m->recent, record, len); /* without memory it is gone, and will be told so */
}

static void make_ready(struct tail_marks *m, struct tail_base *b)
{
    tail_base_unref(m->ready[m->ready_next]);
    m->ready[m->ready_next] = tail_base_ref(b);
    m->ready_next = (m->ready_next + 1) % TAIL_MARKS_READY;
}

static void hand_out(struct tail_base *b, struct tail_base **out)
{
    tail_base_unref(*out);
    *out = b;
}

static struct tail_base *find_ready(const struct tail_marks *m, uint64_t name)
{
    for (size_t i = 0; i < TAIL_MARKS_READY; i++) {
        if (m->ready[i] && m->ready[i]->name == name) {
            return m->ready[i];
        }
    }
    return NULL;
}

/* ---- the file ---- */

/* Renames the full file, unless somebody else is about to or has done so. */
static void turn_over(const struct tail_marks *m, int fd)
{
    struct stat own, there;
    if (flock(fd, LOCK_EX | LOCK_NB)) {
        return;
    }
    if (fstat(fd, &own) == 0 && stat(m->path, &there) == 0 && own.st_dev == there.st_dev
        && own.st_ino == there.st_ino) {
        (void)rename(m->path, m->old_path); /* tried again at the next record */
    }
}

static int open_marks(const struct tail_marks *m)
{
    int fd = -1;
    for (int i = 0; i < TRIES_MAX; i++) {
        struct stat st;
        fd = open(m->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
        if (fd < 0 || fstat(fd, &st) || st.st_size < TAIL_MARKS_BYTES) {
            break;
        }
        turn_over(m, fd);
        if (i + 1 < TRIES_MAX) {
            close(fd);
        }
    }
    return fd;
}

/* Appends with one write, so that records of several processes never mix. */
static int append(struct tail_marks *m, const struct buf *record)
{
    int fd = open_marks(m);
    if (fd < 0) {
        return ERR_IO;
    }
    ssize_t n = write(fd, record->data, record->len);
    int error = n < 0 ? errno : ENOSPC;
    close(fd);
    errno = error;
    return n == (ssize_t)record->len ? 0 : ERR_IO;
}

static void tell(struct tail_marks *m, int rc)
{
    int error = errno;
    if (rc && !m->was_told) {
        log_say(m->log, WARN, "tail",
                "cannot keep positions of several files, other processes will not know them",
                LOG_TEXT("path", m->path), LOG_TEXT("error", strerror(error)));
    }
    m->was_told = rc != 0;
}

/* Looks for a record in one of the files. */
static int find_in_file(struct tail_marks *m, const char *path, uint64_t name,
                        struct tail_base **out)
{
    struct stat st;
    struct buf text;
    int rc = ERR_GONE;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return rc;
    }
    buf_init(&text, TAIL_MARKS_BYTES + RECORD_BYTES);
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0) {
        size_t want = (size_t)st.st_size < text.limit_bytes ? (size_t)st.st_size : text.limit_bytes;
        rc = buf_reserve(&text, want);
        ssize_t n = rc ? -1 : pread(fd, text.data, want, 0);
        const char *record;
        size_t len;
        if (!rc) {
            rc = n > 0 ? find_record(text.data, (size_t)n, name, out, &record, &len) : ERR_GONE;
        }
        if (!rc) {
            remember(m, record, len);
        }
    }
    buf_fini(&text);
    close(fd);
    return rc;
}

/* ---- in and out ---- */

int tail_marks_put(struct tail_marks *m, const struct tail_mark *items, size_t count,
                   struct tail_base **out)
{
    struct buf record;
    uint64_t name;
    buf_init(&record, RECORD_BYTES);
    int rc = write_record(items, count, &record, &name);
    struct tail_base *b = rc ? NULL : find_ready(m, name);
    if (b) {
        tail_base_ref(b);
    } else if (!rc) {
        size_t body = 1 + TAIL_TAG_CHARS;
        rc = read_body(record.data + body, record.len - body - 1, name, &b);
        if (!rc) {
            make_ready(m, b);
            remember(m, record.data, record.len);
        }
        if (!rc && m->path) {
            tell(m, append(m, &record));
        }
    }
    buf_fini(&record);
    if (!rc) {
        hand_out(b, out);
    }
    return rc;
}

int tail_marks_get(struct tail_marks *m, uint64_t name, struct tail_base **out)
{
    struct tail_base *b = find_ready(m, name);
    const char *record;
    size_t len;
    if (b) {
        hand_out(tail_base_ref(b), out);
        return 0;
    }
    int rc = find_record(m->recent.data, m->recent.len, name, &b, &record, &len);
    if (rc == ERR_GONE) {
        rc = find_record(m->older.data, m->older.len, name, &b, &record, &len);
    }
    if (rc == ERR_GONE && m->path) {
        rc = find_in_file(m, m->path, name, &b);
        if (rc == ERR_GONE) {
            rc = find_in_file(m, m->old_path, name, &b);
        }
    }
    if (rc) {
        return rc;
    }
    make_ready(m, b);
    hand_out(b, out);
    return 0;
}

void tail_marks_renew(struct tail_marks *m, const struct tail_base *b)
{
    struct tail_base *found = NULL;
    struct buf record;
    uint64_t name;
    if (!m->path || find_in_file(m, m->path, b->name, &found) != ERR_GONE) {
        tail_base_unref(found);
        return;
    }
    buf_init(&record, RECORD_BYTES);
    if (write_record(b->items, b->count, &record, &name) == 0) {
        tell(m, append(m, &record));
    }
    buf_fini(&record);
}

/* ---- life ---- */

/* The stream's name as part of a file's: what is no letter or digit is spelled in hex. */
static int make_paths(struct tail_marks *m, const char *stream, const char *state_dir)
{
    size_t size = strlen(state_dir) + sizeof "/tail-.marks.1" + 3 * strlen(stream);
    m->path = malloc(size);
    m->old_path = malloc(size);
    if (!m->path || !m->old_path) {
        return ERR_NOMEM;
    }
    size_t used = (size_t)snprintf(m->path, size, "%s/tail-", state_dir);
    for (const char *c = stream; *c; c++) {
        int is_plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z')
                       || (*c >= '0' && *c <= '9') || *c == '-' || *c == '_';
        used += (size_t)snprintf(m->path + used, size - used, is_plain ? "%c" : "%%%02x",
                                 (unsigned char)*c);
    }
    snprintf(m->path + used, size - used, ".marks");
    snprintf(m->old_path, size, "%s.1", m->path);
    return 0;
}

int tail_marks_init(struct tail_marks *m, const char *stream, const char *state_dir,
                    const struct log *log)
{
    *m = (struct tail_marks){.log = log};
    buf_init(&m->recent, TAIL_MARKS_MEMORY_BYTES);
    buf_init(&m->older, TAIL_MARKS_MEMORY_BYTES);
    if (state_dir && make_paths(m, stream, state_dir)) {
        tail_marks_fini(m);
        return ERR_NOMEM;
    }
    return 0;
}

void tail_marks_fini(struct tail_marks *m)
{
    for (size_t i = 0; i < TAIL_MARKS_READY; i++) {
        tail_base_unref(m->ready[i]);
        m->ready[i] = NULL;
    }
    buf_fini(&m->recent);
    buf_fini(&m->older);
    free(m->path);
    free(m->old_path);
    m->path = m->old_path = NULL;
}

struct tail_base *tail_base_ref(struct tail_base *b)
{
    b->refs++;
    return b;
}

void tail_base_unref(struct tail_base *b)
{
    if (b && --b->refs == 0) {
        free(b);
    }
}
