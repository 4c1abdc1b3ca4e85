/* SPDX-License-Identifier: MIT */
/* merge: several streams as one: its life, what comes in live, and where a reader begins. */
#include "source/merge/merge.h"

#include "base/err.h"
#include "source/merge/internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* --- positions ----------------------------------------------------------------------------- */

void merge_print(struct merge *m, const struct merge_place *p, struct merge_base *base,
                 char out[SSE_POSITION_SIZE])
{
    if (merge_print_whole(p, out) == 0 || merge_print_since(p, base, out) == 0
        || merge_print_since(p, &m->using, out) == 0) {
        return;
    }
    merge_store_put(m->store, p, base);
    int rc = merge_print_since(p, base, out);
    assert(rc == 0);
    (void)rc;
}

int merge_read(struct merge *m, const char *text, struct merge_place *out, struct merge_base *base)
{
    struct merge_place found;
    size_t known = 0;
    uint64_t name = merge_base_name(text);
    base->name = 0;
    if (name) {
        int rc = merge_store_get(m->store, name, base);
        if (rc) {
            return rc == ERR_NOMEM ? rc : ERR_UNKNOWN;
        }
    }
    if (merge_parse(text, base, &found)) {
        return ERR_UNKNOWN;
    }
    struct merge_place place = m->head;
    for (size_t i = 0; i < m->count; i++) {
        const struct merge_part *part = merge_part_of(&found, place.parts[i].tag);
        if (part) {
            memcpy(place.parts[i].at, part->at, sizeof part->at);
            known++;
        }
    }
    if (known == 0) {
        return ERR_UNKNOWN;
    }
    place.is_over = found.is_over && known == m->count;
    if (name) {
        merge_store_use(m->store, base);
    }
    *out = place;
    return 0;
}

static void set_part(struct merge_place *p, size_t i, const char *position)
{
    assert(strlen(position) < sizeof p->parts[i].at);
    memmove(p->parts[i].at, position, strlen(position) + 1);
}

static void print_head(struct merge *m)
{
    uint64_t name = m->using.name;
    merge_print(m, &m->head, &m->using, m->head_text);
    if (m->using.name != name) {
        m->file = m->store->file;
    }
}

static void move_head(struct merge *m, size_t i, const char *position)
{
    set_part(&m->head, i, position);
    m->head.is_over = 0;
    print_head(m);
}

/* --- live ---------------------------------------------------------------------------------- */

static int input_event(void *ctx, const struct sse_event *e)
{
    struct merge_input *in = ctx;
    struct merge *m = in->merge;
    m->members[in->member].has_ended = 0;
    move_head(m, in->member, e->position);
    return merge_pass_event(m, in->member, e, m->head_text, m->host->live);
}

static int input_gap(void *ctx, const struct sse_gap *gap)
{
    struct merge_input *in = ctx;
    struct merge *m = in->merge;
    move_head(m, in->member, gap->position);
    return merge_pass_gap(m, in->member, gap, m->head_text, m->host->live);
}

static void input_advance(void *ctx, const char *position)
{
    struct merge_input *in = ctx;
    struct merge *m = in->merge;
    move_head(m, in->member, position);
    m->host->live->advance(m->host->live->ctx, m->head_text);
}

static void end_if_over(struct merge *m)
{
    for (size_t i = 0; i < m->count; i++) {
        if (!m->members[i].has_ended) {
            return;
        }
    }
    m->head.is_over = 1;
    print_head(m);
    m->host->live->end(m->host->live->ctx, m->head_text, NULL);
}

static void input_end(void *ctx, const char *position, const char *data)
{
    struct merge_input *in = ctx;
    struct merge *m = in->merge;
    m->members[in->member].has_ended = 1;
    move_head(m, in->member, position);
    (void)merge_pass_end(m, in->member, data, m->head_text, m->host->live);
    end_if_over(m);
}

const struct sse_out *merge_input(struct source *s, size_t member)
{
    return &((struct merge *)s)->inputs[member].out;
}

void merge_start(struct source *s)
{
    end_if_over((struct merge *)s);
}

/* --- life ---------------------------------------------------------------------------------- */

