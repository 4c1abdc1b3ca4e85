/* SPDX-License-Identifier: MIT */
/* err: error codes for programs to test and a text for people to act on. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *err, int code, const char *format, ...)
{
    if (!err) {
        return code;
    }
    err->code = code;
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    return code;
}

void err_prefix(struct err *err, const char *prefix)
{
    if (!err) {
        return;
    }
    char old[ERR_TEXT_BYTES];
    memcpy(old, err->text, sizeof old);
    int used = snprintf(err->text, sizeof err->text, "%s: ", prefix);
    if (used > 0 && (size_t)used < sizeof err->text) {
        size_t room = sizeof err->text - (size_t)used - 1;
        size_t len = strnlen(old, room);
        memcpy(err->text + used, old, len);
        err->text[(size_t)used + len] = '\0';
    }
}
