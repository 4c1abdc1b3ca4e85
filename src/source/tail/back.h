/* SPDX-License-Identifier: MIT */
/* tail_back: counting lines back from a place in a file, in blocks, never the whole file. */
#ifndef SOURCE_TAIL_BACK_H
#define SOURCE_TAIL_BACK_H

#include "source/tail/file.h"

/* Goes back over up to *count lines before `end`; *offset gets where the first of them begins, and
 * *count how many are still wanted. An unfinished line before `end` counts. The file must be open.
 * ERR_NOMEM, ERR_IO. */
int tail_back_lines(struct tail_file *f, uint64_t end, uint64_t *count, uint64_t *offset);

/* Where the last complete line of the first `end` bytes ends; 0 when there is none. */
int tail_back_line_end(struct tail_file *f, uint64_t end, uint64_t *offset);

/* How many bytes there are to read. */
int tail_back_length(struct tail_file *f, uint64_t *length);

#endif
