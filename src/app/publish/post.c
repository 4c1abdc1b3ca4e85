/* SPDX-License-Identifier: MIT */
/* post: the events that the body of a request holds. */
#include "app/publish/post.h"

#include "base/buf.h"
#include "base/err.h"
#include "source/source.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define RESERVED "stream." /* event names that begin so are ours */

/* What an item points into. */
struct app_post_owned {
    struct json_object *object;
    struct buf data; /* of data that is no string */
    struct buf key;
};

/* A JSON text inside the body. */
struct text {
    const char *at;
    size_t len;
    size_t line;   /* its first one's number */
    int is_one_of; /* several: complaints name the line */
};

/* A member of the object. */
enum member { MEMBER_EVENT, MEMBER_DATA, MEMBER_KEY, MEMBER_COUNT };

static const char *const member_names[] = {"event", "data", "key"};

struct span {
    size_t at, end;
};

/* --- complaints ---------------------------------------------------------------------------- */

static int fail_at(const struct text *t, size_t at, const char *why, struct err *err)
{
    size_t line = t->line;
    size_t start = 0;
    for (size_t i = 0; i < at; i++) {
        if (t->at[i] == '\n') {
            line++;
            start = i + 1;
        }
    }
    return err_set(err, ERR_INVALID, "line %zu, column %zu: %s", line, at - start + 1, why);
}

static int fail_member(const struct text *t, enum member m, const char *why, struct err *err)
{
    if (t->is_one_of) {
        return err_set(err, ERR_INVALID, "line %zu: %s: %s", t->line, member_names[m], why);
    }
    return err_set(err, ERR_INVALID, "%s: %s", member_names[m], why);
}

/* --- JSON ---------------------------------------------------------------------------------- */

static int is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Behind the string that begins at `at`, or at the text's end. */
static size_t string_end(const struct text *t, size_t at)
{
    for (at++; at < t->len && t->at[at] != '"'; at++) {
        at += t->at[at] == '\\';
    }
    return at < t->len ? at + 1 : t->len;
}

static int is_digit(const struct text *t, size_t i)
{
    return i < t->len && t->at[i] >= '0' && t->at[i] <= '9';
}

static size_t skip_digits(const struct text *t, size_t i)
{
    while (is_digit(t, i)) {
        i++;
    }
    return i;
}

/* Where the number that begins at `i` ends; `i` when it is none (RFC 8259, 6). */
static size_t number_end(const struct text *t, size_t i)
{
    size_t at = i + (t->at[i] == '-');
    size_t digits = at;
    at = skip_digits(t, at);
    if (at == digits || (t->at[digits] == '0' && at > digits + 1)) {
        return i;
    }
    if (at < t->len && t->at[at] == '.') {
        if (!is_digit(t, at + 1)) {
            return i;
        }
        at = skip_digits(t, at + 1);
    }
    if (at < t->len && (t->at[at] == 'e' || t->at[at] == 'E')) {
        at++;
        at += at < t->len && (t->at[at] == '+' || t->at[at] == '-');
        if (!is_digit(t, at)) {
            return i;
        }
        at = skip_digits(t, at);
    }
    return at;
}

/* What json-c takes, strict as it can be, beyond RFC 8259. */
static int check_plain(const struct text *t, struct err *err)
{
    for (size_t i = 0; i < t->len;) {
        char c = t->at[i];
        if (c == '"') {
            size_t end = string_end(t, i);
            for (; i < end; i++) {
                if ((unsigned char)t->at[i] < 0x20) {
                    return fail_at(t, i, "a control character in a string", err);
                }
            }
            continue;
        }
        if (c == '\'' || c == 'N' || c == 'I') {
            return fail_at(t, i, c == '\'' ? "strings are written in double quotes"
                                           : "JSON has no NaN and no Infinity", err);
        }
        if (c == '-' || c == '+' || c == '.' || is_digit(t, i)) {
            size_t end = c == '+' || c == '.' ? i : number_end(t, i);
            int is_infinite = i + 1 < t->len && t->at[i + 1] == 'I';
            if (end == i && !is_infinite) {
                return fail_at(t, i, "a number must be written as 0, -1, 2.5 or 1e9", err);
            }
            i = is_infinite ? i + 1 : end;
            continue;
        }
        i++;
    }
    return 0;
}

