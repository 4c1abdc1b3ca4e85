/* SPDX-License-Identifier: MIT */
/* line_level: how serious a log line is, by its own words. */
#include "source/line_level.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define PRI_MAX 191 /* RFC 5424, 6.2.1 */

/* Kinds of evidence, the strongest last. */
enum evidence { EVIDENCE_NONE, EVIDENCE_WORD, EVIDENCE_BRACKETS, EVIDENCE_KEY };

static const char *const severities[] = {"emerg", "alert",  "crit", "error",
                                         "warn",  "notice", "info", "debug"};

static const struct {
    const char *word;
    const char *level;
} words[] = {
    {"emerg", "emerg"},   {"emergency", "emerg"}, {"panic", "emerg"},      {"alert", "alert"},
    {"crit", "crit"},     {"critical", "crit"},   {"fatal", "crit"},       {"error", "error"},
    {"err", "error"},     {"severe", "error"},    {"warn", "warn"},        {"warning", "warn"},
    {"notice", "notice"}, {"info", "info"},       {"information", "info"}, {"debug", "debug"},
    {"trace", "trace"},
};

static const char *const keys[] = {"level", "lvl", "loglevel", "log_level", "severity"};

/* "<34>": facility times eight and the severity. */
static const char *level_of_pri(const char *line, size_t len)
{
    unsigned pri = 0;
    size_t i = 1;
    if (len < 3 || line[0] != '<') {
        return NULL;
    }
    for (; i < len && i < 4 && isdigit((unsigned char)line[i]); i++) {
        pri = pri * 10 + (unsigned)(line[i] - '0');
    }
    return i > 1 && i < len && line[i] == '>' && pri <= PRI_MAX ? severities[pri % 8] : NULL;
}

static int is_letter(char c)
{
    return isalpha((unsigned char)c) != 0;
}

/* What makes a word part of a longer one, of a name or of a path. */
static int joins(char c)
{
    return isalnum((unsigned char)c) || (c && strchr("_-/", c)) || (unsigned char)c >= 0x80;
}

static const char *level_of_word(const char *word, size_t len)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strlen(words[i].word) == len && strncasecmp(words[i].word, word, len) == 0) {
            return words[i].level;
        }
    }
    return NULL;
}

static int is_whole(const char *line, size_t len, size_t from, size_t end)
{
    int joins_before = from > 0 && (joins(line[from - 1]) || line[from - 1] == '.');
    int joins_behind =
        end < len
        && (joins(line[end]) || (line[end] == '.' && end + 1 < len && joins(line[end + 1])));
    return !joins_before && !joins_behind;
}

/* 1 when `level=`, `"level":"` or the like ends at `end`. */
static int follows_key(const char *line, size_t end)
{
    while (end > 0 && (line[end - 1] == '"' || line[end - 1] == ' ')) {
        end--;
    }
    if (end == 0 || (line[end - 1] != '=' && line[end - 1] != ':')) {
        return 0;
    }
    end--;
    while (end > 0 && (line[end - 1] == '"' || line[end - 1] == ' ')) {
        end--;
    }
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        size_t key_len = strlen(keys[i]);
        if (key_len <= end && strncasecmp(line + end - key_len, keys[i], key_len) == 0
            && (key_len == end || !joins(line[end - key_len - 1]))) {
            return 1;
        }
    }
    return 0;
}

static enum evidence weigh(const char *line, size_t len, size_t from, size_t end)
{
    if (follows_key(line, from)) {
        return EVIDENCE_KEY;
    }
    int in_brackets = from > 0 && line[from - 1] == '[' && end < len && line[end] == ']';
    return in_brackets ? EVIDENCE_BRACKETS : EVIDENCE_WORD;
}

const char *line_level(const char *line, size_t len)
{
    if (len > LINE_LEVEL_BYTES) {
        len = LINE_LEVEL_BYTES;
    }
    const char *best = level_of_pri(line, len);
    if (best) {
        return best;
    }
    enum evidence best_evidence = EVIDENCE_NONE;
    size_t at = 0;
    while (at < len && best_evidence < EVIDENCE_KEY) {
        size_t from = at;
        while (from < len && !is_letter(line[from])) {
            from++;
        }
        size_t end = from;
        while (end < len && is_letter(line[end])) {
            end++;
        }
        at = end;
        const char *level = level_of_word(line + from, end - from);
        if (!level || !is_whole(line, len, from, end)) {
            continue;
        }
        enum evidence evidence = weigh(line, len, from, end);
        if (evidence > best_evidence) {
            best = level;
            best_evidence = evidence;
        }
    }
    return best;
}
