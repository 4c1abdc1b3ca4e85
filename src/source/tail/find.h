/* SPDX-License-Identifier: MIT */
/* tail_find: which of a log's files a position lies in, and where to go on when in none. */
#ifndef SOURCE_TAIL_FIND_H
#define SOURCE_TAIL_FIND_H

#include "source/tail/cursor.h"
#include "source/tail/files.h"

/* Where a position leads to. */
struct tail_place {
    size_t index;            /* of the file; the list's count when there is none to go on in */
    uint64_t offset;
    struct tail_label label; /* to be carried on while in this file */
    const char *lost;        /* NULL, or why what follows the position is not all to be had */
    const char *detail;
};

/* Looks for it: first under its own name, then, since a file may have been copied or compressed,
 * by its bytes. A file that was written anew goes on at its beginning, one that was cut back at its
 * end, and one that is gone with the first that may be younger. ERR_NOMEM, ERR_AGAIN when the files
 * are not as listed any more. */
int tail_find(const struct tail_files *l, const struct tail_position *p, struct tail_place *out);

/* While a log is being copied to be truncated then, its lines are there twice: drops the copy from
 * the list. */
void tail_find_drop_copy(struct tail_files *l);

#endif
