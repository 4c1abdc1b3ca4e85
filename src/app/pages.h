/* SPDX-License-Identifier: MIT */
/* pages: what stands below PREFIX/-/, where no stream can be. */
#ifndef APP_PAGES_H
#define APP_PAGES_H

struct app_allow;
struct app_config;
struct app_server;
struct buf;

/* An answer's head; its body goes into a buffer. */
struct app_page {
    const char *status, *type;
    const char *extra; /* header lines, or NULL */
};

/* Who may have the page, and *what it is configured as; NULL: there is no such page. */
const struct app_allow *app_pages_allow(const struct app_config *config, const char *name,
                                        const char **what);

/* Makes one that there is. ERR_NOMEM, ERR_LIMIT. */
int app_pages_make(struct app_server *server, const char *name, struct app_page *out,
                   struct buf *body);

#endif