static int parse(const struct text *t, struct json_object **out, struct err *err)
{
    size_t first = 0;
    while (first < t->len && is_blank(t->at[first])) {
        first++;
    }
    if (first == t->len || t->at[first] != '{') {
        return fail_at(t, first, "must be an object: {\"data\": ...}", err);
    }
    struct json_tokener *tok = json_tokener_new_ex(APP_POST_DEPTH_MAX);
    if (!tok) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8
                                    | JSON_TOKENER_ALLOW_TRAILING_CHARS);
    struct json_object *object = json_tokener_parse_ex(tok, t->at, (int)t->len);
    enum json_tokener_error code = json_tokener_get_error(tok);
    size_t end = json_tokener_get_parse_end(tok);
    json_tokener_free(tok);
    int rc = 0;
    while (end < t->len && is_blank(t->at[end])) {
        end++;
    }
    if (code == json_tokener_continue || code == json_tokener_error_parse_eof) {
        rc = fail_at(t, t->len, "the JSON ends too early", err);
    } else if (code != json_tokener_success) {
        rc = fail_at(t, end, json_tokener_error_desc(code), err);
    } else if (end < t->len) {
        rc = fail_at(t, end, "nothing may follow the closing brace", err);
    }
    if (rc) {
        json_object_put(object);
        return rc;
    }
    *out = object;
    return 0;
}

/* Behind the value that begins at `at`. */
static size_t value_end(const struct text *t, size_t at)
{
    size_t depth = 0;
    while (at < t->len) {
        char c = t->at[at];
        if (depth == 0 && (c == ',' || c == '}')) {
            return at;
        }
        depth += c == '{' || c == '[';
        depth -= c == '}' || c == ']';
        at = c == '"' ? string_end(t, at) : at + 1;
    }
    return at;
}

/* Finds the members of an object that json-c has taken, each at most once and no others. */
static int find_members(const struct text *t, struct span spans[MEMBER_COUNT], struct err *err)
{
    size_t at = 0;
    while (at < t->len && t->at[at] != '"') {
        at++;
    }
    while (at < t->len) {
        size_t end = string_end(t, at);
        const char *name = t->at + at + 1;
        size_t len = end - at - 2;
        enum member m = MEMBER_EVENT;
        while (m < MEMBER_COUNT
               && (strlen(member_names[m]) != len || memcmp(member_names[m], name, len) != 0)) {
            m++;
        }
        if (m == MEMBER_COUNT) {
            return fail_at(t, at, "unknown key; known are event, data and key", err);
        }
        if (spans[m].end) {
            return fail_at(t, at, "this key was given before", err);
        }
        while (end < t->len && (is_blank(t->at[end]) || t->at[end] == ':')) {
            end++;
        }
        spans[m] = (struct span){.at = end, .end = value_end(t, end)};
        at = spans[m].end;
        while (at < t->len && t->at[at] != '"') {
            at++;
        }
    }
    return 0;
}

/* The text of a value without blanks: its own digits, which would not all survive a number. */
static int compact(struct buf *out, const struct text *t, struct span span)
{
    buf_init(out, span.end - span.at + 1);
    int rc = buf_reserve(out, span.end - span.at);
    for (size_t i = span.at; i < span.end && !rc;) {
        size_t end = t->at[i] == '"' ? string_end(t, i) : i + 1;
        if (!is_blank(t->at[i])) {
            rc = buf_append(out, t->at + i, end - i);
        }
        i = end;
    }
    return rc;
}

/* --- an event ------------------------------------------------------------------------------ */

