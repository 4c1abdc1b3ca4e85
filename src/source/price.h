/* SPDX-License-Identifier: MIT */
/* price: simulated prices that every process agrees on. */
#ifndef SOURCE_PRICE_H
#define SOURCE_PRICE_H

struct source_type;

extern const struct source_type source_price;

#endif
