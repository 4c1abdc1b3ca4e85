/* SPDX-License-Identifier: MIT */
/* options: the settings that rule readers, rings and limits. */
#include "hub/options.h"

#include <stddef.h>

#define AT(member) offsetof(struct hub_settings, member)

const struct conf_option hub_options[] = {
    {.name = "heartbeat_s", .type = CONF_INT, .offset = AT(heartbeat_s), .min = 1, .max = 3600,
     .fallback = "15", .help = "seconds of silence before a comment is sent"},
    {.name = "retry_ms", .type = CONF_INT, .offset = AT(retry_ms), .min = 10, .max = 3600000,
     .fallback = "2000", .help = "reconnect delay told to readers, spread by 20 %"},
    {.name = "max_streams", .type = CONF_INT, .offset = AT(max_streams), .min = 1, .max = 1000000,
     .fallback = "10000", .help = "readers at once in one process; more get stream.busy"},
    {.name = "max_stream_age_s", .type = CONF_INT, .offset = AT(max_stream_age_s), .min = 0,
     .max = 31536000, .fallback = "0",
     .help = "streams end at 80 to 100 % of this age and reconnect; 0 is no limit"},
    {.name = "stall_timeout_s", .type = CONF_INT, .offset = AT(stall_timeout_s), .min = 1,
     .max = 86400, .fallback = "60", .help = "a reader that takes no byte for so long is closed"},
    {.name = "drain_s", .type = CONF_INT, .offset = AT(drain_s), .min = 0, .max = 3600,
     .fallback = "5", .help = "SIGTERM spreads the ends of streams over so long"},
    {.name = "coalesce_max_ms", .type = CONF_INT, .offset = AT(coalesce_max_ms), .min = 0,
     .max = 1000, .fallback = "25",
     .help = "events are gathered so long while the web server is behind; 0 turns it off"},
    {.name = "ring_bytes", .type = CONF_INT, .offset = AT(ring_bytes), .min = 4096,
     .max = 1073741824, .fallback = "1048576",
     .help = "memory for recent events per stream; rounded up to a power of two"},
    {.name = NULL},
};