int merge_open(struct source **out, const struct merge_setup *setup,
               const struct source_host *host)
{
    assert(setup->count > 0 && setup->count <= MERGE_MEMBERS_MAX);
    struct merge *m = calloc(1, sizeof *m);
    if (!m) {
        return ERR_NOMEM;
    }
    m->base.type = &source_merge;
    m->host = host;
    m->store = merge_store_ref(setup->store);
    m->count = m->head.count = setup->count;
    m->is_raw = setup->is_raw;
    buf_init(&m->json, MERGE_WRAP_BYTES);
    for (size_t i = 0; i < setup->count; i++) {
        m->members[i] = setup->members[i];
        m->head.parts[i].tag = merge_tag(m->members[i].name);
        m->members[i].source->type->head(m->members[i].source, m->head.parts[i].at);
        m->inputs[i] = (struct merge_input){.merge = m, .member = i};
        m->inputs[i].out = (struct sse_out){.event = input_event, .gap = input_gap,
                                            .advance = input_advance, .end = input_end,
                                            .ctx = &m->inputs[i]};
    }
    print_head(m);
    *out = &m->base;
    return 0;
}

static void merge_close(struct source *s, void (*closed)(void *ctx), void *ctx)
{
    struct merge *m = (struct merge *)s;
    merge_store_unref(m->store);
    buf_fini(&m->json);
    free(m);
    if (closed) {
        closed(ctx);
    }
}

void merge_tick(struct source *s)
{
    struct merge *m = (struct merge *)s;
    merge_store_renew(m->store, &m->using, &m->file);
}

/* --- where a reader begins ----------------------------------------------------------------- */

static void merge_head(struct source *s, char out[SSE_POSITION_SIZE])
{
    const struct merge *m = (struct merge *)s;
    memcpy(out, m->head_text, sizeof m->head_text);
}

/* The head's own text where it is the head: its id may be looked for in what was just sent. */
static void print_begin(struct merge *m, const struct merge_place *p, struct merge_base *base,
                        char out[SSE_POSITION_SIZE])
{
    if (merge_place_equal(p, &m->head)) {
        merge_head(&m->base, out);
    } else {
        merge_print(m, p, base, out);
    }
}

int merge_adopt(struct source *s, const char *id, char out[SSE_POSITION_SIZE])
{
    struct merge *m = (struct merge *)s;
    struct merge_place place;
    struct merge_base base;
    int rc = merge_read(m, id, &place, &base);
    if (!rc) {
        print_begin(m, &place, &base, out);
    }
    return rc;
}

static int merge_understands(struct source *s, const char *position)
{
    struct merge *m = (struct merge *)s;
    struct merge_place place;
    struct merge_base base;
    uint64_t name = merge_base_name(position);
    /* One whose base is gone was good once: that is a gap. */
    if (name && merge_store_get(m->store, name, &base)) {
        return 1;
    }
    return merge_read(m, position, &place, &base) == 0;
}

static int merge_back(struct source *s, uint64_t count, char out[SSE_POSITION_SIZE])
{
    struct merge *m = (struct merge *)s;
    struct merge_place place = m->head;
    struct merge_base base = {.name = 0};
    for (size_t i = 0; i < m->count; i++) {
        struct source *member = m->members[i].source;
        char position[SSE_POSITION_SIZE];
        /* What cannot be looked at has no last events: that stream goes on from now. */
        if (member->type->back(member, count, position) == 0) {
            set_part(&place, i, position);
        }
    }
    print_begin(m, &place, &base, out);
    return 0;
}

static int merge_since(struct source *s, int64_t wall_ms, char out[SSE_POSITION_SIZE],
                       struct err *err)
{
    struct merge *m = (struct merge *)s;
    struct merge_place place = m->head;
    struct merge_base base = {.name = 0};
    for (size_t i = 0; i < m->count; i++) {
        struct source *member = m->members[i].source;
        struct err why = {.code = 0};
        char position[SSE_POSITION_SIZE];
        if (!member->type->since) {
            return err_set(err, ERR_INVALID, "since: the events of %s have no times",
                           m->members[i].name);
        }
        int rc = member->type->since(member, wall_ms, position, &why);
        if (rc) {
            return err_set(err, rc, "%s (stream %s)", why.text, m->members[i].name);
        }
        set_part(&place, i, position);
    }
    print_begin(m, &place, &base, out);
    return 0;
}

const struct source_type source_merge = {
    .contract = SOURCE_CONTRACT,
    .name = "several",
    .summary = "several streams as one",
    .open = NULL, /* merge_open: its members are given, not configured */
    .close = merge_close,
    .head = merge_head,
    .understands = merge_understands,
    .back = merge_back,
    .since = merge_since,
    .pull = merge_pull,
};
