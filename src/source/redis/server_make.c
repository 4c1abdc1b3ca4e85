/* SPDX-License-Identifier: MIT */
/* redis_server: what a server is made of: copies of the settings, and the login. */
#include "source/redis/server_parts.h"

#include "base/err.h"
#include "source/redis/script.h"
#include "source/source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int copy_text(char **out, const char *text)
{
    *out = text ? strdup(text) : NULL;
    return text && !*out ? ERR_NOMEM : 0;
}

static int copy_settings(struct redis_settings *out, const struct redis_settings *in)
{
    int rc = copy_text(&out->url, in->url);
    rc = rc ? rc : copy_text(&out->password_file, in->password_file);
    rc = rc ? rc : copy_text(&out->master, in->master);
    out->sentinels.items = calloc(in->sentinels.count + 1, sizeof *out->sentinels.items);
    rc = rc ? rc : out->sentinels.items ? 0 : ERR_NOMEM;
    for (size_t i = 0; i < in->sentinels.count && !rc; i++) {
        rc = copy_text(&out->sentinels.items[i], in->sentinels.items[i]);
        out->sentinels.count += rc == 0;
    }
    return rc;
}

static int make_label(struct redis_server *s)
{
    const struct redis_address *a = &s->address;
    char text[REDIS_PLACE_BYTES];
    if (s->same.master) {
        snprintf(text, sizeof text, "master %.128s", s->same.master);
    } else if (a->path) {
        snprintf(text, sizeof text, "unix://%.256s", a->path);
    } else {
        redis_server_place(a->host, a->port, text);
    }
    return copy_text(&s->label, text);
}

int redis_server_make(struct redis_server **out, const struct redis_settings *settings,
                      const struct source_host *host)
{
    struct redis_server *s = calloc(1, sizeof *s);
    if (!s) {
        return ERR_NOMEM;
    }
    s->loop = host->loop;
    s->log = host->log;
    s->clock = host->clock;
    int rc = copy_settings(&s->same, settings);
    rc = rc ? rc : redis_address_parse(&s->address, settings->url, NULL);
    rc = rc ? rc : make_label(s);
    if (rc) {
        redis_server_forget(s);
        free(s);
        return rc;
    }
    *out = s;
    return 0;
}

void redis_server_forget(struct redis_server *s)
{
    for (size_t i = 0; i < s->same.sentinels.count; i++) {
        free(s->same.sentinels.items[i]);
    }
    free(s->same.sentinels.items);
    free(s->same.url);
    free(s->same.password_file);
    free(s->same.master);
    redis_address_fini(&s->address);
    free(s->password);
    free(s->label);
}

int redis_server_read_login(struct redis_server *s, struct err *err)
{
    const char *path = s->same.password_file;
    free(s->password);
    s->password = NULL;
    if (!path) {
        return copy_text(&s->password, s->address.password);
    }
    int rc = redis_password_read(path, &s->password);
    return rc ? err_set(err, rc, "%s: %s", path, rc == ERR_IO ? strerror(errno) : "is no password")
              : 0;
}

void redis_server_ask_sentinel(struct redis_server *s)
{
    int had_wire = s->sentinel.link.wire != NULL;
    redis_sentinel_ask(&s->sentinel);
    s->held += !had_wire && s->sentinel.link.wire;
}

void redis_server_place(const char *host, int port, char out[REDIS_PLACE_BYTES])
{
    snprintf(out, REDIS_PLACE_BYTES, "%.256s:%d", host, port);
}

const char *redis_script_text(enum redis_script which)
{
    static const char *const texts[REDIS_SCRIPTS] = {
        [REDIS_SCRIPT_READ] = redis_script_read,
        [REDIS_SCRIPT_PUBLISH] = redis_script_publish,
        [REDIS_SCRIPT_READERS] = redis_script_readers,
    };
    return texts[which];
}

void redis_server_script(const struct redis_server *s, enum redis_script which, int is_whole,
                         const char *argv[2])
{
    argv[0] = is_whole ? "EVAL" : "EVALSHA";
    argv[1] = is_whole ? redis_script_text(which) : s->shas[which];
}
