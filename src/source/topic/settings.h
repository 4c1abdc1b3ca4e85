/* SPDX-License-Identifier: MIT */
/* topic_settings: what a topic's configuration says. */
#ifndef SOURCE_TOPIC_SETTINGS_H
#define SOURCE_TOPIC_SETTINGS_H

#include "conf/option.h"
#include "source/source.h"

#include <stdint.h>

struct err;
struct json_object;
struct journal_rules;

enum topic_sync {
    TOPIC_SYNC_NONE,
    TOPIC_SYNC_INTERVAL,
    TOPIC_SYNC_ALWAYS
};

struct topic_settings {
    int64_t keep_bytes;
    int64_t keep_events;
    int64_t keep_s;
    int64_t segment_bytes;
    int64_t max_event_bytes;
    int64_t sync_ms;
    int64_t poll_ms;
    int sync; /* enum topic_sync */
    struct json_object *publish; /* the app's */
};

extern const struct conf_option topic_settings_options[];

/* As in struct source_type. */
int topic_settings_check(const void *settings, struct err *err);

/* The same for a journal. */
void topic_settings_rules(const struct topic_settings *s, struct source_family family,
                          struct journal_rules *out);

#endif
