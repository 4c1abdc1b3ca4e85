/* SPDX-License-Identifier: MIT */
/* main: ssecgi-ctl, the companion of ssecgi for people who deploy it. */
#include "base/err.h"
#include "ctl/doctor.h"
#include "ctl/flags.h"

#include <curl/curl.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    static struct ctl_flags flags;
    struct err err = {.code = 0};
    int status = CTL_EXIT_GOOD;
    if (ctl_flags_read(&flags, argc, argv, &err)) {
        fprintf(stderr, "ssecgi-ctl: %s\nTry 'ssecgi-ctl --help'.\n", err.text);
        return CTL_EXIT_USAGE;
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
