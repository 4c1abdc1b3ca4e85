/* SPDX-License-Identifier: MIT */
/* request: what a client asks for, read from the variables of RFC 3875. */
#include "sse/request.h"

#include "base/err.h"

#include <string.h>

static const char *const method_names[] = {
    [SSE_GET] = "GET",   [SSE_HEAD] = "HEAD",     [SSE_OPTIONS] = "OPTIONS",
    [SSE_POST] = "POST", [SSE_DELETE] = "DELETE",
};

const char *sse_method_name(enum sse_method method)
{
    return method < SSE_METHOD_OTHER ? method_names[method] : NULL;
}

static const char *var(const struct sse_vars *vars, const char *name)
{
    const char *value = vars->get(vars->ctx, name);
    return value && *value ? value : NULL;
}

static enum sse_method method_of(const char *name)
{
    for (int m = 0; name && m < SSE_METHOD_OTHER; m++) {
        if (strcmp(method_names[m], name) == 0) {
            return (enum sse_method)m;
        }
    }
    return SSE_METHOD_OTHER;
}

/* What follows the prefix: "" or a text that starts with a slash; NULL when it does not start
 * with the prefix. */
static const char *after_prefix(const char *path, const char *prefix)
{
    size_t len = strlen(prefix);
    if (strncmp(path, prefix, len) != 0 || (path[len] != '\0' && path[len] != '/')) {
        return NULL;
    }
    return path + len;
}

static int ends_with(const char *text, const char *end)
{
    size_t len = strlen(text);
    size_t end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* Copies the path below the prefix into out->text; *used counts its bytes with the NUL. */
static int read_path(struct sse_request *out, const struct sse_vars *vars, const char *prefix,
                     size_t *used, struct err *err)
{
    const char *script = var(vars, "SCRIPT_NAME");
    const char *info = var(vars, "PATH_INFO");
    const char *uri = var(vars, "REQUEST_URI");
    const char *path = NULL;
    size_t decoded = 0;
    if (info && script && ends_with(script, prefix)) {
        path = info;
    } else if (info) {
        path = after_prefix(info, prefix);
        path = path ? path : info;
    } else if (script && after_prefix(script, prefix)) {
        path = after_prefix(script, prefix);
    } else if (!uri) {
        return err_set(err, ERR_INVALID, "the web server passed no PATH_INFO, SCRIPT_NAME or "
                                         "REQUEST_URI");
    }
    size_t len = path ? strlen(path) : strcspn(uri, "?#");
    if (len >= sizeof out->text) {
        return err_set(err, ERR_LIMIT, "the path is longer than %d bytes", SSE_REQUEST_TEXT_MAX);
    }
    memcpy(out->text, path ? path : uri, len);
    out->text[len] = '\0';
    if (!path) {
        if (sse_percent_decode(out->text, len, 0, &decoded)) {
            return err_set(err, ERR_INVALID, "the path has a broken percent-escape");
        }
        path = after_prefix(out->text, prefix);
        if (!path) {
            return err_set(err, ERR_UNKNOWN, "there is nothing outside %s", prefix);
        }
        len = strlen(path);
        memmove(out->text, path, len + 1);
    }
    out->name = out->text[0] == '/' ? out->text + 1 : out->text;
    *used = len + 1;
    return 0;
}

int sse_request_read(struct sse_request *out, const struct sse_vars *vars, const char *prefix,
                     struct err *err)
{
    size_t used = 0;
    *out = (struct sse_request){.method = method_of(var(vars, "REQUEST_METHOD"))};
    out->last_event_id = var(vars, "HTTP_LAST_EVENT_ID");
    out->origin = var(vars, "HTTP_ORIGIN");
    out->preflight_method = var(vars, "HTTP_ACCESS_CONTROL_REQUEST_METHOD");
    int rc = read_path(out, vars, prefix, &used, err);
    if (rc) {
        return rc;
    }
    const char *query = var(vars, "QUERY_STRING");
    size_t len = query ? strlen(query) : 0;
    if (len >= sizeof out->text - used) {
        return err_set(err, ERR_LIMIT, "path and query are longer than %d bytes",
                       SSE_REQUEST_TEXT_MAX);
    }
    memcpy(out->text + used, query ? query : "", len + 1);
    rc = sse_query_parse(out->text + used, &out->query);
    if (rc == ERR_LIMIT) {
        return err_set(err, rc, "the query has more than %d parameters", SSE_PARAMS_MAX);
    }
    if (rc) {
        return err_set(err, rc, "the query has a broken percent-escape");
    }
    return 0;
}
