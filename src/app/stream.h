/* SPDX-License-Identifier: MIT */
/* stream: one stream of the configuration: its name, its source, its settings. */
#ifndef APP_STREAM_H
#define APP_STREAM_H

#include "conf/option.h"
#include "source/source.h"

#include <stdint.h>

struct app_channel;
struct app_family;
struct app_publishers;
struct err;
struct json_object;

#define APP_NAME_MAX 128
#define APP_ASKED_NAME_MAX 50 /* of one that answers requests: a folder's name holds it, and the run's */

/* Settings that streams of every source have. */
struct app_stream_settings {
    int64_t max_members; /* of a family, at once in one process, and with a journal */
    int presence;        /* readers are told how many they are */
    int several;         /* it may be read with others on one connection */
};

enum app_on_leave {
    APP_LEAVE_CONTINUE,
    APP_LEAVE_CANCEL
};

/* Settings of those that answer requests. */
struct app_run_settings {
    int64_t max_runs;      /* at once, over all processes */
    int64_t max_runs_user; /* of these, one user's */
    int64_t queue;         /* so many more may wait in a process */
    int64_t grace_s;       /* with on_leave cancel */
    int64_t keep_s;        /* an answer can be read again for so long */
    int64_t keep_runs;     /* so many of them, at most */
    int on_leave;          /* enum app_on_leave */
};

/* A stream of the configuration; shared by the configurations that have it unchanged and by the
 * channels that run it. A family, "rooms/" and "*", is never run: its members are. */
struct app_stream {
    int refs;
    char *name;
    const struct source_type *type;
    void *settings;  /* filled by the type's option table */
    char *state_dir; /* the configuration's; NULL for none */
    struct app_publishers *publishers; /* NULL: nobody publishes */
    struct app_stream_settings own;
    struct app_run_settings runs; /* zeros where app_stream_answers() is 0 */
    struct app_family *members;        /* of a family; NULL for any other */
    struct app_stream *family;         /* of a member: all but name and refs is the family's */
    struct app_stream *prev_member, *next_member;
    void (*forget)(struct app_stream *s); /* of one that somebody else makes: the last reference is gone */
    struct app_channel *channels; /* those that run it and may get readers; channels.c's */
};

/* Reads what stands under streams.NAME. Errors name the key's path. ERR_INVALID, ERR_RANGE,
 * ERR_UNKNOWN, ERR_NOMEM. */
int app_stream_read(const char *name, struct json_object *object, const char *state_dir,
                    const char *module_dir, struct app_stream **out, struct err *err);

/* The stream itself, or the family that it is a member of: what the configuration has. */
const struct app_stream *app_stream_configured(const struct app_stream *s);

/* 1 when it answers requests: it cannot be read, each answer is a stream of its own. */
int app_stream_answers(const struct app_stream *s);

/* What a source is told of the family that the stream is in. */
struct source_family app_stream_family(const struct app_stream *s);

/* Adds every setting in force to `object`. ERR_NOMEM. */
int app_stream_dump(const struct app_stream *s, struct json_object *object);

/* 1 when both run the same source with the same settings. */
int app_stream_equal(const struct app_stream *a, const struct app_stream *b);

/* 1 for what a segment of a name may consist of. */
int app_stream_is_name_char(char c);

struct app_stream *app_stream_ref(struct app_stream *s);
void app_stream_unref(struct app_stream *s);

#endif
