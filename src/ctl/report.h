/* SPDX-License-Identifier: MIT */
/* report: what was found, for people and as JSON. */
#ifndef CTL_REPORT_H
#define CTL_REPORT_H

#include "base/buf.h"

#include <stddef.h>

enum ctl_result { CTL_OK, CTL_NOTE, CTL_WRONG };

#define CTL_FINDINGS_MAX 64
#define CTL_TODOS_MAX 32
#define CTL_TEXT_SIZE 512
#define CTL_REPORT_MAX (1024 * 1024) /* bytes of a report in print */

/* One check and what came of it. Texts hold printable ASCII only: most have something from a
 * stranger in them, and a terminal obeys. */
struct ctl_finding {
    const char *check;
    enum ctl_result result;
    char text[CTL_TEXT_SIZE];
    char *todos[CTL_TODOS_MAX];
    size_t todo_count;
};

struct ctl_report {
    struct ctl_finding *findings[CTL_FINDINGS_MAX];
    size_t count;
    int is_incomplete; /* something did not fit, or there was no memory */
};

/* `check` is one of our own words and stays ours. */
void ctl_report_add(struct ctl_report *r, const char *check, enum ctl_result result,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));

/* What to do about the last one added. */
void ctl_report_todo(struct ctl_report *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

size_t ctl_report_count(const struct ctl_report *r, enum ctl_result result);

/* The findings from `from` on, for people. ERR_LIMIT, ERR_NOMEM. */
int ctl_report_text(const struct ctl_report *r, size_t from, struct buf *out);

/* The last line. */
int ctl_report_sum(const struct ctl_report *r, struct buf *out);

/* The whole, as one JSON object and a line end. */
int ctl_report_json(const struct ctl_report *r, const char *url, const char *server,
                    struct buf *out);

void ctl_report_fini(struct ctl_report *r);

#endif
