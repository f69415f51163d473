/* SHA-256 compression for the limits: lanes stay in registers' order from key to digest.
   The library is compiled for the machine it runs on, so the choice falls at compile time. */
#ifndef LIMIT_SHA_H
#define LIMIT_SHA_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static const uint32_t K[64] __attribute__((aligned(64))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static const uint32_t START[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                  0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

#ifdef __SHA__
#include <immintrin.h>

typedef struct { __m128i abef, cdgh; } state_t;

static inline __m128i swap_words(__m128i x) {
    return _mm_shuffle_epi8(x, _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL));
}

static inline state_t state_of(const uint32_t words[8]) {
    state_t s;
    __m128i low = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)&words[0]), 0xB1);
    __m128i high = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)&words[4]), 0x1B);
    s.abef = _mm_alignr_epi8(low, high, 8);
    s.cdgh = _mm_blend_epi16(high, low, 0xF0);
    return s;
}

/* The digest as 32 big-endian bytes. */
static inline void digest_of(uint8_t *out, state_t s) {
    __m128i low = _mm_shuffle_epi32(s.abef, 0x1B), high = _mm_shuffle_epi32(s.cdgh, 0xB1);
    _mm_storeu_si128((__m128i *)out, swap_words(_mm_blend_epi16(low, high, 0xF0)));
    _mm_storeu_si128((__m128i *)(out + 16), swap_words(_mm_alignr_epi8(high, low, 8)));
}

#define ROUNDS(S, W, I)                                                                          \
    do {                                                                                         \
        __m128i wk = _mm_add_epi32(W, _mm_load_si128((const __m128i *)&K[4 * (I)]));             \
        S.cdgh = _mm_sha256rnds2_epu32(S.cdgh, S.abef, wk);                                      \
        S.abef = _mm_sha256rnds2_epu32(S.abef, S.cdgh, _mm_shuffle_epi32(wk, 0x0E));             \
    } while (0)
#define NEXT(W0, W1, W2, W3)                                                                     \
    W0 = _mm_sha256msg2_epu32(                                                                   \
        _mm_add_epi32(_mm_sha256msg1_epu32(W0, W1), _mm_alignr_epi8(W3, W2, 4)), W3)
#define LOAD(W, P, I) __m128i W = swap_words(_mm_loadu_si128((const __m128i *)(P) + (I)))

static inline state_t compress(state_t s, const uint8_t *p, size_t blocks) {
    for (; blocks; blocks--, p += 64) {
        state_t kept = s;
        LOAD(w0, p, 0); LOAD(w1, p, 1); LOAD(w2, p, 2); LOAD(w3, p, 3);
        ROUNDS(s, w0, 0); ROUNDS(s, w1, 1); ROUNDS(s, w2, 2); ROUNDS(s, w3, 3);
        for (int i = 4; i < 16; i += 4) {
            NEXT(w0, w1, w2, w3); ROUNDS(s, w0, i);
            NEXT(w1, w2, w3, w0); ROUNDS(s, w1, i + 1);
            NEXT(w2, w3, w0, w1); ROUNDS(s, w2, i + 2);
            NEXT(w3, w0, w1, w2); ROUNDS(s, w3, i + 3);
        }
        s.abef = _mm_add_epi32(s.abef, kept.abef);
        s.cdgh = _mm_add_epi32(s.cdgh, kept.cdgh);
    }
    return s;
}

static inline void compress_two(state_t *one, const uint8_t *p, state_t *two, const uint8_t *q,
                                size_t blocks) {
    state_t s = *one, t = *two;
    for (; blocks; blocks--, p += 64, q += 64) {
        state_t kept_s = s, kept_t = t;
        LOAD(a0, p, 0); LOAD(a1, p, 1); LOAD(a2, p, 2); LOAD(a3, p, 3);
        LOAD(b0, q, 0); LOAD(b1, q, 1); LOAD(b2, q, 2); LOAD(b3, q, 3);
        ROUNDS(s, a0, 0); ROUNDS(t, b0, 0); ROUNDS(s, a1, 1); ROUNDS(t, b1, 1);
        ROUNDS(s, a2, 2); ROUNDS(t, b2, 2); ROUNDS(s, a3, 3); ROUNDS(t, b3, 3);
        for (int i = 4; i < 16; i += 4) {
            NEXT(a0, a1, a2, a3); NEXT(b0, b1, b2, b3); ROUNDS(s, a0, i); ROUNDS(t, b0, i);
            NEXT(a1, a2, a3, a0); NEXT(b1, b2, b3, b0); ROUNDS(s, a1, i + 1); ROUNDS(t, b1, i + 1);
            NEXT(a2, a3, a0, a1); NEXT(b2, b3, b0, b1); ROUNDS(s, a2, i + 2); ROUNDS(t, b2, i + 2);
            NEXT(a3, a0, a1, a2); NEXT(b3, b0, b1, b2); ROUNDS(s, a3, i + 3); ROUNDS(t, b3, i + 3);
        }
        s.abef = _mm_add_epi32(s.abef, kept_s.abef);
        s.cdgh = _mm_add_epi32(s.cdgh, kept_s.cdgh);
        t.abef = _mm_add_epi32(t.abef, kept_t.abef);
        t.cdgh = _mm_add_epi32(t.cdgh, kept_t.cdgh);
    }
    *one = s;
    *two = t;
}

#else

typedef struct { uint32_t w[8]; } state_t;

static inline uint32_t rotr(uint32_t x, int n) { return (x >> n) | (x << (32 - n)); }

