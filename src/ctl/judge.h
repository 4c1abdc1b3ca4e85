/* SPDX-License-Identifier: MIT */
/* judge: findings from traces. Nothing here asks a server or a clock. */
#ifndef CTL_JUDGE_H
#define CTL_JUDGE_H

#include "ctl/trace.h"

#include <stdint.h>

struct ctl_report;
struct ctl_server;

/* Milliseconds that separate what is slow from what is held back. Generous: the machine in between
 * may be busy, and mod_fcgid lets a reader wait a second for a new process. */
#define CTL_HELD_MS 2500   /* an opening so much later than a plain answer was held back */
#define CTL_LATE_MS 150    /* TCP's own gathering is 200 ms */
#define CTL_BURST_MS 2500  /* events so unevenly late came in bursts */
#define CTL_SILENCE_MS 900 /* less silence than that is no time-out */

/* The id that no stream of ssecgi gives. */
#define CTL_STRANGE_ID "ssecgi-ctl~no-such-id"

/* 1 when the answer to the first request is an event stream; otherwise says what it is. */
int ctl_judge_answer(struct ctl_report *r, const struct ctl_trace *t,
                     const struct ctl_server *server, int has_credentials);

/* What its headers do to a stream. */
void ctl_judge_head(struct ctl_report *r, const struct ctl_trace *t,
                    const struct ctl_server *server);

void ctl_judge_version(struct ctl_report *r, const struct ctl_trace *t,
                       const struct ctl_server *server, int is_tls, int can_http2);

/* 1 when it begins as ssecgi's streams do: retry, then an id by itself. */
int ctl_judge_is_ssecgi(const struct ctl_trace *t);

/* 1 when ssecgi answered "?from=%20" as it does where the query arrives. */
int ctl_judge_is_refusal(const struct ctl_trace *t);

/* 1 when there was no answer this time, though there had been others: says so. */
int ctl_judge_lost(struct ctl_report *r, const char *check, const struct ctl_trace *t,
                   const struct ctl_server *server);

/* The answers to CTL_STRANGE_ID and to an id that the stream gave. */
void ctl_judge_resume(struct ctl_report *r, const struct ctl_trace *strange,
                      const struct ctl_trace *known, const char *known_id,
                      const struct ctl_server *server);

/* An answer to a request with an Origin, and one to a preflight. */
void ctl_judge_cors(struct ctl_report *r, const struct ctl_trace *get,
                    const struct ctl_trace *preflight, const char *origin);

/* A stream that was watched for limit_ms, or until that was enough. */
void ctl_judge_watch(struct ctl_report *r, const struct ctl_trace *t, int64_t limit_ms,
                     const struct ctl_server *server);

/* Whether its events came when they were due, where their ids are times. */
void ctl_judge_rhythm(struct ctl_report *r, const struct ctl_trace *t,
                      const struct ctl_server *server);

/* Whether an EventSource understands every line. */
void ctl_judge_format(struct ctl_report *r, const struct ctl_trace *t);

#endif
