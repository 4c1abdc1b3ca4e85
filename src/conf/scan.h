/* SPDX-License-Identifier: MIT */
/* scan: a look over JSON text before json-c: comments go, and what it would let pass is found. */
#ifndef CONF_SCAN_H
#define CONF_SCAN_H

#include <stddef.h>

/* What is wrong, and where. */
struct conf_mistake {
    size_t at; /* offset in the text */
    const char *why;
};

/* Overwrites comments with blanks, so that every byte keeps its line and column, and refuses
 * what json-c takes beyond RFC 8259 and a person would regret: a key given twice (the last would
 * win), control characters and NUL in strings, 'single quotes', NaN and Infinity. Anything else that is no
 * JSON is left for json-c to refuse. ERR_INVALID with *mistake, ERR_NOMEM. */
int conf_scan(char *text, size_t len, struct conf_mistake *mistake);

#endif
