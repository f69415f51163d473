/* SHA-256 block functions, and HMAC-SHA256 from a key state prepared once.

   Two block functions are always compiled: a portable one, and one for CPUs with the SHA
   instructions, which can also run two messages side by side: the instruction's latency leaves
   room for a second stream. The caller picks by mmf_sha_available() and passes the choice along.
*/
#ifndef MMFAST_SHA256_H
#define MMFAST_SHA256_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define MMF_HAVE_SHA_NI 1
#include <cpuid.h>
#include <immintrin.h>
#else
#define MMF_HAVE_SHA_NI 0
#endif

#define MMF_PORTABLE 0
#define MMF_SHA_NI 1

static const uint32_t mmf_sha_k[64] __attribute__((aligned(64))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static const uint32_t mmf_sha_start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                          0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

/* Zeroing that the optimiser may not drop, for memory that held key material. */
static inline void mmf_wipe(void *memory, size_t size) {
    volatile unsigned char *at = (volatile unsigned char *)memory;
    while (size--) *at++ = 0;
}

static inline uint32_t mmf_rotr(uint32_t x, int n) { return (x >> n) | (x << (32 - n)); }

static inline uint32_t mmf_load_be(const uint8_t *p) {
    return ((uint32_t)p[0] << 24) | ((uint32_t)p[1] << 16) | ((uint32_t)p[2] << 8) | p[3];
}

static inline void mmf_store_be(uint8_t *p, uint32_t x) {
    p[0] = (uint8_t)(x >> 24);
    p[1] = (uint8_t)(x >> 16);
    p[2] = (uint8_t)(x >> 8);
    p[3] = (uint8_t)x;
}

/* ---- portable ------------------------------------------------------------------------- */

static void mmf_sha_portable(uint32_t state[8], const uint8_t *data, size_t blocks) {
    uint32_t w[64];
    for (; blocks; blocks--, data += 64) {
        for (int i = 0; i < 16; i++) w[i] = mmf_load_be(data + 4 * i);
        for (int i = 16; i < 64; i++) {
            uint32_t s0 = mmf_rotr(w[i - 15], 7) ^ mmf_rotr(w[i - 15], 18) ^ (w[i - 15] >> 3);
            uint32_t s1 = mmf_rotr(w[i - 2], 17) ^ mmf_rotr(w[i - 2], 19) ^ (w[i - 2] >> 10);
            w[i] = w[i - 16] + s0 + w[i - 7] + s1;
        }
        uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
        uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
        for (int i = 0; i < 64; i++) {
            uint32_t s1 = mmf_rotr(e, 6) ^ mmf_rotr(e, 11) ^ mmf_rotr(e, 25);
            uint32_t t1 = h + s1 + ((e & f) ^ (~e & g)) + mmf_sha_k[i] + w[i];
            uint32_t s0 = mmf_rotr(a, 2) ^ mmf_rotr(a, 13) ^ mmf_rotr(a, 22);
            uint32_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
            h = g; g = f; f = e; e = d + t1;
            d = c; c = b; b = a; a = t1 + t2;
        }
        state[0] += a; state[1] += b; state[2] += c; state[3] += d;
        state[4] += e; state[5] += f; state[6] += g; state[7] += h;
    }
    mmf_wipe(w, sizeof w);
}

/* ---- SHA instructions ----------------------------------------------------------------- */

#if MMF_HAVE_SHA_NI

#define MMF_SHA_TARGET __attribute__((target("sha,sse4.1,ssse3")))

/* The instructions want the state as (ABEF, CDGH). */
typedef struct { __m128i abef, cdgh; } mmf_sha_lanes;

MMF_SHA_TARGET static inline mmf_sha_lanes mmf_lanes_load(const uint32_t state[8]) {
    mmf_sha_lanes lanes;
    __m128i low = _mm_loadu_si128((const __m128i *)&state[0]);
    __m128i high = _mm_loadu_si128((const __m128i *)&state[4]);
    low = _mm_shuffle_epi32(low, 0xB1);
    high = _mm_shuffle_epi32(high, 0x1B);
    lanes.abef = _mm_alignr_epi8(low, high, 8);
    lanes.cdgh = _mm_blend_epi16(high, low, 0xF0);
    return lanes;
}

MMF_SHA_TARGET static inline void mmf_lanes_store(uint32_t state[8], mmf_sha_lanes lanes) {
    __m128i low = _mm_shuffle_epi32(lanes.abef, 0x1B);
    __m128i high = _mm_shuffle_epi32(lanes.cdgh, 0xB1);
    _mm_storeu_si128((__m128i *)&state[0], _mm_blend_epi16(low, high, 0xF0));
    _mm_storeu_si128((__m128i *)&state[4], _mm_alignr_epi8(high, low, 8));
}

MMF_SHA_TARGET static inline __m128i mmf_words_load(const uint8_t *data) {
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
    return _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)data), swap);
}

