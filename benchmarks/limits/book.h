/* Order books and the frames that fill them, at the limit.

   Numbers are read 16 bytes at a time. Two books: a ring of sizes by tick with a bitmap of what is
   there, and a flat sorted array whose best stands at its end. Nothing is checked: the frames are
   known to be good, every price lies in the ring, nothing has more digits than it should. */
#ifndef LIMIT_BOOK_H
#define LIMIT_BOOK_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SSE4_1__
#include <immintrin.h>

typedef struct { __m128i places; int decimals; } grid_t;

static grid_t grid_of(int decimals) {
    grid_t grid = {.decimals = decimals};
    int8_t place[16];
    for (int i = 0; i < 16; i++) {
        int power = 15 - i - decimals;
        place[i] = (int8_t)(power >= 0 ? -1 - power : -power);
    }
    memcpy(&grid.places, place, 16);
    return grid;
}

/* A decimal at *at, up to its closing quote. */
static inline int64_t number(const char **at, const grid_t *grid) {
    const __m128i iota = _mm_set_epi8(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    __m128i d = _mm_sub_epi8(_mm_loadu_si128((const __m128i *)*at), _mm_set1_epi8('0'));
    unsigned other = (unsigned)_mm_movemask_epi8(
        _mm_cmpeq_epi8(_mm_max_epu8(d, _mm_set1_epi8(10)), d));
    unsigned points = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(d, _mm_set1_epi8('.' - '0')));
    int point = __builtin_ctz(other), end = __builtin_ctz(other & ~points);
    d = _mm_and_si128(d, _mm_cmpgt_epi8(_mm_set1_epi8((char)end), iota));
    d = _mm_shuffle_epi8(d, _mm_add_epi8(_mm_set1_epi8((char)point), grid->places));
    d = _mm_maddubs_epi16(d, _mm_set1_epi16(0x010a));
    d = _mm_madd_epi16(d, _mm_set1_epi32(0x00010064));
    d = _mm_packus_epi32(d, d);
    d = _mm_madd_epi16(d, _mm_set1_epi32(0x00012710));
    uint64_t halves = (uint64_t)_mm_cvtsi128_si64(d);
    *at += end;
    return (int64_t)((halves & 0xffffffff) * 100000000 + (halves >> 32));
}

#else

typedef struct { int decimals; } grid_t;

static grid_t grid_of(int decimals) { return (grid_t){decimals}; }

static inline int64_t number(const char **at, const grid_t *grid) {
    const char *p = *at;
    int64_t value = 0;
    int left = grid->decimals;
    while (*p >= '0' && *p <= '9') value = value * 10 + (*p++ - '0');
    if (*p == '.')
        for (p++; *p != '"'; p++)
            if (left-- > 0) value = value * 10 + (*p - '0');
    while (left-- > 0) value *= 10;
    *at = p;
    return value;
}

#endif

enum { WINDOW = 4096, WORDS = WINDOW / 64, FLAT = 4096 };

typedef struct {
    int64_t lots[WINDOW];
    uint64_t words[WORDS], summary;
} ring_t;

typedef struct { int64_t key, lots; } level_t;
typedef struct { level_t levels[FLAT]; int count; } flat_t;

typedef struct {
    ring_t rings[2];
    flat_t flats[2];
    int64_t low[2];
    int64_t update_id, seq, ts, cts;
} book_t;

static inline void ring_clear(ring_t *ring) {
    memset(ring->words, 0, sizeof ring->words);
    ring->summary = 0;
}

static inline void ring_set(ring_t *ring, uint64_t at, int64_t lots) {
    uint64_t word = at >> 6, bit = at & 63, there = lots != 0;
    ring->lots[at] = lots;
    ring->words[word] = (ring->words[word] & ~(1ULL << bit)) | there << bit;
    ring->summary = (ring->summary & ~(1ULL << word)) | (uint64_t)(ring->words[word] != 0) << word;
}

static inline level_t ring_best(const ring_t *ring, int64_t low) {
    if (!ring->summary) return (level_t){0, 0};
    int word = 63 - __builtin_clzll(ring->summary);
    int at = word * 64 + 63 - __builtin_clzll(ring->words[word]);
    return (level_t){low + at, ring->lots[at]};
}

static inline void flat_set(flat_t *flat, int64_t key, int64_t lots) {
    int base = 0, left = flat->count;
    level_t *levels = flat->levels;
    while (left > 0) {
        int half = (left + 1) >> 1;
        base += levels[base + half - 1].key < key ? half : 0;
        left -= half;
    }
    if (base < flat->count && levels[base].key == key) {
        if (lots) {
            levels[base].lots = lots;
            return;
        }
        flat->count--;
        memmove(levels + base, levels + base + 1, (size_t)(flat->count - base) * sizeof *levels);
    } else if (lots) {
        memmove(levels + base + 1, levels + base, (size_t)(flat->count - base) * sizeof *levels);
        levels[base] = (level_t){key, lots};
        flat->count++;
    }
}

static inline level_t flat_best(const flat_t *flat) {
    return flat->count ? flat->levels[flat->count - 1] : (level_t){0, 0};
}

static inline int64_t count_at(const char **at) {
    int64_t value = 0;
    const char *p = *at;
    while (*p >= '0' && *p <= '9') value = value * 10 + (*p++ - '0');
    *at = p;
    return value;
}

/* `head` is the size of what stands before the type; afterwards the shape is known. */
static inline void apply(book_t *book, const char *p, size_t head, size_t symbol, int ring,
                         const grid_t *price, const grid_t *size) {
    p += head;
    int snapshot = *p == 's';
    p += (snapshot ? 8 : 5) + 7;
    book->ts = count_at(&p);
    p += 14 + symbol + 2; /* ,"data":{"s":" ... ", */
    for (int side = 0; side < 2; side++) {
        if (snapshot && ring) ring_clear(&book->rings[side]);
        if (snapshot && !ring) book->flats[side].count = 0;
        p += 5; /* "b":[ */
        if (*p == ']') {
            p += 2;
            continue;
        }
        for (;;) {
            p += 2;
            int64_t ticks = number(&p, price);
            p += 3;
            int64_t lots = number(&p, size), key = side ? -ticks : ticks;
            p += 2;
            if (ring) ring_set(&book->rings[side], (uint64_t)(key - book->low[side]), lots);
            else flat_set(&book->flats[side], key, lots);
            if (*p++ == ']') break;
        }
        p++;
    }
    p += 4;
    book->update_id = count_at(&p);
    p += 7;
    book->seq = count_at(&p);
    p += 8;
    book->cts = count_at(&p);
}

#endif
