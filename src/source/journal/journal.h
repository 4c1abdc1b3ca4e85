/* SPDX-License-Identifier: MIT */
/* journal: the publisher's side of a topic's journal: appends events, in any number of processes at
 * once. No loop: nothing here waits longer than JOURNAL_LOCK_MS, and only journal_sync() waits for the
 * disk.
 *
 * Who appends holds the lock (flock) of the newest segment. It dies with its process. What a
 * publisher that was killed has left unfinished is cut off by the next one. */
#ifndef SOURCE_JOURNAL_JOURNAL_H
#define SOURCE_JOURNAL_JOURNAL_H

#include "base/buf.h"
#include "source/journal/keys.h"
#include "source/journal/seg.h"

struct clock;

#define JOURNAL_LOCK_MS 1      /* another publisher is waited for so long; it holds the lock for one write */
#define JOURNAL_UNSYNCED_MAX 8 /* segments that were written to and not synced */
#define JOURNAL_KEY_MAX 255    /* bytes of a key */

/* What is kept, and how much stands in one file. 0 is no limit. */
struct journal_rules {
    uint64_t segment_bytes; /* at least 1 */
    uint64_t keep_bytes;    /* all segments together are not longer */
    uint64_t keep_events;   /* so many are kept at least */
    int64_t keep_ms;        /* so long an event is kept at least */
    size_t max_event_bytes; /* of one event's data */
    int is_sole;            /* nobody else writes to it: the lock is kept until journal_rest() */
    int is_synced;          /* keep what has to be synced, for journal_take_unsynced() */
    size_t family_chars;    /* of the stream's name, that all members of its family begin with */
    uint64_t max_members;   /* of the family, with a journal; 0 for a stream that is in none */
};

/* An event to publish. Pointers are borrowed for the call. */
struct journal_event {
    const char *name; /* NULL: none */
    const char *data;
    size_t data_len;
    const char *key; /* the same key again, within a while, is the same event; NULL: none */
    size_t key_len;
};

/* What has to be synced, in a form that another thread can work on. */
struct journal_unsynced {
    int fds[JOURNAL_UNSYNCED_MAX + 1]; /* those that are full, and the newest */
    size_t count;
    int has_new; /* and the folder */
    struct journal_dir *dir; /* borrowed; its path only */
};

struct journal {
    struct journal_dir dir;
    struct journal_rules rules;
    const struct clock *clock;
    uint64_t boot;
    size_t family_len; /* of the folder's name, that all members of the family begin with */
    struct journal_seg seg; /* the newest, as far as is known */
    int is_known;  /* its head and `end` are */
    int is_held;   /* its lock was kept, with rules.is_sole */
    uint64_t begun; /* segments, by this publisher: readers list the folder then */
    struct journal_end end;
    int is_dirty;  /* it was written to and not synced, with rules.is_synced */
    int has_keys; /* `keys` are kept */
    struct journal_keys keys;
    uint64_t last_generation; /* what is known to have been the last event, whatever is there now */
    uint32_t last_epoch;
    uint64_t last_seq;
    struct buf batch;
    struct journal_unsynced unsynced;
    int error; /* errno of the last ERR_IO */
};

/* Touches no file. `rules` are copied. ERR_NOMEM. */
int journal_new(struct journal **out, const char *state_dir, const char *stream,
                const struct journal_rules *rules, const struct clock *clock);
void journal_free(struct journal *j);

/* Closes what is open, unless it has to be synced, and frees what can be found again. */
void journal_rest(struct journal *j);

/* Appends the events, all or none, and writes where each is to `out`; for one whose key is known, where
 * it was before. After 0 every reader can have them; whether they are on disk is another matter.
 * ERR_LIMIT: too many, too much, or one too large; ERR_INVALID: a key or a name is too long; ERR_AGAIN:
 * another publisher holds the lock, or too many files are open; ERR_IO: the system refused, journal_is_full() says whether
 * for want of room, and nothing was published; ERR_NOMEM. */
int journal_append(struct journal *j, const struct journal_event *events, size_t count,
                   struct journal_position *out);

/* 1 when the last ERR_IO was for want of room on disk. */
int journal_is_full(const struct journal *j);

/* Deletes what need not be kept, oldest first. The newest segment stays. 0, or ERR_IO, ERR_NOMEM. */
int journal_expire(struct journal *j);

/* Hands out what has to be synced, with rules.is_synced; the caller closes it, or gives it back. 0: nothing. */
size_t journal_take_unsynced(struct journal *j, struct journal_unsynced *out);

/* Puts it on disk, in any thread, and closes files that are done with. ERR_IO, with errno; ERR_AGAIN: too
 * many files are open, and what is left of it is to be tried again; ERR_NOMEM. */
int journal_sync(struct journal_unsynced *u);
void journal_close_unsynced(struct journal_unsynced *u);

/* After ERR_AGAIN: what is left, the folder, is handed out again the next time. */
void journal_give_back(struct journal *j, struct journal_unsynced *u);

/* Within the room: locks the newest segment and knows its end. Errors as of append. */
int journal_lock(struct journal *j);
void journal_unlock(struct journal *j);

/* The same after an append that went well: with rules.is_sole it stays locked. journal_is_held() says
 * whether that is so, and nothing else has happened to the file. */
void journal_keep_lock(struct journal *j);
int journal_is_held(const struct journal *j);

/* Takes a file's lock. ERR_AGAIN: somebody else has it; ERR_IO. */
int journal_take_lock(int fd);

/* 1 when the path leads to the file that is open. */
int journal_is_in_place(const struct journal *j);

/* Lets go of the segment, locked or not. What has to be synced of it is kept. ERR_AGAIN: there is no room
 * for that now. */
int journal_let_go(struct journal *j);

/* Holding the lock. Errors as of append. The first seals the segment and begins the next one; the second
 * reads which keys were used lately, if that is not known; the third writes whole records, all
 * or none, at `from`, which is where the file ends. */
int journal_rotate(struct journal *j);
int journal_learn_keys(struct journal *j);
int journal_write(struct journal *j, const void *data, size_t len, uint64_t from);

/* Adds the keys of the events in [from, to) of the segment. ERR_IO, ERR_NOMEM. */
int journal_read_keys(struct journal *j, struct journal_seg *seg, uint64_t from, uint64_t to);

/* Keeps errno for journal_is_full(), and answers ERR_IO, or ERR_AGAIN when too many files are open. */
int journal_fail(struct journal *j);

int64_t journal_now_ms(const struct journal *j);

/* 1 when `bytes` more do not go into the segment. */
int journal_is_due(const struct journal *j, size_t bytes);

#endif
