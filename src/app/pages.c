/* SPDX-License-Identifier: MIT */
/* pages: what stands below PREFIX/-/, where no stream can be. */
#include "app/pages.h"

#include "app/config.h"
#include "app/figures/health.h"
#include "app/figures/metrics.h"
#include "app/serve.h"
#include "base/err.h"

#include <string.h>

#define METRICS "-/metrics"
#define HEALTH "-/health"

const struct app_allow *app_pages_allow(const struct app_config *config, const char *name,
                                        const char **what)
{
    if (strcmp(name, METRICS) == 0) {
        *what = "metrics.allow";
        return config->metrics_allow;
    }
    if (strcmp(name, HEALTH) == 0) {
        *what = "health.allow";
        return config->health_allow;
    }
    return NULL;
}

static int make_metrics(struct app_server *server, struct app_page *out, struct buf *body)
{
    *out = (struct app_page){.status = "200 OK",
                             .type = "text/plain; version=0.0.4; charset=utf-8"};
    int rc = app_metrics_text(server->metrics, body);
    if (rc == ERR_AGAIN) {
        /* Figures that go backwards would be worse than none. */
        *out = (struct app_page){.status = "503 Service Unavailable",
                                 .extra = "Retry-After: 1\r\n"};
        return 0;
    }
    return rc;
}

static int make_health(const struct app_server *server, struct app_page *out, struct buf *body)
{
    struct app_health health = {.config = server->config, .channels = server->channels,
                                .is_draining = *server->is_draining};
    int is_good = 0;
    int rc = app_health_json(&health, body, &is_good);
    *out = (struct app_page){.status = is_good ? "200 OK" : "503 Service Unavailable",
                             .type = "application/json"};
    return rc;
}

int app_pages_make(struct app_server *server, const char *name, struct app_page *out,
                   struct buf *body)
{
    return strcmp(name, METRICS) == 0 ? make_metrics(server, out, body)
                                      : make_health(server, out, body);
}
