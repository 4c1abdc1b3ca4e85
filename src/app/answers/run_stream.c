/* SPDX-License-Identifier: MIT */
/* run_stream: the streams of answers that this process makes or reads. */
#include "app/answers/run_stream.h"

#include "app/config.h"
#include "base/err.h"
#include "source/run/folder.h"
#include "source/run/log.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct app_stream *)a)->name, ((const struct app_stream *)b)->name);
}

static void forget_stream(struct app_stream *s)
{
    struct app_run_stream *r = (struct app_run_stream *)s;
    struct app_stream *family = s->family;
    tdelete(s, &r->all->by_name, by_name);
    free(s->state_dir);
    free(s->name);
    free(r);
    app_stream_unref(family);
}

struct app_stream *app_run_stream_of(struct app_run_streams *all, struct app_stream *named,
                                     const char *id)
{
    struct app_run_stream *r = calloc(1, sizeof *r);
    struct app_stream *s = &r->base;
    if (!r) {
        return NULL;
    }
    *r = (struct app_run_stream){.base = {.refs = 1, .type = &source_run_log}, .all = all};
    if (asprintf(&s->name, "%s/%s", named->name, id) < 0) {
        s->name = NULL;
    }
    if (asprintf(&s->state_dir, "%s/runs", named->state_dir) < 0) {
        s->state_dir = NULL;
    }
    struct app_stream **found = s->name && s->state_dir ? tsearch(s, &all->by_name, by_name) : NULL;
    if (!found || *found != s) {
        free(s->state_dir);
        free(s->name);
        free(r);
        return found ? app_stream_ref(*found) : NULL;
    }
    s->forget = forget_stream;
    s->family = app_stream_ref(named);
    return s;
}

/* The configured stream that an answer of this name would be of. NULL: none. */
static struct app_stream *named_of(const struct app_config *config, const char *name,
                                   const char **id)
{
    char named[APP_ASKED_NAME_MAX + 1];
    const char *slash = strrchr(name, '/');
    if (!slash || (size_t)(slash - name) >= sizeof named || !run_id_is_valid(slash + 1)) {
        return NULL;
    }
    memcpy(named, name, (size_t)(slash - name));
    named[slash - name] = '\0';
    *id = slash + 1;
    struct app_stream *s = app_config_find(config, named);
    return s && app_stream_answers(s) ? s : NULL;
}

int app_run_stream_is_named(const struct app_config *config, const char *name)
{
    const char *id;
    return named_of(config, name, &id) != NULL;
}

int app_run_stream_find(struct app_run_streams *all, const struct app_config *config,
                        const char *name, const char *user, struct app_stream **run)
{
    const char *id;
    struct run_facts facts;
    struct app_stream *named = named_of(config, name, &id);
    struct app_stream *s = named ? app_run_stream_of(all, named, id) : NULL;
    char *folder = s ? run_folder_path(s->state_dir, s->name) : NULL;
    int rc = !named ? ERR_UNKNOWN : folder ? run_folder_read(folder, &facts) : ERR_NOMEM;
    if (!rc && facts.user[0] && (!user || strcmp(user, facts.user) != 0)) {
        rc = ERR_UNKNOWN;
    }
    free(folder);
    if (rc) {
        app_stream_unref(s);
        return rc == ERR_GONE ? ERR_UNKNOWN : rc;
    }
    *run = s;
    return 0;
}
