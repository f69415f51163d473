/* Limit of a batch of orders: plain structs -> body, signature and HTTP head. */
#include <stdio.h>

#include "clock.h"
#include "sha.h"
#include "text.h"

typedef struct { int64_t side, price_ticks, lots, client_id; } order_t;

/* Constant text of an item, padded so that a copy has a fixed size. */
typedef struct { char text[192]; size_t size; } template_t;

static inline char *put_body(char *out, const template_t sides[2], const char *front,
                             size_t front_size, const order_t *orders, int count, int terms) {
    memcpy(out, front, front_size);
    out += front_size;
    for (int i = 0; i < count; i++) {
        const template_t *t = &sides[orders[i].side];
        memcpy(out, t->text, sizeof t->text);
        out = put_hex16(out + t->size, (uint64_t)orders[i].client_id);
        if (terms) {
            memcpy(out, "\",\"qty\":\"", 9);
            out = put_fixed(out + 9, (uint32_t)orders[i].lots, 3);
            memcpy(out, "\",\"price\":\"", 11);
            out = put_fixed(out + 11, (uint32_t)orders[i].price_ticks, 1);
        }
        memcpy(out, "\"},", 3);
        out += 3;
    }
    memcpy(out - 1, "]}", 2);
    return out + 1;
}

static const char HEAD[] =
    "POST /v5/order/create-batch HTTP/1.1\r\nHost: api.bybit.com\r\n"
    "Content-Type: application/json\r\nX-BAPI-API-KEY: kkkkkkkkkkkkkkkkkk\r\n"
    "X-BAPI-RECV-WINDOW: 5000\r\nX-BAPI-TIMESTAMP: 0000000000000\r\nX-BAPI-SIGN: "
    "0000000000000000000000000000000000000000000000000000000000000000\r\nContent-Length: 00000\r\n"
    "\r\n";

/* Body into out (behind what is signed before it), head into head; nanoseconds per request.
   Items end with size and price if `terms`. With sign 0 only the body is written. */
double limit_request(const uint8_t *key, size_t key_size, const char *item, const char *front,
                     const order_t *orders, int count, uint64_t time_ms, const char *middle,
                     int terms, int sign, int number, char *out, char *head, size_t *body_size) {
    hmac_t made = hmac_of(key, key_size);
    template_t sides[2];
    size_t front_size = strlen(front), middle_size = strlen(middle);
    char *time_at, *sign_at, *length_at, *body = out + 13 + middle_size;
    double start;
    for (int side = 0; side < 2; side++)
        sides[side].size = (size_t)snprintf(sides[side].text, sizeof sides[side].text, item,
                                            side ? "Sell" : "Buy");
    memcpy(head, HEAD, sizeof HEAD);
    time_at = strstr(head, "TIMESTAMP: ") + 11;
    sign_at = strstr(head, "SIGN: ") + 6;
    length_at = strstr(head, "Length: ") + 8;
    memcpy(out + 13, middle, middle_size);
    start = now_ns();
    for (int i = 0; i < number; i++) {
        char *end = put_body(body, sides, front, front_size, orders, count, terms);
        *body_size = (size_t)(end - body);
        if (sign) {
            put_digits(out, time_ms, 13);
            memcpy(time_at, out, 13);
            put_digits(length_at, *body_size, 5);
            sign_one(&made, (uint8_t *)out, (size_t)(end - out), sign_at);
        }
        BARRIER();
    }
    return (now_ns() - start) / number;
}
