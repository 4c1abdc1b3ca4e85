/* SPDX-License-Identifier: MIT */
/* marks: texts kept under short names, so that positions can refer to what does not fit into them. */
#include "source/marks.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "source/tail/position.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define TRIES_MAX 3
#define HEAD_BYTES (1 + SOURCE_MARKS_NAME_CHARS + 1) /* what stands before a record's text */
#define RECORD_BYTES (HEAD_BYTES + SOURCE_MARKS_TEXT_BYTES + 1)

/* ---- one record: "\nNAME TEXT\n", so that one after a torn one is whole ---- */

uint64_t source_marks_name(const char *text, size_t len)
{
    return hash_bytes(text, len) & ((1ULL << SOURCE_MARKS_NAME_BITS) - 1);
}

static void make_head(uint64_t name, char out[HEAD_BYTES])
{
    out[0] = '\n';
    *tail_letters_put(out + 1, name, SOURCE_MARKS_NAME_CHARS) = ' ';
}

/* ---- where texts stand ---- */

struct item {
    uint64_t name;
    uint64_t at; /* of the text */
};

static int add_item(struct buf *items, uint64_t name, uint64_t at)
{
    struct item item = {.name = name, .at = at};
    return buf_append(items, &item, sizeof item);
}

/* The next item of this name, from number *next on, which moves behind it; 0 when there is none. */
static int next_item(const struct buf *items, uint64_t name, size_t *next, uint64_t *at)
{
    const struct item *list = (const struct item *)(const void *)items->data;
    for (size_t i = *next; i < items->len / sizeof *list; i++) {
        if (list[i].name == name) {
            *next = i + 1;
            *at = list[i].at;
            return 1;
        }
    }
    return 0;
}

/* ---- memory ---- */

static int append_record(struct buf *to, const char *text, size_t len)
{
    char head[HEAD_BYTES];
    int rc = buf_reserve(to, HEAD_BYTES + len + 1);
    if (rc) {
        return rc;
    }
    make_head(source_marks_name(text, len), head);
    buf_append(to, head, sizeof head);
    buf_append(to, text, len);
    return buf_append_char(to, '\n');
}

static int remember_record(struct source_marks *m, const char *text, size_t len)
{
    size_t at = m->recent.len + HEAD_BYTES;
    int rc = append_record(&m->recent, text, len);
    return rc ? rc : add_item(&m->recent_items, source_marks_name(text, len), at);
}

/* Of what is kept, the older half goes when the limit is met. */
static void remember(struct source_marks *m, const char *text, size_t len)
{
    if (remember_record(m, text, len) == 0) {
        return;
    }
    buf_fini(&m->older);
    buf_fini(&m->older_items);
    m->older = m->recent;
    m->older_items = m->recent_items;
    buf_init(&m->recent, SOURCE_MARKS_MEMORY_BYTES);
    buf_init(&m->recent_items, SOURCE_MARKS_INDEX_BYTES);
    (void)remember_record(m, text, len); /* without memory it is gone, and will be told so */
}

static int find_in_memory(const struct buf *records, const struct buf *items, uint64_t name,
                          struct buf *out)
{
    size_t next = 0;
    uint64_t at;
    if (!next_item(items, name, &next, &at)) {
        return ERR_GONE;
    }
    const char *text = records->data + at;
    const char *end = memchr(text, '\n', records->len - (size_t)at);
    return buf_append(out, text, (size_t)(end - text));
}

/* ---- the file ---- */

/* Renames the full file, unless somebody else is about to or has done so. */
static void turn_over(const struct source_marks *m, int fd)
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

