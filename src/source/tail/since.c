/* SPDX-License-Identifier: MIT */
/* tail_since: the part of tail_seek that finds a time, by halves, as a log's times only grow. */
#include "source/tail/seek.h"

#include "base/err.h"
#include "source/tail/find.h"

#include <stdlib.h>
#include <string.h>

#define TRIES_MAX 4
#define BLOCK_BYTES (64 * 1024)
#define PROBE_BYTES (1024 * 1024) /* so far a line with a time is looked for at each half */
#define NS_PER_MS 1000000

struct search {
    struct tail_file *file;
    enum line_time_format format;
    uint64_t end; /* of what is looked at */
    char *block;
};

/* Reading lines from a block. */
struct block {
    uint64_t at; /* where it lies in the file */
    size_t len;
};

static int read_block(struct search *s, uint64_t at, struct block *b)
{
    size_t want = s->end > at ? BLOCK_BYTES : 0;
    int rc;
    if (want > s->end - at) {
        want = (size_t)(s->end - at);
    }
    do {
        rc = tail_file_read(s->file, s->block, want, at, &b->len);
    } while (rc == ERR_LIMIT);
    b->at = at;
    return rc;
}

static int time_of(const struct search *s, const char *line, size_t len, uint64_t at, int64_t *time)
{
    static const char bom[] = "\xef\xbb\xbf";
    if (at == 0 && len >= 3 && memcmp(line, bom, 3) == 0) {
        line += 3;
        len -= 3;
    }
    /* What stands in a file was written before it was written last. */
    return line_time(s->format, line, len, s->file->st.mtime_ns / NS_PER_MS, time);
}

/* Finds the first line of a time of at least `least` that begins at or after `at`, where a line
 * begins unless is_within, looking at about `span` bytes. Answers 1, 0 when there is none, or
 * negative. */
static int find_line(struct search *s, uint64_t at, int is_within, uint64_t span, int64_t least,
                     uint64_t *begin, int64_t *time)
{
    uint64_t limit = span < UINT64_MAX - at ? at + span : UINT64_MAX;
    struct block b = {.at = at};
    size_t used = 0;
    while (b.at + used < limit) {
        int rc = read_block(s, b.at + used, &b);
        if (rc || b.len == 0) {
            return rc;
        }
        used = 0;
        while (used < b.len) {
            const char *line = s->block + used;
            const char *newline = memchr(line, '\n', b.len - used);
            int is_cut = !newline && used > 0 && b.len == BLOCK_BYTES;
            if (is_cut && !is_within) {
                break; /* and read it again, whole */
            }
            size_t len = newline ? (size_t)(newline - line) : b.len - used;
            if (!is_within && time_of(s, line, len, b.at + used, time) && *time >= least) {
                *begin = b.at + used;
                return 1;
            }
            is_within = !newline;
            used += len + (newline != NULL);
        }
    }
    return 0;
}

/* Finds the first line of that time or a later one in the file. Answers as find_line. */
static int find_in_file(struct search *s, int64_t wall_ms, uint64_t *begin)
{
    uint64_t low = 0; /* all lines with a time that begin before it are too old */
    uint64_t high = s->file->is_compressed ? 0 : s->end;
    int64_t time;
    while (high > low && high - low > BLOCK_BYTES) {
        uint64_t middle = low + (high - low) / 2;
        uint64_t found;
        int rc = find_line(s, middle - 1, 1, PROBE_BYTES, INT64_MIN, &found, &time);
        if (rc < 0) {
            return rc;
        }
        if (rc && time < wall_ms && found < high) {
            low = found;
        } else {
            high = middle;
        }
    }
    return find_line(s, low, 0, UINT64_MAX, wall_ms, begin, &time);
}

/* Gets the file ready, and the time that its first line with one has. Answers as find_line. */
static int first_time(struct search *s, const struct tail_log *l, struct tail_file *f,
                      uint64_t *begin, int64_t *time)
{
    int rc = tail_file_open(f);
    if (rc) {
        return rc;
    }
    s->file = f;
    s->end = UINT64_MAX;
    if (l->live.file && tail_stat_same(&f->st, &l->live.file->st)) {
        s->end = l->live.at.offset;
    } else if (!f->is_compressed) {
        s->end = f->st.size;
    }
    return find_line(s, 0, 0, PROBE_BYTES, INT64_MIN, begin, time);
}

