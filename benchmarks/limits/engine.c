/* Limit of all that an engine's sockets bring and take in a tick: ten books from their frames, 80
   commands on the trade socket, four replies, and the private stream's rows of 80 orders and of
   positions, read into tables. What a decision is, and everything that could go wrong, is left out.

   Frames are of the one shape that the embedded venue gives them; what is constant in it is passed
   over without a look. One process has one of these. */
#define _GNU_SOURCE
#include <poll.h>

#include "book.h"
#include "trade.h"

enum { PUBLIC, PRIVATE, TRADE, SOCKETS, MOST_INSTRUMENTS = 16, ORDERS = 1 << 12, PATIENCE_MS = 5000 };

/* Past constant text, and past a value up to its closing quote. */
#define PAST(p, text) ((p) += sizeof(text) - 1)
#define VALUE(p) ((p) = (const char *)memchr((p), '"', 64))

typedef struct {
    const char *symbol;
    int64_t size, tick_decimals, step_decimals, low;
} instrument_t;

typedef struct { int64_t ticks, lots, leaves, filled, updated_ms; char status; } row_t;
typedef struct { int64_t lots, entry; char side; } held_t;

static struct {
    int fds[SOCKETS], instruments, seen, rows, replies, taken;
    instrument_t of[MOST_INSTRUMENTS];
    grid_t price[MOST_INSTRUMENTS], size[MOST_INSTRUMENTS], cents;
    book_t *books[MOST_INSTRUMENTS];
    int64_t first_mid[MOST_INSTRUMENTS];
    row_t orders[ORDERS];
    held_t held[MOST_INSTRUMENTS];
    slot_t *slots;
    uint64_t id;
    double start;
    inbox_t in[SOCKETS];
    char out[ROOM];
} us;

static inline int named(const char *at) {
    for (int i = 0; i < us.instruments; i++)
        if (!memcmp(at, us.of[i].symbol, (size_t)us.of[i].size) && at[us.of[i].size] == '"') return i;
    return -1;
}

static inline int64_t mid_x2(int i) {
    return ring_best(&us.books[i]->rings[0], us.of[i].low).key -
           ring_best(&us.books[i]->rings[1], us.books[i]->low[1]).key;
}

static void read_book(const char *frame) {
    const char *p = frame;
    if (memcmp(p, "{\"topic\"", 8)) return;
    if (!us.seen) us.start = now_ns();
    int i = named(PAST(p, "{\"topic\":\"orderbook.50."));
    size_t size = (size_t)us.of[i].size;
    PAST(p, "\",\"type\":\"");
    apply(us.books[i], frame, (size_t)(p - frame) + size, size, 1, &us.price[i], &us.size[i]);
    us.seen++;
}

static uint64_t hex16(const char *p) {
    uint64_t value = 0;
    for (int i = 0; i < 16; i++) value = value << 4 | (uint64_t)((p[i] & 15) + (p[i] > '9') * 9);
    return value;
}

/* One row, from behind the quote that opens its orderLinkId, to behind its updatedTime. */
static const char *read_order(const char *p) {
    row_t *row = &us.orders[hex16(PAST(p, "lim-")) & (ORDERS - 1)];
    p += 16;
    int i = named(PAST(p, "\",\"symbol\":\""));
    p += us.of[i].size;
    PAST(p, "\",\"price\":\"");
    row->ticks = number(&p, &us.price[i]);
    PAST(p, "\",\"side\":\"");
    VALUE(p);
    row->status = *PAST(p, "\",\"positionIdx\":0,\"orderStatus\":\"");
    VALUE(p);
    PAST(p, "\",\"cancelType\":\"");
    VALUE(p);
    PAST(p, "\",\"rejectReason\":\"");
    VALUE(p);
    PAST(p, "\",\"marketUnit\":\"\",\"qty\":\"");
    row->lots = number(&p, &us.size[i]);
    PAST(p, "\",\"leavesQty\":\"");
    row->leaves = number(&p, &us.size[i]);
    PAST(p, "\",\"leavesValue\":\"");
    VALUE(p);
    PAST(p, "\",\"cumExecQty\":\"");
    row->filled = number(&p, &us.size[i]);
    PAST(p, "\",\"avgPrice\":\"\",\"cumExecValue\":\"0\",\"cumExecFee\":\"0\",\"cumFeeDetail\":{},"
            "\"timeInForce\":\"PostOnly\",\"orderType\":\"Limit\",\"lastPriceOnCreated\":\"");
    VALUE(p);
    PAST(p, "\",\"reduceOnly\":false,\"closeOnTrigger\":false,\"smpType\":\"None\",\"smpOrderId\":\"\","
            "\"createdTime\":\"0000000000000\",\"updatedTime\":\"");
    row->updated_ms = count_at(&p);
    return p;
}

/* Rows are alike up to the order's own id: what stands between two of them has one length. */
static void read_orders(const char *p, size_t size) {
    static const char OPENS[] = "\"orderLinkId\":\"";
    const char *end = p + size, *next = memmem(p, size, OPENS, sizeof OPENS - 1), *before;
    size_t apart = 0;
    while (next) {
        us.rows++;
        before = p = read_order(PAST(next, OPENS));
        next = apart ? p + apart : NULL;
        if (!next || next + sizeof OPENS > end || memcmp(next, OPENS, sizeof OPENS - 1)) {
            next = memmem(p, (size_t)(end - p), OPENS, sizeof OPENS - 1);
            if (next) apart = (size_t)(next - before);
        }
    }
}

