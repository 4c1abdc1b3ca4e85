/* SPDX-License-Identifier: MIT */
/* redis_script: what is done in Redis as one step. */
#ifndef SOURCE_REDIS_SCRIPT_H
#define SOURCE_REDIS_SCRIPT_H

/* KEYS: the stream; what is known of it.
 * ARGV: how ("i", behind an id; "t", from a time on; "n", behind a number, or a little before; "j", just
 * behind a number; "l", the last so many before a time), two arguments of that, the epoch whose end is
 * wanted, and how many bytes and entries at most, the first entry aside; entries larger than the last
 * argument come without their data.
 * Answers: generation, epoch, number, last id, deleted up to, "number id begun" where the epoch asked for
 * ended, and behind which number the next one began (each a text or nil); the oldest entry's id; the
 * newest one's id and mark; the mark of the one at the position, nil when it is not there; entries; 1 when there are more; the number sought or nil.
 * An entry is its id, its mark, its name or nil, its data or nil, its size. */
extern const char redis_script_read[];

/* KEYS: the stream; what is known of it; then those for the events' keys.
 * ARGV: a new generation; the server's run; how many events and how many ms are kept (0: all); how long
 * keys are known, ms; the newest mark that is known to the publisher: numbers go on behind it, where another
 * server has to begin a new epoch with less; then for each event its
 * name, its data, and which of the keys is its own ("0": none), with "@MS" behind it for a time that is
 * not now.
 * Answers: the mark and the id of the last event. */
extern const char redis_script_publish[];

/* KEYS: who has readers.
 * ARGV: who we are, how many readers we have, and how long that counts, ms.
 * Answers: how many all have together. */
extern const char redis_script_readers[];

#endif
