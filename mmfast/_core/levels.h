/* Price levels of a book frame in the venue's own compact form, read 16 bytes at a time.

   This is the short way only: whatever differs from the compact form in the least, or breaks a
   bound, is answered with "not plain", and the strict scanner then decides what it is. */
#ifndef MMFAST_LEVELS_H
#define MMFAST_LEVELS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define MMF_HAVE_SSE41 1
#include <immintrin.h>
#else
#define MMF_HAVE_SSE41 0
#endif

/* Ticks for bids, minus ticks for asks: on both sides the best level has the largest key. */
typedef struct { int64_t key, lots; } mmf_level;

/* How a decimal becomes grid steps. */
typedef struct {
    /* Where the digit of each of 16 output places stands, counted from the point. */
    int8_t places[16];
    int decimals;
    /* Division by the unit as a product: exact multiples, and only they, end up at or below
       `most` after the product with the inverse of its odd part and a rotation by its twos. */
    uint64_t inverse, most;
    int twos;
} mmf_grid;

static inline void mmf_grid_prepare(mmf_grid *grid, int decimals, uint64_t unit, uint64_t most) {
    uint64_t odd, inverse;
    for (int i = 0; i < 16; i++) {
        int power = 15 - i - decimals;
        grid->places[i] = (int8_t)(power >= 0 ? -1 - power : -power);
    }
    grid->decimals = decimals;
    grid->twos = __builtin_ctzll(unit);
    odd = unit >> grid->twos;
    /* Newton's iteration doubles the correct low bits: 3, 6, 12, 24, 48, 96. */
    inverse = odd;
    for (int i = 0; i < 5; i++) inverse *= 2 - odd * inverse;
    grid->inverse = inverse;
    grid->most = UINT64_MAX / unit < most ? UINT64_MAX / unit : most;
}

static inline uint64_t mmf_rotate(uint64_t x, int n) { return x >> n | x << (-n & 63); }
static inline int mmf_lowest(uint64_t x) { return __builtin_ctzll(x); }
static inline int mmf_highest(uint64_t x) { return 63 - __builtin_clzll(x); }

/* A whole number of at most 16 digits, eight at a time; 0 when there is none, it is longer, or
   it has a leading zero. */
static inline int mmf_plain_count(const uint8_t **cursor, const uint8_t *end, int64_t *out) {
    const uint64_t ones = 0x0101010101010101ULL;
    const uint8_t *at = *cursor;
    uint64_t value = 0;
    int digits = 0, here;
    do {
        uint64_t word = ones * '0', other;
        static const uint64_t scale[9] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000,
                                          100000000};
        if (end - at >= 8) {
            memcpy(&word, at, 8);
        } else {
            /* Past the end stands what is no digit. */
            word = 0;
            for (ptrdiff_t i = 0; i < end - at; i++) word |= (uint64_t)at[i] << (8 * i);
        }
        word ^= ones * '0';
        other = (((word & ones * 0x7f) + ones * 0x76) | word) & ones * 0x80;
        here = other ? __builtin_ctzll(other) / 8 : 8;
        if (!here) break;
        /* Right-align the digits; zeros come in from the left. */
        word <<= 64 - 8 * here;
        word = word * 10 + (word >> 8);
        word = ((word & 0x000000ff000000ffULL) * 0x000f424000000064ULL
                + ((word >> 16) & 0x000000ff000000ffULL) * 0x0000271000000001ULL) >> 32;
        value = value * scale[here] + word;
        digits += here;
        at += here;
    } while (here == 8 && digits < 16);
    if (!digits || (digits == 16 && at < end && *at >= '0' && *at <= '9')) return 0;
    if (**cursor == '0' && digits > 1) return 0;
    *cursor = at;
    *out = (int64_t)value;
    return 1;
}

#if MMF_HAVE_SSE41

#define MMF_LEVELS_TARGET __attribute__((target("ssse3,sse4.1")))

static inline uint32_t mmf_four(const uint8_t *at) {
    uint32_t four;
    memcpy(&four, at, 4);
    return four;
}

