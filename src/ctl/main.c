/* SPDX-License-Identifier: MIT */
/* main: ssecgi-ctl, the companion of ssecgi for people who deploy it. */
#include "base/err.h"
#include "ctl/doctor.h"
#include "ctl/flags.h"
#include "ctl/migrate.h"
#include "ctl/publish.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

static int usage(const struct err *err, const char *command)
{
    fprintf(stderr, "ssecgi-ctl: %s\nTry 'ssecgi-ctl %s--help'.\n", err->text, command);
    return CTL_EXIT_USAGE;
}

static int publish(int argc, char **argv)
{
    static struct ctl_publish command;
    struct err err = {.code = 0};
    int status = CTL_EXIT_GOOD;
    if (ctl_publish_flags_read(&command, argc, argv, &err)) {
        return usage(&err, "publish ");
    }
    if (command.is_help) {
        fputs(ctl_publish_help, stdout);
    } else if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        fprintf(stderr, "ssecgi-ctl: libcurl cannot be used here\n");
        return CTL_EXIT_WRONG;
    } else {
        status = ctl_publish_run(&command);
        curl_global_cleanup();
    }
    return fflush(stdout) || ferror(stdout) ? CTL_EXIT_WRONG : status;
}

static int migrate(int argc, char **argv)
{
    struct ctl_migrate command;
    struct err err = {.code = 0};
    int status = CTL_EXIT_GOOD;
    if (ctl_migrate_flags_read(&command, argc, argv, &err)) {
        return usage(&err, "migrate ");
    }
    if (command.is_help) {
        fputs(ctl_migrate_help, stdout);
    } else {
        status = ctl_migrate_run(&command);
    }
    return fflush(stdout) || ferror(stdout) ? CTL_EXIT_WRONG : status;
}

int main(int argc, char **argv)
{
    static struct ctl_flags flags;
    struct err err = {.code = 0};
    int status = CTL_EXIT_GOOD;
    if (argc > 1 && strcmp(argv[1], "publish") == 0) {
        return publish(argc - 1, argv + 1);
    }
    if (argc > 1 && strcmp(argv[1], "migrate") == 0) {
        return migrate(argc - 1, argv + 1);
    }
    if (ctl_flags_read(&flags, argc, argv, &err)) {
        return usage(&err, "");
    }
    if (flags.action == CTL_HELP) {
        fputs(ctl_help, stdout);
    } else if (flags.action == CTL_VERSION) {
        puts("ssecgi-ctl " SSECGI_VERSION);
    } else if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        fprintf(stderr, "ssecgi-ctl: libcurl cannot be used here\n");
        return CTL_EXIT_WRONG;
    } else {
        status = ctl_doctor_run(&flags);
        curl_global_cleanup();
    }
    return fflush(stdout) || ferror(stdout) ? CTL_EXIT_WRONG : status;
}
