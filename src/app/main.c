/* SPDX-License-Identifier: MIT */
/* main: command line and configuration, then the app. */
#include "app/app.h"
#include "app/config.h"
#include "app/passed.h"
#include "app/reload.h"
#include "app/sources.h"
#include "base/clock.h"
#include "base/err.h"
#include "source/exec/supervisor.h"

#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int dump_config(const struct app_config *config)
{
    struct json_object *root = app_config_dump(config);
    if (!root) {
        fprintf(stderr, "ssecgi: out of memory\n");
        return APP_EXIT_FAILURE;
    }
    puts(json_object_to_json_string_ext(
        root, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(root);
    return APP_EXIT_GOOD;
}

/* What the configuration says of the log's form is not known; the journal wants to know how bad it
 * is. */
static int fail(const struct app *app, const struct err *err)
{
    fprintf(stderr, "%sssecgi: %s\n", app->log.is_journal ? "<3>" : "", err->text);
    return APP_EXIT_CONFIG;
}

static int act(struct app *app)
{
    struct err err = {.code = 0};
    switch (app->flags.action) {
    case APP_VERSION:
        puts("ssecgi " SSECGI_VERSION);
        return APP_EXIT_GOOD;
    case APP_HELP:
        fputs(app_help, stdout);
        return APP_EXIT_GOOD;
    case APP_LIST_SOURCES:
        return app_sources_list(app->flags.config, &err) ? fail(app, &err) : APP_EXIT_GOOD;
    default:
        break;
    }
    if (app_config_load(app->flags.config, &app->config, &err)) {
        return fail(app, &err);
    }
    if (app->flags.action == APP_CHECK_CONFIG) {
        printf("%s: good, %zu stream%s\n",
               app->flags.config ? app->flags.config : "built-in configuration",
               app->config->stream_count, app->config->stream_count == 1 ? "" : "s");
        int error = app_config_check_state(app->config);
        if (error) {
            fprintf(stderr, "ssecgi: state_dir: %s: %s (as this user)\n", app->config->state_dir,
                    strerror(error));
        }
        return APP_EXIT_GOOD;
    }
    if (app->flags.action == APP_DUMP_CONFIG) {
        return dump_config(app->config);
    }
    if (app->flags.action == APP_SERVE && !app_has_address(app) && !gate_has_listener()
        && !gate_is_cgi()) {
        fprintf(stderr, "ssecgi: descriptor 0 is no listening socket and this is no CGI request: "
                        "use --listen ADDRESS, or let a web server start it (see --help)\n");
        return APP_EXIT_USAGE;
    }
    return app_run(app);
}

/* A descriptor that is closed here would be given to the next file that is opened, and log lines
 * would go into it. */
static void fill_standard_descriptors(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0) {
        close(fd);
    }
}

int main(int argc, char **argv)
{
    static struct app app;
    struct err err = {.code = 0};
    if (exec_supervisor_is_wanted(argc, argv)) {
        exec_supervisor_run(argc, argv);
    }
    fill_standard_descriptors();
    app.clock = &clock_system;
    app.log = (struct log){.fd = STDERR_FILENO, .level = LOG_LEVEL_INFO, .limits = &app.log_limits,
                           .is_journal = log_is_journal(STDERR_FILENO, getenv("JOURNAL_STREAM"))};
    /* A CGI server turns a query without "=" into arguments (RFC 3875, 4.4): they are a stranger's
     * words, not options. */
    int count = getenv("GATEWAY_INTERFACE") ? 1 : argc;
    if (app_flags_read(&app.flags, count, argv, &err)) {
        fprintf(stderr, "ssecgi: %s\nTry 'ssecgi --help'.\n", err.text);
        return APP_EXIT_USAGE;
    }
    app_notify_read(&app.notify, &app.log);
    if (app.flags.action == APP_SERVE) {
        app_block_reload();
        app.passed_count = app_passed_read(&app.log);
    }
    int status = act(&app);
    app_notify_close(&app.notify);
    app_config_free(app.config);
    return fflush(stdout) || ferror(stdout) ? APP_EXIT_FAILURE : status;
}
