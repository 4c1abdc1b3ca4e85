/* SPDX-License-Identifier: MIT */
/* run_keep: which runs are kept below a folder, and for how long. */
#include "source/run/keep.h"

#include "base/err.h"
#include "source/run/folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SLASH "%2f" /* as a folder's name has it */
#define SHARE 8     /* when there are too many, so large a part goes at once */

/* 1 when a folder's name is one of a run. */
static int is_run(const char *name)
{
    size_t tail = sizeof SLASH - 1 + RUN_ID_CHARS;
    size_t len = strlen(name);
    return len > tail && strncmp(name + len - tail, SLASH, sizeof SLASH - 1) == 0
           && run_id_is_valid(name + len - RUN_ID_CHARS);
}

/* --- what is due --------------------------------------------------------------------------- */

void run_sweep_fini(struct run_sweep *w)
{
    if (w->list) {
        closedir(w->list);
    }
    free(w->above);
    *w = (struct run_sweep){.list = NULL};
}

static int begin(struct run_sweep *w, const char *state_dir)
{
    char *any = run_folder_path(state_dir, "x");
    if (!any) {
        return 0;
    }
    *strrchr(any, '/') = '\0';
    w->above = any;
    w->list = opendir(any);
    if (!w->list) {
        run_sweep_fini(w);
        return 0;
    }
    return 1;
}

int run_sweep_step(struct run_sweep *w, const char *state_dir, int64_t now_s)
{
    if (!w->list && !begin(w, state_dir)) {
        return 0;
    }
    for (int i = 0; i < RUN_SWEEP_FOLDERS; i++) {
        struct dirent *e = readdir(w->list);
        char *path;
        int64_t touched_s;
        if (!e) {
            run_sweep_fini(w);
            return 0;
        }
        if (is_run(e->d_name) && asprintf(&path, "%s/%s", w->above, e->d_name) >= 0) {
            (void)run_folder_expire(path, now_s, &touched_s);
            free(path);
        }
    }
    return 1;
}

/* --- how many ------------------------------------------------------------------------------ */

struct kept {
    char *path;
    int64_t touched_s;
};

struct many {
    struct kept *items;
    size_t count, cap;
};

static int add(struct many *m, char *path, int64_t touched_s)
{
    if (m->count == m->cap) {
        size_t cap = m->cap ? 2 * m->cap : 64;
        struct kept *items = realloc(m->items, cap * sizeof *items);
        if (!items) {
            return ERR_NOMEM;
        }
        m->items = items;
        m->cap = cap;
    }
    m->items[m->count++] = (struct kept){.path = path, .touched_s = touched_s};
    return 0;
}

static void forget(struct many *m)
{
    for (size_t i = 0; i < m->count; i++) {
        free(m->items[i].path);
    }
    free(m->items);
}

/* Counts the folders that begin so; with `m`, lists those that are complete, and deletes what is
 * due. */
static int walk(const char *above, const char *prefix, int64_t now_s, size_t *count, struct many *m)
{
    int rc = 0;
    DIR *list = opendir(above);
    *count = 0;
    if (!list) {
        return errno == ENOENT ? 0 : ERR_IO;
    }
    for (struct dirent *e = readdir(list); e && !rc; e = readdir(list)) {
        char *path;
        int64_t touched_s;
        if (strncmp(e->d_name, prefix, strlen(prefix)) != 0 || !is_run(e->d_name)) {
            continue;
        }
        if (!m) {
            (*count)++;
            continue;
        }
        if (asprintf(&path, "%s/%s", above, e->d_name) < 0) {
            rc = ERR_NOMEM;
            break;
        }
        int stays = run_folder_expire(path, now_s, &touched_s);
        *count += (size_t)stays;
        if (!stays || touched_s < 0 || (rc = add(m, path, touched_s)) != 0) {
            free(path);
        }
    }
    closedir(list);
    return rc;
}

static int by_age(const void *a, const void *b)
{
    int64_t x = ((const struct kept *)a)->touched_s;
    int64_t y = ((const struct kept *)b)->touched_s;
    return (x > y) - (x < y);
}

static void delete (const char *path)
{
    int fd;
    if (run_folder_lock(path, &fd) == 0) {
        run_folder_remove(path);
        close(fd);
    }
}

int run_keep_admit(const char *state_dir, const char *stream, size_t most, int64_t now_s)
{
    struct many m = {.count = 0};
    size_t count = 0;
    char *above = run_folder_path(state_dir, stream);
    char *prefix = NULL;
    if (!above || asprintf(&prefix, "%s%s", strrchr(above, '/') + 1, SLASH) < 0) {
        free(above);
        return ERR_NOMEM;
    }
    *strrchr(above, '/') = '\0';
    int rc = walk(above, prefix, now_s, &count, NULL);
    if (!rc && count >= most) {
        rc = walk(above, prefix, now_s, &count, &m);
    }
    if (!rc && count >= most) {
        size_t gone = count - most + 1 + most / SHARE;
        gone = gone < m.count ? gone : m.count;
        if (m.count > 0) {
            qsort(m.items, m.count, sizeof *m.items, by_age);
        }
        for (size_t i = 0; i < gone; i++) {
            delete (m.items[i].path);
        }
        rc = count - gone >= most ? ERR_LIMIT : 0;
    }
    forget(&m);
    free(above);
    free(prefix);
    return rc;
}