static int open_marks(const struct source_marks *m)
{
    int fd = -1;
    for (int i = 0; i < TRIES_MAX; i++) {
        struct stat st;
        fd = open(m->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
        if (fd < 0 || fstat(fd, &st) || st.st_size < SOURCE_MARKS_BYTES) {
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
static int append_to_file(const struct source_marks *m, const char *text, size_t len)
{
    char head[HEAD_BYTES];
    char newline = '\n';
    struct iovec iov[] = {{.iov_base = head, .iov_len = sizeof head},
                          {.iov_base = (char *)text, .iov_len = len},
                          {.iov_base = &newline, .iov_len = 1}};
    int fd = open_marks(m);
    if (fd < 0) {
        return ERR_IO;
    }
    make_head(source_marks_name(text, len), head);
    ssize_t n = writev(fd, iov, 3);
    int error = n < 0 ? errno : ENOSPC;
    close(fd);
    errno = error;
    return n == (ssize_t)(sizeof head + len + 1) ? 0 : ERR_IO;
}

static void tell(struct source_marks *m, int rc)
{
    int error = errno;
    if (rc && !m->was_told) {
        log_say(m->log, WARN, m->kind, "cannot keep positions, other processes will not know them",
                LOG_TEXT("path", m->path), LOG_TEXT("error", strerror(error)));
    }
    m->was_told = rc != 0;
}

static uint64_t number_of(const struct stat *st)
{
    return hash_mix64((uint64_t)st->st_dev) ^ st->st_ino;
}

/* Takes the index of the file in use (`role` 0) or of the older one (1), emptied where it is another
 * file's by now. */
static struct source_marks_index *index_of(struct source_marks *m, int role, int fd,
                                           const struct stat *st)
{
    struct source_marks_index *x = &m->files[role];
    uint64_t file = number_of(st);
    char first[HEAD_BYTES] = "";
    ssize_t n = pread(fd, first, sizeof first, 0);
    if (role == 0 && x->file != file) {
        struct source_marks_index was = *x; /* the file that was in use is the older one now */
        *x = m->files[1];
        m->files[1] = was;
    }
    /* A number comes again when its file is gone. */
    if (x->file != file || x->done > (uint64_t)st->st_size
        || memcmp(x->first, first, sizeof first) != 0) {
        buf_clear(&x->items);
        x->file = file;
        x->done = 0;
        memcpy(x->first, first, sizeof first);
    }
    if (n < (ssize_t)sizeof first) {
        x->file = 0; /* hardly begun: looked at anew the next time */
    }
    return x;
}

/* Adds the whole lines of a piece that begins at x->done. */
static int index_lines(struct source_marks_index *x, const char *piece, size_t size)
{
    const char *at = piece;
    const char *end;
    uint64_t name;
    int rc = 0;
    while (!rc && (end = memchr(at, '\n', size - (size_t)(at - piece))) != NULL) {
        if (end - at > SOURCE_MARKS_NAME_CHARS && at[SOURCE_MARKS_NAME_CHARS] == ' '
            && tail_letters_take(at, SOURCE_MARKS_NAME_CHARS, &name) == 0) {
            rc = add_item(&x->items, name,
                          x->done + (uint64_t)(at - piece) + SOURCE_MARKS_NAME_CHARS + 1);
        }
        at = end + 1;
    }
    x->done += (uint64_t)(at - piece);
    return rc;
}

/* Reads what was added to the file since it was looked at. */
static int index_news(struct source_marks_index *x, int fd, const struct stat *st)
{
    struct buf piece;
    uint64_t size = (uint64_t)st->st_size - x->done;
    buf_init(&piece, SOURCE_MARKS_BYTES + RECORD_BYTES);
    if (size > piece.limit_bytes) {
        size = piece.limit_bytes; /* the rest is no work of ours */
    }
    int rc = size > 0 ? buf_reserve(&piece, (size_t)size) : 0;
    ssize_t n = rc || size == 0 ? 0 : pread(fd, piece.data, (size_t)size, (off_t)x->done);
    if (n > 0) {
        rc = index_lines(x, piece.data, (size_t)n);
    }
    buf_fini(&piece);
    return rc == ERR_LIMIT ? 0 : rc;
}

/* Appends the text at an offset. ERR_GONE: it is damaged. */
static int read_text(int fd, uint64_t at, uint64_t name, struct buf *out)
{
    size_t before = out->len;
    size_t most = SOURCE_MARKS_TEXT_BYTES + 1; /* with the line end */
    struct buf text;
    buf_init(&text, most);
    int rc = buf_reserve(&text, most);
    ssize_t n = rc ? -1 : pread(fd, text.data, most, (off_t)at);
    const char *end = n > 0 ? memchr(text.data, '\n', (size_t)n) : NULL;
    if (!rc) {
        rc = end ? buf_append(out, text.data, (size_t)(end - text.data)) : ERR_GONE;
    }
    if (!rc && source_marks_name(out->data + before, out->len - before) != name) {
        out->len = before;
        rc = ERR_GONE;
    }
    buf_fini(&text);
    return rc == ERR_LIMIT ? ERR_GONE : rc;
}

/* Appends what is found in the file in use (`role` 0) or in the older one (1). */
static int find_in_file(struct source_marks *m, int role, uint64_t name, struct buf *out)
{
    struct stat st;
    size_t next = 0;
    uint64_t at;
    int rc = ERR_GONE;
    int fd = open(role ? m->old_path : m->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return rc;
    }
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        struct source_marks_index *x = index_of(m, role, fd, &st);
        int failed = index_news(x, fd, &st);
        while (rc == ERR_GONE && next_item(&x->items, name, &next, &at)) {
            rc = read_text(fd, at, name, out);
        }
        rc = rc == ERR_GONE && failed ? failed : rc;
    }
    close(fd);
    return rc;
}

uint64_t source_marks_file(const struct source_marks *m)
{
    struct stat st;
    return m->path && stat(m->path, &st) == 0 ? number_of(&st) : 0;
}

/* ---- in and out ---- */

void source_marks_keep(struct source_marks *m, const char *text, size_t len)
{
    assert(len <= SOURCE_MARKS_TEXT_BYTES);
    remember(m, text, len);
    if (m->path) {
        tell(m, append_to_file(m, text, len));
    }
}

int source_marks_get(struct source_marks *m, uint64_t name, struct buf *out)
{
    size_t before = out->len;
    int rc = find_in_memory(&m->recent, &m->recent_items, name, out);
    if (rc == ERR_GONE) {
        rc = find_in_memory(&m->older, &m->older_items, name, out);
    }
    if (rc != ERR_GONE || !m->path) {
        return rc;
    }
    rc = find_in_file(m, 0, name, out);
    if (rc == ERR_GONE) {
        rc = find_in_file(m, 1, name, out);
    }
    if (!rc) {
        remember(m, out->data + before, out->len - before);
    }
    return rc;
}

int source_marks_is_recent(struct source_marks *m, uint64_t name)
{
    struct buf text;
    buf_init(&text, SOURCE_MARKS_TEXT_BYTES);
    int is_there = !m->path || find_in_file(m, 0, name, &text) != ERR_GONE;
    buf_fini(&text);
    return is_there;
}

/* ---- life ---- */

/* The stream's name as part of a file's: what is no letter or digit is spelled in hex. */
static int make_paths(struct source_marks *m, const char *stream, const char *state_dir)
{
    size_t size = strlen(state_dir) + strlen(m->kind) + sizeof "/-.marks.1"
                  + 3 * strlen(stream ? stream : "");
    m->path = malloc(size);
    m->old_path = malloc(size);
    if (!m->path || !m->old_path) {
        return ERR_NOMEM;
    }
    size_t used =
        (size_t)snprintf(m->path, size, "%s/%s%s", state_dir, m->kind, stream ? "-" : "");
    for (const char *c = stream ? stream : ""; *c; c++) {
        int is_plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z')
                       || (*c >= '0' && *c <= '9') || *c == '-' || *c == '_';
        used += (size_t)snprintf(m->path + used, size - used, is_plain ? "%c" : "%%%02x",
                                 (unsigned char)*c);
    }
    snprintf(m->path + used, size - used, ".marks");
    snprintf(m->old_path, size, "%s.1", m->path);
    return 0;
}

int source_marks_init(struct source_marks *m, const char *kind, const char *stream,
                      const char *state_dir, const struct log *log)
{
    *m = (struct source_marks){.log = log, .kind = kind};
    buf_init(&m->recent, SOURCE_MARKS_MEMORY_BYTES);
    buf_init(&m->older, SOURCE_MARKS_MEMORY_BYTES);
    buf_init(&m->recent_items, SOURCE_MARKS_INDEX_BYTES);
    buf_init(&m->older_items, SOURCE_MARKS_INDEX_BYTES);
    buf_init(&m->files[0].items, SOURCE_MARKS_INDEX_BYTES);
    buf_init(&m->files[1].items, SOURCE_MARKS_INDEX_BYTES);
    if (state_dir && make_paths(m, stream, state_dir)) {
        source_marks_fini(m);
        return ERR_NOMEM;
    }
    return 0;
}

void source_marks_fini(struct source_marks *m)
{
    buf_fini(&m->recent);
    buf_fini(&m->older);
    buf_fini(&m->recent_items);
    buf_fini(&m->older_items);
    buf_fini(&m->files[0].items);
    buf_fini(&m->files[1].items);
    free(m->path);
    free(m->old_path);
    m->path = m->old_path = NULL;
}