/* Four rounds with the words w and the constants k[4*i..4*i+3]. */
MMF_SHA_TARGET static inline void mmf_rounds4(mmf_sha_lanes *s, __m128i w, int i) {
    __m128i wk = _mm_add_epi32(w, _mm_load_si128((const __m128i *)&mmf_sha_k[4 * i]));
    s->cdgh = _mm_sha256rnds2_epu32(s->cdgh, s->abef, wk);
    s->abef = _mm_sha256rnds2_epu32(s->abef, s->cdgh, _mm_shuffle_epi32(wk, 0x0E));
}

/* The next four message words from the last sixteen. */
MMF_SHA_TARGET static inline __m128i mmf_schedule(__m128i w0, __m128i w1, __m128i w2, __m128i w3) {
    __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), _mm_alignr_epi8(w3, w2, 4));
    return _mm_sha256msg2_epu32(sum, w3);
}

#define MMF_QUAD(S, W0, W1, W2, W3, I)                                                          \
    do {                                                                                         \
        W0 = mmf_schedule(W0, W1, W2, W3); mmf_rounds4(&S, W0, I);                               \
        W1 = mmf_schedule(W1, W2, W3, W0); mmf_rounds4(&S, W1, I + 1);                           \
        W2 = mmf_schedule(W2, W3, W0, W1); mmf_rounds4(&S, W2, I + 2);                           \
        W3 = mmf_schedule(W3, W0, W1, W2); mmf_rounds4(&S, W3, I + 3);                           \
    } while (0)

/* One block, given as its words. */
MMF_SHA_TARGET static inline mmf_sha_lanes mmf_lanes_block(mmf_sha_lanes s, __m128i w0, __m128i w1,
                                                           __m128i w2, __m128i w3) {
    mmf_sha_lanes kept = s;
    mmf_rounds4(&s, w0, 0);
    mmf_rounds4(&s, w1, 1);
    mmf_rounds4(&s, w2, 2);
    mmf_rounds4(&s, w3, 3);
    MMF_QUAD(s, w0, w1, w2, w3, 4);
    MMF_QUAD(s, w0, w1, w2, w3, 8);
    MMF_QUAD(s, w0, w1, w2, w3, 12);
    s.abef = _mm_add_epi32(s.abef, kept.abef);
    s.cdgh = _mm_add_epi32(s.cdgh, kept.cdgh);
    return s;
}

MMF_SHA_TARGET static inline mmf_sha_lanes mmf_lanes_hash(mmf_sha_lanes s, const uint8_t *data,
                                                          size_t blocks) {
    for (; blocks; blocks--, data += 64)
        s = mmf_lanes_block(s, mmf_words_load(data), mmf_words_load(data + 16),
                            mmf_words_load(data + 32), mmf_words_load(data + 48));
    return s;
}

MMF_SHA_TARGET static void mmf_sha_ni(uint32_t state[8], const uint8_t *data, size_t blocks) {
    mmf_lanes_store(state, mmf_lanes_hash(mmf_lanes_load(state), data, blocks));
}

#define MMF_QUAD_PAIR(I)                                                                         \
    do {                                                                                         \
        a0 = mmf_schedule(a0, a1, a2, a3); b0 = mmf_schedule(b0, b1, b2, b3);                    \
        mmf_rounds4(&s, a0, I); mmf_rounds4(&t, b0, I);                                          \
        a1 = mmf_schedule(a1, a2, a3, a0); b1 = mmf_schedule(b1, b2, b3, b0);                    \
        mmf_rounds4(&s, a1, I + 1); mmf_rounds4(&t, b1, I + 1);                                  \
        a2 = mmf_schedule(a2, a3, a0, a1); b2 = mmf_schedule(b2, b3, b0, b1);                    \
        mmf_rounds4(&s, a2, I + 2); mmf_rounds4(&t, b2, I + 2);                                  \
        a3 = mmf_schedule(a3, a0, a1, a2); b3 = mmf_schedule(b3, b0, b1, b2);                    \
        mmf_rounds4(&s, a3, I + 3); mmf_rounds4(&t, b3, I + 3);                                  \
    } while (0)

