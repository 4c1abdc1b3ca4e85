/* SPDX-License-Identifier: MIT */
/* count: what happened, for those who look at it from outside. */
#include "hub/internal.h"

#include <string.h>

const char *const hub_gap_reasons[HUB_GAP_REASONS] = {
    "expired", "late",      "rotated-away", "truncated",    "unreadable",       "damaged",
    "hole",    "too-large", "no-memory",    "filter-limit", "unknown-position", "deleted",
    "replaced", "restarted", "interrupted", "other",
};

void hub_count_gap(struct hub *h, struct hub_counts *counts, const char *reason)
{
    size_t i = 0;
    while (i + 1 < HUB_GAP_REASONS && strcmp(hub_gap_reasons[i], reason) != 0) {
        i++;
    }
    h->totals.gaps[i]++;
    counts->gaps++;
}

void hub_channel_count_in(struct hub_channel *c, struct hub_counts *counts)
{
    c->counts = counts;
}

const struct hub_totals *hub_totals(const struct hub *h)
{
    return &h->totals;
}

void hub_count_catching_up(struct hub *h)
{
    for (struct hub_channel *c = h->channels; c; c = c->next) {
        c->counts->catching_up = 0;
    }
    for (struct hub_channel *c = h->channels; c; c = c->next) {
        for (const struct hub_reader *r = c->parked.head; r; r = r->next) {
            c->counts->catching_up += r->place == HUB_HISTORY || r->place == HUB_WAITING;
        }
    }
    for (const struct hub_reader *r = h->work.head; r; r = r->next) {
        r->channel->counts->catching_up++;
    }
}
