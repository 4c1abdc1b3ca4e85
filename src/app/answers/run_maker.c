/* SPDX-License-Identifier: MIT */
/* run_maker: how many answers of one stream are made at once. */
#include "app/answers/run_maker.h"

#include "app/answers/run.h"
#include "base/err.h"
#include "source/run/folder.h"
#include "source/run/keep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *slots_path(const struct app_stream *named)
{
    char *dir, *folder = NULL, *path = NULL;
    if (asprintf(&dir, "%s/runs", named->state_dir) < 0) {
        return NULL;
    }
    folder = run_folder_path(dir, named->name);
    if (folder && asprintf(&path, "%s.slots", folder) < 0) {
        path = NULL;
    }
    free(folder);
    free(dir);
    return path;
}

static int maker_new(char *path, struct app_run_maker **out)
{
    struct app_run_maker *m = calloc(1, sizeof *m);
    int rc = m ? run_folder_make_above(path) : ERR_NOMEM;
    rc = rc ? rc : app_slots_open(&m->slots, path);
    if (rc) {
        free(m);
        return rc;
    }
    m->path = path;
    *out = m;
    return 0;
}

int app_run_find_maker(struct app_run_maker **all, const struct app_stream *named,
                       struct app_run_maker **out)
{
    char *path = slots_path(named);
    int rc = path ? 0 : ERR_NOMEM;
    struct app_run_maker *m = rc ? NULL : *all;
    while (m && strcmp(m->path, path) != 0) {
        m = m->next;
    }
    if (!rc && !m) {
        rc = maker_new(path, &m);
        if (!rc) {
            path = NULL;
            m->next = *all;
            *all = m;
        }
    }
    free(path);
    if (!rc) {
        *out = m;
    }
    return rc;
}

void app_run_makers_free(struct app_run_maker *all)
{
    while (all) {
        struct app_run_maker *m = all;
        all = m->next;
        app_slots_close(&m->slots);
        free(m->path);
        free(m);
    }
}

void app_run_give_slot(struct app_run *r)
{
    if (r->has_slot) {
        r->has_slot = 0;
        app_slots_give(&r->maker->slots, r->slot);
    }
}

int app_run_take_slot(struct app_run *r)
{
    const struct app_run_settings *s = &r->stream->family->runs;
    int rc = app_slots_take(&r->maker->slots, (size_t)s->max_runs, (size_t)s->max_runs_user, r->who,
                            &r->slot);
    r->has_slot = rc == 0;
    return rc;
}

int app_run_admit(const struct app_run *r, int64_t now_s)
{
    const struct app_stream *named = r->stream->family;
    size_t most = (size_t)(named->runs.keep_runs + named->runs.max_runs);
    size_t between = most / APP_RUN_ADMIT_MOST < APP_RUN_ADMIT_MOST ? most / APP_RUN_ADMIT_MOST + 1
                                                                    : APP_RUN_ADMIT_MOST;
    return r->maker->begun++ % between == 0
               ? run_keep_admit(r->stream->state_dir, named->name, most, now_s)
               : 0;
}
