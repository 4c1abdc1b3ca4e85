/* SPDX-License-Identifier: MIT */
/* run_folder: what stands beside a run's journal: whose it is, who makes it, who reads it.
 *
 * A run is the answer to one request. The file `run` says whose it is; the process that makes the
 * answer holds its lock, and once that is free nothing follows. `readers` is locked, shared, by
 * each process that reads it. `cancelled` is there when nobody wants it any more. */
#ifndef SOURCE_RUN_FOLDER_H
#define SOURCE_RUN_FOLDER_H

#include <stddef.h>
#include <stdint.h>

#define RUN_ID_CHARS 32   /* 128 random bits in hex */
#define RUN_USER_MAX 1024 /* bytes */

/* What `run` says. */
struct run_facts {
    int64_t keep_s;              /* the folder is kept so long after the last thing was written */
    char user[RUN_USER_MAX + 1]; /* "": it is nobody's, its address is enough */
};

/* ERR_IO: the system has no random bits. */
int run_id_draw(char out[RUN_ID_CHARS + 1]);
int run_id_is_valid(const char *id);

/* The folder of a run's journal; the caller frees it. NULL when out of memory. */
char *run_folder_path(const char *state_dir, const char *stream);

/* Makes the folders above what `path` names: STATE_DIR has to be there. ERR_IO, ERR_NOMEM. */
int run_folder_make_above(const char *path);

/* Makes the folder and those above it, and takes the lock, which is let go by closing it. ERR_IO,
 * with errno; ERR_LIMIT: the user's name is too long. */
int run_folder_make(const char *path, const struct run_facts *facts, int *lock_fd);

/* ERR_GONE: there is no such run, or nobody wants it any more; ERR_IO. */
int run_folder_read(const char *path, struct run_facts *out);

/* ERR_AGAIN: another process, or another part of this one, has it; ERR_GONE: there is none; ERR_IO.
 */
int run_folder_lock(const char *path, int *lock_fd);

/* Says that it is read, until the descriptor is closed. ERR_IO. */
int run_folder_join(const char *path, int *readers_fd);

/* 1 when anybody reads it. `readers_fd` is one of run_folder_open_readers(). */
int run_folder_open_readers(const char *path, int *readers_fd);
int run_folder_has_readers(int readers_fd);

/* ERR_GONE, ERR_IO. */
int run_folder_cancel(const char *path);
int run_folder_is_cancelled(const char *path);

/* Notes the time from which it is kept. */
void run_folder_touch(int lock_fd);

/* Deletes it; the lock must be held. */
void run_folder_remove(const char *path);

/* Deletes it where that is due: it was cancelled, or all in it is older than it says. 1 when it is
 * a run's and stays: `touched_s` is when it was last written to then, or -1 when it is still being
 * made. */
int run_folder_expire(const char *path, int64_t now_s, int64_t *touched_s);

#endif
