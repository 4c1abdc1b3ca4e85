/* SPDX-License-Identifier: MIT */
/* tail_watch: notices of changes in folders. */
#include "source/tail/watch.h"

#include "base/log.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static void on_change(uv_fs_event_t *handle, const char *name, int events, int status)
{
    struct tail_watch_item *item = handle->data;
    struct tail_watch *w = item->watch;
    /* After an error nobody knows what happened. */
    w->changed(w->ctx, item->folder, status ? NULL : name, status || (events & UV_RENAME));
}

static struct tail_watch_item *find(struct tail_watch *w, const char *folder)
{
    for (size_t i = 0; i < w->count; i++) {
        if (w->items[i]->folder && strcmp(w->items[i]->folder, folder) == 0) {
            return w->items[i];
        }
    }
    return NULL;
}

static struct tail_watch_item *find_free(struct tail_watch *w)
{
    for (size_t i = 0; i < w->count; i++) {
        if (!w->items[i]->folder) {
            return w->items[i];
        }
    }
    struct tail_watch_item *item = w->count < TAIL_WATCH_MAX ? calloc(1, sizeof *item) : NULL;
    if (item) {
        item->watch = w;
        uv_fs_event_init(w->loop, &item->handle);
        item->handle.data = item;
        w->items[w->count++] = item;
    }
    return item;
}

static void let_go(struct tail_watch_item *item)
{
    uv_fs_event_stop(&item->handle);
    free(item->folder);
    item->folder = NULL;
}

static void start(struct tail_watch *w, const char *folder, const struct tail_stat *st)
{
    struct tail_watch_item *item = find_free(w);
    char *copy = item ? strdup(folder) : NULL;
    if (!copy) {
        return;
    }
    int rc = uv_fs_event_start(&item->handle, on_change, folder, 0);
    if (rc == 0) {
        item->folder = copy;
        item->st = *st;
        item->is_wanted = 1;
        return;
    }
    free(copy);
    if (!w->was_told) {
        w->was_told = 1;
        log_say(w->log, WARN, "tail", "cannot watch the folder, polling only",
                LOG_TEXT("folder", folder), LOG_TEXT("error", uv_strerror(rc)));
    }
}

void tail_watch_want(struct tail_watch *w, const char *folder)
{
    struct tail_stat st;
    struct tail_watch_item *item = find(w, folder);
    if (item && item->is_wanted) {
        return;
    }
    if (tail_stat_read(AT_FDCWD, folder, 1, &st)) {
        return;
    }
    if (item && tail_stat_same(&st, &item->st)) {
        item->is_wanted = 1;
        return;
    }
    if (item) {
        let_go(item); /* another folder stands there by now */
    }
    start(w, folder, &st);
}

void tail_watch_done(struct tail_watch *w)
{
    for (size_t i = 0; i < w->count; i++) {
        if (w->items[i]->folder && !w->items[i]->is_wanted) {
            let_go(w->items[i]);
        }
        w->items[i]->is_wanted = 0;
    }
}

static void on_closed(uv_handle_t *handle)
{
    struct tail_watch_item *item = handle->data;
    struct tail_watch *w = item->watch;
    free(item->folder);
    free(item);
    if (--w->open == 0) {
        w->closed(w->ctx);
    }
}

void tail_watch_close(struct tail_watch *w)
{
    w->open = w->count;
    if (w->count == 0) {
        w->closed(w->ctx);
        return;
    }
    for (size_t i = 0; i < w->count; i++) {
        uv_close((uv_handle_t *)&w->items[i]->handle, on_closed);
    }
    w->count = 0;
}
