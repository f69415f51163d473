/* Limit of the coalescer: one cell per slot, cancels and places merged from structs, drained into
   an array in the order in which their slots became wanted. Only what the measured run needs. */
#include <stdint.h>
#include <stdlib.h>

#include "clock.h"

enum { CANCEL = 0, PLACE = 2 };

typedef struct { int64_t op, slot, flags, price_ticks, lots, client_id; } command_t;
typedef struct {
    int64_t price_ticks, lots, client_id, cancel_id;
    int32_t flags, older, newer, held; /* held: bit 0 a cancel, bit 1 a place */
} cell_t;

static inline void put(cell_t *cells, int32_t head, const command_t *command) {
    cell_t *cell = &cells[command->slot];
    if (!cell->held) {
        cell->older = cells[head].older;
        cell->newer = head;
        cells[cell->older].newer = (int32_t)command->slot;
        cells[head].older = (int32_t)command->slot;
    }
    if (command->op == CANCEL) {
        cell->cancel_id = command->client_id;
        cell->held |= 1;
    } else {
        cell->price_ticks = command->price_ticks;
        cell->lots = command->lots;
        cell->client_id = command->client_id;
        cell->flags = (int32_t)command->flags;
        cell->held |= 2;
    }
}

static inline int drain(cell_t *cells, int32_t head, command_t *out) {
    int taken = 0;
    for (int32_t at = cells[head].newer; at != head; at = cells[at].newer)
        if (cells[at].held & 1) {
            cells[at].held &= 2;
            out[taken++] = (command_t){CANCEL, at, 0, 0, 0, cells[at].cancel_id};
        }
    for (int32_t at = cells[head].newer; at != head; at = cells[at].newer) {
        cell_t *cell = &cells[at];
        if (cell->held)
            out[taken++] = (command_t){PLACE,         at,         cell->flags,
                                       cell->price_ticks, cell->lots, cell->client_id};
        cell->held = 0;
    }
    cells[head].older = cells[head].newer = head;
    return taken;
}

/* Nanoseconds per command of putting and of draining, into took[0] and took[1]; what the last
   drain gave, into out. Returns how many commands that were. */
int limit_coalesce(const command_t *commands, int count, int slots, int number, command_t *out,
                   double took[2]) {
    cell_t *cells = calloc((size_t)slots + 1, sizeof *cells);
    int taken = 0;
    cells[slots].older = cells[slots].newer = slots;
    took[0] = took[1] = 0;
    for (int turn = 0; turn < number; turn++) {
        double start = now_ns(), middle;
        for (int i = 0; i < count; i++) put(cells, slots, &commands[i]);
        BARRIER();
        middle = now_ns();
        taken = drain(cells, slots, out);
        BARRIER();
        took[0] += middle - start;
        took[1] += now_ns() - middle;
    }
    took[0] /= (double)number * count;
    took[1] /= (double)number * count;
    free(cells);
    return taken;
}
