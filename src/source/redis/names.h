/* SPDX-License-Identifier: MIT */
/* redis_names: what a stream's keys are called in Redis, and the name of a new store. */
#ifndef SOURCE_REDIS_NAMES_H
#define SOURCE_REDIS_NAMES_H

#include "source/redis/position.h"

/* The keys of the stream itself, of what is known of it, a hash, and of who has readers, another one. The
 * caller frees them; NULL when out of memory. */
char *redis_name_stream(const char *prefix, const char *stream);
char *redis_name_meta(const char *prefix, const char *stream);
char *redis_name_readers(const char *prefix, const char *stream);

/* A new generation: random, of characters that a position may have. ERR_IO. */
int redis_name_generation(char out[REDIS_GENERATION_CHARS + 1]);

#endif
