/* SPDX-License-Identifier: MIT */
/* options: the settings that rule readers, rings and limits. */
#ifndef HUB_OPTIONS_H
#define HUB_OPTIONS_H

#include "conf/option.h"

#include <stdint.h>

struct hub_settings {
    int64_t heartbeat_s;      /* a quiet channel gets a comment this often */
    int64_t retry_ms;         /* what readers are told to wait before a reconnect, +-20 % */
    int64_t max_streams;      /* readers at once in this process */
    int64_t max_stream_age_s; /* 0: no limit */
    int64_t stall_timeout_s;  /* a reader that takes no byte for so long is closed */
    int64_t drain_s;          /* SIGTERM spreads the endings over so long */
    int64_t coalesce_max_ms;  /* events are gathered so long at most; 0: never */
    int64_t ring_bytes;       /* recent events kept encoded, per channel */
};

extern const struct conf_option hub_options[];

#endif
