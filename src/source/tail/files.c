/* SPDX-License-Identifier: MIT */
/* tail_files: which files a log consists of by now, and in which order its lines lie in them. */
#include "source/tail/files.h"

#include "base/err.h"
#include "conf/option.h"
#include "source/tail/open.h"
#include "source/tail/order.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOKS_MAX 8   /* until two agree */
#define VOTES_LEAST 2 /* for numbers that count up */
#define EMPTY_GZ_MAX 320 /* header with the longest name, and trailer */
#define NS_PER_MS 1000000
#define NS_PER_S 1000000000

int tail_names_init(struct tail_names *n, const char *path, int follow,
                    const struct conf_list *rotated)
{
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 0;
    char *folder = slash ? strndup(path, len ? len : 1) : strdup(".");
    if (!folder) {
        return ERR_NOMEM;
    }
    *n = (struct tail_names){
        .path = path,
        .follow = follow,
        .rotated = rotated,
        .folder = folder,
        .base = slash ? slash + 1 : path,
    };
    return 0;
}

void tail_names_fini(struct tail_names *n)
{
    free(n->folder);
    n->folder = NULL;
}

/* Takes `f` over, also on failure. */
static int insert(struct tail_files *l, size_t at, struct tail_file *f)
{
    if (!f) {
        return ERR_NOMEM;
    }
    if (l->count == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 8;
        struct tail_file **items = realloc(l->items, cap * sizeof(struct tail_file *));
        if (!items) {
            tail_file_unref(f);
            return ERR_NOMEM;
        }
        l->items = items;
        l->cap = cap;
    }
    memmove(l->items + at + 1, l->items + at, (l->count - at) * sizeof(struct tail_file *));
    l->items[at] = f;
    l->count++;
    return 0;
}

int tail_files_add(struct tail_files *l, struct tail_file *f)
{
    return insert(l, l->count, tail_file_ref(f));
}

void tail_files_remove(struct tail_files *l, size_t at)
{
    tail_file_unref(l->items[at]);
    l->count--;
    memmove(l->items + at, l->items + at + 1, (l->count - at) * sizeof(struct tail_file *));
}

static const char *name_of(const struct tail_file *f)
{
    const char *slash = strrchr(f->path, '/');
    return slash ? slash + 1 : f->path;
}

/* What is compressed is never of size 0, though there may be nothing in it. */
static void look_inside(struct tail_file *f)
{
    char byte;
    size_t got;
    if (f->st.size <= EMPTY_GZ_MAX && tail_file_open(f) == 0
        && tail_file_read(f, &byte, 1, 0, &got) == 0 && got == 0) {
        f->st.size = 0;
    }
}

static int add_seen(struct tail_files *l, int dir_fd, const char *folder, const char *name)
{
    struct tail_stat st;
    if (l->count >= TAIL_FILES_MAX * 2 || tail_stat_read(dir_fd, name, 0, &st) || !st.is_regular
        || tail_files_index(l, &st) < l->count) {
        return 0; /* gone by now, or no log */
    }
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/%s", folder, name);
    if (n < 0 || (size_t)n >= sizeof path) {
        return 0;
    }
    struct tail_file *f = tail_file_new(path, 0, tail_order_is_compressed(name), &st);
    if (f && f->is_compressed) {
        look_inside(f);
    }
    return insert(l, l->count, f);
}

/* Adds what matches in one folder: `pattern`, or the usual names when it is NULL. */
static int scan_folder(const struct tail_names *n, const char *folder, const char *pattern,
                       struct tail_files *l)
{
    int fd;
    int rc = tail_open(folder, n->follow, TAIL_OPEN_FOLDER, &fd, NULL);
    if (rc) {
        return rc == ERR_GONE ? 0 : rc;
    }
    DIR *dir = fdopendir(fd);
    if (!dir) {
        close(fd);
        return ERR_NOMEM;
    }
    for (;;) {
        errno = 0;
        struct dirent *d = readdir(dir);
        if (!d) {
            rc = errno ? ERR_IO : 0;
            break;
        }
        int matches = pattern ? fnmatch(pattern, d->d_name, FNM_PERIOD) == 0
                              : tail_order_is_rotated(n->base, d->d_name);
        if (matches) {
            rc = add_seen(l, dirfd(dir), folder, d->d_name);
            if (rc) {
                break;
            }
        }
    }
    closedir(dir);
    return rc;
}

static int scan_rotated(const struct tail_names *n, struct tail_files *l)
{
    if (!n->rotated || n->rotated->count == 0) {
        return scan_folder(n, n->folder, NULL, l);
    }
    for (size_t i = 0; i < n->rotated->count; i++) {
        const char *pattern = n->rotated->items[i];
        const char *slash = strrchr(pattern, '/');
        char *folder = slash ? strndup(pattern, slash > pattern ? (size_t)(slash - pattern) : 1)
                             : strdup(n->folder);
        if (!folder) {
            return ERR_NOMEM;
        }
        int rc = scan_folder(n, folder, slash ? slash + 1 : pattern, l);
        free(folder);
        if (rc) {
            return rc;
        }
    }
    return 0;
}

