/* SPDX-License-Identifier: MIT */
/* tail_order: what a rotated file's name says about it. Pure. */
#ifndef SOURCE_TAIL_ORDER_H
#define SOURCE_TAIL_ORDER_H

#include <stddef.h>
#include <stdint.h>

/* 1 when `name` is that of a rotated file of the log `base`, by the usual habits. */
int tail_order_is_rotated(const char *base, const char *name);

/* The rotation's number: 3 for "app.log.3", "app.log.3.gz" and "app.3.log"; -1 for none. */
int64_t tail_order_number(const char *base, const char *name);

int tail_order_is_compressed(const char *name);

/* Compares names so that digits count as numbers: "a-9" is before "a-10". */
int tail_order_compare(const char *a, const char *b);

#endif
