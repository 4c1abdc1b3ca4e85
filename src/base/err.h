/* SPDX-License-Identifier: MIT */
/* err: error codes for programs to test and a text for people to act on. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

/* Functions return 0 or one of these. Results leave through the last parameters and are
 * untouched on failure. */
enum err_code {
    ERR_NOMEM = -1,    /* the system has no memory left */
    ERR_INVALID = -2,  /* the input is malformed */
    ERR_RANGE = -3,    /* well formed, but outside the allowed range */
    ERR_UNKNOWN = -4,  /* no such name */
    ERR_LIMIT = -5,    /* a named limit of ours was met */
    ERR_IO = -6,       /* the system refused; errno said why */
    ERR_AGAIN = -7,    /* not now; try when told */
    ERR_GONE = -8,     /* it was there and is no more */
    ERR_CLOSED = -9,   /* the peer left */
    ERR_PROTOCOL = -10 /* the peer broke the protocol */
};

#define ERR_TEXT_BYTES 1024

/* Filled in where a person must act on a failure. Storage belongs to the caller. */
struct err {
    int code;
    char text[ERR_TEXT_BYTES];
};

/* Sets `err` (which may be NULL) and returns `code`, so that a failure is one statement.
 * The text is cut at ERR_TEXT_BYTES - 1. */
int err_set(struct err *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "prefix: " before the text: the caller knows the file, the callee knew the key. */
void err_prefix(struct err *err, const char *prefix);

#endif
