/* SPDX-License-Identifier: MIT */
/* client: thousands of readers in one thread: connects them and waits for what they receive. */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include "reader.h"

#include <sys/socket.h>

struct client {
    enum reader_wire wire;
    struct sockaddr_storage address;
    socklen_t address_len;
    const char *path;
    uint64_t timeout_ns; /* without any progress */

    struct reader *readers;
    size_t capacity;
    size_t opened;    /* of `readers`, from the first on */
    size_t pending;   /* opened and not yet streaming */
    size_t streaming; /* at this moment */
    size_t stalled;   /* of those, how many read nothing */
    size_t off;       /* of `opened`, how many wait to be connected again */
    size_t closed;    /* streams that the peer ended */
    size_t refused;   /* connections that never streamed; each was tried again */
    uint64_t target;  /* the sequence number that is waited for */
    size_t behind;    /* readers that stream, are not stalled and do not have it */
    struct reader_totals totals;
    int epoll;
    char *input;
};

/* "unix:PATH" or "HOST:PORT", numbers only. `path` is what is asked for, and stays the caller's. -1
 * with a text on standard error. */
int client_init(struct client *c, enum reader_wire wire, const char *address, const char *path,
                size_t capacity);
void client_fini(struct client *c);

/* Connects until `count` readers stream, `at_once` at a time. -1 when there was no progress for
 * too long or all that can be tried was. */
int client_open(struct client *c, size_t count, size_t at_once);

/* Names the last sequence number that client_wait() waits for. Before it is written. */
void client_expect(struct client *c, uint64_t target);

/* Reads for so long, whatever comes. */
void client_read_for(struct client *c, uint64_t wait_ns);

/* The first `count` readers read nothing from here on until client_wake(). Their latency counts
 * with READER_OTHER. */
void client_stall(struct client *c, size_t count);
void client_wake(struct client *c);

/* Cuts off all readers but the first `kept`, as a network that goes away does, and has them connect
 * again, `at_once` at a time, each with the id of its last event, until all stream. -1 when there
 * was no progress for too long. */
int client_storm(struct client *c, size_t kept, size_t at_once);

/* Reads until every streaming reader has it. -1 after too long a time without progress. */
int client_wait(struct client *c);

/* How many sequence numbers up to the target the readers do not have. */
uint64_t client_missing(const struct client *c);

#endif
