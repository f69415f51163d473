/* Batches of orders as frames of the trade socket, and the reading of frames, at the limit. */
#ifndef LIMIT_TRADE_H
#define LIMIT_TRADE_H

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "text.h"

enum { BATCH = 20, ROOM = 1 << 16, MASK = 0x5a3c96e1 };

typedef struct {
    const char *create, *cancel; /* items up to the id's digits */
    int64_t create_size, cancel_size, price_units, price_step, qty_units;
    int64_t price_decimals, qty_decimals, instrument;
    int64_t moved; /* ticks from where the price stood first */
} slot_t;

typedef struct {
    char bytes[ROOM + 64]; /* numbers are read beyond their end */
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

static inline char *put_order(char *out, const slot_t *slot, int create, uint64_t id) {
    if (!create)
        return put(put_hex16(put(out, slot->cancel, (size_t)slot->cancel_size), id), "\"},", 3);
    out = put_hex16(put(out, slot->create, (size_t)slot->create_size), id);
    out = put_number(put(out, "\",\"qty\":\"", 9), slot->qty_units, slot->qty_decimals);
    out = put(out, "\",\"price\":\"", 11);
    out = put_number(out, slot->price_units + slot->moved * slot->price_step, slot->price_decimals);
    return put(out, "\"},", 3);
}

/* One masked frame of one batch; ids count on from `first`. */
static inline char *put_frame(char *out, const slot_t *slots, int create, uint64_t first,
                              uint64_t time_ms) {
    char *payload = out + 8, *end = put(payload, HEADER, sizeof HEADER - 1);
    uint32_t mask = MASK;
    put_hex16(payload + 10, first << 1 | (uint64_t)create);
    put_digits(payload + 58, time_ms, 13);
    end = create ? put(end, "create", 6) : put(end, "cancel", 6);
    end = put(end, FRONT, sizeof FRONT - 1);
    for (int i = 0; i < BATCH; i++)
        end = put_order(end, &slots[i], create, first + (uint64_t)i);
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

static inline int write_all(int fd, const char *bytes, size_t size) {
    while (size) {
        ssize_t done = send(fd, bytes, size, MSG_NOSIGNAL);
        if (done <= 0) return 0;
        bytes += done;
        size -= (size_t)done;
    }
    return 1;
}

/* The next whole frame that has been read, or NULL; pings are passed over. */
static inline const char *next_frame(inbox_t *in, size_t *size) {
    for (;;) {
        size_t held = in->end - in->start, head = 2;
        const unsigned char *p = (const unsigned char *)in->bytes + in->start;
        if (held < 4) return NULL;
        *size = p[1];
        if (*size == 126) {
            *size = (size_t)p[2] << 8 | p[3];
            head = 4;
        }
        if (held < head + *size) return NULL;
        in->start += head + *size;
        if ((p[0] & 15) == 1) return (const char *)p + head;
    }
}

/* Read once; 0 if the connection ended. */
static inline int read_more(int fd, inbox_t *in) {
    size_t held = in->end - in->start;
    memmove(in->bytes, in->bytes + in->start, held);
    ssize_t got = recv(fd, in->bytes + held, ROOM - held, 0);
    in->start = 0;
    in->end = held + (got > 0 ? (size_t)got : 0);
    return got > 0;
}

/* Orders taken, of a reply. */
static inline int taken_of(const char *at, size_t size) {
    const char *end = at + size;
    int taken = 0;
    while ((at = memmem(at, (size_t)(end - at), "\"code\":0", 8))) {
        at += 8;
        taken++;
    }
    return taken;
}

static inline uint64_t unix_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* All of a tick in one write: cancels of 2 * BATCH orders from `old` on, creates from `fresh` on. */
static inline int write_tick(int fd, char *out, const slot_t *slots, uint64_t old, uint64_t fresh) {
    uint64_t time_ms = unix_ms();
    char *end = out;
    for (int half = 0; half < 2; half++)
        end = put_frame(end, slots + half * BATCH, 0, old + (uint64_t)half * BATCH, time_ms);
    for (int half = 0; half < 2; half++)
        end = put_frame(end, slots + half * BATCH, 1, fresh + (uint64_t)half * BATCH, time_ms);
    return write_all(fd, out, (size_t)(end - out));
}

/* The first orders, in one write. */
static inline int write_first(int fd, char *out, const slot_t *slots, uint64_t first) {
    char *end = put_frame(out, slots, 1, first, unix_ms());
    end = put_frame(end, slots + BATCH, 1, first + BATCH, unix_ms());
    return write_all(fd, out, (size_t)(end - out));
}

static inline double cpu_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

#endif
