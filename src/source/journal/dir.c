/* SPDX-License-Identifier: MIT */
/* journal_dir: a journal's folder: which segments there are. */
#include "source/journal/dir.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/num.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEQ_CHARS 20
#define EPOCH_CHARS 10
#define EPOCH_AT (SEQ_CHARS + 1)
#define SUFFIX_AT (EPOCH_AT + EPOCH_CHARS)
#define SUFFIX ".seg"
#define FOLDER_CHARS 200
#define HASH_CHARS 17
#define FOLDERS 3 /* NAME, topics and STATE_DIR: any of them may be new */

static int is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-'
           || c == '_';
}

size_t journal_dir_chars(const char *stream, size_t chars)
{
    size_t len = 0;
    for (size_t i = 0; i < chars && stream[i]; i++) {
        len += is_plain(stream[i]) ? 1 : 3;
    }
    return len < FOLDER_CHARS ? len : FOLDER_CHARS;
}

/* The stream's name as a folder's: what is no letter or digit is spelled in hex; of one that would be
 * too long for a folder, the end is a hash. */
int journal_dir_init(struct journal_dir *d, const char *state_dir, const char *stream)
{
    size_t size = strlen(state_dir) + sizeof "/topics/" + 3 * strlen(stream) + HASH_CHARS;
    *d = (struct journal_dir){.path = malloc(size)};
    if (!d->path) {
        return ERR_NOMEM;
    }
    size_t used = (size_t)snprintf(d->path, size, "%s/topics/", state_dir);
    for (const char *c = stream; *c; c++) {
        used += (size_t)snprintf(d->path + used, size - used, is_plain(*c) ? "%c" : "%%%02x",
                                 (unsigned char)*c);
    }
    char *name = strrchr(d->path, '/') + 1;
    if (strlen(name) > FOLDER_CHARS) {
        snprintf(name + FOLDER_CHARS, size - (size_t)(name + FOLDER_CHARS - d->path), "~%016" PRIx64,
                 hash_bytes(stream, strlen(stream)));
    }
    return 0;
}

void journal_dir_fini(struct journal_dir *d)
{
    free(d->path);
    free(d->items);
    *d = (struct journal_dir){.path = NULL};
}

int journal_dir_make(const struct journal_dir *d)
{
    if (mkdir(d->path, 0770) == 0 || errno == EEXIST) {
        return 0;
    }
    char *above = errno == ENOENT ? strdup(d->path) : NULL;
    if (!above) {
        return ERR_IO;
    }
    *strrchr(above, '/') = '\0';
    int rc = mkdir(above, 0770) && errno != EEXIST;
    free(above);
    return !rc && (mkdir(d->path, 0770) == 0 || errno == EEXIST) ? 0 : ERR_IO;
}

static int parse_name(const char *text, struct journal_name *out)
{
    struct journal_name name;
    uint64_t epoch;
    if (strlen(text) != JOURNAL_FILE_CHARS - 1 || text[SEQ_CHARS] != '.'
        || strcmp(text + SUFFIX_AT, SUFFIX) != 0
        || num_parse_u64(text, SEQ_CHARS, UINT64_MAX, &name.first) || name.first == 0
        || num_parse_u64(text + EPOCH_AT, EPOCH_CHARS, UINT32_MAX, &epoch)) {
        return ERR_INVALID;
    }
    name.epoch = (uint32_t)epoch;
    *out = name;
    return 0;
}

int journal_name_order(struct journal_name a, struct journal_name b)
{
    if (a.first != b.first) {
        return a.first < b.first ? -1 : 1;
    }
    return (a.epoch > b.epoch) - (a.epoch < b.epoch);
}

static int order(const void *a, const void *b)
{
    return journal_name_order(*(const struct journal_name *)a, *(const struct journal_name *)b);
}

static int add(struct journal_dir *d, struct journal_name name)
{
    if (d->count == JOURNAL_SEGMENTS_MAX) {
        return ERR_LIMIT;
    }
    if (d->count == d->cap) {
        size_t cap = d->cap ? d->cap * 2 : 16;
        struct journal_name *items = realloc(d->items, cap * sizeof *items);
        if (!items) {
            return ERR_NOMEM;
        }
        d->items = items;
        d->cap = cap;
    }
    d->items[d->count++] = name;
    return 0;
}

int journal_dir_list(struct journal_dir *d)
{
    struct journal_dir found = {.path = d->path};
    int rc = 0;
    DIR *folder = opendir(d->path);
    if (!folder && errno != ENOENT) {
        return ERR_IO;
    }
    errno = 0;
    for (struct dirent *e; folder && !rc && (e = readdir(folder)); errno = 0) {
        struct journal_name name;
        rc = parse_name(e->d_name, &name) ? 0 : add(&found, name);
    }
    rc = !rc && folder && errno ? ERR_IO : rc;
    found.is_there = folder != NULL;
    if (folder) {
        closedir(folder);
    }
    if (rc) {
        free(found.items);
        return rc;
    }
    if (found.count > 0) {
        qsort(found.items, found.count, sizeof *found.items, order);
    }
    free(d->items);
    *d = found;
    return 0;
}

char *journal_dir_path(const struct journal_dir *d, struct journal_name name)
{
    size_t size = strlen(d->path) + 1 + JOURNAL_FILE_CHARS;
    char *path = malloc(size);
    if (path) {
        snprintf(path, size, "%s/%020" PRIu64 ".%010" PRIu32 SUFFIX, d->path, name.first,
                 name.epoch);
    }
    return path;
}

int journal_dir_sync(const struct journal_dir *d)
{
    char *path = strdup(d->path);
    int rc = path ? 0 : ERR_NOMEM;
    for (int i = 0; i < FOLDERS && !rc; i++) {
        char *slash = strrchr(path, '/');
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int is_crowded = fd < 0 && (errno == EMFILE || errno == ENFILE);
        rc = is_crowded ? ERR_AGAIN : fd < 0 || fsync(fd) ? ERR_IO : 0;
        if (fd >= 0) {
            close(fd);
        }
        if (!slash || slash == path) {
            break;
        }
        *slash = '\0';
    }
    free(path);
    return rc;
}

size_t journal_dir_at_or_after(const struct journal_dir *d, struct journal_name name)
{
    size_t low = 0, high = d->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (journal_name_order(d->items[mid], name) < 0) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}
