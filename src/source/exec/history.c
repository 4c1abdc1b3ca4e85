/* SPDX-License-Identifier: MIT */
/* exec_history: what a program wrote lately, in memory: events, gaps and its end, numbered. Pure.
 */
#include "source/exec/history.h"

#include "base/err.h"
#include "base/num.h"
#include "source/source.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAP_FIRST 64
#define GENERATION_CHARS 12
#define COST_BYTES 64 /* of an entry beside its text */

/* Behind it stand the name and a NUL, then the data and a NUL. */
struct exec_item {
    enum exec_entry_kind kind;
    int has_name;
    size_t name_len;
    size_t len;
    int64_t bytes;
    char text[];
};

/* ---- what is kept ---- */

static size_t cost_of(size_t name_len, size_t len)
{
    return COST_BYTES + name_len + len;
}

static struct exec_item **slot(const struct exec_history *h, uint64_t number)
{
    return &h->items[number & (h->cap - 1)];
}

void exec_history_init(struct exec_history *h, uint64_t generation, size_t keep_bytes)
{
    *h = (struct exec_history){
        .generation = generation, .first = 1, .next = 1, .keep_bytes = keep_bytes};
}

static void forget_first(struct exec_history *h)
{
    struct exec_item *k = *slot(h, h->first);
    h->bytes -= cost_of(k->name_len, k->len);
    free(k);
    h->first++;
}

void exec_history_fini(struct exec_history *h)
{
    while (h->first < h->next) {
        forget_first(h);
    }
    free(h->items);
    h->items = NULL;
    h->cap = 0;
}

static int grow(struct exec_history *h)
{
    size_t cap = h->cap ? 2 * h->cap : CAP_FIRST;
    struct exec_history larger = *h;
    larger.cap = cap;
    larger.items = malloc(cap * sizeof *larger.items);
    if (!larger.items) {
        return ERR_NOMEM;
    }
    for (uint64_t n = h->first; n < h->next; n++) {
        *slot(&larger, n) = *slot(h, n);
    }
    free(h->items);
    *h = larger;
    return 0;
}

static struct exec_item *copy(const struct exec_entry *e, size_t name_len)
{
    struct exec_item *k = malloc(sizeof *k + name_len + e->len + 2);
    if (!k) {
        return NULL;
    }
    *k = (struct exec_item){.kind = e->kind,
                            .has_name = e->name != NULL,
                            .name_len = name_len,
                            .len = e->len,
                            .bytes = e->bytes};
    if (name_len > 0) {
        memcpy(k->text, e->name, name_len);
    }
    k->text[name_len] = '\0';
    if (e->len > 0) {
        memcpy(k->text + name_len + 1, e->data, e->len);
    }
    k->text[name_len + 1 + e->len] = '\0';
    return k;
}

void exec_history_add(struct exec_history *h, const struct exec_entry *e)
{
    size_t name_len = e->name ? strlen(e->name) : 0;
    h->has_ended = e->kind == EXEC_ENTRY_END;
    size_t cost = cost_of(name_len, e->len);
    while (h->first < h->next && h->bytes + cost > h->keep_bytes) {
        forget_first(h);
    }
    int has_room = cost <= h->keep_bytes && (h->next - h->first < h->cap || grow(h) == 0);
    struct exec_item *k = has_room ? copy(e, name_len) : NULL;
    if (!k) {
        while (h->first < h->next) { /* what is kept has no holes */
            forget_first(h);
        }
        h->first = ++h->next;
        return;
    }
    *slot(h, h->next) = k;
    h->next++;
    h->bytes += cost;
}

/* ---- positions ---- */

void exec_history_print(const struct exec_history *h, uint64_t number, char out[SSE_POSITION_SIZE])
{
    snprintf(out, SSE_POSITION_SIZE, "%0*" PRIx64 ".%" PRIu64, GENERATION_CHARS, h->generation,
             number);
}

