/* SPDX-License-Identifier: MIT */
/* whatwg: an event stream parser for tests, written from the standard and from nothing of ours. */
#include "whatwg.h"

#include <stdlib.h>
#include <string.h>

/* Tests have no answer to a lack of memory. */
static void *grown(void *old, size_t size)
{
    void *p = realloc(old, size ? size : 1);
    if (!p) {
        abort();
    }
    return p;
}

static void text_add(struct whatwg_text *t, const char *data, size_t len)
{
    t->data = grown(t->data, t->len + len + 1);
    if (len > 0) {
        memcpy(t->data + t->len, data, len);
    }
    t->len += len;
    t->data[t->len] = '\0';
}

static void text_set(struct whatwg_text *t, const char *data, size_t len)
{
    t->len = 0;
    text_add(t, data, len);
}

static void text_free(struct whatwg_text *t)
{
    free(t->data);
    *t = (struct whatwg_text){0};
}

static size_t put_code_point(char *out, unsigned long c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

/* The decoder of WHATWG Encoding 8.1.1, by its own variables and steps. */
struct decoder {
    unsigned long code_point;
    int bytes_seen;
    int bytes_needed;
    unsigned lower;
    unsigned upper;
};

static void decoder_reset(struct decoder *d)
{
    *d = (struct decoder){.lower = 0x80, .upper = 0xbf};
}

/* Step 3. Answers 1 for an error. */
static int decoder_lead(struct decoder *d, unsigned byte)
{
    if (byte >= 0xc2 && byte <= 0xdf) {
        d->bytes_needed = 1;
        d->code_point = byte & 0x1f;
    } else if (byte >= 0xe0 && byte <= 0xef) {
        if (byte == 0xe0) {
            d->lower = 0xa0;
        }
        if (byte == 0xed) {
            d->upper = 0x9f;
        }
        d->bytes_needed = 2;
        d->code_point = byte & 0xf;
    } else if (byte >= 0xf0 && byte <= 0xf4) {
        if (byte == 0xf0) {
            d->lower = 0x90;
        }
        if (byte == 0xf4) {
            d->upper = 0x8f;
        }
        d->bytes_needed = 3;
        d->code_point = byte & 0x7;
    } else {
        return 1;
    }
    return 0;
}

size_t whatwg_utf8_decode(char *out, const void *bytes, size_t len)
{
    const unsigned char *in = bytes;
    size_t used = 0;
    struct decoder d;
    decoder_reset(&d);
    for (size_t i = 0; i < len; i++) {
        unsigned byte = in[i];
        if (d.bytes_needed == 0) {
            if (byte <= 0x7f) {
                out[used++] = (char)byte;
            } else if (decoder_lead(&d, byte)) {
                used += put_code_point(out + used, 0xfffd);
            }
        } else if (byte < d.lower || byte > d.upper) {
            decoder_reset(&d);
            used += put_code_point(out + used, 0xfffd);
            i--; /* the byte is looked at again, as a first one */
        } else {
            d.lower = 0x80;
            d.upper = 0xbf;
            d.code_point = d.code_point << 6 | (byte & 0x3f);
            d.bytes_seen++;
            if (d.bytes_seen == d.bytes_needed) {
                used += put_code_point(out + used, d.code_point);
                decoder_reset(&d);
            }
        }
    }
    if (d.bytes_needed != 0) {
        used += put_code_point(out + used, 0xfffd);
    }
    return used;
}

/* The buffers of 9.2.6. */
struct parser {
    struct whatwg_stream *stream;
    struct whatwg_text data;
    struct whatwg_text type;
    struct whatwg_text id;
};

static void dispatch(struct parser *p)
{
    struct whatwg_stream *s = p->stream;
    text_set(&s->last_id, p->id.data, p->id.len);
    if (p->data.len > 0) {
        s->events = grown(s->events, (s->count + 1) * sizeof *s->events);
        struct whatwg_event *e = &s->events[s->count++];
        *e = (struct whatwg_event){0};
        size_t len = p->data.len;
        if (p->data.data[len - 1] == '\n') {
            len--;
        }
        text_set(&e->data, p->data.data, len);
        if (p->type.len > 0) {
            text_set(&e->type, p->type.data, p->type.len);
        } else {
            text_set(&e->type, "message", strlen("message"));
        }
        text_set(&e->last_id, p->id.data, p->id.len);
    }
    p->data.len = 0;
    p->type.len = 0;
}

static void process_retry(struct parser *p, const char *value, size_t len)
{
    uint64_t ms = 0;
    for (size_t i = 0; i < len; i++) {
        if (value[i] < '0' || value[i] > '9') {
            return;
        }
        uint64_t digit = (uint64_t)(value[i] - '0');
        ms = ms > (UINT64_MAX - digit) / 10 ? UINT64_MAX : ms * 10 + digit;
    }
    if (len > 0) {
        p->stream->has_retry = 1;
        p->stream->retry_ms = ms;
    }
}

static int name_is(const char *name, size_t len, const char *wanted)
{
    return len == strlen(wanted) && memcmp(name, wanted, len) == 0;
}

static void process_field(struct parser *p, const char *name, size_t name_len, const char *value,
                          size_t len)
{
    if (name_is(name, name_len, "event")) {
        text_set(&p->type, value, len);
    } else if (name_is(name, name_len, "data")) {
        text_add(&p->data, value, len);
        text_add(&p->data, "\n", 1);
    } else if (name_is(name, name_len, "id")) {
        if (len == 0 || !memchr(value, '\0', len)) {
            text_set(&p->id, value, len);
        }
    } else if (name_is(name, name_len, "retry")) {
        process_retry(p, value, len);
    }
}

static void process_line(struct parser *p, const char *line, size_t len)
{
    if (len == 0) {
        dispatch(p);
        return;
    }
    if (line[0] == ':') {
        return;
    }
    const char *colon = memchr(line, ':', len);
    if (!colon) {
        process_field(p, line, len, "", 0);
        return;
    }
    size_t name_len = (size_t)(colon - line);
    const char *value = colon + 1;
    size_t value_len = len - name_len - 1;
    if (value_len > 0 && value[0] == ' ') {
        value++;
        value_len--;
    }
    process_field(p, line, name_len, value, value_len);
}

void whatwg_parse(struct whatwg_stream *out, const void *bytes, size_t len)
{
    *out = (struct whatwg_stream){0};
    struct parser p = {.stream = out};
    text_set(&out->last_id, "", 0);
    text_set(&p.id, "", 0);
    const char *in = bytes;
    if (len >= 3 && memcmp(in, "\xef\xbb\xbf", 3) == 0) {
        in += 3; /* "UTF-8 decode" strips one byte order mark */
        len -= 3;
    }
    char *text = grown(NULL, 3 * len);
    size_t total = whatwg_utf8_decode(text, in, len);
    size_t start = 0;
    for (size_t i = 0; i < total; i++) {
        if (text[i] != '\n' && text[i] != '\r') {
            continue;
        }
        process_line(&p, text + start, i - start);
        if (text[i] == '\r' && i + 1 < total && text[i + 1] == '\n') {
            i++;
        }
        start = i + 1;
    }
    /* What stands behind the last empty line is lost, an unfinished last line with it. */
    free(text);
    text_free(&p.data);
    text_free(&p.type);
    text_free(&p.id);
}

void whatwg_free(struct whatwg_stream *stream)
{
    for (size_t i = 0; i < stream->count; i++) {
        text_free(&stream->events[i].data);
        text_free(&stream->events[i].type);
        text_free(&stream->events[i].last_id);
    }
    free(stream->events);
    text_free(&stream->last_id);
    *stream = (struct whatwg_stream){0};
}