static void read_positions(const char *p, size_t size) {
    static const char OPENS[] = "\"symbol\":\"";
    const char *end = p + size;
    while ((p = memmem(p, (size_t)(end - p), OPENS, sizeof OPENS - 1))) {
        int i = named(PAST(p, OPENS));
        p += us.of[i].size;
        us.held[i].side = *PAST(p, "\",\"side\":\"");
        VALUE(p);
        PAST(p, "\",\"size\":\"");
        us.held[i].lots = number(&p, &us.size[i]);
        p = memchr(p, '}', (size_t)(end - p)) - (sizeof "\",\"category\":\"linear\"" - 1);
        while (p[-1] != '"') p--;
        us.held[i].entry = number(&p, &us.cents);
    }
}

static void read_private(const char *frame, size_t size) {
    const char *p = frame;
    if (memcmp(p, "{\"id\"", 5)) return;
    PAST(p, "{\"id\":\"");
    VALUE(p);
    PAST(p, "\",\"topic\":\"");
    if (*p == 'o') read_orders(p, size - (size_t)(p - frame));
    else read_positions(p, size - (size_t)(p - frame));
}

/* All books have moved: every price follows its own, within the few ticks in which orders rest. */
static int quote(void) {
    uint64_t fresh = us.id + 2 * BATCH;
    us.seen = 0;
    for (int i = 0; i < 2 * BATCH; i++) {
        int64_t of = us.slots[i].instrument;
        us.slots[i].moved = (mid_x2((int)of) - us.first_mid[of]) / 2 & 3;
    }
    if (!write_tick(us.fds[TRADE], us.out, us.slots, us.id, fresh)) return 0;
    us.id = fresh;
    return 1;
}

/* Wait, and read what came, frame by frame; 0 if nothing came or a connection ended. */
static int hear(void) {
    struct pollfd waits[SOCKETS];
    for (int i = 0; i < SOCKETS; i++) waits[i] = (struct pollfd){us.fds[i], POLLIN, 0};
    if (poll(waits, SOCKETS, PATIENCE_MS) <= 0) return 0;
    for (int i = 0; i < SOCKETS; i++) {
        size_t size;
        const char *frame;
        if (!waits[i].revents) continue;
        if (!read_more(us.fds[i], &us.in[i])) return 0;
        while ((frame = next_frame(&us.in[i], &size))) {
            if (i == PUBLIC) read_book(frame);
            if (i == PRIVATE) read_private(frame, size);
            if (i == TRADE) {
                us.taken += taken_of(frame, size);
                us.replies++;
            }
        }
    }
    return 1;
}

/* Nothing is due any more of a tick: replies, the private stream's rows, and no order refused. */
static int await_orders(int replies, int orders) {
    us.replies = us.taken = us.rows = 0;
    while (us.replies < replies || us.rows < orders)
        if (!hear()) return 0;
    return us.taken == orders && us.rows == orders;
}

/* Take over logged-in sockets whose topics are asked for, read all books once, and rest the first
   orders. 1 if everything went well. `fds`: public, private, trade. */
int limit_engine_open(const int32_t *fds, const instrument_t *instruments, int number, slot_t *slots,
                      uint64_t first_id) {
    for (int i = 0; i < SOCKETS; i++) us.fds[i] = fds[i];
    us.instruments = number;
    us.cents = grid_of(8);
    for (int i = 0; i < number; i++) {
        us.of[i] = instruments[i];
        us.price[i] = grid_of((int)instruments[i].tick_decimals);
        us.size[i] = grid_of((int)instruments[i].step_decimals);
        us.books[i] = calloc(1, sizeof *us.books[i]);
        us.books[i]->low[0] = us.of[i].low;
        us.books[i]->low[1] = -(us.of[i].low + WINDOW - 1);
    }
    while (us.seen < number)
        if (!hear()) return 0;
    for (int i = 0; i < number; i++) us.first_mid[i] = mid_x2(i);
    us.seen = 0;
    us.slots = slots;
    us.id = first_id;
    return write_first(us.fds[TRADE], us.out, slots, first_id) && await_orders(2, 2 * BATCH);
}

/* So many ticks, each as all books have moved; from the first frame to the last reply into wall_ns.
   Returns the processor time of a tick, pauses included, or -1 with the orders taken in *taken. */
double limit_engine_run(int ticks, double *wall_ns, int64_t *taken) {
    double cpu = cpu_ns();
    for (int tick = 0; tick < ticks; tick++) {
        while (us.seen < us.instruments)
            if (!hear()) return -1;
        double start = us.start;
        us.replies = us.taken = us.rows = 0;
        if (!quote()) return -1;
        while (us.replies < 4)
            if (!hear()) return -1;
        wall_ns[tick] = now_ns() - start;
        while (us.rows < 4 * BATCH)
            if (!hear()) return -1;
        *taken = us.taken;
        if (us.taken != 4 * BATCH || us.rows != 4 * BATCH) return -1;
    }
    return (cpu_ns() - cpu) / ticks;
}

/* What the tables hold of the newest orders: those that rest, and the sum of their prices. */
int limit_engine_resting(int64_t *ticks) {
    int resting = 0;
    *ticks = 0;
    for (uint64_t i = 0; i < 2 * BATCH; i++) {
        const row_t *row = &us.orders[(us.id + i) & (ORDERS - 1)];
        resting += row->status == 'N' && row->leaves == row->lots && row->lots > 0;
        *ticks += row->ticks;
    }
    return resting;
}
