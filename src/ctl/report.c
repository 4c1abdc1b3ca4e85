/* SPDX-License-Identifier: MIT */
/* report: what was found, for people and as JSON. */
#include "ctl/report.h"

#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INDENT "                       "

static const char *const result_names[] = {"ok", "note", "wrong"};

static void clean(char *text)
{
    for (; *text; text++) {
        if (*text < ' ' || *text > '~') {
            *text = '?';
        }
    }
}

void ctl_report_add(struct ctl_report *r, const char *check, enum ctl_result result,
                    const char *format, ...)
{
    struct ctl_finding *f = r->count < CTL_FINDINGS_MAX ? calloc(1, sizeof *f) : NULL;
    if (!f) {
        r->is_incomplete = 1;
        return;
    }
    f->check = check;
    f->result = result;
    va_list args;
    va_start(args, format);
    vsnprintf(f->text, sizeof f->text, format, args);
    va_end(args);
    clean(f->text);
    r->findings[r->count++] = f;
}

void ctl_report_todo(struct ctl_report *r, const char *format, ...)
{
    char text[CTL_TEXT_SIZE];
    struct ctl_finding *f = r->count > 0 ? r->findings[r->count - 1] : NULL;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    clean(text);
    char *copy = f && f->todo_count < CTL_TODOS_MAX ? strdup(text) : NULL;
    if (!copy) {
        r->is_incomplete = 1;
        return;
    }
    f->todos[f->todo_count++] = copy;
}

size_t ctl_report_count(const struct ctl_report *r, enum ctl_result result)
{
    size_t count = 0;
    for (size_t i = 0; i < r->count; i++) {
        count += r->findings[i]->result == result;
    }
    return count;
}

int ctl_report_text(const struct ctl_report *r, size_t from, struct buf *out)
{
    int rc = 0;
    for (size_t i = from; !rc && i < r->count; i++) {
        const struct ctl_finding *f = r->findings[i];
        rc = buf_appendf(out, "%-6s %-15s %s\n", result_names[f->result], f->check, f->text);
        for (size_t k = 0; !rc && k < f->todo_count; k++) {
            rc = buf_appendf(out, "%s%s %s\n", INDENT, k == 0 ? "to do:" : "      ", f->todos[k]);
        }
    }
    return rc;
}

int ctl_report_sum(const struct ctl_report *r, struct buf *out)
{
    size_t notes = ctl_report_count(r, CTL_NOTE);
    int rc = r->is_incomplete ? buf_append_str(out, "this report is not complete\n") : 0;
    return rc ? rc
              : buf_appendf(out, "%zu wrong, %zu note%s\n", ctl_report_count(r, CTL_WRONG), notes,
                            notes == 1 ? "" : "s");
}

/* RFC 8259, 7. Texts are ASCII; control characters may still come in by the command line. */
static int append_json(struct buf *out, const char *text)
{
    int rc = buf_append_char(out, '"');
    for (; !rc && *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') {
            rc = buf_append_char(out, '\\');
            rc = rc ? rc : buf_append_char(out, *text);
        } else if (c < ' ' || c > '~') {
            rc = buf_append_char(out, '?');
        } else {
            rc = buf_append_char(out, *text);
        }
    }
    return rc ? rc : buf_append_char(out, '"');
}

static int append_finding(struct buf *out, const struct ctl_finding *f)
{
    int rc = buf_appendf(out, "{\"check\":\"%s\",\"result\":\"%s\",\"text\":", f->check,
                         result_names[f->result]);
    rc = rc ? rc : append_json(out, f->text);
    rc = rc ? rc : buf_append_str(out, ",\"to_do\":[");
    for (size_t k = 0; !rc && k < f->todo_count; k++) {
        rc = k > 0 ? buf_append_char(out, ',') : 0;
        rc = rc ? rc : append_json(out, f->todos[k]);
    }
    return rc ? rc : buf_append_str(out, "]}");
}

int ctl_report_json(const struct ctl_report *r, const char *url, const char *server,
                    struct buf *out)
{
    int rc = buf_append_str(out, "{\"url\":");
    rc = rc ? rc : append_json(out, url);
    rc = rc ? rc : buf_append_str(out, ",\"server\":");
    rc = rc ? rc : append_json(out, server);
    rc = rc ? rc : buf_append_str(out, ",\"checks\":[");
    for (size_t i = 0; !rc && i < r->count; i++) {
        rc = i > 0 ? buf_append_char(out, ',') : 0;
        rc = rc ? rc : append_finding(out, r->findings[i]);
    }
    return rc ? rc
              : buf_appendf(out, "],\"wrong\":%zu,\"notes\":%zu,\"complete\":%s}\n",
                            ctl_report_count(r, CTL_WRONG), ctl_report_count(r, CTL_NOTE),
                            r->is_incomplete ? "false" : "true");
}

void ctl_report_fini(struct ctl_report *r)
{
    for (size_t i = 0; i < r->count; i++) {
        for (size_t k = 0; k < r->findings[i]->todo_count; k++) {
            free(r->findings[i]->todos[k]);
        }
        free(r->findings[i]);
    }
    *r = (struct ctl_report){.count = 0};
}
