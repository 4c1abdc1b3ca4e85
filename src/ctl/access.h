/* SPDX-License-Identifier: MIT */
/* access: who asks and whom they trust, told to libcurl. */
#ifndef CTL_ACCESS_H
#define CTL_ACCESS_H

#include <curl/curl.h>

struct ctl_access;

/* Everything of it but headers and the time-out, which are the caller's to set. */
CURLcode ctl_access_set(CURL *e, const struct ctl_access *access);

#endif
