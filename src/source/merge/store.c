/* SPDX-License-Identifier: MIT */
/* merge_store: the bases that positions in several streams refer to. */
#include "source/merge/store.h"

#include "base/err.h"

#include <stdlib.h>

_Static_assert(MERGE_BASE_BYTES <= SOURCE_MARKS_TEXT_BYTES, "a base is one text");
_Static_assert(MERGE_TAG_BITS == SOURCE_MARKS_NAME_BITS, "a base's name is spelled as a tag is");

int merge_store_new(struct merge_store **out, const char *state_dir, const struct log *log)
{
    struct merge_store *s = calloc(1, sizeof *s);
    int rc = s ? source_marks_init(&s->kept, "several", NULL, state_dir, log) : ERR_NOMEM;
    if (rc) {
        free(s);
        return rc;
    }
    s->refs = 1;
    *out = s;
    return 0;
}

struct merge_store *merge_store_ref(struct merge_store *s)
{
    s->refs++;
    return s;
}

void merge_store_unref(struct merge_store *s)
{
    if (s && --s->refs == 0) {
        source_marks_fini(&s->kept);
        free(s);
    }
}

static struct merge_ready *make_ready(struct merge_store *s, const struct merge_base *b)
{
    struct merge_ready *r = &s->ready[s->ready_next];
    *r = (struct merge_ready){.base = *b};
    s->ready_next = (s->ready_next + 1) % MERGE_STORE_READY;
    return r;
}

static struct merge_ready *find_ready(struct merge_store *s, uint64_t name)
{
    for (size_t i = 0; i < MERGE_STORE_READY; i++) {
        if (s->ready[i].base.name == name) {
            return &s->ready[i];
        }
    }
    return NULL;
}

static void look_at_file(struct merge_store *s)
{
    uint64_t file = source_marks_file(&s->kept);
    for (size_t i = 0; i < MERGE_STORE_READY && file != s->file; i++) {
        s->ready[i].is_written = 0;
    }
    s->file = file;
}

static void write_base(struct merge_store *s, const struct merge_base *b)
{
    char text[MERGE_BASE_BYTES];
    source_marks_keep(&s->kept, text, merge_base_write(&b->place, text));
    look_at_file(s);
}

void merge_store_use(struct merge_store *s, const struct merge_base *b)
{
    look_at_file(s);
    struct merge_ready *r = find_ready(s, b->name);
    if (!r) {
        r = make_ready(s, b);
    }
    if (!r->is_written) {
        write_base(s, b);
        r->is_written = 1;
    }
}

void merge_store_put(struct merge_store *s, const struct merge_place *p, struct merge_base *out)
{
    char text[MERGE_BASE_BYTES];
    out->place = *p;
    out->place.is_over = 0;
    out->name = source_marks_name(text, merge_base_write(p, text));
    merge_store_use(s, out);
}

void merge_store_renew(struct merge_store *s, const struct merge_base *b, uint64_t *file)
{
    look_at_file(s);
    if (b->name && s->file != *file) {
        write_base(s, b);
    }
    *file = s->file;
}

int merge_store_get(struct merge_store *s, uint64_t name, struct merge_base *out)
{
    const struct merge_ready *ready = find_ready(s, name);
    struct merge_base b = {.name = name};
    struct buf text;
    if (ready) {
        *out = ready->base;
        return 0;
    }
    buf_init(&text, SOURCE_MARKS_TEXT_BYTES);
    int rc = source_marks_get(&s->kept, name, &text);
    if (!rc && merge_base_read(text.data, text.len, &b.place)) {
        rc = ERR_GONE;
    }
    buf_fini(&text);
    if (!rc) {
        *out = b;
        (void)make_ready(s, out);
    }
    return rc;
}
