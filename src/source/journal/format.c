/* SPDX-License-Identifier: MIT */
/* journal_format: the bytes of a journal's segments, and positions in it. Pure. */
#include "source/journal/format.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/num.h"
#include "source/tail/position.h"

#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#define FORMAT_VERSION 1
#define RECORD_MAGIC 0x52a5e5d1U
#define RECORD_CRC_AT (JOURNAL_RECORD_BYTES - 4)
#define HEAD_CRC_AT (JOURNAL_HEAD_BYTES - 4)
#define CHECK_CHARS 5
#define CHECK_MASK ((1U << 30) - 1)
#define GENERATION_CHARS 8

static const char head_magic[8] = "ssecgiJ1";

/* ---- numbers ---- */

static unsigned char *put32(unsigned char *at, uint32_t value)
{
    value = htole32(value);
    memcpy(at, &value, sizeof value);
    return at + sizeof value;
}

static unsigned char *put64(unsigned char *at, uint64_t value)
{
    value = htole64(value);
    memcpy(at, &value, sizeof value);
    return at + sizeof value;
}

static uint32_t take32(const unsigned char **at)
{
    uint32_t value;
    memcpy(&value, *at, sizeof value);
    *at += sizeof value;
    return le32toh(value);
}

static uint64_t take64(const unsigned char **at)
{
    uint64_t value;
    memcpy(&value, *at, sizeof value);
    *at += sizeof value;
    return le64toh(value);
}

static uint32_t crc(uint32_t state, const unsigned char *data, size_t len)
{
    return (uint32_t)crc32_z(state, data, len);
}

/* ---- the head ---- */

static uint32_t seed_of(const struct journal_head *h)
{
    unsigned char bytes[28];
    put32(put64(put64(put64(bytes, h->salt), h->generation), h->first), h->epoch);
    return crc(0, bytes, sizeof bytes);
}

void journal_head_write(const struct journal_head *head, unsigned char out[JOURNAL_HEAD_BYTES])
{
    memset(out, 0, JOURNAL_HEAD_BYTES);
    memcpy(out, head_magic, sizeof head_magic);
    unsigned char *at = put32(put32(out + sizeof head_magic, FORMAT_VERSION), head->epoch);
    at = put64(put64(put64(at, head->generation), head->salt), head->first);
    at = put64(put64(at, head->epoch_first), (uint64_t)head->created_ms);
    put32(put64(at, head->boot), head->doubt);
    put32(out + HEAD_CRC_AT, crc(0, out, HEAD_CRC_AT));
}

int journal_head_read(const unsigned char in[JOURNAL_HEAD_BYTES], struct journal_head *out)
{
    const unsigned char *at = in + sizeof head_magic;
    const unsigned char *crc_at = in + HEAD_CRC_AT;
    if (memcmp(in, head_magic, sizeof head_magic) != 0 || take32(&at) != FORMAT_VERSION
        || take32(&crc_at) != crc(0, in, HEAD_CRC_AT)) {
        return ERR_INVALID;
    }
    struct journal_head h = {.epoch = take32(&at)};
    h.generation = take64(&at);
    h.salt = take64(&at);
    h.first = take64(&at);
    h.epoch_first = take64(&at);
    h.created_ms = (int64_t)take64(&at);
    h.boot = take64(&at);
    h.doubt = take32(&at);
    h.seed = seed_of(&h);
    if (h.first == 0 || h.generation > JOURNAL_GENERATION_MASK) {
        return ERR_INVALID;
    }
    *out = h;
    return 0;
}

/* ---- a record ---- */

size_t journal_record_bytes(size_t name_len, size_t data_len)
{
    size_t len = JOURNAL_RECORD_BYTES + name_len + data_len;
    return (len + JOURNAL_ALIGN - 1) / JOURNAL_ALIGN * JOURNAL_ALIGN;
}

size_t journal_record_size(const struct journal_record *r)
{
    return journal_record_bytes(r->name_len, r->data_len);
}

static uint32_t head_crc(uint32_t seed, uint64_t offset, const unsigned char *head)
{
    unsigned char place[8];
    put64(place, offset);
    return crc(crc(seed, place, sizeof place), head, RECORD_CRC_AT);
}

static uint32_t check_of(uint32_t sum)
{
    return (uint32_t)hash_mix64(sum) & CHECK_MASK;
}

