/* SPDX-License-Identifier: MIT */
/* flags: the command line of ssecgi-ctl. */
#include "ctl/flags.h"

#include "base/err.h"
#include "ctl/args.h"

#include <string.h>

const char ctl_help[] =
    "Usage: ssecgi-ctl doctor [OPTION]... URL\n"
    "Acts as an EventSource on a deployed stream, says what is wrong with it, and\n"
    "names the line to add to the web server's configuration.\n"
    "'ssecgi-ctl publish --help' tells how to publish events, and 'ssecgi-ctl migrate\n"
    "--help' how to move a topic into Redis.\n"
    "\n"
    "  --user NAME:PASSWORD  for a server that asks for them; other users of this\n"
    "                        machine can see them here, but not in\n"
    "  --netrc FILE          with lines 'machine HOST login NAME password PASSWORD'\n"
    "  -H, --header 'N: V'   sends one more header, such as a cookie; repeatable\n"
    "  --origin ORIGIN       checks that its pages may read the stream (CORS)\n"
    "  --insecure            accepts any certificate\n"
    "  --timeout S           how long to wait for each answer; default 10\n"
    "  --quiet-s S           how long to watch for what cuts quiet streams; default:\n"
    "                        up to 35, or two heartbeats; 0: not at all\n"
    "  --json                prints the findings as JSON\n"
    "  --version, --help\n"
    "\n"
    "Each finding is 'ok', 'note' or 'wrong'. Exit status: 0 nothing is wrong,\n"
    "1 something is, 2 usage.\n";

enum flag { FLAG_ORIGIN = CTL_ARG_OWN, FLAG_QUIET, FLAG_JSON, FLAG_VERSION, FLAG_HELP };

static const struct option options[] = {
    CTL_ARGS_ACCESS,
    {"origin", required_argument, NULL, FLAG_ORIGIN},
    {"quiet-s", required_argument, NULL, FLAG_QUIET},
    {"json", no_argument, NULL, FLAG_JSON},
    {"version", no_argument, NULL, FLAG_VERSION},
    {"help", no_argument, NULL, FLAG_HELP},
    {0},
};

static int take(void *ctx, int flag, const char *value, struct err *err)
{
    struct ctl_flags *f = ctx;
    switch (flag) {
    case FLAG_ORIGIN:
        f->origin = value;
        return ctl_args_line("--origin", value, err);
    case FLAG_QUIET:
        f->has_quiet = 1;
        return ctl_args_seconds("--quiet-s", value, 0, CTL_QUIET_MAX_S, &f->quiet_ms, err);
    case FLAG_JSON:
        f->is_json = 1;
        return 0;
    case FLAG_VERSION:
        f->action = CTL_VERSION;
        return 0;
    case FLAG_HELP:
        f->action = CTL_HELP;
        return 0;
    default:
        return ctl_args_access(&f->access, flag, value, err);
    }
}

int ctl_flags_read(struct ctl_flags *out, int argc, char **argv, struct err *err)
{
    struct ctl_flags f = {.action = CTL_DOCTOR,
                          .quiet_ms = CTL_QUIET_S * 1000,
                          .access = {.timeout_ms = CTL_TIMEOUT_S * 1000}};
    const char *url = NULL;
    struct ctl_args args = {
        .options = options, .take = take, .ctx = &f, .operands = &url, .operand_max = 1};
    int has_command = argc > 1 && argv[1][0] != '-';
    if (has_command && strcmp(argv[1], "doctor") != 0) {
        return err_set(err, ERR_INVALID, "unknown command: %.100s", argv[1]);
    }
    int rc = ctl_args_walk(&args, argc - has_command, argv + has_command, err);
    if (!rc && f.action == CTL_DOCTOR) {
        if (!has_command) {
            return err_set(err, ERR_INVALID, "a command is missing: doctor, publish or migrate");
        }
        rc = url ? ctl_url_read(url, f.url, err)
                 : err_set(err, ERR_INVALID, "the URL of a stream is missing");
    }
    if (!rc) {
        *out = f;
    }
    return rc;
}