int exec_history_parse(const struct exec_history *h, const char *text, int *is_ours,
                       uint64_t *number)
{
    uint64_t generation, n;
    size_t len = strlen(text);
    if (len <= GENERATION_CHARS + 1 || text[GENERATION_CHARS] != '.'
        || num_parse_hex64(text, GENERATION_CHARS, &generation)
        || num_parse_u64(text + GENERATION_CHARS + 1, len - GENERATION_CHARS - 1, UINT64_MAX, &n)) {
        return 0;
    }
    *is_ours = generation == h->generation && n < h->next;
    *number = *is_ours ? n : 0;
    return 1;
}

/* ---- reading ---- */

int exec_entry_hand(const struct exec_entry *e, const char *position, const struct sse_out *out)
{
    if (e->kind == EXEC_ENTRY_GAP) {
        struct sse_gap gap = {.position = position,
                              .reason = e->name,
                              .detail = e->len > 0 ? e->data : NULL,
                              .bytes = e->bytes,
                              .events = -1};
        return out->gap(out->ctx, &gap);
    }
    if (e->kind == EXEC_ENTRY_END) {
        out->end(out->ctx, position, e->data);
        return 1;
    }
    struct sse_event event = {
        .position = position, .name = e->name, .data = e->data, .data_len = e->len};
    return out->event(out->ctx, &event);
}

static struct exec_entry entry_of(const struct exec_item *k)
{
    return (struct exec_entry){.kind = k->kind,
                               .name = k->has_name ? k->text : NULL,
                               .data = k->text + k->name_len + 1,
                               .len = k->len,
                               .bytes = k->bytes};
}

static uint64_t head_of(const struct exec_history *h)
{
    return h->next - 1;
}

int exec_history_back(const struct exec_history *h, uint64_t count, char out[SSE_POSITION_SIZE])
{
    uint64_t most = h->next - h->first;
    exec_history_print(h, head_of(h) - (count < most ? count : most), out);
    return 0;
}

int exec_history_before(const struct exec_history *h, const char *position, uint64_t count,
                        char start[SSE_POSITION_SIZE], char end[SSE_POSITION_SIZE])
{
    uint64_t number;
    int is_ours;
    if (!exec_history_parse(h, position, &is_ours, &number) || !is_ours || number < h->first) {
        return ERR_GONE;
    }
    uint64_t last = number - 1;
    uint64_t most = number - h->first;
    exec_history_print(h, last, end);
    exec_history_print(h, last - (count < most ? count : most), start);
    return 0;
}

/* What cannot be honoured. Leaves the position before the oldest that is kept. */
static int tell_gap(const struct exec_history *h, int is_ours, uint64_t number,
                    char position[SSE_POSITION_SIZE], const struct sse_out *page)
{
    exec_history_print(h, h->first - 1, position);
    struct sse_gap gap = {.position = position,
                          .reason = is_ours ? "expired" : "restarted",
                          .detail = is_ours ? "replay does not go back so far"
                                            : "this was the output of another run of the program",
                          .bytes = -1,
                          .events = is_ours ? (int64_t)(h->first - 1 - number) : -1};
    return page->gap(page->ctx, &gap);
}

int exec_history_pull(const struct exec_history *h, char position[SSE_POSITION_SIZE],
                      const struct sse_out *page, size_t budget_bytes)
{
    uint64_t number;
    int is_ours, is_full = 0;
    size_t spent = 0;
    if (!exec_history_parse(h, position, &is_ours, &number)) {
        is_ours = 0;
        number = 0;
    }
    if (!is_ours || number + 1 < h->first) {
        is_full = tell_gap(h, is_ours, number, position, page);
        number = h->first - 1;
    }
    while (number < head_of(h) && !is_full && spent < budget_bytes) {
        const struct exec_item *k = *slot(h, ++number);
        struct exec_entry e = entry_of(k);
        exec_history_print(h, number, position);
        is_full = exec_entry_hand(&e, position, page);
        spent += cost_of(k->name_len, k->len);
    }
    if (number < head_of(h)) {
        return SOURCE_MORE;
    }
    exec_history_print(h, number, position);
    return h->has_ended ? SOURCE_END : SOURCE_HEAD;
}
