"""C types of counters.py, which says what everything means."""

cimport cython
from libc.stdint cimport int64_t


@cython.final
cdef class Counters:
    cdef public int64_t ticks
    cdef public list wanted
    cdef public list coalesced
    cdef public list sent
    cdef public list calls
    cdef public dict reject_codes
    cdef public dict reject_reasons
    cdef public dict refused
    cdef public int64_t obsolete
    cdef public int64_t throttled
    cdef public int64_t unknown
    cdef public int64_t not_sent
    cdef public int64_t deadline_returned
    cdef public int64_t gone
    cdef public int64_t orders_placed
    cdef public int64_t orders_amended
    cdef public int64_t orders_cancelled
    cdef public int64_t orders_filled
    cdef public int64_t orders_rejected
    cdef public int64_t orders_expired
    cdef public int64_t zombies
    cdef public int64_t fills
    cdef public int64_t foreign_events
    cdef public int64_t book_gaps
    cdef public int64_t book_lags
    cdef public int64_t book_disputes
    cdef public int64_t book_errors
    cdef public int64_t mode_changes
