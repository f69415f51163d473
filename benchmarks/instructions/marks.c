/* Marks for callgrind; without it they cost a few instructions and do nothing. */
#include <valgrind/callgrind.h>

int under_valgrind(void) { return RUNNING_ON_VALGRIND != 0; }

void count_from_here(void) {
    CALLGRIND_START_INSTRUMENTATION;
    CALLGRIND_ZERO_STATS;
}

void count_to_here(const char *name) {
    CALLGRIND_DUMP_STATS_AT(name);
    CALLGRIND_STOP_INSTRUMENTATION;
}

/* Before and after what an operation needs and what is no part of it. */
void count_or_not(void) { CALLGRIND_TOGGLE_COLLECT; }