/* A decimal of at most 15 characters as grid steps; returns its length, or 0. Reads 16 bytes. */
MMF_LEVELS_TARGET static inline int mmf_plain_decimal(const uint8_t *at, const mmf_grid *grid,
                                                      uint64_t *out) {
    const __m128i iota = _mm_set_epi8(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    __m128i d = _mm_sub_epi8(_mm_loadu_si128((const __m128i *)at), _mm_set1_epi8('0'));
    unsigned other = (unsigned)_mm_movemask_epi8(
        _mm_cmpeq_epi8(_mm_max_epu8(d, _mm_set1_epi8(10)), d));
    unsigned points = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(d, _mm_set1_epi8('.' - '0')));
    /* The end does not wait for the point: the next number starts from it. */
    int end = __builtin_ctz((other & ~points) | 0x10000), point;
    other &= (1u << end) - 1;
    point = other ? __builtin_ctz(other) : end;
    if (!point || end > 15 || point + grid->decimals > 15 || other & (other - 1)) return 0;
    d = _mm_and_si128(d, _mm_cmpgt_epi8(_mm_set1_epi8((char)end), iota));
    if (end > point + 1 + grid->decimals) {
        /* More decimals than the grid has: they must be zeros. */
        unsigned zero = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(d, _mm_setzero_si128()));
        if ((~zero & ((1u << end) - 1)) >> (point + 1 + grid->decimals)) return 0;
    }
    d = _mm_shuffle_epi8(d, _mm_add_epi8(_mm_set1_epi8((char)point),
                                         _mm_loadu_si128((const __m128i *)grid->places)));
    d = _mm_maddubs_epi16(d, _mm_set1_epi16(0x010a));
    d = _mm_madd_epi16(d, _mm_set1_epi32(0x00010064));
    d = _mm_packus_epi32(d, d);
    d = _mm_madd_epi16(d, _mm_set1_epi32(0x00012710));
    uint64_t halves = (uint64_t)_mm_cvtsi128_si64(d);
    uint64_t units = (halves & 0xffffffff) * 100000000 + (halves >> 32);
    *out = mmf_rotate(units * grid->inverse, grid->twos);
    return *out <= grid->most ? end : 0;
}

/* What follows an opening bracket, up to and with the closing one: ["price","size"] pairs.
   Returns how many, or -1 when they are not plain. Keys are ticks times `sign`. */
MMF_LEVELS_TARGET static ptrdiff_t mmf_plain_levels(const uint8_t **cursor, const uint8_t *end,
                                                    const mmf_grid *price, const mmf_grid *size,
                                                    int64_t sign, mmf_level *out,
                                                    ptrdiff_t room) {
    const uint8_t *at = *cursor;
    ptrdiff_t count = 0;
    if (at < end && *at == ']') {
        *cursor = at + 1;
        return 0;
    }
    /* The second number starts at most 20 bytes on; it is read as 16, and two follow the 15 it
       may have. Behind its last level a frame has more than that. */
    while (end - at >= 40 && count < room) {
        uint64_t ticks, lots;
        int length;
        if (at[0] != '[' || at[1] != '"') return -1;
        length = mmf_plain_decimal(at + 2, price, &ticks);
        at += 2 + length;
        if (!length || !ticks || (mmf_four(at) & 0xffffff) != 0x222c22) return -1;
        length = mmf_plain_decimal(at + 3, size, &lots);
        at += 3 + length;
        if (!length || at[0] != '"' || at[1] != ']') return -1;
        out[count].key = (int64_t)ticks * sign;
        out[count].lots = (int64_t)lots;
        count++;
        at += 3;
        if (at[-1] == ',') continue;
        if (at[-1] != ']') return -1;
        *cursor = at;
        return count;
    }
    return -1;
}

static inline int mmf_plain_available(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("ssse3") && __builtin_cpu_supports("sse4.1");
}

#else

static ptrdiff_t mmf_plain_levels(const uint8_t **cursor, const uint8_t *end,
                                  const mmf_grid *price, const mmf_grid *size, int64_t sign,
                                  mmf_level *out, ptrdiff_t room) {
    (void)cursor; (void)end; (void)price; (void)size; (void)sign; (void)out; (void)room;
    return -1;
}

static int mmf_plain_available(void) { return 0; }

#endif

#endif
