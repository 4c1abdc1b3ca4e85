/* SPDX-License-Identifier: MIT */
/* tail_settings: what a tail stream's configuration says. */
#include "source/tail/settings.h"

#include "base/err.h"
#include "source/line_format.h"
#include "source/line_time.h"
#include "source/tail/lines.h"

#include <string.h>

#define OPTION(member) #member, .offset = offsetof(struct tail_settings, member)

const struct conf_option tail_settings_options[] = {
    {.name = OPTION(path), .type = CONF_PATH, .help = "the file to follow"},
    {.name = OPTION(paths),
     .type = CONF_LIST,
     .help = "instead of path: patterns of several files to follow, such as \"/var/log/*.log\""},
    {.name = OPTION(rotated),
     .type = CONF_LIST,
     .help = "patterns of its rotated files' names, where they are not the usual ones"},
    {.name = OPTION(poll_ms),
     .type = CONF_INT,
     .min = 10,
     .max = 3600000,
     .fallback = "1000",
     .help = "how often it is looked at when the system tells of no change"},
    {.name = OPTION(max_line_bytes),
     .type = CONF_INT,
     .min = TAIL_LINE_LEAST,
     .max = 16777216,
     .fallback = "65536",
     .help = "longer lines are cut and say how much is left out"},
    {.name = OPTION(partial_flush_ms),
     .type = CONF_INT,
     .max = 3600000,
     .fallback = "0",
     .help = "send a line that has no end yet after this time, as an event named partial; 0: never"},
    {.name = OPTION(follow_symlinks),
     .type = CONF_BOOL,
     .fallback = "false",
     .help = "follow symlinks even in directories that others can write"},
    {.name = OPTION(format),
     .type = CONF_CHOICE,
     .choices = line_formats,
     .fallback = "\"text\"",
     .help = "what an event holds: text, the line; json, the line wrapped; ndjson, the line, which is "
             "JSON, and wrapped where it is not"},
    {.name = OPTION(level_events),
     .type = CONF_BOOL,
     .fallback = "false",
     .help = "name events by the line's level: error, warn, info, ..."},
    {.name = OPTION(time_format),
     .type = CONF_CHOICE,
     .choices = line_time_formats,
     .fallback = "\"none\"",
     .help = "how lines tell their time, for ?since=: none, iso8601, clf, syslog or epoch"},
    {.name = NULL},
};

static int check_paths(const struct tail_settings *s, struct err *err)
{
    for (size_t i = 0; i < s->paths.count; i++) {
        const char *path = s->paths.items[i];
        size_t len = strlen(path);
        if (path[0] != '/' || path[len - 1] == '/' || strstr(path, "//")) {
            return err_set(err, ERR_INVALID, "paths: must be absolute paths or patterns of files, "
                                             "such as \"/var/log/*.log\", not \"%.80s\"", path);
        }
    }
    if (s->rotated.count > 0) {
        return err_set(err, ERR_INVALID, "rotated: goes with path only");
    }
    if (s->format == LINE_FORMAT_TEXT && s->level_events) {
        return err_set(err, ERR_INVALID, "level_events: with paths, format must be json or ndjson, "
                                         "as an event is named by its file in text");
    }
    if (s->format == LINE_FORMAT_TEXT && s->partial_flush_ms > 0) {
        return err_set(err, ERR_INVALID, "partial_flush_ms: with paths, format must be json or "
                                         "ndjson, as an event is named by its file in text");
    }
    return 0;
}

int tail_settings_check(const void *settings, struct err *err)
{
    const struct tail_settings *s = settings;
    size_t len = s->path ? strlen(s->path) : 0;
    if ((s->path != NULL) == (s->paths.count > 0)) {
        return err_set(err, ERR_INVALID, "paths: set either path or paths");
    }
    if (!s->path) {
        return check_paths(s, err);
    }
    if (s->path[len - 1] == '/') {
        return err_set(err, ERR_INVALID, "path: must name a file");
    }
    for (size_t i = 0; i < s->rotated.count; i++) {
        const char *slash = strrchr(s->rotated.items[i], '/');
        if (!(slash ? slash[1] : s->rotated.items[i][0])) {
            return err_set(err, ERR_INVALID, "rotated: must be patterns of file names");
        }
    }
    return 0;
}
