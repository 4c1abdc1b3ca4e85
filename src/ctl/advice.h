/* SPDX-License-Identifier: MIT */
/* advice: for each mistake and each web server, the line of its configuration that cures it. */
#ifndef CTL_ADVICE_H
#define CTL_ADVICE_H

#include "ctl/server.h"

struct ctl_report;

enum ctl_mistake {
    CTL_BUFFERED,   /* nothing arrives until a buffer is full */
    CTL_LATE,       /* pieces wait a moment for more */
    CTL_COMPRESSED, /* compression holds pieces back, or is needless */
    CTL_QUIET_CUT,  /* a time-out ends quiet streams */
    CTL_LIFE_CUT,   /* a limit on the whole life of a stream */
    CTL_ID_DROPPED, /* Last-Event-ID does not arrive */
    CTL_QUERY_DROPPED,
    CTL_OLD_HTTP,    /* HTTP/1.1: six connections a browser */
    CTL_NO_ROUTE,    /* the web server does not know the path */
    CTL_NO_BACK_END, /* it knows it and gets no answer */
    CTL_HANGS,       /* some requests get no answer */
    CTL_MISTAKES
};

/* Adds what to do to the last finding: the lines for this server, those for all when it is not
 * known, and what holds for any. */
void ctl_advise(struct ctl_report *r, enum ctl_mistake mistake, const struct ctl_server *server);

#endif
