/* The end of plain text within quotes, 16 bytes at a time. */
#ifndef MMFAST_TEXT_H
#define MMFAST_TEXT_H

#include <stddef.h>
#include <stdint.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* The closing quote of text that is printable ASCII without an escape; NULL for anything else,
   and when there is none before `end`. Reads nothing at or past `end`. */
static inline const uint8_t *mmf_text_end(const uint8_t *at, const uint8_t *end) {
#if defined(__SSE2__)
    while (end - at >= 16) {
        __m128i text = _mm_loadu_si128((const __m128i *)at);
        /* Compared as signed bytes, what is beyond ASCII lies below the space too. */
        __m128i odd = _mm_or_si128(_mm_cmplt_epi8(text, _mm_set1_epi8(' ')),
                                   _mm_cmpeq_epi8(text, _mm_set1_epi8('\\')));
        __m128i stop = _mm_or_si128(odd, _mm_cmpeq_epi8(text, _mm_set1_epi8('"')));
        unsigned found = (unsigned)_mm_movemask_epi8(stop);
        if (found) {
            at += __builtin_ctz(found);
            return *at == '"' ? at : NULL;
        }
        at += 16;
    }
#endif
    for (; at < end; at++) {
        if (*at == '"') return at;
        if (*at < ' ' || *at > 127 || *at == '\\') return NULL;
    }
    return NULL;
}

#endif
