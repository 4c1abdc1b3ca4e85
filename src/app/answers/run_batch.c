/* SPDX-License-Identifier: MIT */
/* run_batch: events of an answer that came in one turn of the loop, to be kept by one write. */
#include "app/answers/run_batch.h"

#include "base/err.h"
#include "source/journal/journal.h"
#include "source/source.h"

#include <stdlib.h>
#include <string.h>

#define KEPT_BYTES 4096 /* of memory, between two turns */

struct app_run_batched {
    size_t name, data, len;
    int has_name;
};

void app_run_batch_fini(struct app_run_batch *b)
{
    buf_fini(&b->bytes);
    free(b->items);
    *b = (struct app_run_batch){.count = 0};
}

int app_run_batch_is_full(const struct app_run_batch *b)
{
    return b->count == APP_RUN_BATCH_EVENTS || b->bytes.len >= APP_RUN_BATCH_BYTES;
}

int app_run_batch_add(struct app_run_batch *b, const struct source_item *item)
{
    size_t name_len = item->name ? strlen(item->name) + 1 : 0;
    if (!b->items) {
        b->items = malloc(APP_RUN_BATCH_EVENTS * sizeof *b->items);
        buf_init(&b->bytes, SIZE_MAX); /* one event is limited by the journal */
    }
    if (!b->items || buf_reserve(&b->bytes, name_len + item->data_len + 1)) {
        return ERR_NOMEM;
    }
    struct app_run_batched *e = &b->items[b->count++];
    *e = (struct app_run_batched){
        .name = b->bytes.len, .len = item->data_len, .has_name = item->name != NULL};
    (void)buf_append(&b->bytes, item->name ? item->name : "", name_len);
    e->data = b->bytes.len;
    (void)buf_append(&b->bytes, item->data_len ? item->data : "", item->data_len);
    return 0;
}

int app_run_batch_write(struct app_run_batch *b, struct journal *j)
{
    struct journal_event events[APP_RUN_BATCH_EVENTS];
    struct journal_position places[APP_RUN_BATCH_EVENTS];
    for (size_t i = 0; i < b->count; i++) {
        const struct app_run_batched *e = &b->items[i];
        events[i] = (struct journal_event){.name = e->has_name ? b->bytes.data + e->name : NULL,
                                           .data = b->bytes.data + e->data,
                                           .data_len = e->len};
    }
    int rc = b->count > 0 ? journal_append(j, events, b->count, places) : 0;
    b->count = 0;
    if (b->bytes.cap > KEPT_BYTES) {
        app_run_batch_fini(b);
    } else {
        buf_clear(&b->bytes);
    }
    return rc;
}