/* One block of each of two messages, given as their words, in alternating instructions. */
MMF_SHA_TARGET static inline void mmf_lanes_block_pair(mmf_sha_lanes *first,
                                                       mmf_sha_lanes *second, __m128i a0,
                                                       __m128i a1, __m128i a2, __m128i a3,
                                                       __m128i b0, __m128i b1, __m128i b2,
                                                       __m128i b3) {
    mmf_sha_lanes s = *first, t = *second;
    mmf_rounds4(&s, a0, 0); mmf_rounds4(&t, b0, 0);
    mmf_rounds4(&s, a1, 1); mmf_rounds4(&t, b1, 1);
    mmf_rounds4(&s, a2, 2); mmf_rounds4(&t, b2, 2);
    mmf_rounds4(&s, a3, 3); mmf_rounds4(&t, b3, 3);
    MMF_QUAD_PAIR(4);
    MMF_QUAD_PAIR(8);
    MMF_QUAD_PAIR(12);
    first->abef = _mm_add_epi32(first->abef, s.abef);
    first->cdgh = _mm_add_epi32(first->cdgh, s.cdgh);
    second->abef = _mm_add_epi32(second->abef, t.abef);
    second->cdgh = _mm_add_epi32(second->cdgh, t.cdgh);
}

MMF_SHA_TARGET static inline void mmf_lanes_hash_pair(mmf_sha_lanes *first, const uint8_t *one,
                                                      mmf_sha_lanes *second, const uint8_t *two,
                                                      size_t blocks) {
    for (; blocks; blocks--, one += 64, two += 64)
        mmf_lanes_block_pair(first, second, mmf_words_load(one), mmf_words_load(one + 16),
                             mmf_words_load(one + 32), mmf_words_load(one + 48),
                             mmf_words_load(two), mmf_words_load(two + 16),
                             mmf_words_load(two + 32), mmf_words_load(two + 48));
}

static int mmf_sha_available(void) {
    unsigned int a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return MMF_PORTABLE;
    if (!(c & bit_SSSE3) || !(c & bit_SSE4_1)) return MMF_PORTABLE;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return MMF_PORTABLE;
    return (b >> 29) & 1 ? MMF_SHA_NI : MMF_PORTABLE;
}

#else

static int mmf_sha_available(void) { return MMF_PORTABLE; }

#endif

static inline void mmf_sha_blocks(int backend, uint32_t state[8], const uint8_t *data, size_t n) {
#if MMF_HAVE_SHA_NI
    if (backend == MMF_SHA_NI) {
        mmf_sha_ni(state, data, n);
        return;
    }
#endif
    (void)backend;
    mmf_sha_portable(state, data, n);
}

/* ---- HMAC ----------------------------------------------------------------------------- */

/* State after the padded key has been hashed: as secret as the key itself. */
typedef struct { uint32_t inner[8], outer[8]; } mmf_hmac_key;

/* Writes the padding of a message whose last size % 64 bytes already stand in tail, and whose
   hash counts `total` bytes in all. Returns the number of blocks in tail (1 or 2). */
static inline size_t mmf_sha_pad(uint8_t tail[128], size_t used, uint64_t total) {
    size_t end = used < 56 ? 64 : 128;
    tail[used] = 0x80;
    memset(tail + used + 1, 0, end - used - 9);
    mmf_store_be(tail + end - 8, (uint32_t)((total * 8) >> 32));
    mmf_store_be(tail + end - 4, (uint32_t)(total * 8));
    return end / 64;
}

static inline void mmf_digest_store(uint8_t digest[32], const uint32_t state[8]) {
    for (int i = 0; i < 8; i++) mmf_store_be(digest + 4 * i, state[i]);
}

static void mmf_hmac_prepare(int backend, mmf_hmac_key *key, const uint8_t *secret, size_t size) {
    uint8_t pad[64], block[64] = {0};
    if (size > 64) {
        uint32_t state[8];
        uint8_t tail[128];
        size_t whole = size / 64, rest = size % 64;
        memcpy(state, mmf_sha_start, sizeof state);
        mmf_sha_blocks(backend, state, secret, whole);
        memcpy(tail, secret + whole * 64, rest);
        mmf_sha_blocks(backend, state, tail, mmf_sha_pad(tail, rest, size));
        mmf_digest_store(block, state);
        mmf_wipe(tail, sizeof tail);
        mmf_wipe(state, sizeof state);
    } else {
        memcpy(block, secret, size);
    }
    memcpy(key->inner, mmf_sha_start, sizeof key->inner);
    memcpy(key->outer, mmf_sha_start, sizeof key->outer);
    for (int i = 0; i < 64; i++) pad[i] = block[i] ^ 0x36;
    mmf_sha_blocks(backend, key->inner, pad, 1);
    for (int i = 0; i < 64; i++) pad[i] = block[i] ^ 0x5c;
    mmf_sha_blocks(backend, key->outer, pad, 1);
    mmf_wipe(pad, sizeof pad);
    mmf_wipe(block, sizeof block);
}

