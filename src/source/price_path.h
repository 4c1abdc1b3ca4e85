/* SPDX-License-Identifier: MIT */
/* price_path: a price whose logarithm is an Ornstein-Uhlenbeck process, as a pure function of
 * (seed, symbol, tick).
 *
 * With X(n) standing for log(price / start) / volatility at tick n, X is Gaussian with mean 0,
 * variance 1 and correlation 2^(-k / half_life) between ticks n and n + k, for all n.
 *
 * X is sampled at any tick without the ticks before it. Ticks 0 and 2^PRICE_PATH_LEVELS, the
 * root's two ends, come from their exact joint distribution. In between, the middle of an
 * interval whose two ends are known is Gaussian (a bridge), so the tick's binary digits lead down
 * to it in at most PRICE_PATH_LEVELS steps. The random number of a step is a hash of the tick in
 * the middle, which is the middle of no other interval. As each step is exact for a Markov
 * process, the result is too: no tick differs from others by where it stands in the tree.
 *
 * The same on every machine: only IEEE 754 binary64 operations that are rounded the same
 * everywhere are used (+ - * /, no fused ones, no libm) and integers. That holds where
 * FLT_EVAL_METHOD is 0, which leaves out x87 (32-bit x86 without SSE2), and without flags that
 * ask for more liberty (-ffast-math, clang's -ffp-contract=fast). The unit test would show it.
 */
#ifndef SOURCE_PRICE_PATH_H
#define SOURCE_PRICE_PATH_H

#include <stdint.h>

#define PRICE_PATH_LEVELS 48
#define PRICE_PATH_TICK_MAX (((uint64_t)1 << PRICE_PATH_LEVELS) - 1)

/* An interval of the tree whose ends and middle are known. */
struct price_node {
    uint64_t middle; /* the tick; 0, which is no middle, while unused */
    double low, mid, high;
};

/* Storage is the caller's, about 3 KiB. It holds the parameters of each level and the nodes on
 * the way to the tick last asked for, so that sequential ticks cost one step each on average. */
struct price_path {
    uint64_t key;
    double first, last;               /* X at the root's two ends */
    double weight[PRICE_PATH_LEVELS]; /* of both ends in the middle's mean */
    double spread[PRICE_PATH_LEVELS]; /* the middle's standard deviation about that mean */
    struct price_node nodes[PRICE_PATH_LEVELS]; /* [j]: of half length 2^j */
};

/* `half_life_ticks` above 0. */
void price_path_init(struct price_path *p, int64_t seed, const char *symbol,
                     double half_life_ticks);

/* X at `tick`, at most PRICE_PATH_TICK_MAX. */
double price_path_at(struct price_path *p, uint64_t tick);

/* start * e^(volatility * X) in hundredths, rounded to the nearest. `start` is at most 1e9 and
 * `volatility` from 0 to 1, so that it fits. */
int64_t price_path_cents(struct price_path *p, uint64_t tick, double start, double volatility);

#endif
