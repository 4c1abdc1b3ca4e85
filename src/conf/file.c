/* SPDX-License-Identifier: MIT */
/* file: a JSON file, with comments, into an object; errors tell the place. */
#include "conf/file.h"

#include "base/buf.h"
#include "base/err.h"
#include "conf/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONF_DEPTH_MAX 16

static int fail_at(const char *text, size_t at, const char *name, const char *why, struct err *err)
{
    size_t line = 1;
    size_t start = 0;
    for (size_t i = 0; i < at; i++) {
        if (text[i] == '\n') {
            line++;
            start = i + 1;
        }
    }
    return err_set(err, ERR_INVALID, "%s:%zu:%zu: %s", name, line, at - start + 1, why);
}

/* `text` ends in a NUL. */
static int parse_plain(const char *text, size_t len, const char *name, struct json_object **out,
                       struct err *err)
{
    struct json_tokener *tok = json_tokener_new_ex(CONF_DEPTH_MAX);
    if (!tok) {
        return err_set(err, ERR_NOMEM, "%s: out of memory", name);
    }
    json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8
                                    | JSON_TOKENER_ALLOW_TRAILING_CHARS);
    struct json_object *object = json_tokener_parse_ex(tok, text, (int)len + 1); /* its NUL: the end */
    enum json_tokener_error code = json_tokener_get_error(tok);
    size_t at = json_tokener_get_parse_end(tok);
    json_tokener_free(tok);
    int rc = 0;
    if (code == json_tokener_continue || code == json_tokener_error_parse_eof) {
        rc = fail_at(text, len, name, "the JSON ends too early", err);
    } else if (code != json_tokener_success) {
        rc = fail_at(text, at, name, json_tokener_error_desc(code), err);
    } else {
        at += strspn(text + at, " \t\r\n");
        if (at < len) {
            rc = fail_at(text, at, name, "nothing may follow the closing brace", err);
        } else if (!json_object_is_type(object, json_type_object)) {
            rc = fail_at(text, 0, name, "the configuration must be a JSON object: { ... }", err);
        }
    }
    if (rc) {
        json_object_put(object);
        return rc;
    }
    *out = object;
    return 0;
}

int conf_parse(const char *text, size_t len, const char *name, struct json_object **out,
               struct err *err)
{
    if (len > CONF_FILE_MAX) {
        return err_set(err, ERR_LIMIT, "%s: larger than %d bytes", name, CONF_FILE_MAX);
    }
    const char *nul = memchr(text, '\0', len);
    if (nul) {
        return fail_at(text, (size_t)(nul - text), name, "a NUL byte", err);
    }
    struct buf copy;
    buf_init(&copy, CONF_FILE_MAX + 1);
    int rc = buf_append(&copy, text, len);
    if (!rc) {
        rc = buf_append_char(&copy, '\0');
    }
    if (rc) {
        rc = err_set(err, rc, "%s: out of memory", name);
        goto out;
    }
    struct conf_mistake mistake;
    rc = conf_scan(copy.data, len, &mistake);
    if (rc) {
        rc = rc == ERR_INVALID ? fail_at(text, mistake.at, name, mistake.why, err)
                               : err_set(err, rc, "%s: out of memory", name);
        goto out;
    }
    rc = parse_plain(copy.data, len, name, out, err);
out:
    buf_fini(&copy);
    return rc;
}

/* Reads all of it, at most one byte more than allowed. */
static int read_all(int fd, struct buf *b)
{
    char block[16384];
    for (;;) {
        ssize_t n = read(fd, block, sizeof block);
        if (n == 0) {
            return 0;
        }
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return ERR_IO;
        }
        int rc = buf_append(b, block, (size_t)n);
        if (rc) {
            return rc;
        }
    }
}

int conf_load(const char *path, struct json_object **out, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return err_set(err, ERR_IO, "%s: cannot open: %s", path, strerror(errno));
    }
    struct buf text;
    buf_init(&text, CONF_FILE_MAX);
    int rc = read_all(fd, &text);
    if (rc == ERR_LIMIT) {
        err_set(err, rc, "%s: larger than %d bytes", path, CONF_FILE_MAX);
    } else if (rc) {
        err_set(err, rc, "%s: cannot read: %s", path, rc == ERR_NOMEM ? "out of memory" : strerror(errno));
    } else {
        rc = conf_parse(text.data ? text.data : "", text.len, path, out, err);
    }
    buf_fini(&text);
    close(fd);
    return rc;
}
