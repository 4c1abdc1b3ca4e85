/* SPDX-License-Identifier: MIT */
/* args: walking through a command line, and the options that several commands have. */
#include "ctl/args.h"

#include "base/err.h"
#include "base/num.h"
#include "ctl/fetch.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

int ctl_args_line(const char *name, const char *value, struct err *err)
{
    for (const char *c = value; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f) {
            return err_set(err, ERR_INVALID, "%s: has a control character in it", name);
        }
    }
    return 0;
}

int ctl_args_seconds(const char *name, const char *value, uint64_t least, uint64_t most,
                     int64_t *out_ms, struct err *err)
{
    uint64_t seconds;
    if (num_parse_u64(value, strlen(value), most, &seconds) || seconds < least) {
        return err_set(err, ERR_INVALID,
                       "%s: must be a number of seconds from %" PRIu64 " to "
                       "%" PRIu64 ", not %.40s",
                       name, least, most, value);
    }
    *out_ms = (int64_t)seconds * 1000;
    return 0;
}

static int check_file(const char *name, const char *path, struct err *err)
{
    if (access(path, R_OK)) {
        return err_set(err, ERR_IO, "%s: cannot read %.200s: %s", name, path, strerror(errno));
    }
    return 0;
}

static int take_header(struct ctl_access *a, const char *value, struct err *err)
{
    if (a->header_count == CTL_FETCH_HEADERS_MAX) {
        return err_set(err, ERR_LIMIT, "--header: at most %d", CTL_FETCH_HEADERS_MAX);
    }
    const char *colon = strchr(value, ':');
    if (!colon || colon == value || strcspn(value, " \t") < (size_t)(colon - value)) {
        return err_set(err, ERR_INVALID, "--header: must be 'Name: value', not %.100s", value);
    }
    a->headers[a->header_count++] = value;
    return ctl_args_line("--header", value, err);
}

int ctl_args_access(struct ctl_access *a, int flag, const char *value, struct err *err)
{
    switch (flag) {
    case CTL_ARG_USER:
        a->user = value;
        return strchr(value, ':') ? 0 : err_set(err, ERR_INVALID, "--user: must be NAME:PASSWORD");
    case CTL_ARG_NETRC:
        a->netrc = value;
        return check_file("--netrc", value, err);
    case CTL_ARG_HEADER:
        return take_header(a, value, err);
    case CTL_ARG_INSECURE:
        a->is_insecure = 1;
        return 0;
    case CTL_ARG_TIMEOUT:
        return ctl_args_seconds("--timeout", value, 1, CTL_TIMEOUT_MAX_S, &a->timeout_ms, err);
    default:
        return err_set(err, ERR_INVALID, "unknown option");
    }
}

/* getopt_long takes abbreviations, which a later option of the same beginning would break. */
static int is_spelled_out(const struct option *options, const char *word, int flag)
{
    if (strncmp(word, "--", 2) != 0) {
        return 1;
    }
    for (const struct option *o = options; o->name; o++) {
        size_t len = strlen(o->name);
        if (o->val == flag && strncmp(word + 2, o->name, len) == 0
            && (word[2 + len] == '\0' || word[2 + len] == '=')) {
            return 1;
        }
    }
    return 0;
}

/* Up to the next operand. */
static int take_options(struct ctl_args *a, int argc, char **argv, struct err *err)
{
    int flag;
    int at;
    opterr = 0;
    optind = 0; /* from the beginning, whoever has used getopt before */
    /* "+": stops at the first operand. ":" tells a missing value from an unknown option. */
    while ((at = optind ? optind : 1, flag = getopt_long(argc, argv, "+:H:", a->options, NULL))
           != -1) {
        if (flag == ':') {
            return err_set(err, ERR_INVALID, "%.100s needs a value", argv[optind - 1]);
        }
        if (flag == '?' || !is_spelled_out(a->options, argv[at], flag)) {
            return err_set(err, ERR_INVALID, "unknown option: %.100s", argv[at]);
        }
        int rc = a->take(a->ctx, flag, optarg, err);
        if (rc) {
            return rc;
        }
    }
    return 0;
}

int ctl_args_walk(struct ctl_args *a, int argc, char **argv, struct err *err)
{
    int is_plain = 0; /* "--" was there: operands only */
    for (;;) {
        int rc = is_plain ? 0 : take_options(a, argc, argv, err);
        if (rc) {
            return rc;
        }
        int next = is_plain ? 1 : optind;
        is_plain = is_plain || (next > 1 && strcmp(argv[next - 1], "--") == 0);
        if (next >= argc) {
            return 0;
        }
        if (a->operand_count == a->operand_max) {
            return err_set(err, ERR_INVALID, "unexpected argument: %.100s", argv[next]);
        }
        a->operands[a->operand_count++] = argv[next];
        argc -= next;
        argv += next; /* what was taken stands where a program's name would */
    }
}
