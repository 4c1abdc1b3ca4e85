/* SPDX-License-Identifier: MIT */
/* publish_flags: the command line of ssecgi-ctl publish. */
#include "app/publish/post.h"
#include "base/err.h"
#include "ctl/args.h"
#include "ctl/publish.h"

#include <string.h>

const char ctl_publish_help[] =
    "Usage: ssecgi-ctl publish [OPTION]... NAME [FILE]\n"
    "       ssecgi-ctl publish [OPTION]... --url URL [FILE]\n"
    "Makes each line of FILE, or of standard input, an event of a stream: of the\n"
    "configuration's stream NAME, straight into its journal, or of the one at URL.\n"
    "\n"
    "  --config FILE         the configuration; default: what SSECGI_CONFIG names\n"
    "  --event NAME          the name of the events\n"
    "  --json                each line is an event: {\"event\"?, \"data\", \"key\"?}\n"
    "  --url URL             publishes by HTTP\n"
    "  --token-file FILE     holds a bearer token, which the server asks for\n"
    "  --retry-s S           how long to try again while the server is away;\n"
    "                        default 60\n"
    "  --user NAME:PASSWORD, --netrc FILE, --header 'N: V', --insecure, --timeout S\n"
    "                        as of ssecgi-ctl doctor\n"
    "  --help\n"
    "\n"
    "Lines are published as they come. What was not is told with its number. Exit\n"
    "status: 0 all were published, 1 some were not, 2 usage.\n";

enum flag {
    FLAG_CONFIG = CTL_ARG_OWN,
    FLAG_EVENT,
    FLAG_JSON,
    FLAG_URL,
    FLAG_TOKEN_FILE,
    FLAG_RETRY,
    FLAG_HELP
};

static const struct option options[] = {
    {"config", required_argument, NULL, FLAG_CONFIG},
    {"event", required_argument, NULL, FLAG_EVENT},
    {"json", no_argument, NULL, FLAG_JSON},
    {"url", required_argument, NULL, FLAG_URL},
    {"token-file", required_argument, NULL, FLAG_TOKEN_FILE},
    {"retry-s", required_argument, NULL, FLAG_RETRY},
    CTL_ARGS_ACCESS,
    {"help", no_argument, NULL, FLAG_HELP},
    {0},
};

static int check_event(const char *name, struct err *err)
{
    size_t len = strlen(name);
    if (len == 0 || len > APP_POST_TEXT_MAX || strncmp(name, "stream.", 7) == 0) {
        return err_set(err, ERR_INVALID,
                       "--event: must be 1 to %d bytes and not begin with "
                       "\"stream.\"",
                       APP_POST_TEXT_MAX);
    }
    return ctl_args_line("--event", name, err);
}

static int take(void *ctx, int flag, const char *value, struct err *err)
{
    struct ctl_publish *p = ctx;
    switch (flag) {
    case FLAG_CONFIG:
        p->config = value;
        return 0;
    case FLAG_EVENT:
        p->event = value;
        return check_event(value, err);
    case FLAG_JSON:
        p->is_json = 1;
        return 0;
    case FLAG_URL:
        return ctl_url_read(value, p->url, err);
    case FLAG_TOKEN_FILE:
        p->token_file = value;
        return 0;
    case FLAG_RETRY:
        return ctl_args_seconds("--retry-s", value, 0, CTL_PUBLISH_RETRY_MAX_S, &p->retry_ms, err);
    case FLAG_HELP:
        p->is_help = 1;
        return 0;
    default:
        return ctl_args_access(&p->access, flag, value, err);
    }
}

static int check(const struct ctl_publish *p, size_t operand_count, struct err *err)
{
    int has_url = p->url[0] != '\0';
    int has_access = p->token_file || p->access.user || p->access.netrc || p->access.is_insecure
                     || p->access.header_count > 0;
    if (!has_url && operand_count == 0) {
        return err_set(err, ERR_INVALID, "the name of a stream is missing, or --url");
    }
    if (has_url && operand_count > 1) {
        return err_set(err, ERR_INVALID, "with --url there is no NAME: the URL says it");
    }
    if (has_url && p->config) {
        return err_set(err, ERR_INVALID, "--config: goes with a NAME, not with --url");
    }
    if (!has_url && has_access) {
        return err_set(err, ERR_INVALID, "how to reach a server goes with --url only");
    }
    if (p->is_json && p->event) {
        return err_set(err, ERR_INVALID, "--event: with --json each line has its own");
    }
    return 0;
}

int ctl_publish_flags_read(struct ctl_publish *out, int argc, char **argv, struct err *err)
{
    const char *operands[2] = {NULL, NULL};
    struct ctl_publish p = {.retry_ms = CTL_PUBLISH_RETRY_S * 1000,
                            .access = {.timeout_ms = CTL_TIMEOUT_S * 1000}};
    struct ctl_args args = {
        .options = options, .take = take, .ctx = &p, .operands = operands, .operand_max = 2};
    int rc = ctl_args_walk(&args, argc, argv, err);
    if (!rc && !p.is_help) {
        rc = check(&p, args.operand_count, err);
    }
    if (rc) {
        return rc;
    }
    if (p.url[0]) {
        p.file = operands[0];
    } else {
        p.stream = operands[0];
        p.file = operands[1];
    }
    *out = p;
    return 0;
}
