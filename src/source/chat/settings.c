/* SPDX-License-Identifier: MIT */
/* chat_settings: what a stream's configuration says of the service that answers, and of what it may be asked. */
#include "source/chat/settings.h"

#include "base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPTION(member) #member, .offset = offsetof(struct chat_settings, member)

static const char *const formats[] = {"events", "openai", NULL};
const char *const chat_tokens_keys[] = {"max_tokens", "max_completion_tokens", NULL};

const struct conf_option chat_settings_options[] = {
    {.name = OPTION(upstream),
     .type = CONF_TEXT,
     .is_required = 1,
     .help = "the service: the URL before /chat/completions, such as http://127.0.0.1:8080/v1"},
    {.name = OPTION(key_file),
     .type = CONF_PATH,
     .help = "a file whose first line is the service's key; others must not be able to read it; read for each "
             "answer"},
    {.name = OPTION(models),
     .type = CONF_LIST,
     .is_required = 1,
     .help = "the models that may be asked for; the first one is the default"},
    {.name = OPTION(format),
     .type = CONF_CHOICE,
     .choices = formats,
     .fallback = "\"events\"",
     .help = "what readers get: events, named token and usage; openai, the service's own chunks"},
    {.name = OPTION(max_tokens),
     .type = CONF_INT,
     .min = 1,
     .max = 10000000,
     .fallback = "4096",
     .help = "the longest answer that may be asked for; the default of those that ask for none"},
    {.name = OPTION(tokens_key),
     .type = CONF_CHOICE,
     .choices = chat_tokens_keys,
     .fallback = "\"max_tokens\"",
     .help = "what the service calls that limit: max_tokens or max_completion_tokens"},
    {.name = OPTION(max_messages),
     .type = CONF_INT,
     .min = 1,
     .max = 100000,
     .fallback = "100",
     .help = "the most messages that a request may hold"},
    {.name = OPTION(max_body_bytes),
     .type = CONF_INT,
     .min = 64,
     .max = 16777216,
     .fallback = "262144",
     .help = "longer requests are refused"},
    {.name = OPTION(max_output_bytes),
     .type = CONF_INT,
     .min = 1024,
     .max = 1073741824,
     .fallback = "4194304",
     .help = "an answer is ended when its events hold so much"},
    {.name = OPTION(timeout_first_s),
     .type = CONF_INT,
     .min = 1,
     .max = 3600,
     .fallback = "120",
     .help = "the longest silence before the first word; then the answer is given up"},
    {.name = OPTION(timeout_idle_s),
     .type = CONF_INT,
     .min = 1,
     .max = 3600,
     .fallback = "30",
     .help = "the longest silence after it"},
    {.name = OPTION(run_s),
     .type = CONF_INT,
     .min = 1,
     .max = 86400,
     .fallback = "600",
     .help = "an answer is ended after so long"},
    {.name = OPTION(retries),
     .type = CONF_INT,
     .max = 10,
     .fallback = "2",
     .help = "so often the service is asked again when it fails before anything has come of it"},
    {.name = OPTION(publish),
     .type = CONF_JSON,
     .help = "who may ask by POST: {\"users\": [...], \"tokens\": [...], \"addresses\": [...]}"},
    {.name = NULL},
};

/* A name and a password in it would get into logs; a query or a fragment would be cut in two. */
static int is_url(const char *text)
{
    size_t scheme = strncmp(text, "http://", 7) == 0    ? 7
                    : strncmp(text, "https://", 8) == 0 ? 8
                                                        : 0;
    const char *rest = text + scheme;
    if (scheme == 0 || *rest == '\0' || *rest == '/' || rest[strlen(rest) - 1] == '/') {
        return 0;
    }
    for (; *rest; rest++) {
        if (*rest <= ' ' || *rest > '~' || strchr("@?#\\\"<>", *rest)) {
            return 0;
        }
    }
    return 1;
}

int chat_settings_check(const void *settings, struct err *err)
{
    const struct chat_settings *s = settings;
    if (!is_url(s->upstream)) {
        return err_set(err, ERR_INVALID, "upstream: must be http://HOST[:PORT][/PATH] or https://..., without a "
                                         "user, a query, and a \"/\" at its end");
    }
    if (s->models.count == 0) {
        return err_set(err, ERR_INVALID, "models: must name one or more");
    }
    for (size_t i = 0; i < s->models.count; i++) {
        if (!*s->models.items[i]) {
            return err_set(err, ERR_INVALID, "models[%zu]: must not be empty", i);
        }
    }
    return 0;
}

/* A credential of systemd has a list of who may read it, which shows as the rights of its group. */
static int check_rights(int fd, const char *path, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st)) {
        return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    }
    if (!S_ISREG(st.st_mode)) {
        return err_set(err, ERR_INVALID, "%s: is no regular file", path);
    }
    if (st.st_mode & (S_IRWXO | S_IWGRP)) {
        return err_set(err, ERR_INVALID, "%s: others can read or write it: chmod 600", path);
    }
    return 0;
}

/* Cuts the text to its first line. ERR_INVALID: that is nothing that could stand in a header. */
static int take_line(char *text)
{
    text[strcspn(text, "\r\n")] = '\0';
    for (const char *c = text; *c; c++) {
        if (*c <= ' ' || *c > '~') {
            return ERR_INVALID;
        }
    }
    return *text ? 0 : ERR_INVALID;
}

int chat_key_read(const char *path, char **out, struct err *err)
{
    char text[CHAT_KEY_MAX + 1];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    }
    int rc = check_rights(fd, path, err);
    ssize_t len = rc ? 0 : read(fd, text, sizeof text - 1);
    int error = errno;
    close(fd);
    if (rc) {
        return rc;
    }
    if (len < 0) {
        return err_set(err, ERR_IO, "%s: %s", path, strerror(error));
    }
    text[len] = '\0';
    rc = take_line(text);
    char *copy = rc ? NULL : strdup(text);
    explicit_bzero(text, sizeof text);
    if (rc) {
        return err_set(err, rc, "%s: its first line is no key", path);
    }
    if (!copy) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    *out = copy;
    return 0;
}
