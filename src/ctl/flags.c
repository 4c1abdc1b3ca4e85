/* SPDX-License-Identifier: MIT */
/* flags: the command line of ssecgi-ctl. */
#include "ctl/flags.h"

#include "base/err.h"
#include "base/num.h"

#include <getopt.h>
#include <string.h>
#include <unistd.h>

const char ctl_help[] =
    "Usage: ssecgi-ctl doctor [OPTION]... URL\n"
    "Acts as an EventSource on a deployed stream, says what is wrong with it, and\n"
    "names the line to add to the web server's configuration.\n"
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

enum flag {
    FLAG_USER = 1000,
    FLAG_NETRC,
    FLAG_ORIGIN,
    FLAG_INSECURE,
    FLAG_TIMEOUT,
    FLAG_QUIET,
    FLAG_JSON,
    FLAG_VERSION,
    FLAG_HELP
};

static const struct option long_options[] = {
    {"user", required_argument, NULL, FLAG_USER},
    {"netrc", required_argument, NULL, FLAG_NETRC},
    {"header", required_argument, NULL, 'H'},
    {"origin", required_argument, NULL, FLAG_ORIGIN},
    {"insecure", no_argument, NULL, FLAG_INSECURE},
    {"timeout", required_argument, NULL, FLAG_TIMEOUT},
    {"quiet-s", required_argument, NULL, FLAG_QUIET},
    {"json", no_argument, NULL, FLAG_JSON},
    {"version", no_argument, NULL, FLAG_VERSION},
    {"help", no_argument, NULL, FLAG_HELP},
    {0},
};

/* Anything with a line end in it would become a header of its own. */
static int check_line(const char *name, const char *text, struct err *err)
{
    for (const char *c = text; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f) {
            return err_set(err, ERR_INVALID, "%s: has a control character in it", name);
        }
    }
    return 0;
}

static int take_header(struct ctl_flags *f, struct err *err)
{
    if (f->access.header_count == CTL_FETCH_HEADERS_MAX) {
        return err_set(err, ERR_LIMIT, "--header: at most %d", CTL_FETCH_HEADERS_MAX);
    }
    const char *colon = strchr(optarg, ':');
    if (!colon || colon == optarg || strcspn(optarg, " \t") < (size_t)(colon - optarg)) {
        return err_set(err, ERR_INVALID, "--header: must be 'Name: value', not %.100s", optarg);
    }
    f->access.headers[f->access.header_count++] = optarg;
    return check_line("--header", optarg, err);
}

static int take_seconds(const char *name, uint64_t least, uint64_t most, int64_t *out_ms,
                        struct err *err)
{
    uint64_t seconds;
    if (num_parse_u64(optarg, strlen(optarg), most, &seconds) || seconds < least) {
        return err_set(err, ERR_INVALID,
                       "%s: must be a number of seconds from %llu to %llu, not "
                       "%.40s",
                       name, (unsigned long long)least, (unsigned long long)most, optarg);
    }
    *out_ms = (int64_t)seconds * 1000;
    return 0;
}

static int take(struct ctl_flags *f, int flag, struct err *err)
{
    switch (flag) {
    case FLAG_USER:
        f->access.user = optarg;
        return strchr(optarg, ':') ? 0 : err_set(err, ERR_INVALID, "--user: must be NAME:PASSWORD");
    case FLAG_NETRC:
        f->access.netrc = optarg;
        return access(optarg, R_OK) == 0
                   ? 0
                   : err_set(err, ERR_IO, "--netrc: cannot read %.200s", optarg);
    case 'H':
        return take_header(f, err);
    case FLAG_ORIGIN:
        f->origin = optarg;
        return check_line("--origin", optarg, err);
    case FLAG_INSECURE:
        f->access.is_insecure = 1;
        return 0;
    case FLAG_TIMEOUT:
        return take_seconds("--timeout", 1, CTL_TIMEOUT_MAX_S, &f->access.timeout_ms, err);
    case FLAG_QUIET:
        f->has_quiet = 1;
        return take_seconds("--quiet-s", 0, CTL_QUIET_MAX_S, &f->quiet_ms, err);
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
        return ERR_INVALID;
    }
}

/* getopt_long takes abbreviations, which a later option of the same beginning would break. */
static int is_spelled_out(const char *word, int flag)
{
    if (strncmp(word, "--", 2) != 0) {
        return 1;
    }
    for (const struct option *o = long_options; o->name; o++) {
        size_t len = strlen(o->name);
        if (o->val == flag && strncmp(word + 2, o->name, len) == 0
            && (word[2 + len] == '\0' || word[2 + len] == '=')) {
            return 1;
        }
    }
    return 0;
}

static int take_options(struct ctl_flags *f, int argc, char **argv, struct err *err)
{
    int flag;
    int at;
    opterr = 0;
    optind = 0; /* from the beginning, whoever has used getopt before */
    /* "+": stops at the first operand. ":" tells a missing value from an unknown option. */
    while ((at = optind ? optind : 1, flag = getopt_long(argc, argv, "+:H:", long_options, NULL))
           != -1) {
        if (flag == ':') {
            return err_set(err, ERR_INVALID, "%.100s needs a value", argv[optind - 1]);
        }
        if (flag == '?' || !is_spelled_out(argv[at], flag)) {
            return err_set(err, ERR_INVALID, "unknown option: %.100s", argv[at]);
        }
        int rc = take(f, flag, err);
        if (rc) {
            return rc;
        }
    }
    return 0;
}

int ctl_flags_read(struct ctl_flags *out, int argc, char **argv, struct err *err)
{
    struct ctl_flags f = {.action = CTL_DOCTOR,
                          .quiet_ms = CTL_QUIET_S * 1000,
                          .access = {.timeout_ms = CTL_TIMEOUT_S * 1000}};
    const char *url = NULL;
    int has_command = argc > 1 && argv[1][0] != '-';
    if (has_command && strcmp(argv[1], "doctor") != 0) {
        return err_set(err, ERR_INVALID, "unknown command: %.100s", argv[1]);
    }
    argc -= has_command;
    argv += has_command;
    int rc = take_options(&f, argc, argv, err);
    if (rc) {
        return rc;
    }
    if (f.action == CTL_DOCTOR) {
        if (!has_command) {
            return err_set(err, ERR_INVALID, "a command is missing: doctor");
        }
        /* Options may follow the URL, too. */
        if (optind < argc) {
            url = argv[optind];
            int left = argc - optind;
            char **rest = argv + optind;
            rc = take_options(&f, left, rest, err);
            if (!rc && optind < left) {
                rc = err_set(err, ERR_INVALID, "unexpected argument: %.100s", rest[optind]);
            }
        } else {
            rc = err_set(err, ERR_INVALID, "the URL of a stream is missing");
        }
    }
    if (!rc && f.action == CTL_DOCTOR) {
        rc = ctl_url_read(url, f.url, err);
    }
    if (!rc) {
        *out = f;
    }
    return rc;
}
