/* SPDX-License-Identifier: MIT */
/* url: addresses that are made from the one that was given. */
#include "ctl/url.h"

#include "base/err.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Takes the handle; copies what it stands for. */
static int take_out(CURLU *u, char out[CTL_URL_SIZE])
{
    char *text = NULL;
    int rc = ERR_INVALID;
    if (curl_url_get(u, CURLUPART_URL, &text, 0) == CURLUE_OK) {
        rc = ERR_LIMIT;
        if (strlen(text) < CTL_URL_SIZE) {
            memcpy(out, text, strlen(text) + 1);
            rc = 0;
        }
    }
    curl_free(text);
    curl_url_cleanup(u);
    return rc;
}

int ctl_url_is_tls(const char *url)
{
    return strncasecmp(url, "https:", 6) == 0;
}

static int is_web(const char *url)
{
    return strncasecmp(url, "http:", 5) == 0 || ctl_url_is_tls(url);
}

int ctl_url_read(const char *text, char out[CTL_URL_SIZE], struct err *err)
{
    char url[CTL_URL_SIZE];
    int rc = ERR_INVALID;
    CURLU *u = curl_url();
    if (!u) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    CURLUcode code = curl_url_set(u, CURLUPART_URL, text, CURLU_GUESS_SCHEME);
    if (code == CURLUE_OK) {
        code = curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0);
    }
    if (code == CURLUE_OK) {
        rc = take_out(u, url);
    } else {
        curl_url_cleanup(u);
    }
    if (rc == ERR_LIMIT) {
        return err_set(err, rc, "the URL has more than %d bytes", CTL_URL_SIZE - 1);
    }
    if (rc || strpbrk(text, " \t\r\n")) {
        return err_set(err, ERR_INVALID, "no URL: %.200s", text);
    }
    /* Without a scheme libcurl guesses: "ftp.example.org" would be FTP. */
    if (!is_web(url)) {
        return err_set(err, ERR_INVALID, "the URL must begin with http:// or https://");
    }
    memcpy(out, url, strlen(url) + 1);
    return 0;
}

int ctl_url_show(const char *url, char out[CTL_URL_SIZE])
{
    CURLU *u = curl_url();
    if (!u) {
        return ERR_NOMEM;
    }
    if (curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK
        || curl_url_set(u, CURLUPART_USER, NULL, 0) != CURLUE_OK
        || curl_url_set(u, CURLUPART_PASSWORD, NULL, 0) != CURLUE_OK) {
        curl_url_cleanup(u);
        return ERR_INVALID;
    }
    return take_out(u, out);
}

int ctl_url_add(const char *url, const char *parameter, char out[CTL_URL_SIZE])
{
    const char *join = strchr(url, '?') ? "&" : "?";
    int len = snprintf(out, CTL_URL_SIZE, "%s%s%s", url, join, parameter);
    return len < CTL_URL_SIZE ? 0 : ERR_LIMIT;
}

int ctl_url_folder(const char *url, char out[CTL_URL_SIZE])
{
    size_t len = strcspn(url, "?");
    const char *host = strstr(url, "://");
    if (!host || len >= CTL_URL_SIZE) {
        return ERR_LIMIT;
    }
    size_t least = (size_t)(host + 3 - url);
    while (len > least && url[len - 1] != '/') {
        len--;
    }
    if (len == least) {
        return ERR_INVALID;
    }
    memcpy(out, url, len);
    out[len] = '\0';
    return 0;
}

int ctl_url_follow(const char *url, const char *location, char out[CTL_URL_SIZE])
{
    CURLU *u = curl_url();
    if (!u) {
        return ERR_NOMEM;
    }
    if (curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK
        || curl_url_set(u, CURLUPART_URL, location, 0) != CURLUE_OK
        || curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0) != CURLUE_OK) {
        curl_url_cleanup(u);
        return ERR_INVALID;
    }
    return take_out(u, out);
}

/* Copies a part, "" for one that is missing. */
static void part(const char *url, CURLUPart what, unsigned flags, char *out, size_t size)
{
    char *text = NULL;
    CURLU *u = curl_url();
    *out = '\0';
    if (u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK
        && curl_url_get(u, what, &text, flags) == CURLUE_OK) {
        snprintf(out, size, "%s", text);
    }
    curl_free(text);
    curl_url_cleanup(u);
}

int ctl_url_is_same_server(const char *from, const char *to)
{
    char host[2][512];
    char port[2][16];
    part(from, CURLUPART_HOST, 0, host[0], sizeof host[0]);
    part(to, CURLUPART_HOST, 0, host[1], sizeof host[1]);
    part(from, CURLUPART_PORT, CURLU_DEFAULT_PORT, port[0], sizeof port[0]);
    part(to, CURLUPART_PORT, CURLU_DEFAULT_PORT, port[1], sizeof port[1]);
    if (strcasecmp(host[0], host[1]) != 0 || !host[0][0]) {
        return 0;
    }
    if (ctl_url_is_tls(from) == ctl_url_is_tls(to)) {
        return strcmp(port[0], port[1]) == 0;
    }
    return ctl_url_is_tls(to);
}
