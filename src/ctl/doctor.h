/* SPDX-License-Identifier: MIT */
/* doctor: the order in which a deployed stream is asked, and what is made of the answers. */
#ifndef CTL_DOCTOR_H
#define CTL_DOCTOR_H

#include "base/err.h"
#include "ctl/flags.h"
#include "ctl/parser.h"
#include "ctl/report.h"
#include "ctl/server.h"

struct ctl_trace;

#define CTL_REDIRECTS_MAX 5

/* One visit. */
struct ctl_doctor {
    const struct ctl_flags *flags;
    struct ctl_report report;
    size_t shown; /* findings that were printed */
    struct ctl_server server;
    int has_server;         /* it was read from a head */
    char url[CTL_URL_SIZE]; /* after redirects */
    char first_id[CTL_ID_SIZE];
    int is_ssecgi;
    int is_identity;    /* without compression from now on: it was found guilty */
    int64_t plain_ms;   /* how long an answer that is no stream took; CTL_NEVER unknown */
    int64_t opening_ms; /* how soon the quickest stream began */
    struct err err;
};

/* Examines flags->url and prints what it finds. Answers the exit status. */
int ctl_doctor_run(const struct ctl_flags *flags);

/* --- between doctor.c and its other halves -------------------------------------------------- */

/* A request to `url` with up to two headers more (NULL for none) into a new trace, which the caller
 * ends (ctl_trace_fini) in any case. Negative when the visit cannot go on; d->err says why. */
int ctl_doctor_ask(struct ctl_doctor *d, const char *method, const char *url, const char *header,
                   const char *header2, int64_t limit_ms,
                   int (*is_enough)(const struct ctl_trace *t, int64_t now_ms, const void *ctx),
                   struct ctl_trace *out);

/* Enough: another answer is whole, or a stream has begun. */
int ctl_doctor_has_begun(const struct ctl_trace *t, int64_t now_ms, const void *ctx);

/* Nothing, or too late, came of the first stream: finds out why. 1 when the rest can be examined.
 */
int ctl_doctor_held(struct ctl_doctor *d, const struct ctl_trace *first);

/* A 404 or a page instead of a stream: looks for ssecgi's list of streams. */
void ctl_doctor_searches(struct ctl_doctor *d);

#endif