/* A text for the member, NULL when it is not there. */
static int take_text(const struct text *t, struct json_object *object, enum member m,
                     const char **out, struct err *err)
{
    struct json_object *value;
    if (!json_object_object_get_ex(object, member_names[m], &value)) {
        return 0;
    }
    if (!json_object_is_type(value, json_type_string)) {
        return fail_member(t, m, "must be a string", err);
    }
    const char *text = json_object_get_string(value);
    size_t len = (size_t)json_object_get_string_len(value);
    if (len == 0 || len > APP_POST_TEXT_MAX || strlen(text) != len || strpbrk(text, "\r\n")) {
        return fail_member(t, m, "must be 1 to 240 bytes without line ends and NUL", err);
    }
    *out = text;
    return 0;
}

_Static_assert(APP_POST_TEXT_MAX == 240, "as the complaint says");

static int take_data(const struct text *t, struct span span, struct app_post_owned *owned,
                     struct source_item *item, struct err *err)
{
    struct json_object *value;
    if (!json_object_object_get_ex(owned->object, "data", &value)) {
        return fail_member(t, MEMBER_DATA, "missing; it must be a string or any JSON value", err);
    }
    if (json_object_is_type(value, json_type_string)) {
        item->data = json_object_get_string(value);
        item->data_len = (size_t)json_object_get_string_len(value);
        return 0;
    }
    if (compact(&owned->data, t, span)) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    item->data = owned->data.data;
    item->data_len = owned->data.len;
    return 0;
}

static int read_event(const struct text *t, struct app_post_owned *owned,
                      struct source_item *item, struct err *err)
{
    struct span spans[MEMBER_COUNT] = {{.end = 0}};
    const char *nul = memchr(t->at, '\0', t->len);
    if (nul) {
        return fail_at(t, (size_t)(nul - t->at), "a NUL byte", err);
    }
    int rc = parse(t, &owned->object, err);
    rc = rc ? rc : check_plain(t, err);
    rc = rc ? rc : find_members(t, spans, err);
    rc = rc ? rc : take_text(t, owned->object, MEMBER_EVENT, &item->name, err);
    rc = rc ? rc : take_text(t, owned->object, MEMBER_KEY, &item->key, err);
    rc = rc ? rc : take_data(t, spans[MEMBER_DATA], owned, item, err);
    if (!rc && item->name && strncmp(item->name, RESERVED, sizeof RESERVED - 1) == 0) {
        rc = fail_member(t, MEMBER_EVENT, "names that begin with \"" RESERVED "\" are reserved",
                         err);
    }
    return rc;
}

/* --- bodies -------------------------------------------------------------------------------- */

static int make_items(struct app_post *p, size_t count, struct err *err)
{
    p->items = calloc(count, sizeof *p->items);
    p->owned = calloc(count, sizeof *p->owned);
    if (!p->items || !p->owned) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    p->count = count;
    return 0;
}

static int read_plain(struct app_post *p, const struct app_post_request *in, struct err *err)
{
    int rc = make_items(p, 1, err);
    if (!rc) {
        p->items[0] = (struct source_item){.data = in->body, .data_len = in->len, .key = in->key};
    }
    return rc;
}

static int read_json(struct app_post *p, const struct app_post_request *in, struct err *err)
{
    struct text t = {.at = in->body, .len = in->len, .line = 1};
    int rc = make_items(p, 1, err);
    rc = rc ? rc : read_event(&t, &p->owned[0], &p->items[0], err);
    if (!rc && !p->items[0].key) {
        p->items[0].key = in->key;
    }
    return rc;
}

/* A repeated batch has the same keys. */
static int derive_key(struct app_post *p, size_t i, const char *key, struct err *err)
{
    struct buf *out = &p->owned[i].key;
    if (!key || p->items[i].key) {
        return 0;
    }
    buf_init(out, APP_POST_TEXT_MAX + 32);
    int rc = buf_appendf(out, "%s/%zu", key, i);
    rc = rc ? rc : buf_append_char(out, '\0');
    p->items[i].key = out->data;
    return rc ? err_set(err, ERR_NOMEM, "out of memory") : 0;
}

