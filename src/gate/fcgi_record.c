/* SPDX-License-Identifier: MIT */
/* fcgi_record: FastCGI 1.0 records as bytes (section 3.3) and bytes as records. */
#include "gate/fcgi_record.h"

#include "base/buf.h"
#include "base/err.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FCGI_VERSION 1

void fcgi_record_head(uint8_t out[FCGI_RECORD_HEAD_BYTES], uint8_t type, uint16_t id,
                      uint16_t content_len)
{
    out[0] = FCGI_VERSION;
    out[1] = type;
    out[2] = (uint8_t)(id >> 8);
    out[3] = (uint8_t)id;
    out[4] = (uint8_t)(content_len >> 8);
    out[5] = (uint8_t)content_len;
    out[6] = 0;
    out[7] = 0;
}

void fcgi_record_end(uint8_t out[2 * FCGI_RECORD_HEAD_BYTES], uint16_t id, uint8_t status)
{
    fcgi_record_head(out, FCGI_TYPE_END_REQUEST, id, 8);
    memset(out + FCGI_RECORD_HEAD_BYTES, 0, 8);
    out[FCGI_RECORD_HEAD_BYTES + 4] = status;
}

static uint16_t word(const uint8_t *data)
{
    return (uint16_t)(data[0] << 8 | data[1]);
}

/* The piece that starts at `data`, as far as the input and the record go. */
static void take_content(struct fcgi_record_parser *p, const uint8_t *data, size_t len,
                         struct fcgi_record_piece *piece)
{
    size_t take = len < p->content_left ? len : p->content_left;
    uint16_t content_len = word(p->head + 4);
    *piece = (struct fcgi_record_piece){
        .type = p->head[1],
        .id = word(p->head + 2),
        .content_len = content_len,
        .data = data,
        .len = take,
        .is_first = p->content_left == content_len,
    };
    p->content_left = (uint16_t)(p->content_left - take);
    piece->is_last = p->content_left == 0;
    if (piece->is_last) {
        p->head_len = 0;
    }
}

int fcgi_record_next(struct fcgi_record_parser *p, const uint8_t *data, size_t len, size_t *used,
                     struct fcgi_record_piece *piece)
{
    size_t at = 0;
    *used = 0;
    if (p->head_len == 0 && p->padding_left > 0) {
        at = len < p->padding_left ? len : p->padding_left;
        p->padding_left = (uint8_t)(p->padding_left - at);
    }
    if (p->head_len < FCGI_RECORD_HEAD_BYTES && p->padding_left == 0) {
        size_t take = FCGI_RECORD_HEAD_BYTES - (size_t)p->head_len;
        take = len - at < take ? len - at : take;
        memcpy(p->head + p->head_len, data + at, take);
        p->head_len = (uint8_t)(p->head_len + take);
        at += take;
        if (p->head_len > 0 && p->head[0] != FCGI_VERSION) {
            return ERR_PROTOCOL;
        }
        if (p->head_len == FCGI_RECORD_HEAD_BYTES) {
            p->content_left = word(p->head + 4);
            p->padding_left = p->head[6];
            if (p->content_left == 0) {
                take_content(p, data + at, 0, piece);
                *used = at;
                return 1;
            }
        }
    }
    if (p->head_len == FCGI_RECORD_HEAD_BYTES && at < len) {
        take_content(p, data + at, len - at, piece);
        *used = at + piece->len;
        return 1;
    }
    *used = at;
    return 0;
}

int fcgi_record_length(const uint8_t *data, size_t len, size_t *used, uint32_t *out)
{
    if (len >= 1 && data[0] < 0x80) {
        *used = 1;
        *out = data[0];
        return 0;
    }
    if (len < 4) {
        return ERR_PROTOCOL;
    }
    *used = 4;
    *out = (uint32_t)(data[0] & 0x7f) << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8
           | data[3];
    return 0;
}

/* One pair: *used its bytes, its name at `data` + *name_at. */
static int next_pair(const uint8_t *data, size_t len, size_t *used, size_t *name_at,
                     uint32_t *name_len)
{
    size_t a;
    size_t b;
    uint32_t value_len;
    if (fcgi_record_length(data, len, &a, name_len)
        || fcgi_record_length(data + a, len - a, &b, &value_len)) {
        return ERR_PROTOCOL;
    }
    size_t left = len - a - b;
    if (*name_len > left || value_len > left - *name_len) {
        return ERR_PROTOCOL;
    }
    *name_at = a + b;
    *used = a + b + *name_len + value_len;
    return 0;
}

int fcgi_record_check_pairs(const uint8_t *data, size_t len)
{
    int rc = 0;
    while (len > 0) {
        size_t used;
        size_t name_at;
        uint32_t name_len;
        if (next_pair(data, len, &used, &name_at, &name_len)) {
            return ERR_PROTOCOL;
        }
        if (memchr(data + name_at, 0, used - name_at)) {
            rc = ERR_INVALID;
        }
        data += used;
        len -= used;
    }
    return rc;
}

static int append_value(struct buf *out, const char *name, uint64_t value)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%" PRIu64, value);
    int rc = buf_append_char(out, (char)strlen(name));
    if (!rc) {
        rc = buf_append_char(out, (char)len);
    }
    if (!rc) {
        rc = buf_append_str(out, name);
    }
    return rc ? rc : buf_append(out, text, (size_t)len);
}

int fcgi_record_answer_values(const uint8_t *data, size_t len, uint64_t max_conns, struct buf *out)
{
    const struct {
        const char *name;
        uint64_t value;
    } known[] = {
        {"FCGI_MAX_CONNS", max_conns}, {"FCGI_MAX_REQS", max_conns}, {"FCGI_MPXS_CONNS", 0}};
    size_t start = out->len;
    uint8_t head[FCGI_RECORD_HEAD_BYTES] = {0};
    int answered[3] = {0};
    int rc = buf_append(out, head, sizeof head);
    while (len > 0 && !rc) {
        size_t used;
        size_t name_at;
        uint32_t name_len;
        rc = next_pair(data, len, &used, &name_at, &name_len);
        if (rc) {
            break;
        }
        for (size_t i = 0; i < sizeof known / sizeof known[0] && !rc; i++) {
            if (!answered[i] && strlen(known[i].name) == name_len
                && memcmp(known[i].name, data + name_at, name_len) == 0) {
                answered[i] = 1;
                rc = append_value(out, known[i].name, known[i].value);
            }
        }
        data += used;
        len -= used;
    }
    if (rc) {
        out->len = start;
        return rc;
    }
    fcgi_record_head((uint8_t *)out->data + start, FCGI_TYPE_GET_VALUES_RESULT, 0,
                     (uint16_t)(out->len - start - sizeof head));
    return 0;
}
