/* SPDX-License-Identifier: MIT */
/* tail_find: which of a log's files a position lies in, and where to go on when in none. */
#include "source/tail/find.h"

#include "base/err.h"

#include <string.h>

/* What a file has to do with a position. */
enum match {
    MATCH_NONE,
    MATCH_HEAD, /* begins with the same bytes, but ends before the position */
    MATCH_ALL
};

/* Compares bytes with the hashes in the position. Answers an enum match, or negative. */
static int match(struct tail_file *f, const struct tail_position *p)
{
    char bytes[TAIL_HEAD_BYTES];
    size_t head = p->offset < TAIL_HEAD_BYTES ? (size_t)p->offset : TAIL_HEAD_BYTES;
    size_t before = p->offset < TAIL_BEFORE_BYTES ? (size_t)p->offset : TAIL_BEFORE_BYTES;
    size_t got;
    int rc = tail_file_open(f);
    if (!rc) {
        rc = tail_file_read(f, bytes, head, 0, &got);
    }
    if (rc) {
        return rc;
    }
    uint64_t head_hash = tail_hash_head(bytes, head);
    int knows_head = !p->is_brief || p->has_head;
    if (got < head || (knows_head && head_hash != p->head)) {
        return MATCH_NONE;
    }
    rc = tail_file_read(f, bytes, before, p->offset - before, &got);
    if (rc) {
        return rc;
    }
    if (got < before) {
        return knows_head && head == TAIL_HEAD_BYTES ? MATCH_HEAD : MATCH_NONE;
    }
    uint32_t before_hash = tail_hash_before(bytes, before);
    int is_same = p->is_brief ? tail_position_brief(head_hash, before_hash) == p->brief
                              : before_hash == p->before;
    return is_same ? MATCH_ALL : MATCH_NONE;
}

/* 1 when the answer ends the search. Files that can't be read are not it. */
static int is_fatal(int answer)
{
    return answer == ERR_NOMEM || answer == ERR_AGAIN || answer == ERR_GONE || answer == ERR_LIMIT;
}

static struct tail_place lost_at(size_t index, uint64_t offset, struct tail_label label,
                                 const char *reason, const char *detail)
{
    return (struct tail_place){
        .index = index, .offset = offset, .label = label, .lost = reason, .detail = detail};
}

/* A copy: other files, the youngest first, since the same beginning in an older one would bring
 * back lines that the reader has had. */
static int find_copy(const struct tail_files *l, const struct tail_position *p, size_t own,
                     struct tail_place *out)
{
    size_t from = tail_files_after(l, p->label, 0);
    size_t cut = l->count;
    int found = 0;
    for (size_t i = l->count; p->offset > 0 && i-- > from;) {
        /* When the file itself is there, written anew, a copy of it is not at the log's place. */
        int is_out = i == own || (own < l->count && l->items[i]->is_current);
        int answer = is_out ? MATCH_NONE : match(l->items[i], p);
        if (is_fatal(answer)) {
            return answer;
        }
        if (answer == MATCH_HEAD && cut == l->count && !l->items[i]->is_compressed) {
            cut = i;
        }
        if (answer != MATCH_ALL) {
            continue;
        }
        if (found) {
            out->lost = "ambiguous";
            out->detail = "several files begin with the same bytes; the youngest was taken";
            return 1;
        }
        *out = (struct tail_place){.index = i, .offset = p->offset, .label = p->label};
        found = 1;
    }
    if (!found && cut < l->count) {
        *out = lost_at(cut, l->items[cut]->st.size, p->label, "truncated",
                       "the file was copied and truncated; lines written in between are lost");
        found = 1;
    }
    return found;
}

int tail_find(const struct tail_files *l, const struct tail_position *p, struct tail_place *out)
{
    if (p->is_start) {
        *out = (struct tail_place){
            .index = 0, .label = l->count ? l->items[0]->label : (struct tail_label){0, 0}};
        return 0;
    }
    size_t own = 0;
    while (own < l->count && !tail_label_equal(l->items[own]->label, p->label)) {
        own++;
    }
    int answer = MATCH_NONE;
    if (own < l->count) {
        answer = match(l->items[own], p);
        if (is_fatal(answer) || answer == ERR_IO) {
            return answer;
        }
        if (answer == MATCH_ALL) {
            *out = (struct tail_place){.index = own, .offset = p->offset, .label = p->label};
            return 0;
        }
    }
    int rc = find_copy(l, p, own, out);
    if (rc) {
        return rc < 0 ? rc : 0;
    }
    if (own == l->count) {
        size_t after = tail_files_after(l, p->label, 1);
        *out = lost_at(after, 0,
                       after < l->count ? l->items[after]->label : (struct tail_label){0, 0},
                       "rotated-away", "the file with the lines after this position is gone");
    } else if (answer == MATCH_HEAD && l->items[own]->st.size >= TAIL_HEAD_BYTES) {
        *out = lost_at(own, l->items[own]->st.size, p->label, "truncated", "the file was cut back");
    } else {
        *out = lost_at(own, 0, p->label, "truncated", "the file was truncated and written anew");
    }
    return 0;
}

void tail_find_drop_copy(struct tail_files *l)
{
    if (l->count < 2 || !l->items[l->count - 1]->is_current) {
        return;
    }
    struct tail_file *current = l->items[l->count - 1];
    struct tail_file *copy = l->items[l->count - 2];
    char a[TAIL_HEAD_BYTES], b[TAIL_HEAD_BYTES];
    size_t a_got, b_got;
    if (copy->is_compressed || copy->st.birth_ns < current->st.birth_ns || copy->st.size == 0
        || tail_file_open(copy) || tail_file_open(current) || tail_file_stat(copy)
        || tail_file_read(copy, a, sizeof a, 0, &a_got)
        || tail_file_read(current, b, sizeof b, 0, &b_got) || a_got == 0 || b_got < a_got
        || memcmp(a, b, a_got) != 0) {
        return;
    }
    uint64_t size = copy->st.size;
    size_t len = size < TAIL_HEAD_BYTES ? (size_t)size : TAIL_HEAD_BYTES;
    if (tail_file_read(copy, a, len, size - len, &a_got)
        || tail_file_read(current, b, len, size - len, &b_got) || a_got != len || b_got != len
        || memcmp(a, b, len) != 0) {
        return;
    }
    tail_files_remove(l, l->count - 2);
}