void journal_record_write(uint32_t seed, uint64_t offset, struct journal_record *r,
                          const char *name, const char *data, unsigned char *out)
{
    size_t size = journal_record_size(r);
    unsigned char *body = out + JOURNAL_RECORD_BYTES;
    if (r->name_len > 0) {
        memcpy(body, name, r->name_len);
    }
    if (r->data_len > 0) {
        memcpy(body + r->name_len, data, r->data_len);
    }
    size_t used = JOURNAL_RECORD_BYTES + r->name_len + r->data_len;
    memset(out + used, 0, size - used);
    r->body_crc = crc(0, body, size - JOURNAL_RECORD_BYTES);
    unsigned char *at = put32(put32(out, RECORD_MAGIC), r->body_crc);
    at = put64(put32(put32(at, r->name_len), r->data_len), r->seq);
    at = put64(put64(put64(at, (uint64_t)r->wall_ms), r->key[0]), r->key[1]);
    at = put32(at, r->flags);
    uint32_t sum = head_crc(seed, offset, out);
    put32(at, sum);
    r->check = check_of(sum);
}

int journal_record_read(uint32_t seed, uint64_t offset,
                        const unsigned char in[JOURNAL_RECORD_BYTES], struct journal_record *out)
{
    const unsigned char *at = in;
    const unsigned char *crc_at = in + RECORD_CRC_AT;
    if (take32(&at) != RECORD_MAGIC) {
        return ERR_INVALID;
    }
    uint32_t sum = take32(&crc_at);
    if (sum != head_crc(seed, offset, in)) {
        return ERR_INVALID;
    }
    struct journal_record r = {.body_crc = take32(&at), .check = check_of(sum)};
    r.name_len = take32(&at);
    r.data_len = take32(&at);
    r.seq = take64(&at);
    r.wall_ms = (int64_t)take64(&at);
    r.key[0] = take64(&at);
    r.key[1] = take64(&at);
    r.flags = take32(&at);
    if (r.name_len > JOURNAL_NAME_MAX || r.data_len > JOURNAL_DATA_MAX) {
        return ERR_INVALID;
    }
    *out = r;
    return 0;
}

int journal_body_is_good(const struct journal_record *r, const unsigned char *body)
{
    return crc(0, body, journal_record_size(r) - JOURNAL_RECORD_BYTES) == r->body_crc;
}

/* ---- positions ---- */

void journal_position_print(const struct journal_position *p, char out[SSE_POSITION_SIZE])
{
    if (p->is_start) {
        memcpy(out, JOURNAL_POSITION_START, sizeof JOURNAL_POSITION_START);
        return;
    }
    char *at = tail_letters_put(out, p->generation, GENERATION_CHARS);
    at += snprintf(at, SSE_POSITION_SIZE - GENERATION_CHARS, ".%" PRIu32 ".%" PRIu64 ".%" PRIu64,
                   p->epoch, p->seq, p->offset);
    if (p->is_event) {
        *at++ = '.';
        at = tail_letters_put(at, p->check, CHECK_CHARS);
        *at = '\0';
    }
}

/* Takes ".NUMBER", as it is printed. Answers where it ended, or NULL. */
static const char *take_number(const char *at, uint64_t max, uint64_t *out)
{
    if (*at != '.') {
        return NULL;
    }
    at++;
    size_t len = strcspn(at, ".");
    if ((at[0] == '0' && len > 1) || num_parse_u64(at, len, max, out)) {
        return NULL;
    }
    return at + len;
}

int journal_position_parse(const char *text, struct journal_position *out)
{
    struct journal_position p = {.is_start = strcmp(text, JOURNAL_POSITION_START) == 0};
    uint64_t epoch, check;
    if (p.is_start) {
        *out = p;
        return 0;
    }
    if (tail_letters_take(text, GENERATION_CHARS, &p.generation)) {
        return ERR_INVALID;
    }
    const char *at = take_number(text + GENERATION_CHARS, UINT32_MAX, &epoch);
    at = at ? take_number(at, UINT64_MAX, &p.seq) : NULL;
    at = at ? take_number(at, INT64_MAX, &p.offset) : NULL;
    if (!at || p.offset % JOURNAL_ALIGN) {
        return ERR_INVALID;
    }
    if (*at == '.') {
        if (strlen(at) != 1 + CHECK_CHARS || tail_letters_take(at + 1, CHECK_CHARS, &check)
            || p.seq == 0) {
            return ERR_INVALID;
        }
        p.is_event = 1;
        p.check = (uint32_t)check;
    }
    p.epoch = (uint32_t)epoch;
    *out = p;
    return 0;
}

int journal_order(uint32_t epoch_a, uint64_t seq_a, uint32_t epoch_b, uint64_t seq_b)
{
    if (epoch_a != epoch_b) {
        return epoch_a < epoch_b ? -1 : 1;
    }
    return (seq_a > seq_b) - (seq_a < seq_b);
}
