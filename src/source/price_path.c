/* SPDX-License-Identifier: MIT */
/* price_path: an Ornstein-Uhlenbeck log price as a pure function of (seed, symbol, tick). */
#include "source/price_path.h"

#include "base/hash.h"

#include <assert.h>
#include <string.h>

/* A product and a sum fused into one operation would be rounded once, not twice, and only on
 * machines that have it. GCC does not know the standard's pragma. */
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

#define LN2 0x1.62e42fefa39efp-1
#define LN2_HIGH 0x1.62e42fee00000p-1 /* the upper bits: a small multiple of it is exact */
#define LN2_LOW 0x1.a39ef35793c76p-33
#define SQRT2 0x1.6a09e667f3bcdp+0
#define TWO_POW_MINUS_53 0x1p-53
#define GOLDEN 0x9e3779b97f4a7c15ULL /* 2^64 over the golden ratio: the step of a Weyl sequence */

/* --- elementary functions ------------------------------------------------------------------ */

static uint64_t to_bits(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static double from_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* The natural logarithm of a positive, normal number. */
static double log_of(double x)
{
    uint64_t bits = to_bits(x);
    int exponent = (int)(bits >> 52) - 1023;
    double m = from_bits((bits & 0x000fffffffffffffULL) | 0x3ff0000000000000ULL);
    if (m > SQRT2) {
        m *= 0.5;
        exponent++;
    }
    /* log m = 2 artanh z with |z| < 0.172, by its series */
    double z = (m - 1) / (m + 1);
    double zz = z * z;
    double sum = 0;
    for (int k = 21; k >= 1; k -= 2) {
        sum = sum * zz + 1.0 / k;
    }
    return 2 * z * sum + exponent * LN2;
}

/* e^x for |x| < 700. */
static double exp_of(double x)
{
    int n = (int)(x / LN2 + (x < 0 ? -0.5 : 0.5));
    double r = x - n * LN2_HIGH - n * LN2_LOW;
    double sum = 1;
    for (int k = 14; k >= 1; k--) {
        sum = sum * r / k + 1;
    }
    return sum * from_bits((uint64_t)(n + 1023) << 52);
}

/* The square root of a number that is 0 or normal. */
static double sqrt_of(double x)
{
    if (x <= 0) {
        return 0;
    }
    /* Half the exponent is a guess within 7 %; each step of Newton's doubles its digits. */
    double y = from_bits((to_bits(x) >> 1) + 0x1ff8000000000000ULL);
    for (int i = 0; i < 5; i++) {
        y = 0.5 * (y + x / y);
    }
    return y;
}

/* 1 - e^-x for x > 0, exact to the last digits for small x too. */
static double decay_of(double x)
{
    int halvings = 0;
    while (x > 0x1p-8) {
        x *= 0.5;
        halvings++;
    }
    double u = x * (1 - x / 2 * (1 - x / 3 * (1 - x / 4 * (1 - x / 5 * (1 - x / 6)))));
    while (halvings-- > 0) {
        u = u * (2 - u);
    }
    return u;
}

/* --- random numbers ------------------------------------------------------------------------ */

/* A standard normal number that belongs to (key, address): the ratio of uniforms (Kinderman and
 * Monahan 1977), 1.37 tries on average. */
static double normal_of(uint64_t key, uint64_t address)
{
    uint64_t state = hash_mix64(key + hash_mix64(address + GOLDEN));
    for (;;) {
        uint64_t a = hash_mix64(state += GOLDEN) >> 11;
        uint64_t b = hash_mix64(state += GOLDEN) >> 11;
        double u = (double)(a + 1) * TWO_POW_MINUS_53; /* in (0, 1] */
        double v = ((double)((int64_t)b - ((int64_t)1 << 52)) + 0.5) * TWO_POW_MINUS_53;
        double x = 0x1.b72cd3f331398p+0 * v / u; /* sqrt(8 / e), v in (-1/2, 1/2) */
        if (x * x <= -4 * log_of(u)) {
            return x;
        }
    }
}

/* --- the tree ------------------------------------------------------------------------------ */

void price_path_init(struct price_path *p, int64_t seed, const char *symbol, double half_life_ticks)
{
    assert(half_life_ticks > 0);
    memset(p, 0, sizeof *p);
    uint64_t name = hash_mix64(hash_more(HASH_START, symbol, strlen(symbol)));
    p->key = hash_mix64(name + hash_mix64((uint64_t)seed + GOLDEN));

    /* r = 1 - u is the correlation over the half length h = 2^j, r^2 that over the length. With
     * both ends known the middle has mean r / (1 + r^2) times their sum and variance
     * (1 - r^2) / (1 + r^2). u is kept rather than r, because r may be all but 1. */
    double u = decay_of(LN2 / half_life_ticks);
    for (int j = 0; j < PRICE_PATH_LEVELS; j++) {
        double r = 1 - u;
        double lost = u * (2 - u);
        p->weight[j] = r / (1 + r * r);
        p->spread[j] = sqrt_of(lost / (1 + r * r));
        u = lost;
    }
    p->first = normal_of(p->key, 0);
    p->last = (1 - u) * p->first
              + sqrt_of(u * (2 - u)) * normal_of(p->key, (uint64_t)1 << PRICE_PATH_LEVELS);
}

static uint64_t middle_at(uint64_t tick, int j)
{
    return (tick >> (j + 1) << (j + 1)) + ((uint64_t)1 << j);
}

double price_path_at(struct price_path *p, uint64_t tick)
{
    assert(tick <= PRICE_PATH_TICK_MAX);
    if (tick == 0) {
        return p->first;
    }
    /* Up from the tick's own node to one that is known, and down again. */
    int own = __builtin_ctzll(tick);
    int j = own;
    while (j < PRICE_PATH_LEVELS && p->nodes[j].middle != middle_at(tick, j)) {
        j++;
    }
    while (j > own) {
        double low = p->first;
        double high = p->last;
        if (j < PRICE_PATH_LEVELS) {
            const struct price_node *n = &p->nodes[j];
            low = tick < n->middle ? n->low : n->mid;
            high = tick < n->middle ? n->mid : n->high;
        }
        j--;
        uint64_t middle = middle_at(tick, j);
        double mid = p->weight[j] * (low + high) + p->spread[j] * normal_of(p->key, middle);
        p->nodes[j] = (struct price_node){.middle = middle, .low = low, .mid = mid, .high = high};
    }
    return p->nodes[own].mid;
}

int64_t price_path_cents(struct price_path *p, uint64_t tick, double start, double volatility)
{
    return (int64_t)(start * exp_of(volatility * price_path_at(p, tick)) * 100 + 0.5);
}
