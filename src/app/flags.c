/* SPDX-License-Identifier: MIT */
/* flags: the command line. */
#include "app/flags.h"

#include "base/err.h"
#include "base/num.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

const char app_help[] =
    "Usage: ssecgi [--config FILE] [--listen ADDRESS]...\n"
    "       ssecgi [--config FILE] --print STREAM [--from POSITION] [--last N]\n"
    "              [--count N]\n"
    "Streams Server-Sent Events from behind a web server that speaks FastCGI or CGI.\n"
    "\n"
    "  --config FILE     the configuration (JSON with comments); default: that of\n"
    "                    $SSECGI_CONFIG, else streams clock and price are built in\n"
    "  --listen ADDRESS  unix:PATH or HOST:PORT; default: sockets from systemd,\n"
    "                    else the one on descriptor 0, as a web server passes it\n"
    "  --check-config    says whether the configuration is good\n"
    "  --dump-config     prints every setting in force\n"
    "  --list-sources    prints the sources and their settings\n"
    "  --print STREAM    prints a stream to standard output; STREAM may carry\n"
    "                    parameters, as in 'price?symbol=ACME'\n"
    "    --from POSITION   goes on after this event id\n"
    "    --last N          starts N events back\n"
    "    --count N         ends after N events\n"
    "  --version, --help\n"
    "\n"
    "Signals: SIGTERM and SIGINT end the streams over drain_s and exit; SIGHUP\n"
    "reloads.\n"
    "Exit status: 0 good, 1 runtime failure, 2 usage, 6 configuration.\n";

enum flag {
    FLAG_CONFIG = 1000,
    FLAG_LISTEN,
    FLAG_CHECK_CONFIG,
    FLAG_DUMP_CONFIG,
    FLAG_LIST_SOURCES,
    FLAG_PRINT,
    FLAG_FROM,
    FLAG_LAST,
    FLAG_COUNT,
    FLAG_VERSION,
    FLAG_HELP
};

static const struct option long_options[] = {
    {"config", required_argument, NULL, FLAG_CONFIG},
    {"listen", required_argument, NULL, FLAG_LISTEN},
    {"check-config", no_argument, NULL, FLAG_CHECK_CONFIG},
    {"dump-config", no_argument, NULL, FLAG_DUMP_CONFIG},
    {"list-sources", no_argument, NULL, FLAG_LIST_SOURCES},
    {"print", required_argument, NULL, FLAG_PRINT},
    {"from", required_argument, NULL, FLAG_FROM},
    {"last", required_argument, NULL, FLAG_LAST},
    {"count", required_argument, NULL, FLAG_COUNT},
    {"version", no_argument, NULL, FLAG_VERSION},
    {"help", no_argument, NULL, FLAG_HELP},
    {0},
};

static int set_action(struct app_flags *f, enum app_action action, struct err *err)
{
    if (f->action != APP_SERVE && f->action != action) {
        return err_set(err, ERR_INVALID, "only one of --check-config, --dump-config, "
                                         "--list-sources, --print, --version and --help");
    }
    f->action = action;
    return 0;
}

static int take(struct app_flags *f, int flag, struct err *err)
{
    switch (flag) {
    case FLAG_CONFIG:
        f->config = optarg;
        return 0;
    case FLAG_LISTEN:
        if (f->listen_count == GATE_LISTENERS_MAX) {
            return err_set(err, ERR_LIMIT, "--listen: at most %d", GATE_LISTENERS_MAX);
        }
        f->listen[f->listen_count++] = optarg;
        return 0;
    case FLAG_CHECK_CONFIG:
        return set_action(f, APP_CHECK_CONFIG, err);
    case FLAG_DUMP_CONFIG:
        return set_action(f, APP_DUMP_CONFIG, err);
    case FLAG_LIST_SOURCES:
        return set_action(f, APP_LIST_SOURCES, err);
    case FLAG_PRINT:
        f->stream = optarg;
        return set_action(f, APP_PRINT, err);
    case FLAG_FROM:
        f->from = optarg;
        return 0;
    case FLAG_LAST:
        f->last = optarg;
        return 0;
    case FLAG_COUNT:
        if (num_parse_u64(optarg, strlen(optarg), UINT64_MAX, &f->count) || f->count == 0) {
            return err_set(err, ERR_INVALID, "--count: must be a number from 1, not %.40s",
                           optarg);
        }
        return 0;
    case FLAG_VERSION:
        return set_action(f, APP_VERSION, err);
    case FLAG_HELP:
        return set_action(f, APP_HELP, err);
    default:
        return ERR_INVALID;
    }
}

/* getopt_long takes abbreviations, which a later option of the same beginning would break. */
static int is_spelled_out(const char *word, int flag)
{
    for (const struct option *o = long_options; o->name; o++) {
        size_t len = strlen(o->name);
        if (o->val == flag) {
            return strncmp(word, "--", 2) == 0 && strncmp(word + 2, o->name, len) == 0
                   && (word[2 + len] == '\0' || word[2 + len] == '=');
        }
    }
    return 1;
}

int app_flags_read(struct app_flags *out, int argc, char **argv, struct err *err)
{
    struct app_flags f = {.action = APP_SERVE};
    int flag;
    int at;
    opterr = 0;
    optind = 0; /* from the beginning, whoever has used getopt before */
    /* "+": no operands are known, so the first one is a mistake and not to be skipped. ":" tells a
     * missing value from an unknown option. */
    while ((at = optind ? optind : 1, flag = getopt_long(argc, argv, "+:", long_options, NULL)) != -1) {
        if (flag == ':') {
            return err_set(err, ERR_INVALID, "%s needs a value", argv[optind - 1]);
        }
        if (flag == '?' || !is_spelled_out(argv[at], flag)) {
            return err_set(err, ERR_INVALID, "unknown option: %.100s", argv[at]);
        }
        int rc = take(&f, flag, err);
        if (rc) {
            return rc;
        }
    }
    if (optind < argc) {
        return err_set(err, ERR_INVALID, "unexpected argument: %.100s", argv[optind]);
    }
    if (f.action != APP_PRINT && (f.from || f.last || f.count)) {
        return err_set(err, ERR_INVALID, "--from, --last and --count go with --print");
    }
    if (f.action != APP_SERVE && f.listen_count > 0) {
        return err_set(err, ERR_INVALID, "--listen goes with none of the other actions");
    }
    if (!f.config) {
        f.config = getenv("SSECGI_CONFIG");
        if (f.config && !*f.config) {
            f.config = NULL;
        }
    }
    *out = f;
    return 0;
}
