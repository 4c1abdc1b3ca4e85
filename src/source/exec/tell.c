/* SPDX-License-Identifier: MIT */
/* exec_tell: what is told of a program: its standard error to the log, its end to readers. */
#include "source/exec/tell.h"

#include "base/err.h"
#include "base/log.h"
#include "conf/json.h"
#include "source/exec/child.h"

#include <json-c/json.h>

/* --- standard error ------------------------------------------------------------------------ */

/* The log escapes what is in it, and limits how many lines there are. */
void exec_said_end(struct exec_said *s, const struct log *log, const char *stream)
{
    s->text[s->len] = '\0';
    if (s->len > 0) {
        log_say(log, INFO, "exec", "the program says", LOG_TEXT("stream", stream),
                LOG_TEXT("text", s->text));
    }
    s->len = 0;
}

void exec_said_add(struct exec_said *s, const char *data, size_t len, const struct log *log,
                   const char *stream)
{
    for (size_t i = 0; i < len; i++) {
        if (data[i] == '\n' || s->len == sizeof s->text - 1) {
            exec_said_end(s, log, stream);
        }
        if (data[i] != '\n') {
            s->text[s->len++] = data[i] ? data[i] : ' ';
        }
    }
}

/* --- the end ------------------------------------------------------------------------------- */

struct json_object *exec_status_json(const struct exec_status *s)
{
    char name[16];
    struct json_object *o = json_object_new_object();
    int rc = o ? 0 : ERR_NOMEM;
    if (!rc && s->signal) {
        exec_signal_name(s->signal, name);
        rc = conf_json_add(o, "signal", json_object_new_string(name));
    } else if (!rc) {
        rc = conf_json_add(o, "status", json_object_new_int(s->code));
    }
    if (!rc && s->error) {
        rc = conf_json_add(o, "error", json_object_new_string("the program cannot be started"));
    }
    if (!rc && (s->is_too_late || s->is_too_much)) {
        const char *limit = s->is_too_much ? "max_output_bytes" : "run_s";
        rc = conf_json_add(o, "limit", json_object_new_string(limit));
    }
    if (rc) {
        json_object_put(o);
        return NULL;
    }
    return o;
}
