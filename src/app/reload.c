/* SPDX-License-Identifier: MIT */
/* reload: another configuration for a process that runs. */
#include "app/reload.h"

#include "app/app.h"
#include "app/channels.h"
#include "app/config.h"
#include "app/figures/metrics.h"
#include "app/several.h"
#include "base/err.h"

#include <signal.h>
#include <string.h>

void app_set_hub_settings(struct app *app)
{
    size_t most = app->gate ? gate_streams_max(app->gate) : SIZE_MAX;
    app->hub_settings = app->config->hub;
    if ((size_t)app->hub_settings.max_streams > most) {
        app->hub_settings.max_streams = (int64_t)most;
    }
}

void app_set_log(struct app *app)
{
    app->log.level = (enum log_level)app->config->log_level;
    app->log.format = (enum log_format)app->config->log_format;
}

/* What the new configuration says and what runs on without it. */
static void tell_later(const struct app *app, const struct app_config *old)
{
    if (app->config->hub.ring_bytes != old->hub.ring_bytes) {
        log_say(&app->log, WARN, "app", "ring_bytes counts for streams that are opened from now on",
                LOG_NUM("was", old->hub.ring_bytes), LOG_NUM("is", app->config->hub.ring_bytes));
    }
    if (app->config->hub.max_streams != old->hub.max_streams
        && app->config->hub.max_streams > app->hub_settings.max_streams) {
        log_say(&app->log, WARN, "app", "max_streams is more than the limit of open files allows",
                LOG_NUM("wanted", app->config->hub.max_streams),
                LOG_NUM("max_streams", app->hub_settings.max_streams));
    }
}

void app_warn_state(const struct app *app)
{
    int error = app_config_check_state(app->config);
    if (error) {
        log_say(&app->log, WARN, "app", "nothing can be kept in state_dir",
                LOG_TEXT("folder", app->config->state_dir), LOG_TEXT("error", strerror(error)));
    }
}

static void adopt(struct app *app, struct app_config *config)
{
    struct app_config *old = app->config;
    app_config_adopt(config, old);
    app->config = config;
    app->server.config = config;
    app_set_hub_settings(app);
    app_set_log(app);
    app_channels_retire(app->channels, config);
    app_severals_retire(app->severals);
    app_channels_begin(app->channels, config);
    log_say(&app->log, INFO, "app", "reloaded", LOG_NUM("streams", config->stream_count));
    tell_later(app, old);
    app_warn_state(app);
    app_config_free(old);
}

void app_reload(struct app *app)
{
    struct err err = {.code = 0};
    struct app_config *config;
    if (app->is_draining || app->is_stopping) {
        return; /* nothing that begins now would live to see it */
    }
    app_notify_reloading(&app->notify);
    int is_refused = app_config_load(app->flags.config, &config, &err) != 0;
    app_metrics_reloaded(app->metrics, is_refused);
    if (is_refused) {
        log_say(&app->log, ERROR, "app", "reload refused, the old configuration stays",
                LOG_TEXT("error", err.text));
    } else {
        adopt(app, config);
    }
    app_notify_ready(&app->notify);
}

static void set_mask(int how)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigprocmask(how, &set, NULL);
}

void app_block_reload(void)
{
    set_mask(SIG_BLOCK);
}

void app_unblock_reload(void)
{
    set_mask(SIG_UNBLOCK);
}