static int read_lines(struct app_post *p, const struct app_post_request *in, struct err *err)
{
    size_t count = in->body[in->len - 1] != '\n';
    for (size_t i = 0; i < in->len; i++) {
        count += in->body[i] == '\n';
    }
    if (count > in->batch_max) {
        return err_set(err, ERR_LIMIT, "at most %zu events in one request, not %zu", in->batch_max,
                       count);
    }
    int rc = make_items(p, count, err);
    const char *at = in->body;
    for (size_t i = 0; i < count && !rc; i++) {
        const char *end = memchr(at, '\n', in->len - (size_t)(at - in->body));
        end = end ? end : in->body + in->len;
        struct text t = {.at = at, .len = (size_t)(end - at), .line = i + 1, .is_one_of = 1};
        rc = read_event(&t, &p->owned[i], &p->items[i], err);
        rc = rc ? rc : derive_key(p, i, in->key, err);
        at = end + 1;
    }
    return rc;
}

static const struct kind {
    const char *type;
    int (*read)(struct app_post *p, const struct app_post_request *in, struct err *err);
} kinds[] = {
    {"text/plain", read_plain},
    {"application/json", read_json},
    {"application/x-ndjson", read_lines},
};

/* The kind of a Content-Type, NULL when there is none. Bytes are taken as UTF-8, so another charset
 * is refused (RFC 9110, 8.3). */
static const struct kind *find_kind(const char *type)
{
    static const char charset[] = "charset=";
    size_t len = type ? strcspn(type, "; \t") : 0;
    const char *at = type ? type + strcspn(type, ";") : NULL;
    while (at && *at) {
        at += strspn(at, "; \t");
        if (strncasecmp(at, charset, sizeof charset - 1) == 0) {
            const char *value = at + sizeof charset - 1;
            value += *value == '"';
            size_t value_len = strcspn(value, "\"; \t");
            int is_good = (value_len == 5 && strncasecmp(value, "utf-8", 5) == 0)
                          || (value_len == 8 && strncasecmp(value, "us-ascii", 8) == 0);
            if (!is_good) {
                return NULL;
            }
        }
        at += strcspn(at, ";");
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strlen(kinds[i].type) == len && strncasecmp(kinds[i].type, type, len) == 0) {
            return &kinds[i];
        }
    }
    return NULL;
}

static int check_key(const char *key, struct err *err)
{
    size_t len = key ? strlen(key) : 1;
    int is_good = len > 0 && len <= APP_POST_TEXT_MAX;
    for (size_t i = 0; key && i < len && is_good; i++) {
        is_good = key[i] >= ' ' && key[i] <= '~';
    }
    return is_good ? 0 : err_set(err, ERR_INVALID,
                                 "Idempotency-Key: must be 1 to %d bytes of ASCII",
                                 APP_POST_TEXT_MAX);
}

int app_post_read(struct app_post *out, const struct app_post_request *in, struct err *err)
{
    struct app_post post = {.count = 0};
    const struct kind *kind = find_kind(in->type);
    if (!kind) {
        return err_set(err, ERR_UNKNOWN, "Content-Type: must be text/plain, application/json or "
                                         "application/x-ndjson, in UTF-8");
    }
    if (in->len == 0) {
        return err_set(err, ERR_INVALID, "the body is empty");
    }
    int rc = check_key(in->key, err);
    rc = rc ? rc : kind->read(&post, in, err);
    if (rc) {
        app_post_fini(&post);
        return rc;
    }
    *out = post;
    return 0;
}

void app_post_fini(struct app_post *p)
{
    for (size_t i = 0; p->owned && i < p->count; i++) {
        json_object_put(p->owned[i].object);
        buf_fini(&p->owned[i].data);
        buf_fini(&p->owned[i].key);
    }
    free(p->owned);
    free(p->items);
    *p = (struct app_post){.count = 0};
}
