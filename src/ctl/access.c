/* SPDX-License-Identifier: MIT */
/* access: who asks and whom they trust, told to libcurl. */
#include "ctl/access.h"

#include "ctl/fetch.h"

CURLcode ctl_access_set(CURL *e, const struct ctl_access *access)
{
    CURLcode rc = CURLE_OK;
    if (access->user) {
        rc = curl_easy_setopt(e, CURLOPT_USERPWD, access->user);
    }
    if (!rc && access->netrc) {
        rc = curl_easy_setopt(e, CURLOPT_NETRC, (long)CURL_NETRC_REQUIRED);
        rc = rc ? rc : curl_easy_setopt(e, CURLOPT_NETRC_FILE, access->netrc);
    }
    if (!rc && access->is_insecure) {
        rc = curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 0L);
        rc = rc ? rc : curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    return rc;
}
