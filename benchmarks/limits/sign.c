/* Limit of one signature, and of two side by side: nanoseconds per signature. */
#include "clock.h"
#include "sha.h"

double limit_sign(const uint8_t *key, size_t key_size, const uint8_t *message, size_t size,
                  int number, char out[64]) {
    hmac_t made = hmac_of(key, key_size);
    double start = now_ns();
    for (int i = 0; i < number; i++) {
        sign_one(&made, message, size, out);
        BARRIER();
    }
    return (now_ns() - start) / number;
}

double limit_sign_two(const uint8_t *key, size_t key_size, const uint8_t *one, const uint8_t *two,
                      size_t size, int number, char out[128]) {
    hmac_t made = hmac_of(key, key_size);
    double start = now_ns();
    for (int i = 0; i < number; i++) {
        sign_two(&made, one, two, size, out, out + 64);
        BARRIER();
    }
    return (now_ns() - start) / number / 2;
}
