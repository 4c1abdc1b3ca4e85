/* SPDX-License-Identifier: MIT */
/* hub_rig: a world for the hub: one log, several processes that serve it, readers whose sockets
 * are slow, break and come back. It knows what each reader must get and checks it. */
#ifndef HUB_RIG_H
#define HUB_RIG_H

#include "base/buf.h"
#include "gate/writer.h"
#include "hub/hub.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Numbers that a seed repeats. hub_rig.c replaces base/rand.c by the dice of the world in use. */
struct rig_dice {
    uint64_t state;
};

uint64_t rig_roll(struct rig_dice *d, uint64_t bound); /* in [0, bound); 0 for 0 */
int rig_chance(struct rig_dice *d, unsigned percent);

enum rig_kind {
    RIG_EVENT,
    RIG_HIDDEN, /* a filter holds it back: the log advances */
    RIG_GAP,    /* the source lost something here */
    RIG_END
};

struct rig_entry {
    enum rig_kind kind;
    size_t len; /* of an event's data */
};

#define RIG_LOG_MAX 1024
#define RIG_PROCS 2
#define RIG_READERS 48
#define RIG_RETRY_MS 1000
#define RIG_ALL SIZE_MAX

struct rig;

#define RIG_STAMPS 64

/* A stretch of a ring that was sent, and what it held. */
struct rig_slice {
    struct hub_stamp stamp;
    uint64_t hash;
};

/* A process: its own hub, channel and idea of the head. */
struct rig_proc {
    struct rig *rig;
    struct hub *hub; /* NULL: not running */
    struct hub_channel *channel;
    size_t head;
    unsigned io_percent;         /* of pulls that fail */
    unsigned io_partial_percent; /* of those, how many hand over something before */
    size_t io_failures;
    size_t pulls;
    size_t pull_entries; /* at most so many a pull; 0: no limit but the page's */
    struct gate_scratch scratch;
    struct rig_slice slices[RIG_STAMPS]; /* the newest of each hash of their stamps */
};

enum rig_close { RIG_OPEN, RIG_LEFT, RIG_FINISHED, RIG_DROPPED };

struct rig_reader {
    struct hub_reader reader; /* first: the hub hands it back */
    struct rig *rig;
    struct rig_proc *proc;
    enum rig_close state;
    int is_watching;
    int is_gone;       /* the next send fails */
    int is_done;       /* it got stream.end */
    size_t base;       /* it had all up to this entry when the connection began */
    size_t cursor;     /* and has by now, as far as rig_judge has looked */
    size_t start_head; /* bytes of head before the stream */
    int starts_with_gap;
    const char *why; /* of the drop */
    size_t until;    /* the connection is to end with this entry; 0: no end */
    int saw_until;
    struct buf got;
    size_t served_at; /* value of rig->sends at the last send */
    /* a sink of numbers */
    size_t room;         /* bytes it takes before it is full */
    size_t record;       /* content bytes of a record; 0: unframed */
    struct buf promised; /* what the record in progress must still bring */
    /* a real one */
    int fd; /* the web server's end; -1 for a sink of numbers */
    struct gate_writer writer;
    struct buf wire;
    int saw_end_request;
    /* what rig_judge found in this connection */
    size_t events, gaps, comments, progress;
    size_t told; /* the last number that it was told; they only grow */
    uint64_t retry_ms; /* the last one */
};

struct rig {
    uint64_t seed;
    struct rig_dice dice;
    struct hub_settings settings;
    struct rig_entry log[RIG_LOG_MAX + 1]; /* entries count from 1; a position is a number */
    size_t count;
    size_t longest; /* data bytes of the longest event so far */
    size_t trimmed; /* entries up to here cannot be had any more */
    struct rig_proc procs[RIG_PROCS];
    struct rig_reader readers[RIG_READERS];
    int64_t now_ms;
    size_t sends;
    size_t told; /* how often rig_tell was called */
    unsigned live_in_pull_percent; /* of pulls that bring live events too */
    unsigned until_percent;        /* of connections that are to end somewhere */
    int lacks_memory;              /* allocations may fail */
    unsigned behind_percent;       /* of readers that have not read what they were sent */
    unsigned forget_percent;       /* of connections that come with an unknown id */
};

/* 1 while the hub's code runs: for what makes allocations fail. */
extern int rig_in_hub;

void rig_init(struct rig *rig, uint64_t seed);
void rig_fini(struct rig *rig);

/* ERR_NOMEM can happen where allocations are made to fail. */
int rig_proc_start(struct rig_proc *p);
void rig_proc_stop(struct rig_proc *p);

/* The log grows; nobody is told. */
void rig_append(struct rig *rig, enum rig_kind kind, size_t len);
/* A process tells its channel the next entries of the log, up to `max` or until the channel has had
 * enough for now. */
void rig_emit(struct rig_proc *p, size_t max);
/* Both: what most tests want. */
void rig_say(struct rig_proc *p, size_t len);

/* Tells the readers of a process the next number. */
void rig_tell(struct rig_proc *p);

/* A fresh connection from the reader's cursor; what hub_reader_start answered. */
int rig_connect(struct rig_reader *r, struct rig_proc *p);
/* As the first connection of a reader: from the head. */
int rig_join(struct rig_reader *r, struct rig_proc *p);
/* The reader closes; the last `lost` bytes never arrived. */
void rig_leave(struct rig_reader *r, size_t lost);
/* Makes room for so many bytes, and says so to a hub that waits for it. */
void rig_pass(struct rig_reader *r, size_t bytes);
/* Looks at what came since the connection began, and moves the cursor. Done at each close too. */
void rig_judge(struct rig_reader *r);

int rig_turn(struct rig_proc *p);
/* Turns until there is nothing to do; then looks whether anybody was forgotten. */
void rig_turns(struct rig_proc *p);
void rig_tick(struct rig_proc *p, int64_t ms);
void rig_check(const struct rig_proc *p);

/* Lets everything through: each reader must end up with all that there is. */
void rig_settle(struct rig *rig);

const char *rig_position(size_t index, char out[SSE_POSITION_SIZE]);

#endif
