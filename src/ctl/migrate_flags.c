/* SPDX-License-Identifier: MIT */
/* migrate_flags: the command line of ssecgi-ctl migrate. */
#include "base/err.h"
#include "ctl/args.h"
#include "ctl/migrate.h"

const char ctl_migrate_help[] =
    "Usage: ssecgi-ctl migrate [OPTION]... NAME --to URL\n"
    "Copies the journal of the configuration's topic NAME into Redis, where the\n"
    "source redis goes on with it: in order, with names, data and times.\n"
    "\n"
    "  --to URL              redis://[[USER]:PASSWORD@]HOST[:PORT][/DB] or\n"
    "                        unix://PATH[?db=DB]\n"
    "  --config FILE         the configuration; default: what SSECGI_CONFIG names\n"
    "  --password-file FILE  holds the password of Redis\n"
    "  --key-prefix TEXT     as of the source redis; default ssecgi:\n"
    "  --append              also when there are events in Redis: behind them\n"
    "  --help\n"
    "\n"
    "Run again, after it was stopped or when more was published, it goes on where it\n"
    "was. Nothing is copied twice. Exit status: 0 all was copied, 1 it was not,\n"
    "2 usage.\n";

enum flag {
    FLAG_TO = CTL_ARG_OWN,
    FLAG_CONFIG,
    FLAG_PASSWORD_FILE,
    FLAG_KEY_PREFIX,
    FLAG_APPEND,
    FLAG_HELP
};

static const struct option options[] = {
    {"to", required_argument, NULL, FLAG_TO},
    {"config", required_argument, NULL, FLAG_CONFIG},
    {"password-file", required_argument, NULL, FLAG_PASSWORD_FILE},
    {"key-prefix", required_argument, NULL, FLAG_KEY_PREFIX},
    {"append", no_argument, NULL, FLAG_APPEND},
    {"help", no_argument, NULL, FLAG_HELP},
    {0},
};

static int take(void *ctx, int flag, const char *value, struct err *err)
{
    struct ctl_migrate *m = ctx;
    switch (flag) {
    case FLAG_TO:
        m->to = value;
        break;
    case FLAG_CONFIG:
        m->config = value;
        break;
    case FLAG_PASSWORD_FILE:
        m->password_file = value;
        break;
    case FLAG_KEY_PREFIX:
        m->key_prefix = value;
        break;
    case FLAG_APPEND:
        m->is_append = 1;
        break;
    case FLAG_HELP:
        m->is_help = 1;
        break;
    default:
        return err_set(err, ERR_INVALID, "unknown option: -H");
    }
    return 0;
}

int ctl_migrate_flags_read(struct ctl_migrate *out, int argc, char **argv, struct err *err)
{
    struct ctl_migrate m = {.key_prefix = "ssecgi:"};
    struct ctl_args args = {
        .options = options, .take = take, .ctx = &m, .operands = &m.stream, .operand_max = 1};
    int rc = ctl_args_walk(&args, argc, argv, err);
    if (!rc && !m.is_help && !m.stream) {
        rc = err_set(err, ERR_INVALID, "the name of a stream is missing");
    }
    if (!rc && !m.is_help && !m.to) {
        rc = err_set(err, ERR_INVALID, "--to URL is missing: where the events are to go");
    }
    if (!rc) {
        *out = m;
    }
    return rc;
}
