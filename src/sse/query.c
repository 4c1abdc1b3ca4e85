/* SPDX-License-Identifier: MIT */
/* query: percent-decoding and the parameters of a query string. */
#include "sse/query.h"

#include "base/err.h"

#include <string.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

int sse_percent_decode(char *text, size_t len, int plus_is_space, size_t *out_len)
{
    size_t to = 0;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c == '%') {
            int high = len - i > 2 ? hex_digit(text[i + 1]) : -1;
            int low = len - i > 2 ? hex_digit(text[i + 2]) : -1;
            if (high < 0 || low < 0 || (high == 0 && low == 0)) {
                return ERR_INVALID;
            }
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        text[to++] = c;
    }
    text[to] = '\0';
    *out_len = to;
    return 0;
}

/* One "name=value", decoded in place. */
static int parse_param(char *text, struct sse_param *out)
{
    size_t decoded;
    char *equals = strchr(text, '=');
    char *value = equals ? equals + 1 : text + strlen(text);
    if (equals) {
        *equals = '\0';
    }
    if (sse_percent_decode(text, strlen(text), 1, &decoded)
        || (equals && sse_percent_decode(value, strlen(value), 1, &decoded))) {
        return ERR_INVALID;
    }
    *out = (struct sse_param){.name = text, .value = equals ? value : ""};
    return 0;
}

int sse_query_parse(char *text, struct sse_query *out)
{
    struct sse_query q = {.count = 0};
    while (*text) {
        size_t len = strcspn(text, "&");
        char *next = text[len] ? text + len + 1 : text + len;
        text[len] = '\0';
        if (len > 0) {
            if (q.count == SSE_PARAMS_MAX) {
                return ERR_LIMIT;
            }
            int rc = parse_param(text, &q.params[q.count]);
            if (rc) {
                return rc;
            }
            q.count++;
        }
        text = next;
    }
    *out = q;
    return 0;
}

const char *sse_query_get(const struct sse_query *q, const char *name)
{
    for (size_t i = 0; i < q->count; i++) {
        if (strcmp(q->params[i].name, name) == 0) {
            return q->params[i].value;
        }
    }
    return NULL;
}
