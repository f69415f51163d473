/* Limit of a client's side of a tick on the trade socket: integers -> four masked frames of 20
   orders -> one write -> four replies read and counted. The connection is open and logged in.

   Only this process's own time counts; between two ticks it sleeps, as a real client does, so
   that the caches are as cold as a real client's. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "text.h"

enum { BATCH = 20, ROOM = 1 << 16, MASK = 0x5a3c96e1 };

typedef struct {
    const char *create, *cancel; /* items up to the id's digits */
    int64_t create_size, cancel_size, price_units, price_step, qty_units;
    int64_t price_decimals, qty_decimals;
} slot_t;

typedef struct {
    char bytes[ROOM];
    size_t start, end;
} inbox_t;

static const char HEADER[] =
    "{\"reqId\":\"0000000000000000\",\"header\":{\"X-BAPI-TIMESTAMP\":\"0000000000000\","
    "\"X-BAPI-RECV-WINDOW\":\"5000\"},\"op\":\"order.";
static const char FRONT[] = "-batch\",\"args\":[{\"category\":\"linear\",\"request\":[";

static inline char *put(char *out, const char *text, size_t size) {
    memcpy(out, text, size);
    return out + size;
}

static inline char *put_number(char *out, int64_t units, int64_t decimals) {
    out = put_fixed(out, (uint32_t)units, (int)decimals);
    return decimals ? out : out - 1; /* no point without decimals */
}

static char *put_order(char *out, const slot_t *slot, int create, uint64_t id, int64_t moved) {
    if (!create) return put(put_hex16(put(out, slot->cancel, (size_t)slot->cancel_size), id), "\"},", 3);
    out = put_hex16(put(out, slot->create, (size_t)slot->create_size), id);
    out = put_number(put(out, "\",\"qty\":\"", 9), slot->qty_units, slot->qty_decimals);
    out = put(out, "\",\"price\":\"", 11);
    out = put_number(out, slot->price_units + moved * slot->price_step, slot->price_decimals);
    return put(out, "\"},", 3);
}

/* One masked frame of one batch; ids count on from `first`. */
static char *put_frame(char *out, const slot_t *slots, int create, uint64_t first, int64_t moved,
                       uint64_t time_ms) {
    char *payload = out + 8, *end = put(payload, HEADER, sizeof HEADER - 1);
    uint32_t mask = MASK;
    put_hex16(payload + 10, first << 1 | (uint64_t)create);
    put_digits(payload + 58, time_ms, 13);
    end = create ? put(end, "create", 6) : put(end, "cancel", 6);
    end = put(end, FRONT, sizeof FRONT - 1);
    for (int i = 0; i < BATCH; i++)
        end = put_order(end, &slots[i], create, first + (uint64_t)i, moved);
    end = put(end - 1, "]}]}", 4);
    size_t size = (size_t)(end - payload);
    out[0] = (char)0x81;
    out[1] = (char)(0x80 | 126);
    out[2] = (char)(size >> 8);
    out[3] = (char)size;
    memcpy(out + 4, &mask, 4);
    for (size_t i = 0; i < size; i += 4) { /* up to three bytes behind the end: overwritten */
        uint32_t word;
        memcpy(&word, payload + i, 4);
        word ^= mask;
        memcpy(payload + i, &word, 4);
    }
    return end;
}

static int write_all(int fd, const char *bytes, size_t size) {
    while (size) {
        ssize_t done = send(fd, bytes, size, MSG_NOSIGNAL);
        if (done <= 0) return 0;
        bytes += done;
        size -= (size_t)done;
    }
    return 1;
}

/* Orders taken, of the next `replies` replies; -1 if the connection ended. */
static int read_replies(int fd, inbox_t *in, int replies) {
    int taken = 0;
    while (replies) {
        size_t held = in->end - in->start, head = 2, size;
        const unsigned char *p = (const unsigned char *)in->bytes + in->start;
        if (held >= 4) {
            size = p[1];
            if (size == 126) {
                size = (size_t)p[2] << 8 | p[3];
                head = 4;
            }
            if (held >= head + size) {
                const char *at = (const char *)p + head, *end = at + size;
                in->start += head + size;
                if ((p[0] & 15) != 1) continue; /* a ping: nobody waits for us that long */
                while ((at = memmem(at, (size_t)(end - at), "\"code\":0", 8))) {
                    at += 8;
                    taken++;
                }
                replies--;
                continue;
            }
        }
        memmove(in->bytes, in->bytes + in->start, held);
        in->start = 0;
        in->end = held;
        ssize_t got = recv(fd, in->bytes + held, ROOM - held, 0);
        if (got <= 0) return -1;
        in->end += (size_t)got;
    }
    return taken;
}

static double cpu_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static uint64_t unix_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* `number` ticks after `warm_up` of them, one each `period_ns`; wall time of each into wall_ns.
   Returns the processor time of a tick in nanoseconds, or -1 with the number of orders taken in
   *taken if the venue did not take them all. `first_id` is the first id never used before. */
double limit_tick(int fd, const slot_t *slots, uint64_t first_id, int warm_up, int number,
                  double period_ns, double *wall_ns, int64_t *taken) {
    static char out[ROOM];
    inbox_t *in = calloc(1, sizeof *in);
    double cpu = 0, next;
    uint64_t id = first_id;
    char *end = put_frame(out, slots, 1, id, 0, unix_ms());
    end = put_frame(end, slots + BATCH, 1, id + BATCH, 0, unix_ms());
    *taken = write_all(fd, out, (size_t)(end - out)) ? read_replies(fd, in, 2) : -1;
    int fine = *taken == 2 * BATCH;
    next = now_ns();
    for (int turn = 0; fine && turn < warm_up + number; turn++) {
        if (turn == warm_up) cpu = cpu_ns();
        double start = now_ns();
        uint64_t time_ms = unix_ms(), fresh = id + 2 * BATCH;
        end = out;
        for (int half = 0; half < 2; half++)
            end = put_frame(end, slots + half * BATCH, 0, id + (uint64_t)half * BATCH, 0, time_ms);
        for (int half = 0; half < 2; half++)
            end = put_frame(end, slots + half * BATCH, 1, fresh + (uint64_t)half * BATCH, turn & 3,
                            time_ms);
        *taken = write_all(fd, out, (size_t)(end - out)) ? read_replies(fd, in, 4) : -1;
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
