/* Integers to text. */
#ifndef LIMIT_TEXT_H
#define LIMIT_TEXT_H

#include <stdint.h>
#include <string.h>

#ifdef __SSE4_1__
#include <immintrin.h>
#endif

static const char PAIRS[] =
    "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
    "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
    "8081828384858687888990919293949596979899";

/* Units with a point before the last `decimals` digits, for units below 10**8. */
static inline char *put_fixed(char *out, uint32_t units, int decimals) {
    char room[16];
    int at = 16, whole, size;
    while (units >= 100) {
        at -= 2;
        memcpy(room + at, PAIRS + 2 * (units % 100), 2);
        units /= 100;
    }
    if (units >= 10) {
        at -= 2;
        memcpy(room + at, PAIRS + 2 * units, 2);
    } else {
        room[--at] = (char)('0' + units);
    }
    while (16 - at <= decimals) room[--at] = '0';
    size = 16 - at;
    whole = size - decimals;
    for (int i = 0; i < whole; i++) out[i] = room[at + i];
    out[whole] = '.';
    for (int i = 0; i < decimals; i++) out[whole + 1 + i] = room[16 - decimals + i];
    return out + size + 1;
}

static inline char *put_hex16(char *out, uint64_t value) {
#ifdef __SSE4_1__
    const __m128i digit = _mm_loadu_si128((const __m128i *)"0123456789abcdef");
    __m128i x = _mm_cvtsi64_si128((long long)__builtin_bswap64(value));
    __m128i low = _mm_set1_epi8(15);
    __m128i both = _mm_unpacklo_epi8(_mm_and_si128(_mm_srli_epi16(x, 4), low),
                                     _mm_and_si128(x, low));
    _mm_storeu_si128((__m128i *)out, _mm_shuffle_epi8(digit, both));
#else
    for (int i = 0; i < 16; i++) out[i] = "0123456789abcdef"[value >> (60 - 4 * i) & 15];
#endif
    return out + 16;
}

static inline void put_digits(char *out, uint64_t value, int digits) {
    while (digits) {
        out[--digits] = (char)('0' + value % 10);
        value /= 10;
    }
}

#endif