static inline state_t state_of(const uint32_t words[8]) {
    state_t s;
    memcpy(s.w, words, sizeof s.w);
    return s;
}

static inline void digest_of(uint8_t *out, state_t s) {
    for (int i = 0; i < 32; i++) out[i] = (uint8_t)(s.w[i / 4] >> (24 - 8 * (i % 4)));
}

static state_t compress(state_t s, const uint8_t *p, size_t blocks) {
    uint32_t w[64];
    for (; blocks; blocks--, p += 64) {
        for (int i = 0; i < 16; i++)
            w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16
                 | (uint32_t)p[4 * i + 2] << 8 | p[4 * i + 3];
        for (int i = 16; i < 64; i++)
            w[i] = w[i - 16] + w[i - 7] + (rotr(w[i - 15], 7) ^ rotr(w[i - 15], 18) ^ w[i - 15] >> 3)
                 + (rotr(w[i - 2], 17) ^ rotr(w[i - 2], 19) ^ w[i - 2] >> 10);
        uint32_t v[8];
        memcpy(v, s.w, sizeof v);
        for (int i = 0; i < 64; i++) {
            uint32_t t1 = v[7] + (rotr(v[4], 6) ^ rotr(v[4], 11) ^ rotr(v[4], 25))
                        + ((v[4] & v[5]) ^ (~v[4] & v[6])) + K[i] + w[i];
            uint32_t t2 = (rotr(v[0], 2) ^ rotr(v[0], 13) ^ rotr(v[0], 22))
                        + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
            memmove(v + 1, v, 7 * sizeof *v);
            v[4] += t1;
            v[0] = t1 + t2;
        }
        for (int i = 0; i < 8; i++) s.w[i] += v[i];
    }
    return s;
}

static void compress_two(state_t *one, const uint8_t *p, state_t *two, const uint8_t *q,
                         size_t blocks) {
    *one = compress(*one, p, blocks);
    *two = compress(*two, q, blocks);
}

#endif

typedef struct { state_t inner, outer; } hmac_t;

/* Pads what stands in tail[0..used) to one or two blocks. */
static inline size_t pad(uint8_t tail[128], size_t used, uint64_t total) {
    size_t end = used < 56 ? 64 : 128;
    uint64_t bits = __builtin_bswap64(total * 8);
    memset(tail + used, 0, end - used);
    tail[used] = 0x80;
    memcpy(tail + end - 8, &bits, 8);
    return end / 64;
}

/* Key of at most 64 bytes, which is what a venue gives. */
static inline hmac_t hmac_of(const uint8_t *key, size_t size) {
    uint8_t in[64], out[64];
    hmac_t made;
    for (size_t i = 0; i < 64; i++) {
        in[i] = (uint8_t)((i < size ? key[i] : 0) ^ 0x36);
        out[i] = (uint8_t)((i < size ? key[i] : 0) ^ 0x5c);
    }
    made.inner = compress(state_of(START), in, 1);
    made.outer = compress(state_of(START), out, 1);
    return made;
}

static inline void hex_of(char out[64], const uint8_t digest[32]) {
#ifdef __SHA__
    const __m128i digit = _mm_loadu_si128((const __m128i *)"0123456789abcdef");
    const __m128i low = _mm_set1_epi8(15);
    for (int i = 0; i < 2; i++) {
        __m128i x = _mm_loadu_si128((const __m128i *)(digest + 16 * i));
        __m128i a = _mm_shuffle_epi8(digit, _mm_and_si128(_mm_srli_epi16(x, 4), low));
        __m128i b = _mm_shuffle_epi8(digit, _mm_and_si128(x, low));
        _mm_storeu_si128((__m128i *)(out + 32 * i), _mm_unpacklo_epi8(a, b));
        _mm_storeu_si128((__m128i *)(out + 32 * i + 16), _mm_unpackhi_epi8(a, b));
    }
#else
    for (int i = 0; i < 32; i++) {
        out[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
#endif
}

/* Hex HMAC of one message that lies in one piece. */
static inline void sign_one(const hmac_t *key, const uint8_t *message, size_t size, char out[64]) {
    uint8_t tail[128], digest[64 + 64];
    size_t whole = size / 64, used = size % 64;
    state_t s = compress(key->inner, message, whole);
    memcpy(tail, message + 64 * whole, used);
    s = compress(s, tail, pad(tail, used, 64 + size));
    digest_of(digest, s);
    pad(digest, 32, 96);
    digest_of(digest, compress(key->outer, digest, 1));
    hex_of(out, digest);
}

/* Two messages of one size, side by side. */
static inline void sign_two(const hmac_t *key, const uint8_t *one, const uint8_t *two, size_t size,
                            char first[64], char second[64]) {
    uint8_t a[128], b[128];
    size_t whole = size / 64, used = size % 64, blocks;
    state_t s = key->inner, t = key->inner;
    compress_two(&s, one, &t, two, whole);
    memcpy(a, one + 64 * whole, used);
    memcpy(b, two + 64 * whole, used);
    blocks = pad(a, used, 64 + size);
    pad(b, used, 64 + size);
    compress_two(&s, a, &t, b, blocks);
    digest_of(a, s);
    digest_of(b, t);
    pad(a, 32, 96);
    pad(b, 32, 96);
    s = t = key->outer;
    compress_two(&s, a, &t, b, 1);
    digest_of(a, s);
    digest_of(b, t);
    hex_of(first, a);
    hex_of(second, b);
}

#endif
