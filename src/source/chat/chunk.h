/* SPDX-License-Identifier: MIT */
/* chat_chunk: what one event of the service's stream says. */
#ifndef SOURCE_CHAT_CHUNK_H
#define SOURCE_CHAT_CHUNK_H

#include <stddef.h>

struct json_object;
struct json_tokener;

#define CHAT_CHUNK_DONE "[DONE]" /* the data that ends a stream */
#define CHAT_WORD_SIZE 49

/* The service's word for something, which readers may see: letters and "_" only, so that nothing else, such as a
 * key, can hide in it. */
struct chat_word {
    char text[CHAT_WORD_SIZE]; /* "": none */
};

struct chat_usage {
    long long prompt_tokens, completion_tokens, total_tokens; /* -1: not told */
};

struct chat_chunk {
    struct json_object *object; /* owns what follows */
    const char *piece;          /* of the answer, as JSON text; NULL: none */
    size_t piece_len;
    int is_error;    /* the service says that it failed */
    int is_usage;    /* it says what the answer has cost, */
    int has_choices; /* beside another thing */
    struct chat_usage usage;
    struct chat_word word; /* why the answer has ended, or what the error is */
};

/* A tokener for the chunks; NULL when out of memory. json_tokener_free() frees it. */
struct json_tokener *chat_chunk_tokener(void);

/* 1 for CHAT_CHUNK_DONE. */
int chat_chunk_is_done(const char *data, size_t len);

/* ERR_INVALID: it is no chunk; ERR_NOMEM. */
int chat_chunk_init(struct chat_chunk *out, struct json_tokener *tokener, const char *data,
                    size_t len);
void chat_chunk_fini(struct chat_chunk *c);

/* The word of an error's "code", or of its "type". `error` is what stands as "error" in a chunk or a body. */
void chat_chunk_error(struct json_object *error, struct chat_word *out);

#endif
