/* SPDX-License-Identifier: MIT */
/* redis_names: what a stream's keys are called in Redis, and the name of a new store. */
#include "source/redis/names.h"

#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

static char *join(const char *a, const char *b, const char *c)
{
    size_t size = strlen(a) + strlen(b) + strlen(c) + 1;
    char *out = malloc(size);
    if (out) {
        snprintf(out, size, "%s%s%s", a, b, c);
    }
    return out;
}

char *redis_name_stream(const char *prefix, const char *stream)
{
    return join(prefix, stream, "");
}

char *redis_name_meta(const char *prefix, const char *stream)
{
    return join(prefix, stream, ":meta");
}

char *redis_name_readers(const char *prefix, const char *stream)
{
    return join(prefix, stream, ":readers");
}

int redis_name_generation(char out[REDIS_GENERATION_CHARS + 1])
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char bytes[REDIS_GENERATION_CHARS];
    if (uv_random(NULL, NULL, bytes, sizeof bytes, 0, NULL)) {
        return ERR_IO;
    }
    for (size_t i = 0; i < sizeof bytes; i++) {
        out[i] = letters[bytes[i] % (sizeof letters - 1)];
    }
    out[REDIS_GENERATION_CHARS] = '\0';
    return 0;
}
