/* Limit of an order book frame: bytes of a known shape -> applied book, best read. */
#include "book.h"
#include "clock.h"

/* Frames as one text with offsets; best (bid ticks, lots, ask ticks, lots) and the sum of all
   tops into out. Nanoseconds per frame. `low` is the lowest price of the ring's window. */
double limit_book(const char *text, const int64_t *offsets, int frames, int symbol, int head,
                  int tick_decimals, int step_decimals, int64_t low, int ring, int number_of,
                  int64_t out[5]) {
    book_t *book = calloc(1, sizeof *book);
    grid_t price = grid_of(tick_decimals), size = grid_of(step_decimals);
    double start, took;
    book->low[0] = low;
    book->low[1] = -(low + WINDOW - 1);
    start = now_ns();
    for (int turn = 0; turn < number_of; turn++) {
        out[4] = 0;
        for (int i = 0; i < frames; i++) {
            apply(book, text + offsets[i], (size_t)head, (size_t)symbol, ring, &price, &size);
            level_t bid = ring ? ring_best(&book->rings[0], book->low[0])
                               : flat_best(&book->flats[0]);
            level_t ask = ring ? ring_best(&book->rings[1], book->low[1])
                               : flat_best(&book->flats[1]);
            out[0] = bid.key;
            out[1] = bid.lots;
            out[2] = -ask.key;
            out[3] = ask.lots;
            out[4] += bid.key - ask.key;
            BARRIER();
        }
    }
    took = (now_ns() - start) / number_of / frames;
    free(book);
    return took;
}
