/* SPDX-License-Identifier: MIT */
/* tail_glob: which paths a stream's patterns match, and what the files are called in its events. */
#include "source/tail/glob.h"

#include "base/err.h"
#include "conf/option.h"
#include "source/tail/order.h"

#include <dirent.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define WILD "*?[\\"

int tail_glob_is_literal(const char *pattern)
{
    return pattern[strcspn(pattern, WILD)] == '\0';
}

size_t tail_glob_fixed(const char *pattern)
{
    size_t wild = strcspn(pattern, WILD);
    while (wild > 0 && pattern[wild - 1] != '/') {
        wild--;
    }
    return wild;
}

/* Rotated files are part of a log, and what is compressed otherwise cannot be followed. */
static int is_packed(const char *name)
{
    static const char *const endings[] = {".gz", ".xz", ".bz2", ".zst", ".lz4", ".Z", NULL};
    size_t len = strlen(name);
    for (size_t i = 0; endings[i]; i++) {
        size_t end = strlen(endings[i]);
        if (len > end && strcmp(name + len - end, endings[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

static int is_clean(const char *path)
{
    for (const char *c = path; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            return 0;
        }
    }
    return 1;
}

/* One pattern on its way down the folders. */
struct walk {
    struct tail_glob *glob;
    const struct conf_list *patterns;
    size_t pattern;
    int with_rotated;
    char path[PATH_MAX];
};

/* Where the name of a path begins. Names are settled by the patterns alone, so every process uses
 * the same. */
static size_t name_offset(const struct walk *w, const char *path)
{
    const char *own = w->patterns->items[w->pattern];
    size_t fixed = tail_glob_fixed(own);
    for (size_t i = 0; i < w->pattern; i++) {
        const char *other = w->patterns->items[i];
        size_t other_fixed = tail_glob_fixed(other);
        int is_elsewhere = other_fixed != fixed || memcmp(other, own, fixed) != 0;
        if (is_elsewhere
            && fnmatch(other + other_fixed, path + fixed, FNM_PATHNAME | FNM_PERIOD) == 0) {
            return 0;
        }
    }
    return fixed;
}

static int add(struct walk *w, const char *path)
{
    struct tail_glob *g = w->glob;
    int is_literal = tail_glob_is_literal(w->patterns->items[w->pattern]);
    if (!is_literal && !is_clean(path)) {
        g->bad_names++;
        return 0;
    }
    if (g->count >= TAIL_GLOB_MAX) {
        g->is_cut = 1;
        return 0;
    }
    if (g->count == g->cap) {
        size_t cap = g->cap ? g->cap * 2 : 16;
        struct tail_glob_path *items = realloc(g->items, cap * sizeof *items);
        if (!items) {
            return ERR_NOMEM;
        }
        g->items = items;
        g->cap = cap;
    }
    char *copy = strdup(path);
    if (!copy) {
        return ERR_NOMEM;
    }
    g->items[g->count++] = (struct tail_glob_path){
        .path = copy, .name = copy + name_offset(w, path), .is_literal = is_literal};
    return 0;
}

/* The log that a rotated file's name speaks of: "app.log" for "app.log.1.gz". Answers its length, or
 * 0 when the name speaks of none. */
static size_t rotated_base(const char *name, char base[NAME_MAX + 1])
{
    size_t len = strlen(name);
    if (tail_order_is_compressed(name)) {
        len -= 3;
    }
    size_t at = len;
    while (at > 0 && strchr("0123456789.-_:T+", name[at - 1])) {
        at--;
    }
    if (at == 0 || at == len || len > NAME_MAX) {
        return 0;
    }
    memcpy(base, name, at);
    base[at] = '\0';
    return tail_order_is_rotated(base, name) ? at : 0;
}

static int walk_down(struct walk *w, size_t len, const char *pattern);

/* Goes on below the name `entry` in the folder that the first `len` bytes of the path are. */
static int enter(struct walk *w, size_t len, const char *entry, const char *rest)
{
    size_t entry_len = strlen(entry);
    if (len + entry_len + 2 > sizeof w->path) {
        return 0;
    }
    memcpy(w->path + len, entry, entry_len + 1);
    if (!*rest) {
        return add(w, w->path);
    }
    w->path[len + entry_len] = '/';
    return walk_down(w, len + entry_len + 1, rest);
}

/* One name of a folder against the pattern's part for it. */
static int try_entry(struct walk *w, size_t len, const char *part, const struct dirent *d,
                     const char *rest)
{
    char base[NAME_MAX + 1];
    int is_last = !*rest;
    int is_dir = d->d_type == DT_DIR;
    int may_be_dir = is_dir || d->d_type == DT_LNK || d->d_type == DT_UNKNOWN;
    if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0 || (is_last && is_dir)
        || (!is_last && !may_be_dir)) {
        return 0;
    }
    if (fnmatch(part, d->d_name, FNM_PERIOD) == 0) {
        return is_last && is_packed(d->d_name) ? 0 : enter(w, len, d->d_name, rest);
    }
    if (is_last && w->with_rotated && rotated_base(d->d_name, base)
        && fnmatch(part, base, FNM_PERIOD) == 0) {
        return enter(w, len, base, rest);
    }
    return 0;
}

/* Of a plain name behind a wildcard nobody knows yet. */
static int is_there(struct walk *w, size_t len, const char *name)
{
    struct stat st;
    size_t name_len = strlen(name);
    if (len + name_len + 1 > sizeof w->path) {
        return 0;
    }
    memcpy(w->path + len, name, name_len + 1);
    return lstat(w->path, &st) == 0;
}

/* The first `len` bytes of the path are a folder, `pattern` is what is left of the pattern. */
static int walk_down(struct walk *w, size_t len, const char *pattern)
{
    char part[NAME_MAX + 1];
    size_t part_len = strcspn(pattern, "/");
    const char *rest = pattern + part_len + strspn(pattern + part_len, "/");
    if (part_len == 0 || part_len > NAME_MAX) {
        return 0;
    }
    memcpy(part, pattern, part_len);
    part[part_len] = '\0';
    if (tail_glob_is_literal(part)) {
        return !*rest && !is_there(w, len, part) ? 0 : enter(w, len, part, rest);
    }
    w->path[len] = '\0';
    DIR *folder = opendir(w->path);
    if (!folder) {
        return 0;
    }
    int rc = 0;
    struct dirent *d;
    while (!rc && (d = readdir(folder))) {
        if (++w->glob->entries > TAIL_GLOB_ENTRIES_MAX) {
            w->glob->is_cut = 1;
            break;
        }
        rc = try_entry(w, len, part, d, rest);
    }
    closedir(folder);
    return rc;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct tail_glob_path *)a)->path,
                  ((const struct tail_glob_path *)b)->path);
}

