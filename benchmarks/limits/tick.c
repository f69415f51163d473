/* Limit of a client's side of a tick on the trade socket: integers -> four masked frames of 20
   orders -> one write -> four replies read and counted. The connection is open and logged in.

   Only this process's own time counts; between two ticks it sleeps, as a real client does, so
   that the caches are as cold as a real client's. */
#define _GNU_SOURCE
#include "trade.h"

/* Orders taken, of the next `replies` replies; -1 if the connection ended. */
static int read_replies(int fd, inbox_t *in, int replies) {
    int taken = 0;
    while (replies) {
        size_t size;
        const char *frame = next_frame(in, &size);
        if (frame) {
            taken += taken_of(frame, size);
            replies--;
        } else if (!read_more(fd, in)) {
            return -1;
        }
    }
    return taken;
}

/* `number` ticks after `warm_up` of them, one each `period_ns`; wall time of each into wall_ns.
   Returns the processor time of a tick in nanoseconds, or -1 with the number of orders taken in
   *taken if the venue did not take them all. `first_id` is the first id never used before. */
double limit_tick(int fd, slot_t *slots, uint64_t first_id, int warm_up, int number,
                  double period_ns, double *wall_ns, int64_t *taken) {
    static char out[ROOM];
    inbox_t *in = calloc(1, sizeof *in);
    double cpu = 0, next;
    uint64_t id = first_id;
    *taken = write_first(fd, out, slots, id) ? read_replies(fd, in, 2) : -1;
    int fine = *taken == 2 * BATCH;
    next = now_ns();
    for (int turn = 0; fine && turn < warm_up + number; turn++) {
        if (turn == warm_up) cpu = cpu_ns();
        double start = now_ns();
        uint64_t fresh = id + 2 * BATCH;
        for (int i = 0; i < 2 * BATCH; i++) slots[i].moved = turn & 3;
        *taken = write_tick(fd, out, slots, id, fresh) ? read_replies(fd, in, 4) : -1;
        fine = *taken == 4 * BATCH;
        id = fresh;
        if (turn >= warm_up) wall_ns[turn - warm_up] = now_ns() - start;
        next += period_ns;
        double left = next - now_ns();
        if (left > 0) {
            struct timespec nap = {(time_t)(left / 1e9), (long)left % 1000000000};
            nanosleep(&nap, NULL);
        } else {
            next = now_ns();
        }
    }
    cpu = cpu_ns() - cpu;
    free(in);
    return fine ? cpu / number : -1;
}