/* A message cut into runs of whole blocks, none of which is copied but what straddles: the
   blocks of the head, the block that head and body share, the blocks of the body, the padding. */
typedef struct {
    const uint8_t *at[4];
    size_t blocks[4];
    uint8_t joint[64], tail[128];
} mmf_message;

static inline void mmf_message_cut(mmf_message *m, const uint8_t *head, size_t head_size,
                                   const uint8_t *body, size_t body_size) {
    uint64_t total = 64 + (uint64_t)head_size + body_size;
    size_t used = head_size % 64;
    m->at[0] = head;
    m->blocks[0] = head_size / 64;
    m->at[1] = m->joint;
    m->blocks[1] = 0;
    m->at[3] = m->tail;
    if (used + body_size < 64) {
        if (used) memcpy(m->tail, head + head_size - used, used);
        if (body_size) memcpy(m->tail + used, body, body_size);
        m->at[2] = body;
        m->blocks[2] = 0;
        m->blocks[3] = mmf_sha_pad(m->tail, used + body_size, total);
        return;
    }
    if (used) {
        memcpy(m->joint, head + head_size - used, used);
        memcpy(m->joint + used, body, 64 - used);
        m->blocks[1] = 1;
        body += 64 - used;
        body_size -= 64 - used;
    }
    m->at[2] = body;
    m->blocks[2] = body_size / 64;
    used = body_size % 64;
    if (used) memcpy(m->tail, body + body_size - used, used);
    m->blocks[3] = mmf_sha_pad(m->tail, used, total);
}

static void mmf_hmac_portable(const mmf_hmac_key *key, const mmf_message *m, uint8_t digest[32]) {
    uint8_t block[128];
    uint32_t state[8];
    memcpy(state, key->inner, sizeof state);
    for (int i = 0; i < 4; i++) mmf_sha_portable(state, m->at[i], m->blocks[i]);
    mmf_digest_store(block, state);
    mmf_sha_pad(block, 32, 64 + 32);
    memcpy(state, key->outer, sizeof state);
    mmf_sha_portable(state, block, 1);
    mmf_digest_store(digest, state);
}

#if MMF_HAVE_SHA_NI

/* The two halves of a digest, as words. */
MMF_SHA_TARGET static inline void mmf_lanes_words(mmf_sha_lanes s, __m128i *low, __m128i *high) {
    __m128i abef = _mm_shuffle_epi32(s.abef, 0x1B), cdgh = _mm_shuffle_epi32(s.cdgh, 0xB1);
    *low = _mm_blend_epi16(abef, cdgh, 0xF0);
    *high = _mm_alignr_epi8(cdgh, abef, 8);
}

MMF_SHA_TARGET static inline void mmf_lanes_digest(uint8_t digest[32], mmf_sha_lanes s) {
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
    __m128i low, high;
    mmf_lanes_words(s, &low, &high);
    _mm_storeu_si128((__m128i *)digest, _mm_shuffle_epi8(low, swap));
    _mm_storeu_si128((__m128i *)(digest + 16), _mm_shuffle_epi8(high, swap));
}

/* The outer hash has one block: the inner digest, and these words, the padding of 64 + 32 bytes. */
#define MMF_OUTER_END                                                                            \
    _mm_set_epi32(0, 0, 0, (int)0x80000000u), _mm_set_epi32((64 + 32) * 8, 0, 0, 0)

MMF_SHA_TARGET static void mmf_hmac_ni(const mmf_hmac_key *key, const mmf_message *m,
                                       uint8_t digest[32]) {
    mmf_sha_lanes s = mmf_lanes_load(key->inner);
    __m128i low, high;
    for (int i = 0; i < 4; i++) s = mmf_lanes_hash(s, m->at[i], m->blocks[i]);
    mmf_lanes_words(s, &low, &high);
    mmf_lanes_digest(digest, mmf_lanes_block(mmf_lanes_load(key->outer), low, high, MMF_OUTER_END));
}

