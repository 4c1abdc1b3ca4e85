/* SPDX-License-Identifier: MIT */
/* journal_format: the bytes of a journal's segments, and positions in it. Pure.
 *
 * A segment is a head of JOURNAL_HEAD_BYTES and records, each padded with zeros to a multiple of
 * JOURNAL_ALIGN. Numbers are little endian.
 *
 *   head:   magic 8, version 4, epoch 4, generation 8, salt 8, first 8, epoch first 8, created ms 8,
 *           boot 8, doubt 4, crc 4
 *   record: magic 4, crc of what follows the record's head 4, name length 4, data length 4, seq 8,
 *           wall ms 8, key 16, flags 4, crc of the record's head 4; then the name, the data, zeros
 *
 * The checksums of a record begin with the salt, its segment and its offset: a record counts at its
 * own place only, and nobody can publish data that would be taken for one. */
#ifndef SOURCE_JOURNAL_FORMAT_H
#define SOURCE_JOURNAL_FORMAT_H

#include "sse/event.h"

#include <stddef.h>
#include <stdint.h>

#define JOURNAL_HEAD_BYTES 72
#define JOURNAL_RECORD_BYTES 56
#define JOURNAL_ALIGN 8
#define JOURNAL_NAME_MAX 255                    /* bytes of an event's name */
#define JOURNAL_DATA_MAX (16 * 1024 * 1024)     /* bytes of an event's data */
#define JOURNAL_BATCH_MAX 4096                  /* events of a batch */
#define JOURNAL_BATCH_BYTES (32 * 1024 * 1024)  /* of a batch, as records */
#define JOURNAL_GENERATION_MASK ((1ULL << 48) - 1)

/* The address before everything, given while there is no journal yet. */
#define JOURNAL_POSITION_START "start"

struct journal_head {
    uint64_t generation;  /* of the journal; 48 bits */
    uint64_t salt;        /* of the journal; known to nobody who only reads streams */
    uint64_t first;       /* the sequence number of the first record */
    uint64_t epoch_first; /* the same of the epoch's first segment */
    uint64_t boot;        /* the run of the system that it was begun in; 0 where unknown */
    int64_t created_ms;   /* no record before it has a later time, no record in it an earlier one */
    uint32_t epoch;       /* greater wherever a publisher did not find the end as it must be */
    uint32_t doubt;       /* the last epoch, up to this, before which events may have been lost */
    uint32_t seed;        /* of the records' checksums; computed */
};

enum journal_flag {
    JOURNAL_LAST = 1, /* the last record of its batch */
    JOURNAL_SEAL = 2, /* not an event: nothing follows in this segment. Its number is the last one's, */
    JOURNAL_BROKEN = 4 /* or at least that: what was before the seal could not be read */
};

struct journal_record {
    uint64_t seq;
    int64_t wall_ms;
    uint64_t key[2]; /* zeros: none */
    uint32_t name_len;
    uint32_t data_len;
    uint32_t flags;
    uint32_t body_crc;
    uint32_t check; /* of the whole record, for positions; 30 bits */
};

/* A place in a journal: the event that `offset` leads to, or the place before the next one. */
struct journal_position {
    int is_start; /* JOURNAL_POSITION_START; nothing else counts then */
    int is_event; /* `offset` is where the record of `seq` begins, and `check` is its. Otherwise it is
                   * where the one after `seq` would, in the segment that has that */
    uint64_t generation;
    uint32_t epoch;
    uint32_t check;
    uint64_t seq;
    uint64_t offset;
};

void journal_head_write(const struct journal_head *head, unsigned char out[JOURNAL_HEAD_BYTES]);

/* ERR_INVALID when it is not one, or is damaged. */
int journal_head_read(const unsigned char in[JOURNAL_HEAD_BYTES], struct journal_head *out);

/* What a record takes, padding and all. */
size_t journal_record_bytes(size_t name_len, size_t data_len);
size_t journal_record_size(const struct journal_record *r);

/* Writes all of it; fills in body_crc and check. */
void journal_record_write(uint32_t seed, uint64_t offset, struct journal_record *r,
                          const char *name, const char *data, unsigned char *out);

/* Reads a record's head. ERR_INVALID when there is none of this segment and offset. */
int journal_record_read(uint32_t seed, uint64_t offset,
                        const unsigned char in[JOURNAL_RECORD_BYTES], struct journal_record *out);

/* 1 when name, data and padding, which begin at `body`, are those that were written. */
int journal_body_is_good(const struct journal_record *r, const unsigned char *body);

/* "GGGGGGGG.EPOCH.SEQ.OFFSET.CCCCC", without the last part where it is no event's. */
void journal_position_print(const struct journal_position *p, char out[SSE_POSITION_SIZE]);

/* ERR_INVALID when the text was never printed by the other. */
int journal_position_parse(const char *text, struct journal_position *out);

/* Which comes first, by epoch and sequence number: negative, 0 or positive. */
int journal_order(uint32_t epoch_a, uint64_t seq_a, uint32_t epoch_b, uint64_t seq_b);

#endif
