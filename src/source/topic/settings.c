/* SPDX-License-Identifier: MIT */
/* topic_settings: what a topic's configuration says. */
#include "source/topic/settings.h"

#include "base/err.h"
#include "source/journal/journal.h"

#define OPTION(member) #member, .offset = offsetof(struct topic_settings, member)
#define SEGMENTS 8 /* as many as fit into keep_bytes, where segment_bytes is not set */
#define SEGMENT_LEAST 65536
#define SEGMENT_MOST (64 * 1024 * 1024)

static const char *const syncs[] = {"none", "interval", "always", NULL};

const struct conf_option topic_settings_options[] = {
    {.name = OPTION(keep_bytes),
     .type = CONF_INT,
     .max = 1099511627776,
     .fallback = "67108864",
     .help = "the topic takes no more on disk: the oldest events go; 0: no limit"},
    {.name = OPTION(keep_events),
     .type = CONF_INT,
     .max = 1e12,
     .fallback = "0",
     .help = "so many events are kept at least, and older ones go; 0: no limit"},
    {.name = OPTION(keep_s),
     .type = CONF_INT,
     .max = 1e9,
     .fallback = "0",
     .help = "events are kept so long at least, and older ones go; 0: no limit"},
    {.name = OPTION(segment_bytes),
     .type = CONF_INT,
     .max = 1073741824,
     .fallback = "0",
     .help = "the size of one file; 0: an eighth of keep_bytes, from 64 KiB to 64 MiB"},
    {.name = OPTION(sync),
     .type = CONF_CHOICE,
     .choices = syncs,
     .fallback = "\"interval\"",
     .help = "when events are put on disk: none, by the system; interval, every sync_ms; always, "
             "before the publisher is answered"},
    {.name = OPTION(sync_ms),
     .type = CONF_INT,
     .min = 10,
     .max = 3600000,
     .fallback = "1000",
     .help = "how often, with sync interval"},
    {.name = OPTION(max_event_bytes),
     .type = CONF_INT,
     .min = 1,
     .max = JOURNAL_DATA_MAX,
     .fallback = "65536",
     .help = "larger events are refused"},
    {.name = OPTION(poll_ms),
     .type = CONF_INT,
     .min = 10,
     .max = 3600000,
     .fallback = "1000",
     .help = "how often the files are looked at when the system tells of no change"},
    {.name = OPTION(publish),
     .type = CONF_JSON,
     .help = "who may publish by POST: {\"users\": [...], \"tokens\": [...], \"addresses\": [...]}"},
    {.name = NULL},
};

int topic_settings_check(const void *settings, struct err *err)
{
    const struct topic_settings *s = settings;
    if (s->keep_bytes > 0 && s->keep_bytes < 2 * SEGMENT_LEAST) {
        return err_set(err, ERR_INVALID, "keep_bytes: must be 0 or at least %d", 2 * SEGMENT_LEAST);
    }
    if (s->segment_bytes > 0 && s->segment_bytes < SEGMENT_LEAST) {
        return err_set(err, ERR_INVALID, "segment_bytes: must be 0 or at least %d", SEGMENT_LEAST);
    }
    if (s->keep_bytes > 0 && s->segment_bytes > s->keep_bytes / 2) {
        return err_set(err, ERR_INVALID, "segment_bytes: must not be more than half of keep_bytes");
    }
    return 0;
}

void topic_settings_rules(const struct topic_settings *s, struct source_family family,
                          struct journal_rules *out)
{
    int64_t segment = s->segment_bytes;
    if (segment == 0) {
        segment = s->keep_bytes > 0 ? s->keep_bytes / SEGMENTS : SEGMENT_MOST;
        segment = segment < SEGMENT_LEAST ? SEGMENT_LEAST : segment;
        segment = segment > SEGMENT_MOST ? SEGMENT_MOST : segment;
    }
    *out = (struct journal_rules){.segment_bytes = (uint64_t)segment,
                                  .keep_bytes = (uint64_t)s->keep_bytes,
                                  .keep_events = (uint64_t)s->keep_events,
                                  .keep_ms = s->keep_s * 1000,
                                  .max_event_bytes = (size_t)s->max_event_bytes,
                                  .is_synced = s->sync != TOPIC_SYNC_NONE,
                                  .family_chars = family.chars,
                                  .max_members = family.max_members};
}
