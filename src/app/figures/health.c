/* SPDX-License-Identifier: MIT */
/* health: whether this process serves as it should, for load balancers and people. */
#include "app/figures/health.h"

#include "app/channels.h"
#include "app/config.h"
#include "base/buf.h"
#include "base/err.h"
#include "conf/json.h"
#include "hub/hub.h"

#include <json-c/json.h>

/* A stream's channels, as far as they are open. */
struct look {
    const struct app_stream *stream;
    int is_open, is_unreadable, has_ended;
    size_t readers;
};

static void look_at(void *ctx, struct app_channel *c)
{
    struct look *look = ctx;
    if (app_stream_configured(c->stream) == look->stream) {
        look->is_open = 1;
        look->is_unreadable |= app_channel_health(c).is_unreadable;
        look->has_ended |= hub_channel_has_ended(c->hub_channel);
        look->readers += hub_channel_reader_count(c->hub_channel);
    }
}

/* Nobody has a source open that nobody reads, so nothing is known of it. */
static const char *state_of(const struct look *look, const char **detail)
{
    *detail = look->is_unreadable ? "the source cannot be read now; it is tried again" : NULL;
    if (look->is_unreadable) {
        return "unreadable";
    }
    return look->has_ended ? "ended" : look->is_open ? "open" : "idle";
}

static struct json_object *stream_entry(const struct look *look)
{
    const char *detail;
    struct json_object *entry = json_object_new_object();
    if (!entry) {
        return NULL;
    }
    json_object_object_add(entry, "name", json_object_new_string(look->stream->name));
    json_object_object_add(entry, "state", json_object_new_string(state_of(look, &detail)));
    if (detail) {
        json_object_object_add(entry, "detail", json_object_new_string(detail));
    }
    return entry;
}

static int add_streams(const struct app_health *h, struct json_object *list, int *is_readable,
                       size_t *readers)
{
    *is_readable = 1;
    *readers = 0;
    for (size_t i = 0; i < h->config->stream_count; i++) {
        struct look look = {.stream = h->config->streams[i]};
        app_channels_each(h->channels, look_at, &look);
        *is_readable &= !look.is_unreadable;
        *readers += look.readers;
        struct json_object *entry = stream_entry(&look);
        if (!entry || json_object_array_add(list, entry)) {
            json_object_put(entry);
            return ERR_NOMEM;
        }
    }
    return 0;
}

int app_health_json(const struct app_health *h, struct buf *out, int *is_good)
{
    int is_readable = 0;
    size_t readers = 0;
    struct json_object *root = json_object_new_object();
    struct json_object *list = json_object_new_array();
    int rc = root && list ? add_streams(h, list, &is_readable, &readers) : ERR_NOMEM;
    if (rc) {
        json_object_put(list);
        json_object_put(root);
        return rc;
    }
    const char *status = h->is_draining ? "draining" : is_readable ? "ok" : "unreadable";
    json_object_object_add(root, "status", json_object_new_string(status));
    json_object_object_add(root, "readers", json_object_new_int64((int64_t)readers));
    json_object_object_add(root, "streams", list);
    rc = conf_json_append(root, out);
    rc = rc ? rc : buf_append_char(out, '\n');
    if (!rc) {
        *is_good = !h->is_draining && is_readable;
    }
    return rc;
}