/* From the youngest file back to the first that begins before the time. Answers 1 with the place,
 * 0 when all are older, ERR_UNKNOWN when no line has a time. */
static int find_place(struct search *s, const struct tail_log *l, const struct tail_files *files,
                      int64_t wall_ms, struct tail_place *out)
{
    struct tail_place younger = {.index = files->count};
    size_t last = tail_files_index(files, &l->live.file->st);
    int has_times = 0;
    for (size_t i = last + 1; i-- > 0;) {
        struct tail_file *f = files->items[i];
        uint64_t begin;
        int64_t time;
        int rc = first_time(s, l, f, &begin, &time);
        if (rc == ERR_NOMEM || rc == ERR_AGAIN || rc == ERR_GONE) {
            return rc;
        }
        if (rc < 0) {
            break; /* what cannot be read is the end of what can be had */
        }
        has_times |= rc;
        if (rc && time < wall_ms) {
            rc = find_in_file(s, wall_ms, &begin);
            if (rc < 0) {
                return rc;
            }
            if (rc) {
                younger = (struct tail_place){.index = i, .offset = begin};
            }
            break;
        }
        if (rc) {
            younger = (struct tail_place){.index = i, .offset = begin};
        }
    }
    *out = younger;
    return younger.index < files->count ? 1 : has_times ? 0 : ERR_UNKNOWN;
}

static int print_place(const struct tail_log *l, const struct tail_files *files,
                       const struct tail_place *place, char out[SSE_POSITION_SIZE])
{
    struct tail_cursor c = {.file = NULL};
    struct tail_file *f = files->items[place->index];
    /* The live file's name in positions stays what it was when following came to it. */
    int is_live = place->offset > 0 && tail_stat_same(&f->st, &l->live.file->st);
    struct tail_label label = is_live ? l->live.at.label : f->label;
    int rc;
    do {
        rc = tail_cursor_seek(&c, f, label, place->offset, l->max_line_bytes);
    } while (rc == ERR_LIMIT);
    if (!rc) {
        tail_position_print(&c.at, out);
    }
    tail_cursor_fini(&c);
    return rc;
}

static int since_once(struct search *s, struct tail_log *l, int64_t wall_ms,
                      char out[SSE_POSITION_SIZE])
{
    struct tail_files files = {.items = NULL};
    struct tail_place place;
    int rc = tail_log_list(l, &files);
    if (!rc) {
        rc = find_place(s, l, &files, wall_ms, &place);
    }
    if (rc == 1) {
        rc = print_place(l, &files, &place, out);
    } else if (rc == 0) {
        memcpy(out, l->head, sizeof l->head);
    }
    tail_files_fini(&files);
    return rc;
}

int tail_seek_since(struct tail_log *l, enum line_time_format format, int64_t wall_ms,
                    char out[SSE_POSITION_SIZE], struct err *err)
{
    struct search s = {.format = format};
    int rc = ERR_AGAIN;
    if (format == LINE_TIME_NONE) {
        return err_set(err, ERR_INVALID,
                       "since: this stream has no times: its time_format is not set");
    }
    if (!l->live.file) {
        memcpy(out, l->head, sizeof l->head);
        return 0;
    }
    s.block = malloc(BLOCK_BYTES);
    if (!s.block) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    for (int i = 0; i < TRIES_MAX && (rc == ERR_AGAIN || rc == ERR_GONE); i++) {
        rc = since_once(&s, l, wall_ms, out);
    }
    free(s.block);
    if (rc == ERR_UNKNOWN) {
        return err_set(err, ERR_INVALID, "since: no line of this stream has a time of the form %s",
                       line_time_formats[format]);
    }
    return rc == 0 || rc == ERR_NOMEM ? rc : ERR_IO;
}
