/* Leaves that Cython cannot spell. */
#ifndef MMFAST_WIDE_H
#define MMFAST_WIDE_H

#include <stddef.h>
#include <stdint.h>

/* Bytes from first to last; Cython's overflow checks cannot subtract pointers themselves. */
static inline ptrdiff_t mmf_distance(const void *first, const void *last) {
    return (const char *)last - (const char *)first;
}

/* Product of two int64; returns 0, or 1 when it does not fit (then *out is not meaningful). */
static inline int mmf_mul(int64_t a, int64_t b, int64_t *out) {
    return __builtin_mul_overflow(a, b, out) ? 1 : 0;
}

/* floor(a * b / divisor) for a positive divisor; returns 0, or 1 when it does not fit. */
static inline int mmf_mul_div(int64_t a, int64_t b, int64_t divisor, int64_t *out) {
    int64_t narrow;
    __int128 product, result;
    if (!__builtin_mul_overflow(a, b, &narrow)) {
        *out = narrow / divisor - (narrow % divisor < 0);
        return 0;
    }
    product = (__int128)a * b;
    result = product / divisor - (product % divisor < 0);
    *out = (int64_t)result;
    return result != *out;
}

/* a * b > c * d, exactly. */
static inline int mmf_product_greater(int64_t a, int64_t b, int64_t c, int64_t d) {
    return (__int128)a * b > (__int128)c * d;
}

/* floor((bid * ask_lots + ask * bid_lots) * 256 / (bid_lots + ask_lots)).
   All four must lie in 1..2**53, so that neither the numerator nor the result overflows. */
static inline int64_t mmf_microprice_x256(int64_t bid, int64_t bid_lots,
                                          int64_t ask, int64_t ask_lots) {
    unsigned __int128 weighted = (unsigned __int128)(uint64_t)bid * (uint64_t)ask_lots
                               + (unsigned __int128)(uint64_t)ask * (uint64_t)bid_lots;
    return (int64_t)((weighted << 8) / ((uint64_t)bid_lots + (uint64_t)ask_lots));
}

#endif
