/* Digits eight at a time: numbers to text without a division per digit. */
#ifndef MMFAST_DIGITS_H
#define MMFAST_DIGITS_H

#include <stdint.h>
#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "digits.h places digits by shifting little-endian words"
#endif

static inline char *mmf_put_eight(char *out, uint64_t eight) {
    memcpy(out, &eight, 8);
    return out + 8;
}

/* The eight decimal digits of a value below 10**8, one a byte, the first digit lowest. */
static inline uint64_t mmf_eight_digits(uint64_t value) {
    /* Split in half, then in half again: each lane holds quotient and remainder. The products
       by 5243 >> 19 and 103 >> 10 are exact divisions by 100 and 10 in these ranges. */
    uint64_t halves = value / 10000 | (value % 10000) << 32;
    uint64_t hundreds = ((halves * 5243) >> 19) & 0x0000007f0000007fULL;
    uint64_t pairs = hundreds | (halves - hundreds * 100) << 16;
    uint64_t tens = ((pairs * 103) >> 10) & 0x000f000f000f000fULL;
    return tens | (pairs - tens * 10) << 8;
}

/* A value below 10**8 with a point before its last `decimals` (0 to 7) digits; returns the end.
   May write up to 8 bytes past it. */
static inline char *mmf_put_short(char *out, uint64_t value, int decimals) {
    uint64_t digits = mmf_eight_digits(value);
    int leading = digits ? __builtin_ctzll(digits) / 8 : 7;
    int whole = 8 - decimals - leading;
    if (whole < 1) {
        whole = 1;
        leading = 7 - decimals;
    }
    digits |= 0x3030303030303030ULL;
    mmf_put_eight(out, digits >> (8 * leading));
    if (!decimals) return out + whole;
    out[whole] = '.';
    mmf_put_eight(out + whole + 1, digits >> (8 * (8 - decimals)));
    return out + whole + 1 + decimals;
}

/* Eight lower-case hex digits of 32 bits. */
static inline uint64_t mmf_eight_hex(uint32_t value) {
    uint64_t x = __builtin_bswap32(value), letters;
    x = (x | x << 16) & 0x0000ffff0000ffffULL;
    x = (x | x << 8) & 0x00ff00ff00ff00ffULL;
    x = (x >> 4 | x << 8) & 0x0f0f0f0f0f0f0f0fULL;
    letters = ((x + 0x0606060606060606ULL) >> 4) & 0x0101010101010101ULL;
    return x + 0x3030303030303030ULL + letters * ('a' - '0' - 10);
}

static inline char *mmf_put_hex(char *out, uint64_t value) {
    out = mmf_put_eight(out, mmf_eight_hex((uint32_t)(value >> 32)));
    return mmf_put_eight(out, mmf_eight_hex((uint32_t)value));
}

/* Copies `size` bytes in pieces of 64, so that no call is made; `out` has room for all pieces,
   and `text` is as long. */
static inline char *mmf_put_padded(char *out, const char *text, int size) {
    for (int at = 0; at < size; at += 64) memcpy(out + at, text + at, 64);
    return out + size;
}

#endif