/* What sorting needs to know beside the files. */
struct order {
    const char *base;
    int numbered_last; /* files with numbers are younger than those without */
    int counts_up;     /* the higher number is the younger file */
    int64_t tick_ns;   /* times closer together than this say nothing */
};

static int compare_numbers(const void *a, const void *b, void *ctx)
{
    const struct order *o = ctx;
    int64_t na = tail_order_number(o->base, name_of(*(struct tail_file *const *)a));
    int64_t nb = tail_order_number(o->base, name_of(*(struct tail_file *const *)b));
    return na == nb ? 0 : na > nb ? -1 : 1;
}

static int compare(const void *a, const void *b, void *ctx)
{
    const struct order *o = ctx;
    const struct tail_file *fa = *(struct tail_file *const *)a;
    const struct tail_file *fb = *(struct tail_file *const *)b;
    int numbers = compare_numbers(a, b, ctx);
    int a_is_numbered = tail_order_number(o->base, name_of(fa)) >= 0;
    int b_is_numbered = tail_order_number(o->base, name_of(fb)) >= 0;
    if (a_is_numbered != b_is_numbered) {
        return a_is_numbered == o->numbered_last ? 1 : -1;
    }
    if (numbers) {
        return o->counts_up ? -numbers : numbers;
    }
    int64_t ta = fa->st.mtime_ns / o->tick_ns;
    int64_t tb = fb->st.mtime_ns / o->tick_ns;
    if (ta != tb) {
        return ta < tb ? -1 : 1;
    }
    return tail_order_compare(name_of(fa), name_of(fb));
}

/* What two files say of the way numbers count: above 0 when the one with the higher number is the
 * older. A last write may come late, after a rotation; where the births are known, they count as
 * much. */
static int vote(const struct tail_file *higher, const struct tail_file *lower, int64_t tick_ns)
{
    int votes = higher->st.mtime_ns / tick_ns <= lower->st.mtime_ns / tick_ns ? 1 : -1;
    if (!higher->is_compressed && !lower->is_compressed && higher->st.birth_ns
        && lower->st.birth_ns) {
        votes += higher->st.birth_ns <= lower->st.birth_ns ? 1 : -1;
    }
    return votes;
}

/* Most programs call the youngest rotated file 1, some the oldest: births and last writes vote. */
static int counts_up(struct tail_files *l, struct order *o)
{
    int votes = 0;
    qsort_r(l->items, l->count, sizeof(struct tail_file *), compare_numbers, o);
    for (size_t i = 1; i < l->count; i++) {
        if (tail_order_number(o->base, name_of(l->items[i])) < 0) {
            break;
        }
        if (l->items[i - 1]->st.size > 0 && l->items[i]->st.size > 0) {
            votes += vote(l->items[i - 1], l->items[i], o->tick_ns);
        }
    }
    return votes <= -VOTES_LEAST;
}

static void sort(const struct tail_names *n, struct tail_files *l)
{
    int64_t newest[2] = {INT64_MIN, INT64_MIN};
    struct order o = {.base = n->base, .tick_ns = 1};
    if (l->count < 2) {
        return;
    }
    for (size_t i = 0; i < l->count; i++) {
        struct tail_file *f = l->items[i];
        int is_numbered = tail_order_number(n->base, name_of(f)) >= 0;
        if (f->st.mtime_ns > newest[is_numbered]) {
            newest[is_numbered] = f->st.mtime_ns;
        }
        if (f->is_compressed && f->st.mtime_ns % NS_PER_S == 0) {
            o.tick_ns = NS_PER_S;
        }
    }
    o.numbered_last = newest[1] >= newest[0];
    o.counts_up = counts_up(l, &o);
    qsort_r(l->items, l->count, sizeof(struct tail_file *), compare, &o);
}

/* While gzip is at work there are both: the compressed one is not whole yet. */
static void drop_half_compressed(struct tail_files *l)
{
    for (size_t i = l->count; i-- > 0;) {
        const char *path = l->items[i]->path;
        size_t len = strlen(path);
        for (size_t k = 0; l->items[i]->is_compressed && k < l->count; k++) {
            const char *other = l->items[k]->path;
            if (strlen(other) == len - 3 && memcmp(other, path, len - 3) == 0) {
                tail_files_remove(l, i);
                break;
            }
        }
    }
}

static int add_current(const struct tail_names *n, struct tail_files *l)
{
    int fd;
    struct tail_stat st;
    int rc = tail_open(n->path, n->follow, TAIL_OPEN_LOOK, &fd, &st);
    if (rc) {
        return rc == ERR_GONE ? 0 : rc;
    }
    close(fd);
    if (!st.is_regular) {
        errno = EINVAL;
        return ERR_IO;
    }
    size_t twin = tail_files_index(l, &st);
    if (twin < l->count) {
        tail_files_remove(l, twin);
    }
    struct tail_file *f = tail_file_new(n->path, n->follow, 0, &st);
    if (f) {
        f->is_current = 1;
    }
    return insert(l, l->count, f);
}