/* Block for block side by side, however the two are cut, until the shorter one is through. */
MMF_SHA_TARGET static void mmf_hmac_ni_pair(const mmf_hmac_key *key, const mmf_message *one,
                                            const mmf_message *two, uint8_t one_digest[32],
                                            uint8_t two_digest[32]) {
    mmf_sha_lanes s = mmf_lanes_load(key->inner), t = s;
    __m128i s_low, s_high, t_low, t_high;
    size_t i = 0, j = 0, first = 0, second = 0;
    for (;;) {
        while (i < 4 && first == one->blocks[i]) { i++; first = 0; }
        while (j < 4 && second == two->blocks[j]) { j++; second = 0; }
        if (i == 4 || j == 4) break;
        size_t left = one->blocks[i] - first, both = two->blocks[j] - second;
        if (left < both) both = left;
        mmf_lanes_hash_pair(&s, one->at[i] + 64 * first, &t, two->at[j] + 64 * second, both);
        first += both;
        second += both;
    }
    for (; i < 4; i++, first = 0)
        s = mmf_lanes_hash(s, one->at[i] + 64 * first, one->blocks[i] - first);
    for (; j < 4; j++, second = 0)
        t = mmf_lanes_hash(t, two->at[j] + 64 * second, two->blocks[j] - second);
    mmf_lanes_words(s, &s_low, &s_high);
    mmf_lanes_words(t, &t_low, &t_high);
    s = t = mmf_lanes_load(key->outer);
    mmf_lanes_block_pair(&s, &t, s_low, s_high, MMF_OUTER_END, t_low, t_high, MMF_OUTER_END);
    mmf_lanes_digest(one_digest, s);
    mmf_lanes_digest(two_digest, t);
}

#endif

/* HMAC over head followed by body. Neither is copied but for the block they share. */
static void mmf_hmac(int backend, const mmf_hmac_key *key, const uint8_t *head, size_t head_size,
                     const uint8_t *body, size_t body_size, uint8_t digest[32]) {
    mmf_message m;
    mmf_message_cut(&m, head, head_size, body, body_size);
#if MMF_HAVE_SHA_NI
    if (backend == MMF_SHA_NI) {
        mmf_hmac_ni(key, &m, digest);
        return;
    }
#endif
    (void)backend;
    mmf_hmac_portable(key, &m, digest);
}

/* HMAC of two bodies side by side, each behind the same head. */
static void mmf_hmac_pair(int backend, const mmf_hmac_key *key, const uint8_t *head,
                          size_t head_size, const uint8_t *one, size_t one_size,
                          const uint8_t *two, size_t two_size, uint8_t one_digest[32],
                          uint8_t two_digest[32]) {
    mmf_message m, n;
    mmf_message_cut(&m, head, head_size, one, one_size);
    mmf_message_cut(&n, head, head_size, two, two_size);
#if MMF_HAVE_SHA_NI
    if (backend == MMF_SHA_NI) {
        mmf_hmac_ni_pair(key, &m, &n, one_digest, two_digest);
        return;
    }
#endif
    (void)backend;
    mmf_hmac_portable(key, &m, one_digest);
    mmf_hmac_portable(key, &n, two_digest);
}

/* 64 lower-case hex digits of a digest. */
static inline void mmf_hex_portable(char out[64], const uint8_t digest[32]) {
    static const char digit[17] = "0123456789abcdef";
    for (int i = 0; i < 32; i++) {
        out[2 * i] = digit[digest[i] >> 4];
        out[2 * i + 1] = digit[digest[i] & 15];
    }
}

#if MMF_HAVE_SHA_NI
MMF_SHA_TARGET static inline void mmf_hex_ssse3(char out[64], const uint8_t digest[32]) {
    const __m128i digit = _mm_loadu_si128((const __m128i *)"0123456789abcdef");
    const __m128i mask = _mm_set1_epi8(15);
    for (int i = 0; i < 2; i++) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(digest + 16 * i));
        __m128i high = _mm_shuffle_epi8(digit, _mm_and_si128(_mm_srli_epi16(bytes, 4), mask));
        __m128i low = _mm_shuffle_epi8(digit, _mm_and_si128(bytes, mask));
        _mm_storeu_si128((__m128i *)(out + 32 * i), _mm_unpacklo_epi8(high, low));
        _mm_storeu_si128((__m128i *)(out + 32 * i + 16), _mm_unpackhi_epi8(high, low));
    }
}
#endif

static inline void mmf_hex(int backend, char out[64], const uint8_t digest[32]) {
#if MMF_HAVE_SHA_NI
    if (backend == MMF_SHA_NI) {
        mmf_hex_ssse3(out, digest);
        return;
    }
#endif
    (void)backend;
    mmf_hex_portable(out, digest);
}

#endif