/* A path that several patterns match, or that rotated files speak of, too, stands there once; one that
 * is named outright is that. */
static void sort_out(struct tail_glob *g)
{
    size_t kept = 0;
    if (g->count == 0) {
        return;
    }
    qsort(g->items, g->count, sizeof *g->items, by_path);
    for (size_t i = 1; i < g->count; i++) {
        if (strcmp(g->items[i].path, g->items[kept].path) != 0) {
            g->items[++kept] = g->items[i];
            continue;
        }
        struct tail_glob_path *same = &g->items[i];
        size_t offset = (size_t)(same->name - same->path);
        if (same->is_literal) {
            g->items[kept].is_literal = 1;
        }
        /* The shorter name of two, whichever came first. */
        if (offset > (size_t)(g->items[kept].name - g->items[kept].path)) {
            g->items[kept].name = g->items[kept].path + offset;
        }
        free(same->path);
    }
    g->count = kept + 1;
}

int tail_glob_scan(const struct conf_list *patterns, int with_rotated, struct tail_glob *out)
{
    struct tail_glob g = {.items = NULL};
    struct walk w = {.glob = &g, .patterns = patterns, .with_rotated = with_rotated};
    int rc = 0;
    for (size_t i = 0; !rc && i < patterns->count; i++) {
        const char *pattern = patterns->items[i];
        w.pattern = i;
        w.path[0] = '/';
        if (tail_glob_is_literal(pattern)) {
            rc = add(&w, pattern);
        } else {
            rc = walk_down(&w, 1, pattern + strspn(pattern, "/"));
        }
    }
    if (rc) {
        tail_glob_fini(&g);
        return rc;
    }
    sort_out(&g);
    *out = g;
    return 0;
}

void tail_glob_fini(struct tail_glob *g)
{
    for (size_t i = 0; i < g->count; i++) {
        free(g->items[i].path);
    }
    free(g->items);
    *g = (struct tail_glob){.items = NULL};
}