static int look(const struct tail_names *n, struct tail_files *out)
{
    struct tail_files l = {.items = NULL};
    int rc = scan_rotated(n, &l);
    if (!rc) {
        drop_half_compressed(&l);
        sort(n, &l);
        while (l.count >= TAIL_FILES_MAX) {
            tail_files_remove(&l, 0);
        }
        rc = add_current(n, &l);
    }
    if (rc) {
        tail_files_fini(&l);
        return rc;
    }
    *out = l;
    return 0;
}

static int is_same(const struct tail_files *a, const struct tail_files *b)
{
    if (a->count != b->count) {
        return 0;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (!tail_stat_same(&a->items[i]->st, &b->items[i]->st)
            || strcmp(a->items[i]->path, b->items[i]->path) != 0) {
            return 0;
        }
    }
    return 1;
}

int tail_files_scan(const struct tail_names *n, struct tail_files *out)
{
    struct tail_files last = {.items = NULL};
    int rc = look(n, &last);
    for (int i = 1; !rc && i < LOOKS_MAX; i++) {
        struct tail_files now = {.items = NULL};
        rc = look(n, &now);
        if (!rc && is_same(&last, &now)) {
            tail_files_fini(&last);
            tail_files_fini(out);
            *out = now;
            return 0;
        }
        tail_files_fini(&last);
        last = now;
    }
    tail_files_fini(&last);
    return rc ? rc : ERR_AGAIN;
}

/* When it was last written; the latest that may be, where only seconds were kept. */
static int64_t last_ns(const struct tail_file *f)
{
    int is_rough = f->is_compressed && f->st.mtime_ns % NS_PER_S == 0;
    return f->st.mtime_ns + (is_rough ? NS_PER_S - 1 : 0);
}

static int is_older(const struct tail_file *f, struct tail_label label, int by_birth)
{
    if (f->is_current || label.birth_ms == 0) {
        return 0;
    }
    int64_t born_ms = (int64_t)label.birth_ms;
    return last_ns(f) / NS_PER_MS < born_ms
           || (by_birth && !f->is_compressed && !(label.tag & TAIL_TAG_COMPRESSED)
               && f->label.birth_ms && (int64_t)f->label.birth_ms < born_ms);
}

size_t tail_files_after(const struct tail_files *l, struct tail_label label, int by_birth)
{
    size_t i = l->count;
    while (i > 0 && (l->items[i - 1]->st.size == 0 || !is_older(l->items[i - 1], label, by_birth))) {
        i--;
    }
    return i;
}

/* The place of a file without a name, by its last write. */
static size_t find_place(const struct tail_files *l, const struct tail_file *held)
{
    size_t i = l->count;
    while (i > 0) {
        const struct tail_file *f = l->items[i - 1];
        int64_t apart_ns = last_ns(f) - held->st.mtime_ns;
        int is_before = apart_ns < 0 || (apart_ns == 0 && f->st.birth_ns < held->st.birth_ns);
        if (!f->is_current && f->st.size > 0 && is_before) {
            break;
        }
        i--;
    }
    return i;
}

/* The index of what became of a file that was compressed and deleted. */
static size_t find_compressed(const struct tail_files *l, struct tail_file *f)
{
    char a[TAIL_HEAD_BYTES], b[TAIL_HEAD_BYTES];
    size_t a_got, b_got;
    if (f->is_compressed || f->fd < 0 || tail_file_stat(f)) {
        return l->count;
    }
    for (size_t i = 0; i < l->count; i++) {
        struct tail_file *z = l->items[i];
        if (z->is_compressed && z->st.mtime_ns / NS_PER_S == f->st.mtime_ns / NS_PER_S
            && !tail_file_open(z) && !tail_file_read(z, a, sizeof a, 0, &a_got)
            && !tail_file_read(f, b, sizeof b, 0, &b_got) && a_got > 0 && a_got == b_got
            && memcmp(a, b, a_got) == 0) {
            return i;
        }
    }
    return l->count;
}

int tail_files_hold(struct tail_files *l, struct tail_file *held)
{
    size_t at = tail_files_index(l, &held->st);
    if (at < l->count) {
        held->st = l->items[at]->st; /* what was seen last */
    } else {
        at = find_compressed(l, held);
    }
    if (at < l->count) {
        held->is_current = l->items[at]->is_current;
        tail_file_unref(l->items[at]);
        l->items[at] = tail_file_ref(held);
        return 0;
    }
    held->is_current = 0;
    return insert(l, find_place(l, held), tail_file_ref(held));
}

size_t tail_files_index(const struct tail_files *l, const struct tail_stat *st)
{
    for (size_t i = 0; i < l->count; i++) {
        if (tail_stat_same(&l->items[i]->st, st)) {
            return i;
        }
    }
    return l->count;
}

size_t tail_files_next(const struct tail_files *l, size_t from)
{
    while (from < l->count && l->items[from]->st.size == 0) {
        from++;
    }
    return from < l->count ? from : l->count;
}

void tail_files_fini(struct tail_files *l)
{
    for (size_t i = 0; i < l->count; i++) {
        tail_file_unref(l->items[i]);
    }
    free(l->items);
    *l = (struct tail_files){.items = NULL};
}
